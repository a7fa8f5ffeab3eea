"""What the bus costs: `python -m benchmarks.bus`, or `make bench-bus`. Each part is a process of its own, and its processor time is its own.

A fake server floods; the relay, consumers, and a plain nats-py loop that publishes JSON as the peer, in one run. Read ratios: the machine
is shared by all parts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from tests.bus_rounds import SERVER, RelayProcess, wait_for_lead

from aioami import connect, core
from aioami.bus.connection import BusConnection, BusOptions
from aioami.bus.format import stream_name
from aioami.testing import FakeAsterisk
from aioami.testing.nats import NatsServer, install

NAMES: Final = ("Newexten", "VarSet", "DialBegin", "Newstate", "QueueMemberStatus")
RARE: Final = "Hangup"
SHARE: Final = 25  # each such event is a rare one


def event(number: int) -> bytes:
    """An event of some 445 bytes, as a busy server sends them."""
    name = RARE if number % SHARE == 0 else NAMES[number % len(NAMES)]
    call = f"1700000000.{number // 20}"
    return (
        f"Event: {name}\r\nPrivilege: dialplan,all\r\nNumber: {number}\r\nSent: {time.time_ns()}\r\n"
        f"Channel: PJSIP/alice-{number // 20:08x}\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: 1234\r\n"
        f"CallerIDName: Alice Example\r\nConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\nLanguage: en\r\n"
        f"AccountCode: \r\nContext: internal\r\nExten: 100\r\nPriority: 2\r\nUniqueid: {call}\r\nLinkedid: {call}\r\n"
        "Extension: 100\r\nApplication: Playback\r\nAppData: hello-world and some more words\r\n\r\n"
    ).encode()


def processor_time(pid: int) -> float:
    """The seconds of processor time that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def bus(url: str) -> AsyncIterator[BusConnection]:
    """A connection with the bus."""
    connection = await BusConnection.open(BusOptions.from_url(url), "benchmark")
    try:
        yield connection
    finally:
        await connection.close()


async def stored(connection: BusConnection) -> int:
    """The sequence of the stream's last message."""
    info = await connection.stream_info(stream_name(SERVER))
    return 0 if info is None else int(info["state"]["last_seq"])


async def consume(url: str, names: list[str], last: int) -> None:
    """A consumer of some names, or of all, until an event of a number: what it costs, and how late events are."""
    late = []
    async with connect(url, server=SERVER) as manager:
        with manager.events(*names, maxsize=None) as events:
            print("ready", flush=True)
            began = time.process_time()
            async for found in events:
                late.append(time.time_ns() - int(found.get("Sent", "0")))
                if int(found.get("Number", "-1")) >= last:
                    break
    seconds = time.process_time() - began
    late.sort()
    half, most = late[len(late) // 2] / 1e6, late[int(len(late) * 0.99)] / 1e6
    print(json.dumps({"events": len(late), "seconds": seconds, "p50": half, "p99": most}))


async def peer(url: str, ami: str, count: int) -> None:
    """What one would write: aioami's events as JSON, published by nats-py."""
    import nats

    from aioami import Manager

    client = await nats.connect(url)
    stream = client.jetstream()
    await stream.add_stream(name="PEER", subjects=["peer.>"], max_bytes=1 << 30)
    async with Manager.from_url(ami) as manager:
        with manager.events(*NAMES, RARE, maxsize=None) as events:
            print("ready", flush=True)
            began, at = time.process_time(), None
            taken = 0
            async for found in events:
                at = at or time.perf_counter()
                await stream.publish_async(f"peer.{found.name}", json.dumps(found.to_dict()).encode())
                taken += 1
                if taken == count:
                    break
            await stream.publish_async_completed()
            assert at is not None
            print(json.dumps({"seconds": time.process_time() - began, "rate": count / (time.perf_counter() - at)}))
    await client.close()


async def child(*arguments: str) -> asyncio.subprocess.Process:
    """Start one part as a process, and wait until it is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bus", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while (line := await process.stdout.readline()) != b"ready\n":
        assert line, "a part has failed"
    return process


async def outcome(process: asyncio.subprocess.Process) -> dict[str, float]:
    """The numbers that a part prints in the end."""
    assert process.stdout is not None
    return dict(json.loads((await asyncio.wait_for(process.stdout.read(), 120)).splitlines()[-1]))


async def run(version: str, count: int) -> None:
    """Measure each part, and print a line for each."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(NatsServer(install(version)))
        fake = await stack.enter_async_context(FakeAsterisk())
        relays = [RelayProcess(folder, f"r{number}", fake.url, server.url) for number in range(2)]
        for each in relays:
            stack.push_async_callback(each.end)
        await relays[0].start()
        await wait_for_lead(server.url, relays[0])
        async with bus(server.url) as connection:
            before, used = await stored(connection), processor_time(relays[0].pid)
            began = time.perf_counter()
            await fake.send_raw(b"".join(map(event, range(1, count + 1))))
            while await stored(connection) < before + count:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            rate = count / (time.perf_counter() - began)
        used = processor_time(relays[0].pid) - used
        print(f"relay                {used / count * 1e6:6.1f} µs an event   {rate:8,.0f} events/s")
        number = count
        for label, names in (("consumer of all", []), ("consumer of 4 %", [RARE])):
            # What it costs, under a flood ...
            consumer = await child("consume", server.url, str(number + count), *names)
            await fake.send_raw(b"".join(map(event, range(number + 1, number + count + 1))))
            number += count
            cost = (await outcome(consumer))["seconds"] / count * 1e6
            # ... and how late events are, at the pace of a busy server.
            first, began = number, time.perf_counter()
            consumer = await child("consume", server.url, str(number + 9000), *names)
            while number < first + 9000:
                due = min(first + int((time.perf_counter() - began) * 1800), first + 9000)
                if due > number:
                    await fake.send_raw(b"".join(map(event, range(number + 1, due + 1))))
                    number = due
                await asyncio.sleep(0.002)
            found = await outcome(consumer)
            late = f"p50 {found['p50']:.2f} ms, p99 {found['p99']:.2f} ms at 1,800/s"
            print(f"{label:20} {cost:6.1f} µs for each event of all   {late}")
        async with connect(server.url, server=SERVER) as manager:
            await manager.wait_ready(10)
            times = []
            for _ in range(1000):
                began = time.perf_counter()
                await manager.send(core.Ping())
                times.append((time.perf_counter() - began) * 1000)
        print(f"action               p50 {statistics.median(times):.2f} ms, p99 {sorted(times)[990]:.2f} ms")
        await relays[1].start()
        await asyncio.sleep(3)
        began = time.perf_counter()
        await relays[0].end()
        await wait_for_lead(server.url, relays[1])
        print(f"takeover             {time.perf_counter() - began:.2f} s")
        await relays[1].end()
        other = await child("peer", server.url, fake.url, str(count))
        await fake.send_raw(b"".join(map(event, range(1, count + 1))))
        found = await outcome(other)
        print(
            f"nats-py loop, JSON   {found['seconds'] / count * 1e6:6.1f} µs an event   {found['rate']:8,.0f} events/s"
        )


def main() -> None:
    """Run a part, or all."""
    if sys.argv[1:2] == ["consume"]:
        asyncio.run(consume(sys.argv[2], sys.argv[4:], int(sys.argv[3])))
    elif sys.argv[1:2] == ["peer"]:
        asyncio.run(peer(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--version", default="2.9", choices=("2.9", "newest"))
        parser.add_argument("--count", type=int, default=40_000)
        given = parser.parse_args()
        asyncio.run(run(given.version, given.count))


if __name__ == "__main__":
    main()
