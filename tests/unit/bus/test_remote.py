"""A manager over the bus: its events, its actions and its errors are those of a direct one."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import json
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import QUICK, until
from tests.unit.bus.office import Office, number
from tests.unit.client.test_one_loop import CALLS, Held, in_a_running_loop, refusal

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Disconnected,
    Event,
    EventsLost,
    ManagerLike,
    ManagerState,
    ManagerTimeout,
    PermissionDenied,
    Reconnected,
    UnknownEventName,
    connect,
    core,
    events,
)
from aioami.bus import RemoteManager
from aioami.bus.engine import Engine
from aioami.bus.format import Gap
from aioami.bus.positions import Position
from aioami.live import Live
from aioami.testing.nats import NatsServer


@pytest.fixture(scope="module")
def nats_server(nats_program: Path) -> Iterator[NatsServer]:
    """One for all tests that leave it as it is."""
    with NatsServer(nats_program) as server:
        yield server


@pytest.fixture
async def mgr(led: Office) -> AsyncIterator[RemoteManager]:
    """A remote manager that is ready."""
    async with led.remote(reconnect=QUICK) as manager:
        await manager.wait_ready(20)
        yield manager


async def take(stream: Any, count: int, seconds: float = 20.0) -> list[Any]:
    """Take so many events of a stream."""
    return await asyncio.wait_for(_take(stream, count), seconds)


async def _take(stream: Any, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        found.append(await stream.__anext__())
    return found


# Events


async def test_it_is_like_a_manager(mgr: RemoteManager) -> None:
    """It has every name of the protocol, and tells the server's version and state."""
    assert isinstance(mgr, ManagerLike)
    assert (mgr.state, mgr.reason) == (ManagerState.READY, None)
    assert mgr.version == "11.0.0"
    assert mgr.view.mask == frozenset({"all"})
    assert mgr.view.filters == ()


async def test_streams_are_those_of_a_direct_link(led: Office, mgr: RemoteManager) -> None:
    """All events, one name, a pattern and a predicate give what a direct manager gives, in its order."""

    def odd(event: Event) -> bool:
        return int(event["Uniqueid"]) % 2 == 1

    def streams(manager: Any) -> list[Any]:
        return [
            manager.events("Hangup", "Newchannel", "Custom"),
            manager.events(events.Hangup),
            manager.events("New*"),
            manager.events(events.Hangup, where=odd),
        ]

    async with led.direct() as direct:
        ours, theirs = streams(mgr), streams(direct)
        await mgr.send(core.Ping())
        for each in range(300):
            await led.tell(each, ("Hangup", "Newchannel", "Custom")[each % 3])
        await mgr.send(core.Ping())
        await direct.send(core.Ping())
        for our, their in zip(ours, theirs, strict=True):
            expected = await take(their, their.pending)
            found = await take(our, our.pending)
            assert found == expected
            assert list(map(type, found)) == list(map(type, expected))
            assert len(expected) >= 50


async def test_events_before_an_answer_are_there_before_it(led: Office, mgr: RemoteManager) -> None:
    """When an answer is given out, every event that the server sent before it is in the streams."""
    with mgr.events(events.Hangup) as hangups, mgr.events() as everything:
        for each in range(50):
            for _ in range(5):
                await led.tell(each)
            await mgr.send(core.Ping())
            assert hangups.pending == 5
            assert number((await take(hangups, 5))[-1]) == each
        assert everything.pending >= 250


