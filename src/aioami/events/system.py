"""Events of the server as a whole."""

from __future__ import annotations

from ..fields import Boolean, Identifier, Integer, Seconds, Text
from .base import KnownEvent

__all__ = [
    "CloseSession",
    "DeadlockStart",
    "FullyBooted",
    "LogChannel",
    "Shutdown",
    "TestEvent",
    "WaitEventComplete",
]


class FullyBooted(KnownEvent):
    """The server is ready. Sent behind the login, or once a server that was starting has started.

    The times are from Asterisk 16.
    """

    read_classes = ("system",)

    status = Text("Status")
    uptime = Seconds("Uptime")
    last_reload = Seconds("LastReload")


class Shutdown(KnownEvent):
    """The server ends."""

    read_classes = ("system",)

    shutdown = Text("Shutdown")
    restart = Boolean("Restart")


class LogChannel(KnownEvent):
    """A log file was opened or closed."""

    read_classes = ("system",)

    channel = Identifier("Channel")
    enabled = Boolean("Enabled")
    reason = Text("Reason")


class WaitEventComplete(KnownEvent):
    """The end of the action `WaitEvent`."""


class DeadlockStart(KnownEvent):
    """A deadlock between threads of Asterisk, which only a restart ends.

    From Asterisk 16, where it was built with `DETECT_DEADLOCKS`.
    """

    read_classes = ("system",)

    mutex = Text("Mutex")


class TestEvent(KnownEvent):
    """An event for Asterisk's own tests, from builds with the test framework alone.

    Most headers depend on `State`.
    """

    read_classes = ("reporting",)

    type = Text("Type")
    state = Text("State")
    app_file = Text("AppFile")
    app_function = Text("AppFunction")
    app_line = Integer("AppLine")
    channel = Identifier("Channel")
    call_id = Text("CallID")
    prior_call_id = Text("PriorCallID")
    conference = Text("Conference")
    old_state = Text("OldState")
    new_state = Text("NewState")
    mode = Text("Mode")
    endpoint = Text("Endpoint")
    aor = Text("AOR")
    contact = Text("Contact")
    port = Integer("Port")
    file = Text("File")
    message_ = Text("Message")
    result = Text("Result")


class CloseSession(KnownEvent):
    """An internal mark in the queue of a session that will end. Asterisk never sends it."""

    close_session = Boolean("CloseSession")
