"""The tests of every action of `aioami.core` that real servers pass, on the fake one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.real import test_core_actions
from tests.real.conftest import mgr, place  # noqa: F401

from aioami.testing import FakeAsterisk

globals().update(
    (name, test)
    for name, test in vars(test_core_actions).items()
    if name.startswith("test_") and name != "test_tls"  # whose port and certificate a real server has
)


@pytest.fixture(params=["16", "22"])
async def asterisk(request: pytest.FixtureRequest) -> AsyncIterator[FakeAsterisk]:
    """A fake server, in real time, as the tests of real ones wait for what happens."""
    async with FakeAsterisk(version=request.param) as server:
        yield server