async def test_a_position_goes_on_behind_the_last_event(led: Office, mgr: RemoteManager) -> None:
    """A stored position begins behind what was given out, in another manager too; nothing is doubled or left out."""
    with mgr.events(events.Hangup) as stream:
        await mgr.send(core.Ping())
        for each in range(30):
            await led.tell(each, "Hangup" if each % 2 == 0 else "Newchannel")
        assert [number(each) for each in await take(stream, 5)] == [0, 2, 4, 6, 8]
        position = stream.position
    assert isinstance(position, str)
    async with led.remote() as other:
        with other.events(events.Hangup, since=position) as rest:
            assert [number(each) for each in await take(rest, 10)] == list(range(10, 30, 2))
        with other.events(events.Hangup, events.Newchannel, since=position) as both:
            assert [number(each) for each in await take(both, 21)] == list(range(9, 30))
            assert json.loads(json.dumps(both.position)) == both.position


async def test_the_past_is_there_by_time_and_as_a_whole(led: Office, mgr: RemoteManager) -> None:
    """`since` takes a time before now, and the oldest that the log has."""
    for each in range(3):
        await led.tell(each)
    await mgr.send(core.Ping())
    with mgr.events("Hangup", since="oldest") as oldest:
        assert [number(each) for each in await take(oldest, 3)] == [0, 1, 2]
        await led.tell(3)
        assert number((await take(oldest, 1))[0]) == 3
    with mgr.events("Hangup", since=timedelta(minutes=1)) as recent:
        assert len(await take(recent, 4)) == 4
    with mgr.events("Hangup", since=timedelta(0)) as now:
        await led.tell(4)
        assert number((await take(now, 1))[0]) == 4


@pytest.mark.parametrize(
    ("since", "error"),
    [
        ("yesterday", ValueError),
        ("", ValueError),
        ("1.other.20261129.1.1.1.1.1", ValueError),
        (timedelta(seconds=-1), ValueError),
        (5, TypeError),
        (b"oldest", TypeError),
    ],
    ids=str,
)
async def test_what_is_no_position_is_refused(place: Office, since: Any, error: type[Exception]) -> None:
    """What cannot be a beginning is refused at the call, by its name."""
    with pytest.raises(error, match="since"):
        place.remote().events(since=since)


@pytest.mark.parametrize("text", ["1.pbx1.2026.9.7.2.5.3", "1.pbx1.2026.9.-.-.-.-", "1.pbx1.2026.9.7.2.5"])
def test_a_position_is_text_and_back(text: str) -> None:
    """A position is read from its text, and one without the time of the claim does not know that."""
    position = Position.parse(text)
    assert str(position) in (text, f"{text}.-")
    assert position.claim == ((7, 3) if text.endswith(".3") else None)


async def test_a_slow_consumer_of_the_past_loses_nothing(led: Office, mgr: RemoteManager) -> None:
    """With `since` the log keeps what is not taken: few events are held, and all come."""
    led.fake.flood(3000)
    await mgr.send(core.Ping())
    with mgr.events("Flood", since="oldest", maxsize=100) as stream:
        found = []
        for _ in range(3000):
            found += await take(stream, 1)
            assert stream.pending <= 101
        assert [int(each["Number"]) for each in found] == list(range(3000))
        assert (stream.dropped, stream.gaps) == (0, 0)


async def test_a_consumer_that_is_slower_than_the_log_is_told(place: Office) -> None:
    """What the log threw away before it was read is told in its place, and how much it was; the rest comes in order."""
    async with place.relay(max_bytes=1 << 20) as relay, place.remote() as remote:
        await remote.wait_ready(20)
        with remote.events("Flood", since="oldest", maxsize=100, on_loss="raise") as stream:
            place.fake.flood(10)
            entries = [int(each["Number"]) for each in await take(stream, 5)]
            for number in range(10, 2010):
                await place.fake.send_event("Flood", {"Number": str(number), "Padding": "x" * 1000})
            await until(lambda: not relay.status()[place.name].waiting)
            told = 0
            while entries[-1] != 2009:
                try:
                    (event,) = await take(stream, 1)
                except EventsLost as lost:
                    told = lost.count
                    continue
                missing = int(event["Number"]) - entries[-1] - 1
                assert missing <= told <= missing + 20  # the relay's own records are counted too
                entries.append(int(event["Number"]))
                told = 0
        assert len(entries) < 1500


