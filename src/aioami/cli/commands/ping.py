"""`aioami ping`: the server's answer, and how long it takes."""

from __future__ import annotations

from typing import Annotated

import typer

from aioami import Manager, ManagerError, core

from ..fleet import servers_of
from ..options import FleetFile, Servers, Url
from ..process import ERRORS, ExitCode, notify, run_to_end

__all__ = ["ping"]


def ping(
    url: Url = None,
    fleet: FleetFile = None,
    server: Servers = None,
    count: Annotated[int, typer.Option(min=1, help="How often.")] = 1,
) -> int:
    """See whether the server answers, and how quickly; of a fleet, each one after the other."""
    return run_to_end(_ping(servers_of(url, fleet, server), count))


async def _ping(servers: dict[str, str], count: int) -> int:
    code = ExitCode.DONE
    for name, url in servers.items():
        try:
            await _ping_one(name, url, count)
        except ManagerError as error:
            if not name:
                raise
            notify(f"{name}: {error}")
            code = next(code for kind, code in ERRORS.items() if isinstance(error, kind))
    return code


async def _ping_one(name: str, url: str, count: int) -> None:
    who = f"{name}: " if name else ""
    async with Manager.from_url(url, event_mask=False, reconnect=False) as mgr:
        for _ in range(count):
            pong = await mgr.send(core.Ping())
            print(f"{who}Asterisk (AMI {mgr.version}) answers in {pong.RTT * 1000:.3f} ms")
