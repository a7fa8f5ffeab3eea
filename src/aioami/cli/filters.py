"""Selection of events by name, by header and by channel."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

import typer

from aioami import Event

__all__ = ["Filter"]

_CONDITION: Final = re.compile(r"([^=!\s][^=!]*?)\s*(!?=)(.*)", re.DOTALL)
_CHANNEL: Final = re.compile(r".*channel[12]?", re.IGNORECASE)


class Filter:
    """Predicate over events, made of the arguments NAMES, `--where` and `--channel`.

    Args:
        names: names or shell-style patterns, in any letter case; if empty, every name fits.
        where: conditions, all of which must hold: `Header=pattern`, or `Header!=pattern`,
            which an absent header fulfils.
        channels: patterns, one of which must fit some header that names a channel.

    Raises:
        typer.BadParameter: a condition cannot be read.
    """

    def __init__(
        self,
        names: Iterable[str] | None = None,
        where: Iterable[str] | None = None,
        channels: Iterable[str] | None = None,
    ) -> None:
        self.names = tuple(names or ())
        self._patterns = tuple(name.lower() for name in self.names)
        self._channels = tuple(channels or ())
        self._conditions: list[tuple[str, bool, str]] = []
        for text in where or ():
            found = _CONDITION.fullmatch(text)
            if found is None:
                problem = f"{text!r} is no HEADER=PATTERN and no HEADER!=PATTERN"
                raise typer.BadParameter(problem, param_hint="--where")
            self._conditions.append((found[1], found[2] == "=", found[3]))

    def __call__(self, event: Event) -> bool:
        if self._patterns and not _fits([event.name.lower()], self._patterns):
            return False
        for header, wanted, pattern in self._conditions:
            if _fits(event.getall(header), [pattern]) is not wanted:
                return False
        return not self._channels or _fits(_channels_of(event), self._channels)


def _fits(texts: Iterable[str], patterns: Iterable[str]) -> bool:
    """True if one of the texts fits one of the patterns."""
    return any(fnmatchcase(text, pattern) for text in texts for pattern in patterns)


def _channels_of(event: Event) -> list[str]:
    return [value for header, value in event.headers if _CHANNEL.fullmatch(header)]
