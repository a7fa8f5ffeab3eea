"""Waiting for a change, and waking the tasks that wait for it."""

from __future__ import annotations

import asyncio
from asyncio import _get_running_loop as running_loop

__all__ = ["Signal"]


class Signal:
    """Wakes every task that waits for it, each time it is sent."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], None] | None = None  # most are never waited for

    def __len__(self) -> int:
        """The number of waiting tasks, without those whose loop was closed."""
        return sum(not each.get_loop().is_closed() for each in self._waiting or ())

    async def wait(self) -> None:
        """Wait until the signal is sent. Cancelling this does not affect other tasks."""
        if self._waiting is None:
            self._waiting = {}
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = None
        try:
            await waiter
        finally:
            del self._waiting[waiter]

    def send(self) -> None:
        """Wake the tasks that wait now, the first one first. May be called in any thread."""
        if not self._waiting:
            return
        here = running_loop()
        for waiter in list(self._waiting):
            loop = waiter.get_loop()
            if loop is here:
                _wake(waiter)
            # A task that began to wait before the manager had an owner may be of another loop.
            elif not loop.is_closed():
                loop.call_soon_threadsafe(_wake, waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
