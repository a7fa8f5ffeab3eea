"""The ends of sessions over FastAGI, and what a manager of the same server does for them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.helpers import observe, until
from tests.unit.agi.test_fastagi import DEAD, MOVED, PLACE, STAYED, Peer, call, connected, short_farewell  # noqa: F401

from aioami import ConnectionLost, Manager, ManagerError, ProtocolError, core, events
from aioami.agi import CommandFailed, DialResult, FastAGI, HungUp, Routes, Session, TakenAway
from aioami.agi.commands import encode_command
from aioami.agi.connection import Connection
from aioami.agi.hub import Hub
from aioami.enums import DialStatus
from aioami.testing import FakeAsterisk
from aioami.wire.text import Encoding

CODEC = Encoding("utf-8")


async def raised_by(session: Session, *methods: Callable[[Session], Any]) -> list[type[Exception]]:
    """Run methods, and return what they raise."""
    raised: list[type[Exception]] = []
    for method in methods:
        try:
            await method(session)
        except ManagerError as error:
            raised.append(type(error))
    return raised


# Without a manager


async def test_a_connection_that_breaks_is_no_hangup() -> None:
    """A connection that is reset while the channel lives is ConnectionLost, in the command that runs and later."""

    async def program(session: Session) -> ConnectionLost:
        with pytest.raises(ConnectionLost) as caught:
            await session.answer()
        with pytest.raises(ConnectionLost):
            await session.answer()
        return caught.value

    async with call(program) as (peer, result):
        assert await peer.hear() == "ANSWER"
        link = peer.writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.writer.transport.abort()
        error = await result
        assert error.sent
        assert "reset" in str(error)


async def test_a_client_that_reads_nothing_does_not_stay() -> None:
    """It answers each command unread, until the system takes no more bytes for it: closing does not wait for it."""
    sent = 0

    async def program(session: Session) -> None:
        nonlocal sent
        while True:
            sent += 1
            await session.command("VERBOSE", "x" * 1900)

    async with FastAGI(program, port=0) as server:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(link, (server.host, server.port))
        await loop.sock_sendall(link, b"agi_network: yes\n\n")
        await until(lambda: sent == 1)
        (connection,) = server._connections
        assert connection._tcp is not None
        connection._tcp.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        for answered in range(1, 200):
            await loop.sock_sendall(link, b"200 result=1\n")
            await until(lambda answered=answered: sent > answered)  # type: ignore[misc]
        assert connection._tcp.get_write_buffer_size()
        await server.close(timeout=0)
        await until(lambda: not server._connections, 5)
        link.close()


async def test_a_connection_that_is_closed_while_the_end_is_looked_for() -> None:
    """Where Asterisk closes the connection before it has told the place of a dead channel, that was hung up."""

    async def program(session: Session) -> None:
        with pytest.raises(HungUp, match="closed the connection"):
            await session.answer()

    async with call(program) as (peer, result):
        await peer.answer("ANSWER", DEAD)
        assert await peer.hear() == PLACE
        peer.writer.close()
        await result


async def test_an_end_that_is_told_twice() -> None:
    """Where more than one answer comes while the place of a dead channel is asked for, nothing that was told counts."""

    async def program(session: Session) -> list[type[Exception]]:
        return await raised_by(session, Session.answer, Session.answer)

    async with call(program) as (peer, result):
        await peer.answer("ANSWER", DEAD)
        await peer.answer(PLACE, "200 result=1 (1.1,internal,100,2)", "200 result=1 (1.1,elsewhere,s,1)")
        assert await result == [ProtocolError, ProtocolError]


async def test_a_hangup_that_was_told_is_not_asked_for() -> None:
    """Behind HANGUP a -1 is the end, and CHANNEL STATUS is not asked."""

    async def program(session: Session) -> None:
        with pytest.raises(HungUp):
            await session.play("beep")

    async with call(program) as (peer, result):
        assert await peer.hear() == 'STREAM FILE "beep" ""'
        peer.say("HANGUP", "200 result=-1 endpos=8")
        await peer.answer(PLACE, "200 result=1 (1.1,internal,100,2)")
        await result


async def test_more_answers_than_one_end_the_session_once() -> None:
    """The first answer that nobody asked for is the error, whatever comes behind it."""

    async def program(session: Session) -> str:
        with pytest.raises(ProtocolError) as caught:
            await session.answer()
        return str(caught.value)

    async with call(program) as (peer, result):
        assert await peer.hear() == "ANSWER"
        peer.say("200 result=0", "200 result=0", "200 result=0", "nonsense")
        assert await result == "Asterisk sent an answer to no command"


async def test_hanging_up_a_channel_that_is_gone() -> None:
    """A hang-up that finds the channel dead is HungUp; one that is refused is CommandFailed, and the session lives."""

    async def program(session: Session) -> list[type[Exception]]:
        hang_up = Session.hang_up
        return await raised_by(session, hang_up, hang_up, hang_up)

    async with call(program) as (peer, result):
        await peer.answer("HANGUP", "510 Invalid or unknown command")
        await peer.answer("HANGUP", DEAD)
        await peer.answer(PLACE, "200 result=1 (1.1,internal,100,2)")
        assert await result == [CommandFailed, HungUp, HungUp]


async def test_a_recording_that_fails() -> None:
    """A recording that cannot be written is CommandFailed; on a channel that was dead before it is HungUp."""

    async def program(session: Session) -> list[type[Exception]]:
        return await raised_by(session, *[lambda call: call.record("/x")] * 2)

    async with call(program) as (peer, result):
        await peer.answer('RECORD FILE "/x" "wav" "#" "-1"', "200 result=-1 (writefile)")
        await peer.answer("CHANNEL STATUS", "200 result=6")
        await peer.answer('RECORD FILE "/x" "wav" "#" "-1"', DEAD)
        await peer.answer(PLACE, "200 result=1 (1.1,internal,100,2)")
        assert await result == [CommandFailed, HungUp]


async def test_prompts_without_a_digit_are_followed_by_the_next() -> None:
    """A prompt that ends in silence is followed by the next one."""

    async def program(session: Session) -> str:
        return await session.ask("one", "two", digits=1, timeout=1)

    async with call(program) as (peer, result):
        await peer.answer('GET DATA "one" "1" "1"', "200 result= (timeout)")
        await peer.answer('GET DATA "two" "1000" "1"', "200 result=5")
        assert await result == "5"


async def test_answers_that_are_odd() -> None:
    """A code that Asterisk does not have is CommandFailed with its text, and EXEC without a number is a ProtocolError."""

    async def program(session: Session) -> str:
        with pytest.raises(CommandFailed) as caught:
            await session.answer()
        with pytest.raises(ProtocolError, match="EXEC is no number"):
            await session.exec("NoOp")
        return str(caught.value)

    async with call(program) as (peer, result):
        await peer.answer("ANSWER", "503 Service unavailable")
        await peer.answer('EXEC "NoOp"', "200 result=none")
        assert await result == "SIP/alice-1: ANSWER: Asterisk answered 503 Service unavailable"


async def test_dialling_and_its_status() -> None:
    """A dial has its status, also one that is not known; without a status, or the application, it failed."""

    async def program(session: Session) -> list[object]:
        results: list[object] = [await session.dial("SIP/a"), await session.dial("SIP/a")]
        return results + await raised_by(session, *[lambda call: call.dial("SIP/a")] * 2)

    async with call(program) as (peer, result):
        for told, status in (("0", " (BUSY)"), ("0", " (ODD)"), ("0", ""), ("-2", " (BUSY)")):
            await peer.answer('EXEC "Dial" "SIP/a,,g"', f"200 result={told}")
            await peer.answer(MOVED, STAYED)
            if told == "0":  # so it is also where the caller was taken out of the call
                await peer.answer("CHANNEL STATUS", "200 result=6")
            await peer.answer('GET VARIABLE "DIALSTATUS"', f"200 result={int(bool(status))}{status}")
            if not status or told == "-2":
                await peer.answer("CHANNEL STATUS", "200 result=6")
        assert await result == [
            DialResult(DialStatus.BUSY),
            DialResult(DialStatus("ODD")),
            CommandFailed,
            CommandFailed,
        ]


async def test_a_value_that_cannot_be_got_whole() -> None:
    """Asterisk cuts the value of a variable; one whose name has braces cannot be asked for in another way."""
    long = "x" * 1023

    async def program(session: Session) -> int:
        with pytest.raises(ProtocolError, match="too long"):
            await session.get("DB(a/${B})")
        return len(await session.get("C") or "")

    async with call(program) as (peer, result):
        await peer.answer('GET VARIABLE "DB(a/${B})"', f"200 result=1 ({long})")
        await peer.answer('GET VARIABLE "C"', f"200 result=1 ({long})")
        await peer.answer('GET FULL VARIABLE "${C}"', f"200 result=1 ({long}{long})")
        assert await result == 2046


async def test_a_command_whose_usage_is_awaited_is_not_interrupted() -> None:
    """An EXEC that is cancelled when it has its answer, and its usage is skipped, needs no other stop."""

    async def program(session: Session) -> str | None:
        running = asyncio.create_task(session.exec("WaitExten", "9"))
        await heard.wait()
        running.cancel()
        cancelled.set()
        return await session.get("A")

    heard, cancelled = asyncio.Event(), asyncio.Event()
    async with call(program) as (peer, result):
        await peer.answer('EXEC "WaitExten" "9"', "200 result=1")
        marker = await peer.hear()
        assert marker.startswith("GET FULL VARIABLE")
        heard.set()
        await cancelled.wait()
        peer.say("520-Usage", "520 End of proper usage.", f"200 result=1 ({marker.split(chr(34))[1]})")
        await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await result == "a"


async def test_a_file_that_was_played() -> None:
    """A file that nobody can stop was played, and no digit ended it."""

    async def program(session: Session) -> str | None:
        return await session.play("beep")

    async with call(program) as (peer, result):
        await peer.answer('STREAM FILE "beep" ""', "200 result=0 endpos=1")
        assert await result is None


async def test_an_error_of_a_channel_without_a_name() -> None:
    """Where the environment does not name the channel, nothing stands before an error's sentence."""
    sentences: list[str] = []

    async def program(session: Session) -> None:
        with pytest.raises(CommandFailed) as caught:
            await session.answer()
        sentences.append(str(caught.value))

    async with FastAGI(program, port=0) as server, connected(server, begin=False) as peer:
        peer.begin(agi_channel="")
        await peer.answer("ANSWER", "510 Invalid or unknown command")
        await until(lambda: sentences)
    assert sentences == ["ANSWER: Asterisk does not have it"]


