"""The live state of a server, on a fake one: right after snapshots, races, losses, and without rights."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import async_timeout
import pytest
from tests.helpers import QUICK, until
from tests.unit.live.conftest import settled

from aioami import ConnectionLost, Manager, ManagerState, ManagerTimeout, actions, core, events, in_thread
from aioami.enums import ChannelState, QueueMemberState
from aioami.live import Live, LiveChange, LiveChannel
from aioami.testing import Account, FakeAsterisk


@pytest.fixture
async def mgr(fake: FakeAsterisk) -> AsyncIterator[Manager]:
    async with Manager.from_url(fake.url, reconnect=QUICK) as manager:
        yield manager


def newchannel(uniqueid: str) -> dict[str, str]:
    return {"Channel": f"PJSIP/x-{uniqueid}", "Uniqueid": uniqueid, "Linkedid": uniqueid, "ChannelState": "4"}


async def as_listed(live: Live, mgr: Manager, *, in_time: bool = True) -> None:
    """What is followed is what a new snapshot tells."""
    await settled(live, mgr)
    async with Live(mgr) as fresh:
        assert live.channels.keys() == fresh.channels.keys()
        for uniqueid, channel in live.channels.items():
            told = fresh.channels[uniqueid]
            assert (channel.name, channel.state, channel.bridge) == (told.name, told.state, told.bridge)
            assert (channel.linkedid, channel.context, channel.exten) == (told.linkedid, told.context, told.exten)
            assert (channel.caller_id_num, channel.connected_line_name) == (
                told.caller_id_num,
                told.connected_line_name,
            )
            assert not in_time or channel.since == pytest.approx(told.since, abs=1.5)
        assert {name: (each.type, set(each.channels)) for name, each in live.bridges.items()} == {
            name: (each.type, set(each.channels)) for name, each in fresh.bridges.items()
        }
        for name, queue in fresh.queues.items():
            ours = live.queues[name]
            assert (ours.completed, ours.abandoned, ours.members) == (queue.completed, queue.abandoned, queue.members)
            assert [each.uniqueid for each in ours.callers] == [each.uniqueid for each in queue.callers]


@pytest.mark.fake_asterisk(virtual_time=True)
async def test_a_call_through_a_queue(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A caller is seen to ring, wait, talk and vanish, and the member and the queue with them."""
    ada = fake.incoming("PJSIP/trunk", to="support@queues", caller='"Ada" <555>')
    eve = fake.incoming("PJSIP/trunk", to="support@queues", caller='"Eve" <556>')
    await fake.advance(2)
    await settled(live, mgr)
    channel = live.channels[ada.uniqueid]
    assert (channel.name, channel.state, channel.caller_id_name) == (ada.channel, ChannelState.UP, "Ada")
    assert (channel.application, channel.application_data, channel.bridge) == ("Queue", "support", None)
    queue = live.queues["support"]
    assert [(each.uniqueid, each.position) for each in queue.callers] == [(ada.uniqueid, 1), (eve.uniqueid, 2)]
    assert queue.members["PJSIP/agent1"].status is QueueMemberState.RINGING
    assert set(live.calls()) == {ada.linkedid, eve.linkedid}
    await as_listed(live, mgr, in_time=False)

    await ada.answered_by("PJSIP/agent1")
    await settled(live, mgr)
    queue = live.queues["support"]
    assert [(each.uniqueid, each.position, each.caller_id_num) for each in queue.callers] == [(eve.uniqueid, 1, "556")]
    assert queue.members["PJSIP/agent1"].in_call
    bridge = live.channels[ada.uniqueid].bridge
    assert bridge is not None
    assert len(live.bridges[bridge].channels) == 2
    await until(lambda: live.bridges[bridge].technology == "native_rtp")  # as two telephones are mixed
    assert {each.name for each in live.calls()[ada.linkedid].channels} >= {ada.channel}
    await as_listed(live, mgr, in_time=False)

    await eve.hang_up()
    await ada.hang_up()
    await fake.advance(1)
    await as_listed(live, mgr, in_time=False)
    queue = live.queues["support"]
    assert (queue.completed, queue.abandoned, queue.callers) == (1, 1, ())
    assert (queue.members["PJSIP/agent1"].in_call, queue.members["PJSIP/agent1"].calls_taken) == (False, 1)
    assert not live.channels
    assert not live.bridges


