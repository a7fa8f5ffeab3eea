"""Names that are near to a misspelt one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

__all__ = ["nearest", "unexpected", "with_near_keywords"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_LONG: Final = 9  # letters, from which on two slips are likely


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one stands for; `None` if none is near.

    Near is what one slip makes of it: a letter that is missing, too much, wrong, or changed with
    its neighbour. From nine letters on it is two slips. Letter case and underscores do not count.

    Args:
        name: the name.
        known: the names that there are. Of several that are as near the first is returned.
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
    """Return the error for a keyword argument that does not exist, with the near one.

    Args:
        what: the name of what was called.
        keyword: the argument.
        known: the arguments that there are.
        meant: the one that is meant; if left out, the near one.
    """
    meant = meant or nearest(keyword, known)
    hint = f"; is {meant} meant?" if meant is not None else ""
    return TypeError(f"{what}() got an unexpected keyword argument {keyword!r}{hint}")


def with_near_keywords(
    other_words: Mapping[str, str] = {},
) -> Callable[[FunctionT], FunctionT]:
    """Decorate a function: an unknown keyword argument is refused with the one that is meant.

    Python does so from 3.13 on, for those of one slip.

    Args:
        other_words: words that others have for its arguments, each with the argument.
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
    """The number of slips between two words; `enough` if there are as many or more."""
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
