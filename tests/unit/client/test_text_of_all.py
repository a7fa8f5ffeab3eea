"""Text of all public objects: none has half a character, which could be printed, stored and sent as JSON nowhere.

The objects are found by walking: what the package exports, and all that objects in use have and return.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import inspect
import io
import json
import logging
import pkgutil
import re
import types
import warnings
from collections.abc import Awaitable, Collection, Iterator, Mapping
from enum import Enum
from itertools import islice, product
from pathlib import Path
from typing import Any, Final, get_origin

import pytest
from rich.console import Console
from tests.helpers import until

import aioami
from aioami import (
    Action,
    ActionError,
    CommandFailed,
    Event,
    EventList,
    Fleet,
    Manager,
    ManagerError,
    Response,
    actions,
    agi,
    calls,
    core,
    events,
    fields,
    live,
)
from aioami.actions.base import KnownAction
from aioami.actions.parameters import Parameter, one_of
from aioami.cli.output import Form, Printer
from aioami.fleet import FleetLive
from aioami.metrics import Metrics
from aioami.permissions import Demand, of_use
from aioami.testing import Account, EventFilter, FakeAsterisk, FakeFleet, FaultProxy, Recording, RecordingError
from aioami.url import read_url
from aioami.wire import Encoding, Framer
from aioami.wire.recordings import Recorder

ODD: Final = b"J\xfcrgen \xe9\xff"


HALF: Final = re.compile("[\ud800-\udfff\uf780-\uf7ff]")


def lone(text: str) -> bool:
    """True for text with half a character, or with the private character that stands for one within the fake server."""
    return not text.isascii() and HALF.search(text) is not None


# Modules that users import from, by the rule of the architecture: those without an underscore, at the top level.
MODULES: Final = (
    aioami,
    *(
        importlib.import_module(f"aioami.{each.name}")
        for each in pkgutil.iter_modules(aioami.__path__)
        if not each.name.startswith("_")
    ),
)
# What changes the object or the server.
ACTS: Final = frozenset(
    [
        "abort",
        "boot",
        "clear",
        "close",
        "connect",
        "copy",
        "cut",
        "decline",
        "detach",
        "drop",
        "ended",
        "events",
        "flood",
        "garbage",
        "half_frame",
        "hang_up",
        "mute",
        "next",
        "on",
        "park",
        "pick_up",
        "pop",
        "popitem",
        "reorder",
        "reset",
        "resume",
        "reverse",
        "shut_down",
        "sort",
        "stall",
        "start",
        "wait_closed",
        "wait_for",
        "to_pandas",
        "to_polars",
    ]
)
# The public classes of which the walk sees no object; it may not become longer without a reason.
OF_THE_BUS: Final = frozenset({"aioami.bus.Discovery", "aioami.bus.RemoteManager", "aioami.bus.RemoteStream"})
LEFT_OUT: Final = {
    "aioami.ManagerLike": "a protocol",
    "aioami.View": "a protocol",
    **dict.fromkeys(OF_THE_BUS, "in tests/unit/bus/test_text_of_the_bus.py"),
}
PLAIN: Final = (int, float, bytes, bytearray, type(None), types.ModuleType, types.FunctionType)


class Walk:
    """Everything that can be reached from objects by their public properties, and methods without arguments."""

    def __init__(self) -> None:
        self.seen: dict[int, object] = {}
        self.texts = 0
        self.wrong: list[str] = []

    @property
    def classes(self) -> set[type]:
        """All classes of which something was seen."""
        return {base for each in self.seen.values() for base in type(each).__mro__}

    def look(self, found: object, path: str, depth: int = 7) -> None:
        if isinstance(found, str):
            self.texts += 1
            if lone(found) and "].exchange." not in path:  # within the fake server a private character is one
                self.wrong.append(f"{path}: {found!r}")
        if (
            depth == 0
            or id(found) in self.seen
            or ((type(found) is str or isinstance(found, PLAIN)) and not is_own(found))
        ):
            return
        self.seen[id(found)] = found
        if isinstance(found, type):
            self._look_into_class(found, path, depth)
            return
        if is_own(found) or isinstance(found, BaseException):
            self.look(f"{found!r} {found!s} {found}", f"repr({path})")
        if isinstance(found, Mapping):
            for name, value in list(found.items()):
                self.look(name, f"{path}.keys()", depth - 1)
                self.look(value, f"{path}[{name!r}]", depth - 1)
        elif isinstance(found, (Collection, types.GeneratorType)) and not isinstance(found, str):
            for number, each in enumerate(islice(found, 1000)):  # as delays have no end
                self.look(each, f"{path}[{number}]", depth - 1)
        if isinstance(found, BaseException):
            self.look([*found.args, found.__cause__, getattr(found, "__notes__", None)], path, depth - 1)
        if is_own(found):
            self._look_into(found, path, depth)

    def _look_into_class(self, found: type, path: str, depth: int) -> None:
        if issubclass(found, Enum):
            self.look(list(found), path, depth - 1)
        for name, value in members_of(found).items():
            if is_own(value) and not name.startswith("_"):
                self.look(value, f"{path}.{name}", depth - 1)

    def _look_into(self, found: object, path: str, depth: int) -> None:
        for name in vars(found) if hasattr(found, "__dict__") else ():
            if not name.startswith("_"):
                self.look(getattr(found, name), f"{path}.{name}", depth - 1)
        for name in readable_of(type(found)):
            try:
                value = getattr(found, name, None)
                value = value() if callable(members_of(type(found))[name]) else value
            except (AssertionError, ManagerError, RuntimeError, ValueError) as error:  # of what there is not
                value = error
            self.look(value, f"{path}.{name}", depth - 1)


@functools.cache
def members_of(cls: type) -> dict[str, Any]:
    """What the package's own classes give to a class, by name."""
    return {name: value for base in cls.__mro__[::-1] if is_own(base) for name, value in vars(base).items()}


