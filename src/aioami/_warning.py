"""Warnings at the line of the program that caused them, however deep in the library they arise."""

from __future__ import annotations

import contextlib
import inspect
import os
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["asked_from_here", "warn"]

_OWN: Final = (os.path.dirname(__file__) + os.sep, contextlib.__file__)


@dataclass(frozen=True)
class _Place:
    """A line of the program that uses the library, as warnings need it."""

    filename: str
    lineno: int
    module: str
    registry: dict[Any, Any]


# Set before work goes to another thread, whose stack does not show the line that asked for it.
_ASKED_FROM: ContextVar[_Place | None] = ContextVar("_ASKED_FROM", default=None)


def warn(text: str, category: type[Warning]) -> None:
    """Issue a warning at the innermost line of code that is not the library's."""
    place = _ASKED_FROM.get() or _place()
    warnings.warn_explicit(
        text,
        category,
        place.filename,
        place.lineno,
        module=place.module,
        registry=place.registry,
    )


@contextlib.contextmanager
def asked_from_here() -> Iterator[None]:
    """Show warnings of the `with` block, in any thread, at the line that called the library."""
    token = _ASKED_FROM.set(_place())
    try:
        yield
    finally:
        _ASKED_FROM.reset(token)


def _place() -> _Place:
    frame = inspect.currentframe()
    assert frame is not None  # CPython has frames
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return _Place(
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__", ""),
        frame.f_globals.setdefault("__warningregistry__", {}),
    )
