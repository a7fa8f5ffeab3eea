"""A fleet: its servers, the events of all of them, and what one that fails does to the others."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pickle
import threading
import warnings
import weakref
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import QUICK, Server, manager, until

import aioami
from aioami import (
    ActionError,
    ConnectionLost,
    Disconnected,
    Event,
    EventsLost,
    EventStream,
    Fleet,
    Manager,
    ManagerAuthError,
    ManagerLike,
    ManagerState,
    ManagerTimeout,
    Reconnected,
    UnknownEventName,
    actions,
    connect,
    core,
    events,
)
from aioami.live import Live
from aioami.metrics import Metrics
from aioami.testing import FakeAsterisk, FakeFleet, Recording

NAMES = ("pbx1", "pbx2", "pbx3")


@pytest.fixture
async def fakes() -> Any:
    """Three fake servers."""
    async with FakeFleet(NAMES) as servers:
        yield servers


def managers(fakes: FakeFleet, **options: object) -> dict[str, Manager]:
    """A manager of each, which reconnects quickly."""
    return {name: manager(fake, **options) for name, fake in fakes.items()}


async def tell(fake: FakeAsterisk, number: int = 0) -> None:
    """Have a server tell of a hang-up."""
    await fake.send_event("Hangup", {"Channel": f"PJSIP/{number}", "Cause": "16"}, privilege="call,all")


# Its servers


async def test_servers_are_known_by_name(fakes: FakeFleet) -> None:
    """Each server has its manager under its name; there is no other."""
    async with Fleet(fakes.urls) as fleet:
        assert fleet.servers == NAMES == tuple(fleet)
        assert len(fleet) == 3
        assert "pbx2" in fleet
        assert "pbx9" not in fleet
        for name in NAMES:
            assert fleet[name].state is ManagerState.READY
            assert (await fleet[name].send(core.Ping())).success
        with pytest.raises(KeyError):
            fleet["pbx9"]
        assert not hasattr(fleet, "send")
    assert [len(fake.sent("Ping")) for fake in fakes.values()] == [1, 1, 1]
    assert [len(fake.sent("Logoff")) for fake in fakes.values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("servers", "options", "kind", "words"),
    [
        ({"a": "ami://u:s@h"}, {"wait": "some"}, ValueError, "wait: 'all', 'any' or 'none', not 'some'"),
        ({"": "ami://u:s@h"}, {}, ValueError, "a name is printable and not empty"),
        ({"a\n": "ami://u:s@h"}, {}, ValueError, "a name is printable and not empty"),
        ({1: "ami://u:s@h"}, {}, TypeError, "the name of a server: expected text"),
        ({"a": 5038}, {}, TypeError, "'a': expected a URL or a manager, not int"),
        ({"a": "http://u:geheim@h"}, {}, ValueError, "servers: 'a': url: expected ami://"),
        ({"a": "nats://bus?server=a"}, {}, ValueError, "servers: 'a': "),
        ("ami://u:geheim@h", {}, TypeError, "a mapping of names to URLs or managers, not the URL of one server"),
        (["ami://u:geheim@h"], {}, TypeError, "a mapping of names to URLs or managers, not list"),
        ({"a": "ami://u:s@h"}, {"time_out": 3}, TypeError, "is timeout meant"),
    ],
)
def test_what_cannot_be_a_fleet_is_refused(servers: Any, options: Any, kind: type[Exception], words: str) -> None:
    """What is wrong is named at once, without a secret."""
    with pytest.raises(kind, match=words) as caught:
        Fleet(servers, **options)
    assert "geheim" not in str(caught.value)


async def test_a_manager_is_in_one_fleet_and_not_connected(fakes: FakeFleet) -> None:
    """A manager that is connected, in another fleet, or there twice, is refused."""
    mgr = manager(fakes["pbx1"])
    with pytest.raises(ValueError, match="'b': its manager is in this fleet already"):
        Fleet({"a": mgr, "b": mgr})
    assert mgr.server == ""
    fleet = Fleet({"a": mgr})
    assert mgr.server == "a"
    with pytest.raises(ValueError, match="'c': its manager is in another fleet"):
        Fleet({"c": mgr})
    with pytest.raises(ValueError, match="there is a server 'a' already"):
        fleet.add("a", fakes["pbx2"].url)
    await fleet.remove("a")
    assert mgr.server == ""
    async with mgr:
        with pytest.raises(ValueError, match="'d': its manager is ready already; the fleet connects it"):
            fleet.add("d", mgr)
    assert fleet.servers == ()
    assert fleet.add("d", mgr) is mgr


async def test_a_manager_is_free_again_when_its_fleet_is_dropped(fakes: FakeFleet) -> None:
    """A fleet that was never connected, and dropped, holds no manager any more."""
    mgr = manager(fakes["pbx1"])
    Fleet({"a": mgr})
    gc.collect()
    async with Fleet({"b": mgr}) as fleet:
        assert fleet["b"] is mgr
        assert mgr.server == "b"


async def test_all_are_waited_for_and_the_first_failure_is_raised(fakes: FakeFleet) -> None:
    """Entering raises the failure of one server, and closes the others."""
    await fakes["pbx2"].stop()
    fleet = Fleet(managers(fakes))
    with pytest.raises(ConnectionLost, match="^pbx2: .* could not be reached"):
        await fleet.connect()
    assert {each.state for each in map(fleet.__getitem__, fleet)} == {ManagerState.CLOSED}
    assert [len(fakes[name].sent("Logoff")) for name in ("pbx1", "pbx3")] in ([1, 1], [0, 1], [1, 0], [0, 0])
    await fakes["pbx2"].start()
    async with fleet:
        assert {each.state for each in fleet.health().values()} == {ManagerState.READY}


async def test_any_one_is_enough_and_the_others_are_tried_on(fakes: FakeFleet) -> None:
    """With `any`, a server that is not there yet is connected when it comes."""
    await fakes["pbx1"].stop()
    await fakes["pbx2"].stop()
    async with Fleet(managers(fakes), wait="any") as fleet:
        assert fleet["pbx3"].state is ManagerState.READY
        health = fleet.health()["pbx1"]
        assert health.state is ManagerState.CONNECTING
        await until(lambda: isinstance(fleet.health()["pbx1"].error, ConnectionLost))
        came = fleet.wait_for(events.Hangup, timeout=20)
        await fakes["pbx1"].start()
        await fleet["pbx1"].wait_ready(20)
        await tell(fakes["pbx1"])
        assert (await came).server == "pbx1"
        assert fleet.health()["pbx1"].error is None


async def test_any_raises_the_first_error_when_all_are_refused(fakes: FakeFleet) -> None:
    """With `any`, and no server that may still come, the first refusal is raised."""
    with pytest.raises(ManagerAuthError, match="Authentication failed"):
        async with Fleet(managers(fakes, secret="wrong"), wait="any"):
            raise AssertionError("it was entered")


async def test_none_is_waited_for(fakes: FakeFleet) -> None:
    """With `none`, entering takes no time, whatever is there."""
    await fakes["pbx1"].stop()
    async with Fleet(managers(fakes), wait="none") as fleet:
        assert all(each.state is ManagerState.CONNECTING for each in fleet.health().values())
        await fleet["pbx2"].wait_ready(20)


async def test_a_refused_login_is_told_once(fakes: FakeFleet, caplog: pytest.LogCaptureFixture) -> None:
    """One server's wrong secret is one line in the log and stands in the health; the others go on."""
    both = managers(fakes)
    both["pbx2"] = manager(fakes["pbx2"], secret="wrong")
    async with Fleet(both, wait="any") as fleet:
        await until(lambda: fleet.health()["pbx2"].state is ManagerState.LOST)
        health = fleet.health()["pbx2"]
        assert isinstance(health.error, ManagerAuthError)
        with pytest.raises(ConnectionLost, match="the login was refused") as caught:
            await fleet["pbx2"].send(core.Ping())
        assert not caught.value.sent
        with fleet.events(events.Hangup) as stream:
            await tell(fakes["pbx1"])
            await tell(fakes["pbx3"])
            assert {(await anext(stream)).server, (await anext(stream)).server} == {"pbx1", "pbx3"}
        assert fleet.health()["pbx2"].since == health.since
    told = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert told == ["pbx2 is lost for good: the login was refused: Authentication failed"]
    assert len(fakes["pbx2"].sent("Login")) == 1


