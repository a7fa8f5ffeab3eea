"""`aioami call` and `aioami agi`, each in a process of its own, on the fake server."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from pathlib import Path

import pytest
from tests.helpers import run, start, until

from aioami import Manager, actions, core
from aioami.cli.commands.call import _Shown
from aioami.testing import FakeAsterisk


async def test_a_call_that_is_answered(fake: FakeAsterisk) -> None:
    """Each state is a line with its time, the last one says why the call ended, and the exit code is 0."""
    code, out, err = await run("call", "Local/short@test/n", "wait@test", url=fake.url)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[2] for line in lines][-2:] == ["answered", "ended:"]
    assert re.search(r"ended: answered, cause 16 NORMAL_CLEARING, rang \d\.\d s, talked \d\.\d s$", lines[-1])


async def test_a_call_that_is_over_at_once_ends_once(fake: FakeAsterisk) -> None:
    """Its answer and its end are two lines, though the end is known when the answer is told."""
    code, out, _ = await run("call", "PJSIP/alice", "Nosuch(x)", url=fake.url)
    assert (code, [line.split()[2] for line in out.splitlines()][-2:]) == (0, ["answered", "ended:"]), out
    assert out.count("ended:") == 1


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_call_that_is_over_before_it_is_followed(
    fake: FakeAsterisk, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    """Its end is shown all the same, once."""
    async with Manager.from_url(fake.url) as mgr, mgr.call("Local/busy@test/n", to="wait@test") as held:
        await held.ended()
        await _Shown(as_json=as_json).follow(mgr, held)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["end"]["reason"] == "BUSY" if as_json else "ended: busy" in line


@pytest.mark.parametrize(
    ("channel", "options", "code", "words"),
    [
        ("Local/busy@test/n", (), 20, "busy"),
        ("Local/ring@test/n", ("--timeout", "0.3"), 21, "no answer"),
        ("Local/congestion@test/n", (), 22, "congestion"),
        ("Local/reject@test/n", (), 23, "rejected"),
        ("Nosuch/one", (), 24, "no such channel"),
        ("Local/nosuch@test/n", (), 27, "unknown"),
    ],
)
async def test_a_call_that_is_not_answered(
    fake: FakeAsterisk, channel: str, options: tuple[str, ...], code: int, words: str
) -> None:
    """The exit code says why."""
    found, out, err = await run("call", channel, "wait@test", *options, url=fake.url)
    assert (found, err) == (code, "")
    assert f"ended: {words}" in out


async def test_a_call_as_json(fake: FakeAsterisk) -> None:
    """Each change is an object, the last one with the end; an application is named with its arguments."""
    arguments = ("--caller-id", '"Ada" <555>', "--variable", "A=b=c", "--json")
    code, out, _ = await run("call", "Local/short@test/n", "Wait(600)", *arguments, url=fake.url)
    assert code == 0
    changes = [json.loads(line) for line in out.splitlines()]
    assert changes[-1]["end"]["reason"] == "ANSWERED"
    sent = dict(fake.sent("Originate")[0].headers)
    assert (sent["Application"], sent["Data"], sent["CallerID"], sent["Variable"]) == (
        "Wait",
        "600",
        '"Ada" <555>',
        "A=b=c",
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(("channel", "state"), [("Local/ring@test/n", b"ringing"), ("Local/wait@test/n", b"answered")])
async def test_ctrl_c_hangs_up(
    fake: FakeAsterisk, channel: str, state: bytes, number: signal.Signals, code: int
) -> None:
    """The call is hung up in whatever state it is, its end is shown, and no phone rings on."""
    process = await start("call", channel, "wait@test", url=fake.url)
    assert process.stdout is not None
    while state not in (line := await process.stdout.readline()):
        assert line, "it ended before"
    process.send_signal(number)
    out, err = await process.communicate()
    assert (process.returncode, err) == (code, b"")
    assert b"ended: " in out
    await until(lambda: not fake.exchange.channels)


async def test_wrong_arguments(fake: FakeAsterisk) -> None:
    """What cannot be right is a wrong command line; what the server refuses has its own exit code."""
    for arguments in (("nowhere",), ("wait@test", "--variable", "x"), ("wait@test", "--timeout", "0")):
        code, _, err = await run("call", "Local/ring@test/n", *arguments, url=fake.url)
        assert code == 2, err
    code, _, err = await run("call", "Local/ring@test/n", "nosuch@test", url=fake.url)
    assert (code, "Extension does not exist" in err) == (7, True)


SCRIPT = """
from aioami.agi import Routes, Session
from asyncio import sleep

async def menu(call: Session) -> None:
    await call.answer()
    await call.set("SERVED", "yes")
    await call.exec("UserEvent", "Served", f"Arguments: {call.arguments}")

async def breaks(call: Session) -> None:
    raise ZeroDivisionError("as it should")

