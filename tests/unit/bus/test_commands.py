"""The commands that show events and what is going on, with servers on a bus."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import run, start, until
from tests.unit.bus.office import office

from aioami import Fleet
from aioami.cli.screen.top import PARTS, Table, Top
from aioami.fleet import FleetLive, read_servers
from aioami.testing.nats import NatsServer


async def test_events_of_a_bus(nats_server: NatsServer, tmp_path: Path) -> None:
    """`events` has those of all servers of `AIOAMI_URL=nats://`, of those that `--server` names, and of a file with both kinds."""
    async with contextlib.AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(office(nats_server)) for _ in range(2)]
        relays = [await stack.enter_async_context(each.relay()) for each in (first, second)]
        await until(lambda: all(relay.is_ready for relay in relays))
        file = tmp_path / "fleet.toml"
        file.write_text(
            f'[servers."{first.name}"]\nurl = "{nats_server.url}"\n[servers.direct]\nurl = "{second.fake.url}"\n'
        )
        for options, environment, names in (
            ((), {"AIOAMI_URL": nats_server.url}, {first.name, second.name}),
            (("--server", second.name), {"AIOAMI_URL": nats_server.url}, {second.name}),
            ((), {"AIOAMI_FLEET": str(file)}, {first.name, "direct"}),
        ):
            process = await start("events", "Hangup", "--json", *options, **environment)
            assert process.stdout is not None
            shown: set[str] = set()
            telling = asyncio.create_task(_tell(lambda: [first.tell(1), second.tell(2)]))
            try:
                while shown < names:
                    line = await asyncio.wait_for(process.stdout.readline(), 30)
                    assert line, "it has ended"
                    shown.add(json.loads(line)["server"])
            finally:
                telling.cancel()
                process.terminate()
                await process.communicate()
            assert shown == names


async def _tell(work: Callable[[], list[Any]]) -> None:
    """Have servers tell of something again and again, as nobody knows when a program listens."""
    while True:
        await asyncio.gather(*work())
        await asyncio.sleep(0.05)


async def test_top_follows_the_servers_of_a_bus(nats_server: NatsServer) -> None:
    """The screen has the servers of a bus, and those that come later; one whose relay is gone is dim, with its state."""
    async with contextlib.AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(office(nats_server)) for _ in range(2)]
        relay = await stack.enter_async_context(first.relay())
        await until(lambda: relay.is_ready)
        fleet = await stack.enter_async_context(Fleet(nats_server.url, wait="any"))
        lives = await stack.enter_async_context(FleetLive(fleet, parts=PARTS, wait=False))
        top = Top(fleet, lives, "")
        pilot = await stack.enter_async_context(top.run_test(size=(170, 45)))

        def servers(table: str) -> set[str]:
            return {row.server for row in top.query_one(f"#{table}", Table).rows_shown}

        async def shown(condition: Callable[[], object]) -> None:
            while not condition():
                await pilot.pause(0.05)

        await asyncio.wait_for(shown(lambda: top.query(Table) and servers("queues") == {first.name}), 30)
        other = await stack.enter_async_context(second.relay())
        await asyncio.wait_for(shown(lambda: servers("queues") == {first.name, second.name}), 30)
        second.fake.incoming("PJSIP/alice", to="hold@test")
        await asyncio.wait_for(shown(lambda: servers("calls") == {second.name}), 30)
        await other.close()
        await asyncio.wait_for(
            shown(
                lambda: (
                    {cell.style for row in top.query_one("#calls", Table).rows_shown for cell in row.cells} == {"dim"}
                )
            ),
            30,
        )


async def test_other_commands_say_that_they_take_no_bus(tmp_path: Path) -> None:
    """A command that speaks with servers themselves is refused with a sentence, and no pattern chooses on a bus."""
    file = tmp_path / "fleet.toml"
    file.write_text('[servers.pbx1]\nurl = "nats://bus"\n')
    for arguments, words in (
        (("ping", "--url", "nats://bus"), "this command speaks with servers themselves"),
        (("send", "Ping", "--url", "nats://bus"), "this command speaks with a server itself"),
        (("record", "x", "--fleet", str(file)), "pbx1: on a bus"),
        (("events", "--url", "nats://bus", "--server", "pbx*"), "of a bus, name each server"),
    ):
        code, _, err = await run(*arguments, COLUMNS="400")
        assert (code, words in " ".join(err.replace("│", " ").split())) == (2, True), err


def test_a_bus_in_a_file(tmp_path: Path) -> None:
    """The URL of a bus stands in a file as it is; a secret beside it is refused, as the bus would not get it."""
    file = tmp_path / "fleet.toml"
    file.write_text('[servers.pbx1]\nurl = "nats://u:p@bus?credentials=/x.creds"\n')
    assert read_servers(file) == {"pbx1": "nats://u:p@bus?credentials=/x.creds"}
    file.write_text('[servers.pbx1]\nurl = "nats://u@bus"\nsecret_env = "HOME"\n')
    with pytest.raises(ValueError, match=r"servers\.pbx1: what a bus asks for is in its url"):
        read_servers(file)
