"""Runs the soak: one manager under load and faults for a long time. `--help` names the options."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import itertools
import logging
import os
import random
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Coroutine
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from tests.helpers import until

from aioami import Backoff, ConnectionLost, EventsLost, EventStream, Manager, ManagerState, ManagerTimeout, core
from aioami.testing import FaultProxy
from aioami.testing.real import RealAsterisk, install

from .load import Account, Keeper, Load

KEEPALIVE = 0.5  # seconds
ROUND = 10.0  # seconds for which one fault and its consequences have the stage
RESTART_EVERY = 6  # rounds
WARM_UP = 0.25  # of the run; what is taken by then is no growth
MORE_MEMORY = 6.0  # MiB that the run may end with beyond that: the allocator keeps fragments
MORE_OBJECTS = 5000  # blocks of the allocator of Python, likewise


@dataclass
class Sample:
    """What the run is at a moment at which nothing is under way."""

    minutes: float
    rss_mib: float
    objects: int
    files: int
    tasks: int
    reconnects: int
    gaps: int
    events: int
    actions: int
    dropped: int

    @classmethod
    def take(cls, mgr: Manager, began: float) -> Sample:
        gc.collect()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
            trim(0)  # what the allocator merely keeps is nobody's
        told = mgr.statistics()
        return cls(
            round((time.monotonic() - began) / 60, 1),
            round(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20, 1),
            sys.getallocatedblocks(),  # of Python's objects
            len(os.listdir("/proc/self/fd")),
            len(asyncio.all_tasks()),
            told.reconnects,
            told.gaps,
            told.events,
            told.actions,
            told.dropped,
        )

    def __str__(self) -> str:
        return " ".join(f"{value:>11}" for value in astuple(self))


TITLE = " ".join(f"{field.name:>11}" for field in fields(Sample))


class RoughLoad(Load):
    """Load whose callers also give up, leave, and forget."""

    def start(self) -> None:
        super().start()
        self.repeat(self.give_up, 1)
        self.repeat(self.be_impatient, 2)
        self.repeat(self.leave_a_list, 3)
        self.repeat(self.forget_streams, 3)
        self.repeat(self.wait, 3)

    async def give_up(self) -> None:
        """Cancel a send, at any moment of it."""
        kinds: list[Callable[[], Coroutine[Any, Any, object]]]
        kinds = [self.cause_event, self.stream_list, lambda: self.send(core.QueueStatus())]
        task = asyncio.ensure_future(random.choice(kinds)())
        await asyncio.sleep(random.choice([0, 0.0005, 0.001, 0.003]))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def be_impatient(self) -> None:
        """Give an action less time than it needs."""
        await self.count(self.mgr.send(core.Ping(), timeout=random.choice([0.0001, 0.0005])))

    async def leave_a_list(self) -> None:
        """Take the first item of a list, and leave it; or drop the list at once."""
        self.sent += 1
        self.cancelled += 1
        stream = self.mgr.stream(core.QueueStatus())
        if random.random() < 0.5:
            with contextlib.suppress(Exception):
                await anext(stream)

    async def forget_streams(self) -> None:
        """Open streams, and drop them without a word; one has a consumer who is cancelled."""
        self.mgr.events("UserEvent", maxsize=1, on_loss="raise")
        self.mgr.wait_for("Hangup")
        consumer = asyncio.ensure_future(anext(self.mgr.events("Nothing")))
        await asyncio.sleep(0)
        consumer.cancel()
        await asyncio.gather(consumer, return_exceptions=True)

    async def wait(self) -> None:
        """Wait for an event that comes, and for one that does not."""
        with contextlib.suppress(ManagerTimeout, ConnectionLost):
            await self.mgr.wait_for("UserEvent", timeout=1)
        with contextlib.suppress(ManagerTimeout, ConnectionLost):
            await self.mgr.wait_for("Nothing", timeout=0.005)


class Consumers:
    """Streams of all events that are open for the whole run, each with its manner, and an account of its own.

    Attributes:
        told: for each stream, how many events it said were dropped.
    """

    def __init__(self, mgr: Manager) -> None:
        self.streams: list[EventStream[Any]] = [
            mgr.events(maxsize=None),
            mgr.events(maxsize=50),
            mgr.events(maxsize=50, overflow="drop_newest"),
            mgr.events(maxsize=50, on_loss="raise"),
            mgr.events(maxsize=50, on_loss="raise", overflow="drop_newest"),
        ]
        self.told = [0] * len(self.streams)
        self._slowly = True
        self._tasks = [asyncio.create_task(self._take(number)) for number in range(len(self.streams))]

    async def _take(self, number: int) -> None:
        stream = self.streams[number]
        while True:
            try:
                async for _ in stream:
                    if number and self._slowly:
                        await asyncio.sleep(0.02)
                return
            except EventsLost as lost:
                self.told[number] += lost.count

    def check(self) -> None:
        """Assert that each event is delivered, waiting, or counted as dropped, and each gap counted, in every stream."""
        totals = {(stream.delivered + stream.pending + stream.dropped, stream.gaps) for stream in self.streams}
        assert len(totals) == 1, self.streams

    async def end(self) -> None:
        """Take what is left of streams that have ended, and assert that every loss was told."""
        self._slowly = False
        await asyncio.gather(*self._tasks)
        self.check()
        for stream, told in list(zip(self.streams, self.told, strict=True))[3:]:
            assert told == stream.dropped, (told, stream)


class Faults:
    """What a network does to the link; each lasts until the link is as it was."""

    def __init__(self, mgr: Manager, proxy: FaultProxy) -> None:
        self.mgr = mgr
        self.proxy = proxy
        self.all = [self.cut, self.reset, self.cut_in_a_message, self.stall, self.refuse, self.split, self.delay]

    async def cut(self) -> None:
        self.proxy.cut()
        await self._lost()

    async def reset(self) -> None:
        self.proxy.cut(reset=True)
        await self._lost()

    async def cut_in_a_message(self) -> None:
        self.proxy.to_client.cut_after(1000)
        await self._lost()

    async def stall(self) -> None:
        """Beyond the keepalive."""
        self.proxy.stall()
        await self._lost()
        self.proxy.resume()

    async def refuse(self) -> None:
        self.proxy.refuse = True
        await self.cut()
        await asyncio.sleep(1)
        self.proxy.refuse = False

    async def split(self) -> None:
        self.proxy.to_client.split = self.proxy.to_server.split = 40
        await asyncio.sleep(2)
        self.proxy.to_client.split = self.proxy.to_server.split = None

    async def delay(self) -> None:
        self.proxy.to_client.delay = self.proxy.to_server.delay = 0.1
        await asyncio.sleep(2)
        self.proxy.to_client.delay = self.proxy.to_server.delay = 0.0

    async def _lost(self) -> None:
        await until(lambda: self.mgr.state is ManagerState.RECONNECTING)


class Soak:
    """The run.

    Attributes:
        samples: one for each minute.
        problems: what went wrong, in words.
    """

    def __init__(self, minutes: float, version: str) -> None:
        self.samples: list[Sample] = []
        self.problems: list[str] = []
        self._seconds = minutes * 60
        self._version = version

    async def run(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.problems.append(str(context)))
        with Keeper(RealAsterisk(install(self._version))) as keeper:
            server = keeper.server
            print(f"Asterisk {server.version}, {self._seconds / 60:g} minutes", TITLE, sep="\n", flush=True)
            async with FaultProxy(server.host, server.port) as proxy:
                mgr = Manager(
                    *(proxy.host, proxy.port, server.username, server.secret),
                    keepalive=KEEPALIVE,
                    timeout=2,
                    reconnect=Backoff(first=0.05, factor=1.5, maximum=1.0),
                )
                await mgr.connect()
                consumers = Consumers(mgr)
                try:
                    await self._rounds(mgr, keeper, proxy, consumers)
                finally:
                    await mgr.close()
                await consumers.end()

    async def _rounds(self, mgr: Manager, keeper: Keeper, proxy: FaultProxy, consumers: Consumers) -> None:
        faults = Faults(mgr, proxy)
        began = told = time.monotonic()
        for number in itertools.count(1):
            restarts = number % RESTART_EVERY == 0
            ends = time.monotonic() + ROUND
            async with Account(mgr, None if restarts else keeper.server, load=RoughLoad) as account:
                if restarts:
                    await keeper.do(keeper.server.terminate if number // RESTART_EVERY % 2 else keeper.server.kill)
                    await keeper.do(keeper.server.start)
                else:
                    await random.choice(faults.all)()
                await mgr.wait_booted(timeout=20)
                await account.flow()
                await asyncio.sleep(ends - time.monotonic())
            consumers.check()
            del account
            await until(lambda: proxy.connections == 1)
            now = time.monotonic()
            if now - told >= 60 or now - began >= self._seconds:
                told = now
                self.samples.append(Sample.take(mgr, began))
                print(self.samples[-1], flush=True)
            if now - began >= self._seconds:
                return

    def judge(self) -> list[str]:
        """What speaks against the library: what went wrong, and what grew."""
        first = self.samples[int(len(self.samples) * WARM_UP)]
        last = self.samples[-1]
        minutes = [sample.minutes for sample in self.samples[self.samples.index(first) :]]
        found = list(self.problems)
        for name, limit in (("rss_mib", MORE_MEMORY), ("objects", MORE_OBJECTS), ("files", 0), ("tasks", 0)):
            values = [getattr(sample, name) for sample in self.samples[self.samples.index(first) :]]
            slope = statistics.linear_regression(minutes, values).slope if len(values) > 2 else 0.0
            print(f"{name}: {values[0]} after the warm-up, {values[-1]} at the end, {slope:+.3g} a minute")
            if max(slope * (last.minutes - first.minutes), 0.0) > limit:
                found.append(f"{name} grew by {slope:.3g} a minute")
        return found


class Listener(logging.Handler):
    """Makes a problem of what the library or asyncio reports as an error."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        self._problems.append(self.format(record))


def main() -> int:
    """0 if nothing speaks against the library, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="Put a manager under load and faults on a real server, for long."
    )
    parser.add_argument("--minutes", type=float, default=30, help="how long (default: %(default)s)")
    parser.add_argument("--version", choices=("16", "22"), default="22", help="of Asterisk (default: %(default)s)")
    options = parser.parse_args()
    soak = Soak(options.minutes, options.version)
    warnings.simplefilter("error")
    sys.unraisablehook = lambda args: soak.problems.append(f"{args.exc_value!r} in {args.object!r}")
    for name in ("aioami", "asyncio"):
        logging.getLogger(name).addHandler(Listener(soak.problems))
    began = time.monotonic()
    asyncio.run(soak.run())
    gc.collect()
    found = soak.judge()
    last = soak.samples[-1]
    spent = time.monotonic() - began
    print(f"{last.events / spent:.0f} events and {last.actions / spent:.0f} actions a second")
    print(
        *found,
        "FAILED" if found else "PASSED: every action and every event is accounted for, and nothing grew",
        sep="\n",
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
