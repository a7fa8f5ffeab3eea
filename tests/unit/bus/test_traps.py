"""What this library steps around in nats-server, nats-py and Python: a test that fails here says that a version has changed it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import async_timeout
import nats
import pytest
from nats.aio.client import Client
from nats.errors import MaxPayloadError
from tests.helpers import until
from tests.unit.bus.office import connected

from aioami.bus import RemoteManager
from aioami.bus.connection import BusConnection, BusOptions, WrongLastSequence
from aioami.bus.format import HEADER, Epoch, Place, all_events, event_subject, record_subject, stream_name
from aioami.errors import ConnectionLost, ManagerError
from aioami.testing.nats import NatsServer, ServerEnded, SuiteGone, install

NUMBERS = itertools.count(1)
OLD, NEW = "2.9", "newest"


def server_of(version: str, **settings: Any) -> NatsServer:
    """A server of a version, which is not started."""
    try:
        return NatsServer(install(version), settings=settings)
    except SuiteGone as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=[OLD, NEW])
def version(request: pytest.FixtureRequest) -> str:
    """Each version of nats-server that is supported first and last."""
    return str(request.param)


@pytest.fixture(scope="module")
def server(version: str) -> Iterator[NatsServer]:
    """A server for all traps that it outlives."""
    with server_of(version) as own:
        yield own


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[BusConnection]:
    """A connection with it."""
    async with connected(server) as own:
        yield own


async def make(bus: BusConnection, name: str | None = None, **settings: Any) -> str:
    """Make a stream whose subjects begin with its name; return that."""
    stream = name or f"S{next(NUMBERS)}"
    wanted = {"name": stream, "subjects": [f"{stream.partition('%')[0]}.*"], **settings}
    made = await bus.api(f"STREAM.CREATE.{stream}", wanted)
    assert "error" not in made, made
    return stream


async def delivered(bus: BusConnection, stream: str, **settings: Any) -> list[str]:
    """The subjects that a new consumer gives, as long as the link stands, without the stream's name."""
    inbox = bus.client.new_inbox()
    found: list[str] = []

    async def take(message: Any) -> None:
        found.append(message.subject.rpartition(".")[2])

    await bus.subscribe(inbox, take)
    request = {"deliver_subject": inbox, "ack_policy": "none", "deliver_policy": "all", **settings}
    made = await bus.api(f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": request})
    assert "error" not in made, made
    await until(lambda: len(found) == made["num_pending"] or bus.lost.done())
    return found


# nats-server


async def test_a_consumer_of_several_subjects(bus: BusConnection, version: str) -> None:
    """Before 2.10 `filter_subjects` is passed over in silence, and all is delivered: so what is not wanted is dropped."""
    stream = await make(bus)
    for name in "abc":
        await bus.store(f"{stream}.{name}", b"", {})
    found = await delivered(bus, stream, filter_subjects=[f"{stream}.a", f"{stream}.c"])
    assert found == (["a", "b", "c"] if version == OLD else ["a", "c"])


async def test_a_percent_sign_in_the_name_of_a_stream(server: NatsServer, version: str) -> None:
    """2.9 delivers nothing of such a stream, but what is no message and ends the link: so names are escaped with `=`."""
    for name, works in (("AMI_x%2e2", version != OLD), ("AMI_x=2e2", True)):
        async with connected(server) as bus:
            await make(bus, name)
            await bus.store(f"{name.partition('%')[0]}.a", b"", {})
            found: list[str] = []
            with contextlib.suppress(ConnectionLost):
                found = await delivered(bus, name)
            assert found == (["a"] if works else [])
            assert bus.lost.done() is not works


async def test_a_claim_that_has_aged_out(bus: BusConnection) -> None:
    """The last message of a subject is not found any more, and the next claim is compared with 0, not with the old one."""
    stream = await make(bus, max_age=150_000_000)
    old = await bus.store(f"{stream}.claim", b"", {})
    found: Any = ""
    while found is not None:
        found = await bus.message(stream, last_by_subj=f"{stream}.claim")
        await asyncio.sleep(0.01)
    header = "Nats-Expected-Last-Subject-Sequence"
    with pytest.raises(WrongLastSequence):
        await bus.store(f"{stream}.claim", b"", {header: str(old)})
    assert await bus.store(f"{stream}.claim", b"", {header: "0"}) == old + 1


async def test_one_of_many_claims_wins(server: NatsServer) -> None:
    """With compare-and-swap on the subject exactly one of those that claim at once is stored."""
    async with contextlib.AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(connected(server)) for _ in range(5)]
        stream = await make(connections[0])
        last = 0
        for _ in range(20):
            headers = {"Nats-Expected-Last-Subject-Sequence": str(last)}
            claims = [each.store(f"{stream}.claim", b"", headers) for each in connections]
            found = await asyncio.gather(*claims, return_exceptions=True)
            (last,) = [each for each in found if isinstance(each, int)]
            assert sum(isinstance(each, WrongLastSequence) for each in found) == 4


