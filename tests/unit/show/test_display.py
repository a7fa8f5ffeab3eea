"""What notebooks show of responses, events and lists: as HTML, escaped, coloured, shortened, and without secrets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from aioami import Action, Event, EventList, Manager, Response, actions, core, events
from aioami.events.base import parse
from aioami.testing import FakeAsterisk

HOSTILE = "<script>alert('x')</script>&\"\x07\x1b[2J\u202e\udce9"


class Checker(HTMLParser):
    """Reads HTML strictly: what is opened is closed, and nothing runs."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert all(name == "style" for name, _ in attributes), attributes
        self.tags.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(thing: Event | Response | EventList[Event]) -> str:
    """The text of what a notebook shows of it, which is sound HTML that any browser can be sent."""
    html = thing._repr_html_()
    html.encode()
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert not checker.open
    assert checker.tags <= {"div", "b", "span", "table", "thead", "tbody", "tr", "th", "td", "pre", "br"}
    return checker.text


def event(name: str, **headers: object) -> Event:
    """An event with these headers."""
    return parse("\r\n".join([f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]))


def tint(thing: Event | EventList[Event], word: str) -> str:
    """The colour behind a word."""
    found = re.search(rf"rgba\(([\d, ]+)[^>]*>{re.escape(word)}<", thing._repr_html_())
    assert found is not None, thing._repr_html_()
    return found[1]


def test_everything_is_escaped() -> None:
    """Names, values, messages and output from the wire are text, whatever is in them, and control characters are seen."""
    hostile = event("Foo", Bar=HOSTILE, Status=HOSTILE, ChannelState=HOSTILE)
    told = shown(hostile)
    assert "<script>alert('x')</script>&\"\\x07\\x1b[2J\\u202e\\udce9" in told
    assert "<script" not in hostile._repr_html_()
    strange = Event(f"Event: {HOSTILE}\r\n{HOSTILE}: 1")
    for thing in (strange, EventList([strange]), EventList([strange], strange)):
        assert "<script>" in shown(thing)
    response = Response(f"Response: {HOSTILE}\r\nMessage: {HOSTILE}\r\n{HOSTILE}: 1\r\nOutput: {HOSTILE}")
    assert shown(response).count("<script>") == 3
    assert "<script>" in shown(Response("Response: Error", Action("Foo", {"Bar": "<script>"})))


def test_secrets_are_left_out_as_in_reprs() -> None:
    """What a repr hides, HTML hides too: by a header's name, within a value, and in an action."""
    told = shown(event("AuthDetail", Username="alice", Password="s3cret", Md5Cred="s3cret", Note="secret=s3cret"))
    told += shown(EventList([event("AuthList", ObjectName="alice", Password="s3cret")]))
    told += shown(Response("Response: Success\r\nSecret: s3cret", core.Login("bot", "s3cret")))
    told += shown(
        Response("Response: Follows\r\nPrivilege: Command\r\nPassword: s3cret\r\nx secret=s3cret--END COMMAND--")
    )
    told += shown(Response("Response: Success\r\nVar-000000-000000: secret\r\nOutput: Secret: s3cret"))
    assert "s3cret" not in told
    assert told.count("***") >= 8


def test_states_are_coloured_by_what_they_mean() -> None:
    """Channels, devices, members of queues and hang-ups have the colour of their state, and beside it its number."""
    up = event("Newstate", ChannelState=6)
    assert "up 6" in shown(up)
    ringing, down = event("Newstate", ChannelState=5), event("Newstate", ChannelState=0)
    idle, gone = event("QueueMember", Status=1, Paused=1), event("QueueMember", Status=5)
    free, busy = event("DeviceStateChange", State="NOT_INUSE"), event("DeviceStateChange", State="BUSY")
    assert tint(up, "up") == tint(idle, "not in use") == tint(free, "not in use")
    assert tint(gone, "unavailable") == tint(busy, "busy")
    assert tint(ringing, "ringing") == tint(idle, "paused")
    assert len({tint(up, "up"), tint(ringing, "ringing"), tint(down, "down"), tint(busy, "busy")}) == 4
    assert tint(event("Hangup", Cause=16), "normal clearing") != tint(
        event("Hangup", Cause=34), "normal circuit congestion"
    )
    assert "unknown 42 42" in shown(event("Newstate", ChannelState=42))
    assert "ChannelStateodd" in shown(event("Newstate", ChannelState="odd"))
    assert tint(event("ContactStatus", ContactStatus="Reachable"), "Reachable") == tint(up, "up")


def test_a_moment_is_told_as_a_calendar_does() -> None:
    """Seconds since 1970 have the date beside them; 0, which means never, has none, and neither has what no calendar knows."""
    assert "1700000000 2023-11-14 22:13:20 UTC" in shown(event("QueueMember", LoginTime=1700000000))
    assert "1970" not in shown(event("QueueMember", LoginTime=0))
    assert "9e99" in shown(event("QueueMember", LoginTime="9e99"))


