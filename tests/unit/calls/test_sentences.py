"""What each event settles of a call, and the sentence of its step, where little is told."""

from __future__ import annotations

import pytest
from tests.unit.calls.test_calls import ONE, TWO_CALLS, channel, taken

from aioami import events
from aioami.calls import CallTracer
from aioami.calls.registry import CallRegistry
from aioami.calls.sentences import HANDLERS
from aioami.enums import DialStatus
from aioami.fields import fields_of


def event(text: str) -> events.Event:
    """An event of the wire."""
    return events.parse(text)


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_an_event_that_names_no_channel_makes_no_step(name: str) -> None:
    """Where an event says nothing of whom it is about, nothing is told, and nothing is made up."""
    tracer = CallTracer()
    assert tracer.take(event(f"Event: {name}"), 0.0) is None
    assert tracer.calls() == []


@pytest.mark.parametrize("number", ["9" * 20, "9" * 5000])
@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_a_number_that_is_too_long_is_no_number(name: str, number: str) -> None:
    """Whatever number an event has in each header, it is told of, and the call goes on with the next event."""
    tracer = CallTracer()
    tracer.take(event(f"Event: Newchannel\n{channel('1', 'A/1', '1')}"), 0.0)
    cls = events.event_class(name)
    own = {"Channel": "A/1", "Uniqueid": "1", "Linkedid": "1"}
    headers = {field.header: number for field in fields_of(cls).values()} | own
    tracer.take(event("\n".join([f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())])), 1.0)
    tracer.take(event(f"Event: Hangup\n{channel('1', 'A/1', '1')}\nCause: {number}"), 2.0)
    assert [each.cause for call in tracer.calls() for each in call.channels if each.uniqueid == "1"] == [None]


def test_a_channel_that_was_listed_before_it_was_made() -> None:
    """Newchannel of one that a list has named already makes no further step; one in no bridge is in none."""
    tracer = CallTracer()
    assert tracer.take(event(f"Event: CoreShowChannel\n{channel('1', 'A/1', '1')}"), 0.0) == "1"
    assert tracer.take(event(f"Event: Newchannel\n{channel('1', 'A/1', '1')}"), 0.0) is None
    assert tracer.take(event(f"Event: Rename\n{channel('1', 'A/1', '1')}"), 0.0) is None  # without a new name


def test_a_transfer_of_three_names_all() -> None:
    """Where three are transferred, they are named one after the other."""
    more = [
        f"Event: BridgeEnter\nBridgeUniqueid: one\nBridgeType: basic\n{channel(each, f'C/{each}', '2.0')}"
        for each in ("2.0", "2.1")
    ]
    transfer = f"Event: BlindTransfer\nResult: Success\nBridgeUniqueid: one\nExtension: 5\nContext: c\n{channel('1.0', 'A/a', '1.0', 'Transferer')}"
    (found,) = taken(*TWO_CALLS, *ONE, *more, transfer).calls()
    assert found.steps[-1].told(lambda channel: channel.uniqueid) == "1.0 transfers 1.1, 2.0 and 2.1 to 5@c: Success"


def test_two_halves_that_are_not_both_known_are_not_joined() -> None:
    """A Local channel of which one end is unknown, or an optimization that failed, is no step."""
    tracer = taken(*TWO_CALLS)
    half = f"Event: LocalBridge\n{channel('1.0', 'A/a', '1.0', 'LocalOne')}"
    assert tracer.take(event(half), 0.0) is None
    ends = f"{channel('1.0', 'A/a', '1.0', 'LocalOne')}\n{channel('1.1', 'B/b', '1.0', 'LocalTwo')}"
    assert tracer.take(event(f"Event: LocalOptimizationEnd\nSuccess: No\n{ends}"), 0.0) is None


# The registry


def begun(registry: CallRegistry, *uniqueids: str, link: str = "") -> None:
    """Have channels begin; those whose names begin with Local are halves."""
    for each in uniqueids:
        name = each if each.startswith("Local/") else f"A/{each}"
        registry.seen(event(f"Event: Newchannel\n{channel(each, name, link or each)}"), 0.0)


def test_a_renamed_half_finds_its_other_half() -> None:
    """The ends of a Local channel belong together under their new names, and no longer under those before."""
    registry = CallRegistry()
    begun(registry, "Local/a@b-1;1", "Local/a@b-1;2", link="1")
    one, two = registry.channels["Local/a@b-1;1"], registry.channels["Local/a@b-1;2"]
    for each, end in ((one, ";1"), (two, ";2")):
        registry.seen(event(f"Event: Newstate\n{channel(each.uniqueid, f'Local/z@b-9{end}', '1')}"), 1.0)
    assert registry.other_half(one) is two
    registry.rename(two, "A/masquerade")
    assert registry.other_half(one) is None


def test_a_bridge_that_is_destroyed_is_left_by_all() -> None:
    """Where the leaving was missed, the end of the bridge stands for it."""
    registry = CallRegistry()
    begun(registry, "1", "2", link="1")
    for each in list(registry.channels.values()):
        registry.enters(each, "b", ("basic", ""), 1.0)
    registry.destroyed("b")
    assert [each.bridge for each in registry.channels.values()] == ["", ""]
    assert registry.bridges == registry.kinds == {}


