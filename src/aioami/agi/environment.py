"""The environment of a session: the lines about the call, and its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl

from ..wire.text import Encoding, split

__all__ = ["Environment"]


class Environment:
    """The lines that come before the first command.

    Args:
        text: lines `name: value`.
        encoding: the encoding of the percent-encoded query.

    Attributes:
        values: the values of the lines by name, as `agi_channel`, in their order.
        script: the path of the `agi://` URL, without the slashes around it; empty without one.
        query: the query of that URL, decoded.
        arguments: the arguments of `AGI()` in the dialplan.
    """

    __slots__ = ("arguments", "query", "script", "values")

    def __init__(self, text: str, encoding: Encoding) -> None:
        pairs = iter(split(text, _pairs))  # which keep their bytes: programs steer by them
        self.values = dict(zip(pairs, pairs, strict=True))
        path, _, query = self.values.get("agi_network_script", "").partition("?")
        self.script = path.strip("/")
        self.query = dict(
            parse_qsl(
                query,
                keep_blank_values=True,
                encoding=encoding.name,
                errors=encoding.errors,
            )
        )
        self.arguments = tuple(self._arguments())

    def _arguments(self) -> Iterator[str]:
        number = 1
        while (value := self.values.get(f"agi_arg_{number}")) is not None:
            yield value
            number += 1


def _pairs(text: str) -> Iterator[str]:
    """Yield names and values by turns."""
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            yield name
            yield value.removeprefix(" ")
