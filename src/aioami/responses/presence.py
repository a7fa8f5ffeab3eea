"""Replies about extensions and people."""

from __future__ import annotations

from ..enums import ExtensionState, PresenceValue
from ..fields import Enumeration, Text
from .base import Response

__all__ = ["ExtensionStateReply", "PresenceStateReply"]


class ExtensionStateReply(Response):
    """What an extension's hint shows."""

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Enumeration("Status", ExtensionState)
    status_text = Text("StatusText")


class PresenceStateReply(Response):
    """Whether somebody is there."""

    state = Enumeration("State", PresenceValue)
    subtype = Text("Subtype")

    @property
    def presence_message(self) -> str | None:
        """What they want to be told to others; Asterisk writes it into a second `Message` header."""
        messages = self.getall("Message")
        return messages[1] if len(messages) > 1 else None
