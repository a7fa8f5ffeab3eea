"""Calls between telephones on a real server, as the live state and the tracer tell of them, and as CEL does."""

from __future__ import annotations

from tests.live_calls import STORIES, play
from tests.phones import Phones

from aioami import Manager
from aioami.testing.real import RealAsterisk


async def test_calls_are_told_as_they_were(asterisk: RealAsterisk, mgr: Manager) -> None:
    """Of each story the live state shows who calls whom and what becomes of it, and the tracer says what CEL says."""
    async with Phones(asterisk, mgr) as phones:
        found = await play(mgr, phones, list(STORIES))
    assert not found, "\n".join(found)
