"""The mailboxes of the live state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..actions.base import Action
from ..actions.voicemail import VoicemailUsersList
from ..events.voicemail import MessageWaiting, VoicemailUserEntry
from .part import Lists, LiveObject, Reports, Table

__all__ = ["LiveMailbox", "Mailboxes"]


@dataclass(frozen=True, slots=True, repr=False)
class LiveMailbox(LiveObject):
    """A mailbox at one moment.

    Attributes:
        name: its name with its context, as `1234@default`.
        new: the number of messages that were not heard yet.
        old: the number of messages that were heard.
    """

    name: str
    new: int = 0
    old: int = 0


class Mailboxes(Table[LiveMailbox]):
    """The mailboxes, by `mailbox@context`."""

    name = "mailboxes"
    kind = "mailbox"
    modules = frozenset({"app_voicemail", "app_voicemail_imap", "app_voicemail_odbc"})

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self.handlers = {MessageWaiting: self._changed}

    def touched_by(self, action: Action[Any]) -> set[str] | None:
        # A refresh has no event for mailboxes without a subscription (tried on 16).
        return None if action.name.lower() == "voicemailrefresh" else set()

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        found: dict[str, LiveMailbox] = {}
        async for item in lists.items(VoicemailUsersList()):
            if isinstance(item, VoicemailUserEntry) and item.voice_mailbox:
                name = f"{item.voice_mailbox}@{item.vm_context or 'default'}"
                new, old = item.new_message_count, item.old_message_count
                found[name] = LiveMailbox(name, new or 0, old or 0)
        # Mailboxes that another program keeps are in no list.
        for name, mailbox in self._objects.items():
            if name not in found and (mailbox.new or mailbox.old):
                found[name] = mailbox
        self._show(found)

    def _changed(self, event: MessageWaiting) -> None:
        name = event.mailbox
        if name and event.new is not None:
            self._put(name, LiveMailbox(name, event.new, event.old or 0))
