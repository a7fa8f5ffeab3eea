"""The former module of `ListStream` and `NextEvent`, which are now in `aioami` itself."""

from __future__ import annotations

import warnings
from typing import Any

_MOVED = ("ListStream", "NextEvent")


def __getattr__(name: str) -> Any:
    if name not in _MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    sentence = (
        f"aioami.streams.{name} is aioami.{name} now, and will be gone from here in aioami 1.0"
    )
    warnings.warn(sentence, DeprecationWarning, stacklevel=2)
    return getattr(import_module("aioami"), name)
