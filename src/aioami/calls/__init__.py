"""Calls, put together from the events of a server.

    tracer = CallTracer()
    for entry in Recording.load("monday.jsonl").entries:
        if entry.data.startswith("Event: "):
            tracer.take(events.parse(entry.data), entry.time)
    print(tracer.find("1700000000.12"))

Asterisk gives one `Linkedid` to all channels that belong together. When two calls become one, as
by a bridge or a transfer, the channels of the younger call get the `Linkedid` of the older one. A
`CallTrace` covers such a call from its first channel to its last. It has the channels and the
steps: the dialling, the answer, who talked to whom, and the hang-up with its cause. Nothing here
does any input or output.
"""

from __future__ import annotations

from .._show.ladder import Ladder, LadderLine
from .ends import CallEnd, CallState, EndReason
from .model import CallChannel, CallStep, CallTrace, Named
from .sentences import CALL_EVENTS
from .tracer import CallTracer

__all__ = [
    "CALL_EVENTS",
    "CallChannel",
    "CallEnd",
    "CallState",
    "CallStep",
    "CallTrace",
    "CallTracer",
    "EndReason",
    "Ladder",
    "LadderLine",
    "Named",
]
