"""Events of queues, their members and their callers."""

from __future__ import annotations

from ..enums import QueueMemberState
from ..fields import (
    Boolean,
    Enumeration,
    Identifier,
    Integer,
    Milliseconds,
    Number,
    Seconds,
    Text,
    Timestamp,
)
from .base import KnownEvent
from .snapshots import ChannelEvent, DestEvent, ListComplete

__all__ = [
    "AgentCalled",
    "AgentComplete",
    "AgentConnect",
    "AgentDump",
    "AgentEvent",
    "AgentRingNoAnswer",
    "QueueCallerAbandon",
    "QueueCallerJoin",
    "QueueCallerLeave",
    "QueueEntry",
    "QueueMember",
    "QueueMemberAdded",
    "QueueMemberEvent",
    "QueueMemberPause",
    "QueueMemberPaused",
    "QueueMemberPenalty",
    "QueueMemberRemoved",
    "QueueMemberRinginuse",
    "QueueMemberStatus",
    "QueueParams",
    "QueueStatusComplete",
    "QueueSummary",
    "QueueSummaryComplete",
]


class QueueMemberEvent(KnownEvent, abstract=True):
    """An event about a member of a queue."""

    read_classes = ("agent",)

    queue = Identifier("Queue")
    member_name = Text("MemberName")
    name_ = member_name.alias()
    interface = Identifier("Interface")
    location = interface.alias()
    state_interface = Text("StateInterface")
    membership = Text("Membership")
    penalty = Integer("Penalty")
    calls_taken = Integer("CallsTaken")
    last_call = Timestamp("LastCall")
    last_pause = Timestamp("LastPause")
    login_time = Timestamp("LoginTime")
    in_call = Boolean("InCall")
    status = Enumeration("Status", QueueMemberState)
    paused = Boolean("Paused")
    paused_reason = Text("PausedReason")
    ringinuse = Boolean("Ringinuse")
    wrapuptime = Seconds("Wrapuptime")


class QueueMemberAdded(QueueMemberEvent):
    """A member was added to a queue."""


class QueueMemberRemoved(QueueMemberEvent):
    """A member was taken out of a queue."""


class QueueMemberPause(QueueMemberEvent):
    """A member was paused, or takes calls again."""

    reason = Text("Reason")


class QueueMemberPenalty(QueueMemberEvent):
    """A member has another penalty."""


class QueueMemberRinginuse(QueueMemberEvent):
    """A member is called while in a call, or no more."""


class QueueMemberStatus(QueueMemberEvent):
    """A member's device is in another state."""


class QueueMemberPaused(KnownEvent):
    """A member was paused, or takes calls again. Until Asterisk 11; `QueueMemberPause` since."""

    queue = Identifier("Queue")
    location = Identifier("Location")
    interface = location.alias()
    member_name = Text("MemberName")
    name_ = member_name.alias()
    paused = Boolean("Paused")
    reason = Text("Reason")


class QueueCallerJoin(ChannelEvent):
    """A caller came into a queue."""

    read_classes = ("agent",)

    queue = Identifier("Queue")
    position = Integer("Position")
    count = Integer("Count")


class QueueCallerLeave(ChannelEvent):
    """A caller left a queue."""

    read_classes = ("agent",)

    queue = Identifier("Queue")
    position = Integer("Position")
    count = Integer("Count")


class QueueCallerAbandon(ChannelEvent):
    """A caller gave up waiting."""

    read_classes = ("agent",)

    queue = Identifier("Queue")
    position = Integer("Position")
    original_position = Integer("OriginalPosition")
    hold_time = Seconds("HoldTime")


class AgentEvent(ChannelEvent, DestEvent, abstract=True):
    """An event about a queue's caller and the member for this call."""

    read_classes = ("agent",)

    queue = Identifier("Queue")
    member_name = Text("MemberName")
    interface = Identifier("Interface")


class AgentCalled(AgentEvent):
    """A member is being called for a caller."""


class AgentConnect(AgentEvent):
    """A member is connected with a caller."""

    ring_time = Seconds("RingTime")
    hold_time = Seconds("HoldTime")


class AgentComplete(AgentEvent):
    """A member's call with a caller is over. This ends no list."""

    hold_time = Seconds("HoldTime")
    talk_time = Seconds("TalkTime")
    reason = Text("Reason")


class AgentDump(AgentEvent):
    """A member declined a caller after an announcement."""


class AgentRingNoAnswer(AgentEvent):
    """A member did not answer."""

    ring_time = Milliseconds("RingTime")


class QueueParams(KnownEvent):
    """A queue, as `QueueStatus` describes it."""

    queue = Identifier("Queue")
    max = Integer("Max")
    strategy = Text("Strategy")
    calls = Integer("Calls")
    callers = calls.alias()
    holdtime = Seconds("Holdtime")
    hold_time = holdtime.alias()
    talk_time = Seconds("TalkTime")
    completed = Integer("Completed")
    abandoned = Integer("Abandoned")
    service_level = Seconds("ServiceLevel")
    servicelevel_perf = Number("ServicelevelPerf")
    servicelevel_perf2 = Number("ServicelevelPerf2")
    weight = Integer("Weight")


class QueueMember(KnownEvent):
    """A member of a queue, as `QueueStatus` describes it."""

    queue = Identifier("Queue")
    name_ = Text("Name")
    member_name = name_.alias()
    location = Identifier("Location")
    interface = location.alias()
    state_interface = Text("StateInterface")
    membership = Text("Membership")
    penalty = Integer("Penalty")
    calls_taken = Integer("CallsTaken")
    last_call = Timestamp("LastCall")
    last_pause = Timestamp("LastPause")
    login_time = Timestamp("LoginTime")
    in_call = Boolean("InCall")
    status = Enumeration("Status", QueueMemberState)
    paused = Boolean("Paused")
    paused_reason = Text("PausedReason")
    wrapuptime = Seconds("Wrapuptime")


class QueueEntry(KnownEvent):
    """A caller in a queue, as `QueueStatus` describes it."""

    queue = Identifier("Queue")
    position = Integer("Position")
    channel = Identifier("Channel")
    uniqueid = Identifier("Uniqueid")
    caller_id_num = Text("CallerIDNum")
    caller_id_name = Text("CallerIDName")
    connected_line_num = Text("ConnectedLineNum")
    connected_line_name = Text("ConnectedLineName")
    wait = Seconds("Wait")
    priority = Integer("Priority")


class QueueStatusComplete(ListComplete):
    """The end of the list of `QueueStatus`."""


class QueueSummary(KnownEvent):
    """A queue in figures."""

    queue = Identifier("Queue")
    logged_in = Integer("LoggedIn")
    available = Integer("Available")
    callers = Integer("Callers")
    calls = callers.alias()
    hold_time = Seconds("HoldTime")
    holdtime = hold_time.alias()
    talk_time = Seconds("TalkTime")
    longest_hold_time = Seconds("LongestHoldTime")


class QueueSummaryComplete(ListComplete):
    """The end of a list of `QueueSummary`."""
