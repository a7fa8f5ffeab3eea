"""`aioami shell`: what is typed, completed, shown and kept."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import signal
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output
from tests.helpers import start

from aioami import Action, Manager, ManagerState, actions, core
from aioami.cli.repl.completer import ShellCompleter
from aioami.cli.repl.history import SafeHistory, has_secret
from aioami.cli.repl.language import LineError, action_of, described, synopsis, values_of
from aioami.cli.repl.shell import Shell
from aioami.testing import FakeAsterisk


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("Ping", core.Ping()),
        ("ping", core.Ping()),
        ("QueueAdd queue=support interface=PJSIP/alice", core.QueueAdd("PJSIP/alice", "support")),
        (
            "QueueAdd PJSIP/alice support paused=yes Penalty=3",
            core.QueueAdd("PJSIP/alice", "support", None, 3, True),
        ),
        (
            "QueueAdd PJSIP/alice support MemberName='Alice Q'",
            core.QueueAdd("PJSIP/alice", "support", "Alice Q"),
        ),
        (
            "QueueAdd PJSIP/alice support stateinterface=hint:1",
            actions.QueueAdd("PJSIP/alice", "support", state_interface="hint:1"),
        ),
        (r"Hangup /^PJSIP\/.*/ cause=user_busy", core.Hangup(r"/^PJSIP\/.*/", cause=17)),
        ("Getvar CHANNEL(language) channel=PJSIP/1", core.Getvar("CHANNEL(language)", "PJSIP/1")),
        ("AbsoluteTimeout PJSIP/1 2.5", core.AbsoluteTimeout("PJSIP/1", 2.5)),
        (
            "Originate channel=PJSIP/a application=Playback data=hello "
            'callerid="A <1>" variables=x=1 variable=y=b=2 async=no',
            core.Originate_Application(
                "PJSIP/a", "Playback", "hello", None, "A <1>", {"x": "1", "y": "b=2"}, None, False
            ),
        ),
        (
            "originate channel=PJSIP/a context=default exten=100 priority=1",
            core.Originate_Context("PJSIP/a", "default", "100", "1"),
        ),
        ("Status PJSIP/1 variables=a variables=b", actions.Status("PJSIP/1", variables=["a", "b"])),
        ("Status", core.Status(None)),
        ("Events call,agent", core.Events("call,agent")),
        (
            "UserEvent UserEvent=DoorBell Door=front",
            actions.UserEvent(UserEvent="DoorBell", Door="front"),
        ),
        (
            "UpdateConfig a.conf b.conf reload=no changes=Append,general,x,1 changes=NewCat,other",
            core.UpdateConfig(
                "a.conf",
                "b.conf",
                [("Append", "general", "x", "1"), ("NewCat", "other")],
                "no",
            ),
        ),
        ("MyOwn Foo=1 Bar=a Bar=b", Action("MyOwn", {"Foo": "1", "Bar": ["a", "b"]})),
    ],
)
def test_a_line_is_an_action(line: str, action: Action[Any]) -> None:
    """Arguments by name or by place, in the spelling of Python or of the header, are converted to
    what the class takes.
    """
    assert action_of(line) == action


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("QueueAdd queue=support", "needs interface= as well"),
        ("QueueAdd PJSIP/a support nonsense=1", "has no argument nonsense"),
        ("QueueAdd PJSIP/a support penalti=1", "did you mean penalty?"),
        ("QueueAdd PJSIP/a support penalty=many", "penalty: a whole number, not 'many'"),
        ("QueueAdd PJSIP/a support penalty=-1", "penalty: 0 or more, not -1"),
        ("QueueAdd PJSIP/a support paused=maybe", "paused: yes or no, not 'maybe'"),
        ("QueueAdd PJSIP/a support queue=other", "queue: it is given twice"),
        ("QueueAdd PJSIP/a queue=b queue=c", "queue: it takes one value, and is given 2"),
        ("Ping now", "'now' is too much"),
        ("Originate channel=a application=b variables=x", "variables=NAME=value"),
        ("QueueAd PJSIP/a", "did you mean QueueAdd?"),
        ("QueueSta support", "did you mean QueueStatus?"),
        ("CoreShowCh x", "did you mean CoreShowChannels?"),
        ("Getvar 'CHANNEL", "a quotation mark is not closed"),
        ("PlayDTMF channel=a digit=x", "digit: one of 0, 1"),
        ("=1", "is no name of an action"),
        ("Own ActionID=1", "ActionID"),
    ],
)
def test_a_line_that_is_none_says_why(line: str, words: str) -> None:
    """The error names the argument, and what to type instead."""
    with pytest.raises(LineError) as error:
        action_of(line)
    assert words in str(error.value)


def test_what_arguments_may_be() -> None:
    """Words, truth values, names of numbers and event classes come from the catalogue, and each
    argument has its sentence.
    """
    assert ("user_busy", "17") in values_of(actions.Hangup, "cause")
    assert [value for value, _ in values_of(actions.MixMonitorMute, "direction")] == [
        "read",
        "write",
        "both",
    ]
    assert values_of(actions.QueueAdd, "paused") == [("yes", ""), ("no", "")]
    assert ("call", "a class of events") in values_of(actions.Events, "mask")
    assert values_of(actions.QueueAdd, "queue") == []
    assert described(actions.QueueAdd)["penalty"] == "members with a lower one are called first."
    assert described(actions.QueueReload)["rules"].startswith("which parts")
    assert described(actions.Hangup)["channel"].endswith("`ChannelHungup` events.")
    line = "QueuePause interface=... paused=... [queue=...] [reason=...]"
    assert synopsis(actions.QueuePause) == line


@pytest.fixture
async def shell(mgr: Manager) -> AsyncIterator[Shell]:
    """A shell whose lines are given by the test."""
    made = Shell(mgr, "admin@fake")
    yield made
    await made._stop_following()


def completed(shell: Shell, text: str) -> list[str]:
    """The completions that Tab offers."""
    found = ShellCompleter(shell).get_completions(
        Document(text),
        CompleteEvent(completion_requested=True),
    )
    return [each.text for each in found]


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("QueueAd", ["QueueAdd"]),
        ("queuepa", ["QueuePause"]),
        ("Originat", ["Originate"]),
        ("QueuePause interface=PJSIP/a p", ["paused="]),
        ("QueuePause interface=PJSIP/a ", ["paused=", "queue=", "reason="]),
        ("QueuePause paused=", ["yes", "no"]),
        ("Hangup cause=user", ["user_busy"]),
        ("Originate con", ["context="]),
        ("Nonsense a", []),
        (":he", [":help"]),
        (":help queuecallerj", ["QueueCallerJoin"]),
        (":events Hangup QueueCallerJ", ["QueueCallerJoin"]),
        (":events of", ["off"]),
        (":show j", ["json"]),
        ("!core", []),
    ],
)
async def test_completion(shell: Shell, text: str, offered: list[str]) -> None:
    """Actions, arguments that are not given yet, values of which there are few, and the shell's
    own commands are offered.
    """
    assert completed(shell, text) == offered


async def test_completion_by_asterisk(fake: FakeAsterisk, shell: Shell) -> None:
    """Commands, and the names of channels and queues, are those that Asterisk's own command line
    would offer.
    """
    fake.reply_to("Command", {"Response": "Success", "Output": "show show stop _EOF_"})
    completer = ShellCompleter(shell)

    async def asked(text: str, requested: bool = True) -> list[str]:
        event = CompleteEvent(completion_requested=requested, text_inserted=not requested)
        return [each.text async for each in completer.get_completions_async(Document(text), event)]

    assert await asked("!core sh") == ["show"]
    assert fake.received[-1].get("Command") == '_command matchesarray "core sh" "sh"'
    assert await asked(":cli core sh") == ["show"]
    assert await asked("QueueStatus queue=s") == ["show", "stop"]
    assert fake.received[-1].get("Command") == '_command matchesarray "queue show s" "s"'
    before = len(fake.received)
    assert await asked("!core sh", requested=False) == []
    assert await asked('!core "sh') == []
    assert len(fake.received) == before
    fake.reply_to("Command", {"Response": "Error", "Message": "Permission denied"})
    assert await asked("!core sh") == []


async def test_an_action_is_sent_and_its_answer_shown(
    fake: FakeAsterisk, shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer and the items of a list are printed; a refusal and a line that is none are
    sentences.
    """
    assert await shell.run_line("QueueStatus queue=support")
    out, err = capsys.readouterr()
    assert "Agent One" in out
    assert (out.splitlines()[-1], err) == ("3 in all", "")
    assert not await shell.run_line("Hangup nobody")
    assert capsys.readouterr().err == "aioami: Hangup was refused: No such channel (Channel 'nobody')\n"
    assert not await shell.run_line("QueueSta")
    assert capsys.readouterr().err.endswith("did you mean QueueStatus?\n")
    assert not await shell.run_line("QueuePausee Foo=1")
    assert "is QueuePause meant?" in capsys.readouterr().err
    assert not await shell.run_line("QueueAdd")
    assert "needs interface=, queue= as well" in capsys.readouterr().err
    assert await shell.run_line("")
    assert await shell.run_line("# a remark")


