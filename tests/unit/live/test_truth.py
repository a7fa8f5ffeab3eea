"""The live state is told only as true where it can be: what no event tells, what cannot be seen, and whose time it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from unittest import mock

import pytest
from tests.helpers import manager, until
from tests.unit.live.conftest import settled

from aioami import Action, Manager, ManagerTimeout, actions, core
from aioami.live import Live, LiveChange, LiveMember, LiveQueue
from aioami.live.part import Doubts
from aioami.testing import Account, FakeAsterisk, Request


async def emit(fake: FakeAsterisk, name: str, uniqueid: str = "", privilege: str = "call,all", **headers: str) -> None:
    about = {"Channel": f"PJSIP/x-{uniqueid}", "Uniqueid": uniqueid, "Linkedid": uniqueid, "ChannelState": "6"}
    await fake.send_event(name, (about if uniqueid else {}) | headers, privilege=privilege)


def answer(request: Request, end: str, items: Sequence[dict[str, str]]) -> list[list[tuple[str, str]]]:
    identity = ("ActionID", request.action_id or "")
    return [
        [("Response", "Success"), identity, ("EventList", "start")],
        *([*item.items(), identity] for item in items),
        [("Event", end), identity, ("EventList", "Complete")],
    ]


def queue_list(request: Request, *items: dict[str, str]) -> list[list[tuple[str, str]]]:
    return answer(request, "QueueStatusComplete", items)


def status_list(request: Request, *items: dict[str, str]) -> list[list[tuple[str, str]]]:
    return answer(request, "StatusComplete", items)


async def test_a_part_that_is_read_in_part_drops_no_event(fake: FakeAsterisk, mgr: Manager) -> None:
    """Events that wait while all queues but only one conference are read again are applied to the other conferences."""
    listed = {"Event": "ConfbridgeListRooms", "Conference": "room2", "Locked": "No"}
    fake.reply_to("ConfbridgeListRooms", lambda request: answer(request, "ConfbridgeListRoomsComplete", [listed]))
    async with Live(mgr, parts=("queues", "conferences")) as live:
        await emit(fake, "ConfbridgeJoin", "1", Conference="room1")
        await settled(live, mgr)
        room1, room2 = "Conference: room1\r\nUniqueid: 9", "Conference: room2\r\nUniqueid: 2"
        talks = f"ConfbridgeTalking\r\n{room1}"
        # The first event is applied alone, and the next five hundred together.
        events = (talks, "Reload\r\nModule: app_queue", f"ConfbridgeLeave\r\n{room1}", *[talks] * 3_000)
        text = "".join(f"Event: {each}\r\n\r\n" for each in (*events, f"ConfbridgeJoin\r\n{room2}"))
        fake.reply_to("Ping", f"{text}Response: Success\r\nActionID: {{ActionID}}\r\n\r\n".encode(), times=1)
        await mgr.send(core.Ping())
        await settled(live, mgr)
        assert set(live.conferences) == {"room2"}


async def test_it_is_not_synced_if_an_event_behind_an_answer_does_not_fit(
    fake: FakeAsterisk, mgr: Manager, live: Live
) -> None:
    """An event that comes while the server is asked, and does not fit, is known before the next question is answered."""
    fake.reply_to("Status", lambda request: status_list(request)[0])
    fake.reply_to("QueueStatus", None)
    before = len(fake.sent("QueueStatus"))
    await emit(fake, "Newchannel", "1")
    for _ in range(2):
        await emit(fake, "Newexten", "1", "dialplan,all", Application="Wait", AppData="60")
    await until(lambda: fake.sent("Status"))
    await emit(fake, "QueueCallerJoin", "1", "agent,all", Queue="empty", Count="7")
    await until(lambda: live._held)
    assert live.synced
    end = {"ActionID": fake.sent("Status")[0].action_id or "", "EventList": "Complete"}
    await fake.send_event("StatusComplete", end)
    await until(lambda: len(fake.sent("QueueStatus")) > before)
    assert not live.synced


# Time


@pytest.mark.fake_asterisk(virtual_time=True)
async def test_a_caller_waits_in_the_time_of_the_clock(fake: FakeAsterisk, mgr: Manager) -> None:
    """With the fake server's virtual time a caller who waits for forty seconds has waited for forty seconds."""
    async with Live(mgr, clock=fake.time) as live:
        caller = fake.incoming("PJSIP/trunk", to="hold@test")
        await caller.waits(40)
        (waiting,) = live.queues["empty"].callers
        assert fake.time() - waiting.since == pytest.approx(40, abs=0.01)
        assert fake.time() - live.channels[caller.uniqueid].since == pytest.approx(40, abs=0.01)
        async with Live(mgr, clock=fake.time) as later:
            (listed,) = later.queues["empty"].callers
            assert fake.time() - listed.since == pytest.approx(40, abs=1)


@pytest.mark.fake_asterisk(
    files={
        "manager.conf": "[general]\nenabled = yes\ntimestampevents = yes\n[u]\nsecret = s\nread = all\nwrite = all\n"
    }
)
async def test_since_is_by_the_clock_and_not_by_the_servers(fake: FakeAsterisk) -> None:
    """The time stamp of an event, which is by the server's clock, does not mix with the clock that was given."""
    async with Manager.from_url(fake.url) as mgr, Live(mgr, clock=lambda: 1000.0) as live:
        call = fake.incoming("PJSIP/trunk", to="wait@test")
        await until(lambda: call.uniqueid in live.channels)
        assert live.channels[call.uniqueid].since == 1000.0


# What no event tells


