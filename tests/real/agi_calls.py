"""Calls to AGI programs on a real server, over FastAGI and AsyncAGI."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from aioami import Manager, ManagerError, actions, core
from aioami.agi import (
    AsyncAGI,
    FastAGI,
    Program,
    Session,
)

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
