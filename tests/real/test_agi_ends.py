"""AGI sessions on real servers: how they end, on either transport."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import until
from tests.real.agi_calls import CONTEXT, Transport, both, lay_out, press, run, serving

from aioami import Manager, ManagerError, core, events
from aioami.agi import (
    CommandFailed,
    HungUp,
    Routes,
    Session,
    TakenAway,
)
from aioami.enums import HangupCause

# The end of a call


ENDED_BY_HANGUP: dict[str, Callable[[Session], Awaitable[object]]] = {
    "play": lambda call: call.play("demo-congrats"),
    "play with a stop": lambda call: call.play("demo-congrats", stop="1"),
    "ask": lambda call: call.ask("demo-congrats", digits=3),
    "ask in silence": lambda call: call.ask(digits=3, timeout=5),
    "digit": lambda call: call.digit(None),
    "say_digits": lambda call: call.say_digits("1234567890"),
    "say_number": lambda call: call.say_number(1234567),
    "spell": lambda call: call.spell("abcdefghijk"),
    "dial": lambda call: call.dial("Local/wait@test/n"),
    "exec": lambda call: call.exec("Wait", 20),
    "music": lambda call: call.exec("MusicOnHold", "default", 20),
    "command": lambda call: call.command("RECEIVE", "TEXT", 20000),
}


async def raised_by(
    mgr: Manager,
    transport: Transport,
    commands: dict[str, Callable[[Session], Awaitable[object]]],
    disturbance: Callable[[Session], Awaitable[object]],
    **options: Any,
) -> dict[str, tuple[str, float]]:
    """Run each command in a call of its own, and disturb it; return the error, and how long after."""
    loop = asyncio.get_running_loop()
    results: dict[str, asyncio.Future[tuple[str, float]]] = {name: loop.create_future() for name in commands}
    disturbed: dict[str, float] = {}

    async def program(call: Session) -> None:
        name = await call.get("ROW") or ""

        async def disturb() -> None:
            await asyncio.sleep(0.4)
            disturbed[name] = loop.time()
            await disturbance(call)

        async with contextlib.AsyncExitStack() as stack:
            task = asyncio.create_task(disturb())
            stack.callback(task.cancel)
            try:
                raised = f"returned {await commands[name](call)!r}"
            except ManagerError as error:
                raised = type(error).__name__
            results[name].set_result((raised, loop.time() - disturbed.get(name, loop.time())))
            await task
        await call.answer()  # which raises the same

    async with serving(mgr, transport, program, **options) as calls:
        for name in commands:
            await calls.place(ROW=name)
        done = await asyncio.wait_for(asyncio.gather(*results.values()), 30)
        await calls.server.close(timeout=5)
    return dict(zip(commands, done, strict=True))


@both
async def test_a_hangup_ends_each_command(mgr: Manager, transport: Transport, caplog: pytest.LogCaptureFixture) -> None:
    """A hang-up in the middle is HungUp within half a second in each command, and nothing is logged."""
    with caplog.at_level(logging.INFO, "aioami.agi"):
        seen = await raised_by(mgr, transport, ENDED_BY_HANGUP, lambda call: mgr.send(core.Hangup(call.uniqueid)))
    assert {name: raised for name, (raised, _) in seen.items()} == dict.fromkeys(seen, "HungUp")
    assert max(after for _, after in seen.values()) < 0.5
    assert [record.message for record in caplog.records if record.name == "aioami.agi"] == []


@both
async def test_a_redirect_takes_the_call_away(mgr: Manager, transport: Transport) -> None:
    """A redirect in the middle of any command is TakenAway, and the channel comes to its new place."""
    commands = {name: run for name, run in ENDED_BY_HANGUP.items() if name not in ("dial",)}
    arrived = mgr.events(events.Newexten, where=lambda step: step.exten == "target" and step.application == "Wait")
    with arrived:
        seen = await raised_by(
            mgr, transport, commands, lambda call: mgr.send(core.Redirect(call.uniqueid, "elsewhere", "target", 1))
        )
        assert {name: raised for name, (raised, _) in seen.items()} == dict.fromkeys(seen, "TakenAway")
        await until(lambda: arrived.pending >= len(commands), 5)


@both
async def test_with_a_manager_a_hangup_ends_what_asterisk_does_not_end(mgr: Manager, transport: Transport) -> None:
    """Where a manager tells of the hang-up, even an application that goes on does not hold up its program."""
    options = {"manager": mgr} if transport == "fastagi" else {}

    async def hang_up_far_end(call: Session) -> None:
        await mgr.send(core.Hangup(call.channel.removesuffix("1") + "2"))

    async def hang_up(call: Session) -> None:
        await mgr.send(core.Hangup(call.uniqueid))

    async def redirect(call: Session) -> None:
        await mgr.send(core.Redirect(call.uniqueid, "elsewhere", "target", 1))

    disturbances = {"by us": hang_up, "by the caller": hang_up_far_end, "redirected": redirect}

    async def sleep(call: Session) -> int:
        return await call.exec("System", "sleep 2")

    async def disturb_each(name: str) -> tuple[str, float]:
        seen = await raised_by(mgr, transport, {name: sleep}, disturbances[name], **options)
        return seen[name]

    if transport == "fastagi":
        done = await asyncio.gather(*map(disturb_each, disturbances))
    else:  # a manager has one AsyncAGI
        done = [await disturb_each(name) for name in disturbances]
    assert [raised for raised, _ in done] == ["HungUp", "HungUp", "TakenAway"]
    assert max(after for _, after in done) < 0.5


@both
async def test_a_hangup_while_nothing_runs(mgr: Manager, transport: Transport) -> None:
    """After a hang-up every method raises HungUp; on FastAGI command() is still answered for a while."""

    async def program(call: Session) -> list[str]:
        await mgr.send(core.Hangup(call.uniqueid))
        await until(lambda: call.is_over)
        raised = []
        for command in (
            call.answer(),
            call.get("EXTEN"),
            call.set("A", "b"),
            call.evaluate("x"),
            call.leave(),
            call.hang_up(),
        ):
            try:
                await command
            except HungUp:
                raised.append("HungUp")
        try:
            reply = await call.command("SET", "VARIABLE", "A", "b")
        except HungUp:
            return [*raised, "dead"]
        with pytest.raises(HungUp):
            await call.command("ANSWER")
        return [*raised, reply.raw]

    last = "200 result=1" if transport == "fastagi" else "dead"
    assert await run(mgr, transport, program) == ["HungUp"] * 6 + [last]


async def test_a_dead_channel_is_let_go_after_a_while(mgr: Manager) -> None:
    """A program that does not end keeps a channel that was hung up no longer than `linger`."""
    ended = asyncio.Event()

    async def program(call: Session) -> None:
        await mgr.send(core.Hangup(call.uniqueid))
        await asyncio.wait_for(ended.wait(), 10)

    async with serving(mgr, "fastagi", program, linger=0.2) as calls:
        with mgr.events(events.Hangup) as gone:
            began = time.monotonic()
            channel = await calls.place()
            async for event in gone:
                if event.channel == channel:
                    break
            assert 0.2 <= time.monotonic() - began < 2
        ended.set()


@both
async def test_recording_ends_for_each_reason(mgr: Manager, transport: Transport, tmp_path: Path) -> None:
    """A recording says why it ended, and a caller who hangs up is one of the reasons."""

    async def program(call: Session) -> list[tuple[str, str | None, bool]]:
        file = str(tmp_path / f"{transport}{call.uniqueid}")
        taken = [await call.record(file, timeout=0.3)]
        during_tone = asyncio.create_task(call.record(file, timeout=5, beep=True))
        await asyncio.sleep(0.25)
        await press(mgr, call, "#")
        taken.append(await during_tone)
        for disturbance in (press(mgr, call, "#"), mgr.send(core.Hangup(call.uniqueid))):
            recording = asyncio.create_task(call.record(file, timeout=5, beep=True))
            await asyncio.sleep(0.8)
            await disturbance
            taken.append(await recording)
        with pytest.raises(HungUp):
            await call.answer()
        assert all(each.file == file for each in taken)
        return [(each.reason, each.digit, each.seconds > 0.02) for each in taken]

    seen = await run(mgr, transport, program, caller="echo")
    assert [each[:2] for each in seen] == [("timeout", None), ("digit", "#"), ("digit", "#"), ("hangup", None)]


@both
async def test_silence_ends_a_recording(mgr: Manager, transport: Transport, tmp_path: Path) -> None:
    """Silence that lasted as long as asked for is told from a time that ran out."""
    await lay_out(mgr, "test", "quiet", "Answer()", "Playback(silence/10)", "Wait(60)")

    async def program(call: Session) -> list[str]:
        file = str(tmp_path / f"{transport}{call.uniqueid}")
        first = await call.record(file, timeout=20, silence=1)
        second = await call.record(file, silence=1, beep=True)
        third = await call.record(file, timeout=0.5, silence=3)
        return [first.reason, second.reason, third.reason]

    assert await run(mgr, transport, program, caller="quiet") == ["silence", "silence", "timeout"]


@both
@pytest.mark.parametrize("cause", [None, HangupCause.USER_BUSY])
async def test_hanging_up(mgr: Manager, transport: Transport, cause: HangupCause | None) -> None:
    """A session hangs up with a cause, and its later commands raise HungUp."""

    async def program(call: Session) -> str:
        await call.hang_up(cause)
        with pytest.raises(HungUp):
            await call.answer()
        return call.channel

    with mgr.events(events.Hangup) as gone:
        channel = await run(mgr, transport, program)
        async for event in gone:
            if event.channel == channel:
                assert event.cause == (cause or 0)
                break


@both
async def test_the_way_back_to_the_dialplan(mgr: Manager, transport: Transport) -> None:
    """A program that returns, leaves or goes somewhere has the dialplan go on, and keeps nothing."""

    async def returns(call: Session) -> None:
        assert await call.get("EXTEN")

    async def leaves(call: Session) -> None:
        await call.leave()
        with pytest.raises(TakenAway):
            await call.answer()

    async def goes(call: Session) -> None:
        with pytest.raises(CommandFailed, match="no place"):
            await call.go_to("elsewhere", "target", "nolabel")
        await call.go_to("elsewhere", "target")
        with pytest.raises(TakenAway):
            await call.answer()

    for program, place in ((returns, (CONTEXT, "3")), (leaves, (CONTEXT, "3")), (goes, ("elsewhere", "2"))):
        step = mgr.wait_for(
            events.Newexten,
            where=lambda each, place=place: (each.get("Context"), each.get("Priority")) == place,
            timeout=5,
        )
        await run(mgr, transport, program)
        await step


@both
async def test_a_program_that_fails_leaves_nobody_in_silence(
    mgr: Manager, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    """A program that raises is logged and its call hung up, or the dialplan goes on, as was chosen."""

    async def fails(call: Session) -> None:
        await call.answer()
        raise ZeroDivisionError

    gone = mgr.wait_for(events.Hangup, timeout=5)
    with pytest.raises(ZeroDivisionError):
        await run(mgr, transport, fails)
    await gone
    on = mgr.wait_for(events.UserEvent, where=lambda event: event.user_event == "AfterAgi", timeout=5)
    with pytest.raises(ZeroDivisionError):
        await run(mgr, transport, fails, on_error="continue")
    await on
    logged = [record for record in caplog.records if record.name == "aioami.agi"]
    assert [record.levelname for record in logged] == ["ERROR", "ERROR"]
    assert all(record.exc_info for record in logged)


@both
async def test_leaving_the_server_cancels_its_programs(mgr: Manager, transport: Transport) -> None:
    """A server that is left cancels its programs, hangs up and ends within seconds, whatever runs."""
    begun = 0
    cancelled: list[str] = []
    waits: list[Callable[[Session], Awaitable[object]]] = [
        lambda call: call.digit(None),
        lambda call: call.exec("Wait", 3),
        lambda call: asyncio.sleep(60),
    ]

    async def program(call: Session) -> None:
        nonlocal begun
        begun += 1
        try:
            await waits[int(await call.get("ROW") or "")](call)
        except asyncio.CancelledError:
            cancelled.append(call.channel)
            raise

    with mgr.events(events.Hangup) as gone:
        async with serving(mgr, transport, program) as calls:
            channels = {await calls.place(ROW=str(number)) for number in range(3)}
            await until(lambda: begun == 3)
            await asyncio.sleep(0.3)
            began = time.monotonic()
        assert time.monotonic() - began < 4
        assert set(cancelled) == channels
        async for event in gone:
            channels.discard(event.channel or "")
            if not channels:
                break


@both
async def test_close_lets_sessions_finish(mgr: Manager, transport: Transport) -> None:
    """close() takes no more calls, and waits for the sessions that are there, as long as it may."""
    order = []
    begun = asyncio.Event()

    async def program(call: Session) -> None:
        begun.set()
        await call.digit(0.5)
        order.append("finished")

    async with serving(mgr, transport, program) as calls:
        await calls.place()
        await begun.wait()
        await calls.server.close()
        order.append("closed")
        await calls.server.close()
    assert order == ["finished", "closed"]


# Which program


@both
async def test_routes_choose_the_program(mgr: Manager, transport: Transport) -> None:
    """The dialplan names the program, which finds the same arguments on either transport."""
    routes = Routes()
    seen: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()

    @routes.route("sales")
    async def sales(call: Session) -> None:
        seen.set_result(call.arguments)

    async with serving(mgr, transport, routes, "sales,one,two three") as calls:
        await calls.place()
        assert await asyncio.wait_for(seen, 5) == ("one", "two three")
    on = mgr.wait_for(events.UserEvent, where=lambda event: event.user_event == "AfterAgi", timeout=5)
    async with serving(mgr, transport, routes, "unknown") as calls:
        await calls.place()
        assert (await on).get("Status") == "SUCCESS"


async def test_a_url_has_a_query(mgr: Manager) -> None:
    """The query of an agi:// URL is decoded, and no part of the program's name."""
    routes = Routes()
    seen: asyncio.Future[Session] = asyncio.get_running_loop().create_future()

    @routes.route("menu/main")
    async def main(call: Session) -> None:
        seen.set_result(call)

    async with serving(mgr, "fastagi", routes, "menu/main?a=1&b=x%20y&c=") as calls:
        await calls.place()
        call = await asyncio.wait_for(seen, 5)
    assert dict(call.query) == {"a": "1", "b": "x y", "c": ""}
    assert call.environment["agi_network"] == "yes"
    assert call.uniqueid == call.environment["agi_uniqueid"]
