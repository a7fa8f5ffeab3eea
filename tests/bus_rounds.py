"""Relays, a bus and faults: does each consumer get all that the servers sent, or hear of what is missing?

`python -m tests.bus_rounds --rounds 100` runs random rounds; each prints its seed. A round has a source (a fake server that numbers its
events), a real nats-server, two relays as processes of their own, and four consumers: of all events, of one name, one that joins late,
and one that replays it all in the end. Faults come at random times. Then the account: what the source sent is what each consumer was
given, in order and once, or was told as lost, at that place, for that time, and with that number where there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import copy
import fcntl
import itertools
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from aioami import Action, Backoff
from aioami.bus import RemoteManager
from aioami.bus.connection import BusConnection, BusOptions
from aioami.bus.format import (
    RECORDS,
    Epoch,
    Gap,
    Place,
    Status,
    all_events,
    event_subject,
    record_subject,
    stream_name,
)
from aioami.bus.reader import Reader, Verdict
from aioami.errors import ConnectionLost, ManagerError
from aioami.testing import FakeAsterisk, FaultProxy
from aioami.testing.nats import NatsServer, cluster, install
from aioami.testing.ports import Port

SERVER: Final = "pbx.1"
COMMON, RARE = "Tick", "Tock"
_EVERY: Final = 25  # each such event is a rare one
_SHUTDOWN: Final = 0x8004587D  # ext4's ioctl, and its flag
_WITHOUT_JOURNAL: Final = 2
_TOLERANCE: Final = 300_000  # microseconds between the source's clock and the relay's, both on one busy machine


def now() -> int:
    return time.time_ns() // 1000


class Source:
    """A fake server whose events are numbered, and when each was sent."""

    def __init__(self, fake: FakeAsterisk, rate: float) -> None:
        self.fake = fake
        self.rate = rate
        self.times: list[int] = []
        self.first = 0  # the first one that came when a relay led
        self._task: asyncio.Task[None] | None = None

    def name_of(self, number: int) -> str:
        return RARE if number % _EVERY == 0 else COMMON

    async def send(self, count: int = 1) -> None:
        for _ in range(count):
            number = len(self.times)
            self.times.append(now())
            await self.fake.send_event(self.name_of(number), {"Number": str(number), "Padding": "x" * 380})

    async def _run(self) -> None:
        began, before = time.monotonic(), len(self.times)
        while True:
            due = before + int((time.monotonic() - began) * self.rate) - len(self.times)
            await self.send(min(due, 200))
            await asyncio.sleep(0.004)

    async def __aenter__(self) -> Source:
        self._task = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Follower:
    """A consumer on the level of the format."""

    def __init__(
        self, url: str, names: Iterable[str] | None = None, *, oldest: bool = True, server: str = SERVER
    ) -> None:
        self.server = server
        self.bus = BusOptions.from_url(url)
        self.names = None if names is None else tuple(names)
        self.oldest = oldest
        self.reader = Reader(self.names)
        self.given: list[int | Gap] = []
        self.times: dict[int, int] = {}  # when a relay got each event
        self.last = -1
        self.ready = asyncio.Event()
        self._created: str | None = None
        self._expected = 0
        self._is_over = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Follower:
        self._task = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while not self._is_over:
            try:
                connection = await BusConnection.open(self.bus, "follower")
            except ManagerError:
                await asyncio.sleep(0.1)
                continue
            try:
                await self._follow(connection)
            except ManagerError:
                await asyncio.sleep(0.1)
            finally:
                await connection.close()

    async def _follow(self, connection: BusConnection) -> None:
        stream = stream_name(self.server)
        info = await connection.stream_info(stream)
        if info is None:
            await asyncio.sleep(0.05)
            raise ConnectionLost("there is no stream yet")
        before = copy.deepcopy(self.reader)
        if self._created not in (None, info["created"]):
            self.reader.restart()
        elif self._created is not None:
            await self._resume(connection, int(info["state"]["last_seq"]))
        inbox = connection.client.new_inbox()
        loop = asyncio.get_running_loop()
        heard = loop.time()
        self._expected = 1
        waiting: asyncio.Queue[Any] = asyncio.Queue()

        async def take(message: Any) -> None:
            nonlocal heard
            heard = loop.time()
            if (message.headers or {}).get("Status") == "100":
                if message.reply:
                    await connection.publish(message.reply, b"")
                return
            waiting.put_nowait(message)

        await connection.subscribe(inbox, take)
        config: dict[str, Any] = {
            "deliver_subject": inbox,
            "ack_policy": "none",
            "max_deliver": 1,
            "mem_storage": True,
            "num_replicas": 1,
            "idle_heartbeat": 500_000_000,
            "flow_control": True,
        }
        if self._created is not None and self.reader.sequence:
            config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": self.reader.sequence + 1}
        elif self.oldest or self._created is not None:
            config |= {"deliver_policy": "all"}
        else:
            config |= {"deliver_policy": "new"}
            claim = await connection.message(stream, last_by_subj=record_subject(self.server, Epoch))
            if claim is not None:
                self.reader = Reader(self.names, epoch=claim.sequence, sequence=int(info["state"]["last_seq"]))
        if self.names is not None:
            subjects = [event_subject(self.server, name) for name in self.names]
            config["filter_subjects"] = subjects + [record_subject(self.server, kind) for kind in RECORDS.values()]
        else:
            config["filter_subject"] = all_events(self.server)
        try:
            answer = await connection.api(f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config})
            if "error" in answer:
                raise ConnectionLost(str(answer["error"]))
        except ManagerError:
            if self._created is not None:
                self.reader = before  # a node that is cut off makes no consumer, and tells of an old end
            raise
        self._created = info["created"]
        self.ready.set()
        while not self._is_over:  # `wait_for` of Python 3.11 may swallow the cancellation
            connection.check()
            if loop.time() - heard > 2.0:
                raise ConnectionLost("the consumer is silent")
            try:
                message = await asyncio.wait_for(waiting.get(), 0.25)
            except asyncio.TimeoutError:
                continue
            await self._show(connection, message)

    async def _resume(self, connection: BusConnection, last: int) -> None:
        stream, reader = stream_name(self.server), self.reader
        claims: list[tuple[int, int]] = []
        while reader.epoch is not None and len(claims) < 2:
            above = claims[-1][0] + 1 if claims else reader.epoch
            claim = await connection.message(stream, seq=above, next_by_subj=record_subject(self.server, Epoch))
            if claim is None or claim.place is None:
                break
            claims.append((claim.sequence, claim.place.time))
        if not claims:
            claim = await connection.message(stream, last_by_subj=record_subject(self.server, Epoch))
            claims = [] if claim is None or claim.place is None else [(claim.sequence, claim.place.time)]
        info = await connection.stream_info(stream)
        if info is None:
            raise ConnectionLost("the stream is gone")
        reader.resume(int(info["state"]["first_seq"]), last, claims)

    async def _show(self, connection: BusConnection, message: Any) -> None:
        words = message.reply.split(".")
        sequence, delivered = map(int, words[5:7] if len(words) == 9 else words[7:9])
        if delivered != self._expected:
            raise ConnectionLost("the consumer skipped a message")
        self._expected += 1
        token = message.subject.rpartition(".")[2]
        if self.names is not None and not token.startswith("@") and token not in self.names:
            self.reader.pass_over(sequence)
            return
        place = Place.parse(message.headers["Ami"])
        verdict = self.reader.take(sequence, token, place, message.data)
        if verdict is Verdict.UNSURE:
            info = await connection.stream_info(stream_name(self.server))
            if info is None or info["created"] != self._created:
                raise ConnectionLost("the stream is another one")
            first = int(info["state"]["first_seq"])
            verdict = self.reader.take(sequence, token, place, message.data, first=first)
        self.given += [record for record in self.reader.records if isinstance(record, Gap)]
        self.reader.records.clear()
        if verdict is Verdict.EVENT and token in (COMMON, RARE):
            number = int(message.data.partition(b"Number: ")[2].partition(b"\r\n")[0])
            self.last = number
            self.times[number] = place.time
            self.given.append(number)

    async def begin(self, seconds: float) -> None:
        """Wait until it is subscribed."""
        assert self._task is not None
        waiting = asyncio.ensure_future(self.ready.wait())
        try:
            await asyncio.wait({waiting, self._task}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                self._task.result()
            assert self.ready.is_set(), f"{self.names or 'all'}: no consumer within {seconds:g} seconds"
        finally:
            waiting.cancel()

    async def reach(self, number: int, seconds: float) -> None:
        """Wait until an event of this number or a later one was given, as long as others come within the seconds."""
        assert self._task is not None
        deadline, before = time.monotonic() + seconds, self.last
        while self.last < number:
            if self.last > before:
                deadline, before = time.monotonic() + seconds, self.last
            if self._task.done():
                self._task.result()
            if time.monotonic() > deadline:
                place = f"{self.reader.epoch}/{self.reader.n} at {self.reader.sequence}"
                raise AssertionError(f"{self.names or 'all'}: {number} did not come, {self.last} was the last, {place}")
            await asyncio.sleep(0.02)


def account(source: Source, follower: Follower, *, whole: bool) -> dict[str, int]:
    """Compare the source's log with a consumer's, and return the numbers; an error is an AssertionError."""
    wanted = set(map(source.name_of, range(_EVERY))) if follower.names is None else set(follower.names)
    numbers = [number for number in range(len(source.times)) if source.name_of(number) in wanted]
    place = {number: index for index, number in enumerate(numbers)}
    before: int | None = None
    if whole:
        before = sum(number < source.first for number in numbers) - 1
    gaps: list[Gap] = []
    told = given = 0
    for item in follower.given:
        if isinstance(item, Gap):
            gaps.append(item)
            continue
        given += 1
        index = place[item]
        if whole and item < source.first:
            continue
        if before is not None:
            assert index > before, f"{item} came behind {numbers[before]}: doubled, or out of order"
            missing = numbers[before + 1 : index]
            if missing:
                assert gaps, (
                    f"{len(missing)} events from {missing[0]} on are missing before {item}, and nothing was told"
                )
                counts = [gap.count for gap in gaps]
                # Of what the log itself lost, records count alike, and one of them may be a gap.
                is_counted = None not in counts and all(gap.reason != "store" for gap in gaps)
                if follower.names is None and is_counted:
                    assert sum(map(int, filter(None, counts))) == len(missing), f"{counts} before {item}"
                # A gap begins when the relay got the last event, which may have been long on its way.
                last = numbers[max(before, 0)]
                lag = follower.times.get(last, source.times[last]) - source.times[last]
                for number in missing:
                    when = source.times[number]
                    fits = any(
                        (gap.since is None or gap.since - _TOLERANCE - lag <= when) and when <= gap.until + _TOLERANCE
                        for gap in gaps
                    )
                    assert fits, f"{number} was sent at {when}, outside of {gaps}"
                told += len(missing)
        before = index
        gaps.clear()
    return {
        "given": given,
        "told": told,
        "gaps": sum(isinstance(item, Gap) for item in follower.given),
        "void": follower.reader.void,
        **collections.Counter(f"gap: {item.reason}" for item in follower.given if isinstance(item, Gap)),
    }


class RelayProcess:
    """`aioami relay` as a process."""

    def __init__(self, folder: Path, name: str, ami: str, bus: str, **options: object) -> None:
        self.file = folder / f"{name}.toml"
        relay = {key: value for key, value in options.items() if key not in ("max_age", "max_bytes", "replicas")}
        stream = {key: value for key, value in options.items() if key not in relay}
        (folder / "secret").write_text("s3cret\n")
        self.file.write_text(
            "\n".join(
                [
                    f'[servers."{SERVER}"]\nurl = "{ami}"\nsecret_file = "secret"\n[bus]\nurl = "{bus}"\n[relay]\nname = "{name}"',
                    *(f"{key} = {value}" for key, value in relay.items()),
                    "[stream]",
                    *(f"{key} = {value}" for key, value in stream.items()),
                ]
            )
        )
        self.log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AIOAMI")}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "aioami", "relay", "--config", str(self.file)), env=kept, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def send(self, which: signal.Signals) -> None:
        if self.is_running:
            assert self._process is not None
            self._process.send_signal(which)

    async def end(self, which: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self.send(signal.SIGCONT)
            self.send(which)
            try:
                await asyncio.wait_for(self._process.wait(), 10)
            except asyncio.TimeoutError:
                self._process.kill()
                await self._process.wait()


async def wait_for_lead(url: str, relay: RelayProcess, seconds: float = 30.0) -> None:
    """Wait until a relay leads, and is logged in."""
    deadline = time.monotonic() + seconds
    async with _bus(url) as connection:
        while True:
            status = await connection.message(stream_name(SERVER), last_by_subj=record_subject(SERVER, Status))
            if status is not None:
                found = Status.parse(status.body)
                if found.relay.startswith(relay.file.stem) and found.state == "ready":
                    return
            assert time.monotonic() < deadline, f"{relay.file.stem} does not lead"
            await asyncio.sleep(0.01)


class Disk:
    """A small disk of its own, which may be full, or lose what was not written to it; only root may have one.

    Attributes:
        folder: where its files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "disk"
        self._image = folder / "image"

    @classmethod
    @contextlib.contextmanager
    def make(cls, what: str) -> Iterator[Disk | None]:
        """Make one for a while; `None`, and a word of what is not tried, where that cannot be."""
        with tempfile.TemporaryDirectory(prefix="aioami-disk-") as folder:
            disk = cls(Path(folder))
            disk.folder.mkdir()
            with disk._image.open("wb") as file:
                file.truncate(128 << 20)
            try:
                subprocess.run(("mkfs.ext4", "-q", "-F", disk._image), check=True, capture_output=True)
                disk._mount()
            except (OSError, subprocess.CalledProcessError):
                print(f"{what}: NOT tried, as only root may mount a small disk")
                yield None
                return
            try:
                yield disk
            finally:
                subprocess.run(("umount", "--lazy", disk.folder), check=True)

    def _mount(self) -> None:
        subprocess.run(("mount", "-o", "loop", self._image, self.folder), check=True, capture_output=True)

    def flush(self) -> None:
        """Write to it what it was given so far, as the system does after a while."""
        subprocess.run(("sync", "--file-system", self.folder), check=True)

    def cut(self) -> None:
        """End its power: nothing more is written to it, and what reads or writes fails."""
        opened = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(opened, _SHUTDOWN, struct.pack("I", _WITHOUT_JOURNAL))
        finally:
            os.close(opened)

    def recover(self) -> None:
        """Read it anew; nothing may have a file of it open."""
        subprocess.run(("umount", self.folder), check=True)
        self._mount()


