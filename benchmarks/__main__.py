"""What AMI clients cost, side by side in one run.

    python -m benchmarks [--rounds 5] [--quick] [--only CASE ...] [--write FOLDER]

Each measurement is a fresh process of the client, and a fresh one of the server. The rounds are interleaved: first each client
once, then each again. What is shown are medians; with --write also tables and pictures, for the documentation.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .server import PAUSE

CLIENTS = ("aioami", "aioami_uvloop", "panoramisk", "basicami", "asterisk_ami", "pystrix", "bare_asyncio", "floor")
FLOORS = ("bare_asyncio", "floor")  # which are no clients
PEERS = ("panoramisk", "basicami", "asterisk_ami", "pystrix")
PATIENCE = 60  # seconds for one measurement
PACKAGES = {"asterisk_ami": "asterisk-ami", "aioami_uvloop": "uvloop"}
MODULES = {"asterisk_ami": "asterisk.ami", "bare_asyncio": "asyncio"}


@dataclass(frozen=True)
class Case:
    """One thing that is measured.

    Attributes:
        title: what it is.
        play: the function of the clients.
        unit: what is shown of it: `cpu` is CPU time for each event, action or item.
        arguments: what the function is given besides the port.
        corpus, events, items: what the server sends; of the corpus `callers` the one in `callers.py`.
        without: clients that would take minutes, and why.
    """

    title: str
    play: str
    unit: str
    arguments: tuple[int, ...] = ()
    corpus: str = "synthetic"
    events: int = 100_000
    items: int = 0
    without: tuple[str, ...] = ()


ALL = -1  # stands for the number of events that come
SLOW = ("pystrix",)
NEEDS_UTF8 = ("pystrix",)  # the first byte that is none ends its thread, and it waits for ever
CASES = {
    "fields": Case("three fields of each event, synthetic", "fields", "cpu"),
    "fields-memory": Case("its memory", "fields", "grown"),
    "fields-real": Case(
        "three fields of each event, real stream", "fields", "cpu", corpus="recorded", without=NEEDS_UTF8
    ),
    "headers": Case("all headers of each event, synthetic", "headers", "cpu"),
    "headers-real": Case(
        "all headers of each event, real stream", "headers", "cpu", corpus="recorded", without=NEEDS_UTF8
    ),
    "name": Case("one name out of the full stream", "one_name", "stream"),
    "predicate": Case("a predicate on the full stream", "predicate", "stream"),
    "subscribers-1": Case("1 subscriber that counts", "subscribers", "stream", (1, ALL)),
    "subscribers-10": Case("10 subscribers that count", "subscribers", "stream", (10, ALL)),
    "subscribers-100": Case(
        "100 subscribers that count", "subscribers", "stream", (100, ALL), events=20_000, without=SLOW
    ),
    "slow": Case("a subscriber that is too slow, 100,000 events", "slow", "grown", (ALL,)),
    "list-10k": Case("a list of 10,000, collected", "listed", "wall", items=10_000),
    "list-100k": Case("a list of 100,000, collected", "listed", "wall", items=100_000),
    "list-100k-memory": Case("its memory", "listed", "grown", items=100_000),
    "stream-100k": Case("a list of 100,000, item by item", "streamed", "wall", items=100_000),
    "stream-100k-memory": Case("its memory", "streamed", "grown", items=100_000),
    "stream-10k-memory": Case("memory of a list of 10,000, item by item", "streamed", "grown", items=10_000),
    "ping": Case("Pings one by one, median", "pings", "p50", (3000,)),
    "ping-99": Case("Pings one by one, 99th percentile", "pings", "p99", (3000,)),
    "at-once": Case("10,000 actions at once, with timeouts", "at_once", "cpu", (10_000,)),
    "connections-200": Case("200 connections", "connections", "each", (200,), events=0),
    "connections-1000": Case("1,000 connections", "connections", "each", (1000,), events=0, without=("asterisk_ami",)),
    "alone": Case("200,000 events over one connection", "together", "cpu", (1,), events=200_000),
    "together": Case("200 events over each of 1,000 connections", "together", "cpu", (1000,), events=200),
    "fleet-direct": Case(
        "a server with 1,800 events a second, real stream", "paced", "cpu", (1,), corpus="recorded", events=7_200
    ),
    "fleet-direct10": Case(
        "a server with 18,000 events a second, real stream", "paced", "cpu", (10,), corpus="recorded", events=72_000
    ),
    "fleet": Case("10 such servers of 100, one stream", "fleet", "cpu", (100, 10), corpus="recorded", events=7_200),
    "fleet-memory": Case("a fleet of 100, quiet, one stream", "fleet_memory", "each", (100,), events=0),
    "fleet-flood": Case(
        "Pings to 98 servers while 2 flood, 99th percentile",
        "fleet_flood",
        "p99",
        (100, 2, ALL),
        corpus="recorded",
        events=200_000,
    ),
    "logins": Case("200 logins at once", "logins", "wall", (200,), events=0),
    "delivered-members": Case(
        "the device of a member of 50 queues changes, a stream", "delivered", "cpu", corpus="members"
    ),
    "typed-members": Case("the same, three fields read", "typed", "cpu", corpus="members"),
    "identified-members": Case("the same, its ids looked up", "identified", "cpu", corpus="members"),
    "live-members": Case("the same, a live state", "live", "cpu", corpus="members"),
    "live-members-read": Case("the same, looked at ten times a second", "live_read", "cpu", corpus="members"),
    "live-members-changes": Case("the same, with a consumer of the changes", "live_changes", "cpu", corpus="members"),
    "live-members-memory": Case("its memory", "live", "grown", corpus="members"),
    "live-stall": Case(
        "entering with 50 queues of 1,000 members and 2,000 telephones, the loop stands at most",
        "live_stall",
        "stall",
        corpus="members",
        events=0,
    ),
    "delivered-leaves": Case(
        "a caller leaves a queue of 1,000, or comes, a stream", "delivered", "cpu", corpus="leaves"
    ),
    "typed-leaves": Case("the same, three fields read", "typed", "cpu", corpus="leaves"),
    "identified-leaves": Case("the same, its ids looked up", "identified", "cpu", corpus="leaves"),
    "live-leaves": Case("the same, a live state", "live", "cpu", corpus="leaves"),
    "delivered-conference": Case(
        "one in a conference of 500 leaves, or comes, a stream", "delivered", "cpu", corpus="conference"
    ),
    "typed-conference": Case("the same, three fields read", "typed", "cpu", corpus="conference"),
    "identified-conference": Case("the same, its ids looked up", "identified", "cpu", corpus="conference"),
    "live-conference": Case("the same, a live state", "live", "cpu", corpus="conference"),
    "fastagi-200": Case("200 FastAGI sessions of 22 commands at once", "fastagi", "session", (200,), corpus="callers"),
    "fastagi-1000": Case("1,000 of them", "fastagi", "session", (1000,), corpus="callers"),
    "fastagi-command": Case("a command over FastAGI, median", "fastagi_commands", "p50", (3000,), corpus="callers"),
    "asyncagi-200": Case(
        "200 AsyncAGI sessions of 22 commands at once", "asyncagi", "session", (200,), corpus="callers"
    ),
    "asyncagi-1000": Case("1,000 of them", "asyncagi", "session", (1000,), corpus="callers"),
    "import": Case("the import", "import", "import", without=("aioami_uvloop", "floor")),
}
UNITS = {
    "cpu": "µs",
    "stream": "µs",
    "wall": "ms",
    "stall": "ms",
    "grown": "MiB",
    "p50": "µs",
    "p99": "µs",
    "each": "KiB",
    "session": "ms",
    "import": "ms",
}


def measure(client: str, case: Case, quick: bool) -> dict[str, Any] | None:
    """Let a client play a case; `None` if it cannot."""
    if case.play == "import":
        return None if client in case.without else import_time(MODULES.get(client, client))
    module = importlib.import_module(f"benchmarks.clients.{client}")
    if client in case.without or not hasattr(module, case.play):
        return None
    events = case.events // 10 if quick and case.events > 1000 else case.events
    served = ["callers"] if case.corpus == "callers" else ["server", case.corpus, str(events), str(case.items)]
    server = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{served[0]}", *served[1:]], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        arguments = [str(events + 1 if each == ALL else each) for each in case.arguments]
        command = [sys.executable, "-m", "benchmarks.client", client, case.play, port, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        if done.returncode or not done.stdout.strip():
            print(f"{client}, {case.title}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            return None
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        told["sent"] = events + 1
        return told
    except subprocess.TimeoutExpired:
        print(f"{client}, {case.title}: not done in {PATIENCE} seconds", file=sys.stderr)
        return None
    finally:
        server.kill()
        server.wait()


def import_time(module: str) -> dict[str, Any]:
    """How long it takes until the module can be used, in a fresh interpreter."""
    program = f"import time; began = time.perf_counter(); import {module}; print(time.perf_counter() - began)"
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=surroundings)
    return {"import": float(done.stdout), "count": 1, "sent": 1}


def value(case: Case, told: dict[str, Any]) -> float:
    """What is shown of a measurement."""
    count = told["sent"] if case.unit == "stream" or told["count"] < 0 else told["count"]
    if case.unit in ("cpu", "stream"):
        return float(told["cpu"]) / max(count, 1) * 1e6
    if case.unit == "session":
        return float(told["cpu"]) / max(count, 1) * 1e3
    if case.unit in ("wall", "import", "stall"):
        return float(told[case.unit]) * 1000
    if case.unit in ("p50", "p99"):
        return float(told[case.unit]) * 1e6
    return float(told[case.unit]) / (1 << 20 if case.unit == "grown" else 1 << 10)


def goals(medians: dict[str, dict[str, float]]) -> Iterator[tuple[str, float, float]]:
    """What aioami is to reach, as ratios within one run: what it is, the limit, and the figure; those that were measured."""

    def share(case: str, other: str, of: str = "") -> float:
        return medians[case]["aioami"] / medians[of or case][other]

    def further(case: str, number: int) -> float:
        first = medians["subscribers-1"]["aioami"]
        return (medians[case]["aioami"] - first) / (number - 1) / first

    for goal, limit, figure in (
        ("three fields, synthetic, of panoramisk", 1 / 7, lambda: share("fields", "panoramisk")),
        ("three fields, synthetic, of basicami", 1 / 4, lambda: share("fields", "basicami")),
        ("three fields, real, of panoramisk", 1 / 6, lambda: share("fields-real", "panoramisk")),
        ("three fields, real, of basicami", 1 / 3, lambda: share("fields-real", "basicami")),
        ("all headers, synthetic, of panoramisk", 1 / 4, lambda: share("headers", "panoramisk")),
        ("all headers, real, of panoramisk", 1 / 4, lambda: share("headers-real", "panoramisk")),
        ("one name, of panoramisk", 1 / 13, lambda: share("name", "panoramisk")),
        ("three fields, synthetic, of the floor", 30, lambda: share("fields", "floor")),
        ("one name, of the floor that discards", 15, lambda: share("name", "floor", "fields")),
        ("10,000 actions at once, of panoramisk", 1 / 3, lambda: share("at-once", "panoramisk")),
        ("a list of 100,000, time, of panoramisk", 1 / 5, lambda: share("list-100k", "panoramisk")),
        ("a list of 100,000, memory, of panoramisk", 1 / 4, lambda: share("list-100k-memory", "panoramisk")),
        ("a list of 100,000, time, of one of 10,000", 12, lambda: share("list-100k", "aioami", "list-10k")),
        ("a list of 100,000 item by item, memory, of one of 10,000", 1.5,
         lambda: share("stream-100k-memory", "aioami", "stream-10k-memory")),
        ("Ping, of a bare blocking socket", 2, lambda: share("ping", "floor")),
        ("Ping, of bare asyncio", 2, lambda: share("ping", "bare_asyncio")),
        ("Ping, of the best peer", 1, lambda: medians["ping"]["aioami"] / min(medians["ping"][each] for each in PEERS)),
        ("a slow subscriber, KiB for each event held", 1, lambda: medians["slow"]["aioami"] * 1024 / 10_000),
        ("1,000 connections, KiB each", 8, lambda: medians["connections-1000"]["aioami"]),
        ("1,000 connections together, CPU of one", 1 / 0.7, lambda: share("together", "aioami", "alone")),
        ("10 busy servers of a fleet of 100, CPU of one such server", 1.1, lambda: share("fleet", "aioami", "fleet-direct")),
        ("the same, CPU of one server with all these events", 1.1, lambda: share("fleet", "aioami", "fleet-direct10")),
        ("a fleet of 100, KiB each", 64, lambda: medians["fleet-memory"]["aioami"]),
        ("Pings while two servers flood, ms at the 99th percentile", 50, lambda: medians["fleet-flood"]["aioami"] / 1000),
        ("the device of a member changes, live, of a typed stream", 2, lambda: share("live-members", "aioami", "typed-members")),
        ("the same, of a stream of which nothing is read", 2, lambda: share("live-members", "aioami", "delivered-members")),
        ("a caller leaves or comes, live, of a typed stream", 2, lambda: share("live-leaves", "aioami", "typed-leaves")),
        ("the same, of a stream of which nothing is read", 2, lambda: share("live-leaves", "aioami", "delivered-leaves")),
        ("a conference, live, of a typed stream", 2, lambda: share("live-conference", "aioami", "typed-conference")),
        ("the same, of a stream of which nothing is read", 2, lambda: share("live-conference", "aioami", "delivered-conference")),
        ("entering with 50,000 members and 2,000 telephones, ms that the loop stands", 50, lambda: medians["live-stall"]["aioami"]),
        ("a FastAGI session of 200, ms of CPU", 2, lambda: medians["fastagi-200"]["aioami"]),
        ("a FastAGI session of 1,000, ms of CPU", 2, lambda: medians["fastagi-1000"]["aioami"]),
        ("a FastAGI session of 1,000, of one of 200", 1.3, lambda: share("fastagi-1000", "aioami", "fastagi-200")),
        ("a FastAGI session of 1,000, of bare asyncio streams", 1.5, lambda: share("fastagi-1000", "bare_asyncio")),
        ("a FastAGI command, median in ms", 0.2, lambda: medians["fastagi-command"]["aioami"] / 1000),
        ("an AsyncAGI session of 200, ms of CPU", 5, lambda: medians["asyncagi-200"]["aioami"]),
        ("an AsyncAGI session of 1,000, ms of CPU", 5, lambda: medians["asyncagi-1000"]["aioami"]),
        ("an AsyncAGI session of 1,000, of one of 200", 1.3, lambda: share("asyncagi-1000", "aioami", "asyncagi-200")),
        ("each of 9 further subscribers, of the first", 0.15, lambda: further("subscribers-10", 10)),
        ("each of 99 further subscribers, of the first", 0.15, lambda: further("subscribers-100", 100)),
    ):  # fmt: skip
        try:
            yield goal, limit, figure()
        except KeyError:
            continue


def processor() -> str:
    """What this machine computes with."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def machine(clients: Iterable[str]) -> str:
    """What this is measured on, and what of."""
    versions = ", ".join(f"{each} {version(PACKAGES.get(each, each))}" for each in clients if each not in FLOORS)
    return f"{processor()}, {platform.python_implementation()} {platform.python_version()}; {versions}."


