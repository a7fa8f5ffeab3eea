"""Events of calls that are steered through AsyncAGI."""

from __future__ import annotations

from ..fields import Identifier, Integer, PercentEncoded, Text
from .base import KnownEvent
from .snapshots import ChannelEvent

__all__ = [
    "AGIExec",
    "AGIExecEnd",
    "AGIExecStart",
    "AsyncAGI",
    "AsyncAGIEnd",
    "AsyncAGIExec",
    "AsyncAGIStart",
]


class AsyncAGIStart(ChannelEvent):
    """A channel waits for AGI commands."""

    read_classes = ("agi",)

    env = PercentEncoded("Env")
    """The AGI environment as lines; Asterisk cuts long ones."""

    @property
    def environment(self) -> dict[str, str]:
        """The AGI environment by name (`agi_channel` ...)."""
        lines = (line.partition(": ") for line in (self.env or "").split("\n"))
        return {name: value for name, colon, value in lines if colon}


class AsyncAGIExec(ChannelEvent):
    """An AGI command has ended. `command_id` is the `CommandID` of the action."""

    read_classes = ("agi",)

    command_id = Text("CommandId")

    result = PercentEncoded("Result")
    """The command's answer with line end, as `200 result=1 (value)`; for `520` several lines."""

    @property
    def code(self) -> int | None:
        """The number that begins the result, as 200 for success, 510 for an unknown command, 511
        for a dead channel, and 520 for wrong usage.
        """
        digits = (self.result or "")[:3]
        return int(digits) if digits.isdecimal() else None


class AsyncAGIEnd(ChannelEvent):
    """A channel takes no more AGI commands."""

    read_classes = ("agi",)


class AGIExecStart(ChannelEvent):
    """An AGI command begins to run. Its `CommandId` is a number of the server's own."""

    read_classes = ("agi",)

    command = Text("Command")
    command_id = Text("CommandId")


class AGIExecEnd(ChannelEvent):
    """An AGI command has run. Its `CommandId` is a number of the server's own."""

    read_classes = ("agi",)

    command = Text("Command")
    command_id = Text("CommandId")
    result_code = Integer("ResultCode")
    result = Text("Result")


class AsyncAGI(KnownEvent):
    """A step of AsyncAGI on a channel; `SubEvent` is Start, Exec or End. Until Asterisk 11."""

    sub_event = Text("SubEvent")
    channel = Identifier("Channel")
    command_id = Text("CommandID")

    env = PercentEncoded("Env")
    result = PercentEncoded("Result")


class AGIExec(KnownEvent):
    """An AGI command began or ended, as the `SubEvent` says. Until Asterisk 11."""

    sub_event = Text("SubEvent")
    channel = Identifier("Channel")
    command_id = Text("CommandId")
    command = Text("Command")
    result_code = Integer("ResultCode")
    result = Text("Result")
