"""AGI sessions on real servers: each command, and the methods of a session."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.real.agi_calls import FACTS, Transport, both, lay_out, press, run, serving

from aioami import Manager, ManagerError, actions, core
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
            (call.spell("ab"), "D"),
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
        for size in (900, 1008, 1009, 1023, 1024, 2000, 5000):
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
