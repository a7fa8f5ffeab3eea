"""Random scenarios: each is made of a seed, and is told by the fake server as by real ones.

    python -m tests.scenarios.chance [--version 16 22] [--first 1] [--count 2000] [--servers 6]

plays them, and prints what was told differently. The first ones are a test: tests/real/test_chance.py.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import Final

from aioami.testing import FakeAsterisk
from aioami.testing.real import RealAsterisk, install

from .compare import differences
from .line import Line
from .stories import Story, far

__all__ = ["Tale", "play_all"]

PLACES: Final = (("elsewhere", "target"), ("test", "wait"), ("test", "hold"), ("test", "vars"))
MEMBERS: Final = ("Local/busy@test/n", "Local/short@test/n", "PJSIP/nobody", "Custom:member")
QUEUES: Final = ("sales", "empty", "support", "none")
APPLICATIONS: Final = (
    ("Wait", "600"),
    ("Wait", "600"),
    ("Queue", "empty"),
    ("ConfBridge", "room1"),
    ("BridgeWait", ""),
)
VARIABLES: Final = (
    "ONE",
    "CALLERID(name)",
    "CALLERID(num)",
    "CHANNEL(accountcode)",
    "__TWO",
)
VALUES: Final = ("", "a", "Ada", "x y", "1", "a,b", "ä", 'q"uote')
KEYS: Final = ("a", "a/b", "c", "")
AT_ONCE: Final = 0.1  # seconds of the server after which everything has been told
ANSWERED: Final = 0.8  # Answer waits half a second for a first sound


class Tale:
    """One scenario; the seed decides all that happens in it.

    Args:
        seed: a number.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._chance = random.Random(seed)
        self._calls: list[str] = []
        # Those that may be moved; see the table of differences for the others.
        self._plain: set[str] = set()
        self._named = self._chance.random() < 0.5
        self._bridged = False

    async def __call__(self, ami: Line) -> None:
        """Play it on a server."""
        await ami.open()
        pick = self._chance
        calls = pick.choice((0, 0, 1, 2, 3))
        for _ in range(calls):
            await self._place(ami)
        if calls:
            await ami.settle(ANSWERED)
        quick = [self.member, self.pause, self.queues, self.database, self.event, self.state, self.mask, self.variable]
        with_calls = [self.variable, self.show, self.show, self.redirect, self.hang_up, self.bridge, self.park]
        for _ in range(pick.randint(3, 6)):
            await pick.choice(with_calls if calls and pick.random() < 0.7 else quick)(ami)
        # The end is the same for all, and not compared: all hang up at once, in an order of chance.
        said, events = len(ami.said), len(ami.events)
        if calls:
            await ami.ask("Hangup", Channel="/^Local.*;1$/")
            await ami.settle(AT_ONCE)
            await ami.settle(AT_ONCE)
        for member in MEMBERS:
            for queue in QUEUES[:2]:
                await ami.ask("QueueRemove", Interface=member, Queue=queue)
        await ami.ask("QueueReset")  # a count that differs once would differ ever after
        await ami.ask("DBDelTree", Family="tale")
        del ami.said[said:], ami.events[events:]

    async def _place(self, ami: Line) -> None:
        pick = self._chance
        extension = pick.choice(("wait", "wait", "vars", "hold"))
        told = {"Application": "Wait", "Data": "600"}
        if extension != "hold":
            told["Application"], told["Data"] = pick.choice(APPLICATIONS)
        if self._named and pick.random() < 0.6:
            told["CallerID"] = pick.choice(('"Ada" <100>', "200", '"O\'Neil" <>', "Bob <300>"))
        if pick.random() < 0.2:
            told["Variable"] = pick.choice(
                ("A=1", "A=1,B=2", "__C=3", *(["CALLERID(name)=Eve"] if self._named else []))
            )
        if pick.random() < 0.2:
            told["Account"] = "acc"
        await ami.ask("Originate", Channel=f"Local/{extension}@test/n", Async="true", **told)
        channel = dict(await ami.until("OriginateResponse"))["Channel"]
        self._calls.append(channel)
        if extension != "hold" and told["Application"] == "Wait":
            self._plain |= {channel, far(channel)}

    def _channel(self, *, plain: bool = False) -> str:
        pick = self._chance
        calls = [each for each in self._calls if not plain or each in self._plain]
        if not calls or pick.random() < 0.05:
            return "None/1"
        channel = pick.choice(calls)
        return channel if pick.random() < 0.6 else far(channel)

    # Operations without calls

    async def member(self, ami: Line) -> None:
        """A member comes or goes."""
        pick = self._chance
        headers = {"Interface": pick.choice(MEMBERS), "Queue": pick.choice(QUEUES)}
        if pick.random() < 0.3:
            await ami.ask("QueueRemove", **headers)
        else:
            if pick.random() < 0.5:
                headers["Penalty"] = pick.choice(("1", "2", "-1", "x"))
            if pick.random() < 0.5:
                headers["Paused"] = pick.choice(("true", "yes", "1", "no"))
            if pick.random() < 0.5:
                headers["MemberName"] = pick.choice(VALUES)
            await ami.ask("QueueAdd", **headers)
        await ami.settle(AT_ONCE)

    async def pause(self, ami: Line) -> None:
        """A member pauses, or gets a penalty."""
        pick = self._chance
        headers = {"Interface": pick.choice((*MEMBERS, "PJSIP/agent1"))}
        if pick.random() < 0.6:
            headers["Queue"] = pick.choice(QUEUES)
        if pick.random() < 0.6:
            headers["Paused"] = pick.choice(("true", "false", "1", "0"))
            if pick.random() < 0.4:
                headers["Reason"] = pick.choice(VALUES)
            await ami.ask("QueuePause", **headers)
            await ami.ask("QueuePause", **{**headers, "Paused": "false"})
        else:
            await ami.ask("QueuePenalty", **headers, Penalty=pick.choice(("0", "1", "7")))
            await ami.ask("QueuePenalty", **headers, Penalty="0")
        await ami.settle(AT_ONCE)

    async def queues(self, ami: Line) -> None:
        """Queues are listed."""
        pick = self._chance
        headers = {"Queue": pick.choice(QUEUES)} if pick.random() < 0.8 else {}
        if pick.random() < 0.3:
            headers["Member"] = pick.choice(MEMBERS)
        await ami.ask(pick.choice(("QueueStatus", "QueueSummary")), **headers)

    async def database(self, ami: Line) -> None:
        """Something is written into the database, read, or removed."""
        pick = self._chance
        key = pick.choice(KEYS)
        action = pick.choice(("DBPut", "DBPut", "DBGet", "DBDel", "DBDelTree"))
        more = {"Val": pick.choice(VALUES)} if action == "DBPut" else {}
        await ami.ask(action, Family=pick.choice(("tale", "tale", "")), Key=key, **more)
        await ami.ask("DBGet", Family="tale", Key=key)

    async def event(self, ami: Line) -> None:
        """An event is made."""
        pick = self._chance
        headers = [
            (pick.choice(("Key", "Other", "key", "Channel")), pick.choice(VALUES)) for _ in range(pick.randint(0, 3))
        ]
        await ami.ask("UserEvent", ("UserEvent", pick.choice(("Door", "", "a b"))), *headers)
        await ami.settle(AT_ONCE)

    async def state(self, ami: Line) -> None:
        """The state of a device changes, and extensions that have it as a hint with it."""
        pick = self._chance
        for value in (pick.choice(("INUSE", "BUSY", "RINGING", "ONHOLD", "UNAVAILABLE", "nonsense")), "NOT_INUSE"):
            await ami.ask("Setvar", Variable="DEVICE_STATE(Custom:wait)", Value=value)
            await ami.settle(AT_ONCE)
            await ami.ask("ExtensionState", Context="test", Exten=pick.choice(("wait", "none")))

    async def mask(self, ami: Line) -> None:
        """Other classes of events are asked for, for a while."""
        pick = self._chance
        await ami.ask("Events", EventMask=pick.choice(("user", "off", "us,x", "agent,user", "64", "bogus")))
        await ami.ask("UserEvent", UserEvent="Masked")
        await ami.settle(AT_ONCE)
        await ami.ask("Events", EventMask="on")

    # Operations with calls

    async def variable(self, ami: Line) -> None:
        """A variable or a function is set, and read."""
        pick = self._chance
        names = VARIABLES if self._named else [each for each in VARIABLES if "LINE" not in each and "ID" not in each]
        if self._named and self._bridged:  # see the table of differences
            names = [each for each in names if "account" not in each]
        name, channel = pick.choice(names), self._channel()
        await ami.ask("Setvar", Channel=channel, Variable=name, Value=pick.choice(VALUES))
        await ami.settle(AT_ONCE)
        await ami.ask("Getvar", Channel=channel, Variable=name.removeprefix("__"))

    async def show(self, ami: Line) -> None:
        """Channels, bridges or parked calls are listed."""
        pick = self._chance
        action = pick.choice(("CoreShowChannels", "Status", "Status", "BridgeList", "ParkedCalls", "QueueStatus"))
        headers = {"Channel": self._channel()} if action == "Status" and pick.random() < 0.7 else {}
        await ami.ask(action, **headers)

    async def redirect(self, ami: Line) -> None:
        """A call is sent elsewhere in the dialplan."""
        pick = self._chance
        context, exten = pick.choice(PLACES)
        channel = self._channel(plain=True)
        await ami.ask("Redirect", Channel=channel, Context=context, Exten=exten, Priority="1")
        if exten == "hold":
            self._plain -= {channel, far(channel)}
        await ami.settle(ANSWERED)

    async def hang_up(self, ami: Line) -> None:
        """A call ends."""
        pick = self._chance
        channel = self._channel()
        headers = {"Cause": pick.choice(("16", "17", "0", "21"))} if pick.random() < 0.5 else {}
        await ami.ask("Hangup", Channel=channel, **headers)
        await ami.settle(AT_ONCE)
        await ami.settle(AT_ONCE)
        self._calls = [each for each in self._calls if channel not in (each, far(each))]

    async def bridge(self, ami: Line) -> None:
        """Two calls are bridged."""
        calls = [each for each in self._calls if each in self._plain]
        if len(calls) < 2:
            return
        first, second = self._chance.sample(calls, 2)
        self._bridged = True
        await ami.ask("Bridge", Channel1=first, Channel2=second, Tone="no")
        await ami.settle(ANSWERED)

    async def park(self, ami: Line) -> None:
        """A call is parked."""
        pick = self._chance
        headers = {"Timeout": pick.choice(("20000", "30000"))}
        if pick.random() < 0.3:
            headers["Parkinglot"] = pick.choice(("default", "second", "none"))
        channel = self._channel(plain=True)
        await ami.ask("Park", Channel=channel, **headers)
        await ami.settle(ANSWERED)
        self._plain -= {channel, far(channel)}


