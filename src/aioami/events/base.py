"""What every event has, and the table from an event's name to its class."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar, Final

from ..fields import Integer, Text, Timestamp, as_dict
from ..wire import Message

__all__ = ["EVENTS", "Event", "KnownEvent", "event_class", "load", "parse"]

EVENTS: Final[dict[str, type[Event]]] = {}
"""Every event class by the event's name in lower case."""

_LOADED: Final[set[str]] = set()
_NO_NAME: Final = frozenset({"", " ", "\t", "\n", "\r"})
_LOWERED: Final[dict[str, str]] = {}
"""What a header looks like in lower case; nothing, if that needs care."""
_MAX_LOWERED: Final = 4096
_MAX_NEEDLES: Final = 256  # for each class
_NOWHERE: Final = "\n\n"  # is in no message


class Event(Message):
    """Something that happened on the server, or one item of a list that an action asked for.

    An event without a class of its own is a plain `Event`: everything it holds is in the mapping.
    """

    wire_name: ClassVar[str] = ""
    """The name on the wire; empty for the classes that are no event themselves."""

    action_id = Text("ActionID")
    """The ActionID of the action that asked for this, if one did."""
    timestamp = Timestamp("Timestamp")
    """Seconds since 1970, if manager.conf says `timestampevents`."""
    sequence_number = Integer("SequenceNumber")
    """Counts the server's events, if its manager debugging is on."""
    system_name = Text("SystemName")
    """asterisk.conf's `systemname`, if it has one."""

    def __init_subclass__(cls, *, wire_name: str | None = None, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.wire_name = "" if abstract else wire_name or cls.wire_name or cls.__name__
        name = cls.wire_name.lower()
        if name and not (name in EVENTS and cls.__module__.startswith(f"{__package__}.")):  # a user's class counts
            EVENTS[name] = cls

    @property
    def name(self) -> str:
        """The event's name, as `Hangup`."""
        text = self._text
        end = text.find("\n")
        return text[7 : end if end >= 0 else None].removesuffix("\r")

    @property
    def privileges(self) -> frozenset[str]:
        """The classes that a user must be allowed to read to be sent this event."""
        labels = self._first_of("Privilege")
        return frozenset(labels.split(",")) - {"all", ""} if labels else frozenset()

    def to_dict(self, *, attributes: bool = False, typed: bool = False) -> dict[str, Any]:
        """A plain dictionary, ready for JSON: each name once, repeated headers as a list of their values.

        Args:
            attributes: whether the keys are the names of attributes (`caller_id_num`), instead of the headers in
                their first spelling (`CallerIDNum`).
            typed: whether the headers that this class knows are what its attributes give: numbers, bools, members of
                enumerations, and dictionaries of variables, with `None` for text that does not convert, and the first of
                repeated ones; instead of the text as received.
        """
        return as_dict(self.headers, self, attributes=attributes, typed=typed)

    def get(self, key: str, default: Any = None) -> Any:
        """The first header of that name, ignoring case; `default` if there is none."""
        try:
            needle = _LOWERED[key]
        except KeyError:
            needle = "" if _needs_care(key) else f"\n{key.lower()}:"
            if len(_LOWERED) < _MAX_LOWERED:
                _LOWERED[key] = needle
        text = self._text
        lowered = text.lower()
        if not needle or len(lowered) != len(text):  # a few letters have a longer lower case
            value = self.name if key.lower() == "event" else super()._first_of(key)
            return default if value is None else value
        before, found, _ = lowered.partition(needle)
        if not found:
            return default
        start, end = len(before), len(before) + len(found)
        self._spelled(key, text[start:end])
        return text[end:].partition("\n")[0].removesuffix("\r").removeprefix(" ")

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from ..display import event_html

        return event_html(self, self.name)

    def _spelled(self, key: str, found: str) -> None:
        """Take note of what the begin of a line looked like, with its line break before and its colon."""

    def _first_of(self, name: str) -> str | None:
        value: str | None = self.get(name)
        return value


class KnownEvent(Event, abstract=True):
    """An event whose headers Asterisk alone writes, so that each name is spelled in one way.

    That allows a header to be found without a look at the others.
    """

    _opening: ClassVar[str] = ""
    _needles: ClassVar[dict[str, str]] = {}  # what a header looks like, for each name that was asked for

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._opening = f"Event: {cls.wire_name}\r\n"
        cls._needles = {}

    @property
    def name(self) -> str:
        """The event's name, as `Hangup`."""
        return self.wire_name if self._text.startswith(self._opening) else super().name

    def get(self, key: str, default: Any = None) -> Any:
        """The first header of that name, ignoring case; `default` if there is none."""
        try:
            needle = self._needles[key]
        except KeyError:
            needle = _NOWHERE if _needs_care(key) else f"\n{key}: "
            if len(self._needles) < _MAX_NEEDLES:
                self._needles[key] = needle
        found = self._text.partition(needle)[2]
        if not found:  # absent, spelled in another way than before, in need of more care, or empty at the very end
            text, lowered = self._text, _LOWERED.get(key)
            if lowered and text.isascii() and lowered not in text.lower():
                return default
            return Event.get(self, key, default)
        value, ending, _ = found.partition("\r\n")
        return value if ending and "\n" not in value else value.partition("\n")[0].removesuffix("\r")

    def _kind_of_layout(self) -> object:
        return type(self)

    def _spelled(self, key: str, found: str) -> None:
        if key in self._needles:  # the class's events are spelled alike, so this is how it will be found from now on
            self._needles[key] = f"{found} "

    def _first_of(self, name: str) -> str | None:
        value: str | None = self.get(name)
        return value

    def __getitem__(self, name: str) -> str:
        if name == "Event" and self._text.startswith(self._opening):
            return self.wire_name
        value: str | None = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (self._needles.get(name, _NOWHERE) in self._text or super().__contains__(name))


def _needs_care(name: str) -> bool:
    """Whether a header of that name is not simply found by what stands at the begin of its line."""
    # A name with a parenthesis may hold a channel's name.
    return name.lower() == "event" or "(" in name or ":" in name or name[:1] in _NO_NAME


def event_class(name: str) -> type[Event]:
    """The class for an event of that name, ignoring case; `Event` itself if none is declared."""
    name = name.lower()
    found = EVENTS.get(name)
    if found is None:
        load()
        found = EVENTS.get(name, Event)
    return found


def load() -> None:
    """Load all areas of the catalogue, so that `EVENTS` is complete."""
    from . import AREAS

    if not _LOADED:
        for area in AREAS:
            import_module(f"{__package__}.{area}")
        _LOADED.update(AREAS)


def parse(text: str) -> Event:
    """The typed event in a message's text, for reading logs and recordings.

    Raises:
        ValueError: the text is no event.
    """
    first, _, rest = text.partition(":")
    if first.lower() != "event":
        raise ValueError("this message is no event")
    plain = Event(f"Event: {rest.removeprefix(' ')}")
    return event_class(plain.name)(plain._text)
