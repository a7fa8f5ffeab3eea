"""Findings of the doctor: a level, a topic, a text, and what to change."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..process import ExitCode

__all__ = ["Finding", "Level", "hint", "ok", "wrong"]


class Level(enum.Enum):
    """Severity of a finding."""

    OK = "ok"
    HINT = "hint"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        level: the severity.
        topic: the subject of the check, in one word.
        text: the result, in words.
        change: what to change, line by line.
        code: the exit code, if it is wrong.
    """

    level: Level
    topic: str
    text: str
    change: tuple[str, ...] = ()
    code: ExitCode = ExitCode.FAILED

    def to_dict(self) -> dict[str, object]:
        """Return the finding as a dictionary, ready for JSON."""
        return {
            "level": self.level.value,
            "topic": self.topic,
            "text": self.text,
            "change": list(self.change),
        }


def ok(topic: str, text: str) -> Finding:
    """Return the finding of a check without a fault."""
    return Finding(Level.OK, topic, text)


def hint(topic: str, text: str, *change: str) -> Finding:
    """Return the finding of a check that found something worth knowing."""
    return Finding(Level.HINT, topic, text, change)


def wrong(topic: str, text: str, *change: str, code: ExitCode = ExitCode.FAILED) -> Finding:
    """Return the finding of a check that found a fault."""
    return Finding(Level.WRONG, topic, text, change, code)
