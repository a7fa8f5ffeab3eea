"""Events of instant messengers."""

from __future__ import annotations

from ..fields import Integer, Text
from .base import KnownEvent

__all__ = [
    "JabberStatus",
]


class JabberStatus(KnownEvent):
    """A contact in the roster of an XMPP account became available or unavailable."""

    read_classes = ("user",)

    account = Text("Account")
    jid = Text("JID")
    resource = Text("Resource")
    status = Text("Status")
    priority = Integer("Priority")
    description = Text("Description")
