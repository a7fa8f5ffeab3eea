"""Output of events, responses and counts: coloured on a terminal, plain in a pipe, or JSON."""

from __future__ import annotations

import enum
import json
import re
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aioami import Event, Response

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["Counts", "Form", "Printer", "clean", "local_time", "main_headers", "plain", "style_of"]

_STYLES: Final = {
    "agents": "magenta",
    "bridges": "blue",
    "channels": "cyan",
    "conferences": "blue",
    "dialplan": "bright_black",
    "link": "bold yellow",
    "parking": "yellow",
    "pjsip": "green",
    "presence": "green",
    "queues": "magenta",
    "records": "bright_black",
    "rtp": "bright_black",
    "security": "red",
    "sip": "green",
    "system": "bold yellow",
    "users": "bright_magenta",
    "voicemail": "yellow",
}
"""The colour of the events of each area of the catalogue."""
_OWN_STYLES: Final = {
    "hangup": "red",
    "newchannel": "bright_cyan",
    "newexten": "bright_black",
    "varset": "bright_black",
    "dialbegin": "yellow",
    "dialstate": "yellow",
    "dialend": "yellow",
    "successfulauth": "green",
    "challengesent": "green",
}
"""The colours of single events, which win over those of their area."""
_NO_VALUES: Final = frozenset({"", "<unknown>", "<none>", "(null)"})
# Headers of most events that seldom say anything about the single event.
_OMITTED: Final = frozenset(
    {
        *("event", "privilege", "systemname", "timestamp", "sequencenumber", "uniqueid"),
        *("linkedid", "language", "accountcode", "channelstate", "priority", "bridgecreator"),
    }
)
# Headers that come last in a line.
_LAST: Final = frozenset(
    {
        *("channelstatedesc", "calleridnum", "calleridname", "connectedlinenum"),
        *("connectedlinename", "context", "exten", "stateinterface", "membership"),
        *("lastcall", "lastpause", "logintime", "wrapuptime"),
    }
)
# The prefixes of a second or third channel's headers.
_PREFIXES: Final = (
    *("dest", "localone", "localtwo", "origtransferer", "parkee", "parker"),
    *("secondtransferer", "transferee"),
)
# Headers of a response that are in the first line of the output, or that are not for people.
_IN_TITLE: Final = frozenset({"response", "message", "actionid", "eventlist"})
_SERVER: Final = 10  # columns for the name of a server of a fleet
_RECENT: Final = 10  # seconds over which a rate is measured


class Form(str, enum.Enum):
    """Form of output: a line for each header, one line for all, or one JSON object."""

    FULL = "full"
    BRIEF = "brief"
    JSON = "json"


def clean(text: str) -> str:
    """Escape characters that would control the terminal."""
    # Names and numbers of callers are not trusted: a caller chooses them.
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def local_time(seconds: float, form: str) -> str:
    """A moment in this machine's time zone, formatted; `-` if it is beyond the range of dates."""
    # A moment may be worked out from a number that a server sent.
    try:
        return datetime.fromtimestamp(seconds).strftime(form)
    except (OverflowError, ValueError, OSError):
        return "-"


def plain(text: str) -> str:
    """Remove the colours from another program's lines, and escape other characters that would
    control the terminal, except tabs and the ends of lines.
    """
    uncoloured = re.sub(r"\x1b\[[\d;]*m", "", text)
    return re.sub(r"[^\t\n]+", lambda part: clean(part[0]), uncoloured)


def _escaped(character: str) -> str:
    code = ord(character)
    # A byte that was no UTF-8 is decoded to this range.
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def style_of(event: Event) -> str:
    """Return the colour of an event."""
    own = _OWN_STYLES.get(event.name.lower())
    return own or _STYLES.get(type(event).__module__.rpartition(".")[2], "white")


def main_headers(event: Event) -> list[tuple[str, str]]:
    """Return the headers that a short form of the event shows, the most important first."""
    with_value = [each for each in event.headers if each[1] not in _NO_VALUES]
    shown = [each for each in with_value if _rank(each[0]) is not _Rank.NEVER]
    return sorted(shown, key=lambda each: _rank(each[0]))


class _Rank(enum.IntEnum):
    """Importance of a header where there is little room."""

    CHANNEL = 0
    USUAL = 1
    LAST = 2
    NEVER = 3


