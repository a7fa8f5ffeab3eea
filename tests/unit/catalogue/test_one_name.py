"""One thing has one name and one type, whether an event or an item of a list is about it.

The pairs are found by rules, not by hand. What the rules find and is no fault stands in a table, with the reason.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import product
from typing import Any

import pytest

from aioami import EventList, Response, actions, enums, events, responses
from aioami.enums import ChannelState, DeviceState, ExtensionState, HangupCause, QueueMemberState
from aioami.events.base import EVENTS, load
from aioami.events.snapshots import ListComplete
from aioami.fields import ChannelVariables, Enumeration, Field, Integer, Seconds, Text, fields_of

load()
KINDS: list[type[Any]] = [
    *{each for each in EVENTS.values() if each.__module__.startswith("aioami.")},
    *(each for name in responses.__all__ if issubclass(each := getattr(responses, name), Response)),
]

OTHER_THINGS = {
    ("AgentLogoff", "logintime"): "for how long; a member's `login_time` is since when",
    ("PeerEntry", "forcerport"): "what was found out about a peer; `force_rport` is an option of PJSIP",
    ("Status", "callgroup"): "the groups of a channel; `call_group` is an option of a telephone",
    ("Status", "pickupgroup"): "likewise",
    ("SKINNYlineReply", "voicemail_box"): "an option of a telephone's line",
}
"""Attributes that are spelled alike, and are about different things."""

TYPES = {
    "acl": "an option of PJSIP names lists; a peer of chan_sip has some or none",
    "alarm": "the name of a card's alarm; of an ISDN span, whether there is one",
    "cause": "of a registration it is a number of SIP with its text",
    "dahdi_channel": "an event may be about the channel `pseudo`",
    "duration": "each in the unit of its own header, as its type says",
    "file_name": "a session sends one file; what was sent and received may be several",
    "id": "the number of an optimization; the name of a thing",
    "line": "whether a registration has one; the lines of a telephone",
    "marked": "MeetMe writes N/A too",
    "muted": "MeetMe writes by whom",
    "priority": "a place in the dialplan may be a label; a caller's is a number",
    "reason": "of a call that was placed it is one of few numbers",
    "result": "a command's answer is encoded in some events",
    "ring_time": "Asterisk counts seconds in one and milliseconds in the other",
    "state": "of devices, presences, faxes, subscriptions: each thing has its own",
    "status": "likewise",
    "talking": "MeetMe writes `Not monitored` too",
    "variable": "the name of a variable; the variables of a channel",
}
"""Attributes that have several types, as they are about different things or Asterisk writes more than one."""

OTHER_PARTS = {
    ("BridgeInfoChannel", "bridge_uniqueid", "uniqueid"): "the channel has an id of its own",
    (
        "BridgeTechnologyListItem",
        "bridge_priority",
        "priority",
    ): "a channel's place in the dialplan is no priority of a bridge",
    ("PeerEntry", "peer_status", "status"): "a word in events; in the list with the time of a round trip",
}
"""Attributes with and without a word of their class, that are about different things."""


def area(kind: type[Any]) -> str:
    return kind.__module__.rpartition(".")[2]


def attributes_of(kind: type[Any]) -> dict[str, Field[Any]]:
    """Every attribute of a class, aliases too, without those of nested views."""
    return {
        name: field
        for base in reversed(kind.__mro__)
        for name, field in vars(base).items()
        if isinstance(field, Field) and not field.is_flat
    }


def type_of(field: Field[Any]) -> str:
    """What an attribute gives; whole numbers of any unit are one type, but for the unit."""
    if isinstance(field, Enumeration):
        return field.kind.__name__
    return next(
        each.__name__ for each in (Seconds, Integer, Text, ChannelVariables, type(field)) if isinstance(field, each)
    )


def is_event(kind: type[Any]) -> bool:
    return issubclass(kind, events.Event) and bool(kind.read_classes)


def pairs() -> Iterator[tuple[type[Any], type[Any]]]:
    """Each class of what comes unasked, with each that answers an action, of the same area."""
    unasked = [kind for kind in KINDS if is_event(kind)]
    asked = [kind for kind in KINDS if not is_event(kind) and not issubclass(kind, ListComplete)]
    return ((one, other) for one, other in product(unasked, asked) if area(one) == area(other))


def test_no_attribute_is_spelled_in_two_ways() -> None:
    """A class that writes `accountcode` has `account_code` too, which is the usual spelling."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for kind in KINDS:
        for name in attributes_of(kind):
            counts[name.replace("_", "")][name.rstrip("_")] += 1
    faults = {
        (kind.__name__, name, usual)
        for kind in KINDS
        for name in attributes_of(kind)
        if (usual := max(sorted(found := counts[name.replace("_", "")]), key=found.__getitem__)) != name.rstrip("_")
        if usual not in attributes_of(kind)
    }
    assert {(kind, name) for kind, name, _ in faults} == OTHER_THINGS.keys()