def test_the_parties_are_those_that_are_left() -> None:
    """When the caller is gone and others talk on, the oldest that is left is the caller; when the callee is, nobody is."""
    registry = CallRegistry()
    begun(registry, "1", "2", "3", link="1")
    one, two, three = registry.channels.values()
    registry.dials(one, two, 1.0)
    registry.dial_ends(one, two, DialStatus.ANSWER, 2.0)
    assert registry.parties(one.call) == (one, two)
    registry.end(two, 3.0)
    registry.end(two, 4.0)  # once is enough
    assert (two.ended, registry.parties(one.call)) == (3.0, (one, None))
    registry.end(one, 4.0)
    assert registry.parties(three.call) == (three, None)


def test_who_goes_on_behind_the_caller_is_the_caller() -> None:
    """One who is in the dialplan when the caller is gone calls the extension where he is."""
    registry = CallRegistry()
    begun(registry, "1", "2", link="1")
    one, two = registry.channels.values()
    registry.end(one, 1.0)
    registry.goes_on(two, "200")
    assert (two.call.caller, two.call.dialled) == (two, "200")


def test_a_blind_transfer_makes_the_one_who_is_sent_the_caller() -> None:
    """Where the event names him, he calls the extension; where it names nobody, nothing is known."""
    registry = CallRegistry()
    begun(registry, "1", "2", link="1")
    one, two = registry.channels.values()
    registry.transfers(one, None, "5")
    assert two.call.caller is one
    registry.transfers(one, two, "5")
    assert (two.call.caller, two.call.dialled) == (two, "5")


def test_a_call_is_found_in_any_spelling() -> None:
    """A linked id is found whatever its capitals are."""
    registry = CallRegistry()
    begun(registry, "Pbx-1.1")
    assert registry.find("pbx-1.1") is registry.find("Pbx-1.1") is not None
    assert registry.find("A/PBX-1.1") is not None


def test_whoever_shows_calls_is_told_of_their_new_names() -> None:
    """A call that gets another linked id, and one that becomes a part of another, are told with the name before."""
    moved: list[tuple[str, str]] = []
    registry = CallRegistry(moved=lambda call, before: moved.append((call.linkedid, before)))
    begun(registry, "1")
    begun(registry, "2")
    registry.link(registry.channels["2"], "0")
    registry.link(registry.channels["2"], "1")
    registry.link(registry.channels["2"], "1")
    assert moved == [("0", "2"), ("1", "0")]


def test_two_calls_that_failed_are_one_with_the_older_failure() -> None:
    """When calls become one, what was called in vain in the older counts, else that of the younger."""
    for failing in ("1", "2"):
        registry = CallRegistry()
        begun(registry, "1")
        registry.seen(event(f"Event: Newchannel\n{channel('2', 'A/2', '2')}"), 5.0)
        registry.dial_ends(None, registry.channels[failing], "BUSY", 6.0)
        registry.unite(registry.channels["1"], registry.channels["2"])
        (call,) = registry.calls
        for each in list(registry.channels.values()):
            registry.end(each, 7.0)
        assert call.end is not None
        assert call.end.reason.name == "BUSY"


def test_a_call_keeps_the_channels_that_matter() -> None:
    """Of the channels that are over, a call spares the oldest but for those that say what became of it."""
    registry = CallRegistry(spare=1)
    begun(registry, "1", "2", "3", "4", link="1")
    one, two, three, four = registry.channels.values()
    registry.dials(one, two, 1.0)
    registry.dial_ends(one, two, DialStatus.ANSWER, 1.0)
    for each in (two, one):
        registry.end(each, 2.0)
    assert set(registry.channels) == {"1", "2", "3", "4"}  # both are parties
    registry.end(three, 3.0)
    assert set(registry.channels) == {"1", "2", "4"}
    assert four.ended is None


def test_local_channels_in_a_row_show_who_is_behind_them() -> None:
    """A call through a Local channel is answered by the telephone behind it, whichever answer is told first."""
    for order in ((0, 1), (1, 0)):
        registry = CallRegistry()
        begun(registry, "1", "Local/a@b-1;1", "Local/a@b-1;2", "2", link="1")
        one, half, other, two = registry.channels.values()
        dials = ((one, half), (other, two))
        for caller, dest in dials:
            registry.dials(caller, dest, 1.0)
        for number in order:
            registry.dial_ends(*dials[number], DialStatus.ANSWER, 2.0)
        call = one.call
        assert registry.parties(call) == (one, two)
        assert call.answered_by is two


def test_a_bridge_behind_a_local_channel_shows_who_is_there() -> None:
    """Where no dialling was seen, whoever shares a bridge with the other end is behind the Local channel."""
    registry = CallRegistry()
    begun(registry, "Local/a@b-1;1", "Local/a@b-1;2", "2", link="1")
    half, other, two = registry.channels.values()
    assert registry.far_end(half) is half
    for each in (other, two):
        registry.enters(each, "b", ("basic", ""), 1.0)
    assert registry.far_end(half) is two
    registry.end(two, 2.0)
    assert registry.far_end(half) is half


