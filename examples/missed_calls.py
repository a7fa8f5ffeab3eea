"""Report each call that rang at a phone and was not answered, by a message to a webhook.

    AIOAMI_URL=ami://user:secret@pbx.example WEBHOOK_URL=https://chat.example/... python missed_calls.py --phones 'PJSIP/1*'

It needs aioami and httpx, and a user with `read = call`. A missed call is printed, and posted as {"text": ...}. Ctrl-C or
SIGTERM ends it after the messages that are being sent.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import httpx

from aioami import Event, Manager, ManagerError, Reconnected, events
from aioami.enums import DialStatus


@dataclass
class Call:
    """A call that is not answered yet."""

    caller: str
    number: str
    phones: list[str] = field(default_factory=list)


async def run(url: str, webhook: str, phones: str) -> None:
    open_calls: dict[str, Call] = {}  # by Linkedid, which all channels of a call have in common
    mgr = Manager.from_url(url, retry_connect=True)
    news = mgr.on(events.DialBegin, events.DialEnd, events.Hangup, Reconnected)

    @news  # one subscription for all four, because their order matters
    async def follow(event: Event) -> None:
        if isinstance(event, Reconnected):
            open_calls.clear()  # their ends may be among the lost events
        elif isinstance(event, events.DialBegin):
            phone = event.dest.channel or ""
            if event.linkedid and fnmatchcase(phone, phones):  # without a Linkedid, Asterisk itself is the caller
                caller = event.caller_id_num or event.channel or "somebody"
                open_calls.setdefault(event.linkedid, Call(caller, event.exten or "")).phones.append(phone)
        elif isinstance(event, events.DialEnd):
            if event.dial_status == DialStatus.ANSWER:
                open_calls.pop(event.linkedid or "", None)
        elif event["Uniqueid"] == event["Linkedid"] and event["Linkedid"] in open_calls:  # the caller has hung up
            call = open_calls.pop(event["Linkedid"])
            await tell(f"{call.caller} called {call.number}: nobody answered at {', '.join(call.phones)}")

    async def tell(text: str) -> None:
        print(text, flush=True)
        try:
            (await http.post(webhook, json={"text": text})).raise_for_status()
        except httpx.HTTPError as error:  # its text would show the URL, which is a secret
            logging.error("the webhook did not take it: %s", type(error).__name__)

    async with httpx.AsyncClient(timeout=10) as http, mgr:
        print("listening", flush=True)
        work = asyncio.ensure_future(news.wait_closed())
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        try:
            await work
        finally:
            news.close()
            await news.wait_closed()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Tell somebody of missed calls, by a webhook.")
    parser.add_argument(
        "--phones", default="*", help="a pattern: whose calls are meant, as PJSIP/1* and not your trunks"
    )
    options = parser.parse_args()
    url, hook = (os.environ.get(key) or parser.error(f"{key} is not set") for key in ("AIOAMI_URL", "WEBHOOK_URL"))
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("aioami").setLevel(logging.INFO)  # to log when the link is lost, and when it is back
    try:
        asyncio.run(run(url, hook, options.phones))
    except (asyncio.CancelledError, KeyboardInterrupt):
        print("stopped")
    except (ManagerError, ValueError) as error:
        sys.exit(f"missed_calls: {error}")
