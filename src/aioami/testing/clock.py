"""The time of a fake server, and the tasks that live in it.

A server that waits for real seconds makes slow tests, and threads make tests that fail on some days. Here all that
happens in a server is a coroutine that waits for a `Signal` or for the `Clock`, and for nothing else. The clock runs
them one after the other, in an order that depends on nothing but what they do. Somebody else says how late it is: a
test, or the clock on the wall.
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
    """Thrown into a task that shall end."""


class Signal:
    """Something that happens, and that tasks wait for. Set, it stays set until `clear`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[_Wait] = []
        self.is_set = False

    def set(self) -> None:
        """It happened; whoever waits goes on, in the order in which they came."""
        self.is_set = True
        waiting, self._waiting = self._waiting, []
        for wait in waiting:
            self._clock._wake(wait, self)

    def clear(self) -> None:
        """It may happen again."""
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
        """End it where it waits; nothing happens if it has ended."""
        if not self.done.is_set:
            self._clock._cancel(self)


class _Wait:
    """What a task waits for: any of some signals, at most until a time."""

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
    """Runs tasks, and lets time pass when it is told to.

    Attributes:
        now: seconds since the server was made.
        failures: what tasks raised that nobody handled.
        closed: whether all is over.
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
        """When the next task wants to go on, if no signal comes first."""
        while self._timers and self._timers[0][2].task is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> Task:
        """Run a coroutine; it begins with the next `run`, or never if the clock is closed."""
        task = Task(self, coroutine)
        if self.closed:
            coroutine.close()
            task.done.set()
        else:
            self._tasks.add(task)
            self._ready.append((task, None, False))
        return task

    def wait(self, *signals: Signal, seconds: float | None = None) -> _Wait:
        """An awaitable for the first of these signals, or `None` when the time is over."""
        return _Wait(signals, None if seconds is None else self.now + max(0.0, seconds))

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run for so long."""
        await self.wait(seconds=seconds)

    def run(self) -> None:
        """Run all that can go on now."""
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
        """Let time pass until then; whoever is due goes on at his time."""
        self.run()
        while (due := self.due) is not None and due <= when:
            self.now = max(self.now, due)
            self._wake(heapq.heappop(self._timers)[2], None)
            self.run()
        self.now = max(self.now, when)

    def catch_up(self, when: float) -> None:
        """The same for a time that has passed already: whoever was woken in the meantime goes on then, not before."""
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