def test_no_attribute_has_two_types() -> None:
    """What is a number in an event is no text in a list, and what is a member of an enumeration is one everywhere."""
    types: dict[str, set[str]] = defaultdict(set)
    for kind in KINDS:
        for name, field in attributes_of(kind).items():
            types[name.rstrip("_")].add(type_of(field))
    assert {name for name, kinds in types.items() if len(kinds) > 1} == TYPES.keys()


def words_of(kind: type[Any]) -> set[str]:
    """The words in the name of a class, but for those that say what kind of class it is."""
    found = {word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", kind.__name__)}
    return found - {"list", "item", "detail", "entry", "reply", "status", "show", "event"}


def test_a_name_is_the_same_with_and_without_the_thing() -> None:
    """Where an event about contacts has `contact_status`, an item about contacts with `status` has that too."""
    faults = {
        (other.__name__, f"{word}_{name}", name)
        for one, other in pairs()
        for word in words_of(one) & words_of(other)
        for first, second in ((one, other), (other, one))
        for name in (each.rstrip("_") for each in attributes_of(second))
        if f"{word}_{name}" in attributes_of(first) and f"{word}_{name}" not in attributes_of(second)
    }
    assert faults - OTHER_PARTS.keys() == set()


def test_a_member_of_a_queue_has_the_same_names_everywhere() -> None:
    """The item of QueueStatus and the events about members have both pairs of names."""
    item = events.parse("Event: QueueMember\nName: Ada\nLocation: PJSIP/ada")
    came = events.parse("Event: QueueMemberStatus\nMemberName: Ada\nInterface: PJSIP/ada")
    old = events.parse("Event: QueueMemberPaused\nMemberName: Ada\nLocation: PJSIP/ada")
    for each in (item, came, old):
        assert isinstance(each, (events.QueueMember, events.QueueMemberEvent, events.QueueMemberPaused))
        assert (each.interface, each.location, each.member_name, each.name_) == (*["PJSIP/ada"] * 2, *["Ada"] * 2)
    assert item.to_dict(attributes=True) == {"event": "QueueMember", "name_": "Ada", "location": "PJSIP/ada"}
    assert "interface" not in fields_of(events.QueueMember)


STATES = ["Unknown", "Not in use", "In use", "Busy", "Invalid", "Unavailable", "Ringing", "Ring+Inuse", "On Hold"]
CHANNEL_STATES = ["Down", "Rsrvd", "OffHook", "Dialing", "Ring", "Ringing", "Up", "Busy", "Dialing Offhook", "Pre-ring"]
EXTENSION_STATES = {
    **{"Idle": 0, "InUse": 1, "Busy": 2, "Unavailable": 4, "Ringing": 8, "InUse&Ringing": 9, "Hold": 16},
    **{"InUse&Hold": 17, "Unknown": -1},
}


def test_each_word_of_asterisk_leads_to_the_member_of_its_number() -> None:
    """Words of lists, texts beside a number and numbers are one member, in fields and when they are converted by hand."""
    for number, word in enumerate(STATES):
        member = QueueMemberState(number)
        assert QueueMemberState(word) is QueueMemberState(word.upper()) is member
        assert DeviceState(word) is DeviceState(number) is DeviceState(member) is DeviceState[member.name]
        assert QueueMemberState(DeviceState(word)) is member
    for number, word in enumerate(CHANNEL_STATES):
        assert ChannelState(word) is ChannelState(number)
    for word, number in EXTENSION_STATES.items():
        assert ExtensionState(word) is ExtensionState(number)
    assert HangupCause("Normal Clearing") is HangupCause("normal_clearing") is HangupCause.NORMAL_CLEARING
    assert Enumeration("Cause", HangupCause).convert("User busy") is HangupCause.USER_BUSY
    for wrong in ("", "nonsense"):
        assert Enumeration("Cause", HangupCause).convert(wrong) is None
        with pytest.raises(ValueError, match="HangupCause"):
            HangupCause(wrong)
    with pytest.raises(ValueError, match="DeviceState"):
        DeviceState(99)


def test_an_enumerations_member_is_shown_by_its_name() -> None:
    """In texts, with widths, in JSON of typed dictionaries; where a form of numbers is asked for, as a number."""
    cause = HangupCause.USER_BUSY
    assert (str(cause), f"{cause}", f"{cause:>10}", f"{cause:03d}", f"{cause!r}") == (
        *("USER_BUSY", "USER_BUSY", " USER_BUSY", "017"),
        "<HangupCause.USER_BUSY: 17>",
    )
    state = DeviceState.NOT_IN_USE
    assert (str(state), f"{state}", state == "NOT_INUSE") == (*["NOT_IN_USE"] * 2, True)
    assert f"{ChannelState(-3)} {ChannelState(42)}" == "UNKNOWN_MINUS_3 UNKNOWN_42"


def test_a_member_goes_onto_the_wire_as_asterisk_knows_it() -> None:
    """An action that is given a member sends its number or its word, never its name."""
    sent = actions.Originate_Application(
        "PJSIP/1", "Echo", variables={"A": HangupCause.USER_BUSY, "B": DeviceState.IN_USE}
    )
    assert [text for name, text in sent.headers if name == "Variable"] == ["A=17", "B=INUSE"]
    assert actions.Setvar("A", DeviceState.RINGING).headers[1] == ("Value", "RINGING")
    assert actions.Setvar("A", ChannelState.UP).headers[1] == ("Value", "6")
    assert actions.Hangup("PJSIP/1", cause="user_busy") == actions.Hangup("PJSIP/1", cause=HangupCause.USER_BUSY)


def test_an_endpoint_in_a_list_has_states_contacts_and_a_number_of_channels() -> None:
    """Its state is a member, its contacts are a list without commas, and its channels are a number."""
    free = events.parse("Event: EndpointList\nAor: a\nAuths: b\nContacts: \nDeviceState: Not in use\nActiveChannels: 0")
    assert isinstance(free, events.EndpointList)
    assert (free.contacts, free.device_state, free.active_channels) == ([], DeviceState.NOT_IN_USE, 0)
    assert (free.aors, free.auth) == ("a", "b")
    busy = events.parse(
        "Event: EndpointList\nContacts: a/sip:x@h:1,a/sips:y,z@h,\nContacts: b/sip:x@h\nActiveChannels: 2"
    )
    assert isinstance(busy, events.EndpointList)
    assert (busy.contacts, busy.active_channels) == (["a/sip:x@h:1", "a/sips:y,z@h", "b/sip:x@h"], 2)
    assert events.parse("Event: EndpointList").to_dict(typed=True) == {"Event": "EndpointList"}
    aor = events.parse("Event: AorDetail\nContacts: a/sip:x@h,")
    assert isinstance(aor, events.AorDetail)
    assert aor.contacts == aor.to_dict(typed=True)["Contacts"] == ["a/sip:x@h"]
    detail = events.parse("Event: EndpointDetail\nActiveChannels: \nDeviceState: On Hold\nAuth: b")
    assert isinstance(detail, events.EndpointDetail)
    assert (detail.active_channels, detail.device_state, detail.auths) == (None, DeviceState.ON_HOLD, "b")


def test_the_times_of_a_call_record_are_moments() -> None:
    """They can be subtracted, and are texts in JSON; an unanswered call has no time of its answer."""
    record = events.parse(
        "Event: Cdr\nStartTime: 2026-03-29 01:59:58\nAnswerTime: \nEndTime: 2026-03-29 02:00:03\nUniqueID: 1.1"
    )
    assert isinstance(record, events.Cdr)
    assert record.start_time == datetime(2026, 3, 29, 1, 59, 58)
    assert record.answer_time is None
    assert record.end_time is not None
    assert (record.end_time - record.start_time).total_seconds() == 5
    assert record.to_dict(typed=True)["StartTime"] == record["StartTime"] == "2026-03-29 01:59:58"
    step = events.parse("Event: CEL\nEventTime: 2026-03-29 01:59:58.123456")
    assert isinstance(step, events.CEL)
    assert step.event_time == datetime(2026, 3, 29, 1, 59, 58, 123456)
    assert isinstance(events.parse("Event: CEL\nEventTime: 1790000000.5"), events.CEL)
    assert events.parse("Event: CEL\nEventTime: 1790000000.5").event_time is None  # type: ignore[attr-defined]


def test_what_was_missing_has_a_field() -> None:
    """The rest of an attended transfer, of a user event of the dialplan, and of a report on media."""
    transfer = events.parse("Event: AttendedTransfer\nIsExternal: Yes")
    assert isinstance(transfer, events.AttendedTransfer)
    assert transfer.is_external is True
    user = events.parse(
        "Event: UserEvent\nChannel: PJSIP/1\nChannelState: 6\nLinkedid: 1.1\nChanVariable: a=1\nUserEvent: X"
    )
    assert isinstance(user, events.UserEvent)
    assert (user.channel, user.channel_state, user.linkedid, user.chan_variable) == (
        *("PJSIP/1", ChannelState.UP, "1.1"),
        {"a": "1"},
    )
    report = events.parse("Event: RTCPReceived\nMES: 87.4")
    assert isinstance(report, events.RTCPReceived)
    assert report.mes == 87.4


def test_the_result_of_a_call_is_what_happened() -> None:
    """Nobody answered, it was refused, or a number that is not known yet: each by the name of its reason."""
    for reason, name in (
        (0, "FAILED"),
        (1, "HUNG_UP"),
        (3, "NO_ANSWER"),
        (4, "ANSWERED"),
        (5, "BUSY"),
        (8, "CONGESTION"),
    ):
        outcome = events.parse(f"Event: OriginateResponse\nReason: {reason}")
        assert isinstance(outcome, events.OriginateResponse)
        assert outcome.result == name == str(outcome.reason)
    assert events.parse("Event: OriginateResponse\nReason: 77").result == "UNKNOWN_77"  # type: ignore[attr-defined]
    assert events.parse("Event: OriginateResponse").result is None  # type: ignore[attr-defined]


def test_a_list_without_items_knows_what_they_would_be() -> None:
    """Its answer says the classes, which its parts keep."""
    listed = actions.QueueStatus().response_type("Response: Success", actions.QueueStatus()).events
    assert set(listed.item_classes) == {events.QueueParams, events.QueueMember, events.QueueEntry}
    assert listed[:5].item_classes == listed.item_classes
    assert EventList().item_classes == ()


def test_an_alias_is_no_second_field() -> None:
    """Dictionaries, rows, the schema and the documentation's lists have a header once."""

    class Own(events.KnownEvent, wire_name="OneNameOwn"):
        """Something of mine."""

        door = Text("Door")
        gate = door.alias()

    try:
        own = events.parse("Event: OneNameOwn\nDoor: 3")
        assert isinstance(own, Own)
        assert (own.gate, own.to_dict(attributes=True, typed=True)) == ("3", {"event": "OneNameOwn", "door": "3"})
        assert [name for name in fields_of(Own) if name in ("door", "gate")] == ["door"]
    finally:
        EVENTS.pop("onenameown")


def test_all_enumerations_are_told_apart_by_their_words() -> None:
    """No word of one enumeration stands for two members."""
    for name in set(enums.__all__) - {"Code", "Word"}:
        kind: Any = getattr(enums, name)
        assert [kind(str(member)) for member in kind] == list(kind)
