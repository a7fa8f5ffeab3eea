"""Groups of headers that many events share: channels and bridges at the moment of the event.

Most events have one channel, whose headers have no prefix. In events with more channels, a prefix
marks the headers of the others: `DestChannel`, `DestCallerIDNum` ... These are views:
`event.dest.channel`, `event.dest.caller_id_num`.
"""

from __future__ import annotations

from ..enums import ChannelState
from ..fields import Enumeration, Escaped, EscapedVariables, Identifier, Integer, Nested, Text, View
from .base import KnownEvent

__all__ = [
    "Bridge",
    "BridgeEvent",
    "Channel",
    "ChannelEvent",
    "DestEvent",
    "ListComplete",
    "LocalOneEvent",
    "LocalTwoEvent",
    "OrigTransfererEvent",
    "ParkeeEvent",
    "ParkerEvent",
    "RetrieverEvent",
    "SecondTransfererEvent",
    "SourceEvent",
    "SpyeeEvent",
    "SpyerEvent",
    "TransferTargetEvent",
    "TransfereeEvent",
    "TransfererEvent",
]


class ChannelHeaders:
    """A channel at the moment of the event.

    Asterisk puts a backslash before quotes and backslashes in names and in values of variables; the
    attributes are without it.
    """

    __slots__ = ()

    channel = Identifier("Channel")
    channel_state = Enumeration("ChannelState", ChannelState)
    channel_state_desc = Text("ChannelStateDesc")
    caller_id_num = Text("CallerIDNum")
    caller_id_name = Escaped("CallerIDName")
    connected_line_num = Text("ConnectedLineNum")
    connected_line_name = Escaped("ConnectedLineName")
    language = Text("Language")
    account_code = Text("AccountCode")
    context = Text("Context")
    exten = Text("Exten")
    priority = Text("Priority")
    uniqueid = Identifier("Uniqueid")
    linkedid = Identifier("Linkedid")
    tenantid = Text("Tenantid")

    chan_variable = EscapedVariables("ChanVariable")


class _BridgeHeaders:
    """A bridge at the moment of the event."""

    __slots__ = ()

    bridge_uniqueid = Identifier("BridgeUniqueid")
    bridge_id = bridge_uniqueid.alias()
    bridge_type = Text("BridgeType")
    bridge_technology = Text("BridgeTechnology")
    bridge_creator = Text("BridgeCreator")
    bridge_name = Text("BridgeName")
    bridge_num_channels = Integer("BridgeNumChannels")
    bridge_video_source_mode = Text("BridgeVideoSourceMode")
    bridge_video_source = Text("BridgeVideoSource")


class Channel(ChannelHeaders, View):
    """A channel under a prefix in an event. It is false if the event has no such channel."""

    __slots__ = ()


class Bridge(_BridgeHeaders, View):
    """A bridge under a prefix in an event. It is false if the event has no such bridge."""

    __slots__ = ()


class ChannelEvent(ChannelHeaders, KnownEvent, abstract=True):
    """The base of events about a channel."""


class BridgeEvent(_BridgeHeaders, KnownEvent, abstract=True):
    """The base of events about a bridge."""


class DestEvent(KnownEvent, abstract=True):
    """The base of events that show the called channel too, as `dest`."""

    dest = Nested(Channel, "Dest")


class SourceEvent(KnownEvent, abstract=True):
    """The base of events that show one more channel, as `source`."""

    source = Nested(Channel, "Source")


class LocalOneEvent(KnownEvent, abstract=True):
    """The base of events that show the first half of a Local channel, as `local_one`."""

    local_one = Nested(Channel, "LocalOne")


class LocalTwoEvent(KnownEvent, abstract=True):
    """The base of events that show the second half of a Local channel, as `local_two`."""

    local_two = Nested(Channel, "LocalTwo")


class TransfererEvent(KnownEvent, abstract=True):
    """The base of events that show the channel that transfers, as `transferer`."""

    transferer = Nested(Channel, "Transferer")


class TransfereeEvent(KnownEvent, abstract=True):
    """The base of events that show the channel that is transferred, as `transferee`."""

    transferee = Nested(Channel, "Transferee")


class OrigTransfererEvent(KnownEvent, abstract=True):
    """The base of events that show the transferer's first channel, as `orig_transferer`."""

    orig_transferer = Nested(Channel, "OrigTransferer")


class SecondTransfererEvent(KnownEvent, abstract=True):
    """The base of events that show the transferer's second channel, as `second_transferer`."""

    second_transferer = Nested(Channel, "SecondTransferer")


class TransferTargetEvent(KnownEvent, abstract=True):
    """The base of events that show the target of a transfer, as `transfer_target`."""

    transfer_target = Nested(Channel, "TransferTarget")


class ParkeeEvent(KnownEvent, abstract=True):
    """The base of events that show the channel that is parked, as `parkee`."""

    parkee = Nested(Channel, "Parkee")


class ParkerEvent(KnownEvent, abstract=True):
    """The base of events that show the channel that parks, as `parker`."""

    parker = Nested(Channel, "Parker")


class RetrieverEvent(KnownEvent, abstract=True):
    """The base of events that show the channel that retrieves the call, as `retriever`."""

    retriever = Nested(Channel, "Retriever")


class SpyerEvent(KnownEvent, abstract=True):
    """The base of events that show the channel that listens, as `spyer`."""

    spyer = Nested(Channel, "Spyer")


class SpyeeEvent(KnownEvent, abstract=True):
    """The base of events that show the channel that is listened to, as `spyee`."""

    spyee = Nested(Channel, "Spyee")


class ListComplete(KnownEvent, abstract=True):
    """The base of events that end a list."""

    event_list = Text("EventList")
    list_items = Integer("ListItems")
