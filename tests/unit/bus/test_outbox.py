"""A relay's messages that are not confirmed yet: what is not taken is told as a gap in its place."""

from __future__ import annotations

import pytest

from aioami.bus import outbox as module
from aioami.bus.format import Gap
from aioami.bus.outbox import Outbox


def told(outbox: Outbox) -> list[str]:
    """The messages that wait; a gap with its count."""
    found = []
    while (message := outbox.next()) is not None:
        entry = message[1]
        found.append(f"{Gap.parse(entry.body).count} missing" if entry.token == Gap.token else entry.token)
    return found


def test_names_without_end_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events with ever new names are dropped beyond a number of names, and counted; known ones go on."""
    monkeypatch.setattr(module, "MAX_NAMES", 3)
    outbox = Outbox(10_000, lambda: 0)
    for name in ("A", "B", "C", "D", "E", "A", "F", "B", "A"):
        outbox.put(name, 0, b"x")
    assert told(outbox) == ["A", "B", "C", "2 missing", "A", "1 missing", "B", "A"]
    assert (outbox.events, outbox.lost) == (6, 3)
    outbox.begin(2)
    outbox.put("G", 0, b"x")
    assert outbox.lost == 4  # those that wait belong to the new epoch, with their names


def test_events_beyond_the_bytes_are_a_gap_before_the_next_one() -> None:
    """What a full buffer does not take is told where it is missing, once there is room."""
    outbox = Outbox(1000, lambda: 0)
    for number in range(5):
        outbox.put("A", number, b"x" * 280)
    assert (told(outbox), outbox.lost) == (["A", "A"], 3)
    outbox.confirm(1)
    outbox.put("B", 9, b"x")
    assert told(outbox) == ["3 missing", "B"]
