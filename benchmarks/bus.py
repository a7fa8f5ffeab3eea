"""What the bus costs: `python -m benchmarks.bus`, or `make bench-bus`. Each part is a process of its own, and its processor time is its own.

A fake server floods; the relay, consumers, and a plain nats-py loop that publishes JSON as the peer, in one run. Read ratios: the machine
is shared by all parts.

How late events are is mostly how long a process waits for a processor. So all parts run with real-time priority where that is permitted,
before whatever else the machine does; the first line says if they do. The floor is what the machine makes of as many processes in a row
that only hand on what they get.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.bus_rounds import SERVER, RelayProcess, wait_for_lead

from aioami import connect, core
from aioami.bus.connection import BusConnection, BusOptions
from aioami.bus.format import HEADER, stream_name
from aioami.testing import FakeAsterisk
from aioami.testing.nats import NatsServer, install

NAMES: Final = ("Newexten", "VarSet", "DialBegin", "Newstate", "QueueMemberStatus")
RARE: Final = "Hangup"
SHARE: Final = 25  # each such event is a rare one
PARTS: Final = ("to the relay", "to the store", "to the consumer")  # where the time of an event goes


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


class Lateness:
    """How late events are, once all that is slow in the beginning has happened."""

    def __init__(self) -> None:
        self._late: list[int] = []

    def note(self, sent: int, now: int | None = None) -> None:
        """Note an event that was sent at a time."""
        self._late.append((time.time_ns() if now is None else now) - sent)

    def numbers(self) -> dict[str, float]:
        """The median and the 99th of a hundred, in milliseconds."""
        late = sorted(self._late[len(self._late) // 10 :])
        return {"p50": late[len(late) // 2] / 1e6, "p99": late[int(len(late) * 0.99)] / 1e6}


def spread(found: Iterable[float]) -> str:
    """The least and the most of some numbers."""
    least, *_, most = sorted(found) * 2
    return f"{least:.2f} to {most:.2f}"


def settle() -> None:
    """Do what the guide advises to programs that must be prompt."""
    gc.collect()
    gc.freeze()


async def consume(last: int, url: str, server: str, *names: str) -> None:
    """A consumer of some names, or of all, until an event of a number: what it costs, and how late events are.

    Over the bus, or of a direct link.
    """
    late = Lateness()
    async with connect(url, **({"server": server} if server else {})) as manager:
        await manager.wait_ready(10)
        with manager.events(*names, maxsize=None) as events:
            await manager.send(core.Ping())  # behind its answer nothing is missed
            settle()
            print("ready", flush=True)
            began = time.process_time()
            async for found in events:
                if "Sent" in found:
                    late.note(int(found["Sent"]))
                if int(found.get("Number", "-1")) >= last:
                    break
    seconds = time.process_time() - began
    print(json.dumps({"seconds": seconds, **late.numbers()}))


async def read(last: int, url: str, server: str) -> None:
    """What nats-py alone makes of the same log: no rule, no event, no stream."""
    import nats

    client = await nats.connect(url)
    inbox, messages, over = client.new_inbox(), list[tuple[int, bytes, str, str]](), asyncio.Event()

    async def take(message: Any) -> None:
        if b"Sent: " in message.data:
            messages.append((time.time_ns(), message.data, message.headers[HEADER], message.reply))
            if int(message.data.partition(b"Number: ")[2].partition(b"\r\n")[0]) >= last:
                over.set()

    await client.subscribe(inbox, cb=take)
    stream = stream_name(server)
    config = {"deliver_subject": inbox, "ack_policy": "none", "deliver_policy": "new"}
    request = json.dumps({"stream_name": stream, "config": config}).encode()
    await client.request(f"$JS.API.CONSUMER.CREATE.{stream}", request)
    settle()
    print("ready", flush=True)
    began = time.process_time()
    await over.wait()
    seconds = time.process_time() - began
    late, *parts = Lateness(), *(Lateness() for _ in PARTS)
    for now, data, header, reply in messages:
        # When the relay had it stands in its header, and when it was stored in what the bus says of it.
        sent = int(data.partition(b"Sent: ")[2].partition(b"\r\n")[0])
        taken, kept = int(header.split()[4]) * 1000, int(reply.split(".")[7])
        late.note(sent, now)
        for part, since, until in zip(parts, (sent, taken, kept), (taken, kept, now), strict=True):
            part.note(since, until)
    shares = {name: part.numbers()["p99"] for name, part in zip(PARTS, parts, strict=True)}
    print(json.dumps({"seconds": seconds, **late.numbers(), **shares}))
    await client.close()


def read_pipe(last: int) -> None:
    """Read from a pipe what others hand on."""
    late = Lateness()
    settle()
    print("ready", flush=True)
    began = time.process_time()
    number = 0
    for line in sys.stdin.buffer:
        if line.startswith(b"Sent: "):
            late.note(int(line[6:]))
            if number >= last:
                break
        elif line.startswith(b"Number: "):
            number = int(line[8:])
    print(json.dumps({"seconds": time.process_time() - began, **late.numbers()}))


class Pipe:
    """The first of some processes in a row."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        self._stdin = process.stdin

    async def send_raw(self, data: bytes) -> None:
        """Send it bytes."""
        self._stdin.write(data)
        await self._stdin.drain()

    def close(self) -> None:
        """Let the process see that nothing more comes."""
        self._stdin.close()


