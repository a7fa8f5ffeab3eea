"""The actions, constants and exceptions of `ami.core`, each defined in the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import actions, errors, events
from ._near import nearest

if TYPE_CHECKING:
    from .actions.agi import (
        AGI,
    )
    from .actions.bridges import (
        Bridge,
    )
    from .actions.channels import (
        AbsoluteTimeout,
        CoreShowChannels,
        Getvar,
        Hangup,
        LocalOptimizeAway,
        MuteAudio,
        Originate_Application,
        Originate_Context,
        PlayDTMF,
        Redirect,
        SendText,
        SetCDRUserField,
        Setvar,
        Status,
    )
    from .actions.config import (
        CreateConfig,
        GetConfig,
        ListCategories,
        UpdateConfig,
    )
    from .actions.database import (
        DBDel,
        DBDelTree,
        DBGet,
        DBPut,
    )
    from .actions.modules import (
        ModuleCheck,
        ModuleLoad,
        Reload,
    )
    from .actions.parking import (
        Park,
        ParkedCalls,
    )
    from .actions.presence import (
        ExtensionState,
    )
    from .actions.queues import (
        QueueAdd,
        QueueLog,
        QueuePause,
        QueuePenalty,
        QueueReload,
        QueueRemove,
        QueueStatus,
        QueueSummary,
    )
    from .actions.recordings import (
        FORMAT_ALAW,
        FORMAT_G723,
        FORMAT_G729,
        FORMAT_GSM,
        FORMAT_SLN,
        FORMAT_ULAW,
        FORMAT_VOX,
        FORMAT_WAV,
        ChangeMonitor,
        MixMonitorMute,
        Monitor,
        PauseMonitor,
        StopMonitor,
        UnpauseMonitor,
    )
    from .actions.sip import (
        SIPnotify,
        SIPpeers,
        SIPqualify,
        SIPshowpeer,
        SIPshowregistry,
    )
    from .actions.system import (
        AUTHTYPE_MD5,
        EVENTMASK_ALL,
        EVENTMASK_CALL,
        EVENTMASK_LOG,
        EVENTMASK_NONE,
        EVENTMASK_SYSTEM,
        Challenge,
        Command,
        Events,
        ListCommands,
        Login,
        Logoff,
        Ping,
    )
    from .actions.users import (
        UserEvent,
    )
    from .actions.voicemail import (
        MailboxCount,
        MailboxStatus,
        VoicemailUsersList,
    )
    from .errors import ManagerAuthError, ManagerError
    from .events.channels import (
        ORIGINATE_RESULT_ANSWERED,
        ORIGINATE_RESULT_BAD_NUMBER,
        ORIGINATE_RESULT_BUSY,
        ORIGINATE_RESULT_CONGESTION,
        ORIGINATE_RESULT_INCOMPLETE,
        ORIGINATE_RESULT_MAP,
        ORIGINATE_RESULT_REJECT,
        ORIGINATE_RESULT_RING_LOCAL,
        ORIGINATE_RESULT_RING_REMOTE,
    )

__all__ = [
    "AGI",
    "AUTHTYPE_MD5",
    "EVENTMASK_ALL",
    "EVENTMASK_CALL",
    "EVENTMASK_LOG",
    "EVENTMASK_NONE",
    "EVENTMASK_SYSTEM",
    "FORMAT_ALAW",
    "FORMAT_G723",
    "FORMAT_G729",
    "FORMAT_GSM",
    "FORMAT_SLN",
    "FORMAT_ULAW",
    "FORMAT_VOX",
    "FORMAT_WAV",
    "ORIGINATE_RESULT_ANSWERED",
    "ORIGINATE_RESULT_BAD_NUMBER",
    "ORIGINATE_RESULT_BUSY",
    "ORIGINATE_RESULT_CONGESTION",
    "ORIGINATE_RESULT_INCOMPLETE",
    "ORIGINATE_RESULT_MAP",
    "ORIGINATE_RESULT_REJECT",
    "ORIGINATE_RESULT_RING_LOCAL",
    "ORIGINATE_RESULT_RING_REMOTE",
    "AbsoluteTimeout",
    "Bridge",
    "Challenge",
    "ChangeMonitor",
    "Command",
    "CoreShowChannels",
    "CreateConfig",
    "DBDel",
    "DBDelTree",
    "DBGet",
    "DBPut",
    "Events",
    "ExtensionState",
    "GetConfig",
    "Getvar",
    "Hangup",
    "ListCategories",
    "ListCommands",
    "LocalOptimizeAway",
    "Login",
    "Logoff",
    "MailboxCount",
    "MailboxStatus",
    "ManagerAuthError",
    "ManagerError",
    "MixMonitorMute",
    "ModuleCheck",
    "ModuleLoad",
    "Monitor",
    "MuteAudio",
    "Originate_Application",
    "Originate_Context",
    "Park",
    "ParkedCalls",
    "PauseMonitor",
    "Ping",
    "PlayDTMF",
    "QueueAdd",
    "QueueLog",
    "QueuePause",
    "QueuePenalty",
    "QueueReload",
    "QueueRemove",
    "QueueStatus",
    "QueueSummary",
    "Redirect",
    "Reload",
    "SIPnotify",
    "SIPpeers",
    "SIPqualify",
    "SIPshowpeer",
    "SIPshowregistry",
    "SendText",
    "SetCDRUserField",
    "Setvar",
    "Status",
    "StopMonitor",
    "UnpauseMonitor",
    "UpdateConfig",
    "UserEvent",
    "VoicemailUsersList",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            for room in (errors, actions, events):
                if hasattr(room, name):
                    return globals().setdefault(name, getattr(room, name))
        # The sentence already suggests a name. With `name`, Python adds no suggestion of its own.
        raise AttributeError(_absent(name), name=name)

    def _absent(name: str) -> str:
        """Return the error for a name that is not here, with the names that may be meant."""
        sentence = f"module {__name__!r} has no attribute {name!r}"
        if name.startswith("_"):
            return sentence
        classes = [each for each in actions.classes_of(name) if each.__name__ in __all__]
        meant = " or ".join(f"core.{each.__name__}" for each in classes)
        if not meant and hasattr(actions, name):
            meant = f"actions.{name}"
        if not meant and (near := nearest(name, __all__)) is not None:
            meant = f"core.{near}"
        return f"{sentence}; is {meant} meant?" if meant else sentence

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
