"""The link over the lives of its connections: lost, established again, watched, waited for."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import inspect
import itertools
import logging
import re
import socket
import ssl
import tracemalloc
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.helpers import QUICK, interruptible, manager, until

from aioami import (
    Action,
    ActionError,
    Backoff,
    ConnectionLost,
    Disconnected,
    Event,
    EventsLost,
    EventStream,
    Manager,
    ManagerAuthError,
    ManagerState,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    Reconnected,
    UnknownAction,
    core,
)
from aioami._client.connection import Connection
from aioami._client.connector import read_less
from aioami._client.keepalive import Keepalive
from aioami.actions.system import Filter
from aioami.testing import Account, FakeAsterisk, FakeConnection, FaultProxy, Recording


async def lose(mgr: Manager, fake: FakeAsterisk) -> None:
    """Cut the link, and wait until the manager knows."""
    fake.drop()
    await until(lambda: mgr.state is not ManagerState.READY)


def logins(fake: FakeAsterisk) -> int:
    return len(fake.sent("Login"))


# Establishing it again


async def test_a_lost_link_is_established_again(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """State and log tell of the loss once, and of the new link once, with the length of the gap."""
    caplog.set_level(logging.INFO, "aioami")
    async with manager(fake) as mgr:
        await lose(mgr, fake)
        assert mgr.state is ManagerState.RECONNECTING
        await mgr.wait_ready(timeout=5)
        assert mgr.state is ManagerState.READY
        assert (await mgr.send(core.Ping())).success
    told = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert [(name, level) for name, level, _ in told] == [("aioami.link", "WARNING"), ("aioami.link", "INFO")]
    assert "was lost" in told[0][2]
    assert re.search(r"stands again, after \d\.\d seconds$", told[1][2])


async def test_many_failed_attempts_are_logged_once(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """An outage of many attempts is one warning and, in the end, one information."""
    caplog.set_level(logging.INFO, "aioami")
    async with manager(fake) as mgr:
        fake.close_on_connect = True
        await lose(mgr, fake)
        before = mgr.statistics()
        await until(lambda: "without a greeting" in str(mgr._link.reason))
        fake.close_on_connect = False
        await mgr.wait_ready(timeout=5)
        assert (mgr.statistics() - before).reconnects == 1
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_without_reconnecting_a_lost_link_is_final(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """`reconnect=False` ends everything with the first loss."""
    mgr = manager(fake, reconnect=False)
    await mgr.connect()
    stream = mgr.events()
    await lose(mgr, fake)
    assert mgr.state is ManagerState.LOST
    with pytest.raises(ConnectionLost):
        async for _ in stream:
            pass
    assert logins(fake) == 1
    assert "lost for good" in caplog.text
    await mgr.close()


async def test_without_a_username_a_lost_link_is_final(fake: FakeAsterisk) -> None:
    """Nobody could log in again."""
    mgr = Manager(fake.host, fake.port)
    await mgr.connect()
    fake.drop()
    await until(lambda: mgr.state is ManagerState.LOST)
    await mgr.close()


async def test_the_first_connect_raises_or_goes_on_trying(caplog: pytest.LogCaptureFixture) -> None:
    """A service that starts before its server waits for it with `retry_connect`."""
    caplog.set_level(logging.INFO, "aioami")
    async with FakeAsterisk(close_on_connect=True) as fake:
        with pytest.raises(ConnectionLost):
            await manager(fake).connect()
        mgr = manager(fake, retry_connect=True)
        connecting = asyncio.ensure_future(mgr.connect())
        await until(lambda: "without a greeting" in str(mgr._link.reason))
        assert mgr.state is ManagerState.CONNECTING
        fake.close_on_connect = False
        await asyncio.wait_for(connecting, 5)
        assert mgr.state is ManagerState.READY
        await mgr.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_a_service_whose_first_attempt_succeeds_logs_nothing(
    fake: FakeAsterisk, caplog: pytest.LogCaptureFixture
) -> None:
    """`retry_connect` is silent where there is nothing to retry."""
    caplog.set_level(logging.INFO, "aioami")
    async with manager(fake, retry_connect=True):
        assert not caplog.records


async def test_retrying_ends_with_a_refusal(fake: FakeAsterisk) -> None:
    """A wrong secret is told at once, also with `retry_connect`."""
    with pytest.raises(ManagerAuthError):
        await manager(fake, secret="wrong", retry_connect=True).connect()
    assert logins(fake) == 1


async def test_a_refused_login_ends_reconnecting(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """After a changed password nothing is retried; manager, streams and waiting actions end with the refusal."""
    mgr = manager(fake)
    await mgr.connect()
    stream = mgr.events("Never")
    fake.refuse_login = "Authentication failed"
    await lose(mgr, fake)
    waiting = asyncio.ensure_future(mgr.send(core.Ping()))
    with pytest.raises(ManagerAuthError, match="Authentication failed"):
        await mgr.wait_ready()
    with pytest.raises(ManagerAuthError):
        await stream.__anext__()
    with pytest.raises(ConnectionLost, match="Authentication failed") as caught:
        await waiting
    assert caught.value.sent is False
    assert isinstance(caught.value.__cause__, ManagerAuthError)
    with pytest.raises(ManagerAuthError):
        await mgr.wait_booted()
    with pytest.raises(ManagerAuthError):
        await mgr.events().__anext__()
    assert mgr.state is ManagerState.LOST
    assert logins(fake) == 2
    await mgr.close()
    assert "lost for good" in caplog.text


@pytest.mark.parametrize("text", ["Login Already In Use", "Asterisk is shutting down"])
async def test_refusals_that_pass_are_retried(fake: FakeAsterisk, text: str) -> None:
    """A half-open link that still has the login, and a server that is about to end, are no reason to give up."""
    async with manager(fake) as mgr:
        fake.refuse_login = text
        await lose(mgr, fake)
        await until(lambda: logins(fake) >= 3)
        assert mgr.state is ManagerState.RECONNECTING
        fake.refuse_login = None
        await mgr.wait_ready(timeout=5)


async def test_a_challenge_of_a_server_that_ends_is_asked_again(fake: FakeAsterisk) -> None:
    """No secret goes out in plain to a server that refuses the challenge because it is about to end."""
    async with manager(fake) as mgr:
        fake.reply_to("Challenge", {"Response": "Error", "Message": "Asterisk is shutting down"}, times=2)
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        assert logins(fake) == 2


async def test_the_first_login_in_use_raises(fake: FakeAsterisk) -> None:
    """Without `retry_connect` the first `connect()` says so."""
    fake.refuse_login = "Login Already In Use"
    with pytest.raises(ManagerAuthError, match="Already In Use"):
        await manager(fake).connect()


@pytest.mark.parametrize("fault", [FakeConnection.drop, FakeConnection.reset, FakeConnection.stall])
async def test_an_end_during_the_login_is_retried(fake: FakeAsterisk, fault: Callable[[FakeConnection], None]) -> None:
    """EOF, reset and silence in the middle of a login are lost links like others."""
    async with manager(fake, timeout=0.1, retry_connect=True) as mgr:
        fake.before(core.Login, fault, times=2)
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)


async def test_the_waits_grow_and_begin_anew() -> None:
    """The delays are a geometric series up to the maximum, jittered by at most half."""
    plain = Backoff(jitter=False).delays()
    assert [round(next(plain), 3) for _ in range(11)] == [
        *(0.5, 0.8, 1.28, 2.048, 3.277, 5.243, 8.389, 13.422, 21.475, 30.0, 30.0)
    ]
    for exact, random in zip(Backoff(jitter=False).delays(), itertools.islice(Backoff().delays(), 50), strict=False):
        assert exact / 2 <= random <= exact


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"first": 0}, "first"),
        ({"first": float("inf")}, "first"),
        ({"factor": 0.5}, "factor"),
        ({"maximum": 0.1}, "maximum"),
        ({"maximum": float("nan")}, "maximum"),
    ],
)
def test_waits_that_cannot_be_right_are_refused(options: dict[str, float], field: str) -> None:
    """A wrong number is a `ValueError` that names it."""
    with pytest.raises(ValueError, match=field):
        Backoff(**options)


async def test_a_link_that_falls_at_once_does_not_reset_the_waits(fake: FakeAsterisk) -> None:
    """A server that cuts every login off is not asked at the first pace for ever."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with manager(fake, reconnect=Backoff(first=0.01, factor=2.0, maximum=0.1, jitter=False)) as mgr:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("aioami._client.link.asyncio.sleep", sleep)
            for _ in range(3):
                await lose_and_wait(mgr, fake)
            mgr._link._established_at -= 1  # a link that lasted
            await lose_and_wait(mgr, fake)
    assert waits == [0.01, 0.02, 0.04, 0.01]


async def lose_and_wait(mgr: Manager, fake: FakeAsterisk) -> None:
    fake.drop()
    with mgr.events(Reconnected) as stream:
        await stream.__anext__()


# What is asked for again


async def test_the_mask_is_asked_for_again(fake: FakeAsterisk) -> None:
    """The constructor's mask comes with each login, until the user sends another; the last one wins."""
    async with manager(fake, event_mask="call") as mgr:
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        assert [request.get("Events") for request in fake.sent("Login")] == ["call", "call"]
        await mgr.send(core.Events(core.EVENTMASK_SYSTEM))
        with pytest.raises(ActionError):
            await mgr.send(Action("Events"))
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        assert fake.sent("Login")[-1].get("Events") == "off"
        assert fake.sent("Events")[-1].get("EventMask") == "system"
        assert fake.connections[0].mask == {"system"}


async def test_masks_that_are_refused_at_once_do_not_count(fake: FakeAsterisk) -> None:
    """Several refusals on their way leave the last mask that was taken; one refused later ends the manager."""
    mgr = manager(fake)
    await mgr.connect()
    await mgr.send(core.Events("call"))
    refused = [mgr.send(Action("Events", {"EventMask": ""})) for _ in range(2)]
    results = await asyncio.gather(*refused, return_exceptions=True)
    assert [type(each) for each in results] == [ActionError] * 2
    await lose(mgr, fake)
    await mgr.wait_ready(timeout=5)
    assert fake.sent("Events")[-1].get("EventMask") == "call"
    fake.reply_to("Events", {"Response": "Error", "Message": "Invalid event mask"})
    await lose(mgr, fake)
    with pytest.raises(ActionError, match="Invalid event mask"):
        await mgr.wait_ready()
    await mgr.close()


async def test_a_mask_that_never_left_does_not_count(fake: FakeAsterisk) -> None:
    """One whose ActionID is in use, or that met a closing socket, was not sent; one that was cancelled was."""
    fake.reply_to("Slow", None)
    async with manager(fake, event_mask="call") as mgr:
        slow = asyncio.ensure_future(mgr.send(Action("Slow"), action_id="mine", timeout=None))
        await fake.expect("Slow")
        with pytest.raises(ValueError, match="mine"):
            await mgr.send(core.Events("user"), action_id="mine")
        assert mgr._link.connection is not None
        assert mgr._link.connection._writer is not None
        mgr._link.connection._writer.transport.abort()
        with pytest.raises(ConnectionLost):
            await mgr.send(core.Events("user"))
        await mgr.wait_ready(timeout=5)
        with pytest.raises(ConnectionLost):
            await slow
        assert fake.sent("Login")[-1].get("Events") == "call"
        fake.reply_to("Events", None, times=1)
        sent = asyncio.ensure_future(mgr.send(core.Events("user")))
        await fake.expect("Events")
        sent.cancel()
        await asyncio.wait([sent])
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        assert fake.sent("Events")[-1].get("EventMask") == "user"


