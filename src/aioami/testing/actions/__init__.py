"""What a fake server answers: one function for each action, by area."""

from __future__ import annotations

from . import channels, queues, session, sip, system
from .base import ACTIONS, ID, Answer, Denied, Known, Request, Session

__all__ = [
    "ACTIONS",
    "ID",
    "Answer",
    "Denied",
    "Known",
    "Request",
    "Session",
    "channels",
    "queues",
    "session",
    "sip",
    "system",
]
