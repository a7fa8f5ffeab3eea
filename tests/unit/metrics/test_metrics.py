"""What the metrics of a manager hear, and what Prometheus and OpenTelemetry make of it."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import subprocess
import sys
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest
from tests.helpers import manager

import aioami.metrics
from aioami import Action, ActionError, ConnectionLost, Manager, ManagerState, ManagerTimeout, Response, core
from aioami._session.statistics import Statistics
from aioami.metrics import ActionOutcome, Guarded, Metrics
from aioami.metrics.ledger import DURATION, GAP, READ, Ledger
from aioami.metrics.opentelemetry import OpenTelemetryMetrics
from aioami.metrics.prometheus import PrometheusMetrics
from aioami.testing import FakeAsterisk, FakeConnection

Adapter = tuple[Ledger, Callable[..., "float | None"]]
GUIDE = Path(__file__).parents[3] / "docs/guide/monitoring.md"


def prometheus() -> Adapter:
    """An adapter, and what its exposition says of a series: by its name in OpenTelemetry, for a histogram the count."""
    registry = CollectorRegistry()
    units = {"aioami.received": "_bytes", "aioami.sent": "_bytes", "aioami.round_trip": "_seconds"}

    def read(name: str, server: str, **labels: str) -> float | None:
        base = name.replace(".", "_") + units.get(name, "_seconds" if name.endswith("duration") else "")
        values = [
            registry.get_sample_value(base + end, {"server": server, **labels}) for end in ("_total", "", "_count")
        ]
        return next((value for value in values if value is not None), None)

    return PrometheusMetrics(registry), read


def opentelemetry() -> Adapter:
    """The same, with what a reader in memory got."""
    reader = InMemoryMetricReader()

    def read(name: str, server: str, **labels: str) -> float | None:
        host, _, port = server.rpartition(":")
        wanted = {f"aioami.{label}": value for label, value in labels.items()}
        wanted |= {"server.address": host, "server.port": int(port)}
        data = reader.get_metrics_data()
        for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
            for point in metric.data.data_points if metric.name == name else ():
                if point.attributes == wanted:
                    return point.count if isinstance(point, HistogramDataPoint) else point.value
        return None

    return OpenTelemetryMetrics(MeterProvider([reader], shutdown_on_exit=False)), read


@pytest.fixture(params=[prometheus, opentelemetry], ids=lambda make: make.__name__)
def adapter(request: pytest.FixtureRequest) -> Adapter:
    """Either adapter, with a function that reads it."""
    return request.param()


class Diary(Metrics):
    """Writes down all that it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def attached(self, server: str, statistics: Callable[[], Statistics]) -> None:
        self.heard.append(("attached", server, statistics().actions))

    def action_done(self, action: str, seconds: float, outcome: ActionOutcome) -> None:
        assert 0 <= seconds < 5
        self.heard.append(("done", action, outcome))

    def state_changed(self, state: str) -> None:
        self.heard.append(("state", state))

    def disconnected(self, reason: Exception) -> None:
        self.heard.append(("disconnected", type(reason)))

    def reconnected(self, gap: float) -> None:
        assert gap > 0
        self.heard.append(("reconnected",))


async def live(mgr: Manager, fake: FakeAsterisk) -> None:
    """Actions with every outcome, among them one during which the link is lost, until it stands again."""
    await mgr.send(core.Ping())
    with pytest.raises(ActionError):
        await mgr.send(core.Hangup("PJSIP/nobody"))
    await mgr.send(core.Hangup("PJSIP/nobody"), check=False)
    fake.reply_to("DBGet", None)
    with pytest.raises(ManagerTimeout):
        await mgr.send(core.DBGet("a", "b"), timeout=0.01)
    given_up = asyncio.ensure_future(mgr.send(core.DBGet("a", "b")))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    fake.before(core.Getvar, FakeConnection.drop)
    with pytest.raises(ConnectionLost):
        await mgr.send(core.Getvar("X"))
    await mgr.wait_ready(timeout=5)
    await mgr.send(Action("ping"))


