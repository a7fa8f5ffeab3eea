"""Names of actions and events, from a name, a class or an instance that a test gives."""

from __future__ import annotations

from typing import Any

__all__ = ["Named", "headers_of", "name_of"]

Named = Any
"""An action or an event: its name, its class, or an action with the headers that it sends."""


def name_of(named: Named) -> str:
    """Return the name on the wire.

    Raises:
        TypeError: `named` is neither a name, nor a class or an instance of an action or an event.
    """
    if isinstance(named, str):
        return named
    # Actions of the catalogue have `wire_name`, and event classes `name`. Other classes have only
    # the name of the class.
    for attribute in ("wire_name", "name", "__name__"):
        name = getattr(named, attribute, None)
        if isinstance(name, str) and name:
            return name
    raise TypeError(f"a name or a class of an action or an event, not {named!r}")


def headers_of(named: Named) -> list[tuple[str, str]]:
    """Return the headers of an action; none for a name or a class."""
    headers = getattr(named, "headers", None)
    return list(headers) if isinstance(headers, (list, tuple)) else []
