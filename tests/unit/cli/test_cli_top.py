"""`aioami top`: what its screen shows, and what its keys do."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Static

from aioami import ConnectionLost, Fleet, Manager, core
from aioami.cli.screen.rows import Row, details, matching, queue_rows
from aioami.cli.screen.top import PARTS, Details, Question, Table, Top
from aioami.fleet import FleetLive
from aioami.live import Live
from aioami.testing import FakeAsterisk, FakeFleet

from ..live.test_parts import LISTS, lists
from .test_cli import run

pytestmark = pytest.mark.fake_asterisk(virtual_time=True)


@dataclass
class Screen:
    """The screen, with what a test wants of it."""

    top: Top
    live: Live
    pilot: Pilot[None]

    def shown(self, table: str) -> list[list[str]]:
        """The cells of a table, as text, which is turned to if it is not seen."""
        if self.top.query_one(f"#{table}").has_class("turned-away"):
            self.top.turn_to(table)
        if not self.top.paused:
            self.top.show()
        rows = self.top.query_one(f"#{table}", Table).rows_shown
        return [[cell.plain.strip() for cell in row.cells] for row in rows]

    @property
    def status(self) -> str:
        """The first line."""
        return str(self.top.query_one("#status", Static).content)

    async def until(self, condition: Callable[[], object]) -> None:
        """Show what is there again and again, until something holds."""
        for _ in range(400):
            self.top.show()
            await self.pilot.pause(0.01)
            if condition():
                return
        raise AssertionError(f"{self.status}\n{self.top.export_screenshot()}")

    async def press(self, *keys: str) -> None:
        """Press keys, and let the screen have its turn."""
        await self.pilot.press(*keys)
        await self.pilot.pause()


@contextlib.asynccontextmanager
async def screen(fake: FakeAsterisk, size: tuple[int, int] = (150, 45)) -> AsyncIterator[Screen]:
    """A screen that follows a server."""
    async with Manager.from_url(fake.url) as mgr, Live(mgr, parts=PARTS, wait=False) as live:
        top = Top(mgr, live, "admin@fake")
        async with top.run_test(size=size) as pilot:
            made = Screen(top, live, pilot)
            await made.until(lambda: live.synced and top.query(Table))
            yield made


async def test_what_is_shown(fake: FakeAsterisk) -> None:
    """Channels with their states and partners, queues with callers and members, bridges, and
    events are there, and go again.
    """
    async with screen(fake) as at:
        assert "admin@fake ready" in at.status
        call = fake.incoming("PJSIP/trunk", to="support@queues", caller='"Ada" <555>')
        await call.waits(20)
        await at.until(
            lambda: any(row[1:3] == ["Ada <555>", "waits"] for row in at.shown("queues")),
        )
        assert "1 waiting" in at.status
        assert ["support", "ringall", "1 waiting"] in [row[:3] for row in at.shown("queues")]
        await call.answered_by("PJSIP/agent1")
        await at.until(lambda: at.shown("bridges"))
        await at.until(lambda: "2 channels in 1 calls   0 waiting" in at.status)
        (trunk, agent) = at.shown("channels")
        assert (trunk[:2], trunk[3]) == (["PJSIP/trunk-00000000", "up"], "Ada <555>")
        assert trunk[4] == agent[0].removeprefix("└ ")
        member = ["●", "Agent One (PJSIP/agent1)", "in call"]
        assert member in [row[:3] for row in at.shown("queues")]
        assert "AgentConnect" in [row[1] for row in at.shown("events")]
        await call.hang_up()
        await at.until(lambda: not at.shown("channels"))
        assert not at.shown("bridges")
        served = ["support", "ringall", "nobody waits", "", "1 served, 0 gave up"]
        await at.until(lambda: served in at.shown("queues"))  # the counts are asked for a little later


async def test_a_filter(fake: FakeAsterisk) -> None:
    """A text or a pattern narrows all tables, also while it is typed; Escape takes it away."""
    async with screen(fake) as at:
        for name in ("alice", "bob"):
            await fake.incoming(f"PJSIP/{name}", to="hold@test").waits(1)
        await at.until(lambda: len(at.shown("channels")) == 2)
        await at.press("slash", *"ALI")
        await at.until(lambda: [row[0] for row in at.shown("channels")] == ["PJSIP/alice-00000000"])
        assert "Channels 1 of 2" in str(at.top.query_one("#channels", Table).border_title)
        assert "filter: ALI" in at.status
        assert {row[0] for row in at.shown("queues")} == {"empty", "1."}
        await at.press("enter")
        assert isinstance(at.top.focused, Table)
        await at.press("escape")
        await at.until(lambda: len(at.shown("channels")) == 2)
        await at.press("slash", *"*bob*")
        await at.until(lambda: len(at.shown("channels")) < 2)
        assert [row[0] for row in at.shown("channels")] == ["PJSIP/bob-00000001"]


def test_a_queue_comes_with_what_is_in_it() -> None:
    """A queue that fits a filter brings its callers and members, and one of these brings its queue
    alone.
    """
    queue = Row("q", (Text("support"),), None)
    first, second = (Row(name, (Text(name),), None, group="q") for name in ("Ann", "Bert"))
    other = Row("o", (Text("sales"),), None)
    assert matching([queue, first, second, other], "supp") == [queue, first, second]
    assert matching([queue, first, second, other], "bert") == [queue, second]
    assert matching([queue, first, second, other], "s*s") == [other]


async def test_hanging_up(fake: FakeAsterisk) -> None:
    """A channel is hung up by its Uniqueid after a question, and not if the answer is no."""
    async with screen(fake) as at:
        call = fake.incoming("PJSIP/alice", to="hold@test")
        await call.waits(1)
        await at.until(lambda: at.shown("channels"))
        await at.press("h")
        assert isinstance(at.top.screen, Question)
        await at.press("n")
        await at.press("h", "enter")
        assert not isinstance(at.top.screen, Question)
        assert not [each for each in fake.received if each.get("Action") == "Hangup"]
        await at.press("h", "y")
        request = await fake.expect("Hangup")
        assert request.get("Channel") == call.uniqueid
        await at.until(lambda: not at.shown("channels"))
        told = [each.message for each in at.top._notifications]
        assert "PJSIP/alice-00000000 was hung up" in told
        await at.press("h")
        assert not isinstance(at.top.screen, Question)
        told = [each.message for each in at.top._notifications]
        assert "choose a call, a channel, or somebody who waits" in told


async def test_a_refused_hang_up_is_told(fake: FakeAsterisk) -> None:
    """The server's words are shown."""
    fake.reply_to("Hangup", {"Response": "Error", "Message": "Permission denied"})
    async with screen(fake) as at:
        await fake.incoming("PJSIP/alice", to="hold@test").waits(1)
        await at.until(lambda: at.shown("queues")[0][2] == "1 waiting")
        await at.press("2", "down", "h", "y")
        await at.until(
            lambda: [each for each in at.top._notifications if "Permission denied" in each.message],
        )
        assert at.shown("channels")


