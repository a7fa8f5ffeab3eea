"""Events of queues, their members and their callers."""

from __future__ import annotations

from ..fields import Boolean, Integer, Number, Text
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
    """An event about a member of a queue. Times are seconds since 1970."""

    __slots__ = ()

    queue = Text("Queue")
    member_name = Text("MemberName")
    interface = Text("Interface")
    state_interface = Text("StateInterface")
    membership = Text("Membership")
    penalty = Integer("Penalty")
    calls_taken = Integer("CallsTaken")
    last_call = Integer("LastCall")
    last_pause = Integer("LastPause")
    login_time = Integer("LoginTime")
    in_call = Boolean("InCall")
    status = Integer("Status")
    paused = Boolean("Paused")
    paused_reason = Text("PausedReason")
    ringinuse = Boolean("Ringinuse")
    wrapuptime = Integer("Wrapuptime")


class QueueMemberAdded(QueueMemberEvent):
    """A member was added to a queue."""

    __slots__ = ()


class QueueMemberRemoved(QueueMemberEvent):
    """A member was taken out of a queue."""

    __slots__ = ()


class QueueMemberPause(QueueMemberEvent):
    """A member was paused, or takes calls again."""

    __slots__ = ()


class QueueMemberPenalty(QueueMemberEvent):
    """A member has another penalty."""

    __slots__ = ()


class QueueMemberRinginuse(QueueMemberEvent):
    """A member is called while in a call, or no more."""

    __slots__ = ()


class QueueMemberStatus(QueueMemberEvent):
    """A member's device is in another state."""

    __slots__ = ()


class QueueMemberPaused(KnownEvent):
    """A member was paused, or takes calls again. Until Asterisk 11; `QueueMemberPause` since."""

    __slots__ = ()

    queue = Text("Queue")
    location = Text("Location")
    member_name = Text("MemberName")
    paused = Boolean("Paused")
    reason = Text("Reason")


class QueueCallerJoin(ChannelEvent):
    """A caller came into a queue."""

    __slots__ = ()

    queue = Text("Queue")
    position = Integer("Position")
    count = Integer("Count")


class QueueCallerLeave(ChannelEvent):
    """A caller left a queue."""

    __slots__ = ()

    queue = Text("Queue")
    position = Integer("Position")
    count = Integer("Count")


class QueueCallerAbandon(ChannelEvent):
    """A caller gave up waiting."""

    __slots__ = ()

    queue = Text("Queue")
    position = Integer("Position")
    original_position = Integer("OriginalPosition")
    hold_time = Integer("HoldTime")


class AgentEvent(ChannelEvent, DestEvent, abstract=True):
    """An event about a queue's caller and the member who is to talk with them."""

    __slots__ = ()

    queue = Text("Queue")
    member_name = Text("MemberName")
    interface = Text("Interface")


class AgentCalled(AgentEvent):
    """A member is being called for a caller."""

    __slots__ = ()


class AgentConnect(AgentEvent):
    """A member is connected with a caller. Times are seconds."""

    __slots__ = ()

    ring_time = Integer("RingTime")
    hold_time = Integer("HoldTime")


class AgentComplete(AgentEvent):
    """A member's call with a caller is over. Times are seconds. This ends no list."""

    __slots__ = ()

    hold_time = Integer("HoldTime")
    talk_time = Integer("TalkTime")
    reason = Text("Reason")


class AgentDump(AgentEvent):
    """A member declined a caller after an announcement."""

    __slots__ = ()


class AgentRingNoAnswer(AgentEvent):
    """A member did not answer. The time is in milliseconds."""

    __slots__ = ()

    ring_time = Integer("RingTime")


class QueueParams(KnownEvent):
    """A queue, as `QueueStatus` describes it."""

    __slots__ = ()

    queue = Text("Queue")
    max = Integer("Max")
    strategy = Text("Strategy")
    calls = Integer("Calls")
    holdtime = Integer("Holdtime")
    talk_time = Integer("TalkTime")
    completed = Integer("Completed")
    abandoned = Integer("Abandoned")
    service_level = Number("ServiceLevel")
    servicelevel_perf = Number("ServicelevelPerf")
    servicelevel_perf2 = Number("ServicelevelPerf2")
    weight = Integer("Weight")


class QueueMember(KnownEvent):
    """A member of a queue, as `QueueStatus` describes it."""

    __slots__ = ()

    queue = Text("Queue")
    name_ = Text("Name")
    location = Text("Location")
    state_interface = Text("StateInterface")
    membership = Text("Membership")
    penalty = Integer("Penalty")
    calls_taken = Integer("CallsTaken")
    last_call = Integer("LastCall")
    last_pause = Integer("LastPause")
    login_time = Integer("LoginTime")
    in_call = Boolean("InCall")
    status = Integer("Status")
    paused = Boolean("Paused")
    paused_reason = Text("PausedReason")
    wrapuptime = Integer("Wrapuptime")


class QueueEntry(KnownEvent):
    """A caller in a queue, as `QueueStatus` describes it."""

    __slots__ = ()

    queue = Text("Queue")
    position = Integer("Position")
    channel = Text("Channel")
    uniqueid = Text("Uniqueid")
    caller_id_num = Text("CallerIDNum")
    caller_id_name = Text("CallerIDName")
    connected_line_num = Text("ConnectedLineNum")
    connected_line_name = Text("ConnectedLineName")
    wait = Integer("Wait")
    priority = Integer("Priority")


class QueueStatusComplete(ListComplete):
    """The end of the list of `QueueStatus`."""

    __slots__ = ()


class QueueSummary(KnownEvent):
    """A queue in figures. Times are seconds."""

    __slots__ = ()

    queue = Text("Queue")
    logged_in = Integer("LoggedIn")
    available = Integer("Available")
    callers = Integer("Callers")
    hold_time = Integer("HoldTime")
    talk_time = Integer("TalkTime")
    longest_hold_time = Integer("LongestHoldTime")


class QueueSummaryComplete(ListComplete):
    """The end of a list of `QueueSummary`."""

    __slots__ = ()
