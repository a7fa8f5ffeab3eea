"""The rows of `aioami top`: what is shown of each channel, bridge, queue and event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from rich.text import Text

from aioami import Event
from aioami.enums import ChannelState, QueueMemberState
from aioami.live import Live, LiveCaller, LiveChannel, LiveMember, LiveQueue

from .showing import clean, style_of, worth_a_line

__all__ = ["COLUMNS", "Row", "bridge_rows", "channel_rows", "details", "event_rows", "matching", "queue_rows"]

COLUMNS: Final = {
    "channels": ("Channel", "State", "Time", "Caller", "Connected with", "Where"),
    "queues": ("Queue", "Who", "State", "Time", "Calls"),
    "bridges": ("Bridge", "Type", "Channels"),
    "events": ("Time", "Event", "About"),
}
"""The columns of each table."""

_CHANNEL_STYLES: Final = {
    ChannelState.UP: "green",
    ChannelState.RING: "yellow",
    ChannelState.RINGING: "yellow",
    ChannelState.BUSY: "red",
}
_MEMBER_STYLES: Final = {
    QueueMemberState.NOT_IN_USE: "green",
    QueueMemberState.IN_USE: "yellow",
    QueueMemberState.RING_IN_USE: "yellow",
    QueueMemberState.RINGING: "yellow",
    QueueMemberState.BUSY: "yellow",
    QueueMemberState.ON_HOLD: "yellow",
}


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        key: what it is of, for as long as that exists.
        cells: what it shows.
        about: the thing itself, for its details.
        channel: the channel that is hung up here; empty if none is.
        group: the key of the row that this one belongs under; empty if it stands for itself.
    """

    key: str
    cells: tuple[Text, ...]
    about: Any
    channel: str = ""
    group: str = ""

    @property
    def text(self) -> str:
        """What a filter looks at."""
        return " ".join(cell.plain for cell in self.cells).lower()


def matching(rows: list[Row], pattern: str) -> list[Row]:
    """The rows that have a text in them, or fit a shell-style pattern; those that belong under one come with it, and bring theirs."""
    if not pattern:
        return rows
    wanted = pattern.lower() if any(sign in pattern for sign in "*?") else f"*{pattern.lower()}*"
    found = {row.key for row in rows if fnmatchcase(row.text, wanted)}
    groups = {row.group for row in rows if row.key in found and row.group}
    return [row for row in rows if row.key in found or row.group in found or row.key in groups]


def channel_rows(live: Live, now: float) -> list[Row]:
    """The channels, the oldest call first, and those of a call together."""
    rows = []
    for call in live.calls().values():
        for number, each in enumerate(call):
            bridge = live.bridges.get(each.bridge or "")
            others = [live.channels[key].name for key in (bridge.channels if bridge else ()) if key in live.channels]
            partner = ", ".join(name for name in others if name != each.name)
            rows.append(
                Row(
                    each.uniqueid,
                    (
                        _text(f"{'└ ' if number else ''}{each.name}", "bold" if not number else ""),
                        _text(
                            _words(each.state), _CHANNEL_STYLES.get(each.state, "") if each.state is not None else ""
                        ),
                        _text(_elapsed(now - each.since), "dim", right=True),
                        _text(_person(each.caller_id_name, each.caller_id_num)),
                        _text(partner or _person(each.connected_line_name, each.connected_line_num)),
                        _text(_where(each), "dim"),
                    ),
                    each,
                    channel=each.name,
                )
            )
    return rows


def bridge_rows(live: Live) -> list[Row]:
    """The bridges, and who is in them."""
    return [
        Row(
            each.uniqueid,
            (
                _text(each.name or each.uniqueid[:8], "bold"),
                _text(
                    " ".join(filter(None, (each.type, each.technology.removesuffix("_bridge"), each.creator))), "dim"
                ),
                _text(", ".join(live.channels[key].name for key in each.channels if key in live.channels)),
            ),
            each,
        )
        for each in live.bridges.values()
    ]


def queue_rows(live: Live, now: float) -> list[Row]:
    """The queues, under each its waiting callers and then its members."""
    rows = []
    for queue in sorted(live.queues.values(), key=lambda each: each.name.lower()):
        waiting = len(queue.callers)
        rows.append(
            Row(
                queue.name,
                (
                    _text(queue.name, "bold"),
                    _text(queue.strategy, "dim"),
                    _text(f"{waiting} waiting" if waiting else "nobody waits", "bold yellow" if waiting else "dim"),
                    Text(),
                    _text(f"{queue.completed} served, {queue.abandoned} gave up", "dim"),
                ),
                queue,
            )
        )
        rows += [_caller_row(queue, each, now) for each in queue.callers]
        rows += [_member_row(queue, each) for each in queue.members.values()]
    return rows


