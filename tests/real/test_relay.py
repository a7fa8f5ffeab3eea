"""A relay on a real Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers import until
from tests.real.conftest import Place, Server

from aioami import Action, Manager, connect, core
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.testing.nats import NatsServer, SuiteGone, install


@pytest.fixture(scope="session")
def nats_program() -> Path:
    """The program, which the first test installs."""
    try:
        return install()
    except SuiteGone as error:
        pytest.skip(str(error))


@pytest.fixture
async def relayed(asterisk: Server, nats_program: Path) -> AsyncIterator[str]:
    """The URL of a bus on which the server is, as `pbx`."""
    with NatsServer(nats_program) as server:
        async with Relay([ServerOptions("pbx", asterisk.url)], server.url, RelayOptions(silence=0.3)) as relay:
            await until(lambda: relay.status()["pbx"].state == "ready")
            yield server.url


async def test_a_call_is_the_same_over_the_bus(relayed: str, mgr: Manager, place: Place) -> None:
    """A call gives the same events, with the same bytes and in the same order, as on a link of its own."""
    async with connect(relayed, server="pbx") as remote:
        await remote.wait_ready(10)
        with remote.events() as far, mgr.events() as near:
            # A consumer of the bus begins when the bus has it.
            begun = asyncio.ensure_future(far.__anext__())
            while not begun.done():
                await mgr.send(Action("UserEvent", UserEvent="Begin"))
                await asyncio.wait({begun}, timeout=0.05)
            await mgr.send(Action("UserEvent", UserEvent="Now"))
            channel = await place()
            await mgr.send(core.Hangup(channel))
            await mgr.send(Action("UserEvent", UserEvent="End"))
            found = []
            for stream in (near, far):
                seen: list[bytes] = []
                async for event in stream:
                    if event.name == "UserEvent" and event["UserEvent"] == "Now":
                        seen.clear()
                    if event.name == "UserEvent" and event["UserEvent"] == "End":
                        break
                    seen.append(bytes(event))
                found.append(seen)
        assert found[1] == found[0]
        assert len(found[0]) > 10
        near_list = await mgr.send(core.CoreShowChannels())
        far_list = await remote.send(core.CoreShowChannels())
        assert [event["Channel"] for event in far_list.events] == [event["Channel"] for event in near_list.events]