async def test_the_outcome_of_a_call_is_shown_when_it_comes(
    fake: FakeAsterisk, shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The prompt is there again at once, and the outcome follows."""
    assert await shell.run_line("Originate channel=PJSIP/alice application=Wait data=1")
    assert "Originate successfully queued" in capsys.readouterr().out
    await asyncio.wait_for(asyncio.gather(*shell._outcomes), 10)
    assert "OriginateResponse" in capsys.readouterr().out


async def test_commands_of_asterisk(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """`!` and `:cli` run a command; a wrong one fails with Asterisk's words."""
    assert await shell.run_line("!core show version")
    assert await shell.run_line(":cli core show version")
    assert capsys.readouterr().out.count("Asterisk 22") == 2
    assert not await shell.run_line("!no such")
    out, err = capsys.readouterr()
    assert "No such command" in out + err
    assert not await shell.run_line("!")
    assert "is missing" in capsys.readouterr().err


async def test_commands_of_the_shell(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Help tells of actions and events, actions are listed, answers can be JSON, and the link has
    its state.
    """
    for line, words in (
        (":help", "QueueStatus queue=support"),
        (":help QueueAdd", "QueueAdd interface=... queue=... [membername=...]"),
        (":help queueadd", "It needs one of the write classes: agent"),
        (":help Originate", "Originate_Context channel=... context=..."),
        (":help MixMonitorMute", "direction is one of: read, write, both"),
        (":help QueueCallerJoin", "event QueueCallerJoin"),
        (":actions mixmon", "MixMonitorMute"),
        (":actions Queue*", "QueueAdd "),
        (":state", "admin@fake is ready"),
        (":events", "watching no events"),
        (":h", "Tab completes both"),
        ("help", "Tab completes both"),
    ):
        assert await shell.run_line(line), line
        assert words in capsys.readouterr().out, line
    for line, words in (
        (":help Nonsens", "there is no action and no event Nonsens"),
        (":help Originat", "did you mean Originate?"),
        (":nonsense", "there is no :nonsense; :help tells"),
        (":evnts Hangup", "there is no :evnts; did you mean :events?"),
        (":", "there is no :"),
        (":show nicely", "brief, full or json"),
        (":actions zzz", "no action is called zzz"),
    ):
        assert not await shell.run_line(line), line
        assert words in capsys.readouterr().err, line
    assert await shell.run_line(":show json")
    assert await shell.run_line("Ping")
    assert '"Ping": "Pong"' in capsys.readouterr().out
    for line in (":quit", "exit", "quit"):
        with pytest.raises(EOFError):
            await shell.run_line(line)


async def test_events_are_watched(
    fake: FakeAsterisk,
    shell: Shell,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Events of the chosen names are shown as they come, until others are chosen or none."""
    assert await shell.run_line(":events Door* Window")
    assert capsys.readouterr().err == ""
    assert not await shell.run_line(":events Hangpu")
    assert capsys.readouterr().err == "aioami: there is no event Hangpu; is Hangup meant?\n"
    told = shell.mgr.wait_for("DoorBell")
    await fake.send_event("Unwanted")
    await fake.send_event("DoorBell", {"Door": "front"})
    await told
    await asyncio.sleep(0)
    out = capsys.readouterr().out
    assert "Door=front" in out
    assert "Unwanted" not in out
    assert await shell.run_line(":events")
    assert "watching Door*, Window" in capsys.readouterr().out
    assert await shell.run_line(":events off")
    assert shell.watched == ()


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Ping", False),
        ("QueueAdd PJSIP/alice support", False),
        ("Login admin s3cret", True),
        ("Login username=admin secret=s3cret", True),
        ("DBPut family key value", False),
        ("DBPut users password hunter2", True),
        ("!core show version", False),
        ("!database put users/alice secret hunter2", True),
        (":cli database put users/alice secret hunter2", True),
        ("Logn admin secret=s3cret", True),
        ("Login admin 's3cret", False),
        ("Login secret='s3cret", True),
        (":help Login", False),
        ("Own Password=x", True),
    ],
)
def test_what_is_secret_in_a_line(line: str, secret: bool) -> None:
    """A line has a secret if a log would hide part of it; an unreadable line, if a word says so."""
    assert has_secret(line) is secret


