"""The dashboard's page in a real browser, on a real Asterisk."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from examples.dashboard.settings import ONE, Settings
from examples.dashboard.users import Users
from playwright.async_api import Browser, Page, expect
from tests.soak.load import Keeper
from tests.web.conftest import PASSWORD, USER, log_in, served, wrong_boxes

from aioami import Manager, core
from aioami.testing import FakeFleet

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]  # the loop of the browser


@pytest_asyncio.fixture(loop_scope="session")
async def address(keeper: Keeper, users: Users) -> AsyncIterator[str]:
    """Where the dashboard is."""
    settings = Settings(servers={ONE: keeper.server.url}, users=users, dial="Local/{}@office/n", context="office")
    async with served(settings) as found:
        yield found
    async with Manager.from_url(keeper.server.url) as mgr:
        await mgr.send(core.Hangup("/^.*/"), check=False)


@contextlib.asynccontextmanager
async def opened(browser: Browser, address: str) -> AsyncIterator[Page]:
    """The page, logged in and live; an error in its program fails the test."""
    context = await browser.new_context()
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None)
    await context.request.post(f"{address}/login", data={"user": USER, "password": PASSWORD})
    await page.goto(address)
    await expect(page.locator("#link")).to_have_attribute("data-state", "up", timeout=15_000)
    yield page
    await context.close()
    assert not wrong


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, address: str) -> AsyncIterator[Page]:
    """The page that most tests look at."""
    async with opened(browser, address) as page:
        yield page


async def place(page: Page, phone: str, number: str) -> None:
    """Fill in the form for a call, and send it."""
    await page.get_by_label("Your phone").fill(phone)
    await page.get_by_label("Number").fill(number)
    await page.get_by_role("button", name="Call", exact=True).click()


async def end_call(page: Page) -> None:
    """End a call by its button, and the answer to the question."""
    await page.get_by_role("button", name="End call").first.click()
    await page.get_by_role("dialog").get_by_role("button", name="End it").click()


async def test_a_call_from_its_begin_to_its_end(page: Page) -> None:
    """A call that the form places appears, rings, is answered, is told so, is hung up by the button, and vanishes."""
    call = page.locator("article.call")
    await expect(page.get_by_text("Nobody is on the phone.")).to_be_visible()
    await place(page, "slow", "quick")
    await expect(call).to_have_attribute("data-phase", "ringing")
    outcome = page.locator("#placed li").first
    await expect(outcome).to_have_attribute("data-outcome", "calling")
    await expect(outcome).to_have_attribute("data-outcome", "answered")
    await expect(outcome).to_contain_text("slow → quick")
    await expect(call).to_have_attribute("data-phase", "other")
    await expect(page.locator("#feed")).to_contain_text("OriginateResponse")
    await expect(page.locator("#count-calls")).to_have_text("1")
    await end_call(page)
    await expect(call).to_have_count(0)
    await expect(page.locator("#feed")).to_contain_text("Hangup")


async def test_a_call_that_is_not_answered(page: Page) -> None:
    """The outcome of a call that nobody takes is told, and a number that cannot be dialled is refused."""
    await place(page, "engaged", "quick")
    await expect(page.locator("#placed li").first).to_contain_text("busy", timeout=15_000)
    for phone, number, wrong in (
        ("quick", "1@internal/n", "Number: at most 40"),
        ("", "quick", "Your phone: say whom to call"),
        ("ada lovelace", "quick", "Your phone: a number or a name as ada, or a telephone as PJSIP/ada"),
    ):
        await place(page, phone, number)
        await expect(page.locator("#place-problem")).to_contain_text(wrong)
        await expect(page.locator("#place [aria-invalid]")).to_have_count(1)


async def test_a_transfer(page: Page) -> None:
    """One leg of a call is sent elsewhere by its button."""
    await place(page, "quick", "quick")
    await expect(page.locator("article.call .leg")).to_have_count(2)
    leg = page.locator("article.call .leg").first
    await leg.hover()
    await leg.get_by_role("button", name="Transfer").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("To").fill("elsewhere")
    await dialog.get_by_role("button", name="Transfer").click()
    await expect(page.locator("article.call").get_by_text("MusicOnHold")).to_be_visible()
    await leg.hover()
    await leg.get_by_role("button", name="Hang up").click()
    await page.get_by_role("dialog").get_by_role("button", name="Hang up").click()
    await expect(page.locator("article.call")).to_have_count(0)


async def test_a_queue(page: Page, keeper: Keeper) -> None:
    """A caller who waits is shown in the queue with a time that runs; a member comes, is paused, and goes."""
    queue = page.locator("[data-queue=empty]")
    await place(page, "hold", "quick")
    await expect(queue.locator(".caller")).to_have_count(1)
    await expect(page.locator("#count-waiting")).to_have_text("1")
    await expect(page).to_have_title("(1) Switchboard")
    first = await queue.locator(".since").inner_text()
    await expect(queue.locator(".since")).not_to_have_text(first)
    async with Manager.from_url(keeper.server.url) as mgr:
        await mgr.send(core.QueueAdd("Local/slow@office/n", "empty", "Grace", paused=True))
        await expect(queue.locator(".member")).to_contain_text("Grace")
        await expect(queue.locator(".member")).to_have_attribute("data-state", "paused")
        await mgr.send(core.QueueRemove("Local/slow@office/n", "empty"))
    await expect(queue.locator(".member")).to_have_count(0)
    await end_call(page)
    await expect(queue.locator(".caller")).to_have_count(0)


async def test_any_byte_may_be_dialled(page: Page, keeper: Keeper) -> None:
    """A call whose number, names and ids have a byte that is no UTF-8 is shown, transferred and ended as any other."""
    call = page.locator("article.call")
    odd = core.Originate_Application(
        *("Local/12\udce9@office/n", "Wait", ("600",)), callerid="caf\udce9 <12\udce9>", channel_id="odd-\udce9"
    )
    async with Manager.from_url(keeper.server.url) as mgr:
        assert (await (await mgr.send(odd)).outcome(timeout=10)).success
    await expect(call).to_contain_text(r"caf\xe9")
    await expect(call).to_contain_text(r"Local/12\xe9@office")
    await expect(page.locator("#feed")).to_contain_text(r"Local/12\xe9@office")
    leg = page.locator(r"article.call .leg[data-channel='odd-\\xe9']")
    await leg.hover()
    await leg.get_by_role("button", name="Transfer").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("To").fill("elsewhere")
    await dialog.get_by_role("button", name="Transfer").click()
    await expect(leg).to_contain_text("MusicOnHold")
    await end_call(page)
    await expect(call).to_have_count(0)
    await place(page, "quick", "quick")
    await expect(page.locator("#placed li").first).to_have_attribute("data-outcome", "answered")


async def test_a_server_that_is_restarted(browser: Browser, keeper: Keeper, users: Users) -> None:
    """The page says that the link is down, and is right again after Asterisk was restarted, without a reload."""
    url = f"{keeper.server.url}?timeout=2"  # for so long a call waits for the link
    settings = Settings(servers={ONE: url}, users=users, dial="Local/{}@office/n", context="office")
    async with served(settings) as address, opened(browser, address) as page:
        await page.evaluate("window.marker = 'the same page'")
        await place(page, "quick", "quick")
        await expect(page.locator("article.call")).to_have_count(1)
        await keeper.do(keeper.server.terminate)
        await expect(page.locator("#link")).to_have_attribute("data-state", "down")
        await expect(page.get_by_role("status")).to_contain_text("There is no link to Asterisk")
        await place(page, "quick", "quick")
        await expect(page.locator("#place-problem")).to_contain_text("not sent", timeout=15_000)
        await keeper.do(keeper.server.start)
        await expect(page.locator("#link")).to_have_attribute("data-state", "up", timeout=40_000)
        await expect(page.locator("article.call")).to_have_count(0)
        await expect(page.get_by_role("status")).to_be_hidden()
        await place(page, "quick", "quick")
        await expect(page.locator("article.call")).to_have_count(1)
        assert await page.evaluate("window.marker") == "the same page"
        await end_call(page)
        await expect(page.locator("article.call")).to_have_count(0)


async def test_a_fleet(browser: Browser, users: Users) -> None:
    """Each thing has its server's badge; one server alone may be looked at and called on; one that is away is grey and says why."""
    async with FakeFleet(["pbx1", "pbx2"], answer_seconds=0.01, talk_seconds=None) as fakes:
        settings = Settings(servers=fakes.urls, users=users, dial="PJSIP/{}", context="test")
        async with served(settings) as address, opened(browser, address) as page:
            first, second = page.get_by_role("button", name="pbx1"), page.get_by_role("button", name="pbx2")
            calls, queues = page.locator("article.call"), page.locator("article.queue")
            await expect(second).to_contain_text("live")
            await expect(page.locator("[data-queue=support] .badge")).to_have_text(["pbx1", "pbx2"])
            for fake in fakes.values():
                fake.phone("PJSIP/ada")
            await page.get_by_role("combobox", name="Server").select_option("pbx2")
            await place(page, "ada", "wait")
            await expect(calls).to_have_count(1)
            await expect(calls.locator("> header .badge")).to_have_text("pbx2")
            await expect(page.locator("#placed li")).to_contain_text("pbx2")
            fakes["pbx1"].incoming("PJSIP/trunk", to="hold@test", caller="Grace <12>")
            await expect(calls).to_have_count(2)
            count = await queues.count()
            await first.click()
            await expect(calls).to_have_count(1)
            await expect(calls).to_contain_text("Grace")
            await expect(queues).to_have_count(count // 2)
            await expect(page.locator("#count-calls")).to_have_text("1")
            await expect(page.get_by_role("combobox", name="Server")).to_have_value("pbx1")
            await first.click()
            await expect(calls).to_have_count(2)

            await fakes["pbx2"].stop()
            await expect(second).to_contain_text("no link since")
            await expect(second.locator(".why")).not_to_be_empty()
            await expect(page.locator("#link")).to_have_text("1 of 2 live")
            await expect(page.get_by_role("status")).to_be_hidden()
            away = page.locator("article.call.away")
            await expect(away.locator("> header .badge")).to_have_text("pbx2")
            await expect(page.locator("article.queue.away")).to_have_count(count // 2)
            await expect(page.locator("#count-calls")).to_have_text("1")
            await second.click()
            await expect(page.get_by_role("status")).to_contain_text("There is no link to pbx2")
            await second.click()
            await calls.and_(page.locator(":not(.away)")).get_by_role("button", name="End call").click()
            await page.get_by_role("dialog").get_by_role("button", name="End it").click()
            await expect(calls).to_have_count(1)
            assert fakes["pbx1"].sent("Hangup")
            await fakes["pbx2"].start()
            await expect(second).to_contain_text("live", timeout=15_000)
            await expect(page.locator(".away")).to_have_count(0)
            assert not await wrong_boxes(page)


async def test_several_browsers_and_one_connection(page: Page, browser: Browser, address: str, keeper: Keeper) -> None:
    """Another browser sees the same call, and Asterisk has one session for both."""
    other = await (await browser.new_context()).new_page()
    await log_in(other, address)
    await place(page, "quick", "quick")
    for each in (page, other):
        await expect(each.locator("article.call")).to_have_count(1)
        await expect(each.locator("#placed li").first).to_have_attribute("data-outcome", "answered")
    connected = await keeper.cli("manager show connected")
    assert "1 users connected" in connected
    await other.get_by_role("button", name="Log out").click()
    await expect(other).to_have_url(f"{address}/login")
    await expect(page.locator("article.call")).to_have_count(1)


async def test_a_login_is_needed(browser: Browser, address: str) -> None:
    """Without a session there is the form alone; a wrong password says so, and after five of them one has to wait."""
    page = await browser.new_page()
    await page.goto(address)
    await expect(page).to_have_url(f"{address}/login")
    for _ in range(5):
        await log_in(page, address, "wrong password")
        await expect(page.get_by_role("alert")).to_have_text("Sorry: the name or the password is wrong.")
    await log_in(page, address)
    await expect(page.get_by_role("alert")).to_have_text("Sorry: too many attempts; wait a minute.")


async def test_another_site_is_refused(page: Page, address: str) -> None:
    """A page of another origin can place no call with the user's session, and neither can ours without its token."""
    ask = """async () => (await fetch("/api/calls", {
        method: "POST", headers: {"Content-Type": "application/json"}, body: '{"phone": "quick", "number": "quick"}',
    })).status"""
    assert await page.evaluate(ask) == 403
    trap = f"""<form method="post" enctype="text/plain" action="{address}/api/calls">
        <input name='{{"phone": "quick", "number": "quick", "x": "' value='"}}'></form>"""
    other = await page.context.new_page()
    await other.route("http://evil.test/", lambda route: route.fulfill(body=trap, content_type="text/html"))
    await other.goto("http://evil.test/")
    async with other.expect_response(f"{address}/api/calls") as answer:
        await other.evaluate("document.forms[0].submit()")
    assert (await answer.value).status in (401, 403)
    await expect(page.locator("article.call")).to_have_count(0)
    await expect(page.locator("#placed li")).to_have_count(0)
