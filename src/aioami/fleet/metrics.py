"""Metrics with the servers' names in a fleet."""

from __future__ import annotations

from collections.abc import Callable

from .._session.statistics import Statistics
from ..metrics import Metrics

__all__ = ["NamedMetrics"]


class NamedMetrics(Metrics):
    """The metrics of one server, with its name in the fleet instead of its address."""

    def __init__(self, server: str, metrics: Metrics) -> None:
        self._server = server
        self._metrics = metrics

    def attached(self, server: str, statistics: Callable[[], Statistics]) -> Metrics:
        own = self._metrics.attached(self._server, statistics)
        return self._metrics if own is None else own
