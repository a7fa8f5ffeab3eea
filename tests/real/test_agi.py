"""AGI sessions on real servers: the same programs over FastAGI and AsyncAGI."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import shlex
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.helpers import QUICK, until

from aioami import ConnectionLost, Manager, ManagerError, ManagerState, actions, core, events
from aioami.agi import (
    AsyncAGI,
    CommandFailed,
    FastAGI,
    HungUp,
    Program,
    Reply,
    Routes,
    Session,
    SessionEnded,
    TakenAway,
)
from aioami.enums import DialStatus, HangupCause
from aioami.testing import FaultProxy

FACTS = Path(__file__).parents[1] / "data/agi_commands.json"
CONTEXT = "agi-tests"
Transport = Literal["fastagi", "asyncagi"]
both = pytest.mark.parametrize("transport", ["fastagi", "asyncagi"])


@dataclass
class Calls:
    """Places calls to a program."""

    mgr: Manager
    exten: str
    server: FastAGI | AsyncAGI
    errors: list[BaseException] = field(default_factory=list)

    async def place(self, caller: str = "wait", **variables: str) -> str:
        """Have somebody call, who does what an extension of the tests says; return the channel."""
        action = core.Originate_Context(f"Local/{caller}@test/n", CONTEXT, self.exten, 1, variables=variables)
        outcome = await (await self.mgr.send(action)).outcome(timeout=10)
        if outcome.channel is None or not outcome.success:
            raise ManagerError(f"the call failed: {outcome}")
        return outcome.channel


async def lay_out(mgr: Manager, context: str, exten: str, *steps: str) -> None:
    """Write an extension into the dialplan."""
    for number, step in enumerate(steps, 1):
        name, _, data = step.removesuffix(")").partition("(")
        await mgr.send(
            actions.DialplanExtensionAdd(context, exten, number, name, application_data=data or None, replace=True)
        )


@contextlib.asynccontextmanager
async def serving(
    mgr: Manager, transport: Transport, program: Program, arguments: str = "menu", **options: Any
) -> AsyncIterator[Calls]:
    """Serve a program, at an extension of its own."""
    server = FastAGI(program, port=0, **options) if transport == "fastagi" else AsyncAGI(mgr, program, **options)
    async with server:
        if isinstance(server, FastAGI):
            name, _, rest = arguments.partition(",")
            url = f"agi://127.0.0.1:{server.port}/{name}" + (f",{rest}" if rest else "")
        else:
            url = f"agi:async,{arguments}"
        exten = f"{transport}-{id(server)}"
        steps = ("Answer()", f"AGI({url})", "UserEvent(AfterAgi,Status: ${AGISTATUS})", "Wait(600)")
        await lay_out(mgr, CONTEXT, exten, *steps)
        yield Calls(mgr, exten, server)


async def run(
    mgr: Manager,
    transport: Transport,
    program: Callable[[Session], Awaitable[Any]],
    *,
    caller: str = "wait",
    **options: Any,
) -> Any:
    """Place one call to a program; return or raise what comes of it, when the session is over."""
    result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def observed(call: Session) -> None:
        try:
            value = await program(call)
        except BaseException as error:
            if not result.done():
                result.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
            raise
        if not result.done():
            result.set_result(value)

    async with serving(mgr, transport, observed, **options) as calls:
        await calls.place(caller)
        value = await asyncio.wait_for(asyncio.shield(result), 30)
        await calls.server.close()
        return value


async def press(mgr: Manager, call: Session, digit: str) -> None:
    """Press a digit at the caller's end."""
    await mgr.send(actions.PlayDTMF(call.uniqueid, digit, receive=True))


# Each command


@dataclass
class Row:
    """One command as it was tried, and what was seen."""

    command: str
    expected: str
    during: list[str]


def rows(version: str, transport: Transport) -> list[Row]:
    """What was tried on a version and a transport."""
    found = []
    for command in json.loads(FACTS.read_text())["commands"]:
        for tried in command["tried"]:
            expected = tried.get("everywhere") or tried[f"{version}-{transport}"]
            if not expected.startswith("(no answer"):
                found.append(Row(tried["command"], expected, tried.get("during", [])))
    return found


