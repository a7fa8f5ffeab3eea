"""A story that a real server and a fake one tell in the same words."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable
from typing import Final

from aioami.testing import FakeAsterisk
from aioami.testing.real import RealAsterisk

from .line import Line
from .stories import Story
from .transcript import write

__all__ = ["differences"]

# Where threads of a loaded machine are late, a story is told once more, on both sides.
ATTEMPTS: Final = 3


async def told(
    server: FakeAsterisk | RealAsterisk, story: Story, passes: Callable[[float], Awaitable[None]]
) -> list[str]:
    """Play a story, and return its transcript."""
    line = Line(server.host, server.port, passes)
    try:
        await story(line)
        return write(line).splitlines()
    finally:
        await line.close()


async def differences(real: RealAsterisk, fake: FakeAsterisk, story: Story) -> list[str]:
    """Play a story on both servers, and return what was told differently each time; nothing if it was once the same."""
    found: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        theirs = await told(real, story, asyncio.sleep)
        ours = await told(fake, story, fake.advance)
        difference = list(difflib.unified_diff(theirs, ours, f"Asterisk {real.version}", "fake", lineterm="", n=0))
        if not difference:
            return []
        found += [f"attempt {attempt}", *difference]
    return found