class World:
    """A source, a bus, two relays and proxies between them."""

    def __init__(
        self,
        program: Path,
        *,
        rate: float,
        nodes: int = 1,
        disk: Disk | None = None,
        on_disk: int = 1,
        **options: object,
    ) -> None:
        self.disk = disk
        self.nodes = cluster(program, nodes) if nodes > 1 else [NatsServer(program)]
        self.on_disk = self.nodes[:on_disk] if disk else []
        for number, node in enumerate(self.on_disk):
            assert disk is not None
            node.settings["jetstream"] = {"store_dir": str(disk.folder / f"store{number}")}
        self.nats = self.nodes[0]
        self.url = "nats://" + ",".join(f"{node.host}:{node.port}" for node in self.nodes)
        self.rate = rate
        self.options: dict[str, object] = {"replicas": nodes, **options}
        self.fake = FakeAsterisk()
        self.relays: list[RelayProcess] = []
        self.to_server: list[FaultProxy] = []  # from each relay
        self.to_nodes: list[list[FaultProxy]] = []  # from each relay to each node
        self.between: dict[tuple[int, int], FaultProxy] = {}  # from node to node
        self._nowhere = Port("127.0.0.1")
        self.source = Source(self.fake, rate)

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[World]:
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aioami-bus-")))
            if len(self.nodes) > 1:
                await self._set_routes(stack)
            for node in self.nodes:
                stack.enter_context(node)
            await stack.enter_async_context(self.fake)
            for number in range(2):
                ami = await stack.enter_async_context(FaultProxy(self.fake.host, self.fake.port))
                ways = [await stack.enter_async_context(FaultProxy(node.host, node.port)) for node in self.nodes]
                self.to_server.append(ami)
                self.to_nodes.append(ways)
                url = f"ami://admin@{ami.host}:{ami.port}?timeout=2&keepalive=2"
                bus = "nats://" + ",".join(f"{way.host}:{way.port}" for way in ways)
                relay = RelayProcess(folder, f"r{number}", url, bus, **self.options)
                self.relays.append(relay)
                stack.push_async_callback(relay.end)
                await relay.start()
            try:
                await self.fake.wait_connected(timeout=40)
                await self.ready()
                yield self
            except BaseException:
                for relay in self.relays:
                    print(f"--- {relay.log.name}\n{relay.log.read_text()[-3000:]}", file=sys.stderr)
                raise

    async def _set_routes(self, stack: contextlib.AsyncExitStack) -> None:
        """Have each node reach each other one through a proxy of its own, and in no other way."""
        for pair in itertools.permutations(range(len(self.nodes)), 2):
            far = self.nodes[pair[1]]
            self.between[pair] = await stack.enter_async_context(FaultProxy(far.host, far.route_port))
        # Nodes tell each other where to find the others, and would go past the proxies: so they tell an address where
        # nobody listens, which is tried once.
        for number, node in enumerate(self.nodes):
            ways = [way for (near, _), way in self.between.items() if near == number]
            node.settings["cluster"] |= {
                "routes": [f"nats://{way.host}:{way.port}" for way in ways],
                "advertise": f"127.0.0.1:{self._nowhere.number}",
                "no_advertise": True,
            }

    def ways_of(self, node: NatsServer, *others: NatsServer) -> list[FaultProxy]:
        """The ways between a node and others."""
        pairs = [{self.nodes.index(node), self.nodes.index(other)} for other in others]
        return [way for ends, way in self.between.items() if set(ends) in pairs]

    async def ready(self, seconds: float = 30.0) -> None:
        """Wait until an event that is sent now is in the stream."""
        async with Follower(self.url, oldest=False) as follower:
            await follower.begin(seconds)
            deadline = time.monotonic() + seconds
            while follower.last < 0:
                assert time.monotonic() < deadline, "no relay leads"
                await self.source.send()
                await asyncio.sleep(0.05)
            self.source.first = self.source.first or follower.last

    async def answer(self, ask: Callable[[BusConnection], Awaitable[Any]], seconds: float = 30.0) -> Any:
        """Ask the bus until it answers: a cluster may have no leader for some seconds."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(ManagerError):
                async with _bus(self.url) as connection:
                    if (found := await ask(connection)) is not None:
                        return found
            assert time.monotonic() < deadline, "the bus does not answer"
            await asyncio.sleep(0.1)

    async def leader(self) -> RelayProcess:
        """The relay that has a session with the server."""
        claim = await self.answer(
            lambda bus: bus.message(stream_name(SERVER), last_by_subj=record_subject(SERVER, Epoch))
        )
        name = Epoch.parse(claim.body).relay
        return next(each for each in self.relays if name.startswith(each.file.stem))

    async def standby(self) -> RelayProcess:
        """The other one."""
        leader = await self.leader()
        return next(each for each in self.relays if each is not leader)


@contextlib.asynccontextmanager
async def _bus(url: str) -> AsyncIterator[BusConnection]:
    connection = await BusConnection.open(BusOptions.from_url(url), "test")
    try:
        yield connection
    finally:
        await connection.close()


Fault = Callable[[World], Awaitable[None]]


async def _until_another_leads(world: World, leader: RelayProcess) -> None:
    deadline = time.monotonic() + 20
    while await world.leader() is leader:
        assert time.monotonic() < deadline, "nobody takes over"
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)  # a moment in which the new leader is alone


async def kill_leader(world: World) -> None:
    leader = await world.leader()
    await leader.end()
    await _until_another_leads(world, leader)
    await leader.start()


async def end_leader(world: World) -> None:
    leader = await world.leader()
    await leader.end(signal.SIGTERM)
    await leader.start()


async def suspend_leader(world: World) -> None:
    """The leader wakes up a moment after another one has taken the lead."""
    leader = await world.leader()
    leader.send(signal.SIGSTOP)
    await _until_another_leads(world, leader)
    leader.send(signal.SIGCONT)


async def kill_standby(world: World) -> None:
    standby = await world.standby()
    await standby.end()
    await standby.start()


async def end_standby(world: World) -> None:
    standby = await world.standby()
    await standby.end(signal.SIGTERM)
    await standby.start()


async def suspend_standby(world: World) -> None:
    standby = await world.standby()
    standby.send(signal.SIGSTOP)
    await asyncio.sleep(2.5)
    standby.send(signal.SIGCONT)


async def end_both(world: World) -> None:
    for relay in world.relays:
        await relay.end(signal.SIGTERM)
    for relay in world.relays:
        await relay.start()


async def suspend_both(world: World) -> None:
    for which, seconds in ((signal.SIGSTOP, 2.5), (signal.SIGCONT, 0)):
        for relay in world.relays:
            relay.send(which)
        await asyncio.sleep(seconds)


async def kill_both(world: World) -> None:
    for relay in world.relays:
        await relay.end()
    for relay in world.relays:
        await relay.start()


async def kill_bus(world: World) -> None:
    await asyncio.to_thread(world.nats.kill)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(world.nats.start)


async def end_bus(world: World) -> None:
    await asyncio.to_thread(world.nats.terminate)
    await asyncio.to_thread(world.nats.start)


async def suspend_bus(world: World) -> None:
    world.nats.suspend()
    await asyncio.sleep(2.5)
    world.nats.resume()


async def empty_bus(world: World) -> None:
    await asyncio.to_thread(world.nats.kill)
    world.nats.empty()
    await asyncio.to_thread(world.nats.start)


async def fill_disk(world: World) -> None:
    """The disk is full for a while; nats-server stores nothing more afterwards, until it is started again."""
    assert world.disk is not None
    filler = world.disk.folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))
    await asyncio.sleep(3)
    filler.unlink()
    await asyncio.to_thread(world.nats.kill)
    await asyncio.to_thread(world.nats.start)


async def lose_power(world: World) -> None:
    """The nodes on the disk lose power: what they confirmed within the last half of a second has not come to it."""
    assert world.disk is not None
    await asyncio.to_thread(world.disk.flush)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(world.disk.cut)
    for node in world.on_disk:
        await asyncio.to_thread(node.kill)
    await asyncio.to_thread(world.disk.recover)
    for node in world.on_disk:
        await asyncio.to_thread(node.start)


async def _part(ways: Sequence[FaultProxy], seconds: float) -> None:
    for way in ways:
        way.stall()
    await asyncio.sleep(seconds)
    for way in ways:
        way.resume()


async def part_leader_from_bus(world: World) -> None:
    await _part(world.to_nodes[world.relays.index(await world.leader())], 2.5)


async def slow_bus(world: World) -> None:
    """The way to the bus takes less than what comes, for longer than the relay bears without an answer."""
    ways = world.to_nodes[world.relays.index(await world.leader())]
    for way in ways:
        way.to_server.bytes_per_second = 100_000
    await asyncio.sleep(4)
    for way in ways:
        way.to_server.bytes_per_second = None


async def part_leader_from_server(world: World) -> None:
    await _part([world.to_server[world.relays.index(await world.leader())]], 5)


async def restart_server(world: World) -> None:
    await world.fake.stop()
    await asyncio.sleep(1)
    await world.fake.start()


async def cut_server(world: World) -> None:
    world.fake.drop()


async def leading_node(world: World) -> NatsServer:
    """The node of a cluster that leads the stream."""

    async def leader(bus: BusConnection) -> str | None:
        info = await bus.stream_info(stream_name(SERVER))
        return None if info is None else info["cluster"].get("leader")

    name = await world.answer(leader)
    return next(each for each in world.nodes if each.settings["server_name"] == name)


async def kill_node(world: World) -> None:
    node = await leading_node(world)
    await asyncio.to_thread(node.kill)
    await asyncio.sleep(6)
    await asyncio.to_thread(node.start)


async def end_node(world: World) -> None:
    node = await leading_node(world)
    await asyncio.to_thread(node.terminate)
    await asyncio.to_thread(node.start)


async def suspend_node(world: World) -> None:
    node = await leading_node(world)
    node.suspend()
    await asyncio.sleep(6)
    node.resume()


async def kill_all_nodes(world: World) -> None:
    for node in world.nodes:
        await asyncio.to_thread(node.kill)
    for node in world.nodes:
        await asyncio.to_thread(node.start)


async def cut_nodes(world: World) -> None:
    """The node that leads and another one lose each other; each has still the third."""
    node = await leading_node(world)
    ways = world.ways_of(node, next(each for each in world.nodes if each is not node))
    for way in ways:
        await way.stop()
    await asyncio.sleep(10)  # elections begin behind 4 to 9 seconds
    for way in ways:
        await way.start()


async def isolate_node(world: World) -> None:
    """The node that leads hears nothing of the others, until they have chosen another one; its clients still reach it."""
    node = await leading_node(world)
    await _part(world.ways_of(node, *(each for each in world.nodes if each is not node)), 12)


async def cut_relay_from_node(world: World) -> None:
    """The leader has to go to another node."""
    ways = world.to_nodes[world.relays.index(await world.leader())]
    await _part([way for way in ways if way.connections], 6)


FAULTS: Final[Sequence[Fault]] = (
    *(kill_leader, end_leader, suspend_leader, kill_standby, end_standby, suspend_standby),
    *(kill_both, end_both, suspend_both),
    *(kill_bus, end_bus, suspend_bus, empty_bus),
    *(slow_bus, part_leader_from_bus, part_leader_from_server, cut_server, restart_server),
)
CLUSTER_FAULTS: Final[Sequence[Fault]] = (
    *(kill_leader, end_leader, suspend_leader, kill_both, cut_server, restart_server),
    *(kill_node, end_node, suspend_node, kill_all_nodes, cut_nodes, isolate_node),
    *(slow_bus, part_leader_from_bus, part_leader_from_server, cut_relay_from_node),
)


async def round_of(
    world: World, faults: Sequence[Fault], *, pause: float = 1.0, seconds: float = 30.0
) -> dict[str, dict[str, int]]:
    """Run faults under load in a world, and return each consumer's account."""
    url = world.url
    is_emptied = empty_bus in faults
    async with Follower(url) as everything, Follower(url, [RARE]) as rare, Follower(url, oldest=False) as late:
        followers = (everything, rare, late)
        await asyncio.gather(*(each.begin(seconds) for each in followers))
        async with world.source:
            for fault in faults:
                await asyncio.sleep(pause)
                await fault(world)
            await asyncio.sleep(pause)
            # The last events come when all is well again.
            for follower in followers:
                await follower.reach(len(world.source.times), seconds)
        await world.source.send(2 * _EVERY)
        last = max(number for number in range(len(world.source.times)) if world.source.name_of(number) == RARE)
        for follower in followers:
            await follower.reach(last, seconds)
        async with Follower(url) as replay:
            await replay.reach(last, seconds)
    found = {
        "all": account(world.source, everything, whole=True),
        "one name": account(world.source, rare, whole=True),
        "late": account(world.source, late, whole=False),
        "replay": account(world.source, replay, whole=not is_emptied),
    }
    if not is_emptied and lose_power not in faults:
        numbers = [[item for item in each.given if isinstance(item, int)] for each in (everything, replay)]
        assert numbers[0][: len(numbers[1])] == numbers[1][: len(numbers[0])], (
            "a replay gives other events than were given at first"
        )
    return found


