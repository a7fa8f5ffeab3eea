"""Mailboxes of voicemail.conf, and their message counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import Exchange

__all__ = ["Mailbox", "mailboxes_of"]


@dataclass
class Mailbox:
    """A mailbox.

    Attributes:
        number, context: together its name, `1234@default`.
        fullname, email, timezone: of its user.
        new, old, urgent: number of messages.
    """

    exchange: Exchange
    number: str
    context: str
    fullname: str = ""
    email: str = ""
    timezone: str = ""
    new: int = 0
    old: int = 0
    urgent: int = 0

    def leave(self, count: int = 1) -> None:
        """Add new messages, and emit MessageWaiting."""
        self.new += count
        name = f"{self.number}@{self.context}"
        counts = [
            ("Waiting", "1" if self.new else "0"),
            ("New", str(self.new)),
            ("Old", str(self.old)),
        ]
        self.exchange.emit("MessageWaiting", [("Mailbox", name), *counts])


def mailboxes_of(exchange: Exchange) -> dict[str, Mailbox]:
    """Return the mailboxes of voicemail.conf, by `number@context`."""
    found: dict[str, Mailbox] = {}
    for category in exchange.file("voicemail.conf").categories:
        if category.name in ("general", "zonemessages"):
            continue
        for number, value in category.lines:
            parts = [part.strip() for part in value.split(",")] + [""] * 5
            options = dict(option.partition("=")[::2] for option in parts[4].split("|") if option)
            found[f"{number}@{category.name}"] = Mailbox(
                exchange, number, category.name, parts[1], parts[2], options.get("tz", "")
            )
    return found
