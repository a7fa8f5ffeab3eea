"""A reader of a server's log on the bus, which continues after each interruption.

It is an ordered consumer of JetStream, with a watchdog for a silent bus.
"""

from __future__ import annotations

import asyncio
import copy
import functools
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Protocol

import async_timeout

from .._log import get_logger
from .._session.dispatch import Dispatcher
from .._session.statistics import Tally
from .._signals import Signal
from ..errors import ConnectionLost, ManagerError, PermissionDenied, ProtocolError
from ..events.base import name_server, parse
from ..events.link import Disconnected, Reconnected
from ..wire.text import Encoding
from .connection import StoreError
from .engine import Engine
from .format import (
    HEADER,
    RECORDS,
    VERSION,
    Epoch,
    Gap,
    Place,
    Record,
    Status,
    all_events,
    event_subject,
    record_subject,
    stream_name,
)
from .positions import Position, Start
from .reader import Reader, Verdict

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from .streams import RemoteBuffer

__all__ = ["Feed", "FeedHost"]

log = get_logger("aioami.bus")

_HEARTBEAT: Final = 0.5  # seconds of silence after which the bus says that it is still there
_SILENCE: Final = 2.0  # seconds without a message, after which a new consumer is made
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds before the log is tried again
_LEFT: Final = 5.0  # seconds after which the bus forgets a consumer that nobody listens to
_ACK: Final = "$JS.ACK."
_READY: Final = "ready"
_VERSION_WORD: Final = str(VERSION)
_NUMBER: Final = 1_000_000_000


class FeedHost(Protocol):
    """The owner of feeds: gives them the connection to the bus, and takes their records."""

    async def wait_for_engine(self) -> Engine:
        """Wait for the connection to the bus, and return it."""

    def take_record(self, feed: Feed, record: Record) -> None:
        """Act on a record, which the relay wrote into the log between the events."""

    def log_once(self, sentence: str) -> None:
        """Log an error, once for all feeds that it ends."""


