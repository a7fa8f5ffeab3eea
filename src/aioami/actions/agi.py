"""Control of a call from outside by AGI commands (`AGI(agi:async)` in the dialplan)."""

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

    The reply means that it was queued; its `outcome()` is the `AsyncAGIExec` event with the
    command's result. It raises `ActionError` if the channel leaves AsyncAGI or hangs up first.

    Args:
        channel: the channel's name, or its Uniqueid.
        command: the command as in an AGI script: `ANSWER`, `EXEC Playback hello-world`,
            `ASYNCAGI BREAK`.
        command_id: the event repeats it as `CommandId`. Without one, the outcome is the channel's
            next result without one.

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
        # An AsyncAGIExec has the command's id; an AsyncAGIEnd has none, and belongs to the channel.
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
    """Queue an AGI command of a session, which finds the result among its events itself.

    So this action has no outcome, and the events of all channels need not be searched for one.

    Args:
        channel: the channel's Uniqueid.
        command: the command.
        command_id: the id that the result repeats.
    """

    privilege = AGI.privilege

    def __init__(self, channel: str, command: bytes, command_id: str) -> None:
        headers: dict[str, str | bytes] = {"Channel": channel, "Command": command}
        self._declare({**headers, "CommandID": command_id})
