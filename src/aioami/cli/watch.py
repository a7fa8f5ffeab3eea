"""What `events` and `replay` do with each event: show it or count it, until it is enough."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Final

import async_timeout
import typer

from aioami import Disconnected, Event, EventsLost, EventStream, Manager, Reconnected

from .common import say
from .filters import Filter
from .showing import Counts, Form, Printer

if TYPE_CHECKING:
    from rich.live import Live

__all__ = ["Brief", "Count", "Limit", "Watch", "form_of", "hint_at_names"]

_REFRESH: Final = 0.25  # seconds

Brief = Annotated[bool, typer.Option("--brief", "-b", help="One line for each event.")]
Count = Annotated[bool, typer.Option("--count", help="Count them by name instead, in a live table.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Stop after so many events.")]


def form_of(as_json: bool, brief: bool) -> Form:
    """The form that the options ask for."""
    if as_json and brief:
        raise typer.BadParameter("--json and --brief are two forms; choose one")
    return Form.JSON if as_json else Form.BRIEF if brief else Form.FULL


def hint_at_names(chosen: Filter) -> None:
    """Say which names are no events of Asterisk's: they may be a user's own, or misspelt."""
    from .completion import event_names

    known = {name.lower(): name for name in event_names()}
    for name in chosen.names:
        if name.lower() in known or any(sign in name for sign in "*?["):
            continue
        if name.lower() in ("disconnected", "reconnected"):
            continue
        from difflib import get_close_matches

        close = get_close_matches(name.lower(), known, n=1)
        meant = f"; did you mean {known[close[0]]}?" if close else ""
        say(f"no event of Asterisk is called {name}{meant}")


class Watch:
    """Shows or counts the events that are wanted.

    Args:
        chosen: which are wanted.
        form: how they are shown.
        counting: whether they are counted instead.
        limit: how many are enough; `None` is no limit.
    """

    def __init__(self, chosen: Filter, form: Form, *, counting: bool = False, limit: int | None = None) -> None:
        self._chosen = chosen
        self._printer = Printer(form)
        self._counts = Counts() if counting else None
        self._left = limit
        self._live: Live | None = None

    def take(self, event: Event, at: float | None = None) -> bool:
        """Show or count an event if it is wanted, and return whether it is enough.

        Args:
            event: the event.
            at: when it came, in seconds since 1970; now if left out.
        """
        if not self._chosen(event):
            return False
        if self._counts is not None:
            self._counts.add(event.name)
        else:
            self._printer.event(event, at)
        if self._left is not None:
            self._left -= 1
        return self._left == 0

    async def follow(self, mgr: Manager, seconds: float | None = None) -> None:
        """Connect, and take the events of a server until it is enough, or the time is up.

        Args:
            mgr: the manager, which is closed in the end.
            seconds: how long; `None` is no limit.

        Raises:
            ManagerError: as `Manager.connect` and streams raise it.
        """
        # Who reads JSON is told of the link in its place; others by what the library logs.
        unwanted = () if self._printer.form is Form.JSON else (Disconnected, Reconnected)
        names = self._chosen.names
        with mgr.events(*names, where=self._chosen, maxsize=100_000, on_loss="raise") as stream:
            async with self.running():
                try:
                    async with mgr:
                        await self._take_all(stream, seconds, unwanted)
                finally:
                    if self._counts is not None:  # what has come is counted, also where it is interrupted
                        with contextlib.suppress(EventsLost):
                            while stream.pending and self._left != 0:
                                event = await stream.__anext__()
                                if not isinstance(event, unwanted):
                                    self.take(event)

    async def _take_all(
        self, stream: EventStream[Event], seconds: float | None, unwanted: tuple[type[Event], ...]
    ) -> None:
        ended = None if seconds is None else asyncio.get_running_loop().time() + seconds
        while True:
            try:
                async with async_timeout.timeout_at(ended) as limited:
                    async for event in stream:
                        if not isinstance(event, unwanted) and self.take(event):
                            return
                return
            except EventsLost as lost:
                if lost.count:
                    say(str(lost))
            except asyncio.TimeoutError:
                if not limited.expired:
                    raise
                return

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While it lasts, counts are shown live where there is a terminal; at its end they are written once."""
        if self._counts is None:
            yield
            return
        refreshing = asyncio.create_task(self._refresh()) if self._is_live else None
        try:
            yield
        finally:
            if refreshing is not None:
                refreshing.cancel()
                await asyncio.gather(refreshing, return_exceptions=True)
            if self._printer.form is Form.JSON:
                print(json.dumps(self._counts.to_dict()), flush=True)
            else:
                self._printer.show(self._counts.table())

    @property
    def _is_live(self) -> bool:
        return self._printer.form is not Form.JSON and self._printer.console.is_terminal

    async def _refresh(self) -> None:
        from rich.live import Live

        assert self._counts is not None
        console = self._printer.console
        with Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stderr=sys.stderr.isatty(),
            redirect_stdout=False,
        ) as live:
            while True:
                live.update(self._counts.table(console.height - 1), refresh=True)
                await asyncio.sleep(_REFRESH)
