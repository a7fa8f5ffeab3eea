"""Asterisk's own database of families, keys and values."""

from __future__ import annotations

from ..events.database import DBGetTreeComplete, DBGetTreeResponse
from ..responses.base import ListReply, Response
from ..responses.database import DBGetReply
from .base import KnownAction
from .parameters import header

__all__ = [
    "DBDel",
    "DBDelTree",
    "DBGet",
    "DBGetTree",
    "DBPut",
]


class DBDel(KnownAction[Response]):
    """Delete a key. One that does not exist is an error.

    Args:
        family, key: where it is.
    """

    privilege = ("system",)

    family: str | bytes = header("Family")
    key: str | bytes = header("Key")


class DBDelTree(KnownAction[Response]):
    """Delete a family, or the keys below a key in it. An empty tree is an error.

    Args:
        family: the family.
        key: the beginning of the keys; the whole family if left out.
    """

    privilege = ("system",)

    family: str | bytes = header("Family")
    key: str | bytes | None = header("Key", default=None)


class DBGet(KnownAction[DBGetReply]):
    """Read a key: one `DBGetResponse` event, whose value is also the reply's `value`.

    A missing key is an error.

    Args:
        family, key: where it is.
    """

    privilege = ("system", "reporting")
    reads_only = True

    family: str | bytes = header("Family")
    key: str | bytes = header("Key")


class DBGetTree(KnownAction[ListReply[DBGetTreeResponse, DBGetTreeComplete]]):
    """List keys and values. From Asterisk 16.28, 18.14 and 20.

    If there are none, the list is empty.

    Args:
        family: only this family; left out, all.
        key: the beginning of the keys.
    """

    privilege = ("system", "reporting")
    reads_only = True

    family: str | bytes | None = header("Family", default=None)
    key: str | bytes | None = header("Key", default=None)


class DBPut(KnownAction[Response]):
    """Store a value.

    Args:
        family, key: the place for the value.
        value: the text.
    """

    privilege = ("system",)

    family: str | bytes = header("Family")
    key: str | bytes = header("Key")
    value: str | bytes | int = header("Val")
