"""The calls of the live state, on a fake server: who calls whom, what became of them, and what was not seen."""

from __future__ import annotations

import json

import pytest
from tests.helpers import manager, until
from tests.unit.live.conftest import settled

from aioami import Manager, core
from aioami.calls import EndReason
from aioami.enums import HangupCause
from aioami.live import Live, LiveCall, LiveCallState, LiveChange, LiveParty
from aioami.testing import Account, FakeAsterisk


def head(number: int, **headers: str) -> dict[str, str]:
    own = {"Channel": f"PJSIP/p{number}-{number}", "Uniqueid": f"{number}.1", "Linkedid": "1.1", "ChannelState": "4"}
    return {**own, "CallerIDNum": f"10{number}", "CallerIDName": f"Phone {number}", "Exten": "102", **headers}


def dest(number: int) -> dict[str, str]:
    return {f"Dest{name}": value for name, value in head(number).items()}


async def says(fake: FakeAsterisk, *told: tuple[str, dict[str, str]]) -> None:
    for name, headers in told:
        await fake.send_event(name, headers, privilege="call,all")


RINGS = (
    ("Newchannel", head(1)),
    ("Newchannel", head(2, ChannelState="0", Exten="")),
    ("DialBegin", {**head(1), **dest(2)}),
    ("Newstate", head(2, ChannelState="5")),
)
BRIDGE = {"BridgeUniqueid": "b", "BridgeType": "basic", "BridgeCreator": "<unknown>"}
TALKS = (
    *RINGS,
    ("DialEnd", {**head(1), **dest(2), "DialStatus": "ANSWER"}),
    ("BridgeEnter", {**head(2, ChannelState="6"), **BRIDGE}),
    ("BridgeEnter", {**head(1, ChannelState="6"), **BRIDGE}),
)


