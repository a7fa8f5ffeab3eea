"""Text between a program and a server: in the default nothing that can be printed nowhere, and each byte if it is asked for."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import io
import json
import logging
import types
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

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
    ManagerAuthError,
    ManagerError,
    Response,
    actions,
    agi,
    calls,
    core,
    events,
    live,
)
from aioami.cli.output import Form, Printer
from aioami.fleet import FleetLive
from aioami.testing import Account, FakeAsterisk, Recording
from aioami.wire import Framer, Message

ODD = b"J\xfcrgen \xe9\xff"


def lone(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


class Walk:
    """Everything that can be reached from objects by their public properties, and methods without arguments."""

    def __init__(self) -> None:
        self.seen: dict[int, object] = {}
        self.texts = 0
        self.wrong: list[str] = []

    def look(self, found: object, path: str, depth: int = 7) -> None:
        if isinstance(found, str):
            self.texts += 1
            if lone(found):
                self.wrong.append(f"{path}: {found!r}")
            return
        if (
            depth == 0
            or id(found) in self.seen
            or isinstance(found, (int, float, bytes, type(None), type, types.ModuleType))
        ):
            return
        self.seen[id(found)] = found
        self.look(repr(found), f"repr({path})")
        self.look(str(found), f"str({path})")
        if isinstance(found, Mapping):
            for name, value in list(found.items()):
                self.look(name, f"{path}.keys()", depth - 1)
                self.look(value, f"{path}[{name!r}]", depth - 1)
        elif isinstance(found, (list, tuple, set, frozenset)):
            for number, each in enumerate(found):
                self.look(each, f"{path}[{number}]", depth - 1)
        if not type(found).__module__.startswith("aioami"):
            return
        for name in vars(found) if hasattr(found, "__dict__") else ():
            if not name.startswith("_"):
                self.look(getattr(found, name), f"{path}.{name}", depth - 1)
        for name in dir(type(found)):
            if name.startswith("_") and not name.startswith("_repr_"):
                continue
            kind = inspect.getattr_static(type(found), name)
            if callable(kind) and not isinstance(kind, (staticmethod, classmethod, type)):
                if inspect.iscoroutinefunction(kind) or not self._needs_nothing(kind) or name in ACTS:
                    continue
                self.look(getattr(found, name)(), f"{path}.{name}()", depth - 1)
            elif not callable(kind) and not isinstance(kind, (staticmethod, classmethod)):
                try:
                    value = getattr(found, name, None)
                except RuntimeError as error:  # of what there is not
                    value = str(error)
                self.look(value, f"{path}.{name}", depth - 1)

    def _needs_nothing(self, function: Any) -> bool:
        try:
            parameters = list(inspect.signature(function).parameters.values())[1:]
        except (TypeError, ValueError):
            return False
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return all(each.default is not each.empty or each.kind in kinds for each in parameters)


# What changes the object or the server, or needs a library that may not be there.
ACTS = {
    "on",
    "wait_for",
    "start",
    *(
        "clear",
        "pop",
        "popitem",
        "sort",
        "reverse",
        "close",
        "drop",
        "reset",
        "half_frame",
        "garbage",
        "stall",
        "resume",
    ),
    *(
        "start",
        "boot",
        "shut_down",
        "flood",
        "reorder",
        "events",
        "to_pandas",
        "to_polars",
        "copy",
        "decline",
        "pick_up",
    ),
}


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


@pytest.mark.parametrize("version", ["16", "22"])
async def test_by_default_no_text_has_half_a_character(
    version: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All that public objects show, and what they return, is text that can be encoded: messages, calls, live objects, logs."""
    caplog.set_level(logging.DEBUG)
    walk, path = Walk(), tmp_path / "link.jsonl"
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
    walk.look([record.getMessage() for record in caplog.records], "logs")
    assert any(r"\xfc" in repr(each) for each in seen)
    assert walk.texts > 3000
    assert not walk.wrong
    json.dumps([each.to_dict(typed=True, attributes=True) for each in seen], ensure_ascii=False, default=str).encode()
    path.read_bytes().decode()


