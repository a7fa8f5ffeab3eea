"""The ends of sessions over AsyncAGI, word by word: what is told, in which order, and what is asked for then."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from tests.helpers import manager, until
from tests.unit.agi.test_asyncagi import place

from aioami import ActionError, ConnectionLost, Manager, ManagerError, ManagerTimeout, ProtocolError, events
from aioami.agi import AsyncAGI, CommandFailed, HungUp, Session, TakenAway
from aioami.agi.asynctransport import AsyncTransport
from aioami.agi.hub import Hub
from aioami.agi.transport import AskByCommand
from aioami.errors import PermissionDenied
from aioami.testing import FakeAsterisk, FaultProxy
from aioami.wire.text import Encoding

CODEC = Encoding("utf-8")
HERE = ("internal", "100", "2")
MOVED, BEHIND, ELSEWHERE = ("a", "100", "2"), ("a", "100", "3"), ("elsewhere", "s", "1")
REFUSED = PermissionDenied("the user may not")


def gone() -> ActionError:
    """The error of an action about a channel that there is not."""
    return ActionError("it failed", response=SimpleNamespace(message="Channel does not exist."))  # type: ignore[arg-type]


def otherwise() -> ActionError:
    """The error of an action about a channel that is elsewhere."""
    return ActionError("it failed", response=SimpleNamespace(message="Channel is not in AsyncAGI"))  # type: ignore[arg-type]


class Server:
    """A server with one channel: it answers commands and actions as it is told to, one after the other."""

    def __init__(self, **options: Any) -> None:
        self.sent: list[str] = []
        self.commands: list[str] = []
        self.answers: list[str | bytes] = []  # to commands; without one they go on
        self.replies: dict[str, list[Any]] = {}  # to actions, where it is no success
        self.ready: list[Exception | None] = [None]
        environment = options.pop("environment", b"agi_uniqueid: 1.1\nagi_channel: A/1")
        place = dict(zip(("Context", "Exten", "Priority"), HERE, strict=True))
        self.line = AsyncTransport(
            self,  # type: ignore[arg-type]
            Hub(),
            event("AsyncAGIStart", **place),
            environment,
            CODEC,
            **options,
        )

    async def send(self, action: Any) -> Any:
        self.sent.append(action.name)
        headers = dict(action.headers)
        replies = self.replies.get(action.name)
        reply = replies.pop(0) if replies else looked() if action.name == "Status" else None
        await asyncio.sleep(0)
        if asyncio.isfuture(reply):
            reply = await reply
        if isinstance(reply, Exception):
            raise reply
        if action.name == "AGI":
            self.commands.append(headers["Command"])
            self.told = headers["CommandID"]
            if self.answers:
                answer = self.answers.pop(0)
                told = quote(answer if isinstance(answer, bytes) else f"{answer}\n")
                self.tell("AsyncAGIExec", CommandId=self.told, Result=told)
        return reply

    async def wait_ready(self) -> None:
        error = self.ready.pop(0)
        if error is not None:
            raise error

    def tell(self, name: str, **headers: str) -> None:
        """Have an event come, when the reply to an action has been read."""
        asyncio.get_running_loop().call_soon(self.line.take, event(name, **headers))

    def step(self, context: str, exten: str, priority: str) -> None:
        """Have the dialplan take a step."""
        self.tell("Newexten", Context=context, Exten=exten, Priority=priority)


def event(name: str, **headers: str) -> Any:
    """An event of the channel."""
    lines = "".join(f"{key}: {value}\n" for key, value in {"Uniqueid": "1.1", **headers}.items())
    return events.parse(f"Event: {name}\n{lines}")


def looked(
    hung_up: str = "0",
    status: str = "",
    place: tuple[str, str, str] = HERE,
    data: str = "agi:async",
    application: str = "AGI",
) -> Any:
    """The answer of Status."""
    variables = {"CHANNEL(checkhangup)": hung_up, "AGISTATUS": status}
    variables |= dict(zip(("CONTEXT", "EXTEN", "PRIORITY"), place, strict=True))
    lines = "".join(f"Variable: {name}={value}\n" for name, value in variables.items())
    return SimpleNamespace(events=[events.parse(f"Event: Status\nApplication: {application}\nData: {data}\n{lines}")])


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for comes soon, or not at all."""
    for name in ("_EXPLAINED", "_FOLLOWED", "_LONGEST_END", "_UNKNOWN", "_FAREWELL"):
        monkeypatch.setattr(f"aioami.agi.asynctransport.{name}", 0.05)


