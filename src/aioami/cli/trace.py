"""`aioami trace`: one call, from a recording or while it lasts, as a ladder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aioami import Event, EventStream, Manager, PermissionDenied, Reconnected, core, events
from aioami.calls import CALL_EVENTS, CallStep, CallTrace, CallTracer, Ladder, LadderLine

from .common import ExitCode, Json, Url, manager, run_to_end, say

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["trace"]

_WIDTH: Final = 100  # columns, where nobody looks at a terminal
_KEPT: Final = 200  # calls that are over
_STYLES: Final = {
    **{"new": "bold", "there": "bold", "dial": "cyan", "progress": "cyan", "answered": "green", "up": "green"},
    **{"failed": "red", "hangup": "red", "gone": "red", "request": "yellow", "bridge": "green", "unbridge": "dim"},
    **{"transfer": "magenta", "park": "magenta", "pickup": "magenta", "queue": "blue", "agent": "blue"},
    **{"local": "dim", "dialplan": "dim", "hold": "dim"},
}


def trace(
    call: Annotated[
        str | None,
        typer.Argument(help="Its linked id, or a channel's unique id, name, or begin of the name (PJSIP/alice)."),
    ] = None,
    url: Url = None,
    recording: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, help="A recording, instead of a server.", metavar="FILE"),
    ] = None,
    following: Annotated[
        bool, typer.Option("--next", help="Wait for the next call; with CALL, for the next of it.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="With each step in the dialplan.")] = False,
    as_json: Json = False,
) -> int:
    """Show one call as a ladder of channels, dials, bridges and hang-up causes; without CALL, say which calls there are.

    Of a server it is shown from now on, until it is over.
    """
    show = _Show(as_json=as_json, everything=everything)
    if recording is not None:
        if following:
            raise typer.BadParameter("--next waits for a call on a server, and --from reads a recording")
        return _recorded(recording, call, show)
    return run_to_end(_followed(url, call, following, show))


def _recorded(path: Path, call: str | None, show: _Show) -> int:
    from aioami.testing import Recording

    recording = Recording.load(path)
    began = _epoch(recording.started)
    tracer = CallTracer()
    for entry in recording.entries:
        if entry.direction == "received" and entry.data.startswith("Event: "):
            tracer.take(events.parse(entry.data), began + entry.time)
    if call is None:
        show.calls(tracer.calls())
        return ExitCode.DONE
    found = tracer.find(call)
    if found is None:
        say(f"no call {call} is in this recording; without CALL its calls are listed")
        return ExitCode.FAILED
    show.whole(found)
    return ExitCode.DONE


def _epoch(started: str) -> float:
    """When a recording began, in seconds since 1970; 0 if it does not say."""
    try:
        return datetime.fromisoformat(started.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


async def _followed(url: str | None, call: str | None, following: bool, show: _Show) -> int:
    mgr = manager(url, events=True)
    tracer = CallTracer(keep=_KEPT)
    with mgr.events(*CALL_EVENTS, Reconnected, maxsize=None) as stream:
        async with mgr:
            await _list(mgr, tracer)
            if call is None and not following:
                show.calls(tracer.calls())
                return ExitCode.DONE
            watched = None
            if not following:
                assert call is not None
                found = tracer.find(call)
                if found is None:
                    say(f"no call {call} is in progress; --next waits for the next one")
                    return ExitCode.FAILED
                watched = found.linkedid
                show.more(found)
            return await _follow(mgr, stream, tracer, watched, call, show)


async def _list(mgr: Manager, tracer: CallTracer) -> list[str] | None:
    """Tell the tracer of the channels that there are; `None` if the user may not ask for them."""
    try:
        channels = await mgr.send(core.CoreShowChannels())
    except PermissionDenied:
        say("this user may not list the channels (write class reporting or system): calls are known from now on only")
        return None
    for item in channels.events:
        tracer.take(item, time.time())
    return [item.get("Uniqueid", "") for item in channels.events]


async def _follow(
    mgr: Manager, stream: EventStream[Event], tracer: CallTracer, watched: str | None, call: str | None, show: _Show
) -> int:
    """Show the steps of a call as they come, until it is over."""
    known = {each.linkedid for each in tracer.calls()}
    over = False
    while not over or stream.pending:
        event = await anext(stream, None)
        if event is None:
            return ExitCode.NOT_REACHED
        if isinstance(event, Reconnected):
            show.note("the link to the server was lost, and stands again: what happened meanwhile is not known")
            present = await _list(mgr, tracer)
            touched = watched if present is not None else None
            if present is not None:
                tracer.missing(present, time.time())
        else:
            touched = tracer.take(event, time.time())
        if touched is None:
            continue
        if watched is None and touched not in known:
            found = tracer.find(call) if call is not None else tracer.find(touched)
            if found is not None and found.linkedid not in known:
                watched = found.linkedid
        if watched is None or not tracer.is_one_call(touched, watched):
            continue
        now = tracer.find(watched)
        if now is not None:
            show.more(now)
            if now.is_over and not over:
                over = True
                await mgr.send(core.Ping())  # what belongs to its end has come when this is answered
    final = tracer.find(watched) if watched is not None else None
    if final is not None:
        show.end(final)
    return ExitCode.DONE


class _Show:
    """Shows calls, as JSON or for people."""

    def __init__(self, *, as_json: bool, everything: bool) -> None:
        self._as_json = as_json
        self._without = frozenset() if everything else frozenset({"dialplan"})
        from rich.console import Console
        from rich.text import Text

        self._console = Console(highlight=False, soft_wrap=True)
        self._text = Text
        self._ascii = not (self._console.encoding or "").lower().startswith("utf")
        width = self._console.width if self._console.is_terminal else _WIDTH
        self._width = min(max(width, 60), 160)
        self._ladder: Ladder | None = None
        self._shown: set[int] = set()

    def calls(self, traces: list[CallTrace]) -> None:
        """A line for each call."""
        for each in traces:
            if self._as_json:
                print(json.dumps({name: value for name, value in each.to_dict().items() if name != "steps"}))
                continue
            first = each.channels[0]
            whom = f", and {len(each.channels) - 1} more" if len(each.channels) > 1 else ""
            lasted = f"{(each.ended or 0) - each.started:9.1f} s" if each.is_over else "   is on   "
            self._print(self._text(f"{each.linkedid}  {_clock(each.started)} {lasted}  {first.name}{whom}"))
        if not traces and not self._as_json:
            self._print(self._text("no calls"))

    def whole(self, call: CallTrace) -> None:
        """A call as far as it is known."""
        if not self._as_json:
            self._head(call)
            for line in call.ladder(self._width, without=self._without):
                self._line(line)
            named = Ladder(self._width)
            for step in self._steps(call):
                named.draw(step)
            self._foot(call, named)
        else:
            for step in self._steps(call):
                print(json.dumps({"call": call.linkedid, **step.to_dict()}))
            self._channels(call)

    def more(self, call: CallTrace) -> None:
        """The steps of a call that were not shown yet."""
        if self._ladder is None:
            self._ladder = Ladder(self._width, began=call.started, lanes=4)
            if not self._as_json:
                self._head(call)
        for step in self._steps(call):
            if id(step) in self._shown:
                continue
            self._shown.add(id(step))
            if self._as_json:
                print(json.dumps({"call": call.linkedid, **step.to_dict()}), flush=True)
            else:
                for line in self._ladder.draw(step):
                    self._line(line)

    def end(self, call: CallTrace) -> None:
        """What there is to say of a call that is over."""
        if self._as_json:
            self._channels(call)
        else:
            self._foot(call, self._ladder or Ladder(self._width))

    def note(self, text: str) -> None:
        """Something that is no step."""
        say(text)

    def _steps(self, call: CallTrace) -> Iterator[CallStep]:
        return (step for step in call.steps if step.kind not in self._without)

    def _channels(self, call: CallTrace) -> None:
        told = call.to_dict()
        print(json.dumps({name: told[name] for name in ("linkedid", "linkedids", "started", "ended", "channels")}))

    def _head(self, call: CallTrace) -> None:
        self._print(self._text(f"call {call.linkedid}, began {_clock(call.started)}", "bold"))

    def _foot(self, call: CallTrace, ladder: Ladder) -> None:
        ended = call.ended
        lasted = "it is not over" if ended is None else f"over after {ended - call.started:.1f} s"
        links = f", linked ids {', '.join(call.linkedids)}" if len(call.linkedids) > 1 else ""
        self._print(self._text(f"{lasted}{links}", "bold"))
        for each in call.channels:
            until = ended if each.ended is None else each.ended
            if each.answered is not None and until is not None:
                answered = f"up for {until - each.answered:.1f} s"
            else:
                answered = "was there before" if each.was_there else "never up"
            cause = "" if each.cause is None else f", {each.cause} {each.cause_text}"
            label = ladder.label(each.uniqueid) or "-"
            self._print(self._text(f"  {label:2} {each.name}  {each.caller or ''}".rstrip() + f": {answered}{cause}"))

    def _line(self, line: LadderLine) -> None:
        if self._ascii:
            self._print(self._text(line.plain()))
            return
        style = _STYLES.get(line.kind, "")
        text = self._text.assemble((line.time, "dim"), (line.lanes, style), (line.text.rstrip(), style))
        text.rstrip()
        self._print(text)

    def _print(self, text: Text) -> None:
        self._console.print(text)


def _clock(moment: float) -> str:
    """A moment on the clock of this machine."""
    return datetime.fromtimestamp(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
