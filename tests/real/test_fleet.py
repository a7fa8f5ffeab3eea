"""A fleet of two real servers of different versions, directly and over a bus, one of which is killed under load: each event is accounted for."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import pairwise

import pytest
from tests.helpers import QUICK, until
from tests.soak.load import NAME, Keeper, Mark, Observer, cancel

from aioami import ConnectionLost, EventsLost, Fleet, Manager, ManagerLike, ManagerState, core, events
from aioami.bus import RemoteManager
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.fleet import FleetLive
from aioami.testing import nats
from aioami.testing.real import InstallError, RealAsterisk, install

KILLED, OTHER = "pbx16", "pbx22"


@pytest.fixture(scope="module")
def keepers(request: pytest.FixtureRequest) -> Iterator[dict[str, Keeper]]:
    """An Asterisk 16 and an Asterisk 22, side by side."""
    if request.config.getoption("--asterisk") == "none":
        pytest.skip("--asterisk leaves this test out")
    with contextlib.ExitStack() as stack:
        found = {}
        for version in ("16", "22"):
            try:
                server = RealAsterisk(install(version))
            except InstallError as error:
                pytest.skip(f"Asterisk {version} is not there: {error}")
            server.configure()
            found[f"pbx{version}"] = stack.enter_context(Keeper(server))
        yield found


@contextlib.asynccontextmanager
async def directly(keepers: dict[str, Keeper]) -> AsyncIterator[dict[str, ManagerLike]]:
    """A manager of each server, which comes back quickly."""
    yield {name: Manager.from_url(each.server.url, reconnect=QUICK, timeout=5.0) for name, each in keepers.items()}


@contextlib.asynccontextmanager
async def over_a_bus(keepers: dict[str, Keeper]) -> AsyncIterator[dict[str, ManagerLike]]:
    """A remote manager of each server, behind one relay."""
    try:
        program = nats.install()
    except nats.SuiteGone as error:
        pytest.skip(str(error))
    with nats.NatsServer(program) as bus:
        servers = [ServerOptions(name, each.server.url) for name, each in keepers.items()]
        async with Relay(servers, bus.url, RelayOptions(max_bytes=1 << 26)):
            yield {name: RemoteManager(bus.url, name, reconnect=QUICK, timeout=5.0) for name in keepers}


class Account:
    """All numbered events that a fleet's stream gave, by server, with `None` where it said that some are missing."""

    def __init__(self, fleet: Fleet) -> None:
        self.seen: dict[str, list[Mark | None]] = {name: [] for name in fleet}
        self.lost: list[tuple[str, int, bool]] = []
        self._stream = fleet.events(
            events.UserEvent, where=lambda event: event.user_event == NAME, maxsize=None, on_loss="raise"
        )

    async def take(self) -> None:
        """Take what comes, until cancelled."""
        while True:
            try:
                async for event in self._stream:
                    mark = Mark.read(event.action_id or "", event["Number"])
                    self.seen[event.server].append(mark)
                return
            except EventsLost as lost:
                self.seen[lost.server].append(None)
                self.lost.append((lost.server, lost.count, lost.gap > 0))


async def ping(fleet: Fleet, name: str, ends: Counter[str]) -> None:
    """Send one action after the other, and count how they ended, until cancelled."""
    while True:
        try:
            await fleet[name].send(core.Ping())
            ends["answered"] += 1
        except ConnectionLost as error:
            ends["cut off" if error.sent else "not sent"] += 1
        await asyncio.sleep(0.002)


def is_whole(marks: list[Mark]) -> bool:
    """True if no numbered event is missing, doubled or out of its order."""
    return all(later.place == earlier.place + 1 for earlier, later in pairwise(marks))


@pytest.mark.parametrize("managers", [directly, over_a_bus])
async def test_one_is_killed_and_no_event_of_the_other_is_missing(
    keepers: dict[str, Keeper], managers: Callable[..., AbstractAsyncContextManager[dict[str, ManagerLike]]]
) -> None:
    """The killed one's events have one gap that is told, with all before and all behind it; the other's have none."""
    async with contextlib.AsyncExitStack() as observers:
        fleet = Fleet(await observers.enter_async_context(managers(keepers)))
        account = Account(fleet)
        ends = {name: Counter[str]() for name in fleet}
        await observers.enter_async_context(fleet)
        lives = await observers.enter_async_context(FleetLive(fleet))
        assert all(lives[name].synced for name in fleet)
        tasks = [asyncio.create_task(account.take())]
        tasks += [asyncio.create_task(ping(fleet, name, ends[name])) for name in fleet]
        first = await observers.enter_async_context(contextlib.AsyncExitStack())
        watched = {
            KILLED: await first.enter_async_context(Observer(keepers[KILLED].server, pace=0.002)),
            OTHER: await observers.enter_async_context(Observer(keepers[OTHER].server, pace=0.002)),
        }
        for observer in watched.values():
            observer.start()
        await until(lambda: min(map(len, account.seen.values())) > 100)
        killed = keepers[KILLED]
        await killed.do(killed.server.kill)
        with contextlib.suppress(ConnectionError):
            await first.pop_all().aclose()
        await until(lambda: fleet.health()[KILLED].state is ManagerState.RECONNECTING)
        assert not lives[KILLED].synced
        await killed.do(killed.server.start)
        await fleet[KILLED].wait_ready(20)
        await lives[KILLED].wait_synced(20)
        again = await observers.enter_async_context(Observer(killed.server, pace=0.002))
        again.start()
        await until(lambda: len(again.seen) > 100)
        for observer in (again, watched[OTHER]):
            await observer.stop()
        await until(lambda: account.seen[KILLED][-1] == again.seen[-1])
        await until(lambda: account.seen[OTHER][-1] == watched[OTHER].seen[-1])
        await cancel(*tasks)
        assert fleet.health()[KILLED].gaps == 1
        assert fleet.health()[OTHER].gaps == 0
        assert lives[OTHER].synced
    other = [mark for mark in account.seen[OTHER] if mark is not None]
    assert other == account.seen[OTHER] == watched[OTHER].seen
    assert account.lost == [(KILLED, 0, True)]
    gap = account.seen[KILLED].index(None)
    before, behind = account.seen[KILLED][:gap], account.seen[KILLED][gap + 1 :]
    assert None not in behind
    # What reached one of the two clients before the end need not have reached the other one.
    seen = watched[KILLED].seen
    shorter = min(len(before), len(seen))
    assert shorter > 100
    assert before[:shorter] == seen[:shorter]
    assert is_whole([mark for mark in before if mark is not None])
    assert behind == again.seen
    assert ends[OTHER].keys() == {"answered"}
    assert ends[KILLED]["answered"] > 0
