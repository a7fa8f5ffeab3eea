"""The fake server is like the real ones: the same stories, played on each, are told in the same words."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.scenarios.compare import differences
from tests.scenarios.stories import STORIES
from tests.soak.load import Keeper

from aioami import Manager, core
from aioami.testing import FakeAsterisk
from aioami.testing.real import RealAsterisk

# A story waits nearly all the time, so that several servers are hardly busier than one.
SERVERS = 6


async def play(real: RealAsterisk, waiting: deque[str], results: dict[str, asyncio.Future[list[str]]]) -> None:
    """Play stories on a real server, and on a fake one of its version that is told the same, until none is left."""
    async with FakeAsterisk(version=str(real.major), virtual_time=True, auth_timeout=None) as fake:
        while waiting:
            name = waiting.popleft()
            try:
                results[name].set_result(await differences(real, fake, STORIES[name]))
            except Exception as error:
                results[name].set_exception(error)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def results(
    real_asterisk: RealAsterisk, request: pytest.FixtureRequest
) -> AsyncIterator[dict[str, asyncio.Future[list[str]]]]:
    """The differences in each story that was asked for, played on servers that no other test has used."""
    tests = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    chosen = {test.params.get("name") for test in tests}
    waiting = deque(name for name in STORIES if name in chosen)
    results = {name: asyncio.get_running_loop().create_future() for name in waiting}
    keepers = [Keeper(RealAsterisk(real_asterisk.installation)) for _ in range(min(SERVERS, len(waiting)))]
    players: list[asyncio.Task[None]] = []
    try:
        await asyncio.gather(*(keeper.do(keeper.server.start) for keeper in keepers))
        players += [asyncio.create_task(play(keeper.server, waiting, results)) for keeper in keepers]
        yield results
    finally:
        for player in players:
            player.cancel()
        await asyncio.gather(*players, return_exceptions=True)
        for keeper in keepers:
            keeper.server.kill()  # in no time; an orderly end takes a second
            keeper.close()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_fake_and_real_tell_the_same(results: dict[str, asyncio.Future[list[str]]], name: str) -> None:
    """Answers and events are the same, header by header and in the same order, but for what the writer leaves out."""
    difference = await results[name]
    if difference:
        pytest.fail("\n".join(difference))


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