def main() -> None:
    """Measure, and show."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="What AMI clients cost, side by side.")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each cell")
    parser.add_argument("--quick", action="store_true", help="a tenth of the events")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), help="these cases")
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS), help="these clients")
    parser.add_argument("--write", type=Path, help="a folder for tables and pictures")
    options = parser.parse_args()
    found: dict[str, dict[str, list[float]]] = {name: {} for name in options.only}
    rates: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        done: dict[tuple[str, Case], dict[str, Any] | None] = {}  # several figures may be of one measurement
        for name in options.only:
            for client in options.clients:
                print(f"\r{name:<20} {client:<14}", end="", file=sys.stderr, flush=True)
                what = (client, replace(CASES[name], title="", unit=""))
                if what not in done:
                    done[what] = measure(client, CASES[name], options.quick)
                measured = done[what]
                if measured is not None:
                    found[name].setdefault(client, []).append(value(CASES[name], measured))
                    if name == "fields":
                        pause = 0.0 if client == "floor" else PAUSE  # which the floor does not count
                        rates.setdefault(client, []).append(measured["sent"] / (measured["wall"] - pause))
    for name in options.only:
        case, own = CASES[name], statistics.median(found[name].get("aioami", [0.0]))
        print(f"\n{name}: {case.title} ({UNITS[case.unit]})")
        for client, values in found[name].items():
            median = statistics.median(values)
            ratio = f"aioami needs {own / median:.3f} of it" if client != "aioami" and median and own else ""
            print(f"  {client:<13} {median:12.2f}   {ratio:<28} ({min(values):.2f} to {max(values):.2f})")
    told = f"{options.rounds} rounds on {machine(options.clients)}"
    if "floor" in rates and len(rates) > 1:
        sent, taken = statistics.median(rates.pop("floor")), max(map(statistics.median, rates.values()))
        told += f" The server can send {sent:,.0f} events a second (what the floor is sent), {sent / taken:.1f} times what any client takes."
    print(f"\n{told}")
    medians = {name: {client: statistics.median(v) for client, v in each.items()} for name, each in found.items()}
    for goal, limit, reached in goals(medians):
        print(f"  {'reached' if reached <= limit else 'MISSED '} {goal}: {reached:.3f}, at most {limit:.3f}")
    if options.write is not None:
        from .report import write

        write(options.write, medians, told)


if __name__ == "__main__":
    main()
