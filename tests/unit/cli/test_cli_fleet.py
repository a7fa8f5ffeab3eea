"""The commands on many servers: `--fleet FILE`, `--server`, and the file that names them."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aioami.testing import FakeFleet, Recording

from .test_cli import run, start


@pytest.fixture
async def fakes() -> AsyncIterator[FakeFleet]:
    """Two servers."""
    async with FakeFleet(["pbx1", "pbx2"]) as servers:
        yield servers


@pytest.fixture
def file(fakes: FakeFleet, tmp_path: Path) -> Path:
    """A file that names them, with the secret of one in a file and of the other in the environment."""
    (tmp_path / "pbx1.secret").write_text("s3cret\n")
    path = tmp_path / "fleet.toml"
    path.write_text(
        f"""
        [servers.pbx1]
        url = "ami://admin@127.0.0.1:{fakes["pbx1"].port}"
        secret_file = "pbx1.secret"
        [servers.pbx2]
        url = "ami://admin@127.0.0.1:{fakes["pbx2"].port}"
        secret_env = "PBX2"
        """
    )
    return path


async def test_events_have_the_name_of_the_server(fakes: FakeFleet, file: Path) -> None:
    """`events` shows those of all servers, each with its name, in JSON, in one line, and in full."""
    for form in ("--json", "--brief", "--count"):
        process = await start("events", "DoorBell", "-n", "2", form, AIOAMI_FLEET=str(file), PBX2="s3cret")
        for name, fake in fakes.items():
            await fake.wait_connected(timeout=20)
            await fake.pass_until(lambda fake=fake: fake.sent("Login"), 20, "a login")  # type: ignore[misc]
            await fake.send_event("DoorBell", {"Server": f"door of {name}"}, privilege="user,all")
        out, _ = await process.communicate()
        assert process.returncode == 0
        lines = out.decode().splitlines()
        if form == "--json":
            shown = [json.loads(line) for line in lines]
            assert {(each["server"], each["Server"]) for each in shown} == {
                ("pbx1", "door of pbx1"),
                ("pbx2", "door of pbx2"),
            }
        elif form == "--brief":
            assert {line.split()[1] for line in lines} == {"pbx1", "pbx2"}
        else:
            assert ["DoorBell", "2"] in [line.split()[:2] for line in lines]
        for fake in fakes.values():
            fake.received.clear()


async def test_ping_asks_each(fakes: FakeFleet, file: Path) -> None:
    """`ping` asks all of a fleet, or those that are chosen; one that is away costs the exit code, and not the others."""
    code, out, err = await run("ping", "--fleet", str(file), PBX2="s3cret")
    assert (code, err) == (0, "")
    assert [line.partition(":")[0] for line in out.splitlines()] == ["pbx1", "pbx2"]
    code, out, _ = await run("ping", "--fleet", str(file), "--server", "*2", PBX2="s3cret")
    assert [line.partition(":")[0] for line in out.splitlines()] == ["pbx2"]
    await fakes["pbx1"].stop()
    code, out, err = await run("ping", "--fleet", str(file), PBX2="s3cret")
    assert code == 4
    assert err.startswith("aioami: pbx1: ")
    assert out.startswith("pbx2: Asterisk")


async def test_commands_of_one_server_want_its_name(file: Path) -> None:
    """`send` is for one server of a fleet, which is said by `--server`."""
    code, out, _ = await run("send", "Ping", "--fleet", str(file), "--server", "pbx2", PBX2="s3cret")
    assert (code, "Pong" in out) == (0, True)
    code, _, err = await run("send", "Ping", "--fleet", str(file), PBX2="s3cret")
    assert code == 2
    assert "say which of pbx1, pbx2" in " ".join(err.replace("│", " ").split())
    code, _, err = await run("send", "Ping", "--fleet", str(file), "--server", "pbx3", PBX2="s3cret")
    assert code == 2
    assert "pbx3: " in err


async def test_doctor_examines_each(fakes: FakeFleet, file: Path) -> None:
    """`doctor` examines one server after the other, and its exit code is that of the first that is ill."""
    code, out, _ = await run("doctor", "--fleet", str(file), "--seconds", "0", "--json", PBX2="wrong")
    found = [json.loads(line) for line in out.splitlines()]
    assert {each["server"] for each in found} == {"pbx1", "pbx2"}
    assert code == 3
    code, out, _ = await run("doctor", "--fleet", str(file), "--seconds", "0", "--server", "pbx1", PBX2="x")
    assert out.startswith("pbx1\n")


async def test_each_server_is_recorded(fakes: FakeFleet, file: Path, tmp_path: Path) -> None:
    """`record` makes a file of each server in a folder, with the server's name in it."""
    folder = tmp_path / "recorded"
    process = await start("record", str(folder), "--fleet", str(file), PBX2="s3cret")
    for fake in fakes.values():
        await fake.expect("Login", timeout=20)
    for name, fake in fakes.items():
        path = folder / f"{name}.jsonl"
        while not path.exists() or "DoorBell" not in path.read_text():
            await fake.send_event("DoorBell", {"Text": "x" * 2000})
            await asyncio.sleep(0)
    process.send_signal(signal.SIGINT)
    out, _ = await process.communicate()
    assert process.returncode == 130
    for name in fakes:
        recording = Recording.load(folder / f"{name}.jsonl")
        assert recording.server == name
        assert str(folder / f"{name}.jsonl") in out.decode()
    old = tmp_path / "old.jsonl"
    old.write_text('{"recording": "aioami", "version": 1, "started": ""}\n')
    assert Recording.load(old).server == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[servers", "is no TOML"),
        ("", "it has no [servers.NAME] with a url"),
        ("[server.a]\nurl='ami://h'", "server: expected [servers.NAME] alone"),
        ("[servers]\na=1", "servers.a: expected a table with a url"),
        ("[servers.a]\n", "servers.a.url is missing"),
        ("[servers.a]\nurl=1", "servers.a.url: expected text"),
        ("[servers.a]\nurl='ami://h'\nsecretfile='x'", "servers.a.secretfile: there are url, secret_file, secret_env"),
        ("[servers.a]\nurl='http://u:geheim@h'", "servers.a.url: expected ami://"),
        ("[servers.a]\nurl='ami://u@h'", "servers.a: it needs secret_file, secret_env, or AIOAMI_SECRET"),
        ("[servers.a]\nurl='ami://u:geheim@h'\nsecret_env='HOME'", "servers.a: the url has a secret already"),
        ("[servers.a]\nurl='ami://h'\nsecret_env='HOME'", "servers.a: the url names no user"),
        ("[servers.a]\nurl='ami://u@h'\nsecret_file='none'", "servers.a.secret_file: "),
        ("[servers.a]\nurl='ami://u@h'\nsecret_env='NO_SUCH'", "NO_SUCH is not in the environment"),
        ("[servers.a]\nurl='ami://u@h'\nsecret_env='X'\nsecret_file='y'", "secret_file or secret_env, not both"),
    ],
)
async def test_what_is_wrong_in_the_file_is_named(text: str, words: str, tmp_path: Path) -> None:
    """Each fault of the file is an error of the command line that names its place, and no secret."""
    path = tmp_path / "fleet.toml"
    path.write_text(text)
    code, _, err = await run("ping", "--fleet", str(path), COLUMNS="400", TERMINAL_WIDTH="400")
    assert code == 2
    said = " ".join(err.replace("│", " ").split())
    assert words in said
    assert "geheim" not in said


async def test_the_two_ways_to_say_which_servers(file: Path, tmp_path: Path) -> None:
    """What is typed wins over the environment; two of a kind, or a name without a fleet, are refused."""
    fleet = ("--fleet", str(file))
    code, out, _ = await run("ping", *fleet, AIOAMI_URL="ami://u:s@127.0.0.1:1", PBX2="s3cret")
    assert (code, "pbx1: Asterisk" in out) == (0, True)
    code, _, err = await run("ping", *fleet, "--url", "ami://u:s@h", PBX2="s3cret", COLUMNS="400")
    assert (code, "--url and --fleet are two ways" in err) == (2, True)
    code, _, err = await run("ping", AIOAMI_URL="ami://u:s@h", AIOAMI_FLEET=str(file), COLUMNS="400")
    assert (code, "AIOAMI_URL and AIOAMI_FLEET are two ways" in err) == (2, True)
    code, _, err = await run("ping", "--url", "ami://u:s@h", "--server", "pbx1", COLUMNS="400")
    assert (code, "chooses among the servers of --fleet" in err) == (2, True)
    code, _, err = await run("ping", "--fleet", str(tmp_path / "none.toml"), COLUMNS="400")
    assert (code, "No such file" in err) == (2, True)
