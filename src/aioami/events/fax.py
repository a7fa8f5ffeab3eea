"""Events of faxes."""

from __future__ import annotations

from ..fields import Boolean, Identifier, Integer, Text, Texts
from .base import KnownEvent
from .snapshots import ChannelEvent, ListComplete

__all__ = [
    "FAXSession",
    "FAXSessionsComplete",
    "FAXSessionsEntry",
    "FAXStats",
    "FAXStatus",
    "FaxEvent",
    "ReceiveFAX",
    "SendFAX",
]


class FAXStatus(ChannelEvent):
    """A fax session has come to another step."""

    read_classes = ("call",)

    operation = Text("Operation")
    status = Text("Status")
    local_station_id = Text("LocalStationID")
    file_name = Text("FileName")


class FaxEvent(ChannelEvent, abstract=True):
    """An event with the result of a fax."""

    read_classes = ("call",)

    local_station_id = Text("LocalStationID")
    remote_station_id = Text("RemoteStationID")
    pages_transferred = Integer("PagesTransferred")
    resolution = Text("Resolution")
    transfer_rate = Text("TransferRate")
    file_name = Texts("FileName")


class ReceiveFAX(FaxEvent):
    """A fax was received."""


class SendFAX(FaxEvent):
    """A fax was sent."""


class FAXSession(KnownEvent):
    """A fax session, for the action of that name. Its headers depend on the session."""

    session_number = Integer("SessionNumber")
    operation = Text("Operation")
    state = Text("State")
    last_status = Text("LastStatus")
    error_correction_mode = Boolean("ErrorCorrectionMode")
    data_rate = Text("DataRate")
    ecm_mode = Text("ECMMode")
    image_resolution = Text("ImageResolution")
    page_number = Integer("PageNumber")
    file_name = Text("FileName")
    pages_transmitted = Integer("PagesTransmitted")
    pages_received = Integer("PagesReceived")
    total_bad_lines = Integer("TotalBadLines")


class FAXSessionsEntry(KnownEvent):
    """A fax session in short, as `FAXSessions` lists it."""

    channel = Identifier("Channel")
    technology = Text("Technology")
    session_number = Integer("SessionNumber")
    session_type = Text("SessionType")
    operation = Text("Operation")
    state = Text("State")
    files = Text("Files")


class FAXSessionsComplete(ListComplete):
    """The end of a list of `FAXSessionsEntry`."""

    total = Integer("Total")


class FAXStats(KnownEvent):
    """The fax statistics since Asterisk's start, for the action of that name."""

    current_sessions = Integer("CurrentSessions")
    reserved_sessions = Integer("ReservedSessions")
    transmit_attempts = Integer("TransmitAttempts")
    receive_attempts = Integer("ReceiveAttempts")
    completed_faxes = Integer("CompletedFAXes")
    failed_faxes = Integer("FailedFAXes")
