"""A message as it came: an ordered, case-insensitive, read-only view over its lines."""

from __future__ import annotations

import re
from abc import ABCMeta
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from itertools import repeat
from typing import Any, Final, Literal, TypeVar, cast, overload

from .redaction import show_header

__all__ = ["Message", "split_headers"]

T = TypeVar("T")

_MARKER: Final = "--END COMMAND--"
_FOLLOWS = re.compile("Response: Follows\r?\n")
_SHOWN_HEADERS: Final = 8


# What messages of one kind mostly look like: their names, and what finds the values in one go. A kind is a class whose
# messages all begin alike, or the first line of a message.
_layouts: Final[dict[object, list[tuple[tuple[str, ...], Callable[[str], re.Match[str] | None]]]]] = {}
_seen: Final[dict[tuple[object, tuple[str, ...]], int]] = {}
_MAX_LAYOUTS: Final = 512  # kinds that have some
_MAX_LAYOUTS_EACH: Final = 8
_MAX_SEEN: Final = 2048
_MAX_FIRST_LINE: Final = 100  # characters; what is longer is no event's name
_WORTH_LEARNING: Final = 16  # times, as an expression takes a millisecond to make


def _learn(kind: object, names: tuple[str, ...]) -> None:
    """Take note of the names of a message of that kind."""
    if len(_seen) >= _MAX_SEEN:
        _seen.clear()
    key = (kind, names)
    count = _seen[key] = _seen.get(key, 0) + 1
    if count != _WORTH_LEARNING or not _is_regular("\n" + "\n".join(names)):
        return
    if len(_layouts) >= _MAX_LAYOUTS:
        _layouts.clear()
    known = _layouts.setdefault(kind, [])
    if len(known) < _MAX_LAYOUTS_EACH:
        # A full stop passes no LF, so that what it finds before CR and LF is a value; the last one may end at CR.
        *lines, last = [f"{re.escape(name)}: " for name in names]
        expression = "".join(f"{line}(.*)\r\n" for line in lines) + f"{last}([^\r\n]*)\r?"
        known.append((names, re.compile(expression).fullmatch))


def _is_regular(names: str) -> bool:
    """Whether names, each behind a line break, are surely what stands before the first colon with a blank in their lines."""
    return ":" not in names and "\n " not in names and "\n\t" not in names and names.count("(") == names.count(")")


