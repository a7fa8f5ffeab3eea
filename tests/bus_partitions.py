"""A node of a cluster that is cut off from the others, and still has its clients: `python -m pytest tests/bus_partitions.py`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import async_timeout
import pytest
from tests.bus_rounds import SERVER, World
from tests.helpers import until

from aioami import Fleet, ManagerState, ServerAppeared, ServerGone, core
from aioami.bus import RemoteManager
from aioami.testing.nats import SuiteGone, install

_SECONDS = 60.0


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Three nodes and two relays."""
    try:
        program = install("newest")
    except SuiteGone as error:
        pytest.skip(str(error))
    async with World(program, rate=50, nodes=3).run() as running:
        yield running


def nodes_of(world: World, relay: int) -> list[int]:
    """The numbers of the nodes that a relay is connected with: one, or none while it goes to another."""
    return [number for number, way in enumerate(world.to_nodes[relay]) if way.connections]


async def test_nobody_stays_on_a_node_that_is_cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager, a fleet and a relay go to another node, while the partition lasts."""
    standby = world.relays.index(await world.standby())
    (number,) = nodes_of(world, standby)
    node = world.nodes[number]
    here = f"nats://{node.host}:{node.port}"
    monkeypatch.setattr(random, "sample", lambda servers, count: sorted(servers, key=lambda each: each != here))
    manager = RemoteManager(world.url, SERVER)
    async with manager, Fleet(world.url) as fleet, async_timeout.timeout(2 * _SECONDS):
        await manager.wait_ready(20)
        await until(lambda: SERVER in fleet.servers and fleet[SERVER].state is ManagerState.READY, 20)
        told = fleet.events(ServerGone, ServerAppeared)
        ways = world.ways_of(node, *(each for each in world.nodes if each is not node))
        for way in ways:
            await way.stop()
        await until(lambda: manager.state is not ManagerState.READY, _SECONDS)
        await until(lambda: nodes_of(world, standby) not in ([], [number]), _SECONDS)
        await manager.wait_ready(_SECONDS)
        with manager.events() as events:
            await world.source.send()
            async with async_timeout.timeout(10):
                await anext(events)
        await manager.send(core.Ping())
        await until(lambda: fleet[SERVER].state is ManagerState.READY, _SECONDS)
        # The fleet hears of relays over a connection of its own.
        kinds = [type(await asyncio.wait_for(anext(told), _SECONDS)) for _ in range(2)]
        assert kinds == [ServerGone, ServerAppeared]
