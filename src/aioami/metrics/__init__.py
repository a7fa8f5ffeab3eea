"""The figures of a manager for monitoring systems, and adapters for two of them.

For counts and rates alone, `Manager.statistics()` is enough. The duration of each action, and each
change of the link, are reported to the `metrics` of a manager as they happen::

    from aioami.metrics.prometheus import PrometheusMetrics       # extra aioami[prometheus]
    from aioami.metrics.opentelemetry import OpenTelemetryMetrics  # extra aioami[opentelemetry]

    Manager(..., metrics=PrometheusMetrics())
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from .._log import get_logger
from .._session.statistics import Statistics
from ..errors import ConnectionLost, ManagerTimeout

if TYPE_CHECKING:
    from ..responses.base import Response

__all__ = ["ActionOutcome", "Metrics"]

ResponseT = TypeVar("ResponseT", bound="Response")

ActionOutcome = Literal["success", "error", "timeout", "lost", "cancelled"]
"""The end of an action.

- `"success"`: it was carried out or accepted;
- `"error"`: it was refused;
- `"timeout"`: it was not answered in time;
- `"lost"`: it was not sent, or the link was lost before the answer;
- `"cancelled"`: its caller gave it up.
"""

_OUTCOMES: Final[dict[type[BaseException], ActionOutcome]] = {
    ManagerTimeout: "timeout",
    ConnectionLost: "lost",
    asyncio.CancelledError: "cancelled",
}

log = get_logger("aioami.metrics")


class Metrics:
    """Receives the figures of a manager. A subclass overrides the methods that it needs.

    The methods are called in the event loop, and must be quick. An error that a method raises does
    not disturb the manager. It is logged: the first one of each method as an error, others at
    DEBUG.
    """

    def attached(self, server: str, statistics: Callable[[], Statistics]) -> Metrics | None:
        """Take note of a new manager, and return the object that gets its figures.

        `None` stands for this object itself. If one object is given to several managers, and must
        know the manager of each figure, return a new object for each.

        Args:
            server: the address of the manager's server, as `host:port`; or its name in a fleet.
            statistics: the manager's method `statistics`. It may be called at any time and in any
                thread; outside the event loop's thread, two of its numbers may be of slightly
                different moments. A reference to this bound method keeps the manager alive; a
                `weakref.WeakMethod` does not.
        """
        return None

    def action_done(self, action: str, seconds: float, outcome: ActionOutcome) -> None:
        """Take the end of an action, so many seconds after the call of `send`, waits included."""

    def state_changed(self, state: str) -> None:
        """Take the new state of the link.

        It is `closed`, `connecting`, `connected`, `ready`, `reconnecting`, `closing` or `lost`.
        """

    def disconnected(self, reason: Exception) -> None:
        """Note that the link was lost, and is being established again."""

    def reconnected(self, gap: float) -> None:
        """Note that the link is established again, after a gap of so many seconds."""


class Guarded(Metrics):
    """Calls the methods of other metrics, and logs their errors instead of raising them."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._raised: set[str] = set()

    def attached(self, server: str, statistics: Callable[[], Statistics]) -> None:
        own = self._report(self._metrics.attached, server, statistics)
        if own is not None:
            self._metrics = own

    def action_done(self, action: str, seconds: float, outcome: ActionOutcome) -> None:
        self._report(self._metrics.action_done, action, seconds, outcome)

    async def measure(self, action: str, sending: Coroutine[Any, Any, ResponseT]) -> ResponseT:
        """Await the answer to an action, and report its duration and outcome."""
        began = time.perf_counter()
        try:
            response = await sending
        except tuple(_OUTCOMES) as error:
            outcome = next(_OUTCOMES[kind] for kind in _OUTCOMES if isinstance(error, kind))
            self.action_done(action, time.perf_counter() - began, outcome)
            raise
        outcome = "success" if response.success else "error"
        self.action_done(action, time.perf_counter() - began, outcome)
        return response

    def state_changed(self, state: str) -> None:
        self._report(self._metrics.state_changed, state)

    def disconnected(self, reason: Exception) -> None:
        self._report(self._metrics.disconnected, reason)

    def reconnected(self, gap: float) -> None:
        self._report(self._metrics.reconnected, gap)

    def _report(self, method: Callable[..., Any], *what: Any) -> Any:
        try:
            return method(*what)
        except Exception:
            level = logging.DEBUG if method.__name__ in self._raised else logging.ERROR
            self._raised.add(method.__name__)
            log.log(level, "the metrics raised", exc_info=True)
            return None
