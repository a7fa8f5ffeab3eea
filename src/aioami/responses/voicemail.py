"""Replies about voicemail boxes."""

from __future__ import annotations

import re
from typing import Final

from ..fields import Boolean, Integer, Text
from .base import Response

__all__ = ["MailboxCountReply", "MailboxStatusReply", "VoicemailReply"]

_FAILED: Final = re.compile(r"Message (move|remove|forward) failed", re.IGNORECASE)


class MailboxCountReply(Response):
    """The numbers of messages in a mailbox."""

    mailbox = Text("Mailbox")
    urg_messages = Integer("UrgMessages")
    new_messages = Integer("NewMessages")
    new = new_messages.alias()
    old_messages = Integer("OldMessages")
    old = old_messages.alias()


class MailboxStatusReply(Response):
    """The flag of waiting messages of a mailbox."""

    mailbox = Text("Mailbox")
    waiting = Boolean("Waiting")


class VoicemailReply(Response):
    """The result of moving, removing or forwarding a message.

    Asterisk calls a failure a success too; only its sentence differs.
    """

    @property
    def success(self) -> bool:
        return super().success and not _FAILED.match(self.message)
