"""basicami, whose events are fetched in batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from basicami import BasicAMI

from ..meter import Meter, memory, percentiles


async def manager(port: int, user: str) -> Any:
    return await BasicAMI.connect("127.0.0.1", port, user, "secret")


async def follow(port: int, look: Callable[[Any], bool]) -> dict[str, Any]:
    ami, count = await manager(port, "events"), 0
    meter = Meter()
    while True:
        for event in await ami.get_events(timeout=1):
            count += 1
            if look(event):
                told = meter.stop(count)
                await ami.close()
                return told


async def fields(port: int) -> dict[str, Any]:
    def look(event: Any) -> bool:
        _name, channel, _id = event["Event"], event.get("Channel"), event.get("Uniqueid")
        return channel == "TheEnd"

    return await follow(port, look)


async def headers(port: int) -> dict[str, Any]:
    def look(event: Any) -> bool:
        for _name, _value in event.items():
            pass
        return event.get("Channel") == "TheEnd"

    return await follow(port, look)


async def one_name(port: int) -> dict[str, Any]:
    return await follow(port, lambda event: event.get("Event") == "Hangup" and event.get("Channel") == "TheEnd")


async def predicate(port: int) -> dict[str, Any]:
    return await follow(
        port,
        lambda event: event.get("Channel", "").startswith(("PJSIP/peer7-", "TheEnd")) and event["Channel"] == "TheEnd",
    )


async def slow(port: int, total: int) -> dict[str, Any]:
    ami = await manager(port, "events")
    meter = Meter()
    await asyncio.sleep(8)  # there is no way to know when all has come
    return meter.stop(0, held=total, dropped=0, client=id(ami))


async def pings(port: int, number: int) -> dict[str, Any]:
    ami = await manager(port, "quiet")
    times = []
    meter = Meter()
    for _ in range(number):
        began = time.perf_counter()
        await ami.send_action({"Action": "Ping"})
        times.append(time.perf_counter() - began)
    return meter.stop(number, **percentiles(times))


async def at_once(port: int, number: int) -> dict[str, Any]:
    ami = await manager(port, "quiet")
    meter = Meter()
    replies = await asyncio.gather(*(ami.send_action({"Action": "Ping"}, timeout=30) for _ in range(number)))
    return meter.stop(sum(reply["Ping"] == "Pong" for reply in replies))


async def connections(port: int, number: int) -> dict[str, Any]:
    await (await manager(port, "quiet")).close()
    before = memory()
    managers = []
    for start in range(0, number, 50):
        managers += await asyncio.gather(*(manager(port, "quiet") for _ in range(start, min(start + 50, number))))
    return {"count": len(managers), "each": (memory() - before) / number}


async def logins(port: int, number: int) -> dict[str, Any]:
    meter = Meter()
    await asyncio.gather(*(manager(port, "quiet") for _ in range(number)))
    return meter.stop(number)
