"""One connection with a bus: what it asks, and what its server bears."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import re
from typing import Any

import pytest
from tests.helpers import until
from tests.unit.bus.office import connected

from aioami.bus.connection import BusConnection, BusOptions, StoreError
from aioami.errors import ConnectionLost
from aioami.testing import FaultProxy
from aioami.testing.nats import NatsServer


async def test_a_message_may_be_asked_for_while_its_stream_is_made(nats_server: NatsServer) -> None:
    """The server of Debian bookworm crashes when it is asked so without a look at the stream: it is not."""
    async with contextlib.AsyncExitStack() as stack:
        *asking, making = [await stack.enter_async_context(connected(nats_server)) for _ in range(4)]

        async def ask(connection: BusConnection, stream: str) -> None:
            while await connection.message(stream, last_by_subj=f"{stream}.a") is None:
                assert nats_server.is_running

        for number in range(15):
            stream = f"S{number}"
            waiting = [asyncio.ensure_future(ask(each, stream)) for each in asking for _ in range(8)]
            await making.api(f"STREAM.CREATE.{stream}", {"name": stream, "subjects": [f"{stream}.*"]})
            await making.store(f"{stream}.a", b"x", {})
            await asyncio.gather(*waiting)
        assert nats_server.is_running


async def test_a_message_that_is_not_there_is_none(nats_server: NatsServer) -> None:
    """Without the stream, without a message, and without this one, there is none; the one that is there is found."""
    async with connected(nats_server) as bus:
        assert await bus.message("S", seq=1) is None
        await bus.api("STREAM.CREATE.S", {"name": "S", "subjects": ["s.*"]})
        assert await bus.message("S", seq=1) is None
        assert await bus.store("s.a", b"first", {}) == 1
        assert await bus.message("S", last_by_subj="s.b") is None
        found = await bus.message("S", last_by_subj="s.a")
        assert found is not None
        assert (found.sequence, found.token, found.place, found.body) == (1, "a", None, b"first")


async def test_what_was_subscribed_is_reached_behind_an_answer(nats_server: NatsServer) -> None:
    """An answer of the bus says that it knows of all subscriptions before the request."""
    async with connected(nats_server) as listening, connected(nats_server) as asking:

        async def answer(message: Any) -> None:
            await listening.publish(message.reply, b"here")

        for number in range(50):
            await listening.subscribe(f"s.{number}", answer)
            assert await listening.stream_info("S") is None
            assert (await asking.request(f"s.{number}")).data == b"here"


async def test_a_server_that_is_silent_is_passed_over(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that accepts and says nothing, as one that is suspended does, does not keep its fellows from being tried."""
    monkeypatch.setattr(random, "sample", lambda servers, count: list(servers[:count]))  # in the order of the URL
    async with FaultProxy(nats_server.host, nats_server.port) as silent:
        silent.stall()
        there = f"{nats_server.host}:{nats_server.port}"
        url = f"nats://{silent.host}:{silent.port},{there}?timeout=0.5"
        connection = await BusConnection.open(BusOptions.from_url(url), "test")
        assert connection.client.connected_url is not None
        assert connection.client.connected_url.netloc == there
        await connection.close()


async def test_the_server_that_was_left_is_tried_last(nats_server: NatsServer) -> None:
    """A new connection goes to another node than the one before, as that one may be cut off from the others."""
    here, there = (f"nats://{host}:{nats_server.port}" for host in ("127.0.0.1", "localhost"))
    options = BusOptions.from_url(f"nats://127.0.0.1:{nats_server.port},localhost:{nats_server.port}")
    for left, reached in ((here, there), (there, here)) * 5:
        connection = await BusConnection.open(options, "test", left)
        assert connection.server == reached
        await connection.close()


async def test_a_stream_without_a_leader_is_not_described(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that is cut off from the others knows no leader, and what it says of the stream is not taken for true."""

    async def cut_off(self: BusConnection, subject: str, request: object = None) -> dict[str, Any]:
        return {"state": {"messages": 1}, "cluster": {"name": "c", "replicas": []}}

    async with connected(nats_server) as bus:
        monkeypatch.setattr(BusConnection, "api", cut_off)
        for ask in (lambda: bus.stream_info("S"), lambda: bus.message("S", seq=1)):
            with pytest.raises(StoreError, match="the stream S has no leader") as caught:
                await ask()
            assert caught.value.is_unavailable


async def test_servers_that_are_all_silent(nats_server: NatsServer) -> None:
    """The error names all of them, and each was given its time."""
    async with FaultProxy(nats_server.host, nats_server.port) as silent:
        silent.stall()
        both = f"{silent.host}:{silent.port}, localhost:{silent.port}"
        url = f"nats://{both.replace(' ', '')}?timeout=0.2"
        began = asyncio.get_running_loop().time()
        with pytest.raises(ConnectionLost, match=f"^the bus at {re.escape(both)} did not answer within 0.2 seconds$"):
            await BusConnection.open(BusOptions.from_url(url), "test")
        assert asyncio.get_running_loop().time() - began >= 0.4


async def test_an_attempt_that_is_cancelled_leaves_nothing(nats_server: NatsServer) -> None:
    """At whichever turn of the loop it is cancelled: no task of the client goes on, and asyncio reports none."""
    loop = asyncio.get_running_loop()
    reported: list[object] = []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    options = BusOptions.from_url(nats_server.url, timeout=10.0)
    before = asyncio.all_tasks()
    done = 0
    for turns in range(100):
        opening = asyncio.create_task(BusConnection.open(options, "hasty"))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.wait([opening])
        if not opening.cancelled():
            await opening.result().close()
            done += 1
    del opening
    await until(lambda: not asyncio.all_tasks() - before)
    gc.collect()
    await asyncio.sleep(0)
    assert done > 0
    assert not reported
