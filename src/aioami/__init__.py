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
    ConnectionLost,
    EventsLost,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    UnknownAction,
)
from .events.base import Event
from .events.link import Disconnected, Reconnected
from .responses.base import EventList, Response
from .states import ManagerState
from .wire import hide_header, unescape

if TYPE_CHECKING:
    from . import enums

__all__ = [
    "Action",
    "ActionError",
    "Backoff",
    "ConnectionLost",
    "Disconnected",
    "Event",
    "EventList",
    "EventStream",
    "EventsLost",
    "ListStream",
    "Manager",
    "ManagerAuthError",
    "ManagerError",
    "ManagerState",
    "ManagerTimeout",
    "NextEvent",
    "PermissionDenied",
    "ProtocolError",
    "Reconnected",
    "Response",
    "Statistics",
    "Subscription",
    "UnknownAction",
    "__version__",
    "actions",
    "core",
    "enums",
    "errors",
    "events",
    "hide_header",
    "unescape",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "enums":  # what names them needs them, and no one else does
            from importlib import import_module

            return import_module(".enums", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
