"""Replies about recordings."""

from __future__ import annotations

from ..fields import Text
from .base import Response

__all__ = ["MixMonitorReply"]


class MixMonitorReply(Response):
    """The recording began."""

    mix_monitor_id = Text("MixMonitorID")
    """The id of the recording on the channel, if the option `i` asked for it."""
