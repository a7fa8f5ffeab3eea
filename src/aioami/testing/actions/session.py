"""Actions about the session itself: its events and filters."""

from __future__ import annotations

from typing import Final

from ..accounts import EventFilter, FilterError, mask_of
from ..exchange import Exchange, Pairs
from .base import ACTIONS, ID, Answer, Message, Request, action, error, success

_ADVANCED: Final = 18  # the version in which filters learnt to name event and header


@action("Ping", "", "Answers, so that one knows that the link is alive")
async def ping(exchange: Exchange, request: Request) -> Answer:
    stamp = f"{exchange.epoch + exchange.clock.now:.6f}"
    return {"Response": "Success", "Ping": "Pong", "Timestamp": stamp}


@action("Events", "", "Chooses which classes of events come")
async def events(exchange: Exchange, request: Request) -> Answer:
    mask = mask_of(request.get("EventMask"))
    if mask is None:
        return error("Invalid event mask")
    account = request.connection.account
    request.connection.mask = mask & account.readable if account is not None else frozenset()
    return {"Response": "Success", "Events": "On" if mask else "Off"}


@action("Filter", "system", "Adds a filter for events to this session")
async def add_filter(exchange: Exchange, request: Request) -> Answer:
    if request.get("Operation").lower() != "add":
        return error("Unknown operation")
    advanced = exchange.major >= _ADVANCED
    criteria = next(iter(request.getall("MatchCriteria")), None) if advanced else None
    try:
        request.connection.filters.append(
            EventFilter.parse(request.get("Filter"), criteria, empty=not advanced),
        )
    except FilterError as problem:
        return error(str(problem))
    return success("Success")


@action("ListCommands", "", "Names the actions that one may send")
async def list_commands(exchange: Exchange, request: Request) -> Answer:
    account = request.connection.account
    pairs: Pairs = [("Response", "Success")]
    lines = dict.fromkeys(("Challenge", "Login", "Logoff"), "Belongs to the login.  (Priv: <none>)")
    for known in ACTIONS.values():
        if exchange.major <= known.until and account is not None and known.allowed(account):
            classes = ",".join((*known.classes, "all")) if known.classes else "<none>"
            lines[known.name] = f"{known.synopsis}.  (Priv: {classes})"
    return pairs + sorted(lines.items(), key=lambda line: line[0].lower())


@action("UserEvent", "user", "Sends an event to everybody")
async def user_event(exchange: Exchange, request: Request) -> Answer:
    # The lines are sent as they came, with or without a colon.
    own = [line for line in request.lines if not line.lower().startswith(("userevent:", "action:"))]
    pairs = [line.split(": ", 1) if ": " in line else [line] for line in own]
    body: Pairs = [(pair[0], pair[1] if len(pair) > 1 else "\0") for pair in pairs]
    exchange.emit("UserEvent", [("UserEvent", request.get("UserEvent")), *body], classes="user")
    return success("Event Sent")


@action("WaitEvent", "", "Answers when an event comes, or when the time is over")
async def wait_event(exchange: Exchange, request: Request) -> Answer:
    text = request.get("Timeout")
    seconds = float(text) if text.isdecimal() else None
    await request.connection.event(seconds)
    head: Message = [("Response", "Success"), ID, ("Message", "Waiting for Event completed.")]
    events: list[Message] = [[("", data)] for data in request.connection.events()]
    return [head, *events, [("Event", "WaitEventComplete"), ID]]
