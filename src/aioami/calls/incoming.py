"""The call of an AGI session: found if this program knows it already, made otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Call, hold
from .hub import Hub
from .machine import CallMachine
from .watch import Watch

if TYPE_CHECKING:
    from .._client.like import ManagerLike

__all__ = ["call_of"]


def call_of(manager: ManagerLike, uniqueid: str, channel: str) -> tuple[Call, Watch]:
    """Return the call of a channel, with its watch; both are made if the call is not known yet.

    Args:
        manager: the manager of the call's server.
        uniqueid: the channel's Uniqueid.
        channel: the channel's name.
    """
    hub = Hub.of(manager)
    held = hub.find(uniqueid)
    if held is not None:
        return held
    call, watch = hold(manager, CallMachine(uniqueid, channel=channel, is_placed=False))
    hub.look()
    return call, watch
