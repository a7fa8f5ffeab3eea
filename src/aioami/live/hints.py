"""The hints of the live state: the states of extensions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from ..actions.base import Action
from ..actions.presence import ExtensionStateList
from ..enums import ExtensionState
from ..events.presence import ExtensionStatus
from .part import Lists, LiveObject, Reports, Table

__all__ = ["Hints", "LiveHint"]

_TOUCHING: Final = frozenset({"dialplanextensionadd", "dialplanextensionremove"})
_TOUCHING_COMMAND: Final = re.compile(
    r"\s*(dialplan\s+(add|remove|reload)|(core\s+)?reload\s*$|module\s+\w+\s+pbx_)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, repr=False)
class LiveHint(LiveObject):
    """The hint of an extension at one moment.

    Attributes:
        exten: the extension.
        context: its context.
        state: the combined state of its devices; `None` if the server does not report it.
        device: the devices, as `PJSIP/alice&Custom:alice`.
    """

    exten: str
    context: str = ""
    state: ExtensionState | None = None
    device: str = ""


class Hints(Table[LiveHint]):
    """The hints, by `exten@context`."""

    name = "hints"
    kind = "hint"
    modules = frozenset({"pbx_ael", "pbx_config", "pbx_lua", "pbx_realtime"})

    def __init__(self, reports: Reports) -> None:
        super().__init__(reports)
        self.handlers = {ExtensionStatus: self._changed}

    def touched_by(self, action: Action[Any]) -> set[str] | None:
        # The removal of a hint has no event (tried on 16 and 22).
        name = action.name.lower()
        commands = [value for header, value in action.headers if header.lower() == "command"]
        by_command = name == "command" and any(map(_TOUCHING_COMMAND.match, commands))
        return None if name in _TOUCHING or by_command else set()

    async def read(self, lists: Lists, keys: set[str] | None) -> None:
        found: dict[str, LiveHint] = {}
        async for item in lists.items(ExtensionStateList()):
            if isinstance(item, ExtensionStatus) and item.exten:
                hint = _hint(item)
                found[f"{hint.exten}@{hint.context}"] = hint
        self._show(found)

    def _changed(self, event: ExtensionStatus) -> None:
        hint = _hint(event)
        key = f"{hint.exten}@{hint.context}"
        if hint.state in (ExtensionState.REMOVED, ExtensionState.NO_HINT):
            self._remove(key)
        elif hint.exten:
            self._put(key, hint)


def _hint(event: ExtensionStatus) -> LiveHint:
    return LiveHint(event.exten or "", event.context or "", event.status, event.hint or "")
