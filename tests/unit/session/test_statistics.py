"""What a manager counts, held against what its caller, the server and a proxy between the two know."""

from __future__ import annotations

import asyncio
import dataclasses
import operator
import time
from pathlib import Path

import pytest
from tests.helpers import manager, until

from aioami import (
    ActionError,
    ConnectionLost,
    Manager,
    ManagerState,
    ManagerTimeout,
    Reconnected,
    Statistics,
    core,
)
from aioami.testing import FakeAsterisk, FaultProxy, Recording

NOTHING = Statistics(**{field.name: 0 for field in dataclasses.fields(Statistics)})


def changes(mgr: Manager, before: Statistics) -> dict[str, int]:
    """What is not as it was, of what is counted; the actions add up at this moment."""
    now = mgr.statistics()
    assert now.actions == now.successes + now.errors + now.failures + now.pending
    difference = dataclasses.asdict(now - before)
    timed = ("seconds", "gap_seconds", "last_round_trip", "bytes_received", "bytes_sent")
    return {name: value for name, value in difference.items() if value and name not in timed}


async def test_a_manager_that_was_never_connected_has_nothing_to_tell() -> None:
    """Everything is zero before the first link, and nothing of the kind was measured."""
    assert Manager().statistics() == dataclasses.replace(NOTHING, last_round_trip=None)


async def test_the_librarys_own_actions_are_not_counted(fake: FakeAsterisk) -> None:
    """Login, logoff and the question whether the server has booted are no actions of the user."""
    async with manager(fake) as mgr:
        await mgr.wait_booted()
    assert mgr.statistics().actions == 0


async def test_every_way_in_which_an_action_ends_is_counted(fake: FakeAsterisk) -> None:
    """An action is a success, an error or a failure, once, and pending until then; one that was never sent is unsent."""
    async with manager(fake) as mgr:
        began = mgr.statistics()
        await mgr.send(core.Ping())
        assert changes(mgr, began) == {"actions": 1, "successes": 1}

        with pytest.raises(ActionError):
            await mgr.send(core.Hangup("PJSIP/nobody"))
        await mgr.send(core.Hangup("PJSIP/nobody"), check=False)
        assert changes(mgr, began) == {"actions": 3, "successes": 1, "errors": 2}

        fake.reply_to("DBGet", None, times=3)
        with pytest.raises(ManagerTimeout):
            await mgr.send(core.DBGet("a", "b"), timeout=0.01)
        given_up, cut_off = (asyncio.ensure_future(mgr.send(core.DBGet("a", "b"))) for _ in range(2))
        await fake.expect("DBGet", times=3)
        assert changes(mgr, began) == {"actions": 6, "successes": 1, "errors": 2, "failures": 1, "pending": 2}

        given_up.cancel()
        await asyncio.wait([given_up])
        assert changes(mgr, began) == {"actions": 6, "successes": 1, "errors": 2, "failures": 2, "pending": 1}

        fake.close_on_connect = True
        fake.drop()
        with pytest.raises(ConnectionLost):
            await cut_off
        with pytest.raises(ConnectionLost, match="not sent"):
            await mgr.send(core.Ping(), timeout=0.01)
        told = changes(mgr, began)
        assert told == {"actions": 6, "successes": 1, "errors": 2, "failures": 3, "unsent": 1, "gaps": 1}


async def test_a_list_that_is_taken_item_by_item_is_one_action(fake: FakeAsterisk) -> None:
    """A stream of a list counts as its action: a success at its end, a failure if it is left before."""
    async with manager(fake) as mgr:
        began = mgr.statistics()
        items = [item async for item in mgr.stream(core.QueueStatus("support"))]
        told = changes(mgr, began)
        assert told.pop("events") == len(items) + 1  # its end is an event too
        assert told == {"actions": 1, "successes": 1}

        async with mgr.stream(core.QueueStatus("support")) as stream:
            await stream.__anext__()
        await mgr.send(core.Ping())
        told = changes(mgr, began)
        del told["events"]
        assert told in (
            {"actions": 3, "successes": 3},  # all of it had come before it was left
            {"actions": 3, "successes": 2, "failures": 1},
        )


async def test_every_event_is_counted_whoever_wants_it(fake: FakeAsterisk, tmp_path: Path) -> None:
    """Events that nobody selected, items of lists and events before the login's end are all as many as the recording has."""
    async with manager(fake, record=tmp_path / "all.jsonl") as mgr:
        response = await mgr.send(core.QueueStatus("support"))
        assert len(response.events) > 1
        await mgr.send(core.UserEvent(UserEvent="Door"))
        await fake.send_event("DoorBell", {"Door": "front"})
        await mgr.send(core.Ping())
    recording = Recording.load(tmp_path / "all.jsonl")
    came = [entry.data for entry in recording.entries if entry.direction == "received"]
    assert mgr.statistics().events == sum(data.startswith("Event:") for data in came) > len(response.events)


