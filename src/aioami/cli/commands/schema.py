"""`aioami schema`: the catalogue as JSON Schema."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ..process import ExitCode

__all__ = ["schema"]


def schema(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Events or actions, as Hangup or QueueAdd; all if left out."),
    ] = None,
    attributes: Annotated[
        bool,
        typer.Option(help="Name the headers as Python does: caller_id_num."),
    ] = False,
    typed: Annotated[
        bool, typer.Option(help="Numbers, bools and names of codes, where all is text else.")
    ] = False,
    numbers: Annotated[
        bool, typer.Option(help="With --typed: the numbers of codes, instead of their names.")
    ] = False,
) -> int:
    """Print a JSON Schema of the catalogue: events as `to_dict()` gives them, and actions."""
    from aioami.schema import json_schema

    if numbers and not typed:
        raise typer.BadParameter("--numbers: only with --typed; otherwise all values are text")
    whole = json_schema(attributes=attributes, typed=typed, numbers=numbers)
    print(json.dumps(_selected(whole, names) if names else whole, indent=2))
    return ExitCode.DONE


def _selected(whole: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the schema with the named definitions only.

    Raises:
        typer.BadParameter: there is no event and no action of a name.
    """
    definitions: dict[str, Any] = whole["$defs"]
    by_key = {each.lower(): each for each in definitions}
    found: dict[str, Any] = {}
    unknown: list[str] = []
    for name in names:
        keys = [f"{area}.{name.lower()}" for area in ("events", "actions")]
        existing = [by_key[key] for key in keys if key in by_key]
        found |= {each: definitions[each] for each in existing}
        if not existing:
            unknown.append(name)
    if unknown:
        raise typer.BadParameter(f"there is no event or action {', '.join(unknown)}")
    return {"$schema": whole["$schema"], "$defs": found}
