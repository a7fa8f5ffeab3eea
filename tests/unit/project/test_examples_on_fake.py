"""The examples on the fake server, as on real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.real.conftest import mgr  # noqa: F401
from tests.real.test_examples import *  # noqa: F403 - the tests themselves, and their fixtures

from aioami.testing import FakeAsterisk


@pytest.fixture(params=["16", "22"])
async def asterisk(request: pytest.FixtureRequest) -> AsyncIterator[FakeAsterisk]:
    """A fake server, in real time, as the examples are in processes of their own."""
    async with FakeAsterisk(version=request.param) as server:
        yield server
