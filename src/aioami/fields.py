"""Typed attributes over the headers of events and responses, and the one rule that names them.

A field is declared once, with the header's spelling on the wire, and reads the message when it is asked:

    class Hangup(ChannelEvent):
        cause = Integer("Cause")
        cause_txt = Text("Cause-txt")

A header that is absent gives `None`, and so does text that does not convert; the text itself stays in the mapping.
"""

from __future__ import annotations

import keyword
import re
from typing import Any, Final, Generic, TypeVar, overload
from urllib.parse import unquote

from .wire import Message

__all__ = [
    "Boolean",
    "ChannelVariables",
    "Duration",
    "Field",
    "Integer",
    "Number",
    "PercentEncoded",
    "Text",
    "attribute_name",
]

T = TypeVar("T")
FieldT = TypeVar("FieldT", bound="Field[Any]")

TRUE: Final = frozenset({"yes", "true", "y", "t", "1", "on", "enabled"})
FALSE: Final = frozenset({"no", "false", "n", "f", "0", "off", "disabled"})
MAX_DIGITS: Final = 18  # of a number that is taken for one; Python refuses to convert some thousands


class Field(Generic[T]):
    """One header, converted on access.

    Args:
        header: the header's name as Asterisk spells it.
    """

    def __init__(self, header: str) -> None:
        self.header = header

    @overload
    def __get__(self: FieldT, message: None, owner: type | None = None) -> FieldT: ...
    @overload
    def __get__(self, message: Message, owner: type | None = None) -> T | None: ...
    def __get__(self, message: Message | None, owner: type | None = None) -> Any:
        if message is None:
            return self
        text = message._first_of(self.header)
        return None if text is None else self.convert(text)

    def convert(self, text: str) -> T | None:
        """The value that the header's text stands for; `None` if it stands for none."""
        raise NotImplementedError

    def __set__(self, message: Message, value: object) -> None:
        raise AttributeError("a message is read-only")


class Text(Field[str]):
    """The header's text as received."""

    def convert(self, text: str) -> str:
        return text


class Integer(Field[int]):
    """A whole number."""

    def convert(self, text: str) -> int | None:
        try:
            return int(text)
        except ValueError:
            return None


class Number(Field[float]):
    """A number that may have a fraction."""

    def convert(self, text: str) -> float | None:
        try:
            return float(text)
        except ValueError:
            return None


class Boolean(Field[bool]):
    """Yes or no, in whichever of Asterisk's spellings: Yes/No, true/false, Y/N, 1/0, On/Off, Enabled/Disabled."""

    def convert(self, text: str) -> bool | None:
        word = text.strip().lower()
        return True if word in TRUE else False if word in FALSE else None


class Duration(Field[int]):
    """A time written as hours:minutes:seconds, in seconds."""

    def convert(self, text: str) -> int | None:
        seconds = 0
        for part in text.split(":"):
            if not part.isdecimal() or len(part) > MAX_DIGITS:
                return None
            seconds = seconds * 60 + int(part)
        return seconds


class PercentEncoded(Field[str]):
    """Text that Asterisk percent-encodes; a literal `+` is a plus."""

    def convert(self, text: str) -> str:
        return unquote(text, errors="surrogateescape")


class ChannelVariables(Field[dict[str, str]]):
    """The channel variables that manager.conf's `channelvars` asks for, one repeated `name=value` header each.

    Some events put the channel's name into the header: `ChanVariable(PJSIP/1-00000001): name=value`.
    """

    def __get__(self, message: Message | None, owner: type | None = None) -> Any:
        if message is None:
            return self
        pairs = [
            value.partition("=")
            for name, value in message.headers
            if name == self.header or name.startswith(self.header + "(")
        ]
        return {name: value for name, _, value in pairs}


_WORDS: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*|[0-9]+[a-z]*")
# Asterisk spells the same word in several ways; each has one form here.
_SPELLINGS: Final = {
    "CallerIDnum": "CallerIdNum",
    "CallerIDname": "CallerIdName",
    "CallerIDani": "CallerIdAni",
    "CallerIDrdnis": "CallerIdRdnis",
    "CallerIDdnid": "CallerIdDnid",
    "CallerID": "CallerId",
    "UniqueID": "Uniqueid",
    "UniqueId": "Uniqueid",
    "LinkedID": "Linkedid",
    "LinkedId": "Linkedid",
    "MusicOnHold": "Musiconhold",
    "IPAddress": "IpAddress",
    "MD5": "Md5",
    "ID": "Id",
}
_TAKEN: Final = frozenset(dir(Message)) | {"name", "events", "data", "action", "message", "success", "outcome"}


def attribute_name(header: str) -> str:
    """The attribute, or the keyword parameter, that stands for a header.

    The header in snake_case; a name that is taken, or a Python keyword, gets a trailing underscore.

    >>> [attribute_name(header) for header in ("CallerIDNum", "BridgeUniqueid", "Cause-txt", "Async", "Name")]
    ['caller_id_num', 'bridge_uniqueid', 'cause_txt', 'async_', 'name_']
    """
    for spelling, single in _SPELLINGS.items():
        header = header.replace(spelling, single)
    name = "_".join(_WORDS.findall(header)).lower()
    return f"{name}_" if name in _TAKEN or keyword.iskeyword(name) else name