async def disturb(mgr: Manager, call: Session, during: list[str]) -> None:
    """Do what happens while a command runs."""
    began = time.monotonic()
    for step in during:
        what, seconds = step.removesuffix(" s").split(" at ")
        await asyncio.sleep(max(0.0, began + float(seconds) - time.monotonic()))
        kind, _, value = what.partition(" ")
        if kind == "dtmf":
            await press(mgr, call, value)
        elif kind == "control":
            await mgr.send(actions.ControlPlayback(call.uniqueid, value))
        else:
            await mgr.send(core.Hangup(call.uniqueid))


def matches(seen: Reply, expected: str) -> bool:
    """Whether an answer is as it was, but for positions and names that differ each time."""
    if expected.startswith("520-"):
        return seen.code == 520
    pattern = re.escape(expected)
    pattern = re.sub(r"endpos=\S+", r"endpos=-?\\d+", pattern)
    pattern = re.sub(r"result=\d+(\\ \\\(timeout)", r"result=\\d+\1", pattern)
    pattern = re.sub(r"Local/wait@\S+?;2", ".+", pattern)
    pattern = re.sub(r"\\\((?:fast1|async)\\\)", r"\\(.+\\)", pattern)
    return re.fullmatch(pattern, seen.raw) is not None


async def check_row(mgr: Manager, call: Session, row: Row, folder: Path, number: int, transport: Transport) -> str:
    """Run a command in a session; return what is not as it was."""
    other = call.channel.removesuffix("1") + "2"
    text = row.command.replace("{other}", other).replace("/tmp/rec-{n}", str(folder / f"rec{transport}{number}"))
    words = shlex.split(text.replace("@talker", "@test").replace("talker,wait", "test,wait"))
    answer, *after = row.expected.split(" | ")
    is_over = any("HANGUP" in each or "AsyncAGIEnd" in each for each in after)
    is_hung_up = any("HANGUP" in each or "Hangup" in each for each in after)
    disturbing = asyncio.create_task(disturb(mgr, call, row.during))
    error: ManagerError | None = None
    reply: Reply | None = None
    try:
        reply = await call.command(*words)
    except CommandFailed as failed:
        error, reply = failed, failed.reply
    except SessionEnded as ended:
        error = ended
    await disturbing
    if isinstance(error, SessionEnded):
        if not is_hung_up or not isinstance(error, HungUp):
            return f"raised {error!r}"
    elif reply is None or not matches(reply, answer):
        return f"answered {reply}"
    fails = answer.startswith(("510", "520", "200 result=-2")) or (
        is_over and not is_hung_up and "BREAK" not in row.command
    )
    if fails != isinstance(error, CommandFailed) and "result=-1" not in answer:
        return f"raised {error!r}"
    if isinstance(error, CommandFailed) and error.session_over != is_over:
        return f"session_over is {error.session_over}"
    try:
        for each in after:
            for name, value in re.findall(r"(\w+)=(\S*)", each):
                if not is_over and "OFFSET" not in name and (await call.get(name) or "") != value:
                    return f"{name} is not {value}"
        await asyncio.sleep(0.05 if is_hung_up else 0)
        await call.command("SET", "VARIABLE", "A", "b") if not is_hung_up else await call.answer()
    except HungUp:
        return "" if is_hung_up else "hung up"
    except TakenAway:
        return "" if is_over else "taken away"
    return "goes on" if is_over else ""


