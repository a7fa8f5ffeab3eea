"""`aioami call`: place one call, and follow it to its end."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aioami import ManagerLike

from ..options import Json, Url
from ..process import ExitCode, run_to_end
from ..server import manager, ready

if TYPE_CHECKING:
    from aioami.calls import Application, Call, CallChange

__all__ = ["call"]

_FAREWELL: Final = 5.0  # seconds to wait for the end of a call that was hung up


def call(
    channel: Annotated[str, typer.Argument(help="Whom to call, as PJSIP/alice.")],
    to: Annotated[
        str,
        typer.Argument(
            help="Where the call goes when it is answered: EXTEN@CONTEXT, as 100@internal, or an "
            "application, as 'Playback(hello-world)'.",
        ),
    ],
    url: Url = None,
    timeout: Annotated[
        float, typer.Option(min=0.001, max=86_400, help="Seconds for which it may ring.")
    ] = 30.0,
    caller_id: Annotated[
        str | None, typer.Option("--caller-id", help='The number that is shown: "Ada" <100>.')
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option("--variable", metavar="NAME=VALUE", help="A channel variable; may repeat."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Place a call, and show its progress until it ends. Ctrl-C hangs it up.

    The exit code is 0 for a call that was answered, and else says why it was not.
    """
    goal = _goal(to)
    pairs = _parsed(variables or [])
    shown = _Shown(as_json=as_json)

    async def place() -> int:
        async with (
            ready(manager(url, events=True, event_mask="call")) as mgr,
            mgr.call(
                channel, to=goal, timeout=timeout, caller_id=caller_id, variables=pairs
            ) as held,
        ):
            await shown.follow(mgr, held)
        return _code(held)

    return run_to_end(place())


def _goal(to: str) -> str | Application:
    found = re.fullmatch(r"(\w+)\((.*)\)", to, re.DOTALL)
    if found is None:
        exten, _, context = to.rpartition("@")
        if not exten or not context:
            raise typer.BadParameter(f"{to!r} is neither EXTEN@CONTEXT nor APPLICATION(...)")
        return to
    from aioami.calls import Application

    return Application(found[1], *([found[2]] if found[2] else []))


def _parsed(variables: list[str]) -> dict[str, str]:
    pairs = {}
    for variable in variables:
        name, equals, value = variable.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{variable!r} is no NAME=VALUE")
        pairs[name] = value
    return pairs


def _code(held: Call) -> ExitCode:
    """Return the exit code of the end of a call."""
    if held.end is None:
        return ExitCode.FAILED
    name = held.end.reason.name
    return ExitCode.DONE if name == "ANSWERED" else ExitCode[f"CALL_{name}"]


class _Shown:
    """Shows a call on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._began = time.time()

    async def follow(self, mgr: ManagerLike, held: Call) -> None:
        """Show the state of a call, and each change to its end."""
        changes = held.changes()
        if held.end is not None:  # it ended before it could be followed, so no change comes
            self._print_end(held)
            if self._as_json:
                print(json.dumps({"what": "state", "time": time.time(), **held.to_dict()}))
            return
        self._print(time.time(), held.state.value, held)
        try:
            async for change in changes:
                if self._as_json:
                    print(json.dumps(change.to_dict()), flush=True)
                else:
                    self._print_change(change, held)
        except BaseException:
            # The end of the call is shown, too.
            await held.hang_up()
            await held.ended(_FAREWELL)
            self._print_end(held)
            raise

    def _print_change(self, change: CallChange, held: Call) -> None:
        if change.what == "state":
            if change.state.name == "ENDED":
                self._print_end(held)
            else:
                self._print(change.time, change.state.value, held)
        elif change.what == "bridged_with":
            others = change.to_dict()["bridged_with"]
            words = f"talks with {', '.join(others)}" if others else "talks with nobody"
            self._print(change.time, words, held)
        elif change.what in ("held", "parked"):
            now = change.to_dict()
            word = change.what if now[change.what] else f"not {change.what} any more"
            if word == "parked" and now["parking_space"] is not None:
                word = f"parked at {now['parking_space']}"
            self._print(change.time, word, held)

    def _print_end(self, held: Call) -> None:
        end = held.end
        if end is None:
            return
        if self._as_json:
            return
        words = [f"ended: {end.reason.value}"]
        if end.cause is not None:
            words.append(f"cause {end.cause:d} {end.cause.name}")
        words.append(f"rang {end.rang:.1f} s, talked {end.talked:.1f} s")
        self._print(time.time(), ", ".join(words), held)

    def _print(self, at: float, words: str, held: Call) -> None:
        if self._as_json:
            return
        name = f"  {held.channel}" if held.channel is not None and held.end is None else ""
        print(f"{at - self._began:7.1f} s  {words}{name}", flush=True)
