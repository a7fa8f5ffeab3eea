"""Call people with a reminder, and note who has confirmed it; an answering machine gets only the message.

    AIOAMI_URL=ami://user:secret@pbx.example python reminder.py numbers.txt --channel 'PJSIP/{}@trunk'

The file has one number per line. A person who answers hears a message, and confirms it with 1. It needs aioami, and a
user with `read = call,agi,dialplan` and `write = originate,system,agi,call`. No number is called twice. Ctrl-C or
SIGTERM ends the calls.
"""

import argparse
import asyncio
import csv
import logging
import os
import signal
import sys
from pathlib import Path

from aioami import Manager, ManagerError, NotAnswered
from aioami.agi import Session


async def remind(mgr: Manager, number: str, options: argparse.Namespace) -> str:
    """Call a number, and return the outcome in words."""
    heard = "hung up before the end"

    async def program(session: Session) -> None:
        nonlocal heard
        # AMD listens for some seconds: people say a word and wait, but machines go on speaking or are silent.
        await session.exec("AMD", *options.amd)
        if await session.get("AMDSTATUS") == "MACHINE":
            await session.play(options.message)
            heard = "left on a machine"
            return
        for _ in range(2):
            pressed = await session.ask(options.message, digits=1, timeout=options.timeout)
            if pressed == "1":
                heard = "confirmed"
                return
        heard = "heard, and not confirmed"

    async with mgr.call(options.channel.format(number), to=program, timeout=options.ring) as call:
        try:
            await call.answered()
        except NotAnswered as error:
            return f"not reached: {error.end.reason.value}"
        await call.ended()
    return heard


async def run(url: str, options: argparse.Namespace, outcomes: dict[str, str]) -> None:
    places = asyncio.Semaphore(options.at_once)

    async def one(mgr: Manager, number: str) -> None:
        async with places:
            outcomes[number] = "stopped during the call"
            try:
                outcomes[number] = await remind(mgr, number, options)
            except ManagerError as error:
                outcomes[number] = f"not called: {error}"
            print(f"{number}: {outcomes[number]}")

    async with Manager.from_url(url) as mgr:
        work = asyncio.gather(*(one(mgr, number) for number in outcomes))
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signal_number, work.cancel)
        await work


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Remind people by a call.")
    parser.add_argument("numbers", type=Path, help="a file with a number a line")
    parser.add_argument("--channel", default="PJSIP/{}@trunk", help="what is dialled; {} is the number")
    parser.add_argument("--message", default="demo-congrats", help="the file that they hear")
    parser.add_argument("--timeout", type=float, default=5, help="seconds to wait for the 1")
    parser.add_argument("--at-once", type=int, default=2, help="calls at the same time")
    parser.add_argument("--ring", type=float, default=30, help="seconds for which it may ring")
    parser.add_argument(
        "--amd", nargs="*", default=[], metavar="MS", help="arguments of AMD: initial silence, greeting ..."
    )
    parser.add_argument("--report", type=Path, help="a CSV file to write, with the outcome of each number")
    options = parser.parse_args()
    url = os.environ.get("AIOAMI_URL") or parser.error("AIOAMI_URL is not set")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    outcomes = dict.fromkeys(filter(None, map(str.strip, options.numbers.read_text().splitlines())), "not called")
    try:
        asyncio.run(run(url, options, outcomes))
    except (asyncio.CancelledError, KeyboardInterrupt, ManagerError, OSError, ValueError) as error:
        print(f"reminder: {str(error) or 'stopped'}", file=sys.stderr)
    if options.report:
        with options.report.open("w", newline="") as file:
            csv.writer(file).writerows([("number", "outcome"), *outcomes.items()])
    sys.exit(any(outcome.startswith(("not called", "stopped")) for outcome in outcomes.values()))
