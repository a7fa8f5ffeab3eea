"""Events of chan_skinny, for telephones of another maker. Asterisk 20 was the last to have it."""

from __future__ import annotations

from ..fields import Integer, Text
from .base import KnownEvent
from .snapshots import ListComplete

__all__ = [
    "DeviceEntry",
    "DevicelistComplete",
    "LineEntry",
    "LinelistComplete",
]


class DeviceEntry(KnownEvent):
    """A device, as `SKINNYdevices` lists it. Until Asterisk 20."""

    channeltype = Text("Channeltype")
    channel_type = channeltype.alias()
    channel_object_type = Text("ChannelObjectType")
    object_name = Text("ObjectName")
    device_id = Text("DeviceId")
    ip_address = Text("IPaddress")
    type = Text("Type")
    devicestatus = Text("Devicestatus")
    number_of_lines = Integer("NumberOfLines")


class DevicelistComplete(ListComplete):
    """The end of a list of `DeviceEntry`. Until Asterisk 20."""


class LineEntry(KnownEvent):
    """A line, as `SKINNYlines` lists it. Until Asterisk 20."""

    channeltype = Text("Channeltype")
    channel_type = channeltype.alias()
    channel_object_type = Text("ChannelObjectType")
    object_name = Text("ObjectName")
    device = Text("Device")
    instance = Integer("Instance")
    label = Text("Label")


class LinelistComplete(ListComplete):
    """The end of a list of `LineEntry`. Until Asterisk 20."""