async def test_by_default_no_text_of_calls_sessions_and_fleets_has_half_a_character(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is held of a call, what a session of AGI has and hears, and all parts of the live state of a fleet."""
    caplog.set_level(logging.DEBUG)
    walk = Walk()
    sessions: list[Any] = []
    failed: list[CommandFailed] = []
    done = asyncio.Event()

    async def program(session: agi.Session) -> None:
        sessions.extend([session, await session.get(b"V\xfc"), await session.command("NOOP", ODD)])
        with pytest.raises(CommandFailed) as caught:
            await session.command("SET VARIABLE", b"\xfc", ODD)
        failed.append(caught.value)
        done.set()
        await asyncio.Event().wait()

    async with FakeAsterisk(talk_seconds=None) as fake:
        fake.phone("PJSIP/\udcfc12")
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
                walk.look(seen, "events of a fleet")
                walk.look([await changes.__anext__(), await lived.__anext__()], "changes")
                with pytest.raises(ManagerError) as refused:
                    await call.press("1")
                walk.look(refused.value, "refused")

            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(b"agi_network: yes\nagi_channel: PJSIP/\xfc\nagi_arg_1: " + ODD + b"\nagi_\xfc: \xff\n\n")
            for answer in (b"200 result=1 (" + ODD + b")", b"200 result=0 \xff", b"510 Invalid \xff command"):
                await reader.readline()
                writer.write(answer + b"\n")
            await asyncio.wait_for(done.wait(), 5)
            walk.look([*sessions, *failed, *(each.reply for each in failed), server], "agi")
            writer.close()
    walk.look([record.getMessage() for record in caplog.records], "logs")
    assert any(r"\xfc" in repr(each) for each in seen)
    assert r"\xfc" in repr(sessions)
    assert r"\xfc12" in repr(call)
    assert walk.texts > 1000
    assert not walk.wrong


async def test_by_default_no_text_of_places_and_threads_has_half_a_character(caplog: pytest.LogCaptureFixture) -> None:
    """Who waits in a queue, talks in a bridge or in a room, or is parked; streams, views, sessions, and managers that block."""
    caplog.set_level(logging.DEBUG)
    walk = Walk()
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
                blocked.send(core.UserEvent(UserEvent=ODD))
                walk.look([reply, reply.events, next(iter(stream)), repr(stream), repr(blocked)], "thread")

        await asyncio.to_thread(blocking)
    walk.look([record.getMessage() for record in caplog.records], "logs")
    reached = {type(each) for each in walk.seen.values()}
    assert {live.LiveCaller, live.LiveParticipant, live.LiveParkedCall, live.LiveBridge, agi.AsyncAGI} <= reached
    assert aioami.ListStream in reached
    assert not walk.wrong
    assert walk.texts > 500


@pytest.mark.parametrize("errors", ["backslashreplace", "replace", "surrogateescape"])
async def test_bytes_go_there_and_back(errors: str) -> None:
    """What is taken from a message as bytes, or as text with surrogates, is sent as the same bytes; in latin-1 as text."""
    for options in ({"errors": errors}, {"encoding": "latin-1", "errors": errors}):
        async with FakeAsterisk(**options, talk_seconds=None) as fake, Manager.from_url(fake.url, **options) as mgr:
            await mgr.send(core.Setvar("ODD", ODD))
            reply = await mgr.send(core.Getvar("ODD"))
            assert reply.getbytes("value") == ODD
            if errors == "surrogateescape" or "encoding" in options:
                await mgr.send(core.Setvar("AGAIN", reply["Value"]))
                assert (await mgr.send(core.Getvar("AGAIN"))).getbytes("Value") == ODD
            assert reply["Value"] == ODD.decode(options.get("encoding", "utf-8"), errors)
            assert fake.sent("Setvar")[0].get("Value") == reply["Value"]
            assert fake.sent("Setvar")[0].getbytes("value") == ODD


async def test_a_login_in_another_encoding() -> None:
    """Name and secret are sent and hashed as the server has them in its file; in UTF-8 they are refused there."""
    users = {"müller": Account("gehëim")}
    async with FakeAsterisk(users=users, encoding="latin-1") as fake:
        async with Manager(fake.host, fake.port, "müller", "gehëim", encoding="latin-1") as mgr:
            assert (await mgr.send(core.Ping())).success
        async with Manager(fake.host, fake.port, encoding="latin-1") as mgr:
            challenge = (await mgr.send(core.Challenge()))["Challenge"]
            assert (await mgr.send(core.Login("müller", "gehëim", challenge=challenge))).success
        with pytest.raises(ManagerAuthError):
            await Manager(fake.host, fake.port, "müller", "gehëim").connect()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"encoding": "utf-16"}, "^encoding: "),
        ({"encoding": "nonsense"}, "^encoding: 'nonsense' is unknown"),
        ({"errors": "strict"}, "^errors: one of "),
        (
            {"encoding": "ascii", "username": "ü", "secret": "x"},
            "^Username: it has a character that ascii cannot write",
        ),
        (
            {"encoding": "ascii", "username": "u", "secret": "hüsh"},
            "^secret: it has a character that ascii cannot write",
        ),
        ({"encoding": "ascii", "event_filters": ["ü"]}, "^Filter: it has a character that ascii cannot write"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_given(options: dict[str, Any], words: str) -> None:
    """The error names the field, and no secret; a URL says the same."""
    with pytest.raises(ValueError, match=words) as caught:
        Manager(**options)
    assert "hüsh" not in str(caught.value)
    assert caught.value.__cause__ is None
    if set(options) <= {"encoding", "errors"}:
        ((name, value),) = options.items()
        with pytest.raises(ValueError, match=words):
            Manager.from_url(f"ami://h?{name}={value}")
        with pytest.raises(ValueError, match=words):
            FakeAsterisk(**options)
        with pytest.raises(ValueError, match=words):
            Recording.load("/dev/null", **options)


async def test_what_the_encoding_cannot_write_never_leaves(fake: FakeAsterisk) -> None:
    """`send` refuses it by naming the header, and the connection goes on; the same action can be sent elsewhere."""
    action = Action("UserEvent", {"UserEvent": "X", "Key": "日本"})
    async with Manager.from_url(fake.url + "?encoding=latin-1&errors=replace") as mgr:
        with pytest.raises(ValueError, match="^Key: it has a character that iso8859-1 cannot write"):
            await mgr.send(action)
        fake.expect_nothing("UserEvent")
        assert (await mgr.send(core.Ping())).success
    async with Manager.from_url(fake.url) as mgr:
        await mgr.send(action)
    assert fake.sent("UserEvent")[0].get("Key") == "日本"


@pytest.mark.parametrize("version", ["16", "22"])
async def test_the_live_state_names_a_channel_by_its_bytes(version: str) -> None:
    """A call whose name and id have odd bytes is found as it is shown, redirected and ended; a member is paused."""
    async with (
        FakeAsterisk(version=version, talk_seconds=None) as fake,
        Manager.from_url(fake.url) as mgr,
        live.Live(mgr) as state,
    ):
        fake.phone("PJSIP/\udcfc12")
        await state.wait_synced(timeout=5)
        await odd_call(mgr)
        await until(lambda: r"id-\xfc" in state.channels)
        channel = state.channels[r"id-\xfc"]
        assert channel.name.startswith(r"PJSIP/\xfc12-")
        await mgr.send(core.Redirect(channel.uniqueid, "test", "wait", 1))
        await mgr.send(core.Setvar("X", "1", channel=channel.name))
        await mgr.send(actions.QueueAdd(queue="support", interface=b"PJSIP/\xfc"))
        await until(lambda: r"PJSIP/\xfc" in state.queues["support"].members)
        member = state.queues["support"].members[r"PJSIP/\xfc"]
        await mgr.send(actions.QueuePause(member.interface, True, queue="support"))
        await mgr.send(core.Hangup(channel.uniqueid))
        await until(lambda: not state.channels)
        assert fake.sent("Hangup")[0].getbytes("Channel") == b"id-\xfc"


async def test_a_recording_has_the_bytes_and_no_secret(tmp_path: Path) -> None:
    """A header that is hidden by a name in another encoding is hidden in a recording too, and all other bytes are in it."""
    aioami.hide_header("Schlüssel")
    path = tmp_path / "link.jsonl"
    latin = {"encoding": "latin-1"}
    async with FakeAsterisk(**latin) as fake, Manager.from_url(fake.url, record=path, **latin) as mgr:
        await mgr.send(Action("UserEvent", {"UserEvent": "X", "Schlüssel": "hush", "Key": ODD}))
    assert "hush" not in path.read_text()
    for options in ({}, {"encoding": "latin-1"}):
        (sent,) = [each for each in Recording.load(path, **options).sent if each["Action"] == "UserEvent"]
        assert sent.getbytes("Key") == ODD
        assert sent["Key"] == ODD.decode(options.get("encoding", "utf-8"), "backslashreplace")


@pytest.mark.parametrize("options", [{}, {"errors": "replace"}, {"errors": "surrogateescape"}, {"encoding": "latin-1"}])
def test_an_outcome_is_known_by_the_bytes_of_its_channel(options: dict[str, str]) -> None:
    """A command of AGI ends with the event of its channel and id, however the odd bytes of both are shown; no other does."""

    def event(channel: bytes, command: bytes) -> Event:
        data = b"Event: AsyncAGIExec\r\nChannel: %b\r\nCommandID: %b\r\n\r\n" % (channel, command)
        return events.AsyncAGIExec(Framer(banner=False, **options).feed(data)[0])

    mine = event(b"Local/\xfc", b"\xe9")
    given = [(b"Local/\xfc", b"\xe9"), (events.AsyncAGIExec(mine.text).channel, b"\xe9")]
    if "encoding" in options:
        given.append(("Local/\xfc", "\xe9"))
    for channel, command in given:
        action = actions.AGI(channel, "ANSWER", command_id=command)
        assert action.conclusion("1", mine) is mine
        assert action.conclusion("1", event(b"Local/\xfd", b"\xe9")) is None
        assert action.conclusion("1", event(b"Local/\xfc", b"\xea")) is None


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "Geheimnis-\xfc".encode("latin-1")),
        ({"errors": "replace"}, "Merkwort-\xfc".encode("latin-1")),
        ({"errors": "surrogateescape"}, "Losung-\xfc".encode("latin-1")),
        ({"encoding": "ascii"}, "Kennwort-\xfc".encode()),
        ({"encoding": "cp932"}, b"Parole-\xfa\x54"),
    ],
)
async def test_a_name_is_hidden_in_a_recording_as_messages_show_it(
    tmp_path: Path, options: dict[str, str], name: bytes
) -> None:
    """A name of a header that is no text in the link's encoding, or has two forms in it, is hidden in all places or in none."""
    path = tmp_path / "link.jsonl"
    async with FakeAsterisk(**options) as fake, Manager.from_url(fake.url, record=path, **options) as mgr:
        stream = mgr.events("UserEvent")
        await mgr.send(Action("UserEvent", {"UserEvent": "X"}))
        action = Action("UserEvent", {"UserEvent": "X", name: "hush"})
        aioami.hide_header(Message(Framer(banner=False, **options).feed(b"%b: 1\r\n\r\n" % name)[0]).headers[0][0])
        await mgr.send(action)
        await anext(stream)
        assert "hush" not in repr(await anext(stream))
    assert "hush" not in path.read_text()
    _, sent = [each for each in Recording.load(path, **options).sent if each["Action"] == "UserEvent"]
    assert bytes(sent).count(name) == 1


def test_every_place_that_makes_text_takes_the_encoding() -> None:
    """What turns bytes into text has both arguments, with the same defaults."""
    from aioami.wire import Framer

    for makes in (Manager, Framer, FakeAsterisk, Recording.load):
        parameters = inspect.signature(makes).parameters
        assert (parameters["encoding"].default, parameters["errors"].default) == ("utf-8", "backslashreplace")
        assert parameters["encoding"].kind is inspect.Parameter.KEYWORD_ONLY
    assert not dataclasses.is_dataclass(events.Hangup)
