"""What the exchange behind the fake server does beyond the scenarios that real servers are compared in."""

from __future__ import annotations

import asyncio

import pytest

from aioami import Action, ActionError, Manager, actions, core, events
from aioami.testing import Call, FakeAsterisk

pytestmark = pytest.mark.fake_asterisk(virtual_time=True)

DIALPLAN = """
[globals]
RINGS = 3
[a]
exten => play,1,Playback(one&two)
 same => n,Hangup()
exten => read,1,Read(DIGITS,prompt,4,,,7)
 same => n,UserEvent(Read,Digits: ${DIGITS},Status: ${READSTATUS})
exten => music,1,Progress()
 same => n,MusicOnHold()
exten => record,1,MixMonitor(x.wav)
 same => n,StopMixMonitor()
 same => n,Wait(1)
exten => names,1,Set(CALLERID(all)="Bo" <77>)
 same => n,Set(CALLERID(num)=78)
 same => n,Set(CHANNEL(language)=de)
 same => n,Set(GLOBAL(SEEN)=${CALLERID(all)} ${CHANNEL(language)} ${RINGS} ${GLOBAL(RINGS)} ${CHANNEL} ${HANGUPCAUSE})
 same => n,Wait(60)
exten => nowhere,1,Goto(none,1)
exten => odd,1,NoSuchApplication(x)
exten => agi,1,AGI(program.sh)
 same => n,Wait(60)
exten => _1[2-4]Z,1(start),Wait(60)
exten => 700,1,Park(small)
[queues]
exten => _[a-z].,1,Queue(${EXTEN},,,,${PATIENCE})
 same => n,UserEvent(Left,Status: ${QUEUESTATUS})
"""
QUEUES = """
[general]
[full]
maxlen = 1
[empty]
joinempty = no
[tired]
wrapuptime = 30
member => PJSIP/ann
[shy]
ringinuse = no
member => PJSIP/ann
"""
PARKING = "[small]\nparkpos => 701-701\nparkingtime => 5\ncontext => a\n"
HOUSE = pytest.mark.fake_asterisk(
    virtual_time=True, files={"extensions.conf": DIALPLAN, "queues.conf": QUEUES, "res_parking.conf": PARKING}
)


def call(fake: FakeAsterisk, to: str, **variables: str) -> Call:
    return fake.incoming("PJSIP/trunk", to=to, variables=variables)


@HOUSE
async def test_applications_take_their_time(fake: FakeAsterisk) -> None:
    """Playback takes a second for each recording; Read does so, and waits for digits that nobody presses; music goes on for ever."""
    playing, reading, music = call(fake, "play@a"), call(fake, "read@a"), call(fake, "music@a")
    await fake.advance(1.9)
    assert playing.state == "Up"
    await fake.advance(0.2)
    assert playing.state == "gone"
    await fake.advance(5.8)
    assert reading.state == "Up"
    await fake.advance(0.2)
    assert reading.state == "gone"
    await music.waits(10_000)
    assert music.state == "Ring"  # music answers nobody


@HOUSE
async def test_the_dialplan_sets_and_reads(fake: FakeAsterisk, mgr: Manager) -> None:
    """Functions are written and read; labels and patterns lead somewhere; what leads nowhere is hung up."""
    there = call(fake, "names@a")
    seen = (await mgr.send(core.Getvar("SEEN"))).value or ""
    assert seen == f'"Bo" <78> de 3 3 {there.channel} 0'
    with pytest.raises(ActionError, match="not set"):
        await mgr.send(core.Setvar("CHANNEL(state)", "Up", there.channel))
    assert call(fake, "129@a").state == "Ring"
    for lost in ("nowhere@a", "odd@a"):
        assert call(fake, lost).state == "gone"
    with pytest.raises(ValueError, match="no extension '119'"):
        call(fake, "119@a")
    program = call(fake, "agi@a")
    assert (await mgr.send(core.Getvar("AGISTATUS", program.channel))).value == "FAILURE"


@HOUSE
async def test_recordings_of_the_dialplan(fake: FakeAsterisk, mgr: Manager) -> None:
    """MixMonitor and StopMixMonitor are told."""
    with mgr.events("MixMonitor*") as stream:
        call(fake, "record@a")
        assert [(await stream.__anext__()).name for _ in range(2)] == ["MixMonitorStart", "MixMonitorStop"]


@HOUSE
@pytest.mark.parametrize(
    ("queue", "patience", "status"), [("full", "60", "FULL"), ("empty", "60", "JOINEMPTY"), ("shy", "3", "TIMEOUT")]
)
async def test_why_a_caller_leaves_a_queue(
    fake: FakeAsterisk, mgr: Manager, queue: str, patience: str, status: str
) -> None:
    """A queue that is full, has no members, or is too slow lets the caller go on, and says why."""
    left = mgr.wait_for(events.UserEvent, timeout=5)
    if queue == "full":
        call(fake, "full@queues", PATIENCE="60")
    call(fake, f"{queue}@queues", PATIENCE=patience)
    await fake.advance(4)
    assert (await left)["Status"] == status


