"""`aioami ping`: the server's answer to a Ping, and the seconds that it takes."""

from __future__ import annotations

from typing import Annotated

import typer

from aioami import ManagerError, core
from aioami.fleet import is_bus

from ..fleet import address_of, names_on, servers_of
from ..options import FleetFile, Servers, Url
from ..process import ERRORS, ExitCode, notify, run_to_end
from ..server import Address, manager, ready

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
    if is_bus(bus := servers.get("")):
        servers = dict.fromkeys(await names_on(bus), bus)
    for name, url in servers.items():
        try:
            await _ping_one(name, address_of(name, url), count)
        except ManagerError as error:
            if not name:
                raise
            notify(f"{name}: {error}")
            code = next(code for kind, code in ERRORS.items() if isinstance(error, kind))
    return code


async def _ping_one(name: str, url: Address, count: int) -> None:
    who = f"{name}: " if name else ""
    async with ready(manager(url, events=False)) as mgr:
        for _ in range(count):
            pong = await mgr.send(core.Ping())
            print(f"{who}Asterisk (AMI {mgr.version}) answers in {pong.RTT * 1000:.3f} ms")
