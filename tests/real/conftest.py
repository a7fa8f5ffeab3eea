"""A manager on a real Asterisk, and calls to try things on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Union

import async_timeout
import pytest

from aioami import Manager, ManagerError, core
from aioami.testing import FakeAsterisk
from aioami.testing.real import RealAsterisk

Place = Callable[..., Awaitable[str]]
Server = Union[RealAsterisk, FakeAsterisk]


@pytest.fixture
def asterisk(real_asterisk: RealAsterisk) -> RealAsterisk:
    """The server that a test runs on."""
    return real_asterisk


@pytest.fixture
async def mgr(asterisk: Server) -> AsyncIterator[Manager]:
    """Logged in with all rights; calls that a test leaves behind are hung up, and gone before the next test."""
    async with Manager.from_url(asterisk.url) as manager:
        yield manager
        await manager.send(core.Hangup("/^.*/"), check=False)
        with contextlib.suppress(asyncio.TimeoutError):
            async with async_timeout.timeout(5):
                while (await manager.send(core.CoreShowChannels(), check=False)).events:
                    await asyncio.sleep(0.02)


@pytest.fixture
def place(mgr: Manager) -> Place:
    """Place a call to an extension, and return the channel at our end once it is answered."""

    async def placed(extension: str = "wait", **options: object) -> str:
        action = core.Originate_Application(f"Local/{extension}@test/n", "Wait", ("600",), **options)  # type: ignore[arg-type]
        outcome = await (await mgr.send(action)).outcome(timeout=10)
        if outcome.channel is None or not outcome.success:
            raise ManagerError(f"the call failed: {outcome}")
        return outcome.channel

    return placed
