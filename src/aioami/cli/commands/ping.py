"""`aioami ping`: the server's answer, and how long it takes."""

from __future__ import annotations

from typing import Annotated

import typer

from aioami import core

from ..options import Url
from ..process import run_to_end
from ..server import manager

__all__ = ["ping"]


def ping(url: Url = None, count: Annotated[int, typer.Option(min=1, help="How often.")] = 1) -> int:
    """See whether the server answers, and how quickly."""
    return run_to_end(_ping(url, count))


async def _ping(url: str | None, count: int) -> None:
    async with manager(url, events=False) as mgr:
        for _ in range(count):
            pong = await mgr.send(core.Ping())
            print(f"Asterisk (AMI {mgr.version}) answers in {pong.RTT * 1000:.3f} ms")
