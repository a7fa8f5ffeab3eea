"""Recording calls. The Monitor family went with Asterisk 21; MixMonitor stays."""

from __future__ import annotations

from ..responses.base import Response
from .base import Action, checked, yes_no

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
    "MixMonitorMute",
    "Monitor",
    "PauseMonitor",
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


class Monitor(Action[Response]):
    """Record a channel into files. Until Asterisk 20; a `MonitorStart` event follows.

    Args:
        channel: the channel's name.
        filename: without extension, absolute or below Asterisk's monitor folder.
        format: one of the `FORMAT_` constants, or whatever else this server can write.
        mix: whether both directions end up in one file.
    """

    privilege = ("call",)
    until = 20

    def __init__(self, channel: str, filename: str, format: str = FORMAT_WAV, mix: bool = True) -> None:
        self._declare(
            {"Channel": channel, "File": filename, "Format": format, "Mix": yes_no("mix", mix, ("true", "false"))}
        )


class ChangeMonitor(Action[Response]):
    """Let the recording of a monitored channel go on in another file. Until Asterisk 20.

    Args:
        channel: the channel's name.
        filename: without extension.
    """

    privilege = ("call",)
    until = 20

    def __init__(self, channel: str, filename: str) -> None:
        self._declare({"Channel": channel, "File": filename})


class PauseMonitor(Action[Response]):
    """Pause the recording of a monitored channel. Until Asterisk 20.

    Args:
        channel: the channel's name.
    """

    privilege = ("call",)
    until = 20

    def __init__(self, channel: str) -> None:
        self._declare({"Channel": channel})


class UnpauseMonitor(Action[Response]):
    """Let a paused recording go on. Until Asterisk 20.

    Args:
        channel: the channel's name.
    """

    privilege = ("call",)
    until = 20

    def __init__(self, channel: str) -> None:
        self._declare({"Channel": channel})


class StopMonitor(Action[Response]):
    """End the recording of a monitored channel. Until Asterisk 20; a `MonitorStop` event follows.

    Args:
        channel: the channel's name.
    """

    privilege = ("call",)
    until = 20

    def __init__(self, channel: str) -> None:
        self._declare({"Channel": channel})


class MixMonitorMute(Action[Response]):
    """Leave a direction out of a MixMonitor recording, or take it in again.

    Args:
        channel: the channel's name.
        direction: `read` (from the channel), `write` (to it) or `both`.
        mute: `True` leaves it out.
        mix_monitor_id: which of several recordings of the channel; all if left out. From Asterisk 16.
    """

    privilege = ("system", "call")

    def __init__(self, channel: str, direction: str, mute: bool, *, mix_monitor_id: str | None = None) -> None:
        self._declare(
            {
                "Channel": channel,
                "Direction": checked("direction", direction, ("read", "write", "both")),
                "State": yes_no("mute", mute, ("1", "0")),
                "MixMonitorID": mix_monitor_id,
            }
        )
