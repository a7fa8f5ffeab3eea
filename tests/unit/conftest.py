"""Short names for the plugin's fixtures, and what must be true after each test of the link."""

from __future__ import annotations

import asyncio
import gc
import inspect
import socket
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.helpers import Server

from aioami import Manager
from aioami.testing import FakeAsterisk, FaultProxy

# Collecting garbage takes its time; these are the tests whose connections come and go.
WATCHED = {
    "test_callbacks",
    "test_cases",
    "test_fleet",
    "test_fleet_live",
    "test_fleet_matrix",
    "test_lifecycle",
    "test_link",
    "test_manager",
    "test_metrics",
    "test_relatives",
    "test_statistics",
}


@pytest.fixture
def fake(fake_asterisk: FakeAsterisk) -> FakeAsterisk:
    """A fake server."""
    return fake_asterisk


@pytest.fixture
def mgr(ami_manager: Manager) -> Manager:
    """A manager, logged in on it."""
    return ami_manager


@pytest.fixture
async def proxy(fake: FakeAsterisk) -> AsyncIterator[FaultProxy]:
    """A proxy before the fake server."""
    async with FaultProxy(fake.host, fake.port) as between:
        yield between


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and on which nobody else can begin to."""
    with socket.socket() as held:
        held.bind(("", 0))
        yield held.getsockname()[1]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server in a thread of its own."""
    server = Server()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def watched(request: pytest.FixtureRequest) -> None:
    """Have the tests of the link leave nothing behind."""
    module = request.module.__name__.rpartition(".")[2]
    if module in WATCHED and inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("nothing_is_left_behind")


@pytest.fixture
async def nothing_is_left_behind() -> AsyncIterator[None]:
    """No task, no socket, no manager, and no exception that nobody has heard of."""
    loop = asyncio.get_running_loop()
    unheard: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: unheard.append(context))
    yield
    deadline = loop.time() + 2
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        assert loop.time() < deadline, f"tasks are left behind: {left}"
        await asyncio.sleep(0.005)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    assert not [str(each.message) for each in told if issubclass(each.category, ResourceWarning)]
    await asyncio.sleep(0)
    assert not unheard
