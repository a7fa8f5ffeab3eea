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
        timed_out: `True` if the timeout ended the input, instead of the last digit or `#`.
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
        file: the name of its file, as the program gave it.
        reason: the reason for its end: a digit, the timeout, silence, or the caller hung up.
        digit: the digit that ended it, or `None`.
        seconds: its length, in seconds.
    """

    file: str
    reason: Literal["digit", "timeout", "silence", "hangup"]
    digit: str | None
    seconds: float


@dataclass(frozen=True)
class DialResult:
    """The result of `Session.dial()`.

    Attributes:
        status: the value of `DIALSTATUS`.
    """

    status: DialStatus
