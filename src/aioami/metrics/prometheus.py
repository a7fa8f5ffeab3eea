"""Metrics for Prometheus. They need the extra `aioami[prometheus]`."""

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
    """Metrics for Prometheus; one object serves any number of managers.

    Example::

        prometheus_client.start_http_server(9100)
        metrics = PrometheusMetrics()
        managers = [Manager(host, ..., metrics=metrics) for host in hosts]

    Every series has the label `server`: `host:port`, or in a `Fleet` the server's name. Managers of
    the same server are added up. The counters are read from `Manager.statistics()` when Prometheus
    asks, in the thread of that request, and cost nothing in between. This is a custom collector,
    which the multiprocess mode of `prometheus_client` leaves out.

    This object keeps no manager alive. The counts of a manager that is gone stay in the counters,
    as counters must not go back.

    Args:
        registry: the registry to enter; `None` is the default one of `prometheus_client`.

    Raises:
        ValueError: the registry has such an object already: give that one to all managers.
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
        # The series exists before the first gap, so the first gap shows as an increase.
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

    describe = collect  # so a registry refuses a second object, which has the same names

    def enter(self, series: Series, server: str, labels: tuple[str, ...], seconds: float) -> None:
        self._histograms[series].labels(server, *labels).observe(seconds)


def _name(series: Series) -> str:
    """Return the name for Prometheus; the client adds `_total` to counters."""
    return series.name.replace(".", "_") + _UNITS.get(series.unit, "")
