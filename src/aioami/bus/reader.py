"""A reader's rule: which messages of a server's stream count, and what is missing.

Nothing here does input or output. A relay that is in doubt writes again what may be stored already,
and one that was deposed may still write for a moment. So the log holds doubles and void messages,
and a reader takes from each epoch what comes next by its number alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import Final

from .format import RECORDS, Epoch, Gap, Place, Record

__all__ = ["Reader", "Verdict"]

_STORE: Final = "the bus lost what it had stored"


class Verdict(Enum):
    """The worth of a message that a reader was shown."""

    EVENT = "event"
    """An event to be given out, behind what `Reader.records` holds."""
    RECORD = "record"
    """A record, which `Reader.records` holds, if it is of a kind that is known."""
    VOID = "void"
    """A double, or of a deposed relay, or ahead of what will be written again."""
    UNSURE = "unsure"
    """Nothing was changed, and it is to be shown again with the stream's first sequence."""


class Reader:
    """Reads the messages of one server's stream, all or those of some names.

    One that selects names must be shown all records of the stream too: `@epoch`, `@gap`, `@mark`
    and `@status`.

    Args:
        names: last tokens of subjects, if not all events are shown.
        epoch: where it begins: the epoch; `None` takes that of the first message.
        n: the number of the last message before; `None` takes the first one as it is.
        sequence: the last message's sequence in the stream; 0 where unknown.
        time: when that was, in microseconds since 1970; `None` where unknown.

    Attributes:
        epoch: the epoch of the last message that counted.
        n: its number.
        time: its time.
        sequence: the sequence of the last message that was shown.
        records: those to be given before the event, or instead of one; to be emptied by who reads
            it.
        void: the number of messages that were of no worth.
    """

    def __init__(
        self,
        names: Iterable[str] | None = None,
        *,
        epoch: int | None = None,
        n: int | None = None,
        sequence: int = 0,
        time: int | None = None,
    ) -> None:
        self.names: Final = None if names is None else frozenset(names)
        self.epoch = epoch
        self.n = n
        self.sequence = sequence
        self.time = time
        self.records: deque[Record] = deque()
        self.void = 0
        self._numbers: dict[str, int] = {}
        # Where it begins in the middle of an epoch it cannot know the numbers of each name.
        self._began_within = True
        self._before: tuple[int | None, int | None] | None = None
        self._known = 0  # messages of the epoch that were read before it began
        self._claimed: int | None = None  # when that was

    def restart(self) -> None:
        """Begin again at the first message, as the stream was made anew, and has other sequences.

        What is missing is told by the next message: nothing, if the relay goes on behind the place
        where this reader was.
        """
        if self._before is None:
            self._before = self.epoch, self.n
        self.epoch = self.n = None
        self.sequence = 0
        self._numbers.clear()
        self._began_within = True

    def resume(self, last: int, claim: tuple[int, int] | None) -> None:
        """Go back where the stream has, before it is read on: a bus without power loses its end.

        Args:
            last: the last sequence of the stream.
            claim: the sequence and the time of the newest `@epoch` that the stream has; `None`
                without one.
        """
        epoch = self.epoch
        sequence, time = claim or (None, None)
        if epoch is not None and sequence is not None and epoch < sequence <= self.sequence:
            self.sequence = sequence - 1  # another message than this one was shown
        elif epoch is not None and sequence == epoch and self._claimed not in (None, time):
            self.restart()  # the place of this epoch's claim was taken by another one
            self.sequence = sequence - 1
        elif epoch is not None and min(sequence or epoch, last) < epoch:
            self.restart()  # this epoch's claim is gone
            self.sequence = last
        else:
            if sequence == epoch:
                self._claimed = time
            self.sequence = min(self.sequence, last)

    def take(
        self, sequence: int, token: str, place: Place, body: bytes, *, first: int | None = None
    ) -> Verdict:
        """Judge the next message of the stream.

        Args:
            sequence: its sequence in the stream.
            token: the last token of its subject.
            place: its header.
            body: its body, which is read for records alone.
            first: the first sequence that the stream still has, as it was asked for behind an
                `UNSURE` verdict.

        Raises:
            ProtocolError: a record cannot be read.
        """
        if token == Epoch.token:
            return self._take_epoch(sequence, place, body, first)
        skips = sequence != self.sequence + 1 and self.sequence != 0
        if place.epoch != self.epoch:
            if self.epoch is not None and place.epoch < self.epoch:
                return self._skip(sequence)
            # The record of its beginning is gone from the stream, if it was not shown.
            if self.epoch is not None or self._knew_another_stream():
                self._add_gap(place.time, None)
            self._begin(place.epoch, within=True)
        if place.n <= self._known:
            self._numbers[token] = max(place.k, self._numbers.get(token, 0))
            return self._skip(sequence)
        verdict = self._by_number(sequence, token, place, first, skips)
        if verdict is Verdict.EVENT:
            self.sequence, self.n, self.time = sequence, place.n, place.time
            if token.startswith("@"):
                verdict = Verdict.RECORD
                kind = RECORDS.get(token)
                if kind is not None:
                    self.records.append(kind.parse(body))
        return verdict

    def _take_epoch(self, sequence: int, place: Place, body: bytes, first: int | None) -> Verdict:
        if self.epoch is not None and sequence <= self.epoch:
            return self._skip(sequence)
        begun = Epoch.parse(body)
        knows = self.epoch is not None and self.sequence != 0
        if knows and sequence != self.sequence + 1:
            if self.names is not None and first is None:
                return Verdict.UNSURE
            if first is None or first > self.sequence + 1:
                self._add_gap(place.time, None)
        ahead = 0
        if begun.continues is not None:
            ahead = self._compare(begun.continues, place.time)
        elif self._knew_another_stream():
            self._add_gap(place.time, None, "store", _STORE)
        self._before = None
        self.records.append(begun)
        self._begin(sequence, within=False)
        self._known, self._claimed = ahead, place.time
        if self.names is None:
            self.n = ahead
        self.sequence = sequence
        return Verdict.RECORD

    def _by_number(
        self, sequence: int, token: str, place: Place, first: int | None, skips: bool
    ) -> Verdict:
        if self.names is None:
            before = place.n - 1 if self.n is None else self.n
            number = place.n
        else:
            known = self._numbers.get(token)
            if known is None and self._began_within:
                if skips and first is None:
                    return Verdict.UNSURE
                if first is not None and first > self.sequence + 1:
                    self._add_gap(place.time, None)
                known = place.k - 1
            before = known or 0
            number = place.k
        if number <= before:
            return self._skip(sequence)
        if number > before + 1:
            # What is ahead will be written again, unless what is missing was thrown away.
            if self.names is not None and first is None:
                return Verdict.UNSURE
            if self.names is None:
                is_trimmed = skips
            else:
                assert first is not None
                is_trimmed = first > self.sequence + 1
            if not is_trimmed:
                return self._skip(sequence)
            self._add_gap(place.time, number - before - 1)
        if self.names is not None:
            self._numbers[token] = place.k
            if self.n is not None and place.n <= self.n:
                # It was written again behind what came after it: order counts for more.
                self._add_gap(place.time, 1, "order", "an event was stored behind a later one")
                self.sequence = sequence
                return Verdict.VOID
        return Verdict.EVENT

    def _begin(self, epoch: int, *, within: bool) -> None:
        self.epoch = epoch
        self.n = None if within else 0
        self._known, self._claimed = 0, None
        self._numbers.clear()
        self._began_within = within

    def _skip(self, sequence: int) -> Verdict:
        self.sequence = max(self.sequence, sequence)
        self.void += 1
        return Verdict.VOID

    def _knew_another_stream(self) -> bool:
        before, self._before = self._before, None
        return before is not None and before[0] is not None

    def _compare(self, continues: tuple[int, int], until: int) -> int:
        """Tell what is missing before a claim; return how much behind it was read already."""
        epoch, n = self._before or (self.epoch, self.n)
        if epoch is None:
            return 0
        if epoch == continues[0] and n is not None and n >= continues[1]:
            return n - continues[1]  # it was stored, and not confirmed: so it is written again
        known = self.names is None and epoch == continues[0] and n is not None
        count = continues[1] - (n or 0) if known else None
        self._add_gap(until, count, "store", _STORE)
        return 0

    def _add_gap(
        self,
        until: int,
        count: int | None,
        reason: str = "trimmed",
        sentence: str = "the bus had thrown events away before they were read",
    ) -> None:
        self.records.append(Gap(reason, self.time, until, count, sentence))
