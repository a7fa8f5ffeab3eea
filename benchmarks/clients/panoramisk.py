"""panoramisk, with a callback for the events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from panoramisk import Manager
from panoramisk.fast_agi import Application

from ..callers import call_fastagi
from ..meter import Meter, memory, percentiles

logging.disable(logging.CRITICAL)


async def manager(port: int, user: str) -> Any:
    ready = asyncio.get_running_loop().create_future()
    mgr = Manager(
        loop=asyncio.get_running_loop(),
        host="127.0.0.1",
        port=port,
        username=user,
        secret="secret",
        ping_delay=1000,
        on_login=lambda mgr: ready.done() or ready.set_result(None),
    )
    await mgr.connect()
    await ready
    return mgr


async def follow(
    port: int, pattern: str, look: Callable[[Any], bool], number: int = 1, total: int = -1
) -> dict[str, Any]:
    """Count the events that match the pattern, until `look` says that one is the last."""
    done, count = asyncio.get_running_loop().create_future(), 0

    def on_event(mgr: Any, event: Any) -> None:
        nonlocal count
        count += 1
        if (count == total or look(event)) and not done.done():
            done.set_result(None)

    mgr = await manager(port, "events")
    for _ in range(number):
        mgr.register_event(pattern, on_event)
    meter = Meter()
    await done
    told = meter.stop(count)
    mgr.close()
    return told


async def fields(port: int) -> dict[str, Any]:
    def look(event: Any) -> bool:
        _name, channel, _id = event["Event"], event.get("Channel"), event.get("Uniqueid")
        return bool(channel == "TheEnd")

    return await follow(port, "*", look)


async def headers(port: int) -> dict[str, Any]:
    def look(event: Any) -> bool:
        for _name, _value in event.items():
            pass
        return event.get("Channel") == "TheEnd"

    return await follow(port, "*", look)


async def one_name(port: int) -> dict[str, Any]:
    return await follow(port, "Hangup", lambda event: event["Channel"] == "TheEnd")


async def predicate(port: int) -> dict[str, Any]:
    return await follow(
        port,
        "*",
        lambda event: (
            (event.get("Channel") or "").startswith(("PJSIP/peer7-", "TheEnd")) and event["Channel"] == "TheEnd"
        ),
    )


async def subscribers(port: int, number: int, total: int) -> dict[str, Any]:
    return await follow(port, "*", lambda event: False, number, number * total)


async def slow(port: int, total: int) -> dict[str, Any]:
    last = asyncio.get_running_loop().create_future()
    held = 0

    async def on_event(mgr: Any, event: Any) -> None:
        nonlocal held
        held += 1
        if held == total:
            last.set_result(None)
        await asyncio.sleep(30)

    mgr = await manager(port, "events")
    mgr.register_event("*", on_event)
    meter = Meter()
    await last
    told = meter.stop(1, held=held, dropped=0)
    mgr.close()
    return told


async def listed(port: int) -> dict[str, Any]:
    mgr = await manager(port, "quiet")
    meter = Meter()
    answer = await mgr.send_action({"Action": "QueueStatus"}, as_list=True)
    return meter.stop(len(answer) - 2)


async def pings(port: int, number: int) -> dict[str, Any]:
    mgr = await manager(port, "quiet")
    times = []
    meter = Meter()
    for _ in range(number):
        began = time.perf_counter()
        await mgr.send_action({"Action": "Ping"})
        times.append(time.perf_counter() - began)
    return meter.stop(number, **percentiles(times))


async def at_once(port: int, number: int) -> dict[str, Any]:
    mgr = await manager(port, "quiet")
    meter = Meter()
    asked = (asyncio.wait_for(mgr.send_action({"Action": "Ping"}), 30) for _ in range(number))
    replies = await asyncio.gather(*asked)
    return meter.stop(sum(reply["Ping"] == "Pong" for reply in replies))


async def connections(port: int, number: int) -> dict[str, Any]:
    (await manager(port, "quiet")).close()
    before = memory()
    managers = []
    for start in range(0, number, 50):
        managers += await asyncio.gather(*(manager(port, "quiet") for _ in range(start, min(start + 50, number))))
    return {"count": number, "each": (memory() - before) / number}


async def logins(port: int, number: int) -> dict[str, Any]:
    meter = Meter()
    await asyncio.gather(*(manager(port, "quiet") for _ in range(number)))
    return meter.stop(number)


async def fleet(port: int, number: int, busy: int) -> dict[str, Any]:
    """Three fields of each event of the busy servers, by one function for the managers of all."""
    ends, last, count = 0, asyncio.get_running_loop().create_future(), 0

    def on_event(_manager: Any, event: Any) -> None:
        nonlocal ends, count
        count += 1
        _name, channel, _id = event["Event"], event.get("Channel"), event.get("Uniqueid")
        if channel == "TheEnd":
            ends += 1
            if ends == busy:
                last.set_result(None)

    managers = [await manager(port, "quiet") for _ in range(number - busy)]
    managers += [await manager(port, "paced") for _ in range(busy)]
    for mgr in managers:
        mgr.register_event("*", on_event)
    meter = Meter()
    await last
    told = meter.stop(count)
    for mgr in managers:
        mgr.close()
    return told


async def fleet_memory(port: int, number: int) -> dict[str, Any]:
    return await connections(port, number)


async def fleet_flood(port: int, number: int, busy: int, total: int) -> dict[str, Any]:
    """Pings to those that are quiet, while the busy ones send as fast as they can, and one function gets all events."""
    counts: dict[Any, int] = {}
    flooded = asyncio.Event()

    def on_event(mgr: Any, _event: Any) -> None:
        counts[mgr] = counts.get(mgr, 0) + 1
        if len(counts) == busy:
            flooded.set()

    quiet = [await manager(port, "quiet") for _ in range(number - busy)]
    busy_ones = [await manager(port, "events") for _ in range(busy)]
    for mgr in (*quiet, *busy_ones):
        mgr.register_event("*", on_event)
    await flooded.wait()
    times, meter = [], Meter()
    while all(counts[mgr] < total * 3 // 4 for mgr in busy_ones):
        began = time.perf_counter()
        await quiet[len(times) % len(quiet)].send_action({"Action": "Ping"})
        times.append(time.perf_counter() - began)
    told = meter.stop(len(times), **percentiles(times))
    told["rate"] = sum(counts.values()) / told["wall"]
    for mgr in (*quiet, *busy_ones):
        mgr.close()
    return told


# AGI


async def steer(request: Any) -> None:
    """A session: twenty commands, a file and a hang-up."""
    for _ in range(20):
        await request.send_command("NOOP")
    await request.send_command('STREAM FILE "beep" "#"')
    await request.send_command("HANGUP")


async def served(port: int, sessions: int, program: Any) -> None:
    """Have a program called so often, and wait for the ends."""
    application = Application(loop=asyncio.get_running_loop())
    application.add_route("menu", program)
    server = await asyncio.start_server(application.handler, "127.0.0.1", 0)
    await asyncio.to_thread(call_fastagi, port, server.sockets[0].getsockname()[1], sessions)


async def fastagi(port: int, sessions: int) -> dict[str, Any]:
    meter = Meter()
    await served(port, sessions, steer)
    return meter.stop(sessions)


async def fastagi_commands(port: int, count: int) -> dict[str, Any]:
    times: list[float] = []

    async def program(request: Any) -> None:
        for _ in range(count):
            began = time.perf_counter()
            await request.send_command("NOOP")
            times.append(time.perf_counter() - began)

    meter = Meter()
    await served(port, 1, program)
    return meter.stop(count, **percentiles(times))
