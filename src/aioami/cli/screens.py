"""The full screen of `aioami top`, made with Textual."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.coordinate import Coordinate
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import DataTable, Footer, Input, Sparkline, Static

from aioami import Disconnected, Event, EventsLost, Manager, ManagerError, ManagerState, Reconnected, core
from aioami.live import Live

from .rows import COLUMNS, Row, bridge_rows, channel_rows, details, event_rows, matching, queue_rows
from .showing import clean

__all__ = ["Top"]

_REFRESH: Final = 0.5  # seconds
_KEPT: Final = 2_000  # events
_SHOWN: Final = 300  # rows of a table
_HISTORY: Final = 120  # seconds of the event rate
_TITLES: Final = {"channels": "Channels", "queues": "Queues", "bridges": "Bridges", "events": "Events"}


class Table(DataTable[Text]):
    """A table whose rows are those of the moment; the cursor stays on its row for as long as that is there."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Details", show=True)]

    def __init__(self, name: str) -> None:
        super().__init__(id=name, cursor_type="row", zebra_stripes=False)
        self.rows_shown: list[Row] = []
        self.border_title = _TITLES[name]

    def on_mount(self) -> None:
        """Make the columns."""
        for title in COLUMNS[self.id or ""]:
            self.add_column(title, key=title)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows_shown[self.cursor_row] if 0 <= self.cursor_row < len(self.rows_shown) else None

    def fill(self, rows: list[Row]) -> None:
        """Show these rows, and touch only the cells that are different."""
        before, rows = self.rows_shown, rows[:_SHOWN]
        if [row.key for row in before] == [row.key for row in rows]:
            for line, (old, new) in enumerate(zip(before, rows, strict=True)):
                for column, (was, cell) in enumerate(zip(old.cells, new.cells, strict=True)):
                    if (was.plain, was.style) != (cell.plain, cell.style):
                        self.update_cell_at(Coordinate(line, column), cell, update_width=True)
            self.rows_shown = rows
            return
        # At the top one wants to see what is new; elsewhere the row that one looks at.
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
    """Asks whether to do something, and does nothing unless the answer is yes."""

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
            yield Static(Text.assemble(("y", "bold"), " yes    ", ("n", "bold"), " no"), classes="answers")

    def action_answer(self, answer: bool) -> None:
        """Close it with the answer."""
        self.dismiss(answer)


