"""Delivery of events: selectors, and the table from an event's first line to its subscribers.

The table is looked up before an event object is made, so an event that nobody selected costs no
object.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final, Union

from ..actions.base import Action
from ..events.base import EVENTS, UNSOLICITED, Event, KnownEvent, event_class, load, name_server
from ..wire.text import shown

__all__ = ["Dispatcher", "Route", "Selection", "Selector", "Subscriber"]

Selector = Union[type[Event], str]
"""An event class, an event's name, or a shell-style pattern over names."""

Route = tuple[Union[type[Event], None], tuple[Callable[[Event], None], ...]]
"""The class of an event, and its sinks; `None` as the class if the message is no event."""

_MAX_ROUTES: Final = 4096
_MAX_FIRST_LINE: Final = 100  # characters; the longest of Asterisk has less than half of that
_EVENT: Final = "Event: "


class Selection:
    """The events that a subscriber asked for. Without any selector, these are all events.

    Raises:
        TypeError: a selector is no event class and no name.
    """

    def __init__(self, selectors: tuple[Selector, ...]) -> None:
        names = tuple(each for each in selectors if isinstance(each, str))
        classes = tuple(_event_class(each) for each in selectors if not isinstance(each, str))
        self._classes = frozenset(classes)
        self._unnamed = tuple(each for each in self._classes if each.wire_name == "")
        self._patterns = tuple(name.lower() for name in names)
        labels = [shown(each) if isinstance(each, str) else each.__name__ for each in selectors]
        self._label = ", ".join(labels) or "all events"

    def __str__(self) -> str:
        return self._label

    def names(self) -> frozenset[str] | None:
        """The names of the events that can be selected, as Asterisk spells them.

        `None` if they are unknown: a pattern, a name that the catalogue does not know, or the base
        class of all events may stand for any event.
        """
        if not self._classes and not self._patterns:
            return None
        load()
        if not EVENTS.keys() >= set(self._patterns):
            return None
        found = {EVENTS[name].wire_name for name in self._patterns}
        for each in self._classes:
            if each in (Event, KnownEvent):
                return None
            if each in self._unnamed:  # it selects a part of its base class's events
                found |= {base.wire_name for base in each.__mro__ if issubclass(base, Event)}
        for cls in EVENTS.values():
            if not self._classes.isdisjoint(cls.__mro__):
                found.add(cls.wire_name)
        # A user's class may spell an event's name differently from Asterisk.
        return frozenset(_spelling(name) for name in found if name)

    def matches(self, name: str, cls: type[Event]) -> bool:
        """True if all events of that name and class are selected."""
        if not self._classes and not self._patterns:
            return True
        # Like issubclass(), which is slow for abstract classes.
        return not self._classes.isdisjoint(cls.__mro__) or any(
            fnmatchcase(name.lower(), item) for item in self._patterns
        )

    def sink(
        self,
        name: str,
        cls: type[Event],
        put: Callable[[Event], None],
    ) -> Callable[[Event], None] | None:
        """Return the callable for events with this name and class; `None` if none is selected.

        It is `put` itself, or a callable that checks each event first.
        """
        if self.matches(name, cls):
            return put
        narrower = tuple(each for each in self._unnamed if cls in each.__mro__)
        if not narrower or cls is Event:
            return None
        return lambda event: put(event) if isinstance(event, narrower) else None


def _spelling(name: str) -> str:
    known = UNSOLICITED.get(name.lower())
    return known.wire_name if known is not None else name


def _event_class(selector: object) -> type[Event]:
    if isinstance(selector, type) and issubclass(selector, Event):
        return selector
    if isinstance(selector, type) and issubclass(selector, Action):
        known = event_class(selector.wire_name)
        hint = "a class from aioami.events" if known is Event else f"events.{known.__name__}"
        raise TypeError(f"{selector.__name__} is an action; its event is selected by {hint}")
    raise TypeError(f"a selector is an event class, a name or a pattern, not {selector!r}")