async def test_a_slow_consumer_of_the_present_loses_its_own(led: Office, mgr: RemoteManager) -> None:
    """A live stream drops and counts as a direct one does, and no other stream loses anything."""
    with (
        mgr.events("Flood", maxsize=10) as slow,
        mgr.events("Flood", maxsize=10, on_loss="raise") as told,
        mgr.events("Flood") as quick,
    ):
        await mgr.send(core.Ping())
        led.fake.flood(500)
        await mgr.send(core.Ping())
        assert (quick.pending, quick.dropped) == (500, 0)
        assert (slow.pending, slow.dropped) == (10, 490)
        assert [int(each["Number"]) for each in await take(slow, 10)] == list(range(490, 500))
        with pytest.raises(EventsLost) as lost:
            await take(told, 1)
        assert lost.value.count == 490


async def test_a_closed_stream_gets_no_more_events(led: Office, mgr: RemoteManager) -> None:
    """Neither the event at which its own predicate closes it, nor the one at which that of another stream does."""

    def close(event: Event) -> bool:
        own.close()
        other.close()
        return True

    with mgr.events("N", where=close) as own, mgr.events("N") as other:
        await mgr.send(core.Ping())
        await led.tell(1, "N")
        await mgr.send(core.Ping())
        assert (own.pending, other.pending) == (0, 0)
        for each in (own, other):
            with pytest.raises(StopAsyncIteration):
                await take(each, 1)


async def test_a_gap_right_behind_an_overflow_is_raised(led: Office, mgr: RemoteManager) -> None:
    """Of events and a gap that are read together, the full stream drops events alone, and what it gives is in order."""
    with mgr.events("N", maxsize=2, overflow="drop_newest", on_loss="raise") as stream:
        await mgr.send(core.Ping())
        await until(lambda: mgr._link._feeds)
        (feed,) = mgr._link._feeds
        for each in range(3):
            feed._deliver(b"Event: N\r\nUniqueid: %d" % each)
        feed._take_record(Gap("server", None, 1, None, "the relay was away"))
        feed._deliver(b"Event: N\r\nUniqueid: 3")
        feed._settle()
        assert (stream.pending, stream.dropped) == (2, 2)
        assert list(map(number, await take(stream, 2))) == [0, 1]
        with pytest.raises(EventsLost) as lost:
            await take(stream, 1)
        assert (lost.value.count, "the relay was away" in str(lost.value)) == (2, True)
        await led.tell(4, "N")
        assert list(map(number, await take(stream, 1))) == [4]


async def test_bytes_are_decoded_by_each_manager(led: Office, mgr: RemoteManager) -> None:
    """The log has the bytes of the wire, and each manager reads them in its own encoding."""
    async with led.remote(encoding="latin-1") as latin:
        with mgr.events("Hangup") as ours, latin.events("Hangup") as theirs:
            await mgr.send(core.Ping())
            await latin.send(core.Ping())
            await led.fake.send_event("Hangup", {"CallerIDName": b"M\xfcller"}, privilege="call,all")
            ((our,), (their,)) = await take(ours, 1), await take(theirs, 1)
    assert (our["CallerIDName"], their["CallerIDName"]) == (r"M\xfcller", "Müller")
    assert our.getbytes("CallerIDName") == their.getbytes("CallerIDName") == b"M\xfcller"


async def test_one_event_is_waited_for_and_callbacks_are_called(led: Office, mgr: RemoteManager) -> None:
    """`wait_for` and `on` do what they do on a direct link."""
    called: list[int] = []
    mgr.on(events.Hangup)(lambda event: called.append(number(event)))
    waiting = mgr.wait_for(events.Hangup, where=lambda event: number(event) == 2, timeout=5)
    await mgr.send(core.Ping())
    for each in range(4):
        await led.tell(each)
    assert number(await waiting) == 2
    await until(lambda: called == [0, 1, 2, 3])
    with pytest.raises(ManagerTimeout):
        await mgr.wait_for("Hangup", timeout=0.05)


