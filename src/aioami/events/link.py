"""The library's own events in streams: of the link, and of the servers on a bus.

No server sends these, so a message of such a name is a plain `Event`.
"""

from __future__ import annotations

from ..fields import Integer, Number, Text
from .base import Event

__all__ = ["Disconnected", "Reconnected", "RelayChanged", "ServerAppeared", "ServerGone"]


class Disconnected(Event, abstract=True):
    """The link was lost and is being established again. Events are missing from here on."""

    reason = Text("Reason")
    """Why, in one sentence."""

    @classmethod
    def because(cls, reason: Exception) -> Disconnected:
        """Return the event with a reason."""
        return cls(f"Event: Disconnected\r\nReason: {' '.join(str(reason).split())}")


class Reconnected(Event, abstract=True):
    """The link stands again, with the login done. The server's state may have changed meanwhile."""

    gap = Number("Gap")
    """Seconds for which the link was down."""
    attempts = Integer("Attempts")
    """The number of attempts."""

    @classmethod
    def after(cls, gap: float, attempts: int) -> Reconnected:
        """Return the event with a gap."""
        return cls(f"Event: Reconnected\r\nGap: {gap:.6f}\r\nAttempts: {attempts}")


class ServerAppeared(Event, abstract=True):
    """A fleet that is found on a bus has a server more: a relay is there for it, for the first time
    or again. Its name is the event's `server`.
    """

    relay = Text("Relay")
    """The name of the relay."""

    @classmethod
    def by(cls, relay: str) -> ServerAppeared:
        """Return the event with the name of a relay."""
        return cls(f"Event: ServerAppeared\r\nRelay: {relay}")


class ServerGone(Event, abstract=True):
    """No relay is there any more for a server of a fleet, whose name is the event's `server`.

    The server stays in the fleet, and is not ready.
    """

    relay = Text("Relay")
    """The name of the relay that led last."""

    @classmethod
    def after(cls, relay: str) -> ServerGone:
        """Return the event with the name of the last relay."""
        return cls(f"Event: ServerGone\r\nRelay: {relay}")


class RelayChanged(Event, abstract=True):
    """Another relay leads for a server, whose name is the event's `server`."""

    relay = Text("Relay")
    """The name of the relay that leads now."""
    previous = Text("Previous")
    """The name of the relay that led before."""
    epoch = Integer("Epoch")
    """The number of its leadership; each one has a higher number than the one before."""

    @classmethod
    def to(cls, relay: str, previous: str, epoch: int) -> RelayChanged:
        """Return the event with the names of two relays."""
        lines = (f"Relay: {relay}", f"Previous: {previous}", f"Epoch: {epoch}")
        return cls("\r\n".join(("Event: RelayChanged", *lines)))
