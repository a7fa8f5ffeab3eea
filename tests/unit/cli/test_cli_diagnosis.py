"""The commands `trace` and `doctor`, in a process of their own, against the fake server."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers import run, start

from aioami import Manager, core
from aioami.testing import FakeAsterisk


@pytest.fixture
async def recording(fake: FakeAsterisk, tmp_path: Path) -> Path:
    """A recording of a short call."""
    path = tmp_path / "calls.jsonl"
    async with Manager.from_url(fake.url, record=path) as mgr:
        over = mgr.wait_for(
            "Hangup",
            where=lambda event: event["Channel"].endswith(";1"),
            timeout=5,
        )
        await mgr.send(core.Originate_Application("Local/short@test/n", "Wait", ("10",)))
        await over
        await mgr.send(core.Ping())
    return path


async def test_trace_from_a_recording(recording: Path) -> None:
    """Without a call the calls are listed, with one it is shown: for people, in ASCII, and as
    JSON.
    """
    recorded = ("--from", str(recording))
    (code, out, err), (_, listed_as_json, _) = await asyncio.gather(
        run("trace", *recorded),
        run("trace", "--json", *recorded),
    )
    assert (code, err) == (0, "")
    (listed,) = out.splitlines()
    linked = listed.split()[0]
    assert listed.endswith("Local/short@test-00000000;1, and 1 more")
    assert json.loads(listed_as_json)["linkedid"] == linked
    shown, ascii_only, coloured, as_json = await asyncio.gather(
        run("trace", linked, *recorded),
        run("trace", "Local/short@test", "--all", *recorded, PYTHONIOENCODING="ascii"),
        run("trace", linked, *recorded, FORCE_COLOR="1", TERM="xterm"),
        run("trace", linked, "--json", *recorded),
    )
    assert shown[0] == 0
    assert "\x1b" not in shown[1]
    lines = shown[1].splitlines()
    assert lines[0].startswith(f"call {linked}, began 20")
    first = ["0.000", "┌", "A", "=", "Local/short@test-00000000;1", "is", "made,", "for"]
    assert lines[1].split() == [*first, "short@test"]
    assert any(line.startswith("over after ") for line in lines)
    assert lines[-1].startswith("  B  Local/short@test-00000000;2: up for ")
    assert max(map(len, lines)) <= 100
    assert "does Answer() in short,1@test" in ascii_only[1]
    assert ascii_only[1].isascii()
    assert "\x1b[32m" in coloured[1]
    steps = [json.loads(line) for line in as_json[1].splitlines()]
    assert [each["name"][-2:] for each in steps[-1]["channels"]] == [";1", ";2"]
    assert {each["call"] for each in steps[:-1]} == {linked}
    assert steps[0]["kind"] == "new"


async def test_trace_says_what_is_wrong(
    recording: Path,
    fake: FakeAsterisk,
    tmp_path: Path,
) -> None:
    """No such call, no such file, no recording, and options that do not go together are told."""
    other = tmp_path / "other.txt"
    other.write_text("hello\n")
    nothing, *wrong, nobody, empty = await asyncio.gather(
        run("trace", "nothing", "--from", str(recording)),
        run("trace", "--from", str(other)),
        run("trace", "--from", "/no/such"),
        run("trace", "--next", "--from", str(recording)),
        run("trace", "x"),
        run("trace", "PJSIP/nobody", url=fake.url),
        run("trace", url=fake.url),
    )
    assert nothing[:2] == (1, "")
    assert "no call nothing is in this recording" in nothing[2]
    assert [code for code, _, _ in wrong] == [1, 2, 2, 2]
    assert nobody[:2] == (1, "")
    assert "no call PJSIP/nobody is in progress" in nobody[2]
    assert empty == (0, "no calls\n", "")


@pytest.fixture
async def waiting(fake: FakeAsterisk) -> AsyncIterator[asyncio.subprocess.Process]:
    """`aioami trace --next`, which listens."""
    process = await start("trace", "--next", "PJSIP/trunk", url=fake.url)
    await fake.expect("CoreShowChannels", timeout=20)
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_trace_follows_the_next_call(
    fake: FakeAsterisk,
    waiting: asyncio.subprocess.Process,
) -> None:
    """The next call of a device is shown as it goes on, others are not, and the command ends when
    the call is over.
    """
    fake.incoming("PJSIP/other", to="wait@test")
    call = fake.incoming("PJSIP/trunk", to="short@test", caller='"Ada" <555>')
    await call.ended()
    out, err = await asyncio.wait_for(waiting.communicate(), 20)
    text = out.decode()
    assert (waiting.returncode, err) == (0, b"")
    assert 'A = PJSIP/trunk-00000001 is made from "Ada" <555>, for short@test' in text
    assert "PJSIP/other" not in text
    assert text.splitlines()[-1].startswith("  A  PJSIP/trunk-00000001")
    assert "16 Normal Clearing" in text.splitlines()[-1]


async def test_trace_ends_with_ctrl_c(waiting: asyncio.subprocess.Process) -> None:
    """Ctrl-C ends the waiting without a traceback."""
    waiting.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(waiting.communicate(), 20)
    assert (waiting.returncode, err) == (130, b"")


async def test_trace_of_a_call_in_progress(fake: FakeAsterisk) -> None:
    """A call that is there is followed from now on, and listed without a call; over a lost link
    what is gone is told.
    """
    call = fake.incoming("PJSIP/trunk", to="wait@test")
    code, out, _ = await run("trace", url=fake.url)
    assert code == 0
    assert "is on" in out
    assert out.splitlines()[0].endswith("PJSIP/trunk-00000000")
    process = await start("trace", call.linkedid, "--json", url=fake.url)
    assert process.stdout is not None
    first = json.loads(await process.stdout.readline())
    assert (first["kind"], first["call"]) == ("there", call.linkedid)
    await fake.stop()
    await call.hang_up()
    await fake.start()
    out_rest, err = await asyncio.wait_for(process.communicate(), 20)
    kinds = [json.loads(line).get("kind") for line in out_rest.decode().splitlines()]
    assert kinds[-2:] == ["gone", None]
    assert b"stands again" in err
    assert process.returncode == 0


async def test_trace_for_a_user_who_may_not_list_channels(fake: FakeAsterisk) -> None:
    """Then calls are known from now on, which is said."""
    code, out, err = await run("trace", url=f"ami://callonly:s3cret@127.0.0.1:{fake.port}")
    assert (code, out) == (0, "no calls\n")
    assert "may not list the channels" in err


async def test_doctor(fake: FakeAsterisk) -> None:
    """All is well: 0, in lines that begin with ok; as JSON with one finding a line."""
    wrong_secret = f"ami://admin:wrong@127.0.0.1:{fake.port}"
    names = ("--event", "Hangop", "--action", "Nonsense")
    well, refused, unknown = await asyncio.gather(
        run("doctor", "--seconds", "0", url=fake.url),
        run("doctor", "--seconds", "0", "--json", url=wrong_secret),
        run("doctor", *names, "--seconds", "0", url=fake.url),
    )
    assert (well[0], well[2]) == (0, "")
    assert {line.split()[0] for line in well[1].splitlines()} == {"ok"}
    assert refused[0] == 3
    last = json.loads(refused[1].splitlines()[-1])
    assert (last["level"], last["topic"], last["change"][0]) == ("wrong", "login", "[admin]")
    assert unknown[0] == 6
    assert "wrong  action" in unknown[1]
    assert "\n                 " not in unknown[1]


async def test_doctor_for_a_program_and_a_recording(recording: Path, tmp_path: Path) -> None:
    """The stanza for a program, a folder, a recording, and all of them; no server is needed."""
    programs, empty, bad = tmp_path / "programs", tmp_path / "empty", tmp_path / "bad.py"
    programs.mkdir()
    empty.mkdir()
    one = programs / "one.py"
    one.write_text("from aioami import core\nmgr.send(core.Hangup('x'))\n")
    two = programs / "two.py"
    two.write_text("from aioami import core, events\nmgr.events(events.Cdr)\n")
    bad.write_text("def\n")
    program, folder, together, no_program, nothing = await asyncio.gather(
        run("doctor", "--for", str(one), "--user", "web"),
        run("doctor", "--for", str(programs), "--json"),
        run("doctor", "--for", str(recording), "--for", str(one)),
        run("doctor", "--for", str(bad)),
        run("doctor", "--for", str(empty)),
    )
    stanza = "; write call: Hangup\n[web]\nsecret = long-and-random\nread =\nwrite = call\n"
    assert program[:2] == (0, stanza)
    needed = json.loads(folder[1])
    assert (needed["read"], needed["write"]) == (["cdr"], ["call"])
    assert "write = call,originate" in together[1]
    assert no_program[:2] == (2, "")
    told = no_program[2].replace("\n", " ").replace("│ ", "")
    assert "neither a Python program nor a recording" in told
    assert nothing[0] == 2
