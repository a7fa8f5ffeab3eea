"""The events that do not reach a manager: because of its user's rights, its mask, or filters."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..actions.base import Action
from ..actions.system import Filter
from ..events.base import Event

if TYPE_CHECKING:
    from .._client.like import View

__all__ = ["Obstacle", "obstacles"]

_POSIX: Final = {
    "[:alnum:]": "A-Za-z0-9",
    "[:alpha:]": "A-Za-z",
    "[:blank:]": r" \t",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:punct:]": r"!-/:-@\[-`{-~",
    "[:space:]": r"\s",
    "[:upper:]": "A-Z",
}
_CRITERION: Final = re.compile(r"(\w+)\(([^()]*)\)")


class Obstacle:
    """One reason why events do not come.

    Args:
        events: the events that do not come, or may not.
        reason: the reason, with what to change.

    Attributes:
        events: the same.
        reason: the same.
    """

    def __init__(self, events: frozenset[type[Event]], reason: str) -> None:
        self.events = events
        self.reason = reason


def obstacles(view: View, events: Iterable[type[Event]]) -> list[Obstacle]:
    """Return the reasons why some of these events do not come, or may not; none if all come.

    Args:
        view: the part of the server that a manager sees.
        events: the events that are needed.
    """
    wanted = [each for each in events if each.read_classes]
    found: list[Obstacle] = []
    rights = view.permissions
    if rights is not None:
        found += _missing(
            wanted,
            frozenset(rights.read),
            "the user may not read the events of {0}: add {0} to read in manager.conf",
        )
        found += _filtered(
            wanted,
            [Filter(each) for each in rights.event_filters if each.removeprefix("!")],
            "eventfilter in manager.conf keeps back {0}, or may: let them through",
        )
    if view.mask is not None:
        found += _missing(
            wanted,
            view.mask,
            "the event mask leaves out {0}: add {0} to event_mask, or send core.Events",
        )
    found += _filtered(
        wanted,
        view.filters or (),
        "the manager's event_filters keep back {0}, or may: let them through",
    )
    return found


def _missing(
    events: Sequence[type[Event]], classes: frozenset[str], sentence: str
) -> list[Obstacle]:
    if "all" in classes:
        return []
    hidden = frozenset(each for each in events if not classes.issuperset(each.read_classes))
    if not hidden:
        return []
    needed = sorted({name for each in hidden for name in each.read_classes} - classes)
    return [Obstacle(hidden, sentence.format(" and ".join(needed)))]


def _filtered(
    events: Sequence[type[Event]], filters: Sequence[Action[Any]], sentence: str
) -> list[Obstacle]:
    hidden = [each for each in events if not _passes(each, filters)]
    if not hidden:
        return []
    names = [each.wire_name for each in hidden]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return [Obstacle(frozenset(hidden), sentence.format(shown))]


def _passes(event: type[Event], filters: Sequence[Action[Any]]) -> bool:
    """True if all events of a class come, whatever is in them."""
    excluded = included = False
    has_including = False
    for each in filters:
        excluding, matches = _matches(event, each)
        if excluding:
            excluded = excluded or matches is not False
        else:
            has_including = True
            included = included or matches is True
    return not excluded and (included or not has_including)


def _matches(event: type[Event], given: Action[Any]) -> tuple[bool, bool | None]:
    """Return if a filter excludes, and if it matches all events of a class; `None` is some."""
    headers = {name.lower(): value for name, value in given.headers}
    pattern = headers.get("filter", "")
    if "matchcriteria" in headers:
        criteria: dict[str, str] = dict(_CRITERION.findall(headers["matchcriteria"]))
        excluding = criteria.get("action") == "exclude"
        if criteria.get("name") not in (None, event.wire_name):
            return excluding, False
        whole = "name" in criteria and not pattern and "header" not in criteria
        return excluding, True if whole else None
    excluding = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    for name, signs in _POSIX.items():
        pattern = pattern.replace(name, signs)
    classes = ",".join((*event.read_classes, "all"))
    head = f"Event: {event.wire_name}\r\nPrivilege: {classes}\r\n"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python has doubts about what is plain in POSIX
            found = re.search(pattern, head)
    except re.error:
        return excluding, None
    # A pattern for the name alone does not match what comes behind it.
    by_name = re.match(r"\^?\(?Event:", pattern) is not None
    return excluding, True if found else False if by_name else None
