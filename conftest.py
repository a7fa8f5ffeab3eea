"""The examples of the README and the documentation are tests: each Python block is a program that must run."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

from aioami.testing import FakeAsterisk


@pytest.fixture(scope="module")
def server_at_the_usual_port() -> Iterator[None]:
    """A fake server, in a thread, for the examples that connect to where an Asterisk usually is."""
    import aioami.manager

    started, usual = threading.Event(), aioami.manager._PORT
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with FakeAsterisk() as fake:
            aioami.manager._PORT = fake.port  # type: ignore[misc]
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    started.wait(10)
    yield
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
    aioami.manager._PORT = usual  # type: ignore[misc]


def has_asterisk() -> bool:
    """Whether a real Asterisk can be put into a private folder here."""
    return bool(os.environ.get("CI")) or (shutil.which("apt-get") is not None and shutil.which("openssl") is not None)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/**/*.md", "docs/*.md"],
    fixtures=["server_at_the_usual_port"],
    setup=lambda namespace: namespace.update(has_asterisk=has_asterisk),
).pytest()