async def test_a_server_is_added_while_the_fleet_is_connected(fakes: FakeFleet) -> None:
    """Streams, callbacks and single waits of before get the events of a server that is added."""
    heard = []
    async with Fleet({"pbx1": fakes["pbx1"].url}) as fleet:
        fleet.on(events.Hangup)(lambda event: heard.append(event.server))
        waiting = fleet.wait_for(events.Hangup, where=lambda event: event.server == "pbx2", timeout=20)
        with fleet.events(events.Hangup) as stream:
            mgr = fleet.add("pbx2", fakes["pbx2"].url)
            assert mgr is fleet["pbx2"]
            await mgr.wait_ready(20)
            await tell(fakes["pbx2"])
            assert (await anext(stream)).server == "pbx2"
            assert (await waiting).server == "pbx2"
        await until(lambda: heard == ["pbx2"])


async def test_a_server_is_removed_with_a_farewell(fakes: FakeFleet) -> None:
    """What came before the removal is delivered; then nothing comes of it, and it can be added again."""
    async with Fleet(fakes.urls) as fleet:
        with fleet.events(events.Hangup) as stream:
            await tell(fakes["pbx1"], 1)
            await until(lambda: stream.pending)
            mgr = fleet["pbx1"]
            await fleet.remove("pbx1")
            assert mgr.state is ManagerState.CLOSED
            assert "pbx1" not in fleet
            assert "pbx1" not in fleet.health()
            assert len(fakes["pbx1"].sent("Logoff")) == 1
            with pytest.raises(KeyError):
                await fleet.remove("pbx1")
            assert (await anext(stream)).server == "pbx1"
            assert stream.pending == 0
            await fleet.add("pbx1", fakes["pbx1"].url).wait_ready(20)
            await tell(fakes["pbx1"], 2)
            assert (await anext(stream)).channel == "PJSIP/2"


