"""The main job on one page: log in, place a call, follow it to its end, and print it.

    python -m aioami.demo                                            on an embedded server
    AIOAMI_URL=ami://admin:secret@pbx.example python -m aioami.demo  on a real Asterisk

On a real server the demo adds an extension, `100@aioami-demo`, for the call, and removes it at the
end. The user needs the write classes system, originate and call. No telephone rings.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from . import Action, Manager, ManagerError, core, events
from .testing import FakeAsterisk

CONTEXT = "aioami-demo"
SAY_AND_WAIT = (("Answer", ""), ("Wait", "2"), ("Hangup", "16"))


async def call(mgr: Manager) -> bool:
    """Place one call, and print its events until its last channel ends; true if answered."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.3f} s  {text}", flush=True)

    pong = await mgr.send(core.Ping())
    say(f"logged in to Asterisk (AMI {mgr.version}), which answers in {pong.RTT * 1000:.2f} ms")

    channels: set[str] = set()
    seen = (events.Newchannel, events.Newstate, events.Newexten, events.DialBegin, events.Hangup)
    with mgr.events(
        *seen, where=lambda event: f"@{CONTEXT}-" in event.get("Channel", "")
    ) as stream:
        response = await mgr.send(
            core.Originate_Application(
                f"Local/100@{CONTEXT}", "Wait", ("1",), callerid='"aioami" <100>', timeout=10_000
            )
        )
        say("the call is placed")
        async for event in stream:
            channel = event["Channel"]
            if isinstance(event, events.Newchannel):
                channels.add(channel)
                say(f"{channel} appears")
            elif isinstance(event, events.Newstate):
                say(f"{channel} is now {event.get('ChannelStateDesc')}")
            elif isinstance(event, events.Newexten):
                say(f"{channel} runs {event.get('Application')}({event.get('AppData')})")
            elif isinstance(event, events.Hangup):
                channels.discard(channel)
                say(f"{channel} hangs up: {event.get('Cause-txt')}")
                if not channels:
                    break
    outcome = await response.outcome()
    say(f"the outcome: {outcome['Response']}, reason {outcome['Reason']}")
    return outcome["Response"] == "Success"


@asynccontextmanager
async def extensions(mgr: Manager) -> AsyncIterator[None]:
    """Add the demo's own extension, and remove it at the end."""
    try:
        for priority, (application, data) in enumerate(SAY_AND_WAIT, start=1):
            await mgr.send(
                Action(
                    "DialplanExtensionAdd",
                    {
                        "Context": CONTEXT,
                        "Extension": "100",
                        "Priority": priority,
                        "Application": application,
                        "ApplicationData": data,
                        "Replace": "yes",
                    },
                )
            )
        yield
    finally:
        await mgr.send(
            Action("DialplanExtensionRemove", {"Context": CONTEXT, "Extension": "100"}), check=False
        )


async def run(url: str | None) -> bool:
    """Run the demo on the server at `url`, or on an embedded one; true if answered."""
    if url is not None:
        async with Manager.from_url(url) as mgr, extensions(mgr):
            return await call(mgr)
    async with FakeAsterisk() as server:
        print(
            "no AIOAMI_URL is set, so the call is placed on an embedded server at "
            f"127.0.0.1:{server.port}"
        )
        return await run(server.url)


def main(url: str | None = None) -> int:
    """Run the demo on the server at `url`, or at AIOAMI_URL, and return the exit code."""
    try:
        answered = asyncio.run(run(url or os.environ.get("AIOAMI_URL")))
    except (ManagerError, ValueError) as error:
        print(f"the demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("the call was answered, and is over" if answered else "the call was not answered")
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
