"""Printing or counting of events until a limit, for `events`, `record` and `replay`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import warnings
from collections.abc import AsyncIterator, Iterable
from typing import Final

import async_timeout
import typer

from aioami import (
    Disconnected,
    Event,
    EventsLost,
    EventStream,
    Fleet,
    Manager,
    Reconnected,
    UnknownEventName,
)
from aioami.events import misnamed

from .filters import Filter
from .output import Counts, Form, Printer
from .process import notify

__all__ = ["Watch", "form_of", "suggest_names"]

_REFRESH: Final = 0.25  # seconds


def form_of(as_json: bool, brief: bool) -> Form:
    """Return the form of output that the options choose."""
    if as_json and brief:
        raise typer.BadParameter("--json and --brief are two forms; choose one")
    return Form.JSON if as_json else Form.BRIEF if brief else Form.FULL


def suggest_names(names: Iterable[str], version: str = "") -> None:
    """Notify the user of event names that do not exist, and suggest the right names.

    Args:
        names: names and patterns.
        version: the server's AMI version, once it is known. With it, the user is notified only of
            events that no server of that version sends.
    """
    for name in names:
        wrong = misnamed(name, version=version)
        if wrong is not None and not (version and misnamed(name)):
            notify(wrong)


def _versions(source: Manager | Fleet) -> set[str]:
    """Return the AMI versions of the servers, as far as they are known."""
    if isinstance(source, Manager):
        return {source.version}
    return {health.version for health in source.health().values()} - {""}


class Watch:
    """Prints or counts the events that a filter lets through.

    Args:
        chosen: the filter.
        form: the form of output.
        counting: counts the events instead of printing them.
        limit: the number of events after which to stop; `None` is no limit.
    """

    def __init__(
        self,
        chosen: Filter,
        form: Form,
        *,
        counting: bool = False,
        limit: int | None = None,
    ) -> None:
        self._chosen = chosen
        self._printer = Printer(form)
        self._counts = Counts() if counting else None
        self._left = limit

    def take(self, event: Event, at: float | None = None) -> bool:
        """Print or count an event if the filter lets it through; return true at the limit.

        Args:
            event: the event.
            at: its time in seconds since 1970; now if left out.
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

    async def follow(self, source: Manager | Fleet, seconds: float | None = None) -> None:
        """Connect, and take the events until the limit or the end of the time.

        Args:
            source: the manager, or the fleet, which is closed at the end.
            seconds: the time; `None` is no limit.

        Raises:
            ManagerError: as `Manager.connect` and streams raise it.
        """
        # A program that reads JSON gets the state of the link as events. People read the
        # library's messages instead.
        unwanted = () if self._printer.form is Form.JSON else (Disconnected, Reconnected)
        names = self._chosen.names
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnknownEventName)  # `suggest_names` notifies the user
            stream = source.events(*names, where=self._chosen, maxsize=100_000, on_loss="raise")
        with stream:
            async with self.running():
                try:
                    async with source:
                        for version in _versions(source):
                            suggest_names(names, version)
                        await self._take_all(stream, seconds, unwanted)
                finally:
                    # Events that came before an interruption are in the counts.
                    if self._counts is not None:
                        await self._take_pending(stream, unwanted)

    async def _take_all(
        self, stream: EventStream[Event], seconds: float | None, unwanted: tuple[type[Event], ...]
    ) -> None:
        end = None if seconds is None else asyncio.get_running_loop().time() + seconds
        while True:
            try:
                async with async_timeout.timeout_at(end) as limited:
                    async for event in stream:
                        if not isinstance(event, unwanted) and self.take(event):
                            return
                return
            except EventsLost as lost:
                if lost.count:
                    notify(str(lost))
            except asyncio.TimeoutError:
                if not limited.expired:
                    raise
                return

    async def _take_pending(
        self,
        stream: EventStream[Event],
        unwanted: tuple[type[Event], ...],
    ) -> None:
        with contextlib.suppress(EventsLost):
            while stream.pending and self._left != 0:
                event = await anext(stream)
                if not isinstance(event, unwanted):
                    self.take(event)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Refresh the counts on a terminal during the `async with`; print them once at its end."""
        if self._counts is None:
            yield
            return
        is_live = self._printer.form is not Form.JSON and self._printer.console.is_terminal
        refreshing = asyncio.create_task(self._refresh(self._counts)) if is_live else None
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

    async def _refresh(self, counts: Counts) -> None:
        from rich.live import Live

        console = self._printer.console
        with Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stderr=sys.stderr.isatty(),
            redirect_stdout=False,
        ) as live:
            while True:
                live.update(counts.table(console.height - 1), refresh=True)
                await asyncio.sleep(_REFRESH)