def session(**options: Any) -> tuple[Session, Server]:
    """A session, and the server of its channel."""
    server = Server(**options)
    return Session(server.line), server


# What ends a session


@pytest.mark.parametrize(
    ("name", "headers", "error"),
    [
        ("Hangup", {}, HungUp),
        ("HangupRequest", {}, HungUp),
        ("SoftHangupRequest", {}, HungUp),
        ("BridgeEnter", {}, TakenAway),
        ("AsyncAGIStart", {}, TakenAway),
        ("Newexten", {"Context": "elsewhere", "Exten": "s", "Priority": "1"}, TakenAway),
        ("Newexten", {"Context": "internal", "Exten": "h", "Priority": "1"}, None),
        ("Newexten", dict(zip(("Context", "Exten", "Priority"), HERE, strict=True)), None),
        ("AsyncAGIExec", {"CommandId": "another", "Result": "200%20result=0%0A"}, None),
    ],
)
async def test_events_that_end_a_session(name: str, headers: dict[str, str], error: type[ManagerError] | None) -> None:
    """An event of the channel that is its end, or its way elsewhere, ends the session; others do not."""
    call, server = session()
    running = asyncio.create_task(call.digit(None))
    await until(lambda: server.commands)
    server.tell(name, **headers)
    if error is None:
        await asyncio.sleep(0.08)  # in which it would end
        assert not running.done()
        server.tell("Hangup")
        error = HungUp
    with pytest.raises(error):
        await running
    with pytest.raises(error):
        await call.answer()


@pytest.mark.parametrize(
    ("words", "looks", "is_taken"),
    [
        (("EXEC", "Playback", "long"), [], True),
        (("EXEC", "Dial", "Local/x"), [looked(application="Dial")], False),
        (("EXEC", "Dial", "Local/x"), [ActionError("there is no such channel")], False),
        (("EXEC", "Dial", "Local/x"), [SimpleNamespace(events=[])], False),
        (("EXEC", "Odd"), [looked(application="(null)")], True),
        (("GOSUB", "internal", "100", "1"), [looked(application="(null)")], True),
    ],
)
async def test_a_bridge_while_an_application_runs(words: tuple[str, ...], looks: list[Any], is_taken: bool) -> None:
    """It is the application's own, unless the application never has one, or does not run any more."""
    call, server = session()
    server.replies["Status"] = list(looks)
    running = asyncio.create_task(call.command(*words))
    await until(lambda: server.commands)
    server.tell("BridgeEnter")
    if is_taken:
        with pytest.raises(TakenAway, match="was bridged"):
            await running
        return
    await until(lambda: "Status" in server.sent)
    await asyncio.sleep(0.02)
    assert not running.done()
    server.tell("AsyncAGIExec", CommandId=server.told, Result="200%20result=5%0A")
    assert (await running).result == "5"


async def test_a_bridge_that_is_over_before_it_is_looked_at() -> None:
    """Where the answer of the command comes before that of the look, the session goes on."""
    call, server = session()
    server.replies["Status"] = [looked(application="(null)")]
    running = asyncio.create_task(call.command("EXEC", "Dial", "Local/x"))
    await until(lambda: server.commands)
    server.tell("BridgeEnter")
    server.tell("AsyncAGIExec", CommandId=server.told, Result="200%20result=5%0A")
    assert (await running).result == "5"
    await until(lambda: "Status" in server.sent)
    await asyncio.sleep(0.02)
    assert not call.is_over


