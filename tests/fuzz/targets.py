"""What must hold of any bytes. Each check takes one input, and raises whatever is wrong with it.

The first bytes of an input say how the check goes about it; the rest is what the server sends.

The fuzzer learns from the instruments in the library which inputs are worth keeping, and they cost five times what the
library does. So it has two libraries: the checks are made with one that has none, and a path of each target goes
through the other, once.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, pairwise
from types import ModuleType
from typing import Any, Final

from aioami import Action, ConnectionLost, Event, ManagerError, ProtocolError, Response, core
from aioami._session.dispatch import Dispatcher, Selection
from aioami._session.pending import Outcome, Pending
from aioami._session.session import Session
from aioami._session.statistics import Tally
from aioami.actions.base import ACTIONS
from aioami.agi.answers import AnswerReader, Reply, parse_reply
from aioami.agi.environment import Environment
from aioami.events.base import EVENTS, parse
from aioami.fields import Field
from aioami.wire import Framer, Message, redact
from aioami.wire.text import Encoding

from .plain import has_follows, is_greeting, plain_command, plain_headers, plain_lines, plain_messages

__all__ = ["KINDS", "PATHS", "TARGETS", "look_into"]


def _second(name: str) -> ModuleType:
    """A module once more."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_framing = _second("aioami.wire.framing")
_framing._SMALL = 16  # so that short inputs, too, go the way of long messages
_QuickFramer: Final[type[Framer]] = _framing.Framer


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


# The framer