def _rank(header: str) -> _Rank:
    name = header.lower()
    prefix = next((each for each in _PREFIXES if name.startswith(each) and name != each), "")
    name = name.removeprefix(prefix)
    if name in _OMITTED:
        return _Rank.NEVER
    if name in _LAST:
        return _Rank.LAST
    return _Rank.CHANNEL if name == "channel" and not prefix else _Rank.USUAL


def _quoted(value: str) -> str:
    value = clean(value)
    return json.dumps(value, ensure_ascii=False) if " " in value or not value else value


class Printer:
    """Prints events and responses in one form.

    Each is written and flushed as a whole, so that the reader of a pipe gets it without delay.

    Args:
        form: the form of output.
        console: the destination; standard output if left out.
    """

    def __init__(self, form: Form, console: Console | None = None) -> None:
        from rich.console import Console

        self.form = form
        self.console = console or Console(soft_wrap=True, highlight=False)

    def event(self, event: Event, at: float | None = None) -> None:
        """Print an event.

        Args:
            event: the event.
            at: its time in seconds since 1970; now if left out.
        """
        if self.form is Form.JSON:
            server = {"server": event.server} if event.server else {}
            self._write(json.dumps({**server, **event.to_dict()}))
            return
        when = local_time(time.time() if at is None else at, "%H:%M:%S.%f")[:-3]
        if self.form is Form.BRIEF:
            self._brief(event, when)
        else:
            when = f"{when}  {clean(event.server)}".rstrip()
            self._full(event.headers[1:], event.name, style_of(event), when)

    def item(self, event: Event) -> None:
        """Print an item of a list, without a time."""
        if self.form is Form.JSON:
            self._write(json.dumps(event.to_dict()))
        else:
            self._full(event.headers[1:], event.name, style_of(event), "")

    def response(self, response: Response) -> None:
        """Print a response and the items of its list."""
        if self.form is Form.JSON:
            self._write(json.dumps(response.to_dict()))
            for event in response.events:
                self.item(event)
            return
        from rich.text import Text

        if self.form is Form.BRIEF:
            style = "green" if response.success else "red"
            message = f": {clean(response.message)}" if response.message else ""
            title = clean(response.get("Response", "Success"))
            self.show(Text.assemble((title, f"bold {style}"), message))
        for name, value in response.headers:
            if self.form is Form.FULL or name.lower() not in _IN_TITLE:
                self.show(Text.assemble((clean(name), "bold"), ": ", clean(value)))
        for line in response.data if "Output" not in response else ():
            self.show(Text(clean(line)))
        if self.form is Form.BRIEF and self.console.is_terminal:
            for kind in dict.fromkeys(event.name for event in response.events):
                self.table([event for event in response.events if event.name == kind])
        else:
            for event in response.events:
                self.item(event)
        if response.events.completion is not None:
            self._write(f"{len(response.events)} in all")

    def table(self, items: Sequence[Event]) -> None:
        """Print items of one kind as a table, with as many columns as the terminal has room for."""
        from rich.table import Table
        from rich.text import Text

        columns: dict[str, int] = {}
        for item in items:
            for name, value in item.headers[1:]:
                if value not in _NO_VALUES and name.lower() not in ("actionid", "privilege"):
                    least = columns.get(name, len(clean(name)))
                    columns[name] = max(least, len(clean(value)))
        chosen, left = [], self.console.width - 1
        for name, width in sorted(columns.items(), key=lambda each: _rank(each[0])):
            if width + 2 <= left:
                chosen.append(name)
                left -= width + 2
        table = Table(
            title=Text(clean(items[0].name)),
            title_justify="left",
            title_style=style_of(items[0]),
            box=None,
            pad_edge=False,
        )
        order = [name for name in columns if name in chosen]
        for name in order:
            title = Text(clean(name))
            table.add_column(title, header_style="bold", no_wrap=True, min_width=columns[name])
        for item in items:
            values = [item.get(name, "") for name in order]
            table.add_row(*(Text(clean(value), style=_state_style(value)) for value in values))
        self.show(table)
        if left_out := [name for name in columns if name not in chosen]:
            names = clean(", ".join(left_out))
            self.show(Text(f"no room for: {names}", style="bright_black"))

    def show(self, renderable: RenderableType) -> None:
        """Print anything that rich can render."""
        with self.console.capture() as captured:
            self.console.print(renderable)
        self._write(captured.get().rstrip("\n"))

    def _full(self, headers: Iterable[tuple[str, str]], title: str, style: str, when: str) -> None:
        headers = [(clean(name), clean(value)) for name, value in headers]
        width = max((len(name) for name, _ in headers), default=0)
        if not self.console.is_terminal:
            first = f"{clean(title)}  {when}".rstrip()
            lines = [f"  {name:{width}}  {value}" for name, value in headers]
            self._write("\n".join([first, *lines]))
            return
        from rich.text import Text

        time_of_day = (f"  {when}" if when else "", "bright_black")
        text = Text.assemble((clean(title), f"bold {style}"), time_of_day)
        for name, value in headers:
            text.append(f"\n  {name:{width}}  ", "bright_black")
            text.append(value, _state_style(value))
        self.show(text)

    def _brief(self, event: Event, when: str) -> None:
        headers = [(clean(name), _quoted(value)) for name, value in main_headers(event)]
        server = f"{clean(event.server):{_SERVER}}  " if event.server else ""
        if not self.console.is_terminal:
            pairs = " ".join(f"{name}={value}" for name, value in headers)
            self._write(f"{when}  {server}{clean(event.name):20}  {pairs}".rstrip())
            return
        from rich.text import Text

        name_column = (f"{clean(event.name):20}", style_of(event))
        text = Text.assemble((when, "bright_black"), "  ", (server, "bold"), name_column, " ")
        for name, value in headers:
            text.append(f" {name}=", "bright_black")
            text.append(value)
        text.truncate(max(20, self.console.width), overflow="ellipsis")
        self.show(text)

    def _write(self, text: str) -> None:
        file = self.console.file
        file.write(text + "\n")
        file.flush()


