"""Reading of headers from a message's text: all of them, or one.

A line ends with LF, and one CR before that belongs to its end. The name is what stands before the
first colon; the value is the rest, less exactly one blank. A line without a colon, or whose name
is empty or begins with a blank or a tab, is no header. Names are compared in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Final

__all__ = ["FINDERS", "FIRST_LINES", "head_of", "is_regular", "split_headers"]

_Find = Callable[[str], "re.Match[str] | None"]

FIRST_LINES: Final = ("Event: ", "Response: ")
"""The begins of the first lines of nearly all messages."""

_FIRST_NAMES: Final = ("event", "response")
_MAX_FINDERS: Final = 4096
_FOLLOWS: Final = re.compile("Response: Follows\r?\n")
_WHOLE: Final = re.compile("(.*)", re.DOTALL)


def split_headers(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the names of a message's headers, their values, and the lines that are no headers.

    A channel's name in `ChanVariable(<channel>)` may hold colons itself.
    """
    lines = text.split("\r\n")
    if lines[-1][-1:] == "\r":
        lines[-1] = lines[-1][:-1]
    names, colons, values = zip(*map(str.partition, lines, repeat(": ")))  # noqa: B905 - 3 each
    # Done, if each line ended with CR LF and was parted at its first colon.
    whole = "" not in colons and "" not in names and text.count("\n") == len(lines) - 1
    if whole and is_regular(names):
        return names, values, ()
    kept: list[str] = []
    found_values: list[str] = []
    unparsed: list[str] = []
    for line in text.split("\n"):
        if line[-1:] == "\r":
            line = line[:-1]
        name, colon, value = line.partition(":")
        if not colon or not name or name[0] in " \t":
            unparsed.append(line)
            continue
        if name.startswith("ChanVariable("):
            inner, closing, rest = line.partition("): ")
            if closing:
                name, value = inner + ")", " " + rest
        kept.append(name)
        found_values.append(value[1:] if value[:1] == " " else value)
    return tuple(kept), tuple(found_values), tuple(unparsed)


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
    """Return the part of a message that holds headers.

    That is all of it, but for the reply to `Command` before Asterisk 14: `Response: Follows`, at
    most two headers, then the output as it came.
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
    """Functions that find the first header of a name, in any letter case; made when asked for.

    Each takes the lines of a message, with a line break before each. The first may lack it if it
    begins with one of `FIRST_LINES`: to copy the text of every event, for that line break, would
    cost as much as all else that is done with an event.

    It gives a match. The first group is the value, if it stands between a blank and CR LF; else
    the second one is the value, and a CR behind it belongs to the end of the line.
    """

    def __missing__(self, name: str) -> _Find:
        found: _Find
        if name.isascii() and name[:1] not in ("", " ", "\t") and not re.search("[\n:(]", name):
            # The sign of Kelvin is the one other letter that is in ASCII when it is in lower case.
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
    """Find the first header of a name for which no expression is certain.

    That is one that may hold a channel's name, or has letters beyond ASCII, or is no header's name.
    """
    names, values, _ = split_headers(lines)
    lower = [name.lower() for name in names]
    return _WHOLE.fullmatch(values[lower.index(wanted)]) if wanted in lower else None


FINDERS: Final = _Finders()
