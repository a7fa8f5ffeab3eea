"""MeetMe conferences, which need DAHDI (app_meetme). Deprecated in favour of ConfBridge."""

from __future__ import annotations

from ..events import meetme as events
from ..events.meetme import MeetmeListComplete, MeetmeListRoomsComplete
from ..responses.base import ListReply, Response
from .base import KnownAction
from .parameters import header

__all__ = [
    "MeetmeList",
    "MeetmeListRooms",
    "MeetmeMute",
    "MeetmeUnmute",
]


class MeetmeList(KnownAction[ListReply[events.MeetmeList, MeetmeListComplete]]):
    """List the participants of a conference, or of all. An unknown one is an empty list.

    Args:
        conference: its number; all if left out.
    """

    privilege = ("reporting",)
    reads_only = True
    empty_list_messages = ("No active conferences.",)

    conference: str | bytes | int | None = header("Conference", default=None)


class MeetmeListRooms(KnownAction[ListReply[events.MeetmeListRooms, MeetmeListRoomsComplete]]):
    """List the conferences."""

    privilege = ("reporting",)
    reads_only = True
    empty_list_messages = ("No active conferences.",)


class MeetmeMute(KnownAction[Response]):
    """Mute a participant. A `MeetmeMute` event follows.

    Args:
        meetme: the conference's number.
        usernum: the participant's number in it.
    """

    privilege = ("call",)

    meetme: str | bytes | int = header("Meetme")
    usernum: str | bytes | int = header("Usernum")


class MeetmeUnmute(KnownAction[Response]):
    """Unmute a participant. A `MeetmeMute` event follows.

    Args:
        meetme: the conference's number.
        usernum: the participant's number in it.
    """

    privilege = ("call",)

    meetme: str | bytes | int = header("Meetme")
    usernum: str | bytes | int = header("Usernum")
