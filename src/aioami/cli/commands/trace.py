"""`aioami trace`: one call as a ladder, from a recording or a server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aioami import Event, EventStream, ManagerLike, PermissionDenied, Reconnected, core, events

from ..options import Json, Url
from ..output import clean, local_time
from ..process import ExitCode, notify, run_to_end
from ..server import Address, manager, ready

if TYPE_CHECKING:
    from aioami.calls import CallStep, CallTrace, CallTracer, Ladder, LadderLine

__all__ = ["trace"]

_CHANNEL: Final = "unique id, name, or begin of the name (PJSIP/alice)"
_WIDTH: Final = 100  # columns of the ladder where the output is no terminal
_MOMENT: Final = "%Y-%m-%d %H:%M:%S"
_KEPT: Final = 200  # ended calls that are kept
_STYLES: Final = {
    **{"new": "bold", "there": "bold"},
    **{"dial": "cyan", "progress": "cyan", "answered": "green", "up": "green"},
    **{"bridge": "green", "unbridge": "dim", "queue": "blue", "agent": "blue"},
    **{"transfer": "magenta", "park": "magenta", "pickup": "magenta"},
    **{"request": "yellow", "failed": "red", "hangup": "red", "gone": "red"},
    **{"local": "dim", "dialplan": "dim", "hold": "dim"},
}


def trace(
    call: Annotated[
        str | None,
        typer.Argument(help=f"Its linked id, or a channel's {_CHANNEL}."),
    ] = None,
    url: Url = None,
    recording: Annotated[
        Path | None,
        typer.Option(
            "--from",
            exists=True,
            dir_okay=False,
            help="A recording, instead of a server.",
            metavar="FILE",
        ),
    ] = None,
    following: Annotated[
        bool, typer.Option("--next", help="Wait for the next call; with CALL, for the next of it.")
    ] = False,
    everything: Annotated[
        bool,
        typer.Option("--all", help="With each step in the dialplan."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Show one call as a ladder of channels, dials, bridges and hang-up causes;
    without CALL, say which calls there are.

    Of a server it is shown from now on, until it is over.
    """
    printer = _CallPrinter(as_json=as_json, everything=everything)
    if recording is not None:
        if following:
            raise typer.BadParameter(
                "--next waits for a call on a server, and --from reads a recording",
            )
        return _trace_recording(recording, call, printer)
    return run_to_end(_trace_server(url, call, following, printer))


def _trace_recording(path: Path, call: str | None, printer: _CallPrinter) -> int:
    from aioami.calls import CallTracer
    from aioami.testing import Recording

    recording = Recording.load(path)
    began = _epoch(recording.started)
    tracer = CallTracer()
    for entry in recording.entries:
        if entry.direction == "received" and entry.data.startswith("Event: "):
            tracer.take(events.parse(entry.data), began + entry.time)
    if call is None:
        printer.overview(tracer.calls())
        return ExitCode.DONE
    found = tracer.find(call)
    if found is None:
        notify(f"no call {call} is in this recording; without CALL its calls are listed")
        return ExitCode.FAILED
    printer.whole(found)
    return ExitCode.DONE


