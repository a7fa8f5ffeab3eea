"""The relay's configuration, its check of what is missing, and what watches it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import nkeys
import pytest
import trustme
from tests.helpers import run, start, until

from aioami.bus.checking import Finding, check
from aioami.bus.config import RelayConfig, read_config, secret_variable, server_from_option
from aioami.bus.connection import BusConnection, BusOptions
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.bus.watching import Watching, keep_systemd_informed, metrics_of, notify_systemd
from aioami.testing import FakeAsterisk
from aioami.testing.nats import NatsServer

VERBS = ("INFO", "CREATE", "UPDATE", "MSG.GET")
FILE = """
[bus]
url = "nats://bus.example,bus2.example:4333"
password_file = "bus"
[relay]
name = "a"
buffer = 1000000
http = "127.0.0.1:9598"
[stream]
max_age = 60
replicas = 3
[servers.pbx1]
url = "ami://relay@10.0.0.1"
secret_file = "pbx1"
[servers."pbx2.example.org"]
url = "amis://relay@10.0.0.2?keepalive=5"
read_only = true
allow = ["Ping"]
"""


def write(folder: Path, text: str = FILE) -> Path:
    (folder / "bus").write_text("bus-hush\n")
    (folder / "pbx1").write_text("hush\n")
    file = folder / "relay.toml"
    file.write_text(text)
    return file


def test_a_file_has_all_that_a_relay_needs(tmp_path: Path) -> None:
    """Servers, bus, stream and the page are read from the file; secrets from files beside it and the environment."""
    config = read_config(write(tmp_path), environment={"AIOAMI_SECRET_PBX2_EXAMPLE_ORG": "from-outside"})
    assert [(each.name, each.secret, each.read_only, each.allow) for each in config.servers] == [
        ("pbx1", "hush", False, None),
        ("pbx2.example.org", "from-outside", True, ("Ping",)),
    ]
    assert config.bus.servers == ("nats://bus.example:4222", "nats://bus2.example:4333")
    assert config.bus.password == "bus-hush"
    assert config.options == RelayOptions(name="a", buffer=1_000_000, max_age=60, replicas=3)
    assert config.http == ("127.0.0.1", 9598)
    assert "hush" not in repr(config)


def test_options_win_over_the_file(tmp_path: Path) -> None:
    """What is given besides the file counts."""
    config = read_config(
        write(tmp_path), servers=["pbx1=ami://u:other@h"], bus="tls://elsewhere", http=":1", environment={}
    )
    assert config.servers[0].url == "ami://u:other@h"
    assert (config.bus.servers, config.bus.is_secure) == (("nats://elsewhere:4222",), True)
    assert config.http == ("127.0.0.1", 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "servers: a relay needs at least one"),
        ("[server.a]", "server: there is no such table"),
        ("[servers.a]", "servers.a.url: expected"),
        ("[servers.a]\nurl = 5", "servers.a.url: expected"),
        ("[servers.a]\nurl = 'http://h'", "ami://"),
        ("[servers.a]\nurl = 'ami://u@h'\nsecrets = 1", "servers.a.secrets: unknown"),
        ("[servers.a]\nurl = 'ami://u@h'\nsecret_file = 1", "servers.a.secret_file"),
        ("[servers.a]\nurl = 'ami://u@h'\nread_only = 1", "servers.a.read_only"),
        ("[servers.a]\nurl = 'ami://u@h'\nallow = 'Ping'", "servers.a.allow"),
        ("[servers.a]\nurl = 'ami://u@h'", "bus.url: say which bus"),
        ("[servers.a]\nurl = 'ami://u@h'\n[bus]\nurl = 'redis://h'", "bus: expected nats://"),
        ("[servers.a]\nurl = 'ami://u@h'\n[bus]\nurl = 'nats://h:x'", "no port"),
        ("[servers.a]\nurl = 'ami://u@h'\n[bus]\nurl = 'nats://h?x=1'", "no option 'x'"),
        ("[servers.a]\nurl = 'ami://u@h'\n[bus]\nurl = 'nats://h?timeout=x'", "timeout is a number"),
        ("[servers.a]\nurl = 'ami://u@h'\n[stream]\nmax_age = 'x'", "stream.max_age: expected a number"),
        ("[servers.a]\nurl = 'ami://u@h'\n[stream]\nmax_bytes = 1.5", "stream.max_bytes: expected a number"),
        ("[servers.a]\nurl = 'ami://u@h'\n[relay]\nname = 1", "relay.name: expected text"),
        ("[servers.a]\nurl = 'ami://u@h'\n[relay]\nhttp = '80'\n[bus]\nurl='nats://h'", "http: expected host:port"),
        ("[servers.a]\nurl = 'ami://u:hush@h:x'", "servers.a.url: expected"),
        (
            "[servers.a]\nurl = 'ami://u@h'\nsecret_file = 'latin'",
            "servers.a.secret_file: .*latin is no text in UTF-8$",
        ),
        ("[servers.a]\nurl = 'ami://u@h'\nsecret_file = 'empty'", "servers.a.secret_file: .*empty is empty"),
        ("[servers.b]\nurl = 'ami://u@h'", "servers.b: AIOAMI_SECRET_B is empty"),
        ("[servers.a]\nurl = 'ami://u@h'\n[stream]\nmax_age = inf\n[bus]\nurl='nats://h'", "max_age: at most"),
        (
            f"[servers.a]\nurl = 'ami://u@h'\n[stream]\nmax_bytes = {1 << 62}\n[bus]\nurl='nats://h'",
            "max_bytes: at most",
        ),
        ("[servers.a]\nurl = 'ami://u@h'\n[bus]\nurl = 'nats://h'\ntimeout = inf", "timeout is more than 0 .* an end"),
        (
            "[servers.a]\nurl = 'ami://u@h'\n[bus]\nurl = 'nats://h'\npassword_file = 'latin'",
            "bus.password_file: .*latin",
        ),
        ("servers = 5", "servers: tables"),
        ("[servers]\na = 5", "servers.a: expected a table"),
        ("bus = 5", "bus: expected a table"),
        ("[", "relay.toml is no TOML: "),
    ],
)
def test_what_is_wrong_in_a_file_is_named(text: str, reason: str, tmp_path: Path) -> None:
    """Each mistake in the file is a ValueError that names the field, and shows no secret."""
    (tmp_path / "latin").write_bytes(b"hush\xfc")
    (tmp_path / "empty").write_bytes(b"\n")
    with pytest.raises(ValueError, match=reason) as told:
        read_config(write(tmp_path, text), environment={"AIOAMI_SECRET_B": ""})
    assert type(told.value) is ValueError
    assert "hush" not in str(told.value)


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    """A secret file without a secret is an error, and no login without one."""
    file = write(tmp_path)
    (tmp_path / "pbx1").write_text("\n")
    with pytest.raises(ValueError, match="servers.pbx1.secret_file: .* is empty"):
        read_config(file, environment={})
    (tmp_path / "pbx1").unlink()
    with pytest.raises(FileNotFoundError):
        read_config(file, environment={})


def test_names_of_servers_and_their_variables() -> None:
    """A server on the command line has a name, and its secret's variable is made of that."""
    assert server_from_option("pbx1=ami://u@h?x=1") == ("pbx1", "ami://u@h?x=1")
    assert secret_variable("pbx-1.example") == "AIOAMI_SECRET_PBX_1_EXAMPLE"
    for text in ("ami://u@h", "=ami://u@h", "ami://u@h?timeout=3"):
        with pytest.raises(ValueError, match="--server: expected"):
            server_from_option(text)


