"""`aioami doctor`: faults of a server's configuration, and the permissions of a program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..fleet import servers_of
from ..options import FleetFile, Json, Servers, Url
from ..output import clean
from ..process import ExitCode, run_to_end

if TYPE_CHECKING:
    from rich.console import Console

    from aioami.permissions import Permissions

    from ..diagnosis import Finding

__all__ = ["doctor"]

_NO_BUS: Final = (
    "doctor examines a link of its own with a server, ami://; "
    "aioami relay --check examines a bus and the relay of a server"
)


def doctor(
    url: Url = None,
    fleet: FleetFile = None,
    server: Servers = None,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="NAME", help="An event that should come; may repeat."),
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option("--action", metavar="NAME", help="An action to be allowed; may repeat."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="How long to listen for events.")] = 2.0,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Make an event UserEvent for a test; all who may read it get it.",
        ),
    ] = False,
    program: Annotated[
        list[Path] | None,
        typer.Option(
            "--for",
            exists=True,
            metavar="FILE",
            help="Print what manager.conf must allow for a program or a recording, "
            "and nothing else. A folder is all its programs.",
        ),
    ] = None,
    user: Annotated[str, typer.Option(help="The name of the user in that stanza.")] = "aioami",
    as_json: Json = False,
) -> int:
    """Find out why nothing arrives or is refused, and say what to change in manager.conf;
    0 when all is well. Of a fleet, each server is examined, one after the other.
    """
    if program:
        needed = _permissions(program)
        print(json.dumps(needed.to_dict()) if as_json else needed.stanza(user))
        return ExitCode.DONE
    try:
        servers = servers_of(url, fleet, server, no_bus=_NO_BUS)
    except ValueError:  # the examination reports it as a finding
        servers = {"": url or ""}
    return run_to_end(_examine_all(servers, event or [], action or [], seconds, probe, as_json))


def _permissions(paths: list[Path]) -> Permissions:
    """Return the permissions that programs and recordings need together."""
    from aioami.permissions import Permissions

    found: list[Permissions] = []
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.append(_permissions_of(file))
    if not found:
        raise typer.BadParameter("--for: there is no program in this folder")
    return Permissions.together(found)


def _permissions_of(path: Path) -> Permissions:
    from aioami.permissions import of_program, of_recording
    from aioami.testing import Recording, RecordingError

    try:
        text = path.read_text(encoding="utf-8")
        if text.startswith('{"recording":'):
            return of_recording(Recording.load(path))
        return of_program(text, path.name)
    except (SyntaxError, UnicodeDecodeError, RecordingError) as error:
        raise typer.BadParameter(
            f"--for: {path} is neither a Python program nor a recording: {error}",
        ) from error


async def _examine_all(
    servers: dict[str, str],
    events: list[str],
    actions: list[str],
    seconds: float,
    probe: bool,
    as_json: bool,
) -> int:
    codes = [
        await _examine(name, url, events, actions, seconds, probe, as_json)
        for name, url in servers.items()
    ]
    return next((code for code in codes if code), ExitCode.DONE)


async def _examine(
    name: str,
    url: str,
    events: list[str],
    actions: list[str],
    seconds: float,
    probe: bool,
    as_json: bool,
) -> int:
    from rich.console import Console

    from ..diagnosis import Level, examine

    console = Console(highlight=False, soft_wrap=True)
    code = ExitCode.DONE
    if name and not as_json:
        console.print(name, style="bold underline", markup=False)
    async for finding in examine(url, seconds=seconds, events=events, actions=actions, probe=probe):
        if finding.level is Level.WRONG and code is ExitCode.DONE:
            code = finding.code
        if as_json:
            server = {"server": name} if name else {}
            print(json.dumps({**server, **finding.to_dict()}), flush=True)
        else:
            _print(console, finding)
    return code


def _print(console: Console, finding: Finding) -> None:
    from rich.text import Text

    style = {"ok": "green", "hint": "yellow", "wrong": "bold red"}[finding.level.value]
    level, topic = f"{finding.level.value:7}", f"{finding.topic:9} "
    console.print(Text.assemble((level, style), (topic, "bold"), clean(finding.text)))
    for line in finding.change:
        console.print(Text(f"{'':17} {clean(line)}", "cyan"))
