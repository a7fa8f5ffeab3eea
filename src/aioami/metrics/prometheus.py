"""Managers in Prometheus. Comes with the extra `aioami[prometheus]`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from .._session.statistics import Statistics
from . import Metrics
from .ledger import DURATION, GAP, READ, Ledger, Series

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Histogram
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
except ImportError as error:
    sentence = f"{error}: pip install 'aioami[prometheus]'"
    raise ImportError(sentence, name=error.name, path=error.path) from error

__all__ = ["PrometheusMetrics"]

_UNITS: Final = {"By": "_bytes", "s": "_seconds"}


class PrometheusMetrics(Ledger):
    """The `metrics` of any number of managers, for Prometheus.

    Example::

        prometheus_client.start_http_server(9100)
        metrics = PrometheusMetrics()
        managers = [Manager(host, ..., metrics=metrics) for host in hosts]

    Every series has the label `server` (host:port; of a `Fleet` that was given this, the name of
    the server in it); managers of the same server are added up. The
    counters are read from `Manager.statistics()` when Prometheus asks, in whatever thread that is,
    and cost nothing meanwhile. It is a custom collector, which the client's multiprocess mode
    leaves out.

    No manager is kept alive by it. What one counted stays in the counters when it is gone, as they
    must not go back.

    Args:
        registry: where it is registered; `None` is the default one of `prometheus_client`.

    Raises:
        ValueError: there is one in the registry already: give that to all managers.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        super().__init__()
        self._histograms = {
            series: Histogram(
                _name(series),
                series.text,
                ["server", *series.labels],
                registry=None,
                buckets=series.buckets,
            )
            for series in (DURATION, GAP)
        }
        (REGISTRY if registry is None else registry).register(self)

    def attached(self, server: str, statistics: Callable[[], Statistics]) -> Metrics:
        # The series is there before the first gap, so that the first is an increase.
        self._histograms[GAP].labels(server)
        return super().attached(server, statistics)

    def collect(self) -> Iterator[Metric]:
        """Yield all series, as Prometheus reads them."""
        accounts = self._read()
        for series in READ:
            kind = CounterMetricFamily if series.kind == "counter" else GaugeMetricFamily
            family = kind(_name(series), series.text, labels=["server", *series.labels])
            for server, account in accounts.items():
                for labels, value in account[series].items():
                    family.add_metric([server, *labels], value)
            yield family
        for histogram in self._histograms.values():
            yield from histogram.collect()

    describe = collect  # a second one in a registry is refused by its names

    def enter(self, series: Series, server: str, labels: tuple[str, ...], seconds: float) -> None:
        self._histograms[series].labels(server, *labels).observe(seconds)


def _name(series: Series) -> str:
    """As Prometheus names it; counters get their `_total` from the client."""
    return series.name.replace(".", "_") + _UNITS.get(series.unit, "")
