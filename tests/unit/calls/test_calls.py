"""Calls, put together from events: recorded ones of a real server, and stories on a fake one."""

from __future__ import annotations

import json
import lzma
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from aioami import Event, Manager, core, events
from aioami.calls import CALL_EVENTS, CallTrace, CallTracer, Ladder
from aioami.testing import FakeAsterisk

RECORDING = Path(__file__).parents[2] / "data/busy-22.bin.xz"


def recorded() -> Iterator[tuple[float, Event]]:
    """The events of a busy Asterisk 22, a hundredth of a second apart."""
    data = lzma.decompress(RECORDING.read_bytes()).decode("utf-8", "surrogateescape")
    texts = (text for text in data.split("\r\n\r\n") if text.startswith("Event: "))
    for number, text in enumerate(texts):
        yield number / 100, events.parse(text)


@pytest.fixture(scope="module")
def busy() -> CallTracer:
    tracer = CallTracer()
    for time, event in recorded():
        tracer.take(event, time)
    return tracer


def kinds(call: CallTrace, *left_out: str) -> list[str]:
    return [step.kind for step in call.steps if step.kind not in left_out]


def told(call: CallTrace) -> list[str]:
    return [f"{line.lanes}{line.text}".rstrip() for line in call.ladder()]


def test_every_channel_of_a_busy_server_is_in_one_call(busy: CallTracer) -> None:
    """The calls of a recording have all its channels, each once, and are over when their last channel is."""
    made, gone, links = [], set(), {}
    for _, event in recorded():
        if event.name == "Newchannel":
            made.append(event["Uniqueid"])
            links[event["Uniqueid"]] = event["Linkedid"]
        elif event.name == "Hangup":
            gone.add(event["Uniqueid"])
    calls = busy.calls()
    assert Counter(each.uniqueid for call in calls for each in call.channels) == Counter(made)
    assert len(calls) == len(set(links.values())) == len(busy)
    for call in calls:
        assert {links[each.uniqueid] for each in call.channels} == set(call.linkedids)
        assert call.is_over == all(each.uniqueid in gone for each in call.channels)
        assert [each.started for each in call.channels] == sorted(each.started for each in call.channels)
        ended = {each.uniqueid: each.cause for each in call.channels if each.ended is not None}
        assert ended == {step.channel: step.cause for step in call.steps if step.kind == "hangup"}


def test_a_ladder_fits_into_its_columns(busy: CallTracer) -> None:
    """No line of any ladder is longer than its width, and all begin what they tell in the same column."""
    for call in busy.calls()[::10]:
        for width in (60, 100):
            lines = call.ladder(width, without=())
            assert max(len(str(line)) for line in lines) <= width
            assert len({len(line.time) + len(line.lanes) for line in lines}) == 1
    with pytest.raises(ValueError, match="width: 60 columns"):
        Ladder(59)


def test_a_ladder_in_ascii(busy: CallTracer) -> None:
    """Where there is no more than ASCII, the ladder does without."""
    for line in busy.calls()[0].ladder():
        assert line.plain().isascii()
        assert len(line.plain()) == len(str(line))
        assert "?" not in line.plain()


def test_a_call_is_found_by_each_of_its_names(busy: CallTracer) -> None:
    """A linked id, a unique id, a channel's name and its begin find the call; the latest of several; `None` is none."""
    call = busy.calls()[-1]
    channel = call.channels[-1]
    for name in (call.linkedid, channel.uniqueid, channel.name, channel.name.upper()):
        assert busy.find(name) == call
    device = channel.name.rpartition("-")[0]
    latest = busy.find(device)
    assert latest is not None
    assert latest.started == max(
        each.started for each in busy.calls() for one in each.channels if one.name.rpartition("-")[0] == device
    )
    assert busy.find("nothing") is None


