"""AGI sessions on real servers: what only AsyncAGI has, and a lost link."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.helpers import QUICK, begins, until
from tests.real.agi_calls import CONTEXT, Calls, lay_out, press, run, serving

from aioami import ConnectionLost, Manager, ManagerState, core, events
from aioami.agi import (
    AsyncAGI,
    CommandFailed,
    HungUp,
    Session,
    SessionEnded,
    TakenAway,
)
from aioami.enums import DialStatus
from aioami.testing import FaultProxy

# AsyncAGI alone


async def test_a_bridge_takes_the_call_away(mgr: Manager) -> None:
    """A bridge by an action ends AsyncAGI without a word from Asterisk, and is TakenAway all the same."""

    async def program(call: Session) -> None:
        other = await (await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",)))).outcome()
        waits = begins(mgr, "WAIT FOR DIGIT", call.channel)
        running = asyncio.create_task(call.digit(None))
        await waits
        await mgr.send(core.Bridge(call.channel, other.channel or ""))
        with pytest.raises(TakenAway):
            await running
        with pytest.raises(TakenAway):
            await call.answer()

    await run(mgr, "asyncagi", program)


async def test_a_dial_is_no_bridge_of_others(mgr: Manager) -> None:
    """The bridge of an application that the session runs does not end it."""

    async def program(call: Session) -> tuple[DialStatus | None, str | None]:
        result = await call.dial("Local/short@test/n", timeout=5)
        return result.status, await call.get("DIALSTATUS")

    assert await run(mgr, "asyncagi", program) == (DialStatus.ANSWER, "ANSWER")


async def test_entering_anew_is_another_session(mgr: Manager) -> None:
    """A channel that is redirected to AsyncAGI again has a new session, and the old one is over."""
    sessions: list[Session] = []
    raised: list[str] = []

    async def program(call: Session) -> None:
        sessions.append(call)
        try:
            await call.digit(None)
        except SessionEnded as error:
            raised.append(type(error).__name__)
            raise

    async with serving(mgr, "asyncagi", program) as calls:
        waits = begins(mgr, "WAIT FOR DIGIT")
        await calls.place()
        await waits
        await mgr.send(core.Redirect(sessions[0].uniqueid, CONTEXT, calls.exten, 1))
        await until(lambda: len(sessions) == 2)
        await until(lambda: raised == ["TakenAway"])
        assert not sessions[1].is_over
        assert sessions[0].uniqueid == sessions[1].uniqueid


async def test_a_long_environment_is_whole(mgr: Manager) -> None:
    """What Asterisk cuts off the environment of AsyncAGI is added, and the first answer is right."""

    async def program(call: Session) -> tuple[tuple[str, ...], str]:
        return call.arguments, await call.evaluate("<${EXTEN}>")

    for size in (400, 700, 2000):
        long = ("menu", "x" * (size // 2), "y" * (size // 2), "end")
        result: asyncio.Future[tuple[tuple[str, ...], str]] = asyncio.get_running_loop().create_future()

        async def observed(call: Session, result: asyncio.Future[Any] = result) -> None:
            result.set_result(await program(call))

        # One action cannot carry so long a line of dialplan.
        async with serving(mgr, "asyncagi", observed, "menu,${LONG1},${LONG2},end") as calls:
            await calls.place(LONG1=long[1], LONG2=long[2])
            assert await asyncio.wait_for(result, 5) == (long, f"<{calls.exten}>")


async def test_sessions_can_be_taken_by_hand(mgr: Manager) -> None:
    """Without a program sessions are iterated over, and those that are left are hung up at the end."""
    with mgr.events(events.Hangup) as gone:
        async with AsyncAGI(mgr) as calls:
            place = Calls(mgr, "by-hand", calls)
            await lay_out(mgr, CONTEXT, "by-hand", "Answer()", "AGI(agi:async,menu)", "Wait(600)")
            channels = {await place.place(), await place.place()}
            async for call in calls:
                assert call.channel in channels
                assert call.take_name() == "menu"
                await call.leave()
                break
        left = channels - {call.channel}
        async for event in gone:
            left.discard(event.channel or "")
            if not left:
                break
        assert call.is_over
        with pytest.raises(StopAsyncIteration):
            await anext(calls)


async def test_a_manager_has_one_async_agi(mgr: Manager) -> None:
    """A second AsyncAGI on one manager is refused, until the first is closed."""

    async def program(call: Session) -> None: ...

    async with AsyncAGI(mgr, program):
        with pytest.raises(RuntimeError):
            await AsyncAGI(mgr, program).start()
    async with AsyncAGI(mgr, program):
        pass


async def test_a_user_who_may_only_steer(mgr: Manager, asterisk: Any) -> None:
    """With the class agi alone sessions work; whether a failed command ended one is found out without events."""
    async with Manager.from_url(asterisk.url, event_mask="agi") as steering:

        async def program(call: Session) -> None:
            assert await call.get("EXTEN") == call.environment["agi_extension"]
            with pytest.raises(CommandFailed) as caught:
                await call.play("nosuchfile", stop="1")
            assert caught.value.session_over
            with pytest.raises(TakenAway):
                await call.answer()

        async def hung_up(call: Session) -> None:
            waits = begins(mgr, "WAIT FOR DIGIT", call.channel)
            running = asyncio.create_task(call.digit(None))
            await waits
            await mgr.send(core.Hangup(call.uniqueid))
            with pytest.raises(HungUp):
                await running

        for each in (program, hung_up):
            done: asyncio.Future[object] = asyncio.get_running_loop().create_future()

            async def observed(call: Session, each: Any = each, done: asyncio.Future[object] = done) -> None:
                try:
                    done.set_result(await each(call))
                except BaseException as error:
                    done.set_exception(error)

            async with serving(steering, "asyncagi", observed) as calls:
                await Calls(mgr, calls.exten, calls.server).place()
                await asyncio.wait_for(done, 10)


# A lost link


@contextlib.asynccontextmanager
async def steering_through_a_proxy(asterisk: Any) -> AsyncIterator[tuple[Manager, FaultProxy]]:
    """A manager whose link can be lost."""
    host, _, port = asterisk.url.rpartition("@")[2].partition(":")
    async with FaultProxy(host, int(port)) as proxy:
        url = asterisk.url.replace(f":{port}", f":{proxy.port}")
        async with Manager.from_url(url, reconnect=QUICK) as manager:
            yield manager, proxy


@pytest.mark.parametrize("outage", ["short", "hung up", "redirected", "entered anew"])
async def test_a_lost_link(mgr: Manager, asterisk: Any, outage: str) -> None:
    """The command under way fails; the session goes on if the channel still is where it was, and never elsewhere."""
    sessions: list[Session] = []
    raised: list[str] = []
    values: list[str] = []

    async def program(call: Session) -> None:
        sessions.append(call)
        if len(sessions) > 1:
            values.append(await call.evaluate("anew"))
            return
        try:
            await call.digit(None)
        except ConnectionLost as error:
            raised.append(f"ConnectionLost sent={error.sent}")
        try:
            await call.digit(0.2)
            values.append(await call.evaluate("${EXTEN}"))
        except SessionEnded as error:
            raised.append(type(error).__name__)
            raise

    async with steering_through_a_proxy(asterisk) as (steering, proxy), serving(steering, "asyncagi", program) as calls:
        placing = Calls(mgr, calls.exten, calls.server)
        waits = begins(mgr, "WAIT FOR DIGIT")
        await placing.place()
        await waits
        await proxy.stop()
        uniqueid = sessions[0].uniqueid
        await until(lambda: steering.state is ManagerState.RECONNECTING)
        if outage == "hung up":
            await mgr.send(core.Hangup(uniqueid))
        elif outage == "redirected":
            await mgr.send(core.Redirect(uniqueid, "elsewhere", "target", 1))
        elif outage == "entered anew":
            entered = mgr.wait_for(events.AsyncAGIStart, timeout=10)
            await mgr.send(core.Redirect(uniqueid, CONTEXT, calls.exten, 1))
            await entered
        else:
            ended = mgr.wait_for(events.AGIExecEnd, timeout=10)
            await press(mgr, sessions[0], "5")  # ends the command, whose answer is lost
            await ended
        await proxy.start()
        await steering.wait_ready(10)
        await until(lambda: len(raised) + len(values) == (3 if outage == "entered anew" else 2), 10)
    ends = {"short": [], "hung up": ["HungUp"], "redirected": ["TakenAway"], "entered anew": ["TakenAway"]}
    assert raised == ["ConnectionLost sent=True", *ends[outage]]
    assert values == {"short": [calls.exten], "entered anew": ["anew"]}.get(outage, [])


async def test_a_call_that_came_while_the_link_was_down(mgr: Manager, asterisk: Any) -> None:
    """A call that entered AsyncAGI while nobody listened is taken when the link stands again."""
    taken: asyncio.Future[Session] = asyncio.get_running_loop().create_future()

    async def program(call: Session) -> None:
        taken.set_result(call)
        assert await call.digit(0.1) is None

    async with (
        steering_through_a_proxy(asterisk) as (steering, proxy),
        serving(steering, "asyncagi", program, "menu,one") as calls,
    ):
        await proxy.stop()
        entered = mgr.wait_for(events.AsyncAGIStart, timeout=10)
        channel = await Calls(mgr, calls.exten, calls.server).place()
        await entered
        await proxy.start()
        call = await asyncio.wait_for(taken, 10)
        assert (call.channel, call.arguments) == (channel, ("menu", "one"))
        await until(lambda: call.is_over)


async def test_a_program_that_dies_of_a_lost_link_hangs_up_later(mgr: Manager, asterisk: Any) -> None:
    """The call of a program that the lost link has ended is hung up when the link stands again."""

    async def program(call: Session) -> None:
        await call.digit(None)

    async with steering_through_a_proxy(asterisk) as (steering, proxy), serving(steering, "asyncagi", program) as calls:
        waits = begins(mgr, "WAIT FOR DIGIT")
        channel = await Calls(mgr, calls.exten, calls.server).place()
        await waits
        gone = mgr.wait_for(events.Hangup, where=lambda event: event.channel == channel, timeout=10)
        await proxy.stop()
        await until(lambda: steering.state is ManagerState.RECONNECTING)
        await proxy.start()
        await gone
