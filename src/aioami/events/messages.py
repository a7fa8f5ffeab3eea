"""Events of instant messengers."""

from __future__ import annotations

from ..fields import Integer, Text
from .base import KnownEvent

__all__ = [
    "JabberStatus",
]


class JabberStatus(KnownEvent):
    """Somebody in the roster of an XMPP account is there, or no more."""

    read_classes = ("user",)

    account = Text("Account")
    jid = Text("JID")
    resource = Text("Resource")
    status = Text("Status")
    priority = Integer("Priority")
    description = Text("Description")
