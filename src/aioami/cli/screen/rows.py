"""The rows of the tables: calls, channels, queues, phones and the rest as cells of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, Final

from rich.text import Text

from aioami import Event
from aioami.calls import CallEnd, EndReason
from aioami.enums import ChannelState, DeviceState, QueueMemberState
from aioami.live import (
    Live,
    LiveCall,
    LiveCaller,
    LiveCallState,
    LiveChannel,
    LiveContact,
    LiveMember,
    LiveParty,
    LiveQueue,
)

from ..output import clean, local_time, main_headers, style_of

__all__ = [
    "COLUMNS",
    "ROWS",
    "Row",
    "badge",
    "details",
    "elapsed",
    "event_rows",
    "matching",
    "queue_rows",
]

COLUMNS: Final = {
    "calls": ("Caller", "State", "Time", "Callee", "Answered by"),
    "channels": ("Channel", "State", "Time", "Caller", "Connected with", "Where"),
    "ended": ("Began", "Caller", "Callee", "What became of it", "Rang", "Talked"),
    "queues": ("Queue", "Who", "State", "Time", "Calls"),
    "parking": ("Place", "Who", "Time", "Channel"),
    "conferences": ("Conference", "Who", "State"),
    "endpoints": ("Phone", "State", "Reached at", "Calls"),
    "mailboxes": ("Mailbox", "New", "Old"),
    "registrations": ("Trunk", "Server", "State"),
    "bridges": ("Bridge", "Type", "Channels"),
    "events": ("Time", "Event", "About"),
}
"""The columns of each table."""

_CALL_STYLES: Final = {
    LiveCallState.TALKING: "green",
    LiveCallState.CONFERENCE: "green",
    LiveCallState.RINGING: "yellow",
    LiveCallState.WAITING: "bold yellow",
    LiveCallState.HELD: "magenta",
    LiveCallState.PARKED: "magenta",
}
_CALL_WORDS: Final = {LiveCallState.HELD: "on hold", LiveCallState.OTHER: "in the dialplan"}
_ENDINGS: Final = {EndReason.ANSWERED: "green", EndReason.UNKNOWN: "dim"}
_DEVICE_STYLES: Final = {
    DeviceState.NOT_IN_USE: "green",
    DeviceState.IN_USE: "yellow",
    DeviceState.RINGING: "yellow",
    DeviceState.RING_IN_USE: "yellow",
    DeviceState.BUSY: "yellow",
    DeviceState.ON_HOLD: "magenta",
}

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
        key: identity of the object, for as long as it exists.
        cells: the text of each column.
        about: the object, for its details.
        channel: the name of the channel, or of the call, to hang up; empty without one.
        targets: the channels to hang up, as the server knows them: Uniqueids, or bytes of names.
        group: the key of the row above to which this row belongs; empty for a separate row.
        server: the name of the server in its fleet; empty without a fleet.
    """

    key: str
    cells: tuple[Text, ...]
    about: Any
    channel: str = ""
    targets: tuple[str | bytes, ...] = ()
    group: str = ""
    server: str = ""

    @property
    def text(self) -> str:
        """The text that a filter searches."""
        return " ".join(cell.plain for cell in self.cells).lower()


def matching(rows: list[Row], pattern: str) -> list[Row]:
    """Filter rows by a text or a shell-style pattern.

    If the row above a group matches, its whole group stays. If a row of a group matches, the row
    above it stays too.
    """
    if not pattern:
        return rows
    has_wildcard = any(sign in pattern for sign in "*?")
    wanted = pattern.lower() if has_wildcard else f"*{pattern.lower()}*"
    found = {row.key for row in rows if fnmatchcase(row.text, wanted)}
    groups = {row.group for row in rows if row.key in found and row.group}
    return [row for row in rows if row.group in found or row.key in found | groups]


def _call_rows(live: Live, now: float) -> list[Row]:
    return [_call_row(call, now) for call in live.calls().values()]


def _call_row(call: LiveCall, now: float) -> Row:
    suffix = f" in {call.queue}" if call.state is LiveCallState.WAITING else ""
    answered = "" if call.answered_by is None else str(call.answered_by)
    return Row(
        call.linkedid,
        (
            _text(str(call.caller), "bold"),
            _text(
                f"{_CALL_WORDS.get(call.state, call.state.value)}{suffix}",
                _CALL_STYLES.get(call.state, "dim"),
            ),
            _text(elapsed(now - call.since), "dim", right=True),
            _text(str(call.callee)),
            _text(answered, "dim"),
        ),
        call,
        channel=f"the call of {call.caller} ({len(call.channels)} channels)",
        targets=tuple(channel.uniqueid for channel in call.channels),
    )


def _ended_rows(live: Live, now: float) -> list[Row]:
    return [_ended_row(call) for call in reversed(live.ended)]


