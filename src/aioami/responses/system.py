"""Replies of the session itself, and of the server as a whole."""

from __future__ import annotations

from typing import Final

from ..fields import Boolean, Integer, Number, Text, Timestamp
from .base import Response

__all__ = [
    "ChallengeReply",
    "CommandReply",
    "CoreSettingsReply",
    "CoreStatusReply",
    "EventsReply",
    "ListCommandsReply",
    "PingReply",
]

_HEAD: Final = frozenset({"response", "actionid", "message"})


class ChallengeReply(Response):
    """The text with which a login hashes the secret."""

    challenge = Text("Challenge")


class CommandReply(Response):
    """The output of a command: `data`, a text for each line, blanks and empty lines kept."""


class CoreSettingsReply(Response):
    """The server's version and limits."""

    ami_version = Text("AMIversion")
    asterisk_version = Text("AsteriskVersion")
    system_name = Text("SystemName")
    core_max_calls = Integer("CoreMaxCalls")
    """The limit of calls; 0 is no limit."""
    core_max_load_avg = Number("CoreMaxLoadAvg")
    core_run_user = Text("CoreRunUser")
    core_run_group = Text("CoreRunGroup")
    core_max_filehandles = Integer("CoreMaxFilehandles")
    core_real_time_enabled = Boolean("CoreRealTimeEnabled")
    core_cdr_enabled = Boolean("CoreCDRenabled")
    core_http_enabled = Boolean("CoreHTTPenabled")
    sounds_search_custom_dir = Boolean("SoundsSearchCustomDir")
    """From Asterisk 18."""


class CoreStatusReply(Response):
    """The times of the server's start and reload, in its local time, and its number of calls."""

    core_startup_date = Text("CoreStartupDate")
    core_startup_time = Text("CoreStartupTime")
    core_reload_date = Text("CoreReloadDate")
    core_reload_time = Text("CoreReloadTime")
    core_current_calls = Integer("CoreCurrentCalls")
    core_processed_calls = Integer("CoreProcessedCalls")
    """From Asterisk 20."""


class EventsReply(Response):
    """The answer to a change of the event mask."""

    @property
    def enabled(self) -> bool | None:
        """True if events are on; `None` if the reply does not say. The read classes still apply."""
        text = (
            (self.find("Events") or (self.find("Response") or "").removeprefix("Events "))
            .strip()
            .lower()
        )
        return {"on": True, "off": False}.get(text)


class ListCommandsReply(Response):
    """The actions that this user may send."""

    @property
    def data(self) -> list[str]:
        """A line for each action, with its name, its synopsis and its classes."""
        return [f"{name}: {value}" for name, value in self._commands()]

    @property
    def commands(self) -> dict[str, str]:
        """The synopsis of each action, by its name."""
        return dict(self._commands())

    def _commands(self) -> list[tuple[str, str]]:
        return [
            header
            for header in self.headers
            if header[0].lower() not in _HEAD or "(Priv:" in header[1]
        ]


class PingReply(Response):
    """The answer to a Ping."""

    timestamp = Timestamp("Timestamp")
    """The server's clock in seconds since 1970."""

    @property
    def RTT(self) -> float:
        """Seconds from the request to this answer, on a monotonic clock; -1.0 for a failure."""
        return self.seconds if self.success and self.seconds is not None else -1.0

    @property
    def rtt(self) -> float:
        """The same as `RTT`."""
        return self.RTT
