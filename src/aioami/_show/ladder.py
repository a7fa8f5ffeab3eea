"""The ladder of a call: a vertical line for each channel, and the steps beside them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .._check import check_type

if TYPE_CHECKING:
    from ..calls.model import CallStep, Named

__all__ = ["Ladder", "LadderLine"]

# Widths in columns: of the time, of each lane, and the least one of the text.
_TIME: Final = 10
_LANE: Final = 4
_TEXT: Final = 42

_ASCII: Final = str.maketrans("│─┼├┤┌▶◀◆◇●○•▽✕·", "|-++++><#:@o*vX.")
_MARKS: Final = {
    "new": "┌",
    "there": "·",
    "up": "●",
    "answered": "●",
    "progress": "○",
    "failed": "✕",
    "bridge": "◆",
    "unbridge": "◇",
    "request": "▽",
    "hangup": "✕",
    "gone": "✕",
}
# Kinds of steps that are drawn from one channel to others: the mark on its lane, and on theirs.
_SPANS: Final[dict[str, tuple[str, str]]] = {
    "dial": ("│", "▶"),
    "progress": ("○", "▶"),
    "answered": ("●", "▶"),
    "failed": ("✕", "▶"),
    "local": ("│", "│"),
    "bridge": ("◆", "◆"),
    "transfer": ("│", "◆"),
    "agent": ("•", "│"),
    "park": ("•", "│"),
    "pickup": ("•", "◆"),
}


@dataclass(frozen=True)
class LadderLine:
    """One line of a ladder. The `str()` is the line as text.

    Attributes:
        time: seconds since the beginning, or blanks.
        lanes: the channels' lines.
        text: the sentence of the step, or the part of it that fits.
        kind: the kind of the step.
    """

    time: str
    lanes: str
    text: str
    kind: str

    def __str__(self) -> str:
        return f"{self.time}{self.lanes}{self.text}".rstrip()

    def plain(self) -> str:
        """Return the line in ASCII, for terminals that show nothing else."""
        return str(self).translate(_ASCII).encode("ascii", "replace").decode()


class Ladder:
    """Draws the steps of a call, one after the other. Each channel has a line and a letter.

    Steps may be drawn as they happen. After a hang-up the channel's line is used again.

    Args:
        width: the columns of a line, at least 60.
        began: the time of the call's beginning; the ladder counts seconds from there.
        lanes: the number of channels that have room from the first line on. With more channels the
            texts move to the right.

    Raises:
        ValueError: `width` is too small.
    """

    def __init__(self, width: int = 100, *, began: float = 0.0, lanes: int = 1) -> None:
        for name, value in (("width", width), ("lanes", lanes)):
            check_type(name, value, (int,), "a whole number")
        check_type("began", began, (int, float), "a number of seconds")
        if width < 60:
            raise ValueError(f"width: 60 columns at the least, not {width}")
        self._width = width
        self._began = began
        self._labels: dict[str, str] = {}
        self._lanes: list[str | None] = []  # Uniqueids; None for a lane that is free again
        self._room = (width - _TIME - _TEXT) // _LANE
        self._reserved = min(lanes, self._room) * _LANE

    @property
    def lanes(self) -> int:
        """The largest number of channels that had a line at the same time."""
        return len(self._lanes)

    def label(self, uniqueid: str) -> str | None:
        """Return the letters of a channel; `None` before it was drawn."""
        return self._labels.get(uniqueid)

    def draw(self, step: CallStep) -> list[LadderLine]:
        """Draw the next step.

        Returns:
            The lines of the step; several if the text is long.
        """
        text = self._introduce(step)
        drawn = self._marks(step)
        if step.kind in ("hangup", "gone") and step.channel in self._lanes:
            self._lanes[self._lanes.index(step.channel)] = None
        after = "".join(f"{' ' if each is None else '│':{_LANE}}" for each in self._lanes)
        size = max(len(drawn), len(after), self._reserved) + 1
        parts = textwrap.wrap(text, self._width - _TIME - size, break_on_hyphens=False) or [""]
        time = f"{step.time - self._began:8.3f}  "
        lines = [LadderLine(time, drawn.ljust(size), parts[0], step.kind)]
        for part in parts[1:]:
            lines.append(LadderLine(" " * _TIME, after.ljust(size), part, step.kind))
        return lines

    def _introduce(self, step: CallStep) -> str:
        """Return the sentence of a step, and assign letters and lanes to new channels in it."""
        introduced: set[str] = set()

        def name(channel: Named) -> str:
            label = self._labels.get(channel.uniqueid)
            if label is not None:
                return label
            label = self._labels[channel.uniqueid] = _letters(len(self._labels))
            introduced.add(channel.uniqueid)
            self._take_lane(channel.uniqueid)
            return f"{label} = {channel.name}"

        text = step.told(name)
        # A channel may have got its letter in a sentence about another one. At its beginning the
        # ladder shows its name all the same.
        first = step.words[0]
        begins = step.kind in ("new", "there") and step.channel not in introduced
        if begins and not isinstance(first, str):
            label = self._labels[step.channel]
            text = f"{label} = {first.name}{text.removeprefix(label)}"
        return text

    def _take_lane(self, uniqueid: str) -> None:
        if None in self._lanes:
            self._lanes[self._lanes.index(None)] = uniqueid
        elif len(self._lanes) < self._room:
            self._lanes.append(uniqueid)

    def _marks(self, step: CallStep) -> str:
        """Return the lanes beside a step."""
        line = [" "] * (len(self._lanes) * _LANE)
        for place, each in enumerate(self._lanes):
            if each is not None:
                line[place * _LANE] = "│"
        # If there are more channels than lanes, some appear only in the texts.
        if step.channel not in self._lanes:
            return "".join(line)
        own = self._lanes.index(step.channel)
        ends = [self._lanes.index(each) for each in step.others if each in self._lanes]
        line[own * _LANE] = _MARKS.get(step.kind, "•")
        if not ends or step.kind not in _SPANS:
            return "".join(line)
        first, last = min(own, *ends), max(own, *ends)
        for column in range(first * _LANE, last * _LANE + 1):
            line[column] = "┼" if line[column] == "│" else "─"
        at_own, at_others = _SPANS[step.kind]
        for place, mark in [*((end, at_others) for end in ends), (own, at_own)]:
            if mark == "│":  # a continuing line becomes a joint
                mark = "┼" if first < place < last else "├" if place == first else "┤"
            elif mark == "▶":
                mark = "▶" if place > own else "◀"
            line[place * _LANE] = mark
        return "".join(line)


def _letters(number: int) -> str:
    """Count in letters: A, B ... Z, AA, AB ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
