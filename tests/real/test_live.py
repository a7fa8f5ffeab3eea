"""The live state of real servers is what a new snapshot of them tells, also in the middle of load, and after a restart."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator

import async_timeout
import pytest
from tests.soak.load import Keeper

from aioami import Backoff, Manager, core
from aioami.enums import ChannelState
from aioami.live import Live
from aioami.testing.real import RealAsterisk

QUICK = Backoff(first=0.05, factor=1.5, maximum=0.5)


@pytest.fixture(scope="module")
def keeper(real_asterisk: RealAsterisk) -> Iterator[Keeper]:
    """A private server for this file, and who starts and ends it."""
    with Keeper(RealAsterisk(real_asterisk.installation)) as running:
        yield running


@pytest.fixture
async def mgr(keeper: Keeper) -> AsyncIterator[Manager]:
    async with Manager.from_url(keeper.server.url, reconnect=QUICK) as manager:
        yield manager
        await manager.send(core.Hangup("/^.*/"), check=False)


async def until(reached: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something is so."""
    async with async_timeout.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.01)


def picture(live: Live) -> dict[str, object]:
    """What is shown, but for what no event tells: times, and which application a channel has left."""
    return {
        "channels": {
            each.uniqueid: (each.name, each.state, each.bridge, each.caller_id_num, each.context, each.exten)
            for each in live.channels.values()
        },
        "bridges": {each.uniqueid: (each.type, frozenset(each.channels)) for each in live.bridges.values()},
        "queues": {
            each.name: (
                *(each.strategy, each.completed, each.abandoned, dict(each.members)),
                [caller.uniqueid for caller in each.callers],
            )
            for each in live.queues.values()
        },
    }


async def as_listed(live: Live, mgr: Manager) -> None:
    """What is followed is what a snapshot tells, as soon as the server has come to rest."""
    for attempt in range(20):
        async with Live(mgr) as fresh:
            if picture(live) == picture(fresh) and live.synced:
                return
            if attempt == 19:
                assert picture(live) == picture(fresh)
        await asyncio.sleep(0.1)
    raise AssertionError("the live state is never up to date")


async def place(mgr: Manager, extension: str, caller: str = "") -> str:
    """Place a call, and return the channel at our end."""
    channel = f"Local/{extension}@test/n"
    answer = await mgr.send(core.Originate_Application(channel, "Wait", ("60",), callerid=caller or None))
    return (await answer.outcome(timeout=10)).channel or ""


async def test_calls_come_are_joined_and_go(mgr: Manager) -> None:
    """Channels, their bridge, a member, a waiting caller and the hang-up are followed, each as the server lists it."""
    async with Live(mgr) as live:
        first, second = await place(mgr, "wait", '"Ada" <555>'), await place(mgr, "wait")
        await as_listed(live, mgr)
        assert {first, second} <= {channel.name for channel in live.channels.values()}
        await mgr.send(core.Bridge(first, second))
        await until(lambda: any(len(bridge.channels) == 2 for bridge in live.bridges.values()))
        await as_listed(live, mgr)
        joined = [channel for channel in live.channels.values() if channel.name in (first, second)]
        assert len({channel.linkedid for channel in joined}) == 1
        assert all(channel.state is ChannelState.UP for channel in joined)

        await mgr.send(core.QueueAdd("Local/short@test/n", "empty", "Quick"))
        await mgr.send(core.QueuePause("Local/short@test/n", True, "empty"))
        waiting = await place(mgr, "hold", '"Eve" <556>')
        await until(lambda: live.queues["empty"].callers)
        (caller,) = live.queues["empty"].callers
        assert caller.position == 1
        assert live.channels[caller.uniqueid].linkedid in live.calls()
        assert live.queues["empty"].members["Local/short@test/n"].paused
        await as_listed(live, mgr)
        before = live.queues["empty"].completed
        await mgr.send(core.QueuePause("Local/short@test/n", False, "empty"))
        await until(lambda: live.queues["empty"].completed == before + 1)
        await as_listed(live, mgr)

        await mgr.send(core.Hangup(waiting), check=False)
        await mgr.send(core.Hangup("/^.*/"), check=False)
        await mgr.send(core.QueueRemove("Local/short@test/n", "empty"))
        await until(lambda: not live.channels and not live.bridges)
        await as_listed(live, mgr)


async def test_snapshots_in_the_middle_of_load(mgr: Manager) -> None:
    """Snapshots that are taken while calls come and go show, at rest, what was there from the begin and nothing that was not."""
    chance = random.Random(7)
    async with Live(mgr) as first:
        loads = [
            asyncio.ensure_future(
                mgr.send(
                    core.Originate_Application(
                        f"Local/{chance.choice(('short', 'wait', 'queue'))}@test", "Wait", ("2",)
                    )
                )
            )
            for _ in range(60)
        ]
        others = []
        for _ in range(12):
            other = Live(mgr)
            await other.__aenter__()
            others.append(other)
            await asyncio.sleep(0.1)
        await asyncio.gather(*loads)
        await mgr.send(core.Hangup("/^.*/"), check=False)
        stays = await place(mgr, "wait")
        for live in (first, *others):
            await until(lambda live=live: {each.name for each in live.channels.values()} >= {stays})  # type: ignore[misc]
            await until(lambda live=live: len(live.channels) == 2)  # type: ignore[misc]
            await as_listed(live, mgr)
        for other in others:
            await other.__aexit__(None, None, None)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["terminate", "kill"])
async def test_a_server_that_is_restarted(keeper: Keeper, mgr: Manager, how: str) -> None:
    """The state tells that it is out of date while the server is away, and then is that of the new server, whole."""
    async with Live(mgr) as live:
        await place(mgr, "hold")
        await until(lambda: live.queues["empty"].callers)
        old = set(live.channels)
        await keeper.do(getattr(keeper.server, how))
        await until(lambda: not live.synced)
        await keeper.do(keeper.server.start)
        await until(lambda: live.synced and not live.unavailable)
        assert not old & set(live.channels)
        assert live.queues["empty"].callers == ()
        await place(mgr, "wait")
        await until(lambda: len(live.channels) == 2)
        await as_listed(live, mgr)


async def test_a_user_with_few_rights(keeper: Keeper) -> None:
    """Who may read and write calls alone sees the channels by Status; who may write nothing is told so."""
    server = keeper.server
    async with Manager(server.host, server.port, "callonly", "s3cret") as mgr, Live(mgr) as live:
        assert live.unavailable == {}
    async with Manager(server.host, server.port, "readonly", "s3cret") as mgr, Live(mgr) as live:
        assert set(live.unavailable) == {"channels"}
        assert "support" in live.queues
