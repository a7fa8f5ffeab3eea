"""The states of a manager's link."""

from __future__ import annotations

import enum

__all__ = ["ManagerState"]


class ManagerState(enum.Enum):
    """The state of a manager's link."""

    CLOSED = "closed"
    """There is no link yet, or no longer."""
    CONNECTING = "connecting"
    """The first link is being established, and the login is not done."""
    CONNECTED = "connected"
    """The server has greeted, but no user is logged in."""
    READY = "ready"
    """The manager is logged in."""
    RECONNECTING = "reconnecting"
    """The link was lost and is being established again."""
    CLOSING = "closing"
    """The manager is logging off and closing the link."""
    LOST = "lost"
    """The link is lost for good, without a `close()`."""