async def test_user_events_keep_their_class(led: Office, mgr: RemoteManager) -> None:
    """An event of a class with a constructor of its own comes as that class, at its place."""
    with mgr.events(events.UserEvent) as stream:
        await mgr.send(core.Ping())
        await led.fake.send_event("UserEvent", {"UserEvent": "Lunch", "Who": "Bo"}, privilege="user,all")
        (event,) = await take(stream, 1)
        assert isinstance(event, events.UserEvent)
        assert stream.position


# Actions


async def test_actions_are_answered_as_on_a_direct_link(led: Office, mgr: RemoteManager) -> None:
    """Typed responses, lists, their streams and refusals are those of a direct manager."""
    async with led.direct() as direct:
        pong = await mgr.send(core.Ping())
        assert pong.success
        assert pong.RTT > 0
        ours, theirs = [await each.send(core.QueueStatus()) for each in (mgr, direct)]
        assert type(ours) is type(theirs)
        assert list(map(type, ours.events)) == list(map(type, theirs.events))
        assert type(ours.events.completion) is type(theirs.events.completion)
        assert [each.name async for each in mgr.stream(core.QueueStatus())] == [each.name for each in ours.events]
        assert (await mgr.send(core.Ping(), action_id="mine-1")).action_id == "mine-1"
        found = []
        for each in (mgr, direct):
            with pytest.raises(ActionError) as refused:
                await each.send(core.Hangup("PJSIP/nobody-1"))
            found.append((type(refused.value), str(refused.value)))
        assert found[0] == found[1]
        assert not (await mgr.send(core.Hangup("PJSIP/nobody-1"), check=False)).success
        for each in (mgr, direct):
            with pytest.raises(ActionError) as unknown:
                await each.send(Action("Nonsense"))
            assert type(unknown.value).__name__ == "UnknownAction"


async def test_a_long_list_comes_in_parts(led: Office, mgr: RemoteManager) -> None:
    """A list of a megabyte and a half is whole, gathered or as a stream, and may be left early."""
    items = b"".join(
        b"Event: CoreShowChannel\r\nActionID: {ActionID}\r\nUniqueid: %d\r\nPad: %b\r\n\r\n" % (n, b"x" * 100)
        for n in range(10_000)
    )
    begin = b"Response: Success\r\nActionID: {ActionID}\r\nEventList: start\r\n\r\n"
    end = b"Event: CoreShowChannelsComplete\r\nActionID: {ActionID}\r\nEventList: Complete\r\n\r\n"
    led.fake.reply_to("CoreShowChannels", begin + items + end)
    listed = await mgr.send(core.CoreShowChannels())
    assert [each["Uniqueid"] for each in listed.events] == [str(n) for n in range(10_000)]
    stream = mgr.stream(core.CoreShowChannels())
    assert [each["Uniqueid"] async for each in stream] == [str(n) for n in range(10_000)]
    assert stream.completion is not None
    with mgr.stream(core.CoreShowChannels()) as early:
        assert (await early.__anext__())["Uniqueid"] == "0"
    assert (await mgr.send(core.Ping())).success


async def test_outcomes_and_calls_are_those_of_a_direct_link(led: Office, mgr: RemoteManager) -> None:
    """The outcome of an action comes behind its answer, and a call is placed, held and hung up."""
    accepted = await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("1",)))
    outcome = await accepted.outcome(timeout=5)
    assert isinstance(outcome, events.OriginateResponse)
    assert outcome.success
    assert outcome.action_id == accepted.action_id
    async with mgr.call("Local/wait@test/n", to="wait@test", timeout=5) as call:
        await call.answered(5)
        assert call.channel is not None
    assert (await call.ended(5)).by_us


