"""aioami: an asyncio client for the Asterisk Manager Interface.

    async with Manager(host="127.0.0.1", username="admin", secret="s3cret") as mgr:
        pong = await mgr.send(core.Ping())

`Manager` connects, `aioami.core` has the actions, `aioami.events` the events, `aioami.errors` the
exceptions, and `aioami.testing` a server for tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import actions, core, errors, events
from ._client.callbacks import Subscription
from ._client.manager import Manager
from ._client.options import Backoff
from ._client.streams import EventStream, ListStream, NextEvent
from ._session.statistics import Statistics
from ._version import __version__
from .actions.base import Action
from .errors import (
    ActionError,
    CommandFailed,
    ConnectionLost,
    EventsLost,
    HungUp,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    NotAnswered,
    PermissionDenied,
    ProtocolError,
    SessionEnded,
    TakenAway,
    UnknownAction,
    UnknownEventName,
)
from .events.base import Event
from .events.link import Disconnected, Reconnected
from .responses.base import EventList, Response
from .states import ManagerState
from .wire import hide_header, unescape

if TYPE_CHECKING:
    from . import enums
    from ._client.blocking import BlockingListStream, BlockingStream, BlockingSubscription
    from ._client.blocking_calls import BlockingCall, BlockingCallChanges
    from ._client.like import ManagerLike, View
    from ._client.threads import BlockingFleet, BlockingManager, in_thread
    from .events.link import RelayChanged, ServerAppeared, ServerGone
    from .fleet import Fleet, connect

__all__ = [
    "Action",
    "ActionError",
    "Backoff",
    "BlockingCall",
    "BlockingCallChanges",
    "BlockingFleet",
    "BlockingListStream",
    "BlockingManager",
    "BlockingStream",
    "BlockingSubscription",
    "CommandFailed",
    "ConnectionLost",
    "Disconnected",
    "Event",
    "EventList",
    "EventStream",
    "EventsLost",
    "Fleet",
    "HungUp",
    "ListStream",
    "Manager",
    "ManagerAuthError",
    "ManagerError",
    "ManagerLike",
    "ManagerState",
    "ManagerTimeout",
    "NextEvent",
    "NotAnswered",
    "PermissionDenied",
    "ProtocolError",
    "Reconnected",
    "RelayChanged",
    "Response",
    "ServerAppeared",
    "ServerGone",
    "SessionEnded",
    "Statistics",
    "Subscription",
    "TakenAway",
    "UnknownAction",
    "UnknownEventName",
    "View",
    "__version__",
    "actions",
    "connect",
    "core",
    "enums",
    "errors",
    "events",
    "hide_header",
    "in_thread",
    "unescape",
]

if not TYPE_CHECKING:
    # Few programs need these names, so each is loaded when a program first uses it.
    _LATER = {
        **dict.fromkeys(("ManagerLike", "View"), "._client.like"),
        **dict.fromkeys(("Fleet", "connect"), ".fleet"),
        **dict.fromkeys(("RelayChanged", "ServerAppeared", "ServerGone"), ".events.link"),
        **dict.fromkeys(
            ("BlockingListStream", "BlockingStream", "BlockingSubscription"), "._client.blocking"
        ),
        **dict.fromkeys(("BlockingCall", "BlockingCallChanges"), "._client.blocking_calls"),
        **dict.fromkeys(("BlockingFleet", "BlockingManager", "in_thread"), "._client.threads"),
    }

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name == "enums":
            return import_module(".enums", __name__)
        if name in _LATER:
            value = getattr(import_module(_LATER[name], __name__), name)
            return globals().setdefault(name, value)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
