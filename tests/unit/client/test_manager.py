"""The manager against the fake server: connecting, sending, waiting, losing and closing."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import ssl
from collections.abc import Callable
from urllib.parse import quote

import pytest
import trustme

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Event,
    Manager,
    ManagerAuthError,
    ManagerState,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    UnknownAction,
    core,
    events,
)
from aioami.testing import FakeAsterisk

# Connecting


async def test_connecting_logs_in_by_challenge(fake: FakeAsterisk) -> None:
    """The manager is ready after `async with`, knows the version, and never sent the secret."""
    async with Manager("127.0.0.1", fake.port, "admin", "s3cret") as mgr:
        assert mgr.state is ManagerState.READY
        assert mgr.version == "11.0.0"
    assert mgr.state is ManagerState.CLOSED
    assert [request.name for request in fake.received] == ["Challenge", "Login", "Logoff"]
    assert not any(b"s3cret" in request.raw for request in fake.received)


async def test_without_a_username_the_user_logs_in(fake: FakeAsterisk) -> None:
    """Challenge and Login can be sent by hand, as the page of the mission shows."""
    async with Manager(port=fake.port) as mgr:
        assert mgr.state is ManagerState.CONNECTED
        with pytest.raises(PermissionDenied):
            await mgr.send(core.Ping())
        challenge = await mgr.send(core.Challenge())
        await mgr.send(core.Login("admin", "s3cret", challenge=challenge.get("Challenge")))
        assert mgr.state is ManagerState.READY
        await mgr.send(core.Ping())


async def test_a_refused_login_raises_at_connect(fake: FakeAsterisk) -> None:
    """A wrong secret is told as such, not as a lost link, and the manager is closed again."""
    mgr = Manager("127.0.0.1", fake.port, "admin", "wrong")
    with pytest.raises(ManagerAuthError, match="Authentication failed"):
        await mgr.connect()
    assert mgr.state is ManagerState.CLOSED


async def test_a_refused_login_raises_from_send(fake: FakeAsterisk) -> None:
    """The same refusal of a `core.Login` that the user sent."""
    async with Manager(port=fake.port, plaintext_login=True) as mgr:
        with pytest.raises(ManagerAuthError, match="Authentication failed"):
            await mgr.send(core.Login("admin", "wrong"))


async def test_nobody_listens(closed_port: int) -> None:
    """A closed port is a `ConnectionLost` that was certainly not sent, and also a `ConnectionError`."""
    with pytest.raises(ConnectionLost, match=f"127.0.0.1:{closed_port}") as caught:
        await Manager(port=closed_port).connect()
    assert caught.value.sent is False
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value.__cause__, OSError)


async def test_a_full_server_closes_without_a_greeting() -> None:
    """Beyond `authlimit` Asterisk accepts and closes at once: refused, and no protocol error."""
    async with FakeAsterisk(close_on_connect=True) as fake:
        with pytest.raises(ConnectionLost, match="without a greeting"):
            await Manager.from_url(fake.url).connect()


async def test_a_server_that_does_not_greet_is_given_up() -> None:
    """The greeting is waited for no longer than the timeout."""
    async with FakeAsterisk(slow_banner=30.0) as fake:
        with pytest.raises(ConnectionLost, match=r"did not greet within 0\.1 seconds"):
            await Manager("127.0.0.1", fake.port, "admin", "s3cret", timeout=0.1).connect()


async def test_a_greeting_may_come_before_anybody_waits_for_it(
    fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a quick server says while the connection is still being made counts."""
    loop = asyncio.get_running_loop()
    reach = loop.create_connection

    async def reach_slowly(factory: object, *args: object, **options: object) -> object:
        transport, protocol = await reach(factory, *args, **options)  # type: ignore[call-overload]
        while protocol._stream_reader._received.__self__._framer.banner is None:
            await asyncio.sleep(0.001)
        return transport, protocol

    monkeypatch.setattr(loop, "create_connection", reach_slowly)
    async with Manager("127.0.0.1", fake.port, "admin", "s3cret") as mgr:
        assert mgr.state is ManagerState.READY


async def test_a_server_that_does_not_answer_the_login_is_given_up(fake: FakeAsterisk) -> None:
    """Each message of the login is waited for no longer than the timeout."""
    fake.reply_to("Challenge", None)
    with pytest.raises(ConnectionLost, match=r"did not answer the login within 0\.1 seconds"):
        await Manager("127.0.0.1", fake.port, "admin", "s3cret", timeout=0.1).connect()


@pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"x" * 5000])
async def test_another_protocol_is_told_apart(banner: bytes) -> None:
    """Whoever greets as something else, or without an end, does not speak AMI."""
    async with FakeAsterisk(banner=banner) as fake:
        with pytest.raises(ProtocolError, match="no Asterisk Manager Interface"):
            await Manager.from_url(fake.url).connect()