def test_the_halves_of_two_calls_are_one() -> None:
    """The ends of a Local channel that began in calls of their own are in one, that of the older."""
    registry = CallRegistry()
    begun(registry, "Local/a@b-1;1")
    registry.seen(event(f"Event: Newchannel\n{channel('2', 'Local/a@b-1;2', '2')}"), 5.0)
    one, two = registry.channels.values()
    registry.unite_halves(two)
    assert one.call is two.call
    assert one.call.linkedid == "Local/a@b-1;1"
    registry.unite_halves(two)
    assert len(registry.calls) == 1


def test_calls_that_are_over_are_joined_as_such() -> None:
    """Two calls of which nobody is left are one that is over."""
    registry = CallRegistry()
    begun(registry, "1", "2")
    one, two = registry.channels.values()
    for each in (one, two):
        registry.end(each, 1.0)
    registry.unite(one, two)
    assert len(registry.calls) == 1
    assert one.call.end is not None


def test_who_goes_on_first_is_for_that_extension() -> None:
    """A channel that is in the dialplan, in a call of which no extension is known, calls the one where it is."""
    registry = CallRegistry()
    begun(registry, "1")
    (one,) = registry.channels.values()
    registry.goes_on(one, "s")
    assert one.call.dialled == ""
    registry.goes_on(one, "100")
    registry.goes_on(one, "200")
    assert one.call.dialled == "100"


def test_a_second_call_behind_a_local_channel_changes_no_callee() -> None:
    """Whom the far end of a Local channel calls is the callee only if that Local channel was."""
    registry = CallRegistry()
    begun(registry, "1", "Local/a@b-1;1", "Local/a@b-1;2", "2", "3", link="1")
    one, half, other, two, three = registry.channels.values()
    registry.dials(one, half, 1.0)
    registry.dials(one, three, 1.0)  # both ring
    registry.dials(other, two, 1.0)
    assert one.call.callee is None
    registry.dial_ends(other, two, DialStatus.ANSWER, 2.0)
    assert one.call.callee is None
    registry.dial_ends(one, three, DialStatus.ANSWER, 2.0)
    assert one.call.callee is three


def test_the_one_who_was_called_has_answered_an_originate() -> None:
    """A call that an Originate placed to an application was answered by the channel that it called."""
    registry = CallRegistry()
    begun(registry, "1")
    (one,) = registry.channels.values()
    registry.dials(None, one, 1.0)
    one.answered = 2.0
    registry.end(one, 5.0)
    assert one.call.answered_by is one
    assert one.call.end is not None
    assert (one.call.end.rang, one.call.end.talked) == (1.0, 3.0)


def test_a_call_in_vain_has_the_cause_of_whom_it_called() -> None:
    """The hang-up cause of the channel that was called says more than that of the caller."""
    registry = CallRegistry()
    begun(registry, "1", "2", link="1")
    one, two = registry.channels.values()
    registry.dials(one, two, 1.0)
    registry.dial_ends(one, two, "", 2.0)
    two.cause, one.cause = 21, 16
    registry.end(two, 2.0)
    registry.end(one, 3.0)
    assert one.call.end is not None
    assert one.call.end.reason.name == "REJECTED"


def test_a_call_whose_end_was_missed_says_so() -> None:
    """Where the hang-up was not heard, nothing says why; what is forgotten is found no more."""
    registry = CallRegistry()
    begun(registry, "1", "2", link="1")
    one, two = registry.channels.values()
    registry.dials(one, two, 1.0)
    registry.dial_ends(one, two, DialStatus.ANSWER, 2.0)
    for each in (one, two):
        registry.end(each, 9.0, seen=False)
    assert one.call.end is not None
    assert (one.call.end.reason.name, one.call.end.cause) == ("UNKNOWN", None)
    assert registry.parties(one.call) == (one, two)
    registry.forget()
    assert registry.find("1") is None


def test_a_caller_who_gave_up_in_a_queue_was_not_answered() -> None:
    """To one who waits in a queue it is all the same why its members did not come, and which cause they had."""
    registry = CallRegistry()
    begun(registry, "1", "2", link="1")
    one, two = registry.channels.values()
    one.call.queue = "support"
    registry.dials(one, two, 1.0)
    two.cause = 17
    registry.dial_ends(one, two, "BUSY", 2.0)
    for each in (two, one):
        registry.end(each, 4.0)
    assert one.call.end is not None
    assert (one.call.end.reason.name, one.call.end.rang) == ("NO_ANSWER", 3.0)


def test_a_call_that_rang_and_says_nothing_was_not_answered() -> None:
    """Where neither a cause nor a result says why, a call that rang was not answered."""
    registry = CallRegistry()
    begun(registry, "1", "2", link="1")
    one, two = registry.channels.values()
    registry.dials(one, two, 1.0)
    for each in (two, one):
        each.cause = 16
        registry.end(each, 4.0)
    assert one.call.end is not None
    assert one.call.end.reason.name == "NO_ANSWER"