async def test_a_mask_that_the_server_does_not_confirm_counts_too() -> None:
    """With `brokeneventsaction` the server does as it is told and says nothing; reconnecting does not wait for that."""
    async with FakeAsterisk(broken_events_action=True) as fake, manager(fake, timeout=0.1, retry_connect=True) as mgr:
        await mgr.send(core.Events(True))
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        assert fake.connections[0].mask >= {"system", "call"}


async def test_filters_are_added_before_events_flow(fake: FakeAsterisk) -> None:
    """Quiet login, filters of both kinds, and then the mask: after the first login and after each other."""
    filters = ["!Event: RTCP", ("action(exclude),name(Newexten)", ""), "name(Hangup),header(Cause),method(exact)=16"]
    async with manager(fake, event_filters=filters, event_mask=("call", "user")) as mgr:
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
    for begin in (0, 8):
        asked = fake.received[begin : begin + 8]
        assert [request.name for request in asked] == ["Challenge", "Login", *["Filter"] * 4, "Events", "Ping"]
        assert asked[1].get("Events") == "off"
        assert [(each.get("MatchCriteria"), each.get("Filter")) for each in asked[3:6]] == [
            ("", "!Event: RTCP"),
            ("action(exclude),name(Newexten)", ""),
            ("name(Hangup),header(Cause),method(exact)", "16"),
        ]
        assert asked[6].get("EventMask") == "call,user"


async def test_filters_hold_events_back(fake: FakeAsterisk) -> None:
    """What the server filters does not come, before or after a reconnect."""
    async with manager(fake, event_filters=["!Event: Quiet"]) as mgr:
        for _ in range(2):
            with mgr.events("Quiet", "Shrill") as stream:
                await fake.send_event("Quiet")
                await fake.send_event("Shrill")
                assert (await stream.__anext__()).name == "Shrill"
            await lose(mgr, fake)
            await mgr.wait_ready(timeout=5)


async def test_the_users_filters_come_back_with_the_link(fake: FakeAsterisk) -> None:
    """Those that the server took, in their order and as often as they were sent, behind the constructor's."""
    async with manager(fake, event_filters=["!Event: Own"], event_mask="call") as mgr:
        await mgr.send(Filter("!Event: Quiet"))
        await mgr.send(Action("fiLTer", {"Operation": "Add", "Filter": "!Event: Hush"}))
        await mgr.send(Filter("!Event: Quiet"))
        with pytest.raises(ActionError, match="did not compile"):
            await mgr.send(Filter("("))
        assert not (await mgr.send(Filter("("), check=False)).success
        fake.reply_to("Filter", None, times=1)
        with pytest.raises(ManagerTimeout):
            await mgr.send(Filter("!Event: Unknown"), timeout=0.05)
        await lose(mgr, fake)
        await mgr.send(Filter("!Event: Late"))  # which waits for the link, and comes behind the others
        for _ in range(2):
            fake.received.clear()
            await lose(mgr, fake)
            await mgr.wait_ready(timeout=5)
            names = [request.name.lower() for request in fake.received]
            assert names == ["challenge", "login", *["filter"] * 5, "events", "ping"]
            assert fake.received[1].get("Events") == "off"
            told = [request.get("Filter", "").removeprefix("!Event: ") for request in fake.sent("Filter")]
            assert told == ["Own", "Quiet", "Hush", "Quiet", "Late"]
        with mgr.events("Quiet", "Noise") as stream:
            await fake.send_event("Quiet")
            await fake.send_event("Noise")
            assert (await stream.__anext__()).name == "Noise"
        await mgr.close()
        await mgr.connect()
        assert [request.get("Filter") for request in fake.sent("Filter")][-1] == "!Event: Own"


async def test_a_users_filter_that_is_refused_later_is_final(fake: FakeAsterisk) -> None:
    """Without it the wrong events would come, as without one of the constructor's."""
    mgr = manager(fake)
    await mgr.connect()
    await mgr.send(Filter("!Event: Foo"))
    fake.reply_to("Filter", {"Response": "Error", "Message": "Filter did not compile."})
    await lose(mgr, fake)
    with pytest.raises(ActionError, match="did not compile"):
        await mgr.wait_ready()
    await mgr.close()


async def test_a_refused_filter_is_told() -> None:
    """A filter that the server refuses, or that the user may not set, fails the connect."""
    async with FakeAsterisk(users={"admin": Account("s3cret", write="call"), "boss": "s3cret"}) as fake:
        with pytest.raises(PermissionDenied):
            await manager(fake, event_filters=["name(Hangup)"]).connect()
        with pytest.raises(ActionError, match="did not compile"):
            await manager(fake, username="boss", event_filters=["("]).connect()
        assert not fake.connections or await settled(fake)


async def settled(fake: FakeAsterisk) -> bool:
    await until(lambda: not fake.connections)
    return True


async def test_a_filter_that_is_refused_later_is_final(fake: FakeAsterisk) -> None:
    """A server that knows the filter no more would send what nobody wants: the manager ends with the refusal."""
    mgr = manager(fake, event_filters=["!Event: Foo"])
    await mgr.connect()
    fake.reply_to("Filter", {"Response": "Error", "Message": "Filter did not compile."})
    await lose(mgr, fake)
    with pytest.raises(ActionError, match="did not compile"):
        await mgr.wait_ready()
    assert mgr.state is ManagerState.LOST
    await mgr.close()


@pytest.mark.fake_asterisk(version="16")
async def test_an_old_server_does_not_misread_new_filters(fake: FakeAsterisk) -> None:
    """Asterisk 16 would take the pattern for a regular expression, and say nothing."""
    with pytest.raises(UnknownAction, match="criteria"):
        await manager(fake, event_filters=["name(Hangup),method(contains)=16"]).connect()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("", "filter: it is empty"),
        ("!", "filter: it is empty"),
        (r"Channel: \d+", r"\\d"),
        ("(?:a)", r"\(\?"),
        ("name(Hangup),method(exact)", r"method\(exact\) needs a pattern"),
        ("name(Hangup)=16", r"method\(none\) takes no pattern"),
        (("name(Hangup),method(like)", "1"), "method: one of"),
        (("action(maybe),name(Hangup)", ""), "action: one of"),
        (("name(A),name(B)", ""), "there twice"),
        (("name(A);header(B)", ""), "separated by commas"),
        (("", "x"), "separated by commas"),
        (("action(exclude)", ""), "a name, a header or a pattern"),
        (("method(regex)", r"\d"), r"\\d"),
        ("a\r\nAction: Ping", "CR"),
    ],
)
def test_filters_that_cannot_be_right_are_refused(given: str | tuple[str, str], complaint: str) -> None:
    """What the server would refuse or misread is a `ValueError` before anything is connected."""
    with pytest.raises(ValueError, match=complaint):
        Manager(event_filters=[given])


@pytest.mark.parametrize("given", ["Event: Foo", [1]])
def test_filters_of_a_wrong_type_are_refused(given: object) -> None:
    """One text instead of a sequence, and what is no text, are a `TypeError`."""
    with pytest.raises(TypeError, match="event_filters"):
        Manager(event_filters=given)  # type: ignore[arg-type]


# Actions and the outage


async def test_actions_in_flight_fail_at_once_and_are_not_sent_again(fake: FakeAsterisk) -> None:
    """A second Originate would ring a second telephone."""
    fake.reply_to("Slow", None)
    async with manager(fake) as mgr:
        pending = asyncio.ensure_future(mgr.send(Action("Slow"), timeout=None))
        listed = mgr.stream(Action("Slow"), timeout=None)
        await fake.expect("Slow", times=2)
        fake.drop()
        with pytest.raises(ConnectionLost) as caught:
            await pending
        assert caught.value.sent is True
        with pytest.raises(ConnectionLost):
            await listed.__anext__()
        await mgr.wait_ready(timeout=5)
        await mgr.send(core.Ping())
        assert len(fake.sent("Slow")) == 2


async def test_an_outcome_that_is_waited_for_fails_with_the_link(fake: FakeAsterisk) -> None:
    """The call may go on, but its outcome cannot come over another link."""
    fake.reply_to("Originate", {"Response": "Success", "Message": "Originate successfully queued"})
    async with manager(fake) as mgr:
        response = await mgr.send(core.Originate_Application("Local/1@x", "Wait"))
        await lose(mgr, fake)
        with pytest.raises(ConnectionLost) as caught:
            await response.outcome()
        assert caught.value.sent is True


async def test_actions_of_an_outage_wait_for_the_link(fake: FakeAsterisk) -> None:
    """They are sent once, in their order, as soon as the link stands; lists that are taken item by item too."""
    async with manager(fake) as mgr:
        await lose(mgr, fake)
        sent = [asyncio.ensure_future(mgr.send(core.Setvar(f"V{number}", "1"))) for number in range(20)]
        listed = mgr.stream(core.QueueStatus("support"))
        assert all(response.success for response in await asyncio.gather(*sent))
        assert [request.get("Variable") for request in fake.sent("Setvar")] == [f"V{number}" for number in range(20)]
        assert "QueueParams" in [item.name async for item in listed]


async def test_an_action_waits_for_the_link_as_long_as_it_may(fake: FakeAsterisk) -> None:
    """For the caller's timeout, else the manager's, and never for its own; then it is certainly not sent."""
    async with manager(fake, timeout=0.1, retry_connect=True) as mgr:
        fake.close_on_connect = True
        await lose(mgr, fake)
        loop = asyncio.get_running_loop()
        for action, timeout, least, most in (
            (core.Originate_Application("Local/1@x", "Wait", timeout=60_000), None, 0.1, 1.0),
            (core.Ping(), 0.05, 0.05, 0.1),
            (core.Ping(), 0.3, 0.3, 1.0),
        ):
            began = loop.time()
            with pytest.raises(ConnectionLost, match="not sent") as caught:
                await (mgr.send(action) if timeout is None else mgr.send(action, timeout=timeout))
            assert least <= loop.time() - began + 0.01 < most + 0.5
            assert caught.value.sent is False
            assert not isinstance(caught.value, TimeoutError)
        with pytest.raises(ConnectionLost):
            await mgr.stream(core.QueueStatus(), timeout=0.05).__anext__()
        assert mgr.statistics().unsent == 4
        fake.close_on_connect = False
        assert (await mgr.send(core.Ping(), timeout=None)).success
    assert not fake.sent("Originate")


@pytest.mark.filterwarnings("ignore:timeout. it is 50 milliseconds")
async def test_the_callers_timeout_counts_for_the_wait_and_the_answer(fake: FakeAsterisk) -> None:
    """What the wait for the link took is missing for the answer; the action's own patience begins with its bytes."""
    fake.reply_to("Slow", None)
    async with manager(fake, reconnect=Backoff(first=0.4, maximum=0.4, jitter=False)) as mgr:
        await lose(mgr, fake)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ManagerTimeout):
            await mgr.send(Action("Slow"), timeout=0.5)
        assert loop.time() - began < 0.85
        await lose(mgr, fake)
        fake.reply_to("Originate", None)
        began = loop.time()
        with pytest.raises(ManagerTimeout, match=r"within 2\.05 seconds"):
            await mgr.send(core.Originate_Application("Local/1@x", "Wait", timeout=50))
        assert loop.time() - began > 2.1


