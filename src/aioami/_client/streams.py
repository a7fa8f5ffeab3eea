"""Streams of events, lists as they arrive, and single events to wait for.

The producer never waits. Each consumer has its own bounded buffer, loses only its own events when
it is too slow, and learns how many.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

import async_timeout

from .._check import check_whole_number
from .._log import get_logger
from .._session.dispatch import Selection, Subscriber
from .._session.refusals import refusal
from .._session.statistics import Tally
from .._session.subjects import subjects
from .._signals import Signal
from ..errors import ConnectionLost, EventsLost, ManagerTimeout, fresh
from ..events.base import Event
from ..responses.base import Response
from .checks import check_predicate
from .owner import Owner

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..actions.base import Action

__all__ = [
    "Buffer",
    "EventStream",
    "ListBuffer",
    "ListStream",
    "MergedStream",
    "NextEvent",
    "OnLoss",
    "Overflow",
    "Predicate",
    "SingleBuffer",
]

log = get_logger("aioami.streams")

EventT = TypeVar("EventT", bound=Event)
EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)

Predicate = Callable[[Any], object]


Overflow = Literal["drop_oldest", "drop_newest"]
"""The event that is lost when a stream is full: the one that waits longest, or the new one."""

OnLoss = Literal["count", "raise"]
"""The report of missing events: the stream's counts and the log, or `EventsLost` in their place."""


_TOO_SLOW: Final = "a stream of %s%s is consumed too slowly: its %s events are dropped, as %d wait"


class _Loss:
    """Stands in a buffer where events are missing."""

    __slots__ = ("count", "gap", "why")

    def __init__(self, count: int, gap: float, why: str = "") -> None:
        self.count = count
        self.gap = gap
        self.why = why  # a clause, where it is neither the consumer nor the link

    def add(self, count: int, gap: float, why: str) -> None:
        """Take more that is missing in the same place."""
        self.count += count
        self.gap += gap
        if why and why not in self.why:
            self.why = f"{self.why}, and {why}" if self.why else why

    def error(self, server: str) -> EventsLost:
        """Return the error that the consumer gets."""
        parts = [self.why] if self.why else []
        if self.count and not self.why:
            parts.append(f"{self.count} events were dropped, because their consumer was too slow")
        if self.gap and not self.why:
            parts.append(f"the link was down for {self.gap:.1f} seconds")
        whose = f" of {server}" if server else ""
        sentence = f"events{whose} are missing: " + ", and ".join(parts)
        return EventsLost(sentence, count=self.count, gap=self.gap, server=server)


def _nothing(event: Any) -> bool:
    """Select no event."""
    return False


