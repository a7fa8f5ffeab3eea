"""Checks of the types of arguments. Each error names the argument."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from sys import float_info
from typing import Any, Final

__all__ = [
    "check_callable",
    "check_characters",
    "check_flag",
    "check_manager",
    "check_path",
    "check_seconds",
    "check_several",
    "check_takes_one",
    "check_text",
    "check_type",
    "check_whole_number",
]

_LATEST: Final = float_info.max  # a comparison with it also refuses NaN
_SOONEST: Final = -_LATEST


def check_type(name: str, value: object, kinds: tuple[type, ...], words: str) -> None:
    """Check the class of an argument. A bool counts as an int only if `kinds` has `bool`.

    Args:
        name, value: the argument.
        kinds: the classes that it may have.
        words: these classes in words, for the error.

    Raises:
        TypeError: the argument is of another class.
    """
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{name}: expected {words}, not {type(value).__name__}")


def check_text(name: str, value: object) -> None:
    """Check that an argument is text."""
    check_type(name, value, (str,), "text")


def check_characters(name: str, text: str) -> None:
    """Refuse half of a surrogate pair, where no bytes can be sent.

    Raises:
        ValueError: there is one.
    """
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValueError(f"{name}: half of a surrogate pair is no character")


def check_flag(name: str, value: object) -> None:
    """Check that an argument is a bool: any text, such as `"no"`, would count as true."""
    check_type(name, value, (bool,), "True or False")


def check_seconds(name: str, value: object) -> None:
    """Check a time in seconds, which may be `None` for no limit.

    Raises:
        TypeError: it is no number and not `None`.
        ValueError: it is infinite, NaN, or too large for a float. Such a timer would stop all
            others of its event loop.
    """
    check_type(name, value, (int, float, type(None)), "a number of seconds or None")
    if isinstance(value, (int, float)) and not _SOONEST <= value <= _LATEST:
        given = value if isinstance(value, float) else "so large a number"
        raise ValueError(f"{name}: a number of seconds or None for no limit, not {given}")


def check_whole_number(name: str, value: object) -> None:
    """Check a whole number, which may be `None` for no limit."""
    check_type(name, value, (int, type(None)), "a whole number or None")


def check_callable(name: str, value: object) -> None:
    """Check that an argument can be called."""
    if not callable(value):
        raise TypeError(f"{name}: expected a function, not {type(value).__name__}")


def check_takes_one(name: str, function: object, what: str) -> None:
    """Check that a function can be called with one argument.

    Args:
        name, function: the argument with the function.
        what: the one thing that the function is called with, for the error: `the event`.

    Raises:
        TypeError: it cannot be called, or not with one argument.
    """
    check_callable(name, function)
    import inspect  # here, so that importing the library is quick

    try:
        signature = inspect.signature(function)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return  # some functions that are written in C show no signature
    try:
        signature.bind(None)
    except TypeError as error:
        called = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name}: {called} is called with {what} alone: {error}") from None


def check_path(name: str, value: object) -> None:
    """Check the path of a file or a directory."""
    check_type(name, value, (str, os.PathLike), "a path")


def check_several(name: str, value: object, words: str) -> tuple[Any, ...]:
    """Check that an argument is a sequence, and return its items.

    Args:
        name, value: the argument.
        words: the plural of its items, for the error: `names`.

    Raises:
        TypeError: it is no sequence, or it is a single text or a mapping.
    """
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name}: expected a sequence of {words}, not one text")
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise TypeError(f"{name}: expected a sequence of {words}, not {type(value).__name__}")
    return tuple(value)


def check_manager(name: str, value: object) -> None:
    """Check that an argument is a manager of any kind, but not one that blocks.

    Raises:
        TypeError: it is no manager, or a `BlockingManager`.
    """
    if not all(callable(getattr(value, each, None)) for each in ("send", "events")):
        raise TypeError(f"{name}: expected a manager, not {type(value).__name__}")
    if hasattr(type(value), "run") and not hasattr(type(value), "__aenter__"):
        raise TypeError(
            f"{name}: what works in the event loop takes the `manager` of a BlockingManager, in a "
            "coroutine that its `run()` awaits"
        )
