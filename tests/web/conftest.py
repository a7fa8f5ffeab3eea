"""The dashboard on a port of its own, and a browser that looks at it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from examples.dashboard.app import create_server
from examples.dashboard.settings import Settings
from examples.dashboard.users import Users, hash_password
from playwright.async_api import Browser, Page, async_playwright
from tests.soak.load import Keeper

from aioami.testing.real import RealAsterisk

USER, PASSWORD = "ada", "correct horse battery"
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

# A phone that rings for a while, one that is answered, one that is busy, and a place for transfers.
OFFICE = """
[office]
exten => slow,1,Ringing()
 same => n,Wait(1.5)
 same => n,Answer()
 same => n,Wait(600)
exten => quick,1,Answer()
 same => n,Wait(600)
exten => engaged,1,Busy(2)
exten => elsewhere,1,Answer()
 same => n,MusicOnHold()
exten => _12.,1,Answer()
 same => n,Wait(600)
exten => hold,1,Answer()
 same => n,Queue(empty)
"""

WIDTHS = (320, 390, 800, 901, 1280, 1440, 2560)  # pixels
BOXES = Path(__file__).with_name("boxes.js").read_text()
# What has just appeared slides into its place for a moment.
SETTLED = "() => document.getAnimations().filter(a => a.animationName === 'appear').forEach(a => a.finish())"


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Let a password cost next to nothing: a login takes half a second of the processor otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("examples.dashboard.users._COST", {"n": 2**4, "r": 8, "p": 1})
        yield


@pytest.fixture(scope="session")
def kept() -> str:
    """What is kept of the password."""
    return hash_password(PASSWORD)


@pytest.fixture
def users(kept: str) -> Users:
    """One user."""
    return Users({USER: kept})


@pytest.fixture(scope="module")
def keeper(real_asterisk: RealAsterisk) -> Iterator[Keeper]:
    """A private server with the office in its dialplan, and who starts and ends it."""
    server = RealAsterisk(real_asterisk.installation)
    server.configure()
    with (server.directory / "etc/extensions.conf").open("a") as dialplan:
        dialplan.write(OFFICE)
    with Keeper(server) as running:
        yield running


@contextlib.asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[str]:
    """Serve the dashboard, and give its address."""
    server = create_server(settings, 0)
    serving = asyncio.ensure_future(server._serve())  # without its signal handlers
    while not server.started:
        await asyncio.sleep(0.01)
        if serving.done():
            await serving
    try:
        yield server.address
    finally:
        server.should_exit = True
        await serving


def chromium() -> str:
    """Where Chromium is."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail("there is no chromium: `make web` installs it, or CHROMIUM says where it is")
    return found


@contextlib.asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for the whole run; the tests with it share its event loop."""
    async with a_browser() as running:
        yield running


async def wrong_boxes(page: Page) -> dict[int, list[str]]:
    """What is wrong with the boxes of a page, by the width of its window; empty if all is well."""
    found: dict[int, list[str]] = {}
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.evaluate(SETTLED)
        if wrong := await page.evaluate(BOXES):
            found[width] = wrong
    return found


async def log_in(page: Page, address: str, password: str = PASSWORD) -> None:
    """Log in by the form."""
    await page.goto(f"{address}/login")
    await page.get_by_label("Name").fill(USER)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()
