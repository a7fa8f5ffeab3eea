"""Events about the states of devices and the presence of people."""

from __future__ import annotations

from ..enums import DeviceState, ExtensionState, PresenceValue
from ..fields import Enumeration, Text
from .base import KnownEvent
from .snapshots import ListComplete

__all__ = [
    "DeviceStateChange",
    "DeviceStateListComplete",
    "ExtensionStateListComplete",
    "ExtensionStatus",
    "MobileStatus",
    "PresenceStateChange",
    "PresenceStateListComplete",
    "PresenceStatus",
]


class ExtensionStatus(KnownEvent):
    """The state of an extension's hint has changed; or an item of `ExtensionStateList`."""

    read_classes = ("call",)

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Enumeration("Status", ExtensionState)
    status_text = Text("StatusText")


class ExtensionStateListComplete(ListComplete):
    """The end of a list of `ExtensionStatus`."""


class DeviceStateChange(KnownEvent):
    """A device is in another state; or an item of `DeviceStateList`."""

    read_classes = ("call",)

    device = Text("Device")
    state = Enumeration("State", DeviceState)


class DeviceStateListComplete(ListComplete):
    """The end of a list of `DeviceStateChange`."""


class PresenceStateChange(KnownEvent):
    """A presence has changed; or an item of `PresenceStateList`."""

    read_classes = ("call",)

    presentity = Text("Presentity")
    status = Enumeration("Status", PresenceValue)
    state = status.alias()
    subtype = Text("Subtype")
    message_ = Text("Message")


class PresenceStateListComplete(ListComplete):
    """The end of a list of `PresenceStateChange`."""


class PresenceStatus(KnownEvent):
    """The presence of an extension's hint has changed."""

    read_classes = ("call",)

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Enumeration("Status", PresenceValue)
    state = status.alias()
    subtype = Text("Subtype")
    message_ = Text("Message")


class MobileStatus(KnownEvent):
    """A Bluetooth telephone of chan_mobile was connected, or lost."""

    read_classes = ("system",)

    status = Text("Status")
    device = Text("Device")
