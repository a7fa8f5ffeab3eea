"""What a caller gets wrong is named at once, with what to write instead."""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import manager

from aioami import (
    Action,
    Backoff,
    ConnectionLost,
    Event,
    Fleet,
    Manager,
    ManagerTimeout,
    UnknownEventName,
    actions,
    core,
    events,
    in_thread,
)
from aioami._near import nearest
from aioami.agi import AsyncAGI, FastAGI, Routes, Session
from aioami.agi.session import run_program
from aioami.bus import RemoteManager
from aioami.bus.relay import Relay, RelayOptions, ServerOptions
from aioami.calls import CallTracer, Ladder
from aioami.events import misnamed
from aioami.fleet import FleetLive, read_servers
from aioami.live import Live
from aioami.permissions import of_program, of_recording, read_classes
from aioami.schema import json_schema
from aioami.testing import Account, FakeAsterisk, FakeFleet, FaultProxy, Recording
from aioami.testing.nats import NatsServer
from aioami.testing.real import Installation, RealAsterisk
from aioami.url import read_url
from aioami.wire import Encoding, Framer

WRONG: dict[str, list[object]] = {
    "host": [None, b"pbx", 1],
    "port": ["5038", 5038.0, True],
    "username": [1, b"admin"],
    "secret": [1, b"s"],
    "ssl": ["yes", 1],
    "server_hostname": [1],
    "event_mask": [5, 1.5],
    "event_filters": ["!Hangup", {"a": "b"}, 5, actions.Filter("x")],
    "timeout": ["3", True, (1,)],
    "reconnect": ["no", 1, None],
    "retry_connect": ["no", 1, None],
    "keepalive": ["20", False],
    "plaintext_login": ["no", 1, None],
    "max_frame_size": ["1", 1.0, True],
    "max_list_items": ["1", 1.0, True],
    "max_bytes_before_login": ["1", 1.0, True],
    "record": [1, b"file"],
    "metrics": ["yes", 1],
    "read_only": ["no", 1, None],
}


def test_every_option_of_a_manager_refuses_wrong_types_by_its_name() -> None:
    """Nothing that is no number is taken for one, and no text for true."""
    options = inspect.signature(Manager).parameters
    assert options.keys() - WRONG.keys() <= {"encoding", "errors", "unknown"}
    for name, values in WRONG.items():
        for value in values:
            given: dict[str, Any] = {"username": "u", "secret": "s", name: value}
            with pytest.raises(TypeError, match=rf"^{name}: expected .*, not {type(value).__name__}$"):
                Manager(**given)


def test_waits_between_attempts_refuse_wrong_types_by_their_name() -> None:
    """A number that is text would fail much later."""
    for name, value in (("first", "1"), ("factor", None), ("maximum", True), ("jitter", 1)):
        with pytest.raises(TypeError, match=rf"^{name}: expected"):
            Backoff(**{name: value})  # type: ignore[arg-type]


async def wanted(event: Event) -> bool:
    return False


async def each(event: Event) -> AsyncIterator[bool]:
    yield False


def one(event: Event) -> Iterator[bool]:
    yield False


class Wanted:
    async def __call__(self, event: Event) -> bool:
        return False


async def test_a_predicate_that_is_always_true_is_refused() -> None:
    """A coroutine function, a generator, what awaits when it is called, and what cannot be called at all."""
    mgr = Manager()
    for where in (wanted, each, one, Wanted(), functools.partial(wanted), "x", 5, True):
        for call in (mgr.events, mgr.wait_for, mgr.on):
            with pytest.raises(TypeError, match="^where: expected"):
                call("Tick", where=where)  # type: ignore[arg-type]


