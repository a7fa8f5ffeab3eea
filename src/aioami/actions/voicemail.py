"""Actions on voicemail boxes."""

from __future__ import annotations

from ..responses.base import Response
from ..responses.voicemail import MailboxCountReply, MailboxStatusReply
from .base import Action

__all__ = ["MailboxCount", "MailboxStatus", "VoicemailUsersList"]


class MailboxCount(Action[MailboxCountReply]):
    """Count a mailbox's messages.

    Args:
        mailbox: as `box@context`.
    """

    privilege = ("call", "reporting")
    response_type = MailboxCountReply

    def __init__(self, mailbox: str) -> None:
        self._declare({"Mailbox": mailbox})


class MailboxStatus(Action[MailboxStatusReply]):
    """Say whether a mailbox has messages waiting.

    Args:
        mailbox: as `box@context`.
    """

    privilege = ("call", "reporting")
    response_type = MailboxStatusReply

    def __init__(self, mailbox: str) -> None:
        self._declare({"Mailbox": mailbox})


class VoicemailUsersList(Action[Response]):
    """List the voicemail users: `VoicemailUserEntry` events, ended by `VoicemailUserEntryComplete`.

    With no user at all the answer is a plain success without a list.
    """

    privilege = ("call", "reporting")

    def __init__(self) -> None:
        self._declare({})
