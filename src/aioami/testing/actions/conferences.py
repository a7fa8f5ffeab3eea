"""Actions of app_confbridge."""

from __future__ import annotations

from ..exchange import Exchange
from ..exchange.conferences import Conference
from .base import ID, Answer, Denied, Request, action, error, listed, success


def _conference(exchange: Exchange, request: Request) -> Conference:
    """Return the conference that an action names."""
    name = request.get("Conference")
    if not name:
        raise Denied("No Conference name provided.")
    if not exchange.conferences:
        raise Denied("No active conferences.")
    found = exchange.conferences.get(name)
    if found is None:
        raise Denied("No Conference by that name found.")
    return found


@action("ConfbridgeListRooms", "reporting", "Lists the conferences")
async def list_rooms(exchange: Exchange, request: Request) -> Answer:
    if not exchange.conferences:
        return error("No active conferences.")
    items = [
        [
            ("Event", "ConfbridgeListRooms"),
            ID,
            ("Conference", each.name),
            ("Parties", str(len(each.bridge.channels))),
            ("Marked", "0"),
            ("Locked", "Yes" if each.locked else "No"),
            ("Muted", "No"),
        ]
        for each in exchange.conferences.values()
    ]
    return listed("Confbridge conferences will follow", items, "ConfbridgeListRoomsComplete")


@action("ConfbridgeList", "reporting", "Lists who is in a conference")
async def list_users(exchange: Exchange, request: Request) -> Answer:
    conference = _conference(exchange, request)
    ends = [("EndMarkedAny", "No")] if exchange.major > 16 else []
    items = [
        [
            ("Event", "ConfbridgeList"),
            ID,
            ("Conference", conference.name),
            *[(name, "No") for name in ("Admin", "MarkedUser", "WaitMarked", "EndMarked")],
            *ends,
            ("Waiting", "No"),
            ("Muted", "Yes" if each in conference.muted else "No"),
            ("Talking", "No"),
            ("AnsweredTime", str(int(exchange.clock.now - (each.answered or 0)))),
            *each.snapshot(),
        ]
        for each in conference.bridge.channels
    ]
    return listed("Confbridge user list will follow", items, "ConfbridgeListComplete")


def _mute(exchange: Exchange, request: Request, *, mute: bool) -> Answer:
    name = request.get("Channel")
    if request.get("Conference") and not name:
        return error("No channel name provided.")
    conference = _conference(exchange, request)
    members = conference.named(name)
    if not members:
        return error("No Channel by that name found in Conference.")
    for each in members:
        conference.mute(each, mute=mute)
    return success("User muted" if mute else "User unmuted")


@action("ConfbridgeMute", "call", "Mutes who is in a conference")
async def mute(exchange: Exchange, request: Request) -> Answer:
    return _mute(exchange, request, mute=True)


@action("ConfbridgeUnmute", "call", "Lets who is in a conference be heard again")
async def unmute(exchange: Exchange, request: Request) -> Answer:
    return _mute(exchange, request, mute=False)


@action("ConfbridgeLock", "call", "Lets nobody into a conference")
async def lock(exchange: Exchange, request: Request) -> Answer:
    _conference(exchange, request).locked = True
    return success("Conference locked")


@action("ConfbridgeUnlock", "call", "Lets others into a conference again")
async def unlock(exchange: Exchange, request: Request) -> Answer:
    _conference(exchange, request).locked = False
    return success("Conference unlocked")


@action("ConfbridgeKick", "call", "Removes one or all from a conference")
async def kick(exchange: Exchange, request: Request) -> Answer:
    conference = _conference(exchange, request)
    name = request.get("Channel")
    members = conference.named(name)
    if not members:
        return error("No Channel by that name found in Conference.")
    for each in members:
        conference.kick(each)
    return success("All participants kicked" if name.lower() == "all" else "User kicked")
