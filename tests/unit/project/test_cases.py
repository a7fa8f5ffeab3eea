"""Edge cases of the protocol that need both ends: odd servers, odd moments, and what the client makes of them."""

from __future__ import annotations

import asyncio

import pytest

from aioami import (
    Action,
    ActionError,
    ConnectionLost,
    Manager,
    ManagerAuthError,
    ManagerState,
    core,
    events,
)
from aioami.testing import FakeAsterisk


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
async def test_everything_works_in_small_pieces(size: int) -> None:
    """Greeting, login, lists and events come in pieces of a few bytes, and nothing is lost."""
    async with FakeAsterisk(chunk_size=size) as fake, Manager.from_url(fake.url) as mgr:
        with mgr.events(events.UserEvent) as stream:
            assert len((await mgr.send(core.QueueStatus())).events) == 5
            await mgr.send(core.UserEvent(UserEvent="Zoë", Text="日本語"))
            event = await stream.__anext__()
        assert (event.user_event, event["Text"]) == ("Zoë", "日本語")


async def test_an_events_action_that_is_not_answered_is_over_all_the_same() -> None:
    """With `brokeneventsaction` the server does as it is told and says nothing; the answer to a Ping behind it tells."""
    async with FakeAsterisk(broken_events_action=True) as fake, Manager.from_url(fake.url) as mgr:
        silent = await mgr.send(core.Events(core.EVENTMASK_ALL))
        assert (silent.success, silent.enabled, silent.message) == (True, None, "")
        assert (await mgr.send(core.Events(core.EVENTMASK_NONE))).enabled is False


@pytest.mark.parametrize("text", ["Authentication failed", "Login Already In Use"])
async def test_refused_logins_are_told_apart_from_lost_links(text: str) -> None:
    """The refusal and the end of the link come together, and the refusal is what is told."""
    async with FakeAsterisk(refuse_login=text) as fake:
        with pytest.raises(ManagerAuthError, match=text):
            await Manager.from_url(fake.url).connect()


async def test_a_server_that_shuts_down_refuses_the_login(fake: FakeAsterisk) -> None:
    """`Asterisk is shutting down` is no wrong secret: it may be tried again later."""
    fake.reply_to("Challenge", {"Response": "Error", "Message": "Asterisk is shutting down"})
    with pytest.raises(ConnectionLost, match="shutting down"):
        await Manager.from_url(fake.url).connect()


async def test_a_server_without_md5_is_refused(fake: FakeAsterisk) -> None:
    """The secret is not sent in the clear instead."""
    fake.reply_to("Challenge", {"Response": "Error", "Message": "Must specify AuthType"})
    with pytest.raises(ManagerAuthError, match="Must specify AuthType"):
        await Manager.from_url(fake.url).connect()
    assert [request.name for request in fake.received] == ["Challenge"]


async def test_the_end_during_the_login_is_a_loss(fake: FakeAsterisk) -> None:
    """Asterisk closes a connection without a word when the login takes too long."""

    def end(request: object) -> None:
        fake.drop()

    fake.reply_to("Login", end)
    with pytest.raises(ConnectionLost, match="before a login"):
        await Manager.from_url(fake.url).connect()


async def test_the_end_during_a_shutdown(fake: FakeAsterisk) -> None:
    """Actions are refused, the Shutdown event comes, and then the link is lost."""
    mgr = Manager.from_url(fake.url + "?reconnect=no")
    await mgr.connect()
    fake.reply_to("Ping", {"Response": "Error", "Message": "Asterisk is shutting down"})
    with mgr.events(events.Shutdown) as stream:
        with pytest.raises(ActionError, match="shutting down"):
            await mgr.send(core.Ping())
        await fake.send_event("Shutdown", {"Shutdown": "Cleanly", "Restart": "False"}, privilege="system,all")
        fake.drop()
        event = await stream.__anext__()
        assert event.restart is False
        with pytest.raises(ConnectionLost):
            await stream.__anext__()
    assert mgr.state is ManagerState.LOST


