"""The event loop, thread and process that something belongs to while it is in use."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from asyncio import _get_running_loop as running_loop
from collections.abc import Callable

__all__ = ["Owner"]


class _Process:
    """Stands for this process; after a fork, the child has another."""


_here = _Process()


def _forked() -> None:
    global _here
    _here = _Process()


with contextlib.suppress(AttributeError):  # Windows has no fork
    os.register_at_fork(after_in_child=_forked)


class Owner:
    """Admits the uses of a thing from its own event loop, and refuses the others.

    The thing is a manager, if it is not said to be another. A manager's owner also knows the
    fleet's name for it.

    Args:
        lose: is called when the loop turns out to be closed, which ended the thing; the use that
            noticed it then goes on. Without it, that use is refused as any other.
        thing: the thing, as an error names it.
        use: a use of it, as a program writes it.

    Attributes:
        loop: the loop that it belongs to; `None` while it belongs to nobody.
        server: the name of the manager's server in its fleet; empty outside of one.
    """

    __slots__ = ("_lose", "_process", "_thing", "_thread", "_use", "loop", "server")

    def __init__(
        self,
        lose: Callable[[], object] | None = None,
        thing: str = "",
        use: str = "mgr.send(...)",
    ) -> None:
        self._lose = lose
        self._thing = thing
        self._use = use
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
        """True in a child process, forked from the one that owns the thing."""
        return self.loop is not None and self._process is not _here

    @property
    def is_gone(self) -> bool:
        """True if there can be no use of it here: its loop is closed, or elsewhere."""
        return self.loop is not None and (self._process is not _here or self.loop.is_closed())

    def check(self) -> None:
        """Return if the thing may be used here.

        That is in the owner's loop, and in its thread while the loop stands still, as between two
        cells of a notebook; and everywhere while nobody owns it. An owner whose loop is closed is
        released.

        Raises:
            RuntimeError: it belongs to another event loop, thread or process.
        """
        loop = self.loop
        if loop is None:
            return
        running = running_loop()
        if running is loop and self._process is _here:
            return
        if self._lose is not None and loop.is_closed():
            # First, as what is lost may look who owns it.
            self.release()
            self._lose()
            return
        if self._process is not _here:
            other = "process"
        elif running is not None:
            other = "event loop"
        elif self._thread != threading.get_ident():
            other = "thread"
        else:
            return
        raise RuntimeError(self._refusal(other))

    def _refusal(self, other: str) -> str:
        ways = (
            f"use asyncio.run_coroutine_threadsafe({self._use}, loop) with its own loop, "
            "or aioami.in_thread(Manager(...)) for programs without one"
        )
        if self._thing:
            return f"this {self._thing} belongs to another event loop, thread or process; {ways}"
        if other == "process":
            advice = "after a fork, make one of its own"
            return f"this manager was connected in another process; {advice}: {ways}"
        return f"this manager is connected in another {other}; {ways}"

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