def _ended_row(call: LiveCall) -> Row:
    end = call.end
    assert end is not None
    reason = end.reason.value
    if end.reason is EndReason.UNKNOWN:
        reason = "not seen" if end.cause is None else "not answered"
    return Row(
        f"{call.linkedid} {call.since}",
        (
            _text(local_time(call.since, "%H:%M:%S"), "dim"),
            _text(str(call.caller), "bold"),
            _text(str(call.callee)),
            _text(
                f"{reason}{f' ({call.queue})' if call.queue else ''}",
                _ENDINGS.get(end.reason, "red"),
            ),
            _text(elapsed(end.rang), "dim", right=True),
            _text(elapsed(end.talked), right=True),
        ),
        call,
    )


def _channel_rows(live: Live, now: float) -> list[Row]:
    return [
        _channel_row(live, each, now, first=number == 0)
        for call in live.calls().values()
        for number, each in enumerate(call.channels)
    ]


def _channel_row(live: Live, channel: LiveChannel, now: float, *, first: bool) -> Row:
    bridge = live.bridges.get(channel.bridge or "")
    bridged = _names(live, bridge.channels) if bridge is not None else []
    partner = ", ".join(name for name in bridged if name != channel.name)
    style = _CHANNEL_STYLES.get(channel.state, "") if channel.state is not None else ""
    connected = _person(channel.connected_line_name, channel.connected_line_num)
    return Row(
        channel.uniqueid,
        (
            _text(channel.name, "bold") if first else _text(f"└ {channel.name}"),
            _text(_words(channel.state), style),
            _text(elapsed(now - channel.since), "dim", right=True),
            _text(_person(channel.caller_id_name, channel.caller_id_num)),
            _text(partner or connected),
            _text(_position(channel), "dim"),
        ),
        channel,
        channel=channel.name,
        targets=(channel.uniqueid,),
    )


def _names(live: Live, uniqueids: Iterable[str]) -> list[str]:
    return [live.channels[each].name for each in uniqueids if each in live.channels]


def _parking_rows(live: Live, now: float) -> list[Row]:
    several = len(live.parking) > 1
    rows = []
    for lot in live.parking.values():
        for each in lot.calls:
            channel = live.channels.get(each.uniqueid)
            who = "" if channel is None else _person(channel.caller_id_name, channel.caller_id_num)
            cells = (
                _text(f"{each.space}{f' of {lot.name}' if several else ''}", "bold"),
                _text(who or each.channel),
                _text(elapsed(now - each.since), "yellow", right=True),
                _text(each.channel, "dim"),
            )
            target = (each.uniqueid,)
            rows.append(Row(each.uniqueid, cells, each, channel=each.channel, targets=target))
    return rows


def _conference_rows(live: Live, now: float) -> list[Row]:
    rows = []
    for room in live.conferences.values():
        count = len(room.participants)
        cells = (
            _text(room.name, "bold"),
            _text(f"{count} in it"),
            _text("locked" if room.locked else "", "magenta"),
        )
        rows.append(Row(room.name, cells, room))
        for each in room.participants:
            channel = live.channels.get(each.uniqueid)
            who = "" if channel is None else _person(channel.caller_id_name, channel.caller_id_num)
            states = {"admin": each.admin, "muted": each.muted, "talking": each.talking}
            shown = ", ".join(word for word, holds in states.items() if holds)
            cells = (_text(""), _text(who or each.channel), _text(shown, "yellow"))
            rows.append(
                Row(
                    f"{room.name} {each.uniqueid}",
                    cells,
                    each,
                    channel=each.channel,
                    targets=(each.uniqueid,),
                    group=room.name,
                )
            )
    return rows


def _endpoint_rows(live: Live, now: float) -> list[Row]:
    rows = []
    for name, each in live.endpoints.items():
        style = _DEVICE_STYLES.get(each.state, "red") if each.state is not None else ""
        contacts = ", ".join(_contact(contact) for contact in each.contacts)
        cells = (
            _text(name, "bold"),
            _text(_words(each.state), style),
            _text(contacts or "nowhere", "" if contacts else "dim"),
            _text(str(len(each.channels) or ""), right=True),
        )
        rows.append(Row(name, cells, each))
    return rows


def _contact(contact: LiveContact) -> str:
    uri = contact.uri.partition("@")[2].partition(";")[0] or contact.uri
    if contact.reachable is False:
        return f"{uri} (does not answer)"
    return uri if contact.round_trip is None else f"{uri} ({contact.round_trip * 1000:.0f} ms)"


def _mailbox_rows(live: Live, now: float) -> list[Row]:
    # Mailboxes with new messages come first.
    boxes = sorted(live.mailboxes.items(), key=lambda each: (not each[1].new, each[0]))
    return [
        Row(
            name,
            (
                _text(name, "bold"),
                _text(str(each.new), "bold yellow" if each.new else "dim", right=True),
                _text(str(each.old), "dim", right=True),
            ),
            each,
        )
        for name, each in boxes
    ]


def _registration_rows(live: Live, now: float) -> list[Row]:
    return [
        Row(
            name,
            (
                _text(name, "bold"),
                _text(each.server),
                _text(each.state, "green" if each.state == "Registered" else "red"),
            ),
            each,
        )
        for name, each in live.registrations.items()
    ]


