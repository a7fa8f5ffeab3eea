"""A fake server, and a manager that is logged in on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from aioami import Manager
from aioami.testing import FakeAsterisk


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    """A server of today's kind."""
    async with FakeAsterisk() as server:
        yield server


@pytest.fixture
async def mgr(fake: FakeAsterisk) -> AsyncIterator[Manager]:
    """A manager, logged in."""
    async with Manager.from_url(fake.url) as manager:
        yield manager