class Buffer(Subscriber):
    """The producer's side of a stream; it does not hold the stream, which ends when it is dropped.

    Attributes:
        owner: the loop in which it may be consumed.
        events: what the consumer has not taken yet; with `on_loss="raise"` with marks where some
            are missing.
        marks: how many of those there are.
        raises: whether `give` may raise `EventsLost`.
    """

    __slots__ = (
        "_changed",
        "_drops_newest",
        "_tally",
        "dropped",
        "ended",
        "error",
        "events",
        "gaps",
        "marks",
        "maxsize",
        "overflowing",
        "owner",
        "raised",
        "raises",
        "selection",
        "where",
    )

    def __init__(
        self,
        selection: Selection,
        where: Predicate | None,
        maxsize: int | None,
        overflow: Overflow = "drop_oldest",
        on_loss: OnLoss = "count",
        tally: Tally | None = None,
        owner: Owner | None = None,
    ) -> None:
        check_predicate(where)
        check_whole_number("maxsize", maxsize)
        if maxsize is not None and maxsize < 1:
            raise ValueError(f"maxsize: at least 1 event or None for no limit, not {maxsize}")
        if overflow not in ("drop_oldest", "drop_newest"):
            raise ValueError(f"overflow: 'drop_oldest' or 'drop_newest', not {overflow!r}")
        if on_loss not in ("count", "raise"):
            raise ValueError(f"on_loss: 'count' or 'raise', not {on_loss!r}")
        self._drops_newest = overflow == "drop_newest"
        self.raises = on_loss == "raise"
        self._tally = tally or Tally()
        self._changed = Signal()
        self.owner = owner or Owner()
        self.selection = selection
        self.where = where
        self.maxsize = maxsize
        self.events: deque[Event | _Loss] = deque()
        self.marks = 0
        self.dropped = 0
        self.gaps = 0
        self.overflowing = False
        self.raised = False
        self.ended = False
        self.error: Exception | None = None

    @property
    def put(self) -> Callable[[Event], None]:
        """The callable that takes an event, without a call of ours where there is no predicate."""
        return self.events.append if self.where is None else self._put_if_wanted

    @property
    def pending(self) -> int:
        """The number of events that are waiting for the consumer."""
        return len(self.events) - self.marks

    def report_to(self, changed: Signal) -> None:
        """Have another signal sent in place of the buffer's own, which nobody may wait for then."""
        self._changed = changed

    def _put_if_wanted(self, event: Event) -> None:
        if self.where is None or self._wanted(self.where, event):
            self.events.append(event)

    @property
    def give(self) -> Callable[[], Event | _Loss]:
        """The callable that returns the next event; raises `IndexError`, or `EventsLost`."""
        return self._give_or_raise if self.raises else self.events.popleft

    def _give_or_raise(self) -> Event:
        event = self.events.popleft()
        if isinstance(event, _Loss):
            self.marks -= 1
            raise event.error(self.owner.server)
        return event

    def settle(self) -> None:
        """Drop what is too much, and wake the consumer if there is something for it."""
        # Behind a batch, and not at each event: a consumer that is quick enough for one read loses
        # nothing of it, and each event costs an append alone.
        events = self.events
        if not events:
            return
        if self.maxsize is not None and len(events) > self.maxsize:
            self._make_room(len(events) - self.marks - self.maxsize)
        self._changed.send()

    def miss(self, gap: float, count: int = 0, why: str = "") -> None:
        self.gaps += 1
        if self.raises:
            self._mark_end(count, gap, why)

    def discard(self) -> None:
        """Drop what is here, and all that may still be put: the stream was closed."""
        # Another one's predicate may have closed it in the middle of the delivery of an event,
        # which then goes on into what nobody reads.
        self.events = deque()
        self.where = None if self.where is None else _nothing
        self.marks = 0
        self.error = None

    def finish(self, error: Exception | None) -> None:
        if not self.ended:
            self.ended, self.error = True, error
            self._changed.send()

    def _wanted(self, where: Predicate, event: Event) -> bool:
        try:
            wanted = where(event)
            if isinstance(wanted, CoroutineType):
                wanted.close()
                raise TypeError("where: it returned a coroutine, which is true for each event")
            return bool(wanted)
        except (
            Exception,
            asyncio.CancelledError,
        ):  # a predicate may look at a future that was cancelled
            level = logging.DEBUG if self.raised else logging.ERROR
            self.raised = True
            about = subjects(event.headers, event.find, limit=2)
            log.log(
                level,
                "the predicate of a stream of %s raised on %r%s, and the event is left out",
                self.selection,
                event.name,
                about and f" ({about})",
                exc_info=True,
            )
            return False

    def _make_room(self, excess: int) -> None:
        """Drop so many events; marks are not counted among those that are too many."""
        if excess <= 0:
            return
        self.dropped += excess
        self._tally.dropped += excess
        if not self.raises and not self.overflowing:
            self.overflowing = True
            log.warning(
                _TOO_SLOW,
                self.selection,
                f" ({self.owner.server})" if self.owner.server else "",
                "newest" if self._drops_newest else "oldest",
                self.maxsize,
            )
        for _ in range(excess):
            if self._drops_newest:
                self.events.pop()
            else:
                self._drop_oldest()
        if self._drops_newest and self.raises:
            self._mark_end(excess, 0.0)

    def _drop_oldest(self) -> None:
        # Marks around the event that goes become one with its own. So there is at most one between
        # two events, and a stream that nobody reads does not grow by marks.
        loss = _Loss(1, 0.0)
        self._take_marks(loss)
        self.events.popleft()
        self._take_marks(loss)
        if self.raises:
            self.events.appendleft(loss)
            self.marks += 1

    def _take_marks(self, into: _Loss) -> None:
        while self.events and isinstance(first := self.events[0], _Loss):
            into.add(first.count, first.gap, first.why)
            self.events.popleft()
            self.marks -= 1

    def _mark_end(self, count: int, gap: float, why: str = "") -> None:
        last = self.events[-1] if self.events else None
        if isinstance(last, _Loss):  # nothing came between the two
            last.add(count, gap, why)
            return
        self.events.append(_Loss(count, gap, why))
        self.marks += 1
        self._changed.send()

    async def filled(self) -> None:
        """Return when an event is there.

        Raises:
            StopAsyncIteration: no more will come.
            RuntimeError: another task waits already; or the manager is connected in another loop,
                maybe since the waiting began.
            Exception: the error that ended the stream.
        """
        self.overflowing = False  # the consumer caught up: the next overflow is logged again
        self.owner.check()
        while not self.events:
            if self.error is not None:
                raise fresh(self.error)
            if self.ended:
                raise StopAsyncIteration
            if self._changed:
                raise RuntimeError("another task is already waiting for this stream's next event")
            await self._changed.wait()
            # It may have begun before the manager connected, in another loop than this one.
            self.owner.check()


