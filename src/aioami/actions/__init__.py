"""The actions of the server, a class each, by area.

All areas are loaded when the first of their names is used here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._areas import gather
from .base import Action as Action
from .base import KnownAction as KnownAction
from .base import classes_of as classes_of

AREAS: Final = (
    "agents",
    "agi",
    "aoc",
    "bridges",
    "channels",
    "conferences",
    "config",
    "dahdi",
    "database",
    "dialplan",
    "fax",
    "iax",
    "meetme",
    "messages",
    "modules",
    "parking",
    "pjsip",
    "presence",
    "queues",
    "recordings",
    "sip",
    "skinny",
    "sorcery",
    "system",
    "users",
    "voicemail",
)
_OWN: Final = ("Action", "KnownAction")

if TYPE_CHECKING:
    from .agents import *
    from .agi import *
    from .aoc import *
    from .bridges import *
    from .channels import *
    from .conferences import *
    from .config import *
    from .dahdi import *
    from .database import *
    from .dialplan import *
    from .fax import *
    from .iax import *
    from .meetme import *
    from .messages import *
    from .modules import *
    from .parking import *
    from .pjsip import *
    from .presence import *
    from .queues import *
    from .recordings import *
    from .sip import *
    from .skinny import *
    from .sorcery import *
    from .system import *
    from .users import *
    from .voicemail import *
else:

    def _meant(name: str) -> str:
        """The names that are probably meant by an unknown one."""
        return " or ".join(each.__name__ for each in classes_of(name))

    __getattr__, __dir__ = gather(__name__, AREAS, _OWN, meant=_meant)
