"""The link of a remote manager to a relay, over any number of connections with the bus."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import async_timeout

from .._client.link_base import LinkBase
from .._client.observers import Observers
from .._client.options import Backoff, Default, Timeout
from .._client.outcomes import waiting_for
from .._log import get_logger
from .._session.statistics import Tally
from .._signals import Signal
from ..actions.base import Action, ResponseT_co, encode_action_id
from ..errors import (
    ConnectionLost,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    because,
    fresh,
)
from ..events.base import Event, load
from ..responses.base import OutcomeReply, Response
from ..states import ManagerState
from ..wire.text import Encoding, shown
from .connection import CUT_OFF, SILENT, BusOptions, StoreError, end_tasks
from .engine import Engine
from .exchange import Exchange
from .feed import Feed
from .format import (
    STOP,
    Gap,
    Heartbeat,
    Mark,
    Record,
    Request,
    Status,
    Turn,
    action_subject,
    heartbeat_subject,
    record_subject,
    stream_name,
)
from .positions import Start
from .streams import RemoteBuffer, RemoteListBuffer

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["RemoteLink", "RemoteOptions"]

log = get_logger("aioami.bus")

_BEAT_IS_OLD: Final = 1.0  # seconds without a heartbeat, after which no relay counts as leader
_ANSWER_IS_LATE: Final = 1.0  # seconds of a new turn, after which an earlier one gives no answers
_LEADER_IS_GONE: Final = 20  # looks without a heartbeat, after which a leader gives no answers
_PULSE: Final = 1.0  # seconds between two pings of the bus
_LOOK: Final = 0.25  # seconds between two looks at the heartbeats
_LINGER: Final = 1.0  # seconds for which a feed without streams goes on
_MARK_WAIT: Final = 5.0  # seconds for which an answer waits for the events before it
_MANY_ITEMS: Final = 2_000  # waiting items of a list, above which no further part is requested
_READY: Final = "ready"
_UNREACHED: Final = "JetStream is not reached over this node of the bus"


@dataclass(frozen=True)
class RemoteOptions:
    """See `RemoteManager`, which describes each of them."""

    bus: BusOptions
    server: str
    timeout: float | None
    backoff: Backoff
    encoding: Encoding
    max_list_items: int | None


class RemoteLink(LinkBase):
    """Owns the connection to the bus, the feeds of the server's log, and the actions under way.

    Args:
        options: the bus, the server and the other options.
        tally: counts the messages of both directions.

    Attributes:
        view_observers: functions to call when the relay's session sees other events than before.
        status: the last status that the relay wrote; `None` until one was read.
    """

    def __init__(self, options: RemoteOptions, tally: Tally) -> None:
        super().__init__()
        self._options = options
        self._tally = tally
        self._engine: Engine | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[Any]] = set()
        self._feeds: dict[Feed, None] = {}
        self._lingering: dict[Feed, asyncio.TimerHandle] = {}
        self._exchanges: dict[str, Exchange] = {}
        self._tokens: dict[Exchange, str] = {}
        self._marks: dict[str, tuple[Exchange, set[Feed], asyncio.TimerHandle]] = {}
        self._prefix = os.urandom(6).hex()
        self._numbers = itertools.count(1)
        self._beat: Heartbeat | None = None
        self._beat_at = 0.0
        self._heard_at = 0.0  # the time of the last heartbeat of any relay, leader or not
        self._told: set[str] = set()  # the reasons to leave a node that were logged, and still hold
        self._turn: Turn | None = None
        self._turn_at = 0.0
        self._silent_looks = 0  # not seconds: something may have blocked the program's event loop
        self._clock_offset = 0
        self._offsets: deque[int] = deque(maxlen=40)
        self._gaps_seen: set[tuple[int | None, int]] = set()
        self._status_is_current = False
        self._logged: set[str] = set()
        self._was_ready = False
        self._status_is_old = Signal()
        self.server = ""  # the name of the server in its fleet
        self.view_observers: Observers[Status] = Observers("views")
        self.status: Status | None = None

    def name(self, server: str) -> None:
        """Take the name that the fleet gives to the server."""
        self.server = self.owner.server = server
        for feed in self._feeds:
            feed.dispatcher.server = server

    # Establishing it

    async def connect(self, begun: Callable[[], None], *, retry: bool) -> None:
        """See `RemoteManager.connect`.

        Args:
            begun: called when connecting has begun, before any event can come.
            retry: `True` goes on trying after the timeout.
        """
        if self.state not in (ManagerState.CLOSED, ManagerState.LOST):
            raise RuntimeError(f"this manager is {self.state.value} already")
        self.owner.take()
        self.reason = None
        self._was_connected = True
        self._was_ready = False
        self._beat = self._turn = self.status = None
        self._status_is_current = False
        self._logged.clear()
        self._told.clear()
        load()  # now, so that the first event is not delayed
        self._enter(ManagerState.CONNECTING)
        begun()
        name = f"aioami connects to {self._options.bus.display_name}"
        task = self._task = asyncio.create_task(self._run(), name=name)
        try:
            async with async_timeout.timeout(None if retry else self._options.timeout):
                while self._engine is None and not task.done():
                    await self._changed.wait()
        except asyncio.TimeoutError as error:
            reason = self.reason or ConnectionLost("the bus did not answer in time")
            await self._give_up(task, reason)
            raise fresh(reason) from error
        except BaseException:
            await self._give_up(task, ConnectionLost("connecting was given up"))
            raise
        if self._engine is None:  # the login was refused, or the manager was closed
            reason = self.reason or ConnectionLost("the manager was closed while it was connecting")
            await self._give_up(task, reason)
            raise fresh(reason)
        for feed in list(self._feeds):
            feed.open(self._clock())
        await self._all_have_begun(self._options.timeout)

    async def _give_up(self, task: asyncio.Task[None], reason: ManagerError) -> None:
        await end_tasks([task])
        if self._task is task:
            self._task = None
            self.reason = reason
            self._enter(ManagerState.CLOSED)
            self.owner.release()

    async def _run(self) -> None:
        """Keep a connection to the bus: open it, use it until it is lost, wait, begin again."""
        delays = self._options.backoff.delays()
        loud = True
        first = True
        left = ""
        while True:
            engine: Engine | None = None
            try:
                name = f"aioami {self._options.server}"
                engine = await Engine.open(self._options.bus, name, left)
                left = engine.server
                await self._use(engine)
                delays, loud = self._options.backoff.delays(), True
            except ManagerAuthError as error:
                self.reason = error
                if first:
                    self._changed.send()
                    return
                log.error("%s", error)
            except ManagerError as error:
                self.reason = error
                if loud:
                    log.warning("%s, and it is tried again", error)
                loud = False
            except Exception as error:
                self.reason = because(ConnectionLost(f"the bus was not reached: {error}"), error)
                log.exception("the bus at %s was not reached", self._options.bus.display_name)
            finally:
                if engine is not None:
                    first = False
                    self._engine = None
                    # The relay may have lost the bus as well, and the bus its store.
                    self._beat = self._turn = None
                    self._status_is_current = False
                    self._update_state()
                    await self._leave(engine)
            await asyncio.sleep(next(delays))

    async def _leave(self, engine: Engine) -> None:
        # As a separate task, which goes on if the present one is cancelled.
        task = asyncio.ensure_future(engine.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        await asyncio.wait([task])

    async def _use(self, engine: Engine) -> None:
        """Follow the relay over one connection to the bus; return when that connection is lost."""
        lost = engine.lost
        server = self._options.server
        await engine.subscribe(heartbeat_subject(server), self._heard)
        self._engine = engine
        self.reason = ConnectionLost(f"no relay is there for {server}")
        self._changed.send()
        for feed in self._feeds:
            feed.interrupt()
        watch = asyncio.ensure_future(self._keep_status(engine))
        pulse = asyncio.ensure_future(self._keep_pulse(engine))
        work = [watch, pulse]
        either: list[asyncio.Future[Any]] = [lost, *work]
        try:
            while not lost.done():
                await asyncio.wait(either, timeout=_LOOK)
                for task in work:
                    if task.done():
                        task.result()  # these tasks never return; this raises their exception
                self._update_state()
                self._lose_unanswerable()
        finally:
            await end_tasks(work)
            for task in work:  # a lost bus ends them with an error too, and is reported below
                if not task.cancelled():
                    task.exception()
        self.reason = lost.result()
        reason = str(self.reason)
        level = logging.DEBUG if reason in self._told else logging.WARNING
        log.log(level, "%s, and it is established again", reason)
        if reason in (SILENT, _UNREACHED):  # one node after another may be left for this
            self._told.add(reason)
        for feed in self._feeds:
            feed.interrupt()

    async def _keep_pulse(self, engine: Engine) -> None:
        """Give up a connection that is silent, as a network partition does not close it."""
        while True:
            await asyncio.sleep(_PULSE)
            if not await engine.is_there() and engine.reason is None:
                engine.lose(ConnectionLost("the bus gives no sign of life"))

    async def wait_for_engine(self) -> Engine:
        """Wait for the connection to the bus, and return it."""
        while self._engine is None or self._engine.reason is not None:
            await self._changed.wait()
        return self._engine

    # The relay

    async def _heard(self, message: Msg) -> None:
        """Take a heartbeat of a relay."""
        try:
            beat = Heartbeat.parse(message.data)
        except ProtocolError as error:
            log.debug("%s", error)
            return
        before = self._beat
        if beat.role == "gone":
            if before is not None and before.relay == beat.relay:
                self._beat = None
                self._update_state()
            if self._turn is not None and self._turn.relay == beat.relay:
                self._turn, self._turn_at = None, time.monotonic()
            return
        now = self._heard_at = time.monotonic()
        self._told.discard(SILENT)
        if beat.role != "leader":
            return
        # A leader that was deposed and does not know it yet counts only if there is no other.
        is_lower = before is not None and before.relay != beat.relay and beat.epoch < before.epoch
        if is_lower and now - self._beat_at < _BEAT_IS_OLD:
            return
        self._beat, self._beat_at = beat, now
        self._silent_looks = 0
        turn = beat.turn
        if turn != self._turn:
            self._turn, self._turn_at = turn, now
        self._compare_clocks(beat)
        if before is None or (before.epoch, before.relay, before.state) != (
            beat.epoch,
            beat.relay,
            beat.state,
        ):
            self._status_is_old.send()
        self._update_state()

    def _lose_unanswerable(self) -> None:
        """Fail the actions whose relay has ended, was deposed, or lost the bus since."""
        now, turn = time.monotonic(), self._turn
        self._silent_looks += 1
        if self._silent_looks > _LEADER_IS_GONE:
            turn = self._turn = None
        elif now - self._turn_at < _ANSWER_IS_LATE:
            return
        for exchange in list(self._tokens):
            if exchange.turn is None:
                exchange.turn = turn  # the relay that took the request has sent a heartbeat by now
            elif exchange.turn != turn and not exchange.is_held_back:
                relay = shown(exchange.turn.relay)
                exchange.lose(ConnectionLost(f"the relay {relay}, which had it, answers no more"))

    def _compare_clocks(self, beat: Heartbeat) -> None:
        """Note by how much the relay's clock is ahead of this one."""
        clock = int(getattr(beat, "time", 0) or 0)
        if clock:
            self._offsets.append(clock - int(time.time() * 1_000_000))
            # Each offset is too low by the time that its heartbeat took: the largest is the best.
            self._clock_offset = max(self._offsets)

    def _clock(self) -> int:
        """Return the microseconds since 1970 on the relay's clock."""
        return int(time.time() * 1_000_000) + self._clock_offset

    def _update_state(self) -> None:
        """Enter the state that follows from the connection, the heartbeat and the status."""
        if self.state in (ManagerState.CLOSED, ManagerState.CLOSING, ManagerState.LOST):
            return
        beat = self._beat
        if beat is not None and time.monotonic() - self._beat_at > _BEAT_IS_OLD:
            beat = self._beat = None
        is_ready = (
            self._engine is not None
            and self._engine.reason is None
            and beat is not None
            and beat.state == _READY
            and self._status_is_current
        )
        if is_ready:
            self.reason = None
            if self._tally.connected_at is None:
                self._tally.connected_at = time.monotonic()
            if self._was_ready and self.state is ManagerState.RECONNECTING:
                self._tally.reconnects += 1
            self._was_ready = True
            self._enter(ManagerState.READY)
            return
        if self._engine is not None:
            self.reason = ConnectionLost(self._why_no_server(beat))
        self._enter(ManagerState.RECONNECTING if self._was_ready else ManagerState.CONNECTING)

    def _why_no_server(self, beat: Heartbeat | None) -> str:
        server = self._options.server
        if beat is None:
            engine, subject = self._engine, heartbeat_subject(server)
            refused = None if engine is None else engine.refusal("subscription", subject)
            return f"no relay is there for {server}" if refused is None else str(refused)
        status = self.status
        if status is not None and status.state == beat.state and status.error:
            return f"the relay has no link to {server}: {status.error}"
        return f"the relay's link to {server} is {beat.state or 'not known'}"

    async def _keep_status(self, engine: Engine) -> None:
        """Read the relay's last status from the log, whenever it may have changed."""
        stream = stream_name(self._options.server)
        subject = record_subject(self._options.server, Status)
        failing_since = math.inf
        while True:
            waiting = asyncio.ensure_future(self._status_is_old.wait())
            try:
                is_answered = True
                try:
                    found = await engine.message(stream, last_by_subj=subject)
                    if found is not None:
                        self._take_status(Status.parse(found.body))
                    else:
                        # The log was emptied or trimmed: the known status still holds.
                        self._status_is_current = self.status is not None
                except StoreError as error:
                    self._status_is_current = False
                    is_answered = not error.is_unavailable
                    log.debug("%s", error)
                except PermissionDenied as error:
                    # This user can only send actions. The heartbeats alone give the state then; the
                    # version and the view stay unknown.
                    log.info("what the relay says is not for this user: %s", error)
                    self._status_is_current = True
                    self._update_state()
                    await self._leave_silence(engine)
                except ProtocolError as error:
                    log.debug("%s", error)
                except ManagerTimeout as error:
                    is_answered = False
                    log.debug("%s", error)
                # A node that is cut off from the others still has clients. But while the relay is
                # heard, it may still answer the actions that it has.
                failing_since = math.inf if is_answered else min(failing_since, time.monotonic())
                if is_answered:
                    self._told.discard(_UNREACHED)
                is_cut_off = time.monotonic() - failing_since > CUT_OFF
                if is_cut_off and self._has_other_nodes and not (self._beat and self._tokens):
                    engine.lose(ConnectionLost(_UNREACHED))
                beat, status = self._beat, self.status
                # The heartbeat may be ahead of the log.
                agree = beat is None or (
                    self._status_is_current and status is not None and status.state == beat.state
                )
                pause = 10.0 if agree else 0.1
                await asyncio.wait([waiting], timeout=pause if is_answered else _PULSE)
            finally:
                waiting.cancel()

    @property
    def _has_other_nodes(self) -> bool:
        return len(self._options.bus.servers) > 1

    async def _leave_silence(self, engine: Engine) -> None:
        """Wait until the connection is lost; give it up if other nodes may reach a relay."""
        since = time.monotonic()
        while not engine.lost.done():
            await asyncio.wait([engine.lost], timeout=_PULSE)
            since = max(since, self._heard_at)
            if time.monotonic() - since > CUT_OFF and self._has_other_nodes:
                engine.lose(ConnectionLost(SILENT))

    def _take_status(self, status: Status) -> None:
        before, self.status = self.status, status
        self._status_is_current = True
        if before is not None and _seen_by(before) != _seen_by(status):
            self.view_observers.notify(status)
        self._update_state()

    # Ending it

    async def close(self) -> None:
        """See `RemoteManager.close`."""
        was_closing = False
        while self.state is ManagerState.CLOSING:  # another task does it
            was_closing = True
            await self._changed.wait()
        if was_closing:  # it may be connected again already
            return
        task, self._task = self._task, None
        if task is not None:
            self._enter(ManagerState.CLOSING)
        try:
            for exchange in list(self._tokens):
                exchange.lose(ConnectionLost("the manager was closed"))
            ending = [each for feed in list(self._feeds) if (each := feed.close()) is not None]
            self._feeds.clear()
            for timer in self._lingering.values():
                timer.cancel()
            self._lingering.clear()
            if task is not None:
                ending.append(task)
            await end_tasks(ending)
            if self._closing:
                await asyncio.wait(list(self._closing))
        finally:
            if self._task is None:  # else it was connected again meanwhile
                self.reason = None
                self._engine = None
                self._enter(ManagerState.CLOSED)
                self.owner.release()

    def _lost_its_loop(self) -> None:
        """End the link, as its event loop was closed without a `close()` of the link."""
        self._task = self._engine = None
        self._feeds, feeds = {}, self._feeds
        self._lingering.clear()
        self._tokens.clear()
        self._marks.clear()
        self._enter(ManagerState.CLOSED)
        for feed in feeds:
            feed.dispatcher.finish(
                ConnectionLost("the event loop was closed, and the link with it")
            )

    def abandon(self) -> bool:
        """End the link at once, as the manager was dropped; return `False` if there was no link.

        May be called in any thread, by the garbage collection.
        """
        if self.state in (ManagerState.CLOSED, ManagerState.LOST) or self.owner.is_elsewhere:
            return False
        task, feeds = self._task, list(self._feeds)
        self._task = None
        self.state = ManagerState.CLOSED

        def end() -> None:
            for feed in feeds:
                feed.close()
            if task is not None:
                task.cancel()

        self.owner.call_soon(end)
        return True

    # Events

    def attach(self, buffer: RemoteBuffer, start: Start) -> Feed:
        """Add a stream to a feed that reads its events, or to a new one; return the feed."""
        names = buffer.selection.names()
        if start is None:
            for feed in self._feeds:
                if feed.is_live and feed.covers(names):
                    timer = self._lingering.pop(feed, None)
                    if timer is not None:
                        timer.cancel()
                    feed.add(buffer)
                    return feed
        options = self._options
        feed = Feed(
            self,
            options.server,
            names,
            start,
            tally=self._tally,
            encoding=options.encoding,
            clock=self._clock,
        )
        feed.dispatcher.server = self.server
        feed.add(buffer)
        self._feeds[feed] = None
        if self._engine is not None or self._task is not None:
            loop = self.owner.loop
            assert loop is not None
            if loop.is_running():
                feed.open()
            else:
                loop.call_soon(feed.open)
        return feed

    def detach(self, feed: Feed, buffer: RemoteBuffer) -> None:
        """Remove a stream from its feed, and end a feed without streams."""
        if not feed.remove(buffer):
            return
        if feed.ended:
            self._feeds.pop(feed, None)
            return
        loop = self.owner.loop
        if loop is None or not feed.is_live or loop.is_closed():
            self._drop(feed)
        elif feed not in self._lingering:
            # A program that waits for one event after another needs the feed again in a moment.
            self._lingering[feed] = loop.call_later(_LINGER, self._drop, feed)

    def _drop(self, feed: Feed) -> None:
        self._lingering.pop(feed, None)
        if not feed.buffers:
            self._feeds.pop(feed, None)
            task = feed.close()
            if task is not None:
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
            self._forget_marks_of(feed)

    def log_once(self, sentence: str) -> None:
        """Log an error, but the same one only once for each `connect()`."""
        if sentence not in self._logged:
            self._logged.add(sentence)
            log.error("%s", sentence)

    def take_record(self, feed: Feed, record: Record) -> None:
        """Act on a record, which the relay wrote into the log between the events."""
        if isinstance(record, Mark):
            self._passed(record.mark, feed)
        elif isinstance(record, Status):
            self._status_is_old.send()
        elif isinstance(record, Gap):
            key = (record.since, record.until)
            if key not in self._gaps_seen:  # several feeds read the same record
                if len(self._gaps_seen) > 1000:
                    self._gaps_seen.clear()
                self._gaps_seen.add(key)
                self._tally.gaps += 1
                self._tally.gap_seconds += record.seconds or 0.0
                log.warning("events of %s are missing: %s", self._options.server, record.text)

    async def _all_have_begun(self, timeout: float | None) -> None:
        """Wait until each live feed has begun, so that no later event is missed.

        When the timeout is over, that is logged, and the method returns.
        """
        try:
            async with async_timeout.timeout(timeout):
                for feed in list(self._feeds):
                    while feed.is_live and not feed.has_begun:
                        await feed.changed.wait()
        except asyncio.TimeoutError:
            log.debug("the log of %s was not reached in time", self._options.server)

    # Marks

    def _passed(self, mark: str, feed: Feed) -> None:
        found = self._marks.get(mark)
        if found is not None:
            found[1].discard(feed)
            if not found[1]:
                del self._marks[mark]
                found[2].cancel()
                found[0].pass_mark()

    def _forget_marks_of(self, feed: Feed) -> None:
        for mark in list(self._marks):
            self._passed(mark, feed)

    # Actions

    async def send(
        self, action: Action[ResponseT_co], *, timeout: Timeout, action_id: str | None
    ) -> ResponseT_co:
        """Send an action, as `Manager.send` does, and return its response, also an error."""
        seconds = self._timeout_of(action, timeout)
        loop = asyncio.get_running_loop()
        began = loop.time()
        engine = await self._engine_for(action, self._timeout_for_link(timeout))
        if not isinstance(timeout, Default) and timeout is not None:
            seconds = max(0.0, timeout - (loop.time() - began))
        answer: asyncio.Future[Any] = loop.create_future()
        exchange = self._exchange(action, action_id, answer, None)
        outcome = exchange.outcome
        timer = None
        if seconds is not None:
            timer = loop.call_later(seconds, exchange.expire, seconds)
        try:
            await self._ask(engine, exchange, seconds)
            response = await answer
        except BaseException:
            exchange.forget()
            if answer.done() and not answer.cancelled():
                answer.exception()  # so that asyncio does not report it as never retrieved
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if outcome is not None and isinstance(response, OutcomeReply):
            response.expect_outcome(waiting_for(outcome), lambda: outcome.result is not None)
        return response  # type: ignore[no-any-return]

    def start_list(
        self, action: Action[Any], buffer: RemoteListBuffer, timeout: Timeout
    ) -> Callable[[], None]:
        """Send an action whose list goes into a buffer; return a function that ends it early.

        Raises:
            ConnectionLost: there is no link, and none is on its way.
        """
        if self._task is None:
            raise self._unsent(action)
        loop = self.owner.loop
        assert loop is not None
        task = loop.create_task(self._carry_list(action, buffer, timeout))

        def end() -> None:
            task.cancel()

        return end

    async def _carry_list(
        self, action: Action[Any], buffer: RemoteListBuffer, timeout: Timeout
    ) -> None:
        seconds = self._timeout_of(action, timeout)
        loop = asyncio.get_running_loop()
        try:
            engine = await self._engine_for(action, self._timeout_for_link(timeout))
            exchange = self._exchange(action, None, buffer, buffer.take, buffer)
        except (ConnectionLost, ValueError) as error:
            buffer.finish(error)
            return
        try:
            await self._ask(engine, exchange, seconds)
            buffer.progressed = loop.time()
            while not buffer.ended:
                left = None
                if seconds is not None:
                    left = buffer.last_progress() + seconds - loop.time()
                    # While items wait, the consumer delays the list, and not the server.
                    if left <= 0 and not buffer.events:
                        exchange.expire(seconds)
                        return
                    left = max(left, 0.05)
                try:
                    async with async_timeout.timeout(left):
                        await buffer.over.wait()
                except asyncio.TimeoutError:
                    pass
        except (ManagerError, ValueError) as error:
            buffer.finish(error)
        finally:
            exchange.forget()

    def _exchange(
        self,
        action: Action[Any],
        action_id: str | None,
        promise: Any,
        on_item: Callable[[Response, Event | None], None] | None,
        buffer: RemoteListBuffer | None = None,
    ) -> Exchange:
        if action_id is None:
            action_id = f"{self._prefix}-{next(self._numbers)}"
        else:
            encode_action_id(action_id)
        if action_id in self._exchanges:
            sentence = f"{action_id!r} is that of an action which is not answered yet"
            raise ValueError(f"ActionID: {sentence}")
        options = self._options

        def confirm(message: Msg) -> None:
            self._confirm(message, buffer)

        exchange = Exchange(
            action,
            action_id,
            promise,
            subject="",
            tally=self._tally,
            encoding=options.encoding,
            max_list_items=options.max_list_items,
            on_item=on_item,
            confirm=confirm,
            over=self._over,
        )
        name = exchange.data.split(b"\r\n", 1)[0].partition(b": ")[2]
        exchange.subject = action_subject(options.server, name)
        self._exchanges[action_id] = exchange
        return exchange

    async def _ask(self, engine: Engine, exchange: Exchange, seconds: float | None) -> None:
        live = {feed for feed in self._feeds if feed.is_live and feed.buffers}
        mark = exchange.action_id if live else None
        if mark is not None:
            exchange.hold_back()
            late = min(_MARK_WAIT, seconds or _MARK_WAIT) * 0.8
            timer = asyncio.get_running_loop().call_later(late, self._give_up_mark, mark)
            self._marks[mark] = (exchange, live, timer)
        sent = self._clock()
        deadline = None if seconds is None else sent + int(seconds * 1_000_000)
        request = Request(exchange.action.name, (), sent, deadline, None, mark)
        headers, _ = request.encode()
        data = exchange.data
        exchange.turn = self._turn
        try:
            token = await engine.ask(exchange, data, headers)
        except ConnectionLost as error:
            text = f"{exchange.action.name} was not sent: {error}"
            raise because(ConnectionLost(text, sent=False), error) from error
        exchange.written(len(data))
        self._tally.bytes_sent += len(data)
        self._tokens[exchange] = token

    def _give_up_mark(self, mark: str) -> None:
        """Give out an answer whose mark did not come in time among the events."""
        found = self._marks.pop(mark, None)
        if found is not None:
            log.debug("the answer to %s goes before events that are late", found[0].action.name)
            found[0].pass_mark()

    def _over(self, exchange: Exchange) -> None:
        self._exchanges.pop(exchange.action_id, None)
        mark = self._marks.pop(exchange.action_id, None)
        if mark is not None:
            mark[2].cancel()
        token = self._tokens.pop(exchange, None)
        if token is not None and self._engine is not None:
            self._engine.forget(token)

    def _confirm(self, message: Msg, buffer: RemoteListBuffer | None) -> None:
        engine = self._engine
        if engine is None or not message.reply:
            return
        task = asyncio.ensure_future(self._send_confirmation(engine, message.reply, buffer))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _send_confirmation(
        self, engine: Engine, subject: str, buffer: RemoteListBuffer | None
    ) -> None:
        while buffer is not None and not buffer.ended and len(buffer.events) > _MANY_ITEMS:
            await buffer.taken.wait()
        given_up = buffer is not None and buffer.ended
        try:
            await engine.publish(subject, STOP if given_up else b"")
        except ManagerError as error:
            log.debug("a part of an answer was not confirmed: %s", error)

    async def _engine_for(self, action: Action[Any], timeout: float | None) -> Engine:
        """Return the connection to the bus, once the streams that were opened have begun.

        Raises:
            ConnectionLost: there is no connection in time.
        """
        engine = await self._any_engine(action, timeout)
        if any(feed.is_live and not feed.has_begun for feed in self._feeds):
            await self._all_have_begun(timeout)
            if engine.reason is not None:  # the streams have begun over another connection
                engine = await self._any_engine(action, timeout)
        return engine

    async def _any_engine(self, action: Action[Any], timeout: float | None) -> Engine:
        if self._task is None:
            raise self._unsent(action)
        try:
            async with async_timeout.timeout(timeout):
                while True:
                    if self._task is None:
                        raise self._unsent(action)
                    engine = self._engine
                    if engine is not None and engine.reason is None:
                        return engine
                    await self._changed.wait()
        except asyncio.TimeoutError:
            raise self._unsent(action) from None

    def _unsent(self, action: Action[Any]) -> ConnectionLost:
        self._tally.unsent += 1
        return because(ConnectionLost(f"{action.name} was not sent: {self.why_not()}"), self.reason)

    def _timeout_of(self, action: Action[Any], timeout: Timeout) -> float | None:
        if not isinstance(timeout, Default):
            return timeout
        return action.timeout if action.timeout is not None else self._options.timeout

    def _timeout_for_link(self, timeout: Timeout) -> float | None:
        return self._options.timeout if isinstance(timeout, Default) else timeout


def _seen_by(status: Status) -> tuple[object, ...]:
    """Return the parts of a status that decide which events the relay's session sees."""
    return status.mask, status.filters, status.permissions