def test_calls_that_are_over_are_forgotten() -> None:
    """With `keep`, so many calls that are over are kept, and those that are not."""
    tracer = CallTracer(keep=3)
    everything = CallTracer()
    for time, event in recorded():
        tracer.take(event, time)
        everything.take(event, time)
        assert len(tracer) <= 400
    left = tracer.calls()
    assert sum(call.is_over for call in left) == 3
    assert [each for each in left if not each.is_over] == [each for each in everything.calls() if not each.is_over]
    with pytest.raises(ValueError, match="keep"):
        CallTracer(keep=-1)


def test_a_trace_as_json(busy: CallTracer) -> None:
    """A trace is ready for JSON, with the steps in words."""
    call = busy.calls()[0]
    plain = json.loads(json.dumps(call.to_dict()))
    assert plain["linkedid"] == call.linkedid
    assert [each["name"] for each in plain["channels"]] == [each.name for each in call.channels]
    assert plain["steps"][0]["text"].startswith(call.channels[0].name)
    assert str(call).splitlines() == [str(line) for line in call.ladder()]


def test_what_is_no_part_of_a_call_does_no_harm() -> None:
    """Events about other things, without channels, or with channels of which nothing else is known, make no step."""
    tracer = CallTracer()
    for text in (
        "Event: FullyBooted",
        "Event: Hangup\nUniqueid: 1.1",
        "Event: VarSet\nChannel: none\nUniqueid: none",
        "Event: OriginateResponse\nChannel: PJSIP/alice\nUniqueid: <unknown>",
        "Event: DialEnd",
        "Event: BridgeDestroy\nBridgeUniqueid: x",
    ):
        assert tracer.take(events.parse(text), 0.0) is None
    assert tracer.calls() == []
    with pytest.raises(ValueError, match="timestampevents"):
        tracer.take(events.parse("Event: Hangup\nChannel: a\nUniqueid: 1\nLinkedid: 1"))


def test_a_call_that_was_there_before() -> None:
    """A channel that was not seen to begin is there; one whose end was missed is gone; times may be the events' own."""
    tracer = CallTracer()
    item = "Event: CoreShowChannel\nChannel: A/1-1\nUniqueid: 1\nLinkedid: 1\nChannelStateDesc: Up\nDuration: 00:00:07\nBridgeId: b"
    assert tracer.take(events.parse(item), 5.0) == "1"
    assert tracer.take(events.parse(item), 5.0) is None  # known by now
    late = "Event: BridgeEnter\nTimestamp: 6.5\nChannel: B/2-2\nUniqueid: 2\nLinkedid: 1\nBridgeUniqueid: b"
    assert tracer.take(events.parse(late)) == "1"
    tracer.missing(["2"], 8.0)
    call = tracer.find("1")
    assert call is not None
    assert kinds(call) == ["there", "there", "bridge", "gone"]
    assert [each.was_there for each in call.channels] == [True, True]
    assert call.steps[2].others == ("1",)
    assert (call.channels[0].ended, call.is_over) == (8.0, False)


def test_two_calls_become_one() -> None:
    """When a channel gets the linked id of an older call, the calls are one; both linked ids find it."""
    tracer = CallTracer()
    for number in (1, 2):
        tracer.take(
            events.parse(f"Event: Newchannel\nChannel: A/{number}-1\nUniqueid: {number}\nLinkedid: {number}"), number
        )
    assert not tracer.is_one_call("1", "2")
    tracer.take(events.parse("Event: BridgeEnter\nChannel: A/2-1\nUniqueid: 2\nLinkedid: 1\nBridgeUniqueid: b"), 3.0)
    assert tracer.is_one_call("1", "2")
    assert not tracer.is_one_call("3", "3")
    call = tracer.find("2")
    assert call == tracer.find("1")
    assert call is not None
    assert call.linkedids == ("1", "2")
    assert kinds(call) == ["new", "new", "bridge"]


