"""aioami, with everything on that its users have on: typed events, reconnect, keepalive, limits."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aioami import Action, Event, Fleet, Manager, actions, core, events
from aioami.agi import AsyncAGI, FastAGI, Session
from aioami.fleet import FleetLive
from aioami.live import DEFAULT_PARTS, Live

from ..corpora import END, TELEPHONES
from ..meter import Meter, memory, percentiles


def manager(port: int, user: str) -> Manager:
    return Manager("127.0.0.1", port, user, "secret")


async def fields(port: int, *, user: str = "events") -> dict[str, Any]:
    mgr, count = manager(port, user), 0
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


OF_THE_LIVE_STATE = (
    events.Newchannel,
    events.BridgeEnter,
    events.BridgeLeave,
    events.QueueCallerJoin,
    events.QueueCallerLeave,
    events.QueueMemberStatus,
)


async def typed(port: int) -> dict[str, Any]:
    """The events that a live state is given, in a stream of which three attributes are read."""
    async with manager(port, "quiet") as mgr:
        with mgr.events(*OF_THE_LIVE_STATE, maxsize=None) as stream:
            await mgr.send(core.UserEvent(UserEvent="Play"))
            meter, count = Meter(), 0
            async for event in stream:
                count += 1
                if isinstance(event, events.QueueMemberStatus):
                    _queue, _interface, _status = event.queue, event.interface, event.status
                    continue
                _uniqueid, _channel, _state = event.uniqueid, event.channel, event.channel_state
                if isinstance(event, events.Newchannel):
                    return meter.stop(count)
    return {}


async def delivered(port: int) -> dict[str, Any]:
    """The events that a live state is given, in a stream of which nothing is read."""
    async with manager(port, "quiet") as mgr:
        with mgr.events(*OF_THE_LIVE_STATE, maxsize=None) as stream:
            await mgr.send(core.UserEvent(UserEvent="Play"))
            meter, count = Meter(), 0
            async for event in stream:
                count += 1
                if isinstance(event, events.Newchannel):
                    return meter.stop(count)
    return {}


IDS = {
    events.Newchannel: ("Uniqueid", "Linkedid"),
    events.BridgeEnter: ("Uniqueid", "BridgeUniqueid", "Linkedid"),
    events.BridgeLeave: ("Uniqueid", "BridgeUniqueid", "Linkedid"),
    events.QueueCallerJoin: ("Queue", "Uniqueid", "Position", "Count"),
    events.QueueCallerLeave: ("Uniqueid", "Position", "Count"),
    events.QueueMemberStatus: ("Queue", "Interface"),
}


async def identified(port: int) -> dict[str, Any]:
    """The same stream, in which is looked up what each event is about: nothing less tells what it changes."""
    async with manager(port, "quiet") as mgr:
        with mgr.events(*OF_THE_LIVE_STATE, maxsize=None) as stream:
            await mgr.send(core.UserEvent(UserEvent="Play"))
            meter, count = Meter(), 0
            async for event in stream:
                count += 1
                for name in IDS[type(event)]:
                    _found = event.find(name)
                if isinstance(event, events.Newchannel):
                    return meter.stop(count)
    return {}


async def live(port: int) -> dict[str, Any]:
    """A live state that follows the same events."""
    return await follow(port, 0.01)


async def live_read(port: int) -> dict[str, Any]:
    """A live state that follows them, with somebody who looks at all of it ten times a second."""
    return await follow(port, 0.1)


async def live_changes(port: int) -> dict[str, Any]:
    """A live state that follows them, and a consumer of its changes."""
    async with manager(port, "quiet") as mgr, Live(mgr, maxsize=1_000_000) as followed:
        await mgr.send(core.UserEvent(UserEvent="Play"))
        meter, before = Meter(), mgr.statistics().events
        async for change in followed.changes():
            if change.key == END:
                break
        return meter.stop(mgr.statistics().events - before)


async def follow(port: int, pace: float) -> dict[str, Any]:
    """What a live state costs that is looked at every so many seconds."""
    async with manager(port, "quiet") as mgr, Live(mgr, maxsize=1_000_000) as followed:
        await mgr.send(core.UserEvent(UserEvent="Play"))
        meter, before = Meter(), mgr.statistics().events
        await until_end(followed, pace)
        return meter.stop(mgr.statistics().events - before)


async def until_end(followed: Live, pace: float) -> None:
    """Look now and then, until all is applied; with a slow pace, at every queue and bridge."""
    for _ in range(100_000):
        await asyncio.sleep(pace)
        if pace >= 0.1:
            for part in (followed.queues, followed.bridges):
                for _thing in part.values():
                    pass
        if END in followed.channels:
            return


async def live_stall(port: int) -> dict[str, Any]:
    """How long the loop stands at most, in CPU time, while a live state is entered."""
    longest, ended = 0.0, False

    async def watch() -> None:
        nonlocal longest
        last = time.process_time()
        while not ended:
            await asyncio.sleep(0)
            now = time.process_time()
            longest, last = max(longest, now - last), now

    async with manager(port, "quiet") as mgr:
        watching = asyncio.create_task(watch())
        meter = Meter()
        async with Live(mgr, parts=(*DEFAULT_PARTS, "endpoints", "hints", "mailboxes")) as followed:
            assert len(followed.endpoints) == len(followed.hints) == len(followed.mailboxes) == TELEPHONES
            count = sum(len(queue.members) for queue in followed.queues.values())
            await mgr.send(core.Ping())
            ended = True
            await watching
            return meter.stop(count, stall=longest)


async def paced(port: int, times: int) -> dict[str, Any]:
    return await fields(port, user="paced" if times == 1 else f"paced{times}")


def fleet_of(port: int, number: int) -> Fleet:
    return Fleet({f"pbx{each}": manager(port, "quiet") for each in range(number)})


async def fleet(port: int, number: int, busy: int) -> dict[str, Any]:
    """Three fields of each event of the busy servers, in one stream of all."""
    async with fleet_of(port, number - busy) as servers:
        with servers.events(maxsize=None) as events:
            await asyncio.gather(*(servers.add(f"busy{n}", manager(port, "paced")).wait_ready() for n in range(busy)))
            meter, count, ends = Meter(), 0, 0
            async for event in events:
                count += 1
                _name, channel, _id = event["Event"], event.get("Channel"), event.get("Uniqueid")
                if channel == "TheEnd":
                    ends += 1
                    if ends == busy:
                        break
            return meter.stop(count)
    return {}


async def fleet_memory(port: int, number: int) -> dict[str, Any]:
    async with fleet_of(port, 1) as servers, FleetLive(servers):
        pass  # what the first one loads is not what each one costs
    before = memory()
    servers = fleet_of(port, number)
    with servers.events():
        async with servers:
            return {"count": number, "each": (memory() - before) / number}


async def fleet_flood(port: int, number: int, busy: int, total: int) -> dict[str, Any]:
    """Pings to those that are quiet, while the busy ones send as fast as they can, and one consumer follows."""

    async def follow() -> None:
        async for _event in events:
            pass

    async with fleet_of(port, number - busy) as servers:
        quiet = [servers[name] for name in servers]
        with servers.events() as events:
            following = asyncio.create_task(follow())
            busy_ones = [servers.add(f"busy{n}", manager(port, "events")) for n in range(busy)]
            await asyncio.gather(*(mgr.wait_for("*") for mgr in busy_ones))
            times, meter = [], Meter()
            while all(mgr.statistics().events < total * 3 // 4 for mgr in busy_ones):
                began = time.perf_counter()
                await quiet[len(times) % len(quiet)].send(core.Ping())
                times.append(time.perf_counter() - began)
            told = meter.stop(len(times), **percentiles(times))
            told["rate"] = sum(mgr.statistics().events for mgr in busy_ones) / told["wall"]
            told["dropped"] = sum(mgr.statistics().dropped for mgr in quiet)
            following.cancel()
            return told


# AGI


async def steer(call: Session) -> None:
    """A session: twenty commands, a file and a hang-up."""
    for _ in range(20):
        await call.command("NOOP")
    await call.play("beep", stop="#")
    await call.hang_up()


async def fastagi(port: int, sessions: int) -> dict[str, Any]:
    """Sessions over FastAGI, all at once."""
    done = 0

    async def program(call: Session) -> None:
        nonlocal done
        await steer(call)
        done += 1

    async with manager(port, "quiet") as mgr, FastAGI(program, port=0) as server:
        meter = Meter()
        await mgr.send(Action("FastAGI", {"Port": server.port, "Sessions": sessions}), timeout=None)
        assert done == sessions
        return meter.stop(sessions)


async def fastagi_commands(port: int, count: int) -> dict[str, Any]:
    """Commands of one session, one by one."""
    times: list[float] = []

    async def program(call: Session) -> None:
        for _ in range(count):
            began = time.perf_counter()
            await call.command("NOOP")
            times.append(time.perf_counter() - began)

    async with manager(port, "quiet") as mgr, FastAGI(program, port=0) as server:
        meter = Meter()
        await mgr.send(Action("FastAGI", {"Port": server.port, "Sessions": 1}), timeout=None)
        return meter.stop(count, **percentiles(times))


async def asyncagi(port: int, sessions: int) -> dict[str, Any]:
    """Sessions over AsyncAGI, all at once."""
    done, over = 0, asyncio.Event()

    async def program(call: Session) -> None:
        nonlocal done
        await steer(call)
        done += 1
        if done == sessions:
            over.set()

    async with manager(port, "quiet") as mgr, AsyncAGI(mgr, program):
        meter = Meter()
        await mgr.send(Action("AsyncAGI", {"Sessions": sessions}))
        await over.wait()
        return meter.stop(sessions)
