"""ConfBridge conferences."""

from __future__ import annotations

from ..events import conferences as events
from ..events.conferences import ConfbridgeListComplete, ConfbridgeListRoomsComplete
from ..responses.base import ListReply, Response
from .base import KnownAction
from .parameters import header, text_or_none

__all__ = [
    "ConfbridgeKick",
    "ConfbridgeList",
    "ConfbridgeListRooms",
    "ConfbridgeLock",
    "ConfbridgeMute",
    "ConfbridgeSetSingleVideoSrc",
    "ConfbridgeStartRecord",
    "ConfbridgeStopRecord",
    "ConfbridgeUnlock",
    "ConfbridgeUnmute",
]


class _Conference(KnownAction[Response], abstract=True):
    """An action on a conference."""

    privilege = ("call",)

    conference: str | bytes = header("Conference")


class _Participant(_Conference, abstract=True):
    """An action on a participant of a conference."""

    channel: str | bytes = header("Channel")


class ConfbridgeList(KnownAction[ListReply[events.ConfbridgeList, ConfbridgeListComplete]]):
    """List the participants of a conference.

    An unknown conference is an error while there are others, and an empty list else.

    Args:
        conference: its name.
    """

    privilege = ("reporting",)
    reads_only = True
    empty_list_messages = ("No active conferences.",)

    conference: str | bytes = header("Conference")


class ConfbridgeListRooms(
    KnownAction[ListReply[events.ConfbridgeListRooms, ConfbridgeListRoomsComplete]]
):
    """List the conferences."""

    privilege = ("reporting",)
    reads_only = True
    empty_list_messages = ("No active conferences.",)


class ConfbridgeMute(_Participant):
    """Mute a participant. A `ConfbridgeMute` event follows.

    Args:
        conference: its name.
        channel: the channel's name; from Asterisk 13 also `all`, or `participants` for all but
            admins.
    """


class ConfbridgeUnmute(_Participant):
    """Unmute a participant. A `ConfbridgeUnmute` event follows.

    Args:
        conference: its name.
        channel: the channel's name; from Asterisk 13 also `all`, or `participants` for all but
            admins.
    """


class ConfbridgeKick(_Participant):
    """Remove a participant from a conference.

    Args:
        conference: its name.
        channel: the channel's name; from Asterisk 13 also `all`, or `participants` for all but
            admins.
    """


class ConfbridgeSetSingleVideoSrc(_Participant):
    """Choose whom all others see.

    Args:
        conference: its name.
        channel: the channel's name.
    """


class ConfbridgeLock(_Conference):
    """Lock a conference, so that nobody else can join.

    Args:
        conference: its name.
    """


class ConfbridgeUnlock(_Conference):
    """Unlock a conference, so that others can join again.

    Args:
        conference: its name.
    """


class ConfbridgeStartRecord(_Conference):
    """Record a conference. A `ConfbridgeRecord` event follows.

    Args:
        conference: its name.
        filename: with its extension; what the conference is configured with if left out.
    """

    privilege = ("system",)

    filename: str | bytes | None = header("RecordFile", text_or_none, default=None)


class ConfbridgeStopRecord(_Conference):
    """Stop the recording of a conference. A `ConfbridgeStopRecord` event follows.

    Asterisk 13 requires the class `call` for it.

    Args:
        conference: its name.
    """

    privilege = ("system",)