@pytest.mark.parametrize(("words", "is_taken"), [(("Playback", "long"), True), (("Odd",), False)])
async def test_a_step_elsewhere_while_an_application_runs(words: tuple[str, ...], is_taken: bool) -> None:
    """Of a call without a dialplan behind it, nothing else tells of a redirect where the application takes no steps."""
    call, server = session(has_dialplan=False)
    running = asyncio.create_task(call.command("EXEC", *words))
    await until(lambda: server.commands)
    server.step("elsewhere", "s", "1")
    if is_taken:
        with pytest.raises(TakenAway, match="was redirected to elsewhere,s,1"):
            await running
        return
    server.tell("AsyncAGIExec", CommandId=server.told, Result="200%20result=5%0A")
    assert (await running).result == "5"


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (("internal", "100", "3"), "has gone on at internal,100,3"),
        (("internal", "h", "1"), "was hung up"),
        (("elsewhere", "s", "1"), "was redirected to elsewhere,s,1"),
        (("internal", "100", "9"), "was redirected to internal,100,9"),
    ],
)
async def test_the_step_behind_the_end_tells_why(place: tuple[str, str, str], sentence: str) -> None:
    """Behind AsyncAGIEnd the first step of the dialplan tells an end from a redirect."""
    call, server = session()
    running = asyncio.create_task(call.digit(None))
    await until(lambda: server.commands)
    server.tell("AsyncAGIEnd")
    server.step(*place)
    with pytest.raises(HungUp if place[1] == "h" else TakenAway, match=sentence):
        await running


@pytest.mark.parametrize(
    ("look", "steps", "error", "sentence"),
    [
        (looked(place=MOVED), [MOVED, None], HungUp, "was hung up"),
        (looked(place=MOVED), [BEHIND], CommandFailed, "which ended the session"),
        (looked(place=MOVED), [MOVED, BEHIND], CommandFailed, "which ended the session"),
        (looked(place=MOVED), [ELSEWHERE], TakenAway, "was redirected to elsewhere,s,1"),
        (looked(place=MOVED), [MOVED, MOVED], TakenAway, "was redirected to a,100,2"),
        (looked(), [HERE], TakenAway, "was redirected to internal,100,2"),
        (looked("1", place=MOVED), [ELSEWHERE, None], HungUp, "was hung up"),
        (REFUSED, [MOVED, None], HungUp, "was hung up"),
        (SimpleNamespace(events=[]), [MOVED, None], HungUp, "was hung up"),
        (REFUSED, [BEHIND], CommandFailed, "which ended the session"),
    ],
)
async def test_the_end_of_a_channel_that_a_command_moved(
    look: Any, steps: list[tuple[str, str, str] | None], error: type[ManagerError], sentence: str
) -> None:
    """Behind a command that may move the channel it is looked at; a step to where that has led is no redirect."""
    call, server = session()
    server.answers, server.replies["Status"] = ["200 result=0"], [look]
    await call.command("SET CONTEXT", "a")
    assert server.sent == ["AGI", "Status"]
    running = asyncio.create_task(call.digit(None))
    await until(lambda: len(server.commands) == 2)
    server.tell("AsyncAGIExec", CommandId=server.told, Result=quote("200 result=-1\n"))
    server.tell("AsyncAGIEnd")
    for step in steps:
        if step is None:
            server.tell("Hangup")
        else:
            server.step(*step)
    with pytest.raises(error, match=sentence):
        await running


async def test_a_routine_that_is_missing() -> None:
    """GOSUB that fails has not moved the channel, so the step behind AGI() is its failure, and nothing is looked at."""
    call, server = session()
    server.answers = ["200 result=-1 Gosub label not found"]
    running = asyncio.create_task(call.command("GOSUB", "internal", "100", "nolabel"))
    await until(lambda: server.commands)
    server.tell("AsyncAGIEnd")
    server.step("internal", "100", "3")
    with pytest.raises(CommandFailed, match="which ended the session"):
        await running
    assert server.sent == ["AGI"]


async def test_a_redirect_that_ends_an_application() -> None:
    """Where AsyncAGI has ended, the place that is found is that of a redirect, and hides none."""
    call, server = session()
    looks: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    server.answers, server.replies["Status"] = ["200 result=0"], [looks]
    running = asyncio.create_task(call.exec("Odd"))
    await until(lambda: "Status" in server.sent)
    server.line.take(event("AsyncAGIEnd"))
    looks.set_result(looked(place=ELSEWHERE))
    assert await running == 0
    server.step(*ELSEWHERE)
    with pytest.raises(TakenAway, match="was redirected to elsewhere,s,1"):
        await call.answer()


