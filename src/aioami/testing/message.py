"""Messages of a fake server: their bytes, and events on their way to a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["QueuedEvent", "encode"]


class QueuedEvent(NamedTuple):
    """An event that a client has not been sent yet.

    Attributes:
        classes: the event classes that a client must have in its mask.
        name: the event's name.
        text: its bytes.
    """

    classes: frozenset[str]
    name: str
    text: bytes


def encode(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Encode a message.

    A header whose value is NUL becomes a line without a colon. A single header without a name is
    sent as the text that it holds.
    """
    if len(pairs) == 1 and not pairs[0][0]:
        return pairs[0][1].encode("utf-8", "surrogateescape")
    lines = [name if value == "\0" else f"{name}: {value}" for name, value in pairs]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")
