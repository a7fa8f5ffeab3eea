"""The parking lots of the live state, with the parked calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..actions.parking import ParkedCalls, Parkinglots
from ..events.base import Event
from ..events.bridges import BridgeEnter, BridgeLeave
from ..events.channels import Hangup
from ..events.parking import (
    ParkedCall,
    ParkedCallEvent,
    ParkedCallGiveUp,
    ParkedCallSwap,
    ParkedCallTimeOut,
    Parkinglot,
    UnParkedCall,
)
from ..fields import identifier
from .part import Doubts, Lists, LiveObject, Reports, Table

__all__ = ["LiveParkedCall", "LiveParkingLot", "Parking"]


@dataclass(frozen=True, slots=True, repr=False)
class LiveParkedCall(LiveObject):
    """A call that is parked.

    Attributes:
        space: the parking space: the extension to dial to fetch the call.
        uniqueid: the Uniqueid of the channel, a key of `Live.channels`.
        channel: the channel's name.
        since: the time at which it was parked, in seconds since 1970 by the clock of `Live`.
    """

    space: str
    uniqueid: str = ""
    channel: str = ""
    since: float = 0.0


@dataclass(frozen=True, slots=True, repr=False)
class LiveParkingLot(LiveObject):
    """A parking lot at one moment.

    Attributes:
        name: its name.
        calls: the calls that are parked there, in the order of their spaces.
    """

    name: str
    calls: tuple[LiveParkedCall, ...] = ()


class Parking(Table[LiveParkingLot]):
    """The parking lots, by name.

    ParkedCall comes before the channel enters the lot's bridge. If the channel is bridged elsewhere
    at this moment, no event reports that it is no longer parked (tried on 22). So the server is
    asked about a parked call whose bridge events do not fit.
    """

    name = "parking"
    kind = "parking"
    modules = frozenset({"res_parking"})

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self._lots: dict[str, str] = {}  # the lot of each parked call, by Uniqueid
        self._inside: set[str] = set()  # the Uniqueids of the channels in the bridges of lots
        self._doubts = Doubts()  # the Uniqueids of parked calls
        self.handlers = {
            ParkedCall: self._parked,
            ParkedCallSwap: self._parked,
            UnParkedCall: self._left,
            ParkedCallGiveUp: self._left,
            ParkedCallTimeOut: self._left,
            BridgeEnter: self._entered_bridge,
            BridgeLeave: self._left_bridge,
            Hangup: self._left_bridge,
        }

    def clear(self) -> None:
        super().clear()
        self._lots.clear()
        self._inside.clear()

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        found: dict[str, list[LiveParkedCall]] = {}
        async for item in lists.items(Parkinglots()):
            if isinstance(item, Parkinglot) and item.name_:
                found[item.name_] = []
        await self._list(lists, found)
        self._inside = set(self._lots)

    async def look(self, lists: Lists) -> None:
        doubtful = [each for each in self._doubts.take() if each in self._lots]
        if self._doubts:
            self.reports.doubt(self)
        if not doubtful:
            return
        try:
            await self._list(lists, {name: [] for name in self._objects})
        except BaseException:
            for uniqueid in doubtful:
                self._doubts.add(uniqueid)
            raise
        for uniqueid in doubtful:
            if uniqueid in self._lots and self._doubts.again(uniqueid):
                self.reports.doubt(self)

    async def _list(self, lists: Lists, found: dict[str, list[LiveParkedCall]]) -> None:
        """Ask for the parked calls, and show them.

        Args:
            lists: asks for lists.
            found: the lots, still without their calls.
        """
        known = {
            (lot.name, call.uniqueid): call.since
            for lot in self._objects.values()
            for call in lot.calls
        }
        now = self.reports.clock()
        async for item in lists.items(ParkedCalls()):
            if isinstance(item, ParkedCall) and item.parkinglot:
                # The list has whole seconds, so a time that is known already is better.
                uniqueid = identifier(item, "ParkeeUniqueid", "")
                since = known.get((item.parkinglot, uniqueid), now - (item.parking_duration or 0))
                found.setdefault(item.parkinglot, []).append(_call(item, since))
        self._show({name: LiveParkingLot(name, _in_order(calls)) for name, calls in found.items()})
        self._lots = {call.uniqueid: name for name, calls in found.items() for call in calls}

    def _doubt(self, uniqueid: str) -> None:
        self._doubts.add(uniqueid)
        self.reports.doubt(self)

    # The events. Those of the lots may come before or after those of the bridges.

    def _parked(self, event: ParkedCallEvent) -> None:
        name = event.parkinglot
        if not name:
            return
        call = _call(event, self.reports.clock())
        lot = self._objects.get(name) or LiveParkingLot(name)
        others = []
        for each in lot.calls:
            if each.uniqueid == call.uniqueid:  # it was parked while the list was made
                call = replace(call, since=each.since)
            elif each.space == call.space:  # a swap put another call in its place
                self._lots.pop(each.uniqueid, None)
            else:
                others.append(each)
        self._put(name, replace(lot, calls=_in_order([*others, call])))
        self._lots[call.uniqueid] = name
        if call.uniqueid not in self._inside:
            self._doubt(call.uniqueid)

    def _left(self, event: ParkedCallEvent) -> None:
        uniqueid = identifier(event, "ParkeeUniqueid", "")
        lot = self._objects.get(event.parkinglot or "")
        if lot is not None and self._lots.get(uniqueid) == lot.name:
            del self._lots[uniqueid]
            self._doubts.discard(uniqueid)
            calls = tuple(each for each in lot.calls if each.uniqueid != uniqueid)
            self._put(lot.name, replace(lot, calls=calls))

    def _entered_bridge(self, event: BridgeEnter) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        if event.find("BridgeType") == "parking":
            self._inside.add(uniqueid)
            self._doubts.discard(uniqueid)
        else:
            self._left_bridge(event)

    def _left_bridge(self, event: Event) -> None:
        uniqueid = self.reports.identifier(event, "Uniqueid")
        self._inside.discard(uniqueid)
        if uniqueid in self._lots:
            self._doubt(uniqueid)


def _call(event: ParkedCallEvent, since: float) -> LiveParkedCall:
    return LiveParkedCall(
        event.parking_space or "",
        identifier(event, "ParkeeUniqueid", ""),
        identifier(event, "ParkeeChannel", ""),
        since,
    )


def _in_order(calls: Iterable[LiveParkedCall]) -> tuple[LiveParkedCall, ...]:
    return tuple(sorted(calls, key=lambda each: (len(each.space), each.space)))
