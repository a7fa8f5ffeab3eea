"""Events of the dialplan."""

from __future__ import annotations

from ..fields import Integer, Text
from .base import KnownEvent
from .snapshots import ListComplete

__all__ = [
    "ListDialplan",
    "ShowDialPlanComplete",
]


class ListDialplan(KnownEvent):
    """A line of the dialplan, as `ShowDialPlan` lists it."""

    context = Text("Context")
    extension = Text("Extension")
    exten = extension.alias()
    extension_label = Text("ExtensionLabel")
    priority = Text("Priority")
    application = Text("Application")
    app_data = Text("AppData")
    application_data = app_data.alias()
    registrar = Text("Registrar")
    include_context = Text("IncludeContext")
    switch = Text("Switch")
    ignore_pattern = Text("IgnorePattern")


class ShowDialPlanComplete(ListComplete):
    """The end of a list of `ListDialplan`."""

    list_extensions = Integer("ListExtensions")
    list_priorities = Integer("ListPriorities")
    list_contexts = Integer("ListContexts")
