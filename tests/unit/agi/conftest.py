"""The loop of the tests that run on real servers too: its clock is put forward where nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.helpers import HastyLoop


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: Any
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Have the tests of real servers wait on the fake one for what happens, and for no time to pass."""
    return {"loop": HastyLoop if item.path.name == "test_agi_on_fake.py" else asyncio.new_event_loop}
