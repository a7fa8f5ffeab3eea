"""`aioami record` and `aioami replay`: what goes over a link, into a file and out of it again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import time
from pathlib import Path

import pytest

from aioami import Backoff, Manager, core
from aioami.testing import FakeAsterisk, Recording

from .test_cli import run, start


@pytest.fixture
async def file(fake: FakeAsterisk, tmp_path: Path) -> Path:
    """A recording with a list, two rings at a door, and a link that was lost in between."""
    path = tmp_path / "link.jsonl"
    quick = Backoff(first=0.01)
    async with Manager.from_url(fake.url, record=path, reconnect=quick) as mgr:
        with mgr.events("DoorBell") as stream:
            await mgr.send(core.QueueStatus("support"))
            await fake.send_event("DoorBell", {"Door": "front", "Channel": "PJSIP/door-1"})
            await stream.__anext__()
            again = mgr.wait_for("Reconnected")
            fake.drop()
            await again
            await fake.send_event("DoorBell", {"Door": "back", "Channel": "PJSIP/door-2"})
            await stream.__anext__()
    return path


async def test_recording(fake: FakeAsterisk, tmp_path: Path) -> None:
    """The file has the link's bytes, for its owner only; events are counted, the file is named."""
    path = tmp_path / "link.jsonl"
    process = await start("record", str(path), url=fake.url)
    await fake.expect("Login", timeout=20)
    await fake.send_event("DoorBell", {"Door": "front"})
    while "DoorBell" not in path.read_text():
        await fake.send_event(
            "Filler",
            {"Text": "x" * 2000},
        )  # what is received may wait in a buffer
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")
    table, _, summary = out.decode().rstrip().rpartition("\n")
    assert ["DoorBell", "1"] in [line.split()[:2] for line in table.splitlines()]
    assert f"are in {path}" in summary
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "DoorBell" in [message.get("Event") for message in Recording.load(path).received]
    assert Recording.load(path).entries[-1].direction == "closed"
    assert "s3cret" not in path.read_text()


async def test_a_recording_is_not_overwritten_unless_that_is_wanted(
    fake: FakeAsterisk,
    tmp_path: Path,
) -> None:
    """An existing file is left as it is, and `--force` overwrites it."""
    path = tmp_path / "link.jsonl"
    path.write_text("precious")
    code, _, err = await run("record", str(path), "--seconds", "0.1", url=fake.url)
    assert (code, path.read_text()) == (2, "precious")
    assert "--force" in err
    code, _, err = await run("record", str(path), "--seconds", "0.1", "--force", url=fake.url)
    assert (code, err) == (0, "")
    assert Recording.load(path).sent[1]["Action"] == "Login"


async def test_a_recording_that_never_began_leaves_no_file(
    fake: FakeAsterisk,
    tmp_path: Path,
) -> None:
    """When the login is refused, there is no file that would be in the way the next time."""
    path = tmp_path / "link.jsonl"
    code, _, err = await run("record", str(path), url=f"ami://admin:wrong@127.0.0.1:{fake.port}")
    assert (code, path.exists()) == (3, False)
    assert "login was refused" in err
    code, _, err = await run("record", str(tmp_path / "no" / "such"), url=fake.url)
    assert code == 1
    assert "No such file" in err


@pytest.mark.skipif(
    not os.path.exists("/dev/full"),
    reason="only Linux has a device that is always full",
)
async def test_a_full_disk_ends_a_recording(fake: FakeAsterisk) -> None:
    """The library would go on without it; the command says so and fails."""
    code, out, err = await run("record", "/dev/full", "--force", url=fake.url)
    assert (code, out.splitlines()[-1].split()[0]) == (1, "all")
    assert "cannot be written" in err
    assert err.count("\n") == 1


async def test_replaying(file: Path) -> None:
    """The events are shown again, not the items of lists, and where the link was lost is told in
    its place.
    """
    whole, front, counts = await asyncio.gather(
        run("replay", str(file), "--json", "--speed", "0"),
        run("replay", str(file), "DoorBell", "--limit", "1", "--json", "--speed", "0"),
        run("replay", str(file), "--channel", "PJSIP/*", "--count", "--json", "--speed", "0"),
    )
    code, out, err = whole
    names = [json.loads(line)["Event"] for line in out.splitlines()]
    assert code == 0
    assert names.count("DoorBell") == 2
    assert not {"QueueMember", "QueueParams", "QueueStatusComplete"} & set(names)
    assert err.startswith("aioami: the link was lost here")
    assert json.loads(front[1])["Door"] == "front"
    assert json.loads(counts[1])["counts"] == {"DoorBell": 2}


async def test_replaying_at_a_speed(file: Path) -> None:
    """The distance of events in time is that of the recording, divided by the speed."""
    times = [entry.time for entry in Recording.load(file).events]
    speed = (times[-1] - times[0]) / 1.0
    began = time.monotonic()
    options = ("--where", "Door=b*", "--brief", "--speed", f"{speed:.9f}")
    _, out, _ = await run("replay", str(file), "DoorBell", *options)
    assert time.monotonic() - began >= 1.0
    assert "Door=back" in out
    assert out.count("\n") == 1


async def test_replaying_tells_when_it_was(file: Path) -> None:
    """Each event has the time at which it was recorded, not that of today."""
    text = file.read_text().replace(Recording.load(file).started, "2020-01-31T12:00:00.000000Z")
    file.write_text(text)
    at = next(entry.time for entry in Recording.load(file).events if "DoorBell" in entry.data)
    _, out, _ = await run(
        "replay",
        str(file),
        "DoorBell",
        "--brief",
        "--limit",
        "1",
        "--speed",
        "0",
    )
    assert out[5:12] == f":{int(at * 1000) / 1000:06.3f}"


async def test_serving(file: Path) -> None:
    """With `--serve` it is a server for other programs, which answers what was asked then; Ctrl-C
    ends it.
    """
    process = await start("replay", str(file), "--serve", "0", "--speed", "100")
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().split()[0]
    mgr = Manager.from_url(url)
    with mgr.events("DoorBell") as stream:
        async with mgr:
            assert [(await stream.__anext__())["Door"] for _ in range(2)] == ["front", "back"]
            assert len((await mgr.send(core.QueueStatus("support"))).events) == 3
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")


async def test_what_is_no_recording(tmp_path: Path) -> None:
    """A file of another kind, none at all, and options that do not go together are told in a
    sentence.
    """
    path = tmp_path / "other"
    path.write_text("hello\n")
    cases = {
        (str(path),): (1, f"{path}: line 1: not JSON"),
        (str(tmp_path / "none"),): (1, "No such file"),
        (str(path), "Hangup", "--serve", "0"): (2, "--speed alone"),
        (str(path), "--speed", "-1"): (2, "--speed"),
    }
    results = await asyncio.gather(*(run("replay", *arguments) for arguments in cases))
    for (result, out, err), (code, words) in zip(results, cases.values(), strict=True):
        assert (result, out) == (code, ""), err
        assert words in err
