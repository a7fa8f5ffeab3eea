"""AGI sessions on real servers: how they end, on either transport."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import begins, until
from tests.real.agi_calls import CONTEXT, Transport, both, lay_out, press, run, run_each, serving

from aioami import Event, Manager, ManagerError, core, events
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
    *disturbances: Callable[[Session], Awaitable[object]],
    **options: Any,
) -> dict[str, tuple[str, float]]:
    """Run each command in a call of its own, and disturb it in its way, or all in the same; return the error, and how long after."""
    ways = dict(zip(commands, disturbances * len(commands) if len(disturbances) == 1 else disturbances, strict=True))
    loop = asyncio.get_running_loop()
    results: dict[str, asyncio.Future[tuple[str, float]]] = {name: loop.create_future() for name in commands}
    disturbed: dict[str, float] = {}

    async def program(call: Session) -> None:
        name = call.arguments[-1]

        async def disturb() -> None:
            await asyncio.sleep(0.4)  # some commands do their work in several, and no event tells the last
            disturbed[name] = loop.time()
            await ways[name](call)

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

    async with serving(mgr, transport, program, "menu,${ROW}", **options) as calls:
        await asyncio.gather(*(calls.place(ROW=name) for name in commands))
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
async def test_a_hangup_runs_what_cleans_up(mgr: Manager, transport: Transport) -> None:
    """HungUp goes through the program like any error: what stands behind it is skipped, what cleans up runs to its end."""
    seen: list[str] = []

    @contextlib.asynccontextmanager
    async def resource() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.sleep(0)
            seen.append("given back")

    async def program(call: Session) -> None:
        begun = begins(mgr, "WAIT FOR DIGIT", call.channel)
        hanging_up = asyncio.create_task(hang_up(begun, call))
        async with resource():
            try:
                await call.digit(None)
                seen.append("never")
            finally:
                with pytest.raises(HungUp):
                    await call.answer()
                seen.append("cleaned up")
                await hanging_up

    async def hang_up(begun: Awaitable[Any], call: Session) -> None:
        await begun
        await mgr.send(core.Hangup(call.uniqueid))

    with pytest.raises(HungUp):
        await run(mgr, transport, program)
    assert seen == ["cleaned up", "given back"]


@both
async def test_a_redirect_takes_the_call_away(mgr: Manager, transport: Transport) -> None:
    """A redirect in the middle of any command is TakenAway, and the channel comes to its new place."""
    commands = {name: run for name, run in ENDED_BY_HANGUP.items() if name not in ("dial",)}
    redirected: set[str | None] = set()

    async def redirect(call: Session) -> None:
        redirected.add(call.uniqueid)
        await mgr.send(core.Redirect(call.uniqueid, "elsewhere", "target", 1))

    with mgr.events(
        events.Newexten,
        where=lambda step: step.exten == "target" and step.application == "Wait" and step.get("Uniqueid") in redirected,
    ) as arrived:
        seen = await raised_by(mgr, transport, commands, redirect)
        assert {name: raised for name, (raised, _) in seen.items()} == dict.fromkeys(seen, "TakenAway")
        await until(lambda: arrived.pending >= len(commands), 5)


@both
async def test_the_end_of_a_call_that_moved_itself(mgr: Manager, transport: Transport) -> None:
    """A command that moves the call in the dialplan hides no end: a hang-up is HungUp behind it, a redirect TakenAway."""
    moves: dict[str, tuple[str, ...]] = {
        "goto": ("EXEC", "Goto", "elsewhere,100,1"),
        "goto in an application": ("EXEC", "ExecIf", "1?Goto(elsewhere,100,1)"),
        "set": ("SET PRIORITY", "4"),
        "routine": ("GOSUB", CONTEXT, "routine", "1"),
        "application": ("EXEC", "UserEvent", "Stays"),
    }
    await lay_out(mgr, CONTEXT, "routine", "NoOp()", "Return()")

    def moving(*words: str) -> Callable[[Session], Awaitable[object]]:
        async def command(call: Session) -> object:
            await call.command(*words)
            return await call.digit(None)

        return command

    async def redirect(call: Session) -> None:
        await mgr.send(core.Redirect(call.uniqueid, "elsewhere", "target", 2))

    async def hang_up(call: Session) -> None:
        await mgr.send(core.Hangup(call.uniqueid))

    ends = {TakenAway: redirect, HungUp: hang_up}
    commands = {f"{name}: {error.__name__}": moving(*words) for error in ends for name, words in moves.items()}
    ways = [way for way in ends.values() for _ in moves]
    seen = await raised_by(mgr, transport, commands, *ways)
    assert {name: raised for name, (raised, _) in seen.items()} == {name: name.split(": ")[1] for name in seen}
    assert max(after for _, after in seen.values()) < 0.5


@both
async def test_a_redirect_to_the_step_that_runs(mgr: Manager, transport: Transport) -> None:
    """A redirect to the very AGI() of the session is HungUp over FastAGI, and then the call enters it anew."""
    options = {"manager": mgr} if transport == "fastagi" else {}
    entered: list[str | None] = []
    raised: asyncio.Future[type[ManagerError]] = asyncio.get_running_loop().create_future()

    async def program(call: Session) -> None:
        entered.append(call.uniqueid)
        if len(entered) > 1:  # over AsyncAGI the first session may still run
            return
        begun = begins(mgr, "WAIT FOR DIGIT", call.channel)
        running = asyncio.create_task(call.digit(None))
        await begun
        await mgr.send(core.Redirect(call.uniqueid, CONTEXT, call.environment["agi_extension"], 2))
        try:
            await running
        except ManagerError as error:
            raised.set_result(type(error))

    async with serving(mgr, transport, program, **options) as calls:
        await calls.place()
        assert await asyncio.wait_for(raised, 5) is (HungUp if transport == "fastagi" else TakenAway)
        await until(lambda: len(entered) == 2)
    assert entered[0] == entered[1]


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

    async def sleep(call: Session) -> int:
        return await call.exec("System", "sleep 1.2")

    commands = dict.fromkeys(("by us", "by the caller", "redirected"), sleep)
    done = await raised_by(mgr, transport, commands, hang_up, hang_up_far_end, redirect, **options)
    assert [raised for raised, _ in done.values()] == ["HungUp", "HungUp", "TakenAway"]
    assert max(after for _, after in done.values()) < 0.5


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
            clock = asyncio.get_running_loop().time
            began = clock()
            channel = await calls.place()
            async for event in gone:
                if event.channel == channel:
                    break
            assert 0.2 <= clock() - began < 2
        ended.set()


@both
async def test_recording_ends_for_each_reason(mgr: Manager, transport: Transport, tmp_path: Path) -> None:
    """A recording says why it ended, and a caller who hangs up is one of the reasons."""

    def recording(
        disturb: Callable[[Session], Awaitable[object]] | None,
        after: float = 0.8,
        timeout: float = 5,
        beep: bool = True,
    ) -> Callable[[Session], Awaitable[Any]]:
        async def program(call: Session) -> tuple[str, str | None]:
            file = str(tmp_path / f"{transport}{call.uniqueid}")
            running = asyncio.create_task(call.record(file, timeout=timeout, beep=beep))
            if disturb is not None:
                await asyncio.sleep(after)  # of the tone, or of what is recorded
                await disturb(call)
            taken = await running
            assert taken.file == file
            if taken.reason == "hangup":
                with pytest.raises(HungUp):
                    await call.answer()
            else:
                await call.answer()
            return taken.reason, taken.digit

        return program

    def pound(call: Session) -> Awaitable[object]:
        return press(mgr, call, "#")

    programs = [
        recording(None, timeout=0.3, beep=False),
        recording(pound, 0.25),  # during the tone
        recording(pound),
        recording(lambda call: mgr.send(core.Hangup(call.uniqueid))),
    ]
    seen = await run_each(mgr, transport, programs, caller="echo")
    assert seen == [("timeout", None), ("digit", "#"), ("digit", "#"), ("hangup", None)]


@both
async def test_silence_ends_a_recording(mgr: Manager, transport: Transport, tmp_path: Path) -> None:
    """Silence that lasted as long as asked for is told from a time that ran out."""
    await lay_out(mgr, "test", "quiet", "Answer()", "Playback(silence/10)", "Wait(60)")

    def recording(**options: Any) -> Callable[[Session], Awaitable[str]]:
        async def program(call: Session) -> str:
            return (await call.record(str(tmp_path / f"{transport}{call.uniqueid}"), **options)).reason

        return program

    programs = [
        recording(timeout=20, silence=1),
        recording(silence=1, beep=True),
        recording(timeout=0.5, silence=3),
    ]
    assert await run_each(mgr, transport, programs, caller="quiet") == ["silence", "silence", "timeout"]


@both
async def test_hanging_up(mgr: Manager, transport: Transport) -> None:
    """A session hangs up with a cause, and its later commands raise HungUp."""

    def hanging_up(cause: HangupCause | None) -> Callable[[Session], Awaitable[str]]:
        async def program(call: Session) -> str:
            await call.hang_up(cause)
            with pytest.raises(HungUp):
                await call.answer()
            return call.channel

        return program

    causes = (None, HangupCause.USER_BUSY)
    with mgr.events(events.Hangup) as gone:
        channels = await run_each(mgr, transport, [hanging_up(cause) for cause in causes])
        left = dict(zip(channels, causes, strict=True))
        async for event in gone:
            if event.channel in left:
                assert event.cause == (left.pop(event.channel) or 0)
            if not left:
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

    places = {returns: (CONTEXT, "3"), leaves: (CONTEXT, "3"), goes: ("elsewhere", "2")}

    steps: list[Awaitable[Any]] = []

    def watched(program: Callable[[Session], Awaitable[None]], place: tuple[str, str]) -> Any:
        async def known(call: Session) -> None:
            here = (call.uniqueid, *place)
            steps.append(
                mgr.wait_for(
                    events.Newexten,
                    where=lambda step: (step.get("Uniqueid"), step.get("Context"), step.get("Priority")) == here,
                    timeout=5,
                )
            )
            await program(call)

        return known

    await run_each(mgr, transport, [watched(*each) for each in places.items()])
    await asyncio.gather(*steps)


@both
async def test_a_program_that_fails_leaves_nobody_in_silence(
    mgr: Manager, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    """A program that raises is logged and its call hung up, or the dialplan goes on, as was chosen."""

    failed: list[str] = []

    async def fails(call: Session) -> None:
        failed.append(str(call))
        await call.answer()
        raise ZeroDivisionError

    def is_ours(event: Event) -> bool:
        return event.get("Exten", "").startswith(transport)

    gone = mgr.wait_for(events.Hangup, where=is_ours, timeout=5)
    with pytest.raises(ZeroDivisionError):
        await run(mgr, transport, fails)
    await gone
    on = mgr.wait_for(
        events.UserEvent, where=lambda event: event.user_event == "AfterAgi" and is_ours(event), timeout=5
    )
    with pytest.raises(ZeroDivisionError):
        await run(mgr, transport, fails, on_error="continue")
    await on
    ours = {each.split()[1] for each in failed}
    logged = [record for record in caplog.records if any(each in record.getMessage() for each in ours)]
    assert [(record.name, record.levelname) for record in logged] == [("aioami.agi", "ERROR")] * 2
    assert all(record.exc_info for record in logged)


@both
async def test_leaving_the_server_cancels_its_programs(mgr: Manager, transport: Transport) -> None:
    """A server that is left cancels its programs, hangs up and ends within seconds, whatever runs."""
    begun = 0
    running: list[Awaitable[object]] = []  # of those that run on the server
    cancelled: list[str] = []
    clock = asyncio.get_running_loop().time
    waits: list[Callable[[Session], Awaitable[object]]] = [
        lambda call: call.digit(None),
        lambda call: call.exec("Wait", 2.6),  # longer than the server waits for
        lambda call: asyncio.sleep(60),
    ]

    async def program(call: Session) -> None:
        nonlocal begun
        number = int(call.arguments[-1])
        if number < 2:
            running.append(begins(mgr, "", call.channel))
        begun += 1
        try:
            await waits[number](call)
        except asyncio.CancelledError:
            cancelled.append(call.channel)
            raise

    with mgr.events(events.Hangup) as gone:
        async with serving(mgr, transport, program, "menu,${ROW}") as calls:
            channels = set(await asyncio.gather(*(calls.place(ROW=str(number)) for number in range(3))))
            await until(lambda: begun == 3)
            await asyncio.gather(*running)
            began = clock()
        assert clock() - began < 4
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
    async with serving(mgr, transport, routes, "unknown") as calls:
        on = mgr.wait_for(events.UserEvent, where=lambda event: event.get("Exten") == calls.exten, timeout=5)
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
