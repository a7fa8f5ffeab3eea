"""Names of actions and events, from a name, a class or an instance that a test gives."""

from __future__ import annotations

from typing import Any

from .message import Charset

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


def headers_of(named: Named, charset: Charset) -> list[tuple[str, str]]:
    """Return the headers of an action as a test sees those that come; none for a name or a class.

    Raises:
        ValueError: it has a character that the server's encoding cannot write.
    """
    if isinstance(named, type) or not hasattr(named, "headers"):
        return []
    lines = named.encode("1", encoding=charset.encoding).split(b"\r\n")
    pairs = [charset.shown(charset.decode(line)).split(": ", 1) for line in lines if line]
    return [(name, value) for name, value in pairs if name not in ("Action", "ActionID")]