def test_a_linked_id_that_nobody_had_is_the_calls_own() -> None:
    """A channel that gets a new linked id keeps its call."""
    tracer = CallTracer()
    tracer.take(events.parse("Event: Newchannel\nChannel: A/1-1\nUniqueid: 1\nLinkedid: 1"), 1.0)
    tracer.take(events.parse("Event: Hold\nChannel: A/1-1\nUniqueid: 1\nLinkedid: 9"), 2.0)
    assert [each.linkedids for each in tracer.calls()] == [("1", "9")]


def channel(number: str, name: str, link: str, prefix: str = "") -> str:
    return f"{prefix}Channel: {name}\n{prefix}Uniqueid: {number}\n{prefix}Linkedid: {link}"


def taken(*texts: str) -> CallTracer:
    tracer = CallTracer()
    for time, text in enumerate(texts):
        tracer.take(events.parse(text), time)
    return tracer


TWO_CALLS = [
    f"Event: Newchannel\n{channel(number, name, link)}"
    for number, name, link in (
        ("1.0", "A/a", "1.0"),
        ("1.1", "B/b", "1.0"),
        ("2.0", "A/c", "2.0"),
        ("2.1", "C/d", "2.0"),
    )
]
ONE = [
    f"Event: BridgeEnter\nBridgeUniqueid: one\nBridgeType: basic\n{channel(*each, '1.0')}"
    for each in (("1.0", "A/a"), ("1.1", "B/b"))
]
TWO = [
    f"Event: BridgeEnter\nBridgeUniqueid: two\nBridgeType: basic\n{channel(*each, '2.0')}"
    for each in (("2.1", "C/d"), ("2.0", "A/c"))
]


@pytest.mark.parametrize(
    ("kind", "calls", "words"), [("basic", 1, " and talks to 2.1"), ("base", 2, ""), ("parking", 2, "")]
)
def test_calls_that_meet_in_a_bridge(kind: str, calls: int, words: str) -> None:
    """Who enters a basic bridge is of one call with those who are there, whoever is younger; in a room each keeps its own."""
    enters = [
        f"Event: BridgeEnter\nBridgeUniqueid: b\nBridgeType: {kind}\n{channel(number, name, link)}"
        for number, name, link in (("2.1", "C/d", "2.0"), ("1.0", "A/a", "1.0"))
    ]
    tracer = taken(*TWO_CALLS, *enters)
    assert len(tracer) == calls
    found = tracer.find("1.0")
    assert found is not None
    step = found.steps[-1].told(lambda channel: channel.uniqueid)
    assert step.partition(" enters ")[2].partition(" ")[2].removeprefix("lot's bridge").endswith(words)
    assert (" and talks to " in step) is (kind == "basic")
    assert {each.uniqueid for each in found.channels} == (
        {"1.0", "1.1", "2.0", "2.1"} if calls == 1 else {"1.0", "1.1"}
    )


