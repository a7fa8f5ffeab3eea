"""The results of a session's methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..enums import DialStatus

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["DialResult", "Digits", "Recording"]


class Digits(str):
    """The digits that a caller entered, as text.

    Attributes:
        timed_out: `True` if the time ended the input, and not the last digit or `#`.
    """

    timed_out: bool

    def __new__(cls, text: str = "", *, timed_out: bool = False) -> Self:
        digits = super().__new__(cls, text)
        digits.timed_out = timed_out
        return digits


@dataclass(frozen=True)
class Recording:
    """A recording that has ended.

    Attributes:
        file: its name, as it was given.
        reason: why it ended: a digit, the time, silence, or the caller hung up.
        digit: the digit that ended it, or `None`.
        seconds: its length.
    """

    file: str
    reason: Literal["digit", "timeout", "silence", "hangup"]
    digit: str | None
    seconds: float


@dataclass(frozen=True)
class DialResult:
    """The end of a dial.

    Attributes:
        status: the result.
    """

    status: DialStatus
