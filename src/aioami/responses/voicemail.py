"""Replies about voicemail boxes."""

from __future__ import annotations

from ..fields import Boolean, Integer, Text
from .base import Response

__all__ = ["MailboxCountReply", "MailboxStatusReply"]


class MailboxCountReply(Response):
    """How many messages a mailbox has."""

    __slots__ = ()

    mailbox = Text("Mailbox")
    urg_messages = Integer("UrgMessages")
    new_messages = Integer("NewMessages")
    old_messages = Integer("OldMessages")


class MailboxStatusReply(Response):
    """Whether a mailbox has messages waiting."""

    __slots__ = ()

    mailbox = Text("Mailbox")
    waiting = Boolean("Waiting")
