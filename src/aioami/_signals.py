"""One way to wait for a change, and to wake those who wait."""

from __future__ import annotations

import asyncio

__all__ = ["Signal"]


class Signal:
    """Wakes every task that waits for it, each time that it is sent."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], None] | None = None  # most are never waited for

    def __len__(self) -> int:
        """The number of tasks that wait."""
        return len(self._waiting) if self._waiting else 0

    async def wait(self) -> None:
        """Wait until the signal is sent. Cancelling it changes nothing for others."""
        if self._waiting is None:
            self._waiting = {}
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = None
        try:
            await waiter
        finally:
            del self._waiting[waiter]

    def send(self) -> None:
        """Wake the tasks that wait now, in the order in which they began to."""
        for waiter in list(self._waiting or ()):
            if not waiter.done():
                waiter.set_result(None)
