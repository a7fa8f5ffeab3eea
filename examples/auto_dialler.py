"""Call a list of numbers, with a limit of calls at a time, and report the outcome of each.

    AIOAMI_URL=ami://user:secret@pbx.example python auto_dialler.py numbers.txt --channel 'PJSIP/{}@trunk' --at-once 5

The file has one number per line. A person who answers hears a recording. It needs aioami and rich, and a user with
`read = call` and `write = originate,call`. No number is called twice. After Ctrl-C or SIGTERM no further number is
called, and answered calls go on.
"""

import argparse
import asyncio
import collections
import csv
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from aioami import ActionError, ConnectionLost, Manager, ManagerError, ManagerTimeout
from aioami.calls import Application


async def call(mgr: Manager, number: str, options: argparse.Namespace) -> str:
    """Call a number, wait until the call is over, and return its outcome in words."""
    while True:
        await mgr.wait_ready()
        try:
            placed = await mgr.call(options.channel.format(number), to=options.run, timeout=options.ring)
            break
        except ActionError as error:
            return f"refused: {error}"
        except (ConnectionLost, ManagerTimeout) as error:
            if getattr(error, "sent", True):  # it may ring
                return "unknown"
    end = await placed.ended()  # also if the link is lost meanwhile: the call is looked for then
    return end.reason.value


def application(text: str) -> Application:
    """Read an application as the dialplan writes it: `Playback(hello-world)`."""
    name, _, arguments = text.removesuffix(")").partition("(")
    return Application(name, *filter(None, [arguments]))


async def run(url: str, options: argparse.Namespace, outcomes: dict[str, str]) -> None:
    left = iter(list(outcomes))
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("calling", total=len(outcomes))

        async def call_one_by_one(mgr: Manager) -> None:
            for number in left:  # all share this iterator, so that each number is taken once
                outcomes[number] = "stopped during the call"
                outcomes[number] = await call(mgr, number, options)
                progress.advance(bar)

        async with Manager.from_url(url) as mgr:
            work = asyncio.gather(*(call_one_by_one(mgr) for _ in range(options.at_once)))
            for signal_number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(signal_number, work.cancel)
            await work


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Call a list of numbers.")
    parser.add_argument("numbers", type=Path, help="a file with a number a line")
    parser.add_argument("--channel", default="PJSIP/{}@trunk", help="what is dialled; {} is the number")
    parser.add_argument(
        "--at-once", type=int, choices=range(1, 1000), default=5, metavar="N", help="calls at the same time"
    )
    parser.add_argument("--ring", type=float, default=30, help="seconds for which it may ring")
    parser.add_argument(
        "--run",
        type=application,
        default="Playback(hello-world)",
        help="what whoever answers hears, as in the dialplan",
    )
    parser.add_argument("--report", type=Path, help="a CSV file to write, with the outcome of each number")
    options = parser.parse_args()
    url = os.environ.get("AIOAMI_URL") or parser.error("AIOAMI_URL is not set")
    lines = options.numbers.read_text(errors="surrogateescape").splitlines()  # any byte can be dialled
    outcomes = dict.fromkeys(filter(None, map(str.strip, lines)), "not called")
    try:
        asyncio.run(run(url, options, outcomes))
    except (asyncio.CancelledError, KeyboardInterrupt, ManagerError, ValueError) as error:
        print(f"auto_dialler: {str(error) or 'stopped'}", file=sys.stderr)
    table = Table("outcome", "calls")
    for outcome, count in collections.Counter(outcomes.values()).most_common():
        table.add_row(outcome, str(count))
    Console().print(table)
    if options.report:
        with options.report.open("w", newline="", errors="surrogateescape") as file:
            csv.writer(file).writerows([("number", "outcome"), *outcomes.items()])
    sys.exit(any(outcome in ("not called", "stopped during the call") for outcome in outcomes.values()))
