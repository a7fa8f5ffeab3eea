"""The cases as they are played, and the comparison of what a client handed over with what it should have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

FOLDER = Path(__file__).parents[1] / "conformance"
GREETING = b"Asterisk Call Manager/11.0.0\r\n"

# The two events that follow a case: one that it may spoil, and one that is lost only if the client reads no more.
NEXT, LAST = "NextToTheCase", "LastOfTheCase"
PROBES = [f"Event: UserEvent\r\nPrivilege: user,all\r\nUserEvent: {name}\r\n\r\n".encode() for name in (NEXT, LAST)]

# What is asked by the actions of the invented cases; recorded ones say it themselves.
ASKED = {
    "list": "CoreShowChannels",
    "list-start-with-capital": "FAXSessions",
    "error-in-a-list": "CoreShowChannels",
    "broadcast-beside-items": "ParkedCalls",
    "fax-stats": "FAXStats",
    "wait-event": "WaitEvent",
    "iaxnetstats": "IAXnetstats",
    "queues": "Queues",
    "message-twice": "PresenceState",
    "no-categories-found": "GetConfig",
    "two-blank-lines": "QueueRule",
}
# The absence of an ActionID is what this is about.
WITHOUT_ACTION_ID = ("reply-without-action-id",)
NOT_APPLICABLE = {
    "asterisk-22-leading-blank-lines": "no client sends what is answered so",
    "banner-and-more-in-one-read": "nobody can have asked yet",
    "old-form-without-action-id": "all clients send an ActionID, and get it back",
}

Pair = tuple[str, str]


@dataclass
class Expected:
    """A message that must be handed over; its text holds a byte in each character."""

    kind: str
    headers: list[Pair]
    unparsed: list[str]
    output: list[str] | None


@dataclass
class Delivered:
    """A message that a client handed over: its headers, and lines that are none."""

    headers: list[Pair]
    lines: list[str] = field(default_factory=list)


@dataclass
class Observed:
    """What became of one connection.

    Attributes:
        delivered: the messages, without those of the login.
        troubles: what the user was told, or what went wrong inside the client.
        not_applicable: why the case could not be played.
    """

    delivered: list[Delivered]
    troubles: list[str]
    not_applicable: str = ""

    @classmethod
    def from_json(cls, text: str) -> Observed:
        found = json.loads(text)
        delivered = [Delivered([(n, v) for n, v in item["headers"]], item["lines"]) for item in found["delivered"]]
        return cls(delivered, found["troubles"], found["not_applicable"])


@dataclass
class Case:
    """One case, as the server plays it.

    Attributes:
        data: the bytes behind the greeting; with it, if `at_once`.
        actions: what the client is to send beforehand: name, ActionID, and whether a list is the answer.
        at_once: whether everything is sent with the greeting, before the login.
        closes: whether the server closes the connection behind the bytes, and sends no further event.
        refused: whether the greeting is not AMI's, so that there is no login.
    """

    topic: str
    name: str
    data: bytes
    expected: list[Expected]
    actions: list[dict[str, Any]]
    greeting: bytes
    at_once: bool
    closes: bool
    refused: bool
    limit: int | None
    not_applicable: str = ""

    @property
    def patience(self) -> float:
        """Seconds until what did not come is held to be lost."""
        return 14 if self.refused else 30 if len(self.data) > 1_000_000 else 4

    def job(self) -> dict[str, Any]:
        """What the client's process must know."""
        return {
            "actions": self.actions,
            "count": len(self.expected),
            "closes": self.closes,
            "refused": self.refused,
            "limit": self.limit,
            "patience": self.patience,
            "repeats": len(self.actions) < sum(message.kind != "event" for message in self.expected),
        }


def expanded(text: Any) -> str:
    if isinstance(text, str):
        return text
    return "".join(part if isinstance(part, str) else part["repeat"] * part["times"] for part in text)


def expected_of(message: dict[str, Any]) -> Expected:
    headers: list[Pair] = []
    for header in message["headers"]:
        if isinstance(header, dict):
            headers += [(header["repeat"][0], header["repeat"][1])] * header["times"]
        else:
            headers.append((header[0], expanded(header[1])))
    return Expected(message["kind"], headers, message.get("unparsed", []), message.get("output"))


