"""Queues, their members and their callers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import queues as events
from ..events.queues import (
    QueueEntry,
    QueueMember,
    QueueParams,
    QueueStatusComplete,
    QueueSummaryComplete,
)
from ..responses.base import ListReply, Response
from ..responses.queues import QueueRuleReply
from .base import KnownAction
from .parameters import (
    HeaderValue,
    header,
    one_of,
    text_or_none,
    true_false,
    whole_number,
    yes_no,
)

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "QueueAdd",
    "QueueChangePriorityCaller",
    "QueueLog",
    "QueueMemberRingInUse",
    "QueuePause",
    "QueuePenalty",
    "QueueReload",
    "QueueRemove",
    "QueueReset",
    "QueueRule",
    "QueueStatus",
    "QueueSummary",
    "QueueWithdrawCaller",
    "Queues",
]


def _part(field: str, value: str | bool) -> HeaderValue:
    return one_of("yes", "no")(field, value) if isinstance(value, str) else yes_no(field, value)


class QueueAdd(KnownAction[Response]):
    """Add a member to a queue. A `QueueMemberAdded` event follows, without the ActionID.

    Args:
        interface: the device, as `PJSIP/alice`.
        queue: the queue's name.
        membername: a name to show; the interface if left out.
        penalty: members with a lower one are called first.
        paused: whether it begins paused.
        state_interface: the device whose state counts, if it is not the interface.
        reason: why it is paused; from Asterisk 20.
        wrapuptime: seconds of rest after each call; from Asterisk 16.
    """

    privilege = ("agent",)

    interface: str | bytes = header("Interface")
    queue: str | bytes = header("Queue")
    membername: str | bytes | None = header("MemberName", text_or_none, default=None)
    penalty: int = header("Penalty", whole_number(minimum=0), default=0)
    paused: bool = header("Paused", yes_no, default=False)
    _: KW_ONLY
    state_interface: str | bytes | None = header("StateInterface", default=None)
    reason: str | bytes | None = header("Reason", default=None)
    wrapuptime: int | None = header("Wrapuptime", whole_number(minimum=0), default=None)


class QueueRemove(KnownAction[Response]):
    """Remove a dynamic member from a queue.

    A `QueueMemberRemoved` event follows, without the ActionID.

    Args:
        interface: the member's interface.
        queue: the queue's name.
    """

    privilege = ("agent",)

    interface: str | bytes = header("Interface")
    queue: str | bytes = header("Queue")


class QueuePause(KnownAction[Response]):
    """Pause a member, or let it take calls again. `QueueMemberPause` events follow.

    Args:
        interface: the member's interface.
        paused: `True` pauses.
        queue: only in this queue; left out, in all.
        reason: to be shown and logged.
    """

    privilege = ("agent",)

    interface: str | bytes = header("Interface")
    paused: bool = header("Paused", true_false)
    queue: str | bytes | None = header("Queue", default=None)
    _: KW_ONLY
    reason: str | bytes | None = header("Reason", default=None)


class QueuePenalty(KnownAction[Response]):
    """Change a member's penalty. A `QueueMemberPenalty` event follows.

    Args:
        interface: the member's interface.
        penalty: the new one, 0 or more.
        queue: only in this queue; left out, in all.
    """

    privilege = ("agent",)

    interface: str | bytes = header("Interface")
    penalty: int = header("Penalty", whole_number(minimum=0))
    queue: str | bytes | None = header("Queue", default=None)


class QueueMemberRingInUse(KnownAction[Response]):
    """Set whether a member is called while in a call. A `QueueMemberRinginuse` event follows.

    Args:
        interface: the member's interface.
        ring_in_use: `True` if the member is called while in a call.
        queue: only in this queue; left out, in all.
    """

    privilege = ("agent",)

    interface: str | bytes = header("Interface")
    ring_in_use: bool = header("RingInUse", yes_no)
    queue: str | bytes | None = header("Queue", default=None)


class QueueChangePriorityCaller(KnownAction[Response]):
    """Change the priority of a caller in a queue. From Asterisk 15.

    Args:
        queue: the queue's name.
        caller: the name of the channel that waits.
        priority: the new one.
        immediate: whether the caller's position changes at once; from Asterisk 18.
    """

    queue: str | bytes = header("Queue")
    caller: str | bytes = header("Caller")
    priority: int = header("Priority", whole_number())
    _: KW_ONLY
    immediate: bool | None = header("Immediate", yes_no, default=None)


class QueueWithdrawCaller(KnownAction[Response]):
    """Withdraw a caller from a queue. From Asterisk 16.25, 18.11 and 20.

    The caller goes on in the dialplan.

    Args:
        queue: the queue's name.
        caller: the name of the channel that waits.
        withdraw_info: a text for the dialplan, in the variable `QUEUE_WITHDRAW_INFO`.
    """

    queue: str | bytes = header("Queue")
    caller: str | bytes = header("Caller")
    _: KW_ONLY
    withdraw_info: str | bytes | None = header("WithdrawInfo", default=None)


class QueueLog(KnownAction[Response]):
    """Write a line into the queue log.

    Args:
        queue: the queue's name.
        event: the event's name in the log.
        interface: the member that it is about.
        uniqueid: the unique id of the call that it is about; `NONE` if left out.
        message: the rest of the line.
    """

    privilege = ("agent",)

    queue: str | bytes = header("Queue")
    event: str | bytes = header("Event")
    interface: str | bytes | None = header("Interface", default=None)
    uniqueid: str | bytes | None = header("Uniqueid", default=None)
    message: str | bytes | None = header("Message", default=None)


class QueueReload(KnownAction[Response]):
    """Read the configuration of queues again.

    Asterisk reloads everything if none of the three parts is asked for.

    Args:
        queue: only this queue; left out, all.
        members, rules, parameters: which parts; `"yes"`, `"no"`, or a bool.
    """

    holds_session = True

    queue: str | bytes | None = header("Queue", default=None)
    members: str | bool = header("Members", _part, default="yes")
    rules: str | bool = header("Rules", _part, default="yes")
    parameters: str | bool = header("Parameters", _part, default="yes")


class QueueReset(KnownAction[Response]):
    """Reset a queue's statistics.

    Args:
        queue: only this queue; left out, all.
    """

    queue: str | bytes | None = header("Queue", default=None)


class QueueRule(KnownAction[QueueRuleReply]):
    """Show the penalty rules of queuerules.conf. An unknown one is a success without rules.

    Args:
        rule: only this one; left out, all.
    """

    reads_only = True

    rule: str | bytes | None = header("Rule", default=None)


class QueueStatus(
    KnownAction[ListReply[QueueParams | QueueMember | QueueEntry, QueueStatusComplete]]
):
    """Describe queues: for each its `QueueParams`, `QueueMember` and `QueueEntry` events.

    An unknown queue is an empty list.

    Args:
        queue: only this queue; left out, all.
        member: only this member.
    """

    reads_only = True

    queue: str | bytes | None = header("Queue", default=None)
    _: KW_ONLY
    member: str | bytes | None = header("Member", default=None)


class QueueSummary(KnownAction[ListReply[events.QueueSummary, QueueSummaryComplete]]):
    """Sum queues up, one event each. An unknown queue is an empty list.

    Args:
        queue: only this queue; left out, all.
    """

    reads_only = True

    queue: str | bytes | None = header("Queue", default=None)


class Queues(KnownAction[Response]):
    """Show queues as the command line does, in the response's `data`. Until Asterisk 13."""

    reads_only = True
    until = 13
    bare_reply = "lines"
    fenced = True