@HOUSE
async def test_a_member_wraps_up(fake: FakeAsterisk, mgr: Manager) -> None:
    """After a call a member is left alone for the wrap-up time; who waits is served then."""
    fake.phone("PJSIP/ann")
    first = call(fake, "tired@queues", PATIENCE="")
    await first.answered_by("PJSIP/ann")
    await fake.phone("PJSIP/ann").hang_up()
    second = call(fake, "tired@queues", PATIENCE="")
    await second.waits(20)
    assert not fake.phone("PJSIP/ann").ringing
    assert (await mgr.send(core.QueueSummary("tired"))).events[0]["Available"] == "0"
    await second.answered_by("PJSIP/ann")


@HOUSE
async def test_a_parking_lot_that_is_full(fake: FakeAsterisk, mgr: Manager) -> None:
    """Who finds no space goes on in the dialplan; the action says that it failed; a call goes back after its time."""
    parked, late = call(fake, "700@a"), call(fake, "700@a")
    assert (parked.state, late.state) == ("Ring", "gone")
    other = call(fake, "names@a")
    with pytest.raises(ActionError, match="Park action failed"):
        await mgr.send(core.Park(other.channel, other.channel, parkinglot="small"))
    back = mgr.wait_for(events.ParkedCallTimeOut, timeout=5)
    await fake.advance(6)
    assert (await back).parkinglot == "small"
    assert fake.phone("PJSIP/trunk").ringing  # who parked it is called


async def test_the_dialplan_by_actions(mgr: Manager) -> None:
    """Steps are added and removed, and shown; what cannot be is refused."""
    step = {"Context": "new", "Extension": "1", "Priority": "1", "Application": "Wait", "ApplicationData": "5"}
    assert (await mgr.send(Action("DialplanExtensionAdd", step))).success
    for wrong in ({}, step, step | {"Priority": "soon"}):
        with pytest.raises(ActionError):
            await mgr.send(Action("DialplanExtensionAdd", wrong))
    assert (await mgr.send(Action("DialplanExtensionAdd", step | {"Replace": "yes"}))).success
    assert "Wait(5)" in "".join((await mgr.send(core.Command("dialplan show new"))).data)
    place = {"Context": "new", "Extension": "1"}
    for wrong in ({}, place | {"Extension": "2"}, place | {"Priority": "7"}):
        with pytest.raises(ActionError):
            await mgr.send(Action("DialplanExtensionRemove", wrong))
    assert (await mgr.send(Action("DialplanExtensionRemove", place | {"Priority": "1"}))).success
    assert (await mgr.send(Action("DialplanExtensionRemove", place))).success


async def test_the_command_line(fake: FakeAsterisk, mgr: Manager) -> None:
    """A few commands show what is there."""
    call(fake, "wait@test")
    await mgr.send(core.DBPut("f", "k", "v"))
    for command, shown in (
        ("core show channels", "1 active channels"),
        ("core show uptime seconds", "System uptime: 0"),
        ("database show", "/f/k"),
        ("database get f none", "not found"),
        ("dialplan show", "Context 'elsewhere'"),
    ):
        assert shown in "\n".join((await mgr.send(core.Command(command))).data)
    for wrong in ("database drop", "dialplan show none", "core show"):
        with pytest.raises(ActionError):
            await mgr.send(core.Command(wrong))


async def test_files_are_changed_by_line_too(mgr: Manager) -> None:
    """Lines are inserted and deleted by their numbers, categories emptied, and templates shown alone."""
    await mgr.send(core.CreateConfig("new.conf"))
    changes = [("NewCat", "a", None, None, None), ("Append", "a", "x", "1", None), ("Append", "a", "x", "2", None)]
    await mgr.send(core.UpdateConfig("new.conf", "new.conf", changes))
    raw = {"SrcFilename": "new.conf", "DstFilename": "new.conf", "Cat-000000": "a"}
    for change in (
        {"Action-000000": "Insert", "Var-000000": "first", "Value-000000": "0", "Line-000000": "0"},
        {"Action-000000": "Delete", "Line-000000": "2"},
    ):
        await mgr.send(Action("UpdateConfig", raw | change))
    assert list((await mgr.send(core.GetConfig("new.conf"))).get_lines()) == ["first=0", "x=1"]
    await mgr.send(Action("UpdateConfig", raw | {"Action-000000": "EmptyCat"}))
    assert list((await mgr.send(core.GetConfig("new.conf"))).get_lines()) == []
    only = await mgr.send(core.GetConfig("scratch.conf", filter="TEMPLATES=restrict"))
    assert [category.name for category in only.categories] == ["template"]
    found = await mgr.send(core.GetConfig("pjsip.conf", filter="type=aor"))
    assert {category.name for category in found.categories} == {"alice", "agent1", "agent2", "trunk"}