def _telling(seed: int) -> Story:
    """A scenario that can be told several times: each time is a tale of its own."""
    return lambda line: Tale(seed)(line)


async def play_all(
    servers: Iterable[RealAsterisk], seeds: Iterable[int], heard: Callable[[int, list[str]], None]
) -> None:
    """Play scenarios on servers, each beside a fake one that is told the same; `heard` is called with what differs."""
    waiting = iter(seeds)

    async def play(real: RealAsterisk, fake: FakeAsterisk) -> None:
        for seed in waiting:
            found = await differences(real, fake, _telling(seed))
            heard(seed, [f"seed {seed}", *found] if found else [])

    async with AsyncExitStack() as stack:
        await asyncio.gather(
            *[
                play(
                    real,
                    await stack.enter_async_context(
                        FakeAsterisk(version=str(real.major), virtual_time=True, auth_timeout=None)
                    ),
                )
                for real in servers
            ]
        )


async def main() -> int:
    """Play, and print what differs."""
    import time

    from tests.soak.load import Keeper

    parser = argparse.ArgumentParser(
        prog="python -m tests.scenarios.chance", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--version", nargs="+", default=["16", "22"], help="versions of Asterisk")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=2000, help="how many scenarios")
    parser.add_argument("--servers", type=int, default=6, help="servers of each version")
    options = parser.parse_args()
    wrong: list[int] = []

    def heard(seed: int, found: list[str]) -> None:
        if found:
            wrong.append(seed)
            print("\n".join(found), flush=True)

    for version in options.version:
        installation = install(version)
        keepers = [Keeper(RealAsterisk(installation)) for _ in range(options.servers)]
        try:
            await asyncio.gather(*(keeper.do(keeper.server.start) for keeper in keepers))
            began = time.monotonic()
            seeds = range(options.first, options.first + options.count)
            await play_all([keeper.server for keeper in keepers], seeds, heard)
            print(
                f"{version}: {options.count} scenarios in {time.monotonic() - began:.0f} s, differing: {wrong}",
                flush=True,
            )
        finally:
            for keeper in keepers:
                keeper.server.kill()
                keeper.close()
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
