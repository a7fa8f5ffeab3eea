"""Streams of a remote manager: those of a direct one, with their place in the log."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from .._client.buffers import Buffer, ListBuffer, OnLoss, Overflow, Predicate
from .._client.streams import EventStream
from .._owner import Owner
from .._session.dispatch import Selection
from .._session.statistics import Tally
from .._signals import Signal
from ..actions.base import Action
from ..errors import EventsLost
from ..events.base import Event
from .positions import Position

__all__ = ["RemoteBuffer", "RemoteListBuffer", "RemoteSingleBuffer", "RemoteStream"]

EventT_co = TypeVar("EventT_co", bound=Event, covariant=True)


class RemoteBuffer(Buffer):
    """The producer's side of a remote stream.

    Args:
        selection, where, maxsize, overflow, on_loss, tally, owner: as for `Buffer`.
        reads_ahead: true to drop no event, as the log keeps those that are not read yet; `maxsize`
            is then the number of events that are read ahead.

    Attributes:
        place: returns the place in the log of the event that is put; the feed sets it.
        given: the place of the last event that the consumer took, or of the stream's beginning;
            `None` until that is known.
        read_ahead: events that may wait, while the log keeps the others; `None` for no such limit.
        taken: sent when the consumer has made room.
    """

    __slots__ = ("_places", "given", "place", "read_ahead", "taken")

    def __init__(
        self,
        selection: Selection,
        where: Predicate | None,
        maxsize: int | None,
        overflow: Overflow = "drop_oldest",
        on_loss: OnLoss = "count",
        tally: Tally | None = None,
        owner: Owner | None = None,
        *,
        reads_ahead: bool = False,
    ) -> None:
        super().__init__(selection, where, maxsize, overflow, on_loss, tally, owner)
        self.read_ahead = self.maxsize if reads_ahead else None
        if reads_ahead:
            self.maxsize = None
        self._places: deque[Position | None] = deque()
        self.place: Callable[[], Position | None] = _nowhere
        self.given: Position | None = None
        self.taken = Signal()

    @property
    def is_full(self) -> bool:
        """True if no further event may be read for now."""
        return self.read_ahead is not None and len(self._places) >= self.read_ahead

    @property
    def has_room(self) -> bool:
        """True if reading may go on, as at most half of `read_ahead` waits."""
        return self.read_ahead is None or len(self._places) <= self.read_ahead // 2

    @property
    def put(self) -> Callable[[Event], None]:
        return self._put

    def _put(self, event: Event) -> None:
        where = self.where
        # A predicate, its own or that of another stream, may close it during the delivery.
        if (where is None or self._wanted(where, event)) and not self.ended:
            self.events.append(event)
            self._places.append(self.place())

    @property
    def give(self) -> Callable[[], Any]:
        return self._give

    def _give(self) -> Any:
        try:
            event = self._give_or_raise()
        except EventsLost:
            self._notify_room()
            raise
        self.given = self._places.popleft()
        self._notify_room()
        return event

    def _notify_room(self) -> None:
        if self.read_ahead is not None and self.has_room:
            self.taken.send()

    def _make_room(self, excess: int) -> None:
        for _ in range(excess):
            if self._drops_newest:
                self._places.pop()
            else:
                self._places.popleft()
        super()._make_room(excess)

    def discard(self) -> None:
        super().discard()
        self._places.clear()
        self.taken.send()


class RemoteSingleBuffer(RemoteBuffer):
    """Keeps only the first event, for `wait_for`."""

    __slots__ = ()

    def _put(self, event: Event) -> None:
        # More events of the same read may come before the consumer runs.
        if not self.events and not self.ended:
            super()._put(event)


def _nowhere() -> Position | None:
    return None


class RemoteStream(EventStream[EventT_co]):
    """A stream of a server's events, read from the log on the bus; used as an `EventStream`.

    If the bus was away and comes back without a loss, the stream goes on, and that is no gap.
    `gaps` counts the places where the log says that events are missing, and those where it had
    thrown events away before they were read.

    A stream that began with `since` drops no event, however slow the consumer is: it reads
    `maxsize` events ahead, and waits. Events that the log throws away meanwhile are reported as
    lost.
    """

    __slots__ = ()

    _buffer: RemoteBuffer

    def __init__(
        self,
        buffer: RemoteBuffer,
        end: Callable[[], None],
        *,
        before_waiting: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(buffer, end, before_waiting=before_waiting)

    @property
    def position(self) -> str:
        """The place in the log after the last event that was given out, as text.

        It may be stored: `events(since=position)` goes on there, in this program or another. It is
        empty before the bus was reached for the first time, as the place is not known yet.
        """
        buffer = self._buffer
        # If no event waits, the place is also after events that were not selected.
        found = buffer.given if buffer.events else buffer.place()
        found = found or buffer.given
        return "" if found is None else str(found)


class RemoteListBuffer(ListBuffer):
    """Takes the items of a list that comes in parts.

    Attributes:
        taken: sent when the consumer has taken an item, and when the list has ended.
        over: sent when the list has ended.
    """

    __slots__ = ("over", "taken")

    def __init__(self, action: Action[Any], owner: Owner) -> None:
        super().__init__(action, owner)
        self.taken = Signal()
        self.over = Signal()

    def finish(self, error: Exception | None) -> None:
        super().finish(error)
        self.taken.send()
        self.over.send()

    @property
    def give(self) -> Callable[[], Any]:
        return self._give

    def _give(self) -> Any:
        event = self.events.popleft()
        self.taken.send()
        return event
