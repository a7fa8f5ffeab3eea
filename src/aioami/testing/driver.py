"""The driver of a fake server's clock: the event loop's time, or a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from .clock import Clock

__all__ = ["Driver"]

_TURNS: Final = 25  # turns of the event loop, in which clients react before time goes on
_MOST_TURNS: Final = 5000  # turns after which time goes on, though a client still sends actions
_GRAIN: Final = 1e-4  # seconds by which a timer of the event loop may fire too early
_LOOK: Final = 0.005  # seconds between two looks at a condition in real time


class Driver:
    """Moves a clock: with the time of the event loop, or only by calls of its methods.

    Args:
        virtual: if true, only `advance` and `pass_until` let time pass.
        flush: called whenever no task of the clock can go on.

    Attributes:
        clock: the clock.
        virtual: the same as the argument.
    """

    def __init__(self, *, virtual: bool, flush: Callable[[], None]) -> None:
        self.virtual = virtual
        self.clock = Clock(idle=self._idle)
        self._flush = flush
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began = 0.0
        self._running = False
        self._timer: asyncio.TimerHandle | None = None
        self._changes = 0
        self._work: set[asyncio.Future[None]] = set()

    def start(self) -> None:
        """Follow the time of the running event loop, from the clock's present time on."""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time() - self.clock.now
        self._running = True

    def stop(self) -> None:
        """Stop following the event loop; `start` may follow."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()

    def catch_up(self) -> None:
        """Run all tasks that are due now; must be called after each change from outside."""
        self._changes += 1
        if self.virtual or self._loop is None:
            self.clock.run()
        else:
            self.clock.catch_up(self._loop.time() - self._began)

    def _idle(self) -> None:
        self._flush()
        if self.virtual or self._loop is None or not self._running:
            return
        if self._timer is not None:
            self._timer.cancel()
        due = self.clock.due
        if due is not None:
            self._timer = self._loop.call_at(self._began + due + _GRAIN, self.catch_up)

    async def advance(self, seconds: float) -> None:
        """Let time pass: at once with virtual time, else by sleeping.

        Args:
            seconds: seconds of the server's time.
        """
        await self._turns()
        if not self.virtual:
            await asyncio.sleep(seconds)
            return
        until = self.clock.now + seconds
        while (due := self.clock.due) is not None and due <= until:
            self.clock.run_until(due)
            await self._turns()
        self.clock.run_until(until)
        await self._turns()

    async def pass_until(self, reached: Callable[[], bool], seconds: float, what: str) -> None:
        """Let time pass until a condition holds.

        Args:
            reached: returns true once the condition holds.
            seconds: timeout in seconds of the server's time.
            what: the condition in words, for the error.

        Raises:
            AssertionError: the condition does not hold within the timeout.
        """
        self.catch_up()
        until = self.clock.now + seconds
        await self._turns()
        while not reached():
            if not self.virtual:
                if self.clock.now >= until:
                    raise AssertionError(f"{what}: not within {seconds:g} seconds")
                await asyncio.sleep(_LOOK)
                self.catch_up()
                continue
            due = self.clock.due
            if due is None or due > until:
                raise AssertionError(f"{what}: not within {seconds:g} seconds")
            self.clock.run_until(due)
            await self._turns()

    def wait_for(self, work: asyncio.Future[None]) -> None:
        """Let no virtual time pass until a future is done."""
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def _turns(self) -> None:
        """Let clients react to events and answers until they are silent."""
        silent = 0
        for _ in range(_MOST_TURNS):
            changes = self._changes
            if self._work:
                await asyncio.wait(self._work)
            await asyncio.sleep(0)
            silent = silent + 1 if changes == self._changes else 0
            if silent == _TURNS:
                return
