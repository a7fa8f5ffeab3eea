"""Messages and lists of them as HTML, for notebooks: loaded when the first one is shown.

Everything is escaped, secrets are hidden as in reprs, and long texts are cut and show their length.
The colours are tints that suit light and dark pages.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Final

from ..fields import Boolean, Enumeration, Field, Timestamp, fields_of
from ..wire import Message
from ..wire.redaction import redact_value

__all__ = [
    "MAX_CELL",
    "MAX_COLUMNS",
    "MAX_ROWS",
    "MAX_VALUE",
    "box",
    "cell",
    "clean",
    "event_html",
    "list_html",
    "moment",
    "note",
    "pill",
    "response_html",
    "shortened",
    "state",
    "table",
]

MAX_VALUE: Final = 200  # characters of one value
MAX_HEADERS: Final = 200  # of one message
MAX_HEIGHT: Final = 40  # rows of a message in one table
MAX_LINES: Final = 200  # of a command's output
MAX_ROWS: Final = 30
MAX_COLUMNS: Final = 16
MAX_ACROSS: Final = 4  # items that may be columns, if they have more than MAX_COLUMNS headers
MAX_CELL: Final = 60  # characters of a value in a list

# Headers that tell nothing about the item itself, or nothing that another header does not show.
BOILERPLATE: Final = frozenset(
    {
        *(
            "event",
            "actionid",
            "privilege",
            "eventlist",
            "listitems",
            "response",
            "message",
            "channelstatedesc",
        ),
        *("destchannelstatedesc", "timestamp", "sequencenumber", "systemname"),
    }
)
NO_VALUES: Final = frozenset({"", "<unknown>", "(null)"})

_TINTS: Final = {
    "good": "46, 160, 67",
    "active": "56, 139, 253",
    "waiting": "210, 153, 34",
    "bad": "248, 81, 73",
    "away": "128, 128, 128",
}
# Tones of states, by the name of an enumeration's member, or by the text.
_TONES: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("up", "not_in_use", "idle", "answer", "answered", "available", "chat", "normal_clearing"),
        "good",
    ),
    **dict.fromkeys(
        ("success", "registered", "reachable", "created", "ok", "online", "avail"), "good"
    ),
    **dict.fromkeys(
        ("in_use", "in_use_and_ringing", "in_use_and_on_hold", "on_call", "ring_in_use", "on_hold"),
        "active",
    ),
    **dict.fromkeys(
        ("ring", "ringing", "dialing", "dialing_off_hook", "pre_ring", "progress", "proceeding"),
        "waiting",
    ),
    **dict.fromkeys(
        ("away", "extended_away", "do_not_disturb", "user_busy", "no_user_response", "no_answer"),
        "waiting",
    ),
    **dict.fromkeys(("answered_elsewhere", "cancel", "hung_up", "lagged"), "waiting"),
    **dict.fromkeys(
        ("busy", "congestion", "invalid", "failed", "channel_unavailable", "abort", "error"), "bad"
    ),
    **dict.fromkeys(("failure", "rejected", "unreachable", "unavailable"), "bad"),
    **dict.fromkeys(
        ("down", "reserved", "off_hook", "unknown", "not_set", "removed", "no_hint", "logged_off"),
        "away",
    ),
    **dict.fromkeys(
        ("not_defined", "normal_unspecified", "unregistered", "unmonitored", "unqualified"), "away"
    ),
}
# Texts that are states without an enumeration.
_STATES: Final = frozenset(
    {"status", "contactstatus", "peerstatus", "state", "response", "devicestate"}
)
# Characters that a screen would take for an instruction, or that reverse the text's direction.
_UNSEEN: Final = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
    for code in (
        *range(9),
        *range(10, 32),
        *range(127, 160),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    )
}


def clean(text: str) -> str:
    """A text as HTML: escaped, and without characters that cannot be seen or encoded."""
    return html.escape(text.translate(_UNSEEN).encode("utf-8", "backslashreplace").decode())


def shortened(text: str, limit: int = MAX_VALUE) -> str:
    """A text as HTML. After `limit` characters it is cut off, and its length is shown."""
    if len(text) <= limit:
        return clean(text)
    return clean(text[:limit]) + note(f"… ({len(text):,} characters)")


def note(text: str) -> str:
    """A remark as HTML, in a paler colour."""
    return f'<span style="opacity: 0.6">{clean(text)}</span>'


def pill(text: str, tone: str | None) -> str:
    """A state as HTML, in one of the tones `good`, `active`, `waiting`, `bad` and `away`."""
    if tone is None:
        return clean(text)
    shape = "border-radius: 0.6em; padding: 0.05em 0.5em; white-space: nowrap"
    style = f"background: rgba({_TINTS[tone]}, 0.25); {shape}"
    return f'<span style="{style}">{clean(text)}</span>'


def state(name: str) -> str:
    """A state as HTML in its colour, by the name of the enumeration's member."""
    tone = "waiting" if name == "paused" else _TONES.get(name.lower())
    return pill(name.replace("_", " ").lower(), tone)