async def test_every_address_of_a_name_is_tried(
    fake: FakeAsterisk, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name whose first address is dead leads to the second one."""
    loop = asyncio.get_running_loop()
    resolve, reach = loop.getaddrinfo, loop.create_connection
    reached: list[object] = []

    async def two_addresses(host: str, port: int, **options: int) -> object:
        found = await resolve("127.0.0.1", port, **options)
        return [*((*entry[:4], ("127.0.0.2", port)) for entry in found), *found]

    async def reach_first_in_vain(factory: object, host: str, port: int, **options: object) -> object:
        reached.append(host)
        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        return await reach(factory, host, closed_port if host == "127.0.0.2" else port, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(loop, "getaddrinfo", two_addresses)
    monkeypatch.setattr(loop, "create_connection", reach_first_in_vain)
    async with Manager("pbx.test", fake.port, "admin", "s3cret"):
        assert reached == ["127.0.0.2", "127.0.0.1"]


async def test_tls_is_verified() -> None:
    """TLS with a certificate that is trusted works, with one that is not it fails and says so."""
    authority = trustme.CA()
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server_context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with FakeAsterisk(ssl=server_context) as fake:
        async with Manager("127.0.0.1", fake.port, "admin", "s3cret", ssl=trusting) as mgr:
            await mgr.send(core.Ping())
        with pytest.raises(ConnectionLost, match="securely"):
            await Manager("127.0.0.1", fake.port, "admin", "s3cret", ssl=True).connect()


async def test_tls_against_a_plain_port_is_a_failed_connection(fake: FakeAsterisk) -> None:
    """A TLS client on a plain port does not hang."""
    with pytest.raises(ConnectionLost):
        await Manager("127.0.0.1", fake.port, "admin", "s3cret", ssl=True, timeout=1.0).connect()


async def test_a_second_connect_is_refused_and_a_later_one_works(fake: FakeAsterisk) -> None:
    """While there is a link `connect()` is a mistake; after `close()` it makes a new one."""
    mgr = Manager.from_url(fake.url)
    await mgr.connect()
    with pytest.raises(RuntimeError, match="already"):
        await mgr.connect()
    await mgr.close()
    await mgr.close()
    await mgr.connect()
    await mgr.send(core.Ping())
    await mgr.close()


async def test_closing_ends_an_attempt_to_connect() -> None:
    """`close()` while connecting is quick, and the attempt fails."""
    async with FakeAsterisk(slow_banner=30.0) as fake:
        mgr = Manager("127.0.0.1", fake.port, "admin", "s3cret", timeout=None)
        attempt = asyncio.ensure_future(mgr.connect())
        await fake.wait_connected()
        await mgr.close()
        with pytest.raises(ConnectionLost, match="closed while it was connecting"):
            await attempt
        assert mgr.state is ManagerState.CLOSED


async def _held_attempt(mgr: Manager, fake: FakeAsterisk, patch: pytest.MonkeyPatch) -> asyncio.Task[None]:
    """Begin to connect, as far as a login that is never done; later logins are done as usual."""
    reached = asyncio.Event()

    async def never(*_: object) -> None:
        reached.set()
        await asyncio.get_running_loop().create_future()

    with patch.context() as own:
        own.setattr("aioami._client.link.log_in", never)
        attempt = asyncio.create_task(mgr.connect())
        await reached.wait()
    return attempt


@pytest.mark.parametrize("turns", [1, 2])
async def test_a_connect_that_is_given_up_spoils_no_later_one(
    fake: FakeAsterisk, turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a cancelled `connect()` still ends, another task closes and connects: that link has its loop, and works."""
    mgr = Manager("127.0.0.1", fake.port, "admin", "s3cret")
    attempt = await _held_attempt(mgr, fake, monkeypatch)
    attempt.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    assert not attempt.done()
    await mgr.close()
    again = asyncio.create_task(mgr.connect())
    with pytest.raises(asyncio.CancelledError):
        await attempt
    await again
    # Another thread is refused only while the manager knows its loop.
    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, mgr.send(core.Ping()))
    await mgr.close()


