"""The FastAGI server, with a peer that says word for word what Asterisk says."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
import weakref
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.helpers import manager, observe, until

from aioami import ManagerError, ProtocolError
from aioami.agi import CommandFailed, FastAGI, HungUp, Program, Routes, Session, SessionEnded, TakenAway
from aioami.agi.answers import parse_reply
from aioami.agi.commands import encode_command
from aioami.agi.connection import Connection
from aioami.agi.transport import failure
from aioami.errors import ConnectionLost
from aioami.testing import FakeAsterisk
from aioami.wire.text import Encoding

PLACE = 'GET FULL VARIABLE "${UNIQUEID},${CONTEXT},${EXTEN},${PRIORITY}"'
MOVED = 'GET FULL VARIABLE "${CHANNEL(checkhangup)},${CONTEXT},${EXTEN},${PRIORITY}"'
STAYED = "200 result=1 (0,internal,100,2)"
DEAD = "511 Command Not Permitted on a dead channel or intercept routine"


class Peer:
    """Asterisk's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def begin(self, **lines: str) -> None:
        """Send an environment."""
        values = {
            "agi_network": "yes",
            "agi_network_script": "menu",
            "agi_channel": "SIP/alice-1",
            "agi_uniqueid": "1.1",
            "agi_context": "internal",
            "agi_extension": "100",
            "agi_priority": "2",
            **lines,
        }
        self.say(*(f"{name}: {value}" for name, value in values.items()), "")

    def say(self, *lines: str) -> None:
        """Send lines."""
        self.writer.write("".join(f"{line}\n" for line in lines).encode("latin-1"))

    async def hear(self) -> str:
        """Wait for a command; empty when the connection is closed."""
        return (await asyncio.wait_for(self.reader.readline(), 5)).decode("latin-1").removesuffix("\n")

    async def answer(self, expected: str, *lines: str) -> None:
        """Wait for one command, and answer it."""
        assert await self.hear() == expected
        self.say(*lines)


@pytest.fixture(autouse=True)
def short_farewell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer closes no connection by itself, as Asterisk does."""
    monkeypatch.setattr("aioami.agi.connection._FAREWELL", 0.2)


@contextlib.asynccontextmanager
async def connected(server: FastAGI, *, begin: bool = True) -> AsyncIterator[Peer]:
    """A connection, as Asterisk makes one for a call."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    peer = Peer(reader, writer)
    if begin:
        peer.begin()
    try:
        yield peer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def call(program: Program, **options: Any) -> AsyncIterator[tuple[Peer, asyncio.Future[Any]]]:
    """One call to a program, and what comes of it."""
    result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def observed(session: Session) -> None:
        await observe(program(session), result)

    async with FastAGI(observed, port=0, **options) as server, connected(server) as peer:
        yield peer, result
        if not result.done():
            result.cancel()


async def test_a_program_steers_a_call() -> None:
    """Each command is one line, sent when the one before is answered, and the end of the program closes."""

    async def program(session: Session) -> str | None:
        await session.answer()
        return await session.get("EXTEN")

    async with call(program) as (peer, result):
        await peer.answer("ANSWER", "200 result=0")
        await peer.answer('GET VARIABLE "EXTEN"', "200 result=1 (100)")
        assert await result == "100"
        assert await peer.hear() == ""


async def test_answers_are_told_from_hangups() -> None:
    """HANGUP between a command and its answer is not the answer; the next method raises HungUp."""

    async def program(session: Session) -> str | None:
        value = await session.get("A")
        with pytest.raises(HungUp):
            await session.get("B")
        reply = await session.command("GET", "VARIABLE", "C")
        return f"{value}{reply.data}"

    async with call(program) as (peer, result):
        await peer.answer('GET VARIABLE "A"', "HANGUP", "200 result=1 (a)")
        await peer.answer(PLACE, "200 result=1 (1.1,internal,100,2)")
        peer.say("HANGUP")  # a second time, as with AGIEXITONHANGUP
        await peer.answer('GET VARIABLE "C"', "200 result=1 (c)")
        assert await result == "ac"


@pytest.mark.parametrize(
    "answer", ["200 result=-1 (no hush-hush here)", "511 not hush-hush now", "200 result=hush-hush"]
)
def test_a_failed_command_shows_none_of_its_arguments(answer: str) -> None:
    """Though Asterisk repeats them: what a program sets may be secret; a short one may be all that Asterisk says."""
    command = encode_command(["SET VARIABLE", "PIN", "hush-hush", "-1"], Encoding())
    error = failure(command, parse_reply(answer))
    assert "hush-hush" not in str(error) + repr(error)
    assert "***" in str(error)
    assert "answered -1" in str(error) or "=-1" not in answer


