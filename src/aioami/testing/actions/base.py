"""Requests, answers, and the table of all actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Union

from ..accounts import Account, EventFilter
from ..message import Charset, Value

if TYPE_CHECKING:
    from ..exchange import Exchange, Pairs

__all__ = [
    "ACTIONS",
    "ID",
    "Answer",
    "Denied",
    "Known",
    "Request",
    "Session",
    "action",
    "error",
    "listed",
    "number",
    "success",
]

Message = Union[Mapping[str, Value], Sequence[tuple[str, Value]]]
Answer = Union[None, bytes, Message, Sequence[Message]]

ID: Final = ("ActionID", "\0")
"""Place of the request's ActionID in a message; the second header without it."""


class Session(Protocol):
    """The session of a request, as actions use it."""

    account: Account | None
    username: str
    mask: frozenset[str]
    filters: list[EventFilter]
    challenge: str

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The server's accounts by name."""

    def events(self) -> list[bytes]:
        """Remove the queued events, and return their bytes."""

    async def event(self, seconds: float | None) -> None:
        """Wait until an event is queued, at most `seconds` of the server's time."""


class Request:
    """An action that came to a fake server.

    Attributes:
        name: the action's name as it was sent; empty if it had none.
        action_id: its ActionID; `None` if it had none.
        headers: names and values of all headers, `Action` and `ActionID` included, in order.
        lines: its lines, without line ends.
        raw: its bytes, the blank line included.
        connection: the `FakeConnection` that it came by.
    """

    def __init__(self, lines: list[str], raw: bytes, connection: Session, charset: Charset) -> None:
        self.lines = lines
        self._charset = charset
        self.headers: Pairs = []
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                self.headers.append((name, value.lstrip(" ")))
        self.raw = raw
        self.connection = connection
        self.name = next(
            (value for name, value in self.headers if name.lower() == "action" and value),
            "",
        )
        self.action_id = self.get("ActionID") or None

    def get(self, name: str, default: str = "") -> str:
        """Return the value of the first header of a name, ignoring case.

        Args:
            name: the header's name.
            default: returned if there is no such header.
        """
        lowered = name.lower()
        return next((value for key, value in self.headers if key.lower() == lowered), default)

    def getall(self, name: str) -> list[str]:
        """Return the values of all headers of a name, ignoring case.

        Args:
            name: the header's name.
        """
        lowered = name.lower()
        return [value for key, value in self.headers if key.lower() == lowered]

    def getbytes(self, name: str) -> bytes | None:
        """Return the bytes of the first header of a name, ignoring case; `None` without one.

        Args:
            name: the header's name.
        """
        for line in self.raw.split(b"\n"):
            key, colon, value = line.removesuffix(b"\r").partition(b":")
            if colon and self._charset.shown(self._charset.decode(key)).lower() == name.lower():
                return value.lstrip(b" ")
        return None

    @property
    def shown(self) -> Request:
        """The request as a test sees it, decoded with the server's `encoding` and `errors`."""
        if self.raw.isascii():
            return self
        lines = [self._charset.shown(line) for line in self.lines]
        return Request(lines, self.raw, self.connection, self._charset)

    def true(self, name: str) -> bool:
        """Return true if a header has a value that Asterisk takes for true.

        Args:
            name: the header's name.
        """
        return self.get(name).lower() in ("yes", "true", "y", "t", "1", "on")

    def __repr__(self) -> str:
        return f"<Request {self.name} {self.action_id or ''}>"


class Denied(Exception):
    """The action fails; the text is the answer's message."""


Handler = Callable[["Exchange", Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Known:
    """An action of the server.

    Attributes:
        classes: write classes, one of which a user needs; empty for none.
        synopsis: a short description.
        until: the last Asterisk version that has it.
    """

    name: str
    classes: tuple[str, ...]
    synopsis: str
    until: int
    run: Handler

    def allowed(self, account: Account) -> bool:
        """Return true if an account may send the action."""
        return not self.classes or bool(set(self.classes) & account.writable)


ACTIONS: Final[dict[str, Known]] = {}


def action(
    name: str,
    classes: str,
    synopsis: str,
    *,
    until: int = 99,
) -> Callable[[Handler], Handler]:
    """Add the decorated function to the table of actions."""

    def enter(run: Handler) -> Handler:
        ACTIONS[name.lower()] = Known(
            name,
            tuple(filter(None, classes.split(","))),
            synopsis,
            until,
            run,
        )
        return run

    return enter


def number(text: str, default: int = 0) -> int:
    """Return a header's whole number; a huge one becomes 10**12."""
    if not text.isdecimal():
        return default
    return int(text) if len(text) <= 12 else 10**12


def success(text: str) -> Answer:
    """Return a success answer."""
    return {"Response": "Success", "Message": text}


def error(text: str) -> Answer:
    """Return an error answer."""
    return {"Response": "Error", "Message": text}


def listed(
    text: str,
    items: Sequence[Message],
    complete: str,
    extra: Sequence[tuple[str, str]] = (),
) -> Answer:
    """Return a list answer: its head, its items and its end."""
    head = [("Response", "Success"), ID, ("EventList", "start"), ("Message", text)]
    end = [
        ("Event", complete),
        ID,
        ("EventList", "Complete"),
        ("ListItems", str(len(items))),
        *extra,
    ]
    return [head, *items, end]
