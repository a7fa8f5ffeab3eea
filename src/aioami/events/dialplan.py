"""Events of extensions, devices and presence."""

from __future__ import annotations

from ..fields import Integer, Text
from .base import KnownEvent
from .snapshots import ListComplete

__all__ = [
    "DeviceStateChange",
    "DeviceStateListComplete",
    "ExtensionStateListComplete",
    "ExtensionStatus",
    "ListDialplan",
    "PresenceStateChange",
    "PresenceStateListComplete",
    "PresenceStatus",
    "ShowDialPlanComplete",
]


class ExtensionStatus(KnownEvent):
    """An extension's hint shows something else."""

    __slots__ = ()

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Integer("Status")
    status_text = Text("StatusText")


class ExtensionStateListComplete(ListComplete):
    """The end of a list of `ExtensionStatus`."""

    __slots__ = ()


class DeviceStateChange(KnownEvent):
    """A device is in another state."""

    __slots__ = ()

    device = Text("Device")
    state = Text("State")


class DeviceStateListComplete(ListComplete):
    """The end of a list of `DeviceStateChange`."""

    __slots__ = ()


class PresenceStateChange(KnownEvent):
    """Somebody's presence has changed."""

    __slots__ = ()

    presentity = Text("Presentity")
    status = Text("Status")
    subtype = Text("Subtype")
    message_ = Text("Message")


class PresenceStateListComplete(ListComplete):
    """The end of a list of `PresenceStateChange`."""

    __slots__ = ()


class PresenceStatus(KnownEvent):
    """A hint shows another presence."""

    __slots__ = ()

    exten = Text("Exten")
    context = Text("Context")
    hint = Text("Hint")
    status = Text("Status")
    subtype = Text("Subtype")
    message_ = Text("Message")


class ListDialplan(KnownEvent):
    """A line of the dialplan, as `ShowDialPlan` lists it."""

    __slots__ = ()

    context = Text("Context")
    extension = Text("Extension")
    extension_label = Text("ExtensionLabel")
    priority = Text("Priority")
    application = Text("Application")
    app_data = Text("AppData")
    registrar = Text("Registrar")
    include_context = Text("IncludeContext")
    switch = Text("Switch")
    ignore_pattern = Text("IgnorePattern")


class ShowDialPlanComplete(ListComplete):
    """The end of a list of `ListDialplan`."""

    __slots__ = ()

    list_extensions = Integer("ListExtensions")
    list_priorities = Integer("ListPriorities")
    list_contexts = Integer("ListContexts")