@both
async def test_each_command_does_what_was_seen(
    mgr: Manager, asterisk: Any, transport: Transport, tmp_path: Path
) -> None:
    """Each command of Asterisk is answered as the facts say, and raises what it must."""
    await lay_out(mgr, "sub", "s", "Set(SUBRAN=${ARG1})", "Return(back)")
    await lay_out(mgr, "sub", "hang", "Hangup()")
    for family, key, value in (
        ("fam", "key", "a (b) c"),
        ("fam", "delkey", "x"),
        ("famtree", "a", "b"),
        ("fam2/sub", "a", "b"),
    ):
        await mgr.send(actions.DBPut(family, key, value))
    tried = rows("16" if asterisk.major < 22 else "22", transport)
    results: dict[int, asyncio.Future[str]] = {n: asyncio.get_running_loop().create_future() for n in range(len(tried))}

    async def program(call: Session) -> None:
        number = int(await call.get("ROW") or "")
        try:
            results[number].set_result(await check_row(mgr, call, tried[number], tmp_path, number, transport))
        except Exception as error:
            results[number].set_result(repr(error))

    async with serving(mgr, transport, program) as calls:
        for number in results:
            await calls.place(ROW=str(number))
        done = await asyncio.wait_for(asyncio.gather(*results.values()), 40)
    wrong = {tried[n].command: (tried[n].expected, seen) for n, seen in enumerate(done) if seen}
    assert not wrong
    assert len(tried) > 120


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
    commands = {"system": lambda call: call.exec("System", "sleep 2")}

    async def hang_up_far_end(call: Session) -> None:
        await mgr.send(core.Hangup(call.channel.removesuffix("1") + "2"))

    async def hang_up(call: Session) -> None:
        await mgr.send(core.Hangup(call.uniqueid))

    async def redirect(call: Session) -> None:
        await mgr.send(core.Redirect(call.uniqueid, "elsewhere", "target", 1))

    for disturbance, expected in ((hang_up, "HungUp"), (hang_up_far_end, "HungUp"), (redirect, "TakenAway")):
        seen = await raised_by(mgr, transport, commands, disturbance, **options)
        raised, after = seen["system"]
        assert raised == expected
        assert after < 0.5


@both
async def test_a_hangup_while_nothing_runs(mgr: Manager, transport: Transport) -> None:
    """After a hang-up every method raises HungUp; on FastAGI command() is still answered for a while."""

    async def program(call: Session) -> list[str]:
        await mgr.send(core.Hangup(call.uniqueid))
        await until(lambda: call.is_over)
        raised = []
        for run in (
            call.answer(),
            call.get("EXTEN"),
            call.set("A", "b"),
            call.evaluate("x"),
            call.leave(),
            call.hang_up(),
        ):
            try:
                await run
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
    assert [each[:2] for each in seen] == [("timeout", None), ("digit", "#"), ("hangup", None)]


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


# Cancelling


@both
@pytest.mark.parametrize("with_manager", [False, True])
async def test_a_cancelled_command_is_stopped(mgr: Manager, transport: Transport, with_manager: bool) -> None:
    """A timeout around a command stops it, whenever it comes, and the session lives and stays in step."""
    if with_manager and transport == "asyncagi":
        pytest.skip("AsyncAGI always has a manager")
    options = {"manager": mgr} if with_manager else {}
    commands: list[Callable[[Session], Awaitable[object]]] = [
        lambda call: call.play("demo-congrats"),
        lambda call: call.play("demo-congrats", stop="1"),
        lambda call: call.ask("demo-congrats", digits=3),
        lambda call: call.ask("beep", "demo-congrats", digits=3),
        lambda call: call.ask(digits=3, timeout=30),
        lambda call: call.digit(30),
    ]
    if with_manager or transport == "asyncagi":
        commands += [
            lambda call: call.say_digits("123456789"),
            lambda call: call.spell("abcdefghijkl"),
            lambda call: call.record("/tmp/aioami-cancelled", timeout=30),
            lambda call: call.command("CONTROL STREAM FILE", "demo-congrats", ""),
            lambda call: call.command("GET OPTION", "demo-congrats", "1", 9000),
        ]

    async def program(call: Session) -> list[str]:
        wrong = []
        mine = commands[int(await call.get("ROW") or "")]
        for number, delay in enumerate((0.001, 0.0, 0.003, 0.01, 0.11, 0.3)):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(mine(call), delay)
            began = time.monotonic()
            if await call.evaluate(f"{number}-${{EXTEN}}") != f"{number}-{call.environment['agi_extension']}":
                wrong.append(f"out of step after {delay}")
            if time.monotonic() - began > 2:
                wrong.append(f"not stopped after {delay}")
            if await call.digit(0.05) is not None:
                wrong.append(f"a digit is left after {delay}")
        return wrong

    results: list[asyncio.Future[list[str]]] = [asyncio.get_running_loop().create_future() for _ in commands]

    async def numbered(call: Session) -> None:
        results[int(await call.get("ROW") or "")].set_result(await program(call))

    async with serving(mgr, transport, numbered, **options) as calls:
        for number in range(len(commands)):
            await calls.place(ROW=str(number))
        done = await asyncio.wait_for(asyncio.gather(*results), 30)
    assert done == [[]] * len(commands)


