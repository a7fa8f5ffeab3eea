"""The state of a held call, from events alone: the same end in whatever order the facts come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from aioami import events
from aioami.calls import CallEnd, CallState, EndReason
from aioami.calls.ends import reason_of
from aioami.calls.machine import Bridges, CallMachine
from aioami.enums import HangupCause
from aioami.events.base import parse

CH: Final = "call-1"
OTHER: Final = "call-1;2"
NAME: Final = "Local/x@test-00000001;1"


def event(name: str, /, **headers: object) -> events.Event:
    """An event as the wire has it."""
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return parse("\r\n".join(lines))


def channel(name: str, state: int, **headers: object) -> events.Event:
    """An event of the called channel."""
    return event(name, Channel=NAME, ChannelState=state, Uniqueid=CH, Linkedid=CH, **headers)


NEW: Final = channel("Newchannel", 0)
RINGING: Final = channel("Newstate", 5)
UP: Final = channel("Newstate", 6)


def dial(name: str, status: str | None = None) -> events.Event:
    """An event of the dialling."""
    more = {} if status is None else {"DialStatus": status}
    return event(name, DestChannel=NAME, DestUniqueid=CH, **more)


def hangup(cause: int) -> events.Event:
    """The end of the channel."""
    return channel("Hangup", 0, Cause=cause)


def response(reason: int) -> events.Event:
    """The result of the Originate."""
    return event("OriginateResponse", Response="Success" if reason == 4 else "Failure", Reason=reason, Uniqueid=CH)


# name, events of the channel, Reason, the end
CASES: Final = [
    ("answered", [NEW, RINGING, UP, dial("DialEnd", "ANSWER"), hangup(16)], 4, EndReason.ANSWERED, 16),
    ("no_application", [NEW, UP, hangup(0)], 4, EndReason.ANSWERED, None),
    ("no_far_extension", [NEW, hangup(0)], 0, EndReason.UNKNOWN, None),
    ("no_channel", [], 0, EndReason.NO_SUCH_CHANNEL, None),
    ("busy", [NEW, dial("DialEnd", "BUSY"), hangup(0)], 5, EndReason.BUSY, None),
    ("congestion", [NEW, dial("DialEnd", "CONGESTION"), hangup(0)], 8, EndReason.CONGESTION, None),
    ("rejected", [NEW, dial("DialEnd", "NOANSWER"), hangup(21)], 0, EndReason.REJECTED, 21),
    ("busy_by_cause", [NEW, RINGING, dial("DialEnd", "BUSY"), hangup(17)], 0, EndReason.BUSY, 17),
    ("no_answer_16", [NEW, RINGING, hangup(0)], 3, EndReason.NO_ANSWER, None),
    ("no_answer_22", [NEW, RINGING, hangup(19)], 3, EndReason.NO_ANSWER, 19),
    ("hung_up_by_others", [NEW, RINGING, dial("DialEnd", "NOANSWER"), hangup(0)], 0, EndReason.NO_ANSWER, None),
    ("busy_by_dial", [NEW, dial("DialEnd", "BUSY"), hangup(16)], 0, EndReason.BUSY, 16),
]


def orders(told: list[events.Event], result: events.Event) -> Iterator[list[events.Event]]:
    """The events with the result in each place."""
    for place in range(len(told) + 1):
        yield [*told[:place], result, *told[place:]]


@pytest.mark.parametrize(("told", "reason", "end", "cause"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_the_end_is_the_same_in_every_order(
    told: list[events.Event], reason: int, end: EndReason, cause: int | None
) -> None:
    """OriginateResponse may come before, between and behind the events of the channel."""
    for order in orders(told, response(reason)):
        call = CallMachine(CH, other=OTHER)
        for each in order:
            call.take(each, 1.0)
            if each is not order[-1] and call.end is not None:
                assert end is EndReason.ANSWERED, f"{call.end} too early"
        if call.end is None:
            assert call.grace is not None
            call.settle(2.0)
        assert call.end is not None
        assert (call.end.reason, call.end.cause) == (end, cause)
        assert call.state is CallState.ENDED
        assert not call.end.by_us


@pytest.mark.parametrize("number", ["9" * 20, "9" * 5000])
def test_numbers_that_are_too_long_are_unknown(number: str) -> None:
    """A state, a cause and a reason that no server can mean change nothing, and raise nothing."""
    call = CallMachine(CH)
    for name in ("Newchannel", "Newstate"):
        call.take(event(name, Channel=NAME, ChannelState=number, Uniqueid=CH, Linkedid=CH), 0)
        assert call.state is CallState.DIALLING
    call.take(event("OriginateResponse", Response="Failure", Reason=number, Uniqueid=CH), 0)
    call.take(event("Hangup", Channel=NAME, Uniqueid=CH, Cause=number), 0)
    assert call.end is not None
    assert (call.end.reason, call.end.cause) == (EndReason.UNKNOWN, None)


def test_seconds() -> None:
    """The seconds for which it rang, and those for which it was answered, are apart."""
    call = CallMachine(CH)
    for time, each in ((0, NEW), (1, RINGING), (1.5, dial("DialState", "RINGING")), (4, UP), (10, hangup(16))):
        call.take(each, time)
    assert call.end == CallEnd(EndReason.ANSWERED, HangupCause.NORMAL_CLEARING, rang=3, talked=6)


def test_states_follow_the_events() -> None:
    """Each state is entered by the event that tells of it, and none is gone back to."""
    call = CallMachine(CH)
    told = []
    for each in (NEW, dial("DialBegin"), dial("DialState", "RINGING"), dial("DialState", "PROGRESS"), UP, RINGING):
        call.take(each, 0)
        told.append(call.state.name)
    assert told == ["DIALLING", "DIALLING", "RINGING", "EARLY", "ANSWERED", "ANSWERED"]
    assert call.channel == NAME


def test_changes_are_named_once() -> None:
    """What an event has not changed is not told."""
    call = CallMachine(CH)
    assert call.take(NEW, 0) == ["channel", "state"]
    assert call.take(NEW, 0) == []
    assert call.take(event("Hold", Uniqueid=CH), 0) == ["held"]
    assert call.take(event("Hold", Uniqueid=CH), 0) == []
    assert call.take(event("Unhold", Uniqueid=CH), 0) == ["held"]
    assert call.take(event("Rename", Uniqueid=CH, Newname="PJSIP/b"), 0) == ["channel"]
    assert call.take(event("Newstate", Uniqueid="another", ChannelState=6), 0) == []


def test_a_success_is_an_answer() -> None:
    """The result tells of the answer where no event of the channel does; with early media it does not."""
    call = CallMachine(CH)
    call.take(response(4), 0)
    assert call.state is CallState.ANSWERED
    early = CallMachine(CH, early_media=True)
    early.take(response(4), 0)
    assert early.state is CallState.QUEUED


def test_a_hang_up_of_ours() -> None:
    """An unanswered call that this program hung up is cancelled, and an answered one was ended by us."""
    call = CallMachine(CH)
    call.take(NEW, 0)
    call.begin_hang_up()
    call.take(hangup(0), 1)
    assert call.end is None, "the answer to the hang-up tells whose it was"
    call.end_hang_up(True, 1)
    assert call.end == CallEnd(EndReason.CANCELLED, by_us=True)
    call = CallMachine(CH)
    for each in (NEW, UP):
        call.take(each, 0)
    call.begin_hang_up()
    call.end_hang_up(True, 1)
    call.take(hangup(16), 2)
    assert call.end == CallEnd(EndReason.ANSWERED, HangupCause.NORMAL_CLEARING, talked=2, by_us=True)


def test_a_hang_up_of_ours_that_came_too_late() -> None:
    """A hang-up that found no channel has not ended the call."""
    call = CallMachine(CH)
    for each in (NEW, UP):
        call.take(each, 0)
    call.begin_hang_up()
    call.take(hangup(16), 1)
    call.end_hang_up(False, 1)
    assert call.end is not None
    assert not call.end.by_us


def test_a_lost_call() -> None:
    """Where nothing more will be known, the call is lost, answered or not; but not one that is over."""
    call = CallMachine(CH)
    call.take(NEW, 0)
    call.lose(1)
    assert call.end == CallEnd(EndReason.LOST)
    call = CallMachine(CH)
    for each in (NEW, UP, hangup(16)):
        call.take(each, 0)
    assert call.lose(1) == []


@pytest.mark.parametrize("before", [[], [NEW], [NEW, RINGING], [NEW, UP]], ids=["queued", "dialling", "ringing", "up"])
def test_a_call_that_is_found_after_a_gap_goes_on(before: list[events.Event]) -> None:
    """A channel that is in the list is taken as the list shows it."""
    call = CallMachine(CH)
    for each in before:
        call.take(each, 0)
    call.found(channel("CoreShowChannel", 6), 5)
    assert (call.state, call.channel) == (CallState.ANSWERED, NAME)
    call.take(hangup(17), 6)
    assert call.end is not None
    assert call.end.reason is EndReason.ANSWERED


@pytest.mark.parametrize(
    ("before", "reason"),
    [([], EndReason.UNKNOWN), ([NEW], EndReason.UNKNOWN), ([NEW, UP], EndReason.ANSWERED)],
    ids=["queued", "dialling", "up"],
)
def test_a_call_that_is_gone_after_a_gap(before: list[events.Event], reason: EndReason) -> None:
    """It ends, and says no more of its end than was seen."""
    call = CallMachine(CH)
    for each in before:
        call.take(each, 0)
    call.missing({}, 5)
    assert call.end is not None
    assert (call.end.reason, call.end.cause) == (reason, None)


def in_bridge(call: CallMachine, name: str, bridge: str, uniqueid: str, **headers: object) -> list[str]:
    """Have the bridges and the call hear that a channel enters or leaves one."""
    kind = headers.pop("kind", "basic")
    each = event(
        name, BridgeUniqueid=bridge, BridgeType=kind, Uniqueid=uniqueid, Channel=f"Local/{uniqueid}", **headers
    )
    call.bridges.take(each)
    return call.take(each, 0)


def test_bridges() -> None:
    """Whoever is in the bridge of a call is named, also those who were there before it."""
    call = CallMachine(CH)
    call.take(UP, 0)
    assert in_bridge(call, "BridgeEnter", "one", "b") == []
    assert in_bridge(call, "BridgeEnter", "one", CH) == ["bridged_with"]
    assert call.bridged_with == ("b",)
    in_bridge(call, "BridgeEnter", "one", "c")
    assert call.bridged_with == ("b", "c")
    in_bridge(call, "BridgeLeave", "one", "b")
    assert call.bridged_with == ("c",)
    in_bridge(call, "BridgeLeave", "one", CH)
    assert call.bridged_with == ()
    # Asterisk may tell of the new bridge before it tells of the leaving of the old one.
    in_bridge(call, "BridgeEnter", "two", CH)
    in_bridge(call, "BridgeEnter", "two", "d")
    in_bridge(call, "BridgeLeave", "one", "d")
    assert call.bridged_with == ("d",)


def test_a_parked_call_talks_with_nobody() -> None:
    """Others in the bridge of a parking lot are not those that it talks with."""
    call = CallMachine(CH)
    call.take(UP, 0)
    in_bridge(call, "BridgeEnter", "lot", "b", kind="parking")
    assert in_bridge(call, "BridgeEnter", "lot", CH, kind="parking") == ["parked"]
    assert (call.parked, call.bridged_with) == (True, ())
    call.take(hangup(16), 1)
    assert (call.parked, call.bridged_with) == (False, ())


def test_bridges_forget_what_is_empty() -> None:
    """The bridges of a server that is watched for long do not grow."""
    bridges = Bridges()
    for number in range(100):
        enter = {"BridgeUniqueid": f"b{number}", "BridgeType": "basic", "Uniqueid": f"c{number}"}
        bridges.take(event("BridgeEnter", **enter))
        bridges.take(event("BridgeLeave", **enter))
    assert not any(vars(bridges).values())


def optimized(swap: str) -> CallMachine:
    """A call to a Local channel that took itself out: what was called is `far`, and talks with `near`."""
    call = CallMachine(CH, other=OTHER)
    for each in (NEW, UP):
        call.take(each, 0)
    in_bridge(call, "BridgeEnter", "x", "near")
    in_bridge(call, "BridgeEnter", "x", CH)
    in_bridge(call, "BridgeEnter", "y", "far")
    in_bridge(call, "BridgeEnter", "y", OTHER)
    source = "far" if swap == CH else "near"
    ids = {"LocalOneUniqueid": CH, "LocalTwoUniqueid": OTHER, "Id": 0}
    call.take(event("LocalOptimizationBegin", **ids, SourceUniqueid=source, DestUniqueId=OTHER), 1)
    bridge = "x" if swap == CH else "y"
    in_bridge(call, "BridgeLeave", "y" if swap == CH else "x", source)
    in_bridge(call, "BridgeLeave", bridge, swap)
    in_bridge(call, "BridgeEnter", bridge, source, SwapUniqueid=swap)
    call.take(event("LocalOptimizationEnd", **ids, Success="No"), 1)  # so Asterisk 22 says
    return call


@pytest.mark.parametrize("swap", [CH, OTHER])
def test_a_local_channel_that_is_optimized_away_is_followed(swap: str) -> None:
    """The call goes on with the channel that was called, whichever end of the Local channel was replaced."""
    call = optimized(swap)
    call.take(hangup(16), 1)
    assert call.end is None
    assert (call.uniqueid, call.channel, call.bridged_with) == ("far", "Local/far", ("near",))
    call.take(event("Hangup", Uniqueid=OTHER, Cause=16), 1)
    assert call.end is None
    call.take(event("Hangup", Uniqueid="far", Channel="Local/far", Cause=16), 5)
    assert call.end == CallEnd(EndReason.ANSWERED, HangupCause.NORMAL_CLEARING, talked=5)


def test_an_optimization_that_failed_is_no_end_of_another() -> None:
    """Without a swap of channels, the hang-up that follows is the end."""
    call = CallMachine(CH, other=OTHER)
    for each in (NEW, UP):
        call.take(each, 0)
    in_bridge(call, "BridgeEnter", "y", "far")
    in_bridge(call, "BridgeEnter", "y", OTHER)
    ids = {"LocalOneUniqueid": CH, "LocalTwoUniqueid": OTHER}
    call.take(event("LocalOptimizationBegin", **ids, SourceUniqueid="far"), 1)
    call.take(event("LocalOptimizationEnd", **ids, Success="No"), 1)
    call.take(hangup(16), 2)
    assert call.end is not None


def test_a_call_that_is_picked_up_goes_on() -> None:
    """The phone that picked it up takes the place of the one that rang."""
    call = CallMachine(CH)
    for each in (NEW, RINGING):
        call.take(each, 0)
    call.take(event("Pickup", Channel="PJSIP/picker", Uniqueid="picker", TargetUniqueid=CH), 3)
    call.take(hangup(26), 3)
    assert (call.uniqueid, call.channel, call.state) == ("picker", "PJSIP/picker", CallState.ANSWERED)
    call.take(event("Hangup", Uniqueid="picker", Cause=16), 9)
    assert call.end == CallEnd(EndReason.ANSWERED, HangupCause.NORMAL_CLEARING, rang=3, talked=6)


def test_an_incoming_call() -> None:
    """It rings until it is answered; one that ends before was not answered."""
    call = CallMachine("in", channel="PJSIP/ada", is_placed=False)
    assert (call.state, call.channel) == (CallState.RINGING, "PJSIP/ada")
    call.take(event("Newstate", Uniqueid="in", ChannelState=4), 0)
    assert call.state is CallState.RINGING
    call.take(event("Newstate", Uniqueid="in", ChannelState=6), 0)
    assert call.state is CallState.ANSWERED
    tired = CallMachine("in", channel="PJSIP/ada", is_placed=False)
    tired.take(event("Hangup", Uniqueid="in", Cause=16), 9)
    assert tired.end is not None
    assert tired.end.reason is EndReason.NO_ANSWER


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (None, EndReason.UNKNOWN),
        (0, EndReason.UNKNOWN),
        (1, EndReason.REJECTED),
        (16, EndReason.UNKNOWN),
        (17, EndReason.BUSY),
        (18, EndReason.NO_ANSWER),
        (19, EndReason.NO_ANSWER),
        (20, EndReason.NO_ANSWER),
        (21, EndReason.REJECTED),
        (26, EndReason.NO_ANSWER),
        (27, EndReason.CONGESTION),
        (34, EndReason.CONGESTION),
        (42, EndReason.CONGESTION),
        (46, EndReason.CONGESTION),
        (58, EndReason.REJECTED),
        (127, EndReason.UNKNOWN),
    ],
)
def test_the_reason_of_a_cause(cause: int | None, reason: EndReason) -> None:
    """Every hang-up cause that says something has a reason, those that Asterisk adds one day too."""
    assert reason_of(cause) is reason
    assert reason_of(cause, "BUSY") is (EndReason.BUSY if reason is EndReason.UNKNOWN else reason)


def test_what_is_about_others_changes_nothing() -> None:
    """Events of other channels, which share a route with the call, leave it as it is."""
    call = CallMachine(CH, other=OTHER)
    call.take(NEW, 0)
    for name, header in (
        ("Newstate", "Uniqueid"),
        ("Hold", "Uniqueid"),
        ("Rename", "Uniqueid"),
        ("DialEnd", "DestUniqueid"),
        ("ParkedCall", "ParkeeUniqueid"),
        ("Pickup", "TargetUniqueid"),
        ("LocalOptimizationBegin", "LocalOneUniqueid"),
        ("Hangup", "Uniqueid"),
    ):
        assert call.take(event(name, **{header: "another", "ChannelState": 6, "Channel": "A/1"}), 1) == []
    assert (call.state, call.spaces, call.uniqueids) == (CallState.DIALLING, (), (CH, OTHER))


def test_the_spaces_of_a_parked_call() -> None:
    """Each space that the call was put into is kept, in order."""
    call = CallMachine(CH)
    for space in ("701", "702"):
        call.take(event("ParkedCall", ParkeeUniqueid=CH, ParkingSpace=space), 0)
    assert call.spaces == ("701", "702")


def test_what_is_told_of_a_call_that_is_over_changes_nothing() -> None:
    """Behind its end no event, no list and no bridge says anything about a call."""
    call = CallMachine(CH)
    for each in (NEW, UP, hangup(16)):
        call.take(each, 0)
    end = call.end
    assert end is not None
    assert call.found(event("CoreShowChannel", Channel=NAME, ChannelState=6), 1) == []
    assert call.missing([], 1) == call.lose(1) == call.check_bridge() == call.settle(1) == []
    assert call.end is end


def test_a_list_of_channels_tells_of_bridges() -> None:
    """The bridges of a list stand for all that there are, and those that are known keep their type."""
    bridges = Bridges()
    for bridge, kind in (("lot", "parking"), ("gone", "basic")):
        bridges.take(
            event("BridgeEnter", BridgeUniqueid=bridge, BridgeType=kind, Uniqueid=f"in-{bridge}", Channel="A/1")
        )
    bridges.replace([event("CoreShowChannel", Uniqueid="b", BridgeId="lot"), event("CoreShowChannel", Uniqueid="c")])
    assert (bridges.place("b"), bridges.kind("lot")) == ("lot", "parking")
    assert (bridges.place("c"), bridges.place("in-gone"), bridges.kind("gone")) == ("", "", None)


def test_a_place_that_a_merge_of_bridges_takes() -> None:
    """When bridges merge while a Local channel takes itself out, the hang-up that follows is that of the Local channel."""
    call = CallMachine(CH, other=OTHER)
    for each in (NEW, UP):
        call.take(each, 0)
    in_bridge(call, "BridgeEnter", "y", "far")
    in_bridge(call, "BridgeEnter", "y", OTHER)
    ids = {"LocalOneUniqueid": OTHER, "LocalTwoUniqueid": CH}
    call.take(event("LocalOptimizationBegin", **ids, SourceUniqueid="far"), 1)
    call.take(event("BridgeMerge", ToBridgeUniqueid="y"), 1)
    call.take(hangup(16), 2)
    assert (call.end, call.uniqueid) == (None, "far")


@pytest.mark.parametrize(("source", "left"), [("", None), ("far", "far")])
def test_an_optimization_that_went_well(source: str, left: str | None) -> None:
    """The channel that it names takes the place of the call's own; where it names none, the hang-up is the end."""
    call = CallMachine(CH, other=OTHER)
    for each in (NEW, UP):
        call.take(each, 0)
    ids = {"LocalOneUniqueid": CH, "LocalTwoUniqueid": OTHER}
    call.take(event("LocalOptimizationBegin", **ids, SourceUniqueid=source), 1)
    call.take(event("LocalOptimizationEnd", **ids, Success="Yes"), 1)
    call.take(hangup(16), 2)
    assert (call.end is None) == (left is not None)
    assert call.uniqueid == (left or CH)


