"""`make demo-bus`, run as its users do."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

_SECONDS = 60.0
_LINE = re.compile(r"(pbx\d): (\d+) sent, (\d+) given, (\d+) missing between them, (\d+) gaps told")


@pytest.mark.usefixtures("nats_program")
async def test_the_demo_ends_with_an_account_that_is_right() -> None:
    """The relay that leads is killed, and the bus: what each server sent was given in order, or told as lost."""
    root = Path(__file__).parents[3]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.bus"),
        cwd=root,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, complaints = await asyncio.wait_for(process.communicate(), _SECONDS)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # so that it ends its own programs
            await process.wait()
    assert process.returncode == 0, out + complaints
    accounts = {name: tuple(map(int, numbers)) for name, *numbers in _LINE.findall(out.decode())}
    assert set(accounts) == {"pbx1", "pbx2"}, out.decode()
    for sent, given, missing, gaps in accounts.values():
        assert given > 0
        assert missing > 0
        assert given + missing <= sent
        assert gaps > 0