@pytest.mark.parametrize(
    ("action", "queues"),
    [
        (Action("QueueReset", {"Queue": "sales"}), {"sales"}),
        (Action("QueueReset"), {None}),
        (Action("QueueReload", {"Queue": "empty"}), {"empty"}),
        (Action("QueueChangePriorityCaller", {"Queue": "sales", "Caller": "x", "Priority": "1"}), {"sales"}),
        (core.Command("queue reload all"), {None}),
        (core.Command("module reload app_queue.so"), {None}),
        (core.Command("core reload"), {None}),
        (core.Command("queue show"), set()),
        (core.Command("module reload chan_pjsip.so"), set()),
        (core.Ping(), set()),
    ],
    ids=str,
)
async def test_actions_without_an_event(
    fake: FakeAsterisk, mgr: Manager, live: Live, action: Action, queues: set[str | None]
) -> None:
    """What the manager's own action may have changed is read again, and not more; until then it is not up to date."""
    before = len(fake.sent("QueueStatus"))
    fake.reply_to(action.name, [("Response", "Success")])
    await mgr.send(action)
    assert live.synced is not bool(queues)
    await live.wait_synced(5)
    assert {each.get("Queue") or None for each in fake.sent("QueueStatus")[before:]} == queues


async def test_a_refresh(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """What changed without an event is there after `refresh`, and only the parts that are named are read."""
    fake.exchange.queues["sales"].completed = 7
    before = len(fake.sent("CoreShowChannels"))
    changes = live.changes()
    await live.refresh("queues")
    assert live.synced
    assert live.queues["sales"].completed == 7
    assert len(fake.sent("CoreShowChannels")) == before
    told = [await changes.__anext__() for _ in range(2)]
    assert LiveChange("queue", "sales") in told
    await live.refresh()
    assert len(fake.sent("CoreShowChannels")) == before + 1


async def test_a_refresh_that_cannot_be(fake: FakeAsterisk, mgr: Manager) -> None:
    """A part that is unknown or not followed is refused by name; before entering there is nothing to refresh."""
    live = Live(mgr, parts=["channels"], timeout=0.05)
    with pytest.raises(RuntimeError, match="after it was entered"):
        await live.refresh()
    async with live:
        with pytest.raises(ValueError, match="'queues' is none of channels"):
            await live.refresh("queues")
        fake.reply_to("CoreShowChannels", None)
        with pytest.raises(ManagerTimeout, match="not read again within"):
            await live.refresh(timeout=0.1)
        assert not live.synced


async def test_positions_and_counts_are_compared(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A caller who leaves from another place than is known, or leaves others than are known, has the queue read again."""
    for number in ("1", "2"):
        await emit(fake, "Newchannel", number)
        await emit(fake, "QueueCallerJoin", number, "agent,all", Queue="empty", Position=number, Count=number)
    await settled(live, mgr)
    before = len(fake.sent("QueueStatus"))
    assert [each.uniqueid for each in live.queues["empty"].callers] == ["1", "2"]
    entry = {
        "Event": "QueueEntry",
        "Queue": "empty",
        "Position": "1",
        "Channel": "PJSIP/x-2",
        "Uniqueid": "2",
        "Wait": "1",
    }
    fake.reply_to("QueueStatus", lambda request: queue_list(request, {"Event": "QueueParams", "Queue": "empty"}, entry))
    await emit(fake, "QueueCallerLeave", "1", "agent,all", Queue="empty", Position="1", Count="1")
    await settled(live, mgr)
    assert len(fake.sent("QueueStatus")) == before
    await emit(fake, "QueueCallerLeave", "2", "agent,all", Queue="empty", Position="2", Count="1")
    await until(lambda: len(fake.sent("QueueStatus")) == before + 1)
    await live.wait_synced(5)
    assert [each.uniqueid for each in live.queues["empty"].callers] == ["2"]
    assert fake.sent("QueueStatus")[-1].get("Queue") == "empty"


@pytest.mark.parametrize("event", ["Load", "Unload", "Reload"])
async def test_modules(fake: FakeAsterisk, mgr: Manager, live: Live, event: str) -> None:
    """A module that comes, goes or is reloaded has its part read again, and no other."""
    before, channels = len(fake.sent("QueueStatus")), len(fake.sent("CoreShowChannels"))
    await emit(fake, event, privilege="system,all", Module="chan_pjsip.so", Status="0")
    await settled(live, mgr)
    assert len(fake.sent("QueueStatus")) == before
    await emit(fake, event, privilege="system,all", Module="app_queue.so", Status="0")
    await until(lambda: len(fake.sent("QueueStatus")) == before + 1)
    await live.wait_synced(5)
    assert len(fake.sent("CoreShowChannels")) == channels


async def test_a_members_calls(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """The counts of a member whose device does not move are asked for a moment after the call, of that member alone."""
    headers = {"Queue": "support", "Interface": "PJSIP/agent1", "MemberName": "Agent One"}
    queue = fake.exchange.queues["support"]
    await emit(fake, "AgentConnect", "1", "agent,all", DestUniqueid="2", **headers)
    await until(lambda: live.queues["support"].members["PJSIP/agent1"].in_call)
    queue.completed, queue.members[0].calls, queue.members[0].last_call = 1, 1, 1700000000
    before = len(fake.sent("QueueStatus"))
    await emit(fake, "AgentComplete", "1", "agent,all", Reason="caller", **headers)
    await until(lambda: live.queues["support"].members["PJSIP/agent1"].calls_taken == 1)
    member = live.queues["support"].members["PJSIP/agent1"]
    assert (member.last_call, member.in_call, live.queues["support"].completed) == (1700000000, False, 1)
    assert {(each.get("Queue"), each.get("Member")) for each in fake.sent("QueueStatus")[before:]} == {
        ("support", "PJSIP/agent1")
    }


async def test_a_call_that_is_taken_from_a_member(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A member whose call ends without AgentComplete, as by a Redirect, is asked about when a channel leaves the bridge."""
    headers = {"Queue": "support", "Interface": "PJSIP/agent1"}
    await emit(fake, "AgentConnect", "1", "agent,all", DestUniqueid="2", **headers)
    await until(lambda: len(fake.sent("QueueStatus")) == 2)
    fake.exchange.queues["support"].completed = 1
    await emit(fake, "BridgeLeave", "1", BridgeUniqueid="b")
    await until(lambda: live.queues["support"].completed == 1)
    assert not live.queues["support"].members["PJSIP/agent1"].in_call


async def test_the_end_of_a_call_that_is_counted_late(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A member whose channel hung up, and whom a busy server still lists in a call, is asked about again; one who left a bridge is not."""
    headers = {"Queue": "support", "Interface": "PJSIP/agent1"}
    await emit(fake, "AgentConnect", "1", "agent,all", DestUniqueid="2", **headers)
    await until(lambda: len(fake.sent("QueueStatus")) == 2)
    await until(lambda: not live.queues["support"].members["PJSIP/agent1"].in_call)
    member = {"Event": "QueueMember", "Queue": "support", "Location": "PJSIP/agent1", "InCall": "1"}
    params = {"Event": "QueueParams", "Queue": "support"}
    fake.reply_to("QueueStatus", lambda request: queue_list(request, params, member), times=3)
    fake.exchange.queues["support"].completed = 1
    await emit(fake, "BridgeLeave", "2", BridgeUniqueid="b")
    await until(lambda: len(fake.sent("QueueStatus")) == 3)
    await until(lambda: live.queues["support"].members["PJSIP/agent1"].in_call)
    await emit(fake, "Hangup", "2")
    await until(lambda: live.queues["support"].completed == 1)
    assert not live.queues["support"].members["PJSIP/agent1"].in_call
    assert len(fake.sent("QueueStatus")) == 6


async def test_a_call_that_is_counted_without_an_event(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A queue whose member hangs up after the answer and before AgentConnect is asked until it has counted; one who did not answer is nothing."""
    headers = {"Queue": "support", "Interface": "PJSIP/agent1"}
    for uniqueid in ("2", "3"):
        await emit(fake, "AgentCalled", "1", "agent,all", DestUniqueid=uniqueid, **headers)
    await emit(fake, "Hangup", "3", ChannelState="5")
    params = {"Event": "QueueParams", "Queue": "support"}
    fake.reply_to("QueueStatus", lambda request: queue_list(request, params), times=2)
    queue = fake.exchange.queues["support"]
    queue.completed, queue.members[0].calls = 1, 1
    await emit(fake, "Hangup", "2")
    await until(lambda: live.queues["support"].completed == 1)
    await settled(live, mgr)
    assert live.queues["support"].members["PJSIP/agent1"].calls_taken == 1
    assert {(each.get("Queue"), each.get("Member")) for each in fake.sent("QueueStatus")[1:]} == {
        ("support", "PJSIP/agent1")
    }
    assert len(fake.sent("QueueStatus")) == 4


async def test_two_calls_that_are_counted_without_an_event(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Two members who hang up before AgentConnect are both waited for, and the AgentComplete of a third call is not taken for either."""
    calls = {"2": "PJSIP/agent1", "3": "PJSIP/agent2", "4": "PJSIP/agent3"}
    for uniqueid, interface in calls.items():
        await emit(fake, "AgentCalled", "1", "agent,all", DestUniqueid=uniqueid, Queue="support", Interface=interface)
    answers = [{"Event": "QueueParams", "Queue": "support", "Completed": str(count)} for count in (1, 2)]
    for answer in answers:
        fake.reply_to("QueueStatus", lambda request, answer=answer: queue_list(request, answer), times=2)
    fake.exchange.queues["support"].completed = 3
    await emit(fake, "Hangup", "2")
    await emit(fake, "Hangup", "3")
    for name in ("AgentConnect", "AgentComplete"):
        await emit(fake, name, "1", "agent,all", DestUniqueid="4", Queue="support", Interface="PJSIP/agent3")
    await until(lambda: live.queues["support"].completed == 3)
    await settled(live, mgr)
    asked = [each.get("Member") for each in fake.sent("QueueStatus")]
    assert {"PJSIP/agent1", "PJSIP/agent2"} <= set(asked)


async def test_a_late_count_beside_other_doubts(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A count that comes after several looks is seen, however many other members of the queue are asked about meanwhile."""
    await emit(fake, "AgentCalled", "1", "agent,all", DestUniqueid="2", Queue="support", Interface="PJSIP/agent1")
    for number in range(7):
        headers = {"Queue": "support", "Interface": f"PJSIP/other{number}", "DestUniqueid": f"c{number}"}
        await emit(fake, "AgentConnect", "1", "agent,all", **headers)
    await emit(fake, "Hangup", "2")
    of_member = lambda: [each for each in fake.sent("QueueStatus") if each.get("Member") == "PJSIP/agent1"]  # noqa: E731
    await until(lambda: len(of_member()) == 3)
    fake.exchange.queues["support"].completed = 1
    await until(lambda: live.queues["support"].completed == 1)
    await settled(live, mgr)
    assert len(of_member()) <= 5


async def test_a_count_that_never_comes(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A queue that counts nothing for a member who hung up before AgentConnect is asked five times, and believed."""
    await emit(fake, "AgentCalled", "1", "agent,all", DestUniqueid="2", Queue="support", Interface="PJSIP/agent1")
    await emit(fake, "Hangup", "2")
    await until(lambda: len(fake.sent("QueueStatus")) == 6)
    await settled(live, mgr)
    assert (live.queues["support"].completed, live.synced) == (0, True)


async def test_a_connected_call_is_counted_by_its_own_event(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A member whom AgentConnect named is asked about after the call as ever, and not until the count moves."""
    headers = {"Queue": "support", "Interface": "PJSIP/agent1", "DestUniqueid": "2"}
    for name in ("AgentCalled", "AgentConnect", "AgentComplete"):
        await emit(fake, name, "1", "agent,all", **headers)
    await emit(fake, "Hangup", "2")
    await until(lambda: len(fake.sent("QueueStatus")) == 2)
    await settled(live, mgr)
    assert len(fake.sent("QueueStatus")) == 2


@pytest.mark.parametrize("channels", [1, 40])
async def test_the_application_behind_an_originate(fake: FakeAsterisk, mgr: Manager, live: Live, channels: int) -> None:
    """The application that an Originate runs is asked for when the channel is up: of few channels by name, else of all at once."""
    numbers = [str(number) for number in range(channels)]

    def status(request: Request) -> object:
        asked = request.get("Channel")
        told = {"Event": "Status", "ChannelState": "6", "Application": "Wait", "Data": "60"}
        items = [
            told | {"Channel": f"PJSIP/x-{each}", "Uniqueid": each, "Linkedid": each}
            for each in ([asked] if asked else [*numbers, "another"])
        ]
        return status_list(request, *items)

    fake.reply_to("Status", status)
    for number in numbers:
        await emit(fake, "Newchannel", number)
    # At once: what is in doubt at the same time is asked for together.
    applied_to = {"Application": "AppDial2", "AppData": "(Outgoing Line)"}
    await asyncio.gather(
        *(emit(fake, "Newexten", number, "dialplan,all", **applied_to) for number in numbers),
        *(emit(fake, "Newstate", number) for number in numbers),
    )
    await until(
        lambda: len(live.channels) == channels and all(each.application == "Wait" for each in live.channels.values())
    )
    assert {each.application_data for each in live.channels.values()} == {"60"}
    asked = [each.get("Channel") for each in fake.sent("Status")]
    # A busy machine may hear of a few of them later.
    assert asked == ["0"] if channels == 1 else "" in asked and len(asked) < channels


@pytest.mark.fake_asterisk(errors="surrogateescape")
async def test_names_with_odd_bytes(fake: FakeAsterisk, mgr: Manager) -> None:
    """A queue whose name is no UTF-8 is shown with the bytes escaped, and asked for by the bytes themselves."""
    params = {"Event": "QueueParams", "Queue": "caf\udcfc", "Strategy": "ringall"}
    member = {"Event": "QueueMember", "Queue": "caf\udcfc", "Location": "Local/\udce9@x", "Status": "1"}
    fake.reply_to("QueueStatus", lambda request: queue_list(request, params, member))
    async with Live(mgr) as live:
        assert list(live.queues) == ["caf\\xfc"]
        await emit(fake, "QueueCallerJoin", "1", "agent,all", Queue="caf\udcfc", Position="1", Count="7")
        await until(lambda: len(fake.sent("QueueStatus")) == 2)
        await live.wait_synced(5)
        assert fake.sent("QueueStatus")[-1].get("Queue") == "caf\udcfc"
        headers = {"Queue": "caf\udcfc", "Interface": "Local/\udce9@x"}
        await emit(fake, "AgentConnect", "1", "agent,all", **headers)
        await until(lambda: len(fake.sent("QueueStatus")) == 3)
        asked = fake.sent("QueueStatus")[-1]
        assert (asked.get("Queue"), asked.get("Member")) == ("caf\udcfc", "Local/\udce9@x")
        assert list(live.queues) == ["caf\\xfc"]


async def test_a_caller_who_is_still_listed_stays_away(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A caller who was bridged is not in the queue again because a busy server lists the place a moment longer."""
    await emit(fake, "Newchannel", "1")
    await emit(fake, "QueueCallerJoin", "1", "agent,all", Queue="empty", Position="1", Count="1")
    await settled(live, mgr)
    assert [each.uniqueid for each in live.queues["empty"].callers] == ["1"]
    params = {"Event": "QueueParams", "Queue": "empty", "Strategy": "ringall", "Abandoned": "1"}
    place = {"Event": "QueueEntry", "Queue": "empty", "Position": "1", "Channel": "PJSIP/x-1", "Uniqueid": "1"}
    lists = [(params, place), (params, place), (params,)]

    def status(request: Request) -> list[list[tuple[str, str]]]:
        return queue_list(request, *(lists.pop(0) if len(lists) > 1 else lists[0]))

    fake.reply_to("QueueStatus", status)
    await emit(fake, "BridgeEnter", "1", BridgeUniqueid="b", BridgeType="basic", BridgeNumChannels="1")
    while len(lists) > 1:
        await asyncio.sleep(0.01)
        assert not live.queues["empty"].callers or len(lists) == 3
    await settled(live, mgr)
    assert not live.queues["empty"].callers


async def test_a_channel_between_two_applications(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A channel that runs nothing and is in no bridge is asked about a few times: what it runs next may have no event."""
    listed = ["", "", "Dial"]
    item = {"Event": "Status", "Channel": "PJSIP/x-1", "Uniqueid": "1", "ChannelState": "6", "Exten": "dial"}

    def status(request: Request) -> object:
        now = item | {"Application": listed.pop(0) if listed else ""}
        return status_list(request, now)

    fake.reply_to("Status", status)
    await emit(fake, "Newchannel", "1")
    for _ in range(2):
        await emit(fake, "Newexten", "1", "dialplan,all", Application="Queue", AppData="empty", Exten="hold")
    await until(lambda: len(fake.sent("Status")) == 3)
    await until(lambda: live.channels["1"].application == "Dial")
    for _ in range(2):
        await emit(fake, "Newexten", "1", "dialplan,all", Application="Queue", AppData="empty", Exten="hold")
    await until(lambda: len(fake.sent("Status")) == 3 + 5)
    await asyncio.sleep(0.3)  # in which it would be asked about once more
    assert len(fake.sent("Status")) == 3 + 5
    assert live.channels["1"].application == ""


async def test_a_channel_that_is_not_bridged_with_who_answered(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Both channels of an answered dial are asked about if another bridge takes one of them, and neither is if they meet."""

    def status(request: Request) -> object:
        key = request.get("Channel") or ""
        told = {"Event": "Status", "Uniqueid": key, "Linkedid": key, "Channel": f"PJSIP/x-{key}", "ChannelState": "6"}
        return status_list(request, told | {"Application": "(null)"})

    async def dial(caller: str, dialled: str) -> None:
        for uniqueid, application in ((caller, "Queue"), (dialled, "AppQueue")):
            await emit(fake, "Newchannel", uniqueid)
            await emit(fake, "Newexten", uniqueid, "dialplan,all", Application=application, AppData="empty")
        await emit(fake, "DialEnd", caller, DestUniqueid=dialled, DestChannel=f"PJSIP/x-{dialled}", DialStatus="ANSWER")

    fake.reply_to("Status", status)
    await dial("1", "2")
    # At once, because a busy machine would ask between two events.
    await asyncio.gather(
        emit(fake, "BridgeEnter", "2", **bridge("b", "simple_bridge")),
        emit(fake, "BridgeEnter", "1", **bridge("b", "simple_bridge")),
    )
    # Of these one hangs up, and the other goes on.
    await dial("3", "4")
    await asyncio.gather(
        emit(fake, "BridgeEnter", "3", **bridge("c", "simple_bridge")),
        emit(fake, "BridgeEnter", "4", **bridge("d", "simple_bridge")),
        emit(fake, "Newexten", "3", "dialplan,all", Application="Wait", AppData="1"),
        emit(fake, "Hangup", "4"),
        emit(fake, "BridgeLeave", "4", **bridge("d", "simple_bridge")),
    )
    await settled(live, mgr)
    await until(lambda: not live._reports.doubtful)
    assert not fake.sent("Status")
    assert [live.channels[key].application for key in ("1", "2", "3")] == ["Queue", "AppQueue", "Wait"]
    await dial("5", "6")
    await emit(fake, "BridgeEnter", "5", **bridge("e", "simple_bridge"))
    await emit(fake, "BridgeEnter", "6", **bridge("f", "simple_bridge"))
    await settled(live, mgr)
    await until(lambda: {live.channels["5"].application, live.channels["6"].application} == {""})
    assert {each.get("Channel") for each in fake.sent("Status")} == {"5", "6"}


def bridge(uniqueid: str, technology: str, creator: str = "<unknown>") -> dict[str, str]:
    """The headers by which an event or a list describes a bridge."""
    kind = "basic" if technology != "softmix" else "base"
    return {
        "BridgeUniqueid": uniqueid,
        "BridgeType": kind,
        "BridgeTechnology": technology,
        "BridgeCreator": creator,
        "BridgeName": "<unknown>",
    }


async def test_a_bridge_that_mixes_otherwise(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """The technology of a bridge is asked for a moment after its channels have changed, and of those that never change it is not."""
    listed = {"b": "native_rtp"}

    def bridges(request: Request) -> object:
        items = [{"Event": "BridgeListItem", **bridge(*each)} for each in listed.items()]
        return answer(request, "BridgeListComplete", [*items, {"Event": "BridgeListItem"}])

    fake.reply_to("BridgeList", bridges)
    before = len(fake.sent("BridgeList"))
    for uniqueid in ("1", "2", "3"):
        await emit(fake, "Newchannel", uniqueid)
    await emit(fake, "BridgeEnter", "1", **bridge("b", "simple_bridge"))
    await emit(fake, "BridgeEnter", "2", **bridge("b", "simple_bridge") | {"Channel": "Local/x@y-0;1"})
    # Neither half a Local channel, nor a conference, nor a bridge that holds mixes natively.
    for key, technology, creator in (("c", "softmix", "ConfBridge"), ("h", "holding_bridge", "<unknown>")):
        for uniqueid in ("1", "2"):
            await emit(fake, "BridgeEnter", uniqueid, **bridge(key, technology, creator))
        await emit(fake, "BridgeLeave", "1", **bridge(key, technology, creator))
    # One that is gone before the server has come to rest need not be asked about.
    for uniqueid in ("1", "2"):
        await emit(fake, "BridgeEnter", uniqueid, **bridge("d", "simple_bridge"))
    await emit(fake, "BridgeDestroy", **bridge("d", "simple_bridge"))
    await settled(live, mgr)
    await asyncio.sleep(0.3)  # in which what is in doubt would have been asked about
    assert len(fake.sent("BridgeList")) == before
    changes = live.changes()
    await emit(fake, "BridgeEnter", "1", **bridge("b", "simple_bridge"))
    await emit(fake, "BridgeEnter", "2", **bridge("b", "simple_bridge"))
    await until(lambda: live.bridges["b"].technology == "native_rtp")
    assert live.bridges["b"].channels == ("1", "2")
    assert len(fake.sent("BridgeList")) == before + 1
    assert ("bridge", "b") in {(each.kind, each.key) for each in [await anext(changes) for _ in range(3)]}
    listed["b"] = "softmix"
    await emit(fake, "BridgeEnter", "3", **bridge("b", "native_rtp") | {"Channel": "Local/x@y-0;1"})
    await until(lambda: live.bridges["b"].technology == "softmix")
    listed["b"] = "simple_bridge"
    await emit(fake, "BridgeLeave", "3", **bridge("b", "softmix"))
    await until(lambda: live.bridges["b"].technology == "simple_bridge")


async def test_a_channel_that_takes_anothers_place(fake: FakeAsterisk, mgr: Manager) -> None:
    """A channel that hangs up in a bridge has all asked anew, as another one may be in its place; one that leaves too has not."""
    about = {"Event": "CoreShowChannel", "ChannelState": "6", "Application": "ConfBridge"}
    listed = {"1": "c", "2": ""}

    def channels(request: Request) -> object:
        items = [
            about | {"Uniqueid": key, "Linkedid": key, "Channel": f"PJSIP/x-{key}", "BridgeId": place}
            for key, place in listed.items()
        ]
        return answer(request, "CoreShowChannelsComplete", items)

    def bridges(request: Request) -> object:
        item = {"Event": "BridgeListItem", **bridge("c", "softmix", "ConfBridge")}
        return answer(request, "BridgeListComplete", [item])

    fake.reply_to("CoreShowChannels", channels)
    fake.reply_to("BridgeList", bridges)
    async with Live(mgr) as live:
        assert (live.channels["2"].bridge, live.bridges["c"].channels) == (None, ("1",))
        before = len(fake.sent("CoreShowChannels"))
        listed.clear()
        listed["2"] = "c"
        await emit(fake, "Hangup", "1")
        await until(lambda: live.channels["2"].bridge == "c" and live.bridges["c"].channels == ("2",))
        await until(lambda: not live._reports.doubtful)
        asked = len(fake.sent("CoreShowChannels"))
        assert asked <= before + 2  # on a busy machine the two parts may look one after the other
        # The two events of the end come from two threads of the server.
        await emit(fake, "Hangup", "2")
        await emit(fake, "BridgeLeave", "2", **bridge("c", "softmix", "ConfBridge"))
        await settled(live, mgr)
        await asyncio.sleep(0.3)  # in which what is in doubt would have been asked about
        assert len(fake.sent("CoreShowChannels")) == asked
        assert not live.channels


async def test_what_is_in_doubt_stays_so_if_nobody_answers(fake: FakeAsterisk) -> None:
    """A question about a bridge or a channel's place that fails is put again."""
    async with Manager.from_url(fake.url) as mgr, Live(mgr, timeout=0.2) as live:
        for uniqueid in ("1", "2", "3"):
            await emit(fake, "Newchannel", uniqueid)
            await emit(fake, "BridgeEnter", uniqueid, **bridge("b", "simple_bridge"))
        await settled(live, mgr)
        fake.reply_to("CoreShowChannels", None)
        fake.reply_to("BridgeList", None)
        await emit(fake, "Hangup", "3")
        asked = len(fake.sent("CoreShowChannels"))
        await until(lambda: len(fake.sent("CoreShowChannels")) == asked + 2)


@pytest.mark.parametrize("status", ["Queue", "Return", None], ids=["over", "not over", "hung up"])
async def test_a_subroutine_that_is_over(fake: FakeAsterisk, mgr: Manager, status: str | None) -> None:
    """Where the list of channels stays with the end of a subroutine, the application that goes on is asked for, in a snapshot too."""
    about = {"Channel": "PJSIP/x-1", "Uniqueid": "1", "ChannelState": "6"}
    listed = {"Event": "CoreShowChannel", **about, "Application": "Return"}
    told = {"Event": "Status", **about, "Application": status or "", "Data": "odd,B(sub^s^1)"}
    applications = [status] if status else []

    def asked(request: Request) -> object:
        if status is None:
            return [("Response", "Error"), ("Message", "No such channel")]
        now = applications.pop(0) if applications else "Queue"
        return status_list(request, told | {"Application": now})

    fake.reply_to("CoreShowChannels", lambda request: answer(request, "CoreShowChannelsComplete", [listed]))
    fake.reply_to("Status", asked)
    async with Live(mgr) as live:
        assert live.channels["1"].application == (status or "Return")
        if status is None:
            return
        await until(lambda: live.channels["1"].application == "Queue")
        count = len(fake.sent("Status"))
        assert count == (1 if status == "Queue" else 2)
        # And as events tell it: the second one need not come.
        await emit(fake, "Newexten", "1", "dialplan,all", Application="Return", AppData="", Exten="hold")
        await settled(live, mgr)
        assert live.channels["1"].application == "Return"
        await until(lambda: live.channels["1"].application == "Queue")
        assert len(fake.sent("Status")) == count + 1


@pytest.mark.parametrize("application", ["Exec", "TryExec"])
async def test_an_application_that_runs_another(fake: FakeAsterisk, mgr: Manager, live: Live, application: str) -> None:
    """An application that another one runs has no event at its place of the dialplan, so the server is asked."""
    told = {"Event": "Status", "Channel": "PJSIP/x-1", "Uniqueid": "1", "Application": "Wait", "Data": "30"}
    fake.reply_to("Status", lambda request: status_list(request, told))
    await emit(fake, "Newchannel", "1")
    await emit(fake, "Newexten", "1", "dialplan,all", Application=application, AppData="Wait(30)")
    await settled(live, mgr)
    assert live.channels["1"].application == application
    await until(lambda: live.channels["1"].application == "Wait")
    assert live.channels["1"].application_data == "30"


async def test_an_application_that_is_told_again(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Where a channel goes on at another place with the application that it has left, the server is asked what runs there."""
    await emit(fake, "Newchannel", "1")
    await emit(fake, "Newexten", "1", "dialplan,all", Application="Queue", AppData="empty", Exten="hold")
    await emit(fake, "Newexten", "1", "dialplan,all", Application="NoOp", AppData="", Exten="hold")
    await emit(fake, "Newexten", "1", "dialplan,all", Application="Queue", AppData="empty", Exten="hold")
    item = {
        "Event": "Status",
        "Channel": "PJSIP/x-1",
        "Uniqueid": "1",
        "Application": "Wait",
        "Data": "600",
        "Exten": "wait",
    }

    def status(request: Request) -> object:
        return status_list(request, item)

    fake.reply_to("Status", status)
    await settled(live, mgr)
    assert not fake.sent("Status")
    await emit(fake, "Newexten", "1", "dialplan,all", Application="Queue", AppData="empty", Exten="wait")
    await until(lambda: live.channels["1"].application == "Wait")
    assert len(fake.sent("Status")) == 1


@pytest.mark.fake_asterisk(errors="surrogateescape")
async def test_an_action_for_a_name_with_odd_bytes_touches_that_one(fake: FakeAsterisk, mgr: Manager) -> None:
    """A queue that was reset, and a conference that was locked, by the bytes of its name is read again, and not lost."""
    params = {"Event": "QueueParams", "Queue": "caf\udcfc", "Strategy": "ringall"}

    def status(request: Request) -> list[list[tuple[str, str]]]:
        return queue_list(request, *([params] if request.get("Queue", "caf\udcfc") == "caf\udcfc" else []))

    fake.reply_to("QueueStatus", status)
    fake.reply_to("QueueReset", {"Response": "Success"})
    fake.reply_to("ConfbridgeLock", {"Response": "Success"})
    async with Live(mgr, parts=("queues", "conferences")) as live:
        for action in (actions.QueueReset(queue=b"caf\xfc"), Action("QueueReset", {"Queue": next(iter(live.queues))})):
            asked = len(fake.sent("QueueStatus"))
            await mgr.send(action)
            await until(lambda asked=asked: len(fake.sent("QueueStatus")) > asked)  # type: ignore[misc]
            await live.wait_synced(5)
            assert list(live.queues) == ["caf\\xfc"]
        asked = len(fake.sent("ConfbridgeListRooms"))
        await mgr.send(actions.ConfbridgeLock(b"r\xfc"))
        await until(lambda: len(fake.sent("ConfbridgeListRooms")) > asked)


# What cannot be seen


@pytest.mark.parametrize(
    ("options", "unavailable"),
    [
        ({}, {}),
        ({"event_mask": "call,dialplan,agent,system"}, {}),
        ({"event_mask": "call,dialplan"}, {"queues": "the event mask leaves out agent: add agent to event_mask"}),
        ({"event_mask": False}, dict.fromkeys(("channels", "bridges", "queues"), "the event mask leaves out")),
        ({"event_filters": ["!Event: (VarSet|RTCP.*)"]}, {}),
        ({"event_filters": ["!Event: Newexten"]}, {"queues": "event_filters keep back Newexten"}),
        ({"event_filters": ["Event: Queue", "Event: Agent"]}, dict.fromkeys(("channels", "bridges", "queues"), "keep back")),
        ({"event_filters": ["!Channel: Local/"]}, dict.fromkeys(("channels", "bridges", "queues"), "or may")),
        ({"event_filters": ["action(exclude),name(Hangup)"]}, dict.fromkeys(("channels", "bridges", "queues"), "keep back Hangup")),
        ({"event_filters": ["action(exclude),name(VarSet)"]}, {}),
        ({"event_filters": ["action(exclude),name(AgentConnect),header(Queue),method(exact)=x"]}, {"queues": "AgentConnect"}),
    ],
    ids=str,
)  # fmt: skip
async def test_the_managers_own_mask_and_filters(
    fake: FakeAsterisk, options: dict[str, object], unavailable: dict[str, str]
) -> None:
    """A part whose events the manager itself keeps away stays empty, and is named with what to change."""
    async with manager(fake, **options) as mgr, Live(mgr) as live:
        assert live.unavailable.keys() == unavailable.keys()
        assert all(words in live.unavailable[part] for part, words in unavailable.items())  # type: ignore[index]
        assert live.synced
        assert ("support" in live.queues) is ("queues" not in unavailable)


async def test_a_mask_that_changes(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """After an `Events` of the same manager the parts are those that can be followed then."""
    await mgr.send(core.Events("call,dialplan"))
    await live.wait_synced(5)
    assert set(live.unavailable) == {"queues"}
    assert not live.queues
    await mgr.send(core.Events("on"))
    await live.wait_synced(5)
    assert not live.unavailable
    assert "support" in live.queues
    await mgr.send(actions.Filter("!Event: Agent"))
    await live.wait_synced(5)
    assert set(live.unavailable) == {"queues"}


@pytest.mark.fake_asterisk(users={"some": Account("s", read="call,dialplan", write="all")})
async def test_rights_that_are_missing(fake: FakeAsterisk, mgr: Manager) -> None:
    """A part whose events the user may not read is named with the line of manager.conf to change."""
    async with Live(mgr) as live:
        assert dict(live.unavailable) == {
            "queues": "the user may not read the events of agent: add agent to read in manager.conf"
        }
        assert live.synced


@pytest.mark.fake_asterisk(
    boot=False,
    users={"few": Account("s", read="call", write="call,system"), "admin": Account("s3cret", read="all", write="all")},
)
async def test_a_server_that_comes_back_and_boots(fake: FakeAsterisk) -> None:
    """After an outage the state is right when the server has booted; a user whom it does not tell that need not wait."""
    async with (
        manager(fake) as mgr,
        Live(mgr) as live,
        manager(fake, username="few", secret="s") as other,
        Live(other) as theirs,
    ):
        fake.drop()
        await until(lambda: not live.synced and not theirs.synced)
        await theirs.wait_synced(5)
        await mgr.wait_ready(5)
        with pytest.raises(ManagerTimeout):
            await live.wait_synced(0.2)
        fake.boot()
        await live.wait_synced(5)


@pytest.mark.fake_asterisk(users={"some": Account("s", read="call,system", write="all")})
async def test_what_is_unavailable_is_not_shown_as_empty(fake: FakeAsterisk) -> None:
    """Printed, and in a notebook, a part that cannot be followed is named so, with the reason."""
    async with manager(fake, username="some", secret="s") as mgr, Live(mgr) as live:
        assert repr(live) == "<Live 0 channels, 0 bridges, queues unavailable, synced>"
        assert live.unavailable["queues"] in live._repr_html_()


@pytest.mark.fake_asterisk(users={"some": Account("s", read="call", write="all")})
async def test_without_the_dialplan(fake: FakeAsterisk, mgr: Manager) -> None:
    """A user who may not read of the dialplan sees the channels without their application, which would not be followed."""
    call = fake.incoming("PJSIP/trunk", to="wait@test")
    async with Live(mgr, parts=("channels",)) as live:
        assert not live.unavailable
        assert (live.channels[call.uniqueid].name, live.channels[call.uniqueid].application) == (call.channel, "")


# Parts


async def test_parts_are_chosen(fake: FakeAsterisk, mgr: Manager) -> None:
    """Only the parts that were chosen are asked for and shown; to look at another one is an error, and not nothing."""
    async with Live(mgr, parts=["queues"]) as live:
        assert live.parts == ("queues",)
        call = fake.incoming("PJSIP/trunk", to="hold@test")
        await until(lambda: live.queues["empty"].callers)
        assert fake.sent("CoreShowChannels") == []
        for part in (
            "channels",
            "bridges",
            "hints",
            "parking",
            "conferences",
            "mailboxes",
            "endpoints",
            "registrations",
        ):
            with pytest.raises(RuntimeError, match=f"the part {part} is not followed"):
                getattr(live, part)
        fake.drop()
        assert repr(live).startswith("<Live 3 queues, ")
        assert call.uniqueid == live.queues["empty"].callers[0].uniqueid


@pytest.mark.parametrize(
    ("parts", "error", "words"),
    [(("chanels",), ValueError, "'chanels' is none of channels"), ((), ValueError, "at least one"), ("queues", TypeError, "not one text")],
)  # fmt: skip
async def test_parts_that_cannot_be(mgr: Manager, parts: object, error: type[Exception], words: str) -> None:
    """Parts that do not exist, none, and one text are refused."""
    with pytest.raises(error, match=words):
        Live(mgr, parts=parts)  # type: ignore[arg-type]


# Order, and what is kept


async def test_calls_are_in_the_order_of_their_numbers(fake: FakeAsterisk, mgr: Manager) -> None:
    """Channels of one second are in the order of the number in their Uniqueid, others by their age."""
    for number in (12, 9, 10, 11):
        fake.exchange.emit("Nothing", [("Number", str(number))], classes="call")

    def answer(request: Request) -> object:
        identity = ("ActionID", request.action_id or "")
        items = [
            [("Event", "CoreShowChannel"), ("Channel", f"X/{uniqueid}"), ("Uniqueid", uniqueid), ("Linkedid", uniqueid),
             ("Duration", duration), identity]
            for uniqueid, duration in (
                ("pbx-1700000001.12", "00:00:01"), ("pbx-1700000000.9", "00:00:02"), ("ours-a", "00:01:00"),
                ("pbx-1700000001.10", "00:00:01"), ("pbx-1700000001.11", "00:00:01"),
            )
        ]  # fmt: skip
        first = [("Response", "Success"), identity, ("EventList", "start")]
        return [first, *items, [("Event", "CoreShowChannelsComplete"), identity, ("EventList", "Complete")]]

    fake.reply_to("CoreShowChannels", answer)
    async with Live(mgr) as live:
        ordered = ["ours-a", "pbx-1700000000.9", "pbx-1700000001.10", "pbx-1700000001.11", "pbx-1700000001.12"]
        assert list(live.calls()) == list(live.channels) == ordered


async def test_what_is_kept_does_not_change(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """An object that was looked at stays what it was, and one that did not change is the same object."""
    await emit(fake, "Newchannel", "1")
    await emit(fake, "QueueCallerJoin", "1", "agent,all", Queue="support", Position="1")
    await settled(live, mgr)
    channel, queue, other = live.channels["1"], live.queues["support"], live.queues["sales"]
    assert live.channels["1"] is channel
    await emit(fake, "NewCallerid", "1", CallerIDNum="555", CallerIDName="Ada")
    await emit(fake, "QueueMemberPause", privilege="agent,all", Queue="support", Interface="PJSIP/agent1", Paused="1")
    await emit(fake, "QueueCallerLeave", "1", "agent,all", Queue="support")
    await until(lambda: not live.queues["support"].callers)
    assert (channel.caller_id_num, live.channels["1"].caller_id_num) == ("", "555")
    assert (len(queue.callers), queue.members["PJSIP/agent1"].paused) == (1, False)
    assert live.queues["support"].members["PJSIP/agent1"].paused
    assert live.queues["sales"] is other


async def test_parts_of_channels_complete_what_is_known(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Events that tell a part of a channel or member, as those of old servers, leave the rest as it was."""
    await emit(fake, "Newchannel", "1", CallerIDNum="555", Context="test")
    await emit(fake, "Newstate", "1", Exten="100")
    await emit(fake, "QueueMemberStatus", privilege="agent,all", Queue="support", Interface="PJSIP/agent1", Status="2")
    await emit(fake, "QueueMemberPause", privilege="agent,all", Queue="support", Interface="PJSIP/agent1", Paused="1")
    await settled(live, mgr)
    channel, member = live.channels["1"], live.queues["support"].members["PJSIP/agent1"]
    assert (channel.caller_id_num, channel.context, channel.exten) == ("555", "test", "100")
    assert (member.status, member.paused, member.name) == (2, True, "Agent One")


# Other forms


async def test_objects_as_dictionaries_and_html(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Every object is a dictionary ready for JSON and a table for a notebook, with the names of states."""
    import json

    call = fake.incoming("PJSIP/trunk", to="hold@test", caller='"<Ada>" <555>')
    other = fake.incoming("PJSIP/trunk", to="conference@test")
    await until(lambda: live.queues["empty"].callers and live.bridges)
    await settled(live, mgr)
    channel, queue = live.channels[call.uniqueid], live.queues["empty"]
    assert channel.to_dict()["state"] == "UP"
    assert queue.to_dict()["callers"][0]["uniqueid"] == call.uniqueid
    assert live.queues["support"].to_dict()["members"]["PJSIP/agent1"]["membership"] == "static"
    bridges = [each.to_dict() for each in live.bridges.values()]
    assert other.uniqueid in bridges[0]["channels"]
    json.dumps([channel.to_dict(), queue.to_dict(), bridges, LiveChange("queue", "a").to_dict()])
    for thing in (channel, queue, *live.bridges.values(), live.queues["support"], live):
        html = thing._repr_html_()
        assert html.count("<table") >= 1
        assert "<Ada>" not in html
    assert "&lt;Ada&gt;" in channel._repr_html_()
    assert "Agent One" in live.queues["support"]._repr_html_()


def test_objects_in_words() -> None:
    """The repr of an object is one line without what is empty, however many things it has."""
    members = {f"PJSIP/{n}": LiveMember(f"PJSIP/{n}") for n in range(1000)}
    assert repr(LiveQueue("sales", members=members)) == "<LiveQueue name='sales' completed=0 abandoned=0 members=1000>"
    assert (
        repr(LiveMember("PJSIP/1", paused=True))
        == "<LiveMember interface='PJSIP/1' paused=True calls_taken=0 penalty=0>"
    )


# What it follows


async def test_what_is_doubted_late_is_not_looked_at_too_early() -> None:
    """Each key that is in doubt has its own while to settle, one that never settles is looked at all the same, and once more at its end."""
    loop = asyncio.get_running_loop()
    now = 100.0
    with mock.patch.object(loop, "time", side_effect=lambda: now):
        doubts = Doubts()
        doubts.add("early")
        now += 0.15
        doubts.add("late")
        now += 0.05
        assert doubts.take() == ["early"]
        assert "late" in doubts
        now += 0.15
        assert doubts.take() == ["late"]
        assert not doubts
        for _ in range(11):
            doubts.add("busy")
            assert not doubts.take()
            now += 0.095
        doubts.add("busy")
        assert doubts.take() == ["busy"]
        now += 0.2
        assert doubts.take() == ["busy"]
        assert not doubts.take()
        doubts.add("again")
        for _ in range(4):
            now += 0.2
            assert doubts.take() == ["again"]
            assert doubts.again("again")
        now += 0.2
        assert doubts.take() == ["again"]
        assert not doubts.again("again")
        assert not doubts