async def test_a_usage_text_is_an_error() -> None:
    """The lines of a 520 are one answer, which CommandFailed has."""

    async def program(session: Session) -> CommandFailed:
        with pytest.raises(CommandFailed, match="SAY NUMBER: Asterisk refuses its arguments") as caught:
            await session.command("SAY", "NUMBER", "secret", "")
        return caught.value

    async with call(program) as (peer, result):
        await peer.answer(
            'SAY NUMBER "secret" ""', "520-Invalid command syntax.  Proper usage follows:", "Usage: HANGUP"
        )
        peer.say("520 End of proper usage.")
        error = await result
        assert error.reply.code == 520
        assert "Usage: HANGUP" in error.reply.data
        assert not error.session_over
        assert "secret" not in str(error)


@pytest.mark.parametrize("extra", ["200 result=1 (forged)", "garbage"])
async def test_what_nobody_asked_for_ends_the_session(extra: str) -> None:
    """More than one answer to a command is a protocol error: no later answer can be trusted."""

    async def program(session: Session) -> None:
        with pytest.raises(ProtocolError):
            await session.evaluate("${X}")
        for _ in range(2):
            with pytest.raises(ProtocolError):
                await session.answer()
        raise ZeroDivisionError

    async with call(program) as (peer, result):
        await peer.answer('GET FULL VARIABLE "${X}"', "200 result=1 (one", "two)", extra)
        with pytest.raises(ZeroDivisionError):
            await result
        assert await peer.hear() == "HANGUP"
        assert await peer.hear() == ""


async def test_a_value_of_several_lines_is_whole() -> None:
    """A value that has line feeds is read to its end."""

    async def program(session: Session) -> str:
        return await session.evaluate("${X}")

    async with call(program) as (peer, result):
        await peer.answer('GET FULL VARIABLE "${X}"', "200 result=1 (one", "200 result=0", "HANGUP", "two)")
        assert await result == "one\n200 result=0\nHANGUP\ntwo"


async def test_minus_one_is_explained() -> None:
    """After -1 the channel is asked for: a dead one is HungUp, a living one CommandFailed."""

    async def program(session: Session) -> None:
        with pytest.raises(CommandFailed) as caught:
            await session.play("nosuchfile")
        assert caught.value.reply is not None
        assert (await session.command("CHANNEL STATUS", "SIP/none")).result == "-1"
        with pytest.raises(HungUp):
            await session.play("beep")
        with pytest.raises(HungUp):
            await session.play("beep")

    async with call(program) as (peer, result):
        await peer.answer('STREAM FILE "nosuchfile" ""', "200 result=-1 endpos=0")
        await peer.answer("CHANNEL STATUS", "200 result=6")
        await peer.answer('CHANNEL STATUS "SIP/none"', "200 result=-1")
        await peer.answer("CHANNEL STATUS", "200 result=6")
        # AGISIGHUP=no: no line tells.
        await peer.answer('STREAM FILE "beep" ""', "200 result=-1 endpos=800")
        await peer.answer("CHANNEL STATUS", DEAD)
        await peer.answer(PLACE, "200 result=1 (1.1,internal,100,2)")
        await result


async def test_a_redirect_is_no_hangup() -> None:
    """A channel that Asterisk calls dead at another place was redirected, and is let go at once."""

    async def program(session: Session) -> None:
        with pytest.raises(TakenAway, match="elsewhere"):
            await session.answer()
        with pytest.raises(TakenAway):
            await session.command("NOOP")

    async with call(program) as (peer, result):
        assert await peer.hear() == "ANSWER"
        peer.say("HANGUP", DEAD)
        await peer.answer(PLACE, "200 result=1 (1.1,elsewhere,s,1)")
        assert await peer.hear() == ""
        await result


async def test_a_bridge_is_no_hangup() -> None:
    """Where the dead channel is not the session's any more, the call goes on in a bridge, wherever the program was."""

    async def program(session: Session) -> None:
        await session.exec("Goto", "a", "b", 1)
        for _ in range(2):
            with pytest.raises(TakenAway, match="bridged"):
                await session.answer()

    async with call(program) as (peer, result):
        await peer.answer('EXEC "Goto" "a,b,1"', "200 result=0")
        await peer.answer(MOVED, "200 result=1 (0,a,b,0)")
        await peer.answer("ANSWER", DEAD)
        await peer.answer(PLACE, "200 result=1 (1.2,internal,100,2)")
        assert await peer.hear() == ""
        await result


