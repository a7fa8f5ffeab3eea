"""Calls that a program controls, command by command.

    async def menu(call: Session) -> None:
        await call.answer()
        choice = await call.ask("main-menu", digits=1)
        if choice == "1":
            return await call.go_to("sales", "s", 1)
        await call.hang_up()

    async with FastAGI(menu) as server:
        await server.serve_forever()

`FastAGI` is a server to which Asterisk connects for each call. `AsyncAGI` controls calls through a
`Manager`. The same program runs with both.
"""

from __future__ import annotations

from ..errors import CommandFailed, HungUp, SessionEnded, TakenAway
from .answers import Reply
from .asyncagi import AsyncAGI
from .fastagi import FastAGI
from .results import DialResult, Digits, Recording
from .routes import Routes
from .session import Program, Session

__all__ = [
    "AsyncAGI",
    "CommandFailed",
    "DialResult",
    "Digits",
    "FastAGI",
    "HungUp",
    "Program",
    "Recording",
    "Reply",
    "Routes",
    "Session",
    "SessionEnded",
    "TakenAway",
]
