"""The commands for terminals, on real servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from aioami import Manager, core
from aioami.cli.repl.completer import ShellCompleter
from aioami.cli.repl.shell import Shell
from aioami.cli.screen.top import PARTS, Question, Table, Top
from aioami.live import Live
from aioami.testing import Recording
from aioami.testing.real import RealAsterisk

from .conftest import Place


async def start(asterisk: RealAsterisk, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aioami", *arguments),
        env={**os.environ, "AIOAMI_URL": asterisk.url, "NO_COLOR": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_events_of_one_channel(asterisk: RealAsterisk, mgr: Manager, place: Place) -> None:
    """Events of a channel are shown, and those of others are not."""
    channel = await place()
    await place()
    process = await start(
        asterisk,
        "events",
        "--channel",
        channel,
        "--json",
        "VarSet",
        "Hangup*",
        "--limit",
        "2",
    )
    assert process.stdout is not None
    reading = asyncio.ensure_future(process.stdout.readline())
    while not reading.done():  # until it has logged in
        await mgr.send(core.Setvar("WATCHED", "yes", channel))
        await asyncio.wait([reading], timeout=0.2)
    await mgr.send(core.Hangup("/^Local.*/"))
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    told = [json.loads(line) for line in (reading.result() + out).splitlines()]
    assert {each["Channel"] for each in told} == {channel}


async def connected(mgr: Manager) -> set[tuple[str, ...]]:
    """The sessions of admin: the user, the address, the time, and the socket."""
    lines = (await mgr.send(core.Command("manager show connected"))).data
    sessions = [line.split() for line in lines if line.strip().startswith("admin ")]
    return {(*words[:3], words[4]) for words in sessions}


async def test_a_recording_is_what_happened(
    asterisk: RealAsterisk,
    mgr: Manager,
    place: Place,
    tmp_path: Path,
) -> None:
    """A recorded call is shown again by a replay, without the user's secret in the file."""
    path = tmp_path / "calls.jsonl"
    before = await connected(mgr)
    process = await start(asterisk, "record", str(path))
    while not await connected(mgr) - before:
        await asyncio.sleep(0.02)
    with mgr.events("Hangup") as hangups:
        channel = await place("short")
        async for event in hangups:
            if event["Channel"] == channel:
                break
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")
    assert "Newchannel" in out.decode()
    assert channel in [entry.message.get("Channel") for entry in Recording.load(path).events]
    process = await start(
        asterisk,
        "replay",
        str(path),
        "New*",
        "--channel",
        channel,
        "--brief",
        "--speed",
        "0",
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.decode().splitlines()[0].split()[1] == "Newchannel"


async def test_the_shell(asterisk: RealAsterisk) -> None:
    """Actions are typed, a call has its outcome, and commands are run."""
    process = await start(asterisk, "shell")
    lines = (
        "QueueStatus queue=support",
        "Originate channel=Local/short@test/n application=Wait data=1",
        "!core show version",
        "DBPut family=doors key=front val=open",
        "DBGet doors front",
        "Events call,agent",
    )
    out, err = await process.communicate("\n".join(lines).encode())
    assert (process.returncode, err) == (0, b"")
    for words in (b"Agent One", b"OriginateResponse", b"Asterisk ", b"open"):
        assert words in out


@pytest.mark.parametrize(
    ("line", "offered"),
    [("!core show upt", "uptime"), ("QueueStatus queue=supp", "support")],
)
async def test_asterisk_completes(mgr: Manager, line: str, offered: str) -> None:
    """Commands and the names of queues are completed by Asterisk's own command line."""
    completer = ShellCompleter(Shell(mgr, "x"))
    event = CompleteEvent(completion_requested=True)
    assert [each.text async for each in completer.get_completions_async(Document(line), event)] == [
        offered,
    ]


async def test_the_full_screen(asterisk: RealAsterisk, mgr: Manager, place: Place) -> None:
    """A call appears on it, is hung up by two keys, and vanishes; who waits in a queue is there
    too.
    """
    async with Live(mgr, parts=PARTS) as live:
        top = Top(mgr, live, "admin@real")
        async with top.run_test(size=(160, 50)) as pilot:

            async def until(table: str, words: str, there: bool = True) -> None:
                for _ in range(800):
                    top.show()
                    await pilot.pause(0.01)
                    rows = [row.text for row in top.query_one(f"#{table}", Table).rows_shown]
                    if any(words in row for row in rows) is there:
                        return
                raise AssertionError(
                    f"{words} {'is not' if there else 'is still'} among the {table}: {rows}",
                )

            channel = await place()
            await pilot.press("right")  # from the calls to the channels
            await until("channels", channel.lower())
            await until("events", "newchannel")
            await place("hold")
            await until("queues", "1 waiting")
            table = top.query_one("#channels", Table)
            await pilot.press(*["up"] * 10)
            while table.row is None or table.row.channel != channel:
                await pilot.press("down")
            await pilot.press("h")
            assert isinstance(top.screen, Question)
            await pilot.press("y")
            await until("channels", channel.lower(), there=False)
            await until("queues", "1 waiting")