class SingleBuffer(Buffer):
    """Keeps only the first event, for `wait_for`."""

    __slots__ = ()

    @property
    def put(self) -> Callable[[Event], None]:
        return self._put_first

    def _put_first(self, event: Event) -> None:
        # Others of the same read come before the consumer runs.
        if not self.events and not self.ended:
            self._put_if_wanted(event)


class EventStream(Generic[EventT_co]):
    """The events that were asked for, in the server's order, through `async for`.

    It is a context manager, plain or `async`. Leaving it, `close()`, or dropping the last reference
    to it ends the subscription. One task consumes it; a second that waits at the same time gets a
    `RuntimeError`, and so does one in another event loop than the manager's. Cancelling the
    consumer loses no event.

    The iteration ends when the stream or the manager is closed. When the link is lost for good, it
    raises `ConnectionLost` (or what else ended the link) after the events that were buffered.

    The buffer holds `maxsize` events; what is lost beyond that is counted in `dropped`. A link that
    is lost and established again ends no stream: what happened meanwhile is missing, and
    `gaps` counts that. `on_loss` says how else the consumer hears of it: a warning in the log (once
    until it catches up; of a gap by the link), or an `EventsLost` raised in the place where the
    events are missing, whatever the selectors. After it the iteration can be begun again, and goes
    on behind that place.
    """

    __slots__ = ("__weakref__", "_buffer", "_delivered", "_end", "_next", "_owner", "_waits")

    def __init__(
        self,
        buffer: Buffer,
        end: Callable[[], None],
        *,
        waits: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._buffer = buffer
        self._waits = waits  # is called before the consumer waits for the first time
        self._owner = buffer.owner
        self._next = buffer.give
        self._end: Callable[[], None] | None = end
        self._delivered = 0

    @property
    def delivered(self) -> int:
        """The number of events that the consumer took."""
        return self._delivered

    @property
    def dropped(self) -> int:
        """The number of events that were lost because the consumer was too slow."""
        return self._buffer.dropped

    @property
    def gaps(self) -> int:
        """The number of times that the link was lost and established again meanwhile."""
        return self._buffer.gaps

    @property
    def ended(self) -> bool:
        """True if no more events come; those that are `pending` can still be taken."""
        return self._buffer.ended

    @property
    def selection(self) -> Selection:
        """The events that were asked for; its `str()` names them."""
        return self._buffer.selection

    @property
    def pending(self) -> int:
        """The number of events that are waiting for the consumer."""
        return self._buffer.pending

    def close(self) -> None:
        """End the subscription, and discard what was not taken. May be called again.

        Raises:
            RuntimeError: the manager is connected in another event loop, thread or process.
        """
        self._owner.check()
        end, self._end = self._end, None
        if end is not None:
            # The subscription first: nothing more is put into a buffer that was emptied.
            end()
            self._buffer.discard()
            self._next = self._buffer.give
            self._buffer.finish(None)

    def __aiter__(self) -> AsyncIterator[EventT_co]:
        self._owner.check()
        return self._iterate()

    async def __anext__(self) -> EventT_co:
        self._owner.check()
        return await self._iterate().__anext__()

    def _iterate(self) -> _Iteration[EventT_co]:
        return _Iteration(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        end = getattr(self, "_end", None)
        if end is not None:
            self._owner.call(end)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self._buffer.selection}: {self.delivered} delivered, "
            f"{self.pending} pending, {self.dropped} dropped, {self.gaps} gaps>"
        )


