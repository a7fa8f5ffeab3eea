"""Warnings about names of events that cannot be right."""

from __future__ import annotations

from collections.abc import Iterable

from .._session.dispatch import Selector
from ..errors import UnknownEventName

__all__ = ["warn_of_names"]


def warn_of_names(selectors: Iterable[Selector], version: str = "") -> None:
    """Warn about each selector that can never match an event, at the line that gave it.

    Args:
        selectors: classes of events, names and patterns.
        version: the AMI version of the server; empty if it is not known.
    """
    # Imported here, so that importing the library is quick.
    from .._warning import warn
    from ..events.naming import misnamed

    for selector in selectors:
        name = selector if isinstance(selector, str) else selector.wire_name or "*"
        wrong = misnamed(name, version=version)
        if wrong is not None:
            warn(wrong, UnknownEventName)
