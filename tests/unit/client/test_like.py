"""What is built on a manager takes any: here a stand-in that has the names of `ManagerLike`, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from examples.dashboard.board import Board
from prometheus_client import CollectorRegistry
from tests.helpers import manager, until

from aioami import Fleet, Manager, ManagerLike, core
from aioami.calls import CallTracer
from aioami.cli.screen.top import PARTS, Table, Top
from aioami.fleet import FleetLive
from aioami.live import Live
from aioami.metrics.prometheus import PrometheusMetrics
from aioami.testing import FakeAsterisk

NAMES = {name for name in vars(ManagerLike) if not name.startswith("_")}


class Other:
    """A manager that is no `Manager`: each of its names does what a real one does, and any other is an error."""

    def __init__(self, manager: Manager) -> None:
        object.__setattr__(self, "_own", {name: lambda name=name: getattr(manager, name) for name in NAMES})

    def __getattribute__(self, name: str) -> Any:
        own = object.__getattribute__(self, "_own")
        if name in own:
            return own[name]()
        if name.startswith(("__", "observe_")):  # the latter are asked for, and need not be there
            return object.__getattribute__(self, name)
        raise AssertionError(f"{name} is no name of ManagerLike")

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError(f"{name} is set on a manager")


@pytest_asyncio.fixture
async def other(fake: FakeAsterisk) -> AsyncIterator[Any]:
    async with manager(fake) as mgr:
        yield Other(mgr)


async def test_a_stand_in_has_the_names_alone(other: Any) -> None:
    """It is a manager as far as anybody can ask, and what this file uses of it is public."""
    assert all(hasattr(other, name) for name in NAMES)
    assert (await other.send(core.Ping())).success
    for name in ("_link", "_options", "owner", "reason"):
        with pytest.raises(AssertionError, match="no name of ManagerLike"):
            getattr(other, name)


async def test_live_state_and_tracer_take_any_manager(fake: FakeAsterisk, other: Any) -> None:
    """A call is seen, followed over a reconnect, and ended."""
    tracer = CallTracer()
    with other.events() as stream:
        async with Live(other) as state:
            await fake.incoming("PJSIP/trunk", to="hold@test").waits(0.01)
            await until(lambda: state.channels and state.synced)
            fake.drop()
            await until(lambda: not state.synced)
            await state.wait_synced(timeout=5)
            await state.refresh(timeout=5)
            for each in list(state.channels):
                await other.send(core.Hangup(each), check=False)
            await until(lambda: not state.channels)
        for second in range(stream.pending):
            tracer.take(await anext(stream), float(second))
    assert tracer.calls()


async def test_the_screen_takes_any_manager(fake: FakeAsterisk, other: Any) -> None:
    """It shows the state of the link and a call, and hangs up."""
    async with Live(other, parts=PARTS, wait=False) as state:
        top = Top(other, state, "admin@fake")
        async with top.run_test(size=(150, 45)) as pilot:
            await fake.incoming("PJSIP/trunk", to="hold@test").waits(0.01)
            for _ in range(400):
                top.show()
                await pilot.pause(0.01)
                if top.query(Table) and top.query_one("#calls", Table).rows_shown:
                    break
            assert top.query_one("#calls", Table).rows_shown
            await pilot.press("h")
            await pilot.pause()
            await pilot.press("y")
            await until(lambda: not state.channels)


async def test_the_dashboard_takes_any_manager(fake: FakeAsterisk) -> None:
    """It connects it, shows the link and the channels, and places a call."""
    mgr = manager(fake)
    other: Any = Other(mgr)
    async with Fleet({"pbx": other}) as fleet, FleetLive(fleet) as lives, Board(fleet, lives) as board:
        await fake.incoming("PJSIP/trunk", to="hold@test").waits(0.01)
        await until(lambda: board.state()["servers"]["pbx"]["channels"])
        action = core.Originate_Context("PJSIP/alice", "test", "hold", 1)
        placing = asyncio.ensure_future(board.place("pbx", "ada", "1", "2", action))
        await until(lambda: board.state()["placed"])
        assert board.state()["servers"]["pbx"]["link"]["state"] == "ready"
        await asyncio.wait([placing], timeout=5)


async def test_metrics_take_any_manager(other: Any) -> None:
    """An adapter reads the counts of whoever has `statistics()`."""
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry)
    metrics.attached("pbx:5038", other.statistics)
    await other.send(core.Ping())
    names = {sample.name: sample.value for each in registry.collect() for sample in each.samples}
    assert any(value > 0 for name, value in names.items() if name.endswith("_total"))
