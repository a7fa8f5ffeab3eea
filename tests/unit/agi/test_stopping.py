"""What a manager does for a command that runs: it stops it, and looks whether its channel hung up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.helpers import until

from aioami import ActionError, ConnectionLost, ManagerTimeout, PermissionDenied, events
from aioami.agi.commands import encode_command
from aioami.agi.stopping import Lookout, Place, Stopper
from aioami.wire.text import Encoding

CODEC = Encoding("utf-8")
PLAY, WAIT, SAY = (
    encode_command(words, CODEC)
    for words in (("STREAM FILE", "long", ""), ("EXEC", "Wait", "60"), ("SAY DIGITS", "123", "9D"))
)


class Server:
    """What a manager is asked, and what it says to that: one after the other, the last again and again."""

    def __init__(self, *says: object) -> None:
        self.says = list(says)
        self.asked: list[str] = []

    async def send(self, action: Any) -> object:
        self.asked.append(action.name)
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if callable(said):
            said = said()
        await asyncio.sleep(0)
        if isinstance(said, Exception):
            raise said
        return said


def looked(hung_up: int) -> object:
    """The answer of Status."""
    variables = {"CHANNEL(checkhangup)": hung_up, "CONTEXT": "internal", "EXTEN": "100", "PRIORITY": "2"}
    lines = "".join(f"Variable: {name}={value}\n" for name, value in variables.items())
    return SimpleNamespace(events=[events.parse(f"Event: Status\n{lines}")])


NOTHING = SimpleNamespace(events=[])


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is repeated is repeated soon."""
    monkeypatch.setattr("aioami.agi.stopping._LOOK", 0.01)
    monkeypatch.setattr("aioami.agi.stopping._LOOK_AGAIN", 0.01)
    monkeypatch.setattr("aioami.agi.stopping._REPEAT", 0.01)


def watching(server: Server) -> tuple[asyncio.Future[Any], list[Place | None]]:
    """Watch a channel while a command runs; return the command's answer, and what is reported."""
    reported: list[Place | None] = []
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    lookout = Lookout(server, "1.1", reported.append)  # type: ignore[arg-type]
    lookout.watch(answer)
    answer.add_done_callback(lambda _: lookout)  # which is there for as long as the command
    return answer, reported


async def test_a_channel_is_looked_at_until_it_is_hung_up() -> None:
    """A channel that lives, no answer, and none that says anything have it looked at again; its place is reported."""
    server = Server(looked(0), ManagerTimeout("late"), NOTHING, looked(1))
    answer, reported = watching(server)
    await until(lambda: reported)
    assert reported == [("internal", "100", "2")]
    assert server.asked == ["Status"] * 5  # the last one twice
    assert not answer.done()


async def test_a_channel_that_looks_hung_up_for_a_moment_goes_on() -> None:
    """A routine that is redirected looks so until its next step: the second look counts."""
    server = Server(looked(1), looked(0), looked(1), NOTHING, looked(0))
    answer, reported = watching(server)
    await until(lambda: len(server.asked) > 5)
    answer.set_result(None)
    assert reported == []


async def test_a_channel_that_is_gone_has_no_place() -> None:
    """A channel that the server does not have any more is reported without a place."""
    _, reported = watching(Server(ActionError("No such channel")))
    await until(lambda: reported)
    assert reported == [None]


@pytest.mark.parametrize("error", [PermissionDenied("no"), ConnectionLost("gone")])
async def test_who_may_not_look_does_so_once(error: Exception) -> None:
    """Where the user may not look, or the link is lost, nothing is reported, and nothing more asked."""
    server = Server(error, looked(1))
    _, reported = watching(server)
    await until(lambda: server.asked)
    await asyncio.sleep(0.05)  # in which it would ask again
    assert (server.asked, reported) == (["Status"], [])


@pytest.mark.parametrize("before", [[], [looked(1)]])
@pytest.mark.parametrize("said", [looked(1), ActionError("No such channel"), looked(0)])
async def test_a_command_that_is_answered_is_looked_after_no_more(said: object, before: list[object]) -> None:
    """What comes of a look behind the answer of the command is no news."""

    def late() -> object:
        answer.set_result(None)
        return said

    server = Server(*before, late)
    answer, reported = watching(server)
    await answer
    await asyncio.sleep(0.05)  # in which it would ask again
    assert (server.asked, reported) == (["Status"] * (len(before) + 1), [])


async def test_most_commands_are_never_looked_after() -> None:
    """A command that is answered soon asks the server nothing."""
    server = Server(looked(1))
    answer, reported = watching(server)
    answer.set_result(None)
    await asyncio.sleep(0.05)  # in which it would ask
    assert (server.asked, reported) == ([], [])


@pytest.mark.parametrize(
    ("command", "asked", "settling"), [(PLAY, "ControlPlayback", 1), (SAY, "PlayDTMF", 250), (WAIT, None, 0)]
)
async def test_a_stop_is_repeated_until_it_is_heard(command: Any, asked: str | None, settling: int) -> None:
    """A stop that Asterisk drops or refuses is sent again, by one task, until the command has its answer."""
    server = Server(ActionError("not yet"), ManagerTimeout("late"), None)
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    stopper = Stopper(server, "1.1")  # type: ignore[arg-type]
    stopper.stop(command, answer)
    stopper.stop(command, answer)
    assert stopper.settling == settling
    if asked is None:
        await asyncio.sleep(0.05)  # in which it would ask
        assert server.asked == []
        return
    await until(lambda: len(server.asked) == 4)
    answer.set_result(None)
    await asyncio.sleep(0.05)  # in which it would ask once more
    assert server.asked == [asked] * 4


@pytest.mark.parametrize("error", [lambda: PermissionDenied("the user may not"), lambda: ConnectionLost("it is gone")])
async def test_who_may_not_stop_it_lets_it_run(
    error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Where the user may not send a stop, or the link is lost, the command runs on, and that is told once."""
    server = Server(error())
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    with caplog.at_level(logging.INFO, "aioami.agi"):
        Stopper(server, "1.1").stop(PLAY, answer)  # type: ignore[arg-type]
        await until(lambda: caplog.records)
        await asyncio.sleep(0.03)  # in which it would ask once more
    assert [record.getMessage() for record in caplog.records] == [f"a cancelled command on 1.1 runs on, as {error()}"]
    assert server.asked == ["ControlPlayback"]
