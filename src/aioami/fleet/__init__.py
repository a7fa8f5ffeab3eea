"""Many servers in one program.

async with Fleet({"pbx1": "ami://u:s@10.0.0.1", "pbx2": "ami://u:s@10.0.0.2"}) as fleet:
    async for event in fleet.events(events.Hangup):
        print(event.server, event.channel)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connecting import Connecting, connect, is_bus
from .fleet import Fleet
from .health import ServerHealth
from .merged import MergedStream

if TYPE_CHECKING:
    from .file import read_servers
    from .live import FleetLive, FleetLiveChanges

__all__ = [
    "Connecting",
    "Fleet",
    "FleetLive",
    "FleetLiveChanges",
    "MergedStream",
    "ServerHealth",
    "connect",
    "is_bus",
    "read_servers",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # These names are loaded on first use: most programs need no live state or file of servers.
        if name in ("FleetLive", "FleetLiveChanges"):
            from . import live

            return globals().setdefault(name, getattr(live, name))
        if name == "read_servers":
            from .file import read_servers

            return globals().setdefault(name, read_servers)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
