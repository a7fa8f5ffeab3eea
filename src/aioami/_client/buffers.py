"""The buffers between those that produce events and those that consume them.

The producer never waits. Each consumer has its own bounded buffer, loses only its own events when
it is too slow, and learns how many.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, Literal

from .._check import check_whole_number
from .._log import get_logger
from .._owner import Owner
from .._session.dispatch import Selection, Subscriber
from .._session.refusals import refusal
from .._session.statistics import Tally
from .._session.subjects import subjects
from .._signals import Signal
from ..errors import EventsLost, fresh
from ..events.base import Event
from ..responses.base import Response
from .checks import check_predicate

if TYPE_CHECKING:
    from ..actions.base import Action

__all__ = ["Buffer", "ListBuffer", "Loss", "OnLoss", "Overflow", "Predicate", "SingleBuffer"]

log = get_logger("aioami.streams")

Predicate = Callable[[Any], object]

Overflow = Literal["drop_oldest", "drop_newest"]
"""The event that a full stream drops: the one that has waited longest, or the new one."""

OnLoss = Literal["count", "raise"]
"""The report of missing events: counted and logged, or `EventsLost` raised in their place."""


_TOO_SLOW: Final = "a stream of %s%s is consumed too slowly: its %s events are dropped, as %d wait"


class Loss:
    """A mark in a buffer where events are missing."""

    __slots__ = ("count", "gap", "why")

    def __init__(self, count: int, gap: float, why: str = "") -> None:
        self.count = count
        self.gap = gap
        self.why = why  # a clause, if the cause is neither the consumer nor the link

    def add(self, count: int, gap: float, why: str) -> None:
        """Add more events that are missing in the same place."""
        self.count += count
        self.gap += gap
        if why and why not in self.why:
            self.why = f"{self.why}, and {why}" if self.why else why

    def error(self, server: str) -> EventsLost:
        """Return the error for the consumer."""
        parts = [self.why] if self.why else []
        if self.count and not self.why:
            parts.append(f"{self.count} events were dropped, because their consumer was too slow")
        if self.gap and not self.why:
            parts.append(f"the link was down for {self.gap:.1f} seconds")
        whose = f" of {server}" if server else ""
        sentence = f"events{whose} are missing: " + ", and ".join(parts)
        return EventsLost(sentence, count=self.count, gap=self.gap, server=server)


def _select_none(event: Any) -> bool:
    """Select no event."""
    return False


class Buffer(Subscriber):
    """The producer's side of a stream, without a reference to the stream.

    So a stream can end when its user drops it.

    Attributes:
        owner: the loop in which it may be consumed.
        events: the events that the consumer has not taken yet. With `on_loss="raise"` there are
            marks where events are missing.
        marks: the number of marks among the events.
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
        self.events: deque[Event | Loss] = deque()
        self.marks = 0
        self.dropped = 0
        self.gaps = 0
        self.overflowing = False
        self.raised = False
        self.ended = False
        self.error: Exception | None = None

    @property
    def put(self) -> Callable[[Event], None]:
        """The callable that takes an event; without a predicate it is the append itself."""
        return self.events.append if self.where is None else self._put_if_wanted

    @property
    def pending(self) -> int:
        """The number of events that are waiting for the consumer."""
        return len(self.events) - self.marks

    def report_to(self, changed: Signal) -> None:
        """Send another signal instead of the buffer's own; no task may wait for the latter."""
        self._changed = changed

    def _put_if_wanted(self, event: Event) -> None:
        # The predicate may close this stream itself.
        if (self.where is None or self._wanted(self.where, event)) and not self.ended:
            self.events.append(event)

    @property
    def give(self) -> Callable[[], Event | Loss]:
        """The callable that returns the next event; raises `IndexError`, or `EventsLost`."""
        return self._give_or_raise if self.raises else self.events.popleft

    def _give_or_raise(self) -> Event:
        event = self.events.popleft()
        if isinstance(event, Loss):
            self.marks -= 1
            raise event.error(self.owner.server)
        return event

    def settle(self) -> None:
        """Drop events beyond the limit, and wake the consumer if there is an event for it."""
        # Called once after each batch, not after each event, so that an event costs only an append.
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
        """Drop all events, and those that may still be put: the stream was closed."""
        # The predicate of another stream may have closed this one while an event is delivered. That
        # event then goes into the old container, which nobody reads.
        self.events = deque()
        self.where = None if self.where is None else _select_none
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
        ):  # a predicate may read the result of a cancelled future
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
        """Drop `excess` events. Marks do not count as events."""
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
        # The marks around the dropped event and its own mark become one. So there is at most one
        # mark between two events, and a stream that nobody reads does not grow by marks.
        loss = Loss(1, 0.0)
        self._take_marks(loss)
        self.events.popleft()
        self._take_marks(loss)
        if self.raises:
            self.events.appendleft(loss)
            self.marks += 1

    def _take_marks(self, into: Loss) -> None:
        while self.events and isinstance(first := self.events[0], Loss):
            into.add(first.count, first.gap, first.why)
            self.events.popleft()
            self.marks -= 1

    def _mark_end(self, count: int, gap: float, why: str = "") -> None:
        last = self.events[-1] if self.events else None
        if isinstance(last, Loss):  # no event came between the two losses
            last.add(count, gap, why)
            return
        self.events.append(Loss(count, gap, why))
        self.marks += 1
        self._changed.send()

    async def filled(self) -> None:
        """Wait until an event is there.

        Raises:
            StopAsyncIteration: no more events will come.
            RuntimeError: another task waits already; or the manager is connected in another loop,
                maybe only since the waiting began.
            Exception: the error that ended the stream.
        """
        self.overflowing = False  # the consumer has caught up, so the next overflow is logged again
        self.owner.check()
        while not self.events:
            if self.error is not None:
                raise fresh(self.error)
            if self.ended:
                raise StopAsyncIteration
            if self._changed:
                raise RuntimeError("another task is already waiting for this stream's next event")
            await self._changed.wait()
            # The wait may have begun before the manager connected, and in another loop.
            self.owner.check()


class SingleBuffer(Buffer):
    """Keeps only the first event, for `wait_for`."""

    __slots__ = ()

    @property
    def put(self) -> Callable[[Event], None]:
        return self._put_first

    def _put_first(self, event: Event) -> None:
        # Further events of the same read may come before the consumer runs.
        if not self.events and not self.ended:
            self._put_if_wanted(event)


class ListBuffer(Buffer):
    """Takes the items of a list, and at its end the result of the action, like a future."""

    __slots__ = ("action", "clock", "progressed", "response")

    def __init__(self, action: Action[Any], owner: Owner) -> None:
        super().__init__(Selection((action.name,)), None, None, owner=owner)
        self.action = action
        # Without a loop there is no link, so that the list never begins.
        self.clock = time.monotonic if owner.loop is None else owner.loop.time
        self.progressed = self.clock()
        self.response: Response | None = None

    def last_progress(self) -> float:
        """Return the time of the last part of the list, on the loop's clock."""
        return self.progressed

    def take(self, response: Response, item: Event | None) -> None:
        self.response = response
        self.progressed = self.clock()
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