async def test_a_connect_that_is_given_up_leaves_the_attempt_of_another_alone(
    fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One task closes, a second closes and connects, and only then the first `connect()` is cancelled."""
    mgr = Manager("127.0.0.1", fake.port, "admin", "s3cret")
    attempt = await _held_attempt(mgr, fake, monkeypatch)
    closing = asyncio.create_task(mgr.close())
    await asyncio.sleep(0)
    await mgr.close()
    again = asyncio.create_task(mgr.connect())
    await asyncio.sleep(0)
    attempt.cancel()
    await asyncio.gather(attempt, closing, return_exceptions=True)
    await again
    assert (await mgr.send(core.Ping())).success
    await mgr.close()


async def test_the_body_of_async_with_raises_its_own_errors(fake: FakeAsterisk) -> None:
    """An error of the body comes out as it is."""
    with pytest.raises(KeyError, match="mine"):
        async with Manager.from_url(fake.url):
            raise KeyError("mine")


# Sending


async def test_ping_measures_its_round_trip(mgr: Manager) -> None:
    """The answer of a Ping says how long it took, in seconds."""
    pong = await mgr.send(core.Ping())
    assert 0 < pong.RTT < 5
    assert pong.rtt == pong.RTT


async def test_any_number_of_actions_at_once(mgr: Manager) -> None:
    """A thousand actions of a thousand tasks get each its own answer."""
    await asyncio.gather(*(mgr.send(core.Setvar(f"V{n}", str(n))) for n in range(1000)))
    answers = await asyncio.gather(*(mgr.send(core.Getvar(f"V{n}")) for n in range(1000)))
    assert [answer["Value"] for answer in answers] == [str(n) for n in range(1000)]


async def test_refusals_raise_and_check_returns_them(mgr: Manager) -> None:
    """`Response: Error` is an exception unless the caller wants to see it."""
    with pytest.raises(ActionError, match="No such channel") as caught:
        await mgr.send(core.Hangup("PJSIP/none"))
    assert caught.value.action == core.Hangup("PJSIP/none")
    response = await mgr.send(core.Hangup("PJSIP/none"), check=False)
    assert not response.success
    with pytest.raises(UnknownAction):
        await mgr.send(Action("NoSuchThing"))


async def test_a_timeout_names_the_action_and_its_late_answer_is_ignored(fake: FakeAsterisk, mgr: Manager) -> None:
    """A late reply disturbs nobody, and the next action gets its own."""
    fake.reply_to("Slow", None, times=1)
    with pytest.raises(ManagerTimeout, match=r"Slow was not answered within 0\.05 seconds") as caught:
        await mgr.send(Action("Slow"), timeout=0.05)
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, asyncio.TimeoutError)
    assert caught.value.action == Action("Slow")
    request = await fake.expect("Slow")
    await fake.send_raw(f"Response: Success\r\nActionID: {request.action_id}\r\n\r\n".encode())
    assert (await mgr.send(core.Ping())).success


async def test_deadlines_of_what_was_answered_are_not_kept(fake: FakeAsterisk, mgr: Manager) -> None:
    """However many actions are answered while one is not, what is remembered of them is bounded, and that one times out."""
    fake.reply_to("Slow", None)
    slow = asyncio.ensure_future(mgr.send(Action("Slow"), timeout=1.0))
    for _ in range(6):
        await asyncio.gather(*(mgr.send(core.Ping(), timeout=30) for _ in range(500)))
    assert mgr._link.connection is not None
    assert len(mgr._link.connection._deadlines) <= 1024
    with pytest.raises(ManagerTimeout):
        await slow


async def test_the_timeout_is_the_callers_then_the_actions_then_the_managers(fake: FakeAsterisk) -> None:
    """The caller's timeout goes first, then the action's own, then the manager's."""
    for name in ("Slow", "Originate"):
        fake.reply_to(name, None)
    async with Manager("127.0.0.1", fake.port, "admin", "s3cret", timeout=0.1, retry_connect=True) as mgr:
        with pytest.raises(ManagerTimeout, match=r"0\.1 seconds"):
            await mgr.send(Action("Slow"))
        with pytest.raises(ManagerTimeout, match=r"0\.2 seconds"):
            await mgr.send(Action("Slow"), timeout=0.2)
        originate = core.Originate_Application("Local/1@x", "Wait", timeout=1000)
        assert originate.timeout == 3.0
        with pytest.raises(ManagerTimeout, match=r"0\.05 seconds"):
            await mgr.send(originate, timeout=0.05)


async def test_cancelling_a_send_leaves_nothing_behind(fake: FakeAsterisk, mgr: Manager) -> None:
    """A cancelled action is forgotten, and what still comes for it is swallowed."""
    fake.reply_to("Slow", None)
    task = asyncio.ensure_future(mgr.send(Action("Slow")))
    request = await fake.expect("Slow")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with mgr.events() as stream:
        late = (
            "Response: Success\r\nActionID: {0}\r\nEventList: start\r\n\r\n"
            "Event: Item\r\nActionID: {0}\r\n\r\n"
            "Event: ItemComplete\r\nActionID: {0}\r\nEventList: Complete\r\n\r\n"
            "Event: After\r\n\r\n"
        )
        await fake.send_raw(late.format(request.action_id).encode())
        event = await asyncio.wait_for(stream.__anext__(), 5)
    assert event.name == "After"


async def test_action_ids_may_be_given(mgr: Manager, fake: FakeAsterisk) -> None:
    """A given ActionID is sent, and one that cannot come back is refused before a byte leaves."""
    await mgr.send(core.Ping(), action_id="mine-1")
    assert fake.received[-1].action_id == "mine-1"
    before = len(fake.received)
    with pytest.raises(ValueError, match="67"):
        await mgr.send(core.Ping(), action_id="x" * 68)
    await mgr.send(core.Ping())
    assert len(fake.received) == before + 1


async def test_each_action_is_one_message_with_one_blank_line(mgr: Manager, fake: FakeAsterisk) -> None:
    """The bytes of concurrent actions are contiguous, and end with exactly one blank line."""
    await asyncio.gather(*(mgr.send(core.Ping()) for _ in range(20)))
    pings = [request for request in fake.received if request.name == "Ping"]
    assert len(pings) == 20
    assert all([name for name, _ in request.headers] == ["Action", "ActionID"] for request in pings)


async def test_lists_are_collected_and_streamed(mgr: Manager) -> None:
    """A list comes as a whole from `send`, or item by item from `stream`."""
    response = await mgr.send(core.QueueStatus("support"))
    names = [event.name for event in response.events]
    assert names[0] == "QueueParams"
    assert response.events.completion is not None
    async with mgr.stream(core.QueueStatus("support")) as stream:
        streamed = [item.name async for item in stream]
        assert streamed == names
        assert stream.response is not None
        assert stream.completion is not None


async def test_a_refused_list_stream_raises(mgr: Manager) -> None:
    """The refusal of a list comes out of the iteration."""
    with pytest.raises(ActionError):
        async for _ in mgr.stream(core.DBGet("no", "thing")):
            raise AssertionError("no item may come")


async def test_leaving_a_list_early_disturbs_nobody(fake: FakeAsterisk, mgr: Manager) -> None:
    """What comes of a list after its stream was left goes nowhere."""
    items = [{"Event": "Item", "Number": str(n)} for n in range(5)]
    end = {"Event": "ItemComplete", "EventList": "Complete", "ListItems": "5"}
    fake.reply_to("Items", lambda request: [{"Response": "Success", "EventList": "start"}, *items, end])
    with mgr.events("Item*") as stream:
        with mgr.stream(Action("Items")) as taken:
            assert (await taken.__anext__())["Number"] == "0"
        assert (await mgr.send(core.Ping())).success
        assert stream.pending == 0


async def test_the_outcome_of_a_call(mgr: Manager) -> None:
    """The OriginateResponse of this very action, also when asked for twice."""
    response = await mgr.send(core.Originate_Application("Local/100@default", "Wait", ("1",), timeout=2000))
    outcome = await response.outcome()
    assert isinstance(outcome, events.OriginateResponse)
    assert outcome["Response"] == "Success"
    assert await response.outcome() is outcome
    busy = await mgr.send(core.Originate_Application("Local/busy@default", "Wait", ("1",), timeout=2000))
    assert (await busy.outcome())["Response"] == "Failure"


async def test_a_quick_outcome_is_not_missed(fake: FakeAsterisk, mgr: Manager) -> None:
    """The outcome may come in the same packet as the reply."""
    fake.reply_to(
        "Originate",
        lambda request: (
            f"Response: Success\r\nActionID: {request.action_id}\r\n\r\n"
            f"Event: OriginateResponse\r\nActionID: other\r\nResponse: Failure\r\n\r\n"
            f"Event: OriginateResponse\r\nActionID: {request.action_id}\r\nResponse: Success\r\nReason: 4\r\n\r\n"
        ).encode(),
    )
    response = await mgr.send(core.Originate_Application("Local/1@x", "Wait"))
    assert (await response.outcome(timeout=1)).reason == 4


async def test_an_outcome_that_never_comes_times_out_or_is_lost(fake: FakeAsterisk, mgr: Manager) -> None:
    """Without the right to read the event there is a timeout, and without a link a loss."""
    fake.reply_to("Originate", {"Response": "Success", "Message": "Originate successfully queued"})
    response = await mgr.send(core.Originate_Application("Local/1@x", "Wait"))
    with pytest.raises(ManagerTimeout):
        await response.outcome(timeout=0.05)
    waiting = asyncio.ensure_future(response.outcome())
    await asyncio.sleep(0)
    fake.drop()
    with pytest.raises(ConnectionLost):
        await waiting
    with pytest.raises(ConnectionLost):
        await response.outcome()


async def test_sending_without_a_link_is_told(fake: FakeAsterisk) -> None:
    """Before `connect()` and after `close()` an action certainly does not reach the server."""
    mgr = Manager.from_url(fake.url)
    for _ in range(2):
        with pytest.raises(ConnectionLost) as caught:
            await mgr.send(core.Ping())
        assert caught.value.sent is False
        with pytest.raises(ConnectionLost, match="not sent"):
            mgr.stream(core.QueueStatus())
        await mgr.connect()
        await mgr.close()
    with pytest.raises(TypeError, match="expected an action"):
        await mgr.send("Ping")  # type: ignore[arg-type]


# Losing the link


@pytest.mark.parametrize("fault", ["drop", "reset", "half_frame"])
async def test_a_lost_link_fails_every_waiter_at_once(fake: FakeAsterisk, fault: str) -> None:
    """Without reconnecting, actions, lists, streams and waits end with the recorded reason, and the manager is lost."""
    fake.reply_to("Slow", None)
    mgr = Manager.from_url(fake.url + "?reconnect=no")
    await mgr.connect()
    stream = mgr.events("Never")
    waits = [
        asyncio.ensure_future(mgr.send(Action("Slow"), timeout=None)),
        asyncio.ensure_future(stream.__anext__()),
        asyncio.ensure_future(mgr.wait_for("Never")),  # type: ignore[arg-type]
    ]
    await fake.expect("Slow")
    result = getattr(fake, fault)()
    if result is not None:
        await result
    results = await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), 5)
    assert [type(each) for each in results] == [ConnectionLost] * 3
    assert results[0].sent is True  # type: ignore[union-attr]
    assert mgr.state is ManagerState.LOST
    with pytest.raises(ConnectionLost) as caught:
        await mgr.send(core.Ping())
    assert caught.value.sent is False
    with pytest.raises(ConnectionLost):
        await mgr.events().__anext__()
    await mgr.close()
    assert mgr.state is ManagerState.CLOSED


