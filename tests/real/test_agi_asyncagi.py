"""AGI sessions on real servers: what only AsyncAGI has, and a lost link."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from tests.helpers import QUICK, begins, observe, until
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

    sizes = (400, 700, 2000)
    seen: dict[int, asyncio.Future[tuple[tuple[str, ...], str]]] = {
        size: asyncio.get_running_loop().create_future() for size in sizes
    }

    async def program(call: Session) -> None:
        seen[int(call.arguments[-1])].set_result((call.arguments, await call.evaluate("<${EXTEN}>")))

    # One action cannot carry so long a line of dialplan.
    async with serving(mgr, "asyncagi", program, "menu,${LONG1},${LONG2},end,${SIZE}") as calls:
        long = {size: ("menu", "x" * (size // 2), "y" * (size // 2), "end", str(size)) for size in sizes}
        await asyncio.gather(*(calls.place(LONG1=each[1], LONG2=each[2], SIZE=each[4]) for each in long.values()))
        for size in sizes:
            assert await asyncio.wait_for(seen[size], 5) == (long[size], f"<{calls.exten}>")


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

        programs = {"fails": program, "hung up": hung_up}
        done: dict[str, asyncio.Future[object]] = {
            name: asyncio.get_running_loop().create_future() for name in programs
        }

        async def observed(call: Session) -> None:
            name = call.arguments[-1]
            await observe(programs[name](call), done[name])

        async with serving(steering, "asyncagi", observed, "menu,${ROW}") as calls:
            placing = Calls(mgr, calls.exten, calls.server)
            await asyncio.gather(*(placing.place(ROW=name) for name in programs))
            await asyncio.wait_for(asyncio.gather(*done.values()), 10)


# A lost link


@contextlib.asynccontextmanager
async def steering_through_a_proxy(asterisk: Any) -> AsyncIterator[tuple[Manager, FaultProxy]]:
    """A manager whose link can be lost."""
    host, _, port = asterisk.url.rpartition("@")[2].partition(":")
    async with FaultProxy(host, int(port)) as proxy:
        url = asterisk.url.replace(f":{port}", f":{proxy.port}")
        async with Manager.from_url(url, reconnect=QUICK) as manager:
            yield manager, proxy


async def test_a_lost_link(mgr: Manager, asterisk: Any) -> None:
    """The command under way fails; the session goes on if the channel still is where it was, and never elsewhere."""
    sessions: dict[str, Session] = {}
    running: list[Awaitable[object]] = []
    raised: dict[str, list[str]] = {"short": [], "hung up": [], "redirected": [], "entered anew": [], "bridged": []}
    values: dict[str, str] = {}

    async def program(call: Session) -> None:
        outage = call.arguments[-1]
        if outage in sessions:
            values[outage] = await call.evaluate("anew")
            return
        running.append(begins(mgr, "", call.channel))
        sessions[outage] = call
        try:
            await (call.play("demo-congrats", "demo-congrats") if outage == "bridged" else call.digit(None))
        except ConnectionLost as error:
            raised[outage].append(f"ConnectionLost sent={error.sent}")
        try:
            await call.digit(0.2)
            values[outage] = await call.evaluate("${EXTEN}")
        except SessionEnded as error:
            raised[outage].append(type(error).__name__)
            raise

    async with (
        steering_through_a_proxy(asterisk) as (steering, proxy),
        serving(steering, "asyncagi", program, "menu,${ROW}") as calls,
    ):
        placing = Calls(mgr, calls.exten, calls.server)
        await asyncio.gather(*(placing.place(ROW=outage) for outage in raised))
        await until(lambda: len(sessions) == len(raised))
        await asyncio.gather(*running)
        other = await (await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",)))).outcome()
        await proxy.stop()
        await until(lambda: steering.state is ManagerState.RECONNECTING)
        channels = {outage: session.uniqueid for outage, session in sessions.items()}
        await mgr.send(core.Hangup(channels["hung up"]))
        await mgr.send(core.Redirect(channels["redirected"], "elsewhere", "target", 1))
        await mgr.send(core.Redirect(channels["entered anew"], CONTEXT, calls.exten, 1))
        await mgr.send(core.Bridge(sessions["bridged"].channel, other.channel or ""))
        await press(mgr, sessions["short"], "5")  # ends the command, whose answer is lost
        await asyncio.sleep(0.3)  # all are where they are sent, which no single event tells
        await proxy.start()
        await steering.wait_ready(10)
        await until(lambda: sum(map(len, raised.values())) + len(values) == 11, 10)
    lost = "ConnectionLost sent=True"
    assert raised == {
        "short": [lost],
        "hung up": [lost, "HungUp"],
        "redirected": [lost, "TakenAway"],
        "entered anew": [lost, "TakenAway"],
        "bridged": [lost, "TakenAway"],
    }
    assert values == {"short": calls.exten, "entered anew": "anew"}


async def test_two_programs_on_one_channel(mgr: Manager, asterisk: Any) -> None:
    """Programs of two managers that steer the same call get each its own answers, and neither waits for ever."""
    ended: list[str] = []

    async def program(call: Session) -> None:
        number = len(ended)
        ended.append("")
        try:
            for count in range(5):
                text = f"{number}-{count}"
                assert await call.evaluate(text) == text
            await call.digit(0.1)
        except SessionEnded as error:
            ended[number] = type(error).__name__
            raise
        ended[number] = "left"

    async with (
        Manager("127.0.0.1", int(asterisk.url.rpartition(":")[2]), "admin", "s3cret") as second,
        AsyncAGI(second, program),
        serving(mgr, "asyncagi", program) as calls,
    ):
        await calls.place()
        await until(lambda: len(ended) == 2)
        await until(lambda: all(ended), 10)
    assert set(ended) <= {"left", "TakenAway"}
    assert "left" in ended


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
