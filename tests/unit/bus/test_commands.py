"""The commands that show events and what is going on, with servers on a bus."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.helpers import run, start, until
from tests.unit.bus.office import office

from aioami import Fleet
from aioami.cli.app import app
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


async def test_ping_of_a_bus(nats_server: NatsServer, tmp_path: Path) -> None:
    """`ping` asks all servers of a bus, those that `--server` names, and those of a file; one without a relay is told, and the others are asked."""
    async with contextlib.AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(office(nats_server)) for _ in range(2)]
        relays = [await stack.enter_async_context(each.relay()) for each in (first, second)]
        await until(lambda: all(relay.is_ready for relay in relays))
        file = tmp_path / "fleet.toml"
        file.write_text(
            "".join(
                f'[servers."{name}"]\nurl = "{url}"\n'
                for name, url in (("gone", nats_server.url), (first.name, nats_server.url), ("direct", second.fake.url))
            )
        )
        bus = {"AIOAMI_URL": nats_server.url}
        ways: list[tuple[tuple[str, ...], dict[str, str], set[str], int]] = [
            ((), bus, {first.name, second.name}, 0),
            (("--server", second.name, "--count", "2"), bus, {second.name}, 0),
            ((), {"AIOAMI_FLEET": str(file)}, {first.name, "direct"}, 8),
        ]
        ends = await asyncio.gather(*(run("ping", *options, **environment) for options, environment, _, _ in ways))
        for (_, _, names, found), (code, out, err) in zip(ways, ends, strict=True):
            lines = out.splitlines()
            assert (code, {line.partition(": ")[0] for line in lines}) == (found, names), err
            assert all(re.search(r": Asterisk \(AMI [\d.]+\) answers in [\d.]+ ms$", line) for line in lines)
            assert ("gone: " in err) is (found != 0)


async def test_a_bus_without_a_relay(nats_server: NatsServer) -> None:
    """`ping` says that there is no server, and `send` that no relay is there for the one that is named."""
    all_servers, one = run("ping", url=nats_server.url), run("send", "Ping", "--server", "pbx1", url=nats_server.url)
    (code, _, err), (other, _, told) = await asyncio.gather(all_servers, one)
    assert (code, "no relay is on the bus" in err) == (4, True), err
    assert (other, "no relay is there for pbx1" in told) == (8, True), told


async def test_the_secret_of_a_bus_among_the_arguments_is_warned_of() -> None:
    """It is said that others can see it, and it is not shown; a URL in the environment is as it should be."""
    url = "nats://u:hush@127.0.0.1:1"
    typed, untyped = await asyncio.gather(run("ping", "--url", url), run("ping", AIOAMI_URL=url))
    assert typed[2].count("the secret in --url can be read by everybody in the list of processes") == 1
    assert "list of processes" not in untyped[2]
    assert "hush" not in typed[1] + typed[2] + untyped[1] + untyped[2]


async def test_commands_for_one_server_of_a_bus(nats_server: NatsServer, tmp_path: Path) -> None:
    """`send`, `command`, `shell`, `call`, `trace` and `agi` go through the relay, for the server that `--server` names."""
    async with office(nats_server) as own, own.relay() as relay:
        await until(lambda: relay.is_ready)
        where = {"url": nats_server.url}
        code, out, _ = await run("send", "Ping", "--server", own.name, "--json", **where)
        assert (code, json.loads(out)["Response"]) == (0, "Success")
        own.fake.reply_to("Command", {"Response": "Success", "Output": "Asterisk 22"})
        code, out, _ = await run("command", "core show version", "--server", own.name, **where)
        assert (code, out) == (0, "Asterisk 22\n")
        code, out, _ = await run("call", "Local/busy@test/n", "wait@test", "--server", own.name, **where)
        assert (code, out.count("ended: busy")) == (20, 1), out
        file = tmp_path / "fleet.toml"
        file.write_text(f'[servers."{own.name}"]\nurl = "{nats_server.url}"\n')
        own.fake.incoming("PJSIP/alice", to="hold@test")
        code, out, err = await run("trace", "--server", own.name, "--fleet", str(file))
        assert (code, "PJSIP/alice" in out) == (0, True), err
        process = await start("shell", "--server", own.name, stdin=asyncio.subprocess.PIPE, **where)
        out_of_shell, _ = await process.communicate(b"Ping\n:state\n")
        assert (process.returncode, f"{own.name} is ready" in out_of_shell.decode()) == (0, True), out_of_shell
        program = tmp_path / "menu.py"
        program.write_text("async def menu(call):\n    await call.answer()\n    print('answered', flush=True)\n")
        process = await start("agi", str(program), "--server", own.name, **where)
        assert process.stdout is not None
        assert process.stderr is not None
        while b"runs for each call" not in await asyncio.wait_for(process.stderr.readline(), 30):
            pass
        own.fake.add_extension("menu", "AGI(agi:async)")
        own.fake.incoming("PJSIP/bob", to="menu")
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"answered\n"
        process.terminate()
        await process.communicate()


def test_commands_that_take_no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs a link of its own says so, and what does in its place; one server of a bus is named, and not by a pattern."""
    for name in ("AIOAMI_URL", "AIOAMI_FLEET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "fleet.toml"
    file.write_text('[servers.pbx1]\nurl = "nats://bus"\n')
    url = ("--url", "nats://bus")
    for arguments, words in (
        (("record", "x", "--fleet", str(file)), "pbx1: on a bus, and a recording has the whole link of a server"),
        (("record", "x", *url), "of a bus, events --json shows what there is"),
        (("doctor", *url), "aioami relay --check examines a bus"),
        (("doctor", "--fleet", str(file)), "pbx1: on a bus, and doctor examines a link of its own"),
        (("demo", *url, "--server", "pbx1"), "the demo is of a link with a server"),
        (("send", "Ping", *url), "this is a bus: name the server there that is meant"),
        (("events", *url, "--server", "pbx*"), "of a bus, name each server"),
    ):
        with pytest.raises(typer.BadParameter) as caught:
            app(list(arguments), standalone_mode=False, prog_name="aioami")
        assert words in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_a_bus_in_a_file(tmp_path: Path) -> None:
    """The URL of a bus stands in a file as it is; a secret beside it is refused, as the bus would not get it."""
    file = tmp_path / "fleet.toml"
    file.write_text('[servers.pbx1]\nurl = "nats://u:p@bus?credentials=/x.creds"\n')
    assert read_servers(file) == {"pbx1": "nats://u:p@bus?credentials=/x.creds"}
    file.write_text('[servers.pbx1]\nurl = "nats://u@bus"\nsecret_env = "HOME"\n')
    with pytest.raises(ValueError, match=r"servers\.pbx1: what a bus asks for is in its url"):
        read_servers(file)