def _caller_row(queue: LiveQueue, caller: LiveCaller, now: float) -> Row:
    return Row(
        f"{queue.name} caller {caller.uniqueid}",
        (
            _text(f"  {caller.position}.", "yellow", right=True),
            _text(_person(caller.caller_id_name, caller.caller_id_num) or caller.channel),
            _text("waits", "yellow"),
            _text(_elapsed(now - caller.since), "yellow", right=True),
            _text(caller.channel, "dim"),
        ),
        caller,
        channel=caller.channel,
        group=queue.name,
    )


def _member_row(queue: LiveQueue, member: LiveMember) -> Row:
    style = _MEMBER_STYLES.get(member.status, "red") if member.status is not None else ""
    state = _words(member.status)
    if member.paused:
        style = "magenta"
        state = f"paused{f': {member.paused_reason}' if member.paused_reason else ''}"
    elif member.in_call:
        state = "in call"
    shown = member.name if member.name in ("", member.interface) else f"{member.name} ({member.interface})"
    return Row(
        f"{queue.name} member {member.interface}",
        (
            _text("  ●", style, right=True),
            _text(shown or member.interface),
            _text(state, style),
            Text(),
            _text(f"{member.calls_taken} taken", "dim"),
        ),
        member,
        group=queue.name,
    )


def event_rows(events: Iterable[tuple[int, float, Event]]) -> list[Row]:
    """Events with their number and the time when they came, in the order in which they are given."""
    rows = []
    for number, at, event in events:
        told = "  ".join(f"{name}={value}" for name, value in worth_a_line(event))
        cells = (
            _text(datetime.fromtimestamp(at).strftime("%H:%M:%S"), "dim"),
            _text(event.name, style_of(event)),
            _text(told, "dim"),
        )
        rows.append(Row(str(number), cells, event, channel=event.get("Channel", "") if _has_channel(event) else ""))
    return rows


def details(about: Any, events: Iterable[tuple[int, float, Event]]) -> Text:
    """Everything that is known of a row's thing, and the last events of a channel.

    Args:
        about: the thing.
        events: what came of late, the newest first.
    """
    if isinstance(about, Event):
        return _listed([(name, value) for name, value in about.headers])
    told = [(field.name.replace("_", " "), _shown(getattr(about, field.name))) for field in fields(about)]
    text = _listed(told)
    if isinstance(about, (LiveChannel, LiveCaller)):
        own = [row for row in event_rows(events) if row.about.get("Uniqueid") == about.uniqueid]
        if own:
            text.append("\n\nIts last events\n", "bold")
            for row in own[:30]:
                text.append_text(Text("\n"))
                text.append_text(Text("  ").join(row.cells[:2]))
    return text


def _listed(pairs: list[tuple[str, str]]) -> Text:
    width = max((len(name) for name, _ in pairs), default=0)
    text = Text()
    for number, (name, value) in enumerate(pairs):
        text.append("\n" if number else "")
        text.append(f"{clean(name):{width}}  ", "cyan")
        text.append(clean(value))
    return text


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, (ChannelState, QueueMemberState)):
        return f"{_words(value)} ({int(value)})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return datetime.fromtimestamp(value).isoformat(" ", "seconds") if value > 1e8 else f"{value:g}"
    if isinstance(value, (tuple, list)):
        return ", ".join(_shown(each) for each in value) or "-"
    if isinstance(value, LiveCaller):
        return _person(value.caller_id_name, value.caller_id_num) or value.channel
    if is_dataclass(value):
        return str(getattr(value, "name", value))
    if hasattr(value, "values"):
        return ", ".join(str(each) for each in value) or "-"
    return str(value)


def _text(text: str, style: str = "", *, right: bool = False) -> Text:
    return Text(clean(text), style, justify="right" if right else None, no_wrap=True)


def _words(state: ChannelState | QueueMemberState | None) -> str:
    return "" if state is None else state.name.lower().replace("_", " ")


def _person(name: str, number: str) -> str:
    return f"{name} <{number}>" if name and number else name or number


def _where(channel: LiveChannel) -> str:
    if channel.application:
        data = channel.application_data if len(channel.application_data) < 30 else f"{channel.application_data[:29]}…"
        return f"{channel.application}({data})"
    return f"{channel.exten}@{channel.context}" if channel.context else ""


def _elapsed(seconds: float) -> str:
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _has_channel(event: Event) -> bool:
    return "Channel" in event and event.name.lower() != "hangup"