async def test_a_call_that_is_answered(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A call rings, is talked and held, and stands among those that are over when its last channel is gone."""
    await says(fake, *RINGS)
    await settled(live, mgr)
    (call,) = live.calls().values()
    assert (call.linkedid, call.state, call.answered_by, call.end) == ("1.1", LiveCallState.RINGING, None, None)
    assert call.caller == LiveParty("Phone 1", "101", "PJSIP/p1-1", "1.1")
    assert (str(call.caller), str(call.callee)) == ("Phone 1 <101>", "Phone 2 <102>")
    assert [each.uniqueid for each in call.channels] == ["1.1", "2.1"]
    await says(fake, *TALKS[len(RINGS) :])
    await settled(live, mgr)
    call = live.calls()["1.1"]
    assert (call.state, call.answered_by) == (LiveCallState.TALKING, call.callee)
    await says(fake, ("Hold", head(2)))
    await settled(live, mgr)
    assert live.calls()["1.1"].state is LiveCallState.HELD
    changes = live.changes()
    await says(fake, ("Hangup", head(2, Cause="16")), ("Hangup", head(1, Cause="16")))
    await settled(live, mgr)
    assert not live.calls()
    (ended,) = live.ended
    assert ended.end is not None
    assert (ended.end.reason, ended.end.cause) == (EndReason.ANSWERED, HangupCause.NORMAL_CLEARING)
    assert [each.uniqueid for each in ended.channels] == ["1.1", "2.1"]
    assert (ended.caller, ended.callee, ended.state) == (call.caller, call.callee, LiveCallState.OTHER)
    told = []
    while LiveChange("call", "1.1", gone=True) not in told:
        told.append(await changes.__anext__())


@pytest.mark.parametrize(
    ("status", "cause", "reason"),
    [
        ("BUSY", 17, EndReason.BUSY),
        ("NOANSWER", 19, EndReason.NO_ANSWER),
        ("CANCEL", 0, EndReason.NO_ANSWER),
        ("CONGESTION", 34, EndReason.CONGESTION),
        ("CHANUNAVAIL", 21, EndReason.REJECTED),
    ],
)
async def test_a_call_in_vain(
    fake: FakeAsterisk, mgr: Manager, live: Live, status: str, cause: int, reason: EndReason
) -> None:
    """The end of a call that nobody answered has the reason and the cause of the attempt, and nobody who answered."""
    end = ("DialEnd", {**head(1), **dest(2), "DialStatus": status})
    await says(fake, *RINGS, end, ("Hangup", head(2, Cause=str(cause))), ("Hangup", head(1, Cause="16")))
    await settled(live, mgr)
    (ended,) = live.ended
    assert ended.end is not None
    told = HangupCause(cause) if cause else None  # as of a `Call`: 0 tells of none
    assert (ended.end.reason, ended.end.cause, ended.end.talked) == (reason, told, 0.0)
    assert (ended.callee.number, ended.answered_by) == ("102", None)


@pytest.mark.fake_asterisk(virtual_time=True)
async def test_a_queue_in_virtual_time(fake: FakeAsterisk, mgr: Manager) -> None:
    """One who waits in a queue is WAITING there; the seconds of ringing and talking are those of the clock."""
    async with Live(mgr, clock=fake.time) as live:
        ada = fake.incoming("PJSIP/trunk", to="support@queues", caller='"Ada" <555>')
        await fake.advance(10)
        await settled(live, mgr)
        (call,) = live.calls().values()
        assert (call.state, call.queue, str(call.caller)) == (LiveCallState.WAITING, "support", "Ada <555>")
        await ada.answered_by("PJSIP/agent1")
        await settled(live, mgr)
        (call,) = live.calls().values()
        assert (call.state, call.queue) == (LiveCallState.TALKING, "support")
        assert call.answered_by is not None
        assert call.answered_by.channel.startswith("PJSIP/agent1-")
        await fake.advance(60)
        await ada.hang_up()
        await fake.advance(1)
        await settled(live, mgr)
        (ended,) = live.ended
        assert ended.end is not None
        assert ended.end.talked == pytest.approx(60, abs=2)
        assert ended.end.reason is EndReason.ANSWERED


async def test_a_call_that_is_there_already(fake: FakeAsterisk, mgr: Manager) -> None:
    """A call that is older than the live state is told as one that is followed from its beginning."""
    answer = await mgr.send(core.Originate_Application("Local/dial@test/n", "Wait", ("60",)))
    await answer.outcome()
    async with Live(mgr) as first, Live(mgr) as second:
        for live in (first, second):
            (call,) = live.calls().values()
            assert call.linkedid == min(each.linkedid for each in live.channels.values())
            assert len(call.channels) == len(live.channels)
        assert list(first.calls()) == list(second.calls())


async def test_a_call_that_ended_unseen(fake: FakeAsterisk) -> None:
    """A call that ended while the link was away is over for a reason that is not known, and its talk counts to the loss."""
    now = 1000.0
    async with manager(fake) as mgr, Live(mgr, clock=lambda: now) as live:
        await says(fake, *TALKS)
        await settled(live, mgr)
        now = 1010.0
        changes = live.changes()
        fake.drop()
        await until(lambda: not live.synced and not live._synced)
        now = 5000.0
        await until(lambda: not live.calls())
        (ended,) = live.ended
        assert ended.end is not None
        assert (ended.end.reason, ended.end.cause, ended.end.talked) == (EndReason.UNKNOWN, None, 10.0)
        assert ended.answered_by == ended.callee
        told = []
        while LiveChange("call", "1.1", gone=True) not in told:
            told.append(await changes.__anext__())


async def test_a_call_that_becomes_a_part_of_another(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Two calls that meet in a basic bridge are one from then on; the younger one is gone, and is not over."""
    other = [{**head(number), "Linkedid": "3.1"} for number in (3, 4)]
    await says(fake, *TALKS, *(("Newchannel", each) for each in other))
    await settled(live, mgr)
    assert list(live.calls()) == ["1.1", "3.1"]
    changes = live.changes()
    leaves = ("BridgeLeave", {**head(2), **BRIDGE})
    await says(
        fake, leaves, ("BridgeEnter", {**other[1], "Linkedid": "1.1", **BRIDGE}), ("Hangup", head(2, Cause="16"))
    )
    await settled(live, mgr)
    (call,) = live.calls().values()
    assert (call.linkedid, call.caller.number, call.callee.number) == ("1.1", "101", "104")
    assert call.answered_by is not None
    assert call.answered_by.number == "102"
    assert live.ended == ()
    told = []
    while LiveChange("call", "3.1", gone=True) not in told:
        told.append(await changes.__anext__())


@pytest.mark.parametrize("result", ["Success", "Fail"])
async def test_a_call_that_is_transferred_while_it_rings(
    fake: FakeAsterisk, mgr: Manager, live: Live, result: str
) -> None:
    """An attended transfer makes the two calls one at once, whose callee is the one who rings; one that fails does not."""

    def named(number: int, prefix: str) -> dict[str, str]:
        return {f"{prefix}{name}": value for name, value in head(number, Linkedid=f"{number}.1").items()}

    await says(fake, *(("Newchannel", head(number, Linkedid=f"{number}.1")) for number in (1, 2)))
    rings = head(3, Linkedid="2.1")
    await says(
        fake,
        ("Newchannel", rings),
        ("DialBegin", {**head(2, Linkedid="2.1"), **{f"Dest{name}": value for name, value in rings.items()}}),
        ("AttendedTransfer", {"Result": result, **named(8, "OrigTransferer")}),
    )
    parties = {**named(1, "OrigTransferer"), **named(2, "SecondTransferer")}
    await says(fake, ("AttendedTransfer", {"Result": result, **parties}))
    await settled(live, mgr)
    if result == "Fail":
        assert list(live.calls()) == ["1.1", "2.1"]
        return
    (call,) = live.calls().values()
    assert len(call.channels) == 3
    assert call.callee.uniqueid == rings["Uniqueid"]


async def test_the_history_is_bounded(fake: FakeAsterisk, mgr: Manager) -> None:
    """No more calls that are over are kept than asked for, and no more hung-up channels of one call than twenty."""
    async with Live(mgr, history=2) as live:
        for number in range(4):
            own = head(number, Linkedid=f"{number}.1")
            await says(fake, ("Newchannel", own), ("Hangup", {**own, "Cause": "16"}))
        await says(fake, ("Newchannel", head(9, Linkedid="9.1")))
        for number in range(100, 160):
            own = head(number, Linkedid="9.1")
            begins = ("DialBegin", {**head(9, Linkedid="9.1"), **{f"Dest{name}": value for name, value in own.items()}})
            await says(fake, ("Newchannel", own), begins, ("Hangup", {**own, "Cause": "19"}))
        await settled(live, mgr)
        assert [each.linkedid for each in live.ended] == ["2.1", "3.1"]
        await says(fake, ("Hangup", head(9, Linkedid="9.1", Cause="16")))
        await settled(live, mgr)
        assert [each.linkedid for each in live.ended] == ["3.1", "9.1"]
        assert 20 <= len(live.ended[-1].channels) <= 22
    async with Live(mgr, history=0) as live:
        await says(fake, ("Newchannel", head(5)), ("Hangup", head(5, Cause="16")))
        await settled(live, mgr)
        assert live.ended == ()
    for wrong in (-1, "3", True):
        with pytest.raises((ValueError, TypeError), match="history"):
            Live(mgr, history=wrong)  # type: ignore[arg-type]


async def test_a_call_in_json_and_in_html(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """A call is ready for JSON with its end, and a notebook shows it and the live state with the calls."""
    await says(fake, *TALKS)
    await settled(live, mgr)
    plain = json.loads(json.dumps(live.calls()["1.1"].to_dict()))
    assert (plain["state"], plain["caller"]["number"], plain["end"]) == ("TALKING", "101", None)
    await says(fake, ("Hangup", head(2, Cause="16")), ("Hangup", head(1, Cause="16")))
    await settled(live, mgr)
    plain = json.loads(json.dumps(live.ended[0].to_dict()))
    assert (plain["end"]["reason"], plain["end"]["cause"]) == ("ANSWERED", "NORMAL_CLEARING")
    for shown in (live.ended[0]._repr_html_(), live._repr_html_()):
        assert "Phone 1 &lt;101&gt;" in shown
        assert "answered" in shown.lower()


async def test_without_the_channels_there_are_no_calls(fake: FakeAsterisk, mgr: Manager) -> None:
    """Where the channels are not followed, to ask for calls is an error that says what to choose, and events do no harm."""
    async with Live(mgr, parts=["queues"]) as live:
        await says(fake, *TALKS)
        await settled(live, mgr)
        for ask in (live.calls, lambda: live.ended):
            with pytest.raises(RuntimeError, match="channels is not followed.*parts=\\('channels', 'queues'\\)"):
                ask()


async def test_a_call_in_words(fake: FakeAsterisk, mgr: Manager, live: Live) -> None:
    """Printed, a call is one short line; its repr is one line, with the number of its channels."""
    await says(fake, *TALKS)
    await settled(live, mgr)
    call = live.calls()["1.1"]
    assert str(call) == "Phone 1 <101> → Phone 2 <102>: talking"
    assert repr(call).startswith("<LiveCall linkedid='1.1' channels=2 state=TALKING caller='Phone 1 <101>' callee=")
    assert str(LiveCall("1.1", ())) == "? → ?: other"
    await says(fake, ("Hangup", head(2, Cause="16")), ("Hangup", head(1, Cause="16")))
    await settled(live, mgr)
    assert str(live.ended[0]) == "Phone 1 <101> → Phone 2 <102>: answered"
    assert "end=ANSWERED" in repr(live.ended[0])
    waiting = LiveCall("1.1", (), LiveCallState.WAITING, "sales", LiveParty("Ada"), LiveParty(number="100"))
    assert str(waiting) == "Ada → 100: waiting in sales"


@pytest.mark.fake_asterisk(users={"some": Account("s", read="call,system", write="all")})
async def test_a_user_who_may_not_see_queues(fake: FakeAsterisk) -> None:
    """Without the classes of queues and of the dialplan a call is told, with its end, all the same."""
    async with manager(fake, username="some", secret="s") as mgr, Live(mgr) as live:
        assert set(live.unavailable) == {"queues"}
        await says(fake, *TALKS)
        await settled(live, mgr)
        assert live.calls()["1.1"].state is LiveCallState.TALKING
        await says(fake, ("Hangup", head(2, Cause="16")), ("Hangup", head(1, Cause="16")))
        await settled(live, mgr)
        assert [each.end and each.end.reason for each in live.ended] == [EndReason.ANSWERED]
