"""What the guide shows is tried: the file, the users of the bus, and the options that it lists."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from tests.helpers import until

from aioami import connect, core
from aioami.bus import config
from aioami.bus.checking import check
from aioami.bus.config import read_config
from aioami.bus.connection import BusConnection, BusOptions
from aioami.bus.format import action_subject
from aioami.bus.relay import Relay, RelayOptions
from aioami.bus.watching import metrics_of
from aioami.errors import PermissionDenied
from aioami.testing import FakeAsterisk
from aioami.testing.nats import NatsServer

PAGE = (Path(__file__).parents[3] / "docs" / "guide" / "relay.md").read_text()


def block(language: str) -> str:
    """The first block of a language in the guide."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_file_of_the_guide_is_read(tmp_path: Path) -> None:
    """The configuration that the guide shows is one."""
    (tmp_path / "relay.toml").write_text(block("toml"))
    (tmp_path / "pbx1.secret").write_text("s3cret")
    found = read_config(tmp_path / "relay.toml", environment={})
    assert [(each.name, each.secret) for each in found.servers] == [("pbx1", "s3cret")]


def test_the_guide_lists_every_key() -> None:
    """The table has each key that a file may have, with the default that it has."""
    for table, keys in {**config.TABLES, "servers.NAME": config.SERVER_KEYS}.items():
        rows = "\n".join(line for line in PAGE.splitlines() if line.startswith(f"| `[{table}]"))
        for key in keys:
            assert re.search(rf"`(\[{re.escape(table)}\] )?{key}`", rows), f"[{table}] {key}"
    for key, default in (
        ("silence", "1.0"),
        ("doubt", "1.5"),
        ("leader_timeout", "10.0"),
        ("max_age", "900"),
        ("replicas", "1"),
    ):
        assert f"{key}` | {default} |" in PAGE
        assert getattr(RelayOptions(), key) == float(default)


def test_the_guide_lists_every_series() -> None:
    """The table has each number that the page for monitoring has."""
    relay = Relay(read_config(servers=["a=ami://h"], bus="nats://h").servers, "nats://h")
    for name in re.findall("# TYPE aioami_relay_(\\w+)", metrics_of(relay)):
        assert name in PAGE


async def test_the_users_of_the_guide_may_what_they_should(
    fake: FakeAsterisk, nats_program: Path, tmp_path: Path
) -> None:
    """With the guide's permissions a relay works, and a dashboard and a dialler may do what they are for alone."""
    users = tmp_path / "users.conf"
    users.write_text(block("text"))
    with NatsServer(nats_program, includes=[users]) as server:
        address = f"{server.host}:{server.port}"
        server_option = [f"pbx1=ami://admin@{fake.host}:{fake.port}"]
        found = read_config(
            servers=server_option,
            bus=f"nats://relay:change-me-1@{address}",
            environment={"AIOAMI_SECRET_PBX1": "s3cret"},
        )
        assert [each for each in [each async for each in check(found)] if not each.is_right] == []
        async with Relay(found.servers, found.bus, RelayOptions(silence=0.3)) as relay:
            await until(lambda: relay.is_ready and relay.status()["pbx1"].role == "leader")
            async with connect(f"nats://dashboard:change-me-2@{address}", server="pbx1") as remote:
                await remote.wait_ready(20)
                with remote.events("Hangup") as events:
                    hangup = asyncio.ensure_future(events.__anext__())
                    while not hangup.done():  # the stream begins when its consumer is there
                        await fake.send_event("Hangup", {"Channel": "a"})
                        await asyncio.sleep(0.02)
                    assert (await hangup)["Channel"] == "a"
                assert (await remote.send(core.Ping())).success
                with pytest.raises(PermissionDenied):
                    await remote.send(core.Hangup("a"))
            fake.expect_nothing("Hangup")
            for user, may, may_not in (
                ("dashboard:change-me-2", "Ping", "Originate"),
                ("dialler:change-me-3", "Hangup", "Command"),
            ):
                options = BusOptions.from_url(f"nats://{user}@{address}?timeout=1")
                connection = await BusConnection.open(options, "test")
                try:
                    await connection.request(action_subject("pbx1", may), b"")
                    with pytest.raises(PermissionDenied, match=f"ami.act.pbx1.{may_not.lower()}"):
                        await connection.request(action_subject("pbx1", may_not), b"")
                    with pytest.raises(PermissionDenied):
                        await connection.request("ami.ev.pbx1.Hangup", b"")
                finally:
                    await connection.close()