async def pace(fakes: Sequence[FakeAsterisk | Pipe], number: int, count: int, rate: float = 1800) -> int:
    """Have each server send so many events behind a number, as a busy one does; return the last one's."""
    first, began = number, time.perf_counter()
    while number < first + count:
        due = min(first + int((time.perf_counter() - began) * rate), first + count)
        if due > number:
            data = b"".join(map(event, range(number + 1, due + 1)))
            for fake in fakes:
                await fake.send_raw(data)
            number = due
        await asyncio.sleep(0.002)
    return number


async def peer(count: int, url: str, ami: str) -> None:
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
    words = [sys.executable, "-m", "benchmarks.bus", *arguments]
    if arguments[0] == "pipe":  # as many processes in a row as a relay, a bus and a consumer are
        words = ["sh", "-c", f"cat | cat | exec {shlex.join(words)}"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    assert process.stdout is not None
    while (line := await process.stdout.readline()) != b"ready\n":
        assert line, "a part has failed"
    return process


async def outcome(process: asyncio.subprocess.Process) -> dict[str, float]:
    """The numbers that a part prints in the end."""
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 120)
    Pipe(process).close()
    await process.wait()
    return dict(json.loads(line))


async def run(version: str, count: int, rounds: int) -> None:
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
        settle()
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
        ways = (
            ("floor", ("pipe",)),
            ("direct link", ("consume", fake.url, "")),
            ("nats-py alone", ("read", server.url, SERVER)),
            ("consumer of all", ("consume", server.url, SERVER)),
            ("consumer of 4 %", ("consume", server.url, SERVER, RARE)),
        )
        # How late events are, at the pace of a busy server: in turns, so that all share what else the machine does.
        late: dict[str, list[dict[str, float]]] = {label: [] for label, _ in ways}
        for _ in range(rounds):
            for label, (part, *rest) in ways:
                consumer = await child(part, str(number + 7200), *rest)
                number = await pace([Pipe(consumer) if label == "floor" else fake], number, 7200)
                late[label].append(await outcome(consumer))
        for label, (part, *rest) in ways:
            # What it costs, under a flood.
            consumer = await child(part, str(number + count), *rest)
            target = Pipe(consumer) if label == "floor" else fake
            await target.send_raw(b"".join(map(event, range(number + 1, number + count + 1))))
            number += count
            cost = (await outcome(consumer))["seconds"] / count * 1e6
            p50, p99 = (spread(each[name] for each in late[label]) for name in ("p50", "p99"))
            shown = f"p50 {p50} ms, p99 {p99} ms at 1,800/s"
            print(f"{label:20} {cost:6.1f} µs for each event of all   {shown}", flush=True)
        shares = (f"{part} {spread(each[part] for each in late['nats-py alone'])}" for part in PARTS)
        print(f"{'':20} p99 of the parts of that way: {', '.join(shares)} ms")
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
        other = await child("peer", str(count), server.url, fake.url)
        await fake.send_raw(b"".join(map(event, range(1, count + 1))))
        found = await outcome(other)
        print(
            f"nats-py loop, JSON   {found['seconds'] / count * 1e6:6.1f} µs an event   {found['rate']:8,.0f} events/s"
        )


async def many(version: str, count: int, seconds: int) -> None:
    """Measure one relay with several busy servers, and print a line."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(NatsServer(install(version)))
        fakes = [await stack.enter_async_context(FakeAsterisk()) for _ in range(count)]
        names = [f"pbx{number}" for number in range(count)]
        relay = RelayProcess(folder, "many", fakes[0].url, server.url)
        tables = "".join(f'[servers.{name}]\nurl = "{fake.url}"\n' for name, fake in zip(names, fakes, strict=True))
        relay.file.write_text(f'[bus]\nurl = "{server.url}"\n[stream]\nmax_bytes = {1 << 28}\n{tables}')
        stack.push_async_callback(relay.end)
        await relay.start()
        for fake in fakes:
            await fake.wait_connected(timeout=30)
        settle()
        consumer = await child("consume", str(1800 * seconds), server.url, names[-1])
        used, began = processor_time(relay.pid), time.perf_counter()
        last = await pace(fakes, 0, 1800 * seconds)
        rate = last * count / (time.perf_counter() - began)
        found = await outcome(consumer)
        used = processor_time(relay.pid) - used
        share = used / (time.perf_counter() - began)
        late = f"p50 {found['p50']:.2f} ms, p99 {found['p99']:.2f} ms of one"
        print(
            f"{count} servers, one relay {used / last / count * 1e6:6.1f} µs an event   {rate:8,.0f} events/s   "
            f"{share:.0%} of a processor, {late}"
        )


def hurry() -> bool:
    """Run before all else that the machine does, with all that is started from here on; return whether that is permitted."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(10))
    except (AttributeError, OSError):  # it needs a right that few users have, or another system
        return False
    return True


def main() -> None:
    """Run a part, or all."""
    parts: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {"consume": consume, "read": read, "peer": peer}
    name, *given = sys.argv[1:] or [""]
    if name == "pipe":
        read_pipe(int(given[0]))
    elif name in parts:
        asyncio.run(parts[name](int(given[0]), *given[1:]))
    else:
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--version", default="2.9", choices=("2.9", "newest"))
        parser.add_argument("--count", type=int, default=40_000)
        parser.add_argument("--rounds", type=int, default=3, help="so often it is measured how late events are")
        parser.add_argument("--servers", type=int, default=10, help="busy servers in one relay, at last")
        options = parser.parse_args()
        print(
            "with real-time priority" if hurry() else "without real-time priority: read what is late against the floor"
        )
        asyncio.run(run(options.version, options.count, options.rounds))
        asyncio.run(many(options.version, options.servers, 10))


if __name__ == "__main__":
    main()
