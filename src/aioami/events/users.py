"""Events made by users."""

from __future__ import annotations

from typing import Any, Final

from ..fields import Text
from ..wire import Message
from .base import Event
from .snapshots import ChannelHeaders

__all__ = ["UserEvent"]

_CLASSES: Final[dict[str, type[UserEvent]]] = {}
"""The classes that users have made, by the name of their user event in lower case."""


class UserEvent(ChannelHeaders, Event):
    """An event from the dialplan or a client, with the lines as they wrote them.

    That of the dialplan has the channel that ran `UserEvent`, and its variables; that of a client
    has the ActionID of its action.

    A class of your own gives types to the headers of one of them, and selects it::

        class DoorBell(UserEvent, user_event="DoorBell"):
            door = Integer("Door")

        async for ring in mgr.events(DoorBell):
            print(ring.door)

    Without `user_event` the class's own name is meant. The latest class of a name counts.
    """

    read_classes = ("user",)

    user_event = Text("UserEvent")

    def __init_subclass__(
        cls, *, user_event: str | None = None, abstract: bool = False, **kwargs: Any
    ) -> None:
        super().__init_subclass__(abstract=True, **kwargs)
        if not abstract:
            _CLASSES[(user_event or cls.__name__).lower()] = cls

    def __new__(cls, text: str = "") -> UserEvent:
        if cls is UserEvent and _CLASSES:
            name = Message(text).find("UserEvent") or ""
            cls = _CLASSES.get(name.strip().lower(), cls)
        return super().__new__(cls)
