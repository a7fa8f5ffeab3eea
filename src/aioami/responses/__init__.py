"""What comes back: a class for the reply of each action that has something of its own to say, by area."""

from __future__ import annotations

from .agi import AGIReply
from .base import EventList, OutcomeReply, Response
from .channels import GetvarReply, OriginateReply
from .config import Category, GetConfigReply, ListCategoriesReply
from .database import DBGetReply
from .dialplan import ExtensionStateReply
from .sip import SIPqualifyReply, SIPshowpeerReply
from .system import ChallengeReply, CommandReply, EventsReply, ListCommandsReply, PingReply
from .voicemail import MailboxCountReply, MailboxStatusReply

__all__ = [
    "AGIReply",
    "Category",
    "ChallengeReply",
    "CommandReply",
    "DBGetReply",
    "EventList",
    "EventsReply",
    "ExtensionStateReply",
    "GetConfigReply",
    "GetvarReply",
    "ListCategoriesReply",
    "ListCommandsReply",
    "MailboxCountReply",
    "MailboxStatusReply",
    "OriginateReply",
    "OutcomeReply",
    "PingReply",
    "Response",
    "SIPqualifyReply",
    "SIPshowpeerReply",
]
