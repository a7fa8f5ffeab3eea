"""Live views for a notebook: events as they arrive, and the progress of a long list.

Example::

    from aioami import notebook

    await notebook.watch(mgr.events("Queue*"), seconds=30)

    async for item in notebook.progress(mgr.stream(core.QueueStatus())):
        ...

Outside of a notebook both write plain lines. Neither needs a package beyond IPython, which every
notebook has.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from importlib import import_module
from typing import Any, TypeVar

import async_timeout

from ._client.streams import EventStream
from ._show.html import BOILERPLATE, NO_VALUES, cell, clean, note, pill, table
from .errors import ManagerError
from .events.base import Event
from .wire.redaction import redact_value

__all__ = ["progress", "watch"]

EventT = TypeVar("EventT", bound=Event)
ItemT = TypeVar("ItemT")

_PAIRS = 8  # headers of an event that its line shows
_KINDS = 8  # names of events whose counts are shown
_BAR = 30  # characters
_TONES = {
    "watching": "active",
    "reading": "active",
    "done": "good",
    "complete": "good",
    "stopped": "away",
    "failed": "bad",
}
# Every event of a channel repeats these headers: they would fill the line.
_SNAPSHOT = (
    *(
        "accountcode",
        "calleridname",
        "chanvariable",
        "connectedlinename",
        "connectedlinenum",
        "context",
        "exten",
    ),
    *("language", "linkedid", "priority", "uniqueid"),
)
_LONG = BOILERPLATE.union(
    _SNAPSHOT, (f"dest{each}" for each in (*_SNAPSHOT, "calleridnum", "channelstate"))
)


async def watch(
    stream: EventStream[EventT],
    *,
    seconds: float | None = None,
    count: int | None = None,
    rows: int = 20,
    columns: Sequence[str] = (),
    refresh: float = 0.25,
    into: list[EventT] | None = None,
) -> None:
    """Show the events of a stream in a table as they arrive; outside of a notebook, a line each.

    It ends with the stream, after `seconds` or `count` events, or when it is cancelled, for example
    by interrupting the cell. The last table stays. The stream stays open, unless nothing else
    refers to it.

    Args:
        stream: the events to watch, such as `mgr.events("Queue*")`.
        seconds: the time to watch; `None` is no limit.
        count: the number of events to watch; `None` is no limit.
        rows: the number of latest events in the table.
        columns: headers to show, one column each; left out, the first few headers of each event
            stand beside its name.
        refresh: the least number of seconds between two updates of the table.
        into: a list to which every event is added; an `EventList` offers `to_pandas()` later.

    Raises:
        ValueError: a number is too small; the message names it.
        ConnectionLost, EventsLost: as the stream itself raises them.
    """
    _at_least("seconds", seconds, 0)
    _at_least("count", count, 1)
    _at_least("rows", rows, 1)
    _at_least("refresh", refresh, 0.01)
    view = _Watched(rows, columns)
    screen = _Screen()
    loop = asyncio.get_running_loop()
    ends = None if seconds is None else loop.time() + seconds
    due: float | None = loop.time() if screen.changes else None
    state = "stopped"
    try:
        while count is None or view.count < count:
            now = loop.time()
            if ends is not None and now >= ends:
                break
            if due is not None and now >= due:
                screen.show(view.html("watching", stream), view.text("watching", stream))
                due = now + refresh
            wakes = min((each for each in (ends, due) if each is not None), default=None)
            try:
                async with async_timeout.timeout_at(wakes):
                    event = await stream.__anext__()
            except StopAsyncIteration:
                break
            except asyncio.TimeoutError as error:
                if isinstance(error, ManagerError):
                    raise
                continue
            view.add(event)
            if into is not None:
                into.append(event)
            if not screen.changes:
                print(view.line(event))
        state = "done"
    except ManagerError:
        state = "failed"
        raise
    finally:
        if screen.changes:
            screen.show(view.html(state, stream), view.text(state, stream))
        else:
            print(view.status(state, stream))


async def progress(
    items: AsyncIterable[ItemT], *, total: int | None = None, label: str = "", refresh: float = 0.1
) -> AsyncIterator[ItemT]:
    """Yield the items of a long list as they arrive, with a progress bar that counts them.

    Asterisk gives the number of items only at the end of the list. Without a `total`, the display
    shows only the number of items so far and the seconds. Outside of a notebook it is a line on the
    standard error output, which is updated in place in a terminal.

    Args:
        items: `mgr.stream(action)`, or anything else for `async for`.
        total: the number of items, if it is known.
        label: the text before the bar; the action's name if left out.
        refresh: the least number of seconds between two updates of the bar.

    Raises:
        ValueError: a number is too small; the message names it.
        Exception: any error of the items themselves; the bar shows the failure first.
    """
    _at_least("total", total, 0)
    _at_least("refresh", refresh, 0.01)
    if not label and isinstance(items, EventStream):
        label = str(items.selection)
    bar = _Bar(label, total)
    screen = _Screen()
    due = 0.0
    state = "stopped"
    try:
        async for item in items:
            bar.count += 1
            now = time.monotonic()
            if now >= due:
                screen.show(bar.html("reading"), bar.text("reading"))
                due = now + refresh
            yield item
        state = "complete"
    except Exception:
        state = "failed"
        raise
    finally:
        screen.finish(bar.html(state), bar.text(state))


def _at_least(name: str, value: float | None, least: float) -> None:
    if value is not None and not value >= least:
        raise ValueError(f"{name}: at least {least}, not {value}")


class _Screen:
    """A place on the screen where each output replaces the one before.

    Attributes:
        changes: true in a notebook. A program that has not loaded IPython runs in no notebook.
    """

    def __init__(self) -> None:
        ipython = sys.modules.get("IPython")
        shell: Any = ipython.get_ipython() if ipython is not None else None
        self.changes = getattr(shell, "kernel", None) is not None
        self._handle: Any = None
        self._width = 0

    def show(self, html: str, text: str) -> None:
        """Show an interim state: HTML in a notebook, a line of text in a terminal."""
        if self.changes:
            self._show(html, text)
        elif sys.stderr.isatty():
            print(f"\r{text.ljust(self._width)}", end="", file=sys.stderr, flush=True)
            self._width = len(text)

    def finish(self, html: str, text: str) -> None:
        """Show the final state, which stays."""
        if self.changes:
            self._show(html, text)
        else:
            self.show(html, text)
            print("" if sys.stderr.isatty() else text, file=sys.stderr)

    def _show(self, html: str, text: str) -> None:
        content = {"text/html": html, "text/plain": text}
        if self._handle is None:
            display: Any = import_module("IPython.display").display
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


class _Watched:
    """The last events, and the number of events of each kind."""

    def __init__(self, rows: int, columns: Sequence[str]) -> None:
        self.count = 0
        self._columns = columns
        self._began = time.monotonic()
        self._kinds: Counter[str] = Counter()
        self._last: deque[tuple[str, Event]] = deque(maxlen=rows)

    def add(self, event: Event) -> None:
        self.count += 1
        self._kinds[event.name] += 1
        self._last.appendleft((time.strftime("%H:%M:%S"), event))

    def status(self, state: str, stream: EventStream[Any]) -> str:
        """The progress, in a line."""
        return f"{state}: {self._counts(stream)}"

    def _counts(self, stream: EventStream[Any]) -> str:
        seconds = time.monotonic() - self._began
        parts = [f"{self.count:,} events in {seconds:.1f} s"]
        parts += [f"{stream.dropped:,} dropped"] if stream.dropped else []
        parts += [f"{stream.gaps:,} gaps"] if stream.gaps else []
        return ", ".join(parts)

    def text(self, state: str, stream: EventStream[Any]) -> str:
        """The progress and the last events as plain text."""
        return "\n".join(
            [self.status(state, stream), *(self.line(event, when) for when, event in self._last)]
        )

    def line(self, event: Event, when: str | None = None) -> str:
        """An event as a line of plain text."""
        shown = [
            f"{name}={redact_value(name, value, event.find)}" for name, value in self._wanted(event)
        ]
        line = " ".join([when or time.strftime("%H:%M:%S"), event.name, *shown])
        return line.encode("utf-8", "backslashreplace").decode()

    def html(self, state: str, stream: EventStream[Any]) -> str:
        """The progress, the counts and the last events as HTML."""
        kinds = [
            f"{clean(name)} {note(f'{count:,}')}" for name, count in self._kinds.most_common(_KINDS)
        ]
        kinds += ["…"] if len(self._kinds) > _KINDS else []
        first = f"<div>{pill(state, _TONES[state])} {self._counts(stream)}</div>"
        head = f"{first}<div>{' · '.join(kinds)}</div>"
        rows = []
        for when, event in self._last:
            pairs = self._wanted(event)
            if self._columns:
                cells = [cell(event, name, value, brief=True) for name, value in pairs]
            else:
                cells = [
                    "&ensp;".join(
                        f"{note(name)} {cell(event, name, value, brief=True)}"
                        for name, value in pairs
                    )
                ]
            rows.append([note(when), f"<b>{clean(event.name)}</b>", *cells])
        heads = ["", "", *(map(clean, self._columns) if self._columns else ("",))]
        return f"<div>{head}{table(rows, heads)}</div>"

    def _wanted(self, event: Event) -> list[tuple[str, str]]:
        """The headers of an event that are shown."""
        if self._columns:
            return [(name, event.get(name, "")) for name in self._columns]
        parts = [
            (name, value)
            for name, value in event.headers
            if name.lower() not in _LONG and value not in NO_VALUES
        ]
        return parts[:_PAIRS]


class _Bar:
    """A progress bar with the number of items and the seconds."""

    def __init__(self, label: str, total: int | None) -> None:
        self.count = 0
        self._label = label
        self._total = total
        self._began = time.monotonic()

    def _counts(self) -> str:
        seconds = time.monotonic() - self._began
        known = f" of {self._total:,}" if self._total is not None else ""
        return f"{self.count:,}{known} items in {seconds:.1f} s"

    def text(self, state: str) -> str:
        """The bar as a line of text."""
        bar = ""
        if self._total:
            full = min(_BAR, _BAR * self.count // self._total)
            bar = f"[{'#' * full}{'.' * (_BAR - full)}] "
        return " ".join(filter(None, [self._label, f"{bar}{self._counts()}, {state}"]))

    def html(self, state: str) -> str:
        """The bar as HTML."""
        over = state != "reading"
        total = self._total or (max(self.count, 1) if over else None)
        value = f' value="{min(self.count, total)}" max="{total}"' if total else ""
        bar = f'<progress{value} style="width: 20em; vertical-align: middle"></progress>'
        return (
            f"<div>{clean(self._label)} {bar} {self._counts()} {pill(state, _TONES[state])}</div>"
        )
