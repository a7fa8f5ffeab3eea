"""Takes the pictures of the documentation: the dashboard of an invented office, wide and narrow, light and dark.

python -m tests.web.pictures FOLDER
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from examples.dashboard.settings import ONE, Settings
from examples.dashboard.traffic import keep_calling, office
from examples.dashboard.users import Users, hash_password
from playwright.async_api import Browser, Page, expect
from tests.web.conftest import PASSWORD, USER, a_browser, log_in, served

from aioami import Manager, core
from aioami.testing import FakeFleet

PICTURES = (
    ("dashboard-wide", 1280, 860, "light"),
    ("dashboard-dark", 1280, 860, "dark"),
    ("dashboard-narrow", 390, 844, "light"),
)
WARM_UP = 90.0  # seconds in which calls come and are answered
FLEET_WARM_UP = 20.0  # ... on several servers


async def opened(browser: Browser, address: str, width: int, height: int, scheme: str) -> Page:
    """The page, logged in, in a window of that size."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await log_in(page, address)
    await expect(page.locator("#link")).to_have_attribute("data-state", "up", timeout=15_000)
    return page


async def main(folder: Path) -> None:
    """Take them all."""
    folder.mkdir(parents=True, exist_ok=True)
    random.seed(11)
    async with office() as fake, a_browser() as browser:
        settings = Settings(servers={ONE: fake.url}, users=Users({USER: hash_password(PASSWORD)}), dial="PJSIP/{}")
        async with served(settings) as address, Manager.from_url(fake.url) as mgr:
            await mgr.send(core.QueuePause("PJSIP/hedy", True, reason="lunch"))
            calling = asyncio.create_task(keep_calling(fake, pause=7, first=4))
            pages = [(name, await opened(browser, address, *size)) for name, *size in PICTURES]
            await asyncio.sleep(WARM_UP - 8)
            for phone, number in (("kurt", "lise"), ("ada", "support")):
                await pages[0][1].get_by_label("Your phone").fill(phone)
                await pages[0][1].get_by_label("Number").fill(number)
                await pages[0][1].get_by_role("button", name="Call", exact=True).click()
                await asyncio.sleep(4)
            for name, page in pages:
                await page.screenshot(path=folder / f"{name}.png")
            calling.cancel()
        await many_servers(folder, browser)


async def many_servers(folder: Path, browser: Browser) -> None:
    """Take the picture of a fleet, one of whose servers is away."""
    async with FakeFleet({name: office() for name in ("berlin", "paris", "oslo")}) as fakes:
        settings = Settings(servers=fakes.urls, users=Users({USER: hash_password(PASSWORD)}), dial="PJSIP/{}")
        async with served(settings) as address:
            page = await opened(browser, address, *PICTURES[0][1:])
            calling = [asyncio.create_task(keep_calling(fake, pause=7, first=2)) for fake in fakes.values()]
            await asyncio.sleep(FLEET_WARM_UP)
            await fakes["paris"].stop()
            await expect(page.locator("#servers .why")).not_to_be_empty()
            await page.screenshot(path=folder / "dashboard-fleet.png")
            for task in calling:
                task.cancel()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
