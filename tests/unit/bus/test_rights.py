"""Users of the bus that may do a part of it alone: what they may works, and what they may not is told once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import until
from tests.unit.bus.office import Office, office

from aioami import Fleet, ManagerTimeout, PermissionDenied, connect, core, events
from aioami.bus.format import stream_name
from aioami.testing.nats import NatsServer


class _Bus:
    """Where the bus is, once it is there."""

    url = ""


@contextlib.asynccontextmanager
async def shared(program: Path, publish: list[str], subscribe: list[str]) -> AsyncIterator[tuple[str, list[Office]]]:
    """Two servers on a bus, and the bus's URL for a user with these permissions; `FIRST` stands for the log of the first."""
    async with contextlib.AsyncExitStack() as stack:
        bus: Any = _Bus()
        offices = [await stack.enter_async_context(office(bus)) for _ in range(2)]
        publish = [each.replace("FIRST", stream_name(offices[0].name)) for each in publish]
        permissions = {"publish": publish, "subscribe": [*subscribe, "_INBOX.>"]}
        users = [{"user": "relay", "password": "p"}, {"user": "u", "password": "p", "permissions": permissions}]
        server = stack.enter_context(NatsServer(program, settings={"authorization": {"users": users}}))
        bus.url = f"nats://relay:p@{server.host}:{server.port}"
        relays = [await stack.enter_async_context(each.relay()) for each in offices]
        await until(lambda: all(relay.is_ready for relay in relays))
        yield f"nats://u:p@{server.host}:{server.port}", offices


async def test_a_user_that_may_send_alone(nats_program: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is ready by the relay's signs of life, without a version; actions are answered, and a stream says what is missing."""
    async with shared(nats_program, ["ami.act.*.Ping"], ["ami.relay.>"]) as (url, (own, _)):
        async with connect(url, server=own.name) as mgr:
            await mgr.wait_ready(20)
            assert (mgr.version, mgr.view.mask, mgr.view.permissions) == ("", None, None)
            assert (await mgr.send(core.Ping())).success
            with pytest.raises(PermissionDenied, match=r"ami\.act\..*\.Hangup"):
                await mgr.send(core.Hangup("a"))
            with mgr.events(events.Hangup) as stream, pytest.raises(PermissionDenied, match=r"stream\.info"):
                await asyncio.wait_for(anext(stream), 20)
            assert (await mgr.send(core.Ping())).success
        assert [each.message for each in caplog.records if "tried again" in each.message] == []
        assert len([each for each in caplog.records if each.levelno >= logging.ERROR]) == 1


async def test_a_user_that_may_not_hear_relays(nats_program: Path) -> None:
    """Waiting for one says which permission is missing, and a fleet that is to be found says so at once, with what to do instead."""
    async with shared(nats_program, ["ami.act.>", "$JS.API.>"], []) as (url, (own, _)):
        async with connect(url, server=own.name) as mgr:
            with pytest.raises(ManagerTimeout, match=r"to subscribe to ami\.relay\..*: the permission is missing"):
                await mgr.wait_ready(1)
        with pytest.raises(PermissionDenied, match=r"ami\.relay\.\*.*name the servers"):
            async with Fleet(url):
                pass


async def test_a_fleet_whose_user_may_see_one_of_two(nats_program: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The events of the one come, and both may be sent actions; that the other's are not for this user is told once."""
    log = [
        "$JS.API.STREAM.INFO.FIRST",
        "$JS.API.STREAM.MSG.GET.FIRST",
        "$JS.API.CONSUMER.*.FIRST",
        "$JS.API.CONSUMER.*.FIRST.>",
    ]
    async with (
        shared(nats_program, ["ami.act.>", "$JS.FC.>", *log], ["ami.relay.>"]) as (url, (first, second)),
        Fleet(url) as fleet,
        fleet.events(events.Hangup) as stream,
    ):
        assert set(fleet.servers) == {first.name, second.name}
        for name in fleet.servers:
            assert (await fleet[name].send(core.Ping())).success
        for number in (1, 3):
            await asyncio.gather(first.tell(number), second.tell(number + 1))
            assert (await asyncio.wait_for(anext(stream), 20)).server == first.name
        assert not stream.ended
    (told,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert told.message.startswith(f"the log of {second.name} cannot be read: the bus refuses to publish to")


async def test_a_fleet_whose_user_may_see_nothing(nats_program: Path) -> None:
    """Its streams end with the permission that is missing."""
    async with (
        shared(nats_program, ["ami.act.>"], ["ami.relay.>"]) as (url, (own, _)),
        Fleet({own.name: url}) as fleet,
        fleet.events(events.Hangup) as stream,
    ):
        with pytest.raises(PermissionDenied, match=r"stream\.info"):
            await asyncio.wait_for(anext(stream), 20)
