"""The least-privileged user, on real servers: it can do the same, and with one class less it can
not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from aioami import Event, Manager, ManagerError, core, events
from aioami.permissions import Permissions, of_program, of_recording
from aioami.testing import Recording
from aioami.testing.real import RealAsterisk

Step = Callable[[Manager, Manager], Awaitable[object]]
COME: Final = 0.05
"""Seconds to wait for an event that is there already, or never comes."""


async def delivered(mgr: Manager, made: Awaitable[Event]) -> None:
    """Wait until the server has sent to `mgr` all events up to one that an observer waits for.

    So a test need not wait for long to know that an event does not come.
    """
    await made
    # The event is queued for all sessions now. A session sends its queue before it reads the next
    # action, but may have read the first of these when the event was queued.
    for _ in range(2):
        await mgr.send(core.Ping())


async def call(mgr: Manager, observer: Manager) -> None:
    """Place a call, and hear how it ended."""
    made = observer.wait_for(events.OriginateResponse, timeout=10)
    reply = await mgr.send(core.Originate_Application("Local/short@test/n", "Wait", ("1",)))
    await delivered(mgr, made)
    assert (await reply.outcome(timeout=COME)).success


async def hang_up(mgr: Manager, observer: Manager) -> None:
    """Hear of the end of a call that is hung up."""
    with mgr.events(events.Hangup) as stream:
        made = observer.wait_for(events.OriginateResponse, timeout=10)
        reply = await mgr.send(core.Originate_Application("Local/wait@test/n", "Wait", ("60",)))
        await delivered(mgr, made)
        outcome = await reply.outcome(timeout=COME)
        await mgr.send(core.Hangup(str(outcome.channel)))
        await anext(stream)


async def member(mgr: Manager, observer: Manager) -> None:
    """Pause a member of a queue, and hear of it."""
    heard = mgr.wait_for(events.QueueMemberPause, timeout=COME)
    made = observer.wait_for(events.QueueMemberPause, timeout=10)
    await mgr.send(core.QueuePause("PJSIP/agent1", True, "support"))
    await delivered(mgr, made)
    await heard
    await mgr.send(core.QueuePause("PJSIP/agent1", False, "support"))


async def door(mgr: Manager, observer: Manager) -> None:
    """Make an event, and hear it."""
    heard = mgr.wait_for(
        "UserEvent",
        timeout=COME,
        where=lambda event: event["UserEvent"] == "Door",
    )
    made = observer.wait_for("UserEvent", timeout=10)
    await mgr.send(core.UserEvent(UserEvent="Door"))
    await delivered(mgr, made)
    await heard


async def look(mgr: Manager, observer: Manager) -> None:
    """Read what needs little."""
    await mgr.send(core.QueueStatus())
    await mgr.send(core.CoreShowChannels())
    await mgr.send(core.Getvar("GREETING"))
    await mgr.send(core.Ping())


STEPS: dict[str, Step] = {each.__name__: each for each in (call, hang_up, member, door, look)}


async def failed(
    asterisk: RealAsterisk,
    url: str | None = None,
    **options: object,
) -> tuple[set[str], Permissions]:
    """The steps that fail for a user, with what they need; an observer may do everything."""
    wrong = set()
    async with (
        Manager.from_url(asterisk.url) as observer,
        Manager.from_url(url or asterisk.url, timeout=4, **options) as mgr,
    ):
        for name, step in STEPS.items():
            try:
                await step(mgr, observer)
            except ManagerError:
                wrong.add(name)
        needed = mgr.required_permissions()
        await observer.send(core.Hangup("/^Local/"), check=False)
        await observer.send(core.QueuePause("PJSIP/agent1", False, "support"))
    return wrong, needed


@contextmanager
def user(asterisk: RealAsterisk, permissions: Permissions) -> Iterator[str]:
    """The URL of a user with exactly these permissions."""
    path = asterisk.directory / "etc/manager.conf"
    before = path.read_text()
    path.write_text(f"{before}\n{permissions.stanza('least', 'little')}\n")
    asterisk.cli("manager reload")
    try:
        yield f"ami://least:little@{asterisk.host}:{asterisk.port}"
    finally:
        path.write_text(before)
        asterisk.cli("manager reload")


async def test_the_least_privileged_user_can_do_the_same(asterisk: RealAsterisk) -> None:
    """The permissions that a manager requires are enough, and none of their classes is too many."""
    wrong, needed = await failed(asterisk)
    assert wrong == set()
    assert needed.read == ("agent", "call", "user")
    assert needed.write == ("agent", "call", "originate", "reporting", "user")
    with user(asterisk, needed) as url:
        assert (await failed(asterisk, url))[0] == set()
    expected = {
        ("read", "agent"): {"member"},
        ("read", "call"): {"call", "hang_up"},
        ("read", "user"): {"door"},
        ("write", "agent"): {"member"},
        ("write", "call"): {"hang_up"},
        ("write", "originate"): {"call", "hang_up"},
        ("write", "reporting"): {"look"},
        ("write", "user"): {"door"},
    }
    assert {(kind, each) for kind in ("read", "write") for each in getattr(needed, kind)} == set(
        expected,
    )
    for (kind, less), broken in expected.items():
        kept = tuple(each for each in getattr(needed, kind) if each != less)
        with user(asterisk, dataclasses.replace(needed, **{kind: kept})) as url:
            assert (await failed(asterisk, url))[0] == broken, (kind, less)


async def test_event_filters_let_nothing_else_through(asterisk: RealAsterisk) -> None:
    """A user with the filters is sent the events that were selected, and no others."""
    _, needed = await failed(asterisk)
    with user(asterisk, needed) as url:
        async with Manager.from_url(url) as mgr:
            with mgr.events() as everything:
                for step in (call, member, door):
                    await step(mgr, mgr)
                await mgr.send(core.Ping())
                came = {(await anext(everything)).name for _ in range(everything.pending)}
    assert {"OriginateResponse", "QueueMemberPause", "UserEvent"} <= came
    assert came <= {"OriginateResponse", "QueueMemberPause", "UserEvent", "Hangup"}


async def test_a_pattern_and_a_boot(asterisk: RealAsterisk) -> None:
    """A selection by pattern, and waiting for the boot, are allowed by the stanza for them."""

    async def used(url: str) -> Permissions:
        async with Manager.from_url(url) as mgr:
            await mgr.wait_booted(4)
            with mgr.events("queuemember*") as stream:
                await mgr.send(core.QueuePause("PJSIP/agent1", True, "support"))
                await mgr.send(core.QueuePause("PJSIP/agent1", False, "support"))
                assert (await anext(stream)).name == "QueueMemberPause"
            return mgr.required_permissions()

    needed = await used(asterisk.url)
    assert (needed.read, needed.write) == (("agent", "system"), ("agent",))
    with user(asterisk, needed) as url:
        assert await used(url) == needed


async def test_a_recording_tells_what_it_needs(asterisk: RealAsterisk, tmp_path: Path) -> None:
    """A user with what a recording needs can do the same again, and is sent the same kinds of
    events.
    """
    path = tmp_path / "one.jsonl"
    await failed(asterisk, record=path, event_mask="call,agent,user")
    needed = of_recording(Recording.load(path))
    assert set(needed.read) == {"agent", "call", "user"}
    assert needed.write == ("agent", "call", "originate", "reporting", "user")
    with user(asterisk, needed) as url:
        again = tmp_path / "two.jsonl"
        assert (await failed(asterisk, url, record=again))[0] == set()
    assert set(of_recording(Recording.load(again)).event_filters) <= set(needed.event_filters)


async def test_a_program_tells_what_it_needs(asterisk: RealAsterisk) -> None:
    """The permissions read from the text of this very file are enough for its steps."""
    needed = of_program(Path(__file__).read_text(encoding="utf-8"), Path(__file__).name)
    assert needed.read == ("all",)  # one of its tests selects everything
    with user(asterisk, needed) as url:
        assert (await failed(asterisk, url))[0] == set()


@pytest.mark.parametrize("application", ["System", "Wait"])
async def test_what_runs_programs_needs_more(asterisk: RealAsterisk, application: str) -> None:
    """Originate with an application that runs programs needs the class system too, and is refused
    without.
    """

    async def run(url: str, *, check: bool = True) -> Permissions:
        async with Manager.from_url(url) as mgr:
            reply = await mgr.send(
                core.Originate_Application("Local/short@test/n", application, "true"),
                check=check,
            )
            assert reply.success is check
            return mgr.required_permissions()

    needed = await run(asterisk.url)
    assert ("system" in needed.write) is (application == "System")
    with user(asterisk, needed) as url:
        await run(url)
    if application == "System":
        with user(asterisk, dataclasses.replace(needed, write=("originate",))) as url:
            await run(url, check=False)


async def test_a_manager_is_told_its_rights(real_asterisk: RealAsterisk) -> None:
    """The server shows a user its own rights, where the user may run commands."""
    async with Manager.from_url(real_asterisk.url) as mgr:
        rights = await mgr.view.ask()
        assert rights is not None
        assert (rights.read, rights.write) == (("all",), ("all",))
