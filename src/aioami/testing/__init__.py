"""Test kit for programs that use AMI: a fake server, real ones, a fault proxy, recordings."""

from __future__ import annotations

from .accounts import Account, EventFilter
from .actions import Request
from .connection import FakeConnection
from .fake import Expectation, FakeAsterisk
from .fleet import FakeFleet
from .proxy import Direction, FaultProxy
from .recording import Entry, Recording, RecordingError, Replay
from .story import Call, Phone

__all__ = [
    "Account",
    "Call",
    "Direction",
    "Entry",
    "EventFilter",
    "Expectation",
    "FakeAsterisk",
    "FakeConnection",
    "FakeFleet",
    "FaultProxy",
    "Phone",
    "Recording",
    "RecordingError",
    "Replay",
    "Request",
]
