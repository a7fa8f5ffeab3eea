"""Until when each action is waited for, without a clock of its own."""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import Final

from .pending import Pending

__all__ = ["Deadlines"]

_MANY: Final = 1024  # actions, beyond which those that are over are looked for
_NEVER: Final = float("inf")


class Deadlines:
    """Actions in rows, one for each patience: what is added to a row later is due later, so that the first in each is due first."""

    __slots__ = ("_rows", "_size", "_swept_at")

    def __init__(self) -> None:
        self._rows: dict[float, deque[Pending]] = {}
        self._size = 0
        self._swept_at = _MANY

    def __len__(self) -> int:
        return self._size

    @property
    def next(self) -> float:
        """When the first of them is due; never, if there is none."""
        return min([row[0].due for row in self._rows.values()], default=_NEVER)

    def add(self, pending: Pending, patience: float, start: float) -> float:
        """Wait for an action until so many seconds after `start`, and return when that is."""
        if self._size >= self._swept_at:
            self._sweep()
        due = pending.due = start + patience
        row = self._rows.get(patience)
        if row is None:
            self._rows[patience] = deque((pending,))
        elif row[-1].due <= due:
            row.append(pending)
        else:  # a list that made progress some time ago
            insort(row, pending, key=_due)
        self._size += 1
        return due

    def expire(self, now: float) -> list[tuple[Pending, float]]:
        """Those that are overdue, in the order in which they were due, each with its patience; they are waited for no more."""
        overdue: list[tuple[Pending, float]] = []
        going_on: list[tuple[Pending, float, float]] = []
        for patience, row in list(self._rows.items()):
            while row and (row[0].due <= now or _is_over(row[0])):
                pending = row.popleft()
                self._size -= 1
                if _is_over(pending):
                    continue
                progressed = pending.last_progress() if pending.last_progress is not None else 0.0
                if progressed + patience > now:
                    going_on.append((pending, patience, progressed))
                else:
                    overdue.append((pending, patience))
            if not row:
                del self._rows[patience]
        for each in going_on:
            self.add(*each)
        return sorted(overdue, key=lambda each: each[0].due)

    def clear(self) -> None:
        """Wait for nothing any more."""
        self._rows.clear()
        self._size = 0

    def _sweep(self) -> None:
        for patience, row in list(self._rows.items()):
            self._rows[patience] = waiting = deque([pending for pending in row if not _is_over(pending)])
            if not waiting:
                del self._rows[patience]
        self._size = sum(map(len, self._rows.values()))
        self._swept_at = max(_MANY, 2 * self._size)


def _due(pending: Pending) -> float:
    return pending.due


def _is_over(pending: Pending) -> bool:
    """Whether nobody waits for it any more."""
    return pending.promise is None or pending.promise.done()
