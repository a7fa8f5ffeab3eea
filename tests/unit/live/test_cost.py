"""The live state costs the same whatever the sizes, and lets others have their turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from benchmarks import corpora

from aioami import Event, Manager, events
from aioami.live import Live
from aioami.live.bridges import Bridges
from aioami.live.part import SLICE, Part, Reports
from aioami.live.queues import Queues
from aioami.testing import FakeAsterisk, Request


def parsed(*texts: bytes) -> list[Event]:
    return [events.parse(text.decode().removesuffix("\r\n\r\n")) for text in texts]


def seconds(part: Part[object], repeated: list[Event]) -> float:
    """The least time of the processor that the events took, of several rounds: other programs want it too."""
    times = []
    for _ in range(7):
        began = time.thread_time()
        for event in repeated:
            part.handlers[type(event)](event)
        times.append(time.thread_time() - began)
    return min(times)


def member(number: int, status: int) -> bytes:
    place = {"Queue": "queue0", "Interface": f"PJSIP/agent{number}", "MemberName": f"Agent {number}"}
    return corpora.text("QueueMemberStatus", **place, **corpora.member(number, status))


def waits(size: int) -> list[bytes]:
    return [
        corpora.text("QueueCallerJoin", Queue="queue0", **corpora.channel(n), Position=n + 1, Count=n + 1)
        for n in range(size)
    ]


def moves(size: int) -> list[bytes]:
    place = {"Queue": "queue0"}
    leave = corpora.text("QueueCallerLeave", **place, **corpora.channel(0), Position=1, Count=size - 1)
    join = corpora.text("QueueCallerJoin", **place, **corpora.channel(0), Position=1, Count=size)
    return [leave, join] * 200


def enters(size: int) -> list[bytes]:
    return [corpora.text("BridgeEnter", **corpora.bridge(size), **corpora.channel(n)) for n in range(size)]


def comes_and_goes(size: int) -> list[bytes]:
    both = [corpora.text(name, **corpora.bridge(size), **corpora.channel(0)) for name in ("BridgeLeave", "BridgeEnter")]
    return both * 200


@pytest.mark.parametrize(
    ("kind", "before", "repeated"),
    [
        (Queues, lambda size: [member(n, 1) for n in range(size)], lambda size: [member(3, n % 5) for n in range(400)]),
        (Queues, waits, moves),
        (Bridges, enters, comes_and_goes),
    ],
    ids=["a member's device changes", "a caller leaves and comes", "one in a conference leaves and comes"],
)
def test_an_event_costs_the_same_whatever_the_size(
    kind: type[Part[object]], before: Callable[[int], list[bytes]], repeated: Callable[[int], list[bytes]]
) -> None:
    """With three thousand members, callers or participants an event costs about what it costs with ten."""
    costs = []
    for size in (10, 3_000):
        part = kind(Reports(time.time))
        for event in parsed(*before(size)):
            part.handlers[type(event)](event)
        costs.append(seconds(part, parsed(*repeated(size))))
        assert part.view  # and what is shown is as large as it is
    assert costs[1] < 3 * costs[0]


async def test_others_have_their_turn_while_a_snapshot_is_read(fake: FakeAsterisk, mgr: Manager) -> None:
    """A long list is read in slices, between which other tasks go on."""
    members = [each.decode() for each in corpora.lists("members", 0)["QueueStatus"][: 8 * SLICE]]

    def answer(request: Request) -> object:
        identity = ("ActionID", request.action_id or "")
        items = [
            [tuple(line.split(": ", 1)) for line in text.replace("%s", identity[1]).strip().split("\r\n")]
            for text in members
        ]
        first = [("Response", "Success"), identity, ("EventList", "start")]
        return [first, *items, [("Event", "QueueStatusComplete"), identity, ("EventList", "Complete")]]

    fake.reply_to("QueueStatus", answer)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(take_turns())
    async with Live(mgr, parts=["queues"]) as live:
        task.cancel()
        assert sum(len(queue.members) for queue in live.queues.values()) == 8 * SLICE - len(live.queues)
        assert turns > 8