@pytest.mark.parametrize(
    ("texts", "headers", "words"),
    [
        (
            [*ONE, *TWO, f"Event: BridgeLeave\nBridgeUniqueid: one\n{channel('1.1', 'B/b', '1.0')}",
             f"Event: BridgeEnter\nBridgeUniqueid: two\nBridgeType: basic\nSwapUniqueid: 2.0\n{channel('1.1', 'B/b', '1.0')}",
             f"Event: BridgeLeave\nBridgeUniqueid: two\n{channel('2.0', 'A/c', '2.0')}"],
            "DestType: Bridge\nDestBridgeUniqueid: two\nOrigBridgeUniqueid: one\nSecondBridgeUniqueid: two",
            "1.0 transfers 1.1 to 2.1 after a word with them: Success",
        ),
        (
            [*ONE, *TWO],
            "DestType: Bridge\nDestBridgeUniqueid: two\nOrigBridgeUniqueid: one\nSecondBridgeUniqueid: two",
            "1.0 transfers 1.1 to 2.1 after a word with them: Success",
        ),
        (
            [*ONE, f"Event: DialBegin\n{channel('2.0', 'A/c', '2.0')}\n{channel('2.1', 'C/d', '2.0', 'Dest')}"],
            f"DestType: App\nDestApp: Dial\n{channel('1.1', 'B/b', '1.0', 'Transferee')}",
            "1.0 transfers 1.1 to 2.1 before the answer: Success",
        ),
        (
            [*ONE],
            f"DestType: App\nDestApp: Queue\n{channel('1.1', 'B/b', '1.0', 'Transferee')}",
            "1.0 transfers 1.1 to Queue: Success",
        ),
    ],
    ids=["swapped", "bridged", "blonde", "application"],
)  # fmt: skip
def test_an_attended_transfer(texts: list[str], headers: str, words: str) -> None:
    """A transfer names who is transferred to whom, whether they had a word, and is one call from then on."""
    transferers = (
        channel("1.0", "A/a", "1.0", "OrigTransferer") + "\n" + channel("2.0", "A/c", "2.0", "SecondTransferer")
    )
    tracer = taken(*TWO_CALLS, *texts, f"Event: AttendedTransfer\nResult: Success\n{transferers}\n{headers}")
    assert len(tracer) == 1
    (found,) = tracer.calls()
    assert found.steps[-1].told(lambda channel: channel.uniqueid) == words
    known = {each.uniqueid for each in found.channels}
    assert all(known.issuperset(step.others) for step in found.steps)


def test_a_transfer_that_fails_joins_nothing() -> None:
    """The calls of a transfer that was refused stay two, and each names the channels of the other as text alone."""
    transferers = (
        channel("1.0", "A/a", "1.0", "OrigTransferer") + "\n" + channel("2.0", "A/c", "2.0", "SecondTransferer")
    )
    target = channel("2.1", "C/d", "2.0", "TransferTarget")
    tracer = taken(
        *TWO_CALLS,
        *ONE,
        *TWO,
        f"Event: AttendedTransfer\nResult: Fail\nOrigBridgeUniqueid: one\n{transferers}\n{target}",
    )
    assert len(tracer) == 2
    found = tracer.find("1.0")
    assert found is not None
    step = found.steps[-1]
    assert (
        step.told(lambda channel: f"<{channel.uniqueid}>")
        == "<1.0> transfers <1.1> to C/d after a word with them: Fail"
    )
    assert step.others == ("1.1",)


def test_a_blind_transfer_of_several() -> None:
    """Where several are transferred, all are named."""
    third = f"Event: BridgeEnter\nBridgeUniqueid: one\nBridgeType: basic\n{channel('2.1', 'C/d', '2.0')}"
    transfer = f"Event: BlindTransfer\nResult: Success\nBridgeUniqueid: one\nExtension: 5\nContext: c\n{channel('1.0', 'A/a', '1.0', 'Transferer')}"
    (found,) = taken(*TWO_CALLS, *ONE, third, transfer).calls()
    assert found.steps[-1].told(lambda channel: channel.uniqueid) == "1.0 transfers 1.1 and 2.1 to 5@c: Success"


def test_the_caller_id_is_the_one_that_was_set() -> None:
    """A caller id that is set after the channel was made counts, and one that is taken away leaves the one before."""
    tracer = taken(
        f"Event: Newchannel\n{channel('1', 'A/a', '1')}\nCallerIDNum: 1",
        f"Event: NewCallerid\n{channel('1', 'A/a', '1')}\nCallerIDNum: 555\nCallerIDName: Ada",
        f"Event: NewCallerid\n{channel('1', 'A/a', '1')}\nCallerIDNum: <unknown>\nCallerIDName: <unknown>",
    )
    (found,) = tracer.calls()
    assert found.channels[0].caller == '"Ada" <555>'
    assert kinds(found) == ["new"]