async def test_a_server_is_removed_while_it_is_asked(fakes: FakeFleet) -> None:
    """An action under way may have run, and says so; a server of the name that is added at once is another one."""
    fakes["pbx1"].reply_to("Ping", None)
    async with Fleet(fakes.urls) as fleet:
        asking = asyncio.ensure_future(fleet["pbx1"].send(core.Ping(), timeout=None))
        await until(lambda: fakes["pbx1"].sent("Ping"))
        removing = asyncio.ensure_future(fleet.remove("pbx1"))
        await until(lambda: "pbx1" not in fleet)
        again = fleet.add("pbx1", fakes["pbx1"].url)
        await removing
        with pytest.raises(ConnectionLost) as lost:
            await asking
        assert lost.value.sent
        await again.wait_ready(20)
        assert fleet["pbx1"] is again


async def test_a_server_that_is_just_there_is_removed_with_a_farewell(fakes: FakeFleet) -> None:
    """The link is ended with a farewell also in the moment in which it is established."""
    async with Fleet({}, wait="any") as fleet:
        for number in range(3):
            await fleet.add("pbx1", manager(fakes["pbx1"])).wait_ready(20)
            await fleet.remove("pbx1")
            assert len(fakes["pbx1"].sent("Logoff")) == number + 1


async def test_a_fleet_may_be_connected_again(fakes: FakeFleet) -> None:
    """After `close()` the same fleet connects again, with its callbacks."""
    fleet = Fleet(fakes.urls)
    heard = []
    fleet.on(events.Hangup)(lambda event: heard.append(event.server))
    for count in (1, 2):
        await fleet.connect()
        with pytest.raises(RuntimeError, match="already"):
            await fleet.connect()
        await tell(fakes["pbx3"])
        await until(lambda count=count: heard == ["pbx3"] * count)  # type: ignore[misc]
        await fleet.close()
        await fleet.close()
    assert fleet["pbx1"].state is ManagerState.CLOSED


async def test_closing_ends_what_waits(fakes: FakeFleet) -> None:
    """Streams end, and single waits raise, when the fleet is closed."""
    async with Fleet(fakes.urls) as fleet:
        stream, waiting = fleet.events(events.Hangup), fleet.wait_for(events.Hangup)
        iterating = asyncio.ensure_future(anext(stream, None))
        awaiting = asyncio.ensure_future(_await(waiting))
        await asyncio.sleep(0)
    assert await iterating is None
    with pytest.raises(ConnectionLost, match="closed before an event came"):
        await awaiting


async def _await(what: Any) -> Any:
    return await what


async def test_entering_may_be_cancelled(fakes: FakeFleet) -> None:
    """A cancelled entering leaves no task and no link."""
    fakes["pbx2"].reply_to("Challenge", lambda request: None)
    fleet = Fleet(managers(fakes))
    entering = asyncio.create_task(fleet.connect())
    await until(lambda: fleet["pbx1"].state is ManagerState.READY)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert {fleet[name].state for name in fleet} == {ManagerState.CLOSED}


async def test_it_belongs_to_one_loop(fakes: FakeFleet) -> None:
    """In another thread a connected fleet refuses its functions."""
    async with Fleet(fakes.urls) as fleet:
        caught: list[BaseException] = []

        def elsewhere() -> None:
            for use in (fleet.events, fleet.wait_for, fleet.on, lambda: fleet.add("x", "ami://h")):
                try:
                    use()  # type: ignore[operator]
                except RuntimeError as error:
                    caught.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert len(caught) == 4


# The events


async def test_each_event_has_the_name_of_its_server(fakes: FakeFleet) -> None:
    """In the fleet's streams and in those of its members; in lists, and in the library's own events too."""
    async with Fleet(managers(fakes)) as fleet:
        with fleet.events() as merged, fleet["pbx1"].events(events.Hangup) as single:
            await tell(fakes["pbx1"])
            assert (await anext(single)).server == "pbx1"
            assert (await anext(merged)).server == "pbx1"
            listed = await fleet["pbx3"].send(core.QueueStatus())
            assert {event.server for event in listed.events} == {"pbx3"}
            assert listed.events.completion is not None
            assert listed.events.completion.server == "pbx3"
            async with contextlib.AsyncExitStack() as stack:
                items = stack.enter_context(fleet["pbx3"].stream(core.QueueStatus()))
                assert {event.server async for event in items} == {"pbx3"}
            fakes["pbx2"].drop()
            lost, back = await anext(merged), await anext(merged)
            assert isinstance(lost, Disconnected)
            assert isinstance(back, Reconnected)
            assert lost.server == back.server == "pbx2"


