"""Real servers behind a relay: what comes over the bus is what comes over a direct link."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.helpers import until

from aioami import Manager, core, events
from aioami.bus import RemoteManager
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.live import Live
from aioami.testing.nats import NatsServer, SuiteGone, install
from aioami.testing.real import RealAsterisk

Place = Callable[..., Awaitable[str]]
OWN = frozenset({"FullyBooted", "SuccessfulAuth", "ChallengeSent", "RequestNotAllowed"})


async def test_a_call_over_the_bus_is_the_call_of_a_direct_link(
    asterisk: RealAsterisk, mgr: Manager, place: Place
) -> None:
    """The events of a call, the live state and the outcome are the same for a remote and a direct manager."""
    try:
        program = install()
    except SuiteGone as error:
        pytest.skip(str(error))
    with NatsServer(program) as bus:
        settings = RelayOptions(silence=0.3, max_bytes=1 << 24)
        own = ServerOptions("real", asterisk.url)
        async with Relay([own], bus.url, settings), RemoteManager(bus.url, "real") as remote:
            await remote.wait_booted(10)
            async with Live(remote) as ours, Live(mgr) as theirs:
                with remote.events() as far, mgr.events() as near:
                    await remote.send(core.Ping())
                    accepted = await remote.send(core.Originate_Application("Local/wait@test/n", "Wait", ("600",)))
                    assert (await accepted.outcome(timeout=10)).success
                    channel = await place("wait")
                    await until(lambda: set(dict(ours.channels)) == set(dict(theirs.channels)) != set())
                    await remote.send(core.Hangup(channel))
                    await remote.send(core.Hangup("/^Local/"), check=False)
                    await until(lambda: not ours.channels and not theirs.channels)
                    await asyncio.sleep(0.1)
                    await mgr.send(core.Ping())
                    await remote.send(core.Ping())
                    there = [await far.__anext__() for _ in range(far.pending)]
                    here = [await near.__anext__() for _ in range(near.pending)]
                    assert [each for each in there if each.name not in OWN] == [
                        each for each in here if each.name not in OWN
                    ]
                    assert sum(isinstance(each, events.Hangup) for each in there) >= 4
