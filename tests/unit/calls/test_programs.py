"""Programs for calls that were placed, and the calls of sessions, on the fake server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest
from tests.helpers import begins, manager, until

from aioami import ActionError, HungUp, Manager, ManagerState, PermissionDenied, TakenAway, actions, core
from aioami.agi import AsyncAGI, Session
from aioami.calls import Call, CallState, EndReason
from aioami.calls.hub import Hub
from aioami.testing import Account, FakeAsterisk, FakeConnection, FaultProxy

ANSWERS = "Local/wait@test/n"


@pytest.fixture(autouse=True)
async def nothing_is_left(mgr: Manager) -> AsyncIterator[None]:
    """When a test is over, no hub watches anything."""
    yield
    await until(lambda: len(Hub.of(mgr)) == 0, 3)
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "aioami agi"], 3)


async def test_a_program_steers_the_call_once_it_is_answered(mgr: Manager) -> None:
    """It gets the session of the call that was placed, and the call is hung up when it returns."""
    seen: list[object] = []

    async def program(session: Session) -> None:
        seen.append(session.call is call)
        await session.set("A", "b")
        seen.append(await session.get("A"))

    async with mgr.call(ANSWERS, to=program) as call:
        end = await call.ended(5)
    assert seen == [True, "b"]
    assert (end.reason, end.by_us) == (EndReason.ANSWERED, True)


async def test_the_program_of_a_call_comes_before_an_async_agi(mgr: Manager) -> None:
    """An AsyncAGI of the same manager gets all other calls, and not this one."""
    ran: list[str] = []

    async def own(session: Session) -> None:
        ran.append("own")

    async def door(session: Session) -> None:
        ran.append("door")
        await session.hang_up()

    async with AsyncAGI(mgr, door):
        for to in (own, "agi@test"):
            call = await mgr.call(ANSWERS, to=to)
            await call.ended(5)
    assert ran == ["own", "door"]


async def test_a_call_that_is_not_answered_runs_no_program(mgr: Manager) -> None:
    """Nothing is expected any more when it has ended."""

    async def program(session: Session) -> None:
        raise AssertionError("nobody answered")

    call = await mgr.call("Local/busy@test/n", to=program)
    assert (await call.ended(5)).reason is EndReason.BUSY
    with pytest.raises(ActionError):
        fails = Account("s3cret", read="all", write="originate")
        async with FakeAsterisk(users={"caller": fails}) as fake, manager(fake, username="caller") as poor:
            await poor.call(ANSWERS, to=program)


async def test_a_user_without_the_class_system(fake: FakeAsterisk) -> None:
    """A program needs the write class system: without it the call is refused."""
    fake.accounts["caller"] = Account("s3cret", read="all", write="originate,call,agi")
    async with manager(fake, username="caller") as mgr:
        with pytest.raises(PermissionDenied):
            await mgr.call(ANSWERS, to=_idle)
        await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "aioami agi"], 3)


async def _idle(session: Session) -> None:
    await session.digit(None)


async def test_leaving_hangs_up(mgr: Manager) -> None:
    """There is no dialplan behind a program: leave() ends the call, and later commands raise TakenAway."""
    raised: list[str] = []

    async def program(session: Session) -> None:
        await session.leave()
        try:
            await session.answer()
        except TakenAway:
            raised.append("TakenAway")

    call = await mgr.call(ANSWERS, to=program)
    assert (await call.ended(5)).by_us
    await until(lambda: raised == ["TakenAway"])


async def test_going_into_the_dialplan(mgr: Manager, fake: FakeAsterisk) -> None:
    """go_to() is a redirect, and the call goes on there."""
    raised: list[str] = []

    async def program(session: Session) -> None:
        await session.go_to("elsewhere", "target")
        with pytest.raises(TakenAway) as caught:
            await session.answer()
        raised.append(str(caught.value))

    async with mgr.call(ANSWERS, to=program) as call:
        await until(lambda: raised)
        assert fake.sent("Redirect")
        await until(lambda: fake.exchange.channels[call.channel or ""].exten == "target")
        assert call.end is None


async def test_a_redirect_by_others_takes_the_call_away(mgr: Manager, caplog: pytest.LogCaptureFixture) -> None:
    """No AsyncAGIEnd tells of it; the step in the dialplan does, and nothing is logged as an error."""
    raised: list[str] = []

    async def program(session: Session) -> None:
        try:
            await session.digit(None)
        except TakenAway as error:
            raised.append(str(error))
            raise

    waits = begins(mgr, "WAIT FOR DIGIT")
    async with mgr.call(ANSWERS, to=program) as call:
        await waits
        await call.redirect("elsewhere", "target")
        await until(lambda: raised)
        assert "elsewhere,target" in raised[0]
        assert call.end is None
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_hang_up_ends_the_program(mgr: Manager) -> None:
    """Leaving `async with` hangs up; the command that runs raises HungUp."""
    raised: list[str] = []

    async def program(session: Session) -> None:
        try:
            await session.digit(None)
        except HungUp as error:
            raised.append(type(error).__name__)
            raise

    waits = begins(mgr, "WAIT FOR DIGIT")
    async with mgr.call(ANSWERS, to=program) as call:
        await waits
    await until(lambda: raised == ["HungUp"])
    assert call.end is not None
    assert call.end.by_us


async def test_a_program_that_raises(mgr: Manager, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the call is hung up."""

    async def program(session: Session) -> None:
        raise ZeroDivisionError

    call = await mgr.call(ANSWERS, to=program)
    assert (await call.ended(5)).by_us
    assert "ZeroDivisionError" in caplog.text


