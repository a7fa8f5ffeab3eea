"""Replies about extensions and people."""

from __future__ import annotations

from ..enums import ExtensionState, PresenceValue
from ..fields import Enumeration, Text
from .base import Response

__all__ = ["ExtensionStateReply", "PresenceStateReply"]


class ExtensionStateReply(Response):
    """The state of an extension's hint."""

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Enumeration("Status", ExtensionState)
    status_text = Text("StatusText")


class PresenceStateReply(Response):
    """A presence state."""

    state = Enumeration("State", PresenceValue)
    status = state.alias()
    subtype = Text("Subtype")

    @property
    def presence_message(self) -> str | None:
        """The message of the presence, which Asterisk writes into a second `Message` header."""
        messages = self.getall("Message")
        return messages[1] if len(messages) > 1 else None
