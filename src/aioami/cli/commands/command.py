"""`aioami command`: a command of Asterisk's own command line."""

from __future__ import annotations

from typing import Annotated

import typer

from aioami import ActionError, Response, core

from ..options import Url
from ..output import plain
from ..process import run_to_end
from ..server import Address, manager, ready

__all__ = ["command"]


def command(
    text: Annotated[
        str,
        typer.Argument(help='As typed at Asterisk\'s own prompt: "core show version".'),
    ],
    url: Url = None,
) -> int:
    """Run a command of Asterisk's command line."""
    return run_to_end(_run(text, url))


async def _run(text: str, url: Address) -> None:
    async with ready(manager(url, events=False)) as mgr:
        try:
            response: Response = await mgr.send(core.Command(text), timeout=60.0)
        except ActionError as error:
            # The output of a command that failed says more than Asterisk's message.
            if error.response is not None and error.response.data:
                output = "\n".join(error.response.data)
                raise ActionError(output, action=error.action, response=error.response) from error
            raise
        for line in response.data:
            print(plain(line))
