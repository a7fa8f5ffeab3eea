"""Call detail records: the event Cdr at the end of a channel that called, or had no caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from . import Exchange
    from .channels import Channel

__all__ = ["Record", "Records"]

_DISPOSITIONS: Final = {
    **dict.fromkeys((1, 21, 27, 28, 34, 38, 41, 42, 66), "FAILED"),
    17: "BUSY",
}
_OUTCOMES: Final = {"busy": "BUSY", "congestion": "FAILED"}


@dataclass
class Record:
    """One call of a channel, as far as it is known.

    Attributes:
        start: seconds since 1970 when the call began.
        to: the name of the channel that was dialled, or connected with.
        answer: seconds since 1970 when that channel answered.
        end: seconds since 1970 when the call ended; `None` until then.
        outcome: the reason why nobody answered, if it is known: `busy`, `timeout` ...
    """

    start: float
    to: str = ""
    answer: float | None = None
    end: float | None = None
    outcome: str = ""


class Records:
    """The records of all channels."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        general = exchange.file("cdr.conf")
        own = exchange.file("cdr_manager.conf")
        self._is_on = (
            own.get("general", "enabled").lower() == "yes"
            and general.get("general", "enable", "yes").lower() == "yes"
        )
        self._unanswered = general.get("general", "unanswered", "no").lower() == "yes"
        self._of: dict[Channel, list[Record]] = {}
        self._steps: dict[Channel, tuple[str, str, str, str]] = {}
        self._applications: dict[Channel, tuple[str, str]] = {}
        self._in_another: set[Channel] = set()

    def begin(self, channel: Channel) -> None:
        """Begin the record of a new channel."""
        self._of[channel] = [Record(self._exchange.wall_time)]

    def dials(self, caller: Channel, channel: Channel) -> None:
        """Note that a channel dials another, which gets no record."""
        self._of.pop(channel, None)
        records = self._of.setdefault(caller, [Record(self._exchange.wall_time)])
        last = records[-1]
        # A caller that was called itself, or dials another channel, gets one more record.
        if last.to or (caller.answered is not None and not caller.dialplan):
            last.answer, last.end = self._answer(caller, last), self._exchange.wall_time
            last = Record(self._exchange.wall_time)
            records.append(last)
        last.to = channel.name

    def meet(self, channels: list[Channel]) -> None:
        """Note that two channels talk: the older one has the record."""
        one, other = sorted(channels, key=lambda each: each.serial)
        if one in self._of and not self._of[one][-1].to:
            if self._of.pop(other, None):
                self._in_another.add(other)
            self._of[one][-1].to = other.name

    def parts(self, channel: Channel) -> None:
        """Note that a channel has left a bridge: if it goes on alone, it gets a new record."""
        if channel in self._in_another and not channel.hanging.is_set:
            self.begin(channel)
        self._in_another.discard(channel)

    def fails(self, channel: Channel, outcome: str) -> None:
        """Note why a channel was not answered."""
        for record in self._of.get(channel, [])[-1:]:
            record.outcome = outcome

    def notes(self, channel: Channel) -> None:
        """Keep the application of a channel that is taken out of that."""
        if channel.application:
            self._applications[channel] = (channel.application, channel.data)

    def freeze(self, channel: Channel) -> None:
        """Keep the last step of a channel, after which only the extension `h` runs."""
        self.notes(channel)
        application, data = self._applications.get(channel, ("", ""))
        self._steps.setdefault(channel, (channel.exten, channel.context, application, data))

    def drop(self, channel: Channel) -> None:
        """Forget a channel that was never used for a call."""
        self._of.pop(channel, None)

    def end(self, channel: Channel) -> None:
        """Emit the call detail records of a channel that has hung up."""
        self.freeze(channel)
        step = self._steps.pop(channel)
        self._applications.pop(channel, None)
        self._in_another.discard(channel)
        for record in self._of.pop(channel, []):
            if record.end is None:
                record.answer, record.end = self._answer(channel, record), self._exchange.wall_time
            if record.answer is not None or record.to or self._unanswered:
                self._emit(channel, record, step)

    def _answer(self, channel: Channel, record: Record) -> float | None:
        if channel.answered is None:
            return None
        return max(record.start, self._exchange.epoch + channel.answered)

    def _emit(self, channel: Channel, record: Record, step: tuple[str, str, str, str]) -> None:
        if not self._is_on or record.end is None:
            return
        exten, context, application, data = step
        talked = 0.0 if record.answer is None else record.end - record.answer
        failed = _DISPOSITIONS.get(channel.cause, "NO ANSWER")
        if record.outcome:
            failed = _OUTCOMES.get(record.outcome, "NO ANSWER")
        headers = [
            ("AccountCode", channel.account),
            ("Source", channel.caller.number),
            ("Destination", exten),
            ("DestinationContext", context),
            ("CallerID", f'"{channel.caller.name}" <{channel.caller.number}>'),
            ("Channel", channel.name),
            ("DestinationChannel", record.to),
            ("LastApplication", application),
            ("LastData", data),
            ("StartTime", _moment(record.start)),
            ("AnswerTime", _moment(record.answer)),
            ("EndTime", _moment(record.end)),
            ("Duration", str(int(record.end - record.start))),
            ("BillableSeconds", str(int(talked))),
            ("Disposition", failed if record.answer is None else "ANSWERED"),
            ("AMAFlags", "DOCUMENTATION"),
            ("UniqueID", channel.uniqueid),
            ("UserField", channel.variables.get("CDR(userfield)", "")),
        ]
        self._exchange.emit("Cdr", headers, classes="cdr")


def _moment(seconds: float | None) -> str:
    """Return a time as Asterisk writes it."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
