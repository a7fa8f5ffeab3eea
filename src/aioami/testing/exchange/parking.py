"""Parking lots."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .calls import dial
from .channels import Bridge, Channel, Gone, Pairs, Redirected

if TYPE_CHECKING:
    from . import Exchange

__all__ = ["ParkedCall", "ParkingLot", "lots_of"]

_ANNOUNCEMENT: Final = 2.0  # seconds that it takes to say a number


@dataclass
class ParkedCall:
    """A parked call.

    Attributes:
        parkee: the channel that is parked.
        parker: the device that parked it, to which it returns.
        space: the number with which it is fetched.
        until: the clock's seconds when it returns.
        since: the clock's seconds when it was parked.
    """

    parkee: Channel
    parker: str
    space: int
    until: float
    since: float


@dataclass
class ParkingLot:
    """A parking lot.

    Attributes:
        find_next: if true, spaces are used in turn; otherwise the first that is free.
        calls: parked calls, by space.
    """

    exchange: Exchange
    name: str
    spaces: range
    context: str
    seconds: float
    back_to_origin: bool
    extension: str = ""
    find_next: bool = False
    calls: dict[int, ParkedCall] = field(default_factory=dict)
    bridge: Bridge | None = None
    _last: int = 0

    def snapshot(self, call: ParkedCall) -> Pairs:
        """Return the headers of events about a parked call."""
        now = self.exchange.clock.now
        return [
            *call.parkee.snapshot("Parkee"),
            ("ParkerDialString", call.parker),
            ("Parkinglot", self.name),
            ("ParkingSpace", str(call.space)),
            ("ParkingTimeout", str(max(0, int(call.until - now)))),
            ("ParkingDuration", str(int(now - call.since))),
        ]

    async def park(
        self,
        parkee: Channel,
        parker: str,
        seconds: float | None = None,
        *,
        announce: bool = False,
    ) -> bool:
        """Park a channel until it returns or is fetched.

        Args:
            parkee: the channel.
            parker: the device that parks it.
            seconds: parking timeout in seconds; `None` is that of the lot.
            announce: if true, the channel hears the number of the space first.

        Returns:
            True if the dialplan goes on.

        Raises:
            Gone: it hung up.
            Redirected: it was fetched or redirected.
        """
        exchange = self.exchange
        space = self._free()
        if space is None:
            return True
        self._last = space
        timeout = self.seconds if seconds is None else seconds
        now = exchange.clock.now
        call = self.calls[space] = ParkedCall(parkee, parker, space, now + timeout, now)
        if self.bridge is None:
            self.bridge = Bridge(exchange, "parking", "holding_bridge", "Parking", self.name)
        exchange.emit("ParkedCall", self.snapshot(call))
        exchange.states.set(f"park:{space}@{self.context}", "INUSE")
        self.bridge.enter(parkee)
        if parkee.variables.get("BLINDTRANSFER"):
            parkee.set_variable("BLINDTRANSFER", "")
        if announce:
            with contextlib.suppress(Gone, Redirected):  # the next wait raises it again
                await parkee.pause(_ANNOUNCEMENT)
        parkee.emit("MusicOnHoldStart", [("Class", "default")])
        try:
            await parkee.pause(call.until - exchange.clock.now)
        except (Gone, Redirected):
            if space in self.calls:
                exchange.emit("ParkedCallGiveUp", self.snapshot(call))
                self._goes(call)
            raise
        await self._goes_back(call)
        return False

    def _free(self) -> int | None:
        """Return the next free space, `None` if the lot is full."""
        behind = [number for number in self.spaces if self.find_next and number > self._last]
        return next(
            (number for number in (*behind, *self.spaces) if number not in self.calls),
            None,
        )

    def fetch(self, space: int, retriever: Channel) -> Channel:
        """Take a call out for another channel."""
        call = self.calls[space]
        who = [*call.parkee.snapshot("Parkee"), *retriever.snapshot("Retriever")]
        self.exchange.emit(
            "UnParkedCall",
            [*who, *self.snapshot(call)[len(call.parkee.snapshot()) :]],
        )
        self._goes(call)
        return call.parkee

    def _goes(self, call: ParkedCall) -> None:
        del self.calls[call.space]
        call.parkee.emit("MusicOnHoldStop")
        if self.bridge is not None:
            self.bridge.leave(call.parkee)
        self.exchange.states.set(f"park:{call.space}@{self.context}", "NOT_INUSE")

    async def _goes_back(self, call: ParkedCall) -> None:
        parkee, flat = call.parkee, call.parker.replace("/", "_")
        parkee.set_variable("PARKING_SPACE", str(call.space))
        if self.exchange.major < 18:
            parkee.set_variable("PARKINGSLOT", str(call.space))
        parkee.set_variable("PARKEDLOT", self.name)
        if call.parker:
            parkee.set_variable("PARKER", call.parker)
            parkee.set_variable("PARKER_FLAT", flat)
        parkee.set_variable("BRIDGE_FEATURES", "")
        parkee.emit("MusicOnHoldStop")
        old = parkee.context, parkee.exten, parkee.priority
        known = self.exchange.dialplan.find("parkedcallstimeout", flat) is not None
        new = ("parkedcallstimeout", flat, 1) if known else ("default", "s", 1)
        del self.calls[call.space]
        parkee.context, parkee.exten, parkee.priority = new
        self.exchange.emit("ParkedCallTimeOut", self.snapshot(call))
        parkee.context, parkee.exten, parkee.priority = old
        if self.bridge is not None:
            self.bridge.leave(parkee)
        parkee.context, parkee.exten, parkee.priority = parkee.emitted_place = new
        self.exchange.states.set(f"park:{call.space}@{self.context}", "NOT_INUSE")
        if self.back_to_origin and call.parker:
            await dial(parkee, [call.parker], 30)


def lots_of(exchange: Exchange) -> dict[str, ParkingLot]:
    """Return the lots of res_parking.conf by name, and add their spaces to the dialplan."""
    lots: dict[str, ParkingLot] = {}
    for category in exchange.file("res_parking.conf").categories:
        if category.name == "general":
            continue
        first, _, last = category.get("parkpos", "701-750").partition("-")
        last = last or first
        lot = lots[category.name] = ParkingLot(
            exchange,
            category.name,
            range(int(first), int(last) + 1),
            category.get("context", "parkedcalls"),
            float(category.get("parkingtime", "45")),
            category.get("comebacktoorigin", "yes") != "no",
            category.get("parkext"),
            category.get("findslot") == "next",
        )
        if lot.extension:
            context = exchange.dialplan.context(lot.context)
            exchange.dialplan.add(context, lot.extension, 1, f"Park({lot.name})")
            for space in lot.spaces:
                exchange.dialplan.add(context, str(space), 1, f"ParkedCall({lot.name},{space})")
    return lots
