"""The tests of AsyncAGI and of held calls, with a manager over the bus in place of a direct one: `python -m pytest tests/bus_sessions.py`.

`tests/unit/bus/test_sessions.py` is a part of it, for `make test`.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.unit.agi.test_asyncagi import *  # noqa: F403 - the tests themselves
from tests.unit.bus.conftest import nats_program  # noqa: F401 - a fixture
from tests.unit.calls.test_held import *  # noqa: F403
from tests.unit.conftest import fake, proxy  # noqa: F401

from aioami.bus import RemoteManager
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.testing import FakeAsterisk
from aioami.testing.nats import NatsServer

# Over the bus the answer comes behind the events before it: there the call rings before it can be watched.
del test_changes_for_several  # noqa: F821
# It counts the tasks of the program, in which the relay runs too.
del test_a_thousand_calls_leave_nothing  # noqa: F821

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def bus(nats_program: Path) -> Iterator[NatsServer]:  # noqa: F811
    """A bus for all tests."""
    with NatsServer(nats_program) as server:
        yield server


@pytest.fixture
async def mgr(fake: FakeAsterisk, bus: NatsServer) -> AsyncIterator[RemoteManager]:  # noqa: F811
    """A remote manager of the fake server, which is ready."""
    name = f"pbx{next(NUMBERS)}"
    settings = RelayOptions(silence=0.3, doubt=10, max_bytes=1 << 24)
    relay = Relay([ServerOptions(name, fake.url)], bus.url, settings, linger=0.1)
    async with relay, RemoteManager(bus.url, name) as manager:
        await manager.wait_ready(20)
        yield manager