async def test_what_nobody_asked_for_and_what_nobody_takes_is_counted(fake: FakeAsterisk) -> None:
    """A reply to nothing, and text that is no message, are strays; what a full stream loses is dropped."""
    async with manager(fake) as mgr:
        began = mgr.statistics()
        with mgr.events("Door", maxsize=2) as stream:
            for _ in range(5):
                await fake.send_event("Door")
            await fake.send_raw(b"Response: Success\r\nActionID: nobody\r\n\r\nWhat is this?\r\n\r\n")
            await until(lambda: mgr.statistics().strays == 2)
            assert changes(mgr, began) == {"events": 5, "dropped": 3, "strays": 2}
            assert stream.dropped == 3


async def test_gaps_are_counted_and_measured(fake: FakeAsterisk) -> None:
    """A loss is a gap at once; its seconds, as `Reconnected` has them, are added when the link stands again."""
    async with manager(fake) as mgr:
        began, seconds = mgr.statistics(), 0.0
        for number in (1, 2):
            with mgr.events(Reconnected) as stream:
                fake.drop()
                await until(lambda: mgr.state is ManagerState.RECONNECTING)
                assert (mgr.statistics().gaps, mgr.statistics().reconnects) == (number, number - 1)
                assert mgr.statistics().gap_seconds == pytest.approx(seconds, abs=1e-5)
                seconds += (await stream.__anext__()).gap
            await mgr.wait_ready()
            assert (mgr.statistics().gaps, mgr.statistics().reconnects) == (number, number)
            assert mgr.statistics().gap_seconds == pytest.approx(seconds, abs=1e-5)
        assert changes(mgr, began).keys() <= {"events", "gaps", "reconnects"}
    assert mgr.statistics().gaps == 2  # closing is none


async def test_bytes_are_those_that_a_proxy_sees(fake: FakeAsterisk, proxy: FaultProxy) -> None:
    """Every byte of every connection is counted, logins and farewells among them, in both directions."""

    def agrees() -> bool:
        now = mgr.statistics()
        return (now.bytes_received, now.bytes_sent) == (proxy.to_client.passed, proxy.to_server.passed)

    async with manager(proxy) as mgr:
        await mgr.send(core.QueueStatus("support"))
        await asyncio.wait_for(until(agrees), 5)
        fake.drop()
        await until(lambda: mgr.state is not ManagerState.READY)
        await mgr.wait_ready()
        await mgr.send(core.Ping())
        await asyncio.wait_for(until(agrees), 5)
        assert len(fake.sent("Login")) == 2
    await asyncio.wait_for(until(agrees), 5)


async def test_the_last_round_trip_is_that_of_a_ping(fake: FakeAsterisk) -> None:
    """Your Ping sets it to its own RTT, and a Ping of the keepalive sets it too; other actions do not."""
    async with manager(fake, keepalive=None) as mgr:
        await mgr.send(core.DBPut("a", "b", "c"))
        assert mgr.statistics().last_round_trip is None
        pong = await mgr.send(core.Ping())
        assert mgr.statistics().last_round_trip == pong.RTT
    async with manager(fake, keepalive=0.01) as mgr:
        await until(lambda: mgr.statistics().last_round_trip is not None)
        assert mgr.statistics().actions == 0


async def test_counting_goes_on_over_all_links(fake: FakeAsterisk) -> None:
    """A manager that is closed and connected again goes on counting; its seconds began with its first link."""
    mgr = manager(fake)
    for number in (1, 2):
        async with mgr:
            before = time.monotonic()
            await mgr.send(core.Ping())
        assert mgr.statistics().actions == number
    since_the_second_link = time.monotonic() - before
    assert mgr.statistics().seconds > since_the_second_link


def test_a_difference_is_what_happened_between_two_moments() -> None:
    """Every number is a difference, but for the last round trip; the rates are those of the time between."""
    earlier = dataclasses.replace(NOTHING, seconds=10.0, events=100, actions=5, pending=2, bytes_received=1000)
    later = dataclasses.replace(
        earlier, seconds=14.0, events=180, actions=7, pending=1, bytes_received=9000, last_round_trip=0.5
    )
    change = later - earlier
    assert dataclasses.asdict(change) == {
        **dataclasses.asdict(NOTHING),
        **{"seconds": 4.0, "events": 80, "actions": 2, "pending": -1, "bytes_received": 8000, "last_round_trip": 0.5},
    }
    assert (change.events_per_second, change.actions_per_second, change.bytes_per_second) == (20.0, 0.5, 2000.0)
    assert later.events_per_second == 180 / 14
    assert (later - later).events_per_second == 0.0
    with pytest.raises(TypeError):
        operator.sub(later, 1)
