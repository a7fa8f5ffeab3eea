"""Format 1 of the bus: subjects, headers, records, requests and answers.

Nothing here does input or output. `docs/reference/bus.md` describes the same for other languages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

from ..errors import ProtocolError
from ..wire.text import shown

__all__ = [
    "ACTIONS",
    "CREDIT",
    "EVENTS",
    "HEADER",
    "MARK_HEADER",
    "MAX_TOKEN",
    "PART_SIZE",
    "RECORDS",
    "REFUSED_ACTIONS",
    "RELAYS",
    "STOP",
    "VERSION",
    "Answer",
    "Epoch",
    "Failure",
    "Gap",
    "Heartbeat",
    "Mark",
    "Place",
    "Record",
    "Request",
    "Status",
    "Turn",
    "action_subject",
    "all_actions",
    "all_events",
    "escape",
    "event_subject",
    "heartbeat_subject",
    "parts",
    "record_subject",
    "server_name",
    "server_token",
    "split_subject",
    "stream_name",
    "unescape",
]

VERSION: Final = 1
"""The format's version, the first word of each header. A reader refuses unknown versions."""
HEADER: Final = "Ami"
"""The name of the one header that each message has."""
MARK_HEADER: Final = "Ami-Mark"
"""The name of the header in which a request asks for a mark."""
EVENTS: Final = "ami.ev"
ACTIONS: Final = "ami.act"
RELAYS: Final = "ami.relay"
MAX_TOKEN: Final = 200
"""The most bytes of an escaped name. A line of the bus has at most 4096, a stream's name 255."""
PART_SIZE: Final = 200_000
"""Bytes of an answer in one message; less where the bus takes less."""
CREDIT: Final = 8
"""The number of parts of an answer that may be sent before one of them is confirmed."""
STOP: Final = b"stop"
"""The body of a confirmation by which a requester declines the rest of an answer."""
REFUSED_ACTIONS: Final = frozenset({"login", "logoff", "challenge", "events", "filter"})
"""The actions that no relay passes on, in lower case, as they would change the shared session."""

_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_HEX: Final = frozenset("0123456789abcdef")
_EMPTY: Final = "="


# Names


def escape(name: str | bytes, field: str = "name") -> str:
    """Return a name as one token of a subject, or as part of a stream's name.

    ASCII letters, digits, `_` and `-` stand for themselves, and every other byte of the name's
    UTF-8 is `=` and two hexadecimal digits. The empty name is `=`. So no name's token begins with
    `@`, as the tokens of records do.

    Args:
        name: the name of a server, an event or an action; bytes are taken as they are.
        field: the kind of the name, for the error: `server`.

    Raises:
        ValueError: the token has more than `MAX_TOKEN` bytes.
    """
    data = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    if not data:
        return _EMPTY
    token = "".join(chr(each) if each in _PLAIN else f"={each:02x}" for each in data)
    if len(token) > MAX_TOKEN:
        raise ValueError(f"{field}: {len(token)} bytes when escaped, and at most {MAX_TOKEN} fit")
    return token


def unescape(token: str) -> str:
    """Return the name for a token; bytes that are no UTF-8 become lone surrogates.

    Raises:
        ProtocolError: `escape` makes no such token.
    """
    if token == _EMPTY:
        return ""
    first, *rest = token.split("=")
    data = [first.encode("utf-8", "surrogateescape")]
    for part in rest:
        digits = part[:2]
        if len(digits) < 2 or not _HEX.issuperset(digits):
            raise ProtocolError(f"{token!r:.80} is no name on the bus")
        data += [bytes((int(digits, 16),)), part[2:].encode("utf-8", "surrogateescape")]
    return b"".join(data).decode("utf-8", "surrogateescape")


def server_token(server: str) -> str:
    """Return the token of a server's name.

    Raises:
        ValueError: the name is empty or too long, or has half of a surrogate pair.
    """
    if not server:
        raise ValueError("server: a server on the bus has a name, and this one is empty")
    if _has_half_characters(server):
        raise ValueError("server: half of a surrogate pair is no character")
    return escape(server, "server")


def server_name(token: str) -> str:
    """Return the name of the server for a token.

    Raises:
        ProtocolError: `server_token` makes no such token.
    """
    name = unescape(token)
    if not name or _has_half_characters(name):
        raise ProtocolError(f"{token!r:.80} is no name of a server on the bus")
    return name


