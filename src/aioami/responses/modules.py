"""Replies about modules."""

from __future__ import annotations

from ..fields import Text
from .base import Response

__all__ = ["ModuleCheckReply"]


class ModuleCheckReply(Response):
    """The module is loaded."""

    version = Text("Version")
    """Empty in every version of Asterisk that aioami knows."""
