"""The events that do not reach a manager because of its user's rights, its mask, or filters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..actions.base import Action
from ..events.base import Event
from ..permissions.delivery import EventFilter, includes, passes

if TYPE_CHECKING:
    from .._client.like import View

__all__ = ["Obstacle", "obstacles"]


class Obstacle:
    """One reason why events do not reach the manager.

    Args:
        events: the events that do not come, or possibly do not.
        reason: the reason, with advice about the setting to change.

    Attributes:
        events: the argument.
        reason: the argument.
    """

    def __init__(self, events: frozenset[type[Event]], reason: str) -> None:
        self.events = events
        self.reason = reason


def obstacles(view: View, events: Iterable[type[Event]]) -> list[Obstacle]:
    """Return the reasons why some of these events do not come, or possibly do not.

    Args:
        view: the rights, mask and filters of a manager.
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
            [each for each in rights.event_filters if each.removeprefix("!")],
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
    hidden = frozenset(each for each in events if not includes(classes, each.read_classes))
    if not hidden:
        return []
    needed = sorted({name for each in hidden for name in each.read_classes} - classes)
    return [Obstacle(hidden, sentence.format(" and ".join(needed)))]


def _filtered(
    events: Sequence[type[Event]], given: Iterable[Action[Any] | str], sentence: str
) -> list[Obstacle]:
    filters = list(map(EventFilter.of, given))
    hidden = [
        each for each in events if passes(filters, each.wire_name, each.read_classes) is not True
    ]
    if not hidden:
        return []
    names = [each.wire_name for each in hidden]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return [Obstacle(frozenset(hidden), sentence.format(shown))]