async def test_details(fake: FakeAsterisk) -> None:
    """Enter shows all that is known of a channel, with its last events, of a queue, and every
    header of an event.
    """
    async with screen(fake) as at:
        await fake.incoming("PJSIP/alice", to="hold@test", caller='"Ada" <555>').waits(1)
        await at.until(lambda: at.shown("channels"))
        for keys, words in (
            (("enter",), ("caller id num", "555", "Its last events", "QueueCallerJoin")),
            (("2", "enter"), ("strategy", "rrmemory", "Ada <555>")),
            (("4", "enter"), ("Privilege",)),
        ):
            await at.press(*keys)
            assert isinstance(at.top.screen, Details), keys
            text = str(at.top.screen.query_one(Static).content)
            assert all(word in text for word in words), text
            await at.press("escape")
            assert not isinstance(at.top.screen, Details)


async def test_details_of_every_kind(fake: FakeAsterisk) -> None:
    """A member has details too, in words."""
    async with screen(fake) as at:
        member = next(row for row in queue_rows(at.live, 0.0) if " member " in row.key)
        assert "not in use (1)" in details(member.about, []).plain


async def test_pausing(fake: FakeAsterisk) -> None:
    """While it is paused nothing moves, and it says so; afterwards what came meanwhile is there."""
    async with screen(fake) as at:
        await at.press("p")
        assert "PAUSED" in at.status
        await fake.incoming("PJSIP/alice", to="hold@test").waits(1)
        for _ in range(400):
            await at.pilot.pause(0.01)
            if at.live.channels:
                break
        at.top.show()
        assert not at.shown("channels")
        await at.press("space")
        await at.until(lambda: at.shown("channels"))
        assert "PAUSED" not in at.status


