"""Writes down what was said so that two servers can be compared: without ids, times and addresses.

Answers stand in their order. Events stand in their order for each channel: Asterisk has a thread for each, and what
two of them tell mixes differently each time. A channel's fourteen headers are written as `[name: what changed]`,
provided that they are whole and in order; everything else is written as it came.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import unquote

from .line import Line, Pairs

SNAPSHOT = (
    *("Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum"),
    *("ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid"),
)
# What differs with each run: times, addresses, measured figures.
VARYING = frozenset(
    [
        "Timestamp",
        "EventTV",
        "SessionTV",
        "SessionID",
        "LocalAddress",
        "RemoteAddress",
        "Uptime",
        "LastReload",
        "Challenge",
        "Duration",
        "BillableSeconds",
        "StartTime",
        "AnswerTime",
        "EndTime",
        "AnsweredTime",
        "Seconds",
        "DurationMs",
        "Wait",
        "HoldTime",
        "Holdtime",
        "TalkTime",
        "RingTime",
        "LongestHoldTime",
        "LoginTime",
        "LastPause",
        "LastCall",
        "ParkingTimeout",
        "ParkingDuration",
        "TimeToHangup",
        "Port",
        "IPport",
        "Address-Port",
    ]
)
# A file with music has a format of its own.
FORMATS = frozenset({"Readformat", "Readtrans", "Writeformat", "Writetrans"})
VARYING_VARIABLES = re.compile(r"(QUEUEWAIT|ANSWEREDTIME|DIALEDTIME)(_MS)?|RINGTIME_MS|MIXMONITOR_FILENAME")
# They are not compared, unless a story says so: see the table of differences.
FOREIGN = frozenset({"CEL", "Cdr", "TestEvent", "Registry"})
# The states of these are found out in a thread of its own, which skips what has passed by then.
_DEVICES_OF_CHANNELS = ("Local/", "Surrogate/", "CBAnn/")
# What lists in the order of a hash table.
_UNORDERED = frozenset({"BridgeListItem", "QueueMember", "CoreShowChannel", "Status", "ChannelHungup"})
_CHANNEL = re.compile(r"\b([A-Za-z0-9]+/[^\s;|,()]*?)-([0-9a-f]{8})((?:;[12])?)(?![0-9a-f-])")
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_UNIQUEID = re.compile(r"\b(?:aioami-test-)?\d{9,10}\.(\d+)\b")
_LONG = re.compile(r"(.)\1{99,}")
_AGI_URL = re.compile(r"agi://127\.0\.0\.1:\d+")
_NOBODY = re.compile(r"(?<=@)127\.0\.0\.1:\d+")  # the port of contacts that never answer
_FOLDER = re.compile(r"/[^\s:]*/(spool|etc|lib|log)/")


class Names:
    """Gives what varies names that do not."""

    def __init__(self, messages: Iterable[Pairs]) -> None:
        text = [value for message in messages for pair in message for value in pair]
        numbers = sorted({int(found) for value in text for found in _UNIQUEID.findall(value)})
        self._uniqueids = {number: f"#{position}" for position, number in enumerate(numbers, 1)}
        suffixes = sorted({found[1] for value in text for found in _CHANNEL.findall(value)})
        self._suffixes = {suffix: f"#{position}" for position, suffix in enumerate(suffixes, 1)}
        self._uuids: dict[str, str] = {}
        for value in text:
            for found in _UUID.findall(value):
                self._uuids.setdefault(found, f"uuid#{len(self._uuids) + 1}")

    def __call__(self, name: str, value: str) -> str:
        if (name in VARYING and value) or name in FORMATS:
            return "*"
        value = _LONG.sub(lambda found: f"{found[1]}({len(found[0])} times)", value)
        value = _CHANNEL.sub(lambda found: f"{found[1]}-{self._suffixes[found[2]]}{found[3]}", value)
        value = _UNIQUEID.sub(lambda found: self._uniqueids[int(found[1])], value)
        value = _AGI_URL.sub("agi://127.0.0.1:*", value)
        value = _NOBODY.sub("127.0.0.1:*", value)
        value = _FOLDER.sub(lambda found: f"/{found[1]}/", value)
        return _UUID.sub(lambda found: self._uuids[found[0]], value)


class Writer:
    """Writes messages, and remembers each channel so as to tell only what changed."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def write(self, group: str, message: Pairs) -> str:
        pairs = [(self._names("", name), self._names(name, value)) for name, value in message]
        own = dict(pairs)
        if own.get("Event") in ("DialBegin", "AgentCalled"):  # by when the other end may have begun to ring
            pairs = [(name, "*" if name.startswith("DestChannelState") else value) for name, value in pairs]
        if own.get("Event") in ("AGIExecStart", "AGIExecEnd"):  # whose id is a random number of the server
            pairs = [(name, "*" if name == "CommandId" else value) for name, value in pairs]
        if own.get("Event") == "AsyncAGIStart":
            pairs = [(name, self._environment(value) if name == "Env" else value) for name, value in pairs]
        if own.get("Event") == "QueueMemberStatus":  # which comes while the call begins
            pairs = [(name, "*" if name == "InCall" else value) for name, value in pairs]
        if own.get("Event") == "QueueParams" and own["ServiceLevel"] == "0":
            # Answered within 0 seconds? A second of the clock may have begun in between.
            pairs = [(name, "*" if name.startswith("ServicelevelPerf") else value) for name, value in pairs]
        if own.get("Event") == "AttendedTransfer":  # by when one may have left the bridge, and the target be moved
            pairs = [
                (name, "*" if name == "SecondBridgeNumChannels" else value)
                for name, value in pairs
                if not name.startswith("TransferTarget")
            ]
        if own.get("Event") == "BridgeMerge":
            pairs = [(name, "*" if name == "FromBridgeNumChannels" else value) for name, value in pairs]
        if own.get("Event") == "BridgeLeave" and own["BridgeNumChannels"] in ("0", "1"):
            # The last two leave in two threads: either may be the first.
            pairs = [(name, "*" if name == "BridgeNumChannels" else value) for name, value in pairs]
        if own.get("Event") == "AgentComplete":  # which may come when the agent's channel is gone, or before
            pairs = [(name, value) for name, value in pairs if not name.startswith("Dest")]
        if own.get("Action") == "Login":
            pairs = [(name, "*" if name == "Key" else value) for name, value in pairs]
        if own.get("Event") == "VarSet" and VARYING_VARIABLES.fullmatch(own.get("Variable", "")):
            pairs = [(name, "*" if name == "Value" and value else value) for name, value in pairs]
        parts: list[str] = []
        position = 0
        while position < len(pairs):
            name, value = pairs[position]
            prefix = name[: -len("Channel")] if name.endswith("Channel") else None
            block = pairs[position : position + len(SNAPSHOT)]
            if prefix is not None and [name for name, _ in block] == [prefix + part for part in SNAPSHOT]:
                position += len(SNAPSHOT)
                values = [value for _, value in block]
                if pairs[position : position + 1] and pairs[position][0] == f"{prefix}ChanVariable":
                    values.append(pairs[position][1])
                    position += 1
                parts.append(f"{prefix}[{self._changes(group, tuple(values))}]")
                continue
            if (name, value) != ("SystemName", "aioami-test"):
                parts.append(f"{name}: {value}")
            position += 1
        return " | ".join(parts)

    def _environment(self, text: str) -> str:
        """An AGI environment, decoded, without the number of the thread."""
        lines = (line.partition(": ") for line in unquote(text).splitlines())
        return ", ".join(
            f"{name}={'*' if name in ('agi_threadid', 'agi_version') else self._names('', value)}"
            for name, _, value in lines
        )

    def _changes(self, group: str, values: tuple[str, ...]) -> str:
        before = self._known.get((group, values[0]))
        self._known[group, values[0]] = values
        changed = [
            f"{name}={value}"
            for place, (name, value) in enumerate(zip((*SNAPSHOT, "ChanVariable"), values, strict=False))
            if place and (before is None or before[place : place + 1] != (value,))
        ]
        return ": ".join([values[0], *([", ".join(changed)] if changed else [])])