def _state_style(value: str) -> str:
    """Return the colour of a state."""
    return {
        "up": "green",
        "ringing": "yellow",
        "ring": "yellow",
        "down": "red",
        "busy": "red",
        "unavailable": "red",
        "reachable": "green",
        "unreachable": "red",
        "success": "green",
        "error": "red",
    }.get(value.lower(), "")


class Counts:
    """Number of events by name, with their present rates.

    Attributes:
        names: the counts, by name.
    """

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self._began = time.monotonic()
        self._recent: deque[tuple[int, Counter[str]]] = deque()

    @property
    def seconds(self) -> float:
        """Time since the counter was made."""
        return time.monotonic() - self._began

    def add(self, name: str) -> None:
        """Count an event."""
        self.names[name] += 1
        second = int(self.seconds)
        if not self._recent or self._recent[-1][0] != second:
            self._recent.append((second, Counter()))
            while self._recent[0][0] < second - _RECENT:
                self._recent.popleft()
        self._recent[-1][1][name] += 1

    def rates(self) -> dict[str, float]:
        """Return the events per second by name, over the last ten seconds."""
        now = self.seconds
        recent: Counter[str] = Counter()
        for second, counter in self._recent:
            if second >= now - _RECENT:
                recent.update(counter)
        return {name: count / max(1.0, min(_RECENT, now)) for name, count in recent.items()}

    def table(self, height: int | None = None) -> RenderableType:
        """Return the counts as a table, the most frequent first.

        Args:
            height: the number of lines; events without room are summed up in one.
        """
        from rich.table import Table
        from rich.text import Text

        rates = self.rates()
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("Event", no_wrap=True)
        table.add_column("Count", justify="right")
        table.add_column("a second", justify="right")
        ranked = self.names.most_common()
        room = len(ranked) if height is None else max(1, height - 3)
        if len(ranked) > room:
            shown, others = ranked[: room - 1], ranked[room - 1 :]
        else:
            shown, others = ranked, []
        for name, count in shown:
            table.add_row(Text(clean(name)), f"{count}", f"{rates.get(name, 0.0):.1f}")
        if others:
            rate = sum(rates.get(name, 0.0) for name, _ in others)
            total = sum(count for _, count in others)
            table.add_row(f"{len(others)} others", f"{total}", f"{rate:.1f}", style="dim")
        rate = sum(rates.values())
        table.add_row("all", f"{self.names.total()}", f"{rate:.1f}", style="bold")
        return table

    def to_dict(self) -> dict[str, object]:
        """Return the counts, ready for JSON."""
        return {
            "seconds": round(self.seconds, 3),
            "events": sum(self.names.values()),
            "counts": dict(self.names.most_common()),
        }
