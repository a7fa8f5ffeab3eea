"""AGI sessions on real servers: each command, and the methods of a session."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.real.agi_calls import FACTS, Transport, both, lay_out, press, run, run_each

from aioami import Manager, ManagerError, ProtocolError, actions, core
from aioami.agi import (
    CommandFailed,
    HungUp,
    Reply,
    Session,
    SessionEnded,
    TakenAway,
)
from aioami.enums import DialStatus

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
    clock = asyncio.get_running_loop().time
    began = clock()
    for step in during:
        what, seconds = step.removesuffix(" s").split(" at ")
        await asyncio.sleep(max(0.0, began + float(seconds) - clock()))
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
    text = text.replace("fam", f"{transport}-fam")
    text = text.replace("AUTOHANGUP 0.5", "AUTOHANGUP 60.5")  # half a second is over before a slow machine has answered
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
        await mgr.send(actions.DBPut(f"{transport}-{family}", key, value))
    tried = rows("16" if asterisk.major < 22 else "22", transport)

    def trying(number: int) -> Callable[[Session], Awaitable[str]]:
        async def program(call: Session) -> str:
            try:
                return await check_row(mgr, call, tried[number], tmp_path, number, transport)
            except Exception as error:
                return repr(error)

        return program

    done = await run_each(mgr, transport, [trying(number) for number in range(len(tried))])
    wrong = {row.command: (row.expected, seen) for row, seen in zip(tried, done, strict=True) if seen}
    assert not wrong
    assert len(tried) > 120


# What the caller hears, and presses


@both
async def test_asking_for_digits(mgr: Manager, transport: Transport) -> None:
    """Digits are taken during the first prompt, the last one and the silence behind; `#` and time end them."""

    async def pressing(call: Session, digits: str, *, after: float = 0.3) -> None:
        await asyncio.sleep(after)  # while the prompt is heard
        for digit in digits:
            await press(mgr, call, digit)
            await asyncio.sleep(0.12)  # as long as a digit lasts

    def asking(prompts: tuple[str, ...], digits: int, keys: str) -> Callable[[Session], Awaitable[Any]]:
        async def program(call: Session) -> tuple[str, bool]:
            keyed = asyncio.create_task(pressing(call, keys))
            answer = await call.ask(*prompts, digits=digits, timeout=0.7)
            await keyed
            return str(answer), answer.timed_out

        return program

    asked = {
        (("demo-congrats", "beep"), 3, "123"): ("123", False),
        (("demo-congrats", "beep"), 1, "4"): ("4", False),
        (("demo-congrats", "beep"), 3, "#"): ("", False),
        (("beep", "demo-congrats"), 2, "5"): ("5", True),
        ((), 4, "67#"): ("67", False),
        ((), 4, ""): ("", True),
    }
    assert await run_each(mgr, transport, [asking(*each) for each in asked]) == list(asked.values())


@both
async def test_digits_end_what_is_said(mgr: Manager, transport: Transport) -> None:
    """A digit that ends a prompt is returned, others are not; D, which stops cancelled ones, is no digit of ours."""

    def speaking(say: Callable[[Session], Awaitable[str | None]], digit: str) -> Callable[[Session], Awaitable[Any]]:
        async def program(call: Session) -> str | None:
            running = asyncio.ensure_future(say(call))
            await asyncio.sleep(0.6)  # while it is said
            await press(mgr, call, digit)
            return await running

        return program

    programs = [
        speaking(lambda call: call.play("beep", "demo-congrats", stop="12"), "2"),
        speaking(lambda call: call.say_digits("12345", stop="9"), "9"),
        speaking(lambda call: call.say_number(12345, stop="9"), "9"),
        speaking(lambda call: call.spell("abcde", stop="#"), "#"),
        speaking(lambda call: call.spell("ab"), "D"),
        speaking(lambda call: call.digit(5), "A"),
    ]
    assert await run_each(mgr, transport, programs) == ["2", "9", "9", "#", None, "A"]


@both
async def test_a_missing_file_keeps_the_session(mgr: Manager, transport: Transport) -> None:
    """Playing or asking with a file that is missing fails, and the session goes on."""

    def failing(command: Callable[[Session], Awaitable[object]]) -> Callable[[Session], Awaitable[Any]]:
        async def program(call: Session) -> bool:
            with pytest.raises(CommandFailed) as caught:
                await command(call)
            assert not caught.value.session_over
            await call.play("beep", offset=0.2)
            return await call.get("EXTEN") == call.environment["agi_extension"]

        return program

    programs = [
        failing(lambda call: call.play("beep", "nosuchfile")),
        failing(lambda call: call.ask("nosuchfile", "beep", digits=1)),
        failing(lambda call: call.ask("nosuchfile", digits=2)),
    ]
    assert all(await run_each(mgr, transport, programs))


@both
async def test_a_missing_application_keeps_the_session(mgr: Manager, transport: Transport) -> None:
    """An application that does not exist is CommandFailed with Asterisk's answer, and the session goes on."""

    async def program(call: Session) -> str | None:
        with pytest.raises(CommandFailed) as caught:
            await call.exec("NoSuchApplication")
        assert caught.value.reply is not None
        return await call.get("EXTEN")

    assert (await run(mgr, transport, program)).startswith(transport)


