"""A fleet for programs without an event loop: the same names, blocking, on one thread for all servers."""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import warnings

import pytest
from tests.helpers import Server

from aioami import (
    BlockingFleet,
    BlockingManager,
    ConnectionLost,
    Fleet,
    ManagerState,
    core,
    events,
    in_thread,
)
from aioami.fleet import FleetLive


@pytest.fixture
def servers(server: Server) -> dict[str, str]:
    """Two servers, which outlive the loops of their clients: one, and the same behind a proxy."""
    behind = server.fake.url.replace(f":{server.fake.port}", f":{server.proxy.port}")
    return {"pbx1": server.fake.url, "pbx2": behind}


def test_it_has_the_names_of_a_fleet() -> None:
    """Every name that a fleet documents is there, with the same parameters."""
    for name, member in vars(Fleet).items():
        if name == "emit" or name.startswith("_"):
            continue
        assert hasattr(BlockingFleet, name), name
        if callable(member):
            ours = list(inspect.signature(getattr(BlockingFleet, name)).parameters)
            assert ours == list(inspect.signature(member).parameters), name


def test_actions_and_events_of_all(servers: dict[str, str]) -> None:
    """Each server is asked by its name, and one stream has the events of all; all on one thread."""
    before = threading.active_count()
    with in_thread(Fleet(servers)) as fleet:
        assert threading.active_count() == before + 1
        assert (fleet.servers, list(fleet), len(fleet)) == (("pbx1", "pbx2"), ["pbx1", "pbx2"], 2)
        assert "pbx1" in fleet
        assert "pbx3" not in fleet
        with pytest.raises(KeyError):
            fleet["pbx3"]
        assert isinstance(fleet["pbx1"], BlockingManager)
        assert fleet["pbx2"].send(core.Ping()).RTT > 0
        with fleet.events(events.UserEvent) as stream:
            fleet["pbx1"].send(core.UserEvent(UserEvent="Door"))
            found = {next(stream).server, next(stream).server}
            assert found == {"pbx1", "pbx2"}
        assert {health.state for health in fleet.health().values()} == {ManagerState.READY}
        assert set(fleet.statistics()) == {"pbx1", "pbx2"}
        assert "pbx2 ready" in repr(fleet)
        assert fleet.is_running
        assert fleet["pbx1"].is_running
    assert not fleet.is_running
    assert threading.active_count() == before
    with pytest.raises(ConnectionLost, match="the fleet is not connected"):
        fleet["pbx1"].send(core.Ping())
    assert next(stream, None) is None


def test_a_live_state_of_all(servers: dict[str, str]) -> None:
    """A live state lives in the loop: it takes the fleet itself, in a coroutine that `run` awaits, and says so."""

    async def queues(fleet: Fleet) -> set[int]:
        async with FleetLive(fleet) as lives:
            return {len(live.queues) for live in lives.values()}

    with in_thread(Fleet(servers)) as fleet:
        assert fleet.run(queues(fleet.fleet)) == {3}
        with pytest.raises(TypeError, match="the `fleet` of a BlockingFleet"):
            FleetLive(fleet)  # type: ignore[arg-type]


def test_servers_come_and_go(servers: dict[str, str]) -> None:
    """A server is added and removed while it runs, and before; one is closed and connected by itself."""
    fleet = in_thread(Fleet(servers))
    fleet.remove("pbx2")
    told = []
    fleet.observe_servers(lambda name, manager: told.append((name, manager is not None)))
    with fleet:
        added = fleet.add("pbx3", servers["pbx2"])
        added.wait_ready(20)
        assert fleet.servers == ("pbx1", "pbx3")
        fleet["pbx3"].close()
        assert added.state is ManagerState.CLOSED
        added.connect()
        assert added.state is ManagerState.READY
        fleet.remove("pbx3")
        assert told == [("pbx3", True), ("pbx3", False)]
        assert fleet["pbx1"].send(core.Ping()).success
        with pytest.raises(KeyError):
            fleet.remove("pbx3")


def test_callbacks_and_single_events(servers: dict[str, str]) -> None:
    """A callback runs in the loop's thread, where the blocking names refuse; an event is waited for."""
    with in_thread(Fleet(servers)) as fleet:
        found: list[str] = []
        refused: list[str] = []
        done = threading.Event()

        @fleet.on(events.UserEvent)
        def told(event: events.UserEvent) -> None:
            found.append(event.server)
            try:
                fleet["pbx1"].send(core.Ping())
            except RuntimeError as error:
                refused.append(str(error))
            done.set()

        threading.Timer(0.1, lambda: fleet["pbx1"].send(core.UserEvent(UserEvent="Door"))).start()
        assert fleet.wait_for(events.UserEvent, timeout=20).server in servers
        assert done.wait(20)
        assert found[0] in servers
        assert "the fleet's own loop: await the names of its `fleet`" in refused[0]


def test_what_cannot_be_connected_is_told(servers: dict[str, str]) -> None:
    """Entering raises what the fleet raises, and leaves no thread; a fleet is entered again."""
    before = threading.active_count()
    wrong = servers["pbx2"].replace("s3cret", "wrong")
    with pytest.raises(ConnectionLost), in_thread(Fleet({"nowhere": "ami://a:b@127.0.0.1:1"})):
        pass
    fleet = in_thread(Fleet({**servers, "pbx3": wrong}, wait="any"))
    for _ in range(2):
        with fleet:
            fleet["pbx1"].wait_ready(20)
            with pytest.raises(RuntimeError, match="ready already"):
                fleet.connect()
    assert threading.active_count() == before
    for neither in (None, "ami://u:s@h", asyncio.sleep):
        with pytest.raises(TypeError, match="expected a manager"):
            in_thread(neither)  # type: ignore[call-overload]


def test_one_that_is_dropped_ends(servers: dict[str, str]) -> None:
    """Its links and its thread end, and a warning says so."""
    before = threading.active_count()
    fleet = in_thread(Fleet(servers))
    fleet.connect()
    member = fleet["pbx1"]
    manager = member.manager
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del member
        gc.collect()
        assert fleet["pbx1"].send(core.Ping()).success  # a member that is dropped ends nothing
        thread = next(each for each in threading.enumerate() if each.name == "aioami")
        del fleet
        gc.collect()
        thread.join(20)
    assert any("dropped without close()" in str(each.message) for each in told)
    assert threading.active_count() == before
    assert manager.state is ManagerState.CLOSED
