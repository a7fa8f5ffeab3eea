"""aioami, with everything on that its users have on: typed events, reconnect, keepalive, limits."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aioami import Event, Manager, actions, core

from ..meter import Meter, memory, percentiles


def manager(port: int, user: str) -> Manager:
    return Manager("127.0.0.1", port, user, "secret")


async def fields(port: int) -> dict[str, Any]:
    mgr, count = manager(port, "events"), 0
    with mgr.events(maxsize=None) as events:
        async with mgr:
            meter = Meter()
            async for event in events:
                count += 1
                _name, channel, _id = event["Event"], event.get("Channel"), event.get("Uniqueid")
                if channel == "TheEnd":
                    return meter.stop(count)
    return {}


async def headers(port: int) -> dict[str, Any]:
    mgr, count = manager(port, "events"), 0
    with mgr.events(maxsize=None) as events:
        async with mgr:
            meter = Meter()
            async for event in events:
                count += 1
                for _name, _value in event.items():
                    pass
                if event.get("Channel") == "TheEnd":
                    return meter.stop(count)
    return {}


async def one_name(port: int) -> dict[str, Any]:
    mgr, count = manager(port, "events"), 0
    with mgr.events("Hangup", maxsize=None) as events:
        async with mgr:
            meter = Meter()
            async for event in events:
                count += 1
                if event["Channel"] == "TheEnd":
                    return meter.stop(count)
    return {}


async def predicate(port: int) -> dict[str, Any]:
    def wanted(event: Event) -> bool:
        return event.get("Channel", "").startswith(("PJSIP/peer7-", "TheEnd"))

    mgr, count = manager(port, "events"), 0
    with mgr.events(where=wanted, maxsize=None) as events:
        async with mgr:
            meter = Meter()
            async for event in events:
                count += 1
                if event["Channel"] == "TheEnd":
                    return meter.stop(count)
    return {}


async def subscribers(port: int, number: int, total: int) -> dict[str, Any]:
    async def count(stream: Any) -> int:
        found = 0
        async for _event in stream:
            found += 1
            if found == total:
                break
        return found

    mgr = manager(port, "events")
    streams = [mgr.events(maxsize=None) for _ in range(number)]
    async with mgr:
        meter = Meter()
        found = await asyncio.gather(*map(count, streams))
        return meter.stop(sum(found))


async def slow(port: int, total: int) -> dict[str, Any]:
    mgr = manager(port, "events")
    with mgr.events() as events:
        async with mgr:
            meter = Meter()
            taken = 0
            async for _ in events:
                taken += 1
                await asyncio.sleep(0.5)
                if mgr.statistics().events >= total:
                    break
            held = events.pending
            return meter.stop(taken, held=held, dropped=events.dropped)


async def listed(port: int) -> dict[str, Any]:
    async with manager(port, "quiet") as mgr:
        meter = Meter()
        response = await mgr.send(actions.QueueStatus(), timeout=None)
        return meter.stop(len(response.events))


async def streamed(port: int) -> dict[str, Any]:
    async with manager(port, "quiet") as mgr:
        meter, count = Meter(), 0
        async for _ in mgr.stream(actions.QueueStatus(), timeout=None):
            count += 1
        return meter.stop(count)


async def pings(port: int, number: int) -> dict[str, Any]:
    async with manager(port, "quiet") as mgr:
        times = []
        meter = Meter()
        for _ in range(number):
            began = time.perf_counter()
            await mgr.send(core.Ping())
            times.append(time.perf_counter() - began)
        return meter.stop(number, **percentiles(times))


async def at_once(port: int, number: int) -> dict[str, Any]:
    async with manager(port, "quiet") as mgr:
        meter = Meter()
        replies = await asyncio.gather(*(mgr.send(core.Ping(), timeout=30) for _ in range(number)))
        return meter.stop(sum(reply["Ping"] == "Pong" for reply in replies))


async def connections(port: int, number: int) -> dict[str, Any]:
    async with manager(port, "quiet"):
        pass  # what the first one loads is not what each one costs
    before = memory()
    quiet = [manager(port, "quiet") for _ in range(number)]
    for start in range(0, number, 50):
        await asyncio.gather(*(mgr.connect() for mgr in quiet[start : start + 50]))
    each = (memory() - before) / number
    await asyncio.gather(*(mgr.close() for mgr in quiet))
    return {"count": number, "each": each}


async def together(port: int, number: int) -> dict[str, Any]:
    async def follow(stream: Any) -> int:
        count = 0
        async for event in stream:
            count += 1
            if event.get("Channel") == "TheEnd":
                break
        return count

    managers = [manager(port, "quiet") for _ in range(number)]
    streams = [mgr.events(maxsize=None) for mgr in managers]
    for start in range(0, number, 50):
        await asyncio.gather(*(mgr.connect() for mgr in managers[start : start + 50]))
    meter = Meter()
    await managers[0].send(core.UserEvent(UserEvent="Play"))
    counts = await asyncio.gather(*map(follow, streams))
    told = meter.stop(sum(counts))
    await asyncio.gather(*(mgr.close() for mgr in managers))
    return told


async def logins(port: int, number: int) -> dict[str, Any]:
    managers = [manager(port, "quiet") for _ in range(number)]
    meter = Meter()
    await asyncio.gather(*(mgr.connect() for mgr in managers))
    told = meter.stop(number)
    await asyncio.gather(*(mgr.close() for mgr in managers))
    return told
