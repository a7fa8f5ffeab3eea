"""Names of the catalogue's actions and events, for completion, help and suggestions."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, Final, TypeVar

from aioami import Action, Event, actions, events

__all__ = [
    "action_classes",
    "close_name",
    "complete_action",
    "complete_event",
    "event_names",
    "summary",
]

_BEGINNING: Final = 3  # letters that are enough to find a name

_Message = TypeVar("_Message", Action[Any], Event)


@functools.cache
def action_classes() -> dict[str, type[Action[Any]]]:
    """Return all actions by class name. The two classes for `Originate` are both there."""
    known = {cls.__name__: cls for cls in _classes(actions, Action)}
    return {name: known[name] for name in sorted(known, key=str.lower)}


@functools.cache
def event_names() -> dict[str, type[Event]]:
    """Return all events by name."""
    known = {cls.wire_name: cls for cls in _classes(events, Event)}
    return {name: known[name] for name in sorted(known, key=str.lower)}


def _classes(area: ModuleType, base: type[_Message]) -> Iterator[type[_Message]]:
    """Return the classes of a module that are sent, without mere base classes."""
    for name in dir(area):
        cls = getattr(area, name)
        if isinstance(cls, type) and issubclass(cls, base) and cls.wire_name:
            yield cls


def close_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name for a misspelt or shortened one; `None` if none is close."""
    from difflib import get_close_matches

    by_key = {each.lower(): each for each in known}
    begun = [each for each in by_key if each.startswith(name.lower())]
    if begun and len(name) >= _BEGINNING:
        return by_key[min(begun, key=lambda each: (len(each), each))]
    close = get_close_matches(name.lower(), by_key, n=1)
    return by_key[close[0]] if close else None


def summary(cls: type) -> str:
    """Return the first sentence of a class's docstring."""
    first = (cls.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(first.split()).partition(". ")[0].rstrip(".")


def complete_action(incomplete: str) -> Iterable[tuple[str, str]]:
    """Return the actions' wire names that begin with the typed text, with their summaries."""
    names = {each.wire_name: summary(each) for each in action_classes().values()}
    return [item for item in names.items() if item[0].lower().startswith(incomplete.lower())]


def complete_event(incomplete: str) -> Iterable[tuple[str, str]]:
    """Return the events' names that begin with the typed text, with their summaries."""
    names = {name: summary(cls) for name, cls in event_names().items()}
    return [item for item in names.items() if item[0].lower().startswith(incomplete.lower())]
