"""The figures of a manager for monitoring systems, and adapters for two of them.

Counts and rates need nothing of this: `Manager.statistics()` has them at any time. What cannot be
asked for later, how long each action took and when the link came and went, is reported to the
`metrics` of a manager as it happens::

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

It was carried out or accepted; refused; not answered in time; cut off or not sent; or given up by
its caller.
"""

_OUTCOMES: Final[dict[type[BaseException], ActionOutcome]] = {
    ManagerTimeout: "timeout",
    ConnectionLost: "lost",
    asyncio.CancelledError: "cancelled",
}

log = get_logger("aioami.metrics")


class Metrics:
    """Receives the figures of a manager. A subclass overrides what it needs; the rest does nothing.

    The methods are called in the event loop, and must be quick. What one of them raises disturbs
    nothing, and is logged: the first time of each method as an error, then at DEBUG.
    """

    def attached(self, server: str, statistics: Callable[[], Statistics]) -> Metrics | None:
        """A manager was made for `server` (host:port).

        What is returned hears all that follows of this manager; `None` stands for this object
        itself. Whoever is given to several managers, and must know which one it is that speaks,
        returns a new object for each.

        Args:
            server: where the manager connects.
            statistics: its method of that name. It may be called at any time and in any thread; in
                another one than that of the event loop, two of its numbers may be of slightly
                different moments. It is a bound method: whoever keeps it keeps the manager, unless
                in a `weakref.WeakMethod`.
        """
        return None

    def action_done(self, action: str, seconds: float, outcome: ActionOutcome) -> None:
        """An action ended, so many seconds after the call of `send`, with the wait for a link."""

    def state_changed(self, state: str) -> None:
        """The state of the link changed.

        It is `closed`, `connecting`, `connected`, `ready`, `reconnecting`, `closing` or `lost`.
        """

    def disconnected(self, reason: Exception) -> None:
        """The link was lost, and is being established again."""

    def reconnected(self, gap: float) -> None:
        """The link stands again, after so many seconds."""


class Guarded(Metrics):
    """Metrics whose faults are theirs alone."""

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
        """Await the answer to an action, and report how long that took and how it ended."""
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
