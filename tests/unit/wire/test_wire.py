"""The wire: what the encoder refuses, limits, and a recording. What holds of any bytes is in `test_properties.py`."""

from __future__ import annotations

import itertools
import lzma
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from benchmarks import corpora
from tests.fuzz.plain import plain_headers, plain_lines, plain_messages

from aioami import Event, Response, events
from aioami.wire import Framer, Message, encode
from aioami.wire.headers import FINDERS, split_headers
from aioami.wire.layouts import Layouts

RECORDING = Path(__file__).parents[2] / "data/busy-22.bin.xz"


def taken_apart(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The headers as pairs, and the lines that are none."""
    message = Message(text)
    return message.headers, message.unparsed


def feed(chunks: Iterable[bytes], **options: bool | int | None) -> tuple[list[str], Framer]:
    framer = Framer(banner=False, **options)  # type: ignore[arg-type]
    texts = [text for chunk in chunks for text in framer.feed(chunk)]
    return texts, framer


@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\ud800"])
def test_breaks_are_refused(character: str) -> None:
    """CR, LF, NUL and half characters in a name or a value are refused by naming the header; the value is not shown."""
    for headers in ([("Key", f"secret{character}")], [(f"K{character}ey", "secret")]):
        with pytest.raises(ValueError, match="K") as caught:
            encode(headers)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " Key", "Key ", "\tKey", "a:b", ":"])
def test_names_that_would_be_misread_are_refused(name: str) -> None:
    """An empty name, one with a colon, and one with blanks around it never leave."""
    with pytest.raises(ValueError, match="header name"):
        encode([(name, "x")])


@pytest.mark.parametrize(("character", "size"), [("x", 1), ("é", 2), ("€", 3), ("\udcff", 1)])
def test_a_line_may_have_1022_bytes(character: str, size: int) -> None:
    """The limit counts bytes of UTF-8: 1022 pass, one more is refused."""
    room = 1022 - len("Key: ")
    fitting = character * (room // size) + "x" * (room % size)
    assert len(encode([("Key", fitting)])) == 1022 + 4
    with pytest.raises(ValueError, match=r"1023 bytes.*1022"):
        encode([("Key", fitting + "x")])


def test_an_action_may_have_128_lines() -> None:
    """128 lines pass, one more is refused."""
    assert encode([("K", "v")] * 128).count(b"\r\n") == 129
    with pytest.raises(ValueError, match=r"129 lines.*128"):
        encode([("K", "v")] * 129)


def test_a_message_of_many_megabytes_is_read_in_linear_time() -> None:
    """One header of 5 MB and a message of 20,000 headers take a moment, even in small pieces."""
    for data in (
        b"Event: Big\r\nKey: " + b"x" * 5_000_000 + b"\r\n\r\n",
        b"Event: Many\r\n" + b"K: v\r\n" * 20_000 + b"\r\n",
    ):
        started = time.process_time()
        texts, _ = feed(data[n : n + 97] for n in range(0, len(data), 97))
        assert len(texts) == 1
        assert time.process_time() - started < 5


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_size_of_a_message_is_bounded(size: int) -> None:
    """A message at the limit passes, one byte more is an error, whatever the chunks; what came before is delivered."""
    first, fits = b"Event: First\r\n\r\n", b"Event: X\r\nKey: " + b"x" * 500 + b"\r\n"
    for body, delivered in ((fits, 2), (b"y" + fits, 1)):
        data = first + body + b"\r\n"
        texts, framer = feed((data[n : n + size] for n in range(0, len(data), size)), max_frame_size=len(fits) - 2)
        assert len(texts) == delivered
        assert (framer.error is None) is (delivered == 2)
    assert framer.feed(first) == []


def test_endless_input_is_bounded() -> None:
    """A line without an end is refused once it exceeds the limit, and not kept."""
    framer = Framer(10_000, banner=False)
    for _ in range(20):
        framer.feed(b"x" * 1000)
    assert framer.error is not None
    assert framer.buffered == 0


def recorded() -> bytes:
    return lzma.decompress(RECORDING.read_bytes())


@pytest.mark.parametrize("size", [262_144, 65_537, 1_460])
def test_the_recording_is_read_whole(size: int) -> None:
    """Twelve megabytes of a busy server: no message is lost, and every header is that of a plain reader."""
    data = recorded()
    banner, _, rest = data.partition(b"\r\n")
    framer = Framer()
    texts = [text for n in range(0, len(data), size) for text in framer.feed(data[n : n + size])]
    assert framer.error is None
    assert framer.banner == banner.decode()
    messages, unfinished = plain_messages(rest)
    assert texts == [message.decode("utf-8", "backslashreplace") for message in messages]
    assert len(texts) > 25_000
    assert framer.buffered == len(rest) - unfinished
    if size == 262_144:
        for text in texts:
            assert taken_apart(text) == tuple(map(tuple, plain_headers(plain_lines(text))))


@pytest.mark.parametrize("corpus", [corpora.synthetic, corpora.recorded])
def test_the_corpora_of_the_benchmark_are_read_right_at_every_split(corpus: Callable[[int], list[bytes]]) -> None:
    """Each kind of message that the benchmark sends, between two others, split in two at every byte, and byte by byte."""
    kinds: dict[object, bytes] = {}
    for message in corpus(26_000):
        first, *others = message.split(b"\r\n")
        kinds.setdefault((first, *(line.partition(b":")[0] for line in others)), message)
    messages = list(kinds.values())
    assert len(messages) == {corpora.synthetic: 10, corpora.recorded: 386}[corpus]
    for before, message, after in zip(messages, messages[1:] + messages, messages[2:] + messages, strict=False):
        data = before + message + after
        plain, _ = plain_messages(data)
        expected = [each.decode("utf-8", "backslashreplace") for each in plain]
        for end in range(1, len(data)):
            framer = Framer(banner=False)
            assert framer.feed(data[:end]) + framer.feed(data[end:]) == expected
        assert feed(data[n : n + 1] for n in range(len(data)))[0] == expected
        for text in expected:
            assert taken_apart(text) == tuple(map(tuple, plain_headers(plain_lines(text))))


def test_a_header_is_found_as_if_all_were_read() -> None:
    """For every header of the recording, the quick way of an event finds what reading all of them finds."""
    framer = Framer()
    for text in framer.feed(recorded())[1::7]:
        event = events.parse(text)
        plain = Message(text)
        for name in {*plain.keys(), "Channel", "uniqueid", "event", "NoSuchHeader", "", " ", "Event: x"}:
            assert event.get(name) == plain.get(name)
            assert event.getall(name) == plain.getall(name)


# Messages


def test_a_message_is_a_mapping_over_every_header() -> None:
    """Repeated ones count, lookup ignores case, and what is not there is named by the error."""
    message = Message("Event: A\r\nVariable: x=1\r\nvariable: y=2\r\nLast: z")
    assert list(message) == ["Event", "Variable", "variable", "Last"]
    assert list(message.values()) == ["A", "x=1", "y=2", "z"]
    assert list(message.items()) == [("Event", "A"), ("Variable", "x=1"), ("variable", "y=2"), ("Last", "z")]
    assert message["VARIABLE"] == "x=1"
    assert message.to_dict() == {"Event": "A", "Variable": ["x=1", "y=2"], "Last": "z"}
    with pytest.raises(KeyError, match="Nothing"):
        message["Nothing"]
    assert Message("\xdf: 1\nSS: 2").to_dict() == {"\xdf": "1", "SS": "2"}  # though the capitals of both are the same


def test_messages_are_equal_by_their_headers() -> None:
    """Line ends do not matter, and nothing else is equal to a message."""
    one, same, other = Message("Event: A\r\nB: 1"), Message("Event: A\nB: 1"), Message("Event: A\r\nB: 2")
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert hash(one) != hash(other)
    assert one != "Event: A"


def test_a_repr_shows_the_first_headers_and_counts_the_rest() -> None:
    """Eight of them; what is more is a number."""
    lines = [f"H{number}: {number}" for number in range(10)]
    for count, more in ((1, ""), (8, ""), (9, " and 1 more"), (10, " and 2 more")):
        shown = " ".join(f"H{number}='{number}'" for number in range(min(count, 8)))
        assert repr(Message("\r\n".join(lines[:count]))) == f"<Message {shown}{more}>"


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("ChanVariable(PJSIP/a): x): y", ("ChanVariable(PJSIP/a)", "x): y")),
        ("ChanVariable(IAX2/a:1-2): x): y", ("ChanVariable(IAX2/a:1-2)", "x): y")),
        ("ChanVariable(Local/1:2@c): x=1", ("ChanVariable(Local/1:2@c)", "x=1")),
        ("ChanVariable(open: x=1", ("ChanVariable(open", "x=1")),
        ("Xylophone: 1", ("Xylophone", "1")),
        ("Key:  two blanks", ("Key", " two blanks")),
    ],
)
def test_where_a_name_ends(line: str, header: tuple[str, str]) -> None:
    """At the first colon, or behind the parenthesis that holds a channel's name."""
    assert taken_apart(line) == ((header,), ())


@pytest.mark.parametrize(
    ("text", "headers", "output"),
    [
        ("Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\nActionID: 2\n--END COMMAND--", 3, ["ActionID: 2"]),
        ("Response: Follows\r\nPrivilege: Command\n--END COMMAND--", 2, []),
        ("Response: Follows\r\nPrivilege: Command", 2, []),
        ("Response: Follows\r\n--END COMMAND--", 1, []),
        ("Response: Follows\r\n\nPrivilege: x\n--END COMMAND--", 1, ["", "Privilege: x"]),
        ("Response: Fine\r\nOutput: x", 2, ["x"]),
    ],
)
def test_where_raw_output_begins(text: str, headers: int, output: list[str]) -> None:
    """Behind at most two headers that Asterisk puts before it; a line of the output is no header, whatever it says."""
    message = Message(text)
    assert len(message.headers) == headers
    assert list(message.output) == output


# Framing, where blank lines and errors are about

BLANKS = [b"\n", b"\r\n", b"\n\n", b"\r\n\r\n", b"\n\r\n", b"\n\r\n\n"]
RAW = b"Response: Follows\r\nPrivilege: Command\r\n\r\nraw \xff\r\n--END COMMAND--\r\n\r\n"


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_blank_lines_with_no_message_open_mean_nothing(blank: bytes, size: int) -> None:
    """Before, between and behind messages, in the quick way and in the slow one, and alone in a read."""
    stream = blank + b"Event: A\r\n\r\n" + blank + RAW + blank + RAW + blank + b"Event: B\n\n" + blank
    texts, framer = feed(stream[at : at + size] for at in range(0, len(stream), size))
    raw = "Response: Follows\r\nPrivilege: Command\r\n\r\nraw \\xff\r\n--END COMMAND--"
    assert [Message(text).text for text in texts] == ["Event: A", raw, raw, "Event: B"]
    assert framer.error is None
    assert framer.buffered == 0


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_line_that_comes_alone_is_not_kept(blank: bytes) -> None:
    """A peer that sends nothing but blank lines fills no memory; and one before a message is no part of it."""
    _, framer = feed([blank] * 100)
    assert framer.buffered == 0
    for first in (b"\n", b"\r\n"):
        assert feed([first + b"Event"])[1].buffered == len(b"Event")


@pytest.mark.parametrize(
    ("greeting", "told"),
    [
        (b"\n", "''"),
        (b"X\n", "'X'"),
        (b"Hi \xff\r\r\n", r"'Hi \\\\xff'"),
        (b"y" * 70 + b"\n", "'" + "y" * 60 + "'$"),
        (b"y" * 1024, "'" + "y" * 60 + "'$"),
        (b"y" * 1023 + b"\n", "'" + "y" * 60 + "'$"),
    ],
)
def test_a_greeting_of_another_kind_is_shown_in_part(greeting: bytes, told: str) -> None:
    """Its beginning is enough to see what answers there; nothing behind it is taken for a message."""
    framer = Framer()
    assert framer.feed(greeting + b"Event: A\r\n\r\n") == []
    assert framer.error is not None
    assert re.search(f"^this is no Asterisk Manager Interface: the peer greets with {told}", str(framer.error))
    assert framer.banner is None
    assert framer.feed(b"Event: B\r\n\r\n") == []


def test_a_greeting_may_come_in_pieces() -> None:
    """Nothing is wrong with one that is not whole, up to its limit."""
    framer = Framer()
    for piece in (b"Asterisk Call", b" Manager/1", b"1.0.0\r", b"\nEvent: A\r\n\r", b"\nEvent: B\r\n\r\n"):
        texts = framer.feed(piece)
    assert framer.banner == "Asterisk Call Manager/11.0.0"
    other = Framer()
    other.feed(b"Asterisk Call Manager/1.X\r\n")
    assert other.banner == "Asterisk Call Manager/1.X"
    assert [Message(text).text for text in texts] == ["Event: A", "Event: B"]
    framer = Framer(10)
    framer.feed(b"Asterisk Call Manager/11.0.0 ")
    framer.feed(b"\r\n")
    assert framer.banner == "Asterisk Call Manager/11.0.0 "
    framer = Framer()
    framer.feed(b"Asterisk Call Manager/" + b"1" * 2000 + b"\r\n")
    assert framer.error is not None
    for size, wrong in ((1023, False), (1024, True)):
        framer = Framer()
        framer.feed(b"Asterisk Call Manager/" + b"1" * (size - 22))
        assert (framer.error is not None) is wrong


@pytest.mark.parametrize("message", [b"Event: " + b"x" * 20, b"Response: Follows\r\n" + b"x" * 60 + b"--END COMMAND--"])
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n"])
def test_the_limit_is_the_last_size_that_passes(message: bytes, size: int, end: bytes) -> None:
    """A message of exactly that many bytes is a message, one of a byte more is an error that names the limit.

    The bytes are those of `bytes(message)`: the CR that ends the last line is none of them.
    """
    stream = message + end
    for limit in (len(message), len(message) - 1):
        texts, framer = feed((stream[at : at + size] for at in range(0, len(stream), size)), max_frame_size=limit)
        if limit == len(message):
            assert [bytes(Message(text)) for text in texts] == [message]
            assert framer.error is None
        else:
            assert texts == []
            assert str(framer.error) == f"a message from the server exceeds max_frame_size ({limit} bytes)"


def test_without_a_limit_nothing_is_too_long() -> None:
    """`None` lifts it, for messages that come at once and for those that come in pieces."""
    stream = b"Event: " + b"x" * 100_000 + b"\r\n\r\n"
    for chunks in ([stream], [stream[:50_000], stream[50_000:]]):
        texts, framer = feed(chunks, max_frame_size=None)
        assert len(texts) == 1
        assert framer.error is None


def test_a_name_that_is_refused_is_shown_in_part() -> None:
    """As it stands where it can, else quoted; cut where it is long; and never with the value."""
    for name, shown in (
        ("A", "A: the value may not contain CR"),
        ("A\x1b", r"'A\x1b': the value may not contain CR"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(shown)}$"):
            encode([(name, "hush\r")])
    for length, shown in ((40, "'" + "n" * 39 + ":'"), (41, "'" + "n" * 40 + "...'"), (42, "'" + "n" * 40 + "...'")):
        with pytest.raises(ValueError, match=f"^{re.escape(shown)}: a header name may have no colon"):
            encode([("n" * (length - 1) + ":", "x")])
    with pytest.raises(ValueError, match="^a header name is empty$"):
        encode([("", "x")])


ODD_NAMES = [
    "",
    " ",
    "a",
    "a b",
    "a:b",
    "a:b: c",
    "ChanVariable(a",
    "ChanVariable(a: b)",
    "ChanVariable(a:b)",
    "\ta",
    "(",
    ")",
]
ODD_VALUES = ["", "v", "v: w", " v ", "a\rb", "\u2028", "x\n y: z"]


@pytest.mark.parametrize("between", [":", ": ", ":  ", " : ", ""])
def test_the_quick_way_and_the_careful_way_agree(between: str) -> None:
    """A message whose lines are all regular is taken apart at once; what comes out is what each line by itself gives."""
    for name, value, end in itertools.product(ODD_NAMES, ODD_VALUES, ["", "\r"]):
        odd = f"{name}{between}{value}"
        for text in (f"Event: X\r\n{odd}\r\nLast: 1{end}", f"{odd}\r\nLast: 1{end}", f"Event: X\r\n{odd}{end}", odd):
            careful = taken_apart(text.replace("\r\n", "\n") if "\r\n" in text else f"{text}\n")
            headers, unparsed = taken_apart(text)
            assert headers == careful[0], repr(text)
            assert unparsed == (careful[1] if "\r\n" in text else careful[1][:-1]), repr(text)


class Regular(str):
    """A text that is divided into lines that end with CR LF alone."""

    def split(self, separator: str | None = None, maxsplit: int = -1) -> list[str]:  # type: ignore[override]
        assert separator == "\r\n"
        return super().split(separator, maxsplit)


@pytest.mark.parametrize("end", ["", "\r"])
@pytest.mark.parametrize("text", ["Event: X", "Event: X\r\nKey: a: b", "A: \r\nB: 2", "A(b): 1\r\n)(: 2"])
def test_a_regular_message_is_taken_apart_at_once(text: str, end: str) -> None:
    """It is not looked at line by line, which takes several times as long."""
    names, values, unparsed = split_headers(Regular(text + end))
    assert tuple(zip(names, values, strict=True)) == tuple(map(tuple, plain_headers(plain_lines(text))[0]))
    assert unparsed == ()


@pytest.mark.parametrize("text", ["Event: Hangup\r\nCause: 16", "event:Hangup\r\nEvent: X"])
def test_the_name_of_an_event_is_a_header(text: str) -> None:
    """As nearly all servers spell it, it is read without a search; in any other spelling it is found."""
    assert events.parse(text)["Event"] == "Hangup"


@pytest.mark.parametrize("text", ["Response: G", "Response: Success", "Response: Success\r\nA: b", "Response: zzz"])
def test_nearly_all_replies_are_taken_as_they_are(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of them is looked at before somebody asks."""

    def never(*arguments: object) -> None:
        pytest.fail("the reply was looked through")

    monkeypatch.setattr("aioami.wire.message.split", never)
    monkeypatch.setattr("aioami.wire.message.join", never)
    assert Message(text)["Response"] == text.partition("\r\n")[0].partition(": ")[2]


def test_what_was_taken_apart_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message is taken apart once; and in one go, if its layout is known."""
    text = "\r\n".join(["Event: Kept", *(f"Kept{number}: {number}" for number in range(5))])
    for _ in range(Layouts.worth_learning):
        expected = tuple(Message(text).items())

    def never(*arguments: object) -> None:
        pytest.fail("the message was taken apart line by line")

    monkeypatch.setattr("aioami.wire.message.split_headers", never)
    message = Message(text)
    assert tuple(message.items()) == expected
    monkeypatch.setattr(Message, "_layouts", None)
    assert tuple(message.items()) == expected


def text_of(first: str, *names: str) -> str:
    """A message with these names, a line break before each; the values look like the begin of a line."""
    return "\r\n".join([f"\n{first}", *(f"{name}: {name.lower()} : x" for name in names)]) + "\r"


def test_a_message_of_one_header_is_learned() -> None:
    """However often it came, another one that begins like it has all its headers."""
    for _ in range(2 * Layouts.worth_learning):
        assert Message("Event: Alone\rX").headers == (("Event", "Alone\rX"),)
    assert Message("Event: Alone\r\nEvent: Again").headers == (("Event", "Alone"), ("Event", "Again"))


@pytest.mark.parametrize("greeting", [b"\xff\xfe\x01\x00\n", b"E\x00\x00\x00\n", b"\x16\x03\x01\x00\xff"])
def test_what_greets_is_named_the_same_however_it_is_cut(greeting: bytes) -> None:
    """A greeting in which two protocols might be seen is of the one that is known by fewer bytes."""
    whole, cut = Framer(), Framer()
    whole.feed(greeting)
    for place in range(len(greeting)):
        cut.feed(greeting[place : place + 1])
    assert whole.error is not None
    assert str(whole.error) == str(cut.error)


def test_a_layout_is_learned_from_messages_that_are_alike() -> None:
    """From then on their values are found in one go, and are what they were before."""
    layouts = Layouts()
    text = text_of("Event: Often", "A", "B", "B")
    names = ("Event", "A", "B", "B")
    for _ in range(layouts.worth_learning):
        assert layouts.split(text) is None
        layouts.learn(text, names)
    assert layouts.split(text) == (names, ("Often", "a : x", "b : x", "b : x"))
    assert layouts.split(text_of("Event: Often", "A", "B")) is None
    assert layouts.split(text_of("Event: Seldom", "A", "B", "B")) is None
    layouts.clear()
    assert layouts.split(text) is None


@pytest.mark.parametrize("odd", ["x\nC: y", "x\ry", "x\r", "\n", "x\n"])
def test_a_learned_layout_reads_no_odd_line_wrongly(odd: str) -> None:
    """A value ends where it did before anything was learned."""
    for _ in range(20):
        taken_apart(text_of("Event: Often", "A", "B", "B")[1:])
    text = f"Event: Often\r\nA: {odd}\r\nB: 2\r\nB: 3\r"
    assert taken_apart(text) == tuple(map(tuple, plain_headers(plain_lines(text))))


def test_layouts_are_bounded() -> None:
    """However many messages come, in however many forms: kinds, forms of a kind, names and their lengths have limits."""

    def learned(layouts: Layouts, first: str, *names: str) -> bool:
        text = text_of(first, *names)
        for _ in range(layouts.worth_learning):
            layouts.learn(text, tuple(name for name, _ in taken_apart(text[1:])[0]))
        return layouts.split(text) is not None

    layouts = Layouts()
    assert [learned(layouts, "Event: X", f"A{number}") for number in range(9)] == [True] * 8 + [False]
    assert learned(layouts, "Event: Y", *(f"A{number}" for number in range(63)))
    assert not learned(layouts, "Event: Y", *(f"A{number}" for number in range(64)))
    assert not learned(layouts, "Event: Y", "A" * 2048)
    assert not learned(layouts, f"Event: {'x' * 200}", "A")
    assert not learned(layouts, "Event: Odd", "ChanVariable(Local/a: b)")
    assert learned(layouts, f"Event: {'x' * 91}", "A")
    assert not learned(layouts, f"Event: {'x' * 92}", "A")
    assert learned(layouts, "Event: Z", "A" * 2043)
    assert not learned(layouts, "Event: Z", "A" * 2044)
    layouts.clear()
    for number in range(512):
        assert learned(layouts, f"Event: E{number}", "A")
    assert layouts.split(text_of("Event: E0", "A"))
    assert learned(layouts, "Event: E512", "A")  # all others are forgotten
    assert not layouts.split(text_of("Event: E0", "A"))


@pytest.mark.parametrize(("others", "known"), [(1022, True), (1023, False)])
def test_what_was_counted_is_bounded(others: int, known: bool) -> None:
    """When a thousand forms were seen and none is frequent, the counting begins anew."""
    layouts = Layouts()
    text = text_of("Event: X", "A")
    for _ in range(layouts.worth_learning - 1):
        layouts.learn(text, ("Event", "A"))
    for number in range(others):
        layouts.learn(text, ("Event", f"B{number}"))
    layouts.learn(text, ("Event", "A"))
    assert (layouts.split(text) is not None) is known


@pytest.mark.parametrize("name", ["Channel", "channel", "CHANNEL", "Cause-txt", "a.b", "a b", "Key", "key", "x\r"])
def test_an_expression_finds_the_first_header_of_a_name(name: str) -> None:
    """In any letter case, whatever stands before it, with one blank behind the colon or none, to the end of the line."""
    find = FINDERS[name]
    spellings = [name, name.lower(), name.upper(), name.swapcase(), name.replace("K", "\u212a").replace("k", "\u212a")]
    for spelling in spellings:
        for before in ("", "\nOther: 1\r", f"\nx{spelling}: 1\r", f"\n {spelling}: 1\r", f"\nNote: {spelling}: 1\r"):
            for after in ("", f"\n{name}: 2\r", "\nOther: 3\r"):
                for value in ("", "v", " v", "a: b", "a\rb", "\r", "v\r"):
                    for end in ("\r", "") if not value.endswith("\r") else ("\r",):
                        found = find(f"{before}\n{spelling}: {value}{end}{after}")
                        assert found is not None
                        assert (found[1] if found[1] is not None else found[2].removesuffix("\r")) == value
    found = find(f"\n{name}:v")
    assert found is not None
    assert found[2] == "v"
    assert find(f"\nOther: {name}: 1\r\n{name}x: 2\r\n{name}\r\n{name} : 3\r") is None
    assert find("\na\u017fb: 1\r\n\u212b: 2\r") is None


@pytest.mark.parametrize("name", ["", " Key", "\tKey", "a:b", "a\nb", "A(b", "K\xe9y", "\u212aey"])
def test_all_headers_are_looked_at_for_an_odd_name(name: str) -> None:
    """It may hold a channel's name, or be no name of a header, or have letters whose lower case is not that of ASCII."""
    for value in ("1", "", "1\r"):
        assert Message(f"Event: X\r\n{name}: {value}\r").get(name) == (
            None if name in ("", " Key", "\tKey", "a:b", "a\nb") else value
        )


@pytest.mark.parametrize("cls", [Message, Event, Response])
def test_the_first_line_is_a_header_like_any_other(cls: type[Message]) -> None:
    """Whatever it is, and however it is spelled: all ways to look for a header, and the text, agree on it."""
    for first in (
        "Event: X",
        "event: X",
        "EVENT:X",
        "Response: X",
        "Response: Go",
        "response:X",
        "Channel: X",
        "X",
        "",
        "\n",
    ):
        for rest in ("", "\r", "\r\nEvent: Y\r", "\r\nResponse: Y\r", "\nChannel: Y", "\r\nchannel: Y\r\nKey: Z\r"):
            text = first + rest
            message = cls(text)
            assert message.text == text.removesuffix("\r")
            assert taken_apart(text) == tuple(map(tuple, plain_headers(plain_lines(text))))
            assert message.headers == taken_apart(text)[0]
            for name in ("Event", "event", "Response", "RESPONSE", "Channel", "channel", "Key"):
                values = [value for key, value in message.headers if key.lower() == name.lower()]
                assert message.getall(name) == values
                assert message.get(name) == (values[0] if values else None)
                assert (name in message) is bool(values)
                if values:
                    assert message[name] == values[0]
            if isinstance(message, Event):
                assert message.name == message.get("Event", "")


def test_finders_are_kept_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of a name is made once; when there are thousands, all are made anew."""
    FINDERS.pop("C new name", None)  # mutmut runs all tests more than once in one process
    monkeypatch.setattr("aioami.wire.headers._MAX_FINDERS", len(FINDERS) + 2)
    first = FINDERS["A new name"]
    assert FINDERS.get("A new name") is first
    assert FINDERS["B new name"]
    assert FINDERS.get("A new name") is first
    assert FINDERS["C new name"]
    assert list(FINDERS) == ["C new name"]


@pytest.mark.parametrize(
    ("greeting", "texts"),
    [
        ("Asterisk Call Manager", []),
        ("Asterisk Call Manager/1.1", []),
        ("Asterisk Call Manager/2.99.9", []),
        ("Asterisk Call Manager/3.0.0", ["Response: Follows\r"]),
        ("Asterisk Call Manager/11.0.0", ["Response: Follows\r"]),
    ],
)
def test_only_old_servers_send_output_without_headers(greeting: str, texts: list[str]) -> None:
    """Before Asterisk 14 a blank line does not end `Response: Follows`, as its output may hold some; from then on it does."""
    framer = Framer()
    assert framer.feed(f"{greeting}\r\nResponse: Follows\r\n\r\n".encode()) == texts
    assert framer.banner == greeting
    assert framer.error is None


def test_a_peer_that_greets_with_something_else_is_shown_in_part() -> None:
    """Sixty characters of its greeting say who it may be, whether or not its line ended; nothing more is read from it."""
    for greeting in (b"S" * 61 + b"\r\n", b"S" * 1024, b"S" * 60 + b"\r\n" + b"Event: X\r\n\r\n"):
        framer = Framer()
        assert framer.feed(greeting) == []
        assert str(framer.error).endswith(f"the peer greets with {'S' * 60!r}")
        assert framer.feed(b"Event: X\r\n\r\n") == []
    framer = Framer()
    assert framer.feed(b"\r\nEvent: X\r\n\r\n") == []
    assert str(framer.error).endswith("the peer greets with ''")