@functools.cache
def readable_of(cls: type) -> list[str]:
    """The names of a class's properties, and of its methods that need nothing and change nothing."""
    return [
        name
        for name, kind in members_of(cls).items()
        if not (name.startswith("_") and not name.startswith("_repr_"))
        and not (isinstance(kind, (staticmethod, classmethod, type)) or name in ACTS)
        and not (callable(kind) and (inspect.iscoroutinefunction(kind) or not needs_nothing(kind)))
    ]


def is_own(found: object) -> bool:
    """True for classes of the package, and what is of them."""
    return (found if isinstance(found, type) else type(found)).__module__.startswith("aioami")


def needs_nothing(method: Any) -> bool:
    """True if a method can be called without arguments."""
    try:
        parameters = list(inspect.signature(method).parameters.values())[1:]
    except (TypeError, ValueError):
        return False
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(each.default is not each.empty or each.kind in kinds for each in parameters)


def public_classes() -> dict[type, str]:
    """The classes that the public modules export, and the name of each."""
    found: dict[type, str] = {}
    for module in MODULES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            named = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
        for name, each in named.items():
            # Until Python 3.10 `Callable[...]` is a class, too.
            if isinstance(each, type) and get_origin(each) is None and each.__module__.startswith("aioami"):
                found.setdefault(each, f"{module.__name__}.{name}")
    return found


async def odd_call(mgr: Manager) -> str:
    """Place a call whose number, names, id and variables have odd bytes; return its channel."""
    outcome = mgr.wait_for("OriginateResponse", timeout=5)
    await mgr.send(
        core.Originate_Application(
            b"PJSIP/\xfc12",
            "Wait",
            ("600",),
            callerid=b'"' + ODD + b'" <1\xfc2>',
            channel_id=b"id-\xfc",
            variables={"AMITEST": ODD},
        )
    )
    return (await outcome)["Channel"]


def frames(lists: list[EventList[Any]]) -> list[Any]:
    """What data frames of these lists hold, and how they are printed and stored."""
    assert lists
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("polars")
    found: list[Any] = []
    for each in lists:
        with pandas.option_context("display.max_columns", None, "display.width", None):
            one, other = each.to_pandas(), each.to_polars()
            found += [one.to_dict("records"), one.to_csv(), repr(one), list(one.columns)]
            found += [other.to_dicts(), repr(other), other.columns]
            one.to_json(date_format="iso").encode()
            other.write_ndjson().encode()
    return found


def printed(seen: list[Event], replies: list[Response]) -> list[str]:
    """What the command line prints of these messages, in each form, on a terminal and in a pipe."""
    found = []
    for form, terminal in product(Form, (True, False)):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=200, soft_wrap=True, highlight=False)
        printer = Printer(form, console)
        for event in seen:
            printer.event(event)
        for reply in replies:
            printer.response(reply)
            if reply.events:
                printer.table(reply.events)
        found.append(console.file.getvalue())  # type: ignore[attr-defined]
    return found