def table(rows: Iterable[Sequence[str]], heads: Sequence[str] = ()) -> str:
    """A table of cells in HTML; without `heads`, the first cell of each row is its head."""
    style = "text-align: left; vertical-align: top; padding: 0.15em 0.6em"
    style += "; white-space: nowrap" if heads else ""
    parts = [
        '<div style="overflow-x: auto"><table style="border-collapse: collapse; font-size: 0.95em">'
    ]
    if heads:
        parts.append(
            "<thead><tr>"
            + "".join(f'<th style="{style}">{head}</th>' for head in heads)
            + "</tr></thead>"
        )
    parts.append("<tbody>")
    for row in rows:
        tags = ["td"] * len(row) if heads else ["th", *["td"] * (len(row) - 1)]
        cells = "".join(
            f'<{tag} style="{style}">{text}</{tag}>' for tag, text in zip(tags, row, strict=True)
        )
        parts.append(f"<tr>{cells}</tr>")
    parts.append("</tbody></table></div>")
    return "".join(parts)


def cell(message: Message, name: str, value: str, *, brief: bool = False) -> str:
    """The value of one header as HTML: coloured if it is a state, hidden if it is secret.

    Args:
        message, name, value: the message, the header's name and its text.
        brief: `True` for lists: states without their number, times without seconds since 1970.
    """
    limit = MAX_CELL if brief else MAX_VALUE
    shown = redact_value(name, value, message.find)
    if shown != value:
        return shortened(shown, limit)
    field = _field(type(message), name)
    if isinstance(field, Enumeration):
        member = field.convert(value)
        if member is None:
            return shortened(value, limit)
        tone = _TONES.get(
            member.name.lower(), "bad" if type(member).__name__ == "HangupCause" else None
        )
        number = f" {note(value.strip())}" if isinstance(member, int) and not brief else ""
        return pill(member.name.replace("_", " ").lower()[:limit], tone) + number
    if isinstance(field, Boolean) and field.header == "Paused" and field.convert(value):
        return pill("paused", "waiting")
    if isinstance(field, Timestamp):
        seconds = field.convert(value)
        when = moment(seconds) if seconds else ""  # Asterisk writes 0 for never
        return (
            when if when and brief else shortened(value, limit) + (f" {note(when)}" if when else "")
        )
    if name.lower() in _STATES and len(value) < MAX_VALUE:
        return pill(value, _TONES.get(value.strip().lower().replace(" ", "_")))
    return shortened(value, limit)


def event_html(event: Message, name: str) -> str:
    """An event as HTML: its name, and a row for each header."""
    return box(f"<b>{clean(name)}</b>", _headers(event, {"event"}))


def response_html(
    response: Message, *, action: str, success: bool, text: str, seconds: float | None, listed: str
) -> str:
    """A response as HTML: the result, the headers, the lines of output, and the list's items.

    Args:
        action: the action as in its repr: the name, a comma, and the headers.
        success: true if the server carried it out.
        text: the server's message.
        seconds: the time until the response; `None` if not measured.
        listed: the items of its list, as HTML.
    """
    head = [pill("success" if success else "error", "good" if success else "bad")]
    name, _, sent = action.partition(", ")
    head += [f"<b>{clean(name or type(response).__name__)}</b>"]
    head += (
        [
            note(
                sent
                if len(sent) <= MAX_VALUE
                else f"{sent[:MAX_VALUE]}… ({len(sent):,} characters)"
            )
        ]
        if sent
        else []
    )
    head += [shortened(text)] if text else []
    head += [note(f"in {seconds * 1000:,.1f} ms")] if seconds is not None else []
    parts = [
        " ".join(head),
        _headers(response, {"response", "message", "actionid", "eventlist", "output"}),
    ]
    lines = response.output
    if lines:
        shown = "\n".join(
            shortened(redact_value("output", line, response.find)) for line in lines[:MAX_LINES]
        )
        more = (
            f"\n{note(f'… and {len(lines) - MAX_LINES:,} more lines')}"
            if len(lines) > MAX_LINES
            else ""
        )
        parts.append(
            f'<pre style="line-height: 1.2; max-height: 30em; overflow: auto">{shown}{more}</pre>'
        )
    return box(*parts, listed)


