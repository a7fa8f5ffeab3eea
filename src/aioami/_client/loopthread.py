"""An event loop in a thread, and calls into it from other threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn, Protocol, TypeVar

from .._warning import asked_from_here
from ..errors import ConnectionLost

__all__ = ["LoopThread", "Source"]

T = TypeVar("T")


class Source(Protocol):
    """A manager or a fleet: the methods that its thread needs."""

    async def connect(self) -> None: ...
    async def close(self) -> None: ...


class _Stopped(Exception):
    """The loop takes no more work, because another thread has just closed the manager."""


class _RunningLoop:
    """An event loop that runs in its own thread until it is stopped."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.process = os.getpid()
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.name = "aioami"

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: the system has no more threads.
        """
        try:
            self._thread.start()
        except RuntimeError:
            self._stopped = True
            self.loop.close()
            raise

    def _run(self) -> None:
        loop = self.loop
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            # Also set here: an exception like KeyboardInterrupt in a callback ends the loop too.
            with self._lock:
                self._stopped = True
            try:
                # Tasks that still wait are cancelled, as in asyncio.run().
                tasks = asyncio.all_tasks(loop)
                for task in tasks:
                    task.cancel()
                loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                loop.close()

    @property
    def is_here(self) -> bool:
        """True if this is the loop's thread."""
        return threading.current_thread() is self._thread

    @property
    def is_stopped(self) -> bool:
        """True if the loop is ending or has ended."""
        return self._stopped

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine in the loop, at most until the thread ends.

        Raises:
            _Stopped: the loop is ending or has ended, and would never run it.
        """
        with self._lock:
            if not self._stopped:
                return asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        coroutine.close()
        raise _Stopped

    def stop(self) -> None:
        """Stop the loop after the coroutines submitted so far have started. May be called again."""
        with self._lock:
            # Only once: a second stop would interrupt the loop while it cancels its tasks.
            if not self._stopped:
                self._stopped = True
                self.loop.call_soon_threadsafe(self.loop.stop)

    def leave(self, source: Source) -> None:
        """Begin to close a manager and then to stop the loop; return at once."""

        async def left() -> None:
            try:
                await source.close()
            finally:
                self.stop()

        with contextlib.suppress(_Stopped):
            self.submit(left())

    def join(self) -> None:
        """Wait until the thread has ended. One whose start was interrupted ends by itself."""
        with contextlib.suppress(RuntimeError):
            self._thread.join()


class LoopThread:
    """The thread with the event loop of a manager or a fleet, while that is connected.

    All blocking objects refer to it: the manager, its streams, callbacks and calls. When the last
    of them is dropped without `close()`, the links end, with a `ResourceWarning`.

    Args:
        source: the manager or the fleet.
        kind: `manager` or `fleet`, for errors.
    """

    def __init__(self, source: Source, kind: str) -> None:
        self._source = source
        self._kind = kind
        self._lock = threading.Lock()
        self._running: _RunningLoop | None = None

    @property
    def is_running(self) -> bool:
        """True while there is a thread, from `connect()` to the end of `close()`."""
        return self._running is not None and not self._running.loop.is_closed()

    @property
    def is_usable(self) -> bool:
        """True if there is a thread that can be used from here.

        Raises:
            RuntimeError: it was connected in another process; or this is the loop's own thread.
        """
        return self._usable() is not None

    def refuse(self) -> NoReturn:
        """Raise the error for a call that needs a connection."""
        raise ConnectionLost(f"the {self._kind} is not connected: call connect(), or use `with`")

    def run(self, begin: Callable[[], Awaitable[T]]) -> T:
        """Call a function in the loop's thread, and await its result there."""
        return self.run_or(begin, self.refuse)

    def run_or(self, begin: Callable[[], Awaitable[T]], otherwise: Callable[[], T]) -> T:
        """Call a function in the loop's thread, and await its result there.

        Args:
            begin: the function, which returns an awaitable.
            otherwise: is called here instead if there is no thread, or the loop ends first.
        """
        running = self._usable()
        if running is None:
            return otherwise()
        try:
            return self._run_on(running, begin)
        except _Stopped:
            running.join()
        return otherwise()

    def _run_on(self, running: _RunningLoop, begin: Callable[[], Awaitable[T]]) -> T:
        begun = False

        async def awaited() -> T:
            nonlocal begun
            begun = True
            return await begin()

        future = running.submit(awaited())
        try:
            return future.result()
        except concurrent.futures.CancelledError as error:
            if not begun:  # the loop ended before this coroutine began
                raise _Stopped from error
            if not running.is_stopped:  # the awaitable itself was cancelled
                raise asyncio.CancelledError(*error.args) from error
            raise ConnectionLost(f"the {self._kind} was closed") from error
        except BaseException:
            future.cancel()  # has an effect only if this thread was interrupted
            raise

    def _usable(self) -> _RunningLoop | None:
        running = self._running
        if running is None:
            return None
        if running.process != os.getpid():
            raise RuntimeError(
                f"this {self._kind} was connected in another process, and its thread is there: "
                f"call aioami.in_thread({self._kind.capitalize()}(...)) after the fork"
            )
        if running.is_here:
            raise RuntimeError(
                f"this is the thread of the {self._kind}'s own loop: await the names of its "
                f"`{self._kind}` in an async callback, or asyncio.run_coroutine_threadsafe() from "
                "elsewhere"
            )
        return running

    def at_once(self, function: Callable[[], T]) -> T:
        """Call a plain function in the loop's thread; without a thread, call it here."""

        async def called() -> T:
            return function()

        with asked_from_here():
            return self.run_or(called, function)

    def connect(self) -> None:
        """Start the thread, and connect there.

        Raises:
            RuntimeError: it is connected already.
            ConnectionLost: another thread closed it meanwhile.
        """
        running = begun = None
        try:
            with self._lock:
                running = self._usable()
                if running is None:
                    # Assigned before it starts, because Ctrl-C may come during the start.
                    running = begun = _RunningLoop()
                    begun.start()
                    self._running = begun
            self._run_on(running, self._source.connect)
        except BaseException as error:
            stopped = isinstance(error, _Stopped)
            ended = running if stopped else begun
            if ended is not None:
                self._end(ended)
            if stopped:
                raise ConnectionLost(f"the {self._kind} was closed") from None
            raise

    def close(self) -> None:
        """Close the manager or fleet, and end the thread. May be called again, in any thread."""
        running = self._usable()
        if running is not None:
            try:
                # Another thread may have closed it first.
                with contextlib.suppress(_Stopped, ConnectionLost):
                    self._run_on(running, self._source.close)
            finally:
                self._end(running)

    def _end(self, running: _RunningLoop) -> None:
        # Stopped first: if Ctrl-C comes after this, the next call finds a stopped thread.
        running.stop()
        with self._lock:
            if self._running is running:
                self._running = None
        running.join()

    def __del__(self) -> None:
        running = getattr(self, "_running", None)
        if running is not None and running.process == os.getpid():
            running.leave(self._source)
            name = f"Blocking{self._kind.capitalize()}"
            text = f"<{name} of {self._source!r}> was dropped without close()"
            warnings.warn(text, ResourceWarning, source=self, stacklevel=2)
