"""Accounts of manager.conf, event masks and event filters."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .._check import check_flag, check_several, check_text, check_type
from .._posix import Expression
from .config import Category, ConfigFile

__all__ = ["Account", "EventFilter", "FilterError", "accounts_of", "mask_of"]

CLASSES: Final = (
    *("system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf"),
    *("reporting", "cdr"),
    *("dialplan", "originate", "agi", "", "cc", "aoc", "test", "security"),
)  # in the order of their bits in a numeric mask
ALL: Final = frozenset({*CLASSES, "message"} - {""})
_OFF: Final = ("off", "no", "false", "n", "f")
_ON: Final = ("on", "yes", "true", "y", "t")


@dataclass
class Account:
    """A user of the manager interface.

    Attributes:
        secret: the secret; without one the user cannot log in.
        read: the event classes that the user may get, as in manager.conf: `"all"`, `"call,agent"`.
        write: the classes of actions that the user may send.
        allow_multiple_login: true if the user may have several sessions at a time.
        denied: true if an ACL denies the addresses of 127.0.0.0/8.
        event_filters: the filters that each session of the user begins with.

    Raises:
        TypeError: the secret or the classes are no text.
    """

    secret: str
    read: str = "all"
    write: str = "all"
    allow_multiple_login: bool = True
    denied: bool = False
    event_filters: tuple[EventFilter, ...] = ()

    def __post_init__(self) -> None:
        for name in ("secret", "read", "write"):
            check_text(name, getattr(self, name))
        for name in ("allow_multiple_login", "denied"):
            check_flag(name, getattr(self, name))
        for each in check_several("event_filters", self.event_filters, "EventFilter"):
            check_type("event_filters", each, (EventFilter,), "a sequence of EventFilter")

    def __repr__(self) -> str:
        return f"<Account read={self.read!r} write={self.write!r}>"

    @property
    def readable(self) -> frozenset[str]:
        """The event classes that the user may get, as a set."""
        return permissions_of(self.read)

    @property
    def writable(self) -> frozenset[str]:
        """The classes of actions that the user may send, as a set."""
        return permissions_of(self.write)

    @classmethod
    def from_category(cls, category: Category, *, advanced: bool, multiple: bool) -> Account:
        """Make an account from a category of manager.conf.

        Args:
            category: the category.
            advanced: true if this Asterisk knows `eventfilter(...)`.
            multiple: the default of `allowmultiplelogin`.

        Raises:
            ValueError: a filter is wrong.
        """
        denied = False
        here = ipaddress.ip_address("127.0.0.1")
        for name, value in category.lines:
            networks = value.split(",") if name in ("permit", "deny") else []
            if any(_contains(network, here) for network in networks):
                denied = name == "deny"
        filters = [
            EventFilter.parse(value, _criteria(name))
            for name, value in category.lines
            if name == "eventfilter" or (advanced and name.startswith("eventfilter("))
        ]
        several = category.get("allowmultiplelogin", "yes" if multiple else "no")
        return cls(
            category.get("secret"),
            category.get("read"),
            category.get("write"),
            allow_multiple_login=several in ("yes", "true", "1", "on"),
            denied=denied,
            event_filters=tuple(filters),
        )


def accounts_of(file: ConfigFile, *, advanced: bool) -> dict[str, Account]:
    """Return the accounts of manager.conf, by name.

    Args:
        file: manager.conf.
        advanced: true if this Asterisk knows `eventfilter(...)`.
    """
    several = file.get("general", "allowmultiplelogin", "yes") == "yes"
    return {
        category.name: Account.from_category(category, advanced=advanced, multiple=several)
        for category in file.categories
        if category.name != "general" and not category.template
    }


def _criteria(name: str) -> str | None:
    """Return the criteria in `eventfilter(...)`; `None` for a plain `eventfilter`."""
    found = re.fullmatch(r"eventfilter\((.*)\)", name)
    return None if found is None else found[1]


def _contains(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network.strip(), strict=False)
    except ValueError:
        return network.strip() == "localhost"  # names are not looked up


def permissions_of(text: str) -> frozenset[str]:
    """Return the classes that a list in manager.conf names."""
    names = {name.strip() for name in text.split(",")}
    return ALL if "all" in names else frozenset(names & ALL)


def mask_of(text: str) -> frozenset[str] | None:
    """Return the classes of an event mask; `None` if it is empty, which changes nothing."""
    lowered = text.lower()
    if not text:
        return None
    if text.isdecimal():
        number = int(text)
        return frozenset(name for bit, name in enumerate(CLASSES) if number >> bit & 1 and name) | (
            {"message"} if number >> 30 & 1 else frozenset()
        )
    if lowered in _OFF:
        return frozenset()
    if lowered in _ON:
        return ALL
    *first, last = text.split(",")
    # Asterisk takes each name except the last as a prefix, which may also be a prefix of "all".
    found = {name for name in ALL for part in first if name.startswith(part)} | ({last} & ALL)
    everything = last == "all" or any("all".startswith(part) for part in first)
    return ALL if everything else frozenset(found)


class FilterError(ValueError):
    """The filter is wrong; the text is Asterisk's answer."""


