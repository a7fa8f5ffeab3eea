"""`aioami send`: one action, and its response."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aioami import Action

from ..completion import complete_action
from ..options import Json, Url
from ..output import Form, Printer
from ..process import run_to_end
from ..server import Address, manager, ready

__all__ = ["send"]


def send(
    action: Annotated[
        str,
        typer.Argument(help="The action's name, as QueueStatus.", autocompletion=complete_action),
    ],
    headers: Annotated[
        list[str] | None,
        typer.Argument(help="Its headers as key=value; a key may repeat."),
    ] = None,
    url: Url = None,
    as_json: Json = False,
    timeout: Annotated[
        float,
        typer.Option(min=0.001, help="Seconds to wait for the answer."),
    ] = 30.0,
) -> int:
    """Send an action, and show what comes back."""
    form = Form.JSON if as_json else Form.FULL
    return run_to_end(_send(Action(action, _parsed(headers or [])), url, timeout, form))


def _parsed(headers: list[str]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for header in headers:
        key, equals, value = header.partition("=")
        if not equals:
            raise typer.BadParameter(f"{header!r} is no key=value")
        values.setdefault(key, []).append(value)
    return values


async def _send(action: Action[Any], url: Address, timeout: float, form: Form) -> None:
    async with ready(manager(url, events=False)) as mgr:
        response = await mgr.send(action, timeout=timeout)
    Printer(form).response(response)
