"""A menu for callers: they hear a prompt, press a digit, and are put through, leave a message, or hear their number.

    AIOAMI_URL=ami://user:secret@pbx.example python ivr_menu.py --context sales
    python ivr_menu.py --fastagi 127.0.0.1:4573 --context sales

Calls come from the dialplan: with the first command from AGI(agi:async,menu), with the second from
AGI(agi://127.0.0.1:4573/menu). The first needs a user with `read = agi,call,dialplan` and `write = agi,call`; the second
needs no user. A caller without a choice after three prompts is hung up. Ctrl-C or SIGTERM lets the calls finish.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from datetime import datetime, timezone
from pathlib import PurePosixPath

from aioami import Manager, ManagerError
from aioami.agi import AsyncAGI, FastAGI, Routes, Session

routes = Routes()
settings = argparse.Namespace()


@routes.route("menu")
async def menu(call: Session) -> None:
    await call.answer()
    for _ in range(3):
        choice = await call.ask(settings.prompt, digits=1, timeout=settings.timeout)
        print(f"{call.channel}: pressed {choice or 'nothing'}")
        if choice == "1":
            return await call.go_to(settings.context, "s")  # the dialplan has the call from here on
        if choice == "2":
            await message(call)
        elif choice == "3":
            await tell_number(call)
        elif choice == "0":
            await operator(call)
    await call.hang_up()


async def message(call: Session) -> None:
    moment = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    file = str(PurePosixPath(settings.messages, f"{moment}-{call.uniqueid}"))
    taken = await call.record(file, stop="#", timeout=60, silence=5, beep=True)
    print(f"{call.channel}: left a message of {taken.seconds:.1f} s, which ended by {taken.reason}")


async def tell_number(call: Session) -> None:
    number = await call.get("CALLERID(num)")
    if number is not None and number.isdecimal():
        await call.say_digits(number)
    print(f"{call.channel}: heard the number {number}")


async def operator(call: Session) -> None:
    result = await call.dial(settings.operator, timeout=20)
    print(f"{call.channel}: called the operator: {result.status.name if result.status else 'unknown'}")


async def run(url: str | None) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        server: FastAGI | AsyncAGI
        if url is None:
            host, _, port = settings.fastagi.rpartition(":")
            server = await stack.enter_async_context(FastAGI(routes, host, int(port)))
            print(f"listening on {server.host}:{server.port}")
        else:
            mgr = await stack.enter_async_context(Manager.from_url(url, retry_connect=True))
            server = await stack.enter_async_context(AsyncAGI(mgr, routes))
            print("waiting for calls")
        await stop.wait()
        print("letting the calls finish")
        await server.close(timeout=settings.finish)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A menu for callers.")
    parser.add_argument("--fastagi", metavar="HOST:PORT", help="listen there, instead of AIOAMI_URL's AsyncAGI")
    parser.add_argument("--prompt", default="demo-congrats", help="the file that callers hear")
    parser.add_argument("--timeout", type=float, default=5, help="seconds to wait for a digit")
    parser.add_argument("--context", default="default", help="where 1 leads to, to the extension s")
    parser.add_argument("--operator", default="PJSIP/operator", help="whom 0 calls")
    parser.add_argument("--messages", default="/var/spool/asterisk/messages", help="the server's folder for messages")
    parser.add_argument("--finish", type=float, default=60, help="seconds that calls get at the end")
    parser.parse_args(namespace=settings)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    url = None if settings.fastagi else os.environ.get("AIOAMI_URL") or parser.error("AIOAMI_URL is not set")
    try:
        asyncio.run(run(url))
    except (ManagerError, OSError, ValueError) as error:
        sys.exit(f"ivr_menu: {error}")