@both
async def test_commands_run_one_after_the_other(mgr: Manager, transport: Transport) -> None:
    """The command of a second task waits for its turn, and one that is cancelled while it waits never runs."""

    async def program(call: Session) -> list[object]:
        first = asyncio.create_task(call.digit(0.4))
        await asyncio.sleep(0)
        second = asyncio.create_task(call.set("ORDER", "second"))
        third = asyncio.create_task(call.set("ORDER", "third"))
        await asyncio.sleep(0.1)
        third.cancel()
        done, _ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        return [first in done, await second, await call.get("ORDER")]

    assert await run(mgr, transport, program) == [True, None, "second"]


# What the caller hears, and presses


@both
async def test_asking_for_digits(mgr: Manager, transport: Transport) -> None:
    """Digits are taken during the first prompt, the last one and the silence behind; `#` and time end them."""

    async def pressing(call: Session, digits: str, *, after: float = 0.3) -> None:
        await asyncio.sleep(after)
        for digit in digits:
            await press(mgr, call, digit)
            await asyncio.sleep(0.12)

    async def program(call: Session) -> list[tuple[str, bool]]:
        seen = []
        for prompts, digits, keys in (
            (("demo-congrats", "beep"), 3, "123"),
            (("demo-congrats", "beep"), 1, "4"),
            (("demo-congrats", "beep"), 3, "#"),
            (("beep", "demo-congrats"), 2, "5"),
            ((), 4, "67#"),
            ((), 4, ""),
        ):
            keyed = asyncio.create_task(pressing(call, keys))
            answer = await call.ask(*prompts, digits=digits, timeout=0.7)
            seen.append((str(answer), answer.timed_out))
            await keyed
        return seen

    expected = [("123", False), ("4", False), ("", False), ("5", True), ("67", False), ("", True)]
    assert await run(mgr, transport, program) == expected


@both
async def test_digits_end_what_is_said(mgr: Manager, transport: Transport) -> None:
    """A digit that ends a prompt is returned, others are not; D, which stops cancelled ones, is no digit of ours."""

    async def program(call: Session) -> list[str | None]:
        seen = []
        for spoken, digit in (
            (call.play("beep", "demo-congrats", stop="12"), "2"),
            (call.say_digits("12345", stop="9"), "9"),
            (call.say_number(12345, stop="9"), "9"),
            (call.spell("abcde", stop="#"), "#"),
            (call.spell("abcde"), "D"),
            (call.digit(5), "a"),
        ):
            running = asyncio.create_task(spoken)
            await asyncio.sleep(0.6)
            await press(mgr, call, digit.upper())
            seen.append(await running)
        return seen

    assert await run(mgr, transport, program) == ["2", "9", "9", "#", None, "A"]


@both
async def test_a_missing_file_keeps_the_session(mgr: Manager, transport: Transport) -> None:
    """Playing or asking with a file that is missing fails, and the session goes on."""

    async def program(call: Session) -> bool:
        for failing in (
            call.play("beep", "nosuchfile"),
            call.ask("nosuchfile", "beep", digits=1),
            call.ask("nosuchfile", digits=2),
        ):
            with pytest.raises(CommandFailed) as caught:
                await failing
            assert not caught.value.session_over
        with pytest.raises(CommandFailed) as caught:
            await call.exec("NoSuchApplication")
        assert caught.value.reply is not None
        await call.play("beep", offset=0.2)
        return await call.get("EXTEN") == call.environment["agi_extension"]

    assert await run(mgr, transport, program)


