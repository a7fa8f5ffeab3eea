"""Replies to the actions on channels."""

from __future__ import annotations

from ..events.channels import OriginateResponse
from ..fields import Text
from .base import OutcomeReply, Response

__all__ = ["GetvarReply", "OriginateReply"]


class GetvarReply(Response):
    """The value of a variable."""

    variable = Text("Variable")

    @property
    def value(self) -> str:
        """The value; empty if the variable is not set."""
        return self.find("Value") or ""


class OriginateReply(OutcomeReply[OriginateResponse]):
    """The call was accepted or refused; `outcome()` brings the result of an accepted one."""
