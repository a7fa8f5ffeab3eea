"""Events of agents who log in."""

from __future__ import annotations

from ..enums import AgentState
from ..fields import Enumeration, Seconds, Text, Timestamp
from .snapshots import ChannelEvent, ListComplete

__all__ = [
    "AgentLogin",
    "AgentLogoff",
    "Agents",
    "AgentsComplete",
]


class AgentLogin(ChannelEvent):
    """An agent logged in."""

    read_classes = ("agent",)

    agent = Text("Agent")


class AgentLogoff(ChannelEvent):
    """An agent logged off."""

    read_classes = ("agent",)

    agent = Text("Agent")
    logintime = Seconds("Logintime")


class Agents(ChannelEvent):
    """An agent, as the action `Agents` lists it."""

    agent = Text("Agent")
    name_ = Text("Name")
    status = Enumeration("Status", AgentState)
    talking_to_chan = Text("TalkingToChan")
    call_started = Timestamp("CallStarted")
    logged_in_time = Timestamp("LoggedInTime")


class AgentsComplete(ListComplete):
    """The end of a list of `Agents`."""
