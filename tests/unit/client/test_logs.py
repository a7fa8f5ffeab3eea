"""The library's log: whatever a server sends or a user names, each record can be written to a file."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers import QUICK

from aioami import Action, Event, Manager, ManagerState, core
from aioami._log import get_logger, printable
from aioami.metrics import Metrics
from aioami.testing import FakeAsterisk

ODD = "h\udcff"  # what a byte that is no UTF-8 becomes


class Lines(logging.Handler):
    """Keeps each record as a handler writes it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Everything that the library logs."""
    logger, handler = logging.getLogger("aioami"), Lines()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler.lines
    logger.removeHandler(handler)
    logger.setLevel(before)


class OddMetrics(Metrics):
    """Metrics that raise what cannot be encoded."""

    def state_changed(self, state: str) -> None:
        raise RuntimeError(ODD)


async def test_what_cannot_be_encoded_reaches_no_log(fake: FakeAsterisk, lines: list[str], tmp_path: Path) -> None:
    """Replies, events, selectors, callbacks, exceptions and file names with odd bytes are all logged as UTF-8."""
    mgr = Manager(
        fake.host,
        fake.port,
        "admin",
        "s3cret",
        reconnect=QUICK,
        metrics=OddMetrics(),
        record="/dev/full" if os.path.exists("/dev/full") else tmp_path / "r",
    )

    def refuse(event: Event) -> bool:
        raise ValueError(event["Odd"])

    async def fail(event: Event) -> None:
        raise ValueError(event["Odd"])

    fail.__qualname__ = f"fail_{ODD}"
    refusing = mgr.events("Odd", where=refuse)
    full = mgr.events("Odd", f"x{ODD}", maxsize=1)
    mgr.on("Odd")(fail)
    await mgr.connect()
    await fake.send_raw(b"Response: Success\r\nActionID: h\xff\r\nH\xff: h\xff\r\n\r\n")
    await fake.send_raw(b"Response: Error\r\nActionID: none\r\nMessage: h\xff\r\n\r\n")
    await fake.send_raw(b"Event: Odd\r\nOdd: h\xff\r\n\r\n" * 3)
    await mgr.send(core.Ping())
    await mgr.send(Action("Nonsense"), check=False)
    await asyncio.sleep(0)
    await fake.send_raw(b"Event: Shutdown\r\nShutdown: h\xff\r\nRestart: True\r\n\r\n")
    await mgr.send(core.Ping())
    fake.drop()
    while mgr.state is ManagerState.READY:
        await asyncio.sleep(0.001)
    await mgr.wait_ready(timeout=5)
    refusing.close()
    full.close()
    await mgr.close()
    logged = "\n".join(lines)
    logged.encode()
    for part in ("no action waits for", "the predicate", "consumed too slowly", "fail_h\\udcff", "the metrics raised"):
        assert part in logged
    assert "ValueError: h\\xff" in logged
    assert "H\\xff" in logged.partition("no action waits for")[2]


def test_records_stay_what_they_are(lines: list[str]) -> None:
    """A message that can be encoded keeps its parts, and its exception, for handlers that look at them."""
    records: list[logging.LogRecord] = []
    logger = get_logger("aioami.example")
    logger.addFilter(lambda record: records.append(record) or True)  # type: ignore[func-returns-value]
    try:
        raise ValueError("Zoë")
    except ValueError:
        logger.warning("%s says %r", "Zoë", 1, exc_info=True)
        found = sys.exc_info()
    assert (records[0].msg, records[0].args) == ("%s says %r", ("Zoë", 1))
    assert records[0].exc_info == found
    assert lines[0].startswith("Zoë says 1\nTraceback")
    assert lines[0].endswith("ValueError: Zoë")


@pytest.mark.parametrize(("text", "shown"), [("Zoë", "Zoë"), (ODD, "h\\udcff"), (ValueError("\ud800"), "\\ud800")])
def test_what_printable_gives(text: object, shown: str) -> None:
    """Single surrogates are written out, and all else stays."""
    assert printable(text) == shown
