"""The session itself, and the server as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ..events import system as events
from ..responses.base import Response
from ..responses.system import (
    ChallengeReply,
    CommandReply,
    CoreSettingsReply,
    CoreStatusReply,
    EventsReply,
    ListCommandsReply,
    PingReply,
)
from ..wire.redaction import HIDDEN
from ..wire.text import UTF8, Encoding, shown
from .base import KnownAction
from .parameters import HeaderValue, checked, header, text, whole_number
from .reading import command_may_change

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "AUTHTYPE_MD5",
    "EVENTMASK_ALL",
    "EVENTMASK_CALL",
    "EVENTMASK_LOG",
    "EVENTMASK_NONE",
    "EVENTMASK_SYSTEM",
    "EVENT_CLASSES",
    "Challenge",
    "Command",
    "CoreSettings",
    "CoreStatus",
    "DataGet",
    "Events",
    "Filter",
    "ListCommands",
    "Login",
    "Logoff",
    "Ping",
    "WaitEvent",
    "event_mask",
]

AUTHTYPE_MD5 = "MD5"

EVENTMASK_ALL = "on"
EVENTMASK_NONE = "off"
EVENTMASK_CALL = "call"
EVENTMASK_LOG = "log"
EVENTMASK_SYSTEM = "system"

EVENT_CLASSES = (
    *(
        "system",
        "call",
        "log",
        "verbose",
        "command",
        "agent",
        "user",
        "config",
        "dtmf",
        "reporting",
        "cdr",
    ),
    *("dialplan", "originate", "agi", "cc", "aoc", "test", "security", "message", "all", "none"),
)
"""The event classes of an event mask, besides `on` and `off`."""


def event_mask(mask: bool | str | Iterable[str] | None) -> str:
    """The text of an event mask: `on`, `off`, or event classes separated by commas.

    Args:
        mask: `True` or `on` is everything; `False`, `off`, `None` or an empty one is nothing; else
            one class, several separated by commas, or an iterable of classes.

    Raises:
        ValueError: an unknown class, which Asterisk would ignore. Blanks and numbers are refused
            too: Asterisk takes a number for a set of bits, so that `1` is not `on`.
    """
    if isinstance(mask, (bytes, bytearray)) or not isinstance(
        mask, (str, Iterable, type(None), bool)
    ):
        raise TypeError(
            f"event mask: expected a bool, text or event classes, not {type(mask).__name__}"
        )
    if mask is None or isinstance(mask, bool):
        return EVENTMASK_ALL if mask else EVENTMASK_NONE
    labels = mask.split(",") if isinstance(mask, str) else list(mask)
    wanted = [label for label in labels if label not in ("", EVENTMASK_NONE)]
    if EVENTMASK_ALL in wanted:
        return EVENTMASK_ALL
    for label in wanted:
        checked("event mask", label, ("on", "off", *EVENT_CLASSES))
    return ",".join(wanted) or EVENTMASK_NONE


class Challenge(KnownAction[ChallengeReply]):
    """Ask for the text with which a login hashes its secret; the reply has it under `Challenge`.

    Args:
        authtype: the type of the hash; Asterisk knows only `MD5`.
        username: with it, Asterisk can refuse a user who may log in only once already here.
    """

    reads_only = True

    authtype: str | bytes = header("AuthType", default=AUTHTYPE_MD5)
    _: KW_ONLY
    username: str | bytes | None = header("Username", default=None)


class Login(KnownAction[Response]):
    """Log in. A refusal raises `ManagerAuthError`, about one second later, and ends the connection.

    Args:
        username: the user in manager.conf.
        secret: that user's secret. With a challenge only its hash is sent.
        events: `True` is all that the user may read, `False` none; or a mask as in `Events`.
        challenge: the text from `Challenge`; without one (`None`) the secret itself is sent, for
            everyone to see on the wire. The hash is that of the secret in the manager's encoding.
        authtype: the hash for the challenge: `MD5`; or empty, to send the secret itself anyway.

    Raises:
        ValueError: another `authtype`, or no event mask.
    """

    reads_only = True

    def __init__(
        self,
        username: str | bytes,
        secret: str | bytes,
        events: bool | str | Iterable[str] = True,
        challenge: str | bytes | None = None,
        authtype: str = AUTHTYPE_MD5,
    ) -> None:
        self._hashed: _Hashed | None = None
        headers: list[tuple[str, HeaderValue]] = [("Username", text("username", username))]
        secret, authtype = text("secret", secret), text("authtype", authtype)
        if challenge is not None:
            challenge = text("challenge", challenge)
        if challenge is not None and authtype:
            checked("authtype", authtype, (AUTHTYPE_MD5,))
            hashed = _Hashed(challenge, secret)
            if not secret.isascii():  # else its bytes, and the key, are the same in each encoding
                self._hashed = hashed
            headers += [("AuthType", authtype), ("Key", hashed.key(UTF8))]
        else:
            headers.append(("Secret", secret))
        if events is not True:
            headers.append(("Events", event_mask(events)))
        self._declare(headers)

    def _encoded(self, encoding: Encoding) -> bytes:
        lines = super()._encoded(encoding)
        if self._hashed is None:
            return lines
        return lines.replace(self._hashed.key(UTF8).encode(), self._hashed.key(encoding).encode())


class _Hashed:
    """A challenge and the secret that answers it, which are not shown."""

    __slots__ = ("_challenge", "_secret")

    def __init__(self, challenge: str, secret: str) -> None:
        self._challenge = challenge
        self._secret = secret

    def key(self, encoding: Encoding) -> str:
        """The answer that the server expects, with the secret in this encoding."""
        import hashlib

        data = encoding.encode("challenge", self._challenge)
        data += encoding.encode("secret", self._secret)
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    def __repr__(self) -> str:
        return HIDDEN


class Logoff(KnownAction[Response]):
    """Log out. The server answers `Goodbye`, and closes the connection."""

    reads_only = True


class Ping(KnownAction[PingReply]):
    """See whether the server answers; the reply's `RTT` says how quickly."""

    reads_only = True


