"""The three journeys of the architecture page, and the code that they lead through."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

import aioami
from aioami import ActionError, EventsLost, Manager, Reconnected, core, events
from aioami.testing import FakeAsterisk

ROOT: Final = Path(__file__).parents[3]
PACKAGE: Final = Path(aioami.__file__).parent

Call = tuple[str, str, str]  # the file of the caller, that of the function, and the function


@contextmanager
def calls() -> Iterator[list[Call]]:
    """Note each call of a function of ours, in their order."""
    found: list[Call] = []
    files: dict[str, str] = {}

    def name_of(path: str) -> str:
        if path not in files:
            ours = Path(path).is_relative_to(PACKAGE)
            files[path] = Path(path).relative_to(PACKAGE).as_posix() if ours else ""
        return files[path]

    def note(frame: FrameType, what: str, _: Any) -> None:
        if what == "call" and (file := name_of(frame.f_code.co_filename)):
            caller = name_of(frame.f_back.f_code.co_filename) if frame.f_back is not None else ""
            found.append((caller, file, frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)


def steps() -> list[tuple[str, str]]:
    """The file and the function of each step that the page names."""
    page = (ROOT / "docs/explanation/architecture.md").read_text()
    found = re.findall(r"^\| \d+ \| `([\w/]+\.py)` `([\w.]+)` \|", page, re.MULTILINE)
    assert len(found) == len(re.findall(r"^\| \d+ \|", page, re.MULTILINE)) > 30
    return found


async def test_the_journeys_lead_through_the_functions_that_the_page_names() -> None:
    """An answer, a refusal, a list, an event that is read, and a link that is lost and back: each step's function is called."""
    with calls() as found:
        async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
            await mgr.send(core.Ping())
            await mgr.send(core.QueueStatus("support"))
            with pytest.raises(ActionError):
                await mgr.send(core.Hangup("PJSIP/nobody-00000001"))
            with mgr.events(events.UserEvent, Reconnected, on_loss="raise") as stream:
                await mgr.send(core.UserEvent(UserEvent="Door"))
                assert (await asyncio.wait_for(stream.__anext__(), 10)).action_id
                for connection in list(fake.connections):
                    connection.drop()
                with pytest.raises(EventsLost):
                    await asyncio.wait_for(stream.__anext__(), 10)
                assert isinstance(await asyncio.wait_for(stream.__anext__(), 10), Reconnected)
    taken = {(file, function) for _, file, function in found}
    assert [f"{file} {name}" for file, name in steps() if (file, name.rpartition(".")[2]) not in taken] == []


async def test_an_action_enters_no_file_twice_on_its_way_out_nor_on_its_way_back() -> None:
    """From `send` to the bytes the modules of the client and the session are entered once each; its reply enters the session once."""
    async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
        await mgr.send(core.Ping())  # what is done once
        ping = core.Ping()
        with calls() as found:
            await mgr.send(ping)
    entered = [file for caller, file, _ in found if caller != file and file.startswith(("_client/", "_session/"))]
    back = entered.index("_client/connector.py")  # its reader gets the reply
    way = ("_client/manager.py", "_client/rights.py", "_client/link.py", "_client/connection.py", "_session/session.py")
    out = [file for file in entered[:back] if file in way]
    assert tuple(out) == way
    values = {"_session/pending.py", "_session/deadlines.py"}  # which hold what a step needs, and call nothing
    others = [file for file in entered[:back] if file not in way and file not in values]
    assert sorted(others) == sorted(set(others))
    # What goes on behind an `await` was entered before.
    assert [file for file in entered[back:] if file in way][:2] == ["_client/connection.py", "_session/session.py"]