async def test_a_predicate_that_turns_out_to_be_async_lets_nothing_through(
    mgr: Manager, fake: FakeAsterisk, caplog: pytest.LogCaptureFixture
) -> None:
    """A plain function that returns a coroutine is logged, with the event that it was asked about."""
    with mgr.events("Tick", where=lambda event: wanted(event)) as stream, mgr.events("Tick") as behind:
        await fake.send_event("Tick", {"Channel": "PJSIP/1"})
        await anext(behind)
        assert stream.pending == 0
    assert "raised on 'Tick' (Channel 'PJSIP/1'), and the event is left out" in caplog.text
    assert "it returned a coroutine" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [float("nan"), float("inf"), -float("inf"), 10**400, -(10**5000)],
    ids=["nan", "infinite", "minus-infinite", "huge", "minus-huge"],
)
async def test_a_time_that_no_clock_reaches_is_refused_and_stops_no_timer(
    mgr: Manager, fake: FakeAsterisk, wrong: float
) -> None:
    """A NaN among the timers of the event loop would keep all others of the program from firing."""
    reply = await mgr.send(core.Originate_Application("Local/1@default", "Wait", "1"))
    asked = mgr.statistics().actions
    awaited: list[Callable[..., Any]] = [
        functools.partial(mgr.send, core.Ping()),
        *(mgr.wait_ready, mgr.wait_booted, reply.outcome),
    ]
    for call in awaited:
        with pytest.raises(ValueError, match="^timeout: a number of seconds or None for no limit, not"):
            await call(timeout=wrong)
    for plain in (
        functools.partial(mgr.wait_for, "Tick"),
        functools.partial(mgr.stream, core.QueueStatus()),
    ):
        with pytest.raises(ValueError, match="^timeout: a number of seconds or None for no limit, not"):
            plain(timeout=wrong)
    assert mgr.statistics().actions == asked
    with pytest.raises(ManagerTimeout):
        await mgr.wait_for("Tick", timeout=0.01)


async def test_times_and_limits_of_calls_are_named(mgr: Manager) -> None:
    """Each method says which of its arguments is no number."""
    reply = await mgr.send(core.Originate_Application("Local/1@default", "Wait", "1"))
    awaited: list[Callable[..., Any]] = [
        functools.partial(mgr.send, core.Ping()),
        *(mgr.wait_ready, mgr.wait_booted, reply.outcome),
    ]
    for call in awaited:
        with pytest.raises(TypeError, match="^timeout: expected a number of seconds or None, not str$"):
            await call(timeout="3")
    for name, plain in (
        ("timeout", functools.partial(mgr.wait_for, "Tick")),
        ("timeout", functools.partial(mgr.stream, core.QueueStatus())),
        ("maxsize", functools.partial(mgr.events, "Tick")),
        ("maxsize", functools.partial(mgr.on, "Tick")),
    ):
        with pytest.raises(TypeError, match=f"^{name}: expected a "):
            plain(**{name: "3"})


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (core.Ping, "Ping is the class of an action; send an object of it, Ping()"),
        (core.QueueAdd, "QueueAdd is the class of an action; send an object of it, QueueAdd(...)"),
        (events.Cdr, "Cdr is an event, which is received by events() and not sent"),
        (events.Hangup, "Hangup is an event, which is received by events() and not sent; the action is actions.Hangup"),
        (events.parse("Event: Odd"), "Event is an event, which is received by events() and not sent"),
        ("Ping", "expected an action, not text; send Ping() or Action('Ping')"),
        ("QueueAdd", "expected an action, not text; send QueueAdd(...) or Action('QueueAdd')"),
        ("Odd", "expected an action, not text; send Action('Odd')"),
        ({"Action": "Ping"}, "expected an action, not dict; send Action(name, headers)"),
        (5, "expected an action, not int"),
    ],
)
async def test_what_is_no_action_is_told_what_to_write(mgr: Manager, given: Any, sentence: str) -> None:
    """A class, an event, a name: each is refused in words that lead on, and by lists too."""
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        await mgr.send(given)
    with pytest.raises(TypeError, match=f"^{re.escape(sentence)}$"):
        mgr.stream(given)


async def test_a_manager_that_was_never_connected_says_so(fake: FakeAsterisk) -> None:
    """It is not called closed before it was open; afterwards it is."""
    mgr = manager(fake)
    with pytest.raises(ConnectionLost, match="Ping was not sent: this manager was never connected"):
        await mgr.send(core.Ping())
    with pytest.raises(ConnectionLost, match="never connected"):
        mgr.stream(core.QueueStatus())
    with pytest.raises(ManagerTimeout, match="never connected"):
        await mgr.wait_ready(timeout=0.01)
    async with mgr:
        pass
    with pytest.raises(ConnectionLost, match="the manager is closed"):
        await mgr.send(core.Ping())