class Events(KnownAction[EventsReply]):
    """Choose which classes of events the server sends on this connection. Lists are not affected.

    Args:
        mask: `EVENTMASK_ALL`, `EVENTMASK_NONE`, a class, or an iterable of classes
            (`EVENTMASK_CALL` ...); an empty one is `EVENTMASK_NONE`.

    Raises:
        ValueError: an unknown class.

    With manager.conf's `brokeneventsaction` the server does not answer; the reply is empty then.
    """

    reads_only = True
    fenced = True

    mask: bool | str | Iterable[str] | None = header("EventMask", lambda _, mask: event_mask(mask))


_CRITERION: Final = re.compile(r"(action|name|header|method)\(([^()]*)\)")
_FILTER_ACTIONS: Final = ("include", "exclude")
_FILTER_METHODS: Final = ("regex", "exact", "starts_with", "ends_with", "contains", "none")
_NO_POSIX: Final = re.compile(r"(?<!\\)(?:\\\\)*(\(\?|\\[dD])")


class Filter(KnownAction[Response]):
    """Add a filter for the events of this connection. It cannot be removed.

    The items of lists are not affected. After a reconnect, the manager adds the accepted filters
    again; a filter that was added twice is added twice.

    An event comes if no excluding filter matches it and, if there are including filters, at least
    one of these matches it.

    Args:
        filter: without criteria a POSIX extended regular expression over the event's whole text,
            excluding if it begins with `!`; with criteria the pattern that their method compares.
        match_criteria: `action(include|exclude)`, `name(<event>)`, `header(<header>)` and
            `method(regex|exact|starts_with|ends_with|contains|none)`, separated by commas, each
            at most once each. From Asterisk 18.26, 20.11, 21.6 and 22.1; older servers use only
            the pattern.

    Raises:
        ValueError: the filter is empty, or Asterisk would refuse or misread it. Only the server
            checks the syntax of a regular expression.
    """

    privilege = ("system",)
    reads_only = True

    def __init__(self, filter: str | bytes, *, match_criteria: str | bytes | None = None) -> None:
        filter = text("filter", filter)
        if match_criteria is not None:
            match_criteria = text("match_criteria", match_criteria)
            _check_criteria(match_criteria, filter)
        elif not filter.removeprefix("!"):
            raise ValueError("filter: it is empty")
        if match_criteria is None or "method(regex)" in match_criteria:
            foreign = _NO_POSIX.search(filter)
            if foreign is not None:
                raise ValueError(
                    f"filter: POSIX expressions have no {foreign[1]!r}; write [0-9] for a digit"
                )
        self.match_criteria = None if match_criteria is None else shown(match_criteria)
        self._declare({"Operation": "Add", "MatchCriteria": match_criteria, "Filter": filter})


