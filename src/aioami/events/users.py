"""Events made by users."""

from __future__ import annotations

from ..fields import Text
from .base import Event

__all__ = [
    "UserEvent",
]


class UserEvent(Event):
    """An event made by the dialplan or by a client. It holds their lines as they wrote them, and the ActionID of a
    client's action.
    """

    __slots__ = ()

    user_event = Text("UserEvent")
    channel = Text("Channel")
    uniqueid = Text("Uniqueid")
