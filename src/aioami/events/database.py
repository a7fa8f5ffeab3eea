"""Events with which the database answers."""

from __future__ import annotations

from ..fields import Text
from .base import KnownEvent
from .snapshots import ListComplete

__all__ = [
    "DBGetComplete",
    "DBGetResponse",
    "DBGetTreeComplete",
    "DBGetTreeResponse",
]


class DBGetResponse(KnownEvent):
    """A value, as `DBGet` reads it."""

    family = Text("Family")
    key = Text("Key")
    val = Text("Val")


class DBGetComplete(ListComplete):
    """The end of the answer to `DBGet`."""


class DBGetTreeResponse(KnownEvent):
    """A key and its value, as an item of `DBGetTree`. From Asterisk 16."""

    key = Text("Key")
    val = Text("Val")


class DBGetTreeComplete(ListComplete):
    """The end of a list of `DBGetTreeResponse`."""
