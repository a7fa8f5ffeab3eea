"""The wire: what the encoder refuses, limits, and a recording. What holds of any bytes is in `test_properties.py`."""

from __future__ import annotations

import lzma
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.fuzz.plain import plain_headers, plain_lines, plain_messages

from aioami import events
from aioami.wire import Framer, Message, encode, split_headers

RECORDING = Path(__file__).parents[1] / "data/busy-22.bin.xz"


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
    assert texts == [message.decode("utf-8", "surrogateescape") for message in messages]
    assert len(texts) > 25_000
    assert framer.buffered == len(rest) - unfinished
    if size == 262_144:
        for text in texts:
            assert split_headers(text) == tuple(map(tuple, plain_headers(plain_lines(text))))


def test_a_header_is_found_as_if_all_were_read() -> None:
    """For every header of the recording, the quick way of an event finds what reading all of them finds."""
    framer = Framer()
    for text in framer.feed(recorded())[1::7]:
        event = events.parse(text)
        plain = Message(text)
        for name in {*plain.keys(), "Channel", "uniqueid", "event", "NoSuchHeader", "", " ", "Event: x"}:
            assert event.get(name) == plain.get(name)
            assert event.getall(name) == plain.getall(name)