class Subscriber:
    """Receives the selected events, and `settle()` after each batch.

    Attributes:
        selection: the events that it gets.
    """

    __slots__ = ()

    selection: Selection

    @property
    def put(self) -> Callable[[Event], None]:
        """The callable that takes an event."""
        raise NotImplementedError

    def settle(self) -> None:
        """Take note that all events of a read were put."""

    def miss(self, gap: float, count: int = 0, why: str = "") -> None:
        """Take note that events are missing here.

        Args:
            gap: the length of the gap, in seconds.
            count: the number of missing events, as far as it is known.
            why: a clause with the cause, if it was not the link.
        """

    def finish(self, error: Exception | None) -> None:
        """Take note that no more events come, with the error that ended the link, if any."""


class _Routes(dict[str, Route]):
    """Routes by an event's first line on the wire, with its CR; each is made when first needed."""

    __slots__ = ("_subscribers", "_version")

    def __init__(self, subscribers: dict[Subscriber, None]) -> None:
        super().__init__()
        self._subscribers = subscribers
        self._version = 0

    def forget(self) -> None:
        """Forget all routes, because the subscribers have changed."""
        self._version += 1
        self.clear()

    def __missing__(self, first: str) -> Route:
        if len(self) >= _MAX_ROUTES:
            self.clear()
        if not first.startswith(_EVENT):
            if len(first) <= _MAX_FIRST_LINE:
                self[first] = (None, ())
            return None, ()
        name = first[len(_EVENT) :].removesuffix("\r")
        cls = event_class(name)
        version = self._version
        # Iterate over a copy: the garbage collector may end a stream at any moment, which changes
        # the subscribers.
        found = [each.selection.sink(name, cls, each.put) for each in list(self._subscribers)]
        sinks = tuple([sink for sink in found if sink is not None])
        if version == self._version and len(first) <= _MAX_FIRST_LINE:
            self[first] = (cls, sinks)
        return cls, sinks


class Dispatcher:
    """The subscribers, in the order in which they subscribed.

    Attributes:
        routes: the class and the sinks of each event, by its first line.
        server: the name of the server in its fleet, which each event gets; empty without a fleet.
    """

    def __init__(self) -> None:
        self.server = ""
        self._subscribers: dict[Subscriber, None] = {}
        self._routes = _Routes(self._subscribers)
        self.routes: dict[str, Route] = self._routes

    def __len__(self) -> int:
        return len(self._subscribers)

    def add(self, subscriber: Subscriber) -> None:
        self._subscribers[subscriber] = None
        self._routes.forget()

    def remove(self, subscriber: Subscriber) -> None:
        self._subscribers.pop(subscriber, None)
        self._routes.forget()

    def emit(self, event: Event) -> None:
        """Deliver one of the library's own events."""
        if self.server:
            name_server(event, self.server)
        # Iterate over a copy here and below: a subscriber may end itself, or another one.
        for subscriber in list(self._subscribers):
            if subscriber in self._subscribers and subscriber.selection.matches(
                event.name, type(event)
            ):
                subscriber.put(event)
                subscriber.settle()

    def settle(self) -> None:
        """Call `settle()` of all subscribers after the events of a read."""
        for subscriber in list(self._subscribers):
            subscriber.settle()

    def miss(self, gap: float, count: int = 0, why: str = "") -> None:
        """Report to all, whatever they selected, that events are missing; see `Subscriber.miss`."""
        for subscriber in list(self._subscribers):
            # Events beyond a limit are dropped first: they come before the gap.
            subscriber.settle()
            subscriber.miss(gap, count, why)

    def finish(self, error: Exception | None) -> None:
        """Report to all that no more events come, and remove them."""
        subscribers = list(self._subscribers)
        self._subscribers.clear()
        self._routes.forget()
        for subscriber in subscribers:
            subscriber.finish(error)
