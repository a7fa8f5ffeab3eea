"""AGI sessions on real servers: commands that are cancelled, and their order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import pytest
from tests.real.agi_calls import Transport, both, run, serving

from aioami import Manager
from aioami.agi import (
    Session,
)

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
        await asyncio.sleep(0)  # it waits for its turn
        third.cancel()
        done, _ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        return [first in done, await second, await call.get("ORDER")]

    assert await run(mgr, transport, program) == [True, None, "second"]