async def test_the_cursor_stays_on_its_row(fake: FakeAsterisk) -> None:
    """Rows that come and go above the cursor do not move it to another channel."""
    async with screen(fake) as at:
        calls = [fake.incoming(f"PJSIP/{name}", to="hold@test") for name in ("a", "b", "c")]
        for call in calls:
            await call.waits(1)
        await at.until(lambda: len(at.shown("channels")) == 3)
        await at.press("down", "down")
        await calls[0].hang_up()
        await at.until(lambda: len(at.shown("channels")) == 2)
        row = at.top.query_one("#channels", Table).row
        assert row is not None
        assert row.channel.startswith("PJSIP/c-")


async def test_the_link(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost link is shown and told, and what is there afterwards is shown."""
    caplog.set_level(logging.INFO, "aioami.link")
    told: list[str] = []
    async with screen(fake) as at:
        monkeypatch.setattr(at.top, "notify", lambda message, **_: told.append(message))
        fake.drop()
        await at.until(lambda: "reconnecting" in at.status)
        await at.until(lambda: "ready" in at.status)
        await at.until(lambda: at.live.synced)
        assert any("was lost, and is being established again" in each for each in told)
        assert any("stands again" in each for each in told)


async def test_a_link_that_is_lost_for_good_ends_it(fake: FakeAsterisk) -> None:
    """It leaves the screen, and has the reason."""
    async with (
        Manager.from_url(f"{fake.url}?reconnect=no") as mgr,
        Live(mgr, parts=PARTS, wait=False) as live,
    ):
        top = Top(mgr, live, "admin@fake")
        async with top.run_test() as pilot:
            await pilot.pause()
            fake.drop()
            for _ in range(400):
                await pilot.pause(0.01)
                if top.error is not None:
                    break
        assert isinstance(top.error, ConnectionLost)


@pytest.mark.parametrize("width", [60, 100, 200])
async def test_wide_and_narrow(fake: FakeAsterisk, width: int) -> None:
    """Where there is no room beside each other, the halves are under each other, and every table
    is there.
    """
    async with screen(fake, (width, 40)) as at:
        await at.pilot.pause()
        names = ("calls", "queues", "endpoints", "events")
        regions = [at.top.query_one(f"#{name}").region for name in names]
        assert all(region.width >= 20 and region.height >= 3 for region in regions)
        assert (regions[2].x == 0) is (width < 110)


async def test_a_part_that_one_may_not_see(fake: FakeAsterisk) -> None:
    """Its table says why it is empty."""
    fake.reply_to("QueueStatus", {"Response": "Error", "Message": "Permission denied"})
    async with screen(fake) as at:
        await at.until(lambda: "queues" in at.live.unavailable)
        at.top.show()
        assert "Permission denied" in str(at.top.query_one("#queues", Table).border_subtitle)


async def test_names_cannot_change_the_screen(fake: FakeAsterisk) -> None:
    """Names of callers are text, whatever they look like."""
    async with screen(fake) as at:
        await fake.send_event("DoorBell", {"Door": "[red]x[/red] \x1b[31m", "Channel": "[/]"})
        await at.until(
            lambda: any("[red]x[/red] \\x1b[31m" in row[2] for row in at.shown("events")),
        )
        await at.press("4", "enter")
        assert "[red]x[/red]" in str(at.top.screen.query_one(Static).content)
        await at.press("escape")
        await at.top._hang_up(Row("", [], None, channel="[nonsense", targets=("[nonsense",)))
        await at.until(
            lambda: any("No such channel" in each.message for each in at.top._notifications),
        )


async def test_quitting(fake: FakeAsterisk) -> None:
    """`q` leaves, and the link is closed."""
    async with screen(fake) as at:
        await at.press("q")
        assert not at.top.is_running or at.top._exit


async def test_without_a_terminal(fake: FakeAsterisk) -> None:
    """It says what it needs."""
    code, _, err = await run("top", url=fake.url)
    assert code == 2
    assert "needs a terminal" in err


async def test_the_further_tables(fake: FakeAsterisk) -> None:
    """Phones, parked calls, conferences, messages and trunks are shown, each in its pane's turn."""
    for name, (_, items) in LISTS.items():
        lists(fake, name, *items)
    async with screen(fake) as at:
        assert at.shown("endpoints") == [["PJSIP/my-phone", "ring in use", "b:1 (2 ms), d:1 (does not answer), e", "1"]]
        assert at.shown("mailboxes") == [["1234@default", "2", "1"]]
        assert at.shown("registrations") == [["up", "sip:s", "Unregistered"]]
        assert [row[:2] for row in at.shown("parking")] == [["701 of default", "A/2"], ["1000 of default", "A/1"]]
        assert at.shown("conferences") == [["all", "1 in it", "locked"], ["", "A/1", "admin, muted"]]
        await at.press("2", "enter")  # from the conferences to the queues, which are next
        assert isinstance(at.top.screen, Details)
        await at.press("escape", "left", "left")
        assert at.top.focused is not None
        assert at.top.focused.id == "parking"
        await at.press("h", "y")
        assert (await fake.expect("Hangup")).get("Channel") == "3"


async def test_calls_and_how_they_ended(fake: FakeAsterisk) -> None:
    """A call is a row that says who calls whom and in what state; it can be ended as a whole, and what became of it stays."""
    async with screen(fake) as at:
        at.top.show()
        assert str(at.top.query_one("#calls", Table).border_subtitle) == "nobody is on the phone"
        call = fake.incoming("PJSIP/trunk", to="support@queues", caller='"Ada" <555>')
        await call.waits(20)
        await at.until(lambda: at.shown("calls"))
        (row,) = at.shown("calls")
        assert row[:2] == ["Ada <555>", "waiting in support"]
        await call.answered_by("PJSIP/agent1")
        await at.until(lambda: at.shown("calls")[0][1] == "talking")
        await at.press("h")
        question = at.top.screen
        assert isinstance(question, Question)
        assert "the call of Ada <555> (2 channels)" in str(question.query_one(Static).content)
        await at.press("y")
        await at.until(lambda: not at.shown("calls"))
        (row,) = at.shown("ended")
        assert (row[1], row[3]) == ("Ada <555>", "answered (support)")
        await at.press("enter")
        assert isinstance(at.top.screen, Details)
        assert "answered, rang" in str(at.top.screen.query_one(Static).content)


async def test_what_is_no_more_known_is_grey(fake: FakeAsterisk) -> None:
    """While the link is down the tables are dim, and say that this is how it was; a filter without a match says so too."""
    async with screen(fake) as at:
        await fake.incoming("PJSIP/alice", to="hold@test").waits(1)
        await at.until(lambda: at.shown("calls"))
        await at.press("slash", *"nobody", "enter")
        await at.until(lambda: not at.shown("calls"))
        table = at.top.query_one("#calls", Table)
        assert str(table.border_subtitle) == "nothing fits nobody"
        await at.press("escape")
        await fake.stop()
        await at.until(lambda: table.has_class("stale"))
        assert str(table.border_subtitle) == "as it was before the link was lost"
        assert at.shown("calls")


async def test_a_fleet_is_on_one_screen() -> None:
    """Each row has its server; one that is away is dim, with since when; a filter takes the rows of one server alone."""
    async with (
        FakeFleet(["north", "south"], virtual_time=True) as fakes,
        Fleet(fakes.urls, wait="any") as fleet,
        FleetLive(fleet, parts=PARTS, wait=False) as lives,
    ):
        top = Top(fleet, lives, "")
        async with top.run_test(size=(170, 45)) as pilot:
            at = Screen(top, lives["north"], pilot)
            await at.until(lambda: all(live.synced for live in lives.values()) and top.query(Table))
            for fake in fakes.values():
                await fake.incoming("PJSIP/alice", to="hold@test").waits(1)
            await at.until(lambda: len(at.shown("channels")) == 2)
            assert [row[:2] for row in at.shown("channels")] == [
                ["north", "PJSIP/alice-00000000"],
                ["south", "PJSIP/alice-00000000"],
            ]
            assert {row[0] for row in at.shown("events")} == {"north", "south"}
            assert {row[0] for row in at.shown("queues")} == {"north", "south"}
            assert "● north ● south" in " ".join(at.status.split())
            assert "2 channels in 2 calls" in at.status
            await at.press("slash", *"south")
            await at.until(lambda: [row[0] for row in at.shown("channels")] == ["south"])
            await at.press("enter", "escape")
            await fakes["north"].stop()
            await at.until(lambda: "north reconnecting 0:0" in at.status)
            dim = {
                row.server: {cell.style for cell in row.cells} == {"dim"}
                for row in top.query_one("#channels", Table).rows_shown
            }
            assert dim == {"north": True, "south": False}
            assert "north: as it was before the link was lost" in str(top.query_one("#channels", Table).border_subtitle)
            table = top.query_one("#channels", Table)
            table.focus()
            table.move_cursor(row=1)
            await at.press("h")
            await at.press("y")
            await at.until(lambda: [row[0] for row in at.shown("channels")] == ["north"])
            assert len(fakes["south"].sent(core.Hangup)) == 1