class _Iteration(Generic[EventT_co]):
    """One `async for` over a stream.

    The loop in which it runs was checked when it began. To do so at each event would cost a third
    of the delivery.
    """

    __slots__ = ("_stream",)

    def __init__(self, stream: EventStream[EventT_co]) -> None:
        self._stream = stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventT_co:
        # An event that is there is returned without a turn of the event loop.
        try:
            event = self._stream._next()
            self._stream._delivered += 1
            return event  # type: ignore[return-value]
        except IndexError:
            return await self._wait()

    async def _wait(self) -> EventT_co:
        stream = self._stream
        if stream._waits is not None and not stream._buffer.ended:
            waits, stream._waits = stream._waits, None
            await waits()
        await stream._buffer.filled()
        event = stream._next()
        stream._delivered += 1
        return event  # type: ignore[return-value]


class _MergedIteration(_Iteration[EventT_co]):
    """One `async for` over a merged stream: `MergedBuffer.give`, without the calls."""

    __slots__ = ("_ready", "_rotate")

    _ready: deque[_Source]
    _rotate: Callable[[int], None]

    def __init__(self, stream: MergedStream[EventT_co]) -> None:
        super().__init__(stream)
        self._ready = stream.ready
        self._rotate = stream.ready.rotate

    async def __anext__(self) -> EventT_co:
        if not self._ready:
            return await self._wait()
        source = self._ready[0]
        event = source.take()
        if source.events:
            self._rotate(-1)
        else:
            source.emptied()
        self._stream._delivered += 1
        return event  # type: ignore[return-value]


class ListStream(EventStream[EventT_co]):
    """The items of a list as they arrive, for lists that are too long to be held.

    Leaving it early swallows the rest of the list; other actions are not disturbed. A list with a
    hole is never delivered as whole: a refusal in its middle, a lost link, and silence for longer
    than the timeout all raise.
    """

    __slots__ = ()

    _buffer: ListBuffer

    @property
    def response(self) -> Response | None:
        """The reply that announced the list; `None` before it came."""
        return self._buffer.response

    @property
    def completion(self) -> Event | None:
        """The event that ended the list; `None` before it came."""
        response = self._buffer.response
        return None if response is None else response.events.completion


