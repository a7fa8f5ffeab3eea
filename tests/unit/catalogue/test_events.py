"""The typed events: names, conversions, and the recording of a busy server."""

from __future__ import annotations

import copy
import doctest
import lzma
import pickle
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers import about

from aioami import Event, Response, events, fields, responses
from aioami.events.base import EVENTS
from aioami.fields import ChannelVariables, Field, attribute_name
from aioami.responses import (
    EventsReply,
    GetConfigReply,
    ListCategoriesReply,
    ListCommandsReply,
    PingReply,
    SIPshowpeerReply,
)
from aioami.wire import Framer

RECORDING = Path(__file__).parents[2] / "data/busy-22.bin.xz"

# Headers of the recording that have no field, and why.
WITHOUT_FIELD = {
    "Cdr": "cdr_manager.conf adds headers of the user's choice",
}


def fields_of(cls: type) -> Iterator[tuple[str, Field[object]]]:
    for owner in cls.__mro__:
        for name, value in vars(owner).items():
            if isinstance(value, Field) and not value.is_alias:
                yield name, value


CLASSES = [getattr(events, name) for name in events.__all__ if isinstance(getattr(events, name), type)]


def test_attributes_are_named_by_the_one_rule() -> None:
    """The attribute of a header is the header in snake_case; every class has a docstring and no dictionary."""
    for cls in CLASSES:
        with about(cls.__name__):
            assert {name: field.header for name, field in fields_of(cls) if name != attribute_name(field.header)} == {}
            assert cls.__doc__
            assert not hasattr(cls("Event: X") if issubclass(cls, Event) else cls(Event("Event: X"), ""), "__dict__")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("CallerIDNum", "caller_id_num"),
        ("CallerIDnum", "caller_id_num"),
        ("Uniqueid", "uniqueid"),
        ("UniqueID", "uniqueid"),
        ("BridgeUniqueid", "bridge_uniqueid"),
        ("DestChannelStateDesc", "dest_channel_state_desc"),
        ("Cause-txt", "cause_txt"),
        ("Name", "name_"),
        ("Async", "async_"),
        ("Class", "class_"),
        ("Events", "events_"),
        ("ServicelevelPerf2", "servicelevel_perf2"),
    ],
)
def test_attribute_names(header: str, name: str) -> None:
    """The words come from one table, and what is taken gets an underscore."""
    assert attribute_name(header) == name


def test_the_recording_is_typed() -> None:
    """Every event of a busy server has its class, and every header of these a field."""
    framer = Framer()
    unknown: set[str] = set()
    missing: set[tuple[str, str]] = set()
    known: dict[type[Event], set[str]] = {}
    for text in framer.feed(lzma.decompress(RECORDING.read_bytes())):
        if not text.startswith("Event:"):
            continue
        event = events.parse(text)
        if type(event) is Event:
            unknown.add(event.name)
            continue
        cls = type(event)
        if cls not in known:
            known[cls] = {field.header.lower() for _, field in fields_of(cls)} | {"event", "privilege"}
        if isinstance(event, events.UserEvent) or event.name in WITHOUT_FIELD:
            continue
        missing |= {
            (event.name, name)
            for name in {name for name, _ in event.headers}
            if name.lower() not in known[cls] and not name.startswith("ChanVariable(")
        }
    assert unknown - WITHOUT_FIELD.keys() == set()
    assert missing == set()
    assert len(known) > 40


HANGUP = (
    "Event: Hangup\r\nPrivilege: call,all\r\nTimestamp: 1795413782.25\r\nChannel: PJSIP/1-1\r\nChannelState: 6\r\n"
    "Cause: 16\r\nCause-txt: Normal Clearing\r\nChanVariable: a=1\r\nChanVariable: b=x=y\r\nUniqueid: 1.1\r"
)


def test_a_typed_event() -> None:
    """Fields convert on access; the mapping has the text; what is absent is None; what is misspelt is an error."""
    event = events.parse(HANGUP)
    assert isinstance(event, events.Hangup)
    assert (event.name, event.channel, event.cause, event.cause_txt) == ("Hangup", "PJSIP/1-1", 16, "Normal Clearing")
    assert (event["cause"], event["CAUSE-TXT"], event["Event"], event["Uniqueid"]) == (
        "16",
        "Normal Clearing",
        "Hangup",
        "1.1",
    )
    assert (event.tech_cause, event.linkedid, event.timestamp) == (None, None, 1795413782.25)
    assert event.chan_variable == {"a": "1", "b": "x=y"}
    assert event.privileges == {"call"}
    assert event.get("Nope") is None
    assert event.get("Nope", "x") == "x"
    assert "Channel" in event
    assert "Nope" not in event
    assert [*event][:3] == ["Event", "Privilege", "Timestamp"]
    assert len(event) == len(event.items()) == 10
    assert event.to_dict()["ChanVariable"] == ["a=1", "b=x=y"]
    for misspelt in ("chanel", "Cause", "cause_text"):
        with pytest.raises(AttributeError):
            getattr(event, misspelt)
    with pytest.raises(KeyError, match="Nope"):
        event["Nope"]
    with pytest.raises(AttributeError, match="read-only"):
        event.cause = 1  # type: ignore[assignment]
    with pytest.raises(TypeError):
        event["Cause"] = "1"  # type: ignore[index]


