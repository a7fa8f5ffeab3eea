"""What every event has, and the table from an event's name to its class."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from ..fields import Number, Text
from ..wire import Message

__all__ = ["EVENTS", "Event", "KnownEvent", "event_class", "parse"]

EVENTS: Final[dict[str, type[Event]]] = {}
"""Every event class by the event's name in lower case."""

_NEVER_FIRST: Final = frozenset({"", " ", "\t", "\n", "\r", ":"})


class Event(Message):
    """Something that happened on the server, or one item of a list that an action asked for.

    An event without a class of its own is a plain `Event`: everything it holds is in the mapping.
    """

    __slots__ = ()

    wire_name: ClassVar[str] = ""
    """The name on the wire; empty for the classes that are no event themselves."""

    action_id = Text("ActionID")
    """The ActionID of the action that asked for this, if one did."""
    timestamp = Number("Timestamp")
    """Seconds since 1970, if manager.conf says `timestampevents`."""
    system_name = Text("SystemName")
    """asterisk.conf's `systemname`, if it has one."""

    def __init_subclass__(cls, *, wire_name: str | None = None, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.wire_name = "" if abstract else wire_name or cls.__name__
        if cls.wire_name:
            EVENTS[cls.wire_name.lower()] = cls

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


class KnownEvent(Event, abstract=True):
    """An event whose headers Asterisk alone writes, so that each name is spelled in one way.

    That allows a header to be found without reading the others.
    """

    __slots__ = ()

    def _first_of(self, name: str) -> str | None:
        if name == "Event":
            return self.name
        if self._index is not None or "(" in name or name[:1] in _NEVER_FIRST:
            return super()._first_of(name)
        text = self._text
        start = text.find(f"\n{name}:")
        if start < 0:
            lowered = text.lower()
            start = lowered.find(f"\n{name}:".lower())
            if start < 0:
                return None
            if len(lowered) != len(text):  # a few letters have a longer lower case, and places do not agree
                return super()._first_of(name)
        start += len(name) + 2
        end = text.find("\n", start)
        value = text[start:end] if end >= 0 else text[start:]
        if value[-1:] == "\r":
            value = value[:-1]
        return value[1:] if value[:1] == " " else value


def event_class(name: str) -> type[Event]:
    """The class for an event of that name, ignoring case; `Event` itself if none is declared."""
    return EVENTS.get(name.lower(), Event)


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
