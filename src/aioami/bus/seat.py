"""A relay's seat: its work for one server, which is to stand by, take the lead, and lead."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import async_timeout

from .._log import get_logger
from ..errors import ConnectionLost, ManagerError, ProtocolError
from ..states import ManagerState
from .connection import (
    CUT_OFF,
    BusConnection,
    BusOptions,
    Stored,
    WrongLastSequence,
    refused_by_jetstream,
)
from .format import (
    EVENTS,
    HEADER,
    Epoch,
    Heartbeat,
    Place,
    Status,
    all_actions,
    all_events,
    heartbeat_subject,
    record_subject,
    server_token,
    stream_name,
)
from .leadership import Leadership, manager_of
from .requests import Requests

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from .relay import RelayOptions, ServerOptions

__all__ = ["HEARTBEAT", "QUEUE", "Seat", "stream_configuration"]

log = get_logger("aioami.bus.relay")

HEARTBEAT: Final = 0.25
"""Seconds between two heartbeats."""
QUEUE: Final = "relay"
"""The queue group in which relays take requests."""
_MARGIN: Final = 4096
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.4  # less than `silence`: the leader is back before a standby takes over
_LOOK: Final = 3.0  # seconds between two looks at the log
_CUT_OFF_AT_WORK: Final = 60.0  # the same as CUT_OFF, while requests are under way
_RETRY: Final = 0.25
_LONGEST_TIMEOUT: Final = 60.0
_IS_DOWN: Final = frozenset(
    each.value for each in (ManagerState.CONNECTING, ManagerState.RECONNECTING, ManagerState.LOST)
)
_COMPARE: Final = "Nats-Expected-Last-Subject-Sequence"


def stream_configuration(server: str, options: RelayOptions) -> dict[str, Any]:
    """Return the configuration of a server's stream, in JetStream's terms."""
    return {
        "name": stream_name(server),
        "subjects": [all_events(server)],
        "retention": "limits",
        "discard": "old",
        "storage": "file",
        "max_age": round(options.max_age * 1_000_000_000),
        # Not used. Its default is two minutes, with which the bus refuses a shorter `max_age`.
        "duplicate_window": 1_000_000_000,
        "max_bytes": options.max_bytes,
        "max_msgs": -1,
        "max_consumers": -1,
        "max_msg_size": -1,
        "num_replicas": options.replicas,
    }


class Seat:
    """A relay's work for one server.

    Attributes:
        role: `connecting`, `standby` or `leader`.
        is_leaving: true once `leave` was called.
    """

    def __init__(
        self,
        server: ServerOptions,
        bus: BusOptions,
        options: RelayOptions,
        relay: str,
        clock: Callable[[], float],
    ) -> None:
        self._server = server
        self._bus = bus
        self._options = options
        self._relay = relay
        self._clock = clock
        self._subject = f"{EVENTS}.{server_token(server.name)}."
        self._epoch_subject = record_subject(server.name, Epoch)
        self._stream = stream_name(server.name)
        allow = server.allow
        self._allow = None if allow is None else frozenset(each.lower() for each in allow)
        self.role = "connecting"
        self._error = ""
        self._warned: deque[str] = deque(maxlen=8)  # the errors that were logged since all was well
        self._epoch = 0
        self._leadership: Leadership | None = None
        self._connection: BusConnection | None = None
        self._requests: Requests | None = None
        self._listens_since = 0
        self._closing: set[asyncio.Task[None]] = set()
        # The relay's own heartbeats that came back since the leader's last one.
        self._echoes = 0
        self._echoed_at = 0.0
        self._confirmed_at = 0.0
        self._down_at: float | None = None  # when a heartbeat first reported the leader's link down
        self._news = asyncio.Event()  # a heartbeat is due at once
        self._silent = asyncio.Event()
        self._suspicion = asyncio.Event()
        self._pause = _FIRST_PAUSE
        self.is_leaving = False
        self._counts = {"actions": 0, "refused": 0, "takeovers": 0}
        self._past = {"events": 0, "written": 0, "lost": 0}

    def _now(self) -> int:
        return int(self._clock() * 1_000_000)

    def _count(self, name: str) -> None:
        self._counts[name] += 1

    def status(self) -> dict[str, Any]:
        """Return the values of a `SeatStatus`."""
        leadership = self._leadership
        outbox = None if leadership is None else leadership.outbox
        lost = 0 if leadership is None else leadership.outbox.lost + leadership.too_long
        return {
            "server": self._server.name,
            "role": self.role,
            "epoch": self._epoch,
            "state": "" if leadership is None else leadership.state.value,
            "error": self._error or ("" if leadership is None else leadership.error),
            "events": self._past["events"] + (0 if outbox is None else outbox.events),
            "written": self._past["written"] + (0 if outbox is None else outbox.written),
            "lost": self._past["lost"] + lost,
            "buffered": 0 if outbox is None else outbox.size,
            "waiting": 0 if outbox is None else len(outbox),
            **self._counts,
        }

    # The connection with the bus

    async def run(self) -> None:
        """Stand by or lead until cancelled, over any number of connections with the bus."""
        name, left = f"aioami relay {self._relay}", ""
        while not self.is_leaving:
            try:
                connection = await BusConnection.open(self._bus, name, left)
            except (ManagerError, OSError) as error:
                self._note(str(error))
            else:
                self._connection, left = connection, connection.server
                self._pause = _FIRST_PAUSE
                beating = asyncio.ensure_future(self._beat(connection))
                watching = asyncio.ensure_future(self._watch(connection))
                try:
                    await self._work(connection)
                except ManagerError as error:
                    self._note("" if self.is_leaving else str(error))
                finally:
                    beating.cancel()
                    watching.cancel()
                    self._connection = None
                    self.role = "connecting"
                    await connection.close()
            # Closing a connection may swallow the cancellation, hence the flag.
            if not self.is_leaving:
                await asyncio.sleep(self._pause * random.uniform(0.8, 1.2))
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def _note(self, error: str) -> None:
        if error and error not in self._warned:
            log.warning("%s: %s", self._server.name, error)
            self._warned.append(error)
        self._error = error

    def _recover(self) -> None:
        self._error = ""
        self._warned.clear()

    async def _work(self, connection: BusConnection) -> None:
        name = self._server.name
        self._echoes = 0
        self._echoed_at = asyncio.get_running_loop().time()
        self._down_at = None
        self._silent.clear()
        self._suspicion.clear()
        await connection.subscribe(heartbeat_subject(name), self._heard)
        await connection.subscribe(self._epoch_subject, self._claimed)
        while True:
            try:
                await self._step(connection)
            except ManagerError as error:
                # When a cluster loses a node, its stream has no leader for some seconds. The
                # connection is kept then, and the heartbeats go on.
                connection.check()
                self._note(str(error))
                await asyncio.sleep(_RETRY)

    async def _watch(self, connection: BusConnection) -> None:
        """Give up a connection whose node is cut off from the others: it still has clients."""
        loop = asyncio.get_running_loop()
        failing_since = math.inf
        while len(self._bus.servers) > 1:
            await asyncio.sleep(_LOOK)
            try:
                await self._last_claim(connection)
                failing_since = math.inf
            except ManagerError as error:
                failing_since = min(failing_since, loop.time())
                # The requests under way can still be answered over this node, for a while.
                limit = _CUT_OFF_AT_WORK if self._requests else CUT_OFF
                if loop.time() - failing_since > limit:
                    connection.lose(ConnectionLost(f"another node of the bus is tried: {error}"))

    async def _step(self, connection: BusConnection) -> None:
        """Stand by until the lead can be claimed, and lead; return when that is over."""
        stream = await self._ensure_stream(connection)
        if self._leadership is None:
            self.role = "standby"
            known = await self._last_claim(connection)
            self._recover()
            # If nothing was ever stored, no relay leads, unless the store of a leader was lost.
            if self._epoch or stream["state"]["last_seq"]:
                trying = asyncio.ensure_future(self._try_the_server())
                try:
                    await self._until(connection, self._silent)
                finally:
                    trying.cancel()
                    await asyncio.wait([trying])
            if not await self._claim(connection, known):
                return
        elif not await self._still_leads(connection, self._leadership, stream):
            self._step_down()
            return
        assert self._leadership is not None
        self.role = "leader"
        await self._lead(connection, self._leadership)
        self._step_down()

    async def _until(self, connection: BusConnection, event: asyncio.Event) -> None:
        """Wait for an event, and raise an error if the connection is lost before."""
        waiting = asyncio.ensure_future(event.wait())
        both: set[asyncio.Future[Any]] = {waiting, connection.lost}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        connection.check()

    async def _ensure_stream(self, connection: BusConnection) -> dict[str, Any]:
        """Make the stream, or update its limits; return its state and configuration."""
        wanted = stream_configuration(self._server.name, self._options)
        found = await connection.stream_info(self._stream)
        if found is None:
            found = await connection.api(f"STREAM.CREATE.{self._stream}", wanted)
            if (error := found.get("error")) is not None:
                # Another relay may have made it at the same time.
                again = await connection.stream_info(self._stream)
                if again is None:
                    raise refused_by_jetstream(error)
                found = again
        elif any(found["config"].get(key) != wanted[key] for key in _ADJUSTED):
            changed = {**found["config"], **{key: wanted[key] for key in _ADJUSTED}}
            answer = await connection.api(f"STREAM.UPDATE.{self._stream}", changed)
            if (error := answer.get("error")) is not None:
                log.warning(
                    "the stream %s keeps its limits: %s", self._stream, error.get("description")
                )
        return found

    # Signs of life

    async def _beat(self, connection: BusConnection) -> None:
        loop = asyncio.get_running_loop()
        subject = heartbeat_subject(self._server.name)
        self._echoed_at = self._confirmed_at = loop.time()
        is_news = False
        while True:
            leadership = self._leadership
            if leadership is not None and not is_news:
                leadership.publish_status()
            self._news.clear()
            try:
                await connection.publish(subject, self._heartbeat().encode())
            except ManagerError as error:
                connection.lose(error)
                return
            is_news = False
            with contextlib.suppress(asyncio.TimeoutError):
                async with async_timeout.timeout(HEARTBEAT):
                    is_news = await self._news.wait()
            now = loop.time()
            if leadership is None or not leadership.outbox.in_flight:
                self._confirmed_at = now
            for since, what in (
                (self._echoed_at, "the bus is silent"),
                (self._confirmed_at, "the bus confirms nothing"),
            ):
                if now - since > self._options.doubt:
                    connection.lose(ConnectionLost(f"{what} for {now - since:.1f} seconds"))
                    return

    def _heartbeat(self, role: str | None = None) -> Heartbeat:
        leadership = self._leadership
        if leadership is None:
            return Heartbeat(self._relay, role or "standby", time=self._now())
        # The leader is not ready before it takes actions over this connection.
        listens = self._requests is not None
        return Heartbeat(
            self._relay,
            role or "leader",
            leadership.outbox.epoch,
            (leadership.state if listens else ManagerState.CONNECTING).value,
            self._now(),
            self._listens_since if listens else 0,
        )

    async def _heard(self, message: Msg) -> None:
        try:
            heartbeat = Heartbeat.parse(message.data)
        except ProtocolError as error:
            log.warning("%s: %s", self._server.name, error)
            return
        if heartbeat.relay == self._relay:
            self._echoed_at = asyncio.get_running_loop().time()
            self._echoes += 1
            if self._echoes * HEARTBEAT > self._options.silence:
                self._silent.set()
        elif heartbeat.role == "leader":
            leadership = self._leadership
            if leadership is not None:
                if heartbeat.epoch != leadership.outbox.epoch:
                    self._suspicion.set()
                return
            self._echoes = 0
            self._silent.clear()
            self._epoch = heartbeat.epoch
            if heartbeat.state == ManagerState.READY.value:
                self._down_at = None
            elif self._down_at is None:
                self._down_at = asyncio.get_running_loop().time()
        elif heartbeat.role == "gone" and heartbeat.epoch:
            self._silent.set()

    async def _claimed(self, message: Msg) -> None:
        # The claim may have been refused, so the stream must be checked.
        self._suspicion.set()

    # Taking the lead

    async def _try_the_server(self) -> None:
        """Take the lead from a leader that has had no link for long, if this relay gets a link.

        A login without events is tried first: so two relays that cannot reach the server do not
        depose each other in turns.
        """
        loop = asyncio.get_running_loop()
        timeout = self._options.leader_timeout
        while True:
            await asyncio.sleep(HEARTBEAT)
            down_at = self._down_at
            if down_at is None:
                timeout = self._options.leader_timeout
            elif loop.time() - down_at >= timeout:
                timeout = min(loop.time() - down_at, _LONGEST_TIMEOUT) + timeout
                if await self._reaches_server() and self._down_at == down_at:
                    log.warning(
                        "%s: it is reached from here, and not by the leader", self._server.name
                    )
                    self._silent.set()

    async def _reaches_server(self) -> bool:
        own = {"event_mask": False, "reconnect": False, "retry_connect": False}
        manager = manager_of(self._server, **own)
        try:
            await manager.connect()
        except (ManagerError, OSError) as error:
            log.info("%s: it is not reached from here either: %s", self._server.name, error)
            return False
        finally:
            with contextlib.suppress(ManagerError, OSError):
                await manager.close()
        return True

    async def _last_claim(self, connection: BusConnection) -> Stored | None:
        return await connection.message(self._stream, last_by_subj=self._epoch_subject)

    async def _claim(self, connection: BusConnection, known: Stored | None) -> bool:
        """Take the lead; return `False` if the stream is gone, or another relay claimed first."""
        self._silent.clear()
        self._echoes = 0
        info = await connection.stream_info(self._stream)
        if info is None:
            return False
        since = await self._time_of(connection, int(info["state"]["last_seq"]))
        claim = Epoch(self._relay, since=since)
        try:
            epoch = await self._store_claim(connection, known, claim)
        except WrongLastSequence:
            # The stream may have thrown the known claim away by age: then no relay was quicker.
            if known is None or await self._last_claim(connection) is not None:
                return False
            try:
                epoch = await self._store_claim(connection, None, claim)
            except WrongLastSequence:
                return False
        # Events may have been stored between the look and the claim.
        since = await self._time_of(connection, epoch - 1) or since
        log.info("%s: this relay leads, epoch %d", self._server.name, epoch)
        self._count("takeovers")
        self._epoch = epoch
        self._leadership = Leadership(
            self._server,
            self._options,
            self._relay,
            self._now,
            epoch=epoch,
            created=str(info["created"]),
            takes_over=epoch > 1,
            since=since,
            notify=self._news.set,
        )
        return True

    async def _store_claim(
        self, connection: BusConnection, last: Stored | None, claim: Epoch
    ) -> int:
        headers = {
            HEADER: Place(0, 0, 0, self._now()).encode(),
            _COMPARE: str(0 if last is None else last.sequence),
        }
        return await connection.store(self._epoch_subject, claim.encode(), headers)

    async def _time_of(self, connection: BusConnection, sequence: int) -> int | None:
        """Return the time until which the stream has no gap, up to a sequence, if it is known."""
        if sequence < 1:
            return None
        stored = await connection.message(self._stream, seq=sequence)
        if stored is None:
            return None
        # An unreadable message is no relay's, and must not keep this relay from the lead.
        with contextlib.suppress(ProtocolError):
            if stored.token == Epoch.token:
                return Epoch.parse(stored.body).since
            if stored.token == Status.token:
                status = Status.parse(stored.body)
                if status.heard is not None or status.state in _IS_DOWN:
                    return status.heard
        return None if stored.place is None else stored.place.time

    async def _still_leads(
        self, connection: BusConnection, leadership: Leadership, stream: dict[str, Any]
    ) -> bool:
        """Return `False` if another relay has led since; claim a stream that was made again.

        A stream that has lost its end, as after a power failure of the bus, is claimed too.
        """
        outbox = leadership.outbox
        last = await self._last_claim(connection)
        created = str(stream["created"])
        if created == leadership.created and stream["state"]["last_seq"] >= leadership.stored:
            # The stream may have thrown the claim away by age: so none does not mean deposed.
            return last is None or (last.sequence == outbox.epoch and self._is_own(last))
        if last is not None and not self._is_own(last):
            return False
        claim = Epoch(self._relay, continues=(outbox.epoch, outbox.last_confirmed))
        try:
            epoch = await self._store_claim(connection, last, claim)
        except WrongLastSequence:
            return False
        log.warning(
            "%s: the bus lost what it had stored: it goes on anew, epoch %d",
            self._server.name,
            epoch,
        )
        leadership.created = created
        leadership.receipt = b""
        outbox.begin(epoch)
        leadership.publish_status(again=True)
        self._epoch = epoch
        return True

    def _is_own(self, claim: Stored) -> bool:
        try:
            return Epoch.parse(claim.body).relay == self._relay
        except ProtocolError:
            return False

    def _step_down(self) -> None:
        leadership, self._leadership = self._leadership, None
        if leadership is None:
            return
        log.warning("%s: this relay leads no more: another relay leads", self._server.name)
        outbox = leadership.outbox
        self._past["events"] += outbox.events
        self._past["written"] += outbox.written
        self._past["lost"] += outbox.lost + leadership.too_long
        outbox.clear()
        closing = asyncio.ensure_future(leadership.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    # Leading

    async def _lead(self, connection: BusConnection, leadership: Leadership) -> None:
        """Write events and pass on actions until another relay leads; raise if the bus is lost."""
        loop = asyncio.get_running_loop()
        outbox = leadership.outbox
        outbox.go_back()
        leadership.max_body = connection.max_payload - _MARGIN
        inbox = connection.client.new_inbox()

        async def confirmed(message: Msg) -> None:
            data = message.data
            if not data or b'"error"' in data:
                # The next connection waits for a while, as a full store stays full for some time.
                self._pause = _LONGEST_PAUSE
                connection.lose(_refusal(data))
                return
            self._confirmed_at = loop.time()
            if self._error:
                self._recover()
            leadership.receipt = data
            outbox.confirm(int(message.subject[len(inbox) + 1 :]))
            leadership.changed.set()

        listening = [await connection.subscribe(f"{inbox}.*", confirmed)]
        requests = Requests(connection, leadership, self._allow, self._now, self._count)
        subject = all_actions(self._server.name)
        listening.append(await connection.subscribe(subject, requests.take, QUEUE))
        pump: asyncio.Task[None] | None = None
        try:
            # The answer proves that the bus knows the subscriptions, so that a requester that hears
            # of a ready server finds this relay. A `flush()` of nats-py overtakes subscriptions.
            await connection.stream_info(self._stream)
            self._requests, self._listens_since = requests, self._now()
            self._news.set()
            leadership.start()
            pump = asyncio.ensure_future(self._pump(connection, leadership, inbox))
            while True:
                watch = asyncio.ensure_future(self._until(connection, self._suspicion))
                await asyncio.wait({pump, watch}, return_when=asyncio.FIRST_COMPLETED)
                watch.cancel()
                if pump.done():
                    pump.result()
                await asyncio.gather(watch, return_exceptions=True)
                connection.check()
                self._suspicion.clear()
                last = await self._last_claim(connection)
                if last is not None and last.sequence > outbox.epoch:
                    return
        finally:
            if pump is not None:
                pump.cancel()
            requests.cancel()
            self._requests = None
            for subscription in listening:
                await connection.unsubscribe(subscription)

    async def _pump(self, connection: BusConnection, leadership: Leadership, inbox: str) -> None:
        outbox, changed, prefix = leadership.outbox, leadership.changed, self._subject
        publish = connection.client.publish
        while True:
            changed.clear()
            while (found := outbox.next()) is not None:
                n, entry = found
                try:
                    await publish(
                        prefix + entry.token,
                        entry.body,
                        reply=f"{inbox}.{n}",
                        headers={HEADER: outbox.header(entry)},
                    )
                except Exception as error:
                    connection.lose(ConnectionLost(f"the bus cannot be written to: {error}"))
                    connection.check()
            await changed.wait()

    # The end

    async def leave(self, seconds: float) -> None:
        """Let actions end, log off, write the remaining messages, and send a last heartbeat."""
        self.is_leaving = True
        leadership, connection, requests = self._leadership, self._connection, self._requests
        try:
            if leadership is not None:
                if requests is not None:
                    await requests.finish(seconds)
                await leadership.close()
                if requests is not None:
                    # Requesters whose answers were cut off by this get an error, and need not wait.
                    await requests.finish(seconds)
                    requests.cancel()
                # So that the next leader's gap begins here, and not with the last event.
                leadership.publish_status()
                if connection is not None and not connection.lost.done():
                    deadline = asyncio.get_running_loop().time() + seconds
                    while len(leadership.outbox) and not connection.lost.done():
                        if asyncio.get_running_loop().time() > deadline:
                            break
                        await asyncio.sleep(0.005)
                if len(leadership.outbox):
                    log.error(
                        "%s: %d messages were not confirmed by the bus",
                        self._server.name,
                        len(leadership.outbox),
                    )
            if connection is not None and not connection.lost.done():
                subject = heartbeat_subject(self._server.name)
                await connection.publish(subject, self._heartbeat("gone").encode())
        except ConnectionLost as error:
            log.warning("%s: %s", self._server.name, error)
        finally:
            if connection is not None:
                await connection.close()
        if self._closing:
            await asyncio.wait(set(self._closing), timeout=seconds)


_ADJUSTED: Final = ("max_age", "duplicate_window", "max_bytes", "num_replicas")


def _refusal(data: bytes) -> ManagerError:
    if not data:
        return ConnectionLost("the bus has no stream to write to")
    try:
        return refused_by_jetstream(json.loads(data)["error"])
    except (ValueError, KeyError, TypeError):
        return ConnectionLost(f"the bus answers what it should not: {data[:80]!r}")
