"""The live state of a server: its channels, bridges, queues ..., kept up to date by events.

async with Live(mgr) as live:
    for call in live.calls().values():
        print(call.caller, call.state.value, call.callee)
"""

from __future__ import annotations

from .bridges import LiveBridge
from .calls import LiveCall, LiveCallState, LiveParty
from .changes import LiveChange, LiveChanges
from .channels import LiveChannel
from .conferences import LiveConference, LiveParticipant
from .endpoints import LiveContact, LiveEndpoint
from .hints import LiveHint
from .mailboxes import LiveMailbox
from .parking import LiveParkedCall, LiveParkingLot
from .part import PartName
from .queues import LiveCaller, LiveMember, LiveQueue
from .registrations import LiveRegistration
from .state import DEFAULT_PARTS, Live

__all__ = [
    "DEFAULT_PARTS",
    "Live",
    "LiveBridge",
    "LiveCall",
    "LiveCallState",
    "LiveCaller",
    "LiveChange",
    "LiveChanges",
    "LiveChannel",
    "LiveConference",
    "LiveContact",
    "LiveEndpoint",
    "LiveHint",
    "LiveMailbox",
    "LiveMember",
    "LiveParkedCall",
    "LiveParkingLot",
    "LiveParticipant",
    "LiveParty",
    "LiveQueue",
    "LiveRegistration",
    "PartName",
]
