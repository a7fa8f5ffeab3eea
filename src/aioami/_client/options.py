"""The options of a manager, checked when they are given."""

from __future__ import annotations

import enum
import ssl as tls
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Union

from .._check import check_characters, check_flag, check_type
from ..actions.base import Action
from ..actions.system import Filter, Login
from ..wire.text import Encoding

__all__ = ["CALL_WORDS", "DEFAULT", "Backoff", "Default", "Options", "Timeout", "event_filter"]

_EXTENSION: Final = "to='100@internal'"
_APPLICATION: Final = "to=Application('Playback', 'hello-world')"
CALL_WORDS: Final = {
    "callerid": "caller_id",
    "variable": "variables",
    **dict.fromkeys(("context", "exten", "extension", "priority"), _EXTENSION),
    **dict.fromkeys(("application", "data"), _APPLICATION),
}
"""Names of Originate's parameters, each with the argument of `Manager.call` for it."""


class Default(enum.Enum):
    """The timeout that a caller left out: the action's own applies, else the manager's."""

    DEFAULT = enum.auto()

    def __repr__(self) -> str:
        return "<default>"


DEFAULT: Final = Default.DEFAULT
Timeout = Union[float, None, Default]
"""Seconds; `None` for no limit; or the default."""


@dataclass(frozen=True)
class Backoff:
    """The waits between attempts to establish a lost link again.

    Wait number n, from 0, is `first * factor ** n` seconds, at most `maximum`. With jitter it is
    random, between half of that and all of it, so that a thousand clients do not come back at the
    same moment. After a link that lasted longer than `maximum`, the waits start again at `first`.

    Args:
        first: seconds before the first attempt.
        factor: the ratio of each wait to the one before; at least 1.
        maximum: the longest wait, in seconds.
        jitter: whether the waits are random.

    Raises:
        ValueError, TypeError: an argument cannot be right; the message names it.
    """

    first: float = 0.5
    factor: float = 1.6
    maximum: float = 30.0
    jitter: bool = True

    def __post_init__(self) -> None:
        for name in ("first", "factor", "maximum"):
            check_type(name, getattr(self, name), (int, float), "a number")
        check_flag("jitter", self.jitter)
        if not 0 < self.first < float("inf"):
            raise ValueError(f"first: more than 0 seconds, not {self.first}")
        if not 1 <= self.factor < float("inf"):
            raise ValueError(f"factor: at least 1, not {self.factor}")
        if not self.first <= self.maximum < float("inf"):
            raise ValueError(f"maximum: at least first ({self.first} seconds), not {self.maximum}")

    def delays(self) -> Iterator[float]:
        """The seconds to wait before each attempt, in an endless iterator."""
        from random import uniform

        delay = self.first
        while True:
            yield uniform(delay / 2, delay) if self.jitter else delay
            delay = min(delay * self.factor, self.maximum)


@dataclass(repr=False, eq=False, slots=True)  # a repr would show the secret
class Options:
    """See `Manager`, which describes each of them."""

    host: str
    port: int
    username: str | None
    secret: str | None
    ssl: tls.SSLContext | None
    server_hostname: str | None
    event_mask: bool | str | tuple[str, ...]
    event_filters: tuple[Filter, ...]
    timeout: float | None
    backoff: Backoff | None
    """The waits before reconnecting; `None` makes a lost link final."""
    retry_connect: bool
    read_only: bool
    keepalive: float | None
    plaintext_login: bool
    max_frame_size: int | None
    max_list_items: int | None
    max_bytes_before_login: int | None
    encoding: Encoding

    def __post_init__(self) -> None:
        if self.username is not None and self.secret is None:
            raise ValueError("secret: a username needs a secret")
        if any(sign in "\r\n\0" for sign in self.secret or ""):
            raise ValueError("secret: it may not contain CR, LF or NUL")
        self.encoding.encode("secret", self.secret or "")
        for name, value in (("host", self.host), ("server_hostname", self.server_hostname or "")):
            if "://" in value or "@" in value:  # not shown, because it may contain a secret
                sentence = "expected a name or an address; Manager.from_url takes a URL"
                raise ValueError(f"{name}: {sentence}")
            check_characters(name, value)
        if not 0 < self.port < 65536:
            raise ValueError(f"port: 1 to 65535, not {self.port}")
        for name in ("timeout", "keepalive"):
            seconds = getattr(self, name)
            if seconds is not None and not 0 < seconds < float("inf"):
                raise ValueError(f"{name}: more than 0 seconds or None for no limit, not {seconds}")
        for name, unit in (
            ("max_frame_size", "byte"),
            ("max_list_items", "item"),
            ("max_bytes_before_login", "byte"),
        ):
            limit = getattr(self, name)
            if limit is not None and limit < 1:
                raise ValueError(f"{name}: at least 1 {unit} or None for no limit, not {limit}")
        # This refuses a username or a mask that could not be sent later.
        login = Login(self.username or "-", "", events=self.event_mask, challenge="")
        for each in (login, *self.event_filters):
            each.encode("1", encoding=self.encoding)

    @property
    def address(self) -> str:
        """The server as `host:port`."""
        return f"{self.host}:{self.port}"

    def timeout_of(self, action: Action[Any], timeout: Timeout) -> float | None:
        """Return the timeout for an answer: the caller's, else the action's, else the manager's."""
        if not isinstance(timeout, Default):
            return timeout
        return action.timeout if action.timeout is not None else self.timeout


def event_filter(given: str | tuple[str, str] | Filter) -> Filter:
    """Convert a server-side filter to the action that sets it.

    Args:
        given: a regular expression as in manager.conf's `eventfilter = ...`; or the criteria from
            the parentheses of `eventfilter(...) = ...`: alone, with `=` and the pattern, or in a
            pair with the pattern; or the action itself.

    Raises:
        ValueError: the filter cannot be right.
        TypeError: `given` is none of these.
    """
    if isinstance(given, Filter):
        return given
    if isinstance(given, str):
        from ..permissions.delivery import criteria_in

        advanced = criteria_in(given)
        if advanced is None:
            return Filter(given)
        return Filter(advanced[1], match_criteria=advanced[0])
    if isinstance(given, Iterable):
        criteria, pattern = given
        return Filter(pattern, match_criteria=criteria)
    raise TypeError(f"event_filters: expected texts, or pairs of texts, not {type(given).__name__}")
