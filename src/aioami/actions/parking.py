"""Parking calls, and listing the parked ones."""

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
        channel_callback: the channel that gets the call back after the timeout. Asterisk 12 and
            later call it `TimeoutChannel`, but still accept the name that is sent here.
        timeout: milliseconds after which the call goes back, at least 1000; left out, the parking
            lot's timeout.
        announce_channel: the channel to which the space is announced; from Asterisk 12.
        parkinglot: the parking lot; left out, the default one.
        parking_space: the space; left out, the next free one. From Asterisk 12.
    """

    privilege = ("call",)

    def __init__(
        self,
        channel: str | bytes,
        channel_callback: str | bytes,
        timeout: int | None = None,
        *,
        announce_channel: str | bytes | None = None,
        parkinglot: str | bytes | None = None,
        parking_space: str | bytes | int | None = None,
    ) -> None:
        if isinstance(timeout, int):
            warn_of_seconds("timeout", timeout, stacklevel=2)
        # `timeout` cannot be declared: the attribute of that name is the time to wait for an
        # action's answer.
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
    """List the parked calls.

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