@both
async def test_dialling(mgr: Manager, transport: Transport) -> None:
    """A dial comes back with its status, and the session goes on."""

    async def program(call: Session) -> list[DialStatus | None]:
        answered = await call.dial("Local/short@test/n", "Local/ring@test/n", timeout=5)
        busy = await call.dial("Local/busy@test/n", timeout=5)
        gone = await call.dial("PJSIP/nosuch")
        late = await call.dial("Local/ring@test/n", timeout=0.9)
        return [each.status for each in (answered, busy, gone, late)]

    expected = [DialStatus.ANSWER, DialStatus.BUSY, DialStatus.CHANNEL_UNAVAILABLE, DialStatus.NO_ANSWER]
    assert await run(mgr, transport, program) == expected


# Text


@both
async def test_text_comes_back_as_it_went(mgr: Manager, transport: Transport) -> None:
    """Quotes, backslashes, blanks, dollar signs, other scripts and bytes are passed as they are."""
    texts = ['a "b" \\c', "  blanks  ", "${EXTEN}", "a,b&c", "grüße 日本", "it's", "()", "a (b) c)", "x" * 900, ""]

    async def program(call: Session) -> list[tuple[str, str | None]]:
        wrong = []
        for text in texts:
            await call.set("TEXT", text)
            value = await call.get("TEXT")
            if value != (text or None):
                wrong.append((text, value))
        await call.set("TEXT", b"12\xe9")
        if await call.get("TEXT") not in ("12\\xe9", "12\udce9"):
            wrong.append(("12\\xe9", await call.get("TEXT")))
        await call.set("TEXT", 5)
        if await call.evaluate("<${TEXT}>") != "<5>":
            wrong.append(("5", await call.evaluate("<${TEXT}>")))
        if await call.get("NOSUCH") is not None:
            wrong.append(("NOSUCH", await call.get("NOSUCH")))
        return wrong

    assert await run(mgr, transport, program) == []