@pytest.mark.parametrize("status", [DEAD, "200 result=6"])
async def test_an_application_that_says_nothing_of_a_hangup(status: str) -> None:
    """Some applications return 0 when the caller hangs up; behind them the channel is asked for."""

    async def program(session: Session) -> int:
        return await session.exec("Read", "X")

    async with call(program) as (peer, result):
        await peer.answer('EXEC "Read" "X"', "200 result=0")
        await peer.answer("CHANNEL STATUS", status)
        if status == DEAD:
            await peer.answer(PLACE, "200 result=1 (1.1,internal,100,2)")
            with pytest.raises(HungUp):
                await result
        else:
            assert await result == 0


@pytest.mark.parametrize(
    ("application", "moved", "place", "error"),
    [
        ("Goto", "0,a,b,0", "a,b,0", HungUp),
        ("Goto", "0,a,b,0", "a,b,1", TakenAway),
        ("Goto", "0,a,b,0", "internal,100,2", TakenAway),
        ("Odd", "0,a,b,0", "a,b,0", HungUp),
        ("Odd", "1,a,b,0", "a,b,0", TakenAway),  # it ended because of the redirect
        ("Goto", "1,c,d,0", "a,b,0", HungUp),  # nobody knows by whom
        ("Goto", "", "a,b,0", HungUp),
    ],
)
async def test_a_program_that_moves_itself(application: str, moved: str, place: str, error: type[SessionEnded]) -> None:
    """Behind a command that may move the channel its place is asked for: at its end, another place is a redirect."""

    async def program(session: Session) -> None:
        await session.exec(application)
        with pytest.raises(error):
            await session.answer()

    async with call(program) as (peer, result):
        await peer.answer(f'EXEC "{application}"', "200 result=0")
        await peer.answer(MOVED, f"200 result=1 ({moved})" if moved else "510 Invalid or unknown command")
        await peer.answer("ANSWER", DEAD)
        await peer.answer(PLACE, f"200 result=1 (1.1,{place})")
        await result


async def test_a_program_that_moves_itself_at_its_end() -> None:
    """Behind HANGUP no place is asked for but that of the end, which is HungUp wherever a goto has led."""

    async def program(session: Session) -> None:
        assert await session.exec("Goto") == 0
        with pytest.raises(HungUp):
            await session.answer()

    async with call(program) as (peer, result):
        assert await peer.hear() == 'EXEC "Goto"'
        peer.say("HANGUP", "200 result=0")
        await peer.answer(PLACE, "200 result=1 (1.1,a,b,0)")
        await result


async def test_usage_behind_exec_is_skipped() -> None:
    """Of an application that returns 1, Asterisk also sends how EXEC is used; that is no answer to anything."""

    async def program(session: Session) -> tuple[int, str | None]:
        return await session.exec("Odd"), await session.get("A")

    async with call(program) as (peer, result):
        await peer.answer('EXEC "Odd"', "200 result=1")
        marker = await peer.hear()
        text = marker.removeprefix('GET FULL VARIABLE "').removesuffix('"')
        peer.say("520-Invalid command syntax.", "520 End of proper usage.", f"200 result=1 ({text})")
        await peer.answer(MOVED, STAYED)
        await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await result == (1, "a")


async def test_a_command_under_way_is_a_handful_of_objects() -> None:
    """What a command holds while it runs is little, as a thousand at once have the garbage collector walk all of it."""
    count, ready = 50, asyncio.Semaphore(0)
    begin = asyncio.Event()

    async def program(session: Session) -> None:
        ready.release()
        await begin.wait()
        await session.command("NOOP")

    async with FastAGI(program, port=0) as server, contextlib.AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(connected(server)) for _ in range(count)]
        for _ in peers:
            await ready.acquire()
        gc.collect()
        before = len(gc.get_objects())
        begin.set()
        for peer in peers:
            assert await peer.hear() == "NOOP"
        gc.collect()
        assert (len(gc.get_objects()) - before) / count < 12
        for peer in peers:
            peer.say("200 result=0")


