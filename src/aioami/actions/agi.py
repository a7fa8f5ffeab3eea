"""Steering a call from outside, in the language of AGI (`AGI(agi:async)` in the dialplan)."""

from __future__ import annotations

from typing import Any

from ..events.base import Event
from ..responses.agi import AGIReply
from ..responses.base import Response
from ..wire.text import Encoding
from .base import Action, KnownAction, bytes_of_header, is_same
from .parameters import header

__all__ = ["AGI"]


class AGI(KnownAction[AGIReply]):
    """Queue an AGI command on a channel that runs `AGI(agi:async)`.

    The reply says that it was queued; its `outcome()` is the `AsyncAGIExec` event with the
    command's result, and raises `ActionError` when the channel leaves AsyncAGI, or hangs up,
    before.

    Args:
        channel: the channel's name, or its Uniqueid.
        command: the command as in an AGI script: `ANSWER`, `EXEC Playback hello-world`,
            `ASYNCAGI BREAK`.
        command_id: comes back as the event's `CommandId`. Without one, the outcome is the channel's
            next result that has none either.

    Up to Asterisk 11 the results come in `AsyncAGI` events.
    """

    privilege = ("agi",)
    outcome_events = ("AsyncAGIExec", "AsyncAGIEnd", "Hangup", "AsyncAGI")

    channel: str | bytes = header("Channel")
    command: str | bytes = header("Command")
    command_id: str | bytes | None = header("CommandID", default=None)

    def outcome_keys(self: Action[Any], encoding: Encoding) -> tuple[bytes, ...]:
        values = (bytes_of_header(self, name, encoding) for name in ("Channel", "CommandID"))
        return tuple(value for value in values if value is not None)

    @staticmethod
    def event_keys(event: Event) -> tuple[bytes, ...]:
        # A result has the command's; an end is that of the channel.
        command_id = event.getbytes("CommandId")
        if command_id is not None:
            return (command_id,)
        return event.getbytes("Channel", b""), event.getbytes("Uniqueid", b"")

    def conclusion(self, action_id: str, event: Event) -> Event | str | None:
        if not (is_same(self, event, "Channel") or is_same(self, event, "Channel", "Uniqueid")):
            return None
        if event.name == "Hangup":
            return "the channel hung up before the command ended"
        sub_event = event.get("SubEvent", "").lower()
        if event.name == "AsyncAGIEnd" or sub_event == "end":
            return "the channel left AsyncAGI before the command ended"
        if event.name == "AsyncAGI" and sub_event != "exec":
            return None
        return event if is_same(self, event, "CommandID") else None


class SessionAGI(Action[Response], wire_name="AGI"):
    """The same for a session, which takes the results from the events by itself.

    So it has no outcome, and nobody has to find one for it in the events of all channels.

    Args:
        channel: the channel's Uniqueid.
        command: the command.
        command_id: comes back with its result.
    """

    privilege = AGI.privilege

    def __init__(self, channel: str, command: bytes, command_id: str) -> None:
        headers: dict[str, str | bytes] = {"Channel": channel, "Command": command}
        self._declare({**headers, "CommandID": command_id})
