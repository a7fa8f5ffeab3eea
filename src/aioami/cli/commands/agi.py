"""`aioami agi`: serve a program for AGI sessions."""

from __future__ import annotations

import asyncio
import inspect
import runpy
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ..options import Url
from ..process import notify, run_to_end
from ..server import Address, manager, ready

if TYPE_CHECKING:
    from aioami.agi import Session

__all__ = ["agi"]

Program = Callable[["Session"], Awaitable[object]]

_PORT: Final = 4573


def agi(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT[:NAME]",
            help="A Python file, and the name of the coroutine function, or of the Routes, in it. "
            "Without a name it is the Routes of the file, or its only coroutine function that "
            "takes one argument.",
        ),
    ],
    url: Url = None,
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve FastAGI there, as agi://HOST:PORT in the dialplan; 127.0.0.1 without a "
            "host. Without it, AsyncAGI over the server's link, as agi:async in the dialplan.",
        ),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="With --listen: an address or network that may connect; may repeat."),
    ] = None,
) -> int:
    """Run a program for each call that the dialplan sends to AGI(), until Ctrl-C.

    FastAGI needs no server's URL; with one, a hang-up ends every command.
    """
    if listen is None and allow:
        raise typer.BadParameter("--allow is for --listen")
    name, program = _load(script)
    if listen is None:
        return run_to_end(_serve_async_agi(url, name, _shown(program)))
    host, port = _address(listen)
    return run_to_end(_serve_fast_agi(url, name, _shown(program), host, port, allow or []))


async def _serve_async_agi(url: Address, name: str, program: Program) -> None:
    from aioami.agi import AsyncAGI

    mask = "agi,call,dialplan"
    async with ready(manager(url, events=True, event_mask=mask)) as mgr, AsyncAGI(mgr, program):
        notify(f"{name} runs for each call in AGI(agi:async)")
        await asyncio.Event().wait()


async def _serve_fast_agi(
    url: Address, name: str, program: Program, host: str, port: int, allow: list[str]
) -> None:
    from aioami.agi import FastAGI

    async with AsyncExitStack() as stack:
        mgr = None
        if url is not None:
            own = manager(url, events=True, event_mask="call")
            mgr = await stack.enter_async_context(ready(own))
        server = FastAGI(program, host, port, allow=allow, manager=mgr)
        await stack.enter_async_context(server)
        shown = f"[{server.host}]" if ":" in server.host else server.host
        notify(f"{name} runs for each call in AGI(agi://{shown}:{server.port})")
        await server.serve_forever()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise typer.BadParameter(f"--listen: [HOST:]PORT, as {_PORT}, not {listen!r}")
    return host.strip("[]") or "127.0.0.1", int(port)


def _shown(program: Program) -> Program:
    """Wrap a program, so that its exceptions are printed with a traceback on standard error."""
    from aioami import ManagerError

    async def run(session: Session) -> None:
        try:
            await program(session)
        except ManagerError:
            raise
        except Exception:
            traceback.print_exc()
            raise

    return run


def _load(script: str) -> tuple[str, Program]:
    """Return the program of a script, and its name."""
    path, name = Path(script), ""
    if not path.is_file():
        before, _, name = script.rpartition(":")
        path = Path(before)
    if not path.is_file() or (":" in script and not name.isidentifier() and path != Path(script)):
        raise typer.BadParameter(f"there is no file {script.partition(':')[0]}")
    try:
        names = runpy.run_path(str(path), run_name="aioami_agi")
    except Exception as error:
        _print_from(str(path), error)
        raise typer.Exit(1) from None
    if name:
        if not callable(names.get(name)):
            raise typer.BadParameter(f"{path.name} has no program {name}")
        if inspect.isfunction(names[name]) and not inspect.iscoroutinefunction(names[name]):
            raise typer.BadParameter(f"{name} is no program: it is to be written with `async def`")
        return name, names[name]
    found = _programs(names)
    if not found:
        needed = "an `async def` with one argument"
        raise typer.BadParameter(f"{path.name} has no program, which is {needed}")
    if len(found) != 1:
        which = ", ".join(found)
        raise typer.BadParameter(f"say which program: {path.name}:NAME with one of {which}")
    return next(iter(found.items()))


def _print_from(file: str, error: Exception) -> None:
    """Print an error with its traceback, beginning with the frames of a file."""
    part = error.__traceback__
    while part is not None and part.tb_frame.f_code.co_filename != file:
        part = part.tb_next
    traceback.print_exception(type(error), error, part)


def _programs(names: dict[str, Any]) -> dict[str, Program]:
    """Return the Routes among the names of a script; else the functions that may be programs."""
    from aioami.agi import Routes

    routes: dict[str, Program] = {
        name: each for name, each in names.items() if isinstance(each, Routes)
    }
    return routes or {
        name: each
        for name, each in names.items()
        if inspect.iscoroutinefunction(each)
        and each.__module__ == "aioami_agi"
        and not name.startswith("_")
        and len(inspect.signature(each).parameters) == 1
    }
