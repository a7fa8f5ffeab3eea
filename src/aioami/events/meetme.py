"""Events of MeetMe conferences. MeetMe is deprecated in favour of ConfBridge."""

from __future__ import annotations

from ..fields import Boolean, Duration, Identifier, Integer, Seconds, Text
from .base import KnownEvent
from .snapshots import ChannelEvent, ListComplete

__all__ = [
    "MeetmeEnd",
    "MeetmeEvent",
    "MeetmeJoin",
    "MeetmeLeave",
    "MeetmeList",
    "MeetmeListComplete",
    "MeetmeListRooms",
    "MeetmeListRoomsComplete",
    "MeetmeMute",
    "MeetmeTalkRequest",
    "MeetmeTalking",
]


class MeetmeEvent(ChannelEvent, abstract=True):
    """An event about a participant."""

    read_classes = ("call",)

    meetme = Text("Meetme")
    conference = meetme.alias()
    user = Integer("User")
    user_number = user.alias()


class MeetmeJoin(MeetmeEvent):
    """Somebody joined."""


class MeetmeLeave(MeetmeEvent):
    """Somebody left."""

    duration = Seconds("Duration")


class MeetmeMute(MeetmeEvent):
    """Somebody was muted, or can be heard again."""

    duration = Seconds("Duration")
    status = Boolean("Status")


class MeetmeTalking(MeetmeEvent):
    """Somebody begins to talk, or stops."""

    duration = Seconds("Duration")
    status = Boolean("Status")


class MeetmeTalkRequest(MeetmeEvent):
    """A muted participant asks to talk, or takes the request back."""

    duration = Seconds("Duration")
    status = Boolean("Status")


class MeetmeEnd(KnownEvent):
    """A conference is over."""

    read_classes = ("call",)

    meetme = Text("Meetme")
    conference = meetme.alias()


class MeetmeList(KnownEvent):
    """A participant of a conference, as the action `MeetmeList` lists it."""

    conference = Text("Conference")
    meetme = conference.alias()
    user_number = Integer("UserNumber")
    user = user_number.alias()
    caller_id_num = Text("CallerIDNum")
    caller_id_name = Text("CallerIDName")
    connected_line_num = Text("ConnectedLineNum")
    connected_line_name = Text("ConnectedLineName")
    channel = Identifier("Channel")
    admin = Boolean("Admin")
    role = Text("Role")
    marked_user = Boolean("MarkedUser")
    muted = Text("Muted")
    """`No`, `By admin` or `By self`."""
    talking = Text("Talking")
    """`Yes`, `No` or `Not monitored`."""


class MeetmeListComplete(ListComplete):
    """The end of a list of `MeetmeList`."""


class MeetmeListRooms(KnownEvent):
    """A conference, as the action `MeetmeListRooms` lists it."""

    conference = Text("Conference")
    meetme = conference.alias()
    parties = Integer("Parties")
    marked = Text("Marked")
    """A number, or `N/A`."""
    activity = Duration("Activity")
    creation = Text("Creation")
    locked = Boolean("Locked")


class MeetmeListRoomsComplete(ListComplete):
    """The end of a list of `MeetmeListRooms`."""
