"""Caches of configuration objects from external sources (res_sorcery_memory_cache)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..responses.base import Response
from .base import KnownAction
from .parameters import header, yes_no

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "SorceryMemoryCacheExpire",
    "SorceryMemoryCacheExpireObject",
    "SorceryMemoryCachePopulate",
    "SorceryMemoryCacheStale",
    "SorceryMemoryCacheStaleObject",
]


class _Cache(KnownAction[Response], abstract=True):
    """An action on a cache."""

    privilege = ("system",)

    cache: str | bytes = header("Cache")


class SorceryMemoryCacheExpire(_Cache):
    """Remove all objects from a cache. From Asterisk 13.5.

    Args:
        cache: its name.
    """


class SorceryMemoryCacheExpireObject(_Cache):
    """Remove an object from a cache. From Asterisk 13.5.

    Args:
        cache: its name.
        object: the object's name.
    """

    object: str | bytes = header("Object")


class SorceryMemoryCacheStale(_Cache):
    """Mark all objects in a cache as stale: each is read again when it is next used. From 13.5.

    Args:
        cache: the cache's name.
    """


class SorceryMemoryCacheStaleObject(_Cache):
    """Mark an object in a cache as stale: it is read again when it is next used. From 13.5.

    Args:
        cache: its name.
        object: the object's name.
        reload: whether it is read again at once; from Asterisk 13.14.
    """

    object: str | bytes = header("Object")
    _: KW_ONLY
    reload: bool | None = header("Reload", yes_no, default=None)


class SorceryMemoryCachePopulate(_Cache):
    """Clear a cache, and read all objects into it again. From Asterisk 13.7.

    Args:
        cache: its name.
    """
