"""Extended regular expressions of POSIX, as Asterisk's filters have, translated for Python."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Union

__all__ = ["Expression"]

_CLASSES: Final = {
    "alnum": "A-Za-z0-9",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t-\r",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
# Extensions of the C library of Linux.
_SETS: Final = {"w": "[A-Za-z0-9_]", "W": "[^A-Za-z0-9_]", "s": r"[ \t-\r]", "S": r"[^ \t-\r]"}
_PLACES: Final = {"b": r"\b", "B": r"\B", "<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A"}
_BEGINNINGS: Final = 100  # an expression with more beginnings counts as beginning with any text
_ANY: Final = frozenset({""})
_REPETITIONS: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_MOST: Final = 0x7FFF
_DEPTH: Final = 50  # the limit of nested parentheses, and of repetitions behind each other


class Expression:
    """An extended regular expression of POSIX, as `regcomp` takes it with `REG_EXTENDED`.

    Args:
        text: the expression.

    Attributes:
        pattern: the same expression for Python's `re.search`, with the flag `re.DOTALL`.

    Raises:
        ValueError: the expression is wrong, or has a back reference.
    """

    def __init__(self, text: str) -> None:
        self._part = _Reader(text).alternatives()
        self.pattern = self._part.pattern

    def beginnings(self) -> frozenset[str]:
        """Return all texts with which a match may begin; an empty text stands for any.

        The set itself is empty if a match can begin only where the searched text begins.
        """
        return self._part.beginnings()[0]

    def finds(self, beginning: str) -> bool | None:
        """Return true if it matches in every text that begins so; `None` if the rest decides.

        Only a match that begins within `beginning` counts; see `beginnings`.

        Args:
            beginning: the first part of the text.
        """
        search = _Search(beginning)
        if self._part.ends(search, frozenset(range(len(beginning)))):
            return True
        return None if search.is_open else False


class _Search:
    """A search in a text of which only the beginning is known.

    Attributes:
        text: the beginning.
        is_open: true if the rest of the text may complete a match.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_open = False


@dataclass(frozen=True)
class _Sign:
    """One character, or one of a set of characters."""

    pattern: str
    plain: str = ""

    def beginnings(self) -> tuple[frozenset[str], bool]:
        """Return the texts with which a match may begin, and true if these are whole matches."""
        return frozenset({self.plain}), bool(self.plain)

    def ends(self, search: _Search, starts: frozenset[int]) -> frozenset[int]:
        """Return the places where matches end that begin at one of `starts`."""
        if len(search.text) in starts:
            search.is_open = True
        matches = re.compile(self.pattern, re.DOTALL).match
        return frozenset(each + 1 for each in starts if matches(search.text, each))


@dataclass(frozen=True)
class _Place:
    """A place between two characters, such as the end of a word."""

    pattern: str

    def beginnings(self) -> tuple[frozenset[str], bool]:
        return (frozenset(), True) if self.pattern == r"\A" else (_ANY, False)

    def ends(self, search: _Search, starts: frozenset[int]) -> frozenset[int]:
        end = len(search.text)
        if end in starts and self.pattern != r"\A":
            search.is_open = True
        matches = re.compile(self.pattern).match
        return frozenset(each for each in starts if each < end and matches(search.text, each))


@dataclass(frozen=True)
class _Sequence:
    """Several parts, one after the other. Without parts it matches the empty text."""

    parts: tuple[_Part, ...]

    @property
    def pattern(self) -> str:
        return "".join(each.pattern for each in self.parts)

    def beginnings(self) -> tuple[frozenset[str], bool]:
        found = _ANY
        for each in self.parts:
            following, is_all = each.beginnings()
            found = frozenset(one + other for one in found for other in following)
            if len(found) > _BEGINNINGS:
                return _ANY, False
            if not is_all:
                return found, False
        return found, True

    def ends(self, search: _Search, starts: frozenset[int]) -> frozenset[int]:
        for each in self.parts:
            starts = each.ends(search, starts)
        return starts


@dataclass(frozen=True)
class _Either:
    """Several parts of which one matches."""

    parts: tuple[_Part, ...]

    @property
    def pattern(self) -> str:
        return f"(?:{'|'.join(each.pattern for each in self.parts)})"

    def beginnings(self) -> tuple[frozenset[str], bool]:
        several = [each.beginnings() for each in self.parts]
        found = frozenset[str]().union(*(each for each, _ in several))
        if len(found) > _BEGINNINGS:
            return _ANY, False
        return found, all(is_all for _, is_all in several)

    def ends(self, search: _Search, starts: frozenset[int]) -> frozenset[int]:
        return frozenset[int]().union(*(each.ends(search, starts) for each in self.parts))


