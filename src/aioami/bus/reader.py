"""A reader's rule: which messages of a server's stream count, and which are missing.

Nothing here does input or output. A relay in doubt writes messages again that may be stored
already, and a deposed relay may still write for a moment. So the log has doubles and void messages,
and a reader takes from each epoch only the message with the next number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from .format import RECORDS, Epoch, Gap, Place, Record

__all__ = ["Reader", "Verdict"]

_STORE: Final = "the bus lost what it had stored"


class Verdict(Enum):
    """A reader's decision about a message."""

    EVENT = "event"
    """An event to deliver, after the records in `Reader.records`."""
    RECORD = "record"
    """A record; it is in `Reader.records` if its kind is known."""
    VOID = "void"
    """A message to ignore, as it is a double, of a deposed relay, or will be written again."""
    UNSURE = "unsure"
    """No decision yet. Call `take` with the message again, and with the stream's first sequence."""


class Reader:
    """Judges the messages of one server's stream, all or those of some names.

    A reader of some names must also get all records of the stream: `@epoch`, `@gap`, `@mark` and
    `@status`.

    Args:
        names: the last tokens of the subjects that are read; `None` reads all.
        epoch: the epoch of the last message before the beginning; `None` takes the first message's.
        n: the number of that last message; `None` accepts any number of the first message.
        sequence: the last message's sequence in the stream; 0 where unknown.
        time: the last message's time, in microseconds since 1970; `None` where unknown.
        claim: the sequence and the time of an `@epoch` that is known to be in the stream.

    Attributes:
        epoch: the epoch of the last message that counted.
        n: its number.
        time: its time.
        claimed: the time at which the epoch was claimed; `None` where unknown.
        sequence: the place in the stream at which to read on: no message up to here is needed.
        records: the records to handle before the event, or without one; the caller empties it.
        void: the number of messages that were ignored.
    """

    def __init__(
        self,
        names: Iterable[str] | None = None,
        *,
        epoch: int | None = None,
        n: int | None = None,
        sequence: int = 0,
        time: int | None = None,
        claim: tuple[int, int] | None = None,
    ) -> None:
        self.names: Final = None if names is None else frozenset(names)
        self.epoch = epoch
        self.n = n
        self.sequence = sequence
        self.time = time
        self.records: deque[Record] = deque()
        self.void = 0
        self._numbers: dict[str, tuple[int, int]] = {}  # each name's last number, and its sequence
        # At a beginning within an epoch, the last number of each name is not known.
        self._began_within = True
        self._before: tuple[int | None, int | None] | None = None
        self._known = 0  # messages of the epoch that were read before it began
        self._claim = claim
        self.claimed = self._time_of_claim()

    def restart(self) -> None:
        """Begin again at the first message, as the stream was made again, with other sequences.

        The next message shows which events are missing: none, if the relay goes on after the place
        where this reader was.
        """
        if self._before is None:
            self._before = self.epoch, self.n
        self.epoch = self.n = self.claimed = self._claim = None
        self.sequence = 0
        self._numbers.clear()
        self._began_within = True

    def resume(self, first: int, last: int, claims: Sequence[tuple[int, int]]) -> None:
        """Go back as far as the stream went back, as it loses its end if the bus loses power.

        It must be called before the stream is read on.

        Args:
            first: the first sequence of the stream, asked for after `claims`.
            last: the last sequence of the stream.
            claims: the sequence and the time of the `@epoch` of the reader's epoch and of the next
                one after it, as far as they are in the stream; the newest `@epoch` if neither is.
        """
        epoch = self.epoch
        own = next((time for sequence, time in claims if sequence == epoch), None)
        later = next((each for each, _ in claims if epoch is not None and each > epoch), None)
        if epoch is not None and own is None and epoch >= first:
            self.restart()  # this epoch's claim is gone, and so is all that was read since
            self.sequence = last if later is None else later - 1
        elif epoch is not None and own is not None and self.claimed not in (None, own):
            self.restart()  # another claim has taken the place of this epoch's claim
            self.sequence = epoch - 1
        elif later is not None and later <= self.sequence:
            self.sequence = later - 1  # a lost message with this sequence was judged before
        else:
            self.sequence = min(self.sequence, last)
        if self._began_within and first > self.sequence + 1:
            # A name that goes on without a hole tells nothing of those that did not come yet.
            self._numbers.clear()
        if claims:
            self._claim = claims[0]
        self.claimed = self._time_of_claim()

    def pass_over(self, sequence: int) -> None:
        """Note that the stream's next message is none that could count."""
        # A hole before it is kept, as it is told with the message that counts.
        if self.sequence in (0, sequence - 1):
            self.sequence = sequence

    def take(
        self, sequence: int, token: str, place: Place, body: bytes, *, first: int | None = None
    ) -> Verdict:
        """Judge the next message of the stream.

        Args:
            sequence: its sequence in the stream.
            token: the last token of its subject.
            place: its header.
            body: its body, which is read for records alone.
            first: the first sequence that the stream still has; needed after the verdict `UNSURE`.

        Raises:
            ProtocolError: a record cannot be read.
        """
        if token == Epoch.token:
            return self._take_epoch(sequence, place, body, first)
        skips = sequence != self.sequence + 1 and self.sequence != 0
        if place.epoch != self.epoch:
            if self.epoch is not None and place.epoch < self.epoch:
                return self._skip(sequence)
            # This epoch's `@epoch` did not come, so the stream has thrown it away.
            if self.epoch is not None or self._knew_another_stream():
                self._add_gap(place.time, None)
            self._begin(place.epoch, within=True)
        if place.n <= self._known:
            self._numbers[token] = max((place.k, sequence), self._numbers.get(token, (0, 0)))
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
        self._claim = sequence, place.time
        self._begin(sequence, within=False)
        self.n = self._known = ahead
        self.sequence = sequence
        return Verdict.RECORD

    def _by_number(
        self, sequence: int, token: str, place: Place, first: int | None, skips: bool
    ) -> Verdict:
        if self.names is None:
            before = place.n - 1 if self.n is None else self.n
            number = place.n
        else:
            number = place.k
            # Other names may have gone on behind a hole, so each has its own place.
            before, last = self._numbers.get(token, (0, self.epoch or 0))
            if not before and self._began_within:
                if skips and first is None:
                    return Verdict.UNSURE
                if first is not None and first > self.sequence + 1:
                    self._add_gap(place.time, None)
                before = number - 1
        if number <= before:
            return self._skip(sequence)
        if number > before + 1:
            # A message ahead of its turn will be written again, after the missing ones. It counts
            # only if the stream has thrown the missing ones away.
            if self.names is not None and first is None:
                return Verdict.UNSURE
            if self.names is None:
                is_trimmed = skips
            else:
                assert first is not None
                is_trimmed = first > last + 1
            if not is_trimmed:
                return self._skip(sequence)
            self._add_gap(place.time, number - before - 1)
        if self.names is not None:
            self._numbers[token] = place.k, sequence
            if self.n is not None and place.n <= self.n:
                # It was written again, after later messages. Order matters more than this event.
                self._add_gap(place.time, 1, "order", "an event was stored behind a later one")
                self.sequence = sequence
                return Verdict.VOID
        return Verdict.EVENT

    def _begin(self, epoch: int, *, within: bool) -> None:
        self.epoch = epoch
        self.n = None if within else 0
        self._known = 0
        self.claimed = self._time_of_claim()
        self._numbers.clear()
        self._began_within = within

    def _skip(self, sequence: int) -> Verdict:
        self.pass_over(sequence)
        self.void += 1
        return Verdict.VOID

    def _time_of_claim(self) -> int | None:
        if self._claim is None or self._claim[0] != self.epoch:
            return None
        return self._claim[1]

    def _knew_another_stream(self) -> bool:
        before, self._before = self._before, None
        return before is not None and before[0] is not None

    def _compare(self, continues: tuple[int, int], until: int) -> int:
        """Add the gap before a claim, if any; return the messages of its epoch that are known.

        The relay writes its unconfirmed messages again in the new epoch. Some of them may have been
        stored before, and read here.
        """
        epoch, n = self._before or (self.epoch, self.n)
        if epoch is None:
            return 0
        if epoch == continues[0] and n is not None and n >= continues[1]:
            return n - continues[1]
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