async def test_lists_that_wait_for_the_link_can_be_left(fake: FakeAsterisk) -> None:
    """A list stream that is closed during the outage is never asked for; what cannot be sent is told."""
    async with manager(fake) as mgr:
        await lose(mgr, fake)
        mgr.stream(core.QueueStatus("support")).close()
        taken = mgr.stream(core.QueueStatus("support"))
        await mgr.wait_ready(timeout=5)
        first = await taken.__anext__()
        taken.close()
        assert first.name == "QueueParams"
        assert len(fake.sent("QueueStatus")) == 1
        fake.close_on_connect = True
        await lose(mgr, fake)
        refused = mgr.stream(core.QueueStatus("support"), timeout=0.01)
        with pytest.raises(ConnectionLost):
            await refused.__anext__()
        refused.close()
        refused.close()
        fake.close_on_connect = False


async def test_an_outage_that_ends_with_close_is_a_gap(fake: FakeAsterisk) -> None:
    """Streams hear of it as of any other, and the statistics have its length."""
    mgr = manager(fake, reconnect=Backoff(first=60, maximum=60))
    await mgr.connect()
    strict, lenient = mgr.events("N", on_loss="raise"), mgr.events("N")
    await lose(mgr, fake)
    await mgr.close()
    with pytest.raises(EventsLost, match="the link was down"):
        await strict.__anext__()
    with pytest.raises(StopAsyncIteration):
        await strict.__anext__()
    assert lenient.gaps == 1
    assert mgr.statistics().gap_seconds > 0


async def test_closing_ends_the_wait_for_a_link(fake: FakeAsterisk) -> None:
    """`close()` in the backoff is quick, fails what waits, and stops the attempts."""
    mgr = manager(fake, reconnect=Backoff(first=60, maximum=60))
    await mgr.connect()
    stream = mgr.events("Never")
    await lose(mgr, fake)
    waits = [
        asyncio.ensure_future(mgr.send(core.Ping(), timeout=None)),
        asyncio.ensure_future(mgr.wait_ready()),
        asyncio.ensure_future(mgr.wait_booted()),
        asyncio.ensure_future(mgr.wait_for("Never")._next()),  # type: ignore[arg-type]
    ]
    await asyncio.sleep(0)
    await asyncio.wait_for(mgr.close(), 0.5)
    results = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(each) for each in results] == [ConnectionLost] * 4
    assert [event async for event in stream] == []
    assert mgr.state is ManagerState.CLOSED
    assert logins(fake) == 1


async def test_a_connect_while_the_link_is_coming_is_refused(fake: FakeAsterisk) -> None:
    """There is one link, and it is on its way."""
    async with manager(fake) as mgr:
        await lose(mgr, fake)
        with pytest.raises(RuntimeError, match="reconnecting already"):
            await mgr.connect()
        await mgr.wait_ready(timeout=5)


async def test_cancelling_the_first_connect_gives_it_up() -> None:
    """The attempt ends, streams go on waiting, and the manager may connect later."""
    async with FakeAsterisk(slow_banner=30) as fake:
        mgr = manager(fake, timeout=None)
        stream = mgr.events("FullyBooted")
        ready = asyncio.ensure_future(mgr.wait_ready())
        connecting = asyncio.ensure_future(mgr.connect())
        await fake.wait_connected()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        with pytest.raises(ConnectionLost, match="given up"):
            await ready
        assert mgr.state is ManagerState.CLOSED
        fake.slow_banner = 0
        async with mgr:
            assert (await stream.__anext__()).name == "FullyBooted"


# Streams and the outage


async def take(stream: EventStream[Event], last: str) -> list[str]:
    """The names of events up to this one, with what was lost among them."""
    names: list[str] = []
    while not names or names[-1] != last:
        try:
            names.append((await asyncio.wait_for(stream.__anext__(), 5)).name)
        except EventsLost as lost:
            names.append(f"lost {lost.count}{' and a gap' if lost.gap else ''}")
    return names


async def test_streams_go_on_and_hear_of_the_gap(fake: FakeAsterisk) -> None:
    """What was buffered, the loss, the new link, and what comes over it: in this order, to those who selected it."""
    async with manager(fake) as mgr:
        everything, some = mgr.events(), mgr.events("N", Disconnected, "Reconn*")
        unaware, strict = mgr.events("N"), mgr.events("N", on_loss="raise")
        await fake.send_event("N")
        await mgr.send(core.Ping())
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        await fake.send_event("N")
        await fake.send_event("End")
        assert [n for n in await take(everything, "End") if n not in ("FullyBooted", "SuccessfulAuth")] == [
            *("N", "Disconnected", "Reconnected", "N", "End")
        ]
        await until(lambda: some.pending == 4)
        first, gone, back, second = [await some.__anext__() for _ in range(4)]
        assert (first.name, second.name) == ("N", "N")
        assert isinstance(gone, Disconnected)
        assert gone.reason == "Asterisk closed the connection"
        assert isinstance(back, Reconnected)
        assert back.gap is not None
        assert 0 < back.gap < 1
        assert back.attempts == 1
        assert (unaware.pending, unaware.gaps, strict.gaps) == (2, 1, 1)
        assert await take(strict, "N") == ["N"]
        assert await take(strict, "N") == ["lost 0 and a gap", "N"]


async def test_the_state_is_true_when_the_news_is_told(fake: FakeAsterisk) -> None:
    """Whoever looks at the manager while it tells of a loss or a new link sees the same."""
    async with manager(fake) as mgr:
        seen: list[tuple[str, ManagerState]] = []
        with mgr.events(Disconnected, Reconnected, where=lambda event: seen.append((event.name, mgr.state))):
            await lose(mgr, fake)
            await mgr.wait_ready(timeout=5)
        assert seen == [("Disconnected", ManagerState.RECONNECTING), ("Reconnected", ManagerState.READY)]


async def test_events_behind_the_login_come_after_the_news_of_it() -> None:
    """FullyBooted comes in one packet with the login's answer, and after Reconnected all the same."""
    async with FakeAsterisk() as fake, manager(fake) as mgr:
        with mgr.events("FullyBooted", Reconnected) as stream:
            await lose(mgr, fake)
            assert [(await stream.__anext__()).name for _ in range(2)] == ["Reconnected", "FullyBooted"]


async def test_a_server_cannot_tell_of_our_link(fake: FakeAsterisk) -> None:
    """A server's own event of that name is a plain event."""
    async with manager(fake) as mgr:
        with mgr.events("Reconnected") as stream, mgr.events(Reconnected) as ours:
            await fake.send_event("Reconnected", {"Gap": "1"})
            event = await stream.__anext__()
            assert type(event) is Event
            assert ours.pending == 0


@pytest.mark.parametrize(
    ("overflow", "expected"),
    [
        ("drop_oldest", ["lost 3", "N3", "N4", "lost 0 and a gap", "End"]),
        ("drop_newest", ["N0", "N1", "lost 3 and a gap", "End"]),
    ],
)
async def test_losses_are_raised_where_they_are(fake: FakeAsterisk, overflow: str, expected: list[str]) -> None:
    """The oldest are missing at the beginning, the newest at the end, and a gap where the link was down."""
    async with manager(fake) as mgr:
        stream = mgr.events("N?", "End", maxsize=2, overflow=overflow, on_loss="raise")  # type: ignore[call-overload]
        for number in range(5):
            await fake.send_event(f"N{number}")
        await mgr.send(core.Ping())
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        if overflow == "drop_newest":
            taken = [await take(stream, "N0"), await take(stream, "N1")]
        else:
            taken = [await take(stream, "N3"), await take(stream, "N4")]
        assert stream.pending == 0
        await fake.send_event("End")
        assert [*itertools.chain(*taken), *await take(stream, "End")] == expected
        assert (stream.dropped, stream.gaps) == (3, 1)


async def test_losses_that_are_dropped_over_become_one(fake: FakeAsterisk) -> None:
    """A gap whose neighbours overflow away is not forgotten, and does not take up room."""
    async with manager(fake) as mgr:
        stream = mgr.events("N?", maxsize=2, on_loss="raise")
        for round_ in range(2):
            for number in range(3):
                await fake.send_event(f"N{number}")
            await mgr.send(core.Ping())
            if not round_:
                await lose(mgr, fake)
                await mgr.wait_ready(timeout=5)
        assert stream.pending == 2
        assert await take(stream, "N2") == ["lost 4 and a gap", "N1", "N2"]
        assert (stream.dropped, stream.pending) == (4, 0)