async def test_a_manager_of_its_own_names_no_server(fakes: FakeFleet) -> None:
    """Outside of a fleet the name is empty, and a header `Server` is a header."""
    async with manager(fakes["pbx1"]) as mgr:
        assert mgr.server == ""
        coming = mgr.wait_for("Hangup", timeout=20)
        await fakes["pbx1"].send_event("Hangup", {"Server": "10.0.0.1"}, privilege="call,all")
        event = await coming
    assert event.server == ""
    assert event["Server"] == "10.0.0.1"
    with pytest.raises(RuntimeError, match="server: this manager is"):
        async with manager(fakes["pbx1"]) as mgr:
            mgr.server = "late"


async def test_a_header_called_server_stays_a_header(fakes: FakeFleet) -> None:
    """`event["Server"]` is what the server sent, and `event.server` its name in the fleet."""
    async with Fleet(fakes.urls) as fleet:
        coming = fleet.wait_for(events.Hangup, timeout=20)
        await fakes["pbx2"].send_event("Hangup", {"Server": "10.0.0.1"}, privilege="call,all")
        event = await coming
    assert (event["Server"], event.server) == ("10.0.0.1", "pbx2")
    assert aioami.fields.attribute_name("Server") == "server_"
    with pytest.raises(AttributeError):
        event.server = "x"  # type: ignore[misc]
    copied = pickle.loads(pickle.dumps(event))
    assert (copied, copied.server) == (event, "pbx2")
    assert Event("Event: A\r\nServer: b").server == ""


async def test_predicates_see_the_server(fakes: FakeFleet) -> None:
    """A `where` may ask for the server."""
    async with Fleet(fakes.urls) as fleet:
        with fleet.events(events.Hangup, where=lambda event: event.server != "pbx1") as stream:
            await tell(fakes["pbx1"])
            await tell(fakes["pbx3"])
            assert (await anext(stream)).server == "pbx3"
            assert stream.pending == 0


async def test_the_order_of_each_server_is_kept(fakes: FakeFleet) -> None:
    """Each server's events come in its own order, and none is missing."""
    async with Fleet(fakes.urls) as fleet:
        with fleet.events("Flood") as stream:
            for fake in fakes.values():
                fake.flood(2000)
            seen: dict[str, list[int]] = {name: [] for name in NAMES}
            for _ in range(6000):
                event = await anext(stream)
                seen[event.server].append(int(event["Number"]))
            assert stream.delivered == 6000
    assert all(numbers == list(range(2000)) for numbers in seen.values())


async def test_servers_take_turns(fakes: FakeFleet) -> None:
    """A server that floods delays another's event by one of its own at most."""
    async with Fleet(fakes.urls) as fleet:
        with fleet.events() as stream:
            fakes["pbx1"].flood(5000)
            await until(lambda: stream.pending >= 5000)
            await tell(fakes["pbx2"])
            await until(lambda: stream.pending > 5000)
            assert "pbx2" in [(await anext(stream)).server for _ in range(2)]


async def test_a_flood_leaves_the_others_their_turn(fakes: FakeFleet) -> None:
    """No more than 64 KiB of a server are read before all else in the loop has its turn."""
    turn, read = 0, Counter[int]()

    async def count_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def note(event: Event) -> bool:
        read[turn] += len(event.text)
        return False

    counting = asyncio.create_task(count_turns())
    async with Fleet(fakes.urls) as fleet:
        with fleet.events("Flood", where=note):
            fakes["pbx1"].flood(10_000)
            await until(lambda: fleet.statistics()["pbx1"].events >= 10_000)
    counting.cancel()
    assert 1 << 15 < max(read.values()) <= 1 << 16


async def test_the_bound_counts_for_each_server(fakes: FakeFleet, caplog: pytest.LogCaptureFixture) -> None:
    """A server that floods loses its own events, and no other's."""
    async with Fleet(fakes.urls) as fleet:
        with fleet.events(maxsize=100) as stream:
            fakes["pbx1"].flood(5000)
            for number in range(100):
                await tell(fakes["pbx2"], number)
            await until(lambda: stream.dropped == 4900 and stream.pending == 200)
            counted = Counter([(await anext(stream)).server for _ in range(200)])
            assert counted == {"pbx1": 100, "pbx2": 100}
        counts = {name: each.dropped for name, each in fleet.statistics().items()}
        assert counts == {"pbx1": 4900, "pbx2": 0, "pbx3": 0}
    assert [record.getMessage() for record in caplog.records if "too slowly" in record.getMessage()] == [
        "a stream of all events (pbx1) is consumed too slowly: its oldest events are dropped, as 100 wait"
    ]