class Details(ModalScreen[None]):
    """Shows all that is known of something."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss_it", "Close", key_display="esc")]

    def __init__(self, title: str, text: Text) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog details") as dialog:
            dialog.border_title = clean(self._title).replace("[", r"\[")
            dialog.border_subtitle = "esc closes"
            yield Static(self._text)

    def action_dismiss_it(self) -> None:
        """Close it."""
        self.dismiss(None)


class Top(App[None]):
    """Channels, queues, bridges and events of a server, live.

    Args:
        mgr: the manager, which is connected.
        live: its live state, which is entered.
        where: what the server is called.

    Attributes:
        error: what ended the link for good, if something did.
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
    Table { border: round $primary-darken-1; border-title-color: $accent; height: 1fr; scrollbar-size: 0 1; }
    Table:focus { border: round $accent; }
    #channels { height: 3fr; }
    #queues { height: 3fr; }
    #bridges { height: 1fr; min-height: 5; }
    #events { height: 2fr; }
    #main.narrow { layout: vertical; }
    #main.narrow #left { width: 100%; height: 3fr; }
    #main.narrow #right { width: 100%; height: 2fr; }
    #main.narrow #bridges { min-height: 3; }
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
        Binding("1", "look('channels')", "Channels", show=False),
        Binding("2", "look('queues')", "Queues", show=False),
        Binding("3", "look('bridges')", "Bridges", show=False),
        Binding("4", "look('events')", "Events", show=False),
        Binding("escape", "no_filter", "No filter", show=False),
        Binding("q,ctrl+c", "quit", "Quit", key_display="q"),
    ]

    def __init__(self, mgr: Manager, live: Live, where: str) -> None:
        super().__init__()
        self.error: ManagerError | None = None
        self.paused = False
        self.wanted = ""
        self._mgr, self._live, self._where = mgr, live, where
        self._events: deque[tuple[int, float, Event]] = deque(maxlen=_KEPT)
        self._count = 0
        self._lost = 0
        self._back: Widget | None = None
        self._rates: deque[float] = deque([0.0] * _HISTORY, maxlen=_HISTORY)
        self._counted = mgr.statistics()
        self._logged = _ToScreen(self)

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        yield Sparkline(list(self._rates), id="rate")
        with Horizontal(id="main"):
            with Vertical(id="left"):
                yield Table("channels")
                yield Table("queues")
            with Vertical(id="right"):
                yield Table("bridges")
                yield Table("events")
        yield Input(placeholder="a text, or a pattern as PJSIP/alice-*; enter keeps it, esc takes it away", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        """Begin to follow the server."""
        logging.getLogger("aioami").addHandler(self._logged)
        self.on_resize()
        self.run_worker(self._follow(), exit_on_error=False)
        self.set_interval(_REFRESH, self.show)
        self.set_interval(1.0, self._measure)
        self.query_one("#channels").focus()
        self.show()

    def on_unmount(self) -> None:
        """Leave the library's log to others."""
        logging.getLogger("aioami").removeHandler(self._logged)

    def on_resize(self) -> None:
        """Put the two halves under each other where there is no room beside each other."""
        for main in self.query("#main"):
            main.set_class(self.size.width < 110, "narrow")

    async def _follow(self) -> None:
        with self._mgr.events(maxsize=20_000, on_loss="raise") as stream:
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
        """Take the event rate of the last second."""
        counted = self._mgr.statistics()
        passed = counted - self._counted
        self._counted = counted
        self._rates.append(passed.events / passed.seconds if passed.seconds > 0 else 0.0)
        if not self.paused:
            for rate in self.query("#rate").results(Sparkline):
                rate.data = list(self._rates)

    # What is shown

    def show(self) -> None:
        """Show what is there now; nothing but the state of the link while it is paused."""
        for status in self.query("#status").results(Static):
            status.update(self._status())
        if self.paused or not self.query(Table):  # it begins, or ends
            return
        now = time.time()
        for name, rows in (
            ("channels", channel_rows(self._live, now)),
            ("queues", queue_rows(self._live, now)),
            ("bridges", bridge_rows(self._live)),
            ("events", list(self._event_rows())),
        ):
            table = self.query_one(f"#{name}", Table)
            found = matching(rows, self.wanted)
            table.fill(found)
            table.border_title = self._title(name, len(found), len(rows))
            why = self._live.unavailable.get(name)  # type: ignore[call-overload]
            table.border_subtitle = "" if why is None else f"not told: {clean(why)}".replace("[", r"\[")

    def _event_rows(self) -> Iterator[Row]:
        """Rows of the newest events; no more than are shown are made."""
        wanted = 0
        for each in list(self._events):
            row = event_rows([each])
            if not self.wanted or matching(row, self.wanted):
                yield row[0]
                wanted += 1
            if wanted == _SHOWN:
                return

    def _title(self, name: str, found: int, there: int) -> str:
        if name == "events":
            return f"{_TITLES[name]} {self._count}"
        if name == "queues":
            return f"{_TITLES[name]} {len(self._live.queues)}"
        return f"{_TITLES[name]} {there}" if found == there else f"{_TITLES[name]} {found} of {there}"

    def _status(self) -> Text:
        state = self._mgr.state
        good = state is ManagerState.READY
        waiting = sum(len(queue.callers) for queue in self._live.queues.values())
        recent = list(self._rates)[-10:]
        text = Text(no_wrap=True)
        text.append(" ● ", "green" if good else "bold red")
        text.append(f"{clean(self._where)} {state.value}", "bold" if good else "bold red")
        text.append(f"  AMI {clean(self._mgr.version)}", "dim")
        if good and not self._live.synced:
            text.append("  looking around", "yellow")
        text.append(f"   {len(self._live.channels)} channels in {len(self._live.calls())} calls   {waiting} waiting")
        text.append(f"   {sum(recent) / len(recent):.1f} events a second", "cyan")
        if self._lost:
            text.append(f"   {self._lost} events not seen", "yellow")
        if self.wanted:
            text.append(f"   filter: {clean(self.wanted)}", "reverse")
        if self.paused:
            text.append("   PAUSED ", "bold reverse yellow")
        return text

    # What one can do

    @property
    def _table(self) -> Table | None:
        return self.focused if isinstance(self.focused, Table) else None

    def on_data_table_row_selected(self, selected: DataTable.RowSelected) -> None:
        """Show the details of the row."""
        row = self._table.row if self._table is not None else None
        if row is not None:
            title = row.about.name if hasattr(row.about, "name") else row.key
            self.push_screen(Details(title or row.key, details(row.about, self._events)))

    def action_look(self, name: str) -> None:
        """Go to a table."""
        self.query_one(f"#{name}").focus()

    def action_pause(self) -> None:
        """Hold everything still, or let it go on."""
        self.paused = not self.paused
        self.show()

    def action_filter(self) -> None:
        """Ask for a filter."""
        self._back = self.focused
        entry = self.query_one("#filter", Input)
        entry.add_class("open")
        entry.focus()

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Filter while one types."""
        self.wanted = changed.value.strip()
        self.show()

    def on_input_submitted(self) -> None:
        """Keep the filter."""
        self._close_filter()

    def action_no_filter(self) -> None:
        """Take the filter away."""
        self.query_one("#filter", Input).value = ""
        self._close_filter()

    def _close_filter(self) -> None:
        entry = self.query_one("#filter", Input)
        if entry.has_class("open"):
            entry.remove_class("open")
            (self._back or self.query_one("#channels")).focus()

    def action_hang_up(self) -> None:
        """Ask whether the channel under the cursor is to be hung up, and do it."""
        row = self._table.row if self._table is not None else None
        channel = "" if row is None else row.channel
        if not channel:
            self.notify("choose a channel, or a caller of a queue", severity="warning")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._hang_up(channel), exit_on_error=False)

        self.push_screen(Question(f"Hang up {clean(channel)}?"), answered)

    async def _hang_up(self, channel: str) -> None:
        try:
            await self._mgr.send(core.Hangup(channel))
        except (ManagerError, ValueError) as error:
            self.tell(str(error), severity="error")
        else:
            self.tell(f"{channel} was hung up")

    def tell(self, text: str, *, severity: Any = "information") -> None:
        """Show a sentence for a while."""
        self.notify(clean(text), severity=severity, markup=False)


class _ToScreen(logging.Handler):
    """Shows what the library logs, as that the link was lost."""

    def __init__(self, screen: Top) -> None:
        super().__init__(logging.INFO)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        severity = "warning" if record.levelno >= logging.WARNING else "information"
        self._screen.tell(record.getMessage(), severity=severity)