def test_an_heir_that_hangs_up_first_inherits_nothing() -> None:
    """Where the channel that was to take its place is gone before, the call ends with its own channel."""
    call = optimized(CH)
    call.take(event("Hangup", Uniqueid="far", Cause=16), 2)
    call.take(hangup(16), 3)
    assert call.end == CallEnd(EndReason.ANSWERED, HangupCause.NORMAL_CLEARING, talked=3)


def test_an_heir_is_found_after_a_gap() -> None:
    """A Local channel that is missing from the list, while what it called is in it, was taken out of the call."""
    call = CallMachine(CH, other=OTHER)
    for each in (NEW, UP):
        call.take(each, 0)
    in_bridge(call, "BridgeEnter", "y", OTHER)
    in_bridge(call, "BridgeEnter", "y", "far")
    call.missing(["far"], 1)
    assert (call.end, call.uniqueid, call.channel) == (None, "far", "Local/far")


def test_a_failure_whose_channel_lives_on_waits_for_its_end() -> None:
    """When the result says failure, and the channel does not hang up, the call goes on until it does."""
    call = CallMachine(CH)
    for each in (NEW, response(0)):
        call.take(each, 0)
    assert call.grace is not None
    call.settle(3)
    assert (call.end, call.grace) == (None, None)
    call.take(hangup(21), 9)
    assert call.end is not None
    assert call.end.reason is EndReason.REJECTED
