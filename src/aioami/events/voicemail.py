"""Events of voicemail boxes."""

from __future__ import annotations

from ..fields import Boolean, Integer, Number, Text
from .base import KnownEvent
from .snapshots import ChannelEvent, ListComplete

__all__ = [
    "MessageWaiting",
    "VoicemailUserEntry",
    "VoicemailUserEntryComplete",
]


class VoicemailUserEntry(KnownEvent):
    """A voicemail user, as `VoicemailUsersList` lists it."""

    __slots__ = ()

    vm_context = Text("VMContext")
    voice_mailbox = Text("VoiceMailbox")
    fullname = Text("Fullname")
    email = Text("Email")
    pager = Text("Pager")
    server_email = Text("ServerEmail")
    from_string = Text("FromString")
    mail_command = Text("MailCommand")
    language = Text("Language")
    time_zone = Text("TimeZone")
    callback = Text("Callback")
    dialout = Text("Dialout")
    uniqueid = Text("UniqueID")
    exit_context = Text("ExitContext")
    say_duration_minimum = Integer("SayDurationMinimum")
    say_envelope = Boolean("SayEnvelope")
    say_c_id = Boolean("SayCID")
    attach_message = Boolean("AttachMessage")
    attachment_format = Text("AttachmentFormat")
    delete_message = Boolean("DeleteMessage")
    volume_gain = Number("VolumeGain")
    can_review = Boolean("CanReview")
    can_mark_urgent = Boolean("CanMarkUrgent")
    call_operator = Boolean("CallOperator")
    max_message_count = Integer("MaxMessageCount")
    max_message_length = Integer("MaxMessageLength")
    new_message_count = Integer("NewMessageCount")
    old_message_count = Integer("OldMessageCount")
    imap_user = Text("IMAPUser")
    imap_server = Text("IMAPServer")
    imap_port = Text("IMAPPort")
    imap_flags = Text("IMAPFlags")


class VoicemailUserEntryComplete(ListComplete):
    """The end of a list of `VoicemailUserEntry`."""

    __slots__ = ()


class MessageWaiting(ChannelEvent):
    """A mailbox has messages, or none any more."""

    __slots__ = ()

    mailbox = Text("Mailbox")
    waiting = Integer("Waiting")
    new = Integer("New")
    old = Integer("Old")
