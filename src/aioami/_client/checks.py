"""Checks of the arguments of a manager and its streams."""

from __future__ import annotations

import inspect
import os
import ssl as tls
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .._check import check_type
from ..actions.system import Filter
from ..metrics import Metrics
from .options import Backoff

__all__ = ["check_predicate", "check_types"]

_FLAG: Final = ((bool,), "True or False")
_OPTIONS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "host": ((str,), "text"),
    "port": ((int, type(None)), "a whole number"),
    "username": ((str, type(None)), "text"),
    "secret": ((str, type(None)), "text"),
    "ssl": ((bool, tls.SSLContext, type(None)), "True, False or an ssl.SSLContext"),
    "server_hostname": ((str, type(None)), "text"),
    "event_mask": ((bool, str, Iterable), "True, False, text or event classes"),
    "event_filters": ((Iterable,), "a sequence of filters"),
    "timeout": ((int, float, type(None)), "a number of seconds or None"),
    "reconnect": ((bool, Backoff), "True, False or a Backoff"),
    "retry_connect": _FLAG,
    "keepalive": ((int, float, type(None)), "a number of seconds or None"),
    "plaintext_login": _FLAG,
    "max_frame_size": ((int, type(None)), "a whole number of bytes or None"),
    "max_list_items": ((int, type(None)), "a whole number of items or None"),
    "max_bytes_before_login": ((int, type(None)), "a whole number of bytes or None"),
    "record": ((str, os.PathLike, type(None)), "the path of a file"),
    "metrics": ((Metrics, type(None)), "an object of a class of aioami.metrics"),
    "read_only": _FLAG,
}
_NO_SEQUENCES: Final = (str, bytes, Mapping, Filter)


def check_types(**given: object) -> None:
    """Check the types of a manager's options, which are given by name.

    Raises:
        TypeError: an option is of a wrong type.
    """
    for name, value in given.items():
        kinds, words = _OPTIONS[name]
        check_type(name, value, kinds, words)
        if kinds == (Iterable,) and isinstance(value, _NO_SEQUENCES):
            raise TypeError(f"{name}: expected {words}, not {type(value).__name__}")


def check_predicate(where: Any) -> None:
    """Check the function that decides which events are wanted.

    Raises:
        TypeError: it cannot be called; or it is asynchronous, so that its result is always true.
    """
    if where is None:
        return
    if not callable(where):
        raise TypeError(f"where: expected a function of an event, not {type(where).__name__}")
    for called in (where, getattr(where, "__call__", None)):  # noqa: B004 - an object's method
        if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
            raise TypeError(
                "where: expected a plain function; what an async one returns is true for each event"
            )
        if inspect.isgeneratorfunction(called):
            raise TypeError(
                "where: expected a function that returns; what one that yields returns is true for "
                "each event"
            )