async def office(walk: Walk, version: str, path: Path) -> None:
    """Messages in all their forms, calls, the live state, recordings."""
    tracer = calls.CallTracer()
    async with FakeAsterisk(version=version, talk_seconds=None) as fake:
        fake.phone("PJSIP/\udcfc12")
        async with Manager.from_url(fake.url, record=path) as mgr:
            with mgr.events() as stream:
                async with live.Live(mgr) as state:
                    await state.wait_synced(timeout=5)
                    await odd_call(mgr)
                    await mgr.send(actions.QueueAdd(queue="support", interface=b"PJSIP/\xfc", membername=ODD))
                    await mgr.send(actions.DBPut(b"f\xfc", b"k\xfc", ODD))
                    replies = [
                        await mgr.send(each, check=False)
                        for each in (
                            core.CoreShowChannels(),
                            core.Status(None),
                            core.QueueStatus(),
                            actions.DBGet(b"f\xfc", b"k\xfc"),
                            core.Command(b"core show \xfc"),
                            Action(b"N\xfc", {b"K\xfc": ODD}),
                        )
                    ]
                    with pytest.raises(ActionError) as refused:
                        await mgr.send(core.Hangup(b"PJSIP/\xfc-none"))
                    await fake.send_event("UserEvent", {"UserEvent": ODD, "K\udcff": ODD})
                    await fake.send_raw(b"Response: Success\r\nActionID: \xff\r\nH\xff: h\xff\r\n\r\n\xff\r\n\r\n")
                    await mgr.send(core.Ping())
                    await until(lambda: state.channels and stream.pending > 10)
                    seen = [await stream.__anext__() for _ in range(stream.pending)]
                    for second, each in enumerate(seen):
                        tracer.take(each, float(second))
                    walk.look(seen, "events")
                    walk.look(replies, "replies")
                    walk.look(frames([each.events for each in replies if each.events]), "data frames")
                    walk.look(printed(seen, replies), "command line")
                    walk.look([state.channels, state.bridges, state.queues, state.calls()], "live")
                    walk.look([tracer, tracer.calls()], "tracer")
                    walk.look(
                        [refused.value, mgr, stream, fake, fake.received, fake.calls(), fake.connections], "others"
                    )
        recording = Recording.load(path)
        walk.look([recording, recording.received, recording.sent, recording.events, recording.entries], "recording")
    assert any(r"\xfc" in repr(each) for each in seen)
    json.dumps([each.to_dict(typed=True, attributes=True) for each in seen], ensure_ascii=False, default=str).encode()
    path.read_bytes().decode()


