"""Replies about queues."""

from __future__ import annotations

from .base import Response

__all__ = ["QueueRuleReply"]


class QueueRuleReply(Response):
    """The penalty rules of queuerules.conf."""

    @property
    def rules(self) -> dict[str, list[str]]:
        """The steps of each rule by its name, each as `seconds,max_change,min_change`."""
        found: dict[str, list[str]] = {}
        steps: list[str] = []
        for name, value in self.headers:
            if name.lower() == "rulelist":
                steps = found.setdefault(value, [])
            elif name.lower() == "rule":
                steps.append(value)
        return found