async def test_buffered_events_come_before_the_loss(fake: FakeAsterisk) -> None:
    """A stream gives what it has before it raises."""
    mgr = Manager.from_url(fake.url + "?reconnect=no")
    await mgr.connect()
    stream = mgr.events("Last")
    await fake.send_event("Last", {"Number": "1"})
    fake.drop()
    while mgr.state is not ManagerState.LOST:
        await asyncio.sleep(0)
    assert (await stream.__anext__())["Number"] == "1"
    with pytest.raises(ConnectionLost):
        await stream.__anext__()
    await mgr.close()


async def test_garbage_ends_only_what_it_must(fake: FakeAsterisk) -> None:
    """An endless message ends the link with a protocol error once it exceeds the limit."""
    mgr = Manager("127.0.0.1", fake.port, "admin", "s3cret", max_frame_size=10_000)
    await mgr.connect()
    stream = mgr.events()
    pending = asyncio.ensure_future(mgr.send(Action("Slow")))
    fake.reply_to("Slow", None)
    await fake.send_raw(b"Event: Endless\r\nKey: " + b"x" * 20_000)
    with pytest.raises(ProtocolError, match="max_frame_size"):
        async for _ in stream:
            pass
    with pytest.raises(ConnectionLost) as caught:
        await pending
    assert isinstance(caught.value.__cause__, ProtocolError)
    await mgr.close()


