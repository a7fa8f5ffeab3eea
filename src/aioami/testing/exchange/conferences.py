"""ConfBridge and BridgeWait: channels that meet there remain separate calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clock import Signal
from .channels import UP, Bridge, Channel, Pairs

if TYPE_CHECKING:
    from . import Exchange

__all__ = ["Conference", "join", "wait"]


@dataclass
class Conference:
    """A conference; it ends when its last channel leaves."""

    exchange: Exchange
    name: str

    def __post_init__(self) -> None:
        exchange, name = self.exchange, self.name
        self.locked = False
        self.muted: set[Channel] = set()
        self._kicked: dict[Channel, Signal] = {}
        exchange.conferences[name] = self
        self.bridge = Bridge(exchange, "base", "softmix", "ConfBridge", name)
        self.bridge.announcer = f"CBAnn/{name}-{exchange.next_suffix('Local')};2"
        exchange.emit("ConfbridgeStart", self.snapshot())
        exchange.states.set(f"confbridge:{name}", "INUSE")

    def snapshot(self) -> Pairs:
        """Return the headers of events about conferences."""
        return [("Conference", self.name), *self.bridge.snapshot()]

    def named(self, name: str) -> list[Channel]:
        """Return the members that an action names: one by its channel, or `all`."""
        members = self.bridge.channels
        return [each for each in members if name.lower() in ("all", each.name.lower())]

    def mute(self, member: Channel, *, mute: bool) -> None:
        """Mute a member, or end that."""
        if mute:
            self.muted.add(member)
        else:
            self.muted.discard(member)
        who = [*self.snapshot(), *member.snapshot()]
        name = "ConfbridgeMute" if mute else "ConfbridgeUnmute"
        self.exchange.emit(name, [*who, ("Admin", "No")])

    def kick(self, member: Channel) -> None:
        """Make a member leave."""
        self._kicked[member].set()

    async def stay(self, member: Channel) -> str:
        """Keep a member until it leaves or is kicked; return the reason for CONFBRIDGE_RESULT.

        Raises:
            Gone: the channel must hang up.
            Redirected: it was redirected.
        """
        kicked = self._kicked[member] = Signal(self.exchange.clock)
        try:
            await member.pause(None, kicked)
            return "KICKED"
        finally:
            self.muted.discard(member)
            del self._kicked[member]

    def end(self) -> None:
        """End the conference."""
        del self.exchange.conferences[self.name]
        self.exchange.emit("ConfbridgeEnd", self.snapshot())
        self.bridge.announcer = ""
        self.bridge.destroy()
        self.exchange.states.set(f"confbridge:{self.name}", "NOT_INUSE")


async def join(channel: Channel, name: str) -> bool:
    """Run the application ConfBridge until the channel must leave.

    Raises:
        Gone: the channel must hang up.
        Redirected: it was redirected.
    """
    if not name:
        return False
    conference = channel.exchange.conferences.get(name) or Conference(channel.exchange, name)
    if channel.state != UP:
        channel.answer()
    if conference.locked:
        channel.set_variable("CONFBRIDGE_RESULT", "FAILED")
        return True
    conference.bridge.enter(channel)
    who = [*conference.snapshot(), *channel.snapshot()]
    channel.exchange.emit("ConfbridgeJoin", [*who, ("Admin", "No"), ("Muted", "No")])
    kicked = False
    try:
        channel.set_variable("CONFBRIDGE_RESULT", await conference.stay(channel))
        kicked = True
    finally:
        before = conference.snapshot()
        conference.bridge.leave(channel)
        channel.exchange.emit("ConfbridgeLeave", [*before, *channel.snapshot(), ("Admin", "No")])
        if not kicked:
            channel.set_variable("CONFBRIDGE_RESULT", "HANGUP")
        if not conference.bridge.channels:
            conference.end()
    return True


async def wait(channel: Channel, name: str) -> bool:
    """Run the application BridgeWait until the channel must leave.

    Raises:
        Gone: the channel must hang up.
        Redirected: it was redirected.
    """
    exchange = channel.exchange
    bridge = exchange.rooms.get(name)
    if bridge is None or bridge.uniqueid not in exchange.bridges:
        bridge = exchange.rooms[name] = Bridge(
            exchange,
            "base",
            "holding_bridge",
            "BridgeWait",
            name,
        )
    bridge.enter(channel)
    channel.emit("MusicOnHoldStart", [("Class", "default")])
    try:
        await channel.pause()
    finally:
        channel.emit("MusicOnHoldStop")
        bridge.leave(channel)
    return True
