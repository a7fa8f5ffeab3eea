"""Reading of headers from a message's text: all of them, or one.

A line ends with LF; one CR before it belongs to the line end. The name is the text before the first
colon; the value is the rest, without exactly one leading blank. A line without a colon, or whose
name is empty or begins with a blank or a tab, is no header. Names are compared in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Final

__all__ = [
    "FINDERS",
    "FIRST_LINES",
    "head_of",
    "is_regular",
    "partition_line",
    "split_headers",
]

_Find = Callable[[str], "re.Match[str] | None"]

FIRST_LINES: Final = ("Event: ", "Response: ")
"""The beginnings of the first lines of nearly all messages."""

_FIRST_NAMES: Final = ("event", "response")
_MAX_FINDERS: Final = 4096
_FOLLOWS: Final = re.compile("Response: Follows\r?\n")
_WHOLE: Final = re.compile("(.*)", re.DOTALL)


def split_headers(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the names of a message's headers, their values, and the lines that are no headers."""
    lines = text.split("\r\n")
    if lines[-1][-1:] == "\r":
        lines[-1] = lines[-1][:-1]
    names, colons, values = zip(*map(str.partition, lines, repeat(": ")))  # noqa: B905 - 3 each
    # This was all, if each line ended with CR LF and was split at its first colon.
    whole = "" not in colons and "" not in names and text.count("\n") == len(lines) - 1
    if whole and is_regular(names):
        return names, values, ()
    kept: list[str] = []
    found_values: list[str] = []
    unparsed: list[str] = []
    for line in text.split("\n"):
        if line[-1:] == "\r":
            line = line[:-1]
        name, colon, value = partition_line(line)
        if not colon or not name or name[0] in " \t":
            unparsed.append(line)
            continue
        kept.append(name)
        found_values.append(value[1:] if value[:1] == " " else value)
    return tuple(kept), tuple(found_values), tuple(unparsed)


def partition_line(line: str) -> tuple[str, str, str]:
    """Return the name before a line's colon, the colon, and what follows, as `str.partition`.

    A channel's name in `ChanVariable(<channel>)` may contain colons.
    """
    if line.startswith("ChanVariable("):
        inner, closing, rest = line.partition("): ")
        if closing:
            return inner + ")", ":", " " + rest
    return line.partition(":")


def is_regular(names: tuple[str, ...]) -> bool:
    """True if lines with these names can be split at their first colon with a blank."""
    text = "\n" + "\n".join(names)
    return (
        ":" not in text
        and "\n " not in text
        and "\n\t" not in text
        and text.count("(") == text.count(")")
    )


def head_of(text: str) -> str:
    """Return the part of a message that has headers.

    That is the whole message, except for the reply to `Command` before Asterisk 14. That reply has
    `Response: Follows`, at most two headers, then the raw output.
    """
    if not (text.startswith("Response: F") and _FOLLOWS.match(text)):
        return text
    end = text.index("\n")
    for _ in range(2):
        line = text[end + 1 :].partition("\n")[0]
        if not line.startswith(("Privilege:", "ActionID:")):
            break
        end += 1 + len(line)
    return text[:end]


class _Finders(dict[str, _Find]):
    """Functions by header name that find the first header of that name, in any letter case.

    Each is made at its first use. It takes the lines of a message, with a line break before each
    line. The first line may lack it if it begins with one of `FIRST_LINES`: copying the text of
    every event to add that line break would double the cost of an event.

    It returns a match. The first group is the value, if it stands between a blank and CR LF; else
    the second group is the value, and a CR at its end belongs to the line end.
    """

    def __missing__(self, name: str) -> _Find:
        found: _Find
        if name.isascii() and name[:1] not in ("", " ", "\t") and not re.search("[\n:(]", name):
            # The Kelvin sign is the only non-ASCII letter whose lower case is ASCII.
            spelled = re.sub("[Kk]", "[k\u212a]", re.escape(name))
            header = f"{spelled}:(?: (.*)\r\n| ?(.*))"
            flags = re.ASCII | re.IGNORECASE
            if name.lower() in _FIRST_NAMES:
                found = re.compile(f"(?:|(?s:.*?\n)){header}", flags).match
            else:
                found = re.compile(f"\n{header}", flags).search
        else:
            found = partial(_find_among_all, name.lower())
        if len(self) >= _MAX_FINDERS:
            self.clear()
        self[name] = found
        return found


def _find_among_all(wanted: str, lines: str) -> re.Match[str] | None:
    """Find the first header of a name that a regular expression cannot find reliably.

    Such a name may contain a channel's name, has letters beyond ASCII, or is no header's name.
    """
    names, values, _ = split_headers(lines)
    lower = [name.lower() for name in names]
    return _WHOLE.fullmatch(values[lower.index(wanted)]) if wanted in lower else None


FINDERS: Final = _Finders()
