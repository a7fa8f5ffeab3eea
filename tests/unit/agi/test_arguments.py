"""What programs give to the methods of a session: it is checked, and put into Asterisk's units and words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from aioami.agi.arguments import (
    as_text,
    check_application,
    check_name,
    check_text,
    digit_count,
    digits_of,
    expect_number,
    joined,
    milliseconds,
    places,
)
from aioami.wire.text import Encoding

LONGEST = 2147483.647  # seconds
BARE = "without ${ and }, as 'EXTEN'; evaluate() replaces them"


def wrongly(function: Any, *arguments: Any) -> Any:
    """Call a function with what a type checker refuses."""
    return function(*arguments)


@pytest.mark.parametrize(
    ("use", "kind", "sentence"),
    [
        (lambda: check_text("file", ""), ValueError, "file: it is empty"),
        (lambda: check_text("file", b""), ValueError, "file: it is empty"),
        (lambda: wrongly(check_text, "file", 5), TypeError, "file: expected text, not int"),
        (lambda: digits_of("stop", "1x"), ValueError, "stop: digits are 0 to 9, *, # and A to D, not '1x'"),
        (lambda: digits_of("stop", "E"), ValueError, "stop: digits are 0 to 9, *, # and A to D, not 'E'"),
        (lambda: digit_count(0), ValueError, "digits: from 1 to 1023, not 0"),
        (lambda: digit_count(1024), ValueError, "digits: from 1 to 1023, not 1024"),
        (lambda: digit_count(True), TypeError, "digits: expected a whole number, not bool"),
        (lambda: wrongly(expect_number, "n", 1.0, 0, 9), TypeError, "n: expected a whole number, not float"),
        (lambda: expect_number("n", -1, 0, 9), ValueError, "n: from 0 to 9, not -1"),
        (lambda: wrongly(milliseconds, "timeout", "1"), TypeError, "timeout: expected seconds, not str"),
        (lambda: milliseconds("timeout", True), TypeError, "timeout: expected seconds, not bool"),
        (lambda: milliseconds("timeout", -0.1), ValueError, f"timeout: from 0 to {LONGEST} seconds, not -0.1"),
        (lambda: milliseconds("timeout", float("nan")), ValueError, f"timeout: from 0 to {LONGEST} seconds, not nan"),
        (lambda: milliseconds("t", LONGEST + 0.001), ValueError, f"t: from 0 to {LONGEST} seconds, not 2147483.648"),
        (lambda: joined(Encoding("cp1251"), ",", ["a", "\xfc"]), ValueError, "argument 2: it has a character that cp1251 cannot write"),
        (lambda: places("a", "", 1), ValueError, "exten: it is empty, or has a comma"),
        (lambda: places("a,b", "1", 1), ValueError, "context: it is empty, or has a comma"),
        (lambda: places("a", "1", ""), ValueError, "priority: it is empty, or has a comma"),
        (lambda: places("a", "1", True), TypeError, "priority: expected a number or a label, not bool"),
        (lambda: wrongly(places, "a", "1", 1.5), TypeError, "priority: expected a number or a label, not float"),
        (lambda: as_text(Encoding(), "file", b""), ValueError, "file: it is empty"),
        (lambda: wrongly(as_text, Encoding(), "file", 5), TypeError, "file: expected text, not int"),
        (lambda: check_name("name", ""), ValueError, "name: it is empty"),
        (lambda: wrongly(check_name, "name", 5), TypeError, "name: expected text, not int"),
        (lambda: check_name("name", "${EXTEN}"), ValueError, f"name: {BARE}"),
        (lambda: check_name("name", b"${EXTEN}"), ValueError, f"name: {BARE}"),
        (lambda: check_application("application", ""), ValueError, "application: it is empty"),
        (lambda: wrongly(check_application, "application", 5), TypeError, "application: expected text, not int"),
        (lambda: check_application("application", "Playback(beep)"), ValueError, "application: its name alone, and its arguments behind it, not 'Playback(beep)'"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused(use: Callable[[], Any], kind: type[Exception], sentence: str) -> None:
    """The sentence names the argument, and what it may be."""
    with pytest.raises(kind, match=f"^{re.escape(sentence)}$"):
        use()


def test_what_is_right_passes() -> None:
    """Texts of both kinds, and numbers at their bounds."""
    check_text("file", "x")
    check_text("file", b"x")
    digit_count(1)
    digit_count(1023)
    expect_number("n", 0, 0, 9)
    expect_number("n", 9, 0, 9)
    check_application("application", "Playback")


@pytest.mark.parametrize("name", ["EXTEN", b"EXTEN", "CALLERID(num)", "${EXTEN", b"${EXTEN", "A}", b"A}", "DB(a/${B})"])
def test_the_name_of_a_variable(name: str | bytes) -> None:
    """A name may have braces in it, as long as they are not around it."""
    check_name("name", name)


def test_bytes_become_text_that_is_sent_as_they_are() -> None:
    """Text stays as it is, and bytes come out again, whether or not the encoding has them."""
    encoding = Encoding()
    assert as_text(encoding, "file", "gr\xfc\xdfe") == "gr\xfc\xdfe"
    assert as_text(encoding, "file", b"plain") == "plain"
    assert encoding.encode("file", as_text(encoding, "file", b"gr\xfc\xdfe")) == b"gr\xfc\xdfe"


def test_digits_are_in_capitals() -> None:
    """As Asterisk compares them; none are some, too."""
    assert digits_of("stop", "0123456789*#abcD") == "0123456789*#ABCD"
    assert digits_of("stop", "") == ""


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, 0), (1, 1000), (0.001, 1), (0.0001, 1), (0.0015, 2), (0.3, 300), (1.1, 1100), (LONGEST, 2**31 - 1)],
)
def test_seconds_are_milliseconds(seconds: float, expected: int) -> None:
    """Rounded up, as nothing would be no time at all; but for what a float has too much."""
    assert milliseconds("timeout", seconds) == expected


def test_words_are_joined_and_a_place_is_one_word() -> None:
    """Text is encoded, bytes stay, numbers are written, and a place has its three parts in order."""
    assert joined(Encoding("latin-1"), ",", ["\xfc", b"\xff", 5]) == b"\xfc,\xff,5"
    assert joined(Encoding(), "&", []) == b""
    assert places("menu", "100", 1) == "menu,100,1"
    assert places("menu", "s", "start") == "menu,s,start"
