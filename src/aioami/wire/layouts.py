"""Learned layouts: fast splitting of messages with the same headers in the same order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from .headers import is_regular

__all__ = ["Layouts"]

_MAX_KINDS: Final = 512
_MAX_EACH: Final = 8  # layouts with the same first line
_MAX_SEEN: Final = 1024
_MAX_NAMES: Final = 64  # names in a message, because an expression has a group for each
_MAX_CHARACTERS: Final = 2048  # characters of all names in a message
_MAX_FIRST_LINE: Final = 100  # characters; a longer one is no event's name

_Match = Callable[[str], "re.Match[str] | None"]


class Layouts:
    """The usual names in messages with the same first line, and expressions for their values.

    Its memory is bounded, whatever a server sends.

    Attributes:
        worth_learning: the number of messages with the same names before an expression is made for
            them, which takes a millisecond.
    """

    worth_learning: Final = 16

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[tuple[str, ...], _Match]]] = {}
        self._seen: dict[tuple[str, tuple[str, ...]], int] = {}

    def split(self, lines: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """Return the names and the values of a message with a known layout, else `None`.

        Args:
            lines: the message's lines, with a line break before each; the first may lack it.
        """
        for names, match in self._known.get(_first_line(lines), ()):
            found = match(lines)
            if found is not None:
                return names, found.groups()
        return None

    def learn(self, lines: str, names: tuple[str, ...]) -> None:
        """Count a message whose headers have these names; learn its layout if it is frequent."""
        first = _first_line(lines)
        if len(first) > _MAX_FIRST_LINE or not 0 < len(names) <= _MAX_NAMES:
            return
        if sum(map(len, names)) > _MAX_CHARACTERS:
            return
        if len(self._seen) >= _MAX_SEEN:
            self._seen.clear()
        key = (first, names)
        count = self._seen[key] = self._seen.get(key, 0) + 1
        if count != self.worth_learning or not is_regular(names):
            return
        if len(self._known) >= _MAX_KINDS:
            self._known.clear()
        known = self._known.setdefault(first, [])
        if len(known) < _MAX_EACH:
            # A full stop matches no LF, so it matches exactly a value before CR LF. The last value
            # may end at a CR.
            before = [f"\n{re.escape(name)}: " for name in names]
            if not first.startswith("\n"):
                before[0] = before[0][1:]
            *others, last = before
            expression = "".join(f"{each}(.*)\r" for each in others) + f"{last}([^\r\n]*)\r?"
            known.append((names, re.compile(expression).fullmatch))

    def clear(self) -> None:
        """Forget all layouts."""
        self._known.clear()
        self._seen.clear()


def _first_line(lines: str) -> str:
    return lines[: lines.find("\n", 1)]
