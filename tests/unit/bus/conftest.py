"""A nats-server for the tests of the bus, with Debian's package in a private folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aioami.testing.nats import NatsServer, SuiteGone, install


@pytest.fixture(scope="session")
def nats_program() -> Path:
    """The program, which the first test installs."""
    try:
        return install()
    except SuiteGone as error:
        pytest.skip(str(error))


@pytest.fixture
def nats_server(nats_program: Path) -> Iterator[NatsServer]:
    """A server of its own for each test."""
    with NatsServer(nats_program) as server:
        yield server
