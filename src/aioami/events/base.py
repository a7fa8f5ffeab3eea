"""What every event has, and the table from an event's name to its class."""

from __future__ import annotations

from importlib import import_module
from typing import Any, ClassVar, Final

from ..fields import Integer, Text, Timestamp, as_dict, fields_of
from ..wire import Message

__all__ = ["EVENTS", "Event", "KnownEvent", "event_class", "load", "parse"]

EVENTS: Final[dict[str, type[Event]]] = {}
"""Every event class by the event's name in lower case."""

_LOADED: Final[set[str]] = set()
_NO_NAME: Final = frozenset({"", " ", "\t", "\n", "\r"})
_MAX_NEEDLES: Final = 1024


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
        wanted = key.lower()
        if wanted == "event":
            return self.name
        text = self._text
        lowered = text.lower()
        # Names with a parenthesis may hold a channel's name, and a few letters have a longer lower case.
        if "(" in key or ":" in key or wanted[:1] in _NO_NAME or len(lowered) != len(text):
            value = super()._first_of(key)
            return default if value is None else value
        start = lowered.find(f"\n{wanted}:")
        if start < 0:
            return default
        start += len(wanted) + 2
        end = text.find("\n", start)
        return text[start : end if end >= 0 else None].removesuffix("\r").removeprefix(" ")

    def _first_of(self, name: str) -> str | None:
        value: str | None = self.get(name)
        return value


class KnownEvent(Event, abstract=True):
    """An event whose headers Asterisk alone writes, so that each name is spelled in one way.

    That allows a header to be found without a look at the others.
    """

    _needles: ClassVar[dict[str, str]] = {}
    """What a header looks like in this event, for each name that was asked for."""
    _opening: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._needles = {}
        cls._opening = f"Event: {cls.wire_name}\r\n"

    @property
    def name(self) -> str:
        """The event's name, as `Hangup`."""
        return self.wire_name if self._text.startswith(self._opening) else super().name

    def get(self, key: str, default: Any = None) -> Any:
        """The first header of that name, ignoring case; `default` if there is none."""
        needle = self._needles.get(key) or self._needle(key)
        text = self._text
        start = text.find(needle)
        if start < 0:  # absent, spelled in another way, or in need of more care
            return super().get(key, default)
        start += len(needle)
        end = text.find("\n", start)
        if end > 0 and text[end - 1] == "\r":
            return text[start : end - 1]
        return text[start : end if end >= 0 else None].removesuffix("\r")

    def __getitem__(self, name: str) -> str:
        if name == "Event":
            return self.name
        value: str | None = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    @classmethod
    def _needle(cls, name: str) -> str:
        """How a header of that name begins here; what no message holds, for names that need more care."""
        wanted = name.lower()
        careful = wanted == "event" or "(" in name or ":" in name or name[:1] in _NO_NAME
        fields = fields_of(cls).values()
        spelling = next((field.header for field in fields if field.header.lower() == wanted), name)
        if len(cls._needles) >= _MAX_NEEDLES:
            cls._needles.clear()
        needle = cls._needles[name] = "\n\n" if careful else f"\n{spelling}: "
        return needle


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
