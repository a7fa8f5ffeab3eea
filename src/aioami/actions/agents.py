"""Agents who log in (app_agent_pool)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import agents as events
from ..events.agents import AgentsComplete
from ..responses.base import ListReply, Response
from .base import KnownAction
from .parameters import header, true_false

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "AgentLogoff",
    "Agents",
]


class Agents(KnownAction[ListReply[events.Agents, AgentsComplete]]):
    """List the agents with their states."""

    privilege = ("agent",)
    reads_only = True


class AgentLogoff(KnownAction[Response]):
    """Log an agent off. An `AgentLogoff` event follows.

    Args:
        agent: the agent's id.
        soft: whether a call in progress may end first.
    """

    privilege = ("agent",)

    agent: str | bytes = header("Agent")
    _: KW_ONLY
    soft: bool | None = header("Soft", true_false, default=None)
