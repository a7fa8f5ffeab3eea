"""A queue that calls back: a caller who does not want to wait presses 1, and is called when an agent is free.

    AIOAMI_URL=ami://user:secret@pbx.example python queue_callback.py support --channel 'PJSIP/{}@trunk'

In the dialplan: AGI(agi:async,callback) before Queue(support); a caller who presses no key goes on into the queue. It
needs aioami, and a user with `read = call,agi,dialplan` and `write = originate,call,agi,reporting`. Ctrl-C or SIGTERM
ends it, and prints the numbers that are still waiting for a call.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys

from aioami import Manager, ManagerError, NotAnswered, core
from aioami.agi import AsyncAGI, Routes, Session
from aioami.calls import Application

routes = Routes()
waiting: dict[str, None] = {}  # the numbers to call, in order, each once
changed = asyncio.Event()
settings = argparse.Namespace()


@routes.route("callback")
async def offer(call: Session) -> None:
    await call.answer()
    number = await call.get("CALLERID(num)") or ""
    # Only numbers are ever dialled: the caller chose this text.
    if number.isdecimal() and await call.ask(settings.prompt, digits=1, timeout=settings.timeout) == "1":
        waiting[number] = None
        changed.set()
        print(f"{number}: wants a call, as number {len(waiting)}")
        await call.play(settings.thanks)
        await call.hang_up()
    # Without a 1 the dialplan goes on: into the queue.


async def is_free(mgr: Manager) -> bool:
    """Return `True` if no caller waits in the queue, and an agent is free for the next one."""
    summary = await mgr.send(core.QueueSummary(settings.queue))
    return any((line.available or 0) > 0 and not line.callers for line in summary.events)


async def call_back(mgr: Manager) -> None:
    """Call one number after another, when an agent is free; call an unreached number once more at the end."""
    tried: set[str] = set()
    while True:
        await mgr.wait_ready()
        if not waiting:
            changed.clear()
            await changed.wait()
        try:
            if not await is_free(mgr):
                await asyncio.sleep(settings.every)
                continue
            number = next(iter(waiting))
            call = await mgr.call(settings.channel.format(number), to=Application("Queue", settings.queue), timeout=30)
            del waiting[number]
            await call.answered()
            print(f"{number}: was called, and is in the queue")
            tried.discard(number)
        except NotAnswered as error:
            print(f"{number}: not reached, {error.end.reason.value}")
            if number not in tried:
                tried.add(number)
                waiting[number] = None
        except ManagerError as error:
            logging.warning("not now: %s", error)
            await asyncio.sleep(settings.every)


async def run(url: str) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    async with Manager.from_url(url, retry_connect=True) as mgr, AsyncAGI(mgr, routes):
        print("waiting for calls")
        calling = asyncio.create_task(call_back(mgr))
        await asyncio.wait([calling, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        calling.cancel()
        for number in waiting:
            print(f"{number}: was promised a call, and not called")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A queue that calls back.")
    parser.add_argument("queue", help="the queue")
    parser.add_argument("--channel", default="PJSIP/{}@trunk", help="what is dialled; {} is the number")
    parser.add_argument("--prompt", default="demo-congrats", help="the file that offers the call, by 1")
    parser.add_argument("--thanks", default="beep", help="the file that promises it")
    parser.add_argument("--timeout", type=float, default=5, help="seconds to wait for the 1")
    parser.add_argument("--every", type=float, default=5, help="seconds between two looks at a busy queue")
    parser.parse_args(namespace=settings)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        asyncio.run(run(os.environ.get("AIOAMI_URL") or parser.error("AIOAMI_URL is not set")))
    except (ManagerError, OSError, ValueError) as error:
        sys.exit(f"queue_callback: {error}")
