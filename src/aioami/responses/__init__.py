"""The replies with their own headers, a class each, by area.

All areas are loaded when the first of their names is used here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._areas import gather
from .base import EventList as EventList
from .base import ListReply as ListReply
from .base import OutcomeReply as OutcomeReply
from .base import Response as Response

AREAS: Final = (
    "agi",
    "channels",
    "config",
    "database",
    "modules",
    "presence",
    "queues",
    "recordings",
    "sip",
    "skinny",
    "system",
    "voicemail",
)
_OWN: Final = ("EventList", "ListReply", "OutcomeReply", "Response")

if TYPE_CHECKING:
    from .agi import *
    from .channels import *
    from .config import *
    from .database import *
    from .modules import *
    from .presence import *
    from .queues import *
    from .recordings import *
    from .sip import *
    from .skinny import *
    from .system import *
    from .voicemail import *
else:
    __getattr__, __dir__ = gather(__name__, AREAS, _OWN)