async def test_everything_is_told_in_order(fake: FakeAsterisk) -> None:
    """The hooks hear of the manager, of each state, of each action with its outcome, and of the gap; the library's own
    actions are none of it.
    """  # fmt: skip
    diary = Diary()
    async with manager(fake, metrics=diary) as mgr:
        await live(mgr, fake)
    assert diary.heard == [
        ("attached", f"{fake.host}:{fake.port}", 0),
        ("state", "connecting"),
        ("state", "ready"),
        ("done", "Ping", "success"),
        ("done", "Hangup", "error"),
        ("done", "Hangup", "error"),
        ("done", "DBGet", "timeout"),
        ("done", "DBGet", "cancelled"),
        ("state", "reconnecting"),
        ("disconnected", ConnectionLost),
        ("done", "Getvar", "lost"),
        ("state", "ready"),
        ("reconnected",),
        ("done", "ping", "success"),
        ("state", "closing"),
        ("state", "closed"),
    ]


async def test_whoever_has_several_managers_may_tell_them_apart(fake: FakeAsterisk) -> None:
    """What `attached` returns hears of that manager alone."""

    class Library(Metrics):
        def __init__(self) -> None:
            self.diaries: list[Diary] = []

        def attached(self, server: str, statistics: Callable[[], Statistics]) -> Metrics:
            self.diaries.append(Diary())
            return self.diaries[-1]

    library = Library()
    async with manager(fake, metrics=library) as one, manager(fake, metrics=library) as two:
        await one.send(core.Ping())
        await two.send(core.ListCommands())
    ready = ("state", "ready")
    assert [diary.heard[diary.heard.index(ready) + 1] for diary in library.diaries] == [
        ("done", "Ping", "success"),
        ("done", "ListCommands", "success"),
    ]


