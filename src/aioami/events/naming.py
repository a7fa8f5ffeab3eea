"""Detection of event names that cannot be right, and suggestions for them."""

from __future__ import annotations

import re
from typing import Final

from .._near import nearest
from .base import EVENTS, Event, load

__all__ = ["misnamed"]

_WILDCARD: Final = r"[*?\[]"
_FOREIGN: Final = r"""[\s,;:^$|(){}+\\/"']|\.[*?]"""  # in no name or shell-style pattern
_MIN_HEAD: Final = 5  # letters before a wildcard that suffice for a suggestion
_OLD: Final = {
    "agiexec": "AGIExecStart and AGIExecEnd",
    "asyncagi": "AsyncAGIStart, AsyncAGIExec and AsyncAGIEnd",
    "bridge": "BridgeEnter and BridgeLeave",
    "dial": "DialBegin and DialEnd",
    "dtmf": "DTMFBegin and DTMFEnd",
    "join": "QueueCallerJoin",
    "leave": "QueueCallerLeave",
    "link": "BridgeEnter",
    "musiconhold": "MusicOnHoldStart and MusicOnHoldStop",
    "queuememberpaused": "QueueMemberPause",
    "transfer": "BlindTransfer and AttendedTransfer",
    "unlink": "BridgeLeave",
}
"""The events of Asterisk 12 and later that replaced those of earlier versions."""


def misnamed(selector: str, *, version: str = "") -> str | None:
    """Return a sentence on why a selector will never match an event; `None` if it may.

    Wrong are texts that can be no event's name, names that resemble one of Asterisk's without being
    one, and items and ends of lists. Other unknown names may be those of third-party modules. Names
    that Asterisk 12 replaced are wrong if the server is known to be newer.

    Args:
        selector: an event's name or a shell-style pattern, as `Manager.events` takes it.
        version: the AMI version of the server, as in `Manager.version`; empty if not known.
    """
    found = re.search(_FOREIGN, selector)
    if found is not None or not selector:
        return _impossible(selector)
    if (others := _OLD.get(selector.lower())) and version.partition(".")[0] not in ("", "0", "1"):
        return f"Asterisk 12 and later have no event {selector}; {others} took its place"
    load()
    wild = re.search(_WILDCARD, selector)
    if wild is None:
        if (known := EVENTS.get(selector.lower())) is not None:
            return _only_listed(known)
        meant = nearest(selector, _names())
        shown = meant
    else:
        head = selector[: wild.start()]
        if len(head) < _MIN_HEAD or any(name.startswith(head.lower()) for name in EVENTS):
            return None
        meant = nearest(head, _beginnings(len(head)))
        shown = f"{meant}{selector[wild.start() :]}"
    return None if meant is None else f"there is no event {selector}; is {shown} meant?"


def _only_listed(event: type[Event]) -> str | None:
    """Return a sentence with the lists of an event that comes only in lists; else `None`."""
    if event.read_classes:
        return None
    from ..actions.base import ACTIONS
    from ..actions.base import load as load_actions

    load_actions()
    lists = [each for each in ACTIONS.values() if event in (*each.items, each.completion)]
    if not lists:
        return None
    names = " and ".join(sorted({each.wire_name for each in lists}))
    return f"{event.wire_name} comes in the response to {names} alone, and to no stream"


def _impossible(selector: str) -> str:
    parts = [part.strip() for part in re.split(r"[\s,;|]+", selector) if part.strip()]
    if len(parts) > 1 and all(re.fullmatch(r"[\w*?-]+", part) for part in parts):
        each = ", ".join(repr(part) for part in parts)
        return f"{selector!r} is no name of an event; give each name by itself: {each}"
    if len(parts) == 1 and re.fullmatch(r"[\w*?-]+", parts[0]):
        return f"{selector!r} is no name of an event; is {parts[0]!r} meant?"
    body = selector.strip("^$").replace(".*", "*")
    if re.fullmatch(r"[\w*?-]+", body):
        meant = body if selector.endswith("$") or "*" in body else f"{body}*"
        return f"{selector!r} is a regular expression; the shell-style pattern is {meant!r}"
    return f"{selector!r} is no name of an event, and no shell-style pattern as 'Queue*'"


def _names() -> list[str]:
    """The names of all events; those that streams get come first."""
    classes: list[type[Event]] = sorted(
        set(EVENTS.values()), key=lambda each: (not each.read_classes, each.wire_name)
    )
    return [each.wire_name for each in classes if each.wire_name]


def _beginnings(length: int) -> list[str]:
    """The first `length` letters of each name, and also one letter more and one less."""
    return [name[:size] for name in _names() for size in (length, length + 1, length - 1)]
