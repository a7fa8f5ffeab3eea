"""Traps of the bus that take seconds to show, beside those of `tests/unit/bus/test_traps.py`: `python -m pytest tests/bus_traps.py`.

A test that fails here says that a version has changed what the library steps around.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.unit.bus.test_traps import NEW, make

from aioami.bus.connection import BusConnection, BusOptions
from aioami.errors import ManagerError
from aioami.testing.nats import NatsServer, SuiteGone, cluster, install


@pytest.fixture
async def nodes() -> AsyncIterator[Sequence[NatsServer]]:
    """Three nodes of the newest version, as a cluster that has a leader."""
    try:
        found = cluster(install(NEW), 3)
    except SuiteGone as error:
        pytest.skip(str(error))
    with contextlib.ExitStack() as stack:
        for node in found:
            stack.enter_context(node)
        yield found


async def replicated(bus: BusConnection) -> str:
    """Make a stream that three nodes keep, when they have agreed on who leads."""
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(ManagerError, AssertionError):
            return await make(bus, num_replicas=3)
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def stored(bus: BusConnection, subject: str, headers: dict[str, str] | None = None) -> Any:
    """Publish; return the sequence, or the error."""
    try:
        return await bus.store(subject, b"", headers or {})
    except ManagerError as error:
        return error


async def test_a_wrong_last_message_id(nodes: Sequence[NatsServer]) -> None:
    """`Nats-Expected-Last-Msg-Id` that is wrong stops a replicated stream for good: so it is never used."""
    options = BusOptions.from_url(nodes[0].url, timeout=2.0)
    bus = await BusConnection.open(options, "test")
    stream = await replicated(bus)
    assert await stored(bus, f"{stream}.a") == 1
    await stored(bus, f"{stream}.a", {"Nats-Expected-Last-Msg-Id": "wrong"})
    after = [await stored(bus, f"{stream}.a") for _ in range(2)]
    assert not any(isinstance(each, int) for each in after), after
    await bus.close()


async def test_a_chain_of_comparisons(nodes: Sequence[NatsServer]) -> None:
    """With three replicas nearly all of pipelined messages are refused that compare: so one claim compares, and no event."""
    bus = await BusConnection.open(BusOptions.from_url(nodes[0].url, timeout=10.0), "test")
    stream = await replicated(bus)
    header = "Nats-Expected-Last-Subject-Sequence"
    chain = [stored(bus, f"{stream}.a", {header: str(number)}) for number in range(200)]
    found = await asyncio.gather(*chain)
    assert sum(not isinstance(each, int) for each in found) > 100
    await bus.close()