async def test_a_program_that_cannot_be_awaited(caplog: pytest.LogCaptureFixture) -> None:
    """A function without `async` is no program; the call is hung up, and the log says what to write."""

    def program(session: Session) -> None: ...

    async with FastAGI(lambda session: program(session), port=0) as server, connected(server) as peer:  # type: ignore[arg-type,return-value]
        assert await peer.hear() == "HANGUP"
        assert await peer.hear() == ""
    assert "it is to be written with `async def`" in caplog.text


async def test_a_session_without_a_manager_has_no_call() -> None:
    """The Call of a session needs a manager."""

    async def program(session: Session) -> None:
        with pytest.raises(RuntimeError, match="no manager"):
            _ = session.call

    async with call(program) as (_, result):
        await result


# The server


async def test_a_call_that_comes_while_the_server_closes() -> None:
    """Who was accepted when the server was closed is closed, too."""

    async def program(session: Session) -> None: ...

    server = FastAGI(program, port=0)
    await server.close()  # before it was started: nothing to be done
    await server.start()
    with socket.create_connection((server.host, server.port)) as link:
        link.setblocking(False)
        for _ in range(2):
            await asyncio.sleep(0)
        await server.close()
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(link, 10), 5) == b""


@pytest.mark.parametrize(
    ("address", "may"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("11.1.2.3", False), ("fe80::1%lo", True), ("", False)],
)
async def test_addresses_that_may_connect(address: str, may: bool) -> None:
    """An IPv4 address is the same one in IPv6, a zone does not count, and what is no address may not connect."""

    async def program(session: Session) -> None: ...

    async with FastAGI(program, port=0, allow=["10.0.0.0/8", "fe80::/10"]) as server:
        connection = Connection(server, CODEC)
        assert server.admit(connection, address) is may
        server.forget(connection)
    assert not server.admit(connection, "10.1.2.3")
    with pytest.raises(TypeError, match="allow"):
        FastAGI(program, allow="10.0.0.0/8")


