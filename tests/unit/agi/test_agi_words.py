"""What the errors of a session say, to whoever wrote its program."""

from __future__ import annotations

import pytest

from aioami import CommandFailed, Manager, TakenAway
from aioami.agi import AsyncAGI, FastAGI, Session
from aioami.testing import FakeAsterisk


@pytest.mark.parametrize("way", ["fastagi", "asyncagi"])
@pytest.mark.fake_asterisk(virtual_time=True)
async def test_what_a_session_raises_names_the_channel_and_the_file(
    fake_asterisk: FakeAsterisk, ami_manager: Manager, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of several that are played it is the missing one; and each error begins with the channel, as a program serves many."""
    said: list[str] = []

    async def menu(call: Session) -> None:
        await call.answer()
        with pytest.raises(CommandFailed) as caught:
            await call.play("beep", "nosuch")
        said.append(str(caught.value))
        await call.leave()
        with pytest.raises(TakenAway) as over:
            await call.answer()
        said.append(str(over.value))

    fake_asterisk.missing_files.add("nosuch")
    async with FastAGI(menu, port=0) as server, AsyncAGI(ami_manager, menu):
        url = f"agi://127.0.0.1:{server.port}" if way == "fastagi" else "agi:async"
        fake_asterisk.add_extension("menu", f"AGI({url})", "Nosuch(1)")
        caller = fake_asterisk.incoming("PJSIP/trunk", to="menu")
        await caller.ended()
    failed, over = said
    assert failed.endswith(" (file 'nosuch')")
    assert failed.startswith("PJSIP/trunk-00000000: ")
    assert over.startswith("PJSIP/trunk-00000000: the ")
    assert "there is no application Nosuch" in caplog.text


@pytest.mark.parametrize("way", ["fastagi", "asyncagi"])
@pytest.mark.fake_asterisk(virtual_time=True)
async def test_a_file_that_is_named_with_its_extension(
    fake_asterisk: FakeAsterisk, ami_manager: Manager, way: str
) -> None:
    """Asterisk adds the extension, so such a file is missing, on the fake server too; the error says why."""
    said: list[str] = []

    async def menu(call: Session) -> None:
        await call.answer()
        with pytest.raises(CommandFailed) as caught:
            await call.play("hello-world.wav")
        said.append(str(caught.value))

    async with FastAGI(menu, port=0) as server, AsyncAGI(ami_manager, menu):
        url = f"agi://127.0.0.1:{server.port}" if way == "fastagi" else "agi:async"
        fake_asterisk.add_extension("menu", f"AGI({url})")
        caller = fake_asterisk.incoming("PJSIP/trunk", to="menu")
        await caller.ended()
    assert said[0].endswith(" (file 'hello-world.wav', which Asterisk looks for without its extension)")
