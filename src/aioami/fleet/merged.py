"""The streams of several servers merged into one.

The events of one server keep their order. Servers with waiting events take turns.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from .._client.buffers import Buffer, Loss
from .._client.streams import EventStream, Iteration, NextEvent, source_of
from .._owner import Owner
from .._session.dispatch import Selection
from .._signals import Signal
from ..errors import EventsLost, fresh
from ..events.base import Event

__all__ = ["MergedStream"]

EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)


class _Source(Signal):
    """One of the merged streams. Its buffer uses this object as the signal of arrival."""

    __slots__ = ("_is_ready", "_merged", "buffer", "events", "take")

    def __init__(self, buffer: Buffer, merged: MergedBuffer) -> None:
        super().__init__()
        self._merged = merged
        self._is_ready = False
        self.buffer = buffer
        # Looking these up in the buffer at each event would double the cost.
        self.events = buffer.events
        self.take = self._take_or_raise if buffer.raises else buffer.give

    def _take_or_raise(self) -> Event | Loss:
        try:
            return self.buffer.give()
        except EventsLost:  # this counts as its turn
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
        """Note that the last event of this source, the first of the ready ones, was taken."""
        self._merged.ready.popleft()
        self._is_ready = False
        self.buffer.overflowing = False  # the consumer caught up: another overflow is logged again
        if self.buffer.ended:
            self._merged.forget(self)


class MergedBuffer:
    """The buffers of several streams as one. Their events are taken in turns, one of each.

    Each buffer keeps its limit, its order and its count of lost events.

    Attributes:
        owner: the event loop in which the events may be taken.
        selection: the selected events.
        ready: the streams with waiting events, in the order of their turns.
        changed: sent when an event may have come.
        own: the buffer for events of the fleet itself.
    """

    def __init__(self, selection: Selection, owner: Owner) -> None:
        self.owner = owner
        self.selection = selection
        self.ready: deque[_Source] = deque()
        self.changed = Signal()
        self.ended = False
        self.error: Exception | None = None
        self._sources: dict[_Source, None] = {}
        self._dropped = 0  # by the streams that have ended
        self._gaps = 0
        self.own = Buffer(selection, None, 10_000, owner=owner)
        self.add(self.own)

    def add(self, buffer: Buffer) -> None:
        """Add the buffer of another stream."""
        source = _Source(buffer, self)
        self._sources[source] = None
        buffer.report_to(source)
        source.send()

    def forget(self, source: _Source) -> None:
        """Note that a stream has ended, and keep its counts."""
        with contextlib.suppress(KeyError):  # it may be called again for the same stream
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
        """Return the next event of the first ready stream, and give the turn to the next stream.

        Raises:
            IndexError: no event waits.
            EventsLost: events are missing at this place.
        """
        event = self.ready[0].take()
        self.turn()
        return event  # type: ignore[return-value]

    def turn(self) -> None:
        """Give the turn from the first ready stream to the next."""
        source = self.ready[0]
        if source.events:
            self.ready.rotate(-1)
        else:
            source.emptied()

    def discard(self) -> None:
        """Drop the waiting events, as the stream was closed."""
        self.ready.clear()
        self.error = None

    def finish(self, error: Exception | None) -> None:
        """Note that there will be no more events; the waiting ones can still be taken."""
        if not self.ended:
            self.ended, self.error = True, error
            self.changed.send()

    async def filled(self) -> None:
        """Wait until an event is there; raise as `Buffer.filled`."""
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

    Servers with waiting events take turns, so a flood from one does not hold back the others. The
    events of one server keep their order. The limit holds for each server separately, and so do the
    losses beyond it; `dropped`, `gaps` and `pending` are the sums of all servers.
    """

    __slots__ = ("_streams", "ready")

    _buffer: MergedBuffer  # type: ignore[assignment]
    _delivered: int

    def __init__(
        self,
        selection: Selection,
        owner: Owner,
        end: Callable[[], None],
        *,
        before_waiting: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        # The streams are kept here, not in the buffer, which the streams' sources refer to. So
        # dropping the last reference to this object ends all of them.
        self._streams: list[EventStream[Any]] = []
        buffer = MergedBuffer(selection, owner)
        self.ready = buffer.ready
        super().__init__(buffer, end, before_waiting=before_waiting)  # type: ignore[arg-type]

    def _iterate(self) -> Iteration[EventT_co]:
        return _MergedIteration(self)

    def add(self, source: EventStream[Any] | NextEvent[Any]) -> None:
        """Add the events of another stream, which must have no other consumer."""
        stream, buffer = source_of(source)
        self._streams = [each for each in self._streams if not each.ended]
        self._streams.append(stream)
        self._buffer.add(buffer)

    def emit(self, event: Event) -> None:
        """Add an event of the fleet itself, if it is selected."""
        if self.selection.matches(event.name, type(event)) and not self.ended:
            self._buffer.own.events.append(event)
            self._buffer.own.settle()

    def finish(self, error: Exception | None) -> None:
        """End the stream after the waiting events, with an error if one is given."""
        self._buffer.finish(error)

    def close(self) -> None:
        """End the stream, and discard the waiting events. May be called again.

        Raises:
            RuntimeError: the fleet is connected in another event loop, thread or process.
        """
        super().close()
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.close()


class _MergedIteration(Iteration[EventT_co]):
    """One `async for` over a merged stream: `MergedBuffer.give` inlined, for speed."""

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