def test_events_are_values() -> None:
    """Equal headers make equal events, which can be copied, pickled and kept in sets."""
    event = events.parse(HANGUP)
    for other in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event)), events.parse(HANGUP)):
        assert other == event
        assert len({other, event}) == 1
        assert type(other) is events.Hangup
    assert event != events.parse(HANGUP.replace("16", "17"))
    assert repr(event).startswith("<Hangup Event='Hangup' Privilege='call,all'")


def test_numbers_that_are_none_are_none() -> None:
    """What does not convert is None, and its text stays."""
    event = events.parse("Event: Hangup\r\nCause: often")
    assert isinstance(event, events.Hangup)
    assert (event.cause, event["Cause"]) == (None, "often")


def test_secrets_are_not_shown() -> None:
    """Passwords in what a server sends are in no repr."""
    shown = repr(events.parse("Event: AuthDetail\r\nUsername: u\r\nPassword: hush\r\nMd5Cred: hush"))
    assert "hush" not in shown
    assert "hush" not in repr(Response("Response: Success\r\nLine-000000-000000: secret=hush"))


def test_an_originate_response() -> None:
    """The outcome of a call is an event with a Response header, a reason and a channel in a key."""
    event = events.parse(
        "Event: OriginateResponse\r\nActionID: x\r\nResponse: Failure\r\nReason: 5\r\nChanVariable(Local/1@x;1): A=b: c"
    )
    assert isinstance(event, events.OriginateResponse)
    assert (event.success, event.reason, event.result, event.action_id) == (False, 5, "BUSY", "x")
    assert event.chan_variable == {"A": "b: c"}
    assert event["ChanVariable(Local/1@x;1)"] == "A=b: c"


def test_async_agi() -> None:
    """Environments and results are decoded, a plus is a plus, and what was cut off does no harm."""
    start = events.parse("Event: AsyncAGIStart\r\nEnv: agi_request%3A%20async%0Aagi_x%3A%20a%2Bb+c%0Aagi_cut")
    assert isinstance(start, events.AsyncAGIStart)
    assert start.environment == {"agi_request": "async", "agi_x": "a+b+c"}
    for result, code in (
        ("200%20result%3D1%20%28x%29%0A", 200),
        ("510%20Invalid%0A", 510),
        ("520-Usage%0A520%20End%0A", 520),
        ("", None),
    ):
        event = events.parse(f"Event: AsyncAGIExec\r\nCommandId: 7\r\nResult: {result}")
        assert isinstance(event, events.AsyncAGIExec)
        assert (event.code, event.command_id) == (code, "7")


def test_user_events_are_read_strictly() -> None:
    """A client's own lines are taken as they are: the first of equal names counts, in any spelling."""
    event = events.parse("Event: UserEvent\r\nUserEvent: A\r\nkey:1\r\nKey: 2\r\nno colon")
    assert isinstance(event, events.UserEvent)
    assert (event["Key"], event.getall("KEY"), event.unparsed) == ("1", ["1", "2"], ("no colon",))


def test_parse_refuses_what_is_no_event() -> None:
    """A response is no event."""
    with pytest.raises(ValueError, match="no event"):
        events.parse("Response: Success")


def test_event_names_are_unique() -> None:
    """Each name leads to one class."""
    assert all(EVENTS[cls.wire_name.lower()] is cls for cls in EVENTS.values())
    assert events.event_class("HANGUP") is events.Hangup
    assert events.event_class("NewExten") is events.Newexten
    assert events.event_class("Nope") is Event


def test_channel_variables_belong_to_their_prefix() -> None:
    """DestChanVariable and ChanVariable are told apart."""
    event = events.parse("Event: DialBegin\r\nChanVariable: a=1\r\nDestChanVariable: a=2")
    assert isinstance(event, events.DialBegin)
    assert (event.chan_variable, event.dest_chan_variable) == ({"a": "1"}, {"a": "2"})
    assert isinstance(vars(events.snapshots.DestEvent)["dest_chan_variable"], ChannelVariables)  # type: ignore[attr-defined]


# Replies


def test_ping_replies_of_old_and_new_servers() -> None:
    """Both forms have a round-trip time; a failure has -1."""
    for text in ("Response: Success\r\nPing: Pong\r\nTimestamp: 1.5", "Response: Pong"):
        assert PingReply(text, seconds=0.25).RTT == 0.25
    assert PingReply("Response: Error\r\nMessage: x", seconds=0.25).RTT == -1


def test_events_replies_of_old_and_new_servers() -> None:
    """Both forms are a success and say whether events come."""
    for text, enabled in (
        ("Response: Success\r\nEvents: On", True),
        ("Response: Success\r\nEvents: Off", False),
        ("Response: Events On", True),
        ("Response: Events Off", False),
        ("Response: Success", None),
    ):
        assert EventsReply(text).success
        assert EventsReply(text).enabled is enabled