async def test_a_move_that_is_told_while_the_session_lives() -> None:
    """A step to where a command has led is no redirect, and comes once; without a dialplan a second one is a redirect."""
    call, server = session(has_dialplan=False)
    server.answers, server.replies["Status"] = ["200 result=0"], [looked(place=MOVED)]
    await call.exec("ExecIf", "1?Goto(a,100,2)")
    running = asyncio.create_task(call.digit(None))
    await until(lambda: len(server.commands) == 2)
    server.step(*MOVED)
    await asyncio.sleep(0.01)  # in which it would end
    assert not call.is_over
    server.step(*MOVED)
    with pytest.raises(TakenAway, match="was redirected to a,100,2"):
        await running


async def test_a_step_that_comes_later_tells_why() -> None:
    """The step behind AsyncAGIEnd is waited for, and then nothing is asked."""
    call, server = session()
    running = asyncio.create_task(call.digit(None))
    await until(lambda: server.commands)
    server.tell("AsyncAGIEnd")
    asyncio.get_running_loop().call_later(0.01, server.step, "elsewhere", "s", "1")
    with pytest.raises(TakenAway, match="was redirected to elsewhere,s,1"):
        await running
    assert "Status" not in server.sent


async def test_an_end_while_nothing_runs_is_looked_into() -> None:
    """AsyncAGI that ends while no command runs ends the session, before a program is there and later."""
    server = Server()
    server.tell("AsyncAGIEnd")
    await asyncio.sleep(0.01)  # in which it would be taken for over
    assert server.line.over is None
    server.replies["Status"] = [looked("1")]
    with pytest.raises(HungUp, match="was hung up"):
        await Session(server.line).answer()
    call, server = session()
    server.replies["Status"] = [looked("0")]
    server.tell("AsyncAGIEnd")
    await until(lambda: call.is_over)
    with pytest.raises(TakenAway, match="dialplan goes on"):
        await call.answer()


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ([looked("1")], HungUp),
        ([gone()], HungUp),
        ([looked("0")], TakenAway),
        ([SimpleNamespace(events=[])], TakenAway),
        ([REFUSED], TakenAway),
        ([ConnectionLost("the link is gone")], ConnectionLost),
    ],
)
async def test_an_end_that_no_event_explains(replies: list[Any], error: type[ManagerError]) -> None:
    """Where no event tells why AsyncAGI has ended, the channel is looked at, as far as the user may."""
    call, server = session()
    running = asyncio.create_task(call.digit(None))
    await until(lambda: server.commands)
    server.replies["Status"] = list(replies)
    server.tell("AsyncAGIEnd")
    with pytest.raises(error):
        await running


async def test_who_may_not_look_asks_by_a_command() -> None:
    """A user who may not look at a channel learns by a command whether there is one."""
    call, server = session()
    running = asyncio.create_task(call.digit(None))
    await until(lambda: server.commands)
    server.replies |= {"Status": [REFUSED], "AGI": [gone()]}
    server.tell("AsyncAGIEnd")
    with pytest.raises(HungUp):
        await running


@pytest.mark.parametrize(
    ("place", "moves", "error"),
    [
        (None, False, HungUp),
        (HERE, False, HungUp),
        (("a", "b", "1"), True, HungUp),
        (("a", "b", "1"), False, TakenAway),
    ],
)
async def test_a_look_at_a_channel_whose_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, place: tuple[str, str, str] | None, moves: bool, error: type[ManagerError]
) -> None:
    """A channel that is gone, or ends where it was or where the program has sent it, was hung up; elsewhere it was taken."""
    monkeypatch.setattr("aioami.agi.stopping._LOOK", 0.01)
    call, server = session()
    if moves:
        server.answers, server.replies["Status"] = ["200 result=0"], [looked(place=place or HERE)]
        await call.command("SET CONTEXT", "a")
    server.replies["Status"] = [gone() if place is None else looked("1", place=place) for _ in range(2)]
    with pytest.raises(error):
        await call.exec("System", "sleep 60")


# Answers


