"""Declarations of actions' parameters, which convert arguments to headers.

Example::

    class QueuePenalty(KnownAction[Response]):
        interface: str = header("Interface")
        penalty: int = header("Penalty", whole_number(minimum=0))
        _: KW_ONLY
        queue: str | None = header("Queue", default=None)

A kind is a function from the parameter's name and its value to the header's text. `None` leaves a
header out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Union

from ..wire.text import Received, from_bytes, shown

if TYPE_CHECKING:
    from ..enums import Code
    from .base import KnownAction

__all__ = [
    "REQUIRED",
    "HeaderValue",
    "Parameter",
    "base64",
    "checked",
    "code_of",
    "header",
    "joined",
    "milliseconds",
    "one_of",
    "optional",
    "repeated",
    "seconds",
    "text",
    "text_or_none",
    "true_false",
    "truth",
    "variable",
    "variables",
    "warn_of_seconds",
    "whole_number",
    "yes_no",
]

HeaderValue = Union[str, bytes, int, Iterable[Union[str, bytes, int]], None]
"""A header's value: text, bytes, or a whole number; several of these for a repeated header; `None`
for no header.
"""

Text = Union[str, bytes, bytearray]
"""Text; or bytes, which are sent unchanged, whatever the encoding."""

Kind = Callable[[str, Any], HeaderValue]

REQUIRED: Final = object()
MAX_NUMBER: Final = 2**31 - 1


class Parameter:
    """A parameter of an action, and its header."""

    def __init__(self, header: str, kind: Kind, default: object) -> None:
        self.header = header
        self.kind = kind
        self.default = default
        self.keyword_only = False
        self.annotation: Any = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, action: KnownAction[Any] | None, owner: type | None = None) -> Any:
        return self if action is None else action.given[self.name]

    def __set__(self, action: KnownAction[Any], value: object) -> None:
        raise AttributeError(f"{self.name}: an action is a value, and does not change")

    def encode(self, value: Any) -> list[tuple[str, HeaderValue]]:
        """Return the headers for a value: none for `None`, numbered ones if the name has `{}`."""
        if value is None and self.default is None:
            return []
        sent = self.kind(self.name, value)
        if "{}" in self.header and isinstance(sent, list):
            return [(self.header.format(number), each) for number, each in enumerate(sent)]
        return [(self.header, sent)]


def text(field: str, value: Text | int) -> str:
    """A parameter of text; a whole number becomes text, and bytes are sent unchanged.

    Raises:
        TypeError: the value is none of these.
    """
    if isinstance(value, Received):
        return from_bytes(value.raw)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray)):
        return from_bytes(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{field}: expected text, not {type(value).__name__}")
    return str(int(value))


def header(name: str, kind: Kind = text, *, default: Any = REQUIRED) -> Any:
    """Declare a parameter that becomes a header.

    Args:
        name: the header's name; for several values, `{}` in it is replaced by 0, 1, 2 ...
        kind: the conversion of the value.
        default: the value if the argument is left out; without a default it is required.
    """
    return Parameter(name, kind, default)


def whole_number(minimum: int = -MAX_NUMBER - 1, maximum: int = MAX_NUMBER, unit: str = "") -> Kind:
    """A whole number between limits; by default, those of 32 bits.

    Args:
        minimum, maximum: the smallest and the largest number allowed.
        unit: the unit of the number, for the error.
    """

    def convert(field: str, value: int) -> str:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(
                f"{field}: expected a whole number{unit and f' of {unit}'}, "
                f"not {type(value).__name__}"
            )
        if not minimum <= value <= maximum:
            limits = (
                f"{minimum}{unit and f' {unit}'} or more"
                if maximum == MAX_NUMBER
                else f"{minimum} to {maximum}"
            )
            shown = value if -MAX_NUMBER <= value <= MAX_NUMBER else "a number beyond 32 bits"
            raise ValueError(f"{field}: {limits}, not {shown}")
        return str(int(value))

    return convert


def code_of(kind: type[Code]) -> Kind:
    """An enumeration's number, from 0 to 127, given as a member, its name, or the number."""
    number = whole_number(0, 127)

    def convert(field: str, value: int | str) -> HeaderValue:
        if not isinstance(value, str):
            return number(field, value)
        if value.isascii() and value.isdecimal() and len(value) < 4:
            return number(field, int(value))
        if value.upper() not in kind.__members__:
            raise ValueError(f"{field}: a number, or a name of {kind.__name__}, not {value!r:.60}")
        return str(int(kind[value.upper()]))

    return convert


