"""Events of parked calls."""

from __future__ import annotations

from ..fields import Integer, Text
from .base import KnownEvent
from .snapshots import ListComplete, ParkeeEvent, ParkerEvent, RetrieverEvent

__all__ = [
    "ParkedCall",
    "ParkedCallEvent",
    "ParkedCallGiveUp",
    "ParkedCallSwap",
    "ParkedCallTimeOut",
    "ParkedCallsComplete",
    "Parkinglot",
    "ParkinglotsComplete",
    "UnParkedCall",
]


class ParkedCallEvent(ParkeeEvent, ParkerEvent, abstract=True):
    """An event about a parked call. Times are seconds."""

    __slots__ = ()

    parker_dial_string = Text("ParkerDialString")
    parkinglot = Text("Parkinglot")
    parking_space = Text("ParkingSpace")
    parking_timeout = Integer("ParkingTimeout")
    parking_duration = Integer("ParkingDuration")


class ParkedCall(ParkedCallEvent):
    """A call was parked, or is an item of the list of `ParkedCalls`. Times are seconds."""

    __slots__ = ()


class ParkedCallGiveUp(ParkedCallEvent):
    """A parked caller hung up."""

    __slots__ = ()


class ParkedCallTimeOut(ParkedCallEvent):
    """A parked call's time is over."""

    __slots__ = ()


class ParkedCallSwap(ParkedCallEvent):
    """A parked channel took another's place."""

    __slots__ = ()


class UnParkedCall(ParkedCallEvent, RetrieverEvent):
    """A parked call was fetched back."""

    __slots__ = ()


class ParkedCallsComplete(ListComplete):
    """The end of a list of `ParkedCall`."""

    __slots__ = ()

    total = Integer("Total")


class Parkinglot(KnownEvent):
    """A parking lot, as `Parkinglots` lists it."""

    __slots__ = ()

    name_ = Text("Name")
    start_space = Text("StartSpace")
    stop_space = Text("StopSpace")
    timeout = Integer("Timeout")


class ParkinglotsComplete(ListComplete):
    """The end of a list of `Parkinglot`."""

    __slots__ = ()