def test_the_address_of_a_bus() -> None:
    """User, password, token, several hosts and IPv6 are read from the URL; the repr shows no secret."""
    options = BusOptions.from_url("nats://user:p%40ss@[::1]:4000,b?cafile=/x&timeout=3")
    assert (options.user, options.password, options.timeout) == ("user", "p@ss", 3.0)
    assert (options.servers, options.cafile) == (("nats://[::1]:4000", "nats://b:4222"), "/x")
    assert "p@ss" not in repr(options)
    token = BusOptions.from_url("nats://t0ken@h")
    assert token.token == "t0ken"
    assert "t0ken" not in repr(token)
    with pytest.raises(ValueError, match="a host is empty"):
        BusOptions.from_url("nats://")
    with pytest.raises(ValueError, match="timeout is more than 0"):
        BusOptions.from_url("nats://h?timeout=0")


@pytest.mark.parametrize(
    "url",
    [
        *("nats://u:hush?hush@h", "nats://u:1?hush@h", "nats://hush?@h", "nats://u:hush@[::1", "nats://u:hush@h:x"),
        *("nats://u:hush@h,u2:hush@h2", "http://u:hush@h", "nats://u:hush?hush=1@h", "nats://u:hush@"),
    ],
)
def test_the_address_of_a_bus_that_is_wrong(url: str) -> None:
    """It is a ValueError that says how it is to be, and shows nothing that may be a part of a secret."""
    with pytest.raises(ValueError, match=r"^bus: expected nats://") as told:
        BusOptions.from_url(url)
    assert "hush" not in str(told.value)