@both
async def test_long_values_are_whole_or_an_error(mgr: Manager, transport: Transport) -> None:
    """A value beyond what the transport carries raises, and what comes next is right."""

    async def program(call: Session) -> list[tuple[int, object]]:
        wrong: list[tuple[int, object]] = []
        await call.set("TEN", "0123456789" * 10)
        for size in (900, 1000, 1005, 1008, 1009, 1022, 1023, 1024, 2000, 2040, 5000):
            text = "${TEN}" * (size // 100) + "x" * (size % 100)
            try:
                if len(await call.evaluate(text)) != size:
                    wrong.append((size, "cut"))
            except ManagerError as error:
                if transport == "fastagi" or size <= 1008:
                    wrong.append((size, error))
            else:
                if transport == "asyncagi" and size > 1008:
                    wrong.append((size, "whole"))
            if await call.evaluate("${EXTEN}") != call.environment["agi_extension"]:
                wrong.append((size, "out of step"))
            # Set on the server, as a command cannot carry it.
            await call.exec("Set", f"LONG={text}")
        return wrong

    assert await run(mgr, transport, program) == []


@both
async def test_long_variables_are_whole_or_an_error(mgr: Manager, transport: Transport) -> None:
    """A variable over what Asterisk gives of one is got whole by FastAGI, and an error with AsyncAGI."""
    await lay_out(mgr, "sub", "long", "Set(TEN=0123456789)", "Set(LONG=${ARG1})", "Return()")

    async def program(call: Session) -> list[tuple[int, object]]:
        wrong: list[tuple[int, object]] = []
        for size in (1022, 1023, 1100):
            await call.command("GOSUB", "sub", "long", 1, "y" * 500)
            await call.exec("Set", "AGIEXECFULL=yes")
            await call.exec("Set", "LONG=${LONG}${LONG}" + "z" * (size - 1000))
            await call.set("AGIEXECFULL", "no")
            try:
                value = await call.get("LONG")
            except ManagerError as error:
                if transport == "fastagi" or size < 1023:
                    wrong.append((size, error))
            else:
                if len(value or "") != size:
                    wrong.append((size, len(value or "")))
        return wrong

    assert await run(mgr, transport, program) == []


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


# AsyncAGI alone


async def test_a_bridge_takes_the_call_away(mgr: Manager) -> None:
    """A bridge by an action ends AsyncAGI without a word from Asterisk, and is TakenAway all the same."""

    async def program(call: Session) -> None:
        other = await (await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",)))).outcome()
        running = asyncio.create_task(call.digit(None))
        await asyncio.sleep(0.3)
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
        await calls.place()
        await until(lambda: len(sessions) == 1)
        await asyncio.sleep(0.2)
        await mgr.send(core.Redirect(sessions[0].uniqueid, CONTEXT, calls.exten, 1))
        await until(lambda: len(sessions) == 2)
        await until(lambda: raised == ["TakenAway"])
        assert await sessions[1].get("EXTEN") == calls.exten
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

        async def program(call: Session) -> list[str]:
            seen = [str(await call.get("EXTEN"))]
            with pytest.raises(CommandFailed) as caught:
                await call.play("nosuchfile", stop="1")
            assert caught.value.session_over
            with pytest.raises(TakenAway):
                await call.answer()
            return seen

        async def hung_up(call: Session) -> None:
            running = asyncio.create_task(call.digit(None))
            await asyncio.sleep(0.3)
            await mgr.send(core.Hangup(call.uniqueid))
            with pytest.raises(HungUp):
                await running

        assert len(await run(steering, "asyncagi", program)) == 1
        await run(steering, "asyncagi", hung_up)


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

    async with steering_through_a_proxy(asterisk) as (steering, proxy):
        async with serving(steering, "asyncagi", program) as calls:
            placing = Calls(mgr, calls.exten, calls.server)
            await placing.place()
            await until(lambda: len(sessions) == 1)
            await asyncio.sleep(0.3)
            await proxy.stop()
            uniqueid = sessions[0].uniqueid
            await until(lambda: steering.state is ManagerState.RECONNECTING)
            if outage == "hung up":
                await mgr.send(core.Hangup(uniqueid))
            elif outage == "redirected":
                await mgr.send(core.Redirect(uniqueid, "elsewhere", "target", 1))
            elif outage == "entered anew":
                await mgr.send(core.Redirect(uniqueid, CONTEXT, calls.exten, 1))
                await asyncio.sleep(0.3)
            else:
                await press(mgr, sessions[0], "5")  # ends the command, whose answer is lost
                await asyncio.sleep(0.1)
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

    async with steering_through_a_proxy(asterisk) as (steering, proxy):
        async with serving(steering, "asyncagi", program, "menu,one") as calls:
            await proxy.stop()
            channel = await Calls(mgr, calls.exten, calls.server).place()
            await asyncio.sleep(0.2)
            await proxy.start()
            call = await asyncio.wait_for(taken, 10)
            assert (call.channel, call.arguments) == (channel, ("menu", "one"))
            await until(lambda: call.is_over)


async def test_a_program_that_dies_of_a_lost_link_hangs_up_later(mgr: Manager, asterisk: Any) -> None:
    """The call of a program that the lost link has ended is hung up when the link stands again."""

    async def program(call: Session) -> None:
        await call.digit(None)

    async with steering_through_a_proxy(asterisk) as (steering, proxy):
        async with serving(steering, "asyncagi", program) as calls:
            channel = await Calls(mgr, calls.exten, calls.server).place()
            await asyncio.sleep(0.3)
            gone = mgr.wait_for(events.Hangup, where=lambda event: event.channel == channel, timeout=10)
            await proxy.stop()
            await until(lambda: steering.state is ManagerState.RECONNECTING)
            await proxy.start()
            await gone
