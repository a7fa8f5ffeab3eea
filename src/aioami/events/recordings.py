"""Events of recordings."""

from __future__ import annotations

from ..fields import Boolean, Text
from .snapshots import ChannelEvent

__all__ = [
    "MixMonitorMute",
    "MixMonitorStart",
    "MixMonitorStop",
    "MonitorStart",
    "MonitorStop",
]


class MonitorStart(ChannelEvent):
    """A channel begins to be recorded. Until Asterisk 20."""

    read_classes = ("call",)


class MonitorStop(ChannelEvent):
    """A channel is recorded no more. Until Asterisk 20."""

    read_classes = ("call",)


class MixMonitorStart(ChannelEvent):
    """A channel begins to be recorded. From Asterisk 16."""

    read_classes = ("call",)


class MixMonitorStop(ChannelEvent):
    """A channel is recorded no more. From Asterisk 16."""

    read_classes = ("call",)


class MixMonitorMute(ChannelEvent):
    """A direction is left out of a recording, or taken in again. From Asterisk 16."""

    read_classes = ("call",)

    direction = Text("Direction")
    state = Boolean("State")
