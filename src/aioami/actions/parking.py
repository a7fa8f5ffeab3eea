"""Parking calls and finding them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events.parking import ParkedCall, ParkedCallsComplete, Parkinglot, ParkinglotsComplete
from ..responses.base import ListReply, Response
from .base import KnownAction
from .parameters import header, milliseconds, optional, text, warn_of_seconds

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "Park",
    "ParkedCalls",
    "Parkinglots",
]


class Park(KnownAction[Response]):
    """Park a channel. A `ParkedCall` event has the space.

    Args:
        channel: the channel to park.
        channel_callback: the channel that gets the call back when the time is over. Asterisk 12 and
            later call it `TimeoutChannel`, and still know the name that is sent here.
        timeout: milliseconds after which the call goes back, 1000 at least; the parking lot's own
            if left out.
        announce_channel: the channel to which the space is announced; from Asterisk 12.
        parkinglot: which lot; the default one if left out.
        parking_space: which space; the next free one if left out. From Asterisk 12.
    """

    privilege = ("call",)

    def __init__(
        self,
        channel: str,
        channel_callback: str,
        timeout: int | None = None,
        *,
        announce_channel: str | None = None,
        parkinglot: str | None = None,
        parking_space: str | bytes | int | None = None,
    ) -> None:
        if isinstance(timeout, int):
            warn_of_seconds("timeout", timeout, stacklevel=2)
        # `timeout` cannot be declared: an action's attribute of that name is how long its answer is
        # waited for.
        self._declare(
            {
                "Channel": text("channel", channel),
                "Channel2": text("channel_callback", channel_callback),
                "Timeout": optional("timeout", timeout or None, milliseconds),
                "AnnounceChannel": optional("announce_channel", announce_channel),
                "Parkinglot": optional("parkinglot", parkinglot),
                "ParkingSpace": optional("parking_space", parking_space),
            }
        )


class ParkedCalls(KnownAction[ListReply[ParkedCall, ParkedCallsComplete]]):
    """List the calls that are parked.

    Args:
        parking_lot: only this lot; left out, all; an unknown one is an error. From Asterisk 12.
    """

    privilege = ("call",)
    reads_only = True

    _: KW_ONLY
    parking_lot: str | bytes | None = header("ParkingLot", default=None)


class Parkinglots(KnownAction[ListReply[Parkinglot, ParkinglotsComplete]]):
    """List the parking lots."""

    privilege = ("call",)
    reads_only = True