async def actions_under_faults(
    world: World, count: int, faults: Sequence[Fault], *, pause: float = 0.3
) -> dict[str, int]:
    """Send actions while faults happen; return how each ended. The server counts how often each ran."""
    world.fake.reply_to("Count", {"Response": "Success"})
    ends: dict[int, str] = {}

    async def one(mgr: RemoteManager, number: int) -> None:
        try:
            await mgr.send(Action("Count", {"Number": str(number)}))
        except ConnectionLost as error:
            ends[number] = "unknown" if error.sent else "not sent"
        else:
            ends[number] = "answered"

    async def caller() -> None:
        # Without a timeout: whoever was asked, and whatever becomes of it, each is to hear of its end.
        quick = Backoff(first=0.05, maximum=0.05)
        async with RemoteManager(world.url, SERVER, timeout=None, reconnect=quick) as mgr:
            tasks: set[asyncio.Task[None]] = set()
            for number in range(count):
                tasks.add(asyncio.ensure_future(one(mgr, number)))
                await asyncio.sleep(0.008)
            await asyncio.gather(*tasks)

    calling = asyncio.ensure_future(caller())
    for fault in faults:
        await asyncio.sleep(pause)
        await fault(world)
    await calling
    runs = collections.Counter(int(request.get("Number")) for request in world.fake.sent("Count"))
    for number in range(count):
        wanted = {"answered": (1,), "not sent": (0,), "unknown": (0, 1)}[ends[number]]
        assert runs[number] in wanted, f"action {number} ran {runs[number]} times, and its caller heard: {ends[number]}"
    return dict(collections.Counter(ends.values()))