def seconds(field: str, value: float) -> str:
    """A time in seconds, with fractions.

    Raises:
        ValueError: it is negative, or more than 32 bits can hold.
        TypeError: it is no number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{field}: expected a number of seconds, not {type(value).__name__}")
    if not 0 <= value <= MAX_NUMBER:
        raise ValueError(f"{field}: 0 seconds or more, and no more than 32 bits can hold")
    return f"{value:.6f}".rstrip("0").rstrip(".")


milliseconds: Final = whole_number(minimum=0, unit="milliseconds")
"""A time in whole milliseconds."""


def warn_of_seconds(field: str, value: int, *, stacklevel: int) -> None:
    """Warn of a time in milliseconds that is so short that seconds are probably meant.

    Args:
        field: the parameter.
        value: the time.
        stacklevel: the number of calls between this function and the code that gave the value; 1 is
            the caller of this function.
    """
    if 0 < value < 1000:
        text = f"{field}: it is {value} milliseconds; {value} seconds are {value * 1000}"
        warnings.warn(text, UserWarning, stacklevel=stacklevel + 1)


def optional(field: str, value: Any, kind: Kind = text) -> HeaderValue:
    """Convert a value by a kind; `None` stays `None`."""
    return None if value is None else kind(field, value)


def truth(yes: str, no: str) -> Kind:
    """A bool, in one of Asterisk's spellings.

    Text is refused, because even `"false"` would count as true.
    """

    def convert(field: str, value: bool) -> str:
        if not isinstance(value, bool):
            raise TypeError(f"{field}: expected True or False, not {type(value).__name__}")
        return yes if value else no

    return convert


yes_no: Final = truth("yes", "no")
true_false: Final = truth("true", "false")


class one_of:
    """One of several words, in any letter case.

    Attributes:
        allowed: the words in the spelling to send.
    """

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed
        self._words = {word.lower(): word for word in allowed}

    def __call__(self, field: str, value: str) -> str:
        word = text(field, value)
        known = self._words.get(word.lower())
        return checked(field, word, self.allowed) if known is None else known


def checked(field: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return the value, if it is one of the allowed ones.

    Raises:
        ValueError: it is not; the message names the field and the allowed values.
    """
    if value not in allowed:
        raise ValueError(f"{field}: one of {', '.join(allowed)}, not {value!r:.60}")
    return value


def joined(field: str, value: Text | Iterable[Text | int]) -> str:
    """Several texts, joined by commas; or one text, unchanged.

    Raises:
        TypeError: the value is no text and no sequence of texts.
        ValueError: one of several texts has a comma itself.
    """
    if isinstance(value, (str, bytes, bytearray)):
        return text(field, value)
    parts = repeated(field, value)
    if any("," in part for part in parts):
        raise ValueError(f"{field}: none of several may have a comma")
    return ",".join(parts)


def repeated(field: str, value: Text | Iterable[Text | int]) -> list[str]:
    """One text or several, each in its own header.

    Raises:
        TypeError: the value is no text and no sequence of texts.
    """
    if isinstance(value, (str, bytes, bytearray)):
        return [text(field, value)]
    if isinstance(value, (memoryview, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(
            f"{field}: expected text or a sequence of texts, not {type(value).__name__}"
        )
    return [text(field, part) for part in value]


def variables(
    field: str, value: Mapping[str, Text | int] | Iterable[tuple[str, Text | int]]
) -> list[str]:
    """Variables by name, each in its own header, escaped so that the values arrive unchanged.

    Raises:
        TypeError: the argument is no mapping and no sequence of pairs, or a value is neither text
            nor a whole number.
        ValueError: a name is empty or has a character that would end it.
    """
    if not isinstance(value, Iterable):
        raise TypeError(
            f"{field}: expected a mapping of names to values, not {type(value).__name__}"
        )
    pairs = list(value.items() if isinstance(value, Mapping) else value)
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise TypeError(
            f"{field}: expected a mapping of names to values, not {type(value).__name__}"
        )
    return [variable(name, each) for name, each in pairs]


def text_or_none(field: str, value: Text | int) -> str | None:
    """Convert to text; an empty text leaves the header out."""
    return text(field, value) or None


def base64(field: str, value: str | bytes) -> str:
    """Bytes, which are encoded in Base64; or text that is in Base64 already.

    Raises:
        TypeError: the value is neither.
        ValueError: the text is no Base64.
    """
    from base64 import b64decode, b64encode

    if isinstance(value, (bytes, bytearray)):
        return b64encode(value).decode()
    try:
        b64decode(text(field, value), validate=True)
    except ValueError:
        raise ValueError(f"{field}: it is no Base64") from None
    return value


_ESCAPED: Final = str.maketrans({character: f"\\{character}" for character in '\\,"()[]'})


def variable(name: Text, value: Text | int) -> str:
    """The text of a `Variable` header, escaped so that the value arrives unchanged.

    Raises:
        ValueError: the name is empty or has a character that would end it.
        TypeError: the value is neither text nor a whole number.
    """
    if not isinstance(name, (str, bytes, bytearray)):
        raise TypeError(f"Variable: a name is text, not {type(name).__name__}")
    name = text("Variable", name)
    if (
        not name
        or any(character in name for character in '="\\')
        or ("," in name and "(" not in name)
    ):
        raise ValueError(f"Variable: {shown(name)!r} is no variable's name")
    if isinstance(value, bool) or not isinstance(value, (str, bytes, bytearray, int)):
        raise TypeError(
            f"Variable {shown(name)}: expected text or a whole number, not {type(value).__name__}"
        )
    return f"{name}={text(name, value).translate(_ESCAPED)}"