async def test_a_chain_of_comparisons_does_not_keep_a_tail_out(server: NatsServer) -> None:
    """Of what is on its way when another one claims the second message fits again, and the new leader's is refused: so no event compares."""
    async with connected(server) as old, connected(server) as new:
        stream = await make(old)

        async def stored(bus: BusConnection, name: str, last: int) -> bool:
            try:
                await bus.store(f"{stream}.{name}", b"", {"Nats-Expected-Last-Sequence": str(last)})
            except WrongLastSequence:
                return False
            return True

        assert await stored(old, "event", 0)
        assert await stored(new, "claim", 1)
        assert [await stored(old, "event", last) for last in (1, 2)] == [False, True]
        assert not await stored(new, "event", 2)


async def test_the_tail_of_a_deposed_leader(server: NatsServer) -> None:
    """It is stored behind the claim of another one, without a word, among that one's events: so readers look at the epoch."""
    name = f"pbx{next(NUMBERS)}"
    async with connected(server) as old, connected(server) as new, RemoteManager(server.url, name) as reader:
        await make(old, stream_name(name), subjects=[all_events(name)])

        async def claim(bus: BusConnection, relay: str, last: int) -> int:
            headers = {HEADER: Place(0, 0, 0, 1).encode(), "Nats-Expected-Last-Subject-Sequence": str(last)}
            return await bus.store(record_subject(name, Epoch), Epoch(relay).encode(), headers)

        async def tell(bus: BusConnection, epoch: int, n: int, what: str) -> None:
            headers = {HEADER: Place(epoch, n, n, n).encode()}
            await bus.store(event_subject(name, "Tick"), f"Event: Tick\r\nNumber: {what}\r\n".encode(), headers)

        first = await claim(old, "old", 0)
        await tell(old, first, 1, "1")
        second = await claim(new, "new", first)
        for n in (1, 2):
            await tell(old, first, n + 1, "of the tail")
            await tell(new, second, n, str(n + 1))
        with reader.events(since="oldest") as stream:
            async with async_timeout.timeout(20):
                assert [(await anext(stream))["Number"] for _ in range(3)] == ["1", "2", "3"]
            assert stream.gaps == 0


@pytest.mark.parametrize(
    ("name", "is_stored", "ends_the_link"),
    [("Tick", True, False), ("A.B", False, False), ("", False, False), ("A B", False, True), ("*", True, False)],
)
async def test_a_name_that_is_no_token(server: NatsServer, name: str, is_stored: bool, ends_the_link: bool) -> None:
    """With a point or nothing in it no stream takes it, a blank ends the link, and a wildcard is taken as it is: so names are escaped."""
    async with connected(server) as bus:
        stream = await make(bus)
        try:
            found: object = await bus.store(f"{stream}.{name}", b"", {})
        except ConnectionLost as error:
            found = error
        assert (found == 1) is is_stored
        assert bus.lost.done() is ends_the_link


async def test_a_message_that_is_too_long(bus: BusConnection) -> None:
    """One message takes at most a mebibyte with its headers, and the client refuses a longer one before it leaves."""
    assert bus.max_payload == 1 << 20
    with pytest.raises(MaxPayloadError):
        await bus.client.publish("x", b"x" * (bus.max_payload + 1))


async def test_a_request_that_nobody_hears(bus: BusConnection) -> None:
    """It is told at once, and not when its time is over."""
    began = asyncio.get_running_loop().time()
    with pytest.raises(ConnectionLost, match="nobody listens"):
        await bus.request("nobody.there")
    assert asyncio.get_running_loop().time() - began < 5


