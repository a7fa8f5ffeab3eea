"""The events that Asterisk sends to a session, as its mask, rights and filters decide.

Nothing here does I/O. It serves to explain why an event does not come.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from .._posix import Expression
from ..actions.base import Action, value_of
from ..events.base import event_class
from ..fields import fields_of, whole_number

__all__ = ["EventFilter", "criteria_in", "filter_text", "includes", "mask_of", "passes"]

# The classes of events by their bits in a numeric mask.
_BITS: Final = (
    *("system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf"),
    *("reporting", "cdr", "dialplan", "originate", "agi", "", "cc", "aoc", "test", "security"),
)
_MESSAGE: Final = 30
_CLASSES: Final = frozenset({*_BITS, "message"} - {""})
_EVERYTHING: Final = "all"
_ALL: Final = frozenset({_EVERYTHING})
_ON: Final = ("on", "yes", "true", "y", "t")
_OFF: Final = ("off", "no", "false", "n", "f")
_CRITERION: Final = r"(action|name|header|method)\(([^()]*)\)"


def mask_of(text: str) -> frozenset[str]:
    """Return the classes of events that a mask asks for; `{"all"}` for all of them.

    Asterisk accepts `on`, `off` and similar words in any letter case, but classes only in lower
    case. Each name but the last stands for every class that begins with it: `c,agent` asks for
    `call` and `cdr` too. A number is a set of bits.

    Args:
        text: the mask, as in the header `EventMask`.
    """
    lowered = text.lower()
    if lowered in _ON:
        return _ALL
    if lowered in _OFF or not text:
        return frozenset()
    number = whole_number(text)
    if number is not None:
        found = {name for bit, name in enumerate(_BITS) if name and number >> bit & 1}
        return frozenset(found | ({"message"} if number >> _MESSAGE & 1 else set()))
    *first, last = text.split(",")
    if last == _EVERYTHING or any(_EVERYTHING.startswith(each) for each in first):
        return _ALL
    found = {name for name in _CLASSES for each in first if name.startswith(each)}
    return frozenset(found | ({last} & _CLASSES))


def includes(classes: Iterable[str], needed: Iterable[str]) -> bool:
    """Return true if a mask, or a user's rights, include all classes of an event.

    Args:
        classes: the classes of the mask or of the rights; `all` stands for all of them.
        needed: the classes of the event.
    """
    given = set(classes)
    return _EVERYTHING in given or given.issuperset(needed)


def criteria_in(text: str) -> tuple[str, str] | None:
    """Split a filter with criteria, such as `name(Hangup),method(contains)=PJSIP/`.

    Args:
        text: the criteria, alone or with `=` and a pattern.

    Returns:
        The criteria and the pattern; `None` if the text is a regular expression.
    """
    found = re.fullmatch(rf"({_CRITERION}(?:,{_CRITERION})*)(?:\s*=\s*(.*))?", text, re.DOTALL)
    return None if found is None else (found[1], found[6] or "")


def filter_text(name: str, value: str) -> str:
    """Return a filter of manager.conf as one text, in the form of `Permissions.event_filters`.

    Args:
        name: the setting's name: `eventfilter`, or `eventfilter(...)` with criteria.
        value: its value.
    """
    criteria = name.partition("(")[2].removesuffix(")")
    return "=".join(filter(None, (criteria, value)))


@dataclass(frozen=True)
class EventFilter:
    """An event filter of Asterisk. It can be tested with only the first two headers of an event.

    Attributes:
        excludes: true if it blocks the events that it matches; false if it lets them through.
        name: the name of the events to which it applies; empty for all.
        header: the header that it compares; empty for the whole event.
        method: the comparison: `regex`, `exact`, `starts_with`, `ends_with`, `contains`, `none`.
        pattern: the text or expression to compare with.
    """

    excludes: bool
    name: str = ""
    header: str = ""
    method: str = "regex"
    pattern: str = ""

    @classmethod
    def of(cls, given: Action[Any] | str) -> EventFilter:
        """Return the filter that an action sets or a text describes.

        Args:
            given: a `Filter` action, or a text in the form of `Permissions.event_filters`.
        """
        if isinstance(given, str):
            criteria, pattern = criteria_in(given) or ("", given)
        else:
            criteria, pattern = value_of(given, "MatchCriteria"), value_of(given, "Filter")
        if not criteria:
            return cls(pattern.startswith("!"), pattern=pattern.removeprefix("!"))
        found = dict(re.findall(_CRITERION, criteria))
        method = found.get("method", "none")
        excludes = found.get("action") == "exclude"
        return cls(excludes, found.get("name", ""), found.get("header", ""), method, pattern)

    def matches(self, name: str, classes: Iterable[str]) -> bool | None:
        """Return true if it matches all events of a name, and false if it matches none of them.

        `None` means that it may match some of them: their other headers decide.

        Args:
            name: the events' name.
            classes: their read classes; empty if these are not known.
        """
        if self.name and self.name != name:
            return False
        if self.method == "none":
            return None if self.header else True
        try:
            expression = Expression(self._expression())
        except ValueError:
            return None  # the server accepted the expression, so it is valid there
        if self.header:
            if self.header != "Event":
                return None
            return re.search(expression.pattern, name, re.DOTALL) is not None
        known = ",".join(classes)
        beginning = f"Event: {name}\r\nPrivilege: {known}" + (",all\r\n" if known else "")
        found = expression.finds(beginning)
        if found is not False:
            return found
        # These two headers do not come again, but one that ends alike may, such as `UserEvent`.
        once = ["Privilege: "] if _has_another(name) else ["Event: ", "Privilege: "]
        again = any(not each.startswith(tuple(once)) for each in expression.beginnings())
        return None if again else False

    def _expression(self) -> str:
        if self.method == "regex":
            return self.pattern
        plain = re.sub(r"([][(){}.*+?^$|\\])", r"\\\1", self.pattern)
        begin = "^" if self.method in ("exact", "starts_with") else ""
        return begin + plain + ("$" if self.method in ("exact", "ends_with") else "")


def _has_another(name: str) -> bool:
    """True if events of a name have a further header whose name ends in `Event`."""
    headers = [field.header for field in fields_of(event_class(name)).values()]
    return any(each.endswith("Event") for each in headers)


def passes(filters: Iterable[EventFilter], name: str, classes: Iterable[str]) -> bool | None:
    """Return true if filters let all events of a name through, and false if they let none through.

    `None` means that they may let some through. An event passes if no excluding filter matches it
    and, if there are including filters, at least one of these matches it.

    Args:
        filters: the filters of a session, including those of its user in manager.conf.
        name: the events' name.
        classes: their read classes; empty if these are not known.
    """
    classes = list(classes)
    verdicts = [(each.excludes, each.matches(name, classes)) for each in filters]
    held = [matches for excludes, matches in verdicts if excludes]
    let = [matches for excludes, matches in verdicts if not excludes]
    if True in held or (let and not any(each is not False for each in let)):
        return False
    return True if not any(each is None for each in held) and (not let or True in let) else None