async def test_agi_commands(fake: FakeAsterisk, mgr: Manager) -> None:
    """EXEC runs an application, WAIT FOR DIGIT waits, HANGUP ends the call, bad usage is 520."""
    there = call(fake, "agi@test")
    await fake.advance(1)
    results = {}
    for command in ("EXEC Set COLOUR=red", "VERBOSE hello", "SET VARIABLE", "WAIT FOR DIGIT 2000", "HANGUP"):
        reply = await mgr.send(core.AGI(there.channel, command, command))
        outcome = asyncio.ensure_future(reply.outcome(timeout=5))
        await fake.advance(3)
        results[command] = (await outcome).code
    assert list(results.values()) == [200, 200, 520, 200, 200]
    assert there.state == "gone"


async def test_a_call_that_is_dialled_on(fake: FakeAsterisk, mgr: Manager) -> None:
    """Click to call: one phone, then the other; whoever hangs up ends it; a refusal is a DIALSTATUS."""
    for name in ("bob", "carol"):
        fake.phone(f"PJSIP/{name}")
    await mgr.send(core.Originate_Application("PJSIP/alice", "Dial", ("PJSIP/bob&PJSIP/carol,20",)))
    await fake.phone("PJSIP/alice").answer()
    assert fake.phone("PJSIP/bob").ringing
    await fake.phone("PJSIP/carol").answer()
    assert not fake.phone("PJSIP/bob").ringing
    (talking,) = fake.phone("PJSIP/carol").calls
    assert [name.rpartition("-")[0] for name in talking.talks_to] == ["PJSIP/alice"]
    await fake.phone("PJSIP/carol").hang_up()
    assert not fake.exchange.channels
    fake.phone("PJSIP/bob").set(refuses="congestion")
    status = mgr.wait_for(events.VarSet, where=lambda event: event.value == "CONGESTION", timeout=5)
    await mgr.send(core.Originate_Application("PJSIP/alice", "Dial", ("PJSIP/bob,20",)))
    await fake.phone("PJSIP/alice").answer()
    assert (await status).variable == "DIALSTATUS"


async def test_a_caller_who_leaves_while_it_rings(fake: FakeAsterisk, mgr: Manager) -> None:
    """The phone stops ringing, the queue has nobody left, and the call counts as abandoned."""
    waiting = call(fake, "support@queues")
    await waiting.waits(2)
    assert fake.phone("PJSIP/agent1").ringing
    await waiting.hang_up()
    await waiting.ended()
    assert not fake.phone("PJSIP/agent1").ringing
    assert (await mgr.send(core.QueueStatus("support"))).events[0]["Abandoned"] == "1"
    assert not fake.exchange.channels


async def test_a_caller_who_is_transferred(fake: FakeAsterisk, mgr: Manager) -> None:
    """Redirected out of a talk, the caller goes on elsewhere, and the member is free again."""
    talking = call(fake, "support@queues")
    await talking.answered_by("PJSIP/agent1")
    await mgr.send(core.Redirect(talking.channel, "elsewhere", "target", 1))
    await talking.waits(5)
    assert talking.state == "Up"
    assert fake.phone("PJSIP/agent1").calls == []
    members = (await mgr.send(core.QueueStatus("support"))).events[1:]
    assert [member["InCall"] for member in members] == ["0", "0"]


# What a reviewer found


async def test_who_was_dialled_may_be_sent_elsewhere(fake: FakeAsterisk, mgr: Manager) -> None:
    """The one who was dialled is redirected out of a talk and goes on there; the caller's part is over."""
    waiting = call(fake, "support@queues")
    await waiting.answered_by("PJSIP/agent1")
    (agent,) = waiting.talks_to
    await mgr.send(core.Redirect(agent, "elsewhere", "target", 1))
    await fake.advance(1)
    assert (await mgr.send(core.Getvar("CONTEXT", agent))).value == "elsewhere"
    assert waiting.state == "gone"
    await mgr.send(core.Hangup(agent))
    await fake.advance(1)
    assert not fake.exchange.channels


async def test_a_call_goes_on_without_its_client(fake: FakeAsterisk, mgr: Manager) -> None:
    """The client that waits for a call goes away; the phone is not left ringing for ever."""
    long = core.Originate_Application("PJSIP/alice", "Wait", timeout=20_000, async_=False)
    sent = asyncio.ensure_future(mgr.send(long, check=False))
    await fake.expect("Originate")
    fake.drop()
    await asyncio.wait([sent])
    assert not isinstance(sent.exception(), AssertionError)
    await fake.advance(30)
    assert not fake.exchange.channels


