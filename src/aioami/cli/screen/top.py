"""The full screen, made with Textual."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.coordinate import Coordinate
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import DataTable, Footer, Input, Sparkline, Static

from aioami import (
    Disconnected,
    Event,
    EventsLost,
    Fleet,
    Manager,
    ManagerError,
    ManagerLike,
    ManagerState,
    Reconnected,
    core,
)
from aioami.live import DEFAULT_PARTS, Live, PartName

from ..output import clean
from .rows import COLUMNS, ROWS, Row, badge, details, elapsed, event_rows, matching

__all__ = ["PARTS", "Details", "Question", "Seen", "Table", "Top"]

_REFRESH: Final = 0.5  # seconds
_KEPT: Final = 2_000  # events
_SHOWN: Final = 300  # rows of a table
_HISTORY: Final = 120  # seconds of the event rate
_TITLES: Final = {
    "calls": "Calls",
    "channels": "Channels",
    "ended": "Ended",
    "queues": "Queues",
    "parking": "Parked",
    "conferences": "Conferences",
    "endpoints": "Phones",
    "mailboxes": "Messages",
    "registrations": "Trunks",
    "bridges": "Bridges",
    "events": "Events",
}
_PANES: Final = (
    ("calls", "channels", "ended"),
    ("queues", "parking", "conferences"),
    ("endpoints", "mailboxes", "registrations", "bridges"),
    ("events",),
)
"""The tables, of which one in each pane is shown."""
PARTS: Final[tuple[PartName, ...]] = (
    *DEFAULT_PARTS,
    *("parking", "conferences", "endpoints", "mailboxes", "registrations"),
)
"""The parts of the live state that are shown."""
_EMPTY: Final = {
    "calls": "nobody is on the phone",
    "channels": "nobody is on the phone",
    "ended": "no call has ended since the begin",
    "queues": "there are no queues",
    "parking": "no call is parked",
    "conferences": "nobody is in a conference",
    "endpoints": "there are no PJSIP endpoints",
    "mailboxes": "there are no mailboxes",
    "registrations": "this server registers nowhere",
    "bridges": "nobody is connected with anybody",
    "events": "nothing has happened yet",
}
_PARTS: Final = {"calls": "channels", "ended": "channels"}  # the parts of tables with other names


@dataclass
class Seen:
    """A server that is shown.

    Attributes:
        mgr: its manager.
        live: its live state.
        since: seconds since 1970, when its link entered its state; 0 where unknown.
    """

    mgr: ManagerLike
    live: Live
    since: float = 0.0


class Table(DataTable[Text]):
    """Table of the present rows; the cursor stays on its row for as long as that exists."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Details", show=True),
        Binding("right", "app.turn(1)", "Next table", key_display="←→"),
        Binding("left", "app.turn(-1)", "Table before", show=False),
    ]

    def __init__(self, name: str, *, of_fleet: bool = False) -> None:
        super().__init__(id=name, cursor_type="row", zebra_stripes=False)
        self.rows_shown: list[Row] = []
        self.border_title = _TITLES[name]
        self._columns_before = ("On",) if of_fleet else ()

    def on_mount(self) -> None:
        """Add the columns; for a fleet, the column of the server is the first."""
        for title in (*self._columns_before, *COLUMNS[self.id or ""]):
            self.add_column(title, key=title)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        if 0 <= self.cursor_row < len(self.rows_shown):
            return self.rows_shown[self.cursor_row]
        return None

    def fill(self, rows: list[Row]) -> None:
        """Show these rows; only changed cells are drawn if the rows are the same."""
        rows = rows[:_SHOWN]
        if [row.key for row in self.rows_shown] == [row.key for row in rows]:
            self._update_cells(rows)
        else:
            self._replace(rows)

    def _update_cells(self, rows: list[Row]) -> None:
        for line, (old, new) in enumerate(zip(self.rows_shown, rows, strict=True)):
            for column, (before, cell) in enumerate(zip(old.cells, new.cells, strict=True)):
                if (before.plain, before.style) != (cell.plain, cell.style):
                    self.update_cell_at(Coordinate(line, column), cell, update_width=True)
        self.rows_shown = rows

    def _replace(self, rows: list[Row]) -> None:
        # A cursor at the top stays there, so that new rows are seen. Elsewhere it stays on its row.
        chosen = self.row.key if self.row is not None and self.cursor_row > 0 else None
        offset = self.scroll_y
        self.clear()
        for row in rows:
            self.add_row(*row.cells, key=row.key)
        self.rows_shown = rows
        place = next((line for line, row in enumerate(rows) if row.key == chosen), None)
        if place is not None:
            self.move_cursor(row=place, scroll=False)
            self.scroll_to(y=offset, animate=False)


