"""Immutable values of a traced call: its channels and its steps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Union

from .._show.ladder import Ladder, LadderLine
from ..events.base import Event
from .ends import CallEnd

__all__ = ["CallChannel", "CallStep", "CallTrace", "Named"]


@dataclass(frozen=True)
class Named:
    """Channel in the sentence of a step.

    Attributes:
        uniqueid: its unique id.
        name: its name at the time of the step.
    """

    uniqueid: str
    name: str


@dataclass(frozen=True)
class CallStep:
    """One step of a call.

    Attributes:
        time: seconds on the clock of the program that gave the events to the tracer.
        kind: `new`, `there` (a channel older than the tracing), `dial`, `progress`, `answered`,
            `failed`, `up`, `local`, `bridge`, `unbridge`, `transfer`, `queue`, `agent`, `park`,
            `hold`, `pickup`, `rename`, `conference`, `record`, `spy`, `agi`, `dtmf`, `user`,
            `originate`, `dialplan`, `request` (to hang up), `hangup`, or `gone` (a channel whose
            hang-up was missed).
        channel: the unique id of the channel that the step is about.
        others: the unique ids of the other channels of the call that take part in the step.
        words: the sentence in parts, with a `Named` for each channel of the call.
        cause: the hang-up cause, if the step has one.
        event: the event behind it; `None` for `gone`.
    """

    time: float
    kind: str
    channel: str
    others: tuple[str, ...]
    words: tuple[Union[str, Named], ...]
    cause: int | None = None
    event: Event | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The step as a sentence, with channels by their names."""
        return self.told(lambda channel: channel.name)

    def within(self, channels: Collection[str]) -> CallStep:
        """Return the step as a step of one call: channels of other calls become plain text.

        Args:
            channels: the Uniqueids of the call's channels.
        """
        named = (each for each in self.words if isinstance(each, Named))
        if all(each.uniqueid in channels for each in named) and all(
            each in channels for each in self.others
        ):
            return self
        return replace(
            self,
            others=tuple(each for each in self.others if each in channels),
            words=tuple(
                each.name if isinstance(each, Named) and each.uniqueid not in channels else each
                for each in self.words
            ),
        )

    def told(self, name: Callable[[Named], str]) -> str:
        """Return the step as a sentence.

        Args:
            name: returns the word for a channel.
        """
        return "".join(each if isinstance(each, str) else name(each) for each in self.words)

    def to_dict(self) -> dict[str, Any]:
        """Return the step as a dictionary, ready for JSON."""
        return {
            "time": round(self.time, 6),
            "kind": self.kind,
            "channel": self.channel,
            "others": list(self.others),
            "text": self.text,
            "cause": self.cause,
            "event": None if self.event is None else self.event.name,
        }


@dataclass(frozen=True)
class CallChannel:
    """Channel of a call.

    Attributes:
        uniqueid: its unique id.
        name: its name, as `PJSIP/alice-00000001`; the last one, if it had several.
        caller: its caller id as it was last set, as `"Ada" <555>`; empty if it had none.
        started: time of its creation, or of the first event about it.
        answered: time of the answer; `None` without an answer, or if it came before the tracing.
        ended: time of the hang-up; `None` while the channel exists.
        cause: its hang-up cause; `None` before the hang-up, or if Asterisk gave none.
        cause_text: the cause in Asterisk's words.
        was_there: true if the channel is older than the tracing, so its beginning is unknown.
    """

    uniqueid: str
    name: str
    caller: str
    started: float
    answered: float | None
    ended: float | None
    cause: int | None
    cause_text: str
    was_there: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the channel as a dictionary, ready for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class CallTrace:
    """Course of one call. Its `str()` is the ladder, 100 columns wide.

    Attributes:
        linkedid: the first Linkedid of the call.
        linkedids: all its Linkedids, with those of calls that became part of it.
        channels: its channels, in the order in which they began.
        steps: its steps, in order.
        answered_by: the Uniqueid of the channel that answered first, behind Local channels; `None`
            without an answer. If an Originate made the call for an application, this is known once
            the call is over.
        end: the end of the call, with the seconds of ringing and talking; `None` while a channel
            exists.
    """

    linkedid: str
    linkedids: tuple[str, ...]
    channels: tuple[CallChannel, ...]
    steps: tuple[CallStep, ...]
    answered_by: str | None = None
    end: CallEnd | None = None

    @property
    def started(self) -> float:
        """Time at which the call began, or of the first event about it."""
        return min(each.started for each in self.channels)

    @property
    def ended(self) -> float | None:
        """Time of the last hang-up; `None` while a channel exists."""
        ends = [each.ended for each in self.channels]
        known = [each for each in ends if each is not None]
        return max(known) if len(known) == len(ends) else None

    @property
    def is_over(self) -> bool:
        """True once all its channels are hung up."""
        return self.ended is not None

    def ladder(
        self,
        width: int = 100,
        *,
        without: Collection[str] = ("dialplan",),
    ) -> list[LadderLine]:
        """Draw the call as a ladder: a vertical line for each channel, with the steps beside it.

        Args:
            width: columns of a line, at least 60.
            without: kinds of steps that are left out.

        Raises:
            ValueError: `width` is less than 60.
        """
        steps = [step for step in self.steps if step.kind not in without]
        # The first drawing only counts the lanes. In the second one all texts then begin in the
        # same column.
        measured = Ladder(width)
        for step in steps:
            measured.draw(step)
        ladder = Ladder(width, began=self.started, lanes=measured.lanes)
        return [line for step in steps for line in ladder.draw(step)]

    def to_dict(self) -> dict[str, Any]:
        """Return the trace as a dictionary, ready for JSON."""
        return {
            "linkedid": self.linkedid,
            "linkedids": list(self.linkedids),
            "started": self.started,
            "ended": self.ended,
            "answered_by": self.answered_by,
            "end": None if self.end is None else self.end.to_dict(),
            "channels": [each.to_dict() for each in self.channels],
            "steps": [each.to_dict() for each in self.steps],
        }

    def __str__(self) -> str:
        return "\n".join(map(str, self.ladder()))
