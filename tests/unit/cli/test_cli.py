"""The command line, in a process of its own, against the fake server."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import pytest
from tests.helpers import run, start

from aioami import __version__
from aioami.testing import FakeAsterisk


async def test_version() -> None:
    """`--version` says which version this is."""
    assert await run("--version") == (0, f"aioami {__version__}\n", "")


async def test_demo() -> None:
    """The demo needs no server, and says how the call ended."""
    code, out, _ = await run("demo")
    assert code == 0
    assert out.endswith("the call was answered, and is over\n")


async def test_ping(fake: FakeAsterisk) -> None:
    """Ping tells how quickly the server answers."""
    code, out, err = await run("ping", "--count", "2", url=fake.url)
    assert (code, err) == (0, "")
    assert out.count("Asterisk (AMI 11.0.0) answers in ") == 2


async def test_send(fake: FakeAsterisk) -> None:
    """An action with headers is sent as given, repeated ones too; its items come as JSON lines if
    wanted.
    """
    code, out, _ = await run("send", "QueueStatus", "Queue=support", "--json", url=fake.url)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line.get("Event") for line in lines] == [
        None,
        "QueueParams",
        "QueueMember",
        "QueueMember",
    ]
    await run("send", "Foo", "Variable=a=1", "Variable=b=2", url=fake.url)
    assert fake.received[-2].getall("Variable") == ["a=1", "b=2"]
    code, out, _ = await run("send", "QueueStatus", url=fake.url)
    assert "Agent One" in out
    assert out.endswith("5 in all\n")


async def test_command(fake: FakeAsterisk) -> None:
    """A CLI command's output is printed as it is; a wrong one is an error with Asterisk's own
    words.
    """
    code, out, _ = await run("command", "core show version", url=fake.url)
    assert (code, out) == (
        0,
        "Asterisk 22.10.1 built by aioami @ localhost on a x86_64 running Linux\n",
    )
    code, out, err = await run("command", "no such", url=fake.url)
    assert (code, out) == (7, "")
    assert "No such command 'no such'" in err


async def test_events_until_enough(fake: FakeAsterisk) -> None:
    """Events that match are printed as JSON, and the command ends after so many."""
    process = await start("events", "Queue*", "--json", "--limit", "2", url=fake.url)
    await fake.expect("Login", timeout=20)
    for name in ("Hangup", "QueueCallerJoin", "QueueCallerLeave"):
        await fake.send_event(name, {"Queue": "support"})
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert [json.loads(line)["Event"] for line in out.splitlines()] == [
        "QueueCallerJoin",
        "QueueCallerLeave",
    ]


async def test_ctrl_c_leaves_cleanly(fake: FakeAsterisk) -> None:
    """Ctrl-C logs off and prints no traceback."""
    process = await start("events", url=fake.url)
    await fake.expect("Login", timeout=20)
    await fake.send_event("Hello")
    assert process.stdout is not None
    await process.stdout.readuntil(b"Hello")
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in out + err
    await fake.expect("Logoff")


async def test_a_secret_need_not_be_an_argument(fake: FakeAsterisk) -> None:
    """It may come from the environment."""
    url = f"ami://admin@127.0.0.1:{fake.port}"
    code, out, _ = await run("ping", "--url", url, AIOAMI_SECRET="s3cret")
    assert code == 0
    assert "answers in" in out


async def test_a_secret_among_the_arguments_is_warned_of(fake: FakeAsterisk) -> None:
    """It works, and says that others can see it; a URL in the environment is as it should be."""
    code, out, err = await run("ping", "--url", fake.url)
    assert code == 0
    assert out.startswith("Asterisk")
    assert err.count("list of processes") == 1
    assert "s3cret" not in err


async def test_each_failure_is_a_sentence_and_a_code(fake: FakeAsterisk) -> None:
    """A refused login, a closed port, a denied permission, an unknown action and others are told
    apart.
    """
    fake.reply_to("Denied", {"Response": "Error", "Message": "Permission denied"})
    fake.reply_to("Silent", None)
    here = f"127.0.0.1:{fake.port}"
    cases = {
        ("ping", "--url", f"ami://admin:wrong@{here}"): (
            3,
            "aioami: the login was refused: Authentication failed",
        ),
        ("ping", "--url", "ami://a:b@127.0.0.1:1"): (4, "aioami: 127.0.0.1:1 could not be reached"),
        ("send", "Denied", "--url", fake.url): (5, "aioami: Denied was refused: Permission denied"),
        ("send", "NoSuchThing", "--url", fake.url): (
            6,
            "aioami: NoSuchThing was refused: Invalid/unknown command",
        ),
        ("send", "Hangup", "Channel=x", "--url", fake.url): (
            7,
            "aioami: Hangup was refused: No such channel (Channel 'x')",
        ),
        ("send", "Silent", "--timeout", "0.1", "--url", fake.url): (
            8,
            "aioami: Silent was not answered within 0.1 s",
        ),
        ("ping", "--url", "ami://admin:s3cret\u2100@x"): (1, "aioami: url: expected ami://"),
        ("ping", "--url", "http://x"): (1, "aioami: url: expected ami://"),
        ("ping",): (2, "say which server"),
        ("send",): (2, "Missing argument"),
    }
    results = await asyncio.gather(*(run(*arguments) for arguments in cases))
    for (arguments, (code, words)), (result, out, err) in zip(cases.items(), results, strict=True):
        assert (result, out) == (code, ""), (arguments, err)
        assert words in err
        assert "Traceback" not in err
        assert "s3cret" not in err


async def test_schema() -> None:
    """`aioami schema` prints JSON Schema, of all or of what is named; what does not exist is a
    wrong command line.
    """
    code, out, err = await run("schema", "Hangup", "queueadd", "--typed", "--attributes")
    told = json.loads(out)
    assert (code, err) == (0, "")
    assert list(told["$defs"]) == ["events.Hangup", "actions.Hangup", "actions.QueueAdd"]
    assert "caller_id_num" in told["$defs"]["events.Hangup"]["properties"]
    assert len(json.loads((await run("schema"))[1])["$defs"]) > 400
    code, out, err = await run("schema", "Nonsense")
    assert (code, out) == (2, "")
    assert "Nonsense" in err


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [
        ("typer", ("--version",), "cli"),
        ("prompt_toolkit", ("shell",), "cli"),
        ("textual", ("top",), "top"),
    ],
)
async def test_a_missing_package_is_named_with_its_extra(
    package: str,
    arguments: tuple[str, ...],
    extra: str,
) -> None:
    """A command whose packages are not installed says what to install."""
    missing = f"import sys; sys.modules[{package!r}] = None"
    program = f"{missing}; from aioami.cli import main; sys.exit(main())"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *arguments),
        env={**os.environ, "AIOAMI_URL": "ami://a:b@127.0.0.1:1"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert f"needs {package}" in err.decode()
    assert f"pip install 'aioami[{extra}]'" in err.decode()


async def test_starting_is_quick() -> None:
    """A command loads no package that only others need."""
    heavy = {"rich", "prompt_toolkit", "textual", "platformdirs", "aioami.testing", "aioami.calls"}
    program = (
        "import sys; from aioami.cli.app import run; sys.argv = ['aioami', '--version']; run(); "
        f"print(*sorted({heavy!r} & sys.modules.keys()))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out.decode() == f"aioami {__version__}\n\n"
