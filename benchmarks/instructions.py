"""How many instructions a client needs, as valgrind counts them: the same on every run, whatever else the machine does.

    python -m benchmarks.instructions [--only CASE ...] [--write FILE]

Each case is played twice, with few events and with many. The difference, divided by how many more there were, is what one costs, without the
start, the import and what is learned once. Instructions of the kernel are not in it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from .__main__ import CASES, machine

PATIENCE = 900  # seconds for one measurement
FEW, MANY = 2_000, 12_000
SHOWN = ("fields", "fields-real", "headers", "headers-real", "name", "ping", "at-once")
PLAYERS = ("aioami", "panoramisk", "basicami", "asterisk_ami")
COUNT = re.compile(r"I\s+refs:\s+([\d,]+)")


def instructions(client: str, name: str, count: int) -> int:
    """What a client needs to play a case with that many events or actions, all in all."""
    case = CASES[name]
    events = 0 if case.arguments else count
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", case.corpus, str(events), "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        client_command = [sys.executable, "-m", "benchmarks.client", client, case.play, port]
        done = subprocess.run(
            ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *client_command]
            + ([str(count)] if case.arguments else []),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        found = COUNT.search(done.stderr)
        if found is None:
            raise RuntimeError(f"valgrind told nothing: {done.stderr[-300:]}")
        return int(found[1].replace(",", ""))
    finally:
        server.kill()
        server.wait()


def main() -> None:
    """Measure, and show a table."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.instructions", description="Instructions, as valgrind counts them."
    )
    parser.add_argument("--only", nargs="+", choices=SHOWN, default=list(SHOWN), help="these cases")
    parser.add_argument("--write", type=Path, help="a file for the table")
    options = parser.parse_args()
    rows = [
        "| case | " + " | ".join(each.replace("_", "-") for each in PLAYERS) + " |",
        "|---" * (len(PLAYERS) + 1) + "|",
    ]
    for name in options.only:
        cells: list[str] = []
        own = 0.0
        for client in PLAYERS:
            each = (instructions(client, name, MANY) - instructions(client, name, FEW)) / (MANY - FEW)
            own = own or each
            cells.append(f"{each:,.0f}" + (f" ({own / each:.3f})" if client != "aioami" else ""))
        rows.append(f"| {CASES[name].title} | " + " | ".join(cells) + " |")
        print(rows[-1], flush=True)
    if options.write is not None:
        options.write.write_text("\n".join(rows) + f"\n\n{machine(PLAYERS)}\n")


if __name__ == "__main__":
    main()
