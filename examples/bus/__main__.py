"""Two servers on a bus, two relays, a program that follows both, and a relay that is killed. `make demo-bus` runs it.

All of it is private: nats-server comes from Debian's package into a private folder, and the servers are fakes that
number their events. The end is an account: each event was given once and in order, or was reported as lost at its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
import tempfile
import time
from pathlib import Path

from aioami import EventsLost, Fleet
from aioami.testing import FakeAsterisk
from aioami.testing.nats import NatsServer, install

RATE = 200  # events a second of each server
SERVERS = ("pbx1", "pbx2")


def say(text: str) -> None:
    print(f"{time.perf_counter() - BEGAN:6.2f} s  {text}", flush=True)


BEGAN = time.perf_counter()


async def relay(folder: Path, name: str, bus: str, servers: dict[str, FakeAsterisk]) -> asyncio.subprocess.Process:
    """Start `aioami relay` with a configuration file, as users do."""
    file = folder / f"{name}.toml"
    (folder / "secret").write_text("s3cret")
    tables = [
        f'[servers.{server}]\nurl = "ami://admin@{fake.host}:{fake.port}"\nsecret_file = "secret"\n'
        for server, fake in servers.items()
    ]
    file.write_text(f'[bus]\nurl = "{bus}"\n[relay]\nname = "{name}"\n' + "".join(tables))
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "aioami", "relay", "--config", str(file))


def end(relays: list[asyncio.subprocess.Process]) -> None:
    """End the relays that still run."""
    for each in relays:
        if each.returncode is None:
            each.kill()


async def talk(fake: FakeAsterisk, sent: list[int]) -> None:
    """Send numbered events until cancelled."""
    while True:
        await fake.send_event("Tick", {"Number": str(len(sent))})
        sent.append(len(sent))
        await asyncio.sleep(1 / RATE)


async def follow(fleet: Fleet, given: dict[str, list[int]], gaps: dict[str, list[EventsLost]]) -> None:
    """Note each event, and each reported loss."""
    with fleet.events("Tick", on_loss="raise") as events:
        while True:
            try:
                event = await events.__anext__()
            except EventsLost as lost:
                gaps[lost.server].append(lost)
                say(f"{lost.server}: {lost}")
            else:
                given[event.server].append(int(event["Number"]))


def account(server: str, sent: list[int], given: list[int], gaps: list[EventsLost]) -> None:
    """Print the account of the events between the first and the last one that were given."""
    in_order = all(before < after for before, after in itertools.pairwise(given))
    missing = set(range(given[0], given[-1])) - set(given)
    print(
        f"{server}: {len(sent)} sent, {len(given)} given{'' if in_order else ' OUT OF ORDER OR DOUBLED'}, "
        f"{len(missing)} missing between them, {len(gaps)} gaps told"
    )
    if not in_order or (missing and not gaps):
        raise SystemExit("the account is wrong")


async def main() -> None:
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bus = stack.enter_context(NatsServer(install()))
        say(f"nats-server listens at {bus.url}")
        fakes = {name: await stack.enter_async_context(FakeAsterisk()) for name in SERVERS}
        relays = [await relay(folder, "relay-a", bus.url, fakes)]
        stack.callback(end, relays)
        for fake in fakes.values():
            await fake.wait_connected(timeout=20)
        # The first relay leads.
        relays.append(await relay(folder, "relay-b", bus.url, fakes))
        fleet = await stack.enter_async_context(Fleet(bus.url))
        for name in SERVERS:
            while name not in fleet.servers:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await fleet[name].wait_ready(20)
        say(f"the program follows {', '.join(fleet.servers)}, and has a session with neither")
        sent: dict[str, list[int]] = {name: [] for name in SERVERS}
        given: dict[str, list[int]] = {name: [] for name in SERVERS}
        gaps: dict[str, list[EventsLost]] = {name: [] for name in SERVERS}
        following = asyncio.ensure_future(follow(fleet, given, gaps))
        await asyncio.sleep(0.5)
        talking = [asyncio.ensure_future(talk(fakes[name], sent[name])) for name in SERVERS]
        await asyncio.sleep(2)
        say("relay-a, which leads, is killed; relay-b takes over, and tells the gap")
        relays[0].send_signal(signal.SIGKILL)
        await asyncio.sleep(3)
        say("nats-server is killed, and started again half a second later")
        await asyncio.to_thread(bus.kill)
        await asyncio.sleep(0.5)
        await asyncio.to_thread(bus.start)
        await asyncio.sleep(3)
        for task in talking:
            task.cancel()
        for name in SERVERS:
            while not given[name] or given[name][-1] < sent[name][-1]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        following.cancel()
        print()
        for name in SERVERS:
            account(name, sent[name], given[name], gaps[name])


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