@pytest.fixture
async def tracer_of(mgr: Manager) -> CallTracer:
    """A tracer that has taken nothing yet."""
    return CallTracer()


async def traced(mgr: Manager, stream: object, tracer: CallTracer) -> None:
    """Let the tracer take what has come."""
    await mgr.send(core.Ping())
    while stream.pending:  # type: ignore[attr-defined]
        event = await anext(stream)  # type: ignore[call-overload]
        tracer.take(event, float(len(tracer)))


@pytest.mark.fake_asterisk(virtual_time=True)
async def test_a_call_to_a_queue(fake: FakeAsterisk, mgr: Manager, tracer_of: CallTracer) -> None:
    """A queue call tells of the caller's waiting, the member, their talk, and who hung up."""
    with mgr.events(*CALL_EVENTS) as stream:
        call = fake.incoming("PJSIP/trunk", to="support@queues", caller='"Ada" <555>')
        await call.waits(7)
        await call.answered_by("PJSIP/agent1")
        await call.waits(20)
        await call.hang_up()
        await call.ended()
        await traced(mgr, stream, tracer_of)
    found = tracer_of.find("PJSIP/trunk")
    assert found is not None
    assert found.is_over
    lines = "\n".join(told(found))
    assert 'A = PJSIP/trunk-00000000 is made from "Ada" <555>, for support@queues' in lines
    for words in (
        "A waits in queue support, at place 1",
        "answers A",
        "is connected with Agent One",
        "A leaves queue support",
    ):
        assert words in lines
    assert "has talked with Agent One for 20 s: the caller hung up" in lines
    assert "and talks to" in lines
    assert found.channels[0].caller == '"Ada" <555>'
    assert found.channels[0].cause == 16


@pytest.mark.fake_asterisk(virtual_time=True)
async def test_a_caller_who_gives_up(fake: FakeAsterisk, mgr: Manager, tracer_of: CallTracer) -> None:
    """A caller who leaves a queue before the answer has given up."""
    with mgr.events(*CALL_EVENTS) as stream:
        call = fake.incoming("PJSIP/trunk", to="support@queues")
        await call.waits(3)
        await call.hang_up()
        await call.ended()
        await traced(mgr, stream, tracer_of)
    found = tracer_of.find(call.linkedid)
    assert found is not None
    assert "A gives up waiting in queue support, after 3 s" in "\n".join(told(found))
    assert "answered" not in kinds(found)


@pytest.mark.fake_asterisk(virtual_time=True)
@pytest.mark.parametrize(("phone", "words"), [("busy", "is busy"), ("congestion", "is congested")])
async def test_a_dial_in_vain(fake: FakeAsterisk, mgr: Manager, tracer_of: CallTracer, phone: str, words: str) -> None:
    """A phone that refuses is told with its reason."""
    fake.phone("PJSIP/bob").set(refuses=phone)
    with mgr.events(*CALL_EVENTS) as stream:
        reply = await mgr.send(core.Originate_Application("PJSIP/bob", "Wait"))
        await fake.advance(5)
        assert not (await reply.outcome()).success
        await traced(mgr, stream, tracer_of)
    (found,) = tracer_of.calls()
    assert any(words in line for line in told(found))
    assert kinds(found)[-1] == "hangup"


@pytest.mark.fake_asterisk(virtual_time=True)
async def test_a_parked_call(fake: FakeAsterisk, mgr: Manager, tracer_of: CallTracer) -> None:
    """A parked call tells where it is parked, and that the caller gave up."""
    with mgr.events(*CALL_EVENTS) as stream:
        call = fake.incoming("PJSIP/trunk", to="park@test")
        await call.waits(5)
        await call.hang_up()
        await call.ended()
        await traced(mgr, stream, tracer_of)
    found = tracer_of.find(call.linkedid)
    assert found is not None
    lines = "\n".join(told(found))
    assert "is parked at 701 of default" in lines
    assert "and gave up" in lines
    assert "park" in kinds(found)