async def test_what_the_relay_does_not_pass_on_is_denied(led: Office, mgr: RemoteManager) -> None:
    """Actions of the session itself are refused by the relay, and nothing reaches the server."""
    for action in (core.Events("off"), core.Logoff(), core.Challenge("MD5"), Action("Filter", {"Filter": "x"})):
        sent = len(led.fake.sent(action.name))
        with pytest.raises(PermissionDenied):
            await mgr.send(action)
        assert len(led.fake.sent(action.name)) == sent


async def test_a_read_only_manager_sends_nothing_that_changes(led: Office) -> None:
    """`read_only` refuses here, before anything leaves."""
    async with led.remote(read_only=True) as careful:
        with pytest.raises(PermissionDenied, match="read-only"):
            await careful.send(core.Hangup("PJSIP/1"))
        assert (await careful.send(core.Ping())).success


async def test_nobody_there_is_published_at_once(place: Office) -> None:
    """Without a relay an action has certainly not reached the server."""
    async with place.remote() as lonely:
        assert lonely.state is ManagerState.CONNECTING
        with pytest.raises(ConnectionLost, match="no relay") as lost:
            await lonely.send(core.Ping())
        assert lost.value.sent is False
        with pytest.raises(ManagerTimeout, match="no relay is there"):
            await lonely.wait_ready(0.05)
        statistics = lonely.statistics()
        assert (statistics.actions, statistics.unsent, statistics.pending) == (0, 1, 0)


async def test_an_answer_that_does_not_come_is_a_timeout(led: Office, mgr: RemoteManager) -> None:
    """The caller waits no longer than it said, and the action runs once."""
    led.fake.reply_to("Ping", lambda request: None)
    with pytest.raises(ManagerTimeout) as late:
        await mgr.send(core.Ping(), timeout=0.2)
    assert late.value.action == core.Ping()
    assert len(led.fake.sent("Ping")) == 1


async def test_what_cannot_be_sent_is_refused_before_it_leaves(mgr: RemoteManager) -> None:
    """An ActionID that is in use or cannot be sent, and what is no action, are errors of the caller."""
    with pytest.raises(ValueError, match="ActionID"):
        await mgr.send(core.Ping(), action_id="a\r\nb")
    with pytest.raises(TypeError):
        await mgr.send("Ping")  # type: ignore[call-overload]


async def test_a_list_that_cannot_be_written_is_an_error_of_its_stream(led: Office) -> None:
    """What the encoding cannot write is a `ValueError` for the consumer, who does not wait for ever."""
    async with led.remote(encoding="latin-1") as latin:
        stream = latin.stream(core.QueueStatus(queue="\N{EURO SIGN}"))
        with pytest.raises(ValueError, match="Queue"):
            await take(stream, 1)