def _has_half_characters(text: str) -> bool:
    # Not by `wire.text.shown`, which decodes the bytes of a name that came in another encoding.
    return not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text)


def stream_name(server: str) -> str:
    """Return the name of the stream with a server's events.

    Raises:
        ValueError: the server's name is empty, or too long.
    """
    return f"AMI_{server_token(server)}"


def all_events(server: str) -> str:
    """Return the subject of all events and records of a server, with a wildcard."""
    return f"{EVENTS}.{server_token(server)}.>"


def event_subject(server: str, event: str | bytes) -> str:
    """Return the subject of a server's events of one name."""
    return f"{EVENTS}.{server_token(server)}.{escape(event, 'event')}"


def record_subject(server: str, kind: type[Record]) -> str:
    """Return the subject of a server's records of one kind."""
    return f"{EVENTS}.{server_token(server)}.{kind.token}"


def all_actions(server: str) -> str:
    """Return the subject of all actions for a server, with a wildcard."""
    return f"{ACTIONS}.{server_token(server)}.*"


def action_subject(server: str, action: str | bytes) -> str:
    """Return the subject of the requests for one action on a server."""
    return f"{ACTIONS}.{server_token(server)}.{escape(action, 'action')}"


def heartbeat_subject(server: str | None = None) -> str:
    """Return the subject of the heartbeats for a server; `None` is for all servers."""
    return f"{RELAYS}.{'*' if server is None else server_token(server)}"


def split_subject(subject: str) -> tuple[str, str]:
    """Return the server's name and the last token of a subject of this format.

    The token belongs to a record if it begins with `@`; for any other, `unescape` gives the name.

    Raises:
        ProtocolError: this format has no such subject.
    """
    words = subject.split(".")
    if len(words) == 4 and words[0] == "ami" and words[1] in ("ev", "act"):
        return server_name(words[2]), words[3]
    raise ProtocolError(f"{subject!r:.200} is no subject of the bus's format")


# Places


class Place(NamedTuple):
    """The header of a message in a server's stream: the message's place and time.

    Attributes:
        epoch: the leadership that wrote the message, as the sequence in the stream of the `@epoch`
            that began it. An `@epoch` itself has 0, as it cannot know its own sequence.
        n: the message's number in the epoch, counted over events and records, from 1; 0 for
            `@epoch`.
        k: its number among those of the same subject in the epoch, from 1; 0 for `@epoch`.
        time: microseconds since 1970 on the relay's clock, when the relay got the message.
    """

    epoch: int
    n: int
    k: int
    time: int

    def encode(self) -> str:
        """Return the header's value."""
        return f"1 {self.epoch} {self.n} {self.k} {self.time}"

    @classmethod
    def parse(cls, value: str) -> Place:
        """Read a header's value; fields after the known ones are ignored.

        Raises:
            ProtocolError: the value is not of this format, or of another version.
        """
        words = value.split()
        try:
            version, epoch, n, k, time = map(int, words[:5])
        except ValueError:
            raise _unreadable(value) from None
        if version != VERSION:
            raise _other_version(version)
        if (epoch | n | k | time) >> 63:  # one is negative, or has more than 64 bits
            raise _unreadable(value)
        return cls(epoch, n, k, time)


def _unreadable(value: str) -> ProtocolError:
    return ProtocolError(f"the header {HEADER}: {value!r:.80} is none of the bus's format")


def _other_version(version: int) -> ProtocolError:
    return ProtocolError(
        f"the bus speaks version {version} of the format, and this program knows {VERSION}"
    )


# Records

_RecordT = TypeVar("_RecordT", bound="Record")


@dataclass(frozen=True)
class Record:
    """A message by the relay itself among the events; its body is one JSON object.

    A reader ignores unknown names in the object, and records of an unknown kind.
    """

    token: ClassVar[str] = ""
    """The last token of the record's subject."""

    def encode(self) -> bytes:
        """Return the body."""
        return _json(vars(self))

    @classmethod
    def parse(cls: type[_RecordT], body: bytes) -> _RecordT:
        """Read a body.

        Raises:
            ProtocolError: it is no JSON object, or a name is missing or has another type.
        """
        found = _object(body, cls.token or cls.__name__)
        try:
            return cls._of(found)
        except (LookupError, OverflowError, TypeError, ValueError) as error:
            what = cls.token or cls.__name__
            raise ProtocolError(f"{what} on the bus cannot be read: {error!r:.200}") from error

    @classmethod
    def _of(cls: type[_RecordT], found: Mapping[str, Any]) -> _RecordT:
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in found.items() if name in names})


