"""The tests of every action of `aioami.core` that real servers pass, on the fake one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.real.conftest import mgr, place  # noqa: F401
from tests.real.test_core_actions import *  # noqa: F403 - the tests themselves

from aioami.testing import FakeAsterisk

del test_tls  # noqa: F821 - its port and its certificate are a real server's


@pytest.fixture(params=["16", "22"])
async def asterisk(request: pytest.FixtureRequest) -> AsyncIterator[FakeAsterisk]:
    """A fake server, in real time, as the tests of real ones wait for what happens."""
    async with FakeAsterisk(version=request.param) as server:
        yield server
