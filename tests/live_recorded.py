"""The recorded stream of a busy server at the rate of 300 calls a second: the live state keeps up, is right, and does not grow.

    python -m tests.live_recorded [--seconds 60] [--rate 300]

A fake server in a process of its own sends the recording over and over, each time with other ids. What it leaves open at its end is ended, as else
the server itself would grow. Printed are how late the live state is, and the memory of this process; at the end the
channels and bridges must be those that a plain reading of the same bytes gives.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import lzma
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.meter import memory

from aioami import Manager, core
from aioami.live import Live
from aioami.testing import FakeAsterisk

RECORDING: Final = Path(__file__).parent / "data/busy-22.bin.xz"
TICK: Final = 0.02  # seconds between two writes of the server
MARKER: Final = "0.1"  # the channel that tells by its caller id when it was sent
LATE: Final = 1.0  # seconds by which the live state may be late
GROWTH: Final = 2.0  # MiB by which this process may grow, once it has what it keeps
WARM: Final = 30.0  # seconds until then
_IDS: Final = re.compile(rb"\b1[67]\d{8}(?=\.\d)")  # the seconds in a Uniqueid
_NAMES: Final = ("Uniqueid", "Linkedid", "Channel", "BridgeUniqueid", "Newname")


class Expected:
    """What a plain reading of the events gives: the channels with their names, and who is in which bridge."""

    def __init__(self) -> None:
        self.channels: dict[str, str] = {}
        self.bridges: dict[str, list[str]] = {}

    def read(self, event: bytes) -> None:
        """Take an event."""
        lines = dict(
            line.split(": ", 1) for line in event.decode(errors="replace").strip().split("\r\n") if ": " in line
        )
        name = lines["Event"]
        uniqueid, _, channel, bridge, new = (lines.get(each, "") for each in _NAMES)
        if name == "Newchannel":
            self.channels[uniqueid] = channel
        elif name == "Rename" and uniqueid in self.channels:
            self.channels[uniqueid] = new
        elif name == "Hangup":
            self.channels.pop(uniqueid, None)
        elif name == "BridgeCreate":
            self.bridges.setdefault(bridge, [])
        elif name == "BridgeDestroy":
            self.bridges.pop(bridge, None)
        elif name == "BridgeEnter":
            self.bridges.setdefault(bridge, []).append(uniqueid)
        elif name == "BridgeLeave" and uniqueid in self.bridges.get(bridge, ()):
            self.bridges[bridge].remove(uniqueid)


def told(name: str, **headers: object) -> bytes:
    """An event of the class of calls."""
    lines = [f"Event: {name}", "Privilege: call,all", *(f"{key}: {value}" for key, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def recorded() -> list[bytes]:
    """The events of the recording."""
    data = lzma.decompress(RECORDING.read_bytes())
    return [each.lstrip() + b"\r\n\r\n" for each in data.split(b"\r\n\r\n") if each.lstrip().startswith(b"Event: ")]


def rounds() -> Iterator[bytes]:
    """The events of the recording without end, each time with other ids."""
    events = recorded()
    number = 0
    while True:
        number += 1
        seconds = b"17%08d" % number
        bridges = b"%08x-" % number
        left = Expected()
        for event in events:
            each = _IDS.sub(seconds, event)
            each = re.sub(rb"(BridgeUniqueid: )[0-9a-f]{8}-", rb"\g<1>" + bridges, each)
            if each.startswith((b"Event: New", b"Event: Hang", b"Event: Bridge", b"Event: Rename")):
                left.read(each)
            yield each
        for bridge, members in list(left.bridges.items()):
            for each in members:
                yield told("BridgeLeave", BridgeUniqueid=bridge, Uniqueid=each, Channel=left.channels.get(each, ""))
            yield told("BridgeDestroy", BridgeUniqueid=bridge)
        for uniqueid, name in left.channels.items():
            yield told("Hangup", Channel=name, Uniqueid=uniqueid, Cause=16)


async def serve(seconds: float, rate: float) -> None:
    """Send the recording, and print what is there at the end."""
    expected = Expected()
    each_tick = int(rate * TICK * len(recorded()) / calls())
    events = rounds()
    async with FakeAsterisk() as fake:
        print(fake.url, flush=True)
        await fake.wait_connected()
        while not fake.sent("UserEvent"):
            await asyncio.sleep(0.05)
        marker = {"Channel": "Marker/1", "Uniqueid": MARKER, "Linkedid": MARKER}
        await fake.send_raw(told("Newchannel", **marker))
        began, sent, number = time.monotonic(), 0, 0
        while time.monotonic() < began + seconds:
            number += 1
            piece = [next(events) for _ in range(each_tick)]
            for event in piece:
                expected.read(event)
            now = time.monotonic()
            piece.append(told("NewCallerid", **marker, CallerIDNum=int(now * 1000)))
            await fake.send_raw(b"".join(piece))
            sent += len(piece)
            await asyncio.sleep(max(0.0, began + number * TICK - time.monotonic()))
        took = time.monotonic() - began
        print(
            json.dumps({"sent": sent, "took": took, "channels": expected.channels, "bridges": expected.bridges}),
            flush=True,
        )
        while fake.sent("Logoff") == []:
            await asyncio.sleep(0.05)


def calls() -> int:
    """How many calls the recording has."""
    return len({found for each in recorded() for found in re.findall(rb"\r\nLinkedid: (\S+)", each)})


def differences(live: Live, expected: dict[str, Any]) -> list[str]:
    """What is shown otherwise than a plain reading says."""
    shown = {key: each.name for key, each in live.channels.items() if key != MARKER}
    bridges = {key: sorted(each.channels) for key, each in live.bridges.items()}
    found = []
    for ours, theirs in (
        (shown, expected["channels"]),
        (bridges, {k: sorted(v) for k, v in expected["bridges"].items()}),
    ):
        found += [
            f"{key}: {ours.get(key)}, and not {theirs.get(key)}"
            for key in sorted(ours.keys() | theirs.keys())
            if ours.get(key) != theirs.get(key)
        ]
    return found


async def follow(seconds: float, rate: float) -> list[str]:
    """Follow that stream, and return what was not as it should be."""
    command = [sys.executable, "-m", "tests.live_recorded", "--serve", "--seconds", str(seconds), "--rate", str(rate)]
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, limit=1 << 24)
    assert server.stdout is not None
    try:
        url = (await server.stdout.readline()).decode().strip()
        wrong = []
        async with Manager.from_url(url) as mgr, Live(mgr, maxsize=1_000_000) as live:
            await mgr.send(core.UserEvent(UserEvent="Play"))
            ending = asyncio.ensure_future(server.stdout.readline())
            began, latest, warm = time.monotonic(), 0.0, 0.0
            cpu = time.process_time()
            while not ending.done():
                await asyncio.wait([ending], timeout=1.0)
                passed = time.monotonic() - began
                shown = live.channels.get(MARKER)
                late = (
                    0.0
                    if shown is None or not shown.caller_id_num
                    else time.monotonic() - int(shown.caller_id_num) / 1000
                )
                size = memory() / (1 << 20)
                if not ending.done():
                    latest = max(latest, late)
                if not warm and passed > WARM:
                    warm = size
                if int(passed) % 5 == 0:
                    print(
                        f"{passed:5.0f} s: {late * 1000:4.0f} ms late, {size:.1f} MiB, {len(live.channels)} channels, "
                        f"{len(live.calls())} calls, {mgr.statistics().events:,} events",
                        flush=True,
                    )
            expected = json.loads(ending.result())
            cpu = time.process_time() - cpu
            await mgr.send(core.Ping())
            for _ in range(100):
                found = differences(live, expected)
                if not found:
                    break
                await asyncio.sleep(0.05)
            wrong += found
            grown = memory() / (1 << 20) - warm if warm else 0.0
            print(
                f"{expected['sent'] / expected['took']:,.0f} events a second, {rate:g} calls; at most {latest * 1000:.0f} ms late; "
                f"{cpu / expected['took']:.0%} of a processor; {grown:+.1f} MiB since second {WARM:g}",
                flush=True,
            )
            if latest > LATE:
                wrong.append(f"the live state was {latest:.1f} seconds late")
            if grown > GROWTH:
                wrong.append(f"memory grew by {grown:.1f} MiB")
        await server.wait()
        return wrong
    finally:
        if server.returncode is None:
            server.kill()


def main() -> int:
    """Follow the recording, and say what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.live_recorded", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--seconds", type=float, default=60.0, help="how long")
    parser.add_argument("--rate", type=float, default=300.0, help="calls that begin in a second")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.seconds, options.rate))
        return 0
    wrong = asyncio.run(follow(options.seconds, options.rate))
    print("\n".join(wrong[:20]) or "right to the end")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