def framer(data: bytes) -> None:
    """Whole, cut anywhere, and byte by byte, the bytes hold the messages that the plain reader finds, or one error.

    Four bytes: the limit for the size of a message, the greeting, and two positions at which the bytes are cut.
    """
    size, flags, first, second = (*data[:4], 0, 0, 0, 0)[:4]
    data = data[4:]
    limit, banner = None if size & 1 else size, bool(flags & 1)
    cuts = sorted({0, first * len(data) // 256, second * len(data) // 256, len(data)})
    whole = _read(Framer(limit, banner=banner), [data])
    assert _read(Framer(limit, banner=banner), [data[start:end] for start, end in pairwise(cuts)]) == whole
    assert _read(_QuickFramer(limit, banner=banner), [data[n : n + 1] for n in range(len(data))]) == whole
    texts, greeting, error, buffered = whole
    follows = True
    if banner:
        line, end, rest = data.partition(b"\n")
        if not (end and is_greeting(line) and len(line) < 1024):
            assert (texts, greeting) == ([], None)
            assert error is not None or (not end and len(line) < 1024)
            return
        assert greeting == _decoded(line).rstrip("\r")
        data, follows = rest, has_follows(line)
    messages, start = plain_messages(data, follows=follows)
    sizes = [len(message.removesuffix(b"\r")) for message in messages]  # without the end of the last line
    if limit is None or all(size <= limit for size in sizes):
        assert texts == [_decoded(message) for message in messages]
        unfinished = len(data) - start
        assert (error is not None) == (limit is not None and unfinished > limit + len(b"\r\n\r"))
        assert buffered == (0 if error else unfinished)
    else:
        assert error is not None
        fitting = next(n for n, size in enumerate(sizes) if size > limit)
        assert texts == [_decoded(message) for message in messages[:fitting]]


def _read(reader: Framer, chunks: list[bytes]) -> tuple[list[str], str | None, str | None, int]:
    texts = [text for chunk in chunks for text in reader.feed(chunk)]
    # By its name, as the second framer's is another class.
    assert reader.error is None or type(reader.error).__name__ == "ProtocolError"
    return texts, reader.banner, reader.error and str(reader.error), reader.buffered


# Messages


_NAMES: Final = 5  # of each message: a few serve, and all would take most of the time


def _attributes(cls: type[Message]) -> list[str]:
    return [name for name in dir(cls) if isinstance(inspect.getattr_static(cls, name), (property, Field))]


_REPLIES: Final = {action.response_type for action in (*ACTIONS.values(), Action)}
KINDS: Final = [
    (cls, _attributes(cls)) for cls in (Message, *EVENTS.values(), *sorted(_REPLIES, key=lambda cls: cls.__name__))
]


def message(data: bytes) -> None:
    """A message has the headers that the plain reader finds, and no way to look into it raises anything.

    Two bytes: as which kind of event or response it is read.
    """
    kind = int.from_bytes(data[:2], "big") % len(KINDS)
    for text in Framer(banner=False).feed(data[2:] + b"\r\n\r\n"):
        plain = Message(text)
        if _was_checked(plain, kind):
            continue
        head, output = plain_command(plain_lines(text))
        headers, unparsed = plain_headers(head)
        assert (list(plain.headers), list(plain.unparsed)) == (headers, unparsed)
        assert list(plain.output) == (output or [value for name, value in headers if name.lower() == "output"])
        assert list(plain.items()) == list(zip(plain, plain.values(), strict=True)) == headers
        redacted, _ = plain_headers(plain_lines(redact(text)))
        assert [name for name, _ in redacted][: len(headers)] == [name for name, _ in headers]
        event = parse(text) if plain.kind == "event" else None
        found: dict[str, list[str]] = {}
        for name, value in headers:
            found.setdefault(name.lower(), []).append(value)
        for name in (*islice(plain, _NAMES), "ActionID", "", "("):
            values = found.get(name.lower(), [])
            assert plain.getall(name) == values
            assert plain.get(name) == (values[0] if values else None)
            if event is not None:
                values = event.getall(name)
                assert event.get(name) == (values[0] if values else None)
        cls, attributes = KINDS[kind]
        if issubclass(cls, Event):
            text = "\r\n".join((f"Event: {cls.wire_name}", *head))
        look_into(cls(text), attributes)


def _was_checked(plain: Message, kind: int) -> bool:
    """Whether the same bytes were read as the same kind, when the library had learned as much of such messages.

    Nothing else counts, and most inputs share all messages but one with an earlier input.
    """
    _ = plain.headers  # from which it learns
    learned = len(Message._layouts._known.get(plain._lines[: plain._lines.find("\n", 1)], ()))
    key = hash((bytes(plain), kind, learned))
    if key in _CHECKED:
        return True
    if len(_CHECKED) >= _MAX_CHECKED:
        _CHECKED.clear()
    _CHECKED.add(key)
    return False


_CHECKED: Final[set[int]] = set()
_MAX_CHECKED: Final = 500_000


def look_into(found: Message, attributes: list[str]) -> None:
    for name in attributes:
        getattr(found, name)
    assert len(found) == len(list(found.items())) == len(list(found.values()))
    for name in islice(found, _NAMES):
        assert name in found
        assert found[name] == found.get(name)
    repr(found)
    hash(found)
    found.to_dict()
    if hasattr(found, "get_lines"):
        list(found.get_lines())


# The session


class _Promise:
    """Takes one result, as a future does, unless it was cancelled."""

    def __init__(self) -> None:
        self.result: object = None

    def done(self) -> bool:
        return self.result is not None

    def cancel(self) -> None:
        self.result = self.result or "cancelled"

    def set_result(self, result: object, /) -> None:
        assert self.result is None
        assert result is not None
        self.result = result

    def set_exception(self, error: Exception, /) -> None:
        assert isinstance(error, ManagerError)
        self.set_result(error)


class _Listener:
    """Looks at every event that it gets."""

    selection = Selection(())

    def put(self, event: Event, /) -> None:
        assert event.name is not None

    def settle(self) -> None: ...

    def miss(self, gap: float, count: int = 0, why: str = "", /) -> None:
        raise AssertionError

    def finish(self, error: Exception | None, /) -> None:
        raise AssertionError


_ASKED: Final[tuple[Action[Any], ...]] = (
    core.Ping(),
    core.QueueStatus(),
    core.Originate_Application("Local/1@x", "Playback", ("x",)),
    core.Originate_Context("Local/1@x", "x", "1", 1, async_=False),
    core.AGI("Local/1@x-1", "ANSWER"),
    core.AGI("Local/1@x-1", "ANSWER", "7"),
    core.SIPqualify("peer1"),
    core.Command("core show channels"),
    core.Events("on"),
    core.Hangup("/^x/"),
    core.Login("admin", "s3cret"),
    core.Logoff(),
    Action("FAXStats"),
    Action("WaitEvent"),
    Action("IAXnetstats"),
    Action("NoSuchAction"),
)
_MAX_ITEMS: Final = 8


@dataclass
class _Asked:
    """An action, as the one who asked keeps it: with its outcome for as long as that may be waited for."""

    pending: Pending
    promise: _Promise
    outcome: Outcome | None
    waiting: _Promise | None = None

    def check(self) -> None:
        """A list that was handed over as whole has an end."""
        reply = self.promise.result
        if isinstance(reply, Response) and reply.success and (reply.get("EventList") or "").lower() == "start":
            end = reply.events.completion
            assert end is not None
            assert (end.get("EventList") or "").lower() == "complete" or end.name in ("FAXStats", "WaitEventComplete")

    def look(self) -> None:
        """Wait for the outcome once the action is accepted, and let go of it otherwise."""
        if self.outcome is None or not self.promise.done():
            return
        if isinstance(self.promise.result, Response) and self.promise.result.success:
            if self.waiting is None and self.outcome.result is None:
                self.waiting = _Promise()
                self.outcome.waiting.append(self.waiting)
        else:
            self.outcome = None


class _Client:
    """One session, and those who wait for something from it."""

    def __init__(self, *, gated: bool) -> None:
        self.dispatcher = Dispatcher()
        self.dispatcher.add(_Listener())
        self.tally = Tally()
        self.session = Session(
            self.dispatcher, clock=lambda: 0.0, max_list_items=_MAX_ITEMS, tally=self.tally, gated=gated
        )
        self.asked: list[_Asked] = []
        self.streamed = 0

    def ask(self, number: int, *, streamed: bool) -> None:
        action, action_id = _ASKED[number % len(_ASKED)], str(1 + number % 3)
        promise = _Promise()
        take = self._take if streamed else None
        with suppress(ValueError):  # an ActionID that is in use
            pending = self.session.submit(action, promise, action_id=action_id, on_item=take)
            self.asked.append(_Asked(pending, promise, pending.outcome))

    def _take(self, response: Response, item: Event | None) -> None:
        self.streamed += 1

    def write(self) -> None:
        for item in self.asked:
            item.pending.written = item.pending.written or not item.pending.forgotten

    def cancel(self, number: int) -> None:
        if self.asked:
            item = self.asked[number % len(self.asked)]
            item.promise.cancel()
            self.session.forget(item.pending)
            item.look()

    def receive(self, texts: list[str]) -> None:
        if self.session.error is None:
            self.session.receive(texts)
        assert self.session.error is None or isinstance(self.session.error, ProtocolError)
        assert len(self.session) <= len(self.asked)
        for item in self.asked:
            item.look()
            item.check()
            # The event that ends a list may be an item, too.
            assert item.pending.response is None or len(item.pending.response.events) <= _MAX_ITEMS + 1

    def lose(self) -> None:
        self.session.lose(ConnectionLost("the link is gone", sent=True))
        assert (len(self.session), len(self.dispatcher)) == (0, 1)
        assert self.tally.actions == self.tally.successes + self.tally.errors + self.tally.failures
        assert all(item.promise.done() for item in self.asked)
        assert all(item.waiting.done() for item in self.asked if item.waiting is not None)


def session(data: bytes) -> None:
    """Whatever comes, and whatever is asked and given up meanwhile, every promise is kept once, and none is left.

    Twelve bytes are what happens one after another, with the messages in between.
    """
    client = _Client(gated=data[:1] >= b"\x80")
    texts = iter(Framer(banner=False).feed(data[12:]))
    for step in data[:12]:
        number = step >> 3
        match step & 7:
            case 0 | 1 | 2 as kind:
                client.ask(number, streamed=kind == 2)
                client.write()
            case 3:
                client.ask(number, streamed=False)
            case 4:
                client.cancel(number)
            case 5 if number & 1:
                client.session.open_gate()
            case 5:
                client.write()
            case _:
                client.receive(list(islice(texts, 1 + number)))
    client.write()
    client.receive(list(texts))
    client.lose()


# Sessions of AGI


def answers(data: bytes) -> None:
    """Whole, cut anywhere, and byte by byte, the bytes of a FastAGI connection say the same, or are the same error.

    Three bytes: the limit for the size of an answer, and two positions at which the bytes are cut.
    """
    size, first, second = (*data[:3], 0, 0, 0)[:3]
    data = data[3:]
    cuts = sorted({0, first * len(data) // 256, second * len(data) // 256, len(data)})
    whole = _items([data], 16 + size)
    assert _items([data[start:end] for start, end in pairwise(cuts)], 16 + size) == whole
    assert _items([data[n : n + 1] for n in range(len(data))], 16 + size) == whole


def _items(chunks: list[bytes], limit: int) -> tuple[list[object], str | None]:
    reader = AnswerReader(Encoding(), max_environment=4 * limit, max_answer=limit)
    items: list[object] = []
    for chunk in chunks:
        for item in reader.feed(chunk):
            if isinstance(item, Reply):
                assert parse_reply(item.raw) == item
                assert item.data is None or item.data in item.raw
            items.append(item.values if isinstance(item, Environment) else item)
    return items, reader.error and str(reader.error)


# Paths


def answers_path(data: bytes) -> None:
    """The bytes of a FastAGI connection in one read."""
    _items([data[3:]], 16 + (data[0] if data else 0))


def framer_path(data: bytes) -> None:
    """A stream in two or three reads."""
    size, flags, first, second = (*data[:4], 0, 0, 0, 0)[:4]
    data = data[4:]
    cuts = sorted({0, first * len(data) // 256, second * len(data) // 256, len(data)})
    reader = Framer(None if size & 1 else size, banner=bool(flags & 1))
    _read(reader, [data[start:end] for start, end in pairwise(cuts)])


def message_path(data: bytes) -> None:
    """Each message that was not there before, as a reader without types takes it, and as what it is said to be."""
    kind = int.from_bytes(data[:2], "big") % len(KINDS)
    cls, attributes = KINDS[kind]
    for text in Framer(banner=False).feed(data[2:] + b"\r\n\r\n"):
        plain = Message(text)
        if _was_checked(plain, kind):
            continue
        repr(plain)
        head, _ = plain_command(plain_lines(text))
        found = cls("\r\n".join((f"Event: {cls.wire_name}", *head)) if issubclass(cls, Event) else text)
        for name in attributes:
            getattr(found, name)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "answers": answers,
    "framer": framer,
    "message": message,
    "session": session,
}
"""The checks by their names."""
PATHS: Final[dict[str, Callable[[bytes], None]]] = {
    "answers": answers_path,
    "framer": framer_path,
    "message": message_path,
    "session": session,
}
"""The path of each check that shows the fuzzer what an input reaches."""
