"""The states of a manager's link."""

from __future__ import annotations

import enum

__all__ = ["ManagerState"]


class ManagerState(enum.Enum):
    """The state of a manager's link."""

    CLOSED = "closed"
    """There is no link, either not yet or not any more."""
    CONNECTING = "connecting"
    """The first link is on its way, and the login is not done."""
    CONNECTED = "connected"
    """The server greeted, and nobody is logged in."""
    READY = "ready"
    """Logged in."""
    RECONNECTING = "reconnecting"
    """The link was lost, and is being established again."""
    CLOSING = "closing"
    """A farewell is on its way."""
    LOST = "lost"
    """The link is gone for good, without being closed."""
