"""Actions on bridges, the rooms in which channels hear each other."""

from __future__ import annotations

from ..responses.base import Response
from .base import Action, yes_no

__all__ = ["Bridge"]


class Bridge(Action[Response]):
    """Connect two channels that exist already.

    Args:
        channel_1: the first channel's name.
        channel_2: the second one's.
        tone: who hears a tone: `True` is the second channel; or `"no"`, `"Channel1"`, `"Channel2"`, `"Both"`
            (the names from Asterisk 12).
    """

    privilege = ("call",)

    def __init__(self, channel_1: str, channel_2: str, tone: bool | str = False) -> None:
        self._declare(
            {
                "Channel1": channel_1,
                "Channel2": channel_2,
                "Tone": tone if isinstance(tone, str) else yes_no("tone", tone),
            }
        )