async def test_a_stream_that_nothing_will_come_to_is_logged_once(
    fake: FakeAsterisk, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever awaits an event while no link is under way hears of it; then it waits as it was told."""
    mgr = manager(fake)
    stream = mgr.events("Tick")

    async def logged(awaitable: Any) -> list[str]:
        caplog.clear()
        task = asyncio.ensure_future(awaitable)
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [each.getMessage() for each in caplog.records if "a stream waits" in each.getMessage()]

    async def first() -> Event:
        return await anext(stream)

    async def single() -> Event:
        return await mgr.wait_for("Tick")

    assert await logged(first()) == [
        "a stream waits, and nothing will come: this manager was never connected; `async with` does so, and `connect()`"
    ]
    assert await logged(first()) == []
    assert len(await logged(single())) == 1
    async with mgr:
        assert await logged(single()) == []
        await fake.send_event("Tick")
        assert (await first()).name == "Tick"


async def test_streams_that_connect_ends_the_wait_of_are_silent(fake: FakeAsterisk) -> None:
    """A consumer that waits when another task begins to connect is as it should be."""
    mgr = manager(fake)
    stream = mgr.events("Tick")

    async def first() -> Event:
        return await anext(stream)

    async def connected() -> None:
        await mgr.connect()
        await fake.send_event("Tick")

    await asyncio.gather(first(), connected())
    await mgr.close()
    assert [event async for event in stream] == []


NEAR = {
    "Hangpu": "there is no event Hangpu; is Hangup meant?",
    "hangupp": "there is no event hangupp; is Hangup meant?",
    "QueueMemberPausd": "there is no event QueueMemberPausd; is QueueMemberPause meant?",
    "QueuMemberPuse": "there is no event QueuMemberPuse; is QueueMemberPause meant?",
    "Hangpu*": "there is no event Hangpu*; is Hangup* meant?",
    "Newchannel,Hangup": "'Newchannel,Hangup' is no name of an event; give each name by itself: 'Newchannel', 'Hangup'",
    "Hangup|Newchannel": "'Hangup|Newchannel' is no name of an event; give each name by itself: 'Hangup', 'Newchannel'",
    "^Queue": "'^Queue' is a regular expression; the shell-style pattern is 'Queue*'",
    "Queue.*": "'Queue.*' is a regular expression; the shell-style pattern is 'Queue*'",
    "^Hangup$": "'^Hangup$' is a regular expression; the shell-style pattern is 'Hangup'",
    "(Hangup)+": "'(Hangup)+' is no name of an event, and no shell-style pattern as 'Queue*'",
    "Hangup ": "'Hangup ' is no name of an event; is 'Hangup' meant?",
    "": "'' is no name of an event, and no shell-style pattern as 'Queue*'",
}
SILENT = (
    *("DongleNewSMS", "DongleNewSMSBase64", "Khomp*", "AntennaLevel", "GSM*", "Hangup", "hangup", "Queue*", "*"),
    *("[HN]*", "Dial????", "Disconnected", "Bridge", "Alarm*", "UserEvent", "NewExten", "AOC-D", "MyOwnThing"),
)


async def test_a_name_that_cannot_be_right_is_warned_of_once(mgr: Manager) -> None:
    """By events, callbacks and single waits alike, at the line that gave it; the stream is there all the same."""

    def opened(name: str) -> list[warnings.WarningMessage]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(name)
        return caught

    for call in (mgr.events, mgr.wait_for, mgr.on):
        other = Manager() if call == mgr.on else mgr
        call = getattr(other, call.__name__)
        for name, sentence in NEAR.items():
            if call.__name__ == "wait_for":
                name, sentence = f"{name} " if not name else name.swapcase(), ""
            found = opened(name)
            if sentence:
                assert [str(each.message) for each in found] == [sentence]
            else:
                assert len(found) == 1, name
            assert (found[0].category, found[0].filename) == (UnknownEventName, __file__)
            assert opened(name) == []
    for name in SILENT:
        assert misnamed(name) is None, name


@pytest.mark.parametrize(
    ("selector", "actions"),
    [
        ("queuemember", "QueueStatus"),
        (events.QueueMember, "QueueStatus"),
        ("CoreShowChannelsComplete", "CoreShowChannels"),
        ("QueueSummary", "QueueSummary"),
    ],
)
async def test_what_comes_in_lists_alone_is_warned_of(mgr: Manager, selector: Any, actions: str) -> None:
    """The item or the end of a list never comes to a stream, and the action that has it is named; what comes as both is fine."""
    with pytest.warns(UnknownEventName, match=f"comes in the response to {actions} alone, and to no stream"):
        mgr.events(selector)
    for name in ("ParkedCall", "ExtensionStatus", "DeviceStateChange", "UserEvent", "Disconnected", "PeerEntry*"):
        assert misnamed(name) is None, name


@pytest.mark.parametrize(("keyword", "meant"), [("usernme", "username"), ("keep_alive", "keepalive"), ("colour", None)])
def test_an_option_that_does_not_exist_is_named_with_the_near_one(keyword: str, meant: str | None) -> None:
    """By the constructor and by `from_url` alike."""
    hint = f"; is {meant} meant?" if meant else "$"
    sentence = rf"^Manager\(\) got an unexpected keyword argument '{keyword}'{re.escape(hint) if meant else hint}"
    options: dict[str, Any] = {keyword: 1}
    with pytest.raises(TypeError, match=sentence):
        Manager(**options)
    with pytest.raises(TypeError, match=sentence):
        Manager.from_url("ami://pbx", **options)


@pytest.mark.parametrize(
    ("make", "what", "keyword", "meant"),
    [
        (functools.partial(Live, Manager()), "Live", "part", "parts"),
        (functools.partial(FleetLive, Fleet({"a": "ami://u:s@h"})), "Live", "part", "parts"),
        (functools.partial(Fleet, {}), "Fleet", "wiat", "wait"),
        (functools.partial(FastAGI, len), "FastAGI", "maxsessions", "max_sessions"),
        (functools.partial(AsyncAGI, Manager()), "AsyncAGI", "onerror", "on_error"),
        (functools.partial(RemoteManager, "nats://bus", "a"), "RemoteManager", "credential", "credentials"),
        (functools.partial(Relay, [], "nats://bus"), "Relay", "option", "options"),
        (FakeAsterisk, "FakeAsterisk", "virtualtime", "virtual_time"),
        (functools.partial(FakeFleet, ["a"]), "FakeAsterisk", "virtualtime", "virtual_time"),
    ],
)
def test_other_constructors_name_the_near_argument_too(
    make: Callable[..., object], what: str, keyword: str, meant: str
) -> None:
    """On every Python, and not on the newest alone."""
    with pytest.raises(
        TypeError, match=rf"^{what}\(\) got an unexpected keyword argument '{keyword}'; is {meant} meant"
    ):
        make(**{keyword: 1})


def no_argument() -> None:
    """Take nothing."""


async def two_arguments(one: object, other: object) -> None:
    """Take two."""


@pytest.mark.parametrize("wrong", [no_argument, two_arguments])
async def test_a_function_that_cannot_be_called_so_is_refused_where_it_is_given(mgr: Manager, wrong: Any) -> None:
    """A callback gets the event, and a program its session: not when the first one comes, but at once."""
    for give, what in (
        (mgr.on("Hangup"), "the event"),
        (FastAGI, "the session"),
        (functools.partial(AsyncAGI, mgr), "the session"),
        (Routes().route("menu"), "the session"),
        (lambda program: mgr.call("PJSIP/alice", to=program), "the session"),
    ):
        with pytest.raises(TypeError, match=f": {wrong.__name__} is called with {what} alone: (missing|too many)"):
            give(wrong)
    mgr.on("Hangup")(print)  # of which nothing is known, and which takes it


async def test_a_program_that_is_not_async_says_so() -> None:
    """It runs, and returns nothing to await: what to write is in the error, which is logged."""
    ran: list[object] = []
    with pytest.raises(TypeError, match=r"<lambda> is no program: it is to be written with `async def`$"):
        await run_program(lambda session: ran.append(session), "a session")  # type: ignore[arg-type, return-value]
    assert ran == ["a session"]


async def test_what_is_given_by_its_name_alone_is_told_so(mgr: Manager) -> None:
    """A second argument by its place is not only counted: the name is there."""
    for call in (mgr.call, in_thread(Manager()).call):
        with pytest.raises(TypeError, match=r"call\(\) takes 1 argument by place; .* by name, as to=\.\.\.$"):
            call("PJSIP/alice", "100@default")  # type: ignore[call-arg, misc]


async def test_events_of_old_servers_are_wrong_where_the_server_is_new(mgr: Manager) -> None:
    """Before the version is known, and on Asterisk 11, they are taken in silence."""
    with pytest.warns(UnknownEventName, match="no event Dial; DialBegin and DialEnd took its place"):
        mgr.events("Dial")
    assert misnamed("Dial") is None
    assert misnamed("Dial", version="1.4") is None
    assert (
        misnamed("join", version="2.10.6") == "Asterisk 12 and later have no event join; QueueCallerJoin took its place"
    )


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        *[
            ("member_name", "membername", "membername"),
            ("cahnnel", "channel", "channel"),
            ("chanel", "channel", "channel"),
        ],
        *[
            ("channels", "channel", "channel"),
            ("chennal", "channel", None),
            ("", "a", "a"),
            ("abcdefgxyi", "abcdefghij", None),
        ],
        *[("abcdefgxij", "abcdefghij", "abcdefghij"), ("abcdefhgji", "abcdefghij", "abcdefghij"), ("a", "abc", None)],
    ],
)
def test_near_is_one_slip_and_two_in_long_names(name: str, known: str, found: str | None) -> None:
    """A letter missing, too much, wrong, or changed with its neighbour; underscores and letter case do not count."""
    assert nearest(name, [known]) == found
    assert nearest(name.upper(), [known]) == found


def test_an_unknown_keyword_names_the_near_one() -> None:
    """In classes that declare their parameters, and in those with a constructor; where none is near, none is named."""
    for make, sentence in (
        (lambda: core.QueueAdd("a", "b", member_name="x"), "'member_name'; is membername meant?"),  # type: ignore[call-arg]
        (lambda: core.Originate_Application("a", "b", caller_id="x"), "'caller_id'; is callerid meant?"),  # type: ignore[call-arg]
        (lambda: core.QueueAdd("a", "b", nonsense="x"), "'nonsense'$"),  # type: ignore[call-arg]
        (lambda: core.Originate_Context("a", "b", 1, 1, nonsense="x"), "'nonsense'$"),  # type: ignore[call-arg]
    ):
        with pytest.raises(TypeError, match=rf"got an unexpected keyword argument {sentence}"):
            make()


def test_a_name_that_core_does_not_have_leads_to_one_that_is() -> None:
    """An action with two classes, one with another name, one that is not in the core, and a misspelt one."""
    for module, name, sentence in (
        (core, "Originate", "is core.Originate_Application or core.Originate_Context meant?"),
        (actions, "Originate", "is Originate_Application or Originate_Context meant?"),
        (core, "SIPqualifypeer", "is core.SIPqualify meant?"),
        (core, "ConfbridgeList", "is actions.ConfbridgeList meant?"),
        (core, "QueuStatus", "is core.QueueStatus meant?"),
        (actions, "QueueStats", "is QueueStatus meant?"),
        (events, "Hangpu", "is Hangup meant?"),
    ):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'; {re.escape(sentence)}$"):
            getattr(module, name)
    for module, name in ((core, "Nonsense"), (actions, "_origin"), (events, "Nonsense")):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(module, name)


def test_a_plain_action_takes_headers_as_keywords() -> None:
    """They come behind those of the mapping; one that is given twice is refused."""
    assert Action("X", Channel="a", Variable=["b=1", "c=2"]) == Action(
        "X", {"Channel": "a", "Variable": ["b=1", "c=2"]}
    )
    assert Action("X", {"A": 1}, B=2).headers == (("A", "1"), ("B", "2"))
    with pytest.raises(TypeError, match="^Channel: it is given among the headers, and as a keyword"):
        Action("X", {"channel": "a"}, Channel="b")
    with pytest.raises(TypeError, match="^headers: expected a mapping of names to values, not list"):
        Action("X", [("a", "b")])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ActionID"):
        Action("X", ActionID="1")


async def test_a_plain_action_is_answered_as_the_class_of_its_name(mgr: Manager) -> None:
    """An Originate has its outcome, synchronous ones too, and a list without items is one."""
    reply: Any = await mgr.send(
        Action("originate", Channel="Local/100@default", Application="Wait", Data="0", Async="yes")
    )
    outcome = await reply.outcome(timeout=20)
    assert (type(outcome), outcome.success) == (events.OriginateResponse, True)
    slow = Action("Originate", Channel="Local/noanswer@default", Application="Wait", Timeout=500)
    assert (slow.timeout, slow.outcome_timeout, Action("Originate").outcome_timeout) == (None, 2.5, 600)
    refused: Any = await mgr.send(slow, check=False)
    assert (await refused.outcome()).success is False
    pong: Any = await mgr.send(Action("Ping"))
    assert pong.RTT > 0
    rooms = await mgr.send(Action("ConfbridgeListRooms"), check=False)
    assert type(rooms) is actions.ConfbridgeListRooms.response_type


def test_a_time_in_seconds_where_milliseconds_are_meant_is_warned_of() -> None:
    """Each Originate and Park, at the line that made it; 0, which is the server's own, is none."""
    for make in (
        lambda: core.Originate_Application("a", "b", timeout=30),
        lambda: core.Originate_Context("a", "b", 1, 1, timeout=30),
        lambda: core.Park("a", "b", 30),
    ):
        with pytest.warns(UserWarning, match="^timeout: it is 30 milliseconds; 30 seconds are 30000$") as caught:
            make()
        assert caught[0].filename == __file__
    for fine in (None, 0, 1000, 30000):
        core.Originate_Application("a", "b", timeout=fine)
        core.Park("a", "b", fine)


async def test_a_time_in_milliseconds_where_seconds_are_meant_is_warned_of(mgr: Manager) -> None:
    """A call that may ring for a quarter of an hour is none that anybody wants; a minute is fine."""
    with pytest.warns(UserWarning, match="^timeout: it is 30000 seconds; 30000 milliseconds are 30$") as caught:
        mgr.call("PJSIP/alice", to="100@default", timeout=30_000)
    assert caught[0].filename == __file__
    mgr.call("PJSIP/alice", to="100@default", timeout=60)


BESIDE: dict[str, dict[str, Any]] = {
    **{
        "ModuleLoad": {"load_type": "load", "module": "m"},
        "MuteAudio": {"input": True},
        "PJSIPNotify": {"endpoint": "a"},
    },
    "UpdateConfig": {"changes": ()},
}
"""What parameters that depend on others need besides."""


def test_every_parameter_of_every_action_refuses_wrong_types_by_its_name() -> None:
    """An object of any other kind is refused in words that name the parameter."""
    seen = 0
    for name in actions.__all__:
        cls = getattr(actions, name)
        if not (isinstance(cls, type) and issubclass(cls, actions.KnownAction) and cls.wire_name):
            continue
        taken = [each for each in inspect.signature(cls).parameters.values() if each.kind is not each.VAR_KEYWORD]
        declared = cls._parameters
        for wrong in taken:
            given = {each.name: _right(each, declared) for each in taken if each.default is each.empty} | BESIDE.get(
                name, {}
            )
            with pytest.raises((TypeError, ValueError)) as caught:
                cls(**{**given, wrong.name: object()})
            sentence = str(caught.value)
            assert wrong.name in sentence or sentence.startswith("event mask"), (name, sentence)
            seen += 1
    assert seen > 300


def _right(parameter: inspect.Parameter, declared: dict[str, Any]) -> Any:
    """A value that the parameter takes."""
    allowed = getattr(getattr(declared.get(parameter.name), "kind", None), "allowed", None)
    if allowed:
        return allowed[0]
    values = {"bool": True, "str": "on", "int": 1, "float": 1.0, "Mapping": {"a": "b"}}
    return next((value for kind, value in values.items() if kind in str(parameter.annotation)), ())


async def program(session: Session) -> None:
    """Steer nothing."""


@pytest.mark.parametrize(
    ("make", "right"),
    [
        (AsyncAGI, (Manager(),)),
        (FastAGI, (program,)),
        (Live, (Manager(),)),
        (CallTracer, ()),
        (Ladder, ()),
        (Fleet, ({},)),
        (FleetLive, (Fleet({}),)),
        (read_servers, ()),
        (RemoteManager, ("nats://bus", "pbx1")),
        (Relay, ([ServerOptions("pbx1", "ami://user@host")], "nats://bus")),
        (RelayOptions, ()),
        (ServerOptions, ("pbx1", "ami://user@host")),
        (Framer, ()),
        (Encoding, ()),
        (in_thread, ()),
        (of_program, ("",)),
        (of_recording, ()),
        (read_classes, ()),
        (read_url, ()),
        (json_schema, ()),
        (FakeAsterisk, ()),
        (FakeFleet, ()),
        (FaultProxy, ("127.0.0.1", 5038)),
        (Account, ("secret",)),
        (Recording, ([],)),
        (RealAsterisk, (Installation([], Path(), Path(), private=False),)),
        (NatsServer, ("nats-server",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_argument_of_every_constructor_refuses_wrong_types_by_its_name(
    make: Callable[..., object], right: tuple[object, ...]
) -> None:
    """So do the functions: what is of no use is refused where it is given, and not when it is needed."""
    named = [each.name for each in inspect.signature(make).parameters.values() if each.kind is not each.VAR_KEYWORD]
    for name in named:
        with pytest.raises((TypeError, ValueError), match=f"^{name}: "):
            make(**{**dict(zip(named, right, strict=False)), name: object()})


@pytest.mark.parametrize("make", [Live, AsyncAGI, in_thread])
def test_a_manager_that_blocks_is_refused_with_what_to_give_instead(make: Callable[..., object]) -> None:
    """What works in the event loop takes the manager behind it."""
    with pytest.raises(TypeError, match=r"^manager: .* takes the `manager` of a BlockingManager"):
        make(in_thread(Manager()))


def test_one_text_is_no_sequence_of_texts() -> None:
    """It would be taken letter by letter."""
    for make, name in (
        (functools.partial(Live, Manager()), "parts"),
        (functools.partial(FastAGI, program), "allow"),
        (functools.partial(ServerOptions, "a", "ami://h"), "allow"),
        (FakeFleet, "servers"),
    ):
        with pytest.raises(TypeError, match=f"^{name}: expected a sequence of .*, not one text$"):
            make(**{name: "one"})  # type: ignore[operator]


def test_numbers_are_no_texts_and_truth_values_no_numbers() -> None:
    """The live state, the fake server and the proxy say which argument it is."""
    for make, arguments in (
        (functools.partial(Live, Manager()), {"wait": "no", "timeout": "3", "maxsize": "9"}),
        (
            FakeAsterisk,
            {
                **{
                    "version": 22,
                    "virtual_time": "yes",
                    "boot": 1,
                    "close_on_connect": None,
                    "broken_events_action": 0,
                },
                **{"answer_seconds": "1", "talk_seconds": True, "slow_banner": "1", "auth_timeout": "1"},
                **{"write_timeout": "1", "login_delay": "1", "auth_limit": 1.5, "chunk_size": "1"},
            },
        ),
        (functools.partial(FaultProxy, "127.0.0.1", 5038), {"seed": "1"}),
        (functools.partial(FaultProxy, "127.0.0.1"), {"port": "5038"}),
        (functools.partial(FaultProxy, port=1), {"host": None}),
        (CallTracer, {"keep": "3"}),
    ):
        for name, value in arguments.items():
            with pytest.raises(TypeError, match=f"^{name}: expected .*, not {type(value).__name__}$"):
                make(**{name: value})  # type: ignore[operator]


def test_a_name_that_is_absent_is_asked_about_once() -> None:
    """A traceback has one question: Python would put its own behind ours."""
    for module, name in ((core, "QueuStatus"), (events, "Hangpu")):
        with pytest.raises(AttributeError) as caught:
            getattr(module, name)
        assert "".join(traceback.format_exception(caught.value)).count("?") == 1


async def test_methods_refuse_wrong_types_by_name_too(mgr: Manager, fake: FakeAsterisk) -> None:
    """What is kept for later is looked at when it is given."""
    for name, call in (
        ("observer", functools.partial(mgr.observe_actions, 5)),
        ("name", functools.partial(Routes().route, 5)),
        ("text", functools.partial(events.parse, 5)),
        ("device", functools.partial(fake.incoming, 5, to="100")),
        ("to", functools.partial(fake.incoming, "PJSIP/trunk", to=5)),
        ("to", functools.partial(fake.add_extension, 5, "Answer()")),
        ("steps", functools.partial(fake.add_extension, "menu", 5)),
        ("device", functools.partial(fake.phone, 5)),
        ("times", functools.partial(fake.expect, "Ping", times="2")),
    ):
        with pytest.raises(TypeError, match=f"^{name}: expected .*, not (int|str)$"):
            call()
    with pytest.raises(TypeError, match="^seconds: expected a number of seconds, not str$"):
        await fake.advance("5")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="^device: a name as 'PJSIP/alice', not 'alice'$"):
        fake.phone("alice")