@dataclass(frozen=True)
class Epoch(Record):
    """The record that a relay leads from here on; later messages of earlier epochs are void.

    Attributes:
        relay: the relay's name.
        continues: the epoch and the number of the message after which this epoch goes on without a
            gap: a reader at that place has lost no event. `None` if there is no such message.
        since: microseconds since 1970, when the last event before this record was stored, as far
            as the relay knew when it took the lead; `None` where unknown. Unless `continues` is
            set, a `@gap` follows as soon as the relay is logged in.
    """

    token: ClassVar = "@epoch"

    relay: str
    continues: tuple[int, int] | None = None
    since: int | None = None

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Epoch:
        place = found.get("continues")
        continues = None if place is None else (_number(place[0]), _number(place[1]))
        since = _number_or_none(found.get("since"))
        return cls(_text(found["relay"]), continues, since)


@dataclass(frozen=True)
class Gap(Record):
    """The record that events are missing here.

    Attributes:
        reason: one word. Of a relay: `takeover` (another relay led before), `link` (the link to
            Asterisk was lost), `full` (the relay's buffer was full, as the bus was away or too
            slow) or `size` (an event was longer than the bus takes). Of a reader: `trimmed` (the
            bus had thrown events away before they were read), `store` (the bus lost its store) or
            `order` (an event was stored after later ones).
        since: microseconds since 1970, when the gap began; `None` where unknown.
        until: microseconds since 1970, when the gap ended.
        count: the number of missing events; `None` where unknown. With `trimmed`, a reader of all
            events counts messages, and some of them may have been records.
        text: a sentence for people.
    """

    token: ClassVar = "@gap"

    reason: str
    since: int | None
    until: int
    count: int | None
    text: str

    @property
    def seconds(self) -> float | None:
        """The length of the gap in seconds; `None` where unknown."""
        return None if self.since is None else max(0, self.until - self.since) / 1_000_000

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Gap:
        return cls(
            _text(found["reason"]),
            _number_or_none(found.get("since")),
            _number(found["until"]),
            _number_or_none(found.get("count")),
            _text(found.get("text", "")),
        )


@dataclass(frozen=True)
class Mark(Record):
    """The record of the place that the answer to a request has among the events.

    Attributes:
        mark: the text in the request's header `Ami-Mark`.
    """

    token: ClassVar = "@mark"

    mark: str

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Mark:
        return cls(_text(found["mark"]))


@dataclass(frozen=True)
class Status(Record):
    """The record of the state of the relay's link to Asterisk.

    It is written at each change, and again each minute, or more often if the log would throw it
    away sooner.

    Attributes:
        state: a value of `aioami.ManagerState`: `ready`, `reconnecting` ...
        since: microseconds since 1970, when the link entered this state.
        version: the server's AMI version; empty before it was reached.
        error: the reason why the link is not ready, as a sentence; empty if there is none.
        relay: the relay's name.
        mask: the event classes that the session asks for; `None` where unknown.
        filters: the filters of the session, each as the headers of its `Filter` action.
        permissions: the rights of the user as `{"read": [...], "write": [...], "event_filters":
            [...]}`; `None` where unknown.
        read_only: true if the relay refuses actions that may change something.
        allow: names of the actions that the relay passes on; `None` for all.
        attempts: the number of attempts that the last reconnection took; 0 if there was none.
        heard: microseconds since 1970, when the last sign of the server came before the link was
            lost; `None` while the link is up, and where unknown.
    """

    token: ClassVar = "@status"

    state: str
    since: int
    version: str = ""
    error: str = ""
    relay: str = ""
    mask: tuple[str, ...] | None = None
    filters: tuple[tuple[tuple[str, str], ...], ...] = ()
    permissions: Mapping[str, Any] | None = None
    read_only: bool = False
    allow: tuple[str, ...] | None = None
    attempts: int = 0
    heard: int | None = None

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Status:
        permissions = found.get("permissions")
        if permissions is not None and not isinstance(permissions, dict):
            raise TypeError("permissions is no object")
        return cls(
            state=_text(found["state"]),
            since=_number(found["since"]),
            version=_text(found.get("version", "")),
            error=_text(found.get("error", "")),
            relay=_text(found.get("relay", "")),
            mask=_texts_or_none(found.get("mask")),
            filters=tuple(
                tuple((_text(name), _text(value)) for name, value in each)
                for each in found.get("filters", ())
            ),
            permissions=permissions,
            read_only=bool(found.get("read_only", False)),
            allow=_texts_or_none(found.get("allow")),
            attempts=_number(found.get("attempts", 0)),
            heard=_number_or_none(found.get("heard")),
        )


