"""Typed attributes over the headers of events and responses, and the one rule that names them.

A field is declared once, with the header's spelling on the wire. Each access reads the message::

    class Hangup(ChannelEvent):
        cause = Integer("Cause")
        cause_txt = Text("Cause-txt")

A header that is absent gives `None`, and so does text that does not convert; the mapping still has
the text.
"""

from __future__ import annotations

import copy
import keyword
import re
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, Union, overload

from .wire import Message
from .wire.text import Received, encoding_of, unescape

if TYPE_CHECKING:
    from datetime import datetime

    from .enums import Code, Word

__all__ = [
    "Boolean",
    "ChannelVariables",
    "DateTime",
    "Duration",
    "Enumeration",
    "Escaped",
    "EscapedVariables",
    "Field",
    "Identifier",
    "Integer",
    "Milliseconds",
    "Nested",
    "Number",
    "Numbered",
    "PercentEncoded",
    "Seconds",
    "Separated",
    "Text",
    "Texts",
    "Timestamp",
    "Values",
    "View",
    "as_dict",
    "attribute_name",
    "fields_of",
    "values_of",
]

T = TypeVar("T")
FieldT = TypeVar("FieldT", bound="Field[Any]")
EnumT = TypeVar("EnumT", bound="Union[Code, Word]")
ViewT = TypeVar("ViewT", bound="View")

TRUE: Final = frozenset({"yes", "true", "y", "t", "1", "on", "enabled"})
FALSE: Final = frozenset({"no", "false", "n", "f", "0", "off", "disabled"})
# Longer numbers are not converted: Python refuses to read some thousands of digits, to add some
# hundreds to a time, and to count up to more than 64 bits.
MAX_DIGITS: Final = 18

Values = Literal["text", "typed", "names", "numbers"]
"""The kind of values in a dictionary.

`"text"` is the text as received, and `"typed"` the values of the attributes. `"names"` and
`"numbers"` are those values ready for JSON, with the names of enumerations' members, or with
Asterisk's numbers and words for them.
"""


def whole_number(text: str) -> int | None:
    """The number that stands for itself in digits; `None` for any other text, and a longer one."""
    return int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else None


class Field(Generic[T]):
    """One header, converted on access.

    Args:
        header: the header's name as Asterisk spells it.
    """

    is_flat = False
    """True if this is another name for a field of a nested view."""
    is_alias = False
    """True if this is another name for a field of the same class."""

    def __init__(self, header: str) -> None:
        self.header = header

    def __set_name__(self, owner: type, name: str) -> None:
        if name in _TAKEN and issubclass(owner, Message):
            raise TypeError(
                f"{owner.__name__}.{name}: a field cannot have this name, which every message has"
            )

    @overload
    def __get__(self: FieldT, message: None, owner: type | None = None) -> FieldT: ...
    @overload
    def __get__(self, message: Message | View, owner: type | None = None) -> T | None: ...
    def __get__(self, message: Message | View | None, owner: type | None = None) -> Any:
        if message is None:
            return self
        text = message.find(self.header)
        return None if text is None else self.convert(text)

    def convert(self, text: str) -> T | None:
        """The header's text as a value; `None` if it does not convert."""
        raise NotImplementedError

    def plain(self, value: Any, values: Values) -> Any:
        """A value of the field in a form that is ready for JSON."""
        return value

    def __set__(self, message: Message | View, value: object) -> None:
        raise AttributeError("a message is read-only")

    def alias(self: FieldT) -> FieldT:
        """The same field under another name, such as other messages use for the same thing::

            location = Text("Location")
            interface = location.alias()

        Dictionaries, rows and tables leave the alias out.
        """
        field = copy.copy(self)
        field.is_alias = True
        return field

    def under(self: FieldT, prefix: str) -> FieldT:
        """The same field for the header whose name has a prefix before it."""
        field = copy.copy(self)
        field.header = prefix + self.header
        field.is_flat = True
        return field


