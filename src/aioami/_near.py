"""Suggestions for misspelt names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

__all__ = ["nearest", "unexpected", "with_near_keywords"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_LONG: Final = 9  # letters; in a name of this length two slips are likely


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is probably meant by a misspelt one; `None` if none is near.

    A name is near if one slip separates the two: a letter that is missing, extra, wrong, or swapped
    with its neighbour. For names of nine letters or more, two slips are allowed. Letter case and
    underscores do not count.

    Args:
        name: the misspelt name.
        known: all valid names. Of several equally near ones the first is returned.
    """
    key = _key(name)
    limit = 2 if len(key) >= _LONG else 1
    found, best = None, limit + 1
    for each in known:
        distance = _distance(key, _key(each), best)
        if distance < best:
            found, best = each, distance
    return found


def unexpected(
    what: str, keyword: str, known: Iterable[str], *, meant: str | None = None
) -> TypeError:
    """Return the error for an unknown keyword argument, with a suggestion if one is near.

    Args:
        what: the name of the function that was called.
        keyword: the unknown argument.
        known: the arguments that the function has.
        meant: the argument to suggest; if left out, the nearest of `known`.
    """
    meant = meant or nearest(keyword, known)
    hint = f"; is {meant} meant?" if meant is not None else ""
    return TypeError(f"{what}() got an unexpected keyword argument {keyword!r}{hint}")


def with_near_keywords(
    other_words: Mapping[str, str] = {},
) -> Callable[[FunctionT], FunctionT]:
    """Decorate a function so that its error for an unknown keyword argument suggests a known one.

    Python itself does so from 3.13 on, for a single slip.

    Args:
        other_words: common other names for the function's arguments, each with the argument.
    """

    def decorate(function: FunctionT) -> FunctionT:
        code = function.__code__
        known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        named = known[code.co_argcount :]

        @functools.wraps(function)
        def called(*args: Any, **keywords: Any) -> Any:
            what = function.__qualname__.removesuffix(".__init__")
            if len(args) > code.co_argcount and named:
                count = code.co_argcount - 1
                places = f"{count} argument{'s' * (count != 1)} by place"
                rest = f"the others are given by name, as {named[0]}=..."
                raise TypeError(f"{what}() takes {places}; {rest}")
            for keyword in keywords:
                if keyword not in known:
                    meant = other_words.get(keyword)
                    raise unexpected(what, keyword, known, meant=meant)
            return function(*args, **keywords)

        return called  # type: ignore[return-value]

    return decorate


def _key(name: str) -> str:
    return name.replace("_", "").lower()


def _distance(one: str, other: str, enough: int) -> int:
    """The number of slips between two words, at most `enough`."""
    if abs(len(one) - len(other)) >= enough:
        return enough
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, last, row = row, before, [place]
        for column, wanted in enumerate(other, 1):
            slips = min(before[column] + 1, row[-1] + 1, before[column - 1] + (letter != wanted))
            swapped = letter == other[column - 2] and one[place - 2] == wanted
            if place > 1 and column > 1 and swapped:
                slips = min(slips, last[column - 2] + 1)
            row.append(slips)
        if min(row) >= enough:
            return enough
    return min(row[-1], enough)