def _check_criteria(criteria: str, pattern: str) -> None:
    found: dict[str, str] = {}
    position = 0
    while position < len(criteria) or not found:
        criterion = _CRITERION.match(criteria, position)
        if criterion is None or criteria[criterion.end() : criterion.end() + 1] not in ("", ","):
            raise ValueError(
                "match_criteria: action(...), name(...), header(...) and method(...), "
                f"separated by commas, not {criteria!r:.60}"
            )
        if criterion[1] in found:
            raise ValueError(f"match_criteria: {criterion[1]}(...) is there twice")
        found[criterion[1]] = criterion[2]
        position = criterion.end() + 1
    checked("match_criteria, action", found.get("action", "include"), _FILTER_ACTIONS)
    method = checked("match_criteria, method", found.get("method", "none"), _FILTER_METHODS)
    if (method == "none") != (not pattern):
        raise ValueError(
            f"filter: method({method}) {'takes no' if method == 'none' else 'needs a'} pattern"
        )
    if not (found.get("name") or found.get("header") or pattern):
        raise ValueError("match_criteria: a name, a header or a pattern is needed")


class Command(KnownAction[CommandReply]):
    """Run a command of Asterisk's command line; its output is the reply's `data`, line by line.

    A command that fails, or does not exist, is an error from Asterisk 14 on. `core stop` ends the
    connection instead.

    Args:
        command: the command, as typed on the command line.
    """

    privilege = ("command",)
    reads_only = True
    holds_session = True

    command: str | bytes = header("Command")

    @classmethod
    def may_change(cls, headers: Iterable[tuple[str, str]]) -> str:
        commands = (command_may_change(text) for name, text in headers if name.lower() == "command")
        return next(filter(None, commands), "") or super().may_change(())


class ListCommands(KnownAction[ListCommandsReply]):
    """List the actions that this user may send; the reply's `data` has a line each."""

    reads_only = True


class WaitEvent(KnownAction[Response]):
    """Hold this connection until an event comes. Useful over HTTP; here streams serve better.

    The events go to the streams, as always. While it waits, every other action on the connection
    waits too.

    Args:
        timeout: seconds, -1 is no limit.
    """

    reads_only = True
    completion = events.WaitEventComplete
    list_unmarked = True
    holds_session = True

    def __init__(self, timeout: int = -1) -> None:
        seconds = whole_number(minimum=-1, unit="seconds")("timeout", timeout)
        self._declare({"Timeout": seconds}, timeout=None if timeout < 0 else timeout + 2.0)


class CoreSettings(KnownAction[CoreSettingsReply]):
    """Report the server's version and limits."""

    privilege = ("system", "reporting")
    reads_only = True


class CoreStatus(KnownAction[CoreStatusReply]):
    """Report the times of the server's start and reload, and its number of calls."""

    privilege = ("system", "reporting")
    reads_only = True


class DataGet(KnownAction[Response]):
    """Read Asterisk's tree of data. Until Asterisk 13.

    Args:
        path: the place in the tree where to begin.
        search: a condition that selects some of several branches.
        filter: the leaves to return.
    """

    reads_only = True
    until = 13

    path: str | bytes = header("Path")
    _: KW_ONLY
    search: str | bytes | None = header("Search", default=None)
    filter: str | bytes | None = header("Filter", default=None)
