"""The live state of a server: its channels, bridges and queues, kept up to date by events.

async with Live(mgr) as live:
    for call in live.calls().values():
        print(*(channel.name for channel in call))
"""

from __future__ import annotations

from .bridges import LiveBridge
from .changes import LiveChange, LiveChanges
from .channels import LiveChannel
from .queues import LiveCaller, LiveMember, LiveQueue
from .state import DEFAULT_PARTS, Live

__all__ = [
    "DEFAULT_PARTS",
    "Live",
    "LiveBridge",
    "LiveCaller",
    "LiveChange",
    "LiveChanges",
    "LiveChannel",
    "LiveMember",
    "LiveQueue",
]