def test_the_history_has_no_secrets(tmp_path: Path) -> None:
    """Lines with secrets are not stored; the others come again the next time."""
    history = SafeHistory(str(tmp_path / "history"))
    for line in ("Ping", "Login admin s3cret", "QueueStatus"):
        history.append_string(line)
    assert list(SafeHistory(str(tmp_path / "history")).load_history_strings()) == [
        "QueueStatus",
        "Ping",
    ]
    assert "s3cret" not in (tmp_path / "history").read_text()


class Terminal:
    """A terminal of which the keys are given by the test, and what is shown is text."""

    def __init__(self, url: str, history: Path) -> None:
        self.screen = io.StringIO()
        self.shell = Shell(Manager.from_url(url), "admin@fake", history=history, interactive=True)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Callable[[str], None]]:
        """Run the shell while it lasts, and see it end well; gives what presses keys."""
        output = Vt100_Output(self.screen, lambda: Size(rows=40, columns=100), term="xterm")
        with create_pipe_input() as keys, create_app_session(input=keys, output=output):
            session = asyncio.ensure_future(self.shell.run())
            yield keys.send_text
            assert await asyncio.wait_for(session, 20) == 0

    @property
    def shown(self) -> str:
        """The output without control sequences."""
        return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", self.screen.getvalue())