class ListBuffer(Buffer):
    """Takes the items of a list, and then the result of its action, as a future would."""

    __slots__ = ("action", "loop", "progressed", "response")

    def __init__(self, action: Action[Any], owner: Owner) -> None:
        super().__init__(Selection((action.name,)), None, None, owner=owner)
        self.action = action
        self.loop = owner.loop or asyncio.get_running_loop()
        self.progressed = self.loop.time()
        self.response: Response | None = None

    def last_progress(self) -> float:
        """Return when something of the list last came, on the loop's clock."""
        return self.progressed

    def take(self, response: Response, item: Event | None) -> None:
        self.response = response
        self.progressed = self.loop.time()
        if item is not None:
            self.events.append(item)
            self.settle()

    def done(self) -> bool:
        return self.ended

    def set_result(self, response: Response) -> None:
        if self.response is None:
            self.response = response
        self.finish(None if response.success else refusal(response, self.action))

    def set_exception(self, error: Exception) -> None:
        self.finish(error)


class NextEvent(Generic[EventT]):
    """The next event that matches, watched for from now on; to be awaited, once or again.

    Dropped without being awaited, it is forgotten.
    """

    __slots__ = ("__weakref__", "_found", "_stream", "_timeout")

    def __init__(self, stream: EventStream[EventT], timeout: float | None) -> None:
        self._stream = stream
        self._timeout = timeout
        self._found: EventT | None = None

    def __await__(self) -> Generator[Any, None, EventT]:
        return self._next().__await__()

    async def _next(self) -> EventT:
        if self._found is not None:
            return self._found
        selection = self._stream.selection
        try:
            async with async_timeout.timeout(self._timeout):
                self._found = await self._stream.__anext__()
        except asyncio.TimeoutError as error:
            sentence = f"no event came in {self._timeout:g} seconds ({selection})"
            raise ManagerTimeout(sentence) from error
        except StopAsyncIteration:
            sentence = f"the manager was closed before an event came ({selection})"
            raise ConnectionLost(sentence) from None
        self._stream.close()
        return self._found


class _Source(Signal):
    """One stream among those that are merged: stands in its buffer for the signal of arrival."""

    __slots__ = ("_is_ready", "_merged", "buffer", "events", "take")

    def __init__(self, buffer: Buffer, merged: MergedBuffer) -> None:
        super().__init__()
        self._merged = merged
        self._is_ready = False
        self.buffer = buffer
        # At each event a look-up of these in the buffer would cost as much as all else here.
        self.events = buffer.events
        self.take = self._take_or_raise if buffer.raises else buffer.give

    def _take_or_raise(self) -> Event | _Loss:
        try:
            return self.buffer.give()
        except EventsLost:  # which was its turn
            self._merged.turn()
            raise

    def send(self) -> None:
        if self.buffer.events and not self._is_ready:
            self._is_ready = True
            self._merged.ready.append(self)
        elif self.buffer.ended and not self.buffer.events:
            self._merged.forget(self)
        self._merged.changed.send()

    def emptied(self) -> None:
        """Note that its last event was taken; it is the first of the ready ones."""
        self._merged.ready.popleft()
        self._is_ready = False
        self.buffer.overflowing = False  # the consumer caught up: another overflow is logged again
        if self.buffer.ended:
            self._merged.forget(self)


