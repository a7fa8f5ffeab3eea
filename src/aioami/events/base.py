"""The base of all events, and the table from an event's name to its class."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, ClassVar, Final

from ..fields import Integer, Text, Timestamp, as_dict, values_of
from ..wire import Message
from ..wire.text import join, split

__all__ = [
    "EVENTS",
    "UNSOLICITED",
    "Event",
    "KnownEvent",
    "event_class",
    "load",
    "name_server",
    "parse",
]

EVENTS: Final[dict[str, type[Event]]] = {}
"""The class of each event, by the event's name in lower case."""

UNSOLICITED: Final[dict[str, type[Event]]] = {}
"""The classes with `read_classes`, by the same names. A class of the catalogue has precedence over
a user's.
"""

_LOADED: Final[set[str]] = set()


class Event(Message):
    """A message about something that happened on the server, or an item of an action's list.

    An event without its own class is a plain `Event`, with all of its headers in the mapping.
    """

    __slots__ = ("_server",)

    _server: str  # set only for events of a fleet

    wire_name: ClassVar[str] = ""
    """The name on the wire; empty for classes that are only bases."""
    read_classes: ClassVar[tuple[str, ...]] = ()
    """The read classes that a user needs, all of them, to get this event without a request. Empty
    if the event comes only in lists, which need only the action's write class; and if the classes
    are not known.
    """

    action_id = Text("ActionID")
    """The ActionID of the action that caused this event, if one did."""
    timestamp = Timestamp("Timestamp")
    """The time in seconds since 1970, if manager.conf has `timestampevents`."""
    sequence_number = Integer("SequenceNumber")
    """A running number of the server's events, if its manager debugging is on."""
    system_name = Text("SystemName")
    """The `systemname` of asterisk.conf, if it has one."""

    def __init__(self, text: str) -> None:
        # No event has output after its headers. All texts between these two begin with the first
        # one; comparing takes half as long as `startswith`.
        self._lines = text if "Event: " <= text < "Event:!" else join(("\n", text))
        self._parsed = None

    def __init_subclass__(
        cls, *, wire_name: str | None = None, abstract: bool = False, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(vars(cls).get("read_classes"), str):
            raise TypeError(f"{cls.__name__}.read_classes: expected a tuple of texts, not one text")
        if (
            wire_name
            and wire_name != (cls.wire_name or wire_name)
            and "read_classes" not in vars(cls)
        ):
            cls.read_classes = ()  # a subclass with its own name is another event
        cls.wire_name = "" if abstract else wire_name or cls.wire_name or cls.__name__
        if "\n" in cls.wire_name:
            raise ValueError(f"{cls.__name__}: a name of one line, not {cls.wire_name!r:.60}")
        cls._event, cls._opening = cls.wire_name, f"Event: {cls.wire_name}\r\n"
        name = cls.wire_name.lower()
        ours = cls.__module__.startswith(f"{__package__}.")
        if name and not (ours and name in EVENTS):  # a user's class replaces the catalogue's
            EVENTS[name] = cls
        # ... but the catalogue decides Asterisk's spelling and read classes.
        if name and cls.read_classes and (ours or name not in UNSOLICITED):
            UNSOLICITED[name] = cls

    @property
    def name(self) -> str:
        """The event's name, such as `Hangup`."""
        lines = self._lines
        if lines.startswith(self._opening):
            return self._event
        end = lines.find("\n")
        return lines[7:end].removesuffix("\r") if end > 0 else self.find("Event") or ""

    @property
    def server(self) -> str:
        """The name of the server in its `Fleet`; empty without a fleet.

        It is no header. A header `Server` is in the mapping, and its attribute would be `server_`.
        """
        try:
            return self._server
        except AttributeError:
            return ""

    @property
    def privileges(self) -> frozenset[str]:
        """The classes in its `Privilege` header; a user needs all of them to get the event."""
        labels = self.find("Privilege")
        return frozenset(labels.split(",")) - {"all", ""} if labels else frozenset()

    def to_dict(
        self, *, attributes: bool = False, typed: bool = False, numbers: bool = False
    ) -> dict[str, Any]:
        """Return a plain dictionary, ready for JSON, in which repeated headers are lists of values.

        Args:
            attributes: `True` for the names of attributes as keys (`caller_id_num`), instead of the
                headers in their first spelling (`CallerIDNum`).
            typed: `True` for the values of attributes, if the class has them, instead of the text
                as received: numbers, bools, names of enumerations' members, dates as text, and
                dictionaries of variables. Text that does not convert gives `None`, and repeated
                headers give the first value.
            numbers: `True` for enumerations' members as Asterisk's numbers and words, instead of
                their names.

        Raises:
            ValueError: `numbers` without `typed`.
        """
        return as_dict(self.headers, self, attributes=attributes, values=values_of(typed, numbers))

    def _repr_html_(self) -> str:
        """The event as HTML, for a notebook."""
        from .._show.html import event_html

        return event_html(self, self.name)


name_server: Final[Callable[[Event, str], None]] = vars(Event)["_server"].__set__
"""Set the name of an event's server; a manager does so once, before it delivers the event."""


class KnownEvent(Event, abstract=True):
    """The base of all event classes of the catalogue."""


def event_class(name: str) -> type[Event]:
    """Return the class for an event's name, in any case; `Event` itself if none is declared."""
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
    """Return the typed event in a message's text, for example from a log or a recording.

    Raises:
        ValueError: the text is no event.
        TypeError: it is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f"text: expected text, not {type(text).__name__}")
    if text.partition(":")[0].lower() != "event":
        raise ValueError("this message is no event")
    plain = Event(split(text, _with_usual_name)[0])
    return event_class(plain.name)(plain.text)


def _with_usual_name(text: str) -> tuple[str]:
    return (f"Event: {text.partition(':')[2].removeprefix(' ')}",)
