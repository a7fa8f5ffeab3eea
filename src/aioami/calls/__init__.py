"""Calls: placing and controlling them, and tracing the calls of a server through its events.

    async with mgr.call("PJSIP/alice", to="100@internal", timeout=20) as call:
        await call.answered()
        end = await call.ended()

A `Call` is a call that `Manager.call()` has placed, or the call of an AGI session.

    tracer = CallTracer()
    for entry in Recording.load("monday.jsonl").entries:
        if entry.data.startswith("Event: "):
            tracer.take(events.parse(entry.data), entry.time)
    print(tracer.find("1700000000.12"))

Asterisk gives one `Linkedid` to all channels that belong together. When two calls become one, as
by a bridge or a transfer, the channels of the younger call get the `Linkedid` of the older one. A
`CallTrace` covers such a call from its first channel to its last. It has the channels and the
steps: the dialling, the answer, who talked to whom, and the hang-up with its cause. The tracer
does no input or output: it gets the events from the program.
"""

from __future__ import annotations

from .._show.ladder import Ladder, LadderLine
from ..errors import NotAnswered
from .call import Call
from .ends import CallEnd, CallState, EndReason
from .model import CallChannel, CallStep, CallTrace, Named
from .placing import Application, Destination, PlacedCall
from .sentences import CALL_EVENTS
from .tracer import CallTracer
from .watch import CallChange, CallChanges

__all__ = [
    "CALL_EVENTS",
    "Application",
    "Call",
    "CallChange",
    "CallChanges",
    "CallChannel",
    "CallEnd",
    "CallState",
    "CallStep",
    "CallTrace",
    "CallTracer",
    "Destination",
    "EndReason",
    "Ladder",
    "LadderLine",
    "Named",
    "NotAnswered",
    "PlacedCall",
]
