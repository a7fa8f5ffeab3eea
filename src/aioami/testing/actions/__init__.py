"""Actions of a fake server: one function for each, by area."""

from __future__ import annotations

from . import calls, channels, conferences, pjsip, queues, session, sip, system, telephones
from .base import ACTIONS, ID, Answer, Denied, Known, Request, Session

__all__ = [
    "ACTIONS",
    "ID",
    "Answer",
    "Denied",
    "Known",
    "Request",
    "Session",
    "calls",
    "channels",
    "conferences",
    "pjsip",
    "queues",
    "session",
    "sip",
    "system",
    "telephones",
]