async def test_a_logoff_by_the_user_is_a_clean_end(fake: FakeAsterisk) -> None:
    """After `core.Logoff` the server's end of the link is no loss: streams simply end."""
    mgr = Manager.from_url(fake.url)
    await mgr.connect()
    stream = mgr.events("Never")
    assert (await mgr.send(core.Logoff())).success
    assert [event async for event in stream] == []
    assert mgr.state is ManagerState.CLOSED
    await mgr.close()


async def test_close_fails_what_is_under_way_and_ends_streams(fake: FakeAsterisk) -> None:
    """After `close()` nothing waits any more."""
    fake.reply_to("Slow", None)
    mgr = Manager.from_url(fake.url)
    await mgr.connect()
    stream = mgr.events("Never")
    consumed = asyncio.ensure_future(stream.__anext__())
    pending = asyncio.ensure_future(mgr.send(Action("Slow")))
    await fake.expect("Slow")
    await mgr.close()
    with pytest.raises(ConnectionLost, match="closed"):
        await pending
    with pytest.raises(StopAsyncIteration):
        await consumed


# Events


async def test_streams_select_by_class_name_and_pattern(fake: FakeAsterisk, mgr: Manager) -> None:
    """Classes, names in any case, and patterns select; nothing selects everything."""
    streams = [
        mgr.events(events.Hangup),
        mgr.events("hangup", "Queue*"),
        mgr.events(),
        mgr.events(where=lambda e: e.get("N") == "2"),
    ]
    for number, name in enumerate(("Hangup", "QueueCallerJoin", "Foo"), start=1):
        await fake.send_event(name, {"N": str(number)})
    await mgr.send(core.Ping())
    seen: list[list[str]] = []
    for stream in streams:
        seen.append([(await stream.__anext__()).name for _ in range(stream.pending)])
    assert seen[0] == ["Hangup"]
    assert seen[1] == ["Hangup", "QueueCallerJoin"]
    assert seen[2][-3:] == ["Hangup", "QueueCallerJoin", "Foo"]
    assert seen[3] == ["QueueCallerJoin"]


