"""Watch queues: alert when a caller waits too long or gives up, or when too many wait.

    AIOAMI_URL=ami://user:secret@pbx.example WEBHOOK_URL=https://chat.example/... python queue_watcher.py --longest 60 support

It needs aioami and httpx, and a user with `read = agent`. Alerts are printed, and posted as {"text": ...}. Ctrl-C ends it.
"""

import argparse
import asyncio
import logging
import os
import signal

import httpx

from aioami import Event, Manager, ManagerError, Reconnected, core, events


class Watch:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.waiting = options, set[str]()  # the unique ids of the callers' channels
        self.alerts, self.due = asyncio.Queue[str](), asyncio.Queue[events.QueueCallerJoin | events.QueueEntry]()

    def wanted(self, event: Event) -> bool:
        return not self.options.queues or event.get("Queue") in (*self.options.queues, None)

    async def follow(self, mgr: Manager) -> None:
        with mgr.events("QueueCaller*", Reconnected, where=self.wanted) as stream:
            await self.take_stock(mgr)  # the stream is open already, so no event is missed
            async for event in stream:
                if isinstance(event, Reconnected):
                    await self.take_stock(mgr)
                elif isinstance(event, events.QueueCallerJoin):
                    self.joined(event)
                    if event.count == self.options.most + 1:
                        self.alerts.put_nowait(f"{event.queue}: {event.count} callers are waiting")
                elif isinstance(event, events.QueueCallerAbandon):
                    self.alerts.put_nowait(f"{event.queue}: {event.caller_id_num or event.channel} gave up")
                else:
                    self.waiting.discard(event["Uniqueid"])

    async def take_stock(self, mgr: Manager) -> bool:
        try:
            items = (await mgr.send(core.QueueStatus())).events
            entries = [item for item in items if isinstance(item, events.QueueEntry) and self.wanted(item)]
            self.waiting &= {entry["Uniqueid"] for entry in entries}
            for entry in entries:
                self.joined(entry, waited=float(entry["Wait"]))
        except ManagerError as error:  # if the link is lost once more, another Reconnected will come
            logging.warning("the queues could not be listed: %s", error)
            return False
        return True

    def joined(self, event: events.QueueCallerJoin | events.QueueEntry, waited: float = 0.0) -> None:
        if event["Uniqueid"] not in self.waiting:
            self.waiting.add(event["Uniqueid"])
            asyncio.get_running_loop().call_later(max(0, self.options.longest - waited), self.due.put_nowait, event)

    async def look(self, mgr: Manager) -> None:
        while event := await self.due.get():  # the server is asked, as no event says that a caller is bridged or parked
            if event["Uniqueid"] in self.waiting and not await self.take_stock(mgr):
                self.waiting.discard(event["Uniqueid"])
            elif event["Uniqueid"] in self.waiting:
                self.alerts.put_nowait(f"{event.queue}: {event.caller_id_num or event.channel} is waiting for too long")

    async def deliver(self, webhook: str) -> None:
        async with httpx.AsyncClient(timeout=10) as http:
            while text := await self.alerts.get():
                print(text, flush=True)
                try:
                    (await http.post(webhook, json={"text": text})).raise_for_status()
                except httpx.HTTPError as error:  # its text would show the URL, which is a secret
                    logging.error("the webhook did not take it: %s", type(error).__name__)


async def run(url: str, webhook: str, watch: Watch) -> None:
    async with Manager.from_url(url, retry_connect=True) as mgr:
        print("watching", *watch.options.queues, flush=True)
        work = asyncio.gather(watch.follow(mgr), watch.look(mgr), watch.deliver(webhook))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        await work


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Watch queues, and alert by a webhook.")
    parser.add_argument("queues", nargs="*", help="their names; all if left out")
    parser.add_argument("--longest", type=float, default=60, help="seconds that a caller may wait")
    parser.add_argument("--most", type=int, default=5, help="callers that may wait in a queue")
    options = parser.parse_args()
    url, hook = (os.environ.get(key) or parser.error(f"{key} is not set") for key in ("AIOAMI_URL", "WEBHOOK_URL"))
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("aioami").setLevel(logging.INFO)  # to log when the link is lost, and when it is back
    try:
        asyncio.run(run(url, hook, Watch(options)))
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("stopped")
    except (ManagerError, ValueError) as error:
        parser.exit(1, f"queue_watcher: {error}\n")
