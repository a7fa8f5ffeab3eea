"""`aioami doctor`: why nothing arrives or is refused, and what a user of the manager interface must be allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aioami.permissions import Permissions, of_program, of_recording

from .common import ExitCode, Json, Url, address, run_to_end
from .diagnosis import Finding, Level, examine

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["doctor"]

_STYLES: Final = {Level.OK: "green", Level.HINT: "yellow", Level.WRONG: "bold red"}


def doctor(
    url: Url = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="NAME", help="An event that should come; may repeat.")
    ] = None,
    action: Annotated[
        list[str] | None, typer.Option("--action", metavar="NAME", help="An action to be allowed; may repeat.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="How long to listen for events.")] = 2.0,
    probe: Annotated[
        bool, typer.Option("--probe", help="Make an event UserEvent for a test; all who may read it get it.")
    ] = False,
    program: Annotated[
        list[Path] | None,
        typer.Option(
            "--for",
            exists=True,
            metavar="FILE",
            help="Print what manager.conf must allow for a program or a recording, and nothing else. A folder is all its programs.",
        ),
    ] = None,
    user: Annotated[str, typer.Option(help="The name of the user in that stanza.")] = "aioami",
    as_json: Json = False,
) -> int:
    """Find out why nothing arrives or is refused, and say what to change in manager.conf; 0 when all is well."""
    if program:
        needed = _needed(program)
        print(json.dumps(needed.to_dict()) if as_json else needed.stanza(user))
        return ExitCode.DONE
    return run_to_end(_examined(address(url), event or [], action or [], seconds, probe, as_json))


def _needed(paths: list[Path]) -> Permissions:
    """What programs and recordings need together."""
    found: list[Permissions] = []
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            found.append(_needed_by(file))
    if not found:
        raise typer.BadParameter("--for: there is no program in this folder")
    return Permissions.together(found)


def _needed_by(path: Path) -> Permissions:
    from aioami.testing import Recording, RecordingError

    try:
        text = path.read_text(encoding="utf-8")
        if text.startswith('{"recording":'):
            return of_recording(Recording.load(path))
        return of_program(text, path.name)
    except (SyntaxError, UnicodeDecodeError, RecordingError) as error:
        raise typer.BadParameter(f"--for: {path} is neither a Python program nor a recording: {error}") from error


async def _examined(
    url: str, expected: list[str], needed: list[str], seconds: float, probe: bool, as_json: bool
) -> int:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    worst: Finding | None = None
    async for finding in examine(url, seconds=seconds, expected=expected, needed=needed, probe=probe):
        if finding.level is Level.WRONG and worst is None:
            worst = finding
        if as_json:
            print(json.dumps(finding.to_dict()), flush=True)
        else:
            _show(console, finding)
    return ExitCode.DONE if worst is None else worst.code


def _show(console: Console, finding: Finding) -> None:
    from rich.text import Text

    head = (f"{finding.level.value:7}", _STYLES[finding.level])
    console.print(Text.assemble(head, (f"{finding.topic:9} ", "bold"), finding.text))
    for line in finding.change:
        console.print(Text(f"{'':17} {line}", "cyan"))