def test_an_action_class_is_no_selector() -> None:
    """The mistake is answered by the name of the event class."""
    with pytest.raises(TypeError, match=r"events\.Hangup"):
        Manager().events(core.Hangup)  # type: ignore[call-overload]


async def test_a_stream_opened_before_connecting_misses_nothing(fake: FakeAsterisk) -> None:
    """FullyBooted comes right behind the login, and a stream that was there before gets it."""
    mgr = Manager.from_url(fake.url)
    with mgr.events("FullyBooted") as stream:
        async with mgr:
            event = await asyncio.wait_for(stream.__anext__(), 5)
    assert event.name == "FullyBooted"


async def test_a_failed_first_connect_leaves_streams_waiting(fake: FakeAsterisk) -> None:
    """A stream survives an attempt that failed."""
    fake.reply_to("Challenge", None, times=1)
    mgr = Manager("127.0.0.1", fake.port, "admin", "s3cret", timeout=0.1)
    stream = mgr.events("FullyBooted")
    with pytest.raises(ConnectionLost):
        await mgr.connect()
    async with mgr:
        assert (await asyncio.wait_for(stream.__anext__(), 5)).name == "FullyBooted"


async def test_wait_for_is_registered_at_the_call(fake: FakeAsterisk, mgr: Manager) -> None:
    """An event that comes before the await is not missed, and a second one does not replace it."""
    waiting = mgr.wait_for("Once")
    await fake.send_event("Once", {"N": "1"})
    await fake.send_event("Once", {"N": "2"})
    await mgr.send(core.Ping())
    assert (await waiting)["N"] == "1"
    assert (await waiting)["N"] == "1"
    with pytest.raises(ManagerTimeout) as caught:
        await mgr.wait_for("Never", timeout=0.02)
    assert caught.value.action is None


async def test_dropped_streams_and_waits_are_forgotten(mgr: Manager) -> None:
    """What nobody holds any more gets nothing, without a warning."""
    before = len(mgr._dispatcher)
    stream, waiting = mgr.events(), mgr.wait_for("Never")
    assert len(mgr._dispatcher) == before + 2
    del stream, waiting
    gc.collect()
    assert len(mgr._dispatcher) == before


