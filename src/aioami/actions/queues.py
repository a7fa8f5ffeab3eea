"""Actions on queues, their members and their callers."""

from __future__ import annotations

from ..responses.base import Response
from .base import Action, yes_no

__all__ = [
    "QueueAdd",
    "QueueLog",
    "QueuePause",
    "QueuePenalty",
    "QueueReload",
    "QueueRemove",
    "QueueStatus",
    "QueueSummary",
    "Queues",
]


class QueueAdd(Action[Response]):
    """Make an interface a member of a queue. A `QueueMemberAdded` event follows, without the ActionID.

    Args:
        interface: the device, as `PJSIP/alice`.
        queue: the queue's name.
        membername: a name to show; the interface if left out.
        penalty: members with a lower one are called first.
        paused: whether it begins paused.
        state_interface: the device whose state counts, if it is not the interface.
        reason: why it is paused; from Asterisk 18.
        wrapuptime: seconds of rest after each call; from Asterisk 16.
    """

    privilege = ("agent",)

    def __init__(
        self,
        interface: str,
        queue: str,
        membername: str | None = None,
        penalty: int = 0,
        paused: bool = False,
        *,
        state_interface: str | None = None,
        reason: str | None = None,
        wrapuptime: int | None = None,
    ) -> None:
        self._declare(
            {
                "Queue": queue,
                "Interface": interface,
                "Penalty": penalty,
                "Paused": yes_no("paused", paused),
                "MemberName": membername or None,
                "StateInterface": state_interface,
                "Reason": reason,
                "Wrapuptime": wrapuptime,
            }
        )


class QueueLog(Action[Response]):
    """Write a line of one's own into the queue log.

    Args:
        queue: the queue's name.
        event: the event's name in the log.
        interface: the member that it is about.
        uniqueid: the unique id of the call that it is about; `NONE` if left out.
        message: the rest of the line.
    """

    privilege = ("agent",)

    def __init__(
        self,
        queue: str,
        event: str,
        interface: str | None = None,
        uniqueid: str | None = None,
        message: str | None = None,
    ) -> None:
        self._declare(
            {"Queue": queue, "Event": event, "Uniqueid": uniqueid, "Interface": interface, "Message": message}
        )


class QueuePause(Action[Response]):
    """Pause a member, or let it take calls again. `QueueMemberPause` events follow.

    Args:
        interface: the member's interface.
        paused: `True` pauses.
        queue: in this queue alone; in all if left out.
        reason: to be shown and logged.
    """

    privilege = ("agent",)

    def __init__(self, interface: str, paused: bool, queue: str | None = None, *, reason: str | None = None) -> None:
        self._declare(
            {
                "Interface": interface,
                "Paused": yes_no("paused", paused, ("true", "false")),
                "Queue": queue,
                "Reason": reason,
            }
        )


class QueuePenalty(Action[Response]):
    """Change a member's penalty.

    Args:
        interface: the member's interface.
        penalty: the new one, 0 or more.
        queue: in this queue alone; in all if left out.
    """

    privilege = ("agent",)

    def __init__(self, interface: str, penalty: int, queue: str | None = None) -> None:
        self._declare({"Interface": interface, "Penalty": penalty, "Queue": queue})


class QueueReload(Action[Response]):
    """Read the configuration of queues again.

    Asterisk reloads everything if none of the three parts is asked for.

    Args:
        queue: this queue alone; all if left out.
        members, rules, parameters: which parts; `"yes"`, `"no"`, or a bool.
    """

    holds_session = True

    def __init__(
        self,
        queue: str | None = None,
        members: str | bool = "yes",
        rules: str | bool = "yes",
        parameters: str | bool = "yes",
    ) -> None:
        self._declare(
            {
                "Members": members if isinstance(members, str) else yes_no("members", members),
                "Rules": rules if isinstance(rules, str) else yes_no("rules", rules),
                "Parameters": parameters if isinstance(parameters, str) else yes_no("parameters", parameters),
                "Queue": queue,
            }
        )


class QueueRemove(Action[Response]):
    """Take a dynamic member out of a queue. A `QueueMemberRemoved` event follows, without the ActionID.

    Args:
        interface: the member's interface.
        queue: the queue's name.
    """

    privilege = ("agent",)

    def __init__(self, interface: str, queue: str) -> None:
        self._declare({"Queue": queue, "Interface": interface})


class QueueStatus(Action[Response]):
    """Describe queues: for each one `QueueParams`, its `QueueMember` and its `QueueEntry` events in this order.

    An unknown queue is an empty list. `QueueStatusComplete` ends it.

    Args:
        queue: this queue alone; all if left out.
        member: this member alone.
    """

    def __init__(self, queue: str | None = None, *, member: str | None = None) -> None:
        self._declare({"Queue": queue, "Member": member})


class QueueSummary(Action[Response]):
    """Sum queues up: one `QueueSummary` event each, ended by `QueueSummaryComplete`.

    Args:
        queue: this queue alone; all if left out.
    """

    def __init__(self, queue: str | None = None) -> None:
        self._declare({"Queue": queue})


class Queues(Action[Response]):
    """Show queues as the command line does; the lines are in the response's `data`. Until Asterisk 13."""

    until = 13
    raw = True

    def __init__(self) -> None:
        self._declare({})
