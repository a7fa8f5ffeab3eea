"""What no client on asyncio can be better than: a protocol that does nothing but to hand on what came."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..callers import call_fastagi
from ..meter import Meter, percentiles


class Bare(asyncio.Protocol):
    """Whoever waits gets what came, or the reply with his number."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.waiting: asyncio.Future[bytes] | None = None
        self.numbered: dict[bytes, asyncio.Future[bytes]] = {}
        self.rest = b""
        self.batch: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.numbered:
            *messages, self.rest = (self.rest + data).split(b"\r\n\r\n")
            for message in messages:
                number = message.partition(b"ActionID: ")[2].partition(b"\r\n")[0]
                self.numbered.pop(number).set_result(message)
        elif self.waiting is not None and not self.waiting.done():
            self.waiting.set_result(data)

    async def next(self) -> bytes:
        self.waiting = asyncio.get_running_loop().create_future()
        return await self.waiting

    async def reply(self, number: int) -> bytes:
        answer = self.numbered[b"%d" % number] = asyncio.get_running_loop().create_future()
        if not self.batch:
            asyncio.get_running_loop().call_soon(self.write_batch)
        self.batch.append(b"Action: Ping\r\nActionID: %d\r\n\r\n" % number)
        return await answer

    def write_batch(self) -> None:
        batch, self.batch = self.batch, []
        self.transport.write(b"".join(batch))


async def connected(port: int) -> Bare:
    _, bare = await asyncio.get_running_loop().create_connection(Bare, "127.0.0.1", port)
    await bare.next()
    bare.transport.write(b"Action: Login\r\nUsername: quiet\r\nSecret: secret\r\n\r\n")
    await bare.next()
    return bare


async def pings(port: int, number: int) -> dict[str, Any]:
    bare, times = await connected(port), []
    meter = Meter()
    for n in range(number):
        began = time.perf_counter()
        bare.transport.write(b"Action: Ping\r\nActionID: %d\r\n\r\n" % n)
        await bare.next()
        times.append(time.perf_counter() - began)
    return meter.stop(number, **percentiles(times))


async def at_once(port: int, number: int) -> dict[str, Any]:
    bare = await connected(port)
    meter = Meter()
    replies = await asyncio.gather(*(bare.reply(n) for n in range(number)))
    return meter.stop(sum(b"Pong" in reply for reply in replies))


async def fastagi(port: int, sessions: int) -> dict[str, Any]:
    """The same sessions over streams: each command is written, and its line read."""

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline() != b"\n":
            pass
        for command in (*[b"NOOP\n"] * 20, b'STREAM FILE "beep" "#" "0"\n', b"HANGUP\n"):
            writer.write(command)
            await reader.readline()
        writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0, backlog=1024)
    meter = Meter()
    await asyncio.to_thread(call_fastagi, port, server.sockets[0].getsockname()[1], sessions)
    return meter.stop(sessions)


async def fastagi_commands(port: int, count: int) -> dict[str, Any]:
    times: list[float] = []

    async def session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline() != b"\n":
            pass
        for _ in range(count):
            began = time.perf_counter()
            writer.write(b"NOOP\n")
            await reader.readline()
            times.append(time.perf_counter() - began)
        writer.close()

    server = await asyncio.start_server(session, "127.0.0.1", 0)
    meter = Meter()
    await asyncio.to_thread(call_fastagi, port, server.sockets[0].getsockname()[1], 1)
    return meter.stop(count, **percentiles(times))
