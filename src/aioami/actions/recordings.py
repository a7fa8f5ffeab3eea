"""Recording calls. The Monitor family went with Asterisk 21; MixMonitor stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..responses.base import Response
from ..responses.recordings import MixMonitorReply
from .base import KnownAction
from .parameters import header, one_of, true_false, truth

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "FORMAT_ALAW",
    "FORMAT_G723",
    "FORMAT_G729",
    "FORMAT_GSM",
    "FORMAT_SLN",
    "FORMAT_ULAW",
    "FORMAT_VOX",
    "FORMAT_WAV",
    "ChangeMonitor",
    "MixMonitor",
    "MixMonitorMute",
    "Monitor",
    "PauseMonitor",
    "StopMixMonitor",
    "StopMonitor",
    "UnpauseMonitor",
]

FORMAT_SLN = "sln"
FORMAT_G723 = "g723"
FORMAT_G729 = "g729"
FORMAT_GSM = "gsm"
FORMAT_ALAW = "alaw"
FORMAT_ULAW = "ulaw"
FORMAT_VOX = "vox"
FORMAT_WAV = "wav"


class MixMonitor(KnownAction[MixMonitorReply]):
    """Record a channel, both directions in one file.

    A `MixMonitorStart` event follows, from Asterisk 16.

    Args:
        channel: the channel's name.
        file: with its extension, absolute or below Asterisk's monitor folder.
        options: the options of the dialplan application `MixMonitor`; with `i(VARIABLE)` the reply
            has the recording's id.
        command: a command that the server runs when the recording ends.
    """

    privilege = ("system",)

    channel: str | bytes = header("Channel")
    file: str | bytes | None = header("File", default=None)
    _: KW_ONLY
    options: str | bytes | None = header("Options", default=None)
    command: str | bytes | None = header("Command", default=None)


class StopMixMonitor(KnownAction[Response]):
    """End the recording of a channel. A `MixMonitorStop` event follows, from Asterisk 16.

    Args:
        channel: the channel's name.
        mix_monitor_id: the id of one recording of the channel; left out, all.
    """

    privilege = ("system", "call")

    channel: str | bytes = header("Channel")
    mix_monitor_id: str | bytes | None = header("MixMonitorID", default=None)


class MixMonitorMute(KnownAction[Response]):
    """Silence one direction in a MixMonitor recording, or record it again.

    Args:
        channel: the channel's name.
        direction: `read` (from the channel), `write` (to it) or `both`.
        mute: `True` leaves the direction out of the recording.
        mix_monitor_id: the id of one recording of the channel; all if left out. From Asterisk 16.
    """

    privilege = ("system", "call")

    channel: str | bytes = header("Channel")
    direction: str = header("Direction", one_of("read", "write", "both"))
    mute: bool = header("State", truth("1", "0"))
    _: KW_ONLY
    mix_monitor_id: str | bytes | None = header("MixMonitorID", default=None)


class _Monitored(KnownAction[Response], abstract=True):
    """An action on a recording of the Monitor family."""

    privilege = ("call",)
    until = 20

    channel: str | bytes = header("Channel")


class Monitor(_Monitored):
    """Record a channel into files. Until Asterisk 20; a `MonitorStart` event follows.

    Args:
        channel: the channel's name.
        filename: without extension, absolute or below Asterisk's monitor folder.
        format: one of the `FORMAT_` constants, or whatever else this server can write.
        mix: whether both directions end up in one file.
    """

    filename: str | bytes = header("File")
    format: str | bytes = header("Format", default=FORMAT_WAV)
    mix: bool = header("Mix", true_false, default=True)


class ChangeMonitor(_Monitored):
    """Let the recording of a monitored channel go on in another file. Until Asterisk 20.

    Args:
        channel: the channel's name.
        filename: without extension.
    """

    filename: str | bytes = header("File")


class PauseMonitor(_Monitored):
    """Pause the recording of a monitored channel. Until Asterisk 20.

    Args:
        channel: the channel's name.
    """


class UnpauseMonitor(_Monitored):
    """Let a paused recording go on. Until Asterisk 20.

    Args:
        channel: the channel's name.
    """


class StopMonitor(_Monitored):
    """End the recording of a monitored channel. Until Asterisk 20; a `MonitorStop` event follows.

    Args:
        channel: the channel's name.
    """
