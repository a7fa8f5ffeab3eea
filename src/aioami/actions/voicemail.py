"""Voicemail boxes, and the message lamps of external mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import voicemail as events
from ..events.voicemail import (
    MWIGetComplete,
    VoicemailBoxDetail,
    VoicemailBoxDetailComplete,
    VoicemailUserDetail,
    VoicemailUserDetailComplete,
    VoicemailUserEntry,
    VoicemailUserEntryComplete,
)
from ..responses.base import ListReply, Response
from ..responses.voicemail import MailboxCountReply, MailboxStatusReply, VoicemailReply
from .base import KnownAction
from .parameters import header, whole_number

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "MWIDelete",
    "MWIGet",
    "MWIUpdate",
    "MailboxCount",
    "MailboxStatus",
    "VoicemailBoxSummary",
    "VoicemailForward",
    "VoicemailMove",
    "VoicemailRefresh",
    "VoicemailRemove",
    "VoicemailUserStatus",
    "VoicemailUsersList",
]


class MailboxCount(KnownAction[MailboxCountReply]):
    """Count a mailbox's messages.

    Args:
        mailbox: as `box@context`.
    """

    privilege = ("call", "reporting")
    reads_only = True

    mailbox: str | bytes = header("Mailbox")


class MailboxStatus(KnownAction[MailboxStatusReply]):
    """Say whether a mailbox has messages waiting.

    Args:
        mailbox: as `box@context`.
    """

    privilege = ("call", "reporting")
    reads_only = True

    mailbox: str | bytes = header("Mailbox")


class VoicemailUsersList(KnownAction[ListReply[VoicemailUserEntry, VoicemailUserEntryComplete]]):
    """List the users of voicemail."""

    privilege = ("call", "reporting")
    reads_only = True
    empty_list_messages = ("There are no voicemail users currently defined.",)


class VoicemailUserStatus(KnownAction[ListReply[VoicemailUserDetail, VoicemailUserDetailComplete]]):
    """Describe a user of voicemail. An unknown one is an empty list. From Asterisk 16.

    Args:
        context: the mailbox's context.
        mailbox: its number.
    """

    privilege = ("call", "reporting")
    reads_only = True
    empty_list_messages = ("There is no voicemail user of the given info.",)

    context: str | bytes = header("Context")
    mailbox: str | bytes | int = header("Mailbox")


class VoicemailBoxSummary(KnownAction[ListReply[VoicemailBoxDetail, VoicemailBoxDetailComplete]]):
    """List the messages in a mailbox. From Asterisk 18.20 and 20.5.

    Args:
        context: the mailbox's context.
        mailbox: its number.
    """

    privilege = ("call", "reporting")
    reads_only = True
    empty_list_messages = ("There is no voicemail user of the given info.",)

    context: str | bytes = header("Context")
    mailbox: str | bytes | int = header("Mailbox")


class VoicemailRefresh(KnownAction[Response]):
    """Count the messages of mailboxes again, after another program has changed them.

    Args:
        context: only those of this context; left out, all.
        mailbox: only this one.
    """

    privilege = ("user",)

    context: str | bytes | None = header("Context", default=None)
    mailbox: str | bytes | int | None = header("Mailbox", default=None)


class _Voicemail(KnownAction[VoicemailReply], abstract=True):
    """An action on a message in a mailbox."""

    privilege = ("user",)

    context: str | bytes = header("Context")
    mailbox: str | bytes | int = header("Mailbox")
    folder: str | bytes = header("Folder")
    id: str | bytes = header("ID")


class VoicemailMove(_Voicemail):
    """Move a message into another folder. From Asterisk 18.20 and 20.5.

    Args:
        context, mailbox, folder, id: where the message is, and its id.
        to_folder: the folder's name, as `Old`.
    """

    to_folder: str | bytes = header("ToFolder")


class VoicemailRemove(_Voicemail):
    """Delete a message. From Asterisk 18.20 and 20.5.

    Args:
        context, mailbox, folder, id: where the message is, and its id.
    """


class VoicemailForward(_Voicemail):
    """Copy a message into another mailbox. From Asterisk 18.20 and 20.5.

    Args:
        context, mailbox, folder, id: where the message is, and its id.
        to_context, to_mailbox, to_folder: where the copy goes.
    """

    to_context: str | bytes = header("ToContext")
    to_mailbox: str | bytes | int = header("ToMailbox")
    to_folder: str | bytes = header("ToFolder")


class MWIGet(KnownAction[ListReply[events.MWIGet, MWIGetComplete]]):
    """List external mailboxes with their numbers of messages (res_mwi_external_ami).

    Args:
        mailbox: its name; or a regular expression between slashes.
    """

    privilege = ("call", "reporting")
    reads_only = True

    mailbox: str | bytes = header("Mailbox")


class MWIUpdate(KnownAction[Response]):
    """Set the numbers of messages of an external mailbox. `MessageWaiting` events follow.

    Args:
        mailbox: its name.
        old_messages, new_messages: how many.
    """

    privilege = ("call",)

    mailbox: str | bytes = header("Mailbox")
    _: KW_ONLY
    old_messages: int | None = header("OldMessages", whole_number(minimum=0), default=None)
    new_messages: int | None = header("NewMessages", whole_number(minimum=0), default=None)


class MWIDelete(KnownAction[Response]):
    """Delete external mailboxes, which another program manages, from Asterisk.

    Args:
        mailbox: its name; or a regular expression between slashes.
    """

    privilege = ("call",)

    mailbox: str | bytes = header("Mailbox")
