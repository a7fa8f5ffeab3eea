"""Command line options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from .completion import complete_event

__all__ = [
    "Brief",
    "Channels",
    "Count",
    "FleetFile",
    "Json",
    "Limit",
    "Names",
    "Seconds",
    "Server",
    "Servers",
    "Url",
    "Where",
]

_SECRET: Final = "The secret may be in it, in AIOAMI_SECRET, or is asked for."
_ALL: Final = "Given again, all must hold."
_ONE: Final = "Given again, one must hold."

Url = Annotated[
    str | None,
    typer.Option(
        envvar="AIOAMI_URL",
        show_envvar=True,
        help=f"ami://user@host:port, or amis:// for TLS. {_SECRET} Or nats://, a bus.",
    ),
]
FleetFile = Annotated[
    Path | None,
    typer.Option(
        "--fleet",
        envvar="AIOAMI_FLEET",
        show_envvar=True,
        metavar="FILE",
        help="Many servers instead: a file with [servers.NAME], url and secret_file of each.",
    ),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server", metavar="NAME", help="The one of the fleet, or of the bus, that is meant."
    ),
]
Servers = Annotated[
    list[str] | None,
    typer.Option(
        "--server",
        metavar="NAME",
        help=f"Only such servers of the fleet, by name or pattern; of a bus, by name. {_ONE}",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Seconds = Annotated[
    float | None,
    typer.Option("--seconds", min=0.001, help="Stop after so many seconds."),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(help='Event names or patterns: Hangup "Queue*".', autocompletion=complete_event),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="HEADER=PATTERN",
        help=f"Only events with such a header, as CallerIDNum=1?? or Cause!=16. {_ALL}",
    ),
]
Channels = Annotated[
    list[str] | None,
    typer.Option(
        "--channel",
        metavar="PATTERN",
        help=f'Only events about such a channel, as "PJSIP/alice-*", in whichever header. {_ONE}',
    ),
]
Brief = Annotated[bool, typer.Option("--brief", "-b", help="One line for each event.")]
Count = Annotated[
    bool,
    typer.Option("--count", help="Count them by name instead, in a live table."),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", "-n", min=1, help="Stop after so many events."),
]
