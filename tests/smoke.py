"""What must work wherever the wheel is installed: run with `python -I`, away from the sources.

The arguments name the extras that were installed with it, of which each must do what it is for:

    python -I smoke.py cli prometheus
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import aioami
from aioami import Manager, ManagerError, core, errors, events, metrics, testing
from aioami.testing import FakeAsterisk

PACKAGE = Path(aioami.__file__).resolve().parent


def installed() -> None:
    """It is the wheel that is tested, whole: its version, its type marker, its public names."""
    assert PACKAGE.is_relative_to(Path(sys.prefix).resolve()), f"{PACKAGE} is not what was installed in {sys.prefix}"
    assert importlib.metadata.version("aioami") == aioami.__version__
    assert (PACKAGE / "py.typed").is_file()
    for module in (aioami, core, errors, events, metrics, testing):
        assert all(hasattr(module, name) for name in module.__all__), module
    assert len(core.__all__) == 60 + 23 + 2  # actions, constants, errors


async def a_call() -> None:
    """A session: log in, ping, place a call, see it hang up."""
    async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
        assert 0 <= (await mgr.send(core.Ping())).RTT < 5
        with mgr.events(events.Hangup) as hangups:
            call = await mgr.send(core.Originate_Application("Local/100@default", "Echo"))
            assert (await call.outcome()).reason == core.ORIGINATE_RESULT_ANSWERED
            assert (await hangups.__anext__()).cause == 16


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command `aioami`."""
    script = Path(sys.prefix) / ("Scripts" if sys.platform == "win32" else "bin") / "aioami"
    return subprocess.run([str(script), *arguments], capture_output=True, text=True, check=False, timeout=60)


def the_command() -> None:
    """The command line starts, is of the same version, and reaches a server."""
    assert aioami.__version__ in run("--version").stdout

    async def ping() -> subprocess.CompletedProcess[str]:
        async with FakeAsterisk() as fake:
            return await asyncio.to_thread(run, "ping", "--url", fake.url)

    done = asyncio.run(ping())
    assert done.returncode == 0, done


def top() -> None:
    """The full screen finds what it draws with, and wants a terminal."""
    done = run("top", "--url", "ami://admin:s3cret@127.0.0.1")
    assert "needs a terminal" in done.stderr, done


def prometheus() -> None:
    """The adapter tells what a manager did."""
    from prometheus_client import CollectorRegistry, generate_latest

    from aioami.metrics.prometheus import PrometheusMetrics

    registry = CollectorRegistry()
    asyncio.run(measured(PrometheusMetrics(registry=registry)))
    assert b'aioami_action_duration_seconds_count{action="Ping"' in generate_latest(registry)


def opentelemetry() -> None:
    """The adapter works with the API alone, which counts nothing then."""
    from aioami.metrics.opentelemetry import OpenTelemetryMetrics

    asyncio.run(measured(OpenTelemetryMetrics()))


async def measured(adapter: metrics.Metrics) -> None:
    """A Ping, of which an adapter is told."""
    async with FakeAsterisk() as fake, Manager.from_url(fake.url, metrics=adapter) as mgr:
        await mgr.send(core.Ping())


def fixtures() -> None:
    """A test has the fixtures of the plugin."""
    test = "async def test_ping(ami_manager):\n    from aioami import core\n    await ami_manager.send(core.Ping())\n"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(test)
        (Path(folder) / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
        command = [sys.executable, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert "1 passed" in done.stdout, done


def frame(method: str) -> Callable[[], None]:
    """A list becomes a data frame."""

    async def made() -> None:
        async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
            members = await mgr.send(core.QueueStatus("support"))
            assert "queue" in {str(name).lower() for name in getattr(members.events, method)().columns}

    return lambda: asyncio.run(made())


def notebook() -> None:
    """A kernel is there, and what a notebook shows while one looks at it."""
    assert importlib.util.find_spec("ipykernel")
    module = importlib.import_module("aioami.notebook")
    assert all(hasattr(module, name) for name in module.__all__)


def told_of_the_bus() -> str:
    """The error where nobody is at the address of the bus, or nothing to speak to it with."""
    from aioami.bus.connection import BusConnection, BusOptions

    try:
        asyncio.run(BusConnection.open(BusOptions.from_url("nats://127.0.0.1:1"), "smoke"))
    except ManagerError as error:
        return str(error)
    raise AssertionError("somebody is there")


def bus() -> None:
    """The client of the bus is there, and looks for it."""
    assert "could not be reached" in told_of_the_bus()


EXTRAS: dict[str, Callable[[], None]] = {
    "cli": the_command,
    "nats": bus,
    "notebook": notebook,
    "opentelemetry": opentelemetry,
    "pandas": frame("to_pandas"),
    "polars": frame("to_polars"),
    "prometheus": prometheus,
    "testing": fixtures,
    "top": top,
}
"""What each extra is for. An extra that is not here is a failure: it would not be tried."""


def without(extra: str) -> None:
    """What needs an extra that is not there says which one."""
    if extra == "cli" and not importlib.util.find_spec("typer"):
        done = run("ping")
        assert done.returncode == 1, done
        assert "aioami[cli]" in done.stderr, done
    if extra == "nats" and not importlib.util.find_spec("nats"):
        assert "aioami[nats]" in told_of_the_bus()
    package = {"prometheus": "prometheus_client"}.get(extra, extra)
    if extra in ("prometheus", "opentelemetry") and not importlib.util.find_spec(package):
        told = ""
        try:
            importlib.import_module(f"aioami.metrics.{extra}")
        except ImportError as error:
            told = str(error)
        assert f"aioami[{extra}]" in told, told


def main(extras: list[str]) -> None:
    """Try what was installed, with these extras and no others."""
    known = importlib.metadata.metadata("aioami").get_all("Provides-Extra") or []
    assert set(extras) <= set(known), f"the wheel has the extras {', '.join(known)}"
    installed()
    asyncio.run(a_call())
    for extra in known:
        if extra in extras:
            EXTRAS[extra]()
        else:
            without(extra)
    told = f" with {', '.join(extras)}" if extras else ""
    print(f"aioami {aioami.__version__}{told} works on Python {sys.version.split()[0]}, from {PACKAGE}")


main(sys.argv[1:])