async def sessions_and_fleets(walk: Walk) -> None:
    """What is held of a call, what a session of AGI has and hears, and all parts of the live state of a fleet."""
    sessions: list[Any] = []
    failed: list[CommandFailed] = []
    done = asyncio.Event()

    async def program(session: agi.Session) -> None:
        sessions.extend([session, await session.get(b"V\xfc"), await session.command("NOOP", ODD)])
        sessions.extend(
            [await session.ask("a", digits=9), await session.record("f\\xfc"), await session.dial("PJSIP/x")]
        )
        with pytest.raises(CommandFailed) as caught:
            await session.command("SET VARIABLE", b"\xfc", ODD)
        failed.append(caught.value)
        done.set()
        await asyncio.Event().wait()

    async with FakeAsterisk(talk_seconds=None) as fake:
        fake.phone("PJSIP/\udcfc12")
        item = {"Event": "OutboundRegistrationDetail", "ObjectName": "r\udcfc", "ServerUri": ODD, "Status": ODD}
        end = {"Event": "OutboundRegistrationDetailComplete", "EventList": "Complete"}
        fake.reply_to(
            actions.PJSIPShowRegistrationsOutbound, [{"Response": "Success", "EventList": "start"}, item, end]
        )
        parts: Any = (*live.DEFAULT_PARTS, "hints", "parking", "conferences", "mailboxes", "endpoints", "registrations")
        parts = tuple(dict.fromkeys(parts))
        async with (
            Fleet({"pbx": fake.url}) as fleet,
            FleetLive(fleet, parts=parts) as lives,
            agi.FastAGI(program, port=0) as server,
        ):
            mgr = fleet["pbx"]
            with fleet.events() as stream:
                changes, lived = lives.changes(), lives["pbx"].changes()
                call = await mgr.call(b"PJSIP/\xfc12", to="wait@test", caller_id=b'"' + ODD + b'" <1\xfc>')
                told = call.changes()
                await call.answered(5)
                await fake.send_event(
                    "ExtensionStatus", {"Exten": "2\udcfc", "Context": "c", "Hint": "x\udcff", "Status": "0"}
                )
                await fake.send_event(
                    "MessageWaiting", {"Mailbox": "1\udcfc@default", "Waiting": "1", "New": "1", "Old": "0"}
                )
                await until(lambda: lives["pbx"].channels)
                shown = [lives["pbx"].calls(), *(getattr(lives["pbx"], each) for each in parts)]
                walk.look([fleet, lives, mgr, lives["pbx"], fleet.health(), fleet.statistics(), *shown], "fleet")
                await call.hang_up()
                await call.ended(5)
                await until(lambda: lives["pbx"].ended)
                walk.look([call, call.to_dict(), [each async for each in told], lives["pbx"].ended], "call")
                seen = [await stream.__anext__() for _ in range(stream.pending)]
                walk.look([stream, *seen], "events of a fleet")
                walk.look([await changes.__anext__(), await lived.__anext__()], "changes")
                with pytest.raises(ManagerError) as refused:
                    await call.press("1")
                walk.look(refused.value, "refused")

            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"agi_network: yes\nagi_channel: PJSIP/\xfc\nagi_arg_1: " + ODD + b"\nagi_\xfc: \xff\n\n")
            answers = (
                *(b"200 result=1 (" + ODD + b")", b"200 result=0 \xff"),
                *(b"200 result=1\xfc (timeout)", b"200 result=0 (timeout) endpos=1"),
                *(b"200 result=0", b"200 result=1 (0,c\xfc,1,1)", b"200 result=6", b"200 result=1 (N\xfc)"),
                b"510 Invalid \xff command",
            )
            for answer in answers:
                await reader.readline()
                writer.write(answer + b"\n")
            await asyncio.wait_for(done.wait(), 5)
            walk.look([*sessions, *failed, *(each.reply for each in failed), server], "agi")
            writer.close()
    assert any(r"\xfc" in repr(each) for each in seen)
    assert r"\xfc" in repr(sessions)
    assert r"\xfc12" in repr(call)


async def places_and_threads(walk: Walk) -> None:
    """Who waits in a queue, talks in a bridge or in a room, or is parked; streams, views, sessions, and managers that block."""
    async with FakeAsterisk(talk_seconds=None) as fake, Manager.from_url(fake.url) as mgr, agi.AsyncAGI(mgr) as asynced:
        for number in range(4):
            fake.phone(f"PJSIP/\udcfc{number}")
        parts: Any = (*live.DEFAULT_PARTS, "parking", "conferences")
        async with live.Live(mgr, parts=tuple(dict.fromkeys(parts))) as state:
            for number, (name, data) in enumerate((("Queue", "empty"), ("ConfBridge", "r"), ("Park", ""))):
                channel, caller = b"PJSIP/\xfc%d" % number, b'"' + ODD + b'" <1\xfc2>'
                await mgr.send(core.Originate_Application(channel, name, (data,), callerid=caller))
            await mgr.send(core.Originate_Context(b"PJSIP/\xfc3", "test", "dial", 1, callerid=caller))
            await until(lambda: any(each.callers for each in state.queues.values()))
            await until(lambda: any(each.participants for each in state.conferences.values()))
            await until(lambda: any(each.calls for each in state.parking.values()) and state.bridges)
            walk.look([state.queues, state.conferences, state.parking, state.bridges, state.calls(), state], "places")
            with mgr.stream(core.CoreShowChannels()) as listed:
                walk.look([[each async for each in listed], listed], "list")
            walk.look([mgr.view, mgr.required_permissions(), asynced], "view")

        def blocking() -> None:
            with aioami.in_thread(Manager.from_url(fake.url)) as blocked, blocked.events() as stream:
                reply = blocked.send(core.CoreShowChannels())
                with blocked.stream(core.CoreShowChannels()) as listed:
                    walk.look([list(listed), listed, blocked.on("User*")], "list in a thread")
                blocked.send(core.UserEvent(UserEvent=ODD))
                with blocked.call(b"PJSIP/\xfc3", to="wait@test", caller_id=ODD) as call:
                    changes = call.changes()
                    walk.look([call, changes, next(changes)], "call in a thread")
                walk.look([reply, reply.events, next(iter(stream)), stream, blocked], "thread")
            with aioami.in_thread(Fleet({"pbx": fake.url})) as fleet:
                walk.look([fleet, fleet.health()], "fleet in a thread")

        await asyncio.to_thread(blocking)


