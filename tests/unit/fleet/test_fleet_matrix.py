"""Each trouble that a server of a fleet may have, and each use of the fleet: the outcome is exact, and hurts no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, Literal

import pytest
from tests.helpers import manager, until

from aioami import (
    ConnectionLost,
    Disconnected,
    Fleet,
    ManagerAuthError,
    ManagerState,
    ManagerTimeout,
    Reconnected,
    core,
    events,
)
from aioami.fleet import FleetLive
from aioami.testing import FakeAsterisk, FakeFleet

Trouble = Literal["down at start", "lost", "slow", "flooding", "wrong secret", "removed", "added"]
TROUBLES: Final = ("down at start", "lost", "slow", "flooding", "wrong secret", "removed", "added")
AWAY: Final = ("down at start", "lost", "wrong secret", "removed")  # no action reaches the server, no event comes

BAD, GOOD = "bad", "good"


@contextlib.asynccontextmanager
async def troubled(trouble: Trouble, fakes: FakeFleet) -> AsyncIterator[Fleet]:
    """A fleet of a server in trouble and of one that is well; `added` is well too, while another one is lost."""
    bad = manager(fakes[BAD], timeout=0.3, **({"secret": "wrong"} if trouble == "wrong secret" else {}))
    if trouble == "down at start":
        await fakes[BAD].stop()
    servers = {BAD: bad, GOOD: manager(fakes[GOOD], timeout=5.0)}
    if trouble == "added":
        servers = {GOOD: servers[GOOD], "third": manager(fakes["third"])}
    async with Fleet(servers, wait="any") as fleet:
        await fleet[GOOD].wait_ready(20)
        if trouble == "down at start":
            await until(lambda: fleet.health()[BAD].error is not None)
        elif trouble == "wrong secret":
            await until(lambda: fleet.health()[BAD].state is ManagerState.LOST)
        elif trouble == "added":
            await fleet["third"].wait_ready(20)
            await fakes["third"].stop()
            await until(lambda: fleet["third"].state is ManagerState.RECONNECTING)
            await fleet.add(BAD, bad).wait_ready(20)
        else:
            await fleet[BAD].wait_ready(20)
        if trouble == "lost":
            await fakes[BAD].stop()
            await until(lambda: fleet[BAD].state is ManagerState.RECONNECTING)
        elif trouble == "slow":
            fakes[BAD].stall()
        elif trouble == "removed":
            await fleet.remove(BAD)
        yield fleet


@pytest.fixture
async def fakes() -> AsyncIterator[FakeFleet]:
    """The servers."""
    async with FakeFleet([BAD, GOOD, "third"]) as servers:
        yield servers


async def tell(fake: FakeAsterisk) -> None:
    """Have a server tell of a hang-up."""
    await fake.send_event("Hangup", {"Channel": "PJSIP/1"}, privilege="call,all")


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_events(trouble: Trouble, fakes: FakeFleet) -> None:
    """The well one's events come at once; the other's come when it can send them, or never, and what is lost is its own."""
    async with troubled(trouble, fakes) as fleet:
        with fleet.events(events.Hangup, "Flood", Disconnected, Reconnected, maxsize=100) as stream:
            if trouble == "flooding":
                fakes[BAD].flood(20_000)
                await until(lambda: stream.dropped > 0)
            await tell(fakes[GOOD])
            await fleet[GOOD].send(core.Ping())  # answered behind the event
            taken = [(await anext(stream)).server for _ in range(2 if trouble == "flooding" else 1)]
            assert GOOD in taken
            if trouble == "down at start":
                await fakes[BAD].start()
                await fleet[BAD].wait_ready(20)
            elif trouble == "lost":
                await fakes[BAD].start()
                assert isinstance(back := await anext(stream), Reconnected)
                assert back.server == BAD
            elif trouble == "slow":
                fakes[BAD].resume()
            if trouble in ("wrong secret", "removed"):
                await tell(fakes[BAD])
                await tell(fakes[GOOD])
                assert (await anext(stream)).server == GOOD
                assert stream.pending == 0
            elif trouble == "flooding":
                while stream.pending:
                    assert (await anext(stream)).server == BAD
                assert fleet.statistics()[GOOD].dropped == 0
                assert fleet.statistics()[BAD].dropped == stream.dropped
            else:
                await tell(fakes[BAD])
                assert (await anext(stream)).server == BAD


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_send(trouble: Trouble, fakes: FakeFleet) -> None:
    """An action is answered, or did certainly not leave, or was not answered in time; that of the well one is answered."""
    async with troubled(trouble, fakes) as fleet:
        mgr = None if trouble == "removed" else fleet[BAD]
        if trouble == "flooding":
            fakes[BAD].flood(20_000)
        assert (await fleet[GOOD].send(core.Ping())).success
        if mgr is None:
            with pytest.raises(KeyError):
                fleet[BAD]
        elif trouble in AWAY:
            with pytest.raises(ConnectionLost) as caught:
                await mgr.send(core.Ping())
            assert not caught.value.sent
            assert isinstance(caught.value.__cause__, ManagerAuthError if trouble == "wrong secret" else ConnectionLost)
        elif trouble == "slow":
            with pytest.raises(ManagerTimeout):
                await mgr.send(core.Ping())
        else:
            assert (await mgr.send(core.Ping())).success


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_wait_for(trouble: Trouble, fakes: FakeFleet) -> None:
    """The first event of any server ends a wait; one for a server that is away has its time."""
    async with troubled(trouble, fakes) as fleet:
        any_of_them = fleet.wait_for(events.Hangup, timeout=20)
        of_bad = fleet.wait_for(events.Hangup, where=lambda event: event.server == BAD, timeout=0.3)
        if trouble == "flooding":
            fakes[BAD].flood(20_000)
        await tell(fakes[GOOD])
        assert (await any_of_them).server == GOOD
        if trouble in ("flooding", "added"):
            await tell(fakes[BAD])
            assert (await of_bad).server == BAD
        else:
            with pytest.raises(ManagerTimeout):
                await of_bad


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_live(trouble: Trouble, fakes: FakeFleet) -> None:
    """The well one's state is true at once; the other's is, or says that it is not."""
    async with troubled(trouble, fakes) as fleet:
        if trouble == "flooding":
            fakes[BAD].flood(20_000)
        async with FleetLive(fleet, timeout=0.5) as lives:
            assert set(lives) == set(fleet.servers)
            changes = lives.changes()
            assert lives[GOOD].synced
            assert len(lives[GOOD].queues) > 0
            if trouble in ("flooding", "added"):
                await lives[BAD].wait_synced(20)
                assert len(lives[BAD].queues) > 0
            elif trouble != "removed":
                assert not lives[BAD].synced
            fakes[GOOD].incoming("PJSIP/alice", "100")
            while (change := await anext(changes)).server != GOOD or change.kind != "channel":
                continue
            assert change.key in lives[GOOD].channels
            if trouble in ("down at start", "lost", "slow"):
                if trouble == "slow":
                    fakes[BAD].resume()
                else:
                    await fakes[BAD].start()
                await lives[BAD].wait_synced(30)
        assert not lives[GOOD].synced
        with pytest.raises(StopAsyncIteration):
            while True:
                await anext(changes)


HEALTH: Final = {
    "down at start": (ManagerState.CONNECTING, ConnectionLost),
    "lost": (ManagerState.RECONNECTING, ConnectionLost),
    "slow": (ManagerState.READY, type(None)),
    "flooding": (ManagerState.READY, type(None)),
    "wrong secret": (ManagerState.LOST, ManagerAuthError),
    "added": (ManagerState.READY, type(None)),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_health(trouble: Trouble, fakes: FakeFleet) -> None:
    """Each server's state is what it is, with the error of the one that is away, and of no other."""
    async with troubled(trouble, fakes) as fleet:
        if trouble == "flooding":
            fakes[BAD].flood(20_000)
        found = {name: (each.state, type(each.error)) for name, each in fleet.health().items()}
        assert found.pop(BAD, None) == HEALTH.get(trouble)
        others = {GOOD: (ManagerState.READY, type(None))}
        if trouble == "added":
            others["third"] = (ManagerState.RECONNECTING, ConnectionLost)
        assert found == others


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_close(trouble: Trouble, fakes: FakeFleet) -> None:
    """Closing is quick, says farewell once to each that is there, and leaves nothing."""
    async with troubled(trouble, fakes) as fleet:
        members = [fleet[name] for name in fleet]
        stream = fleet.events(events.Hangup)
        if trouble == "flooding":
            fakes[BAD].flood(20_000)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await fleet.close()
        assert loop.time() - began < 3
        assert {mgr.state for mgr in members} == {ManagerState.CLOSED}
        assert len(fakes[GOOD].sent("Logoff")) == 1
        if trouble == "slow":
            fakes[BAD].resume()
            await fakes[BAD].expect("Logoff")
        assert len(fakes[BAD].sent("Logoff")) == (0 if trouble in ("down at start", "lost", "wrong secret") else 1)
        assert stream.ended
