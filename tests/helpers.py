"""Helpers of several test files: waiting, a quick manager, the command line as a process."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import async_timeout

from aioami import Backoff, Manager, NextEvent, events
from aioami.testing import FakeAsterisk, FaultProxy

QUICK: Final = Backoff(first=0.01, factor=1.0, maximum=0.01, jitter=False)


async def until(reached: Callable[[], object], seconds: float = 20.0) -> None:
    """Let other tasks run until a condition holds, at most so many seconds."""
    async with async_timeout.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.001)


async def observe(running: Awaitable[Any], result: asyncio.Future[Any]) -> None:
    """Await something, and put what it returns or raises into a future too."""
    try:
        value = await running
    except BaseException as error:
        if not result.done():
            result.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
        raise
    if not result.done():
        result.set_result(value)


class Promise:
    """Keeps what it is given, as a future does."""

    def __init__(self) -> None:
        self.result: Any = None
        self.error: Exception | None = None

    def done(self) -> bool:
        return self.result is not None or self.error is not None

    def set_result(self, result: Any, /) -> None:
        self.result = result

    def set_exception(self, error: Exception, /) -> None:
        self.error = error


@contextlib.contextmanager
def about(name: str) -> Iterator[None]:
    """Have a failure in here say which one of many it is about."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{name}: {error}") from error


def begins(mgr: Manager, command: str, channel: str = "") -> NextEvent[events.AGIExecStart]:
    """Wait for the start of a command of AGI, by its first words; on any channel, if none is named."""
    return mgr.wait_for(
        events.AGIExecStart,
        where=lambda event: (event.command or "").startswith(command) and channel in ("", event.channel),
        timeout=10,
    )


def manager(server: FakeAsterisk | FaultProxy, **options: object) -> Manager:
    """Make a manager that reconnects quickly."""
    options = {"username": "admin", "secret": "s3cret", "reconnect": QUICK, **options}
    return Manager(server.host, server.port, **options)  # type: ignore[arg-type]


@contextlib.contextmanager
def interruptible() -> Iterator[tuple[asyncio.AbstractEventLoop, FakeAsterisk]]:
    """An event loop that goes on after an exception has come out of it, and a fake server in it."""
    loop = asyncio.new_event_loop()
    fake = FakeAsterisk()
    loop.run_until_complete(fake.start())
    try:
        yield loop, fake
    finally:
        loop.run_until_complete(fake.stop())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()


async def start(
    *arguments: str,
    url: str | None = None,
    stdin: int = asyncio.subprocess.DEVNULL,
    **environment: str,
) -> asyncio.subprocess.Process:
    """Start the command line with settings of its own, and nothing of this environment's."""
    own = ("AIOAMI", "FORCE_COLOR", "NO_COLOR", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    kept |= {"COLUMNS": "200", "PYTHONIOENCODING": "utf-8"} | environment
    if url is not None:
        kept["AIOAMI_URL"] = url
    return await asyncio.create_subprocess_exec(
        *(*python(), "aioami", *arguments),
        env=kept,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@functools.cache
def python(*options: str) -> tuple[str, ...]:
    """Return the words that start a Python which has imported the library; a module or a file `.py`, and arguments, follow."""
    folder = tempfile.mkdtemp(prefix="aioami-tests-")
    socket = os.path.join(folder, "starter")
    here = Path(__file__).parent
    starter = subprocess.Popen(
        [sys.executable, *options, str(here / "starter.py"), socket],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert starter.stdin is not None
    assert starter.stdout is not None
    assert starter.stdout.readline() == b"ready\n"

    def end() -> None:
        starter.communicate()
        shutil.rmtree(folder)

    atexit.register(end)
    return (sys.executable, "-I", "-S", str(here / "started.py"), socket)


async def run(
    *arguments: str,
    url: str | None = None,
    **environment: str,
) -> tuple[int | None, str, str]:
    """Run the command line; return its exit code, its output and its errors."""
    process = await start(*arguments, url=url, **environment)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


class HastyLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands while something happens, and is put forward to the next timer where nothing does.

    It is for tests whose other ends all live in this loop: where no byte is on its way, nothing but a timer comes. A busy
    machine makes them slower, and no wait in them longer.
    """

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_HastySelector(self))

    def time(self) -> float:
        return self._now

    def skip(self, seconds: float) -> None:
        """Put the clock forward."""
        self._now += seconds


class _HastySelector(selectors.DefaultSelector):
    _QUIET: Final = 0.002  # seconds for which a byte may be on its way

    def __init__(self, loop: HastyLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        found = super().select(min(timeout, self._QUIET))
        if not found:
            self._loop.skip(timeout)
        return found


_VALUES = (
    "value val data applicationdata secret password message body base64body content-type command async timeout callerid "
    "account codecs earlymedia operation loadtype digit duration receive direction state cause penalty paused reason tone "
    "membername options control format mix action-000000 value-000000 reload ringinuse newmessages oldmessages recursive "
    "level number from event announcechannel replace soft eventmask msgtype chargetype currencyname currencyamount "
    "currencymultiplier channelid otherchannelid"
)
VALUES = frozenset(_VALUES.split())
"""The headers of actions that do not name a thing, but what it is to get."""


def names_of_things(headers: Iterable[tuple[str, str]]) -> list[str]:
    """The names of the things that an action is about, by what is no value."""
    return [
        value.partition("(")[0] if name.lower() == "variable" else value
        for name, value in headers
        if name.lower() not in VALUES and value and not (name.lower() == "variable" and "=" in value)
    ]


class Server:
    """A fake server behind a proxy, in a thread of its own: it outlives the loops of its clients."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.fake = FakeAsterisk()
        self.do(self.fake.start())
        self.proxy = FaultProxy(self.fake.host, self.fake.port)
        self.do(self.proxy.start())

    def do(self, what: Awaitable[Any]) -> Any:
        """Await something in its loop, and return the result."""

        async def awaited() -> Any:
            return await what

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result(10)

    def call(self, what: Callable[[], object]) -> None:
        """Call something in its loop."""

        async def called() -> None:
            what()

        self.do(called())

    async def _settled(self) -> None:
        """Wait for connections that were on their way when the server stopped."""
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=10)
        await asyncio.sleep(0)

    def stop(self) -> None:
        """End the server, and its thread."""
        self.do(self.proxy.stop())
        self.do(self.fake.stop())
        self.do(self._settled())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
