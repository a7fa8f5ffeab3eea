"""How events, answers and counts look: in colours and tables on a terminal, in plain lines in a pipe, or as JSON."""

from __future__ import annotations

import enum
import json
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aioami import Event, Response

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["Counts", "Form", "Printer", "clean", "style_of"]

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
"""The colours of events that are another kind than their area."""
_NOTHING: Final = frozenset({"", "<unknown>", "<none>", "(null)"})
# What one line can do without, and what comes last in it: it is in most events, and seldom what they are about. The prefixes are
# those of nested channels.
_ASIDE: Final = frozenset(
    {
        *("event", "privilege", "systemname", "timestamp", "sequencenumber", "uniqueid", "linkedid", "language"),
        *("accountcode", "channelstate", "priority", "bridgecreator"),
    }
)
_LAST: Final = frozenset(
    {
        *(
            "channelstatedesc",
            "calleridnum",
            "calleridname",
            "connectedlinenum",
            "connectedlinename",
            "context",
            "exten",
        ),
        *("stateinterface", "membership", "lastcall", "lastpause", "logintime", "wrapuptime"),
    }
)
_PREFIXES: Final = (
    "dest",
    "localone",
    "localtwo",
    "origtransferer",
    "parkee",
    "parker",
    "secondtransferer",
    "transferee",
)
_SAID: Final = frozenset({"response", "message", "actionid", "eventlist"})  # in the first line, or of no use to anybody
_RECENT: Final = 10  # seconds, over which a rate is taken


class Form(str, enum.Enum):
    """How an event or an answer is written: with a line for each header, in one line, or as a JSON object."""

    FULL = "full"
    BRIEF = "brief"
    JSON = "json"


