"""Text between a program and a server: in the default nothing that can be printed nowhere, and each byte if it is asked for."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import until
from tests.unit.client.test_text_of_all import ODD, odd_call

import aioami
from aioami import (
    Action,
    Event,
    Manager,
    ManagerAuthError,
    actions,
    agi,
    calls,
    core,
    events,
    live,
)
from aioami.permissions import Permissions
from aioami.testing import Account, FakeAsterisk, FaultProxy, Recording
from aioami.url import read_url
from aioami.wire import Framer, Message


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


@pytest.mark.parametrize("version", ["16", "22"])
async def test_a_call_and_its_session_know_their_bytes(version: str) -> None:
    """Channel, id, arguments and values of AsyncAGI and of a call are given back as the same bytes, to them and to actions."""
    async with (
        FakeAsterisk(version=version, talk_seconds=None) as fake,
        Manager.from_url(fake.url) as mgr,
        agi.AsyncAGI(mgr) as sessions,
    ):
        fake.phone("PJSIP/\udcfc1")
        fake.add_extension("menu@test", "AGI(agi:async,\udcfc)")
        place = core.Originate_Context(b"PJSIP/\xfc1", "test", "menu", 1, channel_id=b"id-\xfc", variables={"A": ODD})
        await mgr.send(place)
        session = await anext(sessions)
        assert (session.uniqueid, session.arguments) == (r"id-\xfc", (r"\xfc",))
        await session.answer()
        given = [
            await session.get("A"),
            (await session.command("GET VARIABLE", "A")).data,
            await session.evaluate("${A}"),
        ]
        for value in given:
            assert value == r"J\xfcrgen \xe9\xff"
            await session.set("B", value)
            assert (await mgr.send(core.Getvar("B", channel=session.channel))).getbytes("Value") == ODD
        await session.play(session.arguments[0])
        await session.dial(session.arguments[0])
        asked = [each.getbytes("Command") for each in fake.sent("AGI")]
        assert b'EXEC "Playback" "\xfc,noanswer"' in asked
        assert b'EXEC "Dial" "\xfc,,g"' in asked
        await session.hang_up()

        call = await mgr.call(b"PJSIP/\xfc1", to="wait@test", variables={"A": ODD})
        await call.answered(5)
        await call.set("B", await call.get("A") or "")
        assert (await mgr.send(core.Getvar("B", channel=call.channel))).getbytes("Value") == ODD
        await call.hang_up()


async def test_methods_of_a_session_take_bytes() -> None:
    """They are sent as they are, wherever a method takes text; what is none is refused by its name."""
    written: list[bytes] = []
    raised: list[str] = []
    done = asyncio.Event()

    async def program(session: agi.Session) -> None:
        await session.play(b"\xfc")
        await session.ask(b"\xfc", digits=1)
        assert (await session.record(b"\xfc")).file == r"\xfc"
        await session.spell(b"\xfc")
        await session.exec(b"NoOp", bytearray(b"\xfc"))
        await session.dial(b"PJSIP/\xfc", "PJSIP/b")
        for wrong in (session.go_to("c", "e", b"1"), session.play(1), session.dial(None)):  # type: ignore[arg-type]
            with pytest.raises(TypeError) as caught:
                await wrong
            raised.append(str(caught.value))
        await session.go_to(b"c\xfc", b"e")
        done.set()

    async with agi.FastAGI(program, port=0) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"agi_network: yes\n\n")
        while not done.is_set() and (line := await reader.readline()):
            written.append(line)
            writer.write(b"200 result=0 (ANSWER)\n" if b"DIALSTATUS" in line else b"200 result=0\n")
        writer.close()
    assert [each for each in written if b"\xfc" in each] == [
        b'STREAM FILE "\xfc" ""\n',
        b'GET DATA "\xfc" "5000" "1"\n',
        b'RECORD FILE "\xfc" "wav" "#" "-1"\n',
        b'SAY ALPHA "\xfc" ""\n',
        b'EXEC "NoOp" "\xfc"\n',
        b'EXEC "Dial" "PJSIP/\xfc&PJSIP/b,,g"\n',
        b'EXEC "Goto" "c\xfc,e,1"\n',
    ]
    assert raised == [
        "priority: expected a number or a label, not bytes",
        "a file: expected text, not int",
        "a channel: expected text, not NoneType",
    ]


async def test_a_url_has_any_bytes() -> None:
    """What is percent-encoded and no UTF-8 is sent as those bytes, and shown as an escape; half of a character is refused."""
    async with FakeAsterisk(users={"ü": Account("sé")}, encoding="latin-1") as fake:
        for user in ("%FC:s%E9", "\udcfc:s\udce9"):
            url = f"ami://{user}@{fake.host}:{fake.port}?event_filter=%FC"
            async with Manager.from_url(url) as mgr:
                assert repr(mgr).startswith(r"<Manager \xfc@127.0.0.1:")
        assert [each.getbytes("Filter") for each in fake.sent("Filter")] == [b"\xfc", b"\xfc"]
        async with Manager(fake.host, fake.port, "\udcfc", "s\udce9") as mgr:
            assert repr(mgr).startswith(r"<Manager \xfc@127.0.0.1:")
    async with FakeAsterisk(users={"\udcfc": Account("\udce9", allow_multiple_login=False)}) as fake:
        assert "://%FC:%E9@" in fake.url
        async with Manager.from_url(fake.url):
            with pytest.raises(ManagerAuthError, match="Login Already In Use"):
                await Manager.from_url(fake.url).connect()
        with_secret = read_url(f"ami://%FC@{fake.host}:{fake.port}").with_secret("\udce9")
        async with Manager.from_url(with_secret.text) as mgr:
            assert (await mgr.send(core.Ping())).success
    for wrong in ("ami://\ud800:s@h", "ami://h\udcfc"):
        with pytest.raises(ValueError, match=r"^(url|host): half of a surrogate pair is no character$"):
            Manager.from_url(wrong)


@pytest.mark.parametrize("options", [{}, {"errors": "replace"}, {"errors": "surrogateescape"}, {"encoding": "latin-1"}])
async def test_the_fake_server_takes_odd_bytes_from_a_test(options: dict[str, str]) -> None:
    """A call from outside is steered by its name; an expectation is met by the bytes that it names."""
    async with FakeAsterisk(talk_seconds=None, **options) as fake, Manager.from_url(fake.url) as mgr:
        fake.incoming("PJSIP/\udcfc", to="wait@test", caller="J\udcfc <1>", variables={"A": "\udcff"})
        (channel,) = (await mgr.send(core.CoreShowChannels())).events
        assert channel.getbytes("CallerIDName") == b"J\xfc"
        assert (await mgr.send(core.Getvar("A", channel=channel.channel))).getbytes("Value") == b"\xff"
        action = core.Setvar("B\udcfc", ODD, channel=channel.channel)
        expected = [
            fake.expect(action),
            fake.expect("Setvar", Value=ODD),
            fake.expect("Setvar", Channel=channel.channel),
        ]
        for each in expected:
            await mgr.send(action)
            assert (await each).getbytes("Value") == ODD
        for wrong in (lambda: fake.incoming("PJSIP/x", to="\udcfc"), fake.phone("PJSIP/\udcfc").register):
            with pytest.raises(ValueError, match=r"has no (such )?e") as caught:
                wrong()
            assert "uf7fc" not in ascii(caught.value), "what stands for the byte within the server"


@pytest.mark.parametrize("half", ["\udcfc", "\ud800b"])
def test_half_of_a_character_is_shown_or_refused(half: str) -> None:
    """What a program gives as the name of an event is shown as an escape, and no host, name or secret may have one."""
    mgr = Manager()
    for shown in (mgr.events(half), mgr.on(half + "*"), mgr.required_permissions(), Event(f"Event: X\r\n{half}: 1")):
        str(shown).encode()
        repr(shown).encode()
    for refused in (
        lambda: Manager(half),
        lambda: Manager(server_hostname=half),
        lambda: agi.FastAGI(print, half),
        lambda: FaultProxy(half, 1),
        lambda: aioami.connect(f"nats://{half}", server="a"),
        lambda: aioami.connect("nats://u:%FC@h", server="a"),
        lambda: Permissions().stanza(half),
    ):
        with pytest.raises(ValueError, match=r"^(host|server_hostname|bus|user): .*(half|UTF-8)") as caught:
            refused()
        str(caught.value).encode()
        assert caught.value.__context__ is None


def test_a_trace_names_a_channel_by_its_bytes() -> None:
    """The names and ids of a call that was traced may be given to actions, also when the channel has got another name."""
    tracer = calls.CallTracer()
    for name, headers in (("Newchannel", b"Channel: P/\xfc"), ("Rename", b"Channel: P/\xfc\r\nNewname: P/\xfd")):
        data = b"Event: %b\r\n%b\r\nUniqueid: 1\xfc\r\nLinkedid: 1\xfc\r\n\r\n" % (name.encode(), headers)
        tracer.take(events.parse(Framer(banner=False).feed(data)[0]), 1.0)
    (trace,) = tracer.calls()
    for text, raw in (
        (trace.linkedid, b"1\xfc"),
        (trace.channels[0].uniqueid, b"1\xfc"),
        (trace.channels[0].name, b"P/\xfd"),
    ):
        assert b"Channel: %b\r\n" % raw in core.Hangup(text).encode("1")


def test_an_event_mask_is_text() -> None:
    """Bytes are no list of classes."""
    with pytest.raises(TypeError, match="^event mask: expected a bool, text or event classes, not bytes"):
        core.Events(b"on")  # type: ignore[arg-type]


def test_every_place_that_makes_text_takes_the_encoding() -> None:
    """What turns bytes into text has both arguments, with the same defaults."""
    from aioami.wire import Framer

    for makes in (Manager, Framer, FakeAsterisk, Recording.load):
        parameters = inspect.signature(makes).parameters
        assert (parameters["encoding"].default, parameters["errors"].default) == ("utf-8", "backslashreplace")
        assert parameters["encoding"].kind is inspect.Parameter.KEYWORD_ONLY
    assert not dataclasses.is_dataclass(events.Hangup)
