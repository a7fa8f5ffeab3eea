"""The base of the parts of the live state.

A part has the objects of one kind, as the channels. It knows the lists that its objects come from,
and the events that change them. It reports each change, and the lists that must be read again.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, Protocol, TypeVar

from .._signals import Signal
from ..actions.bridges import BridgeList
from ..actions.channels import CoreShowChannels, Status
from ..calls.ends import CallEnd
from ..errors import PermissionDenied
from ..events.base import Event
from ..fields import identifier
from .changes import Consumers, Kind
from .visibility import Obstacle

if TYPE_CHECKING:
    from .._client.like import ManagerLike
    from ..actions.base import Action

__all__ = [
    "SLICE",
    "Doubts",
    "Handler",
    "Lists",
    "LiveObject",
    "Part",
    "PartName",
    "Record",
    "Reports",
    "Table",
    "View",
    "is_ascii",
    "known",
]

PartName = Literal[
    "channels",
    "bridges",
    "queues",
    "hints",
    "parking",
    "conferences",
    "mailboxes",
    "endpoints",
    "registrations",
]
"""The name of a part of the live state."""

Handler = Callable[[Any], None]
"""Applies an event."""

ObjectT = TypeVar("ObjectT")
ObjectT_co = TypeVar("ObjectT_co", covariant=True)

SLICE: Final = 200
"""The number of items of a list after which other tasks get a turn."""

_SETTLING: Final = 0.2  # seconds after which the server is asked about doubts
_SETTLED: Final = 0.195  # seconds after which a doubt counts as settled; timers are not exact
_SETTLE_TIMEOUT: Final = 1.0  # seconds after which the server is asked in any case
_LOOKS: Final = 5  # the most looks at the same doubt
_NOBODY: Final = frozenset({"", "<unknown>", "unknown"})


def known(text: str | None) -> str:
    """Return a number or a name; empty if Asterisk writes that it is unknown."""
    return "" if text is None or text in _NOBODY else text


class LiveObject:
    """An immutable object of the live state."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the object as a dictionary, ready for JSON; enum members become their names."""
        names = [each.name for each in fields(self)]  # type: ignore[arg-type]
        return {name: _plain(getattr(self, name)) for name in names}

    def __repr__(self) -> str:
        """Return one line, without empty fields; several values are shown as their number."""
        names = [each.name for each in fields(self)]  # type: ignore[arg-type]
        shown = [(name, _brief(getattr(self, name))) for name in names]
        return (
            f"<{type(self).__name__} {' '.join(f'{name}={text}' for name, text in shown if text)}>"
        )

    def _repr_html_(self) -> str:
        """Return the object as HTML, for a notebook."""
        from .._show.objects import object_html

        return object_html(self)