# Bytes that each header of a message has in turn: what is no text, and what its class reads as more than text.
VALUES: Final = (ODD, b"A\xfc=\xff,B=\xfc")
# What the parameters of actions take that take no bytes.
ARGUMENTS: Final = (ODD, 1, True, (ODD,), {"A": ODD})
MADE: Final = (
    Action(b"N\xfc", {b"K\xfc": ODD}),
    actions.Filter(ODD),
    actions.Filter(ODD, match_criteria=b"name(\xfc),method(exact)"),
    core.Login(ODD, ODD, challenge="1"),  # type: ignore[arg-type]
    core.ModuleLoad("load", ODD),
    core.MuteAudio(ODD, input=True),
    core.Originate_Application(ODD, ODD, (ODD,), callerid=ODD, variables={"A": ODD}, account=ODD),
    core.Originate_Context(ODD, ODD, ODD, ODD, callerid=ODD, variables={"A": ODD}, account=ODD),
    actions.PJSIPNotify(ODD, variable={"A": ODD}),
    core.Park(ODD, ODD),
    core.SIPnotify(ODD, {"A": ODD}),
    core.UpdateConfig(ODD, ODD, [("Append", ODD, ODD, ODD, None)]),
    core.UserEvent(UserEvent=ODD),
    actions.WaitEvent(1),
)


def of_class(cls: type[Any], head: bytes) -> Iterator[Any]:
    """Messages of a class, each of whose headers has odd bytes."""
    names: list[str] = []
    for each in (inspect.getattr_static(cls, name) for name in dir(cls)):
        if isinstance(each, fields.Field):
            names.append(each.header)
        elif isinstance(each, fields.Numbered):
            names += [each.prefix.format(0) + field.header for field in fields.fields_of(each.view).values()]
    for value in VALUES:
        lines = [head, *(b"%b: %b" % (name.encode(), value) for name in dict.fromkeys(names))]
        lines += [b"%b: %b" % (name, value) for name in (b"H\xfc", b"ChanVariable(PJSIP/\xfc)", b"Category-000000")]
        lines += [b"Line-000000-000000: %b=%b" % (value, value), b"Output: %b" % value, b"", b""]
        (text,) = Framer(banner=False).feed(b"\r\n".join(lines))
        yield cls(text)


def made(cls: type[KnownAction[Any]]) -> Action[Any]:
    """An action, with odd bytes in each parameter that takes them."""
    given = {}
    for name, parameter in inspect.getmembers(cls, lambda each: isinstance(each, Parameter)):
        kind = parameter.kind
        for value in kind.allowed if isinstance(kind, one_of) else ARGUMENTS:
            with contextlib.suppress(TypeError, ValueError):
                parameter.encode(value)
                given[name] = value
                break
    return cls(**given)


def catalogue(walk: Walk) -> None:
    """Each class of an event, an action or a response, with odd bytes in each header; and what the fake server answers."""
    for cls in public_classes():
        if issubclass(cls, Event):
            walk.look(list(of_class(cls, b"Event: E\xfc")), cls.__name__)
        elif issubclass(cls, Response):
            walk.look(list(of_class(cls, b"Response: Success\xfc")), cls.__name__)
        elif issubclass(cls, KnownAction) and cls.__init__ is KnownAction.__init__:
            walk.look(made(cls), cls.__name__)
    walk.look(MADE, "actions")
    walk.look([*public_classes()], "classes")


