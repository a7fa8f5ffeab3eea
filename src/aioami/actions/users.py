"""Events made by users."""

from __future__ import annotations

from ..responses.base import Response
from .base import KnownAction

__all__ = ["UserEvent"]


class UserEvent(KnownAction[Response]):
    """Send a `UserEvent` event to every client that may read it, this one included.

    Every keyword argument becomes a header. The event's own name is the argument `UserEvent`::

        core.UserEvent(UserEvent="DoorBell", Door="3")

    Header names that are no Python names can be given too:
    `core.UserEvent(**{"UserEvent": "X", "My-Header": "1"})`. The event repeats the ActionID.
    """

    privilege = ("user",)

    def __init__(self, **kwargs: str | bytes | int | None) -> None:
        self._declare(kwargs)