async def test_a_raised_loss_reads_well(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """The exception says what is missing, and how long the link was down; nothing is logged besides."""
    async with manager(fake) as mgr:
        stream = mgr.events("N", maxsize=1, overflow="drop_newest", on_loss="raise")
        await fake.send_event("N")
        await fake.send_event("N")
        await mgr.send(core.Ping())
        assert (await stream.__anext__()).name == "N"
        with pytest.raises(EventsLost, match=r"^events are missing: 1 events were dropped, .* too slow$") as caught:
            await stream.__anext__()
        assert (caught.value.count, caught.value.gap) == (1, 0.0)
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        with pytest.raises(EventsLost, match=r"^events are missing: the link was down for \d\.\d seconds$"):
            await stream.__anext__()
    assert "slow" not in caplog.text


async def test_an_overflow_is_one_warning_an_episode(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """The log says once that events are dropped, and again when it begins anew."""
    async with manager(fake) as mgr:
        stream = mgr.events("N", maxsize=2, overflow="drop_newest")
        for _ in range(2):
            for _ in range(5):
                await fake.send_event("N")
            await mgr.send(core.Ping())
            assert stream.pending == 2
            await take(stream, "N")
            await take(stream, "N")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(stream.__anext__(), 0.01)
        assert stream.dropped == 6
        assert mgr.statistics().dropped == 6
    assert caplog.text.count("its newest events are dropped") == 2


@pytest.mark.parametrize("options", [{"overflow": "newest"}, {"on_loss": "ignore"}, {"maxsize": 0}])
def test_stream_options_that_cannot_be_right_are_refused(options: dict[str, object]) -> None:
    """A wrong option is a `ValueError` that names it."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Manager().events(**options)  # type: ignore[call-overload]


@pytest.mark.parametrize("where", [None, lambda event: True], ids=["all", "some"])
@pytest.mark.parametrize("of_the_link", [False, True], ids=["server", "link"])
async def test_a_stream_that_anothers_predicate_closes_gets_no_more(
    fake: FakeAsterisk, where: Callable[[Event], bool] | None, of_the_link: bool
) -> None:
    """Not even the event that is being delivered; whoever waits for it sees the end, and the other streams get theirs."""
    async with manager(fake) as mgr:
        streams: list[EventStream[Event]] = []

        def closes(event: Event) -> bool:
            streams[0].close()
            return True

        kinds: tuple[Any, ...] = (Disconnected,) if of_the_link else ("Tick",)
        first = mgr.events(*kinds, where=closes)
        streams += [mgr.events(*kinds, where=where), mgr.events(*kinds)]
        waiting = asyncio.ensure_future(streams[0].__anext__())  # type: ignore[arg-type]
        await asyncio.sleep(0)
        if of_the_link:
            await lose(mgr, fake)
            await mgr.wait_ready(timeout=5)
        else:
            await fake.send_event("Tick")
        assert await first.__anext__() == await streams[1].__anext__()
        with pytest.raises(StopAsyncIteration):
            await waiting
        assert (streams[0].pending, streams[0].delivered, streams[0].ended) == (0, 0, True)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_of_the_reader_ends_the_link_and_goes_on(kind: type[BaseException]) -> None:
    """Ctrl-C in a loop that goes on afterwards: what was read is lost, and so the link, which is told and comes back."""
    with interruptible() as (loop, fake):
        mgr = manager(fake)
        loop.run_until_complete(mgr.connect())
        fake.reply_to("Slow", None)
        interrupts = [kind("by the user")]

        def interrupted(event: Event) -> bool:
            raise interrupts.pop()

        async def begin() -> tuple[EventStream[Event], EventStream[Event], asyncio.Task[Any]]:
            told, broken = mgr.events(Disconnected, Reconnected), mgr.events("Tick", where=interrupted)
            return told, broken, asyncio.create_task(mgr.send(Action("Slow"), timeout=None))

        async def tick() -> None:
            await fake.send_event("Tick")
            await asyncio.sleep(20)

        told, broken, waiting = loop.run_until_complete(begin())
        with pytest.raises(kind):
            loop.run_until_complete(tick())
        assert mgr.state is ManagerState.RECONNECTING
        broken.close()
        with pytest.raises(ConnectionLost, match="by the user"):
            loop.run_until_complete(waiting)
        loop.run_until_complete(mgr.wait_ready(timeout=5))
        assert mgr.statistics().gaps == 1
        names = [loop.run_until_complete(told.__anext__()).name for _ in range(2)]  # type: ignore[arg-type]
        assert names == ["Disconnected", "Reconnected"]
        loop.run_until_complete(mgr.close())


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_of_an_attempt_is_not_the_end(kind: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the midst of a reconnect goes on, and the next attempt follows where the loop goes on too."""
    with interruptible() as (loop, fake):
        mgr = manager(fake)
        loop.run_until_complete(mgr.connect())

        async def interrupted(*_: Any) -> None:
            raise kind

        with monkeypatch.context() as patch:
            patch.setattr("aioami._client.link.log_in", interrupted)
            fake.drop()
            with pytest.raises(kind):
                loop.run_until_complete(asyncio.sleep(20))
        assert mgr.state is ManagerState.RECONNECTING
        loop.run_until_complete(mgr.wait_ready(timeout=5))
        assert mgr.statistics().gaps == 1
        loop.run_until_complete(mgr.close())


@pytest.mark.parametrize("place", ["_write", "_set_timer", "held_until"])
def test_an_interrupt_of_a_timer_ends_the_link_and_goes_on(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does one in the midst of writing, of a timeout, or of the keepalive: nobody waits for ever."""
    keepalive = place == "held_until"
    with interruptible() as (loop, fake):
        fake.reply_to("Slow", None)
        mgr = manager(fake, keepalive=0.05 if keepalive else None)
        loop.run_until_complete(mgr.connect())
        owner = Keepalive if keepalive else Connection
        real, interrupts = getattr(owner, place), [KeyboardInterrupt()]

        def interrupted(self: Any, *arguments: Any) -> Any:
            if inspect.stack()[1].function in ("_write_batch", "_expire_overdue", "_ask_if_silent") and interrupts:
                raise interrupts.pop()
            return real(self, *arguments)

        monkeypatch.setattr(owner, place, interrupted)
        # The first leaves by itself, the others together at the end of the tick.
        timeouts = (None, 0.05 if place == "_set_timer" else None)
        waiting = [loop.create_task(mgr.send(Action("Slow"), timeout=each)) for each in timeouts]
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(asyncio.sleep(20))
        results = loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        assert isinstance(results[0], ConnectionLost)
        assert isinstance(results[1], ManagerTimeout if place == "_set_timer" else ConnectionLost)
        loop.run_until_complete(mgr.wait_ready(timeout=5))
        assert mgr.statistics().gaps == 1
        loop.run_until_complete(mgr.close())


async def test_a_predicate_that_raises_cancelled_is_one_that_raises(fake: FakeAsterisk) -> None:
    """It may look at a future that was cancelled, also when a new link is told of; the link does not mind."""
    gone: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    gone.cancel()
    async with manager(fake) as mgr:
        with mgr.events(where=lambda event: gone.result()) as broken, mgr.events("N") as fine:
            await lose(mgr, fake)
            await mgr.wait_ready(timeout=5)
            await fake.send_event("N")
            assert (await fine.__anext__()).name == "N"
            assert broken.pending == 0


async def test_a_stream_that_is_collected_anywhere_disturbs_nobody(fake: FakeAsterisk) -> None:
    """Garbage may be collected while it is worked out who gets an event."""
    async with manager(fake) as mgr:
        selection = type(mgr.events("x")._buffer.selection)
        abandoned = [mgr.events("N") for _ in range(3)]
        kept = mgr.events("N", "M")
        real = selection.matches

        def matches(self: object, name: str, cls: type[Event]) -> bool:
            abandoned.clear()
            return real(self, name, cls)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(selection, "matches", matches)
            await fake.send_event("N")
            await fake.send_event("M")
            await mgr.send(core.Ping())
        assert kept.pending == 2
        assert mgr.state is ManagerState.READY


async def test_a_fault_of_ours_ends_the_link_and_says_so(fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody thought of, in the midst of what came, is the reason of a lost link and no more."""
    async with manager(fake) as mgr:
        assert mgr._link.connection is not None
        monkeypatch.setattr(mgr._link.connection.session, "receive", lambda texts: 1 / 0)
        with mgr.events(Disconnected) as stream:
            await fake.send_event("N")
            assert "division by zero" in str((await stream.__anext__()).reason)
        await mgr.wait_ready(timeout=5)


async def test_a_predicate_that_raises_is_logged_once(fake: FakeAsterisk, caplog: pytest.LogCaptureFixture) -> None:
    """A flood does not fill the log with the same traceback."""
    async with manager(fake) as mgr:
        broken = mgr.events("Flood", where=lambda event: 1 / 0)
        fake.flood(50)
        await mgr.send(core.Ping())
        assert broken.pending == 0
    assert caplog.text.count("Traceback") == 1


async def test_a_stalled_consumer_holds_nobody_up(fake: FakeAsterisk) -> None:
    """Beside one that takes nothing and one that is abandoned, others and actions go on."""
    async with manager(fake) as mgr:
        stalled, quick = mgr.events("Flood", maxsize=10), mgr.events("Flood", maxsize=None)
        abandoned = mgr.events("Flood")
        del abandoned
        gc.collect()
        fake.flood(5000)
        assert (await mgr.send(core.Ping())).rtt < 5
        assert (stalled.pending, stalled.dropped, quick.pending) == (10, 4990, 5000)


# Ready, booted, shut down


async def test_ready_is_logged_in(fake: FakeAsterisk) -> None:
    """`wait_ready` may come before `connect()`; without a username it waits for the user's own login."""
    mgr = Manager(fake.host, fake.port, plaintext_login=True)
    waiting = asyncio.ensure_future(mgr.wait_ready())
    async with mgr:
        assert mgr.state is ManagerState.CONNECTED
        with pytest.raises(ManagerTimeout, match="connected"):
            await mgr.wait_ready(timeout=0.01)
        assert not waiting.done()
        await mgr.send(core.Login("admin", "s3cret"))
        await waiting
        await mgr.wait_ready()


async def test_cancelling_a_wait_leaves_nothing_behind(fake: FakeAsterisk) -> None:
    """Also in the very moment in which the link comes."""
    mgr = manager(fake)
    waiting = asyncio.ensure_future(mgr.wait_ready())
    await asyncio.sleep(0)
    waiting.cancel()
    async with mgr:
        assert waiting.cancelled()
        assert not mgr._link._changed


async def test_a_failed_connect_fails_those_who_wait_for_it(fake: FakeAsterisk) -> None:
    """Whoever waited hears why."""
    mgr = manager(fake, secret="wrong")
    waiting = asyncio.ensure_future(mgr.wait_ready())
    await asyncio.sleep(0)
    with pytest.raises(ManagerAuthError):
        await mgr.connect()
    with pytest.raises(ConnectionLost, match="Authentication failed"):
        await waiting


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({}, False),
        ({"event_mask": False}, True),
        ({"event_mask": "call"}, True),
        ({"username": "unhearing"}, True),
        ({"username": "mute"}, False),
    ],
)
async def test_booted_is_heard_or_asked_for(options: dict[str, object], asked: bool) -> None:
    """Who hears FullyBooted does not ask; all others do, and their answer waits until the server has booted."""
    users = {
        "admin": "s3cret",
        "unhearing": Account("s3cret", read="call"),
        "mute": Account("s3cret", write="call"),
    }
    async with FakeAsterisk(users=users) as fake, manager(fake, **options) as mgr:
        for _ in range(2):
            await mgr.wait_booted(timeout=5)
        assert bool(fake.sent("Command")) is asked
    for boots in (True, False):
        async with FakeAsterisk(boot=False, users=users) as fake, manager(fake, **options) as mgr:
            waiting = asyncio.ensure_future(mgr.wait_booted(timeout=5 if boots else 0.05))
            await fake.expect("Command")
            if boots:
                assert not waiting.done()
                fake.boot()
                await waiting
            else:
                with pytest.raises(ManagerTimeout, match="not fully booted"):
                    await waiting


async def test_booted_cannot_be_known_behind_a_quiet_login() -> None:
    """With filters the server says it before events are on; who may not ask then is told so, instead of waiting for ever."""
    users = {"admin": Account("s3cret", write="system")}
    async with FakeAsterisk(users=users) as fake, manager(fake, event_filters=["!Event: A"]) as mgr:
        with pytest.raises(PermissionDenied):
            await mgr.wait_booted()


async def test_booted_cannot_be_known_without_rights() -> None:
    """Who may neither hear nor ask is told so."""
    users = {"admin": Account("s3cret", write="call")}
    async with FakeAsterisk(users=users) as fake, manager(fake, event_mask=False) as mgr:
        with pytest.raises(PermissionDenied):
            await mgr.wait_booted()
    async with FakeAsterisk(users=users, boot=False) as fake, manager(fake) as mgr:
        await mgr.send(core.Events("call"))
        with pytest.raises(PermissionDenied):
            await mgr.wait_booted()


@pytest.mark.parametrize(
    "headers", [{"EventMask": "system"}, {"eventmask": "call,system"}, {"EventMask": "Yes"}, {"EventMask": "true"}]
)
async def test_booted_is_heard_by_a_mask_however_it_is_spelled(headers: dict[str, str]) -> None:
    """Who may not ask waits for the event, if the mask that was sent has its class, or is one of the words for all."""
    users = {"admin": Account("s3cret", write="call")}
    async with FakeAsterisk(users=users, boot=False) as fake, manager(fake) as mgr:
        await mgr.send(Action("Events", headers))
        waiting = asyncio.ensure_future(mgr.wait_booted(timeout=5))
        await fake.expect("Command")
        fake.boot()
        await waiting


async def test_waiting_for_the_boot_survives_a_lost_link(fake: FakeAsterisk) -> None:
    """The question is put to the next connection; a link that is final ends it."""
    fake.exchange.booted.clear()
    async with manager(fake) as mgr:
        waiting = asyncio.ensure_future(mgr.wait_booted())
        await fake.expect("Command")
        await lose(mgr, fake)
        await fake.expect("Command")
        fake.boot()
        await waiting
    fake.exchange.booted.clear()
    mgr = manager(fake, reconnect=False)
    await mgr.connect()
    waiting = asyncio.ensure_future(mgr.wait_booted())
    await fake.expect("Command")
    fake.drop()
    with pytest.raises(ConnectionLost):
        await waiting
    await mgr.close()


async def test_hearing_of_the_boot_ends_with_the_link() -> None:
    """Who may only hear FullyBooted goes on to hear it over the next link."""
    users = {"admin": Account("s3cret", write="call")}
    async with FakeAsterisk(users=users, boot=False) as fake, manager(fake) as mgr:
        waiting = asyncio.ensure_future(mgr.wait_booted())
        await fake.expect("Command")
        await mgr.send(core.Ping())
        await lose(mgr, fake)
        await fake.expect("Command")
        await mgr.send(core.Ping())
        fake.boot()
        await waiting


async def test_a_server_that_cannot_tell_is_an_error(fake: FakeAsterisk) -> None:
    """An answer that is neither yes nor a lack of rights is raised."""
    async with manager(fake, event_mask=False) as mgr:
        fake.reply_to("Command", {"Response": "Error", "Message": "Command blacklisted"})
        with pytest.raises(ActionError, match="blacklisted"):
            await mgr.wait_booted()


@pytest.mark.parametrize(("restart", "told"), [(False, "was shut down"), (True, "is restarting")])
async def test_the_shutdown_event_is_understood(fake: FakeAsterisk, restart: bool, told: str) -> None:
    """The reason of the loss says that the server ended, and whether it comes back."""
    async with manager(fake) as mgr:
        with mgr.events(Disconnected) as stream:
            fake.shut_down(restart=restart)
            assert (await stream.__anext__()).reason == f"Asterisk {told} (cleanly)"
        await mgr.wait_ready(timeout=5)


# Keepalive


async def test_an_idle_link_lives(fake: FakeAsterisk) -> None:
    """A silent server is asked, and its answer is life; the user's counts do not show it."""
    async with manager(fake, keepalive=0.03, timeout=0.2, retry_connect=True) as mgr:
        await fake.expect("Ping", times=3)
        assert mgr.state is ManagerState.READY
        statistics = mgr.statistics()
        assert statistics.actions == 0
        assert statistics.last_round_trip is not None
        assert statistics.gaps == 0


async def test_a_link_that_talks_is_not_asked(fake: FakeAsterisk) -> None:
    """Any byte counts as life."""
    async with manager(fake, keepalive=0.4, timeout=0.5, retry_connect=True):
        for _ in range(12):
            await fake.send_event("N")
            await asyncio.sleep(0.05)  # oftener than the keepalive
        assert not fake.sent("Ping")


async def test_nobody_is_asked_before_the_login(fake: FakeAsterisk) -> None:
    """A Ping would be refused, and stand in the server's security log."""
    async with Manager(fake.host, fake.port, keepalive=0.01, plaintext_login=True) as mgr:
        await asyncio.sleep(0.05)  # five times the keepalive
        assert not fake.received
        for _ in range(2):
            await mgr.send(core.Login("admin", "s3cret"))
        await fake.expect("Ping", times=2)


async def test_no_keepalive_asks_nothing(fake: FakeAsterisk) -> None:
    """`None` leaves a silent link alone."""
    async with manager(fake, keepalive=None) as mgr:
        assert mgr._link.connection is not None
        assert mgr._link.connection.keepalive._timer is None


@pytest.mark.parametrize("timeout", [0.1, None])
async def test_a_silent_link_is_lost(timeout: float | None) -> None:
    """A link on which nothing comes any more is noticed, and established anew."""
    async with (
        FakeAsterisk() as fake,
        FaultProxy(fake.host, fake.port) as proxy,
        manager(proxy, keepalive=0.1, timeout=timeout) as mgr,
    ):
        pending = asyncio.ensure_future(mgr.send(Action("Slow"), timeout=None))
        fake.reply_to("Slow", None)
        await fake.expect("Slow")
        proxy.stall()
        with mgr.events(Disconnected) as stream:
            told = await asyncio.wait_for(stream.__anext__(), 2)
        assert "silent for 0." in (told.reason or "")
        with pytest.raises(ConnectionLost) as caught:
            await pending
        assert caught.value.sent is True
        proxy.resume()
        await mgr.wait_ready(timeout=5)


async def test_a_byte_after_the_question_is_life_enough(fake: FakeAsterisk) -> None:
    """It need not be the answer to the Ping."""
    fake.reply_to("Ping", None)
    async with manager(fake, keepalive=0.05, timeout=0.1, retry_connect=True) as mgr:
        for _ in range(3):
            await fake.expect("Ping")
            await fake.send_event("N")
        assert mgr.statistics().gaps == 0


async def test_a_server_that_answers_nothing_is_lost_though_it_sends_events(fake: FakeAsterisk) -> None:
    """Once an action was given up, only an answer is a sign of life; the link is established anew, and nothing is kept."""
    fake.reply_to("Slow", None)
    async with manager(fake, keepalive=0.1, timeout=0.1) as mgr:
        fake.reply_to("Ping", None)
        with mgr.events(Disconnected) as stream:
            lost = asyncio.ensure_future(anext(stream))
            while not lost.done():
                with contextlib.suppress(ManagerTimeout, ConnectionLost):
                    await mgr.send(Action("Slow"), timeout=0.01)
                await fake.send_event("Tick")
            said = (await lost).reason or ""
        assert re.match(r"Asterisk sends events, but has answered nothing for 0\.\d+ seconds, and no Ping$", said)
        await mgr.wait_ready(timeout=5)
        assert mgr._link.connection is not None
        assert len(mgr._link.connection.session) < 5


async def test_a_server_that_answers_at_last_is_kept(fake: FakeAsterisk) -> None:
    """An action may never be answered, and a list may take its time: as long as other answers come, the link stands."""
    fake.reply_to("Slow", None)
    fake.reply_to("Items", {"Response": "Success", "EventList": "start"})
    async with manager(fake, keepalive=0.05, timeout=0.1) as mgr:
        with pytest.raises(ManagerTimeout):
            await mgr.send(Action("Slow"), timeout=0.01)
        await fake.expect("Ping")  # its answer shows that nothing more comes for the other one
        stream = mgr.stream(Action("Items"), timeout=5)
        request = await fake.expect("Items")
        fake.reply_to("Ping", None)
        with pytest.raises(ManagerTimeout):
            await mgr.send(Action("Slow"), timeout=0.01)
        for _ in range(20):
            await fake.send_event("Item", {"ActionID": request.action_id or ""})
            await asyncio.sleep(0.02)  # oftener than the keepalive
        assert mgr.statistics().gaps == 0
        stream.close()


@pytest.mark.parametrize(
    "action",
    [
        core.Command("core show channels"),
        core.Reload(),
        core.ModuleLoad("reload"),
        core.Originate_Application("PJSIP/none", "Wait", async_=False, timeout=10_000),
        Action("command", {"Command": "x"}),
        Action("Originate", {"Async": "false"}),
        Action("WaitEvent", {"Timeout": "-1"}),
    ],
    ids=lambda action: action.name,
)
@pytest.mark.parametrize("gives_up", [False, True])
async def test_an_action_that_holds_the_session_stops_the_clock(
    fake: FakeAsterisk, action: Action, gives_up: bool
) -> None:
    """While it may run the server's silence means nothing, also when its caller has given up."""
    fake.reply_to(action.name, None)
    async with manager(fake, keepalive=0.1, timeout=0.1, retry_connect=True) as mgr:
        waiting = asyncio.ensure_future(mgr.send(action, timeout=5))
        request = await fake.expect(action.name)
        if gives_up:
            waiting.cancel()
            await asyncio.wait([waiting])
        await asyncio.sleep(0.3)  # three times the timeout, in which nothing happens
        assert mgr.statistics().gaps == 0
        assert not fake.sent("Ping")
        await fake.send_raw(f"Response: Error\r\nActionID: {request.action_id}\r\n\r\n".encode())
        await fake.expect("Ping")
        await asyncio.wait([waiting])
        assert waiting.cancelled() or isinstance(waiting.exception(), ActionError)


@pytest.mark.parametrize(
    ("action", "timeout"),
    [(core.Command("x"), 0.1), (core.Originate_Application("PJSIP/none", "Wait"), 5), (Action("Slow"), 5)],
    ids=["beyond its patience", "asynchronous", "of another kind"],
)
async def test_the_clock_runs_for_all_others(action: Action, timeout: float) -> None:
    """Beyond its patience, and for actions that hold nothing, a silent server is lost."""
    async with FakeAsterisk() as fake, FaultProxy(fake.host, fake.port) as proxy:
        fake.reply_to(action.name, None)
        async with manager(proxy, keepalive=0.05, timeout=0.05, retry_connect=True) as mgr:
            waiting = asyncio.ensure_future(mgr.send(action, timeout=timeout))
            await fake.expect(action.name)
            proxy.stall()
            with mgr.events(Disconnected) as stream:
                await asyncio.wait_for(stream.__anext__(), 3)
            await asyncio.wait([waiting])
            assert isinstance(waiting.exception(), (ConnectionLost, ManagerTimeout))
            proxy.resume()
            await mgr.wait_ready(timeout=5)


def command_with_a_timeout() -> Action:
    """A command whose answer is waited for briefly, if the caller says nothing."""
    command = core.Command("x")
    command.timeout = 0.3
    return command


@pytest.mark.parametrize(
    "give_up",
    [
        lambda mgr: mgr.send(core.Command("x"), timeout=None),
        lambda mgr: mgr.send(command_with_a_timeout(), timeout=None),
        lambda mgr: mgr.wait_booted(),
    ],
    ids=["without a limit", "with one of its own", "wait_booted"],
)
async def test_what_was_given_up_hides_no_dead_link(give_up: Callable[[Manager], Any]) -> None:
    """An action that nobody waits for any more holds the session for its own timeout at most."""
    async with FakeAsterisk() as fake, FaultProxy(fake.host, fake.port) as proxy:
        fake.reply_to("Command", None)
        # Without events the server's word that it has booted does not come, and it is asked.
        async with manager(proxy, keepalive=0.05, timeout=0.05, retry_connect=True, event_mask=False) as mgr:
            waiting = asyncio.ensure_future(give_up(mgr))
            await fake.expect("Command")
            proxy.stall()
            await asyncio.sleep(0.15)  # three times the timeout, in which nothing happens
            assert mgr.statistics().gaps == 0
            with mgr.events(Disconnected) as stream:
                waiting.cancel()
                await asyncio.wait([waiting])
                await asyncio.wait_for(stream.__anext__(), 3)
            proxy.resume()
            await mgr.wait_ready(timeout=5)


async def test_actions_that_hold_the_session_run_one_after_the_other(fake: FakeAsterisk) -> None:
    """Each has its own patience, from the moment in which the one before it ended."""
    fake.reply_to("Command", None)
    async with manager(fake, keepalive=0.05, timeout=0.05, retry_connect=True) as mgr:
        sends = [asyncio.ensure_future(mgr.send(core.Command(str(number)), timeout=0.3)) for number in range(3)]
        requests = await asyncio.gather(*(fake.expect("Command", times=3) for _ in range(1)))
        connection, loop = mgr._link.connection, asyncio.get_running_loop()
        assert connection is not None
        assert 0.8 < connection.keepalive.held_until() - loop.time() < 0.91
        first = fake.sent("Command")[0]
        await fake.send_raw(f"Response: Success\r\nActionID: {first.action_id}\r\n\r\n".encode())
        await sends[0]
        assert 0.5 < connection.keepalive.held_until() - loop.time() < 0.61
        assert requests
        for each in sends[1:]:
            with pytest.raises(ManagerTimeout):
                await each
        assert mgr.statistics().gaps == 0


async def test_actions_that_are_over_are_not_remembered(fake: FakeAsterisk) -> None:
    """However many held the session, and whether or not anybody watches it."""
    async with manager(fake, keepalive=None) as mgr:
        for _ in range(300):
            await mgr.send(core.Command("core show uptime"))
        assert mgr._link.connection is not None
        assert len(mgr._link.connection.keepalive._holding) < 130


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this platform has no TCP_USER_TIMEOUT")
async def test_a_busy_server_is_not_taken_for_a_dead_one(fake: FakeAsterisk) -> None:
    """While it may be busy, and does not read, what is not taken says nothing; afterwards it does again."""
    fake.reply_to("Command", None)
    # The answers behind the command end what it holds; the next look, at which that counts, must not come before ours.
    async with manager(fake, keepalive=1, timeout=0.5) as mgr:
        connection = mgr._link.connection
        assert connection is not None
        assert connection._writer is not None
        link = connection._writer.get_extra_info("socket")

        def patience() -> int:
            return int(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))

        before = patience()
        assert before > 0
        held = asyncio.ensure_future(mgr.send(core.Command("x"), timeout=5))
        request = await fake.expect("Command")
        await asyncio.gather(*(mgr.send(core.Setvar(f"V{number}", "x" * 900)) for number in range(100)))
        assert patience() == 0
        await fake.send_raw(f"Response: Success\r\nActionID: {request.action_id}\r\n\r\n".encode())
        await held
        await until(lambda: patience() == before)


