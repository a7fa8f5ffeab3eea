"""`aioami demo`: one call from its beginning to its end."""

from __future__ import annotations

from typing import Final

import typer

from ..options import Url
from ..server import OnBus, with_secret

__all__ = ["demo"]

_NO_BUS: Final = "the demo is of a link with a server, ami://; a call over a bus is aioami call"


def demo(url: Url = None) -> int:
    """Place a call, follow it to its end, and say what happened;
    on an embedded server without --url.
    """
    from aioami import demo

    if url is None:
        return demo.main(None)
    if isinstance(url, OnBus):
        raise typer.BadParameter(_NO_BUS, param_hint="--url")
    return demo.main(with_secret(url).text)