async def test_a_cancelled_action_leaves_the_manager_well(led: Office, mgr: RemoteManager) -> None:
    """Cancelling stops the waiting alone."""
    task = asyncio.ensure_future(mgr.send(core.Ping()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await mgr.send(core.Ping())).success
    assert mgr.statistics().pending == 0


# The link


async def test_the_loss_of_the_server_is_told_in_place(led: Office, mgr: RemoteManager) -> None:
    """The streams get `Disconnected`, the gap and `Reconnected` of the server, and the state says so."""
    with (
        mgr.events(Disconnected, Reconnected, events.Hangup) as stream,
        mgr.events(events.Hangup, on_loss="raise") as told,
    ):
        await mgr.send(core.Ping())
        await led.tell(1)
        assert number((await take(stream, 1))[0]) == 1
        led.proxy.cut(reset=True)
        assert isinstance((await take(stream, 1))[0], Disconnected)
        again = (await take(stream, 1))[0]
        assert isinstance(again, Reconnected)
        assert again.attempts == 1
        await mgr.wait_ready(20)
        await led.tell(2)
        assert number((await take(stream, 1))[0]) == 2
        assert stream.gaps == 1
        await take(told, 1)
        with pytest.raises(EventsLost) as lost:
            await take(told, 1)
        assert lost.value.gap > 0
        assert number((await take(told, 1))[0]) == 2


async def test_a_takeover_is_a_gap(place: Office) -> None:
    """A relay that takes over tells the gap, and the streams go on behind it."""
    first = place.relay()
    first.start()
    async with place.remote(reconnect=QUICK) as remote:
        await remote.wait_ready(20)
        with remote.events(events.Hangup, on_loss="raise") as stream:
            await remote.send(core.Ping())
            await place.tell(1)
            assert number((await take(stream, 1))[0]) == 1
            await first.close()
            await until(lambda: remote.state is not ManagerState.READY)
            async with place.relay():
                await remote.wait_ready(20)
                with pytest.raises(EventsLost) as lost:
                    await take(stream, 1)
                assert lost.value.gap > 0
                await place.tell(2)
                assert number((await take(stream, 1))[0]) == 2


async def test_live_over_the_bus_is_live(led: Office, mgr: RemoteManager) -> None:
    """The live state follows a call over the bus as it does over a direct link."""
    async with led.direct() as direct, Live(direct) as theirs, Live(mgr) as ours:
        assert ours.synced
        led.fake.incoming("PJSIP/trunk", "600", caller="200")
        await until(lambda: len(theirs.channels) > 0)
        await mgr.send(core.Ping())
        await until(lambda: dict(ours.channels).keys() == dict(theirs.channels).keys() != set())
        for uniqueid, channel in dict(theirs.channels).items():
            assert ours.channels[uniqueid].name == channel.name
            await direct.send(core.Hangup(channel.name), check=False)
        await until(lambda: not theirs.channels and not ours.channels)


async def test_the_bus_is_waited_for(nats_program: Path) -> None:
    """Without a bus, entering raises when its time is over; with `retry` it goes on."""
    server = NatsServer(nats_program)
    remote = RemoteManager(server.url, "pbx1", timeout=0.3, reconnect=QUICK)
    stream = remote.events(events.Hangup)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(ConnectionLost):
        await remote.connect()
    assert 0.25 < loop.time() - began < 10
    assert (remote.state, stream.ended) == (ManagerState.CLOSED, False)
    connecting = asyncio.ensure_future(remote.connect(retry=True))
    await asyncio.sleep(0.4)  # longer than the timeout, which does not end it
    with server:
        await asyncio.wait_for(connecting, 20)
        await remote.close()
    assert stream.ended


async def test_two_connects_are_one_too_many(mgr: RemoteManager) -> None:
    """A manager that is connected is not connected again, and closing twice does nothing."""
    with pytest.raises(RuntimeError, match="already"):
        await mgr.connect()
    await mgr.close()
    await mgr.close()
    await mgr.connect()
    await mgr.wait_ready(20)


async def test_closing_twice_at_once_spoils_no_later_link(
    led: Office, mgr: RemoteManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `close()` that waits while the manager is connected again, for another close or for the old link, ends nothing new."""
    gate, leave = asyncio.Event(), Engine.close

    async def slow(engine: Engine) -> None:
        await gate.wait()
        await leave(engine)

    monkeypatch.setattr(Engine, "close", slow)
    first, second = (asyncio.create_task(mgr.close()) for _ in range(2))
    await until(lambda: mgr.state is ManagerState.CLOSING)
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    third = asyncio.create_task(mgr.close())
    connecting = asyncio.create_task(mgr.connect())
    await asyncio.gather(second, connecting)
    gate.set()
    await third
    await mgr.wait_ready(20)
    assert (await mgr.send(core.Ping())).success


@pytest.mark.parametrize("way", [refusal, in_a_running_loop])
async def test_it_belongs_to_one_loop(way: Callable[[Any, Any], str], mgr: RemoteManager) -> None:
    """Each public call is refused in another thread, and told of the ways, as those of a direct manager are."""
    held = Held.of(mgr)  # type: ignore[arg-type]
    found = await asyncio.to_thread(lambda: {name: way(call, held) for name, call in CALLS.items()})
    for name, sentence in found.items():
        assert "run_coroutine_threadsafe" in sentence, name
        assert "aioami.in_thread" in sentence, name
    assert (await mgr.send(core.Ping())).success
    held.items.close()


async def test_dropping_it_ends_its_link(led: Office) -> None:
    """One that is dropped without `close()` warns, and leaves nothing running."""
    remote: RemoteManager | None = led.remote()
    assert remote is not None
    await remote.connect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        remote = None
        gc.collect()
    assert any(issubclass(each.category, ResourceWarning) for each in told)
    await until(lambda: not [task for task in asyncio.all_tasks() if "aioami connects" in task.get_name()])


async def test_connect_makes_one_of_a_url(led: Office) -> None:
    """`connect` with the URL of a bus gives a remote manager, awaited or entered."""
    async with connect(led.bus.url, server=led.name) as remote:
        assert isinstance(remote, RemoteManager)
        assert led.name in repr(remote)
    with pytest.raises(ValueError, match="server"):
        connect(led.bus.url)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"timeout": 0}, ValueError),
        ({"max_list_items": 0}, ValueError),
        ({"encoding": "utf-7"}, ValueError),
        ({"reconnect": True}, TypeError),
        ({"ssl": "yes"}, TypeError),
        ({"server": ""}, ValueError),
        ({"server": 5}, TypeError),
        ({"url": "http://x"}, ValueError),
    ],
    ids=str,
)
def test_wrong_options_are_named(options: dict[str, Any], error: type[Exception]) -> None:
    """What cannot be right is refused when the manager is made."""
    with pytest.raises(error, match=f"^({next(iter(options))}|bus): "):
        RemoteManager(**{"url": "nats://127.0.0.1", "server": "pbx1", **options})


def test_selectors_of_which_nothing_comes_are_warned_of() -> None:
    """A misspelt name, and what is in lists alone, is told at the line that gave it, as by a direct manager."""
    mgr = RemoteManager("nats://127.0.0.1", "pbx1")
    for selector, sentence in (("Hangpu", "is Hangup meant"), (events.QueueMember, "to QueueStatus alone")):
        with pytest.warns(UnknownEventName, match=sentence) as caught:
            mgr.events(selector)
        assert caught[0].filename == __file__


async def test_nothing_is_left_behind(led: Office) -> None:
    """After `close()` no task of the manager is left."""
    loop = asyncio.get_running_loop()
    is_ours = contextvars.ContextVar("is_ours", default=False)
    tasks: list[asyncio.Task[Any]] = []

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        if is_ours.get():  # the relay makes tasks too, in the context of its own
            tasks.append(task)
        return task

    loop.set_task_factory(make)
    is_ours.set(True)
    async with led.remote() as remote:
        with remote.events(), remote.events("Hangup", since="oldest") as stream:
            await remote.send(core.Ping())
            with contextlib.suppress(asyncio.TimeoutError):
                await take(stream, 1, seconds=0.05)
    assert len(tasks) > 5
    await until(lambda: all(task.done() for task in tasks))


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="tasks that start at once came with Python 3.12")
async def test_where_tasks_start_at_once(place: Office) -> None:
    """A relay and a remote manager do what they do elsewhere: events, an action, a list, and an end."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
    async with place.relay() as relay, place.remote(reconnect=QUICK) as remote:
        await remote.wait_ready(20)
        stream = remote.events(events.Hangup)
        await place.tell(7)
        assert number(await anext(stream)) == 7
        assert (await remote.send(core.Ping())).success
        assert [item.name async for item in remote.stream(core.QueueStatus())]
        assert relay.is_ready
    assert stream.ended
    loop.set_task_factory(None)
