"""The live state of real servers is what a new snapshot of them tells, also in the middle of load, and after a restart."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.helpers import QUICK, until
from tests.soak.load import Keeper

from aioami import Action, Manager, actions, core
from aioami.enums import ChannelState
from aioami.events import DialEnd
from aioami.live import Live
from aioami.testing.real import RealAsterisk


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


def picture(live: Live) -> dict[str, object]:
    """What is shown, but for the times."""
    return {
        "channels": {
            each.uniqueid: (
                *(each.name, each.state, each.bridge, each.linkedid),
                *(each.caller_id_num, each.context, each.exten, each.application, each.application_data),
            )
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


async def place(mgr: Manager, extension: str, caller: str = "", runs: str = "Wait", data: str = "60") -> str:
    """Place a call, and return the channel at our end, on which an application runs."""
    channel = f"Local/{extension}@test/n"
    action = core.Originate_Application(channel, runs, (data,), callerid=caller or None)
    return (await (await mgr.send(action)).outcome(timeout=10)).channel or ""


def uniqueid(live: Live, name: str) -> str:
    return next(each.uniqueid for each in live.channels.values() if each.name == name)


def far(channel: str) -> str:
    """The other half of a Local channel, which is in the dialplan."""
    return channel.replace(";1", ";2")


def waiting(live: Live, queue: str) -> list[str]:
    """The names of the channels that wait in a queue."""
    return [each.channel for each in live.queues[queue].callers]


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


@pytest.mark.parametrize(("application", "data"), [("ConfBridge", "room1"), ("BridgeWait", ""), ("Park", "default")])
async def test_calls_that_share_a_room(mgr: Manager, application: str, data: str) -> None:
    """In a conference, holding bridge or parking lot each call keeps its Linkedid, as listed."""
    async with Live(mgr) as live:
        came = [await place(mgr, "wait", runs=application, data=data) for _ in range(3)]
        await until(lambda: any(len(bridge.channels) == 3 for bridge in live.bridges.values()))
        await as_listed(live, mgr)
        assert len(live.calls()) == 3
        assert all(live.channels[uniqueid(live, each)].linkedid == uniqueid(live, each) for each in came)
        await mgr.send(core.Hangup(came[1]))
        await until(lambda: len(live.calls()) == 2)
        await as_listed(live, mgr)
        await mgr.send(core.Hangup("/^.*/"), check=False)
        await until(lambda: not live.channels)


async def test_an_older_linkedid_is_handed_on(mgr: Manager) -> None:
    """A channel keeps the Linkedid of the older call it was bridged with, and hands it on."""
    async with Live(mgr) as live:
        first, second, third = [await place(mgr, "wait") for _ in range(3)]
        for one, other in ((third, first), (second, third)):
            await mgr.send(core.Bridge(one, other))
            pair = {uniqueid(live, one), uniqueid(live, other)}
            await until(lambda pair=pair: any(pair == {*each.channels} for each in live.bridges.values()))  # type: ignore[misc]
            await as_listed(live, mgr)
        linked = {live.channels[uniqueid(live, each)].linkedid for each in (first, second, third)}
        assert linked == {uniqueid(live, first)}


async def test_waiting_callers_who_are_taken_away(mgr: Manager) -> None:
    """A caller who is bridged, parked or sent elsewhere leaves the queue, though no event tells."""
    async with Live(mgr) as live:
        bridged, parked, redirected = [far(await place(mgr, "hold")) for _ in range(3)]
        taken, sent, moved = [await place(mgr, "wait", runs="Queue", data="empty") for _ in range(3)]
        stays = far(await place(mgr, "hold"))
        other, another = [await place(mgr, "wait") for _ in range(2)]
        callers = [bridged, parked, redirected, taken, sent, moved, stays]
        await until(lambda: len(live.queues["empty"].callers) == len(callers))
        await as_listed(live, mgr)
        before = live.queues["empty"].abandoned
        for abandoned, (caller, action) in enumerate(
            (
                (bridged, core.Bridge(bridged, other)),
                (parked, core.Park(parked, stays)),
                (redirected, core.Redirect(redirected, "elsewhere", "target", 1)),
                (taken, core.Bridge(another, taken)),
                (sent, core.Redirect(sent, "elsewhere", "target", 1)),
                (moved, core.Redirect(moved, "queues", "sales", 2)),
            ),
            before + 1,
        ):
            assert caller in waiting(live, "empty")
            await mgr.send(action)
            await until(lambda caller=caller: caller not in waiting(live, "empty"))  # type: ignore[misc]
            await as_listed(live, mgr)
            assert live.queues["empty"].abandoned == abandoned
        assert waiting(live, "empty") == [stays]
        await until(lambda: waiting(live, "sales") == [moved])
        await mgr.send(core.Hangup("/^.*/"), check=False)
        await until(lambda: not live.channels)
        await as_listed(live, mgr)


async def test_subroutines_of_a_queue(mgr: Manager) -> None:
    """A caller for whom the queue runs a subroutine goes on waiting, in Queue, though the list of channels stays with Return."""
    steps = [("before", "s", "1", "NoOp", ""), ("before", "s", "2", "Return", "")]
    steps += [("test", "prepared", "1", "Answer", ""), ("test", "prepared", "2", "Queue", "sales,B(before^s^1),,,30")]
    for context, exten, priority, application, data in steps:
        await mgr.send(actions.DialplanExtensionAdd(context, exten, priority, application, application_data=data))
    await mgr.send(core.QueueAdd("Local/ring@test/n", "sales", "Ringer"))
    async with Live(mgr) as live:
        with mgr.events("Newexten", "AgentCalled", maxsize=None) as stream:
            caller = far(await place(mgr, "prepared"))
            ran = set()
            async for event in stream:
                if event["Channel"] == caller:
                    ran.add(event.get("Application", event["Event"]))
                if "AgentCalled" in ran:
                    break
            assert ran >= {"Queue", "NoOp", "Return"}
        listed = (await mgr.send(core.CoreShowChannels())).events
        assert next(each["Application"] for each in listed if each["Channel"] == caller) == "Return"
        (told,) = (await mgr.send(core.Status(caller))).events
        assert told["Application"] == "Queue"
        await until(lambda: live.channels[uniqueid(live, caller)].application == "Queue")
        async with Live(mgr) as later:
            assert later.channels[uniqueid(live, caller)].application == "Queue"
        await as_listed(live, mgr)
        assert waiting(live, "sales") == [caller]
        await mgr.send(core.QueueRemove("Local/ring@test/n", "sales"))
        await mgr.send(core.Hangup("/^.*/"), check=False)
        await until(lambda: not waiting(live, "sales"))
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
            await asyncio.sleep(0.1)  # so that the snapshots are spread over the load
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


async def test_what_no_event_tells(keeper: Keeper, mgr: Manager) -> None:
    """What the own manager resets, reloads or reorders is right at once; what others reset is, with `refresh`."""
    async with Live(mgr) as live:
        first, second = [await place(mgr, "wait", runs="Queue", data="empty") for _ in range(2)]
        await until(lambda: waiting(live, "empty") == [first, second])
        if keeper.server.major >= 18:
            await mgr.send(actions.QueueChangePriorityCaller("empty", second, 5, immediate=True))
            assert not live.synced
            await live.wait_synced(5)
            await as_listed(live, mgr)
        await mgr.send(core.Hangup(first))
        await mgr.send(core.Hangup(second))
        await until(lambda: not waiting(live, "empty"))
        await as_listed(live, mgr)
        for reset in (actions.QueueReset("empty"), core.Command("queue reset stats"), core.QueueReload("empty")):
            abandons = await place(mgr, "wait", runs="Queue", data="empty")
            await until(lambda: waiting(live, "empty"))
            await mgr.send(core.Hangup(abandons))
            await until(lambda: live.queues["empty"].abandoned)
            await as_listed(live, mgr)
            await mgr.send(reset)
            assert not live.synced
            await live.wait_synced(5)
            await as_listed(live, mgr)
            await live.refresh()
        abandons = await place(mgr, "wait", runs="Queue", data="empty")
        await until(lambda: waiting(live, "empty"))
        await mgr.send(core.Hangup(abandons))
        await until(lambda: live.queues["empty"].abandoned)
        await as_listed(live, mgr)
        await keeper.cli("queue reset stats empty")
        await live.refresh("queues")
        assert live.queues["empty"].abandoned == 0
        await as_listed(live, mgr)


async def test_the_counts_of_a_member(mgr: Manager) -> None:
    """The calls of a member are counted as the server counts them, also if a Redirect takes the caller away."""
    member = "Local/wait@test/n"
    async with Live(mgr) as live:
        await mgr.send(core.QueueAdd(member, "sales", "Waiter"))
        for action in (core.Hangup, lambda channel: core.Redirect(channel, "elsewhere", "target", 1), core.Hangup):
            caller = far(await place(mgr, "wait", runs="Wait"))
            await mgr.send(core.Redirect(caller, "queues", "sales", 1))
            # Live is behind while it reads: a member may be missing for a moment.
            await until(lambda: member in live.queues["sales"].members and live.queues["sales"].members[member].in_call)
            await as_listed(live, mgr)
            before = live.queues["sales"].members[member].calls_taken
            await mgr.send(action(caller))
            if action is core.Hangup:
                await until(lambda before=before: live.queues["sales"].members[member].calls_taken > before)  # type: ignore[misc]
                assert live.queues["sales"].members[member].last_call
            await as_listed(live, mgr)
            await mgr.send(core.Hangup("/^.*/"), check=False)
            await until(lambda: not live.channels)
        await mgr.send(core.QueueRemove(member, "sales"))


async def test_the_application_of_a_channel(mgr: Manager) -> None:
    """The application is right behind an Originate, a Bridge and a Park, which tell nothing of it."""
    async with Live(mgr) as live:
        one, other = await place(mgr, "wait"), await place(mgr, "wait", runs="Echo", data="")
        await until(lambda: {one, other} <= {each.name for each in live.channels.values()})
        await until(lambda: live.channels[uniqueid(live, other)].application == "Echo")
        await until(lambda: live.channels[uniqueid(live, one)].application == "Wait")
        await mgr.send(core.Bridge(one, other))
        await until(lambda: not live.channels[uniqueid(live, one)].application)
        await as_listed(live, mgr)
        await mgr.send(core.Park(other, one))
        await as_listed(live, mgr)


async def test_a_caller_who_is_taken_away_from_an_answered_dial(keeper: Keeper, mgr: Manager) -> None:
    """Queue no longer runs on a caller who was bridged elsewhere after a member answered, before the queue bridged the two;
    the queue counts the call, though no event tells it.
    """
    queue = "empty,,,,,,slow" if keeper.server.major > 20 else "empty,,,,,,,slow"  # before 21 a macro is named first
    steps = [("slow", "s", "1", "Wait", "2"), ("slow", "s", "2", "Return", "")]
    steps += [("test", "prepared", "1", "Answer", ""), ("test", "prepared", "2", "Queue", queue)]
    for context, exten, priority, application, data in steps:
        await mgr.send(
            actions.DialplanExtensionAdd(context, exten, priority, application, application_data=data, replace=True)
        )
    await mgr.send(core.QueueAdd("Local/wait@test/n", "empty", "Answers"))
    async with Live(mgr) as live:
        other = await place(mgr, "wait")
        answer = mgr.wait_for(DialEnd, where=lambda event: event.channel is not None, timeout=10)
        caller = far(await place(mgr, "prepared"))
        assert (await answer).channel == caller
        key = uniqueid(live, caller)
        await until(lambda: live.channels[key].application == "Queue")
        await mgr.send(core.Bridge(other, caller))
        await until(lambda: live.channels[key].bridge)
        await until(lambda: not live.channels[key].application)
        await as_listed(live, mgr)
        before = live.queues["empty"].completed
        await mgr.send(core.QueueRemove("Local/wait@test/n", "empty"))
        # The queue counts the call when the dialplan of the member has come to its end.
        await until(lambda: live.queues["empty"].completed == before + 1)
        await as_listed(live, mgr)


async def test_an_application_that_runs_another(mgr: Manager) -> None:
    """What Exec and TryExec run is shown as listed, though no event tells it."""
    async with Live(mgr) as live:
        for exten, application in (("exec", "Exec"), ("try", "TryExec")):
            for priority, name, data in (("1", "Answer", None), ("2", application, "Wait(60)")):
                await mgr.send(
                    actions.DialplanExtensionAdd("test", exten, priority, name, application_data=data, replace=True)
                )
            runs = far(await place(mgr, exten))
            await until(
                lambda runs=runs: (runs, "Wait") in {(each.name, each.application) for each in live.channels.values()}
            )  # type: ignore[misc]
            await as_listed(live, mgr)


class Asking(Manager):
    """A manager that notes which lists it asks for: their names, and what they are restricted to."""

    asked: tuple[tuple[str, ...], ...] = ()

    def stream(self, action: Action[Any], **options: Any) -> Any:
        self.asked = (*self.asked, (action.name, *(name for name, _ in action.headers)))
        return super().stream(action, **options)


async def test_little_is_asked(keeper: Keeper) -> None:
    """The lists are asked for once, within a second; then a channel or member alone, where no event tells, and at rest nothing."""
    async with Asking.from_url(keeper.server.url) as mgr:
        await mgr.send(core.Ping())  # FullyBooted comes before its answer; of a new server it has all read again
        began = asyncio.get_running_loop().time()
        async with Live(mgr) as live:
            await live.wait_synced(1)  # an event of what ended before may be on its way
            assert asyncio.get_running_loop().time() - began < 1
            assert mgr.asked == (("CoreShowChannels",), ("BridgeList",), ("QueueStatus",))
            ends = live.changes()
            # An Originate has no event for what it runs.
            for _ in range(3):
                await place(mgr, "short")
            await until(lambda: not live.channels and not live._reports.doubtful)
            further = mgr.asked[3:]
            assert {each[:2] for each in further} == {("Status", "Channel")}
            assert len(further) <= 6  # the first answer may still be AppDial2, while the application begins
            # A member's counts have none.
            await mgr.send(core.QueueAdd("Local/short@test/n", "empty"))
            await until(lambda: live.queues["empty"].members)
            await place(mgr, "hold")
            await until(
                lambda: (
                    live.queues["empty"].completed and live.queues["empty"].members["Local/short@test/n"].calls_taken
                )
            )
            await until(lambda: not live._reports.doubtful)
            further = mgr.asked[3 + len(further) :]
            assert {each for each in further if each[0] == "QueueStatus"} <= {
                ("QueueStatus", "Queue", "Member"),
                ("QueueStatus", "Member", "Queue"),
            }
            assert {each[0] for each in further} <= {"QueueStatus", "Status"}
            await mgr.send(core.QueueRemove("Local/short@test/n", "empty"))
            # On a busy machine the events of the call come late, and cause a last question.
            await until(lambda: not live.queues["empty"].members and not live._reports.doubtful)
            asked = mgr.asked
            await asyncio.sleep(0.5)  # in which it would ask
            assert mgr.asked == asked
            assert live.synced
            assert "link" not in [(await anext(ends)).kind for _ in range(len(ends._waiting))]
        await mgr.send(core.Hangup("/^.*/"), check=False)


async def test_calls_are_in_their_order(mgr: Manager) -> None:
    """The calls of one second are in the order in which they were made, after a snapshot too."""
    async with Live(mgr) as live:
        placed = [await place(mgr, "wait") for _ in range(6)]
        await until(lambda: len(live.channels) == 12)
        order = list(live.calls())
        assert order == [live.channels[uniqueid(live, each)].linkedid for each in placed]
        async with Live(mgr) as later:
            assert list(later.calls()) == order
            assert list(later.channels) == list(live.channels)
        await live.refresh("channels")
        assert list(live.calls()) == order


async def test_a_module_that_goes_and_comes(keeper: Keeper, mgr: Manager) -> None:
    """Without the module of the queues these are unavailable, with the module to load; with it they are there again."""
    async with Live(mgr) as live:
        await keeper.cli("module unload app_queue.so")
        await until(lambda: live.unavailable)
        assert "load the module app_queue" in live.unavailable["queues"]
        assert not live.queues
        await live.wait_synced(5)
        await keeper.cli("module load app_queue.so")
        await until(lambda: not live.unavailable and live.synced)
        assert "support" in live.queues
        await as_listed(live, mgr)


async def test_events_that_the_manager_keeps_away(keeper: Keeper) -> None:
    """A mask or a filter of the manager's own makes the parts unavailable whose events it leaves out."""
    for options, missing in (
        ({"event_mask": "call,dialplan,system"}, {"queues"}),
        ({"event_filters": ["!Event: BridgeEnter"]}, {"channels", "bridges", "queues"}),
        ({"event_filters": ["!Event: VarSet"]}, set()),
    ):
        async with Manager.from_url(keeper.server.url, **options) as mgr, Live(mgr) as live:
            assert live.unavailable.keys() == missing
            await live.wait_synced(5)


async def test_a_user_with_few_rights(keeper: Keeper) -> None:
    """Who may read and write calls alone sees the channels by Status; who may write nothing is told so."""
    server = keeper.server
    async with Manager(server.host, server.port, "callonly", "s3cret") as mgr, Live(mgr) as live:
        assert live.unavailable == {}
    async with Manager(server.host, server.port, "readonly", "s3cret") as mgr, Live(mgr) as live:
        assert set(live.unavailable) == {"channels", "bridges"}  # who is in a bridge, the channels tell
        assert all("add system or call or reporting to write" in each for each in live.unavailable.values())
        assert "support" in live.queues
    async with Manager(server.host, server.port, "silent", "s3cret") as mgr, Live(mgr) as live:
        assert set(live.unavailable) == {"channels", "bridges", "queues"}
        assert all("the user may not read the events of" in each for each in live.unavailable.values())
