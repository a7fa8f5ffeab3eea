"""Each command of AGI on the fake server is answered as real servers were seen to answer it."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from aioami import Manager, ManagerError, actions
from aioami.agi import AsyncAGI, CommandFailed, FastAGI, HungUp, Session, SessionEnded, TakenAway
from aioami.testing import FakeAsterisk

FACTS = json.loads((Path(__file__).parents[2] / "data/agi_commands.json").read_text())["commands"]
# What the fake server does otherwise, and why.
OTHERWISE = {
    'SAY ALPHA aB "" a': "Asterisk 16 has no sounds for capital letters, and here all that is said can be said",
    "HANGUP {other}": "the other channel is no half of the caller's here, and he stays",
    'CONTROL STREAM FILE demo-congrats "1" 1000 # * 5 500': "a file has one second, and cannot be wound",
}


def rows(version: str, transport: str) -> list[Any]:
    """What was tried on a version and a transport: the command, what happened meanwhile, and the answer."""
    found = []
    for command in FACTS:
        for tried in command["tried"]:
            expected = tried.get("everywhere") or tried[f"{version}-{transport}"]
            if not expected.startswith("(no answer") and not OTHERWISE.get(tried["command"]):
                found.append((tried["command"], tuple(tried.get("during", ())), expected))
    return found


def shape(answer: str) -> str:
    """An answer without positions, remaining times, usages, and names that differ each time."""
    answer = re.sub(r"^520-.*", "520", answer, flags=re.DOTALL)
    answer = re.sub(r"endpos=-?\d+", "endpos=*", answer)
    answer = re.sub(r"result=\d+ \(timeout\) endpos", "result=* (timeout) endpos", answer)
    answer = re.sub(r"\((?:Local|PJSIP)/.*?\)|\((fast1|async|menu)\)", "(*)", answer)
    return answer


@pytest.mark.parametrize("transport", ["fastagi", "asyncagi"])
@pytest.mark.parametrize("version", ["16", "22"])
async def test_each_command_is_answered_as_on_a_real_server(version: str, transport: str) -> None:
    """The answer, the variables that it sets, and what becomes of the session are those that were seen."""
    tried = rows(version, transport)
    wrong: dict[str, tuple[str, object]] = {}
    async with FakeAsterisk(version=version, virtual_time=True) as fake, Manager.from_url(fake.url) as mgr:
        fake.missing_files |= {"nosuchfile", "/nosuchdir"}
        fake.add_extension("s@sub", "Set(SUBRAN=${ARG1})", "Return(back)")
        fake.add_extension("hang@sub", "Hangup()")
        fake.exchange.database.update({("fam", "key"): "a (b) c", ("famtree", "a"): "b", ("fam2", "sub/a"): "b"})
        for command, during, expected in tried:
            if found := await try_row(fake, mgr, transport, command, during, expected):
                wrong[command] = (expected, found)
    assert not wrong, "\n".join(f"{name}: {each}" for name, each in wrong.items())
    assert len(tried) > 120


async def try_row(
    fake: FakeAsterisk, mgr: Manager, transport: str, command: str, during: tuple[str, ...], expected: str
) -> object:
    """Run one command in a call of its own; return what is not as it was."""
    result: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    begun = asyncio.Event()
    other = fake.incoming("PJSIP/other", to="wait@test")

    async def program(call: Session) -> None:
        text = command.replace("{other}", other.channel).replace("{n}", "1")
        words = shlex.split(text.replace("@talker", "@test").replace("talker,wait", "test,wait"))
        begun.set()
        seen: object = None
        try:
            seen = (await call.command(*words)).raw
        except CommandFailed as error:
            seen = error.reply.raw if error.reply else None
        except SessionEnded as error:
            seen = error
        variables = re.findall(r"(\w+)=(\S*)", expected.partition(" | ")[2])
        try:
            over = "goes on"
            got = [(name, await call.get(name) or "") for name, _ in variables if "OFFSET" not in name]
            await call.answer()
        except HungUp:
            over, got = "hung up", []
        except TakenAway:
            over, got = "over", []
        except ManagerError as error:
            over, got = repr(error), []
        result.set_result((seen, got, over))

    server: Any = AsyncAGI(mgr, program) if transport == "asyncagi" else FastAGI(program, port=0)
    async with server:
        url = "agi:async" if transport == "asyncagi" else f"agi://127.0.0.1:{server.port}/"
        fake.add_extension("menu", "Answer()", f"AGI({url})", "Wait(5)")
        caller = fake.incoming("PJSIP/trunk", to="menu")
        while not begun.is_set():
            await fake.advance(0.02)
        now = 0.0
        for step in during:
            what, moment = step.removesuffix(" s").split(" at ")
            await fake.advance(max(0.0, float(moment) - now))
            now = float(moment)
            kind, _, value = what.partition(" ")
            if kind == "dtmf":
                await caller.presses(value)
                now += 0.1
            elif kind == "control":
                await mgr.send(actions.ControlPlayback(caller.uniqueid, value))
            else:
                await caller.hang_up()
        for _ in range(200):
            if result.done():
                break
            await fake.advance(0.1)
        await asyncio.wait_for(result, 5)
    await caller.hang_up()
    await other.hang_up()
    seen, got, over = result.result()  # type: ignore[misc]
    answer, *after = expected.split(" | ")
    wanted = [
        (name, value) for each in after for name, value in re.findall(r"(\w+)=(\S*)", each) if "OFFSET" not in name
    ]
    ends = "hung up" if any("HANGUP" in each or "Hangup" in each for each in after) else "goes on"
    if ends == "goes on" and any("AsyncAGIEnd" in each for each in after):
        ends = "over"
    if over != ends:
        return f"{seen} {over}"
    if ends == "goes on" and got != wanted:
        return f"{seen} {got}"
    if isinstance(seen, HungUp) and ends == "hung up":
        return None
    return None if shape(str(seen)) == shape(answer) else seen