def list_html(items: Sequence[object], completion: Message | None) -> str:
    """Return the items of a list as HTML: a table for each kind of item, in order of appearance."""
    kinds: dict[str, list[Message]] = {}
    others = []
    for item in items:
        if isinstance(item, Message):
            kinds.setdefault(item.get("Event") or type(item).__name__, []).append(item)
        else:
            others.append(item)
    total = f"{len(items):,} {'item' if len(items) == 1 else 'items'}"
    parts = [f"<b>{total}</b>" + (f" {pill('complete', 'good')}" if completion is not None else "")]
    parts += [_kind(name, found) for name, found in kinds.items()]
    if others:
        parts.append(
            table([[shortened(repr(each))] for each in others[:MAX_ROWS]]) + _more(len(others))
        )
    return box(*parts)


def _kind(name: str, items: Sequence[Message]) -> str:
    """Return a table of the items of one kind, without the columns that are empty in every row."""
    shown = items[:MAX_ROWS]
    columns: dict[str, str] = {}
    empty: dict[str, str] = {}
    for item in shown:
        for header, value in item.headers:
            if header.lower() not in BOILERPLATE:
                (columns if value.strip() not in NO_VALUES else empty).setdefault(
                    header.lower(), header
                )
    names = list(columns.values())
    left = [header for key, header in empty.items() if key not in columns]
    if len(names) > MAX_COLUMNS and len(items) <= MAX_ACROSS:
        left = [*names[MAX_HEADERS:], *left]
        turned = [
            [clean(header), *(_cells(item, header) for item in items)]
            for header in names[:MAX_HEADERS]
        ]
        body = _beside_each_other(turned)
    else:
        left = [*names[MAX_COLUMNS:], *left]
        names = names[:MAX_COLUMNS]
        rows = [[_cells(item, header) for header in names] for item in shown]
        body = table(rows, [clean(header) for header in names]) if names else ""
    heading = f"{clean(name)} {note(f'{len(items):,}')}"
    more = _more(len(items))
    if left:
        hidden = note(", ".join(left)[:MAX_VALUE])
        more += f"<div>{note(f'left out or empty ({len(left)}): ')}{hidden}</div>"
    return f"<div>{heading}</div>{body}{more}"


def _beside_each_other(rows: list[list[str]]) -> str:
    """Rows as one table; many rows as several tables of equal height, side by side."""
    if len(rows) <= MAX_HEIGHT:
        return table(rows)
    height = -(-len(rows) // -(-len(rows) // MAX_HEIGHT))
    blocks = (table(rows[start : start + height]) for start in range(0, len(rows), height))
    return '<div style="display: flex; flex-wrap: wrap; gap: 0 2em">' + "".join(blocks) + "</div>"


def _cells(item: Message, header: str) -> str:
    """The value of a header in a table; all values of a repeated one."""
    values = item.getall(header)
    return "<br>".join(cell(item, header, value, brief=True) for value in values[:5]) + (
        f"<br>{note(f'… and {len(values) - 5:,} more')}" if len(values) > 5 else ""
    )


def _more(count: int) -> str:
    return f"<div>{note(f'… and {count - MAX_ROWS:,} more')}</div>" if count > MAX_ROWS else ""


def _headers(message: Message, without: set[str]) -> str:
    """A row for each header of a message."""
    wanted = [(name, value) for name, value in message.headers if name.lower() not in without]
    rows = [[shortened(name), cell(message, name, value)] for name, value in wanted[:MAX_HEADERS]]
    if len(wanted) > MAX_HEADERS:
        rows.append([note("…"), note(f"and {len(wanted) - MAX_HEADERS:,} more headers")])
    return _beside_each_other(rows) if rows else ""


def box(*parts: str) -> str:
    """Parts in HTML, one below the other; empty ones are left out."""
    return "<div>" + "".join(f"<div>{part}</div>" for part in parts if part) + "</div>"


def _field(kind: type[Message], header: str) -> Field[object] | None:
    """The field of a class for a header; `None` without one."""
    found = _known.get(kind)
    if found is None:
        found = _known[kind] = {field.header.lower(): field for field in fields_of(kind).values()}
    return found.get(header.lower())


_known: Final[dict[type[Message], dict[str, Field[object]]]] = {}


def moment(seconds: float) -> str:
    """A moment as readable text; empty if it is beyond the range of dates."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return ""