async def test_an_answer_that_is_none() -> None:
    """An answer without a code is a ProtocolError, and the next command is in step again."""
    call, server = session()
    server.answers = ["nonsense", "200 result=0", "200 result=1 (a)"]
    with pytest.raises(ProtocolError):
        await call.answer()
    assert await call.evaluate("${A}") == "a"
    assert server.commands == ["ANSWER", "NOOP", 'GET FULL VARIABLE "${A}"']


async def test_a_failure_that_ends_the_session() -> None:
    """A -1 of a command that can fail waits for AsyncAGIEnd, and the step behind it says that the call goes on."""
    call, server = session()
    server.answers = ["200 result=-1"]
    running = asyncio.create_task(call.digit(1))
    await until(lambda: server.commands)
    server.tell("AsyncAGIEnd")
    server.step("internal", "100", "3")
    with pytest.raises(CommandFailed) as caught:
        await running
    assert caught.value.session_over
    with pytest.raises(TakenAway):
        await call.answer()


async def test_a_failure_that_ends_nothing() -> None:
    """Where AsyncAGIEnd does not come behind a -1, the session goes on; a -1 that is an answer is asked about by a command."""
    call, server = session()
    server.answers = ["200 result=-1"]
    with pytest.raises(CommandFailed) as caught:
        await call.digit(1)
    assert not caught.value.session_over
    server.answers = ["200 result=-1", "200 result=0"]
    assert (await call.command("CHANNEL STATUS", "A/2")).result == "-1"
    assert server.commands[-1] == "NOOP"


async def test_a_digit_that_stopped_a_command_is_waited_for() -> None:
    """Behind a command that a digit has stopped, the next one waits until no digit is left that would end it."""
    call, server = session()
    running = asyncio.create_task(call.say_digits("123"))
    await until(lambda: server.commands)
    running.cancel()
    await until(lambda: "PlayDTMF" in server.sent)
    server.answers = ["200 result=68", "200 result=0", "200 result=0"]
    server.tell("AsyncAGIExec", CommandId=server.told, Result="200%20result=68%0A")
    await call.answer()
    assert server.commands[1:] == [*['WAIT FOR DIGIT "250"'] * 2, "ANSWER"]


async def test_the_end_is_found_out_behind_a_cancelled_command() -> None:
    """A command that was cancelled still tells of the hang-up that ended it, though no other one follows."""
    call, server = session()
    server.replies["Status"] = [looked(hung_up="1")]
    running = asyncio.create_task(call.exec("Wait", 1))
    await until(lambda: server.commands)
    running.cancel()
    await asyncio.sleep(0)
    server.tell("AsyncAGIExec", CommandId=server.told, Result="200%20result=-1%0A")
    server.tell("AsyncAGIEnd")
    await until(lambda: call.is_over)
    with pytest.raises(HungUp):
        await call.answer()


async def test_a_command_that_is_over_needs_no_stop() -> None:
    """One that is cancelled while its end is being explained is not stopped, and the reason is found all the same."""
    call, server = session()
    explanation = asyncio.get_running_loop().create_future()
    server.replies["Status"] = [explanation]
    running = asyncio.create_task(call.play("a", stop="1"))
    await until(lambda: server.commands)
    server.tell("AsyncAGIEnd")
    await until(lambda: "Status" in server.sent)
    running.cancel()
    explanation.set_result(looked(hung_up="1"))
    with pytest.raises(HungUp):
        await call.answer()
    assert running.cancelled()
    assert server.sent == ["AGI", "Status"]


async def test_a_long_environment_whose_rest_never_comes(mgr: Manager) -> None:
    """A session that ends before its environment is whole never reaches a program."""
    server = Server(environment=b"agi_uniqueid: 1.1\n".ljust(1024, b"x"))
    assert server.line.is_behind
    server.replies["AGI"] = [gone()]
    with pytest.raises(HungUp):
        await server.line.catch_up()
    with pytest.raises(HungUp):
        await server.line.catch_up()
    assert len(server.sent) == 1


# Actions that fail


