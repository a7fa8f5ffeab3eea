"""Which events a user wants to see: by name, by header, and by channel."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Final

import typer

from aioami import Event

from .completion import complete_event

__all__ = ["Channels", "Filter", "Names", "Where"]

_CONDITION: Final = re.compile(r"([^=!\s][^=!]*?)\s*(!?=)(.*)", re.DOTALL)
_CHANNEL: Final = re.compile(r".*channel[12]?", re.IGNORECASE)

Names = Annotated[
    list[str] | None,
    typer.Argument(help='Event names or patterns: Hangup "Queue*".', autocompletion=complete_event),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="HEADER=PATTERN",
        help="Only events with such a header, as CallerIDNum=1?? or Cause!=16. Given again, all must hold.",
    ),
]
Channels = Annotated[
    list[str] | None,
    typer.Option(
        "--channel",
        metavar="PATTERN",
        help='Only events about such a channel, as "PJSIP/alice-*", in whichever header. Given again, one must hold.',
    ),
]


class Filter:
    """What `--where`, `--channel` and the names say, as one question about an event.

    Args:
        names: names or shell-style patterns, in any letter case; none of them is every name.
        where: conditions, all of which must hold: `Header=pattern`, or `Header!=pattern`, which an absent header fulfils.
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
                raise typer.BadParameter(f"{text!r} is no HEADER=PATTERN and no HEADER!=PATTERN", param_hint="--where")
            self._conditions.append((found[1], found[2] == "=", found[3]))

    def __call__(self, event: Event) -> bool:
        return (
            (not self._patterns or any(fnmatchcase(event.name.lower(), pattern) for pattern in self._patterns))
            and all(_holds(event, *condition) for condition in self._conditions)
            and (
                not self._channels
                or any(fnmatchcase(name, each) for name in _channels(event) for each in self._channels)
            )
        )


def _holds(event: Event, header: str, wanted: bool, pattern: str) -> bool:
    return any(fnmatchcase(value, pattern) for value in event.getall(header)) is wanted


def _channels(event: Event) -> list[str]:
    return [value for header, value in event.headers if _CHANNEL.fullmatch(header)]