def test_routes_show_their_names() -> None:
    """The names of the programs can be read."""
    routes = Routes()
    assert repr(routes) == "<Routes empty>"
    routes.route("menu")(lambda call: call.answer())
    routes.route("/other/")(lambda call: call.answer())
    assert repr(routes) == "<Routes menu, other>"


# The connection by itself


class Wire:
    """Asyncio's end of a connection."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    write_eof = close = lambda self: setattr(self, "closed", True)

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> object:
        return ("127.0.0.1", 1)


class Desk:
    """The server of a connection."""

    environment_timeout = linger = 60.0
    manager = hub = None

    def admit(self, connection: Connection, address: str) -> bool:
        return True

    def serve(self, connection: Connection) -> None: ...

    def forget(self, connection: Connection) -> None: ...


@pytest.fixture
async def connection(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connection]:
    """A connection that has its environment, and no program."""
    monkeypatch.setattr(asyncio, "Transport", Wire)
    connection = Connection(Desk(), CODEC)
    connection.connection_made(Wire())  # type: ignore[arg-type]
    connection.data_received(b"agi_uniqueid: 1.1\n\n")
    yield connection
    if connection.answers_after_hangup:
        connection.connection_lost(None)


async def test_no_command_waits_on_a_connection_that_is_gone(connection: Connection) -> None:
    """Whatever is run, or looked for, when the connection is gone raises why, and does not wait."""
    connection.connection_lost(OSError("reset"))
    command = encode_command(["ANSWER"], CODEC)
    for _ in range(2):
        with pytest.raises(ConnectionLost, match="reset"):
            await connection.run(command)
    with pytest.raises(ConnectionLost, match="reset"):
        await connection.explain(command, await answered("200 result=-1"))


async def test_nothing_is_written_to_a_connection_that_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel whose connection is closing is not asked to hang up."""
    monkeypatch.setattr(asyncio, "Transport", Wire)
    wire = Wire()
    connection = Connection(Desk(), CODEC)
    connection.connection_made(wire)  # type: ignore[arg-type]
    connection.data_received(b"agi_uniqueid: 1.3\n\n")
    wire.closed = True
    finishing = asyncio.ensure_future(connection.finish(hang_up=True))
    await until(lambda: connection.over is not None)
    assert wire.written == b""
    connection.connection_lost(None)
    await finishing