async def test_an_event_loop_that_was_held_up_does_not_blame_the_server(fake: FakeAsterisk) -> None:
    """When the program itself slept, what the server sent meanwhile is read before it is judged."""
    fake.reply_to("Ping", None)
    async with manager(fake, keepalive=30, timeout=30) as mgr:
        connection, loop = mgr._link.connection, asyncio.get_running_loop()
        assert connection is not None
        connection.keepalive._asked_at = loop.time() - 31
        connection.keepalive.heard_at = loop.time() - 62
        assert connection.keepalive._timer is not None
        connection.keepalive._timer.cancel()
        connection.keepalive._timer = loop.call_at(loop.time() - 1, connection.keepalive._check)
        connection.keepalive._check()
        assert connection.reason is None
        assert connection.keepalive._timer.when() - loop.time() < 0.2
        await fake.send_event("N")
        await until(lambda: connection.keepalive._asked_at is None)
        assert connection.reason is None


async def test_patience_may_be_longer_than_the_silence_before(fake: FakeAsterisk) -> None:
    """The answer to the question has the whole timeout, also where that is longer than `keepalive`."""
    fake.reply_to("Ping", None)
    async with manager(fake, keepalive=0.02, timeout=0.2, retry_connect=True) as mgr:
        with mgr.events(Disconnected) as stream:
            event = await stream.__anext__()
        silence = float(str(event.reason).partition("silent for ")[2].split()[0])
        assert silence >= 0.2
        assert len(fake.sent("Ping")) == 1