async def test_a_loss_is_raised_with_the_server(fakes: FakeFleet) -> None:
    """With `on_loss="raise"` both kinds of loss name the server, in the place where events are missing."""
    async with Fleet(managers(fakes)) as fleet:
        with fleet.events(events.Hangup, "Flood", maxsize=10, on_loss="raise") as stream:
            fakes["pbx1"].flood(50)
            await until(lambda: stream.pending == 10)
            with pytest.raises(EventsLost, match="events of pbx1 are missing: 40 events were dropped") as caught:
                await anext(stream)
            assert (caught.value.server, caught.value.count) == ("pbx1", 40)
            assert [(await anext(stream))["Number"] for _ in range(10)] == [str(each) for each in range(40, 50)]
            fakes["pbx3"].drop()
            with pytest.raises(EventsLost, match="events of pbx3 are missing: the link was down") as caught:
                await anext(stream)
            assert caught.value.server == "pbx3"
            assert caught.value.gap > 0
            assert stream.gaps == 1
            await tell(fakes["pbx3"])
            assert (await anext(stream)).server == "pbx3"


async def test_a_stream_may_be_opened_before_the_fleet_connects(fakes: FakeFleet) -> None:
    """Nothing of what comes first is missed."""
    fleet = Fleet(fakes.urls)
    stream = fleet.events(events.FullyBooted)
    async with fleet:
        assert {(await anext(stream)).server for _ in range(3)} == {*NAMES}


async def test_a_stream_that_is_dropped_ends(fakes: FakeFleet) -> None:
    """Dropping the last reference to a merged stream ends its subscriptions on all servers."""
    async with Fleet(fakes.urls) as fleet:
        stream = fleet.events()
        assert isinstance(stream, EventStream)
        gone = weakref.ref(stream)
        del stream
        assert gone() is None
        gc.collect()
        await tell(fakes["pbx1"])
        await fleet["pbx1"].send(core.Ping())
        assert fleet.statistics()["pbx1"].dropped == 0


async def test_a_second_consumer_is_refused(fakes: FakeFleet) -> None:
    """Two tasks that wait for one merged stream are an error."""
    async with Fleet(fakes.urls) as fleet:
        with fleet.events(events.Hangup) as stream:
            first = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="already waiting"):
                await anext(stream)
            await tell(fakes["pbx1"])
            assert (await first).server == "pbx1"


async def test_the_last_loss_ends_streams(fakes: FakeFleet) -> None:
    """When every server is lost for good, streams, single waits and callbacks end with the error."""
    async with Fleet(managers(fakes, reconnect=False)) as fleet:
        stream = fleet.events(events.Hangup)
        waiting = fleet.wait_for(events.Hangup)
        calls = fleet.on(events.Hangup)
        calls(lambda event: None)
        await tell(fakes["pbx1"])
        await until(lambda: stream.pending)
        for fake in fakes.values():
            fake.drop()
        await until(lambda: all(each.state is ManagerState.LOST for each in fleet.health().values()))
        assert (await waiting).server == "pbx1"
        assert (await anext(stream)).server == "pbx1"
        with pytest.raises(ConnectionLost):
            await anext(stream)
        with pytest.raises(ConnectionLost):
            await calls.wait_closed()
        late = fleet.events(events.Hangup)
        with pytest.raises(ConnectionLost):
            await anext(late)
        with pytest.raises(ConnectionLost):
            await fleet.wait_for(events.Hangup)


async def test_nothing_comes_in_time(fakes: FakeFleet) -> None:
    """A single wait has its time."""
    async with Fleet(fakes.urls) as fleet:
        with pytest.raises(ManagerTimeout, match="no event came in 0.01 seconds"):
            await fleet.wait_for(events.Hangup, timeout=0.01)


def test_what_a_fleet_leaves_to_its_servers_leads_there() -> None:
    """Where an action goes is said by the name of a server; other names are just not there."""
    fleet: Any = Fleet({})
    with pytest.raises(AttributeError, match=r"^a fleet has no send, but each of its servers: fleet\['NAME'\]\.send$"):
        fleet.send(core.Ping())
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        fleet.nothing
    with pytest.raises(TypeError, match="^manager: expected a manager, not Fleet$"):
        Live(fleet)