class MergedBuffer:
    """The buffers of several streams as one. Their events are taken in turns, one of each.

    Each keeps its own bound, its own order and its own count of what was lost.

    Attributes:
        owner: the loop in which it may be consumed.
        selection: the events that were asked for.
        ready: the streams that hold events, in the order of their turns.
        changed: is sent when something may have come.
        own: holds what is of no single stream.
    """

    def __init__(self, selection: Selection, owner: Owner) -> None:
        self.owner = owner
        self.selection = selection
        self.ready: deque[_Source] = deque()
        self.changed = Signal()
        self.ended = False
        self.error: Exception | None = None
        self._sources: dict[_Source, None] = {}
        self._dropped = 0  # of the streams that are no more
        self._gaps = 0
        self.own = Buffer(selection, None, 10_000, owner=owner)  # for what is of no single stream
        self.add(self.own)

    def add(self, buffer: Buffer) -> None:
        """Take another stream's events too."""
        source = _Source(buffer, self)
        self._sources[source] = None
        buffer.report_to(source)
        source.send()

    def forget(self, source: _Source) -> None:
        """Note that nothing more comes from a stream."""
        with contextlib.suppress(KeyError):  # it may be told again
            del self._sources[source]
            self._dropped += source.buffer.dropped
            self._gaps += source.buffer.gaps

    @property
    def dropped(self) -> int:
        """The number of events that were lost, of all streams."""
        return self._dropped + sum(source.buffer.dropped for source in self._sources)

    @property
    def gaps(self) -> int:
        """The number of times that a link was lost and established again, of all streams."""
        return self._gaps + sum(source.buffer.gaps for source in self._sources)

    @property
    def pending(self) -> int:
        """The number of events that are waiting for the consumer, of all streams."""
        return sum(source.buffer.pending for source in self.ready)

    def give(self) -> Event:
        """Return the next event of the first, and have one of each other come before its next.

        Raises:
            IndexError: there is none.
            EventsLost: some are missing in this place.
        """
        event = self.ready[0].take()
        self.turn()
        return event  # type: ignore[return-value]

    def turn(self) -> None:
        """Note that the first of the ready ones had its turn."""
        source = self.ready[0]
        if source.events:
            self.ready.rotate(-1)
        else:
            source.emptied()

    def discard(self) -> None:
        """Drop what is here: the stream was closed."""
        self.ready.clear()
        self.error = None

    def finish(self, error: Exception | None) -> None:
        """Note that no stream will come any more; what is here can still be taken."""
        if not self.ended:
            self.ended, self.error = True, error
            self.changed.send()

    async def filled(self) -> None:
        """Return when an event is there; raises as `Buffer.filled`."""
        self.owner.check()
        while not self.ready:
            if self.error is not None:
                raise fresh(self.error)
            if self.ended:
                raise StopAsyncIteration
            if self.changed:
                raise RuntimeError("another task is already waiting for this stream's next event")
            await self.changed.wait()
            self.owner.check()


class MergedStream(EventStream[EventT_co]):
    """The events of several servers as one stream; `Fleet.events` returns it.

    Those servers that have events waiting take turns, so that one which floods does not keep the
    others' back. The events of one server come in its order. The bound, and what is lost beyond it,
    is each server's own; `dropped`, `gaps` and `pending` add them up.
    """

    __slots__ = ("_streams", "ready")

    _buffer: MergedBuffer  # type: ignore[assignment]

    def __init__(
        self,
        selection: Selection,
        owner: Owner,
        end: Callable[[], None],
        *,
        waits: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        # Held here, and not in the buffer, which those that feed it hold: so dropping the last
        # reference to this object ends them all.
        self._streams: list[EventStream[Any]] = []
        buffer = MergedBuffer(selection, owner)
        self.ready = buffer.ready
        super().__init__(buffer, end, waits=waits)  # type: ignore[arg-type]

    def _iterate(self) -> _Iteration[EventT_co]:
        return _MergedIteration(self)

    def add(self, source: EventStream[Any] | NextEvent[Any]) -> None:
        """Take the events of another stream too, which nobody else may consume then."""
        stream = source._stream if isinstance(source, NextEvent) else source
        self._streams = [each for each in self._streams if not each.ended]
        self._streams.append(stream)
        self._buffer.add(stream._buffer)

    def emit(self, event: Event) -> None:
        """Put an event of the library's own into it, if it is selected."""
        if self.selection.matches(event.name, type(event)) and not self.ended:
            self._buffer.own.events.append(event)
            self._buffer.own.settle()

    def finish(self, error: Exception | None) -> None:
        """End it behind what was not taken yet, with an error if there is one."""
        self._buffer.finish(error)

    def close(self) -> None:
        """End the subscription, and discard what was not taken. May be called again.

        Raises:
            RuntimeError: the fleet is connected in another event loop, thread or process.
        """
        super().close()
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.close()
