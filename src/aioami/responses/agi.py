"""Replies to AGI commands."""

from __future__ import annotations

from ..events.agi import AsyncAGIExec
from .base import OutcomeReply

__all__ = ["AGIReply"]


class AGIReply(OutcomeReply[AsyncAGIExec]):
    """The command was queued; `outcome()` is the event with its result."""