class Question(ModalScreen[bool]):
    """Dialog for a question; every key but `y` answers no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,enter,q", "answer(False)", "No", key_display="n"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog question"):
            yield Static(Text(self._question))
            answers = Text.assemble(("y", "bold"), " yes    ", ("n", "bold"), " no")
            yield Static(answers, classes="answers")

    def action_answer(self, answer: bool) -> None:
        """Close the dialog with the answer."""
        self.dismiss(answer)


class Details(ModalScreen[None]):
    """Dialog with all fields of a row's object."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "close_dialog", "Close", key_display="esc"),
    ]

    def __init__(self, title: str, text: Text) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog details") as dialog:
            dialog.border_title = _markup(self._title)
            dialog.border_subtitle = "esc closes"
            yield Static(self._text)

    def action_close_dialog(self) -> None:
        """Close the dialog."""
        self.dismiss(None)


class Top(App[None]):
    """Calls, queues, phones, events and the rest of a server, live.

    Args:
        source: the manager, or the fleet, which is connected.
        lives: the live state of the server, or of each server of the fleet by name; it is entered.
        server: the name of the server, or of the fleet.

    Attributes:
        error: the error that ended the link for good, if one did.
        paused: true while only the state of the link is updated.
        wanted: the filter's text or pattern.
    """

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; overflow: hidden; }
    #main { height: 1fr; }
    #status { height: 1; background: $panel; }
    #rate { height: 2; padding: 0 1; }
    #filter { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
    #filter.open { display: block; }
    #left { width: 3fr; }
    #right { width: 2fr; }
    Table {
        border: round $primary-darken-1;
        border-title-color: $accent;
        height: 1fr;
        scrollbar-size: 0 1;
    }
    Table:focus { border: round $accent; }
    Table.turned-away { display: none; }
    Table.stale { opacity: 50%; }
    Table:focus.stale { opacity: 70%; }
    #main.narrow { layout: vertical; }
    #main.narrow #left { width: 100%; height: 3fr; }
    #main.narrow #right { width: 100%; height: 2fr; }
    .dialog { background: $surface; padding: 1 2; }
    Question, Details { align: center middle; }
    .question { width: 60; height: auto; border: round $error; }
    .answers { margin-top: 1; }
    .details { width: 80%; height: auto; max-height: 80%; border: round $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("h", "hang_up", "Hang up"),
        Binding("p,space", "pause", "Pause", key_display="p"),
        Binding("1", "look(0)", "Calls", show=False),
        Binding("2", "look(1)", "Queues", show=False),
        Binding("3", "look(2)", "Phones", show=False),
        Binding("4", "look(3)", "Events", show=False),
        Binding("escape", "no_filter", "No filter", show=False),
        Binding("q,ctrl+c", "quit", "Quit", key_display="q"),
    ]

    def __init__(
        self, source: Manager | Fleet, lives: Live | Mapping[str, Live], server: str
    ) -> None:
        super().__init__()
        self.error: ManagerError | None = None
        self.paused = False
        self.wanted = ""
        self._source, self._lives, self._server = source, lives, server
        self._events: deque[tuple[int, float, Event]] = deque(maxlen=_KEPT)
        self._count = 0
        self._lost = 0
        self._turned = [names[0] for names in _PANES]  # the table of each pane
        self._focused_before: Widget | None = None
        self._rates: deque[float] = deque([0.0] * _HISTORY, maxlen=_HISTORY)
        self._measured = time.monotonic()
        self._events_before = self._total_events()
        self._messages = _MessageHandler(self)

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        yield Sparkline(list(self._rates), id="rate")
        with Horizontal(id="main"):
            for side, panes in (("left", _PANES[:2]), ("right", _PANES[2:])):
                with Vertical(id=side):
                    for name in itertools.chain(*panes):
                        table = Table(name, of_fleet=isinstance(self._source, Fleet))
                        yield table.set_class(name not in self._turned, "turned-away")
        yield Input(
            placeholder="a text, or a pattern as PJSIP/alice-*; enter keeps it, esc takes it away",
            id="filter",
        )
        yield Footer()

    def on_mount(self) -> None:
        """Follow the server's events, and refresh the screen at intervals."""
        logging.getLogger("aioami").addHandler(self._messages)
        self.on_resize()
        self.run_worker(self._follow(), exit_on_error=False)
        self.set_interval(_REFRESH, self.show)
        self.set_interval(1.0, self._measure)
        self.query_one("#calls").focus()
        self.show()

    def on_unmount(self) -> None:
        """Remove the handler of the library's messages."""
        logging.getLogger("aioami").removeHandler(self._messages)

    def on_resize(self) -> None:
        """Put the two halves below each other on a narrow screen."""
        for main in self.query("#main"):
            main.set_class(self.size.width < 110, "narrow")

    async def _follow(self) -> None:
        with self._source.events(maxsize=20_000, on_loss="raise") as stream:
            while True:
                try:
                    async for event in stream:
                        if not isinstance(event, (Disconnected, Reconnected)):
                            self._count += 1
                            self._events.appendleft((self._count, time.time(), event))
                        if not stream.pending:
                            await asyncio.sleep(0)
                    break
                except EventsLost as lost:
                    self._lost += lost.count
                except ManagerError as error:
                    self.error = error
                    break
        self.exit()

    def _measure(self) -> None:
        """Measure the event rate of the last second."""
        now, total = time.monotonic(), self._total_events()
        passed = now - self._measured
        self._rates.append(max(0, total - self._events_before) / passed if passed > 0 else 0.0)
        self._measured, self._events_before = now, total
        if not self.paused:
            for rate in self.query("#rate").results(Sparkline):
                rate.data = list(self._rates)

    # The servers

    def _seen(self) -> dict[str, Seen]:
        """Return the servers at this moment, by name; a single server has an empty name."""
        if isinstance(self._source, Fleet):
            assert isinstance(self._lives, Mapping)
            health = self._source.health()
            return {
                name: Seen(self._source[name], live, health[name].since)
                for name, live in self._lives.items()
                if name in health
            }
        assert isinstance(self._lives, Live)
        return {"": Seen(self._source, self._lives)}

    def _total_events(self) -> int:
        if isinstance(self._source, Fleet):
            return sum(each.events for each in self._source.statistics().values())
        return self._source.statistics().events

    def _rows(self, name: str, seen: Mapping[str, Seen], now: float) -> list[Row]:
        """Return a table's rows of all servers; they are dim if their server is not up to date."""
        rows: list[Row] = []
        for server, each in seen.items():
            own = ROWS[name](each.live, now)
            rows += [_of(server, row, dim=not each.live.synced) for row in own] if server else own
        return rows

    # Output

    def show(self) -> None:
        """Update the screen; while it is paused, the state of the link only."""
        for status in self.query("#status").results(Static):
            status.update(self._status())
        if self.paused:
            return
        now, seen = time.time(), self._seen()
        for names, name in zip(_PANES, self._turned, strict=True):
            # The tables are mounted and removed one after another, so this one may be missing.
            for table in self.query(f"#{name}").results(Table):
                rows = self._rows(name, seen, now) if name in ROWS else list(self._event_rows())
                found = matching(rows, self.wanted)
                table.fill(found)
                table.border_title = self._title(seen, names, name, len(found), len(rows))
                table.border_subtitle = _markup(self._remark(seen, name, len(found)))
                stale = not any(each.live.synced for each in seen.values())
                table.set_class(name in ROWS and stale, "stale")

    def _remark(self, seen: Mapping[str, Seen], name: str, found: int) -> str:
        """Return the remark below a table, such as that it is empty, or not up to date."""
        remarks = {server: _remark(each, name, found) for server, each in seen.items()}
        said = "; ".join(
            f"{server}: {remark}" if server else remark
            for server, remark in remarks.items()
            if remark
        )
        if said or found:
            return said
        return f"nothing fits {self.wanted}" if self.wanted else _EMPTY[name]

    def _event_rows(self) -> Iterator[Row]:
        """Yield rows of the newest events that fit the filter."""
        # Making a row is the largest cost here, so rows without room are not made.
        shown = 0
        for each in list(self._events):
            row = event_rows([each])
            if isinstance(self._source, Fleet):
                row = [_of(each[2].server, row[0])]
            if matching(row, self.wanted):
                yield row[0]
                shown += 1
            if shown == _SHOWN:
                return

    def _title(
        self, seen: Mapping[str, Seen], names: tuple[str, ...], name: str, found: int, total: int
    ) -> str:
        """Return the names of a pane's tables, with the count in the one that is shown."""
        count = f"{total if found == total else f'{found} of {total}'}"
        if name == "events":
            count = str(self._count)
        elif name in ("queues", "conferences"):  # their rows are more than their objects
            count = str(sum(len(getattr(each.live, name)) for each in seen.values()))
        shown = f"{_TITLES[name]} {count}"
        return " · ".join(
            f"[b]{shown}[/b]" if each == name else f"[dim]{_TITLES[each]}[/dim]" for each in names
        )

    def _status(self) -> Text:
        seen = self._seen()
        lives = [each.live for each in seen.values()]
        waiting = sum(len(queue.callers) for live in lives for queue in live.queues.values())
        channels = sum(len(live.channels) for live in lives)
        calls = sum(len(live.calls()) for live in lives)
        recent = list(self._rates)[-10:]
        text = Text(no_wrap=True)
        for server, each in seen.items():
            text.append_text(_state(server or self._server, each, of_fleet=bool(server)))
        text.append(f"   {channels} channels in {calls} calls   {waiting} waiting")
        text.append(f"   {sum(recent) / len(recent):.1f} events a second", "cyan")
        if self._lost:
            text.append(f"   {self._lost} events not seen", "yellow")
        if self.wanted:
            text.append(f"   filter: {clean(self.wanted)}", "reverse")
        if self.paused:
            text.append("   PAUSED ", "bold reverse yellow")
        return text

    # Keys

    @property
    def _table(self) -> Table | None:
        return self.focused if isinstance(self.focused, Table) else None

    def on_data_table_row_selected(self, selected: DataTable.RowSelected) -> None:
        """Open the details of the row."""
        row = self._table.row if self._table is not None else None
        if row is not None:
            title = getattr(row.about, "name", "") or row.key
            self.push_screen(Details(title, details(row.about, self._events)))

    def action_look(self, pane: int) -> None:
        """Move the focus to the table of a pane; if it is there, show the pane's next table."""
        if self.focused is not None and self.focused.id == self._turned[pane]:
            self.action_turn(1)
        else:
            self.query_one(f"#{self._turned[pane]}").focus()

    def action_turn(self, by: int) -> None:
        """Show another table in the pane that has the focus.

        Args:
            by: 1 for the next one, -1 for the one before.
        """
        for pane, name in enumerate(self._turned):
            if self.focused is not None and self.focused.id == name:
                names = _PANES[pane]
                self.turn_to(names[(names.index(name) + by) % len(names)])
                return

    def turn_to(self, name: str) -> None:
        """Show a table in its pane, and move the focus there.

        Args:
            name: the name of the table.
        """
        for pane, names in enumerate(_PANES):
            if name in names:
                self.query_one(f"#{self._turned[pane]}").add_class("turned-away")
                self._turned[pane] = name
                table = self.query_one(f"#{name}")
                table.remove_class("turned-away")
                table.focus()
        self.show()

    def action_pause(self) -> None:
        """Pause the tables, or let them go on."""
        self.paused = not self.paused
        self.show()

    def action_filter(self) -> None:
        """Open the filter's input."""
        self._focused_before = self.focused
        entry = self.query_one("#filter", Input)
        entry.add_class("open")
        entry.focus()

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Apply the filter with each key."""
        self.wanted = changed.value.strip()
        self.show()

    def on_input_submitted(self) -> None:
        """Close the input and keep the filter."""
        self._close_filter()

    def action_no_filter(self) -> None:
        """Remove the filter."""
        self.query_one("#filter", Input).value = ""
        self._close_filter()

    def _close_filter(self) -> None:
        entry = self.query_one("#filter", Input)
        if entry.has_class("open"):
            entry.remove_class("open")
            (self._focused_before or self.query_one(f"#{self._turned[0]}")).focus()

    def action_hang_up(self) -> None:
        """Hang up the channel under the cursor, after a question."""
        row = self._table.row if self._table is not None else None
        if row is None or not row.channel:
            self.notify("choose a call, a channel, or somebody who waits", severity="warning")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._hang_up(row), exit_on_error=False)

        self.push_screen(Question(f"Hang up {clean(row.channel)}?"), answered)

    async def _hang_up(self, row: Row) -> None:
        mgr = self._source[row.server] if isinstance(self._source, Fleet) else self._source
        error: Exception | None = None
        for target in row.targets:
            try:
                await mgr.send(core.Hangup(target))
            except (ManagerError, ValueError) as reason:
                # Hanging up one channel of a call may end others.
                error = reason if target == row.targets[0] else error
        if error is not None:
            self.show_message(str(error), severity="error")
        else:
            self.show_message(f"{row.channel} was hung up")

    def show_message(self, text: str, *, severity: SeverityLevel = "information") -> None:
        """Show a message for some seconds."""
        self.notify(clean(text), severity=severity, markup=False)


class _MessageHandler(logging.Handler):
    """Logging handler that shows the library's messages, such as a lost link, on the screen."""

    def __init__(self, screen: Top) -> None:
        super().__init__(logging.INFO)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "aioami.live":  # the tables show these messages
            return
        severity: SeverityLevel = "warning" if record.levelno >= logging.WARNING else "information"
        self._screen.show_message(record.getMessage(), severity=severity)


