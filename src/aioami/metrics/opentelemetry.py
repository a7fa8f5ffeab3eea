"""Metrics for OpenTelemetry. They need the extra `aioami[opentelemetry]`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from .._version import __version__
from .ledger import DURATION, GAP, READ, Ledger, Series

try:
    from opentelemetry.metrics import (
        CallbackOptions,
        CallbackT,
        MeterProvider,
        Observation,
        get_meter,
    )
except ImportError as error:
    sentence = f"{error}: pip install 'aioami[opentelemetry]'"
    raise ImportError(sentence, name=error.name, path=error.path) from error

__all__ = ["OpenTelemetryMetrics"]


class OpenTelemetryMetrics(Ledger):
    """Metrics for OpenTelemetry; one object serves any number of managers.

    Example::

        metrics = OpenTelemetryMetrics()
        managers = [Manager(host, ..., metrics=metrics) for host in hosts]

    Every measurement has the attributes `server.address` and `server.port`; managers of the same
    server are added up. In a `Fleet`, `server.address` is the server's name in the fleet, and there
    is no port. The counters are read from `Manager.statistics()` when a reader asks, in the
    reader's thread, and cost nothing in between.

    This object keeps no manager alive. The counts of a manager that is gone stay in the counters,
    as counters must not go back. A provider keeps its instruments for ever: make one object for
    each provider, and give it to all managers.

    Args:
        meter_provider: gets the measurements; `None` is the global provider, which may be set
            later.
    """

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        super().__init__()
        meter = get_meter("aioami", __version__, meter_provider)
        create: dict[str, Callable[[str, list[CallbackT], str, str], object]] = {
            "counter": meter.create_observable_counter,
            "level": meter.create_observable_up_down_counter,
            "gauge": meter.create_observable_gauge,
        }
        for series in READ:
            observe = functools.partial(self._observe, series)
            create[series.kind](series.name, [observe], series.unit, series.text)
        self._histograms = {
            series: meter.create_histogram(
                series.name,
                series.unit,
                series.text,
                explicit_bucket_boundaries_advisory=series.buckets,
            )
            for series in (DURATION, GAP)
        }

    def _observe(self, series: Series, options: CallbackOptions) -> Iterator[Observation]:
        for server, account in self._read().items():
            for labels, value in account[series].items():
                yield Observation(value, _attributes(series, server, labels))

    def enter(self, series: Series, server: str, labels: tuple[str, ...], seconds: float) -> None:
        self._histograms[series].record(seconds, _attributes(series, server, labels))


def _attributes(series: Series, server: str, labels: tuple[str, ...]) -> dict[str, str | int]:
    own = {f"aioami.{name}": value for name, value in zip(series.labels, labels, strict=True)}
    address, colon, port = server.rpartition(":")
    if not colon or not port.isdecimal():  # the name of a server in a fleet
        return {"server.address": server, **own}
    return {"server.address": address, "server.port": int(port), **own}
