"""Deadlines of actions; the caller supplies the time."""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import Final

from .pending import Pending

__all__ = ["Deadlines"]

_MANY: Final = 1024  # actions; beyond this number, those that are over are removed
_NEVER: Final = float("inf")


class Deadlines:
    """One FIFO per timeout length; each FIFO is sorted by due time.

    An action that is over stays in its FIFO until it would be due: skipping it then costs less than
    removing it from the middle. When there are many of them, they are removed together.
    """

    __slots__ = ("_fifos", "_size", "_swept_at")

    def __init__(self) -> None:
        self._fifos: dict[float, deque[Pending]] = {}
        self._size = 0
        self._swept_at = _MANY

    def __len__(self) -> int:
        return self._size

    @property
    def next(self) -> float:
        """The time when the first action is due; infinity if there is none."""
        return min([fifo[0].due for fifo in self._fifos.values()], default=_NEVER)

    def add(self, pending: Pending, timeout: float, start: float) -> float:
        """Let an action expire `timeout` seconds after `start`, and return that time."""
        if self._size >= self._swept_at:
            self._sweep()
        due = pending.due = start + timeout
        fifo = self._fifos.get(timeout)
        if fifo is None:
            self._fifos[timeout] = deque((pending,))
        elif fifo[-1].due <= due:
            fifo.append(pending)
        else:  # a list that made progress some time ago
            insort(fifo, pending, key=_due)
        self._size += 1
        return due

    def expire(self, now: float) -> list[tuple[Pending, float]]:
        """Remove and return the overdue actions, in their order, each with its timeout."""
        overdue: list[tuple[Pending, float]] = []
        going_on: list[tuple[Pending, float, float]] = []
        for timeout, fifo in list(self._fifos.items()):
            while fifo and (fifo[0].due <= now or _is_over(fifo[0])):
                pending = fifo.popleft()
                self._size -= 1
                if _is_over(pending):
                    continue
                # A list that made progress is due later. Its deadline is moved only here, because a
                # search for it at each item would cost too much.
                progressed = pending.last_progress() if pending.last_progress is not None else 0.0
                if progressed + timeout > now:
                    going_on.append((pending, timeout, progressed))
                else:
                    overdue.append((pending, timeout))
            if not fifo:
                del self._fifos[timeout]
        for each in going_on:
            self.add(*each)
        return sorted(overdue, key=lambda each: each[0].due)

    def clear(self) -> None:
        """Forget all deadlines."""
        self._fifos.clear()
        self._size = 0

    def _sweep(self) -> None:
        for timeout, fifo in list(self._fifos.items()):
            waiting = deque([pending for pending in fifo if not _is_over(pending)])
            self._fifos[timeout] = waiting
            if not waiting:
                del self._fifos[timeout]
        self._size = sum(map(len, self._fifos.values()))
        self._swept_at = max(_MANY, 2 * self._size)


def _due(pending: Pending) -> float:
    return pending.due


def _is_over(pending: Pending) -> bool:
    """True if the action needs no deadline any more."""
    return pending.promise is None or pending.promise.done()