def _of(server: str, row: Row, *, dim: bool = False) -> Row:
    """Return a row with the name of its server in an additional first column."""
    cells = (badge(server), *row.cells)
    if dim:
        cells = tuple(Text(cell.plain, "dim", justify=cell.justify, no_wrap=True) for cell in cells)
    group = f"{server} {row.group}" if row.group else ""
    return replace(row, key=f"{server} {row.key}", cells=cells, group=group, server=server)


def _remark(each: Seen, name: str, found: int) -> str:
    """Return a remark on a server's part of a table; empty if it is present and up to date."""
    reason = each.live.unavailable.get(_PARTS.get(name, name))  # type: ignore[call-overload]
    if reason is not None:
        return f"not told: {reason}"
    if name in ROWS and each.mgr.state is not ManagerState.READY:
        return "as it was before the link was lost" if found else "there is no link"
    if name in ROWS and not each.live.synced:
        return "is being looked at anew"
    return ""


def _state(server: str, each: Seen, *, of_fleet: bool) -> Text:
    """Return a server for the first line: its state, and the time since when it is away."""
    state = each.mgr.state
    ready = state is ManagerState.READY
    text = Text.assemble((" ● ", "green" if ready else "bold red"))
    if ready and of_fleet:
        text.append(clean(server), "bold")
    else:
        text.append(f"{clean(server)} {state.value}", "bold" if ready else "bold red")
    if not of_fleet:
        text.append(f"  AMI {clean(each.mgr.version)}", "dim")
    elif not ready:
        text.append(f" {elapsed(time.time() - each.since)}", "red")
    if ready and not each.live.synced:
        text.append("  looking around", "yellow")
    return text


def _markup(text: str) -> str:
    """Escape a text for a title, where Textual reads brackets as markup."""
    return clean(text).replace("[", r"\[")