async def test_a_program_begins_after_a_lost_link(fake: FakeAsterisk, proxy: FaultProxy, mgr: Manager) -> None:
    """A call that is answered while the link is down gets its program when it stands again."""
    ran = asyncio.Event()

    async def program(session: Session) -> None:
        ran.set()
        assert await session.evaluate("${EXTEN}") == "wait"

    async with manager(proxy) as own:
        fake.before("Newchannel", FakeConnection.stall)
        call = await own.call(ANSWERS, to=program)
        proxy.cut()
        await until(lambda: own.state is not ManagerState.READY)
        await asyncio.wait_for(ran.wait(), 5)
        assert (await call.ended(5)).by_us
    assert len(fake.sent("Originate")) == 1


# The call of a session


@contextlib.asynccontextmanager
async def incoming(mgr: Manager) -> AsyncIterator[Session]:
    """A session of a call that came by itself."""
    step = actions.DialplanExtensionAdd("test", "in", 1, "AGI", application_data="agi:async", replace=True)
    await mgr.send(step)
    async with AsyncAGI(mgr) as sessions:
        await mgr.send(core.Originate_Application("Local/in@test/n", "Wait", ("600",)))
        async for session in sessions:
            yield session
            break


async def test_a_session_has_its_call(mgr: Manager) -> None:
    """It is one object, shows the state of the caller's channel, and ends with it."""
    async with incoming(mgr) as session:
        call = session.call
        assert session.call is call
        assert (call.uniqueid, call.channel, call.state) == (session.uniqueid, session.channel, CallState.RINGING)
        changes = call.changes()
        await session.answer()
        assert await call.answered(5)
        await call.set("A", "b")
        assert await session.get("A") == "b"
        await session.hang_up()
        end = await call.ended(5)
        assert (end.reason, end.by_us) == (EndReason.ANSWERED, True)
        assert [change.state async for change in changes][-1] is CallState.ENDED


async def test_the_call_of_a_session_that_was_answered_before(mgr: Manager) -> None:
    """What was before it was asked for is looked up."""
    async with incoming(mgr) as session:
        await session.answer()
        call = session.call
        await until(lambda: call.state is CallState.ANSWERED)
        await mgr.send(core.Hangup(session.uniqueid))
        end = await call.ended(5)
        assert (end.reason, end.by_us) == (EndReason.ANSWERED, False)


async def test_the_call_of_a_session_that_is_over(mgr: Manager) -> None:
    """A call that is first asked for when it is gone ends at once."""
    held: list[Call] = []
    async with incoming(mgr) as session:
        await mgr.send(core.Hangup(session.uniqueid))
        await until(lambda: session.is_over)
        held.append(session.call)
        assert (await held[0].ended(5)).reason is EndReason.UNKNOWN


async def test_a_caller_who_gives_up(mgr: Manager) -> None:
    """A call that ends before it was answered was not answered."""
    async with incoming(mgr) as session:
        call = session.call
        await until(lambda: not Hub.of(mgr).is_looking)
        await mgr.send(core.Hangup(session.uniqueid))
        assert (await call.ended(5)).reason is EndReason.NO_ANSWER
