"""Call detail records, and the log of a channel's events."""

from __future__ import annotations

from ..fields import DateTime, Identifier, Seconds, Text
from .base import KnownEvent

__all__ = [
    "CEL",
    "Cdr",
]


class Cdr(KnownEvent):
    """The record of a call that is over. Its durations are seconds; its times are in the server's
    own time zone, or in UTC where cdr.conf says `usegmtime`.
    """

    read_classes = ("cdr",)

    account_code = Text("AccountCode")
    source = Text("Source")
    destination = Text("Destination")
    destination_context = Text("DestinationContext")
    caller_id = Text("CallerID")
    channel = Identifier("Channel")
    destination_channel = Text("DestinationChannel")
    last_application = Text("LastApplication")
    last_data = Text("LastData")
    start_time = DateTime("StartTime")
    answer_time = DateTime("AnswerTime")
    """`None` if it was not answered."""
    end_time = DateTime("EndTime")
    duration = Seconds("Duration")
    billable_seconds = Seconds("BillableSeconds")
    disposition = Text("Disposition")
    ama_flags = Text("AMAFlags")
    uniqueid = Text("UniqueID")
    user_field = Text("UserField")
    linkedid = Text("LinkedID")
    language = Text("Language")


class CEL(KnownEvent):
    """A step in the life of a channel, for logging."""

    read_classes = ("call",)

    event_name = Text("EventName")
    account_code = Text("AccountCode")
    caller_id_num = Text("CallerIDnum")
    caller_id_name = Text("CallerIDname")
    caller_id_ani = Text("CallerIDani")
    caller_id_rdnis = Text("CallerIDrdnis")
    caller_id_dnid = Text("CallerIDdnid")
    exten = Text("Exten")
    context = Text("Context")
    channel = Identifier("Channel")
    application = Text("Application")
    app_data = Text("AppData")
    event_time = DateTime("EventTime")
    """The time of the event in the server's time zone; `None` if cel.conf sets a `dateformat`."""
    ama_flags = Text("AMAFlags")
    uniqueid = Text("UniqueID")
    linkedid = Text("LinkedID")
    user_field = Text("UserField")
    linkedid = Text("LinkedID")
    language = Text("Language")
    peer = Text("Peer")
    peer_account = Text("PeerAccount")
    extra = Text("Extra")