def _epoch(started: str) -> float:
    """Return the beginning of a recording in seconds since 1970; 0 if it has no date."""
    try:
        return datetime.fromisoformat(started.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


async def _trace_server(
    url: Address,
    call: str | None,
    following: bool,
    printer: _CallPrinter,
) -> int:
    from aioami.calls import CALL_EVENTS, CallTracer

    mgr = manager(url, events=True)
    tracer = CallTracer(keep=_KEPT)
    with mgr.events(*CALL_EVENTS, Reconnected, maxsize=None) as stream:
        async with ready(mgr):
            await _take_channels(mgr, tracer)
            if call is None and not following:
                printer.overview(tracer.calls())
                return ExitCode.DONE
            linkedid = None
            if not following:
                assert call is not None
                found = tracer.find(call)
                if found is None:
                    notify(f"no call {call} is in progress; --next waits for the next one")
                    return ExitCode.FAILED
                linkedid = found.linkedid
                printer.update(found)
            return await _follow(mgr, stream, tracer, linkedid, call, printer)


async def _take_channels(mgr: ManagerLike, tracer: CallTracer) -> list[str] | None:
    """Feed the existing channels to the tracer and return their unique ids;
    `None` if the user may not list them.
    """
    try:
        channels = await mgr.send(core.CoreShowChannels())
    except PermissionDenied:
        refused = "this user may not list the channels (write class reporting or system)"
        notify(f"{refused}: calls are known from now on only")
        return None
    for item in channels.events:
        tracer.take(item, time.time())
    return [item.get("Uniqueid", "") for item in channels.events]


async def _follow(
    mgr: ManagerLike,
    stream: EventStream[Event],
    tracer: CallTracer,
    linkedid: str | None,
    call: str | None,
    printer: _CallPrinter,
) -> int:
    """Print the steps of a call as they come, until it is over.

    Args:
        mgr: the manager.
        stream: the events of calls.
        tracer: knows the calls so far.
        linkedid: the call; `None` waits for a new one.
        call: the argument CALL that the new call must fit; `None` takes any call.
        printer: prints the steps.
    """
    known = {each.linkedid for each in tracer.calls()}
    over = False
    while not over or stream.pending:
        event = await anext(stream, None)
        if event is None:
            return ExitCode.NOT_REACHED
        if isinstance(event, Reconnected):
            again = "the link to the server was lost, and stands again"
            notify(f"{again}: what happened meanwhile is not known")
            present = await _take_channels(mgr, tracer)
            changed = linkedid if present is not None else None
            if present is not None:
                tracer.missing(present, time.time())
        else:
            changed = tracer.take(event, time.time())
        if changed is None:
            continue
        if linkedid is None and changed not in known:
            found = tracer.find(call) if call is not None else tracer.find(changed)
            if found is not None and found.linkedid not in known:
                linkedid = found.linkedid
        if linkedid is None or not tracer.is_one_call(changed, linkedid):
            continue
        now = tracer.find(linkedid)
        if now is not None:
            printer.update(now)
            if now.is_over and not over:
                over = True
                # The last events of the call come before this response.
                await mgr.send(core.Ping())
    final = tracer.find(linkedid) if linkedid is not None else None
    if final is not None:
        printer.end(final)
    return ExitCode.DONE


class _CallPrinter:
    """Prints calls as ladders, or as JSON."""

    def __init__(self, *, as_json: bool, everything: bool) -> None:
        from rich.console import Console

        self._as_json = as_json
        self._hidden = frozenset() if everything else frozenset({"dialplan"})
        self._console = Console(highlight=False, soft_wrap=True)
        self._ascii = not (self._console.encoding or "").lower().startswith("utf")
        width = self._console.width if self._console.is_terminal else _WIDTH
        self._width = min(max(width, 60), 160)
        self._ladder: Ladder | None = None
        self._printed: set[int] = set()

    def overview(self, calls: list[CallTrace]) -> None:
        """Print a line for each call."""
        for each in calls:
            if self._as_json:
                fields = each.to_dict()
                print(json.dumps({name: fields[name] for name in fields if name != "steps"}))
                continue
            first = each.channels[0]
            others = f", and {len(each.channels) - 1} more" if len(each.channels) > 1 else ""
            over = each.is_over
            lasted = f"{(each.ended or 0) - each.started:9.1f} s" if over else "   is on   "
            began = local_time(each.started, _MOMENT)
            self._print(f"{each.linkedid}  {began} {lasted}  {first.name}{others}")
        if not calls and not self._as_json:
            self._print("no calls")

    def whole(self, call: CallTrace) -> None:
        """Print a finished or recorded call at once."""
        if self._as_json:
            for step in self._steps(call):
                print(json.dumps({"call": call.linkedid, **step.to_dict()}))
            self._print_channels_json(call)
            return
        from aioami.calls import Ladder

        self._print_head(call)
        for line in call.ladder(self._width, without=self._hidden):
            self._print_line(line)
        named = Ladder(self._width)
        for step in self._steps(call):
            named.draw(step)
        self._print_foot(call, named)

    def update(self, call: CallTrace) -> None:
        """Print the steps of a call that were not printed yet."""
        if self._ladder is None:
            from aioami.calls import Ladder

            self._ladder = Ladder(self._width, began=call.started, lanes=4)
            if not self._as_json:
                self._print_head(call)
        for step in self._steps(call):
            if id(step) in self._printed:
                continue
            self._printed.add(id(step))
            if self._as_json:
                print(json.dumps({"call": call.linkedid, **step.to_dict()}), flush=True)
            else:
                for line in self._ladder.draw(step):
                    self._print_line(line)

    def end(self, call: CallTrace) -> None:
        """Print the summary of a call that is over."""
        if self._as_json:
            self._print_channels_json(call)
        elif self._ladder is not None:
            self._print_foot(call, self._ladder)

    def _steps(self, call: CallTrace) -> Iterator[CallStep]:
        return (step for step in call.steps if step.kind not in self._hidden)

    def _print_channels_json(self, call: CallTrace) -> None:
        fields = call.to_dict()
        names = ("linkedid", "linkedids", "started", "ended", "channels")
        print(json.dumps({name: fields[name] for name in names}))

    def _print_head(self, call: CallTrace) -> None:
        self._print(f"call {call.linkedid}, began {local_time(call.started, _MOMENT)}", "bold")

    def _print_foot(self, call: CallTrace, ladder: Ladder) -> None:
        ended = call.ended
        lasted = "it is not over" if ended is None else f"over after {ended - call.started:.1f} s"
        links = f", linked ids {', '.join(call.linkedids)}" if len(call.linkedids) > 1 else ""
        self._print(f"{lasted}{links}", "bold")
        for each in call.channels:
            until = ended if each.ended is None else each.ended
            if each.answered is not None and until is not None:
                answered = f"up for {until - each.answered:.1f} s"
            else:
                answered = "was there before" if each.was_there else "never up"
            cause = "" if each.cause is None else f", {each.cause} {each.cause_text}"
            label = ladder.label(each.uniqueid) or "-"
            channel = f"  {label:2} {each.name}  {each.caller or ''}".rstrip()
            self._print(f"{channel}: {answered}{cause}")

    def _print_line(self, line: LadderLine) -> None:
        if self._ascii:
            self._print(line.plain())
            return
        from rich.text import Text

        style = _STYLES.get(line.kind, "")
        parts = ((line.time, "dim"), (line.lanes, style), (clean(line.text.rstrip()), style))
        text = Text.assemble(*parts)
        text.rstrip()
        self._console.print(text)

    def _print(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self._console.print(Text(clean(text), style))