def _bridge_rows(live: Live, now: float) -> list[Row]:
    rows = []
    for each in live.bridges.values():
        kind = (each.type, each.technology.removesuffix("_bridge"), each.creator)
        cells = (
            _text(each.name or each.uniqueid[:8], "bold"),
            _text(" ".join(filter(None, kind)), "dim"),
            _text(", ".join(_names(live, each.channels))),
        )
        rows.append(Row(each.uniqueid, cells, each))
    return rows


def queue_rows(live: Live, now: float) -> list[Row]:
    """Return rows of the queues, each followed by its waiting callers and then its members."""
    rows = []
    for queue in sorted(live.queues.values(), key=lambda each: each.name.lower()):
        count = len(queue.callers)
        waiting = (f"{count} waiting", "bold yellow") if count else ("nobody waits", "dim")
        cells = (
            _text(queue.name, "bold"),
            _text(queue.strategy, "dim"),
            _text(*waiting),
            Text(),
            _text(f"{queue.completed} served, {queue.abandoned} gave up", "dim"),
        )
        rows.append(Row(queue.name, cells, queue))
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
            _text(elapsed(now - caller.since), "yellow", right=True),
            _text(caller.channel, "dim"),
        ),
        caller,
        channel=caller.channel,
        targets=(caller.uniqueid,),
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
    shown = member.name
    if member.name not in ("", member.interface):
        shown = f"{member.name} ({member.interface})"
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
    """Return rows of events in the given order, each with its number and its time."""
    rows = []
    for number, at, event in events:
        headers = "  ".join(f"{name}={value}" for name, value in main_headers(event))
        cells = (
            _text(local_time(at, "%H:%M:%S"), "dim"),
            _text(event.name, style_of(event)),
            _text(headers, "dim"),
        )
        channel = "" if event.name.lower() == "hangup" else event.get("Channel", "")
        target = event.getbytes("Uniqueid") or event.getbytes("Channel") or b""
        rows.append(Row(str(number), cells, event, channel=channel, targets=(target,)))
    return rows


def details(about: Any, events: Iterable[tuple[int, float, Event]]) -> Text:
    """Return all fields of a row's object, and the last events of a channel.

    Args:
        about: the object.
        events: the last events, the newest first.
    """
    if isinstance(about, Event):
        return _listed([(name, value) for name, value in about.headers])
    names = [field.name for field in fields(about)]
    text = _listed([(name.replace("_", " "), _shown(getattr(about, name))) for name in names])
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
    if isinstance(value, (DeviceState, LiveCallState)):
        return _words(value)
    if isinstance(value, LiveParty):
        return f"{value} ({value.channel})" if value.channel else str(value) or "-"
    if isinstance(value, CallEnd):
        return f"{value.reason.value}, rang {value.rang:.1f} s, talked {value.talked:.1f} s" + (
            "" if value.cause is None else f", cause {int(value.cause)} ({_words(value.cause)})"
        )
    if isinstance(value, LiveContact):
        return _contact(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # Moments are seconds since 1970; durations are never that long.
        if value > 1e8:
            return local_time(value, "%Y-%m-%d %H:%M:%S")
        return f"{value:g}"
    if isinstance(value, (tuple, list)):
        return ", ".join(_shown(each) for each in value) or "-"
    if isinstance(value, LiveCaller):
        return _person(value.caller_id_name, value.caller_id_num) or value.channel
    if is_dataclass(value):
        return str(getattr(value, "name", value))
    if hasattr(value, "values"):
        return ", ".join(str(each) for each in value) or "-"
    return str(value)


def badge(server: str) -> Text:
    """Return the name of a fleet's server for the column of servers."""
    return _text(server, "bold cyan")


def _text(text: str, style: str = "", *, right: bool = False) -> Text:
    return Text(clean(text), style, justify="right" if right else None, no_wrap=True)


def _words(state: Enum | None) -> str:
    return "" if state is None else state.name.lower().replace("_", " ")


def _person(name: str, number: str) -> str:
    return f"{name} <{number}>" if name and number else name or number


def _position(channel: LiveChannel) -> str:
    """Return the application that a channel runs, or its place in the dialplan."""
    if channel.application:
        data = channel.application_data
        data = data if len(data) < 30 else f"{data[:29]}…"
        return f"{channel.application}({data})"
    return f"{channel.exten}@{channel.context}" if channel.context else ""


ROWS: Final[dict[str, Callable[[Live, float], list[Row]]]] = {
    "calls": _call_rows,
    "channels": _channel_rows,
    "ended": _ended_rows,
    "queues": queue_rows,
    "parking": _parking_rows,
    "conferences": _conference_rows,
    "endpoints": _endpoint_rows,
    "mailboxes": _mailbox_rows,
    "registrations": _registration_rows,
    "bridges": _bridge_rows,
}
"""The functions that make the rows of each table, from the live state and the time."""


def elapsed(seconds: float) -> str:
    """Return a duration as minutes and seconds, or hours."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