def test_every_event_of_the_tracer_is_of_the_catalogue() -> None:
    """The events that a tracer makes use of exist."""
    assert all(events.parse(f"Event: {name}").name == name for name in CALL_EVENTS)
    assert all(type(events.parse(f"Event: {name}")) is not Event for name in CALL_EVENTS)
    assert list(CALL_EVENTS) == sorted(CALL_EVENTS)


SNAPSHOT = "Channel: {0}/1-1\nUniqueid: {0}\nLinkedid: 1"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("Event: Newstate\n{A}\nChannelState: 7\nChannelStateDesc: Busy", "A is busy"),
        ("Event: Newstate\n{A}\nChannelState: 3\nChannelStateDesc: Dialing", "A is Dialing"),
        ("Event: DialState\n{A}\n{DestB}\nDialStatus: PROGRESS", "B tells of progress: progress"),
        ("Event: DialBegin\n{A}\n{DestB}\nDialString: elsewhere", "A calls B as elsewhere"),
        ("Event: DialEnd\n{A}\n{DestB}\nDialStatus: NOANSWER", "B does not answer"),
        ("Event: DialEnd\n{A}\n{DestB}\nDialStatus: TORTURE", "B was called in vain: TORTURE"),
        ("Event: DialEnd\n{A}\n{DestB}\nDialStatus: BUSY\nForward: Local/5", "B is busy, and forwards to Local/5"),
        (
            "Event: LocalOptimizationEnd\n{LocalOneA}\n{LocalTwoB}\nSuccess: Yes",
            "A and B take themselves out of the call",
        ),
        (
            "Event: BridgeEnter\n{A}\nBridgeUniqueid: 12345678-9\nSwapUniqueid: B",
            "A enters bridge 12345678 in the place of B",
        ),
        (
            "Event: BlindTransfer\n{TransfererA}\n{TransfereeB}\nExtension: 5\nContext: c\nResult: Fail",
            "A transfers B to 5@c: Fail",
        ),
        (
            "Event: BlindTransfer\n{TransfererA}\nExtension: 5\nContext: c\nResult: Success",
            "A transfers the others to 5@c: Success",
        ),
        (
            "Event: AttendedTransfer\n{OrigTransfererA}\n{SecondTransfererB}\n{TransfereeC}\n{TransferTargetD}\nResult: Success",
            "A transfers C to D after a word with them: Success",
        ),
        (
            "Event: AttendedTransfer\n{OrigTransfererA}\nDestApp: Park\nResult: Success",
            "A transfers the others to Park",
        ),
        (
            "Event: AgentRingNoAnswer\n{A}\n{DestB}\nMemberName: Bob\nRingTime: 900",
            "A got no answer from Bob, in 900 ms",
        ),
        ("Event: AgentDump\n{A}\n{DestB}\nInterface: PJSIP/b", "A was declined by PJSIP/b"),
        (
            "Event: UnParkedCall\n{ParkeeA}\n{RetrieverB}\nParkinglot: l\nParkingSpace: 7\nParkingDuration: 3",
            "at 7 of l, after 3 s, by B",
        ),
        (
            "Event: ParkedCallTimeOut\n{ParkeeA}\nParkinglot: l\nParkingSpace: 7\nParkingDuration: 3",
            "for 3 s, its time is over",
        ),
        ("Event: ParkedCallSwap\n{ParkeeA}\n{ParkerA}\nParkinglot: l\nParkingSpace: 7", "A takes the place at 7 of l"),
        ("Event: Pickup\n{A}\n{TargetB}", "A picks up the call that rings at B"),
        ("Event: Rename\nChannel: A/1-1\nNewname: Z/9-9\nUniqueid: A", "A has another name: Z/9-9"),
        ("Event: HangupRequest\n{A}\nCause: 16", "A is hung up by its far end"),
        (
            "Event: Hangup\n{A}\nCause: 17\nCause-txt: User busy\nTechCause: SIP 486",
            "A is gone: 17 User busy (SIP 486)",
        ),
        ("Event: Hangup\n{A}", "A is gone: ?"),
        ("Event: DTMFEnd\n{A}\nDigit: 5\nDirection: Received", "A presses 5"),
        ("Event: DTMFEnd\n{A}\nDigit: 5\nDirection: Sent", "A hears 5"),
        ("Event: ConfbridgeJoin\n{A}\nConference: room", "A joins conference room"),
        ("Event: MeetmeLeave\n{A}\nMeetme: 10", "A leaves conference 10"),
        ("Event: ChanSpyStart\n{SpyerA}\n{SpyeeB}", "B: listening in begins, by A"),
        ("Event: ChanSpyStop\n{SpyerA}", "A: listening in has ended"),
        ("Event: UserEvent\n{A}\nUserEvent: Door", "A makes the event Door"),
        (
            "Event: Newexten\n{A}\nApplication: Dial\nAppData: x\nExtension: s\nPriority: 2\nContext: c",
            "A does Dial(x) in s,2@c",
        ),
        ("Event: Hold\n{A}", "A puts the other on hold"),
        ("Event: MixMonitorStart\n{A}", "A is recorded"),
        ("Event: AsyncAGIStart\n{A}", "A waits for AGI commands"),
        (
            "Event: OriginateResponse\nChannel: A/1-1\nUniqueid: A\nResponse: Failure\nReason: 5",
            "A was called by an action: failure, reason 5",
        ),
    ],
)
def test_each_event_in_words(event: str, words: str) -> None:
    """What an event says is told in words, with the channels by their letters."""
    tracer = CallTracer()
    for name in "ABCD":
        tracer.take(events.parse(f"Event: Newchannel\n{SNAPSHOT.format(name)}"), 0.0)
    for found in re.findall(r"{(\w*)([A-D])}", event):
        prefix, name = found
        lines = "\n".join(f"{prefix}{line}" for line in SNAPSHOT.format(name).split("\n"))
        event = event.replace(f"{{{prefix}{name}}}", lines)
    assert tracer.take(events.parse(event), 1.0) == "1"
    call = tracer.find("1")
    assert call is not None
    assert words in call.steps[-1].told(lambda channel: channel.uniqueid)
    assert len(call.steps) == 5
    assert call.ladder(160, without=())[-1].kind == call.steps[-1].kind