@pytest.mark.parametrize(
    ("reply", "error", "is_over"),
    [
        (gone(), HungUp, True),
        (otherwise(), TakenAway, True),
        (REFUSED, PermissionDenied, False),
        (ActionError("it failed"), ActionError, False),
        (ManagerTimeout("late"), ManagerTimeout, False),
    ],
)
async def test_a_command_that_is_not_taken(reply: Exception, error: type[ManagerError], is_over: bool) -> None:
    """A command that the server refuses ends the session where the channel is not in AsyncAGI any more."""
    call, server = session()
    server.replies["AGI"] = [reply]
    with pytest.raises(error):
        await call.answer()
    assert call.is_over is is_over
    if not is_over:
        server.replies["Status"] = [looked()]
        server.answers = ["200 result=0"] * 2
        await call.answer()
        assert server.commands[-1] == "ANSWER"


async def test_variables_that_the_manager_cannot_carry() -> None:
    """A name with blanks around it, a value with line feeds, and what the user may not read go by a command."""
    server = Server()
    for name in (" A", "A "):
        with pytest.raises(AskByCommand):
            await server.line.get(name)
        with pytest.raises(AskByCommand):
            await server.line.set(name, b"a")
    assert server.sent == []
    lines = SimpleNamespace(unparsed=("two",), get=lambda *_: "one", getbytes=lambda *_: b"one")
    server.replies["Getvar"] = [lines, REFUSED]
    for _ in range(2):
        with pytest.raises(AskByCommand):
            await server.line.get("A")


# The link


@pytest.mark.parametrize(
    ("look", "error"),
    [
        (looked(status=""), TakenAway),
        (looked(place=("elsewhere", "s", "1")), TakenAway),
        (gone(), HungUp),
        (REFUSED, TakenAway),
        (SimpleNamespace(events=[]), None),
    ],
)
async def test_a_link_that_was_lost(look: Any, error: type[ManagerError] | None) -> None:
    """After a lost link the session goes on where its channel still waits, and where the user may not look, for a while."""
    call, server = session()
    await server.line.mark()
    running = asyncio.create_task(call.digit(None))
    await until(lambda: server.commands)
    server.line.disconnect("cable")
    with pytest.raises(ConnectionLost, match="cable"):
        await running
    server.replies["Status"] = [look]
    if error is None:
        server.answers = ["200 result=0"] * 2
        await call.answer()
    else:
        with pytest.raises(error):
            await call.answer()
        assert call.is_over


@pytest.mark.parametrize(("application", "is_there"), [("Dial", True), ("(null)", False)])
async def test_a_bridge_while_the_link_was_down(application: str, is_there: bool) -> None:
    """A channel that runs no application any more was taken out of that which the session ran, wherever it is."""
    call, server = session()
    running = asyncio.create_task(call.exec("Dial", "Local/x"))
    await until(lambda: server.commands)
    server.line.disconnect("cable")
    with pytest.raises(ConnectionLost):
        await running
    server.replies["Status"] = [looked(application=application)]
    server.answers = ["200 result=0"] * 2
    if is_there:
        await call.answer()
    else:
        with pytest.raises(TakenAway, match="while the link was down"):
            await call.answer()


async def test_a_link_that_is_gone_for_good() -> None:
    """When the link is gone for good, the session is over with it."""
    call, server = session()
    server.line.lose(ConnectionLost("closed"))
    with pytest.raises(ConnectionLost, match="link of the session is gone"):
        await call.answer()


# Leaving


async def test_leaving_a_channel_that_is_gone() -> None:
    """Leaving a channel that hangs up meanwhile is no error."""
    call, server = session()
    server.replies["AGI"] = [gone()]
    await call.leave()
    with pytest.raises(HungUp):
        await call.answer()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (None, None),
        (REFUSED, PermissionDenied),
        (gone(), HungUp),
        (otherwise(), CommandFailed),
        (ActionError("it failed"), CommandFailed),
    ],
)
async def test_going_where_there_is_no_dialplan(reply: Exception | None, error: type[ManagerError] | None) -> None:
    """A call that was placed for its program alone is redirected, and lives on where there is no such place."""
    call, server = session(has_dialplan=False)
    server.replies["Redirect"] = [reply]
    if error is None:
        await call.go_to("a", "b")
    else:
        with pytest.raises(error):
            await call.go_to("a", "b")
    assert call.is_over is (error in (None, HungUp))
    assert server.sent == ["Redirect"]