def _brief(value: object) -> str:
    """Return a value in a few characters; empty for an empty value."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, CallEnd):
        return value.reason.name
    if isinstance(value, LiveObject):
        return repr(str(value)) if str(value) else ""
    if isinstance(value, (Mapping, tuple)):
        return str(len(value)) if value else ""
    return "" if value is None or value is False or value == "" else repr(value)


def _plain(value: object) -> object:
    if isinstance(value, (LiveObject, CallEnd)):
        return value.to_dict()
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


class Record(Protocol[ObjectT_co]):
    """The changing state of an object."""

    def value(self) -> ObjectT_co:
        """Return the present state as an immutable object."""


class View(Mapping[str, ObjectT]):
    """A read-only mapping that changes with the server. Its objects are made on access."""

    __slots__ = ("_records",)

    def __init__(self, records: Mapping[str, Record[ObjectT]]) -> None:
        self._records = records

    def __getitem__(self, key: str) -> ObjectT:
        return self._records[key].value()

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __repr__(self) -> str:
        return repr(dict(self))


class Lists:
    """The server's lists for one reading. A list that several parts need is requested once.

    Args:
        manager: sends the actions.
        timeout: seconds without any progress after which a list is given up.
    """

    def __init__(self, manager: ManagerLike, timeout: float | None) -> None:
        self._manager = manager
        self._timeout = timeout
        self._channels: list[Event] | None = None
        self._bridges: list[Event] | None = None

    async def items(self, action: Action[Any]) -> AsyncIterator[Event]:
        """Yield the items of a list as they come. Other tasks get a turn in between.

        Raises:
            ActionError: the server refused.
            ManagerTimeout: there was no progress within the timeout.
            ConnectionLost: the link was lost.
        """
        count = 0
        with self._manager.stream(action, timeout=self._timeout) as stream:
            async for item in stream:
                yield item
                count += 1
                if count % SLICE == 0:
                    await asyncio.sleep(0)

    async def channels(self) -> list[Event]:
        """Return all channels, by `CoreShowChannels`, or by `Status` if that is not allowed.

        Raises:
            ActionError, ManagerTimeout, ConnectionLost: as `items`.
        """
        if self._channels is None:
            try:
                self._channels = [each async for each in self.items(CoreShowChannels())]
            except PermissionDenied:
                self._channels = [each async for each in self.items(Status(None))]
        return self._channels

    async def bridges(self) -> list[Event]:
        """Return all bridges; only the first call asks the server.

        Raises:
            ActionError, ManagerTimeout, ConnectionLost: as `items`.
        """
        if self._bridges is None:
            self._bridges = [each async for each in self.items(BridgeList())]
        return self._bridges


def _do_nothing(uniqueid: str) -> None:
    """Do nothing."""


class Doubts:
    """Keys of objects that may be wrong. The server is asked about a key once it is settled.

    A key is settled when it was not doubted again for a while: before that the server may still be
    changing the object.
    """

    __slots__ = ("_looks", "_moments")

    def __init__(self) -> None:
        self._moments: dict[str, tuple[float, float]] = {}  # times of the first and last doubt
        self._looks: dict[str, int] = {}  # the number of looks at keys that are doubted again

    def __contains__(self, key: str) -> bool:
        return key in self._moments

    def __len__(self) -> int:
        return len(self._moments)

    def add(self, key: str) -> None:
        """Doubt a key; if it is in doubt already, let it settle anew."""
        now = asyncio.get_running_loop().time()
        first, _ = self._moments.get(key, (now, now))
        self._moments[key] = (first, now)
        self._looks.pop(key, None)

    def again(self, key: str) -> bool:
        """Doubt a key again after a look, as a busy server may not be done; return false if it was
        looked at often enough.
        """
        looks = self._looks.get(key, 1)
        if looks >= _LOOKS:
            return False
        self.add(key)
        self._looks[key] = looks + 1
        return True

    def discard(self, key: str) -> None:
        """Remove the doubt about a key."""
        self._moments.pop(key, None)

    def take(self) -> list[str]:
        """Return the keys to look at now, and keep those to look at later, or once more."""
        now = asyncio.get_running_loop().time()
        self._looks = {key: looks for key, looks in self._looks.items() if key in self._moments}
        due = []
        for key, (first, last) in list(self._moments.items()):
            settled = now - last >= _SETTLED
            if settled or now - first >= _SETTLE_TIMEOUT:
                due.append(key)
                del self._moments[key]
            if not settled and key in due:
                self._moments[key] = (last, last)
        return due


class Reports:
    """Collects the reports of the parts: changes, wrong objects, and doubts.

    Args:
        clock: returns the time, in seconds since 1970.

    Attributes:
        clock: the argument.
        trusted: the time until which the state was right, while it is not synced.
        consumers: the iterators over the changes.
        stale: the parts with objects that are known to be wrong, with the keys of these objects;
            `None` instead of keys stands for all objects.
        doubtful: the parts with objects that may be wrong, to be checked when they are settled.
        work: sent when the server must be asked.
        is_due: true if it is time to look at the doubts.
        queue_changed: called with the Uniqueid of a channel that begins or stops waiting in a
            queue.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.trusted = clock()
        self.consumers = Consumers()
        self.stale: dict[Part[Any], set[str] | None] = {}
        self.doubtful: dict[Part[Any], None] = {}
        self.work = Signal()
        self.is_due = False
        self.queue_changed: Callable[[str], None] = _do_nothing
        self._timer: asyncio.TimerHandle | None = None
        self._event: Event | None = None  # the last event whose ids were looked up
        self._found: dict[str, str] = {}

    def identifier(self, event: Event, header: str) -> str:
        """Return the name or the id in a header of an event; empty without the header.

        Several parts take the same event one after the other, and need the same ids. Looking them
        up is most of the cost of an event, so it is done once.
        """
        if event is not self._event:
            self._event, self._found = event, {}
        found = self._found.get(header)
        if found is None:
            found = self._found[header] = identifier(event, header, "")
        return found

    def notify(self, kind: Kind, key: str, gone: bool = False) -> None:
        """Report a change to all iterators."""
        self.consumers.notify(kind, key, gone)

    def must_read(self, part: Part[Any], key: str | None = None) -> None:
        """Mark a part, or one of its keys, for reading again."""
        keys = self.stale.setdefault(part, set())
        if key is None or keys is None:
            self.stale[part] = None
        else:
            keys.add(key)
        self.work.send()

    def doubt(self, part: Part[Any]) -> None:
        """Mark a part as doubtful: in a moment it looks at the server again."""
        self.doubtful[part] = None
        if self._timer is None and not self.is_due:
            self._timer = asyncio.get_running_loop().call_later(_SETTLING, self._fall_due)

    def _fall_due(self) -> None:
        self._timer = None
        self.is_due = True
        self.work.send()

    def close(self) -> None:
        """Cancel the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Part(ABC, Generic[ObjectT]):
    """A part of the live state.

    Args:
        reports: gets the changes and doubts.

    Attributes:
        view: its objects, by their keys.
        handlers: the functions that apply its events.
        reports: the argument.
        notify: reports a change of the object with a key; with `gone`, its removal.
    """

    name: ClassVar[PartName]
    """The name of the part."""
    kind: ClassVar[Kind]
    """The kind of its changes."""
    modules: ClassVar[frozenset[str]] = frozenset()
    """The modules of Asterisk that the part depends on, in lower case and without `.so`."""

    view: Mapping[str, ObjectT]
    handlers: Mapping[type[Event], Handler]

    def __init__(self, reports: Reports) -> None:
        self.reports = reports
        self.notify = partial(reports.consumers.notify, self.kind)

    @abstractmethod
    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        """Read the server's lists, and show their objects.

        Args:
            lists: asks for lists.
            keys: the keys of the objects to read; `None` reads all.

        Raises:
            ActionError, ManagerTimeout, ConnectionLost: as `Lists.items`.
        """

    def obstructed(self, found: Sequence[Obstacle]) -> str | None:
        """Return the reason why the part cannot be followed; `None` if it can.

        Args:
            found: the reasons why some of its events do not come; called before each reading.
        """
        return found[0].reason if found else None

    @abstractmethod
    def clear(self) -> None:
        """Remove all objects."""

    async def look(self, lists: Lists) -> None:
        """Ask the server about the objects in doubt, and show its answer.

        Raises:
            ActionError, ManagerTimeout, ConnectionLost: as `Lists.items`.
        """

    def touched_by(self, action: Action[Any]) -> set[str] | None:
        """Return the keys of objects that an action may change without an event; `None` is all.

        Args:
            action: an action that the same manager sent.
        """
        return set()


def is_ascii(action: Action[Any]) -> bool:
    """True if the names in an action look the same as in the server's messages.

    An action shows bytes beyond ASCII as UTF-8, and a message shows them in the link's encoding.
    """
    return action.encode("1", trusted=True).isascii()


class Table(Part[ObjectT]):
    """A part with few or seldom changing objects: each is made anew when it changes."""

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self._objects: dict[str, ObjectT] = {}
        self.view = MappingProxyType(self._objects)

    def clear(self) -> None:
        self._show({})

    def _show(self, found: Mapping[str, ObjectT]) -> None:
        """Show these objects and no others."""
        for key in self._objects.keys() - found.keys():
            self._remove(key)
        for key, thing in found.items():
            self._put(key, thing)

    def _put(self, key: str, thing: ObjectT) -> None:
        if self._objects.get(key) != thing:
            self._objects[key] = thing
            self.notify(key)

    def _remove(self, key: str) -> None:
        if self._objects.pop(key, None) is not None:
            self.notify(key, True)
