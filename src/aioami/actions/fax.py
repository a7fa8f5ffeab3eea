"""Faxes."""

from __future__ import annotations

from ..events import fax as events
from ..events.fax import FAXSessionsComplete, FAXSessionsEntry
from ..responses.base import ListReply
from .base import KnownAction
from .parameters import header, whole_number

__all__ = [
    "FAXSession",
    "FAXSessions",
    "FAXStats",
]


class FAXSession(KnownAction[ListReply[events.FAXSession, events.FAXSession]]):
    """Describe a fax session in one `FAXSession` event. An unknown session is an error.

    Args:
        session_number: its number.
    """

    privilege = ("call",)
    reads_only = True
    list_unmarked = True
    fenced = True

    session_number: int = header("SessionNumber", whole_number(minimum=0))


class FAXSessions(KnownAction[ListReply[FAXSessionsEntry, FAXSessionsComplete]]):
    """List the fax sessions."""

    privilege = ("call",)
    reads_only = True


class FAXStats(KnownAction[ListReply[events.FAXStats, events.FAXStats]]):
    """Report the fax statistics in one `FAXStats` event."""

    privilege = ("reporting",)
    reads_only = True
    list_unmarked = True
    fenced = True
