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
    """Stands for this process; after a fork, the child makes a new one."""


_here = _Process()


def _forked() -> None:
    global _here
    _here = _Process()


with contextlib.suppress(AttributeError):  # Windows has no fork
    os.register_at_fork(after_in_child=_forked)


class Owner:
    """Allows a thing to be used from its own event loop, and refuses all other uses.

    The thing is a manager, unless `thing` names another. A manager's owner also has the name of its
    server in a fleet.

    Args:
        lose: is called when a use finds the loop closed, which ended the thing; that use then goes
            on. Without `lose`, that use is refused like any other.
        thing: the word for the thing in an error; empty for a manager.
        use: an example of its use, for the error.

    Attributes:
        loop: the loop that the thing belongs to; `None` while it has no owner.
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
        """Remove the owner."""
        self.loop = None

    @property
    def is_elsewhere(self) -> bool:
        """True in a child process that was forked from the owner's process."""
        return self.loop is not None and self._process is not _here

    @property
    def is_gone(self) -> bool:
        """True if the thing cannot be used here: its loop is closed, or in another process."""
        return self.loop is not None and (self._process is not _here or self.loop.is_closed())

    def check(self) -> None:
        """Check that the thing may be used here.

        It may be used in the owner's loop; in the owner's thread while the loop does not run, as
        between two cells of a notebook; and everywhere while it has no owner. With `lose`, an owner
        whose loop is closed is released.

        Raises:
            RuntimeError: the thing belongs to another event loop, thread or process.
        """
        loop = self.loop
        if loop is None:
            return
        running = running_loop()
        if running is loop and self._process is _here:
            return
        if self._lose is not None and loop.is_closed():
            # Released before the call, because `lose` may look at the owner.
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
        """Call a function that ends something in the owner's thread. May be called in any thread.

        In a forked child it does nothing, because the thing belongs to the parent.
        """
        if self.is_elsewhere:
            return
        here = self._thread == threading.get_ident()
        if self.loop is None or here or not self.call_soon(function):
            function()

    def call_soon(self, function: Callable[[], object]) -> bool:
        """Schedule a function in the owner's loop, from any thread; `False` if that is closed."""
        assert self.loop is not None
        try:
            self.loop.call_soon_threadsafe(function)
        except RuntimeError:
            return False
        return True
