"""The wire: chunks, reads of every size, a plain reader beside it, and what the encoder refuses."""

from __future__ import annotations

import lzma
import re
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aioami import ProtocolError, events
from aioami.wire import Framer, Message, encode, split_headers

RECORDING = Path(__file__).parents[1] / "data/busy-22.bin.xz"


def feed(chunks: Iterable[bytes], **options: bool | int | None) -> tuple[list[str], Framer]:
    framer = Framer(banner=False, **options)  # type: ignore[arg-type]
    texts = [text for chunk in chunks for text in framer.feed(chunk)]
    return texts, framer


def plain_reader(data: bytes) -> list[list[bytes]]:
    """Lines end at LF less one CR, a blank line ends a message, and the last incomplete one is not there."""
    messages: list[list[bytes]] = [[]]
    for line in data.split(b"\n")[:-1]:
        line = line[:-1] if line.endswith(b"\r") else line
        if line:
            messages[-1].append(line)
        elif messages[-1]:
            messages.append([])
    return messages[:-1]


def lines_of(text: str) -> list[bytes]:
    raw = text.encode("utf-8", "surrogateescape").split(b"\n")
    return [line[:-1] if line.endswith(b"\r") else line for line in raw]


soup = st.lists(
    st.tuples(
        st.sampled_from(
            [
                b"",
                b"",
                b"Event: Hangup",
                b"Response: Success",
                b"Key: value",
                b"Key:",
                b": odd",
                b"no colon",
                b"a\rb",
                b"\xff: \xfe",
            ]
        )
        | st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")),
        st.sampled_from([b"\r\n", b"\r\n", b"\n"]),
    ).map(b"".join),
    max_size=30,
).map(b"".join)


@given(soup, st.data())
@settings(max_examples=400, deadline=None)
def test_any_chunks_give_what_a_plain_reader_reads(data: bytes, draw: st.DataObject) -> None:
    """However the bytes are cut, the messages are those that a line-by-line reader finds."""
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    chunks = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    expected = plain_reader(data)
    for way in (chunks, [data], [data[n : n + 1] for n in range(len(data))]):
        texts, framer = feed(way)
        assert framer.error is None
        assert [lines_of(text) for text in texts] == expected


@given(st.lists(st.binary(max_size=40), max_size=20), st.sampled_from([None, 10, 1000]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(chunks: list[bytes], limit: int | None) -> None:
    """Arbitrary bytes give messages or a recorded ProtocolError, whole and byte by byte alike, and nothing else."""
    whole = b"".join(chunks)
    results = []
    for way in ([whole], chunks, [whole[n : n + 1] for n in range(len(whole))]):
        texts, framer = feed(way, max_frame_size=limit)
        assert framer.error is None or isinstance(framer.error, ProtocolError)
        for text in texts:
            Message(text).to_dict()
        results.append((texts, framer.error is None))
    assert results[0] == results[1] == results[2]


values = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=50).filter(
    lambda value: not value.startswith((" ", "\t"))
)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_()/. -]{0,20}[A-Za-z0-9)]", fullmatch=True).filter(
    lambda name: not name.startswith("ChanVariable(") and not name.lower().startswith("response")
)


@given(st.lists(st.tuples(names, values), min_size=1, max_size=20))
def test_what_is_encoded_is_decoded_to_the_same(headers: list[tuple[str, str]]) -> None:
    """Names and values without leading blanks survive the round trip."""
    texts, framer = feed([encode(headers)])
    assert len(texts) == 1
    assert Message(texts[0]).headers == tuple(headers)
    assert framer.buffered == 0


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
def test_breaks_are_refused(character: str) -> None:
    """CR, LF and NUL in a name or a value are refused by naming the header, and the value is not shown."""
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
        texts, framer = feed((data[n : n + size] for n in range(0, len(data), size)), max_frame_size=len(fits) - 1)
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


def plain_headers(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    headers = []
    for line in lines:
        found = re.fullmatch(rb"(ChanVariable\(.*?\)|[^:]*): ?(.*)", line, re.DOTALL)
        assert found is not None
        headers.append((found[1], found[2]))
    return headers


@pytest.mark.parametrize("size", [262_144, 65_537, 1_460])
def test_the_recording_is_read_whole(size: int) -> None:
    """Twelve megabytes of a busy server: no message is lost, and every header is that of a plain reader."""
    data = recorded()
    banner, _, rest = data.partition(b"\r\n")
    framer = Framer()
    texts = [text for n in range(0, len(data), size) for text in framer.feed(data[n : n + size])]
    assert framer.error is None
    assert framer.banner == banner.decode()
    expected = plain_reader(rest)
    assert len(texts) == len(expected) > 25_000
    if size != 262_144:
        assert [lines_of(text) for text in texts] == expected
        return
    for text, lines in zip(texts, expected, strict=True):
        headers, unparsed = split_headers(text)
        assert not unparsed
        found = [tuple(part.encode("utf-8", "surrogateescape") for part in header) for header in headers]
        assert found == plain_headers(lines)


def test_a_header_is_found_as_if_all_were_read() -> None:
    """For every header of the recording, the quick way of an event finds what reading all of them finds."""
    framer = Framer()
    for text in framer.feed(recorded())[1::7]:
        event = events.parse(text)
        plain = Message(text)
        for name in {*plain.keys(), "Channel", "uniqueid", "event", "NoSuchHeader", "", " ", "Event: x"}:
            assert event.get(name) == plain.get(name)
            assert event.getall(name) == plain.getall(name)


@given(
    st.lists(
        st.tuples(st.sampled_from(["Key", "key", "KEY", "Kéy", "İ", "Other", "Event", "A(b:c)"]), values), max_size=6
    )
)
def test_an_event_finds_the_first_header_in_any_spelling(headers: list[tuple[str, str]]) -> None:
    """A plain event looks headers up without taking the message apart, and finds what taking it apart finds."""
    text = "\r\n".join(["Event: Foo", *(f"{name}: {value}" for name, value in headers)])
    event, plain = events.parse(text), Message(text)
    for name in ("Key", "kEY", "kéy", "i̇", "İ", "OTHER", "event", "A(b", "A(b:c)", "None"):
        assert event.get(name) == plain.get(name)