async def test_bridges_and_names(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Two calls that are joined are one: all get the Linkedid of the older, which no event tells."""
    ends = []
    for _ in range(2):
        answer = await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",)))
        ends.append((await answer.outcome()).channel or "")
    await mgr.send(core.Bridge(ends[1], ends[0]))
    await settled(live, mgr)
    await as_listed(live, mgr)
    (bridge,) = live.bridges.values()
    assert {live.channels[each].name for each in bridge.channels} == set(ends)
    assert len({live.channels[each].linkedid for each in bridge.channels}) == 1
    await mgr.send(core.Hangup("/.*/"))
    await settled(live, mgr)
    assert (dict(live.channels), dict(live.bridges)) == ({}, {})


async def place(mgr: Manager, application: str, data: str = "", extension: str = "wait") -> str:
    """Place a call on whose end an application runs, and return the Uniqueid there."""
    channel = f"Local/{extension}@test/n"
    answer = await mgr.send(core.Originate_Application(channel, application, (data,)))
    return (await answer.outcome()).uniqueid or ""


@pytest.mark.parametrize(
    ("application", "data", "kind"),
    [("ConfBridge", "room1", "base"), ("BridgeWait", "", "base"), ("Park", "default", "parking")],
)
async def test_calls_that_share_a_room(mgr: Manager, live: Live, application: str, data: str, kind: str) -> None:
    """In a conference, holding bridge or parking lot each call keeps its Linkedid."""
    came = [await place(mgr, application, data) for _ in range(3)]
    await settled(live, mgr)
    (bridge,) = live.bridges.values()
    assert (bridge.type, set(bridge.channels)) == (kind, set(came))
    assert len(live.calls()) == 3
    assert all(live.channels[each].linkedid == each for each in came)
    await as_listed(live, mgr)
    await mgr.send(core.Hangup(live.channels[came[1]].name))
    await as_listed(live, mgr)
    assert set(live.calls()) == {came[0], came[2]}


async def test_an_older_linkedid_is_handed_on(mgr: Manager, live: Live) -> None:
    """A channel keeps the Linkedid of the older call it was bridged with, and hands it on."""
    first, second, third = [await place(mgr, "Wait", "60") for _ in range(3)]
    await settled(live, mgr)
    for one, other in ((third, first), (second, third)):
        await mgr.send(core.Bridge(live.channels[one].name, live.channels[other].name))
        await as_listed(live, mgr)
    assert {live.channels[each].linkedid for each in (first, second, third)} == {first}


async def test_waiting_callers_who_are_taken_away(mgr: Manager, live: Live) -> None:
    """A caller who is bridged, parked or sent elsewhere leaves the queue, though no event tells."""
    bridged, parked, sent, moved, stays = [await place(mgr, "Queue", "empty") for _ in range(5)]
    other = await place(mgr, "Wait", "60")
    await settled(live, mgr)
    names = {uniqueid: channel.name for uniqueid, channel in live.channels.items()}
    taking = (
        (bridged, core.Bridge(names[bridged], names[other])),
        (parked, core.Park(names[parked], names[stays])),
        (sent, core.Redirect(names[sent], "elsewhere", "target", 1)),
        (moved, core.Redirect(names[moved], "queues", "sales", 2)),
    )
    for abandoned, (caller, action) in enumerate(taking, 1):
        assert caller in {each.uniqueid for each in live.queues["empty"].callers}
        await mgr.send(action)
        await as_listed(live, mgr)
        assert caller not in {each.uniqueid for each in live.queues["empty"].callers}
        assert live.queues["empty"].abandoned == abandoned
    assert [(each.uniqueid, each.position) for each in live.queues["empty"].callers] == [(stays, 1)]
    assert [each.uniqueid for each in live.queues["sales"].callers] == [moved]


async def told(fake: FakeAsterisk, name: str, uniqueid: str, **headers: str) -> None:
    privilege = "agent,all" if name.startswith("Queue") else "call,dialplan,all"
    await fake.send_event(name, newchannel(uniqueid) | headers, privilege=privilege)


async def test_subroutines_of_a_queue(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A caller for whom the queue runs a subroutine goes on waiting, and the server is not asked."""
    before = len(fake.sent("QueueStatus"))
    await told(fake, "Newchannel", "1")
    await told(fake, "Newexten", "1", Application="Queue", AppData="odd,B(sub^s^1)")
    await told(fake, "QueueCallerJoin", "1", Queue="odd", Position="1")
    for application, context, priority in (("Queue", "sub", "0"), ("NoOp", "sub", "1"), ("Return", "queues", "3")):
        await told(fake, "Newexten", "1", Application=application, Context=context, Priority=priority)
    await settled(live, mgr)
    assert [each.uniqueid for each in live.queues["odd"].callers] == ["1"]
    assert len(fake.sent("QueueStatus")) == before


@pytest.mark.parametrize("newexten", [False, True], ids=["16", "22"])
async def test_an_attended_transfer_into_a_queue(fake: FakeAsterisk, mgr: Manager, live: Live, newexten: bool) -> None:
    """The channel that takes a waiting caller's place, of which no event tells, is shown.

    So is the count of those who gave up, once the stand-in that the list still shows has done so.
    """
    await told(fake, "Newchannel", "1")
    await told(fake, "QueueCallerJoin", "1", Queue="empty", Position="1")
    await settled(live, mgr)
    assert [each.uniqueid for each in live.queues["empty"].callers] == ["1"]
    place = [("Event", "QueueEntry"), ("Queue", "empty"), ("Position", "1"), ("Wait", "5")]
    leaving = [("Event", "QueueEntry"), ("Queue", "empty"), ("Position", "2"), ("Wait", "9")]
    stands_in = True

    def answer(request: object) -> object:
        identity = ("ActionID", request.action_id)  # type: ignore[attr-defined]
        stand_in = [*leaving, ("Channel", "Surrogate/PJSIP/c-3"), ("Uniqueid", "3"), identity]
        return [
            [("Response", "Success"), identity, ("EventList", "start")],
            [("Event", "QueueParams"), ("Queue", "empty"), ("Abandoned", "0" if stands_in else "1"), identity],
            [*place, ("Channel", "PJSIP/b-2"), ("Uniqueid", "2"), identity],
            *([stand_in] if stands_in else []),
            [("Event", "QueueStatusComplete"), identity, ("EventList", "Complete")],
        ]

    fake.reply_to("QueueStatus", answer)
    if newexten:
        await told(fake, "Newexten", "1", Application="AppDial", Exten="")
    await told(fake, "Hangup", "1")
    await settled(live, mgr)
    queue = live.queues["empty"]
    assert ([each.uniqueid for each in queue.callers], queue.abandoned) == (["2"], 0)
    stands_in = False
    await until(lambda: live.queues["empty"].abandoned == 1)
    assert [each.uniqueid for each in live.queues["empty"].callers] == ["2"]


async def test_members(mgr: Manager, live: Live) -> None:
    """Members that come, pause, get another penalty and go are seen to."""
    await mgr.send(core.QueueAdd("PJSIP/alice", "sales", "Alice"))
    await mgr.send(core.QueuePause("PJSIP/alice", True, "sales", reason="lunch"))
    await mgr.send(core.QueuePenalty("PJSIP/alice", 7, "sales"))
    await as_listed(live, mgr)
    alice = live.queues["sales"].members["PJSIP/alice"]
    assert (alice.name, alice.paused, alice.paused_reason, alice.penalty) == ("Alice", True, "lunch", 7)
    await mgr.send(core.QueueRemove("PJSIP/alice", "sales"))
    await as_listed(live, mgr)
    assert not live.queues["sales"].members


async def test_positions(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A caller with priority is put before others, and who leaves lets those behind move up."""
    for number, position in (("1", 1), ("2", 2), ("3", 1)):
        headers = {"Uniqueid": number, "Channel": f"X/{number}", "Queue": "odd", "Position": str(position)}
        await fake.send_event("QueueCallerJoin", headers, privilege="agent,all")
    await settled(live, mgr)
    assert [(each.uniqueid, each.position) for each in live.queues["odd"].callers] == [("3", 1), ("1", 2), ("2", 3)]
    await fake.send_event("QueueCallerLeave", {"Uniqueid": "1", "Queue": "odd"}, privilege="agent,all")
    await settled(live, mgr)
    assert [(each.uniqueid, each.position) for each in live.queues["odd"].callers] == [("3", 1), ("2", 2)]


async def test_events_while_the_snapshot_is_taken(fake: FakeAsterisk) -> None:
    """What happens between the question and its answer is applied behind it, in its order."""
    made: list[asyncio.Task[None]] = []

    async def happens() -> None:
        await fake.send_event("Newchannel", newchannel("new"), privilege="call,all")
        await fake.send_event("Newchannel", newchannel("brief"), privilege="call,all")
        await fake.send_event("Newstate", newchannel("gone") | {"ChannelState": "6"}, privilege="call,all")
        await fake.send_event("Hangup", newchannel("brief"), privilege="call,all")
        await fake.send_event("Newstate", newchannel("old") | {"ChannelState": "6"}, privilege="call,all")

    listed = [
        [("Response", "Success"), ("EventList", "start")],
        [("Event", "CoreShowChannel"), *newchannel("old").items(), ("Duration", "00:01:00")],
        [("Event", "CoreShowChannelsComplete"), ("EventList", "Complete"), ("ListItems", "1")],
    ]

    def answer(request: object) -> object:
        made.append(asyncio.ensure_future(happens()))
        return [[message[0], ("ActionID", request.action_id), *message[1:]] for message in listed]  # type: ignore[attr-defined]

    fake.reply_to("CoreShowChannels", answer, times=1)
    async with Manager.from_url(fake.url) as mgr, Live(mgr) as live:
        await settled(live, mgr)
        assert set(live.channels) == {"old", "new"}
        assert live.channels["old"].state is ChannelState.UP
    await asyncio.gather(*made)


async def test_what_ended_before_is_not_raised_again(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """An event of a channel that is not there makes none, as it is older than the snapshot."""
    for name in ("Newstate", "Newexten", "NewCallerid", "BridgeEnter", "BridgeLeave", "Hangup"):
        await fake.send_event(name, newchannel("dead"), privilege="call,all")
    renamed = {"Channel": "a", "Newname": "b", "Uniqueid": "dead"}
    await fake.send_event("Rename", renamed, privilege="call,all")
    await settled(live, mgr)
    assert not live.channels


async def test_a_lost_link(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """While the link is down the state says that it is not up to date; then a new snapshot makes it right."""
    stays, goes = fake.incoming("PJSIP/trunk", "wait@test"), fake.incoming("PJSIP/trunk", "wait@test")
    await settled(live, mgr)
    changes = live.changes()
    await fake.stop()
    await until(lambda: not live.synced)
    assert set(live.channels) == {stays.uniqueid, goes.uniqueid}
    goes._channel.request_hangup(16)
    comes = fake.incoming("PJSIP/trunk", "wait@test")
    await fake.start()
    await live.wait_synced(5)
    assert set(live.channels) == {stays.uniqueid, comes.uniqueid}
    told = set()
    with contextlib.suppress(asyncio.TimeoutError):
        async with async_timeout.timeout(0.1):
            async for change in changes:
                told.add(change)
    assert {
        LiveChange("channel", goes.uniqueid, True),
        LiveChange("channel", comes.uniqueid),
        LiveChange("link"),
    } <= told
    assert LiveChange("channel", stays.uniqueid) not in told
    await as_listed(live, mgr)


async def test_events_that_are_lost(fake: FakeAsterisk, mgr: Manager) -> None:
    """More events than are held lead to another snapshot, and to the right state."""
    async with Live(mgr, maxsize=5) as live:
        before = len(fake.sent("QueueStatus"))
        for number in range(50):
            fake.exchange.emit(
                "Newchannel", [("Event", "Newchannel"), *newchannel(str(number)).items()][1:], classes="call"
            )
        call = fake.incoming("PJSIP/trunk", "wait@test")
        await until(lambda: len(fake.sent("QueueStatus")) > before)
        await settled(live, mgr)
        assert set(live.channels) == {call.uniqueid}


@pytest.mark.fake_asterisk(users={"few": Account("s", read="call,agent", write="call")})
async def test_status_stands_in(fake: FakeAsterisk, mgr: Manager) -> None:
    """Where CoreShowChannels is not allowed, Status tells the same."""
    call = fake.incoming("PJSIP/trunk", "wait@test", caller='"Ada" <555>')
    async with Live(mgr) as live:
        assert live.unavailable == {}
        channel = live.channels[call.uniqueid]
        assert (channel.name, channel.caller_id_num, channel.linkedid) == (call.channel, "555", call.linkedid)
        await as_listed(live, mgr)


@pytest.mark.fake_asterisk(users={"none": Account("s", read="call,agent", write="")})
async def test_what_is_not_allowed(fake: FakeAsterisk, mgr: Manager) -> None:
    """A part that may not be asked for stays empty, whatever events tell, and is named with the server's words."""
    fake.reply_to("QueueStatus", [("Response", "Error"), ("Message", "Invalid/unknown command: QueueStatus.")])
    fake.reply_to("BridgeList", [("Response", "Error"), ("Message", "Permission denied")])
    async with Live(mgr) as live:
        assert set(live.unavailable) == {"channels", "bridges", "queues"}
        assert "QueueStatus" in live.unavailable["queues"]
        assert live.synced
        fake.incoming("PJSIP/trunk", "queue@test")
        await settled(live, mgr)
        assert (dict(live.channels), dict(live.bridges), dict(live.queues)) == ({}, {}, {})


@pytest.mark.fake_asterisk(boot=False)
async def test_modules_that_come_later(fake: FakeAsterisk, mgr: Manager) -> None:
    """What a server that boots does not have yet is asked for again when it has booted."""
    fake.reply_to("QueueStatus", [("Response", "Error"), ("Message", "Invalid/unknown command")], times=1)
    async with Live(mgr) as live:
        assert set(live.unavailable) == {"queues"}
        fake.boot()
        await until(lambda: not live.unavailable and live.synced)
        assert "support" in live.queues


@pytest.mark.fake_asterisk(boot=False)
async def test_what_was_listed_while_the_server_booted(fake: FakeAsterisk, mgr: Manager) -> None:
    """A list that was asked for before all modules had read their configuration is asked for again when the server has booted."""
    empty = [
        [("Response", "Success"), ("EventList", "start")],
        [("Event", "QueueStatusComplete"), ("EventList", "Complete")],
    ]
    fake.reply_to("QueueStatus", empty, times=1)
    async with Live(mgr) as live:
        assert dict(live.queues) == {}
        fake.boot()
        await until(lambda: "support" in live.queues and live.synced)
        before = len(fake.sent("QueueStatus"))
        await fake.send_event("FullyBooted", {"Uptime": "3600", "Status": "Fully Booted"}, privilege="system,all")
        await settled(live, mgr)
        assert len(fake.sent("QueueStatus")) == before  # as it comes behind a login


async def test_queues_are_read_anew(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A reload of the queues leads to another snapshot, one of something else does not."""
    before = len(fake.sent("QueueStatus"))
    await fake.send_event("Reload", {"Module": "chan_pjsip.so", "Status": "0"}, privilege="system,all")
    await settled(live, mgr)
    assert len(fake.sent("QueueStatus")) == before
    await fake.send_event("Reload", {"Module": "app_queue.so", "Status": "0"}, privilege="system,all")
    await until(lambda: len(fake.sent("QueueStatus")) == before + 1)
    await settled(live, mgr)


async def test_changes_are_told_once(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """What changes twice before it is looked at is told once, and what is gone is told as gone."""
    changes = live.changes()
    await fake.send_event("Newchannel", newchannel("a"), privilege="call,all")
    await fake.send_event("Newstate", newchannel("a") | {"ChannelState": "6"}, privilege="call,all")
    await fake.send_event("Newchannel", newchannel("b"), privilege="call,all")
    await fake.send_event("Hangup", newchannel("b"), privilege="call,all")
    await settled(live, mgr)
    assert [await changes.__anext__() for _ in range(4)] == [
        LiveChange("channel", "a"),
        LiveChange("call", "a"),
        LiveChange("channel", "b", gone=True),
        LiveChange("call", "b", gone=True),
    ]
    assert isinstance(live.channels["a"], LiveChannel)


async def test_a_consumer_that_is_too_slow(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """More changes than are held become one: everything."""
    slow, quick = live.changes(maxsize=3), live.changes()
    for number in range(10):
        await fake.send_event("Newchannel", newchannel(str(number)), privilege="call,all")
    await settled(live, mgr)
    assert await slow.__anext__() == LiveChange("everything")
    told = [await quick.__anext__() for _ in range(20)]
    assert [each.key for each in told if each.kind == "channel"] == [str(number) for number in range(10)]


async def test_leaving_ends_the_changes(mgr: Manager) -> None:
    """Leaving ends what was iterated, keeps what was shown, and the manager is as before."""
    async with Live(mgr) as live:
        changes = live.changes()
    assert [change async for change in changes] == [LiveChange("link")]
    assert [change async for change in live.changes()] == []
    assert "support" in live.queues
    assert not live.synced
    with pytest.raises(ConnectionLost, match="followed no more"):
        await live.wait_synced()
    with pytest.raises(RuntimeError, match="entered once"):
        await live.__aenter__()
    assert mgr.state is ManagerState.READY


async def test_the_managers_end(fake: FakeAsterisk) -> None:
    """A closed manager ends the changes; a link that is lost for good raises its reason."""
    async with Manager.from_url(fake.url) as mgr, Live(mgr) as live:
        changes = live.changes()
        await mgr.close()
        assert [change async for change in changes] == [LiveChange("link")]
    async with Manager.from_url(fake.url, reconnect=False) as mgr, Live(mgr) as live:
        changes = live.changes()
        fake.drop()
        with pytest.raises(ConnectionLost):
            [change async for change in changes]
        with pytest.raises(ConnectionLost):
            await live.wait_synced(1)


async def test_before_there_is_a_link(fake: FakeAsterisk) -> None:
    """Without waiting it may be entered before the server is there, and is right once it is."""
    await fake.stop()
    mgr = Manager.from_url(fake.url, reconnect=QUICK, retry_connect=True)
    async with Live(mgr, wait=False) as live:
        with pytest.raises(ManagerTimeout, match=r"within 0\.05 seconds"):
            await live.wait_synced(0.05)
        connecting = asyncio.ensure_future(mgr.connect())
        call = fake.incoming("PJSIP/trunk", "wait@test")
        await fake.start()
        await live.wait_synced(5)
        await connecting
        assert set(live.channels) == {call.uniqueid}
    await mgr.close()
    with pytest.raises(ConnectionLost):
        async with Live(mgr):
            pass


async def test_a_first_connection_that_failed(fake: FakeAsterisk) -> None:
    """A connect that failed may be tried again, and the state comes with the link."""
    mgr = Manager.from_url(fake.url)
    async with Live(mgr, wait=False) as live:
        await fake.stop()
        with pytest.raises(ConnectionLost):
            await mgr.connect()
        await fake.start()
        async with mgr:
            await live.wait_synced(5)
            assert "support" in live.queues


async def test_a_snapshot_that_takes_too_long(fake: FakeAsterisk, mgr: Manager) -> None:
    """A first snapshot without an answer raises; a later one is tried again."""
    fake.reply_to("QueueStatus", None, times=1)
    with pytest.raises(ManagerTimeout):
        async with Live(mgr, timeout=0.05):
            pass
    fake.reply_to("QueueStatus", None, times=1)
    async with Live(mgr, wait=False, timeout=0.05) as live:
        await live.wait_synced(5)
        assert len(fake.sent("QueueStatus")) == 3


async def test_numbers_that_cannot_be(mgr: Manager, live: Live) -> None:
    """Limits below one are refused by name, and what is shown tells its sizes."""
    with pytest.raises(ValueError, match="maxsize"):
        Live(mgr, maxsize=0)
    with pytest.raises(ValueError, match="maxsize"):
        live.changes(maxsize=0)
    assert repr(live) == f"<Live 0 channels, 0 bridges, {len(live.queues)} queues, synced>"


async def test_classes_of_ones_own(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """An event class that a user derives from ours is followed as ours is."""
    from aioami.events.base import EVENTS

    ours = EVENTS["newchannel"]
    try:

        class Newchannel(events.Newchannel, wire_name="Newchannel"):
            """One with a field of its own."""

        assert actions
        await mgr.send(core.Ping())
        with mgr.events("Nothing"):  # routes are worked out anew
            await fake.send_event("Newchannel", newchannel("own"), privilege="call,all")
            await settled(live, mgr)
        assert "own" in live.channels
    finally:
        EVENTS["newchannel"] = ours


async def test_a_view_of_three_names_is_enough(fake: FakeAsterisk, mgr: Manager) -> None:
    """A manager of another kind need not be able to ask for rights: they are unknown, and all is read."""

    class OtherView:
        mask = filters = permissions = None

    class Other:
        def __getattr__(self, name: str) -> object:
            return OtherView() if name == "view" else getattr(mgr, name)

    fake.incoming("PJSIP/alice", to="600")
    async with Live(Other()) as live:  # type: ignore[arg-type]
        assert live.synced
        assert len(live.channels) == 1
        assert not live.unavailable


async def test_a_blocking_manager_is_refused() -> None:
    """A live state needs the manager of the loop, and says where that is."""
    with pytest.raises(TypeError, match=r"takes the `manager` of a BlockingManager"):
        Live(in_thread(Manager()))  # type: ignore[arg-type]


async def test_before_it_is_entered_it_says_so(mgr: Manager) -> None:
    """What shows nothing as nobody has entered it is told apart from a server where nothing happens."""
    live = Live(mgr, parts=("channels", "queues"))
    assert not live.channels
    assert repr(live) == "<Live of channels, queues, not entered>"
    assert "not entered" in live._repr_html_()
    assert {name: "`async with`" in why for name, why in live.unavailable.items()} == {"channels": True, "queues": True}
    async with live:
        assert not live.unavailable
        assert "not entered" not in repr(live)
    assert not live.unavailable
