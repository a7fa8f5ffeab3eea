"""The event loop, thread and process in which something lives."""

from __future__ import annotations

import asyncio
import os
import threading
from asyncio import _get_running_loop as running_loop
from collections.abc import Callable

__all__ = ["Place"]


class Place:
    """Admits the uses of a thing from where it was made, and refuses those from elsewhere.

    That is in its event loop, and in its thread while the loop stands still.

    Args:
        what: the thing, as an error names it.
        use: a use of it, as a program writes it.
        lose: is called when the loop turns out to be closed; the use goes on then, and finds what
            that has left behind. Without it, it is refused.

    Attributes:
        loop: the event loop.
    """

    __slots__ = ("_lose", "_process", "_thread", "_use", "_what", "loop")

    def __init__(self, what: str, use: str, lose: Callable[[], object] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._process = os.getpid()
        self._what = what
        self._use = use
        self._lose = lose

    def check(self) -> None:
        """Return if the thing may be used here.

        Raises:
            RuntimeError: it belongs to another event loop, thread or process.
        """
        running = running_loop()
        if self._process == os.getpid():
            if running is self.loop:
                return
            if self._lose is not None and self.loop.is_closed():
                self._lose()
                return
            if running is None and self._thread == threading.get_ident():
                return
        raise RuntimeError(
            f"this {self._what} belongs to another event loop, thread or process; use "
            f"asyncio.run_coroutine_threadsafe({self._use}, loop) with its own loop, or "
            "aioami.in_thread(Manager(...)) for programs without one"
        )
