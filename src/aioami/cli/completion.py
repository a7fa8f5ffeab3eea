"""What can be completed from the catalogue: the names of actions and of events, for the shell of the system and for ours."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from aioami import Action, Event, actions, events

__all__ = ["action_classes", "complete_action", "complete_event", "event_names", "summary"]


@functools.cache
def action_classes() -> dict[str, type[Action[Any]]]:
    """Every action of the catalogue, by the name of its class; two of them place calls, and are both `Originate`."""
    found = [getattr(actions, name) for name in dir(actions)]
    known = [each for each in found if isinstance(each, type) and issubclass(each, Action) and each.wire_name]
    return {each.__name__: each for each in sorted(known, key=lambda each: each.__name__.lower())}


@functools.cache
def event_names() -> dict[str, type[Event]]:
    """Every event of the catalogue, by its name."""
    found = [getattr(events, name) for name in dir(events)]
    known = [each for each in found if isinstance(each, type) and issubclass(each, Event) and each.wire_name]
    return {each.wire_name: each for each in sorted(known, key=lambda each: each.wire_name.lower())}


def summary(cls: type) -> str:
    """The first sentence of what is said of a class."""
    first = (cls.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(first.split()).partition(". ")[0].rstrip(".")


def complete_action(incomplete: str) -> Iterable[tuple[str, str]]:
    """Names of actions, as they are on the wire, that begin with what was typed."""
    names = {each.wire_name: summary(each) for each in action_classes().values()}
    return [(name, text) for name, text in names.items() if name.lower().startswith(incomplete.lower())]


def complete_event(incomplete: str) -> Iterable[tuple[str, str]]:
    """Names of events that begin with what was typed."""
    return [(name, summary(cls)) for name, cls in event_names().items() if name.lower().startswith(incomplete.lower())]
