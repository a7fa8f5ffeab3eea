"""Counts of a link's traffic, and of the results of actions."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Statistics", "Tally"]


class Tally:
    """The running counts of one manager, over all its connections."""

    __slots__ = (
        "actions",
        "bytes_received",
        "bytes_sent",
        "connected_at",
        "dropped",
        "errors",
        "failures",
        "gap_seconds",
        "gaps",
        "last_round_trip",
        "messages",
        "others",
        "reconnects",
        "strays",
        "successes",
        "unsent",
    )

    def __init__(self) -> None:
        self.messages = 0
        self.others = 0
        """The messages that are no events."""
        self.actions = 0
        self.successes = 0
        self.errors = 0
        self.failures = 0
        self.unsent = 0
        self.strays = 0
        self.reconnects = 0
        self.gaps = 0
        self.gap_seconds = 0.0
        self.dropped = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.last_round_trip: float | None = None
        self.connected_at: float | None = None
        """The time when the first link was established, on a monotonic clock."""

    def snapshot(self) -> Statistics:
        """The current counts, for the caller of `statistics()`."""
        return Statistics(
            seconds=0.0 if self.connected_at is None else time.monotonic() - self.connected_at,
            events=self.messages - self.others,
            actions=self.actions,
            successes=self.successes,
            errors=self.errors,
            failures=self.failures,
            pending=self.actions - self.successes - self.errors - self.failures,
            unsent=self.unsent,
            strays=self.strays,
            reconnects=self.reconnects,
            gaps=self.gaps,
            gap_seconds=self.gap_seconds,
            dropped=self.dropped,
            bytes_received=self.bytes_received,
            bytes_sent=self.bytes_sent,
            last_round_trip=self.last_round_trip,
        )


@dataclass(frozen=True)
class Statistics:
    """The counts of a manager so far, or, as `later - earlier`, between two moments.

    They are never reset. Every action that was sent is in one of four numbers:
    `actions == successes + errors + failures + pending`. In a difference, this holds for the
    difference of `pending`.

    Attributes:
        seconds: the time since the first link was established; of a difference, the time between
            the two.
        events: events received, including list items, whether or not they were selected.
        actions: actions that were sent, except those of the library itself (login, keepalive).
        successes: actions that the server carried out or accepted.
        errors: actions that the server refused.
        failures: actions that ended without a complete answer: timed out, cancelled, or cut off.
        pending: actions that are under way.
        unsent: actions that found no link in time, and certainly did not reach the server.
        strays: messages that belong to no action.
        reconnects: the number of times that the link was established again.
        gaps: the number of times that the link was lost; the events of each gap are missing.
        gap_seconds: the seconds for which the link was down, without a gap that still lasts.
        dropped: events that streams lost because their consumers were too slow.
        bytes_received: bytes received.
        bytes_sent: bytes sent.
        last_round_trip: seconds from the last Ping, yours or the keepalive's, to its answer; `None`
            before the first.
    """

    seconds: float
    events: int
    actions: int
    successes: int
    errors: int
    failures: int
    pending: int
    unsent: int
    strays: int
    reconnects: int
    gaps: int
    gap_seconds: float
    dropped: int
    bytes_received: int
    bytes_sent: int
    last_round_trip: float | None

    @property
    def events_per_second(self) -> float:
        """Events per second, the average over `seconds`."""
        return self._rate(self.events)

    @property
    def actions_per_second(self) -> float:
        """Actions per second, the average over `seconds`."""
        return self._rate(self.actions)

    @property
    def bytes_per_second(self) -> float:
        """Bytes received per second, the average over `seconds`."""
        return self._rate(self.bytes_received)

    def _rate(self, count: int) -> float:
        return count / self.seconds if self.seconds > 0 else 0.0

    def __sub__(self, earlier: Statistics) -> Self:
        """The counts between two moments, with the rates of that time."""
        if not isinstance(earlier, Statistics):
            return NotImplemented
        changes = {
            field.name: getattr(self, field.name) - getattr(earlier, field.name)
            for field in dataclasses.fields(self)
            if field.name != "last_round_trip"
        }
        return dataclasses.replace(self, **changes)
