"""Real servers behind a relay: what comes over the bus is what comes over a direct link."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator

import async_timeout
import pytest
from tests.helpers import QUICK, until
from tests.soak.load import Account, Watch, check_order

from aioami import Event, EventStream, Manager, ManagerState, core, events
from aioami.bus import RemoteManager
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.live import Live
from aioami.testing import FaultProxy
from aioami.testing.nats import NatsServer, SuiteGone, install
from aioami.testing.real import RealAsterisk

Place = Callable[..., Awaitable[str]]
OWN = frozenset({"FullyBooted", "SuccessfulAuth", "ChallengeSent", "RequestNotAllowed"})


@pytest.fixture
def bus() -> Iterator[NatsServer]:
    """A bus of its own for each test."""
    try:
        program = install()
    except SuiteGone as error:
        pytest.skip(str(error))
    with NatsServer(program) as server:
        yield server


async def until_the_end(stream: EventStream[Event]) -> list[Event]:
    """Take all that a stream has before an event of ours."""
    found: list[Event] = []
    async with async_timeout.timeout(10):
        while not isinstance(event := await anext(stream), events.UserEvent):
            found.append(event)
    return found


async def test_a_call_over_the_bus_is_the_call_of_a_direct_link(
    asterisk: RealAsterisk, bus: NatsServer, mgr: Manager, place: Place
) -> None:
    """The events of a call, the live state and the outcome are the same for a remote and a direct manager."""
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
                await mgr.send(core.UserEvent(UserEvent="End"))
                there, here = await until_the_end(far), await until_the_end(near)
                assert [each for each in there if each.name not in OWN] == [
                    each for each in here if each.name not in OWN
                ]
                assert sum(isinstance(each, events.Hangup) for each in there) >= 4


async def test_over_faults_all_is_given_or_told_as_lost(asterisk: RealAsterisk, bus: NatsServer) -> None:
    """While the relay goes, the bus is killed and the link is cut, each of four consumers gets each event once and in order, or hears of
    its loss; each action ran at most once, and what its caller heard is true.
    """
    async with FaultProxy(asterisk.host, asterisk.port) as way, contextlib.AsyncExitStack() as stack:
        url = f"ami://{asterisk.username}:{asterisk.secret}@{way.host}:{way.port}"

        async def begin() -> Relay:
            settings = RelayOptions(silence=0.5, max_bytes=1 << 26)
            return await stack.enter_async_context(Relay([ServerOptions("real", url)], bus.url, settings, linger=0.5))

        relays = [await begin() for _ in range(2)]
        mgr = await stack.enter_async_context(RemoteManager(bus.url, "real", reconnect=QUICK))
        await mgr.wait_booted(20)
        async with Account(mgr, asterisk) as account:
            assert account.observer is not None
            everything = Watch(mgr)
            await account.flow()
            bus.kill()
            await until(lambda: mgr.state is not ManagerState.READY)
            seen = len(account.observer.seen)
            await until(lambda: len(account.observer.seen) > seen + 50)  # while the bus is away
            bus.start()
            await account.flow()
            (leader,) = (each for each in relays if each.status()["real"].role == "leader")
            await leader.close()
            relays = [*(each for each in relays if each is not leader), await begin()]
            await account.flow()
            late = Watch(mgr, events.UserEvent)
            await account.flow()
            way.cut()
            await account.flow()
        replay = Watch(mgr, events.UserEvent, since="oldest")
        made = account.observer.seen
        await until(lambda: all(made[-1] in each.seen[-100:] for each in (everything, late, replay)))
        check_order(made, replay.seen)
        for watch in (everything, late):
            assert watch.seen[0] is not None
            check_order(made[made.index(watch.seen[0]) :], watch.seen)
        assert [each.gaps for each in (account.watch, everything, late, replay)] == [2, 2, 1, 2]
        for watch in (everything, late, replay):
            await watch.close()