async def random_round(program: Path, seed: int, rate: float, nodes: int, wanted: Sequence[str] | None = None) -> None:
    chance = random.Random(seed)
    known = FAULTS if nodes == 1 else CLUSTER_FAULTS
    faults = chance.sample(known, chance.randint(1, 3))
    if wanted:
        faults = [next(fault for fault in known if fault.__name__ == name) for name in wanted]
    began = time.monotonic()
    async with World(program, rate=rate, nodes=nodes).run() as world:
        found = await round_of(world, faults, pause=chance.uniform(0.2, 1.5), seconds=60)
        sent = len(world.source.times)
    names = ", ".join(fault.__name__ for fault in faults)
    print(f"seed {seed}: {names}: {sent} sent in {time.monotonic() - began:.1f} s; {found}", flush=True)


async def many_actions(program: Path, count: int) -> None:
    began = time.monotonic()
    faults = [kill_leader, kill_bus, suspend_leader, end_leader, kill_both, suspend_bus]
    async with World(program, rate=50).run() as world:
        found = await actions_under_faults(world, count, faults * max(1, count // 3000))
    print(f"{count} actions in {time.monotonic() - began:.1f} s: {found}; none ran twice", flush=True)


async def full_disk(program: Path, rate: float) -> None:
    """Fill the disk for a while: nothing is lost while the relay's buffer lasts."""
    with Disk.make("full disk") as disk:
        if disk is None:
            return
        async with World(program, rate=rate, disk=disk, max_bytes=1 << 25).run() as world:
            found = await round_of(world, [fill_disk])
            sent = len(world.source.times)
    assert all(numbers["told"] == numbers["gaps"] == 0 for numbers in found.values()), found
    print(f"full disk: {sent} sent; {found}", flush=True)


async def power_loss(program: Path, rate: float, nodes: int, on_disk: int) -> None:
    """End the power of nodes: what all had confirmed, and not written to their disks, is told to who had not read it."""
    what = f"loss of power of {on_disk} of {nodes}"
    with Disk.make(what) as disk:
        if disk is None:
            return
        world = World(program, rate=rate, nodes=nodes, disk=disk, on_disk=on_disk, max_bytes=1 << 24)
        async with world.run():
            found = await round_of(world, [lose_power], pause=2, seconds=60)
            sent = len(world.source.times)
    is_lost = found["replay"]["told"] > 0
    assert is_lost is (on_disk == nodes), found
    print(f"{what}: {sent} sent; {found}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, help="the first round's; the others count on")
    parser.add_argument("--actions", type=int, default=0, help="before the rounds, so many actions while all is killed")
    names = sorted({fault.__name__ for fault in (*FAULTS, *CLUSTER_FAULTS)})
    parser.add_argument("--fault", action="append", choices=names, help="this fault in each round, and not by chance")
    parser.add_argument("--full-disk", action="store_true", help="before the rounds, a disk that is full for a while")
    parser.add_argument("--power-loss", action="store_true", help="before the rounds, of one node, and of all")
    parser.add_argument("--rate", type=float, default=1800.0, help="events a second")
    parser.add_argument("--version", default="2.9", choices=("2.9", "newest"))
    parser.add_argument("--nodes", type=int, default=1, help="3 for a cluster, of the newest version")
    given = parser.parse_args()
    program = install("newest" if given.nodes > 1 else given.version)
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    if given.actions:
        asyncio.run(many_actions(program, given.actions))
    if given.full_disk:
        asyncio.run(full_disk(program, given.rate))
    if given.power_loss:
        for on_disk in sorted({1, given.nodes}):
            asyncio.run(power_loss(program, given.rate, given.nodes, on_disk))
    for number in range(given.rounds):
        try:
            asyncio.run(random_round(program, seed + number, given.rate, given.nodes, given.fault))
        except BaseException:
            print(f"failed with --seed {seed + number} --rounds 1", file=sys.stderr)
            raise


if __name__ == "__main__":
    main()