class Text(Field[str]):
    """The header's text as received."""

    def convert(self, text: str) -> str:
        return text


class Escaped(Text):
    """Text without the backslashes that Asterisk puts before quotes."""

    def convert(self, text: str) -> str:
        return unescape(text)


class Identifier(Text):
    """A name or an id that actions take as an argument.

    Bytes that are no text are kept, so an action that gets the value sends the same bytes.
    """

    @overload
    def __get__(self: FieldT, message: None, owner: type | None = None) -> FieldT: ...
    @overload
    def __get__(self, message: Message | View, owner: type | None = None) -> str | None: ...
    def __get__(self, message: Message | View | None, owner: type | None = None) -> Any:
        return self if message is None else identifier(message, self.header)


@overload
def identifier(message: Message | View, header: str) -> str | None: ...
@overload
def identifier(message: Message | View, header: str, default: str) -> str: ...
def identifier(message: Message | View, header: str, default: str | None = None) -> str | None:
    """Return the name or the id in a header, with bytes that are no text kept; see `Identifier`.

    Args:
        message: the message.
        header: the header's name.
        default: returned if there is no such header.
    """
    text = message.find(header)
    if text is None:
        return default
    if text.isascii() and "\\" not in text:
        return text
    received = _text_of(message)
    if not isinstance(received, Received):
        return text
    return received.encoding.decode(message.getbytes(header) or b"")


def _text_of(message: Message | View) -> str:
    while isinstance(message, View):
        message = message._message
    return message.text


class Integer(Field[int]):
    """A whole number."""

    def convert(self, text: str) -> int | None:
        try:
            is_number = text.isascii() and "_" not in text and len(text) <= MAX_DIGITS
            return int(text) if is_number else None
        except ValueError:
            return None