async def test_the_operating_system_watches_too(fake: FakeAsterisk) -> None:
    """TCP keepalive and, where there is one, the timeout for unacknowledged bytes are set from the same numbers."""
    async with manager(fake, keepalive=7.0, timeout=3.0) as mgr:
        assert mgr._link.connection is not None
        assert mgr._link.connection._writer is not None
        link = mgr._link.connection._writer.get_extra_info("socket")
        assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        for name, value in (
            ("TCP_KEEPIDLE", 7),
            ("TCP_KEEPINTVL", 1),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", 10_000),
        ):
            if hasattr(socket, name):
                assert link.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value


# Limits


async def test_a_flood_before_the_filters_stand_is_cut_off(fake: FakeAsterisk) -> None:
    """Events that are held back until the login is done are bounded, too."""
    flood = b"Event: Flood\r\nKey: value\r\n\r\n" * 500
    fake.before("Filter", lambda connection: connection.send(flood))
    with pytest.raises(ProtocolError, match="before the login was done exceed max_frame_size"):
        await manager(fake, event_filters=["!Event: A"], max_frame_size=10_000).connect()


async def test_names_that_a_server_invents_are_not_kept_when_they_are_long(fake: FakeAsterisk) -> None:
    """A name has no business to be longer than a line."""
    async with manager(fake) as mgr:
        with mgr.events() as stream:
            await fake.send_raw(b"Event: " + b"x" * 1000 + b"\r\n\r\n")
            await mgr.send(core.Ping())
            assert stream.pending >= 1
        assert all(len(name) <= 100 for name in mgr._dispatcher.routes)


async def test_a_challenge_without_a_challenge_is_no_ami(fake: FakeAsterisk) -> None:
    """It is told as such, with what to do, and tried again where it comes in the midst of a reconnect."""
    for empty in ({"Response": "Success"}, {"Response": "Success", "Challenge": ""}):
        fake.reply_to("Challenge", empty, times=1)
        with pytest.raises(ProtocolError, match="without a challenge.*plaintext_login=True"):
            await manager(fake).connect()
        assert not fake.sent("Login")
        fake.reply_to("Challenge", empty, times=1)
        async with manager(fake, plaintext_login=True):
            assert fake.sent("Login").pop().get("Secret") == "s3cret"
        fake.received.clear()
    async with manager(fake) as mgr:
        fake.reply_to("Challenge", {"Response": "Success"}, times=2)
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)


async def test_a_flood_before_the_login_is_cut_off() -> None:
    """A peer that talks before anybody is logged in ends in a `ProtocolError`, with bounded memory."""
    async with FakeAsterisk() as fake:
        fake.before(core.Login, lambda connection: connection.send(b"Event: Flood\r\nKey: value\r\n\r\n" * 5000))
        with pytest.raises(ProtocolError, match=r"max_bytes_before_login \(65536 bytes\)"):
            await manager(fake).connect()
        fake.before(core.Login, lambda connection: connection.send(b"Event: Flood\r\nKey: value\r\n\r\n" * 5000))
        async with manager(fake, max_bytes_before_login=None) as mgr:
            assert mgr.state is ManagerState.READY


async def test_an_endless_line_before_the_login_is_cut_off(fake: FakeAsterisk) -> None:
    """A line without an end is given up long before it fills the memory."""
    fake.before(core.Challenge, lambda connection: connection.send(b"Response: " + b"x" * 1_000_000))
    with pytest.raises(ProtocolError, match="max_bytes_before_login"):
        await manager(fake).connect()


async def test_a_list_without_end_is_cut_off(fake: FakeAsterisk) -> None:
    """A list over the limit ends the link with a `ProtocolError`, whether it is collected, streamed or forgotten.

    So does one whose end is in the same read: it is not returned without the items over the limit.
    """
    items = [{"Event": "Item"}] * 11
    end = {"Event": "ItemsComplete", "EventList": "Complete"}
    whole = [{"Response": "Success", "EventList": "start"}, *items, end]
    for use, answer in itertools.product(("send", "stream"), (whole[:-1], whole)):
        fake.reply_to("Items", lambda request, answer=answer: answer)
        mgr = manager(fake, max_list_items=10)
        await mgr.connect()
        events_ = mgr.events("Never")
        with pytest.raises(ConnectionLost) as caught:
            if use == "send":
                await mgr.send(Action("Items"))
            else:
                async for _ in mgr.stream(Action("Items")):
                    pass
        assert isinstance(caught.value.__cause__, ProtocolError)
        assert "max_list_items (10 items)" in str(caught.value)
        with pytest.raises(ProtocolError, match="max_list_items"):
            await events_.__anext__()
        assert mgr.state is ManagerState.LOST
        await mgr.close()
    fake.reply_to("Items", lambda request: [{"Response": "Success", "EventList": "start"}, *items[:10], end])
    async with manager(fake, max_list_items=10) as mgr:
        assert len((await mgr.send(Action("Items"))).events) == 10
    fake.reply_to("Items", lambda request: [{"Response": "Success", "EventList": "start"}, *items, *items, end])
    async with manager(fake, max_list_items=10) as mgr:
        left = mgr.stream(Action("Items"))
        left.close()
        assert (await mgr.send(core.Ping())).success  # nothing of it was kept