RECORDS: Final[Mapping[str, type[Record]]] = {
    each.token: each for each in (Epoch, Gap, Mark, Status)
}
"""The kinds of records by the last token of their subjects."""


@dataclass(frozen=True)
class Heartbeat(Record):
    """A relay's sign of life, sent by core NATS several times a second, outside of the stream.

    Attributes:
        relay: the relay's name.
        role: `leader` or `standby`; `gone` in the last heartbeat of a relay that ends.
        epoch: the epoch that the relay leads, or knows of; 0 where unknown.
        state: the state of a leader's link to Asterisk, as in `Status`; empty for a standby.
        time: microseconds since 1970 on the relay's clock; 0 where unknown.
        listens_since: when the relay began to take requests over its present connection with the
            bus, on the same clock; 0 while it takes none, and where unknown. When this changes, the
            relay has forgotten all earlier requests.
    """

    relay: str
    role: str
    epoch: int = 0
    state: str = ""
    time: int = 0
    listens_since: int = 0

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Heartbeat:
        return cls(
            _text(found["relay"]),
            _text(found["role"]),
            _number(found.get("epoch", 0)),
            _text(found.get("state", "")),
            _number(found.get("time", 0)),
            _number(found.get("listens_since", 0)),
        )

    @property
    def turn(self) -> Turn:
        """The period in which the relay takes requests, and remembers them."""
        return Turn(self.relay, self.epoch, self.listens_since)


class Turn(NamedTuple):
    """A period in which a relay takes requests: over one connection with the bus, in one epoch."""

    relay: str
    epoch: int
    listens_since: int


# Requests and answers


@dataclass(frozen=True)
class Request:
    """An action for a server, as it is sent over the bus.

    Attributes:
        name: the action's name; the last token of the subject stands for it too.
        headers: its headers as bytes, in order, without `Action` and `ActionID`.
        sent: microseconds since 1970 on the requester's clock, when the request was sent.
        deadline: the time on the same clock after which the requester no longer waits, and the
            action must not run; `None` for no limit.
        action_id: the wanted ActionID; `None` leaves it to the relay.
        mark: a text for a `@mark` at the answer's place in the stream; `None` for no mark.
    """

    name: str
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)  # some are secret
    sent: int
    deadline: int | None
    action_id: str | None = None
    mark: str | None = None

    @property
    def timeout(self) -> float | None:
        """Seconds between `sent` and `deadline`."""
        return None if self.deadline is None else (self.deadline - self.sent) / 1_000_000

    def encode(self) -> tuple[dict[str, str], bytes]:
        """Return the headers on the bus, and the body: the action without its blank line."""
        deadline = "-" if self.deadline is None else self.deadline
        headers = {HEADER: f"1 {self.sent} {deadline}"}
        if self.mark is not None:
            headers[MARK_HEADER] = self.mark
        lines = [b"Action: " + self.name.encode("utf-8", "surrogateescape")]
        if self.action_id is not None:
            lines.append(b"ActionID: " + self.action_id.encode())
        lines += [name + b": " + value for name, value in self.headers]
        return headers, b"\r\n".join(lines)

    @classmethod
    def parse(cls, subject: str, headers: Mapping[str, str] | None, body: bytes) -> Request:
        """Read a request.

        Raises:
            ProtocolError: the request is not of this format; or its body has another action than
                its subject, to which the bus's permissions apply.
        """
        value = (headers or {}).get(HEADER, "")
        words = value.split()
        try:
            version, sent = _number(words[0]), _number(words[1])
            deadline = None if words[2] == "-" else _number(words[2])
        except (ValueError, IndexError, OverflowError):
            raise _unreadable(value) from None
        if version != VERSION:
            raise _other_version(version)
        found: list[tuple[bytes, bytes]] = []
        action_id: str | None = None
        name: str | None = None
        for line in body.removesuffix(b"\r\n\r\n").split(b"\r\n"):
            if b"\r" in line or b"\n" in line or b"\0" in line:
                raise ProtocolError("the body has a CR, LF or NUL within a line")
            key, colon, text = line.partition(b":")
            text = text.removeprefix(b" ")
            if not colon or not key:
                raise ProtocolError("the body has a line that is no header")
            lower = key.strip().lower()
            if lower == b"action":
                if name is not None or found or action_id is not None:
                    raise ProtocolError(
                        "the body has more than one action, or not as its first line"
                    )
                name = text.decode("utf-8", "surrogateescape")
            elif lower == b"actionid":
                if action_id is not None:
                    raise ProtocolError("the body has more than one ActionID")
                action_id = text.decode("utf-8", "surrogateescape")
            else:
                found.append((key, text))
        if name is None:
            raise ProtocolError("the body begins with no action")
        permitted = unescape(split_subject(subject)[1])
        if name != permitted:
            raise ProtocolError(
                f"the body is for {name!r:.80}, and its subject for {permitted!r:.80}"
            )
        return cls(name, tuple(found), sent, deadline, action_id, (headers or {}).get(MARK_HEADER))