def subject(event: Pairs) -> str:
    """Which channel, else bridge or device, an event tells about; what is sent directly stands apart."""
    if event[0][1] in ("OriginateResponse", "UserEvent", "ExtensionStatus", "AgentComplete"):
        return event[0][1]
    if event[0][1] in ("ParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp", "UnParkedCall"):
        return f"parking {dict(event)['ParkeeChannel']}"
    if event[0][1] == "Cdr":
        return f"record {dict(event)['Channel']}"
    if event[0][1].startswith("Confbridge"):  # a thread of the conference's own tells these
        return f"conference {dict(event).get('Channel', '')}"
    if event[0][1] in ("DialBegin", "DialState", "DialEnd"):
        return f"dialling {dict(event)['DestChannel']}"
    for wanted in ("Channel", "DestChannel", "LocalOneChannel", "Device", "BridgeUniqueid"):
        for name, value in event:
            if name == wanted or (wanted == "Channel" and name in ("ParkeeChannel", "TransfererChannel")):
                return value
    return ""


def _sorted(said: list[tuple[str, Pairs]]) -> list[tuple[str, Pairs]]:
    """The same, with the items of lists without an order sorted."""
    places = [place for place, (_, message) in enumerate(said) if message and message[0][1] in _UNORDERED]
    ordered = list(said)
    while places:
        run = [places.pop(0)]
        while places and places[0] == run[-1] + 1:
            run.append(places.pop(0))
        ordered[run[0] : run[-1] + 1] = sorted(
            said[run[0] : run[-1] + 1], key=lambda entry: [_UUID.sub("", value) for _, value in entry[1]]
        )
    return ordered


def write(line: Line) -> str:
    """The transcript of a session, and of the others that it opened."""
    lines = [line, *line.others]
    said = {one: _sorted(one.said) for one in lines}
    names = Names(message for one in lines for message in [*one.events, *(message for _, message in said[one])])
    text: list[str] = []
    for one in lines:
        writer = Writer(names)
        text += [f"{direction} {writer.write('', message)}" for direction, message in said[one]]
        groups: dict[str, list[Pairs]] = defaultdict(list)
        is_transferred = any(event[0][1] == "AttendedTransfer" for event in one.events)
        for event in one.events:
            own = dict(event)
            # Who leaves as another comes may be its peer for a moment, or not.
            if is_transferred and own.get("Variable") == "BRIDGEPEER":
                continue
            if own["Event"] not in FOREIGN - one.also and not own.get("Device", "").startswith(_DEVICES_OF_CHANNELS):
                groups[names("", subject(event))].append(event)
        for group in sorted(groups):
            text.append(f"\n# {group or 'others'}")
            last = ""
            for event in groups[group]:
                written = writer.write(group, event)
                # A device's state is told again and again, and a peer that is known already.
                again = written.startswith("Event: DeviceStateChange") or "Variable: BRIDGEPEER" in written
                if written != last or not again:
                    text.append(written.removeprefix("Event: "))
                last = written
        text.append("")
    return "\n".join(text)
