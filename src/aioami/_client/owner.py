"""The event loop, thread and process that a manager belongs to while it is connected."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from asyncio import _get_running_loop as running_loop
from collections.abc import Callable

__all__ = ["Owner"]

_WAYS = (
    "use asyncio.run_coroutine_threadsafe(mgr.send(...), loop) with its own loop, "
    "or aioami.in_thread(Manager(...)) for programs without one"
)


class _Process:
    """Stands for this process; after a fork, the child has another."""


_here = _Process()


def _forked() -> None:
    global _here
    _here = _Process()


with contextlib.suppress(AttributeError):  # Windows has no fork
    os.register_at_fork(after_in_child=_forked)


class Owner:
    """Admits the uses of a manager from its own loop, and refuses the others.

    It also knows the fleet's name for the manager.

    Args:
        lose: is called when the loop turns out to be closed, which ended the link.

    Attributes:
        loop: the loop that connected; `None` while the manager belongs to nobody.
        server: the name of the manager's server in its fleet; empty outside of one.
    """

    __slots__ = ("_lose", "_process", "_thread", "loop", "server")

    def __init__(self, lose: Callable[[], None] = lambda: None) -> None:
        self._lose = lose
        self._process: _Process | None = None
        self._thread = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.server = ""

    def take(self) -> None:
        """Make the running loop the owner."""
        self.loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._process = _here

    def release(self) -> None:
        """Have no owner any more."""
        self.loop = None

    @property
    def is_elsewhere(self) -> bool:
        """True in a child process, forked from the one that owns the manager."""
        return self.loop is not None and self._process is not _here

    @property
    def is_gone(self) -> bool:
        """True if there can be no link here any more: its loop is closed, or elsewhere."""
        return self.loop is not None and (self._process is not _here or self.loop.is_closed())

    def check(self) -> None:
        """Return if the manager may be used here.

        That is in the owner's loop, and in its thread while the loop stands still, as between two
        cells of a notebook; and everywhere while nobody owns it. An owner that is closed is
        released.

        Raises:
            RuntimeError: it belongs to another loop, thread or process.
        """
        loop = self.loop
        if loop is None:
            return
        running = running_loop()
        if running is loop and self._process is _here:
            return
        if loop.is_closed():
            self._lose()
            return
        if self._process is not _here:
            raise RuntimeError(
                "this manager was connected in another process; after a fork, make one of its own: "
                + _WAYS
            )
        if running is not None or self._thread != threading.get_ident():
            other = "event loop" if running is not None else "thread"
            raise RuntimeError(f"this manager is connected in another {other}; {_WAYS}")

    def call(self, function: Callable[[], object]) -> None:
        """Call a function that ends something, in the owner's thread; from any thread.

        In a forked process nothing is called: what would end there is the parent's.
        """
        if self.is_elsewhere:
            return
        here = self._thread == threading.get_ident()
        if self.loop is None or here or not self.call_soon(function):
            function()

    def call_soon(self, function: Callable[[], object]) -> bool:
        """Have a function called by the owner's loop, from any thread; `False` if it is closed."""
        assert self.loop is not None
        try:
            self.loop.call_soon_threadsafe(function)
        except RuntimeError:
            return False
        return True
