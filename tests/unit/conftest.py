"""Short names for the plugin's fixtures."""

from __future__ import annotations

import pytest

from aioami import Manager
from aioami.testing import FakeAsterisk


@pytest.fixture
def fake(fake_asterisk: FakeAsterisk) -> FakeAsterisk:
    """A fake server."""
    return fake_asterisk


@pytest.fixture
def mgr(ami_manager: Manager) -> Manager:
    """A manager, logged in on it."""
    return ami_manager