def test_names_of_events_are_looked_at() -> None:
    """A misspelt name is warned of once, however many servers there are."""
    fleet = Fleet({"a": "ami://u:s@h", "b": "ami://u:s@h"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fleet.events("Hangupp")
    assert [each.category for each in caught] == [UnknownEventName]
    assert caught[0].filename == __file__
    with pytest.warns(UnknownEventName, match="to QueueStatus alone"):
        fleet.events(events.QueueMember)
    with pytest.raises(TypeError, match="is an action"):
        fleet.events(core.Hangup)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="maxsize"):
        Fleet({}).events(maxsize=0)
    with pytest.raises(TypeError):
        Fleet({}).on(where=3)  # type: ignore[arg-type]


async def test_callbacks_get_one_event_after_the_other(fakes: FakeFleet) -> None:
    """A callback of the fleet never runs twice at once, whichever servers the events are from."""
    running, most, heard = 0, 0, []

    async def slow(event: Event) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        heard.append(event.server)

    async with Fleet(fakes.urls) as fleet:
        subscription = fleet.on(events.Hangup)
        subscription(slow)
        for fake in fakes.values():
            await tell(fake)
            await tell(fake)
        await until(lambda: len(heard) == 6)
        subscription.close()
        await subscription.wait_closed()
    assert most == 1
    assert Counter(heard) == dict.fromkeys(NAMES, 2)


# What is known of them


async def test_health_and_statistics(fakes: FakeFleet) -> None:
    """Each server has its state since when, its last error, round trip, gaps and version; and its counts."""
    async with Fleet(managers(fakes)) as fleet:
        await fleet["pbx1"].send(core.Ping())
        before = fleet.health()
        assert {each.state for each in before.values()} == {ManagerState.READY}
        assert before["pbx1"].round_trip is not None
        assert before["pbx2"].round_trip is None
        assert before["pbx1"].version == fleet["pbx1"].version != ""
        assert before == fleet.health()
        await fakes["pbx2"].stop()
        await until(lambda: fleet.health()["pbx2"].state is ManagerState.RECONNECTING)
        down = fleet.health()["pbx2"]
        assert down.since > before["pbx2"].since
        assert isinstance(down.error, ConnectionLost)
        assert down.gaps == 1
        await fakes["pbx2"].start()
        await fleet["pbx2"].wait_ready(20)
        assert fleet.health()["pbx2"].error is None
        assert fleet.statistics()["pbx2"].reconnects == 1
        assert "pbx2 ready" in repr(fleet)


class Noted(Metrics):
    """Keeps the names under which managers were attached."""

    def __init__(self) -> None:
        self.servers: list[str] = []

    def attached(self, server: str, statistics: Any) -> Metrics | None:
        self.servers.append(server)
        return None


def test_metrics_have_the_names_of_the_fleet() -> None:
    """The managers that a fleet makes are known to the metrics by their names in it."""
    metrics = Noted()
    fleet = Fleet({"pbx1": "ami://u:s@h", "pbx2": "ami://u:s@h"}, metrics=metrics)
    fleet.add("pbx3", "ami://u:s@h")
    assert metrics.servers == ["pbx1", "pbx2", "pbx3"]


async def test_observers_hear_of_servers(fakes: FakeFleet, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever observes hears of each server that comes and goes; what he raises is logged."""
    heard: list[tuple[str, bool]] = []

    def fails(name: str, mgr: ManagerLike | None) -> None:
        raise RuntimeError("boom")

    async with Fleet({"pbx1": fakes["pbx1"].url}) as fleet:
        end = fleet.observe_servers(lambda name, mgr: heard.append((name, mgr is not None)))
        fleet.observe_servers(fails)
        fleet.add("pbx2", fakes["pbx2"].url)
        await fleet.remove("pbx2")
        end()
        end()
        fleet.add("pbx3", fakes["pbx3"].url)
    assert heard == [("pbx2", True), ("pbx2", False)]
    assert "an observer of servers raised" in caplog.text


# Other managers


class Other:
    """A manager that is no `Manager`, and does not go on trying by itself."""

    def __init__(self, inner: Manager) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_any_manager_may_be_in_a_fleet(fakes: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has the names of a manager is one: it is tried on, and its events have its name in the fleet's streams."""
    monkeypatch.setattr("aioami.fleet.member.Backoff", lambda: QUICK)
    await fakes["pbx1"].stop()
    other = Other(manager(fakes["pbx1"]))
    async with Fleet({"other": other, "pbx2": fakes["pbx2"].url}, wait="any") as fleet:
        with fleet.events(events.Hangup, where=lambda event: event.server == "other") as stream:
            await until(lambda: isinstance(fleet.health()["other"].error, ConnectionLost))
            assert fleet.health()["other"].state is ManagerState.CONNECTING
            await fakes["pbx1"].start()
            await until(lambda: fleet.health()["other"].state is ManagerState.READY)
            await tell(fakes["pbx1"])
            assert (await anext(stream)).server == "other"
        await fleet.remove("other")
    assert other.state is ManagerState.CLOSED


async def test_a_manager_that_fails_to_close_hurts_no_other(fakes: FakeFleet, caplog: pytest.LogCaptureFixture) -> None:
    """What the closing of one raises is logged, and the others are closed."""

    class Bad(Other):
        async def close(self) -> None:
            await self._inner.close()
            raise ActionError("no")

    async with Fleet({"bad": Bad(manager(fakes["pbx1"])), "pbx2": fakes["pbx2"].url}) as fleet:
        good = fleet["pbx2"]
    assert good.state is ManagerState.CLOSED
    assert "the manager of bad raised as it was closed" in caplog.text


# connect()


async def test_connect_is_awaited_or_entered(fakes: FakeFleet) -> None:
    """Both connect, and give a manager; leaving closes it."""
    url = fakes["pbx1"].url
    async with connect(url, timeout=3) as mgr:
        assert isinstance(mgr, Manager)
        assert (await mgr.send(core.Ping())).success
    assert mgr.state is ManagerState.CLOSED
    mgr = await connect(url)
    try:
        assert mgr.state is ManagerState.READY
    finally:
        await mgr.close()
    connecting = connect(url.replace(":s3cret", ":falsch"))
    assert "falsch" not in repr(connecting)
    with pytest.raises(ManagerAuthError):
        await connecting


@pytest.mark.parametrize(
    ("url", "options", "words"),
    [
        ("nats://bus", {}, "server: the name of the server on the bus"),
        ("ami://u:s@h", {"server": "pbx1"}, "server: it goes with nats://"),
        ("http://u:geheim@h", {}, "expected ami://"),
    ],
)
def test_connect_refuses_what_is_wrong(url: str, options: Any, words: str) -> None:
    """What is wrong is a `ValueError` at the call."""
    with pytest.raises(ValueError, match=words):
        connect(url, **options)


def test_a_bus_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the bus cannot be imported the error says how it is installed."""

    def missing(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'nats'", name="nats")

    monkeypatch.setattr("aioami.fleet.connecting.import_module", missing)
    for use in (lambda: connect("nats://bus", server="pbx1"), lambda: Fleet("nats://bus")):
        with pytest.raises(ImportError, match=r"pip install 'aioami\[nats\]'"):
            use()


async def test_a_hundred_come_back_without_a_herd() -> None:
    """After a restart of all servers at once, the attempts to come back are spread over the first wait."""
    attempts: list[float] = []
    loop = asyncio.get_running_loop()
    async with FakeAsterisk(auth_limit=None) as fake:
        servers = {f"pbx{number}": Manager.from_url(fake.url) for number in range(100)}
        async with Fleet(servers) as fleet:
            fake.received.clear()
            fake.drop()
            with fleet.events(Reconnected) as stream:
                back = []
                for _ in range(100):
                    back.append((await anext(stream)).server)
                    attempts.append(loop.time())
            assert sorted(back) == sorted(fleet)
            assert {each.gaps for each in fleet.health().values()} == {1}
    # The waits are random from a quarter to half a second: a herd would all be there in an instant.
    within = max(sum(start <= each < start + 0.05 for each in attempts) for start in attempts)
    assert within <= 60
    assert attempts[-1] - attempts[0] > 0.1


async def test_a_member_may_be_closed_and_connected_by_others(fakes: FakeFleet) -> None:
    """Whoever closes a manager of the fleet by himself, and connects it again, takes no stream away."""
    async with Fleet(managers(fakes)) as fleet:
        with fleet.events(events.Hangup) as stream:
            await fleet["pbx1"].close()
            await until(lambda: fleet.health()["pbx1"].state is ManagerState.CLOSED)
            await tell(fakes["pbx2"])
            assert (await anext(stream)).server == "pbx2"
            await fleet["pbx1"].connect()
            await tell(fakes["pbx1"])
            assert (await anext(stream)).server == "pbx1"
            fakes["pbx1"].drop()
            await until(lambda: fleet.health()["pbx1"].gaps == 1)


async def test_a_fleet_that_is_dropped_ends_its_links(fakes: FakeFleet) -> None:
    """Without `close()` it ends with a warning, and leaves no task."""
    fleet = Fleet(fakes.urls)
    await fleet.connect()
    gone = weakref.ref(fleet)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del fleet
        gc.collect()
        said = str(caught[0].message)
        caught.clear()  # it holds what it warns of
        await until(lambda: gc.collect() >= 0 and not any(fake.connections for fake in fakes.values()))
        caught.clear()
    assert gone() is None
    assert said == "<Fleet pbx1 ready, pbx2 ready, pbx3 ready> was dropped without close()"


def test_a_fleet_may_connect_in_the_next_loop(server: Server) -> None:
    """A loop that is closed takes the links with it, and the same fleet connects in another one."""
    fleet = Fleet({"pbx1": server.fake.url})

    async def use() -> None:
        await fleet.connect()
        assert (await fleet["pbx1"].send(core.Ping())).success

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for _ in range(2):
            asyncio.run(use())
            assert fleet["pbx1"].state is ManagerState.CLOSED
        asyncio.run(fleet.close())
        gc.collect()


async def test_closing_ends_entering(fakes: FakeFleet) -> None:
    """Whoever enters a fleet that another task closes meanwhile is told."""
    fakes["pbx2"].reply_to("Challenge", lambda request: None)
    fleet = Fleet(managers(fakes))
    entering = asyncio.create_task(fleet.connect())
    await until(lambda: fleet["pbx1"].state is ManagerState.READY)
    await fleet.close()
    with pytest.raises(ConnectionLost, match="closed while it was connecting"):
        await entering


async def test_callbacks_go_on_with_a_server_that_is_added_behind_the_last_loss(fakes: FakeFleet) -> None:
    """When all servers were lost for good, one that is added brings the callbacks back."""
    heard = []
    async with Fleet({"pbx1": manager(fakes["pbx1"], reconnect=False)}) as fleet:
        subscription = fleet.on(events.Hangup)
        subscription(lambda event: heard.append(event.server))
        fakes["pbx1"].drop()
        with pytest.raises(ConnectionLost):
            await subscription.wait_closed()
        await fleet.add("pbx2", fakes["pbx2"].url).wait_ready(20)
        await tell(fakes["pbx2"])
        await until(lambda: heard == ["pbx2"])


class Named(Other):
    """A manager that has a name of its own, which nobody may change."""

    @property
    def server(self) -> str:
        return "its own"


async def test_a_manager_with_a_name_of_its_own_has_that_of_the_fleet_in_it(fakes: FakeFleet) -> None:
    """In the fleet's streams its events have the fleet's name."""
    async with Fleet({"pbx1": Named(manager(fakes["pbx1"]))}) as fleet:
        coming = fleet.wait_for(events.Hangup, timeout=20)
        await tell(fakes["pbx1"])
        assert (await coming).server == "pbx1"


class Bus:
    """Stands for `aioami.bus`: it finds one server at once, and another one later."""

    def __init__(self, fakes: FakeFleet) -> None:
        self.fakes = fakes
        self.asked: list[Any] = []

    def RemoteManager(self, url: str, server: str, **options: Any) -> Manager:
        self.asked.append((url, server, options))
        return manager(self.fakes[server])

    def Discovery(self, url: str, **options: Any) -> Any:
        self.asked.append((url, options))
        return self

    async def start(self, fleet: Fleet, *, wait: bool) -> None:
        fleet.add("pbx1", self.fakes["pbx1"].url)
        self.fleet = fleet

    def find(self) -> None:
        self.fleet.add("pbx2", self.fakes["pbx2"].url)
        appeared = Event("Event: ServerAppeared\r\nName: pbx2")
        self.fleet.emit(appeared)

    async def close(self) -> None:
        self.asked.append("closed")


async def test_a_bus_finds_the_servers(fakes: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of a bus are there on entering, later ones are added, and its own events come to streams."""
    bus = Bus(fakes)
    monkeypatch.setattr("aioami.fleet.connecting.import_module", lambda name: bus)
    async with connect("nats://bus", server="pbx3", errors="replace") as mgr:
        assert mgr.state is ManagerState.READY
    fleet = Fleet("nats://bus", encoding="latin-1")
    await fleet.close()
    async with fleet:
        assert fleet.health()["pbx1"].state is ManagerState.READY
        appeared, every = fleet.events("ServerAppeared"), fleet.events()
        hangups, ended = fleet.events(events.Hangup), fleet.events()
        ended.close()
        bus.find()
        assert (await anext(appeared))["Name"] == "pbx2"
        assert (await anext(every))["Name"] == "pbx2"
        await fleet["pbx2"].wait_ready(20)
        await tell(fakes["pbx2"])
        assert (await anext(hangups)).server == "pbx2"
    assert bus.asked == [
        ("nats://bus", "pbx3", {"errors": "replace"}),
        ("nats://bus", {"encoding": "latin-1"}),
        "closed",
    ]


async def test_waiting_in_vain_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A stream of a fleet that nobody connects says so in the log."""
    stream = Fleet({"pbx1": "ami://u:s@h"}).events(events.Hangup)
    waiting = asyncio.ensure_future(anext(stream))
    await until(lambda: "nothing will come: the fleet is not connected" in caplog.text)
    waiting.cancel()


async def test_a_recording_has_the_name_of_the_server(fakes: FakeFleet, tmp_path: Path) -> None:
    """What a manager of a fleet records says which server it was."""
    servers = {"pbx1": manager(fakes["pbx1"], record=tmp_path / "a"), "pbx2": manager(fakes["pbx2"])}
    async with Fleet(servers):
        pass
    assert Recording.load(tmp_path / "a").server == "pbx1"


async def test_a_filter_of_a_server_outlives_its_link(fake: FakeAsterisk) -> None:
    """What a user sends to one server of a fleet is set up again there when its link stands again."""
    async with Fleet({"pbx": manager(fake)}) as fleet:
        await fleet["pbx"].send(actions.Filter("!Event: Murmur"))
        with fleet.events("Murmur", "Custom", Reconnected) as stream:
            for connection in fake.connections:
                connection.drop()
            while not isinstance(await anext(stream), Reconnected):
                pass
            await fake.send_event("Murmur", privilege="system,all")
            await fake.send_event("Custom", privilege="system,all")
            assert (await anext(stream)).name == "Custom"
        assert [each.get("Filter") for each in fake.sent("Filter")] == ["!Event: Murmur"] * 2
        assert len(fleet["pbx"].view.filters or ()) == 1
