"""Replies about extensions."""

from __future__ import annotations

from ..fields import Integer, Text
from .base import Response

__all__ = ["ExtensionStateReply"]


class ExtensionStateReply(Response):
    """What an extension's hint shows."""

    __slots__ = ()

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Integer("Status")
    """-2 removed, -1 no hint, 0 idle, or a sum of 1 in use, 2 busy, 4 unavailable, 8 ringing, 16 on hold."""
    status_text = Text("StatusText")