async def findings(fake: FakeAsterisk, url: str, secret: str = "s3cret") -> list[Finding]:
    config = read_config(
        servers=[f"pbx1=ami://admin@{fake.host}:{fake.port}"], bus=url, environment={"AIOAMI_SECRET_PBX1": secret}
    )
    return [finding async for finding in check(config)]


async def test_the_check_of_a_good_bus(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """Where all is there, the check says so, and leaves nothing in the stream."""
    found = await findings(fake, nats_server.url)
    assert [each for each in found if not each.is_right] == []
    assert [each.subject for each in found] == ["bus", "bus"] + ["pbx1"] * 8
    connection = await BusConnection.open(BusOptions.from_url(nats_server.url), "test")
    info = await connection.stream_info("AMI_pbx1")
    await connection.close()
    assert info is not None
    assert info["state"]["messages"] == 0


async def test_the_check_says_what_is_missing(fake: FakeAsterisk, nats_program: Path) -> None:
    """A bus without JetStream, one that is not there, and a wrong secret are each told with what to change."""
    with NatsServer(nats_program, settings={"jetstream": False}) as server:
        found = await findings(fake, server.url, "wrong")
    wrong = [(each.subject, each.text, each.advice) for each in found if not each.is_right]
    assert [subject for subject, _, _ in wrong] == ["bus", "pbx1"]
    assert "JetStream" in wrong[0][1]
    assert "manager.conf" in wrong[1][2]
    found = await findings(fake, server.url)
    assert [(each.subject, each.is_right) for each in found] == [("bus", False), ("pbx1", True)]


async def test_the_check_of_an_account_without_jetstream(fake: FakeAsterisk, nats_program: Path) -> None:
    """A user whose account has no JetStream is told so, with what to change."""
    user = {"user": "relay", "password": "x"}
    accounts = {"A": {"users": [user]}, "B": {"jetstream": "enabled", "users": [{"user": "b", "password": "x"}]}}
    with NatsServer(nats_program, settings={"accounts": accounts}) as server:
        found = await findings(fake, server.url.replace("nats://", "nats://relay:x@"))
    wrong = [(each.subject, each.advice) for each in found if not each.is_right]
    assert wrong == [("bus", "enable JetStream for this account")]


@pytest.mark.parametrize(
    ("version", "replicas", "wrong"),
    [
        ("2.8.4", 1, [("the server is 2.8.4", "a relay needs nats-server 2.9 or later")]),
        (
            "2.9.25",
            3,
            [("3 replicas on 2.9.25", "clusters need nats-server 2.10 or later: claims are not safe before")],
        ),
        (
            "2.9.18",
            3,
            [("3 replicas on 2.9.18", "clusters need nats-server 2.10 or later: claims are not safe before")],
        ),
        ("2.10.0", 3, []),
    ],
)
async def test_the_check_of_a_version(
    version: str, replicas: int, wrong: list[tuple[str, str]], nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is too old, or too old for replicas, is told with the version that is needed."""
    monkeypatch.setattr(BusConnection, "version", version)
    servers = (ServerOptions("pbx1", "ami://admin:x@127.0.0.1:1"),)
    config = RelayConfig(servers, BusOptions.from_url(nats_server.url), RelayOptions(replicas=replicas))
    found = [each async for each in check(config) if each.subject == "bus"]
    assert [(each.text, each.advice) for each in found if not each.is_right] == wrong


async def test_the_check_of_the_version_that_a_server_reports(nats_server: NatsServer) -> None:
    """Replicas on Debian's nats-server are found wrong by the version that it says itself."""
    servers = (ServerOptions("pbx1", "ami://admin:x@127.0.0.1:1"),)
    config = RelayConfig(servers, BusOptions.from_url(nats_server.url), RelayOptions(replicas=3))
    (wrong,) = [each.text async for each in check(config) if each.subject == "bus" and not each.is_right]
    assert wrong.startswith("3 replicas on 2.9.")


async def test_the_check_of_a_stream_that_is_another(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """A stream of the name that takes other subjects, or is full, stores no event: that is told."""
    connection = await BusConnection.open(BusOptions.from_url(nats_server.url), "test")
    for settings, text, advice in (
        ({"subjects": ["other.>"]}, "nobody listens on the bus", "are to be ami.ev.pbx1.>"),
        ({"subjects": ["ami.ev.pbx1.>"], "sealed": True}, "sealed", "nats stream info"),
    ):
        await connection.api("STREAM.DELETE.AMI_pbx1")
        wanted = {"name": "AMI_pbx1", "subjects": ["ami.ev.pbx1.>"], **settings}
        made = await connection.api("STREAM.CREATE.AMI_pbx1", {**wanted, "sealed": False})
        assert "error" not in made
        if "sealed" in wanted:
            assert "error" not in await connection.api("STREAM.UPDATE.AMI_pbx1", {**made["config"], "sealed": True})
        (wrong,) = [each for each in await findings(fake, nats_server.url) if not each.is_right]
        assert (wrong.subject, text in wrong.text, advice in wrong.advice) == ("pbx1", True, True), wrong
    await connection.close()


@pytest.mark.parametrize(
    ("publish", "subscribe", "advice"),
    [
        (["_INBOX.>"], ["_INBOX.>"], "allow to publish to $JS.API.INFO"),
        (["$JS.API.>"], ["ami.>"], "allow a subscription to _INBOX.>: answers come there"),
        *(
            (
                ["$JS.API.INFO", *(f"$JS.API.STREAM.{other}.AMI_pbx1" for other in VERBS if other != verb)],
                ["_INBOX.>"],
                "allow to publish to $JS.API.STREAM.*.AMI_pbx1 and $JS.API.STREAM.MSG.GET.AMI_pbx1",
            )
            for verb in VERBS
        ),
    ],
)
async def test_the_check_of_one_permission(
    publish: list[str], subscribe: list[str], advice: str, fake: FakeAsterisk, nats_program: Path
) -> None:
    """Each permission on JetStream that is missing alone is told, by the one that is needed."""
    may = {"publish": publish, "subscribe": subscribe}
    user = {"user": "relay", "password": "x", "permissions": may}
    with NatsServer(nats_program, settings={"authorization": {"users": [user]}}) as server:
        found = await findings(fake, server.url.replace("nats://", "nats://relay:x@") + "?timeout=1")
    assert [each.advice for each in found if not each.is_right] == [advice]


async def test_a_log_that_does_not_fit_is_told(fake: FakeAsterisk, nats_program: Path, tmp_path: Path) -> None:
    """A bus whose store is smaller than the log is to be says so, in the check and in the relay's status."""
    small = {"store_dir": str(tmp_path), "max_file_store": 1 << 24}
    with NatsServer(nats_program, settings={"jetstream": small}) as server:
        (wrong,) = [each for each in await findings(fake, server.url) if not each.is_right]
        assert (wrong.subject, wrong.advice) == (
            "pbx1",
            "lower `[stream] max_bytes`, or raise the bus's `max_file_store`",
        )
        async with Relay([ServerOptions("pbx1", fake.url)], server.url) as relay:
            await until(lambda: "insufficient storage" in relay.status()["pbx1"].error)
            assert not relay.is_ready


async def test_the_check_names_permissions(fake: FakeAsterisk, nats_program: Path) -> None:
    """A permission that the bus refuses is told, with the one that is needed."""
    may = {"publish": ["$JS.API.>"], "subscribe": ["_INBOX.>", "ami.relay.*"]}
    user = {"user": "relay", "password": "x", "permissions": may}
    with NatsServer(nats_program, settings={"authorization": {"users": [user]}}) as server:
        found = await findings(fake, server.url.replace("nats://", "nats://relay:x@") + "?timeout=1")
    advice = [each.advice for each in found if not each.is_right]
    assert advice == [
        "allow to publish to ami.ev.pbx1.>",
        "allow a queue subscription of group `relay` to ami.act.pbx1.*",
        "allow a subscription to ami.ev.pbx1.@epoch",
        "allow to publish to ami.relay.pbx1",
        "allow to publish to _INBOX.>",
    ]


async def test_a_bus_with_tls_and_a_password(fake: FakeAsterisk, nats_program: Path, tmp_path: Path) -> None:
    """A relay works over TLS with a client's certificate and a password; a wrong password is told."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("127.0.0.1", "client.example"):
        issued = authority.issue_cert(name)
        issued.private_key_pem.write_to_path(str(tmp_path / f"{name}.key"))
        issued.cert_chain_pems[0].write_to_path(str(tmp_path / f"{name}.pem"))
    settings: dict[str, Any] = {
        "tls": {
            "cert_file": str(tmp_path / "127.0.0.1.pem"),
            "key_file": str(tmp_path / "127.0.0.1.key"),
            "ca_file": str(tmp_path / "ca.pem"),
            "verify": True,
        },
        "authorization": {"user": "relay", "password": "bus-hush"},
    }
    files = f"cafile={tmp_path}/ca.pem&certfile={tmp_path}/client.example.pem&keyfile={tmp_path}/client.example.key"
    with NatsServer(nats_program, settings=settings) as server:
        address = f"{server.host}:{server.port}?{files}"
        servers = [ServerOptions("pbx1", fake.url)]
        async with Relay(servers, f"tls://relay:bus-hush@{address}", RelayOptions(silence=0.3)) as relay:
            await until(lambda: relay.is_ready and relay.status()["pbx1"].role == "leader")
        async with Relay(servers, f"tls://relay:wrong@{address}") as relay:
            await until(lambda: relay.status()["pbx1"].error)
            assert "uthorization" in relay.status()["pbx1"].error
            assert "wrong" not in relay.status()["pbx1"].error


async def test_the_page_for_monitoring(fake: FakeAsterisk, nats_server: NatsServer) -> None:
    """The page is alive at once, ready when the relay does its part, and has its numbers."""
    relay = Relay([ServerOptions('p"1', fake.url)], nats_server.url, RelayOptions(silence=0.3))
    async with Watching(relay, "127.0.0.1", 0) as page, httpx.AsyncClient() as client:
        base = f"http://127.0.0.1:{page.port}"
        assert (await client.get(f"{base}/livez")).status_code == 200
        answer = await client.get(f"{base}/readyz")
        assert (answer.status_code, answer.text) == (503, 'p"1: connecting\n')
        async with relay:
            await until(lambda: relay.is_ready and relay.status()['p"1'].role == "leader")
            assert (await client.get(f"{base}/readyz")).text.startswith('p"1: leader ready')
            numbers = (await client.get(f"{base}/metrics")).text
            assert 'aioami_relay_leader{server="p\\"1"} 1' in numbers
            assert numbers == metrics_of(relay) or "aioami_relay_events_total" in numbers
        assert (await client.get(f"{base}/other")).status_code == 404
        assert (await client.post(f"{base}/livez")).status_code == 405
        assert (await client.head(f"{base}/livez")).text == ""


async def test_systemd_is_told(fake: FakeAsterisk, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd hears when the relay is ready, that it lives, and that it ends; without systemd nothing is sent."""
    assert not notify_systemd("READY=1", "")
    path = f"\0aioami-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(path)
        link.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + path[1:])
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        heard: list[bytes] = []
        asyncio.get_running_loop().add_reader(link, lambda: heard.append(link.recv(1000)))
        async with Relay([ServerOptions("pbx1", fake.url)], nats_server.url, RelayOptions(silence=0.3)) as relay:
            telling = asyncio.ensure_future(keep_systemd_informed(relay))
            await until(lambda: b"READY=1" in heard and sum(b"WATCHDOG=1" in each for each in heard) > 2)
            telling.cancel()
            await until(lambda: heard[-1] == b"STOPPING=1")
        asyncio.get_running_loop().remove_reader(link)


async def test_the_command(fake: FakeAsterisk, nats_server: NatsServer, tmp_path: Path) -> None:
    """`aioami relay` checks, serves, warns of a secret in the process list, and ends well on SIGTERM."""
    server = f"pbx1={fake.url}"
    (tmp_path / "secret").write_text("s3cret")
    file = tmp_path / "relay.toml"
    file.write_text(
        f'[bus]\nurl = "{nats_server.url}"\n[relay]\nsilence = 0.3\n'
        f'[servers.pbx1]\nurl = "ami://admin@{fake.host}:{fake.port}"\nsecret_file = "secret"\n'
    )
    bus, plain = "nats://u:hush@127.0.0.1:1", f"pbx1=ami://admin@{fake.host}:{fake.port}"
    process, good, typed, untyped, nowhere, without, nameless = await asyncio.gather(
        start("relay", "--config", str(file), "--http", "127.0.0.1:0"),
        run("relay", "--server", server, "--bus", nats_server.url, "--check"),
        run("relay", "--server", plain, "--bus", bus, "--check", AIOAMI_SECRET_PBX1="s3cret"),
        run("relay", "--server", plain, "--check", AIOAMI_BUS=bus, AIOAMI_SECRET_PBX1="s3cret"),
        run("relay", "--server", server, "--bus", "nats://127.0.0.1:1", "--check"),
        run("relay", "--bus", nats_server.url),
        run("relay", "--server", "ami://admin@host", "--bus", nats_server.url),
    )
    code, out, err = good
    assert code == 0, out + err
    assert "ok    pbx1: the login works" in out
    assert err.count("secret in --server can be read by everybody in the list of processes") == 1
    assert "s3cret" not in out + err
    code, out, err = typed
    assert code == 1, out + err
    assert err.count("secret in --bus can be read by everybody in the list of processes") == 1
    assert "hush" not in out + err
    code, _, err = untyped
    assert (code, "list of processes" in err) == (1, False)
    code, out, _ = nowhere
    assert code == 1
    assert "FAIL  bus: " in out
    code, _, err = without
    assert code == 2
    assert "a relay needs at least one: --server pbx1=ami://user@host" in err
    code, _, err = nameless
    assert code == 2
    assert "--server: expected NAME=URL, as pbx1=ami://user@host" in err
    await fake.wait_connected(timeout=20)
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors
    assert b"/readyz says how it is" in errors
    assert not fake.connections


async def test_a_bus_that_knows_keys(fake: FakeAsterisk, nats_program: Path, tmp_path: Path) -> None:
    """A relay is let in by the seed of an nkey in a file, and another key is refused."""
    seeds = [nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER) for _ in range(2)]
    for number, seed in enumerate(seeds):
        (tmp_path / f"{number}.nk").write_bytes(seed)
    public = nkeys.from_seed(seeds[0]).public_key.decode()
    with NatsServer(nats_program, settings={"authorization": {"users": [{"nkey": public}]}}) as server:
        for number, is_right in ((0, True), (1, False)):
            file = tmp_path / f"{number}.toml"
            url = f"ami://admin@{fake.host}:{fake.port}"
            file.write_text(
                f'[bus]\nurl = "{server.url}"\nnkey = "{number}.nk"\n[servers.pbx1]\nurl = "{url}"\n', encoding="utf-8"
            )
            config = read_config(file, environment={"AIOAMI_SECRET_PBX1": "s3cret"})
            found = [each async for each in check(config)]
            assert all(each.is_right for each in found) is is_right, found