def split_headers(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The names of a message's headers, their values, and the lines that are none (no colon, or no name before it).

    The name is what stands before the first colon, except that a channel's name in `ChanVariable(<channel>)` may
    hold colons itself. The value is the rest, less exactly one blank.
    """
    lines = text.split("\r\n")
    if lines[-1][-1:] == "\r":
        lines[-1] = lines[-1][:-1]
    names, colons, values = zip(*map(str.partition, lines, repeat(": ")), strict=True)
    # A name with a colon, a blank or half a parenthesis, and a line that ends in another way, need a closer look.
    whole = "" not in colons and "" not in names and text.count("\n") == len(lines) - 1
    if whole and _is_regular("\n" + "\n".join(names)):
        return names, values, ()
    kept: list[str] = []
    found_values: list[str] = []
    unparsed: list[str] = []
    for line in text.split("\n"):
        if line[-1:] == "\r":
            line = line[:-1]
        name, colon, value = line.partition(":")
        if not colon or not name or name[0] in " \t":
            unparsed.append(line)
            continue
        if name.startswith("ChanVariable("):
            inner, closing, rest = line.partition("): ")
            if closing:
                name, value = inner + ")", " " + rest
        kept.append(name)
        found_values.append(value[1:] if value[:1] == " " else value)
    return tuple(kept), tuple(found_values), tuple(unparsed)


class _Slotted(ABCMeta):
    """Spares each kind of message a line: its instances have no dictionary, as nothing is stored in them."""

    def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **kwargs: Any) -> _Slotted:
        body.setdefault("__slots__", ())
        return super().__new__(mcs, name, bases, body, **kwargs)


class Message(Mapping[str, str], metaclass=_Slotted):
    """A read-only mapping over the headers of one message.

    Lookup ignores case and gives the first of repeated headers; `getall` gives all of them. Iteration, `keys()`,
    `values()`, `items()` and `len()` count every header as it came, repeated ones too.
    The values are the text received.

    Args:
        text: the message's lines, as `Framer.feed` returns them.
    """

    __slots__ = ("__weakref__", "_index", "_parsed", "_text")

    _text: str
    _parsed: tuple[tuple[str, ...], tuple[str, ...]] | None  # most messages are never taken apart
    _index: dict[str, str]  # is not even there until it is needed

    def __init__(self, text: str) -> None:
        self._text = text
        self._parsed = None

    @property
    def text(self) -> str:
        """The message as received, without the blank line at its end."""
        return self._text.removesuffix("\r")

    @property
    def kind(self) -> Literal["response", "event", "other"]:
        """What the first line says this is. An OriginateResponse event has a `Response` header too, further down."""
        first = self._text.partition(":")[0].lower()
        return cast("Literal['response', 'event']", first) if first in ("response", "event") else "other"

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Every header as received, with order, spelling and repetitions kept."""
        return tuple(zip(*self._names_and_values(), strict=True))

    def _names_and_values(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        parsed = self._parsed
        if parsed is not None:
            return parsed
        text, kind = self._text, self._kind_of_layout()
        for names, match in _layouts.get(kind, ()):
            found = match(text)
            if found is not None:
                parsed = self._parsed = (names, found.groups())
                return parsed
        names, values, unparsed = split_headers(self._head() if text.startswith("Response: F") else text)
        if names and not unparsed and kind:
            _learn(kind, names)
        parsed = self._parsed = (names, values)
        return parsed

    def _kind_of_layout(self) -> object:
        """What messages with the same headers have in common; nothing, if this one is not worth a look at its layout."""
        first = self._text.partition("\n")[0]
        return first if len(first) <= _MAX_FIRST_LINE else None

    @property
    def unparsed(self) -> tuple[str, ...]:
        """The lines that are no headers, in their order."""
        return split_headers(self._head())[2]

    @property
    def output(self) -> tuple[str, ...]:
        """The lines of a CLI command's output, whichever of its two forms the server speaks."""
        head = self._head()
        if head is self._text:
            return tuple(self.getall("Output"))
        raw = self._text[len(head) :].removeprefix("\r").removeprefix("\n")
        lines = [line.removesuffix("\r") for line in raw.split("\n")]
        lines[-1] = lines[-1].removesuffix(_MARKER)  # afterwards: a CR before it ends no line
        if not lines[-1]:
            lines.pop()
        return tuple(lines)

    def _head(self) -> str:
        """The part that holds headers: all of it, but for `Command`'s reply before Asterisk 14."""
        text = self._text
        if not (text.startswith("Response: F") and _FOLLOWS.match(text)):
            return text
        end = text.index("\n")
        for _ in range(2):
            line = text[end + 1 : (text.find("\n", end + 1) + 1 or len(text) + 1) - 1]
            if not line.startswith(("Privilege:", "ActionID:")):
                break
            end += 1 + len(line)
        return text[:end]

    def to_dict(self) -> dict[str, str | list[str]]:
        """A plain dictionary: each name in its first spelling, repeated headers as a list of their values."""
        spelling: dict[str, str] = {}
        values: dict[str, list[str]] = {}
        for name, value in zip(*self._names_and_values(), strict=True):
            values.setdefault(spelling.setdefault(name.lower(), name), []).append(value)
        return {name: found[0] if len(found) == 1 else found for name, found in values.items()}

    def _first_of(self, name: str) -> str | None:
        """The first header of that name, ignoring case."""
        index = getattr(self, "_index", None)
        if index is None:
            index = self._index = {}
            for key, value in zip(*self._names_and_values(), strict=True):
                index.setdefault(key.lower(), value)
        return index.get(name.lower())

    def __getitem__(self, name: str) -> str:
        value = self._first_of(name)
        if value is None:
            raise KeyError(name)
        return value

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | T) -> str | T: ...
    def get(self, key: str, /, default: object = None) -> object:
        """The first header of that name, ignoring case; `default` if there is none."""
        value = self._first_of(key)
        return default if value is None else value

    def getall(self, name: str) -> list[str]:
        """The text of every header of that name, in order; empty if there is none."""
        wanted = name.lower()
        return [value for key, value in zip(*self._names_and_values(), strict=True) if key.lower() == wanted]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._first_of(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names_and_values()[0])

    def __len__(self) -> int:
        return len(self._names_and_values()[0])

    def values(self) -> ValuesView[str]:
        """The text of every header, in order."""
        return _Values(self)

    def items(self) -> ItemsView[str, str]:
        """Every header as a pair, in order."""
        view = _make_view(_Items)  # whose constructor, in Python, costs as much as a header
        view._mapping = self
        return view

    def __eq__(self, other: object) -> bool:
        return self._names_and_values() == other._names_and_values() if isinstance(other, Message) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._names_and_values())

    def __repr__(self) -> str:
        headers = " ".join(show_header(*header, self._first_of) for header in self.headers[:_SHOWN_HEADERS])
        more = len(self) - _SHOWN_HEADERS
        return f"<{type(self).__name__} {headers}{f' and {more} more' if more > 0 else ''}>"


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
        return zip(names, values)  # noqa: B905 - of one length they are, and to be strict costs as much as five pairs


_make_view: Final[Callable[[type[_Items]], _Items]] = object.__new__
