"""The library's own events in streams: the link was lost, and it stands again.

No server sends these, so a message of such a name is a plain `Event`.
"""

from __future__ import annotations

from ..fields import Integer, Number, Text
from .base import Event

__all__ = ["Disconnected", "Reconnected"]


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