def topics() -> list[str]:
    """The files of cases; each is a topic."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def cases() -> Iterator[Case]:
    for topic in topics():
        for case in json.loads((FOLDER / f"{topic}.json").read_text())["cases"]:
            yield prepared(topic, case)


def prepared(topic: str, case: dict[str, Any]) -> Case:
    name, data = case["name"], expanded(case["bytes"])
    expected = [expected_of(message) for message in case["messages"]]
    replies = [message for message in expected if message.kind != "event"]
    banner, error = case.get("banner", False), case.get("error", False)
    at_once = banner and not replies
    greeting = GREETING
    if banner and not at_once:
        # The replies are sent when somebody has asked: behind the login.
        first, _, data = data.partition("\n")
        greeting = f"{first}\n".encode("latin-1")
    if name not in WITHOUT_ACTION_ID:
        data = with_action_ids(data, expected)
    return Case(
        topic=topic,
        name=name,
        data=data.encode("latin-1"),
        expected=expected,
        actions=actions_for(case, replies),
        greeting=greeting,
        at_once=at_once,
        closes=bool(case.get("rest")) or any(("Response", "Goodbye") in message.headers for message in replies),
        refused=banner and error,
        limit=case.get("limit") if error else None,
        not_applicable=NOT_APPLICABLE.get(name, ""),
    )


def with_action_ids(data: str, expected: list[Expected]) -> str:
    """Put the line into the replies that have none, and into what is expected of them."""
    position = 0
    for number, message in enumerate(expected, 1):
        if not message.headers:
            continue
        place = 2 if message.headers[:2] == [("Response", "Follows"), ("Privilege", "Command")] else 1
        lines = "".join(f"{re.escape(f'{name}: {value}')}\r?\n" for name, value in message.headers[:place])
        start = re.compile(rf"(?:\A|(?<=\n\r\n)|(?<=\n\n)){lines}").search(data, position)
        if start is None:
            continue
        position = start.end()
        if message.kind == "response" and not any(name == "ActionID" for name, _ in message.headers):
            added = ("ActionID", f"added-{number}")
            message.headers.insert(place, added)
            line = f"{added[0]}: {added[1]}\r\n"
            data = f"{data[:position]}{line}{data[position:]}"
            position += len(line)
    return data


def actions_for(case: dict[str, Any], replies: list[Expected]) -> list[dict[str, Any]]:
    """One action for each reply, but for a second one with the same ActionID."""
    recorded = re.search(r"\(([A-Z]\w*)", case["shows"])
    asked = recorded[1] if recorded else ASKED.get(case["name"], "Ping")
    actions: list[dict[str, Any]] = []
    for number, reply in enumerate(replies, 1):
        headers = dict(reversed(reply.headers))
        action_id = text_of(headers.get("ActionID", f"unnamed-{number}"))
        if any(action["id"] == action_id for action in actions):
            continue
        if headers.get("Response") == "Goodbye":
            name = "Logoff"
        elif reply.output is not None:
            name = "Command"
        else:
            name = asked
        listed = headers.get("EventList", "").lower() == "start"
        actions.append({"name": name, "id": action_id, "list": listed})
    return actions


def text_of(latin: str) -> str:
    return latin.encode("latin-1").decode("utf-8", "surrogateescape")


def same(text: Any, latin: str) -> bool:
    """Whether a text stands for these bytes."""
    wanted = text_of(latin)
    if text == wanted or ("%" in latin and text == unquote(wanted).strip()):
        return True
    return bool(text == latin and re.search("[\udc80-\udcff]", wanted))


def short(text: Any) -> str:
    shown = re.sub(r"\\udc([89a-f][0-9a-f])", r"\\x\1", repr(text))
    return shown if len(shown) <= 34 else f"{shown[:30]}…{shown[-1]}"


def by_name(headers: list[Pair]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.strip().lower(), []).append(value)
    return found


def difference(wanted: Expected, found: Delivered, *, strict: bool = False) -> str:
    """How a message differs from what it should be; empty if it does not. `strict` wants headers without a value, too."""
    if wanted.kind == "other":
        lines = [line for line in found.lines if line.strip()]
        agree = len(lines) == len(wanted.unparsed) and all(map(same, lines, wanted.unparsed))
        return "" if agree else "its lines are changed" if lines else "its lines are missing"
    want = by_name([(text_of(name), value) for name, value in wanted.headers])
    got = by_name(found.headers)
    spelling = {text_of(name).strip().lower(): text_of(name) for name, _ in wanted.headers}
    missing = [name for name, values in want.items() if name not in got and (strict or any(values))]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        unread = ", left as unread lines" if any(spelling[missing[0]] in line for line in found.lines) else ""
        return f"no header {spelling[missing[0]].strip()}{more}{unread}"
    for name in [name for name in want if name in got]:
        reason = values_differ(spelling[name], want[name], got[name])
        if reason:
            return reason
    if wanted.output is not None and "output" not in want:
        return output_differs(wanted.output, found.lines)
    extra = [name for name in got if name not in want]
    return f"a header that was not sent: {short(extra[0])}" if extra and not wanted.unparsed else ""


def values_differ(name: str, wanted: list[str], found: list[str]) -> str:
    if name.lower() == "output":
        if len(wanted) != len(found):
            return f"{len(found)} of {len(wanted)} lines of output"
        pairs = list(zip(wanted, found, strict=True))
    else:
        lost = [value for value in dict.fromkeys(wanted) if not any(same(text, value) for text in found)]
        odd = [text for text in found if not any(same(text, value) for value in wanted)]
        if lost and not odd:
            return f"{len(set(wanted)) - len(lost)} of {len(set(wanted))} values of {name}"
        if odd and not lost:
            return f"{name} also has {short(odd[0])}"
        pairs = list(zip(lost, odd, strict=False))
    for value, text in pairs:
        if not same(text, value):
            if isinstance(text, str) and text.strip() == text_of(value).strip():
                return f"blanks removed from {name}: {short(text)} for {short(text_of(value))}"
            return f"{name} is {apart(text, text_of(value))}"
    return ""


def apart(found: Any, wanted: str) -> str:
    """Two values, from where they begin to differ if they are long."""
    alike = next((n for n, (a, b) in enumerate(zip(str(found), wanted, strict=False)) if a != b), 0)
    begin = max(0, alike - 8) if len(wanted) > 30 else 0
    return f"{short(found[begin:] if begin else found)}, not {short(wanted[begin:])}"


def output_differs(wanted: list[str], found: list[str]) -> str:
    lines = [line.removesuffix("\r") for line in found]
    while lines and lines[-1] in ("", "--END COMMAND--"):
        lines.pop()
    if lines:
        lines[-1] = lines[-1].removesuffix("--END COMMAND--")
    wanted = "\n".join(line.removesuffix("\r") for line in wanted).rstrip("\n").split("\n") if wanted else []
    if len(lines) != len(wanted):
        return f"{len(lines)} of {len(wanted)} lines of output"
    for value, text in zip(wanted, lines, strict=True):
        if not same(text, value):
            return f"a line of output is {apart(text, text_of(value))}"
    return ""


def probe(name: str) -> Expected:
    return Expected("event", [("Event", "UserEvent"), ("Privilege", "user,all"), ("UserEvent", name)], [], None)


def taken(wanted: Expected, left: list[Delivered], *, strict: bool = False) -> bool:
    """Take a message out of those that were handed over, if it is there."""
    for message in left:
        if not difference(wanted, message, strict=strict):
            left.remove(message)
            return True
    return False


def verdict(case: Case, observed: Observed) -> str:
    """Why the case is failed; empty if it is passed."""
    left = list(observed.delivered)
    goes_on, goes_on_at_once = taken(probe(LAST), left), taken(probe(NEXT), left)
    missing = [wanted for wanted in case.expected if not taken(wanted, left, strict=case.topic == "headers")]
    titles = {wanted.headers[0][1] for wanted in (*case.expected, probe(NEXT)) if wanted.headers}
    reasons = messages_differ(missing, left, titles, len(case.expected))
    if case.refused or case.limit:
        if not observed.troubles:
            reasons.append("the user is told nothing")
    elif not case.closes and not goes_on:
        reasons.append(f"reads nothing more{f' ({observed.troubles[0]})' if observed.troubles else ''}")
    elif not case.closes and not goes_on_at_once:
        reasons.append("spoils the next event")
    return "; ".join(reasons)


def beginnings(titles: set[str], headers: list[Pair], lines: list[str]) -> int:
    """In how many places one of the case's messages seems to begin."""
    found = [value for name, value in headers if name.strip().lower() in ("event", "response")]
    text = "\n".join(("", *lines, *(value for _, value in headers)))
    return sum(value in titles for value in found + re.findall(r"\n(?:Event|Response): ([^\r\n]*)", text))


def messages_differ(missing: list[Expected], left: list[Delivered], titles: set[str], count: int) -> list[str]:
    most = max((beginnings(titles, wanted.headers, wanted.output or []) for wanted in missing), default=1)
    if any(beginnings(titles, message.headers, message.lines) > max(most, 1) for message in left):
        return ["merged two messages"]
    reasons: list[str] = []
    for wanted in list(missing):
        alike = [message for message in left if message.headers[:1] == wanted.headers[:1]]
        if not alike and len(left) == len(missing):
            alike = left[:1]
        if alike:
            best = min(alike, key=lambda message: len(difference(wanted, message, strict=True)))
            reasons = reasons or [difference(wanted, best, strict=True)]
            missing.remove(wanted)
            left.remove(best)
    if missing:
        reasons.append("lost the message" if count == 1 else f"lost {len(missing)} of {count} messages")
    if left:
        title = ": ".join(left[0].headers[0]) if left[0].headers else " ".join(left[0].lines).strip()
        reasons.append(f"a message that was not sent: {short(title)}" if title else "a message without text")
    return reasons
