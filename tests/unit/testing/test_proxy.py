"""The proxy for faults, between a client and servers, fake and plain."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator

import async_timeout
import pytest
from tests.helpers import until

from aioami import Action, ConnectionLost, Manager, core
from aioami.testing import FakeAsterisk, FaultProxy


class Echo:
    """A server that sends back what it gets."""

    def __init__(self) -> None:
        self.got = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            self.got += data
            writer.write(data)
        writer.write_eof()
        writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, FaultProxy]]:
    """An echo behind a proxy."""
    behind = Echo()
    server = await asyncio.start_server(behind.serve, "127.0.0.1", 0)
    async with FaultProxy("127.0.0.1", server.sockets[0].getsockname()[1]) as proxy:
        yield behind, proxy
    server.close()


@pytest.fixture
async def mgr(proxy: FaultProxy) -> AsyncIterator[Manager]:
    """A manager that knows only the proxy."""
    async with Manager(proxy.host, proxy.port, "admin", "s3cret") as manager:
        yield manager


async def read(reader: asyncio.StreamReader, count: int) -> bytes:
    async with async_timeout.timeout(5):
        return await reader.readexactly(count)


async def test_without_faults_nothing_changes(proxy: FaultProxy, mgr: Manager) -> None:
    """Bytes go through as they are, and are counted."""
    assert (await mgr.send(core.QueueStatus())).success
    assert proxy.connections == 1
    assert proxy.to_client.passed > 500
    assert proxy.to_server.passed > 100


@pytest.mark.parametrize("reset", [False, True])
async def test_cut_ends_both_ends(proxy: FaultProxy, fake: FakeAsterisk, mgr: Manager, reset: bool) -> None:
    """A cut is seen by the client and by the server."""
    waiting = asyncio.ensure_future(mgr.send(Action("WaitEvent")))
    proxy.cut(reset=reset)
    with pytest.raises(ConnectionLost):
        await waiting
    async with async_timeout.timeout(5):
        while fake.connections or proxy.connections:
            await asyncio.sleep(0)


async def test_a_cut_in_the_midst_of_a_message(proxy: FaultProxy, mgr: Manager) -> None:
    """After so many bytes the connection ends, whatever they are."""
    before = proxy.to_client.passed
    proxy.to_client.cut_after(20)
    with pytest.raises(ConnectionLost):
        await mgr.send(core.Ping())
    assert proxy.to_client.passed == before + 20
    with pytest.raises(ValueError, match="count"):
        proxy.to_client.cut_after(-1)


async def test_stall_and_resume(proxy: FaultProxy, mgr: Manager) -> None:
    """Nothing passes while it is stalled; then all of it does."""
    proxy.stall()
    waiting = asyncio.ensure_future(mgr.send(core.Ping()))
    before = proxy.to_server.passed
    await asyncio.sleep(0.02)  # in which nothing passes
    assert not waiting.done()
    assert proxy.to_server.passed == before
    proxy.resume()
    assert (await waiting).success


async def test_a_dead_network_passes_on_no_reset(proxy: FaultProxy, fake: FakeAsterisk, mgr: Manager) -> None:
    """A client that breaks its connection off while it is stalled is still there for the server, until it goes on."""
    _, writer = await asyncio.open_connection(proxy.host, proxy.port)
    await until(lambda: len(fake.connections) == 2)
    async with Manager.from_url(fake.url) as beside:
        proxy.stall()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
        for _ in range(20):
            await beside.send(core.Ping())
        assert len(fake.connections) == 3
        proxy.resume()
        await until(lambda: len(fake.connections) == 2)


async def test_delay(proxy: FaultProxy, mgr: Manager) -> None:
    """Each byte is on the way for so long, in the direction that was said."""
    proxy.to_client.delay = 0.1
    began = time.monotonic()
    assert (await mgr.send(core.Ping())).success
    assert 0.09 < time.monotonic() - began < 2
    proxy.to_client.delay = 0.0


async def test_split(echo: tuple[Echo, FaultProxy]) -> None:
    """Messages arrive in pieces, and whole."""
    _, proxy = echo
    proxy.to_client.split = 1
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    writer.write(b"hello")
    assert await read(reader, 5) == b"hello"
    writer.close()


async def test_throttle(echo: tuple[Echo, FaultProxy]) -> None:
    """So many bytes pass in a second, and no more."""
    _, proxy = echo
    proxy.to_server.bytes_per_second = 10_000
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    began = time.monotonic()
    writer.write(b"x" * 1000)
    await read(reader, 1000)
    assert time.monotonic() - began >= 0.09
    writer.close()


async def test_corruption_is_the_same_with_the_same_seed(echo: tuple[Echo, FaultProxy]) -> None:
    """Some bytes are changed, as many as was said, and the same ones each time."""
    behind, first = echo
    found = []
    async with FaultProxy(first.server_host, first.server_port) as second:
        for proxy in (first, second):
            proxy.to_server.corrupt = 0.1
            reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
            writer.write(b"x" * 1000)
            found.append(await read(reader, 1000))
            writer.close()
    assert found[0] == found[1]
    assert 50 < sum(byte != ord("x") for byte in found[0]) < 200
    assert behind.got


async def test_half_closed_connections(echo: tuple[Echo, FaultProxy]) -> None:
    """An end of one direction is passed on; the other goes on until it ends too."""
    _, proxy = echo
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    writer.write(b"last words")
    writer.write_eof()
    async with async_timeout.timeout(5):
        assert await reader.read() == b"last words"
    writer.close()


async def test_refused_and_unreachable(proxy: FaultProxy) -> None:
    """New connections may be refused; those to a server that is not there are closed at once."""
    proxy.refuse = True
    with pytest.raises(ConnectionLost):
        await Manager(proxy.host, proxy.port).connect()
    async with FaultProxy("127.0.0.1", 1) as nowhere:
        with pytest.raises(ConnectionLost):
            await Manager(nowhere.host, nowhere.port).connect()


async def test_stop_ends_everything(fake: FakeAsterisk) -> None:
    """After `stop` no task is left, and the proxy may start again at its port."""
    proxy = FaultProxy(fake.host, fake.port)
    await proxy.start()
    _, writer = await asyncio.open_connection(proxy.host, proxy.port)
    port = proxy.port
    await fake.wait_connected()
    proxy.stall()
    await proxy.stop()
    assert len(asyncio.all_tasks()) == 1
    proxy.resume()
    async with proxy:
        assert proxy.port == port
    writer.close()
