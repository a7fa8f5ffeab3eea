"""The boxes of each page, in windows narrow and wide: nothing leaves its card, nothing overlaps, no text is cut."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from examples.dashboard.settings import ONE, Settings
from examples.dashboard.users import Users
from playwright.async_api import Browser, Page, expect
from tests.web.conftest import log_in, served, wrong_boxes

from aioami import Manager, core
from aioami.testing import FakeAsterisk, FakeFleet

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

# Words that are longer than a narrow window, and names as people have them.
LONG = "Wolfeschlegelsteinhausenbergerdorff-Welchevoralternwarengewissenhaft"
EXTENSIONS = """
[default]
exten => _[a-z].,1,Dial(PJSIP/${EXTEN},60)
exten => _X.,1,Answer()
 same => n,Queue(support)
exten => room,1,ConfBridge(a-room-that-has-a-name-as-long-as-this)
exten => lot,1,Park()
"""
QUEUES = f"""
[general]
[support]
strategy = leastrecent
member => PJSIP/grace,0,Grace Brewster Murray Hopper
member => PJSIP/hedy,1,{LONG}
member => PJSIP/{LONG.lower()},1,Alan
[{LONG.lower()}]
strategy = ringall
"""
PJSIP = f"""
[{LONG.lower()}]
type = endpoint
aors = {LONG.lower()}
[{LONG.lower()}]
type = aor
contact = sip:{LONG.lower()}@[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:50600
[hedy]
type = endpoint
[provider]
type = registration
server_uri = sip:{LONG.lower()}.provider.example:5061
client_uri = sip:a@b
"""
VOICEMAIL = """
[default]
1234567890123456789012345678901234567890 => 1,Ada
"""


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """One window, without what moves."""
    context = await browser.new_context(reduced_motion="reduce")
    yield await context.new_page()
    await context.close()


@contextlib.asynccontextmanager
async def dashboard(users: Users, files: dict[str, str]) -> AsyncIterator[tuple[FakeAsterisk, str]]:
    """A dashboard on a server with these files, and its address."""
    async with (
        FakeAsterisk(files=files, answer_seconds=0.01, talk_seconds=None) as fake,
        served(Settings(servers={ONE: fake.url}, users=users, dial="PJSIP/{}")) as address,
    ):
        yield fake, address


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ('<div style="width: 300px">well</div>', None),
        ('<div style="width: 3000px">wide</div>', "leaves the window"),
        ('<div style="width: 100px"><p style="width: 120px">out</p></div>', "p leaves div by 20 px at the right"),
        (
            '<div style="width: 100px; white-space: nowrap">there is no place for it</div>',
            '"there is no place for it" leaves div',
        ),
        ('<p style="width: 50px; overflow: hidden; white-space: nowrap">no place for it</p>', "is cut"),
        ('<p style="height: 20px; overflow: hidden">one<br>two</p>', "px too high"),
        ('<p style="width: 3em; overflow-wrap: anywhere">Katherine</p>', 'the word "Katherine" is broken'),
        ("<p>one</p><p style='margin-top: -2em'>two</p>", '"one" and p "two" overlap'),
        ("<label>one <input style='position: relative; left: -20px'></label>", 'input and label "one" overlap'),
        ('<input style="width: 50px" placeholder="no place for it">', "the placeholder"),
    ],
)
async def test_what_is_wrong_is_seen(page: Page, body: str, finding: str | None) -> None:
    """The measure itself: each fault is found and named, and what is well is not."""
    await page.set_content(f"<!doctype html><body>{body}")
    found = await wrong_boxes(page)
    if finding is None:
        assert found == {}
    else:
        assert all(any(finding in sentence for sentence in sentences) for sentences in found.values()), found
        assert found


class Looks:
    """What is wrong with the boxes in each state of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []

    async def at(self, state: str) -> None:
        """Look at it as it is now, which is called so."""
        for width, sentences in (await wrong_boxes(self.page)).items():
            self.wrong += [f"{state}, {width} px: {sentence}" for sentence in sentences]

    def check(self) -> None:
        """Fail if anything was wrong."""
        if self.wrong:
            pytest.fail("\n".join(self.wrong), pytrace=False)


async def opened(page: Page, address: str) -> None:
    """Log in, and wait until all is there."""
    await log_in(page, address)
    await expect(page.locator("#link")).to_have_attribute("data-state", "up", timeout=15_000)


async def test_the_login_page(page: Page, users: Users) -> None:
    """The form, and the form with each of its problems."""
    looks = Looks(page)
    async with dashboard(users, {}) as (_, address):
        await page.goto(f"{address}/login")
        await looks.at("form")
        for attempt in range(6):
            await log_in(page, address, "wrong password")
            await expect(page.get_by_role("alert")).to_contain_text("wrong" if attempt < 5 else "wait")
            if attempt in (0, 5):
                await looks.at(f"problem {attempt}")
    looks.check()


async def test_an_empty_office(page: Page, users: Users) -> None:
    """Nobody calls, and there are no queues."""
    looks = Looks(page)
    async with dashboard(users, {"queues.conf": "[general]\n"}) as (_, address):
        await opened(page, address)
        await expect(page.get_by_text("There are no queues.")).to_be_visible()
        await expect(page.get_by_text("Nobody is on the phone.")).to_be_visible()
        for sentence in ("No call is parked.", "Nobody is in a conference.", "No call has ended since this began."):
            await expect(page.get_by_text(sentence)).to_be_visible()
        await looks.at("empty")
    looks.check()


async def test_many_offices(page: Page, users: Users) -> None:
    """Servers with long names and the same things, one of them away, and each of them alone."""
    looks = Looks(page)
    names = ["pbx1", LONG.lower(), f"{LONG.lower()}.example", *(f"pbx{number}" for number in range(3, 9))]
    files = {"extensions.conf": EXTENSIONS, "queues.conf": QUEUES, "pjsip.conf": PJSIP, "voicemail.conf": VOICEMAIL}
    async with (
        FakeFleet(names, files=files, answer_seconds=0.01, talk_seconds=None) as fakes,
        served(Settings(servers=fakes.urls, users=users, dial="PJSIP/{}")) as address,
    ):
        await opened(page, address)
        for name in names[:3]:
            fake = fakes[name]
            for phone in ("ada", "emmy"):
                fake.phone(f"PJSIP/{phone}")
            for phone in ("grace", "hedy", LONG.lower()):
                fake.phone(f"PJSIP/{phone}").set(answer_after=None)
            for caller in (f'"{LONG}" <{"4" * 40}>', '"Ada Lovelace" <+4930123456>'):
                fake.incoming("PJSIP/trunk", to="100", caller=caller)
                fake.incoming("PJSIP/trunk", to="room", caller=caller)
                fake.incoming(f"PJSIP/{LONG}", to="lot", caller=caller)
                await fake.incoming("PJSIP/trunk", to="emmy", caller=caller).hang_up()
        await page.get_by_role("combobox", name="Server").select_option(names[1])
        await page.get_by_label("Your phone").fill("ada")
        await page.get_by_role("textbox", name="Number").fill("x" * 40)
        await page.get_by_role("button", name="Call", exact=True).click()
        await expect(page.locator("#placed li .badge")).to_have_text(names[1])
        await expect(page.locator("#servers > li")).to_have_count(len(names))
        for part, count in (("endpoints", 18), ("parking", 6), ("conferences", 3), ("mailboxes", 9), ("ended", 7)):
            await expect(page.locator(f"#{part} > li:has(.badge)")).to_have_count(count)
        await expect(page.locator(".caller")).to_have_count(6)
        await looks.at("servers")
        await fakes[names[1]].stop()
        await expect(page.locator("#servers .why")).not_to_be_empty()
        await expect(page.locator("article.call.away")).not_to_have_count(0)
        await looks.at("one is away")
        await page.locator(".server", has_text="no link").click()
        await expect(page.get_by_role("status")).to_contain_text("There is no link to")
        await looks.at("the one that is away, alone")
    looks.check()


async def test_a_busy_office(page: Page, users: Users) -> None:
    """Calls in each phase, queues with callers and members, events, what the forms say, and a link that is lost."""
    looks = Looks(page)
    files = {"extensions.conf": EXTENSIONS, "queues.conf": QUEUES, "pjsip.conf": PJSIP, "voicemail.conf": VOICEMAIL}
    async with dashboard(users, files) as (fake, address), Manager.from_url(fake.url) as mgr:
        for member in ("grace", "hedy", LONG.lower()):
            await mgr.send(core.QueuePause(f"PJSIP/{member}", True, reason=f"lunch with {LONG}"))
        await opened(page, address)
        for phone in ("kurt", "lise"):
            fake.phone(f"PJSIP/{phone}").set(answer_after=None)
        fake.phone("PJSIP/engaged").set(refuses="busy")
        for phone in ("ada", "emmy"):
            fake.phone(f"PJSIP/{phone}")
        for caller in (f'"{LONG}" <{"4" * 40}>', '"Ada Lovelace" <+4930123456>', "<12\udce9>", ""):
            fake.incoming("PJSIP/trunk", to="100", caller=caller)
            fake.incoming("PJSIP/trunk", to="emmy", caller=caller)
            fake.incoming("PJSIP/trunk", to="kurt", caller=caller)
        fake.incoming(f"PJSIP/{LONG}", to=LONG.lower(), caller=f'"{LONG} {LONG}" <1>')
        for phone, number in (("ada", "100"), ("lise", "100"), ("engaged", "x" * 40)):
            await page.get_by_label("Your phone").fill(phone)
            await page.get_by_label("Number").fill(number)
            await page.get_by_role("button", name="Call", exact=True).click()
        await fake.send_event(f"Odd{LONG[:30]}", {"Channel": LONG, LONG[:40]: LONG})
        await expect(page.locator("#placed li")).to_have_count(3)
        await expect(page.locator("#placed")).to_contain_text("busy")
        await expect(page.locator(".caller")).to_have_count(5)
        await expect(page.locator("#feed")).to_contain_text("OddWolfe")
        for caller in (f'"{LONG}" <{"4" * 40}>', '"Ada Lovelace" <+4930123456>'):
            fake.incoming("PJSIP/trunk", to="room", caller=caller)
            fake.incoming(f"PJSIP/{LONG}", to="lot", caller=caller)
            gone = fake.incoming("PJSIP/trunk", to=LONG.lower(), caller=caller)
            await gone.hang_up()
        for part, count in (
            ("endpoints", 2),
            ("conferences", 1),
            ("parking", 2),
            ("mailboxes", 1),
            ("registrations", 1),
        ):
            await expect(page.locator(f"#{part} > li")).to_have_count(count)
        await expect(page.locator("#ended > li")).not_to_have_count(0)
        await looks.at("calls")
        await page.locator("#feed summary", has_text="OddWolfe").click()
        await looks.at("an event")
        await page.get_by_role("button", name="Pause").click()
        await page.get_by_placeholder("Filter").fill("nothing has this")
        await expect(page.get_by_text("has “nothing has this”")).to_be_visible()
        await looks.at("no event")

        await page.locator(".call .leg", has_text=LONG).first.get_by_role("button", name="Transfer").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await looks.at("transfer")
        await page.get_by_role("button", name="Cancel").click()

        refusal = [("Response", "Error"), ("Message", f"Permission denied {LONG}")]
        for action in ("Originate", "Hangup"):
            fake.reply_to(action, refusal, times=1)
        await page.get_by_role("button", name="Call", exact=True).click()
        await expect(page.locator("#place-problem")).to_contain_text("denied")
        await page.get_by_role("button", name="Hang up").first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await looks.at("a question")
        await page.get_by_role("dialog").get_by_role("button", name="Hang up").click()
        await expect(page.locator("#toast")).to_contain_text("denied")
        await looks.at("refused")
        await fake.stop()
        await expect(page.get_by_role("status")).to_contain_text("There is no link to Asterisk")
        await looks.at("no link")
    looks.check()
