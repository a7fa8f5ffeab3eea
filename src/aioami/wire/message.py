"""A message as received: an ordered, case-insensitive, read-only view of its lines."""

from __future__ import annotations

import re
from abc import ABCMeta
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Any, ClassVar, Final, Literal, TypeVar, cast, overload

from .headers import FINDERS, FIRST_LINES, head_of, split_headers
from .layouts import Layouts
from .redaction import show_header
from .text import bytes_of, join, split

__all__ = ["Message"]

T = TypeVar("T")

_MARKER: Final = "--END COMMAND--"
_OF_A_PROXY: Final = re.compile(f"(?<={_MARKER})\r?\nServer: [^\n]*\\Z")
_SHOWN_HEADERS: Final = 8


class _Slotted(ABCMeta):
    """Gives each class of messages empty `__slots__`, so that instances store nothing else."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **kwargs: Any
    ) -> _Slotted:
        body.setdefault("__slots__", ())
        return super().__new__(mcs, name, bases, body, **kwargs)


class Message(Mapping[str, str], metaclass=_Slotted):
    """A read-only mapping over the headers of one message.

    Lookup ignores case and gives the first of repeated headers; `getall` gives all of them.
    Iteration, `keys()`, `values()`, `items()` and `len()` include every header as received, also
    repeated ones. The values are the text as received.

    Args:
        text: the message's lines, as `Framer.feed` returns them.
    """

    __slots__ = ("__weakref__", "_lines", "_output", "_parsed")

    _layouts: ClassVar = Layouts()
    _event: ClassVar[str] = ""
    """The event's name if the message begins with `_opening`, the usual first line."""
    _opening: ClassVar[str] = "Event: \r\n"

    _lines: str  # the lines with headers, in the form for `FINDERS`
    _output: str  # the raw output behind them, which few messages have
    _parsed: tuple[tuple[str, ...], tuple[str, ...]] | None  # most messages are never split

    def __init__(self, text: str) -> None:
        self._parsed = None
        # Nearly all replies sort between these two. Comparing takes half as long as `startswith`.
        if "Response: G" <= text < "Response:!":
            self._lines = text
            return
        head, *output = split(text, _head_and_output)
        if output:
            self._output = output[0]
        self._lines = head if head.startswith(FIRST_LINES) else join(("\n", head))

    @property
    def _head(self) -> str:
        return self._lines.removeprefix("\n")

    @property
    def text(self) -> str:
        """The message as received, without the blank line at its end.

        A message that is made from this text has the same bytes.
        """
        lines, output = self._lines, getattr(self, "_output", "")
        # The usual case is quick, because a relay reads the text of each event.
        if type(lines) is str and not output:
            return lines.removeprefix("\n").removesuffix("\r")
        (text,) = split(join((lines, output)), _without_ends)
        return text

    def __bytes__(self) -> bytes:
        """The bytes of the message as received, without the blank line at its end."""
        return bytes_of(self.text)

    @property
    def kind(self) -> Literal["response", "event", "other"]:
        """The kind of message, according to its first line.

        Later lines do not count: an OriginateResponse event has a `Response` header too.
        """
        first = self._head.partition(":")[0].lower()
        return (
            cast("Literal['response', 'event']", first)
            if first in ("response", "event")
            else "other"
        )

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """All headers as received, with their order, spelling and repetitions."""
        return tuple(zip(*self._names_and_values(), strict=True))

    def _names_and_values(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        parsed = self._parsed
        if parsed is None:
            parsed = self._layouts.split(self._lines)
            if parsed is None:
                names, values, unparsed = split_headers(self._head)
                if not unparsed:
                    self._layouts.learn(self._lines, names)
                parsed = names, values
            self._parsed = parsed
        return parsed

    @property
    def unparsed(self) -> tuple[str, ...]:
        """The lines that are no headers, in their order."""
        return split_headers(self._head)[2]

    @property
    def output(self) -> tuple[str, ...]:
        """The lines of a CLI command's output, in either of the two forms that servers use.

        A line that a proxy adds after the output is only in the `text`.
        """
        output: str | None = getattr(self, "_output", None)
        if output is None:
            return tuple(self.getall("Output"))
        text = _OF_A_PROXY.sub("", output.removeprefix("\r").removeprefix("\n"))
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        lines[-1] = lines[-1].removesuffix(_MARKER)  # last: a CR before the marker ends no line
        if not lines[-1]:
            lines.pop()
        return tuple(lines)

    def to_dict(self) -> dict[str, str | list[str]]:
        """Return a plain dictionary: names in their first spelling, repeated headers as a list."""
        spelling: dict[str, str] = {}
        values: dict[str, list[str]] = {}
        for name, value in self.headers:
            values.setdefault(spelling.setdefault(name.lower(), name), []).append(value)
        return {name: found[0] if len(found) == 1 else found for name, found in values.items()}

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | T) -> str | T: ...
    def get(self, key: str, /, default: object = None) -> object:
        """Return the first header of a name, ignoring case; `default` if there is none."""
        found = FINDERS[key](self._lines)
        if found is None:
            return default
        value = found[1]
        return found[2].removesuffix("\r") if value is None else value

    find = get
    """The same, but always the text as received; in some classes `get` returns typed values."""

    def __getitem__(self, name: str) -> str:
        # This header begins nearly every event and is read most; a search would cost three times as
        # much.
        if name == "Event" and self._lines.startswith(self._opening):
            return self._event
        found = FINDERS[name](self._lines)  # like `get`, a call of which would cost a third more
        if found is None:
            raise KeyError(name)
        value = found[1]
        return found[2].removesuffix("\r") if value is None else value

    def getall(self, name: str) -> list[str]:
        """Return the texts of all headers of a name, in order; empty if there is none."""
        wanted = name.lower()
        pairs = zip(*self._names_and_values())  # noqa: B905 - as many of each
        return [value for key, value in pairs if key.lower() == wanted]

    @overload
    def getbytes(self, name: str, /) -> bytes | None: ...
    @overload
    def getbytes(self, name: str, /, default: bytes | T) -> bytes | T: ...
    def getbytes(self, name: str, /, default: object = None) -> object:
        """Return the bytes of the first header of a name, ignoring case; `default` without one.

        They are the bytes as received, whatever the text shows; so an action with these bytes
        refers to the same channel. For a message made from a plain text they are its UTF-8 bytes.
        """
        wanted = name.lower()
        for place, key in enumerate(self._names_and_values()[0]):
            if key.lower() == wanted:
                # The text and its bytes split only at ASCII characters, so into the same parts.
                return bytes_of(split(self._lines, _values_of)[place])
        return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.find(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names_and_values()[0])

    def __len__(self) -> int:
        return len(self._names_and_values()[0])

    def values(self) -> ValuesView[str]:
        """Return the texts of all headers, in order."""
        return _Values(self)

    def items(self) -> ItemsView[str, str]:
        """Return all headers as pairs, in order."""
        return _Items(self)

    def __eq__(self, other: object) -> bool:
        return (
            self._names_and_values() == other._names_and_values()
            if isinstance(other, Message)
            else NotImplemented
        )

    def __hash__(self) -> int:
        return hash(self._names_and_values())

    def __repr__(self) -> str:
        headers = " ".join(
            show_header(*header, self.find) for header in self.headers[:_SHOWN_HEADERS]
        )
        more = len(self) - _SHOWN_HEADERS
        return f"<{type(self).__name__} {headers}{f' and {more} more' if more > 0 else ''}>"


def _head_and_output(text: str) -> tuple[str, ...]:
    head = head_of(text)
    return (head, text[len(head) :]) if len(head) < len(text) else (head,)


def _without_ends(lines: str) -> tuple[str]:
    return (lines.removeprefix("\n").removesuffix("\r"),)


def _values_of(lines: str) -> tuple[str, ...]:
    return split_headers(lines)[1]


class _Values(ValuesView[str]):
    __slots__ = ()
    _mapping: Message

    def __iter__(self) -> Iterator[str]:
        return iter(self._mapping._names_and_values()[1])


class _Items(ItemsView[str, str]):
    __slots__ = ()
    _mapping: Message

    def __iter__(self) -> Iterator[tuple[str, str]]:
        names, values = self._mapping._names_and_values()
        # Both have the same length; a check of that would cost as much as five pairs.
        return zip(names, values)  # noqa: B905