@dataclass(frozen=True)
class _Repeated:
    """A part that matches several times; `most` is `None` without a limit."""

    part: _Part
    least: int
    most: int | None

    @property
    def pattern(self) -> str:
        most = "" if self.most is None else self.most
        return f"(?:{self.part.pattern}){{{self.least},{most}}}"

    def beginnings(self) -> tuple[frozenset[str], bool]:
        return (self.part.beginnings()[0] if self.least else _ANY), False

    def ends(self, search: _Search, starts: frozenset[int]) -> frozenset[int]:
        found = frozenset() if self.least else starts
        times = 0
        while starts and times != self.most:
            times += 1
            following = self.part.ends(search, starts)
            if times >= self.least:
                following -= found
                found |= following
            elif following == starts:  # further repetitions would change nothing
                return following
            starts = following
        return found


_Part = Union[_Sign, _Place, _Sequence, _Either, _Repeated]


class _Reader:
    """Reads an expression once, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def alternatives(self) -> _Part:
        several = [self._sequence()]
        while self._takes("|"):
            several.append(self._sequence())
        return several[0] if len(several) == 1 else _Either(tuple(several))

    def _sequence(self) -> _Part:
        found = []
        while self._at < len(self._text) and self._text[self._at] != "|":
            if self._text[self._at] == ")" and self._depth:
                break
            found.append(self._repeated())
        return _Sequence(tuple(found))

    def _repeated(self) -> _Part:
        part = self._one()
        begins = self._at
        while self._at < len(self._text):
            if self._at - begins > _DEPTH:
                raise ValueError("it is repeated too often")
            sign = self._text[self._at]
            if sign in _REPETITIONS:
                if isinstance(part, _Place):
                    raise ValueError(f"a place cannot be repeated, as {sign} does")
                part = _Repeated(part, *_REPETITIONS[sign])
                self._at += 1
                continue
            found = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}").match(self._text, self._at)
            if found is None or not (found[1] or found[3]):
                break
            least = int(found[1] or 0)
            most = int(found[3] or -1) if found[2] else least
            if least > _MOST or most > _MOST or -1 < most < least:
                raise ValueError(f"{found[0]} is no number of repetitions")
            part = _Repeated(part, least, None if most < 0 else most)
            self._at = found.end()
        return part

    def _one(self) -> _Part:
        sign = self._text[self._at]
        self._at += 1
        if sign == "(":
            self._depth += 1
            if self._depth > _DEPTH:
                raise ValueError("parentheses are nested too deeply")
            part = self.alternatives()
            if not self._takes(")"):
                raise ValueError("a parenthesis is open")
            self._depth -= 1
            return part
        if sign == "^":
            return _Place(r"\A")
        if sign == "$":
            return _Place(r"\Z")
        if sign == ".":
            return _Sign(".")
        if sign == "[":
            return _Sign(self._bracket())
        if sign in "*+?":
            raise ValueError(f"nothing is before {sign}")
        if sign == "\\":
            if self._at == len(self._text):
                raise ValueError("nothing is behind a backslash")
            sign = self._text[self._at]
            self._at += 1
            if sign in "123456789":
                raise ValueError("back references are not known here")
            if sign in _SETS:
                return _Sign(_SETS[sign])
            if sign in _PLACES:
                return _Place(_PLACES[sign])
        return _Sign(re.escape(sign), sign)

    def _bracket(self) -> str:
        """A bracket expression, in which a backslash is an ordinary character."""
        inverted = self._takes("^")
        signs = ""
        first = True
        while first or not self._takes("]"):
            first = False
            named = re.compile(r"\[([:.=])(.+?)\1\]").match(self._text, self._at)
            if named is not None and named[1] == ":":
                if named[2] not in _CLASSES:
                    raise ValueError(f"{named[0]} is no class")
                signs += _CLASSES[named[2]]
                self._at = named.end()
                continue
            low = self._element()
            if self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 :][:1] != "]":
                self._at += 1
                high = self._element()
                if high < low:
                    raise ValueError(f"the range {low}-{high} ends before it begins")
                signs += f"{re.escape(low)}-{re.escape(high)}"
            else:
                signs += re.escape(low)
        return f"[{'^' if inverted else ''}{signs}]"

    def _element(self) -> str:
        named = re.compile(r"\[([.=])(.)\1\]", re.DOTALL).match(self._text, self._at)
        if named is not None:
            self._at = named.end()
            return named[2]
        if self._at >= len(self._text) or self._text.startswith(("[.", "[=", "[:"), self._at):
            raise ValueError("a bracket is open")
        self._at += 1
        return self._text[self._at - 1]

    def _takes(self, sign: str) -> bool:
        if not self._text.startswith(sign, self._at):
            return False
        self._at += 1
        return True
