"""The library's own events in streams: about the link, and about the servers on a bus.

No server sends these, so a message with such a name is a plain `Event`.
"""

from __future__ import annotations

from ..fields import Integer, Number, Text
from .base import Event

__all__ = ["Disconnected", "Reconnected", "RelayChanged", "ServerAppeared", "ServerGone"]


class Disconnected(Event, abstract=True):
    """The link was lost and is being established again. Events are missing from here on."""

    reason = Text("Reason")
    """The reason, in one sentence."""

    @classmethod
    def because(cls, reason: Exception) -> Disconnected:
        """Return the event with a reason."""
        return cls(f"Event: Disconnected\r\nReason: {' '.join(str(reason).split())}")


class Reconnected(Event, abstract=True):
    """The link is established again, with the login. The server's state may have changed."""

    gap = Number("Gap")
    """Seconds for which the link was down."""
    attempts = Integer("Attempts")
    """The number of attempts that it took."""

    @classmethod
    def after(cls, gap: float, attempts: int) -> Reconnected:
        """Return the event with a gap."""
        return cls(f"Event: Reconnected\r\nGap: {gap:.6f}\r\nAttempts: {attempts}")


class ServerAppeared(Event, abstract=True):
    """A relay for a server has appeared on the bus, for the first time or again, so a fleet on the
    bus has one more server. Its name is the event's `server`.
    """

    relay = Text("Relay")
    """The name of the relay."""

    @classmethod
    def by(cls, relay: str) -> ServerAppeared:
        """Return the event with the name of a relay."""
        return cls(f"Event: ServerAppeared\r\nRelay: {relay}")


class ServerGone(Event, abstract=True):
    """A server of a fleet has no relay any more. Its name is the event's `server`.

    The server stays in the fleet, but is not ready.
    """

    relay = Text("Relay")
    """The name of the relay that led last."""

    @classmethod
    def after(cls, relay: str) -> ServerGone:
        """Return the event with the name of the last relay."""
        return cls(f"Event: ServerGone\r\nRelay: {relay}")


class RelayChanged(Event, abstract=True):
    """Another relay now leads for a server. The server's name is the event's `server`."""

    relay = Text("Relay")
    """The name of the relay that leads now."""
    previous = Text("Previous")
    """The name of the relay that led before."""
    epoch = Integer("Epoch")
    """The number of this leadership, which is higher than that of the one before."""

    @classmethod
    def to(cls, relay: str, previous: str, epoch: int) -> RelayChanged:
        """Return the event with the names of two relays."""
        lines = (f"Relay: {relay}", f"Previous: {previous}", f"Epoch: {epoch}")
        return cls("\r\n".join(("Event: RelayChanged", *lines)))
