"""Checks of the arguments of a session's methods."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from ..wire.text import Encoding, join
from .commands import Word, encode_word

__all__ = [
    "as_text",
    "check_application",
    "check_name",
    "check_text",
    "digit_count",
    "digits_of",
    "expect_number",
    "joined",
    "milliseconds",
    "places",
]

_DIGITS: Final = frozenset("0123456789*#ABCD")
_MAX_DIGITS: Final = 1023  # the buffer of GET DATA has one more
_MAX_MILLISECONDS: Final = 2**31 - 1


def check_text(field: str, text: str | bytes) -> None:
    """Refuse an argument that is not text, or is empty."""
    if not isinstance(text, (str, bytes)):
        raise TypeError(f"{field}: expected text, not {type(text).__name__}")
    if not text:
        raise ValueError(f"{field}: it is empty")


def as_text(encoding: Encoding, field: str, text: str | bytes) -> str:
    """Return text as it is, and bytes as text that is sent as they are."""
    check_text(field, text)
    return encoding.decode(text) if isinstance(text, bytes) else text


def check_name(field: str, name: str | bytes) -> None:
    """Refuse an argument that is not the bare name of a variable, as `${EXTEN}`."""
    check_text(field, name)
    begin, end = (b"${", b"}") if isinstance(name, bytes) else ("${", "}")
    if name.startswith(begin) and name.endswith(end):  # type: ignore[arg-type]
        raise ValueError(f"{field}: without ${{ and }}, as 'EXTEN'; evaluate() replaces them")


def check_application(field: str, name: str) -> None:
    """Refuse an argument that is not the bare name of an application, as `Playback(beep)`."""
    check_text(field, name)
    if "(" in name:
        raise ValueError(f"{field}: its name alone, and its arguments behind it, not {name!r:.60}")


def digits_of(field: str, text: str) -> str:
    """Return telephone digits in capitals, as Asterisk compares them.

    Raises:
        ValueError: a character is no digit of a telephone.
    """
    digits = text.upper()
    if not set(digits) <= _DIGITS:
        raise ValueError(f"{field}: digits are 0 to 9, *, # and A to D, not {text!r}")
    return digits


def digit_count(digits: int) -> None:
    """Refuse a number of digits that GET DATA cannot hold."""
    expect_number("digits", digits, 1, _MAX_DIGITS)


def expect_number(field: str, number: int, least: int, most: int) -> None:
    """Refuse an argument that is not a whole number within limits."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{field}: expected a whole number, not {type(number).__name__}")
    if not least <= number <= most:
        raise ValueError(f"{field}: from {least} to {most}, not {number}")


def milliseconds(field: str, seconds: float) -> int:
    """Return seconds as milliseconds, Asterisk's unit, rounded up.

    Raises:
        ValueError: the number is negative, or over 24 days.
        TypeError: it is no number.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{field}: expected seconds, not {type(seconds).__name__}")
    if not 0 <= seconds <= _MAX_MILLISECONDS / 1000:
        raise ValueError(f"{field}: from 0 to {_MAX_MILLISECONDS / 1000} seconds, not {seconds}")
    return math.ceil(round(seconds * 1000, 6))


def joined(encoding: Encoding, separator: str, words: Iterable[Word]) -> bytes:
    """Join words with a separator to one word."""
    fields = ((f"argument {number}", word) for number, word in enumerate(words, 1))
    return separator.encode().join(encode_word(word, field, encoding) for field, word in fields)


def places(context: str, exten: str, priority: int | str) -> str:
    """Return a place in the dialplan as one word, `context,exten,priority`.

    Raises:
        ValueError: a part is empty, or has a comma.
        TypeError: the priority is neither a number nor a label.
    """
    if isinstance(priority, bool) or not isinstance(priority, (int, str)):
        kind = type(priority).__name__
        raise TypeError(f"priority: expected a number or a label, not {kind}")
    label = priority if isinstance(priority, str) else str(priority)
    parts = {"context": context, "exten": exten, "priority": label}
    for field, part in parts.items():
        if not part or "," in part:
            raise ValueError(f"{field}: it is empty, or has a comma")
    return join(parts.values(), ",")
