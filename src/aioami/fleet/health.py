"""The health of the servers of a fleet."""

from __future__ import annotations

from dataclasses import dataclass

from ..states import ManagerState

__all__ = ["ServerHealth"]


@dataclass(frozen=True)
class ServerHealth:
    """The state of a fleet's server at one moment; `Fleet.health()` returns one for each server.

    Attributes:
        state: the state of its link. `LOST` is lost for good, as after a refused login: there are
            no further attempts. In `CONNECTING` and `RECONNECTING` there are.
        since: the time of the change to this state, in seconds since 1970 by this program's clock.
        error: the reason why there is no link; `None` while there is one, and before the first
            attempt.
        round_trip: seconds from the last Ping to its answer; `None` before the first answer.
        gaps: the number of times that its link was lost, to be established again.
        version: its AMI version; empty before the server's greeting.
    """

    state: ManagerState
    since: float
    error: Exception | None
    round_trip: float | None
    gaps: int
    version: str
