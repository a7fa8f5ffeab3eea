"""Each application that a program runs on the fake server is answered as real servers answered it."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest
from tests.applications import ROWS, Row

from aioami import Manager
from aioami.agi import AsyncAGI, CommandFailed, FastAGI, HungUp, Session
from aioami.testing import FakeAsterisk

Transport = Literal["fastagi", "asyncagi"]


async def tried(fake: FakeAsterisk, caller: Any, running: asyncio.Task[Any], keys: str) -> None:
    """Press keys while an application runs, and wait for its end."""
    for key in keys:
        await fake.advance(0.5)
        await caller.presses(key)
    while not running.done():
        await fake.advance(0.2)


async def serve(fake: FakeAsterisk, mgr: Manager, transport: Transport, program: Any) -> Any:
    """A server of a program, and the extension `menu` that leads to it."""
    server: Any = AsyncAGI(mgr, program) if transport == "asyncagi" else FastAGI(program, port=0)
    await server.start()
    url = "agi:async" if transport == "asyncagi" else f"agi://127.0.0.1:{server.port}/"
    fake.add_extension("menu", "Answer()", f"AGI({url})", "Wait(5)")
    return server


@pytest.mark.parametrize("transport", ["fastagi", "asyncagi"])
@pytest.mark.parametrize("version", ["16", "22"])
async def test_what_applications_answer(version: str, transport: Transport) -> None:
    """The answer of each application, and the variables that it sets, are those of real servers."""
    async with FakeAsterisk(version=version, virtual_time=True) as fake, Manager.from_url(fake.url) as mgr:
        fake.missing_files.add("nosuchfile")
        fake.phone("PJSIP/trunk")
        done: dict[str, Row] = {}
        over = asyncio.Event()

        async def program(call: Session) -> None:
            for row in ROWS:
                running = asyncio.create_task(call.command("EXEC", row.application, *filter(None, [row.data])))
                await tried(fake, caller, running, row.keys)
                try:
                    result = (await running).result
                except CommandFailed as error:
                    result = "" if error.reply is None else error.reply.result
                variables = {name: await call.get(name) or "" for name in row.variables}
                done[row.name] = row._replace(result=result, variables=variables)
            over.set()

        server = await serve(fake, mgr, transport, program)
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await asyncio.wait_for(over.wait(), 20)
        await server.close(timeout=0)
    assert {name: each[2:4] for name, each in done.items()} == {each.name: each[2:4] for each in ROWS}


@pytest.mark.parametrize("transport", ["fastagi", "asyncagi"])
async def test_a_message_is_left_by_hanging_up(transport: Transport) -> None:
    """A caller who hangs up behind the tone has left a message, and the program is told of the hang-up."""
    async with FakeAsterisk(virtual_time=True) as fake, Manager.from_url(fake.url) as mgr:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def program(call: Session) -> None:
            try:
                await call.exec("VoiceMail", "1234@default")
            except HungUp as error:
                ended.set_result(type(error).__name__)

        server = await serve(fake, mgr, transport, program)
        caller = fake.incoming("PJSIP/trunk", to="menu")
        await caller.hears("vm-intro")
        await caller.hears("beep")
        await fake.advance(3)
        waiting = mgr.wait_for("MessageWaiting", timeout=5)
        await caller.hang_up()
        assert (await waiting)["New"] == "1"
        assert await asyncio.wait_for(ended, 5) == "HungUp"
        await server.close(timeout=0)


async def test_members_come_and_go_by_the_dialplan() -> None:
    """Applications add a member to a queue, pause and remove him, as the actions do."""
    async with FakeAsterisk(virtual_time=True) as fake, Manager.from_url(fake.url) as mgr:
        member = "support,PJSIP/new"
        names = ("QueueMemberAdded", "QueueMemberPause", "UserEvent", "QueueMemberRemoved")
        coming = [mgr.wait_for(name, timeout=5) for name in names]
        steps = [f"{name}QueueMember({member})" for name in ("Add", "Add", "Pause")]
        steps += ["UserEvent(Told,Add: ${AQMSTATUS},Pause: ${PQMSTATUS})", f"RemoveQueueMember({member})", "Wait(5)"]
        fake.add_extension("join", *steps)
        fake.phone("PJSIP/trunk")
        fake.incoming("PJSIP/trunk", to="join")
        added, paused, told, removed = [await each for each in coming]
        assert (added["Interface"], paused["Paused"], removed["Queue"]) == ("PJSIP/new", "1", "support")
        assert (told["Add"], told["Pause"]) == ("MEMBERALREADY", "PAUSED")
