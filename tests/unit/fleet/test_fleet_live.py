"""The live state of a fleet: a `Live` for each server, and one iterator of their changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.helpers import manager, until

from aioami import Fleet, ManagerState
from aioami.fleet import FleetLive, FleetLiveChanges
from aioami.live import LiveChange
from aioami.testing import FakeFleet


@pytest.fixture
async def fakes() -> AsyncIterator[FakeFleet]:
    """Two servers."""
    async with FakeFleet(["pbx1", "pbx2"]) as servers:
        yield servers


async def test_servers_come_and_go(fakes: FakeFleet) -> None:
    """A server that is added is followed, and one that is removed is forgotten; both are told as changes."""
    async with Fleet({"pbx1": fakes["pbx1"].url}) as fleet, FleetLive(fleet) as lives:
        assert list(lives) == ["pbx1"]
        changes = lives.changes()
        fleet.add("pbx2", fakes["pbx2"].url)
        assert await anext(changes) == LiveChange("everything", server="pbx2")
        await lives["pbx2"].wait_synced(20)
        await fleet.remove("pbx1")
        assert list(lives) == ["pbx2"]
        while (change := await anext(changes)).server == "pbx2":
            continue
        assert change == LiveChange("everything", gone=True, server="pbx1")
        assert change.to_dict() == {"kind": "everything", "key": "", "gone": True, "server": "pbx1"}
        assert "pbx2" in repr(lives)


async def test_it_may_be_entered_before_the_fleet(fakes: FakeFleet) -> None:
    """Entered first, it begins with the servers that the fleet has when it connects."""
    fleet = Fleet(fakes.urls)
    lives = FleetLive(fleet)
    await fleet.remove("pbx2")
    async with lives:
        assert list(lives) == ["pbx1"]
        assert not lives["pbx1"].synced
        async with fleet:
            await lives["pbx1"].wait_synced(20)
    with pytest.raises(RuntimeError, match="entered once"):
        await lives.__aenter__()
    with pytest.raises(StopAsyncIteration):
        await anext(lives.changes())


async def test_a_server_that_is_lost_for_good_stays_with_what_was_known(
    fakes: FakeFleet, caplog: pytest.LogCaptureFixture
) -> None:
    """Its state is kept, and is not synced; the others go on."""
    caplog.set_level(logging.DEBUG, "aioami.fleet")
    both = {"pbx1": manager(fakes["pbx1"], reconnect=False), "pbx2": manager(fakes["pbx2"])}
    async with Fleet(both) as fleet, FleetLive(fleet) as lives:
        queues = len(lives["pbx1"].queues)
        assert queues
        fakes["pbx1"].drop()
        await until(lambda: fleet.health()["pbx1"].state is ManagerState.LOST)
        await until(lambda: "followed no more" in caplog.text)
        assert not lives["pbx1"].synced
        assert len(lives["pbx1"].queues) == queues
        assert lives["pbx2"].synced


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"parts": "channels"}, TypeError),
        ({"parts": ["chanels"]}, ValueError),
        ({"maxsize": 0}, ValueError),
        ({"wait": 1}, TypeError),
    ],
)
def test_what_live_refuses_is_refused(options: Any, kind: type[Exception]) -> None:
    """An option that cannot be right is refused before anything is done."""
    with pytest.raises(kind):
        FleetLive(Fleet({"pbx1": "ami://u:s@h"}), **options)


async def test_changes_take_turns_and_are_bounded() -> None:
    """Each server has its own bound; what is too much is one change of everything, and others come between."""
    changes = FleetLiveChanges(2, lambda: None)
    changes.notify(LiveChange("link", server="a"))
    for number in range(5):
        changes.notify(LiveChange("channel", str(number), server="a"))
    changes.notify(LiveChange("channel", "1", server="b"))
    changes.notify(LiveChange("channel", "1", gone=True, server="b"))
    changes.finish()
    assert [change async for change in changes] == [
        LiveChange("everything", server="a"),
        LiveChange("channel", "1", gone=True, server="b"),
        LiveChange("link", server="a"),
    ]


async def test_one_task_follows_the_changes(fakes: FakeFleet) -> None:
    """A second consumer is refused, and a bound of nothing too."""
    async with Fleet(fakes.urls) as fleet, FleetLive(fleet) as lives:
        changes = lives.changes()
        first = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already waiting"):
            await anext(changes)
        with pytest.raises(ValueError, match="maxsize"):
            lives.changes(maxsize=0)
        fakes["pbx2"].incoming("PJSIP/alice", "100")
        assert (await first).server == "pbx2"
