"""The health of the servers of a fleet."""

from __future__ import annotations

from dataclasses import dataclass

from ..states import ManagerState

__all__ = ["ServerHealth"]


@dataclass(frozen=True)
class ServerHealth:
    """A server of a fleet at this moment; `Fleet.health()` returns one for each.

    Attributes:
        state: the state of its link. `LOST` is lost for good: nothing is tried any more, as after a
            login that was refused. `CONNECTING` and `RECONNECTING` are tried again.
        since: when it came into that state, in seconds since 1970 by this program's clock.
        error: the reason why there is no link; `None` while there is one, and before the first
            attempt.
        round_trip: seconds from the last Ping to its answer; `None` before the first.
        gaps: how often its link was lost, to be established again.
        version: its AMI version; empty before it greets.
    """

    state: ManagerState
    since: float
    error: Exception | None
    round_trip: float | None
    gaps: int
    version: str