async def test_a_command_that_ends_the_server_is_a_loss(fake: FakeAsterisk, mgr: Manager) -> None:
    """`core stop now` is answered by the end of the link."""

    def end(request: object) -> None:
        fake.drop()

    fake.reply_to("Command", end)
    with pytest.raises(ConnectionLost) as caught:
        await mgr.send(core.Command("core stop now"))
    assert caught.value.sent is True


async def test_a_logoff_may_be_answered_by_the_end_alone(fake: FakeAsterisk) -> None:
    """`close()` is content with either."""

    def end(request: object) -> None:
        fake.drop()

    fake.reply_to("Logoff", end)
    mgr = Manager.from_url(fake.url)
    await mgr.connect()
    await mgr.close()
    assert mgr.state is ManagerState.CLOSED


async def test_a_silent_session_is_no_failure(fake: FakeAsterisk, mgr: Manager) -> None:
    """A synchronous call holds the session up; what was asked behind it waits as long."""
    long = core.Originate_Application("Local/noanswer@default", "Wait", timeout=1000, async_=False)
    call = asyncio.ensure_future(mgr.send(long, check=False))
    await fake.expect("Originate")
    assert (await mgr.send(core.Ping())).success
    assert not (await call).success


async def test_old_servers_are_understood() -> None:
    """Asterisk 13 sends command output in its old form."""
    async with FakeAsterisk(version="13") as fake, Manager.from_url(fake.url) as mgr:
        assert mgr.version == "2.10.6"
        reply = await mgr.send(core.Command("core show uptime"))
        assert reply["Response"] == "Follows"
        assert reply.data == ["System uptime: 0 seconds", "Last reload: 0 seconds"]


async def test_a_stalled_server_answers_later(fake: FakeAsterisk, mgr: Manager) -> None:
    """What a server holds back arrives when it goes on."""
    fake.stall()
    waiting = asyncio.ensure_future(mgr.send(core.Ping()))
    await fake.expect("Ping")
    assert not waiting.done()
    fake.resume()
    assert (await waiting).success


async def test_garbage_is_survived(fake: FakeAsterisk, mgr: Manager) -> None:
    """Bytes that mean nothing are one message too many, and no more."""
    fake.garbage()
    assert (await mgr.send(core.Ping())).success


async def test_what_the_server_says_of_a_bad_message(fake: FakeAsterisk) -> None:
    """Lines too long, too many lines and no action are answered as Asterisk does, so that clients can be held to it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", fake.port)
    for sent, answer in (
        (b"\r\n", "Missing action in request"),
        (b"Action: Ping\r\n\r\n", "Permission denied"),
        (b"Action: Ping\r\nActionID: 1\r\nX: " + b"x" * 1020 + b"\r\n\r\n", "Failed to parse message: line too long"),
        (b"Action: Ping\n" + b"A: b\n" * 128 + b"\n", "Too many lines in message or allocation failure"),
    ):
        writer.write(sent)
        while f"Message: {answer}\r\n".encode() != await asyncio.wait_for(reader.readline(), 5):
            pass
    writer.close()
    await writer.wait_closed()


async def test_scripted_replies(fake: FakeAsterisk, mgr: Manager) -> None:
    """Replies are headers, several messages, bytes or functions, for as often as was said."""
    fake.reply_to("Foo", {"Response": "Success", "N": "1"}, times=1)
    assert (await mgr.send(Action("foo")))["N"] == "1"
    with pytest.raises(ActionError):
        await mgr.send(Action("Foo"))
    fake.reply_to("Foo", b"Response: Success\r\nActionID: {ActionID}\r\nN: 2\r\n\r\n")
    assert (await mgr.send(Action("Foo")))["N"] == "2"
    fake.reply_to("Foo", [("Response", "Success"), ("N", "3"), ("N", "4")])
    assert (await mgr.send(Action("Foo"))).getall("N") == ["3", "4"]
    fake.reply_to("Foo", lambda request: {"Response": "Success", "Echo": request.get("Bar") or ""})
    assert (await mgr.send(Action("Foo", {"Bar": "x"})))["Echo"] == "x"