async def test_metrics_that_raise_disturb_nothing(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """What any of the methods raises is logged with its traceback, once, and everything goes on."""

    class Broken(Metrics):
        def __getattribute__(self, name: str) -> object:
            def fail(*what: object) -> None:
                raise RuntimeError(f"{name} is broken")

            fail.__name__ = name
            return fail

    async with manager(fake, metrics=Broken()) as mgr:
        await live(mgr, fake)
    records = [record for record in caplog.records if record.name == "aioami.metrics"]
    assert {record.levelno for record in records} == {logging.ERROR}
    assert len(records) == 5
    broken = {str(record.exc_info[1]).split()[0] for record in records if record.exc_info}
    assert broken == {"attached", "action_done", "state_changed", "disconnected", "reconnected"}


async def test_without_metrics_nobody_is_called(fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manager without metrics has nothing that could be called."""
    called: list[object] = []
    monkeypatch.setattr(Guarded, "_report", lambda *what: called.append(what))
    async with manager(fake, metrics=None) as mgr:
        await live(mgr, fake)
    assert called == []
    assert mgr._link._metrics is None


async def test_the_adapters_have_the_numbers_of_the_statistics(fake: FakeAsterisk, adapter: Adapter) -> None:
    """Each counter and level is what `statistics()` says; durations and gaps are in histograms, by action and outcome."""
    metrics, read = adapter
    server = f"{fake.host}:{fake.port}"
    async with manager(fake, metrics=metrics) as mgr:
        await live(mgr, fake)
        with mgr.events("Door", maxsize=1):
            for _ in range(3):
                await fake.send_event("Door")
            await fake.send_raw(b"What is this?\r\n\r\n")
            await mgr.send(core.Ping())
        waiting = asyncio.ensure_future(mgr.send(core.DBGet("a", "b"), timeout=5))
        await asyncio.sleep(0)
        await fake.expect("DBGet", times=3)

        now = mgr.statistics()
        told: Mapping[str, float | None] = {
            "aioami.events": now.events,
            "aioami.stream.dropped": 2,
            "aioami.actions": 9,
            "aioami.action.successes": 3,
            "aioami.action.errors": 2,
            "aioami.action.failures": 3,
            "aioami.action.unsent": 0,
            "aioami.action.pending": 1,
            "aioami.strays": 1,
            "aioami.gaps": 1,
            "aioami.reconnects": 1,
            "aioami.received": now.bytes_received,
            "aioami.sent": now.bytes_sent,
            "aioami.round_trip": now.last_round_trip,
        }
        assert {name: read(name, server) for name in told} == told
        assert {series.name for series in READ} == {*told, "aioami.state"}
        assert {state.value: read("aioami.state", server, state=state.value) for state in ManagerState} == {
            state.value: float(state is ManagerState.READY) for state in ManagerState
        }

        assert read("aioami.gap.duration", server) == 1
        durations = {
            ("Ping", "success"): 3,  # however it was spelt
            ("Hangup", "error"): 2,
            ("DBGet", "timeout"): 1,
            ("DBGet", "cancelled"): 1,
            ("Getvar", "lost"): 1,
            ("Ping", "error"): None,
        }
        assert durations == {
            (action, outcome): read("aioami.action.duration", server, action=action, outcome=outcome)
            for action, outcome in durations
        }
        waiting.cancel()


async def test_names_that_a_program_invents_make_one_series(fake: FakeAsterisk, adapter: Adapter) -> None:
    """Every action that the library has no class for is `other`."""
    metrics, read = adapter
    async with manager(fake, metrics=metrics) as mgr:
        for number in range(3):
            await mgr.send(Action(f"Foo{number}"), check=False)
    server = f"{fake.host}:{fake.port}"
    assert read("aioami.action.duration", server, action="other", outcome="error") == 3
    assert read("aioami.action.duration", server, action="Foo1", outcome="error") is None


async def test_managers_of_several_servers_share_an_adapter(fake: FakeAsterisk, adapter: Adapter) -> None:
    """Each server has its own series; managers of the same server are added up."""
    metrics, read = adapter
    async with FakeAsterisk() as other, manager(other, metrics=metrics) as third:
        async with (
            manager(fake, metrics=metrics) as first,
            manager(fake, metrics=metrics) as second,
        ):
            for mgr in (first, second, second, third):
                await mgr.send(core.Ping())
            here, there = f"{fake.host}:{fake.port}", f"{other.host}:{other.port}"
            assert (read("aioami.actions", here), read("aioami.actions", there)) == (3, 1)
            assert read("aioami.state", here, state="ready") == 2
            trips = [mgr.statistics().last_round_trip or 0.0 for mgr in (first, second)]
            assert read("aioami.round_trip", here) == max(trips)
        assert read("aioami.state", here, state="ready") == 0
        assert read("aioami.state", here, state="closed") == 2


async def test_a_manager_that_is_gone_leaves_its_counts(fake: FakeAsterisk, adapter: Adapter) -> None:
    """An adapter keeps no manager alive; the counters do not go back, and the next manager adds to them."""
    metrics, read = adapter
    server = f"{fake.host}:{fake.port}"
    sent = 0.0
    for number in (1, 2, 3):
        mgr = manager(fake, metrics=metrics)
        async with mgr:
            await mgr.send(core.Ping())
        sent += mgr.statistics().bytes_sent
        reference = weakref.ref(mgr)
        del mgr
        gc.collect()
        assert reference() is None
        assert read("aioami.actions", server) == number
        assert read("aioami.sent", server) == sent
        assert read("aioami.state", server, state="closed") == 0
    assert metrics._watches == {server: []}


async def test_a_scrape_in_another_thread_reads_the_same(fake: FakeAsterisk) -> None:
    """The exposition has the names, types and labels of the field, before anything happened and afterwards."""
    registry = CollectorRegistry()
    async with manager(fake, metrics=PrometheusMetrics(registry)) as mgr:
        text = (await asyncio.to_thread(generate_latest, registry)).decode()
        label = f'server="{fake.host}:{fake.port}"'
        assert f"aioami_gap_duration_seconds_count{{{label}}} 0.0" in text
        assert "aioami_round_trip_seconds{" not in text
        await mgr.send(core.Ping())
        text = (await asyncio.to_thread(generate_latest, registry)).decode()
    for line in (
        "# HELP aioami_events_total Events that came",
        "# TYPE aioami_events_total counter",
        f"aioami_actions_total{{{label}}} 1.0",
        f"aioami_received_bytes_total{{{label}}} ",
        "# TYPE aioami_action_pending gauge",
        f'aioami_state{{{label},state="ready"}} 1.0',
        f'aioami_state{{{label},state="lost"}} 0.0',
        f"aioami_round_trip_seconds{{{label}}} ",
        "# TYPE aioami_action_duration_seconds histogram",
        f'aioami_action_duration_seconds_count{{action="Ping",outcome="success",{label}}} 1.0',
    ):
        assert f"\n{line}" in f"\n{text}"


def test_a_registry_takes_one_adapter() -> None:
    """A second one would say everything twice, and is refused."""
    registry = CollectorRegistry()
    PrometheusMetrics(registry)
    with pytest.raises(ValueError, match="aioami_events"):
        PrometheusMetrics(registry)


def test_opentelemetry_is_told_units_and_buckets() -> None:
    """Units are those of UCUM, and the histograms' buckets are made for seconds."""
    reader = InMemoryMetricReader()
    metrics = OpenTelemetryMetrics(MeterProvider([reader], shutdown_on_exit=False))
    mgr = Manager(metrics=metrics)
    assert mgr._link._metrics is not None
    mgr._link._metrics.action_done("Ping", 0.002, "success")
    mgr._link._metrics.reconnected(2.0)
    data = reader.get_metrics_data()
    assert data is not None
    [scope] = data.resource_metrics[0].scope_metrics
    assert (scope.scope.name, scope.scope.version) == ("aioami", aioami.__version__)
    seen = {metric.name: metric for metric in scope.metrics}
    for series in (*READ, DURATION, GAP):
        if series.name != "aioami.round_trip":
            assert (seen[series.name].unit, seen[series.name].description) == (series.unit, series.text)
    [point] = seen["aioami.action.duration"].data.data_points
    assert point.explicit_bounds == DURATION.buckets
    assert list(point.bucket_counts)[:3] == [0, 1, 0]


@pytest.mark.parametrize(
    ("adapter", "library"), [("prometheus", "prometheus_client"), ("opentelemetry", "opentelemetry.metrics")]
)
def test_without_its_extra_an_adapter_says_which_it_needs(
    monkeypatch: pytest.MonkeyPatch, adapter: str, library: str
) -> None:
    """The import fails as Python has it, and names what to install."""
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"aioami.metrics.{adapter}")
    with pytest.raises(ImportError, match=rf"{library}.*pip install 'aioami\[{adapter}\]'") as caught:
        importlib.import_module(f"aioami.metrics.{adapter}")
    assert caught.value.name == library


def test_importing_the_library_imports_no_adapter() -> None:
    """`import aioami` loads neither adapter nor what they need."""
    program = "import aioami, sys; print(*[n for n in sys.modules if 'prometheus' in n or 'opentelemetry' in n])"
    loaded = subprocess.run([sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True)
    assert loaded.stdout.split() == []


def test_the_guide_has_every_series() -> None:
    """The table of the guide names each series, as OpenTelemetry and as Prometheus have it."""
    guide = GUIDE.read_text(encoding="utf-8")
    registry = CollectorRegistry()
    PrometheusMetrics(registry)
    ends = {"counter": "_total"}
    names = {metric.name + ends.get(metric.type, "") for metric in registry.collect()}
    names |= {series.name for series in (*READ, DURATION, GAP)}
    assert {name for name in names if f"`{name}`" not in guide} == set()


async def test_an_action_that_cannot_be_sent_is_not_told(fake: FakeAsterisk) -> None:
    """A mistake of the caller is no action that ended."""
    diary = Diary()
    fake.reply_to("Slow", None)
    async with manager(fake, metrics=diary) as mgr:
        slow = asyncio.ensure_future(mgr.send(Action("Slow"), action_id="mine", timeout=None))
        await fake.expect("Slow")
        with pytest.raises(ValueError, match="mine"):
            await mgr.send(core.Ping(), action_id="mine")
    with pytest.raises(ConnectionLost):
        await slow
    assert [told for told in diary.heard if told[0] == "done"] == [("done", "Slow", "lost")]


async def test_an_error_of_a_class_of_its_own_is_counted_as_its_base() -> None:
    """Whoever narrows an error, as another kind of manager may, has its actions measured all the same."""
    heard: list[tuple[str, ActionOutcome]] = []

    class Heard(Metrics):
        def action_done(self, action: str, seconds: float, outcome: ActionOutcome) -> None:
            heard.append((action, outcome))

    class Slow(ManagerTimeout):
        pass

    class Gone(ConnectionLost):
        pass

    async def fails(error: Exception) -> Response:
        raise error

    for error in (Slow("slow"), Gone("gone")):
        with pytest.raises(type(error)):
            await Guarded(Heard()).measure("Ping", fails(error))
    assert heard == [("Ping", "timeout"), ("Ping", "lost")]