async def test_a_permission_that_is_missing(version: str) -> None:
    """A refusal comes beside the request, which only times out, with the subject in lower case."""
    user = {"user": "u", "password": "p", "permissions": {"publish": ["_INBOX.>"], "subscribe": ["_INBOX.>"]}}
    with server_of(version, authorization={"users": [user]}) as own:
        told: list[str] = []

        async def note(error: Exception) -> None:
            told.append(str(error))

        client = await nats.connect(own.url, user="u", password="p", error_cb=note)
        with pytest.raises(nats.errors.TimeoutError):
            await client.request("ami.act.PBX1.Ping", timeout=0.2)
        assert any('"ami.act.pbx1.ping"' in each for each in told)
        await client.close()


async def test_a_message_of_a_stream_that_is_being_made(version: str) -> None:
    """2.9.10 crashes when it is asked for one: so it is asked first whether the stream has any."""
    with contextlib.suppress(ServerEnded), server_of(version) as own:
        async with contextlib.AsyncExitStack() as stack:
            asking, making = [await stack.enter_async_context(connected(own)) for _ in range(2)]

            async def ask(stream: str) -> None:
                with contextlib.suppress(ManagerError):
                    while "error" in await asking.api(f"STREAM.MSG.GET.{stream}", {"last_by_subj": f"{stream}.a"}):
                        pass

            for number in range(300 if version == OLD else 40):  # it took at most 15, and mostly one
                stream = f"S{number}"
                waiting = [asyncio.ensure_future(ask(stream)) for _ in range(8)]
                with contextlib.suppress(ManagerError):
                    await make(making, stream)
                    await making.store(f"{stream}.a", b"x", {})
                await asyncio.gather(*waiting)
                if not own.is_running:
                    break
        has_crashed = not own.is_running
    assert has_crashed is (version == OLD)


# nats-py


async def test_a_port_where_nobody_listens() -> None:
    """`allow_reconnect=False` alone tries for two minutes: so the number of attempts is given too."""
    url = server_of(OLD).url
    waiting = asyncio.ensure_future(Client().connect(url, allow_reconnect=False))
    with pytest.raises(ConnectionLost):
        await BusConnection.open(BusOptions.from_url(url), "test")
    await asyncio.sleep(0.3)  # in which it would fail
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_what_is_published_while_the_bus_is_away() -> None:
    """The client keeps it, says nothing, and sends it when it is connected again: so each connection is used once."""
    with server_of(OLD) as own:
        async with connected(own) as bus:
            stream = await make(bus)
        client = await nats.connect(own.url, reconnect_time_wait=0.05, error_cb=_nothing)
        own.kill()
        await until(lambda: client.is_reconnecting)
        await client.publish(f"{stream}.late", b"x")
        own.start()
        async with connected(own) as bus, async_timeout.timeout(20):
            while (found := await bus.message(stream, last_by_subj=f"{stream}.late")) is None:
                await asyncio.sleep(0.01)
        assert found.body == b"x"
        await client.close()


async def test_an_ordered_consumer_whose_connection_is_lost() -> None:
    """Two of its tasks go on for up to two heartbeats, and unsubscribing raises and ends none: so the consumer is made without it."""
    before = asyncio.all_tasks()
    with server_of(OLD) as own:
        client = await nats.connect(own.url, allow_reconnect=False, error_cb=_nothing)
        await client.jetstream().add_stream(name="S", subjects=["S.*"])
        settings: dict[str, Any] = {"ordered_consumer": True, "idle_heartbeat": 0.5}
        subscription = await client.jetstream().subscribe("S.a", cb=_take, **settings)
        own.kill()
        await until(lambda: client.is_closed)
        with pytest.raises(nats.errors.ConnectionClosedError):
            await subscription.unsubscribe()
        for _ in range(3):
            await asyncio.sleep(0)  # in which what was cancelled ends
        left = asyncio.all_tasks() - before
        names = {each.get_coro().__qualname__.rpartition(".")[2] for each in left}
        assert names == {"activity_check", "check_flow_control_response"}
        _, left = await asyncio.wait(left, timeout=5)
        assert not left


async def _take(message: Any) -> None:
    """Take a message, of which there are none."""


async def _nothing(error: Exception) -> None:
    """Take what the client says while its bus is away."""


# Python


async def test_a_cancellation_that_comes_with_the_result() -> None:
    """`asyncio.wait_for` of Python 3.11 and older swallows it: a loop that is to end by it needs a flag."""
    future = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(asyncio.wait_for(future, 10))
    await asyncio.sleep(0)
    future.set_result("done")
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled() is (sys.version_info >= (3, 12))