async def answered(text: str) -> Any:
    """A reply."""
    from aioami.agi.answers import parse_reply

    return parse_reply(text)


async def test_the_first_end_is_the_end(connection: Connection) -> None:
    """A channel that is hung up, left or lost twice has ended as it did first."""
    connection.hung_up()
    first = connection.over
    assert isinstance(first, HungUp)
    connection.hung_up()
    await connection.leave()
    connection.connection_lost(OSError("reset"))
    assert connection.over is first
    left = Connection(Desk(), CODEC)
    left.connection_made(Wire())  # type: ignore[arg-type]
    left.data_received(b"agi_uniqueid: 1.2\n\n")
    await left.leave()
    left.hung_up()
    assert isinstance(left.over, TakenAway)
    left.connection_lost(None)


# With a manager


async def steered(fake: FakeAsterisk, mgr: Manager, program: Callable[[Session], Any]) -> Any:
    """A call on the fake server that Asterisk steers by FastAGI, word by word: its peer, its result, its channel."""
    caller = fake.incoming("PJSIP/trunk", to="wait@test")
    result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def observed(session: Session) -> None:
        await observe(program(session), result)

    server = FastAGI(observed, port=0, manager=mgr)
    return server, connected(server, begin=False), result, caller


@pytest.mark.parametrize("gone", [True, False])
async def test_the_manager_tells_of_a_hangup(
    fake: FakeAsterisk, mgr: Manager, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that a hang-up does not end raises HungUp all the same; one that has ended is left alone."""

    async def program(session: Session) -> list[type[Exception]]:
        assert session.call.uniqueid == session.uniqueid
        raised = await raised_by(session, lambda call: call.exec("System", "sleep 60"))
        return raised + await raised_by(session, Session.answer)

    heard: list[Connection] = []
    cut_short = Connection._cut_short

    def counted(connection: Connection) -> None:
        cut_short(connection)
        heard.append(connection)

    monkeypatch.setattr(Connection, "_cut_short", counted)
    monkeypatch.setattr("aioami.agi.stopping._LOOK", 60)  # so that the event is the first to tell
    server, link, result, caller = await steered(fake, mgr, program)
    async with server, link as peer:
        peer.begin(agi_uniqueid=caller.uniqueid, agi_channel=caller.channel)
        assert await peer.hear() == 'EXEC "System" "sleep 60"'
        await mgr.send(core.Hangup(caller.uniqueid))
        if gone:  # Asterisk answers before the manager's word counts
            peer.say("HANGUP", "200 result=-1")
            await peer.answer(PLACE, f"200 result=1 ({caller.uniqueid},internal,100,2)")
        assert await result == [HungUp, HungUp]
        await until(lambda: heard)  # the manager's word, which says nothing new


async def test_the_manager_tells_of_a_redirect(fake: FakeAsterisk, mgr: Manager) -> None:
    """A channel that is found elsewhere while its command goes on was taken away."""

    async def program(session: Session) -> list[type[Exception]]:
        return await raised_by(session, lambda call: call.exec("System", "sleep 60"), Session.answer)

    def elsewhere(request: Any) -> Any:
        variables = {"CHANNEL(checkhangup)": "1", "CONTEXT": "elsewhere", "EXTEN": "target", "PRIORITY": "1"}
        item = "".join(f"Variable: {name}={value}\r\n" for name, value in variables.items())
        return (
            b"Response: Success\r\nActionID: {ActionID}\r\nEventList: start\r\nMessage: Channel status will follow\r\n\r\n"
            b"Event: Status\r\nActionID: {ActionID}\r\n" + item.encode() + b"\r\n"
            b"Event: StatusComplete\r\nActionID: {ActionID}\r\nEventList: Complete\r\nListItems: 1\r\nItems: 1\r\n\r\n"
        )

    fake.reply_to("Status", elsewhere)
    server, link, result, caller = await steered(fake, mgr, program)
    async with server, link as peer:
        peer.begin(agi_uniqueid=caller.uniqueid)
        assert await peer.hear() == 'EXEC "System" "sleep 60"'
        assert await result == [TakenAway, TakenAway]


async def test_a_digit_that_stopped_a_command_is_waited_for(fake: FakeAsterisk, mgr: Manager) -> None:
    """Behind a command that a digit has stopped, the next one waits until no digit is left that would end it."""

    async def program(session: Session) -> str | None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.say_digits("123"), 0.05)
        return await session.get("A")

    server, link, result, caller = await steered(fake, mgr, program)
    async with server, link as peer:
        peer.begin(agi_uniqueid=caller.uniqueid)
        assert await peer.hear() == 'SAY DIGITS "123" "D"'
        await fake.expect("PlayDTMF")
        peer.say("200 result=68")
        for told in ("68", "68", "0"):
            await peer.answer('WAIT FOR DIGIT "250"', f"200 result={told}")
        await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await result == "a"


# Whose events they are


async def test_the_last_to_watch_a_channel_has_its_events(fake: FakeAsterisk, mgr: Manager) -> None:
    """Whoever watched a channel before cannot end the watch of another; a call that nobody takes is left alone."""

    class Watcher:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def take(self, event: Any) -> None:
            self.seen.append(event.name)

        def disconnect(self, reason: str) -> None: ...

        def lose(self, error: ManagerError) -> None:
            self.seen.append(type(error).__name__)

    hub = Hub.of(mgr)
    hub.open(mgr)
    first, second = Watcher(), Watcher()
    caller = fake.incoming("PJSIP/trunk", to="agi@test")
    hub.watch(caller.uniqueid, first)
    hub.watch(caller.uniqueid, second)
    hub.forget(caller.uniqueid, first)
    gone = mgr.wait_for(events.Hangup, timeout=5)
    await mgr.send(core.Hangup(caller.uniqueid))
    await gone
    await until(lambda: "Hangup" in second.seen)
    assert first.seen == []
    await mgr.close()
    await until(lambda: second.seen[-1] == "ConnectionLost")
    hub.close()
