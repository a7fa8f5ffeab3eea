"""Calls between telephones on a real server: the live state and the tracer must say of them what CEL says.

    python -m tests.live_calls [--version 16 22] [--seed N] [--stories 60]

plays stories in a random order, and prints what was told otherwise. Each story is played once in tests/real/test_live_calls.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.helpers import until
from tests.phones import Phone, Phones

from aioami import Event, Manager, core
from aioami.calls import CALL_EVENTS, CallTrace, CallTracer, EndReason
from aioami.live import Live, LiveCall, LiveCallState

__all__ = ["STORIES", "Office", "play"]

S: Final = LiveCallState
STORIES: Final[dict[str, tuple[Callable[[Office], Awaitable[None]], list[tuple[Any, ...]]]]] = {}
"""What happens, and the calls that are over then: caller, callee, who answered, the queue, and the reason."""

_TOLD: Final = 5.0  # seconds for which the end of the stream of events may be waited for
_BY_STATUS: Final = {
    "BUSY": EndReason.BUSY,
    "NOANSWER": EndReason.NO_ANSWER,
    "CANCEL": EndReason.NO_ANSWER,
    "CONGESTION": EndReason.CONGESTION,
}


@dataclass
class Office:
    """Three telephones, and the live state of their server."""

    ada: Phone
    bob: Phone
    eve: Phone
    live: Live
    manager: Manager
    wrong: list[str] = field(default_factory=list)

    async def sees(self, *expected: tuple[LiveCallState, str, str, str]) -> None:
        """Wait until the calls in progress have these states, callers, callees, and those who answered."""

        def shown() -> list[tuple[LiveCallState, str, str, str]]:
            return sorted((each.state, *_people(each)) for each in self.live.calls().values())

        try:
            await until(lambda: shown() == sorted(expected), 5)
        except asyncio.TimeoutError:
            self.wrong.append(f"shown {shown()}, and not {list(expected)}")


def _people(call: LiveCall) -> tuple[str, str, str]:
    answered = "" if call.answered_by is None else call.answered_by.number
    return call.caller.number, call.callee.number, answered


def story(
    *ends: tuple[Any, ...],
) -> Callable[[Callable[[Office], Awaitable[None]]], Callable[[Office], Awaitable[None]]]:
    """Register a story with the ends of its calls."""

    def register(tell: Callable[[Office], Awaitable[None]]) -> Callable[[Office], Awaitable[None]]:
        STORIES[tell.__name__] = (tell, list(ends))
        return tell

    return register


@story(("ada", "bob", "bob", None, EndReason.ANSWERED))
async def plain_with_hold(office: Office) -> None:
    office.bob.does = "ring"
    office.ada.call("bob")
    bob = await office.bob.next_call()
    await office.sees((S.RINGING, "ada", "bob", ""))
    bob.answer()
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    bob.hold()
    await office.sees((S.HELD, "ada", "bob", "bob"))
    bob.hold(False)
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    bob.hang_up()


@story(("ada", "bob", "bob", None, EndReason.ANSWERED))
async def behind_a_local_channel(office: Office) -> None:
    office.bob.does = "ring"
    ada = office.ada.call("far")
    bob = await office.bob.next_call()
    await office.sees((S.RINGING, "ada", "bob", ""))
    bob.answer()
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    ada.hang_up()


@story(("ada", "bob", "", None, EndReason.BUSY))
async def busy(office: Office) -> None:
    office.bob.does = "busy"
    ada = office.ada.call("bob")
    await ada.until(ada.ended)


@story(("ada", "bob", "", None, EndReason.NO_ANSWER))
async def given_up(office: Office) -> None:
    office.bob.does = "ring"
    ada = office.ada.call("bob")
    await office.bob.next_call()
    await office.sees((S.RINGING, "ada", "bob", ""))
    ada.hang_up()


@story(("eve", "bob", "bob", None, EndReason.ANSWERED))
async def two_ring(office: Office) -> None:
    office.ada.does = office.bob.does = "ring"
    eve = office.eve.call("both")
    await office.ada.next_call()
    bob = await office.bob.next_call()
    await office.sees((S.RINGING, "eve", "both", ""))
    bob.answer()
    await office.sees((S.TALKING, "eve", "bob", "bob"))
    eve.hang_up()


@story(("ada", "bob", "bob", "empty", EndReason.ANSWERED))
async def through_a_queue(office: Office) -> None:
    office.bob.does = "ring"
    ada = office.ada.call("sales-queue")
    bob = await office.bob.next_call()
    await office.sees((S.WAITING, "ada", "bob", ""))
    if [each.queue for each in office.live.calls().values()] != ["empty"]:
        office.wrong.append("the queue of who waits is not told")
    bob.answer()
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    ada.hang_up()


@story(("ada", "bob", "", "empty", EndReason.NO_ANSWER))
async def given_up_in_a_queue(office: Office) -> None:
    office.bob.does = "ring"
    ada = office.ada.call("sales-queue")
    await office.bob.next_call()
    await office.sees((S.WAITING, "ada", "bob", ""))
    ada.hang_up()


@story(("ada", "eve", "bob", None, EndReason.ANSWERED))
async def blind_transfer(office: Office) -> None:
    ada = office.ada.call("bob")
    bob = await office.bob.next_call()
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    office.eve.does = "ring"
    bob.transfer("eve")
    eve = await office.eve.next_call()
    await office.sees((S.RINGING, "ada", "eve", "bob"))
    eve.answer()
    await office.sees((S.TALKING, "ada", "eve", "bob"))
    ada.hang_up()


@story(("bob", "menu", "bob", None, EndReason.ANSWERED))
async def transferred_to_a_menu_by_the_caller(office: Office) -> None:
    ada = office.ada.call("bob")
    bob = await office.bob.next_call()
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    ada.transfer("menu")
    await office.sees((S.OTHER, "bob", "menu", "bob"))
    bob.hang_up()


@story(("ada", "eve", "bob", None, EndReason.ANSWERED))
async def attended_transfer(office: Office) -> None:
    ada = office.ada.call("bob")
    bob = await office.bob.next_call()
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    second = office.bob.call("eve")
    await second.until(second.answered)
    await office.sees((S.TALKING, "ada", "bob", "bob"), (S.TALKING, "bob", "eve", "eve"))
    bob.transfer_to(second)
    await office.sees((S.TALKING, "ada", "eve", "bob"))
    ada.hang_up()


@story(("ada", "eve", "bob", None, EndReason.ANSWERED))
async def transferred_while_it_rings(office: Office) -> None:
    ada = office.ada.call("bob")
    bob = await office.bob.next_call()
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    office.eve.does = "ring"
    second = office.bob.call("eve")
    await second.until(second.rings)
    eve = await office.eve.next_call()
    bob.transfer_to(second)
    await office.sees((S.RINGING, "ada", "eve", "bob"))
    eve.answer()
    await office.sees((S.TALKING, "ada", "eve", "bob"))
    ada.hang_up()


@story(("ada", "eve", "eve", None, EndReason.ANSWERED))
async def picked_up(office: Office) -> None:
    office.bob.does = "ring"
    ada = office.ada.call("bob")
    await office.bob.next_call()
    await office.sees((S.RINGING, "ada", "bob", ""))
    office.eve.call("*8")
    await office.sees((S.TALKING, "ada", "eve", "eve"))
    ada.hang_up()


@story(("ada", "eve", "eve", None, EndReason.ANSWERED))
async def parked(office: Office) -> None:
    ada = office.ada.call("lot")
    await office.sees((S.PARKED, "ada", "lot", ""))
    office.eve.call("fetch")
    await office.sees((S.TALKING, "ada", "eve", "eve"))
    ada.hang_up()


@story(
    ("ada", "room", "", None, EndReason.ANSWERED),
    ("eve", "room", "", None, EndReason.ANSWERED),
)
async def conference(office: Office) -> None:
    ada, eve = office.ada.call("room"), office.eve.call("room")
    await office.sees((S.CONFERENCE, "ada", "room", ""), (S.CONFERENCE, "eve", "room", ""))
    ada.hang_up()
    await office.sees((S.CONFERENCE, "eve", "room", ""))
    eve.hang_up()


@story(("ada", "bob", "bob", None, EndReason.ANSWERED))
async def placed_by_an_action(office: Office) -> None:
    office.bob.does = "ring"
    await office.manager.send(core.Originate_Context("PJSIP/ada", "phones", "bob", 1))
    ada = await office.ada.next_call()
    bob = await office.bob.next_call()
    await office.sees((S.RINGING, "ada", "bob", ""))
    bob.answer()
    await office.sees((S.TALKING, "ada", "bob", "bob"))
    ada.hang_up()


# CEL


def differences(events: Sequence[Event], traces: Sequence[CallTrace]) -> list[str]:
    """What the tracer says otherwise than CEL: calls, who talked to whom, who answered, and the causes."""
    begun = {each["UniqueID"] for each in events if each.get("EventName") == "CHAN_START"}
    # The last one of the story before, LINKEDID_END, may come when this one has begun.
    cel = [each for each in events if each.name == "CEL" and each["UniqueID"] in begun]
    links: dict[str, set[str]] = {}
    talked, answered, causes, results = set(), set(), {}, {}
    for each in cel:
        name, uniqueid, extra = each["EventName"], each["UniqueID"], json.loads(each["Extra"] or "{}")
        links.setdefault(uniqueid, set()).add(each["LinkedID"])
        if name == "ANSWER":
            answered.add(uniqueid)
        elif (
            name == "BRIDGE_ENTER"
            and each["Application"] != "ConfBridge"
            and extra["bridge_technology"] != "holding_bridge"
        ):
            talked |= {frozenset((each["Channel"], peer)) for peer in each["Peer"].split(",") if peer}
        elif name == "HANGUP":
            causes[uniqueid] = extra["hangupcause"]
            results[uniqueid] = extra["dialstatus"]
    calls: list[tuple[set[str], set[str]]] = []  # channels and linkedids
    for uniqueid, own in links.items():
        meeting = [each for each in calls if each[1] & own]
        calls = [each for each in calls if each not in meeting]
        calls.append(({uniqueid}.union(*(each[0] for each in meeting)), own.union(*(each[1] for each in meeting))))
    channels = [each for trace in traces for each in trace.channels]
    ours = {
        "calls": sorted(sorted(each.uniqueid for each in trace.channels) for trace in traces),
        "answered": sorted(each.uniqueid for each in channels if each.answered is not None),
        "causes": {each.uniqueid: each.cause for each in channels},
        "talked": sorted(sorted(each) for each in _talked(traces)),
    }
    theirs = {
        "calls": sorted(sorted(each) for each, _ in calls),
        "answered": sorted(answered),
        "causes": causes,
        "talked": sorted(sorted(each) for each in talked),
    }
    found = [f"{key}: traced {ours[key]}, in CEL {theirs[key]}" for key in ours if ours[key] != theirs[key]]
    for trace in traces:
        own = {each.uniqueid for each in trace.channels}
        strangers = {each for step in trace.steps for each in (step.channel, *step.others) if each} - own
        if strangers:
            found.append(f"steps: {sorted(strangers)} are told of, and are not in the call")
        last = [results[each.uniqueid] for each in trace.channels if results.get(each.uniqueid)]
        expected = _BY_STATUS.get(last[0]) if len(last) == 1 else None
        if trace.end is None or (expected is not None and trace.end.reason is not expected):
            found.append(f"end: traced {trace.end}, in CEL {last}")
    return found


def _talked(traces: Sequence[CallTrace]) -> set[frozenset[str]]:
    found = set()
    for trace in traces:
        for step in trace.steps:
            if step.kind == "bridge" and step.event is not None:
                names = {each.uniqueid: each.name for each in step.words if not isinstance(each, str)}
                found |= {frozenset((names[step.channel], names[each])) for each in step.others}
    return found


# Playing


async def play(manager: Manager, phones: Phones, names: Sequence[str]) -> list[str]:
    """Play stories, and return what was told otherwise than it was."""
    found = []
    async with Live(manager) as live:
        office = Office(phones["ada"], phones["bob"], phones["eve"], live, manager)
        for name in names:
            tell, ends = STORIES[name]
            for phone in (office.ada, office.bob, office.eve):
                phone.does = "answer"
                phone.incoming = asyncio.Queue()
            await _play(office, tell, ends)
            found += [f"{name}: {each}" for each in office.wrong]
            office.wrong.clear()
    return found


async def _play(office: Office, tell: Callable[[Office], Awaitable[None]], ends: list[tuple[Any, ...]]) -> None:
    live, manager = office.live, office.manager
    before, tracer, taken = len(live.ended), CallTracer(), list[Event]()
    with manager.events(*CALL_EVENTS, "CEL") as stream:
        await tell(office)
        try:
            await until(lambda: len(live.ended) == before + len(ends) and not live.calls(), 5)
            # CEL comes from a thread of its own.
            while not _is_over(taken):
                taken.append(await asyncio.wait_for(stream.__anext__(), _TOLD))
                tracer.take(taken[-1], asyncio.get_running_loop().time())
        except asyncio.TimeoutError:
            office.wrong.append(f"not over: {dict(live.calls())}")
            await manager.send(core.Hangup("/^PJSIP/"), check=False)
            await until(lambda: not live.calls())
    told = live.ended[before:]
    shown = [(*_people(each), each.queue, each.end and each.end.reason) for each in told]
    if sorted(map(str, shown)) != sorted(map(str, ends)):
        office.wrong.append(f"ended as {shown}, and not as {ends}")
    traces = tracer.calls()
    if sorted(_result(each) for each in told) != sorted(_traced(each) for each in traces):
        office.wrong.append("the tracer and the live state do not say the same")
    office.wrong += differences(taken, traces)


def _is_over(events: Sequence[Event]) -> bool:
    """True if as many channels have ended as have begun, by their own events and by CEL."""
    names = [each["EventName"] if each.name == "CEL" else each.name for each in events]
    begun = names.count("CHAN_START")
    return begun > 0 and names.count("CHAN_END") == begun == names.count("Newchannel") == names.count("Hangup")


def _result(call: LiveCall) -> tuple[str, str, str]:
    answered = "" if call.answered_by is None else call.answered_by.uniqueid
    return min(each.uniqueid for each in call.channels), answered, str(call.end and call.end.reason)


def _traced(call: CallTrace) -> tuple[str, str, str]:
    return min(each.uniqueid for each in call.channels), call.answered_by or "", str(call.end and call.end.reason)


async def main() -> int:
    """Play stories in a random order, and say what went wrong."""
    from aioami.testing.real import RealAsterisk, install

    parser = argparse.ArgumentParser(prog="python -m tests.live_calls", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--version", nargs="+", default=["16", "22"], help="versions of Asterisk")
    parser.add_argument("--seed", type=int, help="the seed; a new one if left out")
    parser.add_argument("--stories", type=int, default=60, help="how many")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 30)
    failed = False
    for version in options.version:
        print(f"version {version}, seed {seed}, {options.stories} stories", flush=True)
        with RealAsterisk(install(version)) as server:
            async with Manager.from_url(server.url) as manager, Phones(server, manager) as phones:
                names = random.Random(seed).choices(list(STORIES), k=options.stories)
                found = await play(manager, phones, names)
        failed = failed or bool(found)
        print("\n".join(found) or "right after all of them", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
