"""Objects of the live state as HTML, for notebooks: loaded when the first one is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import Enum
from typing import Any

from .html import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_VALUE,
    box,
    clean,
    moment,
    note,
    shortened,
    state,
    table,
)

__all__ = ["object_html", "objects_html"]

_TIMES = frozenset({"since", "last_call"})


def object_html(thing: Any) -> str:
    """Return an object as HTML: its class, and a row for each attribute; lists as tables."""
    rows, tables = [], []
    for each in fields(thing):
        value = getattr(thing, each.name)
        several = _several(value)
        if several:
            tables.append(_table(each.name, several))
        else:
            rows.append([clean(each.name), _cell(each.name, value, MAX_VALUE)])
    return box(f"<b>{clean(type(thing).__name__)}</b>", table(rows), *tables)


def objects_html(title: str, parts: Mapping[str, Sequence[Any]]) -> str:
    """Return lists of objects as HTML, each as a table; a text may stand for a missing list."""
    tables = (
        f"<div>{clean(name)} {note(found)}</div>" if isinstance(found, str) else _table(name, found)
        for name, found in parts.items()
    )
    return box(f"<b>{clean(title)}</b>", *tables)


def _several(value: object) -> list[Any]:
    """The objects in a mapping or a tuple; an empty list for anything else."""
    found = list(value.values()) if isinstance(value, Mapping) else value
    return list(found) if isinstance(found, (list, tuple)) else []


def _table(name: str, things: Sequence[Any]) -> str:
    """Return a table of objects, without the columns that are empty in every row."""
    heading = f"{clean(name)} {note(f'{len(things):,}')}"
    shown = things[:MAX_ROWS]
    more = (
        f"<div>{note(f'… and {len(things) - MAX_ROWS:,} more')}</div>"
        if len(things) > MAX_ROWS
        else ""
    )
    if not shown:
        return f"<div>{heading}</div>"
    if isinstance(shown[0], str):
        return f"<div>{heading}</div>{table([[clean(each)] for each in shown])}{more}"
    names = [
        each.name for each in fields(shown[0]) if any(getattr(thing, each.name) for thing in shown)
    ]
    names = names[:MAX_COLUMNS]
    rows = [[_cell(each, getattr(thing, each), MAX_CELL) for each in names] for thing in shown]
    return f"<div>{heading}</div>{table(rows, [clean(each) for each in names])}{more}"


def _cell(name: str, value: object, limit: int) -> str:
    if value is None:
        return ""
    if isinstance(value, Enum):
        return state(value.name)
    if isinstance(value, bool):
        return state("paused") if value and name == "paused" else "yes" if value else "no"
    if isinstance(reason := getattr(value, "reason", None), Enum):
        return state(reason.name)
    if name in _TIMES and isinstance(value, float):
        return clean(moment(value))
    if isinstance(value, (Mapping, tuple)):
        return f"{len(value):,}"
    return shortened(str(value), limit)