_NOT_COMPILED: Final = "Filter did not compile.  Check the syntax of the filter given."
_BAD_FORMAT: Final = "Filter was formatted incorrectly.  Check the syntax of the filter given."
_CRITERION: Final = re.compile(r"([a-z]+)\(([^()]*)\)")
_METHODS: Final[dict[str, Callable[[str, str], bool]]] = {
    "exact": lambda text, pattern: text == pattern,
    "starts_with": lambda text, pattern: text.startswith(pattern),
    "ends_with": lambda text, pattern: text.endswith(pattern),
    "contains": lambda text, pattern: pattern in text,
}


@dataclass(frozen=True)
class EventFilter:
    """An event filter of a session.

    Attributes:
        exclude: true to hold matching events back, false to let them through.
        name: the event's name; empty for any.
        header: the header to compare; empty for the whole text.
        method: `regex`, `exact`, `starts_with`, `ends_with`, `contains` or `none`.
        pattern: the text or regular expression to compare with.
    """

    exclude: bool
    name: str
    header: str
    method: str
    pattern: str

    @classmethod
    def parse(
        cls,
        pattern: str,
        criteria: str | None = None,
        *,
        empty: bool = False,
    ) -> EventFilter:
        """Parse a filter.

        Args:
            pattern: the value of `Filter`.
            criteria: the value of `MatchCriteria`; `None` for a filter of the old kind.
            empty: true to allow an empty filter of the old kind, as older Asterisk versions do.

        Returns:
            The filter.

        Raises:
            ValueError: the filter is wrong; the text is Asterisk's answer.
        """
        if criteria is None:
            if not pattern and not empty:
                raise FilterError(_BAD_FORMAT)
            _compiled(pattern.removeprefix("!"))
            return cls(pattern.startswith("!"), "", "", "regex", pattern.removeprefix("!"))
        parts = _CRITERION.findall(criteria)
        if ",".join(f"{name}({value})" for name, value in parts) != criteria.replace(" ", ""):
            raise FilterError(_BAD_FORMAT)
        found = dict(parts)
        method = found.get("method", "none")
        allowed = {
            "action": ("include", "exclude"),
            "method": ("regex", "none", *_METHODS),
        }
        if set(found) - {"action", "name", "header", "method"} or any(
            name in found and found[name] not in values for name, values in allowed.items()
        ):
            raise FilterError(_BAD_FORMAT)
        if (method == "none") != (not pattern):
            raise FilterError(_BAD_FORMAT)
        if not (found.get("name") or found.get("header") or pattern):
            raise FilterError(_BAD_FORMAT)
        if method == "regex":
            _compiled(pattern)
        return cls(
            found.get("action") == "exclude",
            found.get("name", ""),
            found.get("header", ""),
            method,
            pattern,
        )

    def matches(self, name: str, text: str) -> bool:
        """Return true if an event matches, whether the filter excludes it or not.

        Args:
            name: the event's name.
            text: its text.
        """
        if self.name and self.name != name:
            return False
        if self.header:
            values = [
                line[len(self.header) + 1 :].lstrip(" ")
                for line in text.split("\r\n")
                if line.startswith(f"{self.header}:")
            ]
            return any(self._compares(value) for value in values)
        return self._compares(text)

    def _compares(self, text: str) -> bool:
        if self.method == "none":
            return True
        if self.method == "regex":
            return _compiled(self.pattern).search(text) is not None
        return _METHODS[self.method](text, self.pattern)


def passes(filters: list[EventFilter], name: str, text: str) -> bool:
    """Return true if filters let an event through.

    No excluding filter may match the event. If there are including filters, one of them must match.
    """
    if any(each.exclude and each.matches(name, text) for each in filters):
        return False
    including = [each for each in filters if not each.exclude]
    return not including or any(each.matches(name, text) for each in including)


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(Expression(pattern).pattern, re.DOTALL)
    except (ValueError, re.error, OverflowError):
        raise FilterError(_NOT_COMPILED) from None
