"""The bridges of the live state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from ..actions.base import Action
from ..events.bridges import BridgeCreate, BridgeDestroy, BridgeEnter, BridgeLeave, BridgeListItem
from ..events.channels import Hangup
from ..events.snapshots import BridgeEvent, ChannelEvent
from ..fields import identifier
from .part import Doubts, Lists, LiveObject, Part, Reports, View, known

__all__ = ["Bridges", "LiveBridge"]

# Technologies that never change, and creators of bridges whose technology never changes.
_FIXED: Final = frozenset({"holding_bridge"})
_CREATORS: Final = frozenset({"ConfBridge"})


@dataclass(frozen=True, slots=True, repr=False)
class LiveBridge(LiveObject):
    """A bridge at one moment: channels in the same bridge hear each other.

    Attributes:
        uniqueid: the BridgeUniqueid.
        type: the purpose, as `basic` (a call of two or more), `base` (a conference) or `parking`.
        technology: the way it mixes, as `simple_bridge`. It is read a moment after a channel
            entered or left, and with each snapshot. A change in between, as by a recording, has no
            event.
        creator: the application that made the bridge; empty if none did.
        name: the bridge's name; empty if it has none.
        channels: the Uniqueids of its channels, in the order in which they entered, as far as that
            is known.
    """

    uniqueid: str
    type: str = ""
    technology: str = ""
    creator: str = ""
    name: str = ""
    channels: tuple[str, ...] = ()


class _Bridge:
    """A bridge as its events describe it; the last event is only parsed when `value()` is called.

    Attributes:
        channels: the Uniqueids of its channels, in the order in which they entered.
        is_fixed: true if its technology never changes; `None` if that is not known yet.
    """

    __slots__ = ("_bridge", "_changed", "_event", "channels", "is_fixed")

    def __init__(self, bridge: LiveBridge) -> None:
        self._bridge = bridge
        self._event: BridgeEvent | None = None
        self._changed = False
        self.is_fixed = _is_fixed(bridge) if bridge.technology else None
        self.channels: dict[str, None] = dict.fromkeys(bridge.channels)

    def take(self, event: BridgeEvent) -> None:
        """Update the bridge from an event."""
        self._event = event
        self._changed = True
        if self.is_fixed is None:
            self.is_fixed = _is_fixed(self.value())

    def enter(self, uniqueid: str) -> None:
        """Put a channel into the bridge, as the last one."""
        self.channels[uniqueid] = None
        self._changed = True

    def leave(self, uniqueid: str) -> None:
        """Take a channel out of the bridge."""
        self.channels.pop(uniqueid, None)
        self._changed = True

    def value(self) -> LiveBridge:
        """Return the bridge as it is now."""
        if self._changed:
            before = self._bridge if self._event is None else _bridge(self._event, self._bridge)
            self._bridge = replace(before, channels=tuple(self.channels))
            self._event, self._changed = None, False
        return self._bridge


class Bridges(Part[LiveBridge]):
    """The bridges, with the channels in them."""

    name = "bridges"
    kind = "bridge"

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self._records: dict[str, _Bridge] = {}
        self._places: dict[str, str] = {}  # the bridge of each channel, by Uniqueid
        self._doubts = Doubts()  # the bridges whose technology may have changed
        self._lost = Doubts()  # the channels that hung up without leaving, by Uniqueid
        self.view = View(self._records)
        self.handlers = {
            BridgeCreate: self._made,
            BridgeDestroy: self._ended,
            BridgeEnter: self._entered,
            BridgeLeave: self._left,
            Hangup: self._hung_up,
        }

    def clear(self) -> None:
        self._show({})

    async def look(self, lists: Lists) -> None:
        doubtful, lost = self._doubts.take(), self._lost.take()
        if self._doubts or self._lost:
            self.reports.doubt(self)
        try:
            if lost:
                await self.read(lists, None)
            elif any(each in self._records for each in doubtful):
                await self._compare_technologies(lists)
        except BaseException:
            for doubts, keys in ((self._doubts, doubtful), (self._lost, lost)):
                for key in keys:
                    doubts.add(key)
            raise

    async def _compare_technologies(self, lists: Lists) -> None:
        for item in await lists.bridges():
            if not isinstance(item, BridgeListItem):
                continue
            record = self._records.get(item.bridge_uniqueid or "")
            before = None if record is None else record.value()
            if record is not None and before != _bridge(item, record.value()):
                record.take(item)
                self.notify(record.value().uniqueid)

    def touched_by(self, action: Action[Any]) -> set[str] | None:
        # A parking lot has no event when its bridge is destroyed (tried on 16 and 22).
        return None if action.name.lower() == "bridgedestroy" else set()

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        members: dict[str, dict[str, None]] = {}
        for channel in await lists.channels():
            bridge, uniqueid = channel.get("BridgeId"), channel.get("Uniqueid")
            if bridge and uniqueid:
                members.setdefault(bridge, {})[uniqueid] = None
        found = {}
        for item in await lists.bridges():
            if isinstance(item, BridgeListItem) and (bridge := item.bridge_uniqueid):
                record = self._records.get(bridge)
                before = {} if record is None else record.channels
                listed = members.get(bridge, {})
                # The list does not have the order in which they entered.
                order = [*(each for each in before if each in listed), *listed]
                known = LiveBridge(bridge, channels=tuple(dict.fromkeys(order)))
                found[bridge] = _bridge(item, known)
        self._show(found)

    def _show(self, found: dict[str, LiveBridge]) -> None:
        for key in [key for key in self._records if key not in found]:
            del self._records[key]
            self.notify(key, gone=True)
        for key, bridge in found.items():
            record = self._records.get(key)
            if record is None or record.value() != bridge:
                self._records[key] = _Bridge(bridge)
                self.notify(key)
        self._places = {
            uniqueid: bridge.uniqueid for bridge in found.values() for uniqueid in bridge.channels
        }

    # The events

    def _made(self, event: BridgeEvent) -> None:
        key = self.reports.identifier(event, "BridgeUniqueid")
        if key:
            self._record(key).take(event)
            self.notify(key)

    def _record(self, key: str) -> _Bridge:
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Bridge(LiveBridge(key))
        return record

    def _ended(self, event: BridgeEvent) -> None:
        key = self.reports.identifier(event, "BridgeUniqueid")
        record = self._records.pop(key, None)
        if record is not None:
            self._doubts.discard(key)
            for uniqueid in record.channels:
                if self._places.get(uniqueid) == key:
                    del self._places[uniqueid]
            self.notify(key, gone=True)

    def _entered(self, event: BridgeEnter) -> None:
        key = self.reports.identifier(event, "BridgeUniqueid")
        uniqueid = self.reports.identifier(event, "Uniqueid")
        if not key or not uniqueid:
            return
        if (before := self._places.get(uniqueid)) is not None and before != key:
            self._leave(uniqueid)
        self._places[uniqueid] = key
        record = self._record(key)
        record.take(event)
        record.enter(uniqueid)
        self.notify(key)
        # With the second or third channel the server may mix in another way, as natively, without
        # an event (tried on 16 and 22).
        number = len(record.channels)
        if number > 1 and not record.is_fixed and not (number == 2 and _is_local(event)):
            self._doubt(self._doubts, key)

    def _left(self, event: BridgeLeave) -> None:
        key = self.reports.identifier(event, "BridgeUniqueid")
        uniqueid = self.reports.identifier(event, "Uniqueid")
        if self._places.get(uniqueid) == key:
            del self._places[uniqueid]
        else:
            self._lost.discard(uniqueid)
        record = self._records.get(key)
        if record is not None:
            record.take(event)
            record.leave(uniqueid)
            self.notify(key)
            if record.channels and not record.is_fixed:
                self._doubt(self._doubts, key)

    def _hung_up(self, event: ChannelEvent) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        if uniqueid in self._places:
            self._leave(uniqueid)
            # If no BridgeLeave follows, another channel has taken its place: an attended transfer
            # to a conference has no event of the bridge for that (tried on 16 and 22).
            self._doubt(self._lost, uniqueid)

    def _doubt(self, doubts: Doubts, key: str) -> None:
        doubts.add(key)
        self.reports.doubt(self)

    def _leave(self, uniqueid: str) -> None:
        """Take a channel out of its bridge."""
        key = self._places.pop(uniqueid)
        record = self._records.get(key)
        if record is not None:
            record.leave(uniqueid)
            self.notify(key)


def _is_fixed(bridge: LiveBridge) -> bool:
    return bridge.technology in _FIXED or bridge.creator in _CREATORS


def _is_local(event: BridgeEnter) -> bool:
    """True if the channel is half of a Local channel, which is never mixed natively."""
    return identifier(event, "Channel", "").startswith("Local/")


def _bridge(event: BridgeEvent, before: LiveBridge) -> LiveBridge:
    """Return a bridge as an event describes it, with the former values of missing headers."""
    kind, technology = event.bridge_type, event.bridge_technology
    creator, name = event.bridge_creator, event.bridge_name
    return LiveBridge(
        before.uniqueid,
        before.type if kind is None else kind,
        before.technology if technology is None else technology,
        before.creator if creator is None else known(creator),
        before.name if name is None else known(name),
        before.channels,
    )