def clean(text: str) -> str:
    """Text with nothing in it that a terminal would obey: what a caller's name may hold is escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def style_of(event: Event) -> str:
    """The colour of an event, by what it is about."""
    own = _OWN_STYLES.get(event.name.lower())
    return own or _STYLES.get(type(event).__module__.rpartition(".")[2], "white")


def worth_a_line(event: Event) -> list[tuple[str, str]]:
    """The headers of an event that one line has room for: what has a value, and is not in most of all events."""
    found = []
    for name, value in event.headers:
        if value not in _NOTHING and _place(name) < 3:
            found.append((name, value))
    return sorted(found, key=lambda each: _place(each[0]))


def _place(header: str) -> int:
    """How soon a header is told where there is little room: 0 for the channel, 1 for most, 2 for what is
    seldom the point, 3 for what never is.
    """
    plain = header.lower()
    prefix = next((each for each in _PREFIXES if plain.startswith(each) and plain != each), "")
    plain = plain.removeprefix(prefix)
    return 3 if plain in _ASIDE else 2 if plain in _LAST else 1 if plain != "channel" or prefix else 0


def _quoted(value: str) -> str:
    value = clean(value)
    return json.dumps(value, ensure_ascii=False) if " " in value or not value else value


class Printer:
    """Writes events and answers in one form.

    Each is written at once and as a whole, so that a pipe has it without delay.

    Args:
        form: how they look.
        console: where they go; the standard output if left out.
    """

    def __init__(self, form: Form, console: Console | None = None) -> None:
        from rich.console import Console

        self.form = form
        self.console = console or Console(soft_wrap=True, highlight=False)

    def event(self, event: Event, at: float | None = None) -> None:
        """Write an event.

        Args:
            event: the event.
            at: when it came, in seconds since 1970; now if left out.
        """
        if self.form is Form.JSON:
            self._write(json.dumps(event.to_dict()))
            return
        when = datetime.fromtimestamp(time.time() if at is None else at).strftime("%H:%M:%S.%f")[:-3]
        if self.form is Form.BRIEF:
            self._brief(event, when)
        else:
            self._full(event.headers[1:], event.name, style_of(event), when)

    def item(self, event: Event) -> None:
        """Write an item of a list, which did not happen at any time."""
        if self.form is Form.JSON:
            self._write(json.dumps(event.to_dict()))
        else:
            self._full(event.headers[1:], event.name, style_of(event), "")

    def response(self, response: Response) -> None:
        """Write an answer and the items of its list."""
        if self.form is Form.JSON:
            self._write(json.dumps(response.to_dict()))
            for event in response.events:
                self.item(event)
            return
        from rich.text import Text

        if self.form is Form.BRIEF:
            style = "green" if response.success else "red"
            told = f": {clean(response.message)}" if response.message else ""
            self._print(Text.assemble((clean(response.get("Response", "Success")), f"bold {style}"), told))
        for name, value in response.headers:
            if self.form is Form.FULL or name.lower() not in _SAID:
                self._print(Text.assemble((clean(name), "bold"), ": ", clean(value)))
        for line in response.data if "Output" not in response else ():
            self._print(Text(clean(line)))
        if self.form is Form.BRIEF and self.console.is_terminal:
            for kind in dict.fromkeys(event.name for event in response.events):
                self.table([event for event in response.events if event.name == kind])
        else:
            for event in response.events:
                self.item(event)
        if response.events.completion is not None:
            self._write(f"{len(response.events)} in all")

    def table(self, items: Sequence[Event]) -> None:
        """Write the items of a list that are of one kind as a table, with as many columns as there is room for."""
        from rich.table import Table
        from rich.text import Text

        columns: dict[str, int] = {}
        for item in items:
            for name, value in item.headers[1:]:
                if value not in _NOTHING and name.lower() not in ("actionid", "privilege"):
                    columns[name] = max(columns.get(name, len(name)), len(clean(value)))
        chosen, left = [], self.console.width - 1
        for name, width in sorted(columns.items(), key=lambda each: _place(each[0])):
            if width + 2 <= left:
                chosen.append(name)
                left -= width + 2
        table = Table(
            title=items[0].name, title_justify="left", title_style=style_of(items[0]), box=None, pad_edge=False
        )
        order = [name for name in columns if name in chosen]
        for name in order:
            table.add_column(name, header_style="bold", no_wrap=True, min_width=columns[name])
        for item in items:
            table.add_row(*(Text(clean(item.get(name, "")), style=_state_style(item.get(name, ""))) for name in order))
        self.show(table)
        if aside := [name for name in columns if name not in chosen]:
            self._print(Text(f"no room for: {', '.join(aside)}", style="bright_black"))

    def show(self, renderable: RenderableType) -> None:
        """Write anything that rich can render."""
        with self.console.capture() as captured:
            self.console.print(renderable)
        self._write(captured.get().rstrip("\n"))

    def _print(self, renderable: RenderableType) -> None:
        self.show(renderable)

    def _full(self, headers: Iterable[tuple[str, str]], title: str, style: str, when: str) -> None:
        headers = [(clean(name), clean(value)) for name, value in headers]
        width = max((len(name) for name, _ in headers), default=0)
        if not self.console.is_terminal:
            lines = [f"{clean(title)}  {when}".rstrip(), *(f"  {name:{width}}  {value}" for name, value in headers)]
            self._write("\n".join(lines))
            return
        from rich.text import Text

        text = Text.assemble((clean(title), f"bold {style}"), (f"  {when}" if when else "", "bright_black"))
        for name, value in headers:
            text.append(f"\n  {name:{width}}  ", "bright_black")
            text.append(value, _state_style(value))
        self.show(text)

    def _brief(self, event: Event, when: str) -> None:
        headers = [(clean(name), _quoted(value)) for name, value in worth_a_line(event)]
        if not self.console.is_terminal:
            told = " ".join(f"{name}={value}" for name, value in headers)
            self._write(f"{when}  {clean(event.name):20}  {told}".rstrip())
            return
        from rich.text import Text

        text = Text.assemble((when, "bright_black"), "  ", (f"{clean(event.name):20}", style_of(event)), " ")
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
    """The colour of a value that says how something is."""
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
    """How many events of each name came, and how many a second of late.

    Attributes:
        names: the counts, by name.
    """

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()
        self._began = time.monotonic()
        self._recent: deque[tuple[int, Counter[str]]] = deque()

    @property
    def seconds(self) -> float:
        """Since counting began."""
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
        """Events a second over the last ten seconds, by name."""
        now = self.seconds
        recent: Counter[str] = Counter()
        for second, counter in self._recent:
            if second >= now - _RECENT:
                recent.update(counter)
        return {name: count / max(1.0, min(_RECENT, now)) for name, count in recent.items()}

    def table(self, height: int | None = None) -> RenderableType:
        """The counts as a table, the most frequent first.

        Args:
            height: how many lines there are; what has no room is summed up.
        """
        from rich.table import Table

        rates = self.rates()
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("Event", no_wrap=True)
        table.add_column("Count", justify="right")
        table.add_column("a second", justify="right")
        ranked = self.names.most_common()
        room = len(ranked) if height is None else max(1, height - 3)
        shown, others = (ranked, []) if len(ranked) <= room else (ranked[: room - 1], ranked[room - 1 :])
        for name, count in shown:
            table.add_row(clean(name), f"{count}", f"{rates.get(name, 0.0):.1f}")
        if others:
            rate = sum(rates.get(name, 0.0) for name, _ in others)
            table.add_row(f"{len(others)} others", f"{sum(count for _, count in others)}", f"{rate:.1f}", style="dim")
        table.add_row("all", f"{self.names.total()}", f"{sum(rates.values()):.1f}", style="bold")
        return table

    def to_dict(self) -> dict[str, object]:
        """The counts, ready for JSON."""
        return {
            "seconds": round(self.seconds, 3),
            "events": sum(self.names.values()),
            "counts": dict(self.names.most_common()),
        }