async def test_a_slow_consumer_loses_its_oldest_events_and_is_told(
    fake: FakeAsterisk, mgr: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """Overflow is counted and logged once, and other streams lose nothing."""
    slow, quick = mgr.events("N", maxsize=3), mgr.events("N")
    with caplog.at_level(logging.WARNING, "aioami"):
        for number in range(10):
            await fake.send_event("N", {"N": str(number)})
        await mgr.send(core.Ping())
    assert (slow.dropped, slow.pending, quick.dropped, quick.pending) == (7, 3, 0, 10)
    assert [(await slow.__anext__())["N"] for _ in range(3)] == ["7", "8", "9"]
    assert slow.delivered == 3
    assert caplog.text.count("consumed too slowly") == 1


async def test_a_raising_predicate_hurts_nobody_else(
    fake: FakeAsterisk, mgr: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    """The reader survives a `where` that raises, and the others get their events."""
    broken, fine = mgr.events("N", where=lambda event: 1 / 0), mgr.events("N")
    await fake.send_event("N", {})
    await mgr.send(core.Ping())
    assert (broken.pending, fine.pending) == (0, 1)
    assert "ZeroDivisionError" in caplog.text


async def test_a_stream_that_is_closed_in_its_own_loop_gives_nothing_more(fake: FakeAsterisk, mgr: Manager) -> None:
    """What waits when `async for` closes its stream is discarded, as it is at every other time."""
    with mgr.events("Flood") as stream:
        for _ in range(3):
            await fake.send_event("Flood", {})
        await mgr.send(core.Ping())
        assert stream.pending == 3
        async for _event in stream:
            stream.close()
        assert (stream.delivered, stream.pending) == (1, 0)


async def test_a_predicate_that_closes_its_own_stream(fake: FakeAsterisk, mgr: Manager) -> None:
    """The event that it looks at is not given out, whatever it returns: a closed stream gets no more events."""

    def close(event: Event) -> bool:
        stream.close()
        return True

    stream = mgr.events("N", where=close)
    await fake.send_event("N", {})
    await mgr.send(core.Ping())
    assert stream.pending == 0
    with pytest.raises(StopAsyncIteration):
        await stream.__anext__()


async def test_the_iterator_of_a_stream_is_iterated_too(mgr: Manager) -> None:
    """What `aiter(stream)` gives may stand in `async for` again, as helpers around iterators do."""
    with mgr.events("UserEvent") as stream:
        iterator = aiter(stream)
        await mgr.send(core.UserEvent(UserEvent="Door"))
        async for event in iterator:
            assert event["UserEvent"] == "Door"
            break


async def test_a_stream_has_one_consumer(mgr: Manager) -> None:
    """A second task that waits for the same stream is refused; cancelling the first loses nothing."""
    stream = mgr.events("Never")
    first = asyncio.ensure_future(stream.__anext__())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="another task"):
        await stream.__anext__()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    stream.close()
    with pytest.raises(StopAsyncIteration):
        await stream.__anext__()


async def test_events_keep_their_order(fake: FakeAsterisk, mgr: Manager) -> None:
    """A flood arrives whole and in order."""
    with mgr.events("Flood", maxsize=None) as stream:
        flooding = fake.flood(20_000, name="Flood")
        if flooding is not None:
            await flooding
        count = 0
        async for _ in stream:
            count += 1
            if count == 20_000:
                break
    assert stream.dropped == 0


# Configuration


def test_urls_are_read() -> None:
    """Scheme, credentials, port and options stand in the URL."""
    mgr = Manager.from_url("ami://us%40er:p%3Aw@pbx.example:15038?timeout=2.5&event_mask=call,user")
    assert repr(mgr) == "<Manager us@er@pbx.example:15038 closed>"
    assert repr(Manager.from_url("amis://a:b@[::1]")) == "<Manager a@::1:5039 closed>"
    assert "b" not in repr(Manager.from_url("ami://a:b@h"))[10:15]


@pytest.mark.parametrize(
    "url", ["http://a:b@h", "ami://", "ami://a:b@h?nope=1", "ami://a:b@h:0", "ami://a:b@h?timeout=x", "ami://a@h"]
)
def test_urls_that_cannot_be_right_are_refused(url: str) -> None:
    """A URL with an unknown scheme, option or number is a `ValueError`."""
    with pytest.raises(ValueError, match=r"url|port|secret"):
        Manager.from_url(url)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"timeout": 0}, "timeout"),
        ({"max_frame_size": 0}, "max_frame_size"),
        ({"port": 70000}, "port"),
        ({"username": "a"}, "secret"),
        ({"event_mask": "1"}, "mask"),
        ({"username": "a\r\nb", "secret": "c"}, "Username"),
    ],
)
def test_options_that_cannot_be_right_are_refused(options: dict[str, object], field: str) -> None:
    """A wrong option is a `ValueError` that names it, before anything is connected."""
    with pytest.raises(ValueError, match=field):
        Manager(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["host", "server_hostname"])
