"""Applications for conditions, for running others, and for queues and other channels."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from .calls import Origin, originate
from .channels import Channel, Party
from .dialplan import arguments, seconds_of
from .queues import Member

__all__ = ["CONTROL"]

_RUN: Final = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*$", re.DOTALL)
_FAILING: Final = re.compile(r"\s*(?:false|exit\s+[1-9]\d*)\s*$")
_ORIGINATED: Final = 30.0  # seconds that an originated call may ring
_REASONS: Final = {True: "SUCCESS", False: "FAILED"}


def _chosen(data: str) -> str:
    """Return the argument that a condition selects."""
    condition, _, rest = data.partition("?")
    depth, place = 0, len(rest)
    for number, character in enumerate(rest):
        depth += (character == "(") - (character == ")")
        if character == ":" and not depth:
            place = number
            break
    holds = condition.strip() not in ("", "0")
    return rest[:place] if holds else rest[place + 1 :]


async def _run(channel: Channel, text: str) -> bool:
    found = _RUN.match(text)
    return found is None or await channel.exchange.execute(channel, found[1], found[2] or "")


async def _exec_if(channel: Channel, data: str) -> bool:
    return await _run(channel, _chosen(data))


async def _try_exec(channel: Channel, data: str) -> bool:
    found = _RUN.match(data)
    if found is None or not channel.exchange.has_application(found[1]):
        channel.set_variable("TRYSTATUS", "NOAPP")
        return True
    went_well = await _run(channel, data)
    channel.set_variable("TRYSTATUS", "SUCCESS" if went_well else "FAILED")
    return True


def _if(application: str) -> Callable[[Channel, str], Awaitable[bool]]:
    """Return an application that runs another one if a condition holds."""

    async def run(channel: Channel, data: str) -> bool:
        place = _chosen(data)
        return not place or await channel.exchange.execute(channel, application, place)

    return run


async def _set_several(channel: Channel, data: str) -> bool:
    for each in arguments(data):
        await channel.exchange.execute(channel, "Set", each)
    return True


async def _no_op(channel: Channel, data: str) -> bool:
    return True


async def _system(channel: Channel, data: str) -> bool:
    """Run no command, but take `false` and `exit 1` for a command that fails."""
    status = "FAILURE" if not data else "APPERROR" if _FAILING.match(data) else "SUCCESS"
    channel.set_variable("SYSTEMSTATUS", status)
    return bool(data)


async def _try_system(channel: Channel, data: str) -> bool:
    await _system(channel, data)
    return True


async def _transfer(channel: Channel, data: str) -> bool:
    channel.set_variable("TRANSFERSTATUS", "UNSUPPORTED")
    return True


async def _originate(channel: Channel, data: str) -> bool:
    target, kind, *place = [*arguments(data), *[""] * 5]
    technology, _, rest = target.partition("/")
    runs = kind.lower() == "app"
    origin = Origin(
        technology,
        rest,
        seconds_of(place[3]) or _ORIGINATED,
        place[0] if runs else "",
        place[1] if runs else "",
        "" if runs else place[0],
        "" if runs else place[1] or "s",
        1 if runs or not place[2].isdecimal() else int(place[2]),
        Party(),
        "",
        [],
        "",
        "",
        "",
    )
    answered = await originate(channel.exchange, origin, emit=False)
    channel.set_variable("ORIGINATE_STATUS", _REASONS[answered])
    return True


async def _redirect_other(channel: Channel, data: str) -> bool:
    name, *place = [*arguments(data), *[""] * 3]
    other = channel.exchange.channel_like(name)
    if other is None:
        channel.set_variable("CHANNELREDIRECT_STATUS", "NOCHANNEL")
        return True
    other.redirect((place[0], place[1], int(place[2]) if place[2].isdecimal() else 1))
    channel.set_variable("CHANNELREDIRECT_STATUS", "SUCCESS")
    return True


# Members of queues


async def _add_member(channel: Channel, data: str) -> bool:
    name, interface, penalty, _, member_name, device, *_ = [*arguments(data), *[""] * 6]
    interface = interface or channel.device
    queue = channel.exchange.queues.get(name)
    if queue is None:
        status = "NOSUCHQUEUE"
    elif queue.member(interface) is not None:
        status = "MEMBERALREADY"
    else:
        cost = int(penalty) if penalty.isdecimal() else 0
        queue.add(
            Member(interface, member_name or interface, device or interface, "dynamic", cost, False)
        )
        status = "ADDED"
    channel.set_variable("AQMSTATUS", status)
    return True


async def _remove_member(channel: Channel, data: str) -> bool:
    name, interface, *_ = [*arguments(data), ""]
    queue = channel.exchange.queues.get(name)
    member = None if queue is None else queue.member(interface or channel.device)
    if queue is None:
        status = "NOSUCHQUEUE"
    elif member is None:
        status = "NOTINQUEUE"
    elif member.membership != "dynamic":
        status = "NOTDYNAMIC"
    else:
        queue.remove(member)
        status = "REMOVED"
    channel.set_variable("RQMSTATUS", status)
    return True


def _pausing(
    variable: str, status: str, *, paused: bool
) -> Callable[[Channel, str], Awaitable[bool]]:
    """Return the application that begins or ends a member's pause."""

    async def pause(channel: Channel, data: str) -> bool:
        name, interface, _, reason, *_ = [*arguments(data), *[""] * 4]
        found = [
            (queue, member)
            for queue in channel.exchange.queues.values()
            if name in ("", queue.name) and (member := queue.member(interface)) is not None
        ]
        for queue, member in found:
            queue.pause(member, paused, reason)
        channel.set_variable(variable, status if found else "NOTFOUND")
        return True

    return pause


CONTROL: Final[dict[str, Callable[[Channel, str], Awaitable[bool]]]] = {
    "AddQueueMember": _add_member,
    "ChannelRedirect": _redirect_other,
    "DumpChan": _no_op,
    "Exec": _run,
    "ExecIf": _exec_if,
    "GosubIf": _if("Gosub"),
    "GotoIf": _if("Goto"),
    "MSet": _set_several,
    "Originate": _originate,
    "PauseQueueMember": _pausing("PQMSTATUS", "PAUSED", paused=True),
    "Proceeding": _no_op,
    "RemoveQueueMember": _remove_member,
    "ResetCDR": _no_op,
    "StopPlayTones": _no_op,
    "System": _system,
    "Transfer": _transfer,
    "TryExec": _try_exec,
    "TrySystem": _try_system,
    "UnpauseQueueMember": _pausing("UPQMSTATUS", "UNPAUSED", paused=False),
}
