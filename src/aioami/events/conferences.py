"""Events of ConfBridge conferences."""

from __future__ import annotations

from ..fields import Boolean, Identifier, Integer, Seconds
from .base import KnownEvent
from .snapshots import BridgeEvent, ChannelEvent, ListComplete

__all__ = [
    "ConfbridgeEnd",
    "ConfbridgeJoin",
    "ConfbridgeLeave",
    "ConfbridgeList",
    "ConfbridgeListComplete",
    "ConfbridgeListRooms",
    "ConfbridgeListRoomsComplete",
    "ConfbridgeMute",
    "ConfbridgeRecord",
    "ConfbridgeStart",
    "ConfbridgeStopRecord",
    "ConfbridgeTalking",
    "ConfbridgeUnmute",
]


class ConfbridgeStart(BridgeEvent):
    """A conference begins."""

    read_classes = ("call",)

    conference = Identifier("Conference")


class ConfbridgeEnd(BridgeEvent):
    """A conference is over."""

    read_classes = ("call",)

    conference = Identifier("Conference")


class ConfbridgeRecord(BridgeEvent):
    """A conference begins to be recorded."""

    read_classes = ("call",)

    conference = Identifier("Conference")


class ConfbridgeStopRecord(BridgeEvent):
    """A conference is recorded no more."""

    read_classes = ("call",)

    conference = Identifier("Conference")


class ConfbridgeJoin(BridgeEvent, ChannelEvent):
    """A channel joined a conference."""

    read_classes = ("call",)

    conference = Identifier("Conference")
    admin = Boolean("Admin")
    muted = Boolean("Muted")


class ConfbridgeLeave(BridgeEvent, ChannelEvent):
    """A channel left a conference."""

    read_classes = ("call",)

    conference = Identifier("Conference")
    admin = Boolean("Admin")


class ConfbridgeMute(BridgeEvent, ChannelEvent):
    """A participant was muted."""

    read_classes = ("call",)

    conference = Identifier("Conference")
    admin = Boolean("Admin")


class ConfbridgeUnmute(BridgeEvent, ChannelEvent):
    """A participant can be heard again."""

    read_classes = ("call",)

    conference = Identifier("Conference")
    admin = Boolean("Admin")


class ConfbridgeTalking(BridgeEvent, ChannelEvent):
    """A participant begins to talk, or stops."""

    read_classes = ("call",)

    conference = Identifier("Conference")
    talking_status = Boolean("TalkingStatus")
    talking = talking_status.alias()
    admin = Boolean("Admin")


class ConfbridgeList(ChannelEvent):
    """A participant of a conference, as the action `ConfbridgeList` lists it."""

    conference = Identifier("Conference")
    admin = Boolean("Admin")
    marked_user = Boolean("MarkedUser")
    wait_marked = Boolean("WaitMarked")
    end_marked = Boolean("EndMarked")
    end_marked_any = Boolean("EndMarkedAny")
    waiting = Boolean("Waiting")
    muted = Boolean("Muted")
    talking = Boolean("Talking")
    talking_status = talking.alias()
    answered_time = Seconds("AnsweredTime")


class ConfbridgeListComplete(ListComplete):
    """The end of a list of `ConfbridgeList`."""


class ConfbridgeListRooms(KnownEvent):
    """A conference, as the action `ConfbridgeListRooms` lists it."""

    conference = Identifier("Conference")
    parties = Integer("Parties")
    marked = Integer("Marked")
    locked = Boolean("Locked")
    muted = Boolean("Muted")


class ConfbridgeListRoomsComplete(ListComplete):
    """The end of a list of `ConfbridgeListRooms`."""
