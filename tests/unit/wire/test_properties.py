"""What holds of anything: bytes from the server, headers from the user. The checks of the fuzzer, on invented streams."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.fuzz.plain import plain_command, plain_headers, plain_lines
from tests.fuzz.targets import KINDS, TARGETS, look_into

from aioami import Event, Response, events
from aioami.fields import Field
from aioami.wire import Framer, Message, encode

OPENINGS = [
    b"Event: Hangup",
    b"Event: OriginateResponse",
    b"Event: QueueMember",
    b"Event: QueueStatusComplete",
    b"Event: FAXStats",
    b"Event: AsyncAGIExec",
    b"Event: SIPQualifyPeerDone",
    b"Event:",
    b"event:odd",
    b"Response: Success",
    b"Response: Error",
    b"Response: Follows",
    b"Response: Goodbye",
    b"RESPONSE:",
    b"1 2 3",
]
LINES = [
    b"ActionID: 1",
    b"ActionID: 2",
    b"ActionID:3",
    b"EventList: start",
    b"EventList: Complete",
    b"Response: Failure",
    b"Channel: Local/1@x-1",
    b"CommandID: 7",
    b"Message: Permission denied",
    b"ChanVariable(IAX2/[::1]:4569-7): a=b",
    b"ChanVariable: a=b",
    b"Timestamp: " + b"9" * 5000,
    b"Secret: x",
    b"Key:",
    b"K\xc3\xa9y: value",
    b"\xff: \xfe",
    b": odd",
    b"no colon",
    b"a\rb",
    b"x--END COMMAND--",
    b"Server: pbx",
    b"--END COMMAND--",
]
ends = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n"])
any_line = st.binary(max_size=12).map(lambda line: line.replace(b"\n", b""))
lines = st.tuples(st.sampled_from([b"", b"", b"", *OPENINGS, *LINES]) | any_line, ends).map(b"".join)
messages = st.tuples(
    st.sampled_from(OPENINGS), ends, st.lists(st.tuples(st.sampled_from(LINES), ends).map(b"".join), max_size=4), ends
).map(lambda parts: b"".join((*parts[:2], *parts[2], parts[3])))
streams = st.lists(messages | lines, max_size=16).map(b"".join) | st.binary(max_size=60)
greetings = st.sampled_from(
    [b"", b"", b"Asterisk Call Manager/11.0.0\r\n", b"SSH-2.0-OpenSSH_9.2p1\r\n", b"PBX Call Manager/11\r\n"]
)


@given(st.binary(min_size=4, max_size=4), greetings, streams)
@example(b"\xffs\r\n", b"", b"AcID\xff\x00\t\xa3\r\nEvent: x\r\n\r\n")
@settings(max_examples=400, deadline=None)
def test_the_messages_are_those_of_a_plain_reader_however_the_bytes_are_cut(
    way: bytes, greeting: bytes, stream: bytes
) -> None:
    """Greeting, messages, error and rest are the same whole, cut anywhere, and byte by byte."""
    TARGETS["framer"](way + greeting + stream)


@given(streams, st.lists(st.integers(0, 2000), max_size=8), st.sampled_from([None, 10, 100]))
@settings(max_examples=200, deadline=None)
def test_many_cuts_are_as_good_as_none(stream: bytes, cuts: list[int], limit: int | None) -> None:
    """Any number of cuts, and reads of nothing, change neither the messages nor the error."""
    whole, cut = Framer(limit, banner=False), Framer(limit, banner=False)
    places = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert [text for piece in pieces for text in cut.feed(piece)] == whole.feed(stream)
    assert (str(cut.error), cut.buffered) == (str(whole.error), whole.buffered)


@given(st.binary(min_size=2, max_size=2), streams)
@settings(max_examples=400, deadline=None)
def test_a_message_can_be_looked_into_whatever_it_holds(kind: bytes, stream: bytes) -> None:
    """Its headers are those of a plain reader; no attribute, lookup or text form of any class raises."""
    TARGETS["message"](kind + stream)


@pytest.mark.parametrize(
    "value", ["9" * 5000, "0" * 5000 + ":1", "²", "١:1", "1e999", "nan", "1_0", "--5", "%zz%ff", "\udcff", "-", " ", ""]
)
def test_no_text_in_any_header_breaks_an_attribute(value: str) -> None:
    """What is no number, or one of thousands of digits, is `None` or is left out; the text itself stays there."""
    numbered = [f"{name}-{value}" for name in ("Category", "Line")]
    for cls, attributes in KINDS:
        fields = [vars(owner)[name] for name in attributes for owner in cls.__mro__ if name in vars(owner)]
        declared = {field.header for field in fields if isinstance(field, Field)}
        headers = [*sorted(declared), "MaxCallBR", "RegExpire", "Line-000000-000000", *numbered]
        first = f"Event: {cls.wire_name}" if issubclass(cls, Event) else "Response: Success"
        found = cls("\r\n".join([first, *(f"{name}: {value}" for name in headers)]))
        look_into(found, attributes)
        assert all(dict(found.headers)[name] == value for name in declared - {"Response"})


@given(st.binary(min_size=12, max_size=12), streams)
@settings(max_examples=400, deadline=None)
def test_every_promise_is_kept_once_whatever_comes(steps: bytes, stream: bytes) -> None:
    """Lists, raw answers, outcomes and actions given up meanwhile: each is resolved once, and the end leaves none."""
    TARGETS["session"](steps + stream)


texts = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=50) | st.binary(
    max_size=20
).map(lambda raw: raw.translate(None, b"\r\n\0").decode("utf-8", "surrogateescape"))


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=20))
@example([("Key", "  indented"), ("a b", "c: d "), ("K", "")])
@settings(max_examples=200, deadline=None)
def test_what_is_encoded_is_read_as_the_same(headers: list[tuple[str, str]]) -> None:
    """Every header that may be sent comes back as it was, but for the one form of header that only servers write."""
    assume(headers[0] != ("Response", "Follows"))
    headers = [header for header in headers if not header[0].startswith("ChanVariable(")]
    accepted = []
    for header in headers:
        try:
            encode([header])
        except ValueError:
            continue
        accepted.append(header)
    assume(accepted)
    framer = Framer(banner=False, errors="surrogateescape")
    (text,) = framer.feed(encode(accepted))
    assert Message(text).headers == tuple(accepted)
    assert framer.buffered == 0


# Each name in several spellings, and those that are odd: a channel's name within, letters whose lower case is longer, or
# that are an ASCII letter in lower case (the sign of Kelvin).
NAMES = ["Channel", "channel", "CHANNEL", "Exten", "Key", "KEY", "\u212aey", "Kéy", "İ", "Event", "Response"]
NAMES += [
    "ChanVariable",
    "ChanVariable(Local/1@x: y)",
    "ChanVariable(PJSIP/1",
    "A(b:c)",
    "a b",
    "",
    " Key",
    "\tKey",
    "\rKey",
]
ASKED = [*NAMES, "kEY", "kéy", "i̇", "i", "EVENT", "response", "chanvariable", "A(b", "None", "Key\r", "Key\nKey"]
separators = st.sampled_from([": ", ": ", ":", ":  ", " : ", ":\t", ""])
line_ends = st.sampled_from(["\r\n", "\r\n", "\n", "\r\r\n"])
odd_values = st.sampled_from(["", "1", "a\rb", "b\r", "Key: x", "x\u2028y", "İ", "\udcff", " blank "])
FIRST_LINES = [
    "Event: Foo",
    "Event: Hangup",
    "event:Hangup",
    "Response: Success",
    "Response: Follows",
    "Channel: first",
]


@given(
    st.sampled_from(FIRST_LINES),
    st.lists(st.tuples(line_ends, st.sampled_from(NAMES), separators, odd_values), max_size=7),
)
@settings(max_examples=600, deadline=None)
def test_every_way_to_ask_for_a_header_agrees(first: str, headers: list[tuple[str, str, str, str]]) -> None:
    """`get()`, `find()`, `[]`, `in`, attributes, `getall()`, `items()` and `to_dict()` say what a plain reader finds."""
    text = first + "".join("".join(parts) for parts in headers)
    head, _ = plain_command(plain_lines(text))
    pairs, _ = plain_headers(head)
    messages: list[Message] = [Message(text)]
    if first.startswith("Response"):
        messages.append(Response(text))
    elif first.startswith("Event: "):
        messages += [Event(text), events.Hangup(text)]
    for message in messages:
        looked_up = [message.get(name) for name in ASKED]  # before it is taken apart, and behind that
        assert list(message.items()) == list(message.headers) == pairs
        assert [message.get(name) for name in ASKED] == looked_up
        for name, value in zip(ASKED, looked_up, strict=True):
            values = [each for key, each in pairs if key.lower() == name.lower()]
            assert message.getall(name) == values
            assert value == message.find(name) == (values[0] if values else None)
            assert (name in message) is bool(values)
            if values:
                assert message[name] == values[0]
        flat = [
            each for value in message.to_dict().values() for each in (value if isinstance(value, list) else [value])
        ]
        assert sorted(flat) == sorted(value for _, value in pairs)
        if isinstance(message, events.Hangup):
            assert message.channel == message.get("Channel")
            assert message.exten == message.get("Exten")
