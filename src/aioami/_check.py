"""Checks of the types of arguments: each error names the argument, before anything is done."""

from __future__ import annotations

from sys import float_info
from typing import Final

__all__ = ["check_flag", "check_seconds", "check_text", "check_type", "check_whole_number"]

_LATEST: Final = float_info.max  # which no NaN is below
_SOONEST: Final = -_LATEST


def check_type(name: str, value: object, kinds: tuple[type, ...], words: str) -> None:
    """Check an argument. A bool is a number only where it is named.

    Args:
        name, value: the argument.
        kinds: the classes that it may have.
        words: the same in words, for the error.

    Raises:
        TypeError: it is of another class.
    """
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{name}: expected {words}, not {type(value).__name__}")


def check_text(name: str, value: object) -> None:
    """Check a text."""
    check_type(name, value, (str,), "text")


def check_flag(name: str, value: object) -> None:
    """Check a truth value, as any text would be true."""
    check_type(name, value, (bool,), "True or False")


def check_seconds(name: str, value: object) -> None:
    """Check a time, which may be `None` for no limit.

    Raises:
        ValueError: it is infinite, or no number: among the timers of an event loop such a one would
            stop all others.
    """
    check_type(name, value, (int, float, type(None)), "a number of seconds or None")
    if isinstance(value, (int, float)) and not _SOONEST <= value <= _LATEST:
        given = value if isinstance(value, float) else "so large a number"
        raise ValueError(f"{name}: a number of seconds or None for no limit, not {given}")


def check_whole_number(name: str, value: object) -> None:
    """Check a number, which may be `None` for no limit."""
    check_type(name, value, (int, type(None)), "a whole number or None")
