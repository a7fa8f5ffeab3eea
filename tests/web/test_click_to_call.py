"""The page to be called from, in a browser."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from aioami.testing import FakeAsterisk

pytestmark = pytest.mark.asyncio(loop_scope="session")
PROGRAM = Path(__file__).parents[2] / "examples/click_to_call.py"


@pytest_asyncio.fixture(loop_scope="session")
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, fake: FakeAsterisk) -> AsyncIterator[Page]:
    """The page of the example, which runs in a process of its own."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROGRAM), "--phone", "Local/{}@test/n", "--context", "test", "--port", "0"),
        env={**os.environ, "AIOAMI_URL": fake.url},
        stderr=asyncio.subprocess.PIPE,
    )
    assert program.stderr is not None
    try:
        while b"running on" not in (line := await program.stderr.readline()):
            assert line
        opened = await browser.new_page()
        await opened.goto(line.decode().partition("running on ")[2].split()[0])
        yield opened
        await opened.close()
    finally:
        program.terminate()
        await program.wait()


async def steps(page: Page, phone: str, to: str, last: str) -> list[str]:
    """Call, wait for a step that has this text, and return all that are shown."""
    await page.fill("#phone", phone)
    await page.fill("#to", to)
    await page.click("#call")
    await page.locator("#steps li", has_text=last).wait_for(timeout=10_000)
    return await page.locator("#steps li").all_text_contents()


async def test_a_call_is_shown_step_by_step(page: Page, fake: FakeAsterisk) -> None:
    """The page shows the answer and the end of a call, refuses what is no number, and hangs up."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    assert (await steps(page, "wait", "short", "ended"))[-2:] == ["answered", "ended: answered, talked 0 s"]
    assert await steps(page, "a&b", "short", "letters") == ["a phone and a number are letters, digits, and . _ + -"]
    await steps(page, "wait", "echo", "answered")
    (call,) = {call.linkedid: call for call in fake.calls()}.values()
    await page.click("#end")
    await call.ended(within=5)
    assert not errors