class Number(Field[float]):
    """A number that may have a fraction."""

    def convert(self, text: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            return None
        return value if isfinite(value) and text.isascii() and "_" not in text else None


class Boolean(Field[bool]):
    """A bool, in any spelling: Yes/No, true/false, Y/N, 1/0, On/Off, Enabled/Disabled."""

    def convert(self, text: str) -> bool | None:
        word = text.strip().lower()
        return True if word in TRUE else False if word in FALSE else None


class Seconds(Integer):
    """A time in whole seconds."""


class Milliseconds(Integer):
    """A time in whole milliseconds."""


class Duration(Field[int]):
    """A duration in seconds, written as hours:minutes:seconds, minutes:seconds, or seconds."""

    def convert(self, text: str) -> int | None:
        if text.count(":") > 2:
            return None
        seconds = 0
        for part in text.split(":"):
            number = whole_number(part)
            if number is None:
                return None
            seconds = seconds * 60 + number
        return seconds


class Timestamp(Field[float]):
    """A moment in seconds since 1970; Asterisk writes the seconds, or a date with a UTC offset."""

    def convert(self, text: str) -> float | None:
        if "T" not in text:
            return Number.convert(self, text)  # type: ignore[arg-type]
        from datetime import datetime

        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
        except (ValueError, OverflowError):
            return None


class DateTime(Field["datetime"]):
    """A date and a time of day, as `2026-03-29 01:59:58`: a `datetime` without a time zone.

    Asterisk writes them in the server's time zone, or in UTC if its configuration says so.
    """

    def convert(self, text: str) -> datetime | None:
        from datetime import datetime

        for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"):
            try:
                return datetime.strptime(text.strip(), form)
            except ValueError:
                continue
        return None

    def plain(self, value: Any, values: Values) -> Any:
        return value if value is None else value.isoformat(sep=" ")


class Enumeration(Field[EnumT]):
    """A member of an enumeration, from its number or one of its words.

    An unknown number, or an unknown word of a `Word`, gives a member too.

    Args:
        header: the header's name as Asterisk spells it.
        kind: the enumeration.
    """

    def __init__(self, header: str, kind: type[EnumT]) -> None:
        super().__init__(header)
        self.kind = kind

    def convert(self, text: str) -> EnumT | None:
        if issubclass(self.kind, str):
            return self.kind(text.strip()) if text.strip() else None  # type: ignore[return-value]
        number = text.strip()
        if number.removeprefix("-").isdecimal():
            return None if len(number) > MAX_DIGITS else self.kind(int(number))
        try:
            return self.kind(number)  # type: ignore[arg-type]
        except ValueError:
            return None

    def plain(self, value: Any, values: Values) -> Any:
        return value if value is None else value.value if values == "numbers" else value.name


class PercentEncoded(Field[str]):
    """Text that Asterisk percent-encodes; a `+` in it stands for itself, not for a blank."""

    @overload
    def __get__(self: FieldT, message: None, owner: type | None = None) -> FieldT: ...
    @overload
    def __get__(self, message: Message | View, owner: type | None = None) -> str | None: ...
    def __get__(self, message: Message | View | None, owner: type | None = None) -> Any:
        if message is None:
            return self
        from urllib.parse import unquote_to_bytes

        data = message.getbytes(self.header)
        if data is None:
            return None
        return encoding_of(_text_of(message)).decode(unquote_to_bytes(data))


class Texts(Field[list[str]]):
    """All texts of a header that may be repeated, in order; empty without the header."""

    @overload
    def __get__(self: FieldT, message: None, owner: type | None = None) -> FieldT: ...
    @overload
    def __get__(self, message: Message | View, owner: type | None = None) -> list[str]: ...
    def __get__(self, message: Message | View | None, owner: type | None = None) -> Any:
        if message is None:
            return self
        wanted = self.header.lower()
        return [value for name, value in message.headers if name.lower() == wanted]


class Separated(Texts):
    """A list of texts in one header, or in several, with a separator between or behind the texts.

    Args:
        header: the header's name as Asterisk spells it.
        separator: a regular expression for the separator.
    """

    def __init__(self, header: str, separator: str = ",") -> None:
        super().__init__(header)
        self._between = re.compile(separator)

    @overload
    def __get__(self: FieldT, message: None, owner: type | None = None) -> FieldT: ...
    @overload
    def __get__(self, message: Message | View, owner: type | None = None) -> list[str]: ...
    def __get__(self, message: Message | View | None, owner: type | None = None) -> Any:
        if message is None:
            return self
        lists: list[str] = super().__get__(message, owner)
        return [part for text in lists for part in self.split(text)]

    def split(self, text: str) -> list[str]:
        """The texts in one header."""
        parts = self._between.split(text.strip().rstrip(","))
        return [part.strip() for part in parts if part.strip()]


class ChannelVariables(Field[dict[str, str]]):
    """Channel variables, one `name=value` header each; manager.conf's `channelvars` selects them.

    Some events put the channel's name into the header:
    `ChanVariable(PJSIP/1-00000001): name=value`.
    """

    @overload
    def __get__(self: FieldT, message: None, owner: type | None = None) -> FieldT: ...
    @overload
    def __get__(self, message: Message | View, owner: type | None = None) -> dict[str, str]: ...
    def __get__(self, message: Message | View | None, owner: type | None = None) -> Any:
        if message is None:
            return self
        wanted = self.header.lower()
        pairs = [
            value.partition("=")
            for name, value in message.headers
            if name.lower().partition("(")[0] == wanted
        ]
        return {name: self.value(value) for name, _, value in pairs}

    def value(self, text: str) -> str:
        """The value of a variable, from the text behind the equals sign."""
        return text


class EscapedVariables(ChannelVariables):
    """Channel variables without the backslashes that Asterisk puts before quotes."""

    def value(self, text: str) -> str:
        return unescape(text)


class View:
    """The headers of a message that begin with a prefix, with typed attributes.

    It is false if the message has no such header.
    """

    __slots__ = ("_message", "_prefix")

    def __init__(self, message: Message | View, prefix: str) -> None:
        self._message = message
        self._prefix = prefix

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers, with their names without the prefix."""
        start, prefix = len(self._prefix), self._prefix.lower()
        own = {field.header.lower() for field in fields_of(type(self)).values()}
        return tuple(
            (name[start:], text)
            for name, text in self._message.headers
            if name.lower().startswith(prefix) and name[start:].lower().partition("(")[0] in own
        )

    def to_dict(
        self, *, attributes: bool = False, typed: bool = False, numbers: bool = False
    ) -> dict[str, Any]:
        """A plain dictionary, as `Event.to_dict` makes it."""
        return as_dict(self.headers, self, attributes=attributes, values=values_of(typed, numbers))

    def find(self, name: str) -> str | None:
        return self._message.find(self._prefix + name)

    def getbytes(self, name: str) -> bytes | None:
        """The bytes of a header, named without the prefix; `None` if there is none."""
        return self._message.getbytes(self._prefix + name)

    def __bool__(self) -> bool:
        return bool(self.headers)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.headers == other.headers

    def __hash__(self) -> int:
        return hash(self.headers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._message!r} under {self._prefix!r}>"


class Nested(Generic[ViewT]):
    """A group of headers under a prefix, declared once: `dest = Nested(Channel, "Dest")`.

    `event.dest.channel` is the header `DestChannel`. At run time `event.dest_channel` works too;
    type checkers know only the view.
    """

    def __init__(self, view: type[ViewT], prefix: str) -> None:
        self.view = view
        self.prefix = prefix

    def __set_name__(self, owner: type, name: str) -> None:
        for field in fields_of(self.view).values():
            flat = field.under(self.prefix)
            setattr(owner, attribute_name(flat.header), flat)

    @overload
    def __get__(self, message: None, owner: type | None = None) -> Nested[ViewT]: ...
    @overload
    def __get__(self, message: Message, owner: type | None = None) -> ViewT: ...
    def __get__(self, message: Message | None, owner: type | None = None) -> Any:
        return self if message is None else self.view(message, self.prefix)

    def __set__(self, message: Message, value: object) -> None:
        raise AttributeError("a message is read-only")


class Numbered(Generic[ViewT]):
    """A list of views on groups of headers that are numbered from 0.

    Args:
        view: the class of each group.
        prefix: the beginning of the headers' names, with `{}` for the number.
    """

    def __init__(self, view: type[ViewT], prefix: str) -> None:
        if "{}" not in prefix:
            raise ValueError(f"{prefix!r} has no place for the number")
        self.view = view
        self.prefix = prefix

    @overload
    def __get__(self, message: None, owner: type | None = None) -> Numbered[ViewT]: ...
    @overload
    def __get__(self, message: Message, owner: type | None = None) -> list[ViewT]: ...
    def __get__(self, message: Message | None, owner: type | None = None) -> Any:
        return self if message is None else list(self._views(message))

    def _views(self, message: Message) -> Iterator[ViewT]:
        # Each name is looked at only once: a search for each number would take quadratic time.
        own = "|".join(re.escape(field.header) for field in fields_of(self.view).values())
        before, after = map(re.escape, self.prefix.split("{}"))
        match = re.compile(
            rf"{before}(0|[1-9][0-9]*){after}(?:{own})(?:\(.*)?", re.IGNORECASE
        ).fullmatch
        numbers = {found[1] for found in map(match, message) if found is not None}
        for number in range(len(numbers)):
            if str(number) not in numbers:
                return
            yield self.view(message, self.prefix.format(number))

    def __set__(self, message: Message, value: object) -> None:
        raise AttributeError("a message is read-only")


_fields: Final[dict[type, dict[str, Field[Any]]]] = {}


def fields_of(owner: type) -> dict[str, Field[Any]]:
    """Return the fields of a class by attribute, in the order of declaration, without aliases.

    Args:
        owner: the class of an event, a response or a view.
    """
    found = _fields.get(owner)
    if found is None:
        found = {}
        for base in reversed(owner.__mro__):
            found.update(
                {
                    name: field
                    for name, field in vars(base).items()
                    if isinstance(field, Field) and not field.is_alias
                }
            )
        _fields[owner] = found
    return found


def values_of(typed: bool, numbers: bool) -> Values:
    """Convert the arguments of `to_dict` to the kind of values in the dictionary.

    Raises:
        ValueError: `numbers` without `typed`.
    """
    if numbers and not typed:
        raise ValueError("numbers: only with typed=True; otherwise all values are text")
    return "numbers" if numbers else "names" if typed else "text"


def as_dict(
    headers: tuple[tuple[str, str], ...],
    owner: Message | View,
    *,
    attributes: bool,
    values: Values,
) -> dict[str, Any]:
    """A plain dictionary of headers: each name once, repeated headers as a list of their values.

    Args:
        headers: the names and texts of the headers.
        owner: the message or view with the fields.
        attributes: `True` for the names of attributes as keys, instead of headers' names.
        values: the kind of values. A field that gives one value gives that of the first of repeated
            headers. Headers without a field stay text.
    """
    fields = {field.header.lower(): (name, field) for name, field in fields_of(type(owner)).items()}
    keys: dict[str, str] = {}
    found: dict[str, Any] = {}
    for header, text in headers:
        known = fields.get(header.lower())
        if known is None and isinstance(
            (fields.get(header.lower().partition("(")[0]) or ("", None))[1], ChannelVariables
        ):
            known = fields[header.lower().partition("(")[0]]
        if known is not None and values != "text":
            name, field = known
            value = field.__get__(owner)
            found[name if attributes else keys.setdefault(field.header, header)] = (
                value if values == "typed" else field.plain(value, values)
            )
            continue
        lower = header.lower()
        key = keys.get(lower)
        if key is None:
            key = header
            if attributes:
                key = known[0] if known is not None else attribute_name(header)
            keys[lower] = key
        if key in found:
            found[key] = [*found[key], text] if isinstance(found[key], list) else [found[key], text]
        else:
            found[key] = text
    return found


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
    "IPaddress": "IpAddress",
    "IPport": "IpPort",
    "AMIversion": "AmiVersion",
    "CDRenabled": "CdrEnabled",
    "HTTPenabled": "HttpEnabled",
    "FAXes": "Faxes",
    "Qualify2xx": "Qualify_2xx",
    "CallerIdton": "CallerIdTon",
    "ConnectedIDton": "ConnectedIdTon",
    "CID": "Cid",
    "MoH": "Moh",
    "URLs": "Urls",
    "DNSmanager": "DnsManager",
    "MWIblink": "MwiBlink",
    "AMAflags": "AmaFlags",
    "JID": "Jid",
    "MD5": "Md5",
    "ID": "Id",
}
_TAKEN: Final = frozenset(dir(Message)) | {
    "name",
    "server",
    "events",
    "data",
    "action",
    "message",
    "success",
    "outcome",
}


def attribute_name(header: str) -> str:
    """The name of the attribute, or of the keyword parameter, for a header.

    It is the header in snake_case. A name that is taken, or a Python keyword, gets a trailing
    underscore. A name that begins with a digit gets a leading one.

    >>> [attribute_name(header) for header in ("CallerIDNum", "Cause-txt", "Async", "Name")]
    ['caller_id_num', 'cause_txt', 'async_', 'name_']
    """
    for spelling, single in _SPELLINGS.items():
        header = header.replace(spelling, single)
    name = "_".join(_WORDS.findall(header)).lower()
    if name[:1].isdigit():
        return f"_{name}"
    return f"{name}_" if name in _TAKEN or keyword.iskeyword(name) else name