async def test_sessions_leave_nothing() -> None:
    """When they have ended, however they did, no task and no object of them is left."""
    sessions: list[weakref.ref[Session]] = []
    before = len(asyncio.all_tasks())
    given_up = asyncio.Event()

    async def program(session: Session) -> None:
        sessions.append(weakref.ref(session))
        if len(sessions) % 2:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(session.exec("Wait", 1), 0.01)
            given_up.set()
        await session.command("NOOP")

    async with FastAGI(program, port=0) as server:
        for number in range(40):
            async with connected(server) as peer:
                if number % 2 == 0:
                    assert await peer.hear() == 'EXEC "Wait" "1"'
                    await given_up.wait()
                    given_up.clear()
                    peer.say("200 result=0")
                assert await peer.hear() == "NOOP"
                peer.say("200 result=0" if number % 3 else "200 result=-1")
                if number % 3 == 0:
                    assert await peer.hear() == "CHANNEL STATUS"
                    peer.say(DEAD)
                    assert await peer.hear() == PLACE
                    peer.say(DEAD)
                assert await peer.hear() == ""
    await until(lambda: len(asyncio.all_tasks()) <= before)
    gc.collect()
    assert len(sessions) == 40
    assert [each() for each in sessions if each() is not None] == []


async def test_a_cancelled_command_is_interrupted_until_that_is_answered() -> None:
    """Another command ends the one that runs; it is repeated, and answers up to its last one are skipped."""

    async def program(session: Session) -> str | None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(session.play("long"), 0.05)
        return await session.get("A")

    async with call(program) as (peer, result):
        assert await peer.hear() == 'STREAM FILE "long" ""'
        first, second = [(await peer.hear()).split('"')[1] for _ in range(2)]
        assert first != second
        peer.say(f"200 result=1 ({first})")  # the stream that was interrupted has no answer
        await asyncio.sleep(0)
        peer.say(f"200 result=1 ({second})")
        await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await result == "a"


async def test_what_cannot_be_stopped_runs_on() -> None:
    """A cancelled command that Asterisk cannot stop holds up the next one, and nothing is sent meanwhile."""

    async def program(session: Session) -> str | None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(session.exec("Wait", 1), 0.02)
        return await session.get("A")

    async with call(program) as (peer, result):
        assert await peer.hear() == 'EXEC "Wait" "1"'
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(peer.reader.readline(), 0.2)
        peer.say("200 result=0")
        await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await result == "a"


async def test_a_cancelled_method_sends_nothing_more() -> None:
    """Of a method with several commands none is sent after it was cancelled."""

    async def program(session: Session) -> str | None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(session.play("one", "two", "three"), 0.02)
        return await session.get("A")

    async with call(program) as (peer, result):
        assert await peer.hear() == 'STREAM FILE "one" ""'
        marker = (await peer.hear()).split('"')[1]
        peer.say("200 result=0 endpos=1", f"200 result=1 ({marker})")
        await peer.answer('GET VARIABLE "A"', "200 result=0")
        assert await result is None


async def test_a_stop_is_not_repeated_behind_its_answer() -> None:
    """A loop that was busy finds the answer and the time of the next repeat at once: nothing more is sent."""

    async def program(session: Session) -> str | None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(session.play("one"), 0.02)
        return await session.get("A")

    async with call(program) as (peer, result):
        assert await peer.hear() == 'STREAM FILE "one" ""'
        marker = (await peer.hear()).split('"')[1]
        peer.say("200 result=0 endpos=1", f"200 result=1 ({marker})")
        time.sleep(0.15)
        await peer.answer('GET VARIABLE "A"', "200 result=0")
        assert await result is None


@pytest.mark.parametrize(
    ("said", "asked"), [(["200 result=-1"], [("CHANNEL STATUS", "511 Dead")]), (["HANGUP", "200 result=0"], [])]
)
async def test_the_end_is_found_out_behind_a_cancelled_command(said: list[str], asked: list[tuple[str, str]]) -> None:
    """A command that was cancelled still tells of the hang-up that ended it, though no other one follows."""

    async def program(session: Session) -> bool:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(session.exec("Wait", 1), 0.02)
        given_up.set()
        await until(lambda: session.is_over)
        with pytest.raises(HungUp):
            await session.answer()
        return True

    given_up = asyncio.Event()
    async with call(program) as (peer, result):
        assert await peer.hear() == 'EXEC "Wait" "1"'
        await given_up.wait()
        peer.say(*said)
        for command, answer in asked:
            await peer.answer(command, answer)
        assert (await peer.hear()).startswith("GET FULL VARIABLE")
        peer.say("511 Dead")
        assert await result