def test_list_replies() -> None:
    """ListCommands and ListCategories have a line for each."""
    reply = ListCommandsReply(
        "Response: Success\r\nActionID: 1\r\nPing: Keepalive.  (Priv: <none>)\r\nAGI: Add.  (Priv: agi,all)"
    )
    assert reply.data == ["Ping: Keepalive.  (Priv: <none>)", "AGI: Add.  (Priv: agi,all)"]
    assert reply.commands["Ping"] == "Keepalive.  (Priv: <none>)"
    assert ListCategoriesReply("Response: Success\r\nCategory-000000: a\r\nCategory-000001: a").data == ["a", "a"]
    assert ListCategoriesReply("Response: Success\r\nError: no categories found").data == []


def test_configuration_replies() -> None:
    """Lines come in the order of their numbers, and a file without a match is empty."""
    lines = "".join(f"\r\nLine-000000-{n:06}: k{n}=v=w" for n in (1, 0, 10))
    reply = GetConfigReply(f"Response: Success\r\nCategory-000000: c{lines}")
    assert list(reply.get_lines()) == ["k0=v=w", "k1=v=w", "k10=v=w"]
    assert reply.categories[0].lines[0] == ("k1", "v=w")
    empty = GetConfigReply("Response: Success\r\nNo categories found")
    assert (empty.success, list(empty.get_lines()), empty.categories) == (True, [], [])


def test_a_sip_peer_is_typed() -> None:
    """The mapping has the documented types, with the headers of old and of new servers; `headers` is raw."""
    old = SIPshowpeerReply(
        "Response: Success\r\nACL: Y\r\nDynamic: N\r\nAddress-Port: 5060\r\nMaxCallBR: 384 kbps\r\nRegExpire: -1 seconds\r\n"
        'SIP-CanReinvite: Y\r\nSIP-AuthInsecure: yes\r\nCallerid: "x" <1>\r\nSecretExist: Y\r\nAddress-IP: (null)'
    )
    assert (old["ACL"], old["dynamic"], old["SecretExist"], old["SIP-CanReinvite"], old["SIP-AuthInsecure"]) == (
        *(True, False, True, True, True),
    )
    assert (old["Address-Port"], old["MaxCallBR"], old.get("RegExpire"), old["Callerid"]) == (5060, 384, -1, '"x" <1>')
    assert old.get("ToHost", "none") == "none"
    assert ("ACL", "Y") in old.headers
    new = SIPshowpeerReply(
        "Response: Success\r\nSIP-DirectMedia: N\r\nSIP-AuthInsecure: port,invite\r\nAddress-Port: ?"
    )
    assert (new["SIP-CanReinvite"], new["SIP-AuthInsecure"], new["Address-Port"]) == (False, True, None)
    assert "SIP-CanReinvite" in new


def test_replies_of_the_rest() -> None:
    """Numbers are numbers, and what is absent is None."""
    count = responses.MailboxCountReply("Response: Success\r\nNewMessages: 2\r\nOldMessages: 3")
    assert (count.new_messages, count.old_messages, count.urg_messages) == (2, 3, None)
    assert responses.MailboxStatusReply("Response: Success\r\nWaiting: 1").waiting is True
    state = responses.ExtensionStateReply("Response: Success\r\nStatus: -1\r\nHint: ")
    assert (state.status, state.hint, state["Status"]) == (-1, "", "-1")
    for word, success in (("Success", True), ("Goodbye", True), ("Follows", True), ("Error", False)):
        assert Response(f"Response: {word}").success is success


async def test_a_response_from_a_text_has_no_outcome() -> None:
    """Only a response that came over a connection can have one."""
    with pytest.raises(Exception, match="no outcome follows"):
        await responses.OriginateReply("Response: Success").outcome()


def test_the_examples_in_docstrings_are_right() -> None:
    """What a docstring shows at a prompt is what happens."""
    results = doctest.testmod(fields)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("1:05", 65), ("100:00:01", 360_001), ("", None), ("1:-1", None), ("0:0:0:1", None)],
)
def test_a_duration_is_in_seconds(text: str, seconds: int | None) -> None:
    """Hours, minutes and seconds, or less of them; what is none has no value."""
    event = events.CoreShowChannel(f"Event: CoreShowChannel\r\nDuration: {text}\r")
    assert event.duration == seconds


def test_a_conversion_is_linear() -> None:
    """A megabyte of digits or of numbered groups is read in seconds, where a quadratic conversion takes minutes."""
    long = "9:" * 500_000 + "9"
    event = events.CoreShowChannel(f"Event: CoreShowChannel\r\nDuration: {long}\r")
    began = time.perf_counter()
    assert event.duration is None
    groups = [f"Report{number}SourceSSRC: {number}" for number in range(20_000)]
    report = events.RTCPSent("\r\n".join(["Event: RTCPSent", *groups, "Report20001LSR: 1", "Report01LSR: 1"]))
    assert len(report.reports) == 20_000
    assert time.perf_counter() - began < 5  # quadratic ones take minutes