def test_tracing_needs_no_event_loop() -> None:
    """A program that reads logs may import it, and never loads what it does not use."""
    program = "import sys, aioami.calls; print('typer' in sys.modules, 'rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


def test_more_channels_than_a_ladder_has_lines_for() -> None:
    """Beyond what fits, channels are told in words only; letters go on after Z; the line of a channel that is gone is used again."""
    tracer = CallTracer()
    for number in range(30):
        tracer.take(events.parse(f"Event: Newchannel\nChannel: A/{number}-1\nUniqueid: {number}\nLinkedid: x"), number)
    for number in range(30):
        tracer.take(
            events.parse(f"Event: Hangup\nChannel: A/{number}-1\nUniqueid: {number}\nLinkedid: x\nCause: 16"), 50
        )
    call = tracer.find("x")
    assert call is not None
    lines = call.ladder()
    assert lines[29].text == "AD = A/29-1 is made"
    assert max(len(str(line)) for line in lines) <= 100
    one_after_the_other = CallTracer()
    for number in range(30):
        for kind in ("Newchannel", "Hangup"):
            text = f"Event: {kind}\nChannel: A/{number}-1\nUniqueid: {number}\nLinkedid: x\nCause: 16"
            one_after_the_other.take(events.parse(text), number)
    again = one_after_the_other.find("x")
    assert again is not None
    assert len(again.ladder()[0].lanes) == 5
