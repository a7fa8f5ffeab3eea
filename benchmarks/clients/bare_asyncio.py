"""What no client on asyncio can be better than: a protocol that does nothing but to hand on what came."""

from __future__ import annotations

import asyncio
import time
from typing import Any

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
