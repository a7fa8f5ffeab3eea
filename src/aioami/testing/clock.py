"""The time of a fake server, and the tasks that live in it.

A server that waits for real seconds makes slow tests, and threads make flaky tests. Here each task
is a coroutine that waits only for a `Signal` or for the `Clock`. The clock runs the tasks one after
another, in an order that is always the same. A driver moves the time: for a test, or with the event
loop.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final

from .._log import get_logger

__all__ = ["Clock", "Signal", "Task"]

_log: Final = get_logger("aioami.testing")


class Cancelled(BaseException):
    """Thrown into a task that is cancelled."""


class Signal:
    """A flag that tasks wait for; it stays set until `clear`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[_Wait] = []
        self.is_set = False

    def set(self) -> None:
        """Set the flag, and wake the waiting tasks in the order in which they came."""
        self.is_set = True
        waiting, self._waiting = self._waiting, []
        for wait in waiting:
            self._clock._wake(wait, self)

    def clear(self) -> None:
        """Reset the flag."""
        self.is_set = False


class Task:
    """A coroutine that the clock runs.

    Attributes:
        done: set when it has ended.
    """

    def __init__(self, clock: Clock, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._clock = clock
        self._coroutine = coroutine
        self._wait: _Wait | None = None
        self.done = Signal(clock)

    def cancel(self) -> None:
        """Cancel the task where it waits; nothing happens if it has ended."""
        if not self.done.is_set:
            self._clock._cancel(self)


class _Wait:
    """A wait for any of some signals, until a time."""

    def __init__(self, signals: tuple[Signal, ...], until: float | None) -> None:
        self.signals = signals
        self.until = until
        self.task: Task | None = None

    def __await__(self) -> Generator[_Wait, Signal | None, Signal | None]:
        for signal in self.signals:
            if signal.is_set:
                return signal
        return (yield self)


class Clock:
    """A clock, and the scheduler of its tasks.

    Args:
        idle: called whenever no task can go on.

    Attributes:
        now: seconds since the server was made.
        failures: exceptions of tasks.
        closed: true once `close` was called.
    """

    def __init__(self, *, idle: Callable[[], None] = lambda: None) -> None:
        self.now = 0.0
        self.failures: list[BaseException] = []
        self._idle = idle
        self._ready: deque[tuple[Task, Signal | None, bool]] = deque()
        self._timers: list[tuple[float, int, _Wait]] = []
        self._order = itertools.count()
        self._running = False
        self._tasks: set[Task] = set()
        self.closed = False

    @property
    def due(self) -> float | None:
        """The time of the next timer; `None` if there is none."""
        while self._timers and self._timers[0][2].task is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Start a task; it begins with the next `run`, or never if the clock is closed."""
        task = Task(self, coroutine)
        if self.closed:
            coroutine.close()
            task.done.set()
        else:
            self._tasks.add(task)
            self._ready.append((task, None, False))
        return task

    def wait(self, *signals: Signal, seconds: float | None = None) -> _Wait:
        """Return an awaitable of the first signal, or of `None` after so many seconds."""
        return _Wait(signals, None if seconds is None else self.now + max(0.0, seconds))

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        await self.wait(seconds=seconds)

    def run(self) -> None:
        """Run all tasks that can go on now."""
        if self._running:
            return
        self._running = True
        try:
            while self._ready:
                self._step(*self._ready.popleft())
        finally:
            self._running = False
        self._idle()

    def run_until(self, when: float) -> None:
        """Let time pass until a moment, and run each task at its time."""
        self.run()
        while (due := self.due) is not None and due <= when:
            self.now = max(self.now, due)
            self._wake(heapq.heappop(self._timers)[2], None)
            self.run()
        self.now = max(self.now, when)

    def catch_up(self, when: float) -> None:
        """Let time pass that is over already, as in the event loop.

        Woken tasks go on at the end of that time, not before.
        """
        if self._running:
            return
        woken, self._ready = self._ready, deque()
        while (due := self.due) is not None and due <= when:
            self.now = max(self.now, due)
            self._wake(heapq.heappop(self._timers)[2], None)
            self.run()
        self.now = max(self.now, when)
        self._ready.extendleft(reversed(woken))
        self.run()

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.run_until(self.now + seconds)

    def close(self) -> None:
        """End all tasks where they wait, for good."""
        self.closed = True
        for task in list(self._tasks):
            task._coroutine.close()
        self._tasks.clear()
        self._timers.clear()
        self._ready.clear()

    def _wake(self, wait: _Wait, signal: Signal | None) -> None:
        task, wait.task = wait.task, None
        if task is not None:
            task._wait = None
            self._ready.append((task, signal, False))

    def _cancel(self, task: Task) -> None:
        if task._wait is not None:
            task._wait.task = None
            task._wait = None
        self._ready.append((task, None, True))

    def _step(self, task: Task, signal: Signal | None, cancelled: bool) -> None:
        if task.done.is_set:
            return
        try:
            wait = task._coroutine.throw(Cancelled()) if cancelled else task._coroutine.send(signal)
        except (StopIteration, Cancelled):
            self._ended(task)
        except Exception as error:
            _log.exception("the fake server failed")
            self.failures.append(error)
            self._ended(task)
        else:
            wait.task, task._wait = task, wait
            if wait.until is not None:
                heapq.heappush(self._timers, (wait.until, next(self._order), wait))
            for other in wait.signals:
                other._waiting.append(wait)

    def _ended(self, task: Task) -> None:
        self._tasks.discard(task)
        task.done.set()
