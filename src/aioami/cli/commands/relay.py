"""`aioami relay`: from Asterisk to NATS JetStream, and back for actions."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..process import ExitCode, notify, run_to_end
from ..server import warn_of_secret

if TYPE_CHECKING:
    from aioami.bus.config import RelayConfig

__all__ = ["relay"]


def relay(
    server: Annotated[
        list[str] | None,
        typer.Option(
            "--server",
            metavar="NAME=URL",
            help="A server, as pbx1=ami://user@host; its secret is in AIOAMI_SECRET_PBX1.",
        ),
    ] = None,
    bus: Annotated[
        str | None,
        typer.Option(
            envvar="AIOAMI_BUS",
            show_envvar=True,
            help="nats://host:port, or tls://; several hosts with commas.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="A file in TOML; see the guide “Running a relay”.", dir_okay=False, exists=True
        ),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Serve /livez, /readyz and /metrics there."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Say what is missing, and exit; nothing is relayed."),
    ] = False,
) -> int:
    """Put the events of servers on a bus, NATS with JetStream, and pass actions on to them.

    Several relays may serve one server: one leads, the others take over when it is gone.
    """
    from aioami.bus.config import read_config

    try:
        given = read_config(config, servers=server or (), bus=bus, http=http)
    except ValueError as error:
        if config is not None:
            raise
        raise typer.BadParameter(str(error)) from error
    for text in server or ():
        advice = "--config with secret_file, or AIOAMI_SECRET_<NAME>, hides it"
        warn_of_secret(text.partition("=")[2], "--server", advice)
    if bus is not None:
        warn_of_secret(bus, "--bus", "--config with password_file, or AIOAMI_BUS, hides it")
    return run_to_end(_examine(given) if check else _serve(given))


async def _examine(config: RelayConfig) -> int:
    from aioami.bus.checking import check as examine

    is_right = True
    async for finding in examine(config):
        print(f"{'ok  ' if finding.is_right else 'FAIL'}  {finding.subject}: {finding.text}")
        if finding.advice:
            print(f"      {finding.advice}")
        is_right = is_right and finding.is_right
    return ExitCode.DONE if is_right else ExitCode.FAILED


async def _serve(config: RelayConfig) -> int:
    from aioami.bus.relay import Relay, make_prompt
    from aioami.bus.watching import Watching, keep_systemd_informed

    # An operator wants to see which relay leads, and the problems of the bus.
    logging.getLogger("aioami.bus.relay").setLevel(logging.INFO)
    make_prompt()
    running = Relay(config.servers, config.bus, config.options)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(running)
        if config.http is not None:
            watching = await stack.enter_async_context(Watching(running, *config.http))
            notify(f"http://{watching.host}:{watching.port}/readyz says how it is")
        informing = asyncio.ensure_future(keep_systemd_informed(running))
        stack.callback(informing.cancel)
        notify(f"relaying {', '.join(each.name for each in config.servers)}; Ctrl-C ends it")
        # SIGTERM is the normal end of a service, and no failure.
        with contextlib.suppress(asyncio.CancelledError):
            await running.wait()
    return ExitCode.DONE
