"""Events of loading, unloading and reading configuration again."""

from __future__ import annotations

from ..fields import Integer, Text
from .base import KnownEvent

__all__ = [
    "Load",
    "Reload",
    "Unload",
]


class Reload(KnownEvent):
    """A module, or `All`, has read its configuration again."""

    read_classes = ("system",)

    module = Text("Module")
    status = Integer("Status")
    """0 is right; all else is why not."""


class Load(KnownEvent):
    """A module was loaded. From Asterisk 16."""

    read_classes = ("system",)

    module = Text("Module")
    status = Text("Status")


class Unload(KnownEvent):
    """A module was unloaded. From Asterisk 16."""

    read_classes = ("system",)

    module = Text("Module")
    status = Text("Status")
