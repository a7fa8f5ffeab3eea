"""How an action is answered: the request, the words of an answer, and the table of all actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, Union

from ..accounts import Account, EventFilter

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

Answer = Union[None, bytes, Mapping[str, str], Sequence[tuple[str, str]], Sequence["Message"]]
Message = Union[Mapping[str, str], Sequence[tuple[str, str]]]

ID: Final = ("ActionID", "\0")
"""Stands where a message has the request's ActionID; without it the ActionID is the second header."""


class Session(Protocol):
    """What an action sees of the session that it came by."""

    account: Account | None
    username: str
    mask: frozenset[str]
    filters: list[EventFilter]
    challenge: str

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Who may log in, by name."""

    def events(self) -> list[bytes]:
        """Take out the events that wait to be sent."""

    async def event(self, seconds: float | None) -> None:
        """Wait until an event waits to be sent, at most for so long."""


class Request:
    """One action, as it came.

    Attributes:
        name: the action's name as it was sent.
        action_id: its ActionID, `None` if it had none.
        headers: all its headers, `Action` and `ActionID` included.
        lines: the lines that it came in.
        raw: its bytes, the blank line included.
        connection: what it came by, a `FakeConnection`.
    """

    def __init__(self, lines: list[str], raw: bytes, connection: Session) -> None:
        self.lines = lines
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
        """The first header of that name, ignoring case."""
        lowered = name.lower()
        return next((value for key, value in self.headers if key.lower() == lowered), default)

    def getall(self, name: str) -> list[str]:
        """Every header of that name, ignoring case."""
        lowered = name.lower()
        return [value for key, value in self.headers if key.lower() == lowered]

    def true(self, name: str) -> bool:
        """Whether a header says yes in one of Asterisk's ways."""
        return self.get(name).lower() in ("yes", "true", "y", "t", "1", "on")

    def __repr__(self) -> str:
        return f"<Request {self.name} {self.action_id or ''}>"


class Denied(Exception):
    """The action cannot be done; the text is the answer's message."""


Handler = Callable[["Exchange", Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Known:
    """An action that the server has.

    Attributes:
        classes: any of these lets a user send it; none lets all.
        synopsis: what it does, in a few words.
        until: the last Asterisk version that has it.
    """

    name: str
    classes: tuple[str, ...]
    synopsis: str
    until: int
    run: Handler

    def allowed(self, account: Account) -> bool:
        """Whether a user may send it."""
        return not self.classes or bool(set(self.classes) & account.writable)


ACTIONS: Final[dict[str, Known]] = {}


def action(
    name: str,
    classes: str,
    synopsis: str,
    *,
    until: int = 99,
) -> Callable[[Handler], Handler]:
    """Enter a function into the table of actions."""

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
    """A whole number in a header; however large it is, something can be computed with it."""
    if not text.isdecimal():
        return default
    return int(text) if len(text) <= 12 else 10**12


def success(text: str) -> Answer:
    """An answer that says yes."""
    return {"Response": "Success", "Message": text}


def error(text: str) -> Answer:
    """An answer that says no."""
    return {"Response": "Error", "Message": text}


def listed(
    text: str,
    items: Sequence[Message],
    complete: str,
    extra: Sequence[tuple[str, str]] = (),
) -> Answer:
    """A list: its head, its items and its end."""
    head = [("Response", "Success"), ID, ("EventList", "start"), ("Message", text)]
    end = [
        ("Event", complete),
        ID,
        ("EventList", "Complete"),
        ("ListItems", str(len(items))),
        *extra,
    ]
    return [head, *items, end]