async def test_an_answer_that_comes_right_behind_a_cancellation() -> None:
    """The answer to a command that was cancelled a moment ago is that command's, and taken for no other's."""

    async def program(session: Session) -> str | None:
        running = asyncio.create_task(session.exec("Wait", 1))
        await begun.wait()
        running.cancel()
        session._transport.data_received(b"200 result=0\n")  # type: ignore[attr-defined]
        with pytest.raises(asyncio.CancelledError):
            await running
        return await session.get("A")

    begun = asyncio.Event()
    async with call(program) as (peer, result):
        assert await peer.hear() == 'EXEC "Wait" "1"'
        begun.set()
        await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await result == "a"


async def test_a_command_that_is_cancelled_before_its_turn_is_never_sent() -> None:
    """One that waits for the end of a cancelled one, and is cancelled as well, sends nothing."""

    async def program(session: Session) -> str | None:
        for command in (session.exec("Wait", 1), session.get("B")):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(command, 0.02)
        waited.set()
        return await session.get("A")

    waited = asyncio.Event()
    async with call(program) as (peer, result):
        assert await peer.hear() == 'EXEC "Wait" "1"'
        await waited.wait()
        peer.say("200 result=0")
        await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await result == "a"


async def test_a_hangup_that_is_cancelled_is_still_the_sessions() -> None:
    """Who holds the call is told that the session has hung up, as the command is on its way."""
    told: list[bool] = []

    async def program(session: Session) -> bool:
        session._transport.holder = SimpleNamespace(begin_hang_up=lambda: None, end_hang_up=told.append)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.hang_up(), 0.02)
        return True

    async with call(program) as (peer, result):
        assert await peer.hear() == "HANGUP"
        assert await result
    assert told == [True]


