"""Events of the server as a whole."""

from __future__ import annotations

from ..fields import Boolean, Integer, Text
from .base import KnownEvent

__all__ = [
    "FAXStats",
    "FullyBooted",
    "Load",
    "LogChannel",
    "Reload",
    "Shutdown",
    "Unload",
    "WaitEventComplete",
]


class FullyBooted(KnownEvent):
    """The server is ready. Sent behind the login, or when a server that was starting has started. Times are seconds,
    from Asterisk 16.
    """

    __slots__ = ()

    status = Text("Status")
    uptime = Integer("Uptime")
    last_reload = Integer("LastReload")


class Shutdown(KnownEvent):
    """The server ends."""

    __slots__ = ()

    shutdown = Text("Shutdown")
    restart = Boolean("Restart")


class Reload(KnownEvent):
    """A module's configuration was read again; the status 0 is right."""

    __slots__ = ()

    module = Text("Module")
    status = Integer("Status")


class Load(KnownEvent):
    """A module was loaded. From Asterisk 16."""

    __slots__ = ()

    module = Text("Module")
    status = Text("Status")


class Unload(KnownEvent):
    """A module was unloaded. From Asterisk 16."""

    __slots__ = ()

    module = Text("Module")
    status = Text("Status")


class LogChannel(KnownEvent):
    """A log file was opened or closed."""

    __slots__ = ()

    channel = Text("Channel")
    enabled = Boolean("Enabled")
    reason = Text("Reason")


class WaitEventComplete(KnownEvent):
    """The end of the action `WaitEvent`."""

    __slots__ = ()


class FAXStats(KnownEvent):
    """How faxes went, as the action of that name tells."""

    __slots__ = ()

    current_sessions = Integer("CurrentSessions")
    reserved_sessions = Integer("ReservedSessions")
    transmit_attempts = Integer("TransmitAttempts")
    receive_attempts = Integer("ReceiveAttempts")
    completed_fa_xes = Integer("CompletedFAXes")
    failed_fa_xes = Integer("FailedFAXes")
