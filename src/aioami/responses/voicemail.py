"""Replies about voicemail boxes."""

from __future__ import annotations

import re
from typing import Final

from ..fields import Boolean, Integer, Text
from .base import Response

__all__ = ["MailboxCountReply", "MailboxStatusReply", "VoicemailReply"]

_FAILED: Final = re.compile(r"Message (move|remove|forward) failed", re.IGNORECASE)


class MailboxCountReply(Response):
    """How many messages a mailbox has."""

    mailbox = Text("Mailbox")
    urg_messages = Integer("UrgMessages")
    new_messages = Integer("NewMessages")
    old_messages = Integer("OldMessages")


class MailboxStatusReply(Response):
    """Whether a mailbox has messages waiting."""

    mailbox = Text("Mailbox")
    waiting = Boolean("Waiting")


class VoicemailReply(Response):
    """A message was moved, removed or forwarded, or not: Asterisk calls both a success, and its sentence tells."""

    @property
    def success(self) -> bool:
        return super().success and not _FAILED.match(self.message)
