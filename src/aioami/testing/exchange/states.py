"""Device states, and the hints that follow them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .channels import RINGING, UP, Channel

if TYPE_CHECKING:
    from . import Exchange

__all__ = ["DEVICE_STATES", "States"]

DEVICE_STATES: Final = (
    *("UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE"),
    "ONHOLD",
)
# Asterisk's own thread for devices runs a little later, and skips states that have passed by then.
_MOMENT: Final = 0.005  # seconds
_EXTENSION: Final = {
    -1: "Unknown",
    0: "Idle",
    1: "InUse",
    2: "Busy",
    4: "Unavailable",
    8: "Ringing",
    9: "InUse&Ringing",
    16: "Hold",
}
_OF_DEVICE: Final = {
    "INUSE": 1,
    "BUSY": 2,
    "INVALID": 4,
    "UNAVAILABLE": 4,
    "RINGING": 8,
    "RINGINUSE": 9,
    "ONHOLD": 16,
}


class States:
    """The states of devices and extensions."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._set: dict[str, str] = {}
        self._emitted: dict[str, str] = {}
        self._looked_at: set[str] = set()

    def device(self, device: str) -> str:
        """Return the state of a device: `NOT_INUSE`, `RINGING` ..."""
        if device in self._set:
            return self._set[device]
        technology, _, rest = device.partition("/")
        if technology == "Local":
            exten, _, context = rest.partition("/")[0].partition("@")
            if self._exchange.dialplan.find(context, exten) is None:
                return "INVALID"
        elif ":" in technology:  # Custom:name, park:space@context
            return "UNKNOWN"
        elif not self._exchange.has_phone(device):
            return "INVALID"
        own, channels = device.partition("/n")[0], self._exchange.channels.values()
        calls = [channel for channel in channels if channel.device == own]
        if not calls:
            return "NOT_INUSE"
        if technology != "Local" and all(channel.state == RINGING for channel in calls):
            return "RINGING"
        busy = technology == "Local" or any(channel.state == UP for channel in calls)
        return "INUSE" if busy else "NOT_INUSE"

    def known(self) -> dict[str, str]:
        """Return the states of all declared phones, and those that were set or emitted."""
        devices = [*self._exchange.declared_phones(), *self._set, *self._emitted]
        return {device: self.device(device) for device in dict.fromkeys(devices)}

    def number(self, device: str) -> int:
        """Return the state of a device as a number, as queues have it."""
        state = self.device(device)
        return DEVICE_STATES.index(state) if state in DEVICE_STATES else 0

    def set(self, device: str, state: str) -> None:
        """Set the state of a device; nothing is emitted if it is the same."""
        if self._set.get(device) != state.upper():
            self._set[device] = state.upper()
            self._changed(device, state.upper())

    def appeared(self, device: str) -> None:
        """Emit the state of a new device."""
        self._changed(device, self.device(device))

    def channel_changed(self, channel: Channel) -> None:
        """Emit the state of a channel's device a moment later, if it has changed by then."""
        if channel.device not in self._looked_at:
            self._looked_at.add(channel.device)
            self._exchange.clock.spawn(self._look(channel.device))

    async def _look(self, device: str) -> None:
        await self._exchange.clock.sleep(_MOMENT)
        self._looked_at.discard(device)
        state = self.device(device)
        if self._emitted.get(device, "NOT_INUSE") != state:
            self._emitted[device] = state
            self._changed(device, state)

    def extension(self, context: str, exten: str) -> tuple[str, int, str]:
        """Return the hint of an extension, and the number and the text of its state."""
        hint = self._exchange.dialplan.hint(context, exten)
        if hint is None:
            return "", -1, _EXTENSION[-1]
        states = {_OF_DEVICE.get(self.device(device.strip()), 0) for device in hint.split("&")}
        if states in ({2}, {4}):  # busy or unavailable, if all devices are
            (number,) = states
        else:
            rings, in_use = states & {8, 9}, states & {1, 2, 9}
            number = (8 if rings else 0) + (1 if in_use else 0) or (16 if 16 in states else 0)
        return hint, number, _EXTENSION[number]

    def context_of(self, device: str) -> str:
        """Return the context for calls from a phone."""
        technology, _, name = device.partition("/")
        file = self._exchange.file(
            {"PJSIP": "pjsip.conf", "SIP": "sip.conf"}.get(technology, "iax.conf"),
        )
        return file.get(name, "context", "default")

    def _changed(self, device: str, state: str) -> None:
        exchange = self._exchange
        exchange.emit("DeviceStateChange", [("Device", device), ("State", state)])
        for context, plan in exchange.dialplan.contexts.items():
            for exten, devices in plan.hints.items():
                if device in devices.split("&"):
                    hint, number, text = self.extension(context, exten)
                    place = [("Exten", exten), ("Context", context), ("Hint", hint)]
                    exchange.emit(
                        "ExtensionStatus",
                        [*place, ("Status", str(number)), ("StatusText", text)],
                    )
        for queue in exchange.queues.values():
            queue.device_changed(device)
