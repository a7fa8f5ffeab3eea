"""Events of voicemail boxes."""

from __future__ import annotations

from ..fields import Boolean, Integer, Number, Seconds, Text
from .base import KnownEvent
from .snapshots import ChannelEvent, ListComplete

__all__ = [
    "MWIGet",
    "MWIGetComplete",
    "MessageWaiting",
    "MiniVoiceMail",
    "VoicemailBoxDetail",
    "VoicemailBoxDetailComplete",
    "VoicemailPasswordChange",
    "VoicemailUser",
    "VoicemailUserDetail",
    "VoicemailUserDetailComplete",
    "VoicemailUserEntry",
    "VoicemailUserEntryComplete",
]


class VoicemailUser(KnownEvent, abstract=True):
    """An item that describes a user of voicemail."""

    vm_context = Text("VMContext")
    context = vm_context.alias()
    voice_mailbox = Text("VoiceMailbox")
    mailbox = voice_mailbox.alias()
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
    say_cid = Boolean("SayCID")
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
    new = new_message_count.alias()
    new_messages = new_message_count.alias()
    old_message_count = Integer("OldMessageCount")
    old = old_message_count.alias()
    old_messages = old_message_count.alias()
    imap_user = Text("IMAPUser")
    imap_server = Text("IMAPServer")
    imap_port = Text("IMAPPort")
    imap_flags = Text("IMAPFlags")


class VoicemailUserEntry(VoicemailUser):
    """A user of voicemail, as `VoicemailUsersList` lists them."""


class VoicemailUserEntryComplete(ListComplete):
    """The end of a list of `VoicemailUserEntry`."""


class MessageWaiting(ChannelEvent):
    """A mailbox has messages, or none any more."""

    read_classes = ("call",)

    mailbox = Text("Mailbox")
    waiting = Boolean("Waiting")
    new = Integer("New")
    new_messages = new.alias()
    old = Integer("Old")
    old_messages = old.alias()


class VoicemailUserDetail(VoicemailUser):
    """A user of voicemail, as `VoicemailUserStatus` describes them. From Asterisk 16."""


class VoicemailUserDetailComplete(ListComplete):
    """The end of the list of `VoicemailUserStatus`."""


class VoicemailBoxDetail(KnownEvent):
    """A message in a mailbox, as `VoicemailBoxSummary` lists it. From Asterisk 18."""

    folder = Text("Folder")
    caller_id = Text("CallerID")
    date = Text("Date")
    """In the server's own local time, in words."""
    duration = Seconds("Duration")
    flag = Text("Flag")
    """`Urgent`, or empty."""
    id = Text("ID")


class VoicemailBoxDetailComplete(ListComplete):
    """The end of a list of `VoicemailBoxDetail`."""


class VoicemailPasswordChange(KnownEvent):
    """A user of voicemail has another password, which no log or repr shows. From Asterisk 18."""

    read_classes = ("system", "user")

    context = Text("Context")
    vm_context = context.alias()
    mailbox = Text("Mailbox")
    voice_mailbox = mailbox.alias()
    new_password = Text("NewPassword")


class MiniVoiceMail(ChannelEvent):
    """A message was sent to a mailbox of MiniVM."""

    read_classes = ("call",)

    action_ = Text("Action")
    mailbox = Text("Mailbox")
    counter = Text("Counter")


class MWIGet(KnownEvent):
    """A mailbox that another program manages, as the action `MWIGet` lists it."""

    mailbox = Text("Mailbox")
    old_messages = Integer("OldMessages")
    old = old_messages.alias()
    new_messages = Integer("NewMessages")
    new = new_messages.alias()


class MWIGetComplete(ListComplete):
    """The end of a list of `MWIGet`."""
