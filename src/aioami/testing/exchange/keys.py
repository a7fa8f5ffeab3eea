"""Keys that a caller presses, and other ends of waiting for them."""

from __future__ import annotations

from typing import Final

from .channels import Channel

__all__ = ["NEW_COMMAND", "NO_DIGITS", "STOP", "listen"]

STOP: Final = "stop"
"""Stands among the digits for the action ControlPlayback."""

NEW_COMMAND: Final = "new command"
"""Stands among the digits for a command of AGI that comes while another one runs."""

NO_DIGITS: Final = frozenset({STOP, NEW_COMMAND})
"""The entries among the digits that are no digits."""


async def listen(
    channel: Channel,
    seconds: float | None,
    wanted: str | None = None,
    *,
    stops: frozenset[str] = frozenset(),
) -> str:
    """Wait for a digit or a stop, and return it; return an empty text when the time is over.

    Keys that were pressed before are lost.

    Args:
        channel: the channel.
        seconds: seconds to wait; `None` is no limit.
        wanted: the digits to wait for; `None` is all.
        stops: the stops that end the waiting, of `STOP` and `NEW_COMMAND`.
    """
    clock = channel.exchange.clock
    until = None if seconds is None else clock.now + seconds
    channel.keys.clear()
    channel.listens = True
    try:
        while True:
            channel.key_pressed.clear()
            left = None if until is None else max(0.0, until - clock.now)
            if await channel.pause(left, channel.key_pressed) is None:
                return ""
            while channel.keys:
                key = channel.keys.popleft()
                if key in stops if key in NO_DIGITS else wanted is None or key in wanted:
                    return key
    finally:
        channel.listens = False
