"""Places in a server's log, as text that can be stored."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple, Union

from ..errors import ProtocolError
from .format import escape, server_name

__all__ = ["Oldest", "Position", "Since", "Start", "read_since"]

_VERSION: Final = "1"
_NUMBER: Final = r"\d{1,19}"
# Positions had no last number at first.
_SHAPE: Final = (
    rf"{_VERSION}\.([^.]+)\.(\d+)\.({_NUMBER})" + rf"\.({_NUMBER}|-)" * 3 + rf"(?:\.({_NUMBER}|-))?"
)

Since = Union[str, timedelta]
"""The beginning of a stream, as a stored position, a time before now, or `"oldest"`."""


class Position(NamedTuple):
    """The place after one message of a server's log.

    Attributes:
        server: the server's name on the bus.
        store: the digits of the time at which the log was made: another log of the same name has
            other sequences.
        sequence: the message's sequence in the log; 0 is before the first.
        epoch: its epoch; `None` where unknown.
        n: its number in the epoch; `None` where unknown.
        time: microseconds since 1970, when the message came; `None` where unknown.
        claimed: microseconds since 1970, when its epoch was claimed; `None` where unknown.
    """

    server: str
    store: str
    sequence: int
    epoch: int | None = None
    n: int | None = None
    time: int | None = None
    claimed: int | None = None

    @property
    def claim(self) -> tuple[int, int] | None:
        """The sequence and the time of its epoch's `@epoch`; `None` where unknown."""
        if self.epoch is None or self.claimed is None:
            return None
        return self.epoch, self.claimed

    def __str__(self) -> str:
        numbers = ("-" if each is None else str(each) for each in self[3:])
        server = escape(self.server)
        return ".".join((_VERSION, server, self.store or "0", str(self.sequence), *numbers))

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read a position from the text that `str()` of it gives.

        Raises:
            ValueError: the text is no position.
        """
        found = re.fullmatch(_SHAPE, text, re.ASCII)
        if found is None:
            raise ValueError(f"since: {text!r:.80} is no position of a stream, nor 'oldest'")
        try:
            server = server_name(found[1])
        except ProtocolError:
            raise ValueError(f"since: {text!r:.80} is no position of a stream") from None
        optional = (None if each in ("-", None) else int(each) for each in found.groups()[3:])
        return cls(server, found[2], int(found[3]), *optional)


class Oldest:
    """Stands for the oldest message that the log has."""


Start = Union[Position, datetime, Oldest, None]
"""The place where the reading of a log begins; `None` is its end at this moment."""


def read_since(since: Since | None, server: str) -> Start:
    """Return the start that `since` stands for.

    Args:
        since: the caller's argument.
        server: the name of the server; a position must be of the same.

    Raises:
        ValueError: `since` is no position, or one of another server, or a negative timedelta.
        TypeError: `since` is neither text nor a timedelta.
    """
    if since is None:
        return None
    if isinstance(since, timedelta):
        if since < timedelta(0):
            raise ValueError(f"since: a time before now, of at least 0 seconds, not {since}")
        try:
            return datetime.now(timezone.utc) - since
        except OverflowError:
            return Oldest()
    given: object = since
    if not isinstance(given, str):
        kind = type(given).__name__
        raise TypeError(f"since: expected a position, a timedelta or 'oldest', not {kind}")
    if since == "oldest":
        return Oldest()
    position = Position.parse(since)
    if position.server != server:
        raise ValueError(
            f"since: a position of {position.server!r:.80}, and this is {server!r:.80}"
        )
    return position
