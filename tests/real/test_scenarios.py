"""The fake server is like the real ones: the same stories, played on each, are told in the same words."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio
from tests.scenarios.line import Line
from tests.scenarios.stories import STORIES, Story
from tests.scenarios.transcript import write

from aioami import Manager, core
from aioami.testing import FakeAsterisk
from aioami.testing.real import RealAsterisk

# Where threads of a loaded machine are late, a story is told once more, on both sides.
ATTEMPTS = 3


@pytest.fixture(scope="module")
def fresh(real_asterisk: RealAsterisk) -> Iterator[RealAsterisk]:
    """A server that no other test has used."""
    with RealAsterisk(real_asterisk.installation) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake(fresh: RealAsterisk) -> AsyncIterator[FakeAsterisk]:
    """The fake of the same version."""
    async with FakeAsterisk(version=str(fresh.major), virtual_time=True, auth_timeout=None) as server:
        yield server


async def told(
    server: FakeAsterisk | RealAsterisk, story: Story, passes: Callable[[float], Awaitable[None]]
) -> list[str]:
    """Play a story, and return its transcript."""
    line = Line(server.host, server.port, passes)
    try:
        await story(line)
        return write(line).splitlines()
    finally:
        await line.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_fake_and_real_tell_the_same(fresh: RealAsterisk, fake: FakeAsterisk, name: str) -> None:
    """Answers and events are the same, header by header and in the same order, but for what the writer leaves out."""
    differences: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        real = await told(fresh, STORIES[name], asyncio.sleep)
        ours = await told(fake, STORIES[name], fake.advance)
        difference = list(difflib.unified_diff(real, ours, str(fresh), str(fake), lineterm="", n=0))
        if not difference:
            return
        differences += [f"attempt {attempt}", *difference]
    pytest.fail("\n".join(differences))


def test_fake_and_real_put_the_time_in_the_same_place(real_asterisk: RealAsterisk) -> None:
    """With `timestampevents` the time stands behind the classes of an event, in seconds with six digits behind the point."""

    async def begins(server: FakeAsterisk | RealAsterisk) -> list[str]:
        async with Manager.from_url(server.url) as mgr:
            waiting = mgr.wait_for("Newchannel", timeout=10)
            await mgr.send(core.Originate_Application("Local/short@test", "NoOp"))
            event = await waiting
            return [name for name, _ in event.headers[:4]] + [re.sub(r"\d", "0", event["Timestamp"])]

    async def of_fake() -> list[str]:
        users, files = {"admin": "s3cret"}, {"manager.conf": "[general]\ntimestampevents = yes\n"}
        async with FakeAsterisk(version=str(real_asterisk.major), files=files, users=users) as fake:
            return await begins(fake)

    with RealAsterisk(real_asterisk.installation) as server:
        (settings,) = server.directory.rglob("manager.conf")
        settings.write_text(settings.read_text().replace("[general]", "[general]\ntimestampevents = yes", 1))
        server.cli("manager reload")
        real = asyncio.run(begins(server))
    assert asyncio.run(of_fake()) == real
    assert real == ["Event", "Privilege", "Timestamp", "SystemName", "0000000000.000000"]
