"""The console examples of the page about terminals are run, each line as it stands there."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import shlex
import signal
from pathlib import Path
from typing import Final

import pytest
from tests.helpers import python

from aioami.testing import FakeAsterisk

PAGE: Final = Path(__file__).parents[3] / "docs" / "guide" / "command-line.md"
ENDLESS: Final = ("events", "shell", "top", "replay monday.jsonl --serve")
"""Commands that run until they are ended, unless they have a limit."""


def examples() -> list[str]:
    """The lines that are typed in the page, but for those that change the machine."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [line for line in lines if not re.search("^export|--install-completion", line)]


def test_there_are_examples() -> None:
    """The page has the examples that are looked for here, and each command is among them."""
    words = " ".join(examples())
    assert {"events", "shell", "top", "record", "replay", "send", "command", "ping"} <= set(
        words.split(),
    )


@pytest.mark.parametrize("line", examples())
async def test_an_example(line: str, fake: FakeAsterisk, tmp_path: Path) -> None:
    """It runs, says no error, and ends by itself or when it is told to."""
    program = f"{shlex.join(python())} aioami"
    environment = {
        **os.environ,
        "AIOAMI_URL": fake.url,
        "XDG_STATE_HOME": str(tmp_path),
        "TERM": "xterm",
    }
    servers = "".join(f"[servers.pbx{number}]\nurl = '{fake.url}'\n" for number in (1, 2))
    (tmp_path / "fleet.toml").write_text(servers)
    if "replay" in line:
        recorder = await asyncio.create_subprocess_shell(
            f"exec {program} record monday.jsonl --seconds 0.3",
            cwd=tmp_path,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        await recorder.communicate()
    typed = line.replace("--seconds 60", "--seconds 0.3").replace("--serve 5038", "--serve 0")
    typed = typed.partition(" | jq")[0]
    commands = tuple(f"aioami {each}" for each in ENDLESS)
    endless = typed.startswith(commands) and "--seconds" not in typed
    parent, child = pty.openpty()
    process = await asyncio.create_subprocess_shell(
        re.sub(r"(^|\| )aioami ", rf"\1{'' if '|' in typed else 'exec '}{program} ", typed),
        cwd=tmp_path,
        env=environment,
        stdin=child,
        stdout=child,
        stderr=child,
        start_new_session=True,
    )
    os.close(child)
    shown = b""

    def read() -> None:
        nonlocal shown
        try:
            shown += os.read(parent, 65536)
        except OSError:  # nobody writes any more
            asyncio.get_running_loop().remove_reader(parent)

    asyncio.get_running_loop().add_reader(parent, read)
    try:
        if endless:
            if "--serve" in typed:
                while b"says it again" not in shown:
                    await asyncio.sleep(0.02)
            else:
                await fake.expect("Login", timeout=30)
            process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) in ((0, 143) if endless else (0,)), shown
    finally:
        asyncio.get_running_loop().remove_reader(parent)
        os.close(parent)
    assert b"aioami: " not in shown
    assert b"Traceback" not in shown