@pytest.mark.parametrize("text", ["ami://admin:s3cret@host", "admin:s3cret@host", "amis://s3cret"])
def test_a_url_is_no_host(field: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is a URL is refused by a sentence that says who takes one, and shows nothing of it."""
    with pytest.raises(ValueError, match=rf"^{field}: .*from_url") as raised:
        Manager(**{field: text})  # type: ignore[arg-type]
    assert "s3cret" not in told_by(raised.value) + caplog.text


def test_a_url_is_text() -> None:
    """What is no text is refused by its type, and not shown."""
    with pytest.raises(TypeError, match=r"^url: expected text, not bytes"):
        Manager.from_url(b"ami://admin:s3cret@host")  # type: ignore[arg-type]


def told_by(error: BaseException | None) -> str:
    """All that an exception and those chained to it say."""
    told = ""
    while error is not None:
        told += f"{error!r} {error} {error.__dict__}"
        error = error.__cause__ or error.__context__
    return told


@pytest.mark.parametrize("odd", [chr(0xD800), chr(0xDE00), "\r", "\n", "\0", "x" * 2000])
@pytest.mark.parametrize(
    "make",
    [
        lambda secret: core.Login("admin", secret, challenge="1"),
        lambda secret: core.Login("admin", secret),
        lambda secret: Manager("h", 1, "admin", secret),
        lambda secret: Manager.from_url(f"ami://admin:{quote(secret, errors='surrogatepass')}@h:x"),
        lambda secret: Manager.from_url("ami://h?server_hostname=" + quote(f"a:{secret}@h", errors="surrogatepass")),
        lambda secret: Action("Login", {"Secret": secret}),
        lambda secret: core.Setvar(None, "PASSWORD", secret),
    ],
)
def test_no_error_tells_a_secret(make: Callable[[str], object], odd: str) -> None:
    """Neither an error nor one that is chained to it holds the secret that was refused."""
    told = ""
    try:
        told = repr(make(f"{odd}hunter2"))
    except (ValueError, TypeError) as error:
        told = told_by(error)
    assert "hunter2" not in told


async def test_the_event_mask_is_sent_with_the_login(fake: FakeAsterisk) -> None:
    """Off, one class, and several classes each reach the server."""
    for mask, sent in ((True, ""), (False, "off"), ("call", "call"), (("call", "user"), "call,user")):
        async with Manager("127.0.0.1", fake.port, "admin", "s3cret", event_mask=mask):
            login = [request for request in fake.received if request.name == "Login"][-1]
            assert login.get("Events") == sent


def test_secrets_are_in_no_repr() -> None:
    """Neither the manager nor a login shows what must stay secret."""
    assert "s3cret" not in repr(Manager("h", 1, "admin", "s3cret"))
    assert "s3cret" not in repr(core.Login("admin", "s3cret"))
    login = core.Login("admin", "s3cret", challenge="123")
    assert dict(login.headers)["Key"] not in repr(login)


def test_plain_events_are_events() -> None:
    """An event without a class of its own is a plain `Event`."""
    assert type(events.parse("Event: Foo\r\nBar: 1")) is Event


@pytest.mark.parametrize("name", ["host", "server_hostname"])
def test_an_address_that_is_no_text_is_refused(name: str) -> None:
    """An address of a wrong type is refused by the argument's name."""
    with pytest.raises(TypeError, match=f"^{name}: expected text, not int$"):
        Manager(**{name: 5038})  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ["Login", "Challenge"])
async def test_a_refused_login_does_not_repeat_the_secret(fake: FakeAsterisk, action: str) -> None:
    """A server knows the secret without being sent it, and may say it in its refusal."""
    fake.reply_to(action, {"Response": "Error", "Message": "admin has the secret s3cret"})
    mgr = Manager(fake.host, fake.port, "admin", "s3cret")
    with pytest.raises(ManagerAuthError) as caught:
        await mgr.connect()
    assert "admin has the secret ***" in str(caught.value)
    assert "s3cret" not in str(caught.value) + repr(mgr) + repr(mgr.reason) + repr(caught.value.response)


async def test_a_refusal_does_not_repeat_the_secret(fake: FakeAsterisk, mgr: Manager) -> None:
    """No action's refusal shows the secret of the login, nor what the action itself hides."""
    fake.reply_to("Setvar", {"Response": "Error", "Message": "neither s3cret nor hush-hush"})
    with pytest.raises(ActionError, match=r"neither \*\*\* nor \*\*\*") as caught:
        await mgr.send(core.Setvar("PIN", "hush-hush", "PJSIP/x"))
    reply = await mgr.send(core.Setvar("PIN", "hush-hush", "PJSIP/x"), check=False)
    for shown in (repr(caught.value.response), repr(reply), reply._repr_html_()):
        assert "s3cret" not in shown
        assert "hush-hush" not in shown
    assert reply.message == "neither s3cret nor hush-hush"  # which is what came
    assert b"s3cret" in pickle.dumps(reply)
    fake.reply_to("QueueStatus", {"Response": "Error", "Message": "not s3cret"})
    with pytest.raises(ActionError, match=r"not \*\*\*"):
        async for _ in mgr.stream(core.QueueStatus()):
            pass
    outcome = {"Response": "Error", "Message": "not s3cret"}
    fake.reply_to("Originate", outcome)
    with pytest.raises(ActionError, match=r"not \*\*\*"):
        await mgr.send(core.Originate_Application("PJSIP/x", "Wait"))


async def test_an_error_amid_a_list_does_not_repeat_the_secret() -> None:
    """It is a refusal too, though its list has begun."""
    async with FakeAsterisk() as fake, Manager.from_url(fake.url) as mgr:
        fake.reply_to(
            "QueueStatus",
            [
                [("Response", "Success"), ("EventList", "start"), ("Message", "Queue status will follow")],
                [("Response", "Error"), ("Message", "not s3cret")],
            ],
        )
        with pytest.raises(ActionError, match=r"not \*\*\*") as caught:
            await mgr.send(core.QueueStatus())
        assert "s3cret" not in repr(caught.value.response)