@pytest.mark.parametrize(
    ("piece", "before", "limits"),
    [
        (b"x" * 65536, b"Event: Endless\r\nKey: ", {"max_frame_size": 1 << 20}),
        (b"Event: Item\r\nActionID: list\r\n\r\n" * 2000, b"", {"max_list_items": 5000}),
        (b"\r\n" * 32768, b"", {"max_bytes_before_login": 1 << 20, "username": None}),
    ],
    ids=["an endless line", "a list without end", "a flood before the login"],
)
async def test_whatever_a_server_sends_the_memory_is_bounded(
    piece: bytes, before: bytes, limits: dict[str, object]
) -> None:
    """A server that never stops is cut off by the limit, and what it sent is gone again."""

    async def never_stop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        for reply in (b"Challenge: 1", b"Message: Authentication accepted", b"ActionID: list\r\nEventList: start"):
            if "username" in limits:
                break
            asked = await reader.readuntil(b"\r\n\r\n")
            action_id = asked.partition(b"ActionID: ")[2].partition(b"\r")[0]
            writer.write(b"Response: Success\r\nActionID: %b\r\n%b\r\n\r\n" % (action_id, reply))
        writer.write(before)
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(piece)
                await writer.drain()

    server = await asyncio.start_server(never_stop, "127.0.0.1", 0)
    mgr = Manager(
        port=server.sockets[0].getsockname()[1],
        **{"username": "a", "secret": "b", **limits},  # type: ignore[arg-type]
    )
    tracemalloc.start()
    try:
        with pytest.raises((ConnectionLost, ProtocolError)) as caught:
            await mgr.connect()
            await mgr.send(Action("List"), action_id="list", timeout=None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        server.close()
    assert next(iter(limits)) in str(caught.value)
    assert isinstance(caught.value, ProtocolError) or isinstance(caught.value.__cause__, ProtocolError)
    assert peak < 32 << 20  # it never stops, so that all it sends would be more
    await mgr.close()


@pytest.mark.parametrize(
    "options",
    [
        {"keepalive": 0},
        {"keepalive": float("inf")},
        {"max_list_items": 0},
        {"max_bytes_before_login": 0},
        {"timeout": float("nan")},
    ],
)
def test_limits_that_cannot_be_right_are_refused(options: dict[str, object]) -> None:
    """A limit that would let nothing pass is a `ValueError` that names it."""
    with pytest.raises(ValueError, match=next(iter(options))):
        Manager(**options)  # type: ignore[arg-type]


def test_urls_carry_every_option() -> None:
    """What the constructor takes as text, number or truth can stand in a URL."""
    url = (
        "ami://a:b@h?reconnect=no&retry_connect=yes&keepalive=none&plaintext_login=yes&max_list_items=5"
        "&max_bytes_before_login=none&event_filter=!Event:%20Foo&event_filter=name(Bar)"
    )
    options = Manager.from_url(url)._options
    assert options.backoff is None
    assert (options.retry_connect, options.plaintext_login) == (True, True)
    assert (options.keepalive, options.max_list_items, options.max_bytes_before_login) == (None, 5, None)
    assert [each.match_criteria for each in options.event_filters] == [None, "name(Bar)"]
    given = Manager.from_url("ami://a:b@h?timeout=3&keepalive=5", timeout=4, reconnect=QUICK, ssl=True)._options
    assert (given.timeout, given.keepalive, given.backoff, given.port) == (4, 5, QUICK, 5039)
    with pytest.raises(ValueError, match="amis"):
        Manager.from_url("amis://a:b@h", ssl=False)
    with pytest.raises(ValueError, match="'yes' or 'no'"):
        Manager.from_url("ami://a:b@h?reconnect=maybe")


@pytest.mark.parametrize(
    "url", ["ami://admin:s3cret", "ami://admin:s3cret@h:x", "ami://a:s3cret\u2100@h", "ami://u:1?s3cret@h"]
)
def test_urls_that_cannot_be_read_keep_their_secret(url: str) -> None:
    """Neither the error nor what caused it shows the secret."""
    with pytest.raises(ValueError, match="url") as caught:
        Manager.from_url(url)
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cret" not in str(error)
        assert error.__context__ is None
        error = error.__cause__


@pytest.mark.parametrize(
    ("secret", "error"), [(b"hush", TypeError), (5, TypeError), ("hu\nsh", ValueError), ("hu\ud800sh", ValueError)]
)
def test_secrets_that_cannot_be_right_are_refused(secret: object, error: type[Exception]) -> None:
    """What is no text would be hashed as something else, and a line end cannot be sent."""
    with pytest.raises(error, match="^secret: ") as caught:
        Manager(username="a", secret=secret)  # type: ignore[arg-type]
    assert "hu" not in str(caught.value)


def test_what_is_no_action_is_not_shown() -> None:
    """A dictionary with a secret in it, given by mistake, is named by its type."""
    with pytest.raises(TypeError, match="not dict"):
        Manager()._rights.admit({"Action": "Login", "Secret": "hush"})  # type: ignore[arg-type]


# Secrets on the way


async def test_the_plain_secret_needs_a_word(fake: FakeAsterisk) -> None:
    """Without TLS `core.Login` with the secret itself is refused before a byte leaves, unless it was allowed."""
    async with Manager(fake.host, fake.port) as mgr:
        for login in (core.Login("admin", "s3cret"), Action("login", {"Username": "admin", "secret": "s3cret"})):
            with pytest.raises(ValueError, match="plaintext_login=True") as caught:
                await mgr.send(login)
            assert "s3cret" not in str(caught.value)
        assert not fake.sent("Login")
    async with Manager(fake.host, fake.port, plaintext_login=True) as mgr:
        assert (await mgr.send(core.Login("admin", "s3cret"))).success


async def test_a_server_without_a_challenge_gets_the_secret_where_it_may(fake: FakeAsterisk) -> None:
    """The manager logs in with the secret itself only where it was allowed, or where nobody can read it."""
    for refused in ("Must specify AuthType", "Invalid/unknown command"):
        fake.reply_to("Challenge", {"Response": "Error", "Message": refused})
        with pytest.raises(ManagerAuthError, match=rf"refused: {refused}.*plaintext_login=True") as caught:
            await manager(fake).connect()
        assert "s3cret" not in repr(caught.value)
    assert not fake.sent("Login")
    async with manager(fake, plaintext_login=True):
        assert fake.sent("Login")[0].get("Secret") == "s3cret"


async def test_tls_logs_in_again_and_shows_a_client_certificate() -> None:
    """Over TLS the link is verified by name, brings the client's certificate, and is established again."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pbx.test", "127.0.0.1").configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    names: list[str | None] = []
    server.sni_callback = lambda connection, name, context: names.append(name)  # type: ignore[assignment, return-value]
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with FakeAsterisk(ssl=server) as fake:
        with pytest.raises(ConnectionLost):
            await manager(fake, ssl=client, timeout=1.0).connect()
        authority.issue_cert("client@pbx.test").configure_cert(client)
        async with manager(fake, ssl=client, server_hostname="pbx.test") as mgr:
            await lose(mgr, fake)
            await mgr.wait_ready(timeout=5)
            fake.reply_to("Challenge", {"Response": "Error", "Message": "Must specify AuthType"}, times=1)
            await lose(mgr, fake)
            await mgr.wait_ready(timeout=5)
        assert fake.sent("Login")[-1].get("Secret") == "s3cret"
        assert set(names[-3:]) == {"pbx.test"}
        with pytest.raises(ConnectionLost, match="securely"):
            await manager(fake, ssl=client, server_hostname="other.test").connect()


# Recordings, addresses, faults of the machine


async def test_a_recording_goes_on_over_reconnects(fake: FakeAsterisk, tmp_path: Path) -> None:
    """Each link is in it; when it cannot be written any more, the link goes on without."""
    path = tmp_path / "link.jsonl"
    async with manager(fake, record=path) as mgr:
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
    entries = Recording.load(path).entries
    assert [each.direction for each in entries if each.direction in ("opened", "closed")] == ["opened", "closed"] * 2


async def test_a_recording_has_every_attempt_in_it(tmp_path: Path) -> None:
    """Also those before the first link, with `retry_connect`."""
    path = tmp_path / "link.jsonl"
    async with FakeAsterisk(close_on_connect=True) as fake:
        mgr = manager(fake, retry_connect=True, record=path)
        connecting = asyncio.ensure_future(mgr.connect())
        await until(lambda: "without a greeting" in str(mgr._link.reason))
        fake.close_on_connect = False
        await connecting
        await mgr.close()
    assert "Login" in path.read_text()


async def test_a_recording_that_cannot_go_on_is_told(
    fake: FakeAsterisk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The link matters more than the record of it."""
    path = tmp_path / "link.jsonl"
    async with manager(fake, record=path) as mgr:
        path.unlink()
        path.mkdir()
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        assert "cannot be written" in caplog.text


async def test_what_nobody_thought_of_is_one_more_reason_to_try_again(
    fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Any exception of an attempt is waited out, told once with its traceback, and is the reason until the link stands."""
    async with manager(fake) as mgr:
        with monkeypatch.context() as patch:
            patch.setattr("aioami._client.link.log_in", lambda *_: 1 / 0)
            await lose(mgr, fake)
            refused = len(fake.received)
            await until(lambda: isinstance(mgr._link.reason and mgr._link.reason.__cause__, ZeroDivisionError))
            with pytest.raises(ConnectionLost, match="division by zero") as caught:
                await mgr.send(core.Ping(), timeout=0.05)
            assert caught.value.sent is False
            assert len(fake.received) == refused
        await mgr.wait_ready(timeout=5)
    told = [each for each in caplog.records if each.exc_info and each.levelno >= logging.WARNING]
    assert len(told) == 1


async def test_a_first_connect_waits_out_what_nobody_thought_of(
    fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `retry_connect` too; without it the exception comes out as it is, and the manager may connect again."""
    loop = asyncio.get_running_loop()
    resolve, failures = loop.getaddrinfo, 2

    async def short_of_threads(*arguments: Any, **options: Any) -> Any:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise RuntimeError("can't start new thread")
        return await resolve("127.0.0.1", *arguments[1:], **options)

    monkeypatch.setattr(loop, "getaddrinfo", short_of_threads)
    mgr = Manager("pbx.test", fake.port, "admin", "s3cret", reconnect=QUICK)
    with pytest.raises(RuntimeError, match="new thread"):
        await mgr.connect()
    assert mgr.state is ManagerState.CLOSED
    mgr = Manager("pbx.test", fake.port, "admin", "s3cret", reconnect=QUICK, retry_connect=True)
    async with mgr:
        assert mgr.state is ManagerState.READY
    assert failures == -1


async def test_an_action_that_meets_a_closing_socket_was_not_sent(fake: FakeAsterisk) -> None:
    """Between the operating system's word and ours nothing leaves, and the error says so."""
    async with manager(fake) as mgr:
        connection = mgr._link.connection
        assert connection is not None
        assert connection._writer is not None
        connection._writer.transport.abort()
        with pytest.raises(ConnectionLost) as caught:
            await mgr.send(core.Ping())
        assert caught.value.sent is False
        await mgr.wait_ready(timeout=5)


async def test_names_that_are_not_resolved_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not exist, one that takes too long, and one without an address are three sentences."""
    loop = asyncio.get_running_loop()

    async def slow(*_: object, **__: object) -> object:
        return await asyncio.sleep(60)

    async def none(*_: object, **__: object) -> object:
        return []

    async def unknown(*_: object, **__: object) -> object:
        raise socket.gaierror("no such name")

    for resolve, told in ((slow, r"within 0\.05 seconds"), (none, "no address"), (unknown, "could not be resolved")):
        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        with pytest.raises(ConnectionLost, match=told):
            await Manager("pbx.test", username="a", secret="b", timeout=0.05).connect()


async def test_an_address_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A packet filter that drops everything costs the timeout, and no more."""

    async def never(*_: object, **__: object) -> object:
        return await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    with pytest.raises(ConnectionLost, match=r"did not answer within 0\.05 seconds"):
        await Manager(username="a", secret="b", timeout=0.05).connect()


async def test_a_platform_without_the_network_options_works(
    fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the operating system has no such option, the keepalive watches alone."""
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT", raising=False)
    async with manager(fake) as mgr:
        assert (await mgr.send(core.Ping())).success


async def test_a_link_that_ends_while_filters_are_set(fake: FakeAsterisk) -> None:
    """The next step of the login finds the link gone, and the connect says why."""
    fake.before("Filter", FakeConnection.drop)
    with pytest.raises(ConnectionLost, match="closed the connection"):
        await manager(fake, event_filters=["!Event: A"]).connect()


async def test_what_ends_the_link_right_behind_the_login_is_told(fake: FakeAsterisk) -> None:
    """A login whose answer comes with what cannot be AMI does not succeed."""
    big = b"Event: Big\r\nKey: " + b"x" * 2000 + b"\r\n\r\n"
    fake.reply_to("Login", lambda request: f"Response: Success\r\nActionID: {request.action_id}\r\n\r\n".encode() + big)
    with pytest.raises(ProtocolError, match="max_frame_size"):
        await manager(fake, max_frame_size=1000).connect()


async def test_what_ends_the_link_in_the_middle_of_the_login_is_told(fake: FakeAsterisk) -> None:
    """The next message of the login is not sent, and the reason is the first one."""
    challenge = "Response: Success\r\nActionID: {}\r\nChallenge: 1\r\n\r\n"
    big = b"Event: Big\r\nKey: " + b"x" * 2000 + b"\r\n\r\n"
    fake.reply_to("Challenge", lambda request: challenge.format(request.action_id).encode() + big)
    with pytest.raises(ProtocolError, match="max_frame_size"):
        await manager(fake, max_frame_size=1000).connect()
    assert not fake.sent("Login")


async def test_nothing_is_heard_on_a_link_that_is_over(fake: FakeAsterisk) -> None:
    """What a layer below still hands on after the end reaches no stream."""
    async with manager(fake) as mgr:
        connection = mgr._link.connection
        assert connection is not None
        with mgr.events("Late") as stream:
            await lose(mgr, fake)
            connection._reader.feed_data(b"Event: Late\r\n\r\n")
            assert stream.pending == 0
        await mgr.wait_ready(timeout=5)


async def test_a_peer_that_takes_nothing_does_not_hold_up_the_end(fake: FakeAsterisk) -> None:
    """What could not be written is given up when the link is closed."""
    async with FaultProxy(fake.host, fake.port) as proxy:
        mgr = manager(proxy, timeout=0.2)
        await mgr.connect()
        proxy.to_server.stall()
        headers = {f"H{number}": "x" * 1000 for number in range(100)}
        sends = [asyncio.ensure_future(mgr.send(Action("Big", headers))) for _ in range(300)]  # 30 MB
        await asyncio.sleep(0.01)
        await asyncio.wait_for(mgr.close(), 2)
        results = await asyncio.gather(*sends, return_exceptions=True)
        assert {type(each) for each in results} <= {ConnectionLost, ManagerTimeout}


async def cancelled_as_it_ends(mgr: Manager) -> None:
    """Connect, and cancel that in the moment in which the attempt ends."""
    connecting = asyncio.ensure_future(mgr.connect())
    while mgr._link._task is None:  # it may be done within a millisecond
        await asyncio.sleep(0)
    attempt = mgr._link._task
    assert attempt is not None
    attempt.add_done_callback(lambda _: connecting.cancel())
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert mgr.state is ManagerState.CLOSED


async def test_a_connect_that_is_cancelled_as_it_succeeds_is_given_up(fake: FakeAsterisk) -> None:
    """Whoever is told that it was cancelled has no link that nobody would close."""
    mgr = manager(fake)
    await cancelled_as_it_ends(mgr)
    await until(lambda: not fake.connections)


async def test_a_connect_that_is_cancelled_as_it_fails_is_quiet(fake: FakeAsterisk) -> None:
    """Its error has nobody to go to."""
    mgr = manager(fake, secret="wrong")
    await cancelled_as_it_ends(mgr)


@pytest.mark.parametrize("when", ["connecting", "reconnecting"])
async def test_cancelling_the_end_ends_all_the_same(fake: FakeAsterisk, when: str) -> None:
    """Who is cancelled while an attempt is being given up leaves no state behind that nobody would change."""
    mgr = manager(fake, reconnect=Backoff(first=60, maximum=60))
    if when == "connecting":
        fake.slow_banner = 60
        task = asyncio.ensure_future(mgr.connect())
        await until(lambda: fake.connections)
        task.cancel()
    else:
        await mgr.connect()
        await lose(mgr, fake)
        task = asyncio.ensure_future(mgr.close())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert mgr.state is ManagerState.CLOSED
    fake.slow_banner = 0
    await mgr.connect()
    await mgr.close()


async def test_two_closes_at_once(fake: FakeAsterisk) -> None:
    """The second does not disturb the farewell of the first, and actions are refused meanwhile."""
    fake.reply_to("Logoff", None)
    mgr = manager(fake, timeout=0.1)
    await mgr.connect()
    closing = asyncio.ensure_future(mgr.close())
    await until(lambda: mgr.state is ManagerState.CLOSING)
    await fake.send_event("Shutdown", {"Shutdown": "Cleanly", "Restart": "False"}, privilege="system,all")
    with pytest.raises(ConnectionLost, match="closing"):
        await mgr.send(core.Ping())
    await mgr.close()
    assert mgr.state is ManagerState.CLOSED
    await closing
    assert mgr.state is ManagerState.CLOSED


async def test_a_link_that_ends_while_it_says_goodbye(fake: FakeAsterisk) -> None:
    """The end of the link is answer enough to the farewell."""
    fake.before(core.Logoff, FakeConnection.reset)
    mgr = manager(fake)
    await mgr.connect()
    await mgr.close()
    assert mgr.state is ManagerState.CLOSED


async def test_a_close_that_waited_for_another_leaves_the_next_link_alone(fake: FakeAsterisk) -> None:
    """Whoever closes while another task does may find the manager connected again: that link is not theirs to end."""
    mgr = manager(fake)
    await mgr.connect()

    async def begin_anew() -> None:
        await mgr.close()
        await mgr.connect()

    await asyncio.gather(begin_anew(), mgr.close(), mgr.close())
    assert mgr.state is ManagerState.READY
    assert (await mgr.send(core.Ping())).success
    await mgr.close()
    assert mgr.state is ManagerState.CLOSED


async def test_closing_does_not_wait_for_a_held_session(fake: FakeAsterisk) -> None:
    """A server that is busy cannot say goodbye, and is not asked to."""
    fake.reply_to("Command", None)
    mgr = manager(fake)
    await mgr.connect()
    pending = asyncio.ensure_future(mgr.send(core.Command("x")))
    await fake.expect("Command")
    await asyncio.wait_for(mgr.close(), 0.5)
    with pytest.raises(ConnectionLost):
        await pending
    assert not fake.sent("Logoff")


async def test_a_list_that_arrives_slowly_is_not_given_up(fake: FakeAsterisk) -> None:
    """A list stream's timeout counts anew from each item."""
    fake.reply_to("Items", {"Response": "Success", "EventList": "start"})
    async with manager(fake) as mgr:
        stream = mgr.stream(Action("Items"), timeout=0.15)
        request = await fake.expect("Items")
        assert stream.completion is None
        for number in range(4):
            await asyncio.sleep(0.08)  # half of the timeout, which begins anew with each item
            await fake.send_event("Item", {"ActionID": request.action_id or "", "Number": str(number)})
            assert (await stream.__anext__())["Number"] == str(number)
        with pytest.raises(ManagerTimeout):
            await stream.__anext__()


async def test_room_is_counted_in_events(fake: FakeAsterisk) -> None:
    """A mark for a gap takes no place that an event could have."""
    async with manager(fake) as mgr:
        stream = mgr.events("N?", maxsize=1, on_loss="raise")
        await lose(mgr, fake)
        await mgr.wait_ready(timeout=5)
        await fake.send_event("N1")
        await mgr.send(core.Ping())
        assert stream.pending == 1
        assert await take(stream, "N1") == ["lost 0 and a gap", "N1"]
        assert stream.dropped == 0


async def test_a_stream_says_what_it_is(fake: FakeAsterisk) -> None:
    """Its repr has what it selects, and what became of the events."""
    async with manager(fake) as mgr:
        stream = mgr.events("Hangup", Reconnected)
        assert repr(stream) == "<EventStream of Hangup, Reconnected: 0 delivered, 0 pending, 0 dropped, 0 gaps>"


def test_a_certificate_file_may_stand_in_the_url(tmp_path: Path) -> None:
    """`cafile` is trusted instead of the system's authorities."""
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    context = Manager.from_url(f"amis://a:b@h?cafile={path}")._options.ssl
    assert context is not None
    assert len(context.get_ca_certs()) == 1
    with pytest.raises(FileNotFoundError):
        Manager.from_url(f"amis://a:b@h?cafile={path}.none")


def test_a_filter_may_be_given_as_the_action_that_sets_it() -> None:
    """What `Filter` checks need not be written twice."""
    given = Filter("!Event: A")
    assert Manager(event_filters=[given])._options.event_filters == (given,)


def test_a_selector_is_a_class_or_a_text() -> None:
    """What is neither is a `TypeError`."""
    with pytest.raises(TypeError, match="not 1"):
        Manager().events(1)  # type: ignore[call-overload]


async def test_a_server_that_invents_names_fills_no_memory(fake: FakeAsterisk) -> None:
    """The table of names is emptied when it has grown too long, and goes on to be right."""
    async with manager(fake) as mgr:
        with mgr.events("Invented*", maxsize=None) as stream:
            await fake.send_raw(b"".join(b"Event: Invented%d\r\n\r\n" % number for number in range(5000)))
            await mgr.send(core.Ping())
            assert stream.pending == 5000
        assert len(mgr._dispatcher.routes) < 4100


def test_the_default_timeout_shows_as_such() -> None:
    """The signature of `send` does not show an internal object."""
    assert "<default>" in str(inspect.signature(Manager.send))


@pytest.mark.parametrize("when", ["ready", "reconnecting"])
async def test_a_manager_that_is_dropped_ends_its_link(fake: FakeAsterisk, when: str) -> None:
    """Nobody would ever close it; a stream of it holds it, though."""
    mgr = manager(fake, reconnect=Backoff(first=60, maximum=60))
    stream = mgr.events("N")
    await mgr.connect()
    if when == "reconnecting":
        await lose(mgr, fake)
    else:
        await fake.send_event("N")
    del mgr
    gc.collect()
    if when == "ready":
        assert (await stream.__anext__()).name == "N"
    with pytest.warns(ResourceWarning, match="dropped without close"):
        del stream
    await until(lambda: not fake.connections)


async def test_a_manager_that_is_dropped_in_another_thread_ends_its_link(fake: FakeAsterisk) -> None:
    """The end of it happens in the event loop."""
    managers = [manager(fake)]
    await managers[0].connect()
    with pytest.warns(ResourceWarning, match="dropped without close"):
        await asyncio.to_thread(managers.clear)
    await until(lambda: not fake.connections)


async def test_a_list_stream_holds_its_manager(fake: FakeAsterisk) -> None:
    """As every stream does, until it is closed."""
    mgr = manager(fake)
    await mgr.connect()
    stream = mgr.stream(core.QueueStatus("support"))
    watch = weakref.ref(mgr)
    del mgr
    gc.collect()
    assert "QueueParams" in [item.name async for item in stream]
    held = watch()
    assert held is not None
    await held.close()


@pytest.mark.parametrize("size", [40_000, 3e9])
async def test_times_that_the_network_does_not_know_are_cut(fake: FakeAsterisk, size: float) -> None:
    """A very long keepalive is ours alone."""
    async with manager(fake, keepalive=size, timeout=size) as mgr:
        assert mgr.state is ManagerState.READY


@pytest.mark.parametrize("when", ["ready", "reconnecting", "connecting"])
@pytest.mark.parametrize("then", ["dropped", "closed"])
def test_a_manager_that_outlives_its_event_loop(when: str, then: str) -> None:
    """Its link has ended with the loop: it can be closed and used in another one, or be dropped."""
    fake = FakeAsterisk(close_on_connect=when == "connecting")
    managers: list[Manager] = []

    async def leave(fake: FakeAsterisk) -> None:
        await fake.start()
        mgr = manager(fake, retry_connect=True, reconnect=Backoff(first=60, maximum=60))
        managers.append(mgr)
        connecting = asyncio.ensure_future(mgr.connect())
        await (until(lambda: mgr._link.reason) if when == "connecting" else connecting)
        if when == "reconnecting":
            await lose(mgr, fake)

    async def again(mgr: Manager) -> None:
        await mgr.close()
        async with FakeAsterisk() as other:
            mgr._link._options = dataclasses.replace(mgr._options, port=other.port)
            async with mgr:
                assert (await mgr.send(core.Ping())).success

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(leave(fake))
        mgr = managers.pop()
        assert mgr.state is ManagerState.CLOSED
        if then == "closed":
            asyncio.run(again(mgr))
        del mgr, fake
        gc.collect()
    ours = [str(each.message) for each in told if "dropped without close" in str(each.message)]
    assert len(ours) == (when == "ready" and then == "dropped")


async def test_nobody_has_to_ask_why_a_connection_was_lost(fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason of a reset reaches the error of the link; asyncio's own promise holds none that could go unheard."""
    loop = asyncio.get_running_loop()
    reach = loop.create_connection
    opened: list[tuple[asyncio.Transport, asyncio.StreamReaderProtocol]] = []

    async def remember(*arguments: Any, **options: Any) -> Any:
        opened.append(await reach(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(loop, "create_connection", remember)
    async with Manager("127.0.0.1", fake.port, "admin", "s3cret", reconnect=False) as mgr:
        stream = mgr.events()
        for connection in fake.connections:
            connection.reset()
        with pytest.raises(ConnectionLost, match="reset"):
            async for _ in stream:
                pass
    ((transport, protocol),) = opened
    await asyncio.StreamWriter(transport, protocol, None, loop).wait_closed()


def test_a_transport_that_has_no_size_of_reads_is_left_as_it_is() -> None:
    """TLS, and other event loops, read in ways of their own."""
    transport = asyncio.BaseTransport()
    read_less(transport)
    assert not hasattr(transport, "max_size")
