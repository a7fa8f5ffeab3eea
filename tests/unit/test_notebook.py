"""Events that are watched, and lists with a bar: outside of a notebook as lines, inside as one place that changes."""

from __future__ import annotations

import asyncio
import io
import sys
import types
from collections.abc import AsyncIterator
from typing import Any

import pytest

from aioami import ActionError, ConnectionLost, Event, EventList, Manager, core, events, notebook
from aioami.testing import FakeAsterisk, FakeConnection


class Place:
    """One place of a notebook, and all that was shown there."""

    def __init__(self, content: dict[str, str]) -> None:
        self.shown = [content]

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(content)


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[Place]:
    """The places in a notebook: as much of IPython as is needed, since that is not installed where these tests run."""
    found: list[Place] = []

    def display(content: dict[str, str], *, raw: bool, display_id: bool) -> Place:
        assert raw
        assert display_id
        found.append(Place(content))
        return found[-1]

    package: Any = types.ModuleType("IPython")
    package.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    package.display = types.ModuleType("IPython.display")
    package.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", package.display)
    return found


@pytest.fixture
def no_ipython(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that runs without IPython."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)


async def ring(fake: FakeAsterisk, mgr: Manager, count: int, **headers: str) -> None:
    """Let so many events come, which have arrived when this returns."""
    for number in range(count):
        await fake.send_event("DoorBell", {"Door": str(number), **headers})
    await mgr.send(core.Ping())


async def test_in_a_notebook_a_table_changes_in_its_place(
    fake: FakeAsterisk, mgr: Manager, places: list[Place]
) -> None:
    """The last events stand in one table, newest first, with their counts; at the end it says so, and stays."""
    seen = EventList[Event]()
    stream = mgr.events("DoorBell")
    watching = asyncio.create_task(notebook.watch(stream, count=30, rows=5, refresh=0.01, into=seen))
    while not places:
        await asyncio.sleep(0)
    assert "watching" in places[0].shown[0]["text/html"]
    await ring(fake, mgr, 30)
    await watching
    (place,) = places
    assert len(place.shown) > 1
    html, text = place.shown[-1]["text/html"], place.shown[-1]["text/plain"]
    assert text.startswith("done: 30 events in ")
    assert [line.split()[1:] for line in text.splitlines()[1:]] == [
        ["DoorBell", f"Door={n}"] for n in range(29, 24, -1)
    ]
    assert html.count("<b>DoorBell</b>") == 5
    assert [each["Door"] for each in seen] == [str(number) for number in range(30)]


async def test_columns_are_those_that_were_asked_for(fake: FakeAsterisk, mgr: Manager, places: list[Place]) -> None:
    """Chosen headers have a column each, empty where an event has none; secrets and markup are no more than in reprs."""
    stream = mgr.events("DoorBell")
    await ring(fake, mgr, 1, Secret="s3cret", House="<b>x")
    await notebook.watch(stream, count=1, columns=("Door", "House", "Secret", "Absent"))
    html = places[0].shown[-1]["text/html"]
    assert [html.count(f">{name}</th>") for name in ("Door", "House", "Secret", "Absent")] == [1, 1, 1, 1]
    assert "&lt;b&gt;x" in html
    assert "s3cret" not in html + places[0].shown[-1]["text/plain"]


async def test_watching_ends_after_its_time_and_leaves_the_stream_open(fake: FakeAsterisk, mgr: Manager) -> None:
    """After so many seconds it returns, and the same stream can be watched again."""
    stream = mgr.events("DoorBell")
    began = asyncio.get_running_loop().time()
    await notebook.watch(stream, seconds=0.05)
    assert 0.05 <= asyncio.get_running_loop().time() - began < 2
    await ring(fake, mgr, 1)
    assert stream.pending == 1
    await notebook.watch(stream, seconds=10, count=1)


async def test_outside_of_a_notebook_each_event_is_a_line(
    fake: FakeAsterisk, mgr: Manager, no_ipython: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without IPython the events are printed as they come, and then how many there were."""
    stream = mgr.events("DoorBell")
    await ring(fake, mgr, 2, Uniqueid="1.1", Empty="", Password="s3cret")
    await notebook.watch(stream, count=2)
    first, second, status = capsys.readouterr().out.splitlines()
    assert first.split()[1:] == ["DoorBell", "Door=0", "Password=***"]
    assert second.split()[1:] == ["DoorBell", "Door=1", "Password=***"]
    assert status.startswith("done: 2 events in ")


async def test_what_a_stream_lost_is_told(fake: FakeAsterisk, mgr: Manager, places: list[Place]) -> None:
    """Events that were dropped are counted beside the others."""
    stream = mgr.events("DoorBell", maxsize=2)
    await ring(fake, mgr, 5)
    await notebook.watch(stream, count=2)
    assert ", 3 dropped" in places[0].shown[-1]["text/plain"]


async def test_an_interrupted_cell_keeps_what_was_seen(fake: FakeAsterisk, mgr: Manager, places: list[Place]) -> None:
    """Cancelled, the table says that it was stopped, and the list has what came until then."""
    seen: list[events.Event] = []
    watching = asyncio.create_task(notebook.watch(mgr.events("DoorBell"), into=seen))
    await asyncio.sleep(0)
    await ring(fake, mgr, 3)
    while len(seen) < 3:
        await asyncio.sleep(0)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    assert places[0].shown[-1]["text/plain"].startswith("stopped: 3 events")


async def test_a_link_that_is_lost_for_good_is_raised(fake: FakeAsterisk, places: list[Place]) -> None:
    """When the stream fails, so does watching it; the table says so. A stream that ends is the end."""
    async with Manager.from_url(fake.url, reconnect=False) as mgr:
        watching = asyncio.create_task(notebook.watch(mgr.events("DoorBell")))
        await asyncio.sleep(0)
        fake.before(core.Ping, FakeConnection.reset)
        with pytest.raises(ConnectionLost):
            await mgr.send(core.Ping())
        with pytest.raises(ConnectionLost):
            await watching
        assert places[0].shown[-1]["text/plain"].startswith("failed: 0 events")
    async with Manager.from_url(fake.url) as mgr:
        watching = asyncio.create_task(notebook.watch(mgr.events("DoorBell")))
        await asyncio.sleep(0)
    await watching
    assert places[1].shown[-1]["text/plain"].startswith("done: 0 events")


@pytest.mark.parametrize(
    "wrong", [{"seconds": -1}, {"count": 0}, {"rows": 0}, {"refresh": 0}, {"seconds": float("nan")}]
)
async def test_numbers_that_make_no_sense_are_refused(mgr: Manager, wrong: dict[str, Any]) -> None:
    """A number that is too small, or none, is a ValueError that names it."""
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: at least"):
        await notebook.watch(mgr.events(), **wrong)


async def test_a_bar_counts_the_items_of_a_list(mgr: Manager, places: list[Place]) -> None:
    """In a notebook a bar is shown in one place while the items come, under the action's name; at the end it is full."""
    items = [item async for item in notebook.progress(mgr.stream(core.QueueStatus()), refresh=0.01)]
    assert len(items) == len((await mgr.send(core.QueueStatus())).events)
    (place,) = places
    assert place.shown[0]["text/plain"].endswith("reading")
    assert "<progress style" in place.shown[0]["text/html"]
    assert place.shown[-1]["text/plain"].startswith(f"QueueStatus {len(items)} items in ")
    assert f'<progress value="{len(items)}" max="{len(items)}"' in place.shown[-1]["text/html"]
    assert "complete" in place.shown[-1]["text/html"]


async def numbers(count: int, error: Exception | None = None) -> AsyncIterator[int]:
    for number in range(count):
        yield number
    if error is not None:
        raise error


async def test_outside_of_a_notebook_the_bar_is_a_line(no_ipython: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the error output is no terminal, one line tells how many there were; the output itself stays clean."""
    assert [each async for each in notebook.progress(numbers(3), total=4, label="Things")] == [0, 1, 2]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Things [######################........] 3 of 4 items in ")
    assert err.endswith("complete\n")
    assert err.count("\n") == 1


async def test_in_a_terminal_the_line_changes_in_its_place(no_ipython: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal the line is written over itself, and ended at the end."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    assert len([each async for each in notebook.progress(numbers(3), refresh=0.01)]) == 3
    assert terminal.getvalue().startswith("\r1 items in 0.0 s, reading\r")
    assert terminal.getvalue().rstrip().endswith("complete")
    assert terminal.getvalue().count("\n") == 1


async def test_a_list_that_fails_or_is_left_says_so(mgr: Manager, places: list[Place]) -> None:
    """What the items raise comes through, and the bar tells of it; leaving early stops it."""
    with pytest.raises(ActionError):
        async for _ in notebook.progress(numbers(2, ActionError("refused"))):
            pass
    assert places[0].shown[-1]["text/plain"].endswith("failed")
    leaving: Any = notebook.progress(numbers(5))
    async for _ in leaving:
        break
    await leaving.aclose()
    assert places[1].shown[-1]["text/plain"].endswith("stopped")
    with pytest.raises(ValueError, match="total: at least 0"):
        async for _ in notebook.progress(numbers(1), total=-1):
            pass


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_missing_library_is_named_with_its_extra(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library a data frame is an ImportError, which says what to install."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"{library} is not installed: pip install 'aioami\[{library}\]'") as caught:
        getattr(EventList[Event](), f"to_{library}")()
    assert caught.value.name == library
