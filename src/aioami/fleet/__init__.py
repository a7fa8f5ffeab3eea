"""Many servers in one program.

async with Fleet({"pbx1": "ami://u:s@10.0.0.1", "pbx2": "ami://u:s@10.0.0.2"}) as fleet:
    async for event in fleet.events(events.Hangup):
        print(event.server, event.channel)
"""

from __future__ import annotations

from .._client.streams import MergedStream
from .connecting import Connecting, connect
from .fleet import Fleet
from .health import ServerHealth

__all__ = ["Connecting", "Fleet", "MergedStream", "ServerHealth", "connect"]
