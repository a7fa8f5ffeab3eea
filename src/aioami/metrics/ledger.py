"""The series of the adapters, and the sums over all managers of one server."""

from __future__ import annotations

import threading
import weakref
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from .._session.statistics import Statistics
from ..actions.base import ACTIONS
from ..states import ManagerState
from . import ActionOutcome, Metrics

__all__ = ["Account", "Ledger", "Series"]


@dataclass(frozen=True, eq=False)
class Series:
    """A number for a monitoring system.

    Attributes:
        kind: a counter; a level, which may be added up over servers; a gauge, which may not; or a
            histogram.
        name: the name in OpenTelemetry.
        unit: the unit in OpenTelemetry, by UCUM.
        text: the description.
        labels: the labels of its values, besides the server.
        buckets: the upper bounds of a histogram's buckets.
    """

    kind: Literal["counter", "level", "gauge", "histogram"]
    name: str
    unit: str
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


COUNTERS: Final = {
    field: Series("counter", name, unit, text)
    for field, name, unit, text in (
        ("events", "aioami.events", "{event}", "Events that came"),
        (
            "dropped",
            "aioami.stream.dropped",
            "{event}",
            "Events that streams lost as their consumers were too slow",
        ),
        ("actions", "aioami.actions", "{action}", "Actions that were sent"),
        (
            "successes",
            "aioami.action.successes",
            "{action}",
            "Actions that the server carried out or accepted",
        ),
        ("errors", "aioami.action.errors", "{action}", "Actions that the server refused"),
        (
            "failures",
            "aioami.action.failures",
            "{action}",
            "Actions that ended without a whole answer",
        ),
        ("unsent", "aioami.action.unsent", "{action}", "Actions that found no link in time"),
        ("strays", "aioami.strays", "{message}", "Messages that belong to nothing that was asked"),
        ("gaps", "aioami.gaps", "{gap}", "How often the link was lost, to be established again"),
        (
            "reconnects",
            "aioami.reconnects",
            "{reconnect}",
            "How often the link was established again",
        ),
        ("bytes_received", "aioami.received", "By", "Bytes that came"),
        ("bytes_sent", "aioami.sent", "By", "Bytes that went"),
    )
}
"""The counters, by the field of `Statistics` that they show."""

PENDING: Final = Series("level", "aioami.action.pending", "{action}", "Actions that are under way")
STATE: Final = Series(
    "level",
    "aioami.state",
    "{manager}",
    "Managers that are in this state",
    labels=("state",),
)
ROUND_TRIP: Final = Series(
    "gauge",
    "aioami.round_trip",
    "s",
    "The last Ping, from its sending to its answer",
)

READ: Final = (*COUNTERS.values(), PENDING, STATE, ROUND_TRIP)
"""The series whose values are read on demand."""

# fmt: off
_ACTION_BUCKETS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)
# fmt: on
DURATION: Final = Series(
    "histogram",
    "aioami.action.duration",
    "s",
    "Actions, from the call of send() to their end",
    labels=("action", "outcome"),
    buckets=_ACTION_BUCKETS,
)
GAP: Final = Series(
    "histogram",
    "aioami.gap.duration",
    "s",
    "Gaps, from the loss of the link until it stood again",
    buckets=(0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
)

OTHER: Final = "other"
"""The label for actions without a class in `aioami`, so their names cannot make endless series."""

Account = dict[Series, dict[tuple[str, ...], float]]
"""The sums over all managers of one server: the values of each series, by their labels."""


class Ledger(Metrics, ABC):
    """An adapter for any number of managers, whose numbers are read on demand.

    It keeps no manager alive. When a manager is gone, its last counts stay: those of the last
    reading, or of the last change of its state if that was later. So the counts of a closed manager
    are never lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[str, list[_Watch]] = {}
        self._gone: dict[str, Counter[str]] = {}

    def attached(self, server: str, statistics: Callable[[], Statistics]) -> Metrics:
        with self._lock:
            watch = _Watch(self, self._lock, server, statistics)
            self._watches.setdefault(server, []).append(watch)
            self._look(server)
            return watch

    def _read(self) -> dict[str, Account]:
        """Return the account of each server. May be called in any thread."""
        with self._lock:
            return {server: self._account(server) for server in self._watches}

    def _account(self, server: str) -> Account:
        self._look(server)
        watches = self._watches[server]
        counts = Counter(self._gone[server])
        for watch in watches:
            counts.update(watch.counts())
        states = Counter(watch.state for watch in watches)
        last = [watch.last.last_round_trip for watch in watches]
        round_trips = [trip for trip in last if trip is not None]
        return {
            **{series: {(): counts[field]} for field, series in COUNTERS.items()},
            # Outside the event loop's thread an action may end between the reading of two numbers.
            PENDING: {(): sum(max(0, watch.last.pending) for watch in watches)},
            STATE: {(state.value,): states[state.value] for state in ManagerState},
            ROUND_TRIP: {(): max(round_trips)} if round_trips else {},
        }

    def _look(self, server: str) -> None:
        """Read the numbers of all managers of a server; keep the counts of those that are gone."""
        gone = self._gone.setdefault(server, Counter())
        there = []
        for watch in self._watches[server]:
            if watch.look():
                there.append(watch)
            else:
                gone.update(watch.counts())
        self._watches[server] = there

    @abstractmethod
    def enter(self, series: Series, server: str, labels: tuple[str, ...], seconds: float) -> None:
        """Enter a value in a histogram."""


class _Watch(Metrics):
    """The last numbers and the state of one manager."""

    def __init__(
        self,
        ledger: Ledger,
        lock: threading.Lock,
        server: str,
        statistics: Callable[[], Statistics],
    ) -> None:
        self._ledger = ledger
        self._lock = lock
        self._server = server
        self._statistics = weakref.WeakMethod(statistics)
        self.last = statistics()
        self.state = ManagerState.CLOSED.value

    def look(self) -> bool:
        """Read the numbers; return `False` if the manager is gone. The ledger must be locked."""
        statistics = self._statistics()
        if statistics is not None:
            self.last = statistics()
        return statistics is not None

    def counts(self) -> dict[str, int]:
        """Return the counters, by field."""
        return {field: getattr(self.last, field) for field in COUNTERS}

    def action_done(self, action: str, seconds: float, outcome: ActionOutcome) -> None:
        known = ACTIONS.get(action.lower())
        name = OTHER if known is None else known.wire_name
        self._ledger.enter(DURATION, self._server, (name, outcome), seconds)

    def state_changed(self, state: str) -> None:
        with self._lock:
            self.state = state
            self.look()

    def reconnected(self, gap: float) -> None:
        self._ledger.enter(GAP, self._server, (), gap)
