"""What the library itself tells in streams: that the link was lost, and that it stands again.

No server sends these, so they are in no table of the server's events: a message of that name is a plain `Event`.
"""

from __future__ import annotations

from ..fields import Integer, Number, Text
from .base import Event

__all__ = ["Disconnected", "Reconnected"]


class Disconnected(Event, abstract=True):
    """The link to the server was lost, and is being established again. Events are missing from here on."""

    reason = Text("Reason")
    """Why, in one sentence."""

    @classmethod
    def because(cls, reason: Exception) -> Disconnected:
        """The event that tells of a reason."""
        return cls(f"Event: Disconnected\r\nReason: {' '.join(str(reason).split())}")


class Reconnected(Event, abstract=True):
    """The link stands again, and the login is done. What was known of the server may be out of date."""

    gap = Number("Gap")
    """Seconds for which the link was down."""
    attempts = Integer("Attempts")
    """How many attempts it took."""

    @classmethod
    def after(cls, gap: float, attempts: int) -> Reconnected:
        """The event that tells of a gap."""
        return cls(f"Event: Reconnected\r\nGap: {gap:.6f}\r\nAttempts: {attempts}")
