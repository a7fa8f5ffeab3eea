"""Applications that programs run on real servers: what the fake server is held against."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable

from tests.applications import RECORDINGS, ROWS, Row
from tests.real.agi_calls import press, run_each

from aioami import Manager
from aioami.agi import CommandFailed, Session


def trying(mgr: Manager, row: Row, alone: asyncio.Lock) -> Callable[[Session], Awaitable[Row]]:
    """A program that runs an application, presses keys meanwhile, and tells what came of it."""

    async def program(call: Session) -> Row:
        if not row.application.endswith("System"):
            return await tried(call)
        # Asterisk may reap the command of one with the signal of another, or of the one before: the exit code is lost then.
        async with alone:
            for _ in range(4):
                done = await tried(call)
                if done[2:4] == row[2:4]:
                    break
        return done

    async def tried(call: Session) -> Row:
        running = asyncio.create_task(call.command("EXEC", row.application, *filter(None, [row.data])))
        for key in row.keys:
            await asyncio.sleep(0.4)  # no event tells when an application listens for a key
            await press(mgr, call, key)
        try:
            result = (await running).result
        except CommandFailed as error:
            result = "" if error.reply is None else error.reply.result
        variables = {name: await call.get(name) or "" for name in row.variables}
        return row._replace(result=result, variables=variables)

    return program


async def test_what_applications_answer(mgr: Manager) -> None:
    """The table of applications is what a real server answers."""
    alone = asyncio.Lock()
    try:
        done = await run_each(mgr, "fastagi", [trying(mgr, each, alone) for each in ROWS], caller="music")
    finally:
        shutil.rmtree(RECORDINGS, ignore_errors=True)
    assert {each.name: each[2:4] for each in done} == {each.name: each[2:4] for each in ROWS}
