"""Actions on Asterisk's own database of families, keys and values."""

from __future__ import annotations

from ..responses.base import Response
from ..responses.database import DBGetReply
from .base import Action

__all__ = ["DBDel", "DBDelTree", "DBGet", "DBPut"]


class DBDel(Action[Response]):
    """Delete a key. One that does not exist is an error.

    Args:
        family, key: where it is.
    """

    privilege = ("system",)

    def __init__(self, family: str, key: str) -> None:
        self._declare({"Family": family, "Key": key})


class DBDelTree(Action[Response]):
    """Delete a family, or what is below a key in it. An empty tree is an error.

    Args:
        family: the family.
        key: the beginning of the keys; the whole family if left out.
    """

    privilege = ("system",)

    def __init__(self, family: str, key: str | None = None) -> None:
        self._declare({"Family": family, "Key": key})


class DBGet(Action[DBGetReply]):
    """Read a key: one `DBGetResponse` event, whose value is also the reply's `value`. A missing key is an error.

    Args:
        family, key: where it is.
    """

    privilege = ("system", "reporting")
    response_type = DBGetReply

    def __init__(self, family: str, key: str) -> None:
        self._declare({"Family": family, "Key": key})


class DBPut(Action[Response]):
    """Store a value.

    Args:
        family, key: where to.
        value: the text.
    """

    privilege = ("system",)

    def __init__(self, family: str, key: str, value: str | int) -> None:
        self._declare({"Family": family, "Key": key, "Val": value})
