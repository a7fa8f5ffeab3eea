"""The rights of a user according to a server's answers. Nothing here does I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from . import Permissions
from .delivery import filter_text

__all__ = ["CLASSES", "Settings", "classes_of", "granted", "sections"]

CLASSES: Final = (
    *("system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf"),
    *("reporting", "cdr", "dialplan", "originate", "agi", "cc", "aoc", "test", "security"),
    "message",
)
"""All classes of events and actions, in Asterisk's own order."""
_SHOWN: Final = re.compile(r"^\s*(read|write) perm:\s*(\S*)", re.MULTILINE)

Settings = tuple[tuple[str, str], ...]
"""The names and values in a section of manager.conf, in their order."""


def granted(
    user: str,
    *,
    shown: Iterable[str] | None = None,
    config: Iterable[tuple[str, str]] | None = None,
) -> Permissions | None:
    """Return the rights of a user as a server shows them; `None` if it does not show them.

    Args:
        user: the user's name.
        shown: the lines of `manager show user`; `None` if the server refused this.
        config: the headers of GetConfig for manager.conf; `None` if the server refused this.
    """
    found = dict(_SHOWN.findall("\n".join(shown or ())))
    own: Settings = ()
    if not ("read" in found and "write" in found):
        _, own = sections(config or (), user)
        found = dict(own)
        if not ("read" in found or "write" in found):
            return None
    return Permissions(
        read=_in_order(found.get("read", "")),
        write=_in_order(found.get("write", "")),
        event_filters=tuple(
            filter_text(name, value)
            for name, value in own
            if name == "eventfilter" or name.startswith("eventfilter(")
        ),
    )


def classes_of(text: str) -> frozenset[str]:
    """Return the classes in a value of manager.conf; all of them for `all`."""
    names = {name.strip() for name in text.split(",")}
    return frozenset(CLASSES) if "all" in names else frozenset(names & set(CLASSES))


def _in_order(text: str) -> tuple[str, ...]:
    given = classes_of(text)
    return ("all",) if given >= set(CLASSES) else tuple(each for each in CLASSES if each in given)


def sections(headers: Iterable[tuple[str, str]], user: str) -> tuple[Settings, Settings]:
    """Return the section `[general]` and a user's section, the latter without the secret."""
    general: list[tuple[str, str]] = []
    own: list[tuple[str, str]] = []
    section = ""
    for header, value in headers:
        if header.startswith("Category-"):
            section = value.lower()
        elif header.startswith("Line-"):
            name, _, setting = (part.strip() for part in value.partition("="))
            if section == "general":
                general.append((name, setting))
            elif section == user.lower() and name != "secret":
                own.append((name, setting))
    return tuple(general), tuple(own)
