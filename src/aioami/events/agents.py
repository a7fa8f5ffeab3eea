"""Events of agents who log in."""

from __future__ import annotations

from ..fields import Integer, Text
from .snapshots import ChannelEvent, ListComplete

__all__ = [
    "AgentLogin",
    "AgentLogoff",
    "Agents",
    "AgentsComplete",
]


class AgentLogin(ChannelEvent):
    """An agent logged in."""

    __slots__ = ()

    agent = Text("Agent")


class AgentLogoff(ChannelEvent):
    """An agent logged off."""

    __slots__ = ()

    agent = Text("Agent")
    logintime = Integer("Logintime")


class Agents(ChannelEvent):
    """An agent, as the action `Agents` lists it."""

    __slots__ = ()

    agent = Text("Agent")
    name_ = Text("Name")
    status = Text("Status")
    talking_to_chan = Text("TalkingToChan")
    call_started = Integer("CallStarted")
    logged_in_time = Integer("LoggedInTime")


class AgentsComplete(ListComplete):
    """The end of a list of `Agents`."""

    __slots__ = ()