async def test_a_session_on_a_terminal(fake: FakeAsterisk, tmp_path: Path) -> None:
    """A typed line is run, Ctrl-C clears a line, Ctrl-D leaves; the history is private."""
    history = tmp_path / "state" / "history"
    terminal = Terminal(fake.url, history)
    async with terminal.running() as press:
        press("Ping\nnonsense\x03QueueStatus queue=support\n")
        await fake.expect("QueueStatus", timeout=20)
        press(":events Door*\n:state\n")
        while "watching" not in terminal.shown and "Door*" not in terminal.shown:
            await asyncio.sleep(0.01)
        while not terminal.shell.watched:
            await asyncio.sleep(0.01)
        await fake.send_event("DoorBell", {"Door": "front"})
        while "Door=front" not in terminal.shown:
            await asyncio.sleep(0.01)
        press("\x04")
    assert terminal.shell.mgr.state is ManagerState.CLOSED
    actions = [each.get("Action") for each in fake.received]
    assert actions == ["Challenge", "Login", "Ping", "QueueStatus", "Logoff"]
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "+QueueStatus queue=support" in history.read_text()
    for words in ("admin@fake", "ready", "Agent One", "3 in all"):
        assert words in terminal.shown


async def test_a_history_that_cannot_be_kept_is_told(
    fake: FakeAsterisk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shell works without it."""
    (tmp_path / "file").write_text("")
    async with Terminal(fake.url, tmp_path / "file" / "history").running() as press:
        press("Ping\n\x04")
    assert "what is typed is not kept" in capsys.readouterr().err


async def test_ctrl_c_ends_an_action_and_not_the_session(
    fake: FakeAsterisk,
    tmp_path: Path,
) -> None:
    """Ctrl-C gives up an action, and a message says that it may be done all the same."""
    fake.reply_to("Silent", None)
    terminal = Terminal(fake.url, tmp_path / "history")
    async with terminal.running() as press:
        press("Silent\n")
        await fake.expect("Silent", timeout=20)
        os.kill(os.getpid(), signal.SIGINT)
        press("Ping\n\x04")
    assert "may be done all the same" in terminal.shown
    assert "Ping" in [each.get("Action") for each in fake.received]


async def test_lines_of_a_file(fake: FakeAsterisk) -> None:
    """Without a terminal it runs the lines that it reads, all of them, and its exit code says
    whether one failed.
    """
    process = await start("shell", url=fake.url, stdin=asyncio.subprocess.PIPE)
    out, err = await process.communicate(
        b"Ping\nOriginate channel=PJSIP/alice application=Wait data=1\n!core show version\n"
    )
    assert (process.returncode, err) == (0, b"")
    assert b"Asterisk 22" in out
    assert b"OriginateResponse" in out
    process = await start("shell", url=fake.url, stdin=asyncio.subprocess.PIPE)
    out, err = await process.communicate(b"Hangup nobody\nPing\n:quit\nPing\n")
    assert (process.returncode, err) == (1, b"aioami: Hangup was refused: No such channel (Channel 'nobody')\n")
    assert out.count(b"Pong") == 1


async def test_ctrl_c_ends_it_while_it_reads(fake: FakeAsterisk) -> None:
    """A standard input that says nothing holds nothing up."""
    process = await start("shell", url=fake.url, stdin=asyncio.subprocess.PIPE)
    await fake.expect("Login", timeout=20)
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, err) == (130, b"")