class Feed:
    """Reads a server's log for one subscriber or several.

    When a lost bus is there again, it continues after the last message that it has seen.

    Args:
        host: has the connection to the bus.
        server: the name of the server.
        names: the names of the events that are read; `None` reads all events.
        start: the place in the log where it begins.
        tally: counts the messages.
        encoding: the encoding of the events' text.
        clock: returns the microseconds since 1970, on the relay's clock.

    Attributes:
        dispatcher: delivers the events.
        names, start: the same as the arguments.
        has_begun: whether its place in the log is known, so that no later event is missed.
        ended: whether it has ended, so that no event follows.
        changed: sent when it has begun, or ended.
        buffers: the subscribers.
    """

    def __init__(
        self,
        host: FeedHost,
        server: str,
        names: frozenset[str] | None,
        start: Start,
        *,
        tally: Tally,
        encoding: Encoding,
        clock: Callable[[], int],
    ) -> None:
        self._clock = clock
        self._opened_at = clock()
        self._caught_up_at = 0
        self._host = host
        self._server = server
        self._tally = tally
        self._encoding = encoding
        self._stream = stream_name(server)
        self._prefix = all_events(server).removesuffix(">")
        self._subjects = _subjects(server, names)
        self._claims = record_subject(server, Epoch)
        self._wanted = None if names is None else _tokens(self._subjects, self._prefix)
        self._reader: Reader | None = None
        self._store = ""
        self._position: Position | None = start if isinstance(start, Position) else None
        self._generation = 0
        self._consumed = 0
        self._heard_at = 0.0
        self._attention = Signal()
        self._is_interrupted = False
        self._settling: asyncio.Handle | None = None
        self._server_is_up: bool | None = None
        self._gap_seconds = 0.0
        self._seen_stray = False
        self._task: asyncio.Task[None] | None = None
        self.dispatcher = Dispatcher()
        self._routes = self.dispatcher.routes
        self.names = names
        self.start = start
        self.has_begun = False
        self.ended = False
        self.changed = Signal()
        self.buffers: dict[RemoteBuffer, None] = {}

    @property
    def is_live(self) -> bool:
        """True if the feed began at the end of the log, so that other subscribers may join it."""
        return self.start is None and not self.ended

    def covers(self, names: frozenset[str] | None) -> bool:
        """True if the feed reads all events of these names; `None` stands for all names."""
        return self.names is None or (names is not None and names <= self.names)

    def add(self, buffer: RemoteBuffer) -> None:
        """Give a subscriber the events that are read from now on."""
        buffer.place = self.place
        buffer.given = self._position
        self.buffers[buffer] = None
        self.dispatcher.add(buffer)

    def remove(self, buffer: RemoteBuffer) -> bool:
        """Stop giving events to a subscriber; return `True` if it was the last one."""
        self.buffers.pop(buffer, None)
        self.dispatcher.remove(buffer)
        return not self.buffers

    def place(self) -> Position | None:
        """Return the place after the last message that counted."""
        return self._position

    def open(self, opened_at: int = 0) -> None:
        """Begin to read, in a task of the running loop."""
        if self._task is None and not self.ended:
            self._opened_at = max(self._opened_at, opened_at)
            name = f"aioami reads the log of {self._server}"
            self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    def close(self, error: Exception | None = None) -> asyncio.Task[None] | None:
        """End the feed and its subscribers' streams; return the task that is about to end."""
        task, self._task = self._task, None
        if task is not None and task.get_loop().is_closed():
            task = None  # it ended with its loop
        if task is not None:
            task.cancel()
        self._generation += 1
        self.ended = True
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        self.dispatcher.settle()
        self.buffers.clear()
        self.dispatcher.finish(error)
        self.changed.send()
        return task

    # Its life

    async def _run(self) -> None:
        pauses = iter(_PAUSES)
        while not self.ended:
            engine = await self._host.wait_for_engine()
            try:
                await self._follow(engine)
                pauses = iter(_PAUSES)
                continue
            except (PermissionDenied, ProtocolError) as error:
                self._host.log_once(f"the log of {self._server} cannot be read: {error}")
                self._task = None
                self.close(error)
                return
            except ManagerError as error:
                log.debug("the log of %s is looked for again: %s", self._server, error)
            except Exception:
                log.exception("the log of %s is looked for again", self._server)
            await asyncio.sleep(next(pauses, _PAUSES[-1]))

    async def _follow(self, engine: Engine) -> None:
        """Read with one consumer; return when a new consumer is needed.

        It is needed when messages are missing, when the bus is silent, and when a stream was full.

        Raises:
            ManagerError: the bus is lost, or does not have the log.
        """
        await self._wait_for_room()
        before = copy.deepcopy(self._reader), self._store, self._position
        reached = before[0] or self.start
        request = await self._begin(engine)
        self._generation += 1
        generation = self._generation
        self._consumed = 0
        self._is_interrupted = False
        self._heard_at = asyncio.get_running_loop().time()
        inbox = engine.inbox()
        receive = functools.partial(self._receive, engine, generation)
        end = await engine.subscribe(inbox, receive)
        consumer = ""
        try:
            request["deliver_subject"] = inbox
            try:
                made = await engine.api(
                    f"CONSUMER.CREATE.{self._stream}",
                    {"stream_name": self._stream, "config": request},
                )
            except ManagerError:
                # A node that is cut off from the others makes no consumer. But it still tells where
                # the log ended when it was cut off, and the reader went back there.
                if isinstance(reached, (Reader, Position)) and not self._consumed:
                    assert self._reader is not None
                    if self._reader.sequence < reached.sequence:
                        self._reader, self._store, self._position = before
                raise
            consumer = made["name"]
            await self._watch(engine)
        finally:
            if self._generation == generation:
                self._generation += 1
            if engine.reason is None:
                await end()
                if consumer:
                    await engine.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{consumer}")

    async def _watch(self, engine: Engine) -> None:
        """Wait until the consumer is interrupted, or is silent for too long."""
        loop = asyncio.get_running_loop()
        while not (self._is_interrupted or self.ended):
            if engine.reason is not None:
                raise ConnectionLost(str(engine.reason)) from engine.reason
            left = self._heard_at + _SILENCE - loop.time()
            if left <= 0:
                log.debug("the log of %s is silent, and is asked for again", self._server)
                return
            try:
                async with async_timeout.timeout(left):
                    await self._attention.wait()
            except asyncio.TimeoutError:
                pass

    def interrupt(self) -> None:
        """Make the feed check its connection, as the bus may be lost."""
        self._attention.send()

    def _restart(self) -> None:
        """End the present consumer; the next one begins after the last message that was seen."""
        self._generation += 1
        self._is_interrupted = True
        self._attention.send()

    async def _wait_for_room(self) -> None:
        for buffer in list(self.buffers):
            while not buffer.has_room:
                await buffer.taken.wait()

    # Where it begins

    async def _begin(self, engine: Engine) -> dict[str, Any]:
        """Find the place to continue at; return the settings of a consumer that begins there."""
        try:
            info = await engine.api(f"STREAM.INFO.{self._stream}")
        except StoreError as error:
            if error.is_absence and self._reader is None and self.start is None:
                # A log that is made later has only later events, so all of it will be read.
                self._reader = Reader(self._wanted)
                self._note_beginning()
            raise
        store = re.sub(r"\D", "", str(info.get("created", "")))
        state = info["state"]
        first, last = int(state["first_seq"]), int(state["last_seq"])
        reader = self._reader
        if reader is None:
            reader = await self._first_reader(engine, store, first, last)
            self._reader = reader
        elif self._store and store != self._store:
            reader.restart()
        else:
            await self._resume(engine, reader, last)
        self._store = store
        if reader.sequence and first > reader.sequence + 1 and first > last > reader.sequence:
            # All unread messages were thrown away, so no later message shows that they are missing.
            self._take_record(
                Gap("trimmed", reader.time, _now(), None, "the log was thrown away by age")
            )
            reader.sequence = last
        if reader.epoch is not None or self._position is None:
            self._note_place(reader)  # a reader that begins again owes a gap, as at its old place
        self._note_beginning()
        return {
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "flow_control": True,
            "idle_heartbeat": int(_HEARTBEAT * _NUMBER),
            "inactive_threshold": int(_LEFT * _NUMBER),
            "mem_storage": True,
            "num_replicas": 1,
            **self._starting(reader),
            # A server before 2.10 ignores a list of subjects, and delivers all messages; `_receive`
            # drops the unwanted ones.
            **(
                {"filter_subject": self._subjects[0]}
                if len(self._subjects) == 1
                else {"filter_subjects": list(self._subjects)}
            ),
        }

    def _starting(self, reader: Reader) -> dict[str, Any]:
        if not reader.sequence:
            if isinstance(self.start, datetime):
                when = self.start.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
                return {"deliver_policy": "by_start_time", "opt_start_time": when}
            return {"deliver_policy": "all"}
        return {"deliver_policy": "by_start_sequence", "opt_start_seq": reader.sequence + 1}

    async def _resume(self, engine: Engine, reader: Reader, last: int) -> None:
        if not reader.sequence:
            return
        claims: list[tuple[int, int]] = []
        while reader.epoch is not None and len(claims) < 2:
            above = claims[-1][0] + 1 if claims else reader.epoch
            claim = await self._claim(engine, seq=above, next_by_subj=self._claims)
            if claim is None:
                break
            claims.append(claim)
        if not claims and (claim := await self._claim(engine, last_by_subj=self._claims)):
            claims.append(claim)
        reader.resume(await self._first_sequence(engine), last, claims)

    async def _first_reader(self, engine: Engine, store: str, first: int, last: int) -> Reader:
        start = self.start
        if isinstance(start, Position):
            reader = Reader(
                self._wanted,
                epoch=start.epoch,
                n=start.n,
                sequence=start.sequence,
                time=start.time,
                claim=start.claim,
            )
            if start.store.strip("0") and start.store != store:
                reader.restart()
            else:
                await self._resume(engine, reader, last)
            return reader
        claim = await self._claim(engine, last_by_subj=self._claims)
        if start is not None:
            return Reader(self._wanted, claim=claim)
        epoch = claim[0] if claim is not None else await self._last_epoch(engine, last)
        place = await self._place_of_now(engine, first, last)
        if epoch is not None and epoch > place:
            epoch = None
        self._caught_up_at = last
        return Reader(self._wanted, epoch=epoch, sequence=place, claim=claim)

    async def _place_of_now(self, engine: Engine, first: int, last: int) -> int:
        """Return a place in the log shortly before the moment when the feed was opened.

        The end of the log may be later already, as messages came while the bus was asked for it.
        """
        place, step = last, 1
        while place >= first:
            found = await engine.message(self._stream, seq=place)
            event_place = None if found is None else found.place
            if event_place is not None and event_place.time < self._opened_at:
                return place
            place = last - step
            step *= 2
        return max(first - 1, 0)

    async def _claim(self, engine: Engine, **which: Any) -> tuple[int, int] | None:
        """Return the sequence and the time of a claim; `None` if it is not in the log."""
        found = await engine.message(self._stream, **which)
        if found is None:
            return None
        return found.sequence, 0 if found.place is None else found.place.time

    async def _last_epoch(self, engine: Engine, last: int) -> int | None:
        """Return the epoch at the end of a log without a claim; `None` if the log is empty."""
        # The claim was thrown away by age, and the same relay still leads.
        found = await engine.message(self._stream, seq=last) if last else None
        return None if found is None or found.place is None else found.place.epoch

    def _note_beginning(self) -> None:
        for buffer in self.buffers:
            if buffer.given is None:
                buffer.given = self._position
        if not self.has_begun:
            self.has_begun = True
            self.changed.send()

    def _note_place(self, reader: Reader) -> None:
        self._position = Position(
            self._server,
            self._store,
            reader.sequence,
            reader.epoch,
            reader.n,
            reader.time,
            reader.claimed,
        )

    # What comes

    async def _receive(self, engine: Engine, generation: int, message: Msg) -> None:
        if generation != self._generation:
            return
        self._heard_at = asyncio.get_running_loop().time()
        reply = message.reply
        if not reply.startswith(_ACK):
            await self._control(engine, message)
            return
        words = reply.split(".")
        # With a JetStream domain, two more words precede the stream's name, and one is at the end.
        place = 5 if len(words) == 9 else 7
        try:
            sequence, consumed = int(words[place]), int(words[place + 1])
        except (ValueError, IndexError):
            # In a cluster of 2.9, nodes pass the records' subjects on wrongly, as these have a `@`.
            log.debug("a message is numbered as %r", reply[:100])
            what = "messages are numbered in an unknown way"
            error = ProtocolError(f"{what}; clusters need nats-server 2.10 or later")
            self._host.log_once(f"the log of {self._server} cannot be read: {error}")
            self.close(error)
            return
        if consumed != self._consumed + 1:
            self._restart()
            return
        self._consumed = consumed
        reader = self._reader
        assert reader is not None
        token = message.subject[len(self._prefix) :]
        if self._wanted is not None and token not in self._wanted and token not in RECORDS:
            reader.pass_over(sequence)
            return
        value = (message.headers or {}).get(HEADER, "")
        try:
            event_place = Place.parse(value)
            if event_place.epoch > sequence:  # an epoch is the sequence of an earlier message
                raise ProtocolError(f"the header {HEADER}: {value!r:.80} is of an epoch to come")
            verdict = reader.take(sequence, token, event_place, message.data)
            if verdict is Verdict.UNSURE:
                first = await self._first_sequence(engine)
                if generation != self._generation:
                    return
                verdict = reader.take(sequence, token, event_place, message.data, first=first)
        except ProtocolError as error:
            reader.pass_over(sequence)
            self._stray(value, error)
            return
        except ManagerError:  # the bus did not answer, so the message will be read again
            self._restart()
            return
        except Exception:  # one bad message must not keep the others from being read
            log.exception("a message in the log of %s could not be read", self._server)
            reader.pass_over(sequence)
            return
        self._note_place(reader)
        while reader.records:
            self._take_record(reader.records.popleft())
        is_before = sequence <= self._caught_up_at and event_place.time < self._opened_at
        if verdict is Verdict.EVENT and not is_before:
            self._deliver(message.data)
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_soon(self._settle)

    def _deliver(self, data: bytes) -> None:
        tally = self._tally
        tally.messages += 1
        tally.bytes_received += len(data)
        text = self._encoding.decode(data)
        cls, sinks = self._routes[text.partition("\n")[0]]
        if cls is None:
            try:
                event = parse(text)
            except ValueError:
                log.debug("the log of %s holds what is no event", self._server)
                return
            cls, sinks = self._routes[f"Event: {event.name}"]
            if self.dispatcher.server:
                name_server(event, self.dispatcher.server)
            for sink in sinks:
                sink(event)
        elif sinks:
            event = cls(text)
            if self.dispatcher.server:
                name_server(event, self.dispatcher.server)
            for sink in sinks:
                sink(event)
        for buffer in self.buffers if self.start is not None else ():
            if buffer.is_full:
                self._restart()

    def _settle(self) -> None:
        self._settling = None
        self.dispatcher.settle()

    async def _control(self, engine: Engine, message: Msg) -> None:
        """Answer JetStream's flow control, and check by its heartbeat that no message was lost."""
        headers = message.headers or {}
        if headers.get("Status") != "100":
            if headers.get("Status") == "409":  # the consumer was deleted, or its leader has gone
                self._restart()
            return
        stalled = headers.get("Nats-Consumer-Stalled")
        if message.reply or stalled:
            try:
                await engine.publish(message.reply or stalled or "")
            except ManagerError:
                return
        consumed = headers.get("Nats-Last-Consumer")
        if consumed is not None and int(consumed) != self._consumed:
            self._restart()

    async def _first_sequence(self, engine: Engine) -> int:
        info = await engine.api(f"STREAM.INFO.{self._stream}")
        return int(info["state"]["first_seq"])

    def _stray(self, value: str, error: ProtocolError) -> None:
        """Skip a message in an unknown form; end the feed if it is of another format version."""
        word = value.split(maxsplit=1)[:1]
        if word and word[0].isdecimal() and word[0] != _VERSION_WORD:
            self._host.log_once(f"the log of {self._server} cannot be read: {error}")
            self.close(error)
            return
        self._tally.strays += 1
        level = 10 if self._seen_stray else 30
        self._seen_stray = True
        log.log(level, "the log of %s holds what is none of the relay's: %s", self._server, error)

    # What the relay says

    def _take_record(self, record: Record) -> None:
        if isinstance(record, Gap):
            self._gap_seconds = record.seconds or 0.0
            sentence = record.text or f"the relay tells a gap ({record.reason})"
            if record.seconds:
                sentence += f" ({record.seconds:.1f} seconds)"
            self.dispatcher.miss(self._gap_seconds, record.count or 0, sentence)
        elif isinstance(record, Status):
            self._emit_change(record)
        self._host.take_record(self, record)

    def _emit_change(self, status: Status) -> None:
        was_up, self._server_is_up = self._server_is_up, status.state == _READY
        if self._server_is_up:
            if was_up is False:
                gap, self._gap_seconds = self._gap_seconds, 0.0
                # A relay that took over reports no attempts: its login was the first one.
                self.dispatcher.emit(Reconnected.after(gap, status.attempts or 1))
        elif was_up is not False:
            reason = ConnectionLost(status.error or f"the relay's link is {status.state}")
            self.dispatcher.emit(Disconnected.because(reason))


def _subjects(server: str, names: frozenset[str] | None) -> tuple[str, ...]:
    """Return the subjects of the named events, and those of the records."""
    if names is None:
        return (all_events(server),)
    records = [record_subject(server, kind) for kind in RECORDS.values()]
    return (*(event_subject(server, name) for name in sorted(names)), *records)


def _tokens(subjects: tuple[str, ...], prefix: str) -> frozenset[str]:
    return frozenset(each.removeprefix(prefix) for each in subjects) - RECORDS.keys()


def _now() -> int:
    return int(datetime.now(timezone.utc).timestamp() * 1_000_000)