@pytest.mark.parametrize("answer", ["200 result=0 (a)", "510 Invalid or unknown command"])
async def test_an_answer_that_comes_with_a_cancellation(
    answer: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A command that is cancelled when its answer has just come is cancelled, and nothing is stopped or logged."""
    running: list[asyncio.Task[object]] = []
    plain = Connection._resolve

    def resolve_and_cancel(self: Connection, outcome: Any) -> None:
        plain(self, outcome)
        if running:
            running.pop().cancel()

    monkeypatch.setattr(Connection, "_resolve", resolve_and_cancel)

    async def program(session: Session) -> str | None:
        command = asyncio.create_task(session.command("FAST"))
        running.append(command)
        with pytest.raises(asyncio.CancelledError):
            await command
        return await session.get("A")

    async with call(program) as (peer, result):
        await peer.answer("FAST", answer)
        await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await result == "a"
    gc.collect()
    assert caplog.records == []


@pytest.mark.parametrize("on_error", ["hangup", "continue"])
async def test_a_program_that_raises(on_error: str, caplog: pytest.LogCaptureFixture) -> None:
    """A program that raises is logged once; the call is hung up, or the dialplan goes on."""

    async def program(session: Session) -> None:
        raise ZeroDivisionError

    async with call(program, on_error=on_error) as (peer, result):
        assert await peer.hear() == ("HANGUP" if on_error == "hangup" else "")
        assert await peer.hear() == ""
        with pytest.raises(ZeroDivisionError):
            await result
    [record] = [record for record in caplog.records if record.name == "aioami.agi"]
    assert record.levelno == logging.ERROR
    assert "SIP/alice-1" in record.message


@pytest.mark.parametrize("error", [HungUp("x"), TakenAway("x"), SessionEnded("x")])
async def test_the_end_of_a_session_passes_through(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """SessionEnded of either kind ends a program without a word, and nothing is hung up."""

    async def program(session: Session) -> None:
        raise error

    async with call(program) as (peer, result):
        assert await peer.hear() == ""
        with pytest.raises(type(error)):
            await result
    assert not [record for record in caplog.records if record.name == "aioami.agi"]


async def test_a_program_whose_own_await_was_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """A cancellation that was not meant for the program is a failure like others: the call is hung up."""

    async def program(session: Session) -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with call(program) as (peer, _):
        assert await peer.hear() == "HANGUP"


async def test_leaving_cancels_and_hangs_up() -> None:
    """Leaving the server cancels its programs; the one whose command runs is hung up behind it."""
    cancelled = []

    async def program(session: Session) -> None:
        try:
            await session.exec("Wait", 600)
        except asyncio.CancelledError:
            cancelled.append(session)
            raise

    server = FastAGI(program, port=0)
    async with contextlib.AsyncExitStack() as stack:
        async with server:
            peer = await stack.enter_async_context(connected(server))
            assert await peer.hear() == 'EXEC "Wait" "600"'
            leaving = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - leaving < 3
        assert len(cancelled) == 1
        assert await peer.hear() == "HANGUP"
        assert await peer.hear() == ""
    with pytest.raises(OSError, match="."):
        await asyncio.open_connection(server.host, server.port)


async def test_close_waits_for_programs_but_not_for_its_own() -> None:
    """close() lets programs finish, gives up after its timeout, and can be called by a program."""
    release = asyncio.Event()
    ended = []

    async def program(session: Session) -> None:
        if session.channel == "closer":
            await server.close()
            assert await session.get("A") == "a"
        else:
            await release.wait()
        ended.append(session.channel)

    server = FastAGI(program, port=0)
    async with server, connected(server) as one, connected(server, begin=False) as two:
        two.begin(agi_channel="closer")
        serving = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(0.05)  # in which neither ends
        assert (ended, serving.done()) == ([], False)
        release.set()
        assert await one.hear() == ""
        await two.answer('GET VARIABLE "A"', "200 result=1 (a)")
        assert await two.hear() == ""
        await serving
    assert ended == ["SIP/alice-1", "closer"]
    stuck = FastAGI(lambda _: asyncio.Event().wait(), port=0)
    async with stuck, connected(stuck) as peer:
        await until(lambda: "1 sessions" in repr(stuck))
        await stuck.close(timeout=0.05)
        assert await peer.hear() == "HANGUP"


async def test_a_program_that_ignores_its_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that does not end when it is cancelled does not hold up the server."""
    monkeypatch.setattr("aioami.agi.programs._GRACE", 0.05)
    release = asyncio.Event()

    async def program(session: Session) -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    server = FastAGI(program, port=0)
    async with contextlib.AsyncExitStack() as stack:
        async with server:
            peer = await stack.enter_async_context(connected(server))
            await until(lambda: "1 sessions" in repr(server))
        assert await peer.hear() == ""
        assert "was cancelled, and goes on" in caplog.text
        release.set()
        await until(lambda: "0 sessions" in repr(server) or "closed" in repr(server))


# Who may connect, and what


async def test_who_may_connect(caplog: pytest.LogCaptureFixture) -> None:
    """Only addresses that are allowed get a session; others are closed at once, and logged."""

    async def program(session: Session) -> None:
        await session.answer()

    async with FastAGI(program, port=0, allow=["10.0.0.0/8", "::1"]) as server, connected(server) as peer:
        assert await peer.hear() == ""
        assert "127.0.0.1 connected, and is not among those that may" in caplog.text
    async with FastAGI(program, port=0, allow=["127.0.0.0/8"]) as server, connected(server) as peer:
        assert await peer.hear() == "ANSWER"


async def test_listening_for_everybody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A server beyond the loopback without a list of addresses is a warning."""

    async def program(session: Session) -> None: ...

    async with FastAGI(program, host="127.0.0.1", port=0):
        pass
    assert not caplog.records
    async with FastAGI(program, host="0.0.0.0", port=0, allow=["127.0.0.1"]):
        pass
    assert not caplog.records
    async with FastAGI(program, host="0.0.0.0", port=0):
        pass
    assert "for everybody" in caplog.text


async def test_more_sessions_than_allowed_are_closed(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond max_sessions a call is given back to the dialplan at once, until one ends."""

    async def program(session: Session) -> None:
        await session.answer()

    async with FastAGI(program, port=0, max_sessions=1) as server, connected(server) as first:
        assert await first.hear() == "ANSWER"
        async with connected(server) as second:
            assert await second.hear() == ""
        assert "one more is refused" in caplog.text
        first.say("200 result=0")
        assert await first.hear() == ""
        first.writer.close()
        await until(lambda: not server._connections)
        async with connected(server) as third:
            assert await third.hear() == "ANSWER"


async def test_an_environment_has_limits(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever sends no environment in time, too much of it, or something else, gets no session."""

    async def program(session: Session) -> None:
        raise AssertionError

    async with FastAGI(program, port=0, environment_timeout=0.05) as server:
        async with connected(server, begin=False) as peer:
            peer.say("agi_network: yes")
            assert await peer.hear() == ""
        assert "sent no AGI environment in 0.05 s" in caplog.text
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"agi_a: b\n" * 10_000, b"agi_" + b"a" * 70_000):
            caplog.clear()
            async with connected(server, begin=False) as peer:
                peer.writer.write(data)
                with contextlib.suppress(ConnectionError):
                    assert await peer.hear() == ""
            assert "is refused" in caplog.text
        async with connected(server, begin=False):
            pass  # a port scanner


async def test_asterisk_closes_the_connection() -> None:
    """A connection that Asterisk closes, as with AGIEXITONHANGUP, is HungUp in the command that runs, and later."""

    async def program(session: Session) -> list[str]:
        raised = []
        for _ in range(2):
            try:
                await session.answer()
            except ManagerError as error:
                raised.append(type(error).__name__)
        return raised

    async with call(program) as (peer, result):
        assert await peer.hear() == "ANSWER"
        peer.say("HANGUP")
        peer.writer.close()
        assert await result == ["HungUp", "HungUp"]
    async with call(program) as (peer, result):
        assert await peer.hear() == "ANSWER"
        peer.writer.transport.abort()
        assert await result in (["ConnectionLost", "ConnectionLost"], ["HungUp", "HungUp"])
    assert issubclass(ConnectionLost, ManagerError)


async def test_a_session_of_a_dead_channel_lingers() -> None:
    """The connection of a channel that was hung up is closed after a while, though its program goes on."""
    release = asyncio.Event()

    async def program(session: Session) -> bool:
        await session.hang_up()
        assert (await session.command("VERBOSE", "x")).result == "1"
        await release.wait()
        with pytest.raises(HungUp):
            await session.command("VERBOSE", "x")
        return session.is_over

    async with call(program, linger=0.1) as (peer, result):
        await peer.answer("HANGUP", "200 result=1", "HANGUP")
        await peer.answer('VERBOSE "x"', "200 result=1")
        assert await peer.hear() == ""
        release.set()
        assert await result


async def test_encodings() -> None:
    """Text goes out and comes back in the encoding of the server; bytes as they are."""

    async def program(session: Session) -> str | None:
        await session.set("A", "é")
        await session.set("B", b"\xff")
        with pytest.raises(ValueError, match="iso8859-1 cannot write"):
            await session.set("C", "日本")
        return await session.get("A")

    async with call(program, encoding="latin-1") as (peer, result):
        await peer.answer('SET VARIABLE "A" "é"', "200 result=1")
        await peer.answer('SET VARIABLE "B" "ÿ"', "200 result=1")
        await peer.answer('GET VARIABLE "A"', "200 result=1 (é)")
        assert await result == "é"


async def test_routes() -> None:
    """The script without its query chooses; without one the first argument does, and is taken off."""
    routes = Routes()
    seen: list[tuple[str, ...]] = []

    @routes.route("menu/main")
    async def main(session: Session) -> None:
        seen.append(("main", *session.arguments))

    @routes.route("/other/")
    async def other(session: Session) -> None:
        seen.append(("other", *session.arguments))

    with pytest.raises(ValueError, match="already"):
        routes.route("menu/main")(other)
    async with FastAGI(routes, port=0) as server:
        for lines in (
            {"agi_network_script": "menu/main?a=b", "agi_arg_1": "x"},
            {"agi_network_script": "other", "agi_arg_1": "x"},
            {"agi_network_script": "", "agi_arg_1": "other", "agi_arg_2": "y"},
            {"agi_network_script": "unknown"},
        ):
            async with connected(server, begin=False) as peer:
                peer.begin(**lines)
                assert await peer.hear() == ""
    assert seen == [("main", "x"), ("other", "x"), ("other", "y")]


@pytest.mark.parametrize(
    "run",
    [
        lambda call: call.play(),
        lambda call: call.play("a,b"),
        lambda call: call.play("a&b"),
        lambda call: call.play(""),
        lambda call: call.play("a", stop="x"),
        lambda call: call.play("a", offset=-1),
        lambda call: call.ask(digits=0),
        lambda call: call.ask(digits=1024),
        lambda call: call.ask(digits=1, timeout=-1),
        lambda call: call.digit(float("nan")),
        lambda call: call.say_number(2**31),
        lambda call: call.say_number(1, gender="x"),
        lambda call: call.say_digits("*12"),
        lambda call: call.say_digits("1a"),
        lambda call: call.spell(""),
        lambda call: call.record("f", silence=0),
        lambda call: call.record("", format="wav"),
        lambda call: call.set("A", "a\nb"),
        lambda call: call.set("", "a"),
        lambda call: call.get("A\r"),
        lambda call: call.evaluate("x" * 2040),
        lambda call: call.get("${EXTEN}"),
        lambda call: call.set(b"${EXTEN}", "a"),
        lambda call: call.exec(""),
        lambda call: call.exec("Playback(hello-world)"),
        lambda call: call.dial(),
        lambda call: call.go_to("a,b", "s", 1),
        lambda call: call.go_to("a", "", 1),
        lambda call: call.hang_up(128),
        lambda call: call.command(),
        lambda call: call.command("GET", "OPTION", "f", "1"),
    ],
)
async def test_wrong_arguments_never_leave(run: Callable[[Any], Any]) -> None:
    """What cannot be sent is a ValueError at once, and the session goes on."""

    async def program(session: Session) -> None:
        with pytest.raises(ValueError, match="."):
            await run(session)
        await session.answer()

    async with call(program) as (peer, result):
        await peer.answer("ANSWER", "200 result=0")
        await result


@pytest.mark.parametrize(
    "run",
    [
        lambda call: call.digit("5"),
        lambda call: call.digit(True),
        lambda call: call.ask(digits="3"),
        lambda call: call.say_number("5"),
        lambda call: call.play(5),
        lambda call: call.set("A", None),
        lambda call: call.command("NOOP", None),
        lambda call: call.exec("Wait", [1]),
    ],
)
async def test_arguments_of_another_type(run: Callable[[Any], Any]) -> None:
    """What is of another type is a TypeError at once."""

    async def program(session: Session) -> None:
        with pytest.raises(TypeError):
            await run(session)

    async with call(program) as (_, result):
        await result


async def test_a_session_belongs_to_its_loop() -> None:
    """A method that is awaited in another event loop raises before a byte leaves, and names the way."""

    async def program(session: Session) -> None:
        def elsewhere() -> None:
            with pytest.raises(RuntimeError, match="run_coroutine_threadsafe"):
                asyncio.run(session.answer())

        await asyncio.to_thread(elsewhere)
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(lambda: asyncio.run_coroutine_threadsafe(session.answer(), loop).result(5))

    async with call(program) as (peer, result):
        await peer.answer("ANSWER", "200 result=0")
        await result


@pytest.mark.parametrize(
    "options",
    [
        {"allow": ["nonsense"]},
        {"host": "127.0.0.1:4573"},
        {"max_sessions": 0},
        {"linger": -1},
        {"environment_timeout": -1},
        {"on_error": "explode"},
        {"encoding": "utf-16"},
        {"errors": "strict"},
    ],
)
def test_wrong_options(options: dict[str, Any]) -> None:
    """An option that cannot be right is refused by its name."""

    async def program(session: Session) -> None: ...

    with pytest.raises(ValueError, match=next(iter(options))):
        FastAGI(program, **options)


async def test_a_server_is_entered_once() -> None:
    """A server that listens cannot be started again, and one that does not cannot be served; closing may be repeated."""

    async def program(session: Session) -> None: ...

    server = FastAGI(program, port=0)
    with pytest.raises(RuntimeError):
        await server.serve_forever()
    async with server:
        port = server.port
        with pytest.raises(RuntimeError):
            await server.start()
        with pytest.raises(OSError, match="."):
            await FastAGI(program, port=port).start()
    await server.close()
    assert server.port == port
    with pytest.raises(TypeError):
        FastAGI("menu")  # type: ignore[arg-type]


async def test_a_manager_that_is_gone_does_not_end_sessions() -> None:
    """A session over FastAGI goes on when the link of the manager that watches it is lost or closed."""
    begun, release = asyncio.Event(), asyncio.Event()

    async def program(session: Session) -> str | None:
        begun.set()
        await release.wait()
        return await session.get("A")

    async with FakeAsterisk() as fake:
        mgr = manager(fake)
        await mgr.connect()
        async with call(program, manager=mgr) as (peer, result):
            await begun.wait()
            await mgr.close()
            release.set()
            await peer.answer('GET VARIABLE "A"', "200 result=1 (a)")
            assert await result == "a"
