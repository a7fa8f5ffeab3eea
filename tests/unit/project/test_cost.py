"""What an event costs, in instructions of the interpreter: counted, so that it is the same each time and on every machine.

The count is compared with that of a plain parser, which makes a dictionary of each event, in the same interpreter. A change that
makes any of these a fifth more costly fails here; whoever means it writes the new figure down.
"""

from __future__ import annotations

import lzma
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from aioami import Event, EventStream, actions, core
from aioami._client.buffers import Buffer
from aioami._session.dispatch import Dispatcher, Selection
from aioami._session.session import Session
from aioami.wire import Framer, message

RECORDING = Path(__file__).parents[2] / "data/busy-22.bin.xz"

# Instructions for each event or action, as a part of those that the plain parser needs for an event: up to Python 3.13,
# and from 3.14 on, whose compiler makes fewer instructions of loops over names like those of the plain parser.
COSTS = {
    "three fields": (0.50, 0.54),
    "all headers": (0.82, 0.80),
    "one name": (0.12, 0.12),
    "an action": (2.28, 2.65),
    "an item of a list": (0.59, 0.79),
    "a further subscriber": (0.086, 0.08),
}


class Counter:
    """Takes events, and looks at them."""

    def __init__(self, names: tuple[str, ...], look: Callable[[Event], object]) -> None:
        self.selection = Selection(names)
        self.look = look
        self.count = 0

    def put(self, event: Event) -> None:
        self.count += 1
        self.look(event)

    def settle(self) -> None: ...

    def miss(self, gap: float, count: int = 0, why: str = "") -> None: ...

    def finish(self, error: Exception | None) -> None: ...


def instructions(work: Callable[[], object]) -> int:
    """How many instructions the interpreter executes; what is written in C counts as one."""
    count = 0

    def trace(frame: FrameType, what: str, argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += what == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def some_events() -> bytes:
    data = lzma.decompress(RECORDING.read_bytes())
    events = [each for each in data.split(b"\r\n\r\n") if each.startswith(b"Event: ")]
    return b"\r\n\r\n".join(events[1000:2000]) + b"\r\n\r\n"


def plain(data: bytes) -> int:
    """Make a dictionary of each event, as one would without a library."""
    count = 0
    for frame in data.decode("utf-8", "surrogateescape").split("\r\n\r\n"):
        event = {}
        for line in frame.split("\r\n"):
            name, _, value = line.partition(": ")
            event[name] = value
        count += 1
    return count


def listening(data: bytes, names: tuple[str, ...], look: Callable[[Event], object]) -> Callable[[], None]:
    def listen() -> None:
        dispatcher = Dispatcher()
        dispatcher.add(Counter(names, look))
        session, framer = Session(dispatcher, clock=lambda: 0.0), Framer(banner=False)
        for start in range(0, len(data), 1 << 16):
            session.receive(framer.feed(data[start : start + (1 << 16)]))

    return listen


def three_fields(event: Event) -> None:
    event["Event"], event.get("Channel"), event.get("Uniqueid")


def all_headers(event: Event) -> None:
    for _name, _value in event.items():
        pass


class Promise:
    def done(self) -> bool:
        return False

    def set_result(self, result: Any) -> None: ...

    def set_exception(self, error: Exception) -> None: ...


def acting() -> None:
    session = Session(Dispatcher(), clock=lambda: 0.0)
    for number in range(1000):
        session.submit(core.Ping(), Promise(), action_id=f"x-{number}").written = True
        session.receive([f"Response: Success\r\nActionID: x-{number}\r\nPing: Pong\r\nTimestamp: 1.0\r"])


def listed() -> None:
    session, framer = Session(Dispatcher(), clock=lambda: 0.0), Framer(banner=False)
    session.submit(actions.QueueStatus(), Promise(), action_id="x").written = True
    session.receive(["Response: Success\r\nActionID: x\r\nEventList: start\r"])
    item = b"Event: QueueMember\r\nActionID: x\r\nQueue: support\r\nName: Agent\r\nStatus: 1\r\nPaused: 0\r\n\r\n"
    session.receive(framer.feed(item * 1000))


def one_more_subscriber() -> None:
    """What a stream that only counts does with 1000 events: they are put in, and taken out by `async for`."""

    async def count(stream: EventStream[Event]) -> None:
        async for _event in stream:
            pass

    buffer = Buffer(Selection(()), None, None)
    put = buffer.put
    for event in SOME:
        put(event)
    buffer.settle()
    buffer.finish(None)
    with pytest.raises(StopIteration):
        count(EventStream(buffer, lambda: None)).send(None)


SOME = [Event("Event: X\r\nChannel: y\r")] * 1000


@pytest.mark.parametrize("name", COSTS)
def test_nothing_costs_a_fifth_more_than_it_did(name: str) -> None:
    """The part of the plain parser's instructions that each of these needs is what it was, or less."""
    data = some_events()
    work = {
        "three fields": listening(data, (), three_fields),
        "all headers": listening(data, (), all_headers),
        "one name": listening(data, ("Hangup",), three_fields),
        "an action": acting,
        "an item of a list": listed,
        "a further subscriber": one_more_subscriber,
    }[name]
    message.Message._layouts.clear()
    for _ in range(message.Message._layouts.worth_learning + 1):
        work()  # what is loaded, looked up and learned once
    instructions(lambda: plain(b"a: b"))  # Python 3.13 does not count the first time
    part = instructions(work) / instructions(lambda: plain(data))
    cost = COSTS[name][sys.version_info >= (3, 14)]
    assert part <= 1.2 * cost, f"{name}: {part:.3f} of the plain parser"
    assert part >= 0.7 * cost, f"{name} needs only {part:.3f} now: write that down"