def test_a_response_tells_how_it_went() -> None:
    """Success and error have a colour each, the action and its sentence stand beside them, and how long it took."""
    good = Response("Response: Success\r\nMessage: Done\r\nExtra: 1", Action("Foo", {"Bar": "x"}), seconds=0.0125)
    assert shown(good) == "success FooBar='x' Done in 12.5 msExtra1".replace("FooBar", "Foo Bar")
    bad = Response("Response: Error\r\nMessage: No such channel")
    assert shown(bad) == "error Response No such channel"
    assert good._repr_html_().split("rgba")[1][:12] != bad._repr_html_().split("rgba")[1][:12]


def test_what_is_long_is_shortened_with_a_count() -> None:
    """Long values, many headers, many lines and many items are cut off, and it is said how much there is."""
    assert "… (5,000 characters)" in shown(event("Foo", Bar="x" * 5000))
    many = Event("Event: Foo\r\n" + "\r\n".join(f"Key{number}: {number}" for number in range(300)))
    assert "and 100 more headers" in shown(many)
    lines = Response("Response: Success\r\n" + "\r\n".join(f"Output: line {number}" for number in range(1000)))
    assert "line 199\n… and 800 more lines" in shown(lines)
    items = EventList([event("QueueMember", Name=f"agent{number}") for number in range(1234)])
    told = shown(items)
    assert "1,234 items" in told
    assert "agent29" in told
    assert "agent30" not in told
    assert "… and 1,204 more" in told
    assert len(items._repr_html_()) < 10_000
    assert "left out or empty (100): Key200" in shown(EventList([many]))
    assert "left out or empty (284): Key16" in shown(EventList([many] * 5))


def test_items_with_many_headers_are_shown_turned() -> None:
    """A few items that are too wide for a table have a row for each header, in tables of the same height."""
    endpoint = Event("Event: Wide\r\n" + "\r\n".join(f"Key{number}: {number * 7}" for number in range(136)))
    for thing in (endpoint, EventList([endpoint]), EventList([endpoint, endpoint])):
        told = shown(thing)
        assert all(f"Key{number}{number * 7}" in told for number in range(136))
        assert thing._repr_html_().count("<table") == 4
        assert "left out" not in told
    assert "Key135945945" in shown(EventList([endpoint, endpoint]))


def test_a_list_is_a_table_for_each_kind_without_empty_columns() -> None:
    """Each kind of item has a table of its own; columns that are empty everywhere are only named; a whole list says so."""
    items = EventList[Event](
        [
            *(event("QueueParams", Queue="a", Max=0), event("QueueMember", Queue="a", Name="x", PausedReason="")),
            *(event("QueueMember", Queue="a", Name="y", PausedReason=""), event("QueueParams", Queue="b", Max=0)),
        ],
        event("QueueStatusComplete", ListItems=4),
    )
    told = shown(items)
    assert told.startswith("4 items completeQueueParams 2QueueMaxa0b0QueueMember 2QueueNameaxay")
    assert told.endswith("left out or empty (1): PausedReason")
    assert shown(EventList()) == "0 items"
    repeated = Event("Event: X\r\n" + "\r\n".join(f"Variable: a{number}=1" for number in range(7)))
    assert "a4=1… and 2 more" in shown(EventList([repeated]))
    assert "1 item" in shown(EventList([3]))  # type: ignore[list-item]


async def test_answers_of_a_server_are_shown(mgr: Manager, fake: FakeAsterisk) -> None:
    """What an action was answered with is sound HTML: lists with their items, lines of output, and typed mappings."""
    status = await mgr.send(core.QueueStatus())
    assert shown(status).startswith("success QueueStatus")
    assert "Agent One" in shown(status)
    assert "not in use" in shown(status.events)
    command = await mgr.send(core.Command("core show version"))
    assert "Asterisk 22" in shown(command)
    assert shown(await mgr.send(core.Ping())).startswith("success Ping")
    peer = actions.SIPshowpeer("x").response_type("Response: Success\r\nChanneltype: SIP\r\nACL: Y", None)
    assert "ACLY" in shown(peer)


@pytest.mark.parametrize("program", ["import aioami", "import aioami; aioami.core.Ping; aioami.events.Hangup"])
def test_the_import_does_not_become_heavier(program: str) -> None:
    """HTML, data frames and notebooks cost nothing until they are asked for."""
    heavy = (
        "html",
        "aioami._show.html",
        "aioami._show.dataframes",
        "aioami.notebook",
        "IPython",
        "pandas",
        "polars",
        "numpy",
    )
    told = f"{program}; import sys; print([each for each in {heavy!r} if each in sys.modules])"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    run = subprocess.run([sys.executable, "-c", told], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_hangup_is_shown_whole() -> None:
    """Of one event every header is shown, in the server's order."""
    hangup = event("Hangup", Channel="PJSIP/alice-1", Uniqueid="1.1", Cause=16)
    assert isinstance(hangup, events.Hangup)
    assert shown(hangup) == "HangupChannelPJSIP/alice-1Uniqueid1.1Causenormal clearing 16"
