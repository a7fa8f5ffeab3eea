"""Actions about queues."""

from __future__ import annotations

from ..exchange import Exchange, Pairs
from ..exchange.queues import Member, Queue
from .base import ID, Answer, Request, action, error, listed, success


def _wanted(exchange: Exchange, name: str) -> list[Queue]:
    return [queue for queue in exchange.queues.values() if name.lower() in ("", queue.name.lower())]


@action("QueueStatus", "", "Lists queues, their members and their callers")
async def queue_status(exchange: Exchange, request: Request) -> Answer:
    wanted = request.get("Member")
    items: list[Pairs] = []
    for queue in _wanted(exchange, request.get("Queue")):
        items.append([("Event", "QueueParams"), *queue.params(), ID])
        for member in queue.members:
            if wanted in ("", member.interface):
                items.append([("Event", "QueueMember"), *queue.member_item(member), ID])
        callers = [queue.entry(caller) for caller in queue.callers]
        items += [[("Event", "QueueEntry"), *entry, ID] for entry in callers]
    return listed("Queue status will follow", items, "QueueStatusComplete")


@action("QueueSummary", "", "Sums up queues")
async def queue_summary(exchange: Exchange, request: Request) -> Answer:
    queues = _wanted(exchange, request.get("Queue"))
    items: list[Pairs] = [[("Event", "QueueSummary"), *queue.summary(), ID] for queue in queues]
    return listed("Queue summary will follow", items, "QueueSummaryComplete")


@action("QueueAdd", "agent", "Takes a member into a queue")
async def queue_add(exchange: Exchange, request: Request) -> Answer:
    name, interface = request.get("Queue"), request.get("Interface")
    if not name:
        return error("'Queue' not specified.")
    if not interface:
        return error("'Interface' not specified.")
    queue = exchange.queues.get(name)
    if queue is None:
        return error("Unable to add interface to queue: No such queue")
    if queue.member(interface) is not None:
        return error("Unable to add interface: Already there")
    penalty = request.get("Penalty")
    queue.add(
        Member(
            interface,
            request.get("MemberName") or interface,
            request.get("StateInterface") or interface,
            "dynamic",
            int(penalty) if penalty.isdecimal() else 0,
            request.true("Paused"),
        )
    )
    return success("Added interface to queue")


@action("QueueRemove", "agent", "Lets a member of a queue go")
async def queue_remove(exchange: Exchange, request: Request) -> Answer:
    name, interface = request.get("Queue"), request.get("Interface")
    if not name or not interface:
        return error("Need 'Queue' and 'Interface' parameters.")
    queue = exchange.queues.get(name)
    if queue is None:
        return error("Unable to remove interface from queue: No such queue")
    member = queue.member(interface)
    if member is None:
        return error("Unable to remove interface: Not there")
    if member.membership != "dynamic":
        return error("Member not dynamic")
    queue.remove(member)
    return success("Removed interface from queue")


@action("QueuePause", "agent", "Gives a member a pause, or ends it")
async def queue_pause(exchange: Exchange, request: Request) -> Answer:
    interface = request.get("Interface")
    if not interface or not request.get("Paused"):
        return error("Need 'Interface' and 'Paused' parameters.")
    paused = request.true("Paused")
    found = [(queue, queue.member(interface)) for queue in _wanted(exchange, request.get("Queue"))]
    if not any(member for _, member in found):
        return error("Interface not found")
    for queue, member in found:
        if member is not None:
            queue.pause(member, paused, request.get("Reason"))
    return success(f"Interface {'paused' if paused else 'unpaused'} successfully")


@action("QueuePenalty", "agent", "Gives a member another penalty")
async def queue_penalty(exchange: Exchange, request: Request) -> Answer:
    interface, penalty = request.get("Interface"), request.get("Penalty")
    if not interface or not penalty:
        return error("Need 'Interface' and 'Penalty' parameters.")
    found = [(queue, queue.member(interface)) for queue in _wanted(exchange, request.get("Queue"))]
    if not any(member for _, member in found) or not penalty.isdecimal():
        return error("Invalid interface, queuename or penalty")
    for queue, member in found:
        if member is not None:
            queue.penalize(member, int(penalty))
    return success("Interface penalty set successfully")


@action("QueueReset", "", "Counts the calls of queues anew")
async def queue_reset(exchange: Exchange, request: Request) -> Answer:
    for queue in _wanted(exchange, request.get("Queue")):
        queue.reset()
    return success("Queue stats reset successfully")


@action("QueueLog", "agent", "Writes a line into the log of the queues")
async def queue_log(exchange: Exchange, request: Request) -> Answer:
    if not request.get("Queue") or not request.get("Event"):
        return error("Need 'Queue' and 'Event' parameters.")
    return success("Event added successfully")


@action("QueueReload", "", "Reads the configuration of queues again")
async def queue_reload(exchange: Exchange, request: Request) -> Answer:
    return success("Queue reloaded successfully")


@action("Queues", "", "Describes the queues as text", until=13)
async def queues(exchange: Exchange, request: Request) -> Answer:
    lines = []
    for queue in exchange.queues.values():
        calls = f"{len(queue.callers)} calls (max unlimited)"
        lines.append(f"{queue.name} has {calls} in '{queue.strategy}' strategy")
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
