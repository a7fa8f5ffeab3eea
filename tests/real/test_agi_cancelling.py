"""AGI sessions on real servers: commands that are cancelled, and their order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from tests.real.agi_calls import Transport, both, run, run_each

from aioami import Manager
from aioami.agi import Session

# Cancelling


COMMANDS: list[Callable[[Session], Awaitable[object]]] = [
    lambda call: call.play("demo-congrats"),
    lambda call: call.play("demo-congrats", stop="1"),
    lambda call: call.ask("demo-congrats", digits=3),
    lambda call: call.ask("beep", "demo-congrats", digits=3),
    lambda call: call.ask(digits=3, timeout=30),
    lambda call: call.digit(30),
]
STOPPED_BY_A_MANAGER: list[Callable[[Session], Awaitable[object]]] = [
    lambda call: call.say_digits("12345678901234567890"),
    lambda call: call.spell("abcdefghijklmnopqrstuvwxyz"),
    lambda call: call.record("/tmp/aioami-cancelled", timeout=30),
    lambda call: call.command("CONTROL STREAM FILE", "demo-congrats", ""),
    lambda call: call.command("GET OPTION", "demo-congrats", "1", 9000),
]


def cancelling(command: Callable[[Session], Awaitable[object]], *delays: float) -> Callable[[Session], Awaitable[Any]]:
    """Return a program that cancels a command after each of these times, and says what is wrong then."""

    async def program(call: Session) -> list[str]:
        wrong = []
        clock = asyncio.get_running_loop().time
        for number, delay in enumerate(delays):
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(command(call), delay)
            began = clock()
            if await call.evaluate(f"{number}-${{EXTEN}}") != f"{number}-{call.environment['agi_extension']}":
                wrong.append(f"out of step after {delay}")
            if clock() - began > 6:
                wrong.append(f"not stopped after {delay}")
            if await call.digit(0.05) is not None:
                wrong.append(f"a digit is left after {delay}")
        return wrong

    return program


@both
async def test_a_cancelled_command_is_stopped(mgr: Manager, transport: Transport) -> None:
    """A timeout around a command stops it, whenever it comes, and the session lives and stays in step."""

    async def check(commands: list[Callable[[Session], Awaitable[object]]], **options: Any) -> None:
        each = [(command, *delays) for command in commands for delays in ((0.001, 0.11), (0.0, 0.003), (0.01, 0.3))]
        assert await run_each(mgr, transport, [cancelling(*one) for one in each], **options) == [[]] * len(each)

    if transport == "asyncagi":  # which always has a manager
        await check([*COMMANDS, *STOPPED_BY_A_MANAGER])
    else:
        await asyncio.gather(check(COMMANDS), check([*COMMANDS, *STOPPED_BY_A_MANAGER], manager=mgr))


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
