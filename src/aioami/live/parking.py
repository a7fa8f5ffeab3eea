"""The parking lots of the live state, with the calls that are parked there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..actions.parking import ParkedCalls, Parkinglots
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
from .part import Lists, LiveObject, Reports, Table

__all__ = ["LiveParkedCall", "LiveParkingLot", "Parking"]


@dataclass(frozen=True, slots=True, repr=False)
class LiveParkedCall(LiveObject):
    """A call that is parked.

    Attributes:
        space: the place, which is the extension to dial.
        uniqueid: the Uniqueid of the channel, a key of `Live.channels`.
        channel: the channel's name.
        since: when it was parked, in seconds since 1970 by the clock of `Live`.
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
    """The parking lots, by name."""

    name = "parking"
    kind = "parking"
    modules = frozenset({"res_parking"})

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self.handlers = {
            ParkedCall: self._parked,
            ParkedCallSwap: self._parked,
            UnParkedCall: self._left,
            ParkedCallGiveUp: self._left,
            ParkedCallTimeOut: self._left,
        }

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        found: dict[str, list[LiveParkedCall]] = {}
        async for item in lists.items(Parkinglots()):
            if isinstance(item, Parkinglot) and item.name_:
                found[item.name_] = []
        known = {
            (lot.name, call.uniqueid): call.since
            for lot in self._objects.values()
            for call in lot.calls
        }
        now = self.reports.clock()
        async for item in lists.items(ParkedCalls()):
            if isinstance(item, ParkedCall) and item.parkinglot:
                # The list counts whole seconds: the time that is known already is better.
                uniqueid = identifier(item, "ParkeeUniqueid") or ""
                since = known.get((item.parkinglot, uniqueid), now - (item.parking_duration or 0))
                found.setdefault(item.parkinglot, []).append(_call(item, since))
        self._show({name: LiveParkingLot(name, _in_order(calls)) for name, calls in found.items()})

    def _parked(self, event: ParkedCallEvent) -> None:
        name = event.parkinglot
        if not name:
            return
        call = _call(event, self.reports.clock())
        lot = self._objects.get(name) or LiveParkingLot(name)
        for each in lot.calls:  # it was parked while the list was made
            if each.uniqueid == call.uniqueid:
                call = replace(call, since=each.since)
        # Who takes another's place by a swap has the same space.
        others = [each for each in lot.calls if call.space != each.space]
        others = [each for each in others if each.uniqueid != call.uniqueid]
        self._put(name, replace(lot, calls=_in_order([*others, call])))

    def _left(self, event: ParkedCallEvent) -> None:
        lot = self._objects.get(event.parkinglot or "")
        if lot is not None:
            uniqueid = identifier(event, "ParkeeUniqueid")
            calls = tuple(each for each in lot.calls if each.uniqueid != uniqueid)
            self._put(lot.name, replace(lot, calls=calls))


def _call(event: ParkedCallEvent, since: float) -> LiveParkedCall:
    return LiveParkedCall(
        event.parking_space or "",
        identifier(event, "ParkeeUniqueid") or "",
        identifier(event, "ParkeeChannel") or "",
        since,
    )


def _in_order(calls: Iterable[LiveParkedCall]) -> tuple[LiveParkedCall, ...]:
    return tuple(sorted(calls, key=lambda each: (len(each.space), each.space)))