@both
async def test_dialling(mgr: Manager, transport: Transport) -> None:
    """A dial comes back with its status, and the session goes on."""

    def dialling(*channels: str, timeout: float | None = None) -> Callable[[Session], Awaitable[Any]]:
        async def program(call: Session) -> DialStatus | None:
            status = (await call.dial(*channels, timeout=timeout)).status
            assert await call.get("EXTEN") == call.environment["agi_extension"]
            return status

        return program

    dialled = {
        dialling("Local/short@test/n", "Local/ring@test/n", timeout=5): DialStatus.ANSWER,
        dialling("Local/busy@test/n", timeout=5): DialStatus.BUSY,
        dialling("PJSIP/nosuch"): DialStatus.CHANNEL_UNAVAILABLE,
        dialling("Local/ring@test/n", timeout=0.9): DialStatus.NO_ANSWER,
    }
    assert await run_each(mgr, transport, list(dialled)) == list(dialled.values())


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

    def evaluating(*sizes: int) -> Callable[[Session], Awaitable[Any]]:
        async def program(call: Session) -> list[tuple[int, object]]:
            wrong: list[tuple[int, object]] = []
            await call.set("TEN", "0123456789" * 10)
            for size in sizes:
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
            return wrong

        return program

    pairs = ((900, 5000), (1008, 1009), (2000, 1023), (1024,))
    assert await run_each(mgr, transport, [evaluating(*each) for each in pairs]) == [[]] * len(pairs)


@both
async def test_long_variables_are_whole_or_an_error(mgr: Manager, transport: Transport) -> None:
    """A variable over what Asterisk gives of one is got whole by FastAGI, and an error with AsyncAGI."""
    await lay_out(mgr, "sub", "long", "Set(TEN=0123456789)", "Set(LONG=${ARG1})", "Return()")

    def getting(size: int) -> Callable[[Session], Awaitable[Any]]:
        async def program(call: Session) -> object:
            await call.command("GOSUB", "sub", "long", 1, "y" * 500)
            await call.exec("Set", "AGIEXECFULL=yes")
            await call.exec("Set", "LONG=${LONG}${LONG}" + "z" * (size - 1000))
            await call.set("AGIEXECFULL", "no")
            try:
                return len(await call.get("LONG") or "")
            except ManagerError as error:
                return type(error)

        return program

    sizes = (1022, 1023, 1100)
    got = await run_each(mgr, transport, [getting(size) for size in sizes])
    assert got == ([*sizes] if transport == "fastagi" else [1022, ProtocolError, ProtocolError])