@dataclass(frozen=True)
class Answer:
    """One of the messages that answer a request.

    Attributes:
        kind: `part` (of an answer; more parts follow), `answer` (its last part, mostly the only
            one) or `error` (see `Failure`; no message follows). After an `answer` may come
            `outcome` (the event that says how the action ended) or `failed` (see `Failure`; no
            outcome will come).
        number: 1 for the first part, and so on; 1 for all other kinds.
        time: microseconds since 1970 on the relay's clock.
        body: messages as on the wire, each with its blank line, divided at any byte; for an
            `outcome` one event, without its blank line.
    """

    kind: str
    number: int
    time: int
    body: bytes = field(repr=False)

    KINDS: ClassVar = frozenset({"part", "answer", "error", "outcome", "failed"})

    def encode(self) -> tuple[dict[str, str], bytes]:
        """Return the headers on the bus, and the body."""
        return {HEADER: f"1 {self.kind} {self.number} {self.time}"}, self.body

    @classmethod
    def parse(cls, headers: Mapping[str, str] | None, body: bytes) -> Answer:
        """Read an answer.

        Raises:
            ProtocolError: the answer is not of this format.
        """
        value = (headers or {}).get(HEADER, "")
        words = value.split()
        try:
            version, kind = _number(words[0]), words[1]
            number, time = _number(words[2]), _number(words[3])
        except (ValueError, IndexError, OverflowError):
            raise _unreadable(value) from None
        if version != VERSION:
            raise _other_version(version)
        if kind not in cls.KINDS:
            raise ProtocolError(f"{kind!r:.80} is no kind of answer")
        return cls(kind, number, time, body)


@dataclass(frozen=True)
class Failure(Record):
    """The body of an `error` or a `failed`: the exception for the requester to raise.

    Attributes:
        error: the name of a class in `aioami.errors`, or `ValueError`.
        text: the exception's message.
        sent: false if the action certainly did not reach the server.
    """

    error: str
    text: str
    sent: bool = False

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Failure:
        sent = found.get("sent", False)
        return cls(_text(found["error"]), _text(found["text"]), bool(sent))


def parts(data: bytes, size: int = PART_SIZE) -> Iterator[tuple[str, int, bytes]]:
    """Divide a long answer; yield the kind, the number and the bytes of each part.

    Args:
        data: the messages as on the wire.
        size: bytes in one part.
    """
    count = max(1, -(-len(data) // size))
    for number in range(1, count + 1):
        kind = "part" if number < count else "answer"
        yield kind, number, data[(number - 1) * size : number * size]


# JSON


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _object(body: bytes, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # no JSON, or nested too deeply
        raise ProtocolError(f"{what} on the bus is no JSON: {body!r:.80}") from None
    if not isinstance(found, dict):
        raise ProtocolError(f"{what} on the bus is no JSON object: {body!r:.80}")
    return _printable(found) if rb"\ud" in body.lower() else found


def _printable(value: Any) -> Any:
    """Return a JSON value without halves of surrogate pairs, which cannot be printed."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {shown(name): _printable(each) for name, each in value.items()}
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, not {type(value).__name__}")
    return value


def _texts_or_none(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(_text(each) for each in value)


def _number(value: Any) -> int:
    number = int(value)
    if not -(2**63) <= number < 2**63:  # a quotient of longer ones may be no float
        raise OverflowError("a number has more than 64 bits")
    return number


def _number_or_none(value: Any) -> int | None:
    return None if value is None else _number(value)
