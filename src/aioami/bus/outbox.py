"""A relay's messages between Asterisk and the stream: numbered, bounded, sent until confirmed.

Nothing here does input or output.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from .format import VERSION, Gap, Record

__all__ = ["MAX_NAMES", "SLOW_START", "WINDOW", "Entry", "Outbox"]

WINDOW: Final = 1024
"""Messages that may be on their way to the stream, unconfirmed."""
SLOW_START: Final = 16
"""Messages that are sent one by one after `go_back`."""
MAX_NAMES: Final = 10_000
"""Names of events in one epoch. Asterisk has some hundreds."""
_OVERHEAD: Final = 120  # bytes of memory for a message besides its body, about


class Entry(NamedTuple):
    """A message for the stream.

    Attributes:
        token: the last token of its subject.
        n: its number in the epoch.
        k: its number among those with the same token.
        time: microseconds since 1970, when it came.
        body: its body.
    """

    token: str
    n: int
    k: int
    time: int
    body: bytes


class Outbox:
    """Messages of one server that are not confirmed yet, in order.

    An event that comes while the outbox is full is dropped, and gets no number: a `@gap` with the
    count of the dropped events stands in their place. So is one with another name, beyond
    `MAX_NAMES`. Records are always taken.

    Args:
        max_bytes: bytes that the outbox may hold.
        clock: returns the microseconds since 1970.

    Attributes:
        epoch: the epoch of the messages.
        size: the bytes that the outbox holds.
        taken: the bytes that it has taken since it was made.
        events: the number of events that were taken.
        written: the number of messages that were confirmed.
        lost: the number of events that were dropped.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], int]) -> None:
        self._max_bytes = max_bytes
        self._resume_at = max_bytes * 3 // 4
        self._clock = clock
        self.epoch = 0
        self.size = 0
        self.taken = 0
        self.events = 0
        self.written = 0
        self.lost = 0
        self._n = 0
        self._k: dict[str, int] = {}
        self._entries: deque[Entry] = deque()
        self._sent = 0
        self._confirmed: set[int] = set()  # numbers after the first unconfirmed message
        self._slow = 0
        self._missing = 0
        self._missing_since = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def in_flight(self) -> int:
        """The number of messages that were sent and are not confirmed."""
        return self._sent

    @property
    def last_confirmed(self) -> int:
        """The number of the last message before the first one that is not confirmed."""
        return self._entries[0].n - 1 if self._entries else self._n

    # In

    def put(self, token: str, time: int, body: bytes) -> None:
        """Take an event, or count it as lost."""
        is_too_much = len(self._k) >= MAX_NAMES and token not in self._k
        if self._missing or is_too_much or self.size + len(body) > self._max_bytes:
            has_room = not is_too_much and self.size + len(body) <= self._resume_at
            if self._missing and has_room:
                self._add_gap(time)
            else:
                if not self._missing:
                    self._missing_since = time
                self._missing += 1
                self.lost += 1
                return
        self.events += 1
        self._append(token, time, body)

    def put_record(self, record: Record, time: int | None = None) -> None:
        """Take a record; a `@gap` for events that were lost before it goes first."""
        now = self._clock() if time is None else time
        if self._missing:
            self._add_gap(now)
        self._append(record.token, now, record.encode())

    def _append(self, token: str, time: int, body: bytes) -> None:
        self._n = n = self._n + 1
        self._k[token] = k = self._k.get(token, 0) + 1
        self._entries.append(Entry(token, n, k, time, body))
        size = len(body) + _OVERHEAD
        self.size += size
        self.taken += size

    def _add_gap(self, until: int) -> None:
        count, self._missing = self._missing, 0
        sentence = (
            f"the relay's buffer or list of names was full, and {count} events were not taken"
        )
        gap = Gap("full", self._missing_since, until, count, sentence)
        self._append(gap.token, until, gap.encode())

    # Out

    def next(self) -> tuple[int, Entry] | None:
        """Return the next message to send, after its number; `None` if none may be sent now.

        The message counts as sent from now on.
        """
        window = 1 if self._slow else WINDOW
        if self._sent >= len(self._entries) or self._sent >= window:
            return None
        entry = self._entries[self._sent]
        self._sent += 1
        return entry.n, entry

    def header(self, entry: Entry) -> str:
        """Return the value of a message's header."""
        return f"{VERSION} {self.epoch} {entry.n} {entry.k} {entry.time}"

    def confirm(self, n: int) -> None:
        """Note that the stream has stored the message with this number."""
        entries, confirmed = self._entries, self._confirmed
        first = entries[0].n if entries else self._n + 1
        if not first <= n < first + self._sent:
            return  # confirmed before
        if self._slow:
            self._slow -= 1
        if n != first:
            confirmed.add(n)
            return
        while True:
            self.size -= len(entries.popleft().body) + _OVERHEAD
            self._sent -= 1
            self.written += 1
            n += 1
            if n not in confirmed:
                break
            confirmed.remove(n)
        if self._missing and self.size <= self._resume_at:
            self._add_gap(self._clock())

    def go_back(self) -> None:
        """Send all unconfirmed messages again, as some of them may not have been stored."""
        self._sent = 0
        self._confirmed.clear()
        self._slow = SLOW_START

    # Epochs

    def begin(self, epoch: int) -> None:
        """Begin an epoch; unconfirmed messages become part of it, with new numbers."""
        entries = list(self._entries)
        self.epoch = epoch
        self._n = 0
        self._k.clear()
        self._entries.clear()
        self.size = 0
        self.go_back()
        self._slow = 0
        for entry in entries:
            self._append(entry.token, entry.time, entry.body)

    def clear(self) -> None:
        """Forget all unconfirmed messages: another relay leads, and its `@gap` covers them."""
        self._entries.clear()
        self._missing = 0
        self.size = 0
        self.go_back()
