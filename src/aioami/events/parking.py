"""Events of parked calls."""

from __future__ import annotations

from ..fields import Integer, Seconds, Text
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

    read_classes = ("call",)

    parker_dial_string = Text("ParkerDialString")
    parkinglot = Text("Parkinglot")
    parking_space = Text("ParkingSpace")
    parking_timeout = Seconds("ParkingTimeout")
    parking_duration = Seconds("ParkingDuration")


class ParkedCall(ParkedCallEvent):
    """A call was parked, or is an item of the list of `ParkedCalls`. Times are seconds."""


class ParkedCallGiveUp(ParkedCallEvent):
    """A parked caller hung up."""


class ParkedCallTimeOut(ParkedCallEvent):
    """A parked call's time is over."""


class ParkedCallSwap(ParkedCallEvent):
    """A parked channel took another's place."""


class UnParkedCall(ParkedCallEvent, RetrieverEvent):
    """A parked call was fetched back."""


class ParkedCallsComplete(ListComplete):
    """The end of a list of `ParkedCall`."""

    total = Integer("Total")


class Parkinglot(KnownEvent):
    """A parking lot, as `Parkinglots` lists it."""

    name_ = Text("Name")
    parkinglot = name_.alias()
    start_space = Integer("StartSpace")
    stop_space = Integer("StopSpace")
    timeout = Seconds("Timeout")


class ParkinglotsComplete(ListComplete):
    """The end of a list of `Parkinglot`."""
