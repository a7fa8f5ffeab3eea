"""AsyncAGI on the fake server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.helpers import manager, observe, until

from aioami import Action, ConnectionLost, Manager, ManagerState, ProtocolError, actions, core, events
from aioami._session.outcomes import OutcomeWatch
from aioami.actions.agi import SessionAGI
from aioami.agi import AsyncAGI, CommandFailed, HungUp, Routes, Session, SessionEnded, TakenAway
from aioami.testing import Account, FakeAsterisk, FaultProxy


async def place(mgr: Manager) -> None:
    """Have somebody call AsyncAGI."""
    steps = {"AGI": "agi:async,menu", "UserEvent": "AfterAgi,Status: ${AGISTATUS}", "Wait": "600"}
    for number, (application, data) in enumerate(steps.items(), 1):
        step = actions.DialplanExtensionAdd("test", "direct", number, application, application_data=data, replace=True)
        await mgr.send(step)
    await mgr.send(core.Originate_Application("Local/direct@test/n", "Wait", ("600",)))


@contextlib.asynccontextmanager
async def call(
    mgr: Manager, program: Callable[[Session], Awaitable[Any]], **options: Any
) -> AsyncIterator[asyncio.Future[Any]]:
    """One call to a program, and what comes of it."""
    result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def observed(session: Session) -> None:
        await observe(program(session), result)

    async with AsyncAGI(mgr, observed, **options):
        await place(mgr)
        yield result


async def test_a_program_steers_a_call(mgr: Manager) -> None:
    """Commands are answered, one after the other, and the end of the program gives the call back."""

    async def program(session: Session) -> list[object]:
        await session.answer()
        await session.set("A", 'one "two"')
        seen: list[object] = [await session.get("A"), await session.get("NONE"), await session.evaluate("<${A}>")]
        return [*seen, await session.exec("NoOp", "x"), (await session.command("CHANNEL", "STATUS")).result]

    with mgr.events(events.UserEvent) as on:
        async with call(mgr, program) as result:
            assert await result == ['one "two"', None, '<one "two">', 0, "6"]
            async for event in on:
                assert event["Status"] == "SUCCESS"
                break


async def test_failures(mgr: Manager) -> None:
    """An unknown command, wrong arguments and an unknown application are CommandFailed, and the session lives."""

    async def program(session: Session) -> list[int | None]:
        codes = []
        for failing in (session.command("NO", "SUCH"), session.command("SET", "VARIABLE"), session.exec("NoSuch")):
            with pytest.raises(CommandFailed) as caught:
                await failing
            assert caught.value.reply is not None
            codes.append(caught.value.reply.code)
        await session.answer()
        return codes

    async with call(mgr, program) as result:
        assert await result == [510, 520, 200]


async def test_results_of_others_are_not_ours(mgr: Manager) -> None:
    """The result of a command that somebody else queued on the channel is not taken for that of ours."""

    async def program(session: Session) -> str:
        mine = asyncio.create_task(session.evaluate("mine"))
        for command_id in (None, "1"):
            await mgr.send(core.AGI(session.channel, 'GET FULL VARIABLE "other"', command_id))
        return await mine

    async with call(mgr, program) as result:
        assert await result == "mine"


@pytest.mark.parametrize("command", [lambda call: call.digit(None), lambda call: call.exec("Wait", 60)])
async def test_a_hangup(
    fake: FakeAsterisk, mgr: Manager, command: Callable[[Session], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A hang-up ends the command with HungUp, and every later one, and is not logged."""

    async def program(session: Session) -> None:
        running = asyncio.create_task(command(session))
        waiting = asyncio.create_task(session.answer())
        await fake.expect("AGI")
        await mgr.send(core.Hangup(session.uniqueid))
        for each in (running, waiting):
            with pytest.raises(HungUp):
                await each
        for each in (session.get("A"), session.command("NOOP"), session.leave()):
            with pytest.raises(HungUp):
                await each
        raise HungUp("as usual")

    async with call(mgr, program) as result:
        with pytest.raises(HungUp, match="as usual"):
            await result
    assert not [record for record in caplog.records if record.name == "aioami.agi"]


