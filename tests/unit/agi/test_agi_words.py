"""What the errors of a session say, to whoever wrote its program."""

from __future__ import annotations

import pytest

from aioami import CommandFailed, Manager
from aioami.agi import AsyncAGI, FastAGI, Session
from aioami.testing import FakeAsterisk


@pytest.mark.parametrize("way", ["fastagi", "asyncagi"])
@pytest.mark.fake_asterisk(virtual_time=True)
async def test_a_file_that_is_missing_is_named(
    fake_asterisk: FakeAsterisk, ami_manager: Manager, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of several that are played it is the missing one; and a program without `async` says what it lacks."""
    said: list[str] = []

    async def menu(call: Session) -> None:
        await call.answer()
        with pytest.raises(CommandFailed) as caught:
            await call.play("beep", "nosuch")
        said.append(str(caught.value))

    fake_asterisk.missing_files.add("nosuch")
    async with FastAGI(menu, port=0) as server, AsyncAGI(ami_manager, menu):
        url = f"agi://127.0.0.1:{server.port}" if way == "fastagi" else "agi:async"
        fake_asterisk.add_extension("menu", f"AGI({url})", "Nosuch(1)")
        caller = fake_asterisk.incoming("PJSIP/trunk", to="menu")
        await caller.ended()
    assert [sentence.rpartition(" (")[2] for sentence in said] == ["file 'nosuch')"]
    assert "there is no application Nosuch" in caplog.text
