"""Traps of the bus that take seconds to show, beside those of `tests/unit/bus/test_traps.py`: `python -m pytest tests/bus_traps.py`.

A test that fails here says that a version has changed what the library steps around.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import async_timeout
import nats
import pytest
from nats.js.api import ConsumerConfig
from tests.bus_rounds import Disk
from tests.helpers import until
from tests.unit.bus.test_traps import NEW, OLD, make, server_of

from aioami.bus.connection import BusConnection, BusOptions
from aioami.errors import ManagerError
from aioami.testing.nats import NatsServer, SuiteGone, cluster, install


@pytest.fixture
async def nodes() -> AsyncIterator[Sequence[NatsServer]]:
    """Three nodes of the newest version, as a cluster that has a leader."""
    try:
        found = cluster(install(NEW), 3)
    except SuiteGone as error:
        pytest.skip(str(error))
    with contextlib.ExitStack() as stack:
        for node in found:
            stack.enter_context(node)
        yield found


async def replicated(bus: BusConnection) -> str:
    """Make a stream that three nodes keep, when they have agreed on who leads."""
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(ManagerError, AssertionError):
            return await make(bus, num_replicas=3)
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def stored(bus: BusConnection, subject: str, headers: dict[str, str] | None = None) -> Any:
    """Publish; return the sequence, or the error."""
    try:
        return await bus.store(subject, b"", headers or {})
    except ManagerError as error:
        return error


async def test_a_wrong_last_message_id(nodes: Sequence[NatsServer]) -> None:
    """`Nats-Expected-Last-Msg-Id` that is wrong stops a replicated stream for good: so it is never used."""
    options = BusOptions.from_url(nodes[0].url, timeout=2.0)
    bus = await BusConnection.open(options, "test")
    stream = await replicated(bus)
    assert await stored(bus, f"{stream}.a") == 1
    await stored(bus, f"{stream}.a", {"Nats-Expected-Last-Msg-Id": "wrong"})
    after = [await stored(bus, f"{stream}.a") for _ in range(2)]
    assert not any(isinstance(each, int) for each in after), after
    await bus.close()


async def test_a_chain_of_comparisons(nodes: Sequence[NatsServer]) -> None:
    """With three replicas nearly all of pipelined messages are refused that compare: so one claim compares, and no event."""
    bus = await BusConnection.open(BusOptions.from_url(nodes[0].url, timeout=10.0), "test")
    stream = await replicated(bus)
    header = "Nats-Expected-Last-Subject-Sequence"
    chain = [stored(bus, f"{stream}.a", {header: str(number)}) for number in range(200)]
    found = await asyncio.gather(*chain)
    assert sum(not isinstance(each, int) for each in found) > 100
    await bus.close()


async def test_one_of_many_claims_over_three_nodes_wins(nodes: Sequence[NatsServer]) -> None:
    """With compare-and-swap on the subject exactly one of those that claim at once, by whatever node, is stored."""
    async with contextlib.AsyncExitStack() as stack:
        connections = []
        for node in [*nodes] * 3:
            options = BusOptions.from_url(node.url, timeout=5.0)
            connections.append(await BusConnection.open(options, "test"))
            stack.push_async_callback(connections[-1].close)
        stream = await replicated(connections[0])
        last = 0
        for _ in range(50):
            headers = {"Nats-Expected-Last-Subject-Sequence": str(last)}
            found = await asyncio.gather(*(stored(each, f"{stream}.claim", headers) for each in connections))
            (last,) = (each for each in found if isinstance(each, int))


@pytest.mark.parametrize(("end", "is_told"), [("kill", False), ("suspend", False), ("terminate", True)])
async def test_a_stream_without_a_leader(nodes: Sequence[NatsServer], end: str, is_told: bool) -> None:
    """For seconds behind the death of the node that leads it a stream stores nothing, while the bus itself answers: so the silence of the
    one is not that of the other. A node that is ended by SIGTERM hands the lead over.
    """
    bus = await BusConnection.open(BusOptions.from_url(nodes[0].url, timeout=2.0), "test")
    stream = await replicated(bus)
    info = await bus.stream_info(stream)
    await bus.close()
    assert info is not None
    leads = next(each for each in nodes if each.settings["server_name"] == info["cluster"]["leader"])
    other = next(each for each in nodes if each is not leads)
    bus = await BusConnection.open(BusOptions.from_url(other.url, timeout=0.5), "test")

    async def echo(message: Any) -> None:
        await bus.publish(message.reply, b"here")

    await bus.subscribe("echo", echo)
    getattr(leads, end)()
    began = time.monotonic()
    while not isinstance(await stored(bus, f"{stream}.a"), int):
        assert (await bus.request("echo")).data == b"here"
        assert time.monotonic() < began + 40
        await asyncio.sleep(0.05)
    silence = time.monotonic() - began
    assert silence < 2 if is_told else silence > 3, silence  # elections begin behind 4 to 9 seconds
    leads.resume()
    await bus.close()


@pytest.mark.parametrize(
    ("version", "settings", "left"), [(OLD, {}, 100), (NEW, {}, 100), (NEW, {"sync_interval": "always"}, 200)]
)
async def test_a_node_that_loses_power(version: str, settings: dict[str, str], left: int) -> None:
    """What it has confirmed, and not written to its disk, is gone, and its sequences are given again: so relays and readers look whether the
    stream is as long as it was. With `sync_interval: always`, which 2.9.10 does not know, nothing is gone.
    """
    with Disk.make("loss of power") as disk:
        if disk is None:
            pytest.skip("only root may mount a disk")
        store = {"jetstream": {"store_dir": str(disk.folder / "store"), **settings}}
        with server_of(version, **store) as own:
            bus = await BusConnection.open(BusOptions.from_url(own.url, timeout=10.0), "test")
            stream = await make(bus)
            before = await bus.stream_info(stream)
            for number in range(200):
                if number == 100:
                    disk.flush()
                assert await stored(bus, f"{stream}.a") == number + 1
            disk.cut()
            own.kill()
            await bus.close()
            disk.recover()
            own.start()
            bus = await BusConnection.open(BusOptions.from_url(own.url, timeout=10.0), "test")
            found = await bus.stream_info(stream)
            assert before is not None
            assert found is not None
            assert found["created"] == before["created"]
            assert found["state"]["last_seq"] == left
            assert await stored(bus, f"{stream}.a") == left + 1
            await bus.close()


# nats-py


async def test_an_ordered_consumer_of_a_stream_that_was_made_anew() -> None:
    """The client makes one anew that was deleted (its issue 510), but goes on at its old place in another stream, and passes over what is
    before that in silence: so a reading of the log looks which stream it is.
    """
    with server_of(OLD) as own:
        client = await nats.connect(own.url, reconnect_time_wait=0.05, error_cb=_nothing)
        stream, found = client.jetstream(), list[bytes]()

        async def take(message: Any) -> None:
            found.append(message.data)

        async def publish(*numbers: int) -> None:
            for number in numbers:
                await stream.publish("S.a", b"%d" % number)

        await stream.add_stream(name="S", subjects=["S.*"])
        consumer = await stream.subscribe("S.a", cb=take, ordered_consumer=True, idle_heartbeat=0.2)
        await publish(1, 2)
        await until(lambda: len(found) == 2)
        await stream.delete_consumer("S", (await consumer.consumer_info()).name)
        await publish(3)
        await until(lambda: len(found) == 3)

        own.kill()
        own.empty()
        own.start()
        async with async_timeout.timeout(20):
            while True:
                with contextlib.suppress(nats.errors.Error, asyncio.TimeoutError):
                    await stream.add_stream(name="S", subjects=["S.*"])
                    break
                await asyncio.sleep(0.05)
        await publish(4, 5, 6, 7)
        await until(lambda: len(found) > 3)
        assert found == [b"1", b"2", b"3", b"7"]
        await client.close()


async def test_a_pull_subscription_whose_consumer_is_gone() -> None:
    """It fails for good after a restart of the server, if its consumer was in memory (issue 504): so what reads makes its consumer anew."""
    with server_of(OLD) as own:
        client = await nats.connect(own.url, reconnect_time_wait=0.05, error_cb=_nothing)
        stream = client.jetstream()
        await stream.add_stream(name="S", subjects=["S.*"])
        subscription = await stream.pull_subscribe("S.a", durable="d", config=ConsumerConfig(mem_storage=True))
        await stream.publish("S.a", b"1")
        assert [each.data for each in await subscription.fetch(1, timeout=5)] == [b"1"]
        own.kill()
        own.start()
        async with async_timeout.timeout(20):
            while True:
                with contextlib.suppress(nats.errors.Error, asyncio.TimeoutError):
                    await stream.publish("S.a", b"2")
                    break
                await asyncio.sleep(0.05)
        for _ in range(10):
            with pytest.raises((nats.errors.TimeoutError, nats.js.errors.ServiceUnavailableError)):
                await subscription.fetch(1, timeout=0.2)
        await client.close()


async def _nothing(error: Exception) -> None:
    """Take what the client says while its bus is away."""