async def test_a_bridge_is_no_end_that_asterisk_tells(fake: FakeAsterisk, mgr: Manager) -> None:
    """A bridge by an action is TakenAway, though no AsyncAGIEnd comes."""

    async def program(session: Session) -> None:
        other = await (await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",)))).outcome()
        running = asyncio.create_task(session.digit(None))
        await fake.expect("AGI")
        await mgr.send(core.Bridge(session.channel, other.channel or ""))
        with pytest.raises(TakenAway):
            await running

    async with call(mgr, program) as result:
        await result


@pytest.mark.parametrize("on_error", ["hangup", "continue"])
async def test_a_program_that_raises(mgr: Manager, on_error: str, caplog: pytest.LogCaptureFixture) -> None:
    """A program that raises is logged once; the call is hung up, or the dialplan goes on."""

    async def program(session: Session) -> None:
        raise ZeroDivisionError

    with mgr.events(events.Hangup, events.UserEvent) as ends:
        async with call(mgr, program, on_error=on_error) as result:
            with pytest.raises(ZeroDivisionError):
                await result
            async for event in ends:
                assert isinstance(event, events.Hangup if on_error == "hangup" else events.UserEvent)
                break
    assert [record.levelno for record in caplog.records if record.name == "aioami.agi"] == [logging.ERROR]


async def test_a_lost_link(fake: FakeAsterisk, proxy: FaultProxy) -> None:
    """The command under way fails with ConnectionLost, and the next one waits for the link and goes on."""
    async with manager(proxy) as steering, manager(fake) as mgr:

        async def program(session: Session) -> str:
            with pytest.raises(ConnectionLost) as caught:
                await session.exec("Wait", 0.2)
            assert caught.value.sent
            return await session.evaluate("again")

        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def observed(session: Session) -> None:
            await observe(program(session), result)

        async with AsyncAGI(steering, observed):
            await place(mgr)
            await fake.expect("AGI")
            proxy.cut()
            assert await asyncio.wait_for(result, 5) == "again"


async def test_a_link_that_is_gone_for_good(fake: FakeAsterisk) -> None:
    """When the manager is closed, commands raise ConnectionLost, and nothing waits for ever."""
    mgr = manager(fake)
    await mgr.connect()
    raised = []

    async def program(session: Session) -> None:
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                await session.exec("Wait", 60)
            raised.append(session)
        raise ConnectionLost("as usual")

    async with AsyncAGI(mgr, program) as calls, AsyncAGI(manager(fake)) as others:
        await place(mgr)
        await fake.expect("AGI")
        await mgr.close()
        await until(lambda: len(raised) == 2)
        await calls.close()
        assert mgr.state is ManagerState.CLOSED
        others.lose(ConnectionLost("gone"))
        with pytest.raises(ConnectionLost):
            await anext(others)


async def test_sessions_are_taken_by_hand(mgr: Manager) -> None:
    """Without a program sessions are iterated over; with one that is a TypeError."""
    async with AsyncAGI(mgr) as calls:
        await place(mgr)
        async for session in calls:
            await session.answer()
            await session.leave()
            break
        assert session.is_over
        waiting = asyncio.create_task(anext(calls))
        await asyncio.sleep(0)
        await calls.close()
        with pytest.raises(StopAsyncIteration):
            await waiting
    async with AsyncAGI(mgr, Routes()) as calls:
        with pytest.raises(TypeError):
            calls.__aiter__()


async def test_what_no_route_wants_is_given_back(mgr: Manager) -> None:
    """A session that no route wants goes back to the dialplan at once."""
    with mgr.events(events.UserEvent) as on:
        async with AsyncAGI(mgr, Routes()):
            await place(mgr)
            async for event in on:
                assert event["Status"] == "SUCCESS"
                break


async def test_one_async_agi_for_a_manager(mgr: Manager) -> None:
    """A second one is a RuntimeError, and wrong arguments are refused."""
    async with AsyncAGI(mgr, Routes()) as first:
        with pytest.raises(RuntimeError):
            await AsyncAGI(mgr, Routes()).start()
        assert repr(first) == "<AsyncAGI 0 sessions>"
    assert repr(first) == "<AsyncAGI closed>"
    with pytest.raises(TypeError):
        AsyncAGI(mgr, "menu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on_error"):
        AsyncAGI(mgr, Routes(), on_error="explode")  # type: ignore[arg-type]


async def test_a_command_that_does_not_fit(mgr: Manager) -> None:
    """Over AsyncAGI a command has at most 1,013 bytes, and a longer one never leaves."""

    async def program(session: Session) -> None:
        room = 1013 - len('NOOP ""')
        assert (await session.command("NOOP", "x" * room)).result == "0"
        with pytest.raises(ValueError, match="at most 1013"):
            await session.command("NOOP", "x" * (room + 1))

    async with call(mgr, program) as result:
        await result


async def test_a_user_without_the_class_call(fake: FakeAsterisk, mgr: Manager) -> None:
    """Where the user may not read variables through the manager, commands do it; a hang-up is found out without events."""
    fake.accounts["steering"] = Account("s3cret", read="agi", write="agi")

    async def program(session: Session) -> None:
        await session.set("A", "b")
        assert await session.get("A") == "b"
        await mgr.send(core.Hangup(session.uniqueid))
        with pytest.raises(SessionEnded):
            await session.exec("Wait", 60)

    result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def observed(session: Session) -> None:
        await observe(program(session), result)

    async with manager(fake, username="steering") as steering, AsyncAGI(steering, observed):
        await place(mgr)
        await asyncio.wait_for(result, 5)


async def test_values_that_the_manager_cannot_carry(mgr: Manager) -> None:
    """Blanks around a value, bytes and an empty value go by a command; a value that was cut is an error."""

    async def program(session: Session) -> None:
        for value in ("  blanks  ", b"bytes", ""):
            await session.set("A", value)
            assert await session.get("A") == (value.decode() if isinstance(value, bytes) else value or None)
        await mgr.send(actions.Setvar("A", "x" * 1000, channel=session.uniqueid))
        assert await session.get("A") == "x" * 1000
        for text in ("${A}${A}", "${A}" + "y" * 10):
            with pytest.raises(ProtocolError, match="cuts"):
                await session.evaluate(text)
            assert await session.evaluate("${EXTEN}") == "direct"
        assert len(await session.evaluate("${A}" + "y" * 8)) == 1008

    async with call(mgr, program) as result:
        await result


@pytest.mark.parametrize("on_error", ["hangup", "continue"])
async def test_a_user_who_may_only_steer_ends_calls_too(fake: FakeAsterisk, mgr: Manager, on_error: Any) -> None:
    """Where the user may not send Hangup, a command hangs up the call of a program that failed."""
    fake.accounts["steering"] = Account("s3cret", read="agi", write="agi")

    async def program(session: Session) -> None:
        raise ZeroDivisionError

    with mgr.events(events.Hangup, events.UserEvent) as ends:
        async with manager(fake, username="steering") as steering, AsyncAGI(steering, program, on_error=on_error):
            await place(mgr)
            async for event in ends:
                assert isinstance(event, events.Hangup if on_error == "hangup" else events.UserEvent)
                break


async def test_a_lost_link_of_a_user_who_may_not_look(fake: FakeAsterisk, mgr: Manager, proxy: FaultProxy) -> None:
    """Without the right to look at channels, the session goes on if its commands are answered."""
    fake.accounts["steering"] = Account("s3cret", read="agi", write="agi")
    result: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    begun = asyncio.Event()

    async def program(session: Session) -> None:
        begun.set()
        with pytest.raises(ConnectionLost):
            await session.exec("Wait", 0.3)
        result.set_result(await session.evaluate("again"))

    async with manager(proxy, username="steering") as steering, AsyncAGI(steering, program):
        await place(mgr)
        await begun.wait()
        await asyncio.sleep(0.15)  # the answer comes so late that the link stands again, too early to be heard
        proxy.cut()
        assert await asyncio.wait_for(result, 5) == "again"


async def test_a_program_that_the_lost_link_has_ended(
    fake: FakeAsterisk, mgr: Manager, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """The call of a program that died of a lost link is hung up when the link stands again, with a warning."""

    async def program(session: Session) -> None:
        await session.digit(None)

    with mgr.events(events.Hangup) as gone:
        async with manager(proxy) as steering, AsyncAGI(steering, program):
            await place(mgr)
            await fake.expect("AGI")
            proxy.cut()
            async for _ in gone:
                break
    levels = {record.levelname for record in caplog.records if record.name == "aioami.agi"}
    assert levels == {"WARNING"}


async def test_closing_ends_sessions_that_were_taken_by_hand(mgr: Manager) -> None:
    """close() waits for the sessions in hand, and hangs up those that are left after its timeout."""
    with mgr.events(events.Hangup) as gone:
        async with AsyncAGI(mgr) as calls:
            await place(mgr)
            session = await anext(calls)
            closing = asyncio.create_task(calls.close(timeout=1.0))
            await session.answer()
            await closing
            assert session.is_over
            async for _ in gone:
                break
        with pytest.raises(HungUp):
            await session.answer()
        assert "HungUp" in repr(session)


async def test_an_unknown_end_is_looked_for(fake: FakeAsterisk, mgr: Manager) -> None:
    """A user who hears of no hang-up and no step of the dialplan asks why AsyncAGI has ended."""
    fake.accounts["looking"] = Account("s3cret", read="agi", write="agi,call,reporting")
    raised: asyncio.Queue[str] = asyncio.Queue()

    async def program(session: Session) -> None:
        ending = {"0": core.Hangup(session.uniqueid), "1": core.AGI(session.channel, "ASYNCAGI BREAK")}
        try:
            await mgr.send(ending[str(len(ended))])
            ended.append(session)
            await session.digit(None)
        except SessionEnded as error:
            raised.put_nowait(type(error).__name__)
            raise

    ended: list[Session] = []
    async with manager(fake, username="looking") as looking, AsyncAGI(looking, program):
        for expected in ("HungUp", "TakenAway"):
            await place(mgr)
            assert await asyncio.wait_for(raised.get(), 5) == expected


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
async def test_text_is_in_the_managers_encoding(encoding: str) -> None:
    """The environment, arguments, answers and variables are read and written as the manager reads and writes text."""
    seen: list[object] = []

    async def program(call: Session) -> None:
        seen.append(call.environment["agi_calleridname"])
        seen.append(call.arguments)
        await call.set("A", "grün")
        seen.append(await call.get("A"))
        seen.append(await call.evaluate("<${A}>"))
        seen.append((await call.command("GET VARIABLE", "A")).data)

    async with FakeAsterisk(virtual_time=True, encoding=encoding) as fake:
        fake.add_extension("menu", "AGI(agi:async,süß)", "Playback(done)")
        async with Manager.from_url(f"{fake.url}?encoding={encoding}") as mgr, AsyncAGI(mgr, program):
            assert (mgr.encoding, mgr.errors) == (encoding.replace("latin-1", "iso8859-1"), "backslashreplace")
            caller = fake.incoming("PJSIP/trunk", to="menu", caller='"Jürgen" <100>')
            await caller.hears("done")
            written = fake.exchange.charset.encode(fake.exchange.channels[caller.channel].variables["A"])
    assert seen == ["Jürgen", ("süß",), "grün", "<grün>", "grün"]
    assert written == "grün".encode(encoding)


async def test_variables_are_set_and_read_by_the_manager() -> None:
    """Over AsyncAGI a variable takes an action of the manager's, which is quicker than a command."""
    async with FakeAsterisk(virtual_time=True) as fake, Manager.from_url(fake.url) as mgr:
        got: list[str | None] = []

        async def program(call: Session) -> None:
            await call.set("A", "one two")
            await call.set("B", b"12\xe9")
            got.extend([await call.get("A"), await call.get(b"B")])

        fake.add_extension("menu", "AGI(agi:async)", "Playback(done)")
        async with AsyncAGI(mgr, program):
            caller = fake.incoming("PJSIP/trunk", to="menu")
            await caller.hears("done")
        assert got == ["one two", "12\\xe9"]
        names = [request.name for request in fake.received if request.name in ("AGI", "Setvar", "Getvar")]
        assert names == ["Setvar", "Setvar", "Setvar", "Getvar", "Getvar", "AGI"]


async def test_nobody_looks_for_the_outcome_of_a_command_of_a_session() -> None:
    """A session takes its results by itself: no event is judged for its commands a second time."""
    async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
        watches: list[OutcomeWatch] = []

        async def program(call: Session) -> None:
            running = asyncio.create_task(call.digit(0.2))
            await until(lambda: any(request.name == "AGI" for request in fake.received))
            watches.extend(each for each in gc.get_objects() if isinstance(each, OutcomeWatch))
            await running

        fake.add_extension("menu", "AGI(agi:async)", "Playback(done)")
        async with AsyncAGI(mgr, program):
            caller = fake.incoming("PJSIP/trunk", to="menu")
            await caller.hears("done")
    assert watches == []


def test_a_command_of_a_session_is_the_action_agi() -> None:
    """It has the same bytes, and the action that programs send keeps its outcome."""
    own = SessionAGI("1700000000.1", b'EXEC "Playback" "beep"', "a-1")
    theirs = actions.AGI("1700000000.1", 'EXEC "Playback" "beep"', command_id="a-1")
    assert own == theirs
    assert own.encode("1") == theirs.encode("1")
    assert (own.privilege, own.outcome_events) == (("agi",), ())
    assert Action("AGI", {"Channel": "x"}).answered_as is actions.AGI