async def errors_and_kit(walk: Walk, path: Path) -> None:
    """What is raised, with what the server said; and what tests and programs make by hand."""
    raised: list[BaseException] = []

    async def fails(awaitable: Awaitable[Any]) -> None:
        with pytest.raises(ManagerError) as caught:
            await awaitable
        raised.append(caught.value)

    users = {"few\xfc": Account(secret="s", write="system", event_filters=(EventFilter.parse(r"!\xfc"),))}
    async with (
        FakeFleet({"a": FakeAsterisk(), "b": FakeAsterisk(users=users, refuse_login="No")}) as fakes,
        FaultProxy(fakes["a"].host, fakes["a"].port) as proxy,
    ):
        fake = fakes["a"]
        async with Manager(proxy.host, proxy.port, "admin", "s3cret", reconnect=False, max_frame_size=1 << 17) as mgr:
            fake.phone("PJSIP/\udcfc1")
            for answer in ("Permission denied", "Invalid/unknown command", "N\udcfc"):
                fake.reply_to("N", {"Response": "Error", "Message": answer, "K\udcfc": ODD})
                await fails(mgr.send(Action("N", {b"K\xfc": ODD})))
            silent = Action(b"N\xfc", {b"K\xfc": ODD})
            fake.reply_to(silent, None)
            await fails(mgr.send(silent, timeout=0.01))
            call = await mgr.call(b"PJSIP/\xfcnone", to="wait@test")
            await fails(call.answered(5))
            async with agi.AsyncAGI(mgr) as asynced:
                fake.add_extension("menu", "AGI(agi:async)")
                fake.incoming("PJSIP/\udcfc1", to="menu")
                session = await anext(asynced)
                await mgr.send(core.Redirect(session.channel, "test", "wait", 1))
                await fails(session.answer())
            stream = mgr.events("U*", where=lambda event: True, maxsize=1, on_loss="raise")
            for _ in range(3):
                await fake.send_event("U\udcfc", {"K": ODD})
            await until(lambda: stream.dropped)
            await fails(anext(stream))
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                next_event = mgr.wait_for("Hangpu")
                subscription = mgr.on(events.Hangup)
            application = calls.Application("Wait", ODD)
            placed = mgr.call(b"PJSIP/\xfc1", to=application)
            walk.look([application, placed, [each.message for each in told], next_event, subscription], "placed")
            await placed
            expected = fake.expect(Action("E", {"K": "\udcfc"}), K=b"\xfc")
            walk.look([expected, fake.phone("PJSIP/\udcfc1"), users, fakes, proxy], "kit")
            await mgr.send(Action("E", {"K": b"\xfc"}), check=False)
            walk.look(await expected, "request")
            lost = mgr.events("Lost")
            await fake.send_raw(b"\xff" * (1 << 18))
            await fails(anext(lost))
        await fails(mgr.send(core.Ping()))
        await fails(Manager(fakes["b"].host, fakes["b"].port, "few\xfc", "s").connect())
        path.write_bytes(b'{"recording": "J\xfc')
        with pytest.raises(RecordingError) as wrong:
            Recording.load(path)
        connecting = aioami.connect(f"ami://u%FC:s@{fake.host}:{fake.port}?encoding=latin-1")
    walk.look([*raised, wrong.value, connecting], "raised")
    tracer = calls.CallTracer()
    for each in (b"Newchannel", b"Hangup"):
        channel = b"Channel: PJSIP/\xfc\r\nUniqueid: 1\xfc\r\nLinkedid: 1\xfc\r\n"
        (text,) = Framer(banner=False).feed(b"Event: %b\r\n%bCallerIDName: %b\r\n\r\n" % (each, channel, ODD))
        tracer.take(events.parse(text), 1.0)
    steps = [step for trace in tracer.calls() for step in trace.steps]
    ladder = calls.Ladder()
    walk.look([ladder, *(ladder.draw(step) for step in steps), *(step.words for step in steps)], "ladder")
    given = [Framer(), Encoding(), aioami.Backoff(), agi.Routes(), Metrics(), Recorder(path)]
    demands = [Demand.of(each.name, each.headers) for each in MADE]
    walk.look([given, read_url("ami://u%FC:s@h?event_mask=%FC"), demands, of_use(demands, ["U\xfc*"])], "made")


async def test_no_text_of_any_public_object_has_half_a_character(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All that public objects show and return can be encoded, and so can logs; no public class is left out without a reason."""
    caplog.set_level(logging.DEBUG)
    walk = Walk()
    await office(walk, "16", tmp_path / "16.jsonl")
    await office(walk, "22", tmp_path / "22.jsonl")
    await sessions_and_fleets(walk)
    await places_and_threads(walk)
    await errors_and_kit(walk, tmp_path / "wrong.jsonl")
    catalogue(walk)
    walk.look([record.getMessage() for record in caplog.records], "logs")
    assert not walk.wrong
    assert walk.texts > 100_000
    assert {name for cls, name in public_classes().items() if cls not in walk.classes} == LEFT_OUT.keys()
