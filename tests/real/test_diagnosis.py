"""Tracing calls and finding faults, on real servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from aioami import Manager, actions, core
from aioami.calls import CALL_EVENTS, CallTrace, CallTracer
from aioami.cli.diagnosis import Finding, Level, examine
from aioami.cli.process import ExitCode
from aioami.testing.real import RealAsterisk

from .conftest import Place


class Tracing:
    """Takes what comes, and tells when a call is over."""

    def __init__(self, mgr: Manager) -> None:
        self.tracer = CallTracer()
        self._stream = mgr.events(*CALL_EVENTS, maxsize=None)

    async def over(self, call: str) -> CallTrace:
        """The call when it is over."""
        deadline = time.monotonic() + 20
        while True:
            found = self.tracer.find(call)
            if found is not None and found.is_over and not self._stream.pending:
                return found
            event = await asyncio.wait_for(anext(self._stream), deadline - time.monotonic())
            self.tracer.take(event, time.time())

    async def until(self, name: str) -> None:
        """Take what comes until an event of that name has come."""
        while True:
            event = await asyncio.wait_for(anext(self._stream), 10)
            self.tracer.take(event, time.time())
            if event.name == name:
                return

    def close(self) -> None:
        self._stream.close()


@pytest.fixture
def tracing(mgr: Manager) -> Iterator[Tracing]:
    found = Tracing(mgr)
    yield found
    found.close()


def text_of(call: CallTrace) -> str:
    lines = [str(line) for line in call.ladder()]
    assert max(map(len, lines)) <= 100
    return "\n".join(lines)


async def test_a_dial_that_is_answered(mgr: Manager, tracing: Tracing) -> None:
    """Local channels, a dial that is answered, the bridge, and who hung up and why."""
    await mgr.send(core.Originate_Application("Local/dial@test/n", "Wait", ("600",)))
    call = await tracing.over("Local/dial@test")
    told = text_of(call)
    assert len(call.channels) == 4
    assert "B calls C as short@test/n" in told
    assert "C answers B" in told
    assert "joined: two ends of one Local channel" in told
    assert "and talks to" in told
    assert "D is told to hang up" in told
    assert {each.cause for each in call.channels} == {16}
    assert [step.kind for step in call.steps if step.kind == "answered"] == ["answered"] * 2


async def test_a_dial_that_is_busy(mgr: Manager, tracing: Tracing) -> None:
    """A busy line is told as busy, with the cause."""
    await mgr.send(core.Originate_Application("Local/busy@test/n", "Wait"))
    call = await tracing.over("Local/busy@test")
    assert "A is busy" in text_of(call)
    assert "17 User busy" in text_of(call)
    assert all(each.answered is None for each in call.channels)


async def test_a_call_to_a_queue(mgr: Manager, tracing: Tracing) -> None:
    """A caller waits in a queue, is connected with a member, and leaves."""
    await mgr.send(core.QueueAdd("Local/short@test/n", "empty", "Shorty"))
    try:
        await mgr.send(core.Originate_Application("Local/hold@test/n", "Wait", ("600",)))
        call = await tracing.over("Local/hold@test")
    finally:
        await mgr.send(core.QueueRemove("Local/short@test/n", "empty"))
    told = text_of(call)
    for words in (
        "waits in queue empty, at place 1",
        "leaves queue empty",
        "is connected with Shorty",
        "hears music on hold",
    ):
        assert words in told


async def test_two_calls_are_bridged_and_one_is_transferred(
    mgr: Manager,
    tracing: Tracing,
    place: Place,
) -> None:
    """Two calls that are bridged become one; a blind transfer tells where to."""
    first, second = await place("wait"), await place("wait")
    await mgr.send(core.Bridge(first, second))
    await tracing.until("BridgeEnter")
    await tracing.until("BridgeEnter")
    await mgr.send(actions.BlindTransfer(second, "short", context="test"))
    await tracing.until("BlindTransfer")
    await mgr.send(core.Hangup("/^Local.*/"), check=False)
    call = await tracing.over(first)
    told = text_of(call)
    assert len(call.linkedids) == 2
    assert call == await tracing.over(second)
    assert "and talks to A" in told
    assert "transfers A to short@test: Success" in told


async def test_a_parked_call(mgr: Manager, tracing: Tracing, place: Place) -> None:
    """A parked call tells where it is parked, and that it gave up."""
    await place("park")
    await tracing.until("ParkedCall")
    await mgr.send(core.Hangup("/^Local.*;1/"), check=False)
    await tracing.until("ParkedCallGiveUp")
    call = await tracing.over("Local/park@test")
    assert "is parked at 7" in text_of(call)
    assert "and gave up" in text_of(call)


async def test_a_call_that_was_there_before(mgr: Manager, tracing: Tracing, place: Place) -> None:
    """A list of the channels tells of calls that began before."""
    channel = await place("wait")
    late = CallTracer()
    for item in (await mgr.send(core.CoreShowChannels())).events:
        late.take(item, time.time())
    call = late.find(channel)
    assert call is not None
    assert [step.kind for step in call.steps] == ["there", "there"]
    assert call.linkedid == getattr(tracing.tracer.find(channel), "linkedid", call.linkedid)


# The doctor


async def examined(url: str, **options: object) -> list[Finding]:
    options = {"seconds": 0.0, **options}
    return [finding async for finding in examine(url, **options)]  # type: ignore[arg-type]


async def the_fault(url: str, topic: str, **options: object) -> Finding:
    (wrong,) = [each for each in await examined(url, **options) if each.level is Level.WRONG]
    assert wrong.topic == topic, wrong
    return wrong


@contextmanager
def configured(asterisk: RealAsterisk, more: str, general: str = "") -> Iterator[None]:
    """A manager.conf with more in it."""
    path = asterisk.directory / "etc/manager.conf"
    before = path.read_text()
    path.write_text(before.replace("[general]\n", f"[general]\n{general}\n", 1) + more)
    asterisk.cli("manager reload")
    try:
        yield
    finally:
        path.write_text(before)
        asterisk.cli("manager reload")


async def test_all_is_well(asterisk: RealAsterisk) -> None:
    """A server where all is well gets no complaint, with and without TLS."""
    for url in (
        asterisk.url,
        f"amis://admin:s3cret@127.0.0.1:{asterisk.tls_port}?cafile={asterisk.certificate}",
    ):
        found = await examined(url, probe=True, events=["Hangup"], actions=["Originate"])
        assert {each.level for each in found} == {Level.OK}, found
        greeting = next(each.text for each in found if each.topic == "greeting")
        assert greeting.endswith(f"Asterisk {asterisk.major}")


async def test_faults_of_the_link(asterisk: RealAsterisk) -> None:
    """A certificate that is not trusted, plain for TLS, TLS for plain."""
    wrong = await the_fault(f"amis://admin:s3cret@127.0.0.1:{asterisk.tls_port}", "tls")
    assert "not trusted" in wrong.text
    wrong = await the_fault(
        f"ami://admin:s3cret@127.0.0.1:{asterisk.tls_port}?timeout=0.5",
        "greeting",
    )
    assert wrong.change[0].startswith("in the URL: amis://")
    wrong = await the_fault(f"amis://admin:s3cret@127.0.0.1:{asterisk.port}?timeout=1", "tls")
    assert "speaks without TLS" in wrong.text


async def test_logins_that_are_refused(asterisk: RealAsterisk) -> None:
    """Wrong secret, no such user, an address that is not permitted, a user without a secret:
    Asterisk says the same of each.
    """
    users = {"admin": "wrong", "nobody": "s3cret", "denied": "s3cret", "without": ""}
    here = f"127.0.0.1:{asterisk.port}"
    with configured(asterisk, "\n[without]\nread = all\n"):
        # Asterisk answers each of them after a second.
        faults = await asyncio.gather(
            *(the_fault(f"ami://{each}:{users[each]}@{here}", "login") for each in users),
        )
    for user, wrong in zip(users, faults, strict=True):
        assert wrong.code is ExitCode.LOGIN_REFUSED, user
        assert "permit = 127.0.0.1/255.255.255.255" in wrong.change, user


async def test_what_the_doctor_says_helps(asterisk: RealAsterisk) -> None:
    """With the line that it gives, the user who was denied by address may log in."""
    url = f"ami://kept:s3cret@127.0.0.1:{asterisk.port}"
    user = "\n[kept]\nsecret = s3cret\nread = call\nwrite = call\ndeny = 0.0.0.0/0.0.0.0\n"
    with configured(asterisk, user):
        wrong = await the_fault(url, "login")
    permit = next(line for line in wrong.change if line.startswith("permit"))
    with configured(asterisk, f"{user}{permit}\n"):
        assert Level.WRONG not in {each.level for each in await examined(url)}


async def test_a_login_that_may_be_only_once(asterisk: RealAsterisk) -> None:
    """A user who is logged in already."""
    url = f"ami://single:s3cret@127.0.0.1:{asterisk.port}"
    async with Manager.from_url(url):
        wrong = await the_fault(url, "login")
    assert wrong.change == ("[single]", "allowmultiplelogin = yes")


async def test_a_limit_of_sessions_that_are_not_logged_in(asterisk: RealAsterisk) -> None:
    """A server that has too many sessions that are not logged in."""
    with configured(asterisk, "", "authlimit = 1"):
        reader, writer = await asyncio.open_connection("127.0.0.1", asterisk.port)
        await reader.readline()
        wrong = await the_fault(asterisk.url, "greeting")
        writer.close()
        await writer.wait_closed()
    limit = "authlimit = 50  ; sessions that are not logged in, of everybody together"
    assert limit in wrong.change


async def test_rights(asterisk: RealAsterisk) -> None:
    """The rights of a user are learned in each of three ways."""
    user = "\n[tells]\nsecret = s3cret\nread = call\nwrite = config,reporting\n"
    with configured(asterisk, f"{user}writetimeout = 5000\n"):
        url = f"ami://tells:s3cret@127.0.0.1:{asterisk.port}"
        found = {each.topic: each for each in await examined(url)}
        assert found["read"].text == "events of call (manager.conf)"
    wrong = await the_fault(f"ami://silent:s3cret@127.0.0.1:{asterisk.port}", "read")
    assert "manager show user" in wrong.text
    url = f"ami://callonly:s3cret@127.0.0.1:{asterisk.port}"
    found = {each.topic: each for each in await examined(url, actions=["DBPut", "Originate"])}
    assert "actions of call,originate (ListCommands" in found["write"].text
    assert found["read"].level is Level.HINT
    wrong = await the_fault(url, "action", actions=["DBPut"])
    assert wrong.change == ("[callonly]", "; write: add system to what is there")
    readonly = await examined(f"ami://readonly:s3cret@127.0.0.1:{asterisk.port}")
    assert any("came proves system,security" in each.text for each in readonly)


async def test_what_holds_events_back(
    asterisk: RealAsterisk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Filters and disabled events are found in the file, and noticed where it may not be read."""
    filtered = "eventfilter = ^Event: Hangup[[:space:]]"
    users = (
        f"\n[held]\nsecret = s3cret\nread = all\nwrite = all\n{filtered}\n"
        f"\n[blind]\nsecret = s3cret\nread = all\nwrite = command,user\n{filtered}\n"
    )
    monkeypatch.setattr("aioami.cli.diagnosis.examination.LOGIN_EVENT_TIMEOUT", 0.3)
    monkeypatch.setattr("aioami.cli.diagnosis.examination.TEST_EVENT_TIMEOUT", 0.3)
    # No reload enables it again, so it is one that no other test waits for.
    with configured(asterisk, users, "disabledevents = AlarmClear"):
        url = f"ami://held:s3cret@127.0.0.1:{asterisk.port}"
        found = await examined(url, events=["Hangup"])
        assert [each.level for each in found if each.topic == "filters"] == [Level.HINT, Level.HINT]
        assert [each.level for each in found if each.topic == "event"] == [Level.OK]
        assert "eventfilter" in (await the_fault(url, "event", events=["DialBegin"])).text
        assert "sent to nobody" in (await the_fault(url, "event", events=["AlarmClear"])).text
        found = await examined(f"ami://blind:s3cret@127.0.0.1:{asterisk.port}", probe=True)
        by_topic = {each.topic: each for each in found}
        assert "something holds events back" in by_topic["filters"].text
        assert by_topic["probe"].level is Level.WRONG


async def test_a_server_that_does_not_answer_the_mask(asterisk: RealAsterisk) -> None:
    """brokeneventsaction is found."""
    with configured(asterisk, "", "brokeneventsaction = yes"):
        found = {each.topic: each for each in await examined(asterisk.url)}
    assert found["mask"].change == ("[general]", "brokeneventsaction = no")


async def test_filters_of_the_url(asterisk: RealAsterisk) -> None:
    """A filter that the user may not add, and one that the server refuses."""
    wrong = await the_fault(
        f"ami://callonly:s3cret@127.0.0.1:{asterisk.port}?event_filter=Hangup",
        "filters",
    )
    assert wrong.code is ExitCode.PERMISSION_DENIED
    await the_fault(f"{asterisk.url}?event_filter=Event%3A+%5B", "filters")
    await the_fault(f"{asterisk.url}?event_mask=off", "mask")
