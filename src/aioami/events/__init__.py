"""The events of the server, a class each, by area. Every other event is a plain `Event`.

All areas are loaded when the first of their names is used here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._areas import gather
from .base import Event as Event
from .base import KnownEvent as KnownEvent
from .base import event_class as event_class
from .base import parse as parse
from .naming import misnamed as misnamed

AREAS: Final = (
    "agents",
    "agi",
    "aoc",
    "bridges",
    "channels",
    "completion",
    "conferences",
    "dahdi",
    "database",
    "dialplan",
    "fax",
    "meetme",
    "messages",
    "modules",
    "parking",
    "pjsip",
    "presence",
    "queues",
    "recordings",
    "records",
    "rtp",
    "security",
    "sip",
    "skinny",
    "snapshots",
    "system",
    "users",
    "voicemail",
)
_OWN: Final = ("Event", "KnownEvent", "event_class", "misnamed", "parse")

if TYPE_CHECKING:
    from .agents import *
    from .agi import *
    from .aoc import *
    from .bridges import *
    from .channels import *
    from .completion import *
    from .conferences import *
    from .dahdi import *
    from .database import *
    from .dialplan import *
    from .fax import *
    from .meetme import *
    from .messages import *
    from .modules import *
    from .parking import *
    from .pjsip import *
    from .presence import *
    from .queues import *
    from .recordings import *
    from .records import *
    from .rtp import *
    from .security import *
    from .sip import *
    from .skinny import *
    from .snapshots import *
    from .system import *
    from .users import *
    from .voicemail import *
else:
    __getattr__, __dir__ = gather(__name__, AREAS, _OWN)