@pytest.mark.parametrize("has_dialplan", [True, False])
async def test_a_program_that_ends_before_its_command(has_dialplan: bool) -> None:
    """A program that ends while a command of it runs leaves behind that command."""
    call, server = session(has_dialplan=has_dialplan)
    running = asyncio.create_task(call.digit(None))
    await until(lambda: server.commands)
    await server.line.finish(hang_up=False)
    with pytest.raises(TakenAway, match="program of the session is over"):
        await running
    assert server.commands[-1] == "ASYNCAGI BREAK"


async def test_a_program_whose_channel_cannot_be_told(caplog: pytest.LogCaptureFixture) -> None:
    """A channel that can be neither hung up nor left is told of; one that is gone is not."""
    server = Server()
    server.replies |= {"Hangup": [REFUSED], "AGI": [REFUSED]}
    await server.line.finish(hang_up=True)
    assert [record.getMessage() for record in caplog.records] == ["1.1 stays in AsyncAGI, as the user may not"]
    assert server.line.over is not None
    caplog.clear()
    server = Server()
    server.replies["Hangup"] = [gone()]
    await server.line.finish(hang_up=True)
    assert isinstance(server.line.over, HungUp)
    server = Server()
    server.line.disconnect("cable")
    server.replies["Status"] = [gone()]
    await server.line.finish(hang_up=True)
    assert isinstance(server.line.over, HungUp)
    assert not caplog.records


async def test_a_program_that_ends_while_the_link_is_lost() -> None:
    """The end of a program waits for the link; where that does not come back, the session is over without it."""
    server = Server()
    server.replies["Hangup"] = [ConnectionLost("gone"), ManagerTimeout("late")]
    server.ready = [None, None]
    await server.line.finish(hang_up=True)
    assert server.sent == ["Hangup"] * 3
    server = Server()
    server.replies["Hangup"] = [ConnectionLost("gone")]
    server.ready = [ConnectionLost("the manager was closed")]
    await server.line.finish(hang_up=True)
    assert isinstance(server.line.over, ConnectionLost)


async def test_a_program_that_ends_when_its_channel_has() -> None:
    """A program that ends when AsyncAGI has ended needs to leave nothing."""
    server = Server()
    server.tell("AsyncAGIEnd")
    await asyncio.sleep(0)
    server.replies["Status"] = [looked("1")]
    await server.line.finish(hang_up=False)
    assert isinstance(server.line.over, HungUp)
    assert server.sent == ["Status"]


# The server


async def test_a_program_that_does_not_end(
    mgr: Manager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A program that is cancelled and goes on is told of, and its session is over."""
    monkeypatch.setattr("aioami.agi.programs._GRACE", 0.05)
    release = asyncio.Event()
    sessions: list[Session] = []

    async def program(call: Session) -> None:
        sessions.append(call)
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    async with AsyncAGI(mgr, program):
        await place(mgr)
        await until(lambda: sessions)
    assert "was cancelled, and goes on" in caplog.text
    with pytest.raises(TakenAway, match="server of the session was closed"):
        await sessions[0].answer()
    release.set()


async def test_a_session_in_hand_that_cannot_be_ended(
    mgr: Manager, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing while the link is lost does not wait for the link."""
    monkeypatch.setattr("aioami.agi.asyncagi._GRACE", 0.05)
    async with manager(proxy) as steering, AsyncAGI(steering) as calls:
        await place(mgr)
        call = await anext(calls)
        await proxy.stop()
        await calls.close(timeout=0)
        assert not call.is_over


async def test_a_manager_that_cannot_log_in_again(fake: FakeAsterisk, proxy: FaultProxy) -> None:
    """A manager that is gone for good with an error ends the iteration over sessions with that error."""
    async with manager(proxy) as steering, AsyncAGI(steering) as calls:
        waiting = asyncio.create_task(anext(calls))
        await asyncio.sleep(0)
        fake.accounts.clear()
        proxy.cut()
        with pytest.raises(ManagerError, match="Authentication"):
            await waiting
