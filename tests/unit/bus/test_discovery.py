"""A fleet whose servers are found on a bus."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import QUICK, until
from tests.unit.bus.office import number, office

from aioami import (
    ConnectionLost,
    Fleet,
    ManagerState,
    RelayChanged,
    ServerAppeared,
    ServerGone,
    core,
    events,
)
from aioami.bus import RemoteManager, discovery
from aioami.testing.nats import NatsServer


async def take(stream: Any) -> Any:
    """Take the next event of a stream."""
    return await asyncio.wait_for(stream.__anext__(), 10)


async def test_servers_are_found_and_their_relays_followed(nats_server: NatsServer) -> None:
    """A fleet on a bus has the servers that have a relay, adds those that come, and tells of relays that change and go."""
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(office(nats_server))
        second = await stack.enter_async_context(office(nats_server))
        leader = await stack.enter_async_context(first.relay())
        await until(lambda: leader.is_ready)
        fleet = await stack.enter_async_context(Fleet(nats_server.url, reconnect=QUICK))
        assert list(fleet.servers) == [first.name]
        assert isinstance(fleet[first.name], RemoteManager)
        told = fleet.events(ServerAppeared, ServerGone, RelayChanged)
        hangups = fleet.events(events.Hangup)
        await fleet[first.name].wait_ready(20)
        await fleet[first.name].send(core.Ping())

        other = await stack.enter_async_context(second.relay())
        appeared = await take(told)
        assert isinstance(appeared, ServerAppeared)
        assert (appeared.server, appeared.relay) == (second.name, other.name)
        await fleet[second.name].wait_ready(20)
        await fleet[second.name].send(core.Ping())
        await first.tell(1)
        await second.tell(2)
        found = {(each.server, number(each)) for each in (await take(hangups), await take(hangups))}
        assert found == {(first.name, 1), (second.name, 2)}

        standby = await stack.enter_async_context(first.relay())
        await until(lambda: standby.status()[first.name].role == "standby")
        await leader.close()
        changed = await take(told)
        assert isinstance(changed, RelayChanged)
        assert (changed.server, changed.previous, changed.relay) == (first.name, leader.name, standby.name)

        await other.close()
        gone = await take(told)
        assert isinstance(gone, ServerGone)
        assert (gone.server, gone.relay) == (second.name, other.name)
        await until(lambda: fleet[second.name].state is not ManagerState.READY)
        assert set(fleet.servers) == {first.name, second.name}
        assert fleet.health()[second.name].error is not None
        await stack.enter_async_context(second.relay())
        again = await take(told)
        assert isinstance(again, ServerAppeared)
        assert again.server == second.name


async def test_a_fleet_without_a_bus_says_so(nats_program: Path) -> None:
    """A bus that is not there is told when the time is over, and nothing is left running."""
    server = NatsServer(nats_program)
    before = asyncio.all_tasks()
    with pytest.raises(ConnectionLost):
        async with Fleet(server.url, timeout=0.3):
            pass
    await until(lambda: asyncio.all_tasks() <= before)


async def test_a_bus_that_is_not_waited_for(nats_program: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With `wait="none"` entering does not wait for the bus, which is told once and tried on; its servers are found then."""
    bus = NatsServer(nats_program)
    async with Fleet(bus.url, wait="none", reconnect=QUICK) as fleet:
        assert not fleet.servers
        stream = fleet.events(ServerAppeared)
        await until(lambda: caplog.records)
        with bus:
            async with office(bus) as one, one.relay():
                assert (await asyncio.wait_for(anext(stream), 20)).server == one.name
                await fleet[one.name].wait_ready(20)
    assert len([each for each in caplog.records if "tried again" in each.getMessage()]) == 1


async def test_a_fleet_outlives_its_bus(nats_server: NatsServer) -> None:
    """Servers are found on, and followed on, after the bus was away."""
    async with office(nats_server) as one, one.relay() as relay:
        await until(lambda: relay.is_ready)
        async with Fleet(nats_server.url, reconnect=QUICK) as fleet:
            await fleet[one.name].wait_ready(20)
            hangups = fleet.events(events.Hangup)
            await fleet[one.name].send(core.Ping())
            nats_server.kill()
            await until(lambda: fleet[one.name].state is not ManagerState.READY)
            nats_server.start()
            await fleet[one.name].wait_ready(20)
            await one.tell(7)
            assert number(await take(hangups)) == 7
            async with office(nats_server) as other, other.relay():
                await until(lambda: other.name in fleet.servers)


async def test_a_fleet_leaves_a_node_over_which_no_relay_is_heard(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """If a bus has several nodes, silence may mean that this node is cut off from the others; one node is never left for that. One warning says it."""
    words = "no relay is heard over this node of the bus"
    caplog.set_level("DEBUG")
    monkeypatch.setattr(discovery, "CUT_OFF", 0.2)
    monkeypatch.setattr(discovery, "_LOOK", 0.1)
    port = nats_server.port
    async with Fleet(f"nats://127.0.0.1:{port},localhost:{port}", reconnect=QUICK):
        await until(lambda: caplog.text.count(words) >= 2, 10)
    levels = [each.levelname for each in caplog.records if words in each.getMessage()]
    assert (levels[0], set(levels[1:])) == ("WARNING", {"DEBUG"})
    caplog.clear()
    async with Fleet(nats_server.url, reconnect=QUICK):
        await asyncio.sleep(0.5)
    assert "no relay is heard" not in caplog.text


async def test_a_server_behind_its_relay_that_is_away(nats_server: NatsServer) -> None:
    """Entering a fleet that waits for all raises when the time is over, with the reason; one that waits for any goes on without it."""
    async with office(nats_server) as one, office(nats_server) as two:
        async with one.relay() as first, two.relay() as second:
            await until(lambda: first.status()[one.name].state == second.status()[two.name].state == "ready")
            await two.fake.stop()
            await until(lambda: second.status()[two.name].state == "reconnecting")
            with pytest.raises(ConnectionLost, match=f"^{two.name}: it was not ready within 0.5 seconds: the relay"):
                async with Fleet(nats_server.url, timeout=0.5):
                    pass
            async with Fleet(nats_server.url, wait="any") as fleet:
                assert (await fleet[one.name].send(core.Ping())).success
                assert "the relay has no link" in str(fleet.health()[two.name].error)
        with pytest.raises(ConnectionLost, match=f"{one.name}: it was not ready .* no relay is there for {one.name}"):
            async with Fleet({one.name: nats_server.url}, timeout=0.5):
                pass
