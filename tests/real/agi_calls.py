"""Calls to AGI programs on a real server, over FastAGI and AsyncAGI."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tests.helpers import observe

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


def both(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Run a test over FastAGI and over AsyncAGI: at once, as it waits most of the time."""

    @functools.wraps(test)
    async def over_both(**arguments: Any) -> None:
        transports = get_args(Transport)
        running = (test(transport=transport, **arguments) for transport in transports)
        for transport, error in zip(transports, await asyncio.gather(*running, return_exceptions=True), strict=True):
            if error is not None:
                raise AssertionError(f"over {transport}") from error

    signature = inspect.signature(test)
    kept = [each for each in signature.parameters.values() if each.name != "transport"]
    over_both.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return over_both


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


async def run_each(
    mgr: Manager,
    transport: Transport,
    programs: Sequence[Callable[[Session], Awaitable[Any]]],
    *,
    caller: str = "wait",
    **options: Any,
) -> list[Any]:
    """Place a call to each program, all at once; return or raise what comes of them, when all sessions are over."""
    results: list[asyncio.Future[Any]] = [asyncio.get_running_loop().create_future() for _ in programs]

    async def observed(call: Session) -> None:
        number = int(call.arguments[-1])
        await observe(programs[number](call), results[number])

    async with serving(mgr, transport, observed, "menu,${ROW}", **options) as calls:
        await asyncio.gather(*(calls.place(caller, ROW=str(number)) for number in range(len(programs))))
        values = await asyncio.wait_for(asyncio.gather(*map(asyncio.shield, results)), 30)
        await calls.server.close()
        return values


async def run(
    mgr: Manager,
    transport: Transport,
    program: Callable[[Session], Awaitable[Any]],
    *,
    caller: str = "wait",
    **options: Any,
) -> Any:
    """Place one call to a program; return or raise what comes of it, when the session is over."""
    return (await run_each(mgr, transport, [program], caller=caller, **options))[0]


async def press(mgr: Manager, call: Session, digit: str) -> None:
    """Press a digit at the caller's end."""
    await mgr.send(actions.PlayDTMF(call.uniqueid, digit, receive=True))
