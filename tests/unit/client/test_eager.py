"""Tasks that start at once, as Python 3.12 and later can have them: each room that makes tasks works as before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.helpers import manager, until

from aioami import Disconnected, Fleet, Manager, ManagerState, Reconnected, core, events
from aioami.agi import AsyncAGI, FastAGI, Session
from aioami.calls import EndReason
from aioami.fleet import FleetLive
from aioami.live import Live
from aioami.testing import FakeAsterisk, FakeFleet

EAGER = getattr(asyncio, "eager_task_factory", None)


@pytest.fixture(autouse=True, params=["lazy", *(["eager"] if EAGER is not None else [])])
async def tasks(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The way in which this event loop starts its tasks."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(EAGER if request.param == "eager" else None)
    yield
    loop.set_task_factory(None)


async def test_calls(mgr: Manager) -> None:
    """A call is placed and ends; one is hung up where its block is left; one is given to a program."""
    call = await mgr.call("Local/short@test/n", to="wait@test")
    assert (await call.ended(5)).reason is EndReason.ANSWERED
    async with mgr.call("Local/wait@test/n", to="wait@test") as call:
        await call.answered(5)
    assert call.end is not None
    assert call.end.by_us
    heard: list[str] = []

    async def program(session: Session) -> None:
        heard.append(await session.evaluate("${CHANNEL(name)}"))
        await session.hang_up()

    call = await mgr.call("Local/wait@test/n", to=program)
    await call.ended(5)
    assert len(heard) == 1


@pytest.mark.parametrize("transport", ["fastagi", "asyncagi"])
async def test_sessions(transport: str) -> None:
    """A program serves a caller to its end."""
    said: list[object] = []

    async def menu(call: Session) -> None:
        await call.answer()
        said.append(await call.ask("main-menu", digits=2, timeout=5))
        said.append(await call.digit(1))
        await call.play("goodbye")
        said.append("over")

    async with FakeAsterisk(virtual_time=True) as fake, Manager.from_url(fake.url) as mgr:
        server = FastAGI(menu, port=0) if transport == "fastagi" else AsyncAGI(mgr, menu)
        async with server:
            url = f"agi://127.0.0.1:{server.port}/menu" if isinstance(server, FastAGI) else "agi:async"
            fake.add_extension("menu", f"AGI({url})", "Hangup()")
            caller = fake.incoming("PJSIP/trunk", to="menu")
            await caller.hears("main-menu")
            await caller.presses("12")
            await caller.hears("goodbye")
            await caller.ended()
    assert [str(each) for each in said] == ["12", "None", "over"]


async def test_the_live_state(fake: FakeAsterisk, mgr: Manager) -> None:
    """It is read, follows a call, and is read again after a lost link."""
    async with Live(mgr) as state:
        await state.wait_synced(5)
        fake.incoming("PJSIP/alice", to="hold@test")
        await until(lambda: state.channels)
        fake.drop()
        await until(lambda: not state.synced)
        await state.wait_synced(20)
        assert state.channels


async def test_a_fleet() -> None:
    """Its servers connect, one is lost and comes back, its live state is true, and it closes."""
    async with FakeFleet(["one", "two"]) as fakes:
        async with Fleet({name: manager(fake) for name, fake in fakes.items()}) as fleet, FleetLive(fleet) as lives:
            stream = fleet.events(Disconnected, Reconnected, events.Hangup)
            fakes["one"].drop()
            assert [type(await anext(stream)) for _ in range(2)] == [Disconnected, Reconnected]
            await fakes["two"].send_event("Hangup", {"Channel": "PJSIP/1"}, privilege="call,all")
            assert (await anext(stream)).server == "two"
            await lives["one"].wait_synced(20)
            added = fleet.add("three", manager(fakes["two"]))
            await added.wait_ready(5)
            await fleet.remove("three")
            assert (await fleet["one"].send(core.Ping())).success
        assert fleet["one"].state is ManagerState.CLOSED