async def two(call: Session, more: int) -> None: ...
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A file with programs."""
    path = tmp_path / "programs.py"
    path.write_text(SCRIPT)
    return path


async def served(process: asyncio.subprocess.Process) -> str:
    """Wait until a program is served, and return what is said of it."""
    assert process.stderr is not None
    return (await asyncio.wait_for(process.stderr.readline(), 10)).decode()


async def enter(mgr: Manager, application: str) -> None:
    """Have somebody call AGI()."""
    step = actions.DialplanExtensionAdd("test", "in", 1, "AGI", application_data=application, replace=True)
    await mgr.send(step)
    await mgr.send(core.Originate_Application("Local/in@test/n", "Wait", ("600",)))


async def test_a_program_over_the_link(fake: FakeAsterisk, mgr: Manager, script: Path) -> None:
    """It runs for each call in AGI(agi:async), until Ctrl-C."""
    process = await start("agi", f"{script}:menu", url=fake.url)
    assert "menu runs for each call in AGI(agi:async)" in await served(process)
    told = mgr.wait_for("UserEvent", timeout=5)
    await enter(mgr, "agi:async,one")
    assert (await told)["UserEvent"] == "Served"
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert process.returncode == 130


async def test_a_program_that_raises_shows_its_traceback(fake: FakeAsterisk, mgr: Manager, script: Path) -> None:
    """Whoever writes a program sees where it failed."""
    process = await start("agi", f"{script}:breaks", url=fake.url)
    await served(process)
    gone = mgr.wait_for("Hangup", timeout=5)
    await enter(mgr, "agi:async")
    await gone
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert b"ZeroDivisionError: as it should" in err
    assert b"programs.py" in err


async def test_a_program_over_fastagi(script: Path) -> None:
    """It listens where it is told, and needs no server's URL."""
    process = await start("agi", f"{script}:menu", "--listen", "0")
    said = await served(process)
    assert "AGI(agi://127.0.0.1:" in said
    port = int(said.rpartition(":")[2].strip().rstrip(")"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"agi_network: yes\nagi_request: agi://127.0.0.1\nagi_uniqueid: 1.1\nagi_channel: X\n\n")
    assert await asyncio.wait_for(reader.readline(), 5) == b"ANSWER\n"
    writer.close()
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 143


async def test_which_program(fake: FakeAsterisk, script: Path, tmp_path: Path) -> None:
    """The only one of a file needs no name; of several one has to be named, and it has to be there."""
    for name in (script, f"{script}:nosuch", tmp_path / "nosuch.py", f"{tmp_path / 'nosuch.py'}:menu"):
        code, _, err = await run("agi", str(name), url=fake.url)
        assert code == 2, err
    code, _, err = await run("agi", str(script), "--allow", "10.0.0.1", url=fake.url)
    assert (code, "--listen" in err) == (2, True)
    code, _, err = await run("agi", f"{script}:menu", "--listen", "x:y", url=fake.url)
    assert code == 2
    broken = tmp_path / "broken.py"
    broken.write_text("import nosuch\n")
    code, _, err = await run("agi", str(broken), url=fake.url)
    assert (code, err.splitlines()[1].strip()) == (1, f'File "{broken}", line 1, in <module>')
    plain = tmp_path / "plain.py"
    plain.write_text("def menu(call): ...\n")
    for name, sentence in (
        (plain, "plain.py has no program"),
        (f"{plain}:menu", "is to be written with `async def`"),
    ):
        code, _, err = await run("agi", str(name), url=fake.url)
        assert (code, sentence in err) == (2, True), err
    only = tmp_path / "only.py"
    only.write_text(
        "from aioami.agi import Routes\nroutes = Routes()\n@routes.route('menu')\nasync def menu(call): ...\n"
    )
    process = await start("agi", str(only), url=fake.url)
    assert "routes runs" in await served(process)
    process.send_signal(signal.SIGINT)
    await process.communicate()


async def test_a_warning_of_the_library_is_one_sentence(fake: FakeAsterisk) -> None:
    """Whoever types a command has written no line of Python, and is shown none."""
    code, out, err = await run("call", "Local/busy@test/n", "wait@test", "--timeout", "30000", url=fake.url)
    assert (code, err) == (20, "aioami: timeout: it is 30000 seconds; 30000 milliseconds are 30\n")
    assert "ended: busy" in out


async def test_where_a_call_is_parked_is_shown(fake: FakeAsterisk) -> None:
    """The space stands beside the word."""
    process = await start("call", "Local/wait@test/n", "Park()", url=fake.url)
    assert process.stdout is not None
    shown = []
    async for line in process.stdout:
        shown.append(line.decode())
        if "parked" in shown[-1]:
            break
    process.send_signal(signal.SIGINT)
    await process.communicate()
    assert "parked at 701 " in shown[-1], shown
