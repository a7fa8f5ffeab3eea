"""Programs of the documentation that connect to where an Asterisk usually is run on real servers as they stand there."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from pathlib import Path

import pytest

from aioami import Manager, core, url
from aioami.testing.real import RealAsterisk

DOCS = Path(__file__).parents[2] / "docs"
# What each page prints at least, of calls to someone who answers and is soon gone.
PRINTED = {
    "guide/calls.md": "alice has answered\n.*CallEnd",
    "guide/agi.md": "Local/agi@test.* has the number 100\nSUCCESS",
    "guide/fleet.md": "pbx[12] Local/100@default",
    "reference/live.md": "Local/short@test.* DOWN",
    "guide/coming-from-pyst2.md": "Asterisk ",
    "guide/coming-from-asterisk-ami.md": "",
}


async def put_back(server: RealAsterisk) -> None:
    """Remove the member whom a page adds."""
    async with Manager.from_url(server.url) as mgr:
        await mgr.send(core.QueueRemove("PJSIP/alice", "sales"), check=False)


@pytest.mark.parametrize("page", PRINTED)
def test_programs_of_a_page_run(real_asterisk: RealAsterisk, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They end by themselves, and print what the page says; a Local channel stands for the telephone."""
    monkeypatch.setattr(url, "PORT", real_asterisk.port)
    text = (DOCS / page).read_text()
    programs = [
        program
        for program in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        if "127.0.0.1" in program and "asyncio.run(main())" in program and "FakeAsterisk" not in program
    ]
    assert programs
    with contextlib.redirect_stdout(io.StringIO()) as output:
        for program in programs:
            queue, phone = "QueueAdd", '"PJSIP/alice"'
            lines = [
                line if queue in line else line.replace(phone, '"Local/short@test/n"') for line in program.splitlines()
            ]
            exec(compile("\n".join(lines), page, "exec", dont_inherit=True), {"__name__": "program"})
    asyncio.run(put_back(real_asterisk))
    assert re.search(PRINTED[page], output.getvalue()), output.getvalue()
