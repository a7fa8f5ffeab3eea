"""Replies of the database."""

from __future__ import annotations

from ..events.database import DBGetComplete, DBGetResponse
from .base import ListReply

__all__ = ["DBGetReply"]


class DBGetReply(ListReply[DBGetResponse, DBGetComplete]):
    """A list of one `DBGetResponse` event."""

    __slots__ = ()

    @property
    def value(self) -> str | None:
        """The value that was stored; `None` if there is no such key."""
        return self.events[0].get("Val") if self.events else None