async def test_bridges_that_do_not_come_about(fake: FakeAsterisk, mgr: Manager) -> None:
    """A channel is not bridged with itself; one who is sent elsewhere on the way leaves nobody waiting."""
    one, two = call(fake, "wait@test"), call(fake, "wait@test")
    with pytest.raises(ActionError, match="itself"):
        await mgr.send(core.Bridge(one.channel, one.channel))
    both = [core.Bridge(one.channel, two.channel), core.Redirect(two.channel, "elsewhere", "target", 1)]
    await asyncio.gather(*(mgr.send(action) for action in both))
    await fake.advance(1)
    assert two.talks_to == []
    assert two.state == "Up"
    assert not [bridge for bridge in fake.exchange.bridges.values() if bridge.kind == "basic"]


ENDLESS = """
[loop]
exten => goto,1,Goto(1)
exten => text,1,Set(X=price ${Y} ${${Z}})
 same => n(n),Wait(60)
 same => n+1,NoOp()
include => other
[other]
include => loop
switch => Realtime/other
exten => _[,1,NoOp()
"""


@pytest.mark.fake_asterisk(virtual_time=True, files={"extensions.conf": ENDLESS})
async def test_nothing_runs_for_ever_in_no_time(fake: FakeAsterisk, mgr: Manager) -> None:
    """A dialplan that jumps in a circle, and text that names itself, freeze nobody."""
    circle = call(fake, "goto@loop")
    await fake.advance(1)
    assert circle.state == "Ring"
    await circle.hang_up()
    text = call(fake, "text@loop", Y="${Y}", Z="Y")
    assert (await mgr.send(core.Getvar("X", text.channel))).value == "price ${Y} ${Y}"
    with pytest.raises(ValueError, match="no extension"):
        call(fake, "none@loop")


def test_a_dialplan_that_cannot_be_read() -> None:
    """What is wrong in a file is named."""
    with pytest.raises(ValueError, match=r"extensions.conf: the priority of 'x' is a number or n, not 'first'"):
        FakeAsterisk(files={"extensions.conf": "[a]\nexten => x,first,Wait(1)\n"})


@pytest.mark.fake_asterisk(virtual_time=False, answer_seconds=0.2)
async def test_the_clock_on_the_wall_is_not_behind(fake: FakeAsterisk, mgr: Manager) -> None:
    """After a while in which nothing happened, what begins now begins now."""
    await asyncio.sleep(0.3)  # nothing happens, which is the point
    began = asyncio.get_running_loop().time()
    reply = await mgr.send(core.Originate_Application("PJSIP/alice", "Wait", ("0",)))
    assert (await reply.outcome(timeout=5)).success
    assert asyncio.get_running_loop().time() - began >= 0.19


async def test_telephones_are_listed_and_written_to(fake: FakeAsterisk, mgr: Manager) -> None:
    """Endpoints, devices and hints are those of the configuration, with the state of now; MESSAGE reaches who is there."""
    call(fake, "wait@test")
    fake.phone("PJSIP/ann")
    endpoints = {each.object_name: each for each in (await mgr.send(actions.PJSIPShowEndpoints())).events}
    assert list(endpoints) == ["agent1", "agent2", "alice", "trunk"]
    assert (endpoints["trunk"]["DeviceState"], endpoints["trunk"]["ActiveChannels"]) == ("In use", "1")
    assert endpoints["agent1"]["Contacts"].startswith("agent1/sip:agent1@127.0.0.1:")
    states = {each["Device"]: each["State"] for each in (await mgr.send(actions.DeviceStateList())).events}
    assert (states["PJSIP/trunk"], states["PJSIP/ann"]) == ("INUSE", "NOT_INUSE")
    await mgr.send(core.Setvar("DEVICE_STATE(Custom:wait)", "ONHOLD"))
    hints = {each["Exten"]: each["StatusText"] for each in (await mgr.send(actions.ExtensionStateList())).events}
    assert hints == {"wait": "Hold", "peer": "Idle"}
    await mgr.send(actions.MessageSend(to="pjsip:ann", body="hello"))
    with pytest.raises(ActionError, match="failed to send"):
        await mgr.send(actions.MessageSend(to="pjsip:typo", body="hello"))


async def test_a_locked_conference_lets_nobody_in(fake: FakeAsterisk, mgr: Manager) -> None:
    """Who comes to a conference that is locked goes on, and does not meet the others."""
    first = call(fake, "conference@test")
    await fake.advance(1)
    await mgr.send(actions.ConfbridgeLock("room1"))
    second = call(fake, "conference@test")
    await fake.advance(1)
    assert (first.state, second.state) == ("Up", "gone")
    assert [each.channel for each in (await mgr.send(actions.ConfbridgeList("room1"))).events] == [first.channel]
