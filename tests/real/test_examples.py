"""The programs in `examples`, each in a process of its own, on a server with calls, and with a link that is cut meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import re
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from async_timeout import timeout as asyncio_timeout
from tests.helpers import python

from aioami import Manager, ManagerError, actions, core, events
from aioami.testing import Account, FakeAsterisk, FaultProxy
from aioami.testing.real import RealAsterisk

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0


class Program:
    """A running example, and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.printed: list[str] = []
        self.complained: list[str] = []
        assert process.stdout is not None
        assert process.stderr is not None
        self._changed = asyncio.Event()
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.printed)),
            asyncio.create_task(self._read(process.stderr, self.complained)),
        ]

    async def _read(self, stream: asyncio.StreamReader, into: list[str]) -> None:
        async for line in stream:
            into.append(line.decode().rstrip("\n"))
            self._changed.set()

    async def says(self, text: str, *, among: list[str] | None = None) -> str:
        """Wait for a line that has this in it, and return it."""
        lines = self.printed if among is None else among
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not (found := [line for line in lines if text in line]):
            left = deadline - asyncio.get_running_loop().time()
            assert left > 0, f"it did not say {text!r}, but {self.printed} and {self.complained}"
            self._changed.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        return found[0]

    async def ends(self, number: signal.Signals | None = None) -> int:
        """Tell it to end, if so wanted, and wait until it has; its exit code."""
        if number is not None:
            self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        await asyncio.gather(*self._readers)
        assert "Traceback" not in "\n".join(self.complained)
        return code


Start = Callable[..., Awaitable[Program]]


def user_for(asterisk: RealAsterisk | FakeAsterisk, name: str) -> str:
    """A user of the server with no more rights than the example says that it needs."""
    user = name.removesuffix(".py")
    said = (ROOT / "examples" / name).read_text().partition("import ")[0]
    rights = dict(re.findall(r"`(read|write) = ([a-z,]+)`", said))
    assert rights
    if isinstance(asterisk, FakeAsterisk):
        asterisk.accounts[user] = Account("s3cret", read=rights.get("read", ""), write=rights.get("write", ""))
    else:
        file = asterisk.directory / "etc" / "manager.conf"
        if f"[{user}]" not in file.read_text():
            lines = [f"[{user}]", "secret = s3cret", *(f"{right} = {classes}" for right, classes in rights.items())]
            file.write_text("\n".join([file.read_text(), *lines, ""]))
            asterisk.cli("manager reload")
    return user


@pytest.fixture
async def proxy(asterisk: RealAsterisk | FakeAsterisk) -> AsyncIterator[FaultProxy]:
    """What the examples connect to: the server, by a link that can be cut."""
    async with FaultProxy("127.0.0.1", int(asterisk.url.rpartition(":")[2])) as proxy:
        yield proxy


@pytest.fixture
async def start(asterisk: RealAsterisk | FakeAsterisk, proxy: FaultProxy, webhook: Webhook) -> AsyncIterator[Start]:
    """Start an example with these arguments, as a user with the rights that it names and no others."""
    programs: list[Program] = []

    async def started(name: str, *arguments: str) -> Program:
        environment = {
            **os.environ,
            "AIOAMI_URL": f"ami://{user_for(asterisk, name)}:s3cret@127.0.0.1:{proxy.port}",
            "WEBHOOK_URL": webhook.url,
        }
        process = await asyncio.create_subprocess_exec(
            *(*python("-X", "dev"), str(ROOT / "examples" / name), *arguments),
            env={**environment, "NO_COLOR": "1", "COLUMNS": "100", "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Where the suite runs in the background of a shell, Ctrl-C is ignored, and so it would be here.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        programs.append(Program(process))
        return programs[-1]

    yield started
    for program in programs:
        if program.process.returncode is None:
            program.process.kill()
        await program.ends()


class Webhook:
    """A chat that takes messages, and answers slowly if it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.texts: list[str] = []
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.status = "200 OK"

    async def has(self, count: int) -> None:
        """Wait until so many texts have come."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while len(self.texts) < count:
            assert asyncio.get_running_loop().time() < deadline, self.texts
            await asyncio.sleep(0.01)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: (\d+)", head)
                assert length is not None
                body = await reader.readexactly(int(length[1]))
                self.asked.set()
                await self.may_answer.wait()
                self.texts.append(json.loads(body)["text"])
                writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    """Where alerts go."""
    hook = Webhook()
    server = await asyncio.start_server(hook.answer, "127.0.0.1", 0)
    hook.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/t0ken"
    yield hook
    server.close()


async def call(mgr: Manager, channel: str, application: str = "Wait", data: str = "600", **options: Any) -> str:
    """Place a call that is answered, and return the channel at our end."""
    action = core.Originate_Application(channel, application, data, **options)
    outcome = await (await mgr.send(action)).outcome(timeout=PATIENCE)
    if outcome.channel is None or not outcome.success:
        raise ManagerError(f"the call failed: {outcome}")
    return outcome.channel


async def dialled(mgr: Manager, number: str, phone: str, *, impatient: bool = False) -> None:
    """Let somebody with this number call a phone, for a second or until it rings, and wait until the call is over."""
    gone = mgr.wait_for(events.Hangup, where=lambda event: event.get("Channel", "").startswith("Local/wait@test"))
    rings = mgr.wait_for(events.DialBegin, where=lambda event: event.dest.channel.startswith(phone.rpartition("/")[0]))
    channel = await call(mgr, "Local/wait@test/n", "Dial", f"{phone},1", callerid=f"Caller <{number}>")
    if impatient:
        await rings
        await mgr.send(core.Hangup(channel))
    await gone


async def stored(db: sqlite3.Connection, query: str, *expected: Any) -> None:
    """Wait until the first row of a query is this."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while (row := db.execute(query).fetchone()) != expected:
        assert asyncio.get_running_loop().time() < deadline, (row, db.execute("SELECT * FROM calls").fetchall())
        await asyncio.sleep(0.02)


async def cut(proxy: FaultProxy, program: Program) -> None:
    """Cut the link, and wait until the program has noticed and is back."""
    proxy.cut()
    await program.says("stands again", among=program.complained)


async def test_the_queue_watcher_alerts(mgr: Manager, proxy: FaultProxy, start: Start, webhook: Webhook) -> None:
    """It tells of callers who wait too long, give up, or are too many, also those of before it came and of while it was cut off."""
    early = await call(mgr, "Local/empty@queues/n", callerid="Early <100>")
    watcher = await start("queue_watcher.py", "empty", "--longest", "0.2", "--most", "1")
    await watcher.says("watching empty")
    await watcher.says("empty: 100 is waiting for too long")
    second = await call(mgr, "Local/empty@queues/n", callerid="Second <200>")
    await watcher.says("empty: 2 callers are waiting")
    await watcher.says("empty: 200 is waiting for too long")
    await mgr.send(core.Hangup(second))
    await watcher.says("empty: 200 gave up")

    joins = mgr.wait_for(events.QueueCallerJoin, timeout=PATIENCE)
    taken = await call(mgr, "Local/empty@queues/n", callerid="Taken <500>")
    await joins
    await mgr.send(core.Park(taken.replace(";1", ";2"), early))
    late = await call(mgr, "Local/empty@queues/n", callerid="Late <600>")
    await watcher.says("empty: 600 is waiting for too long")
    await mgr.send(core.Hangup(late))
    await watcher.says("empty: 600 gave up")

    await call(mgr, "Local/support@queues/n", callerid="Elsewhere <300>")
    proxy.refuse = True
    proxy.cut()
    await watcher.says("was lost", among=watcher.complained)
    await mgr.send(core.Hangup(early))
    await call(mgr, "Local/empty@queues/n", callerid="Meanwhile <400>")
    proxy.refuse = False
    await watcher.says("empty: 400 is waiting for too long")
    await webhook.has(9)
    assert await watcher.ends(signal.SIGTERM) == 0
    assert watcher.printed[-1] == "stopped"
    alerts = watcher.printed[1:-1]
    assert webhook.texts == alerts
    assert not [alert for alert in alerts if "300" in alert or "500" in alert]


async def test_a_webhook_that_fails_is_told_and_its_address_is_not(
    mgr: Manager, start: Start, webhook: Webhook
) -> None:
    """An alert that was not taken is printed all the same; the log names the fault, and not the URL with its token."""
    webhook.status = "500 No"
    watcher = await start("queue_watcher.py", "--longest", "0")
    await watcher.says("watching")
    await call(mgr, "Local/empty@queues/n", callerid="Early <100>")
    await watcher.says("empty: 100 is waiting for too long")
    await watcher.says("the webhook did not take it: HTTPStatusError", among=watcher.complained)
    assert await watcher.ends(signal.SIGINT) == 0
    assert "t0ken" not in "\n".join(watcher.complained)


async def test_missed_calls_are_told(mgr: Manager, proxy: FaultProxy, start: Start, webhook: Webhook) -> None:
    """A call that nobody answers is told at its end; one that is answered, one to other phones and an Originate are not."""
    notifier = await start("missed_calls.py", "--phones", "Local/*@default-*")
    await notifier.says("listening")

    await dialled(mgr, "100", "Local/noanswer@default/n")
    assert "nobody answered at Local/noanswer@default-" in await notifier.says("nobody answered")
    await dialled(mgr, "200", "Local/5551234@default/n")
    await dialled(mgr, "300", "Local/ring@test/n", impatient=True)
    await cut(proxy, notifier)
    await dialled(mgr, "400", "Local/busy@default/n")
    await webhook.has(2)

    webhook.asked.clear()
    webhook.may_answer.clear()
    await dialled(mgr, "500", "Local/congestion@default/n")
    await asyncio.wait_for(webhook.asked.wait(), PATIENCE)
    ending = asyncio.create_task(notifier.ends(signal.SIGINT))
    await asyncio.sleep(0.3)  # it waits for the message that is on its way
    assert not ending.done()
    webhook.may_answer.set()
    assert await ending == 0
    assert notifier.printed[-1] == "stopped"
    assert webhook.texts == notifier.printed[1:-1]
    assert len(webhook.texts) == 3


async def test_the_dialler_reports_outcomes(mgr: Manager, start: Start, tmp_path: Path) -> None:
    """Each number is called once, and never more than so many at once; the report has the outcome of each."""
    numbers = ["busy", "congestion", "5551", "5552", "noanswer", "5553", "nobody"]
    (tmp_path / "numbers").write_text("\n".join([*numbers, "5551", ""]))
    report = tmp_path / "report.csv"
    with mgr.events(events.Newchannel, events.Hangup, where=lambda event: event["Channel"].endswith(";1")) as stream:
        arguments = ("--channel", "Local/{}@default/n", "--at-once", "2", "--ring", "1", "--report", str(report))
        dialler = await start("auto_dialler.py", str(tmp_path / "numbers"), *arguments)
        assert await dialler.ends() == 0
        await mgr.send(core.Ping())  # all events are here now
        stream_of = [
            (event.name, event["Channel"]) for event in [await stream.__anext__() for _ in range(stream.pending)]
        ]
    there: set[str] = set()
    most = 0
    for name, channel in stream_of:
        (there.add if name == "Newchannel" else there.discard)(channel)
        most = max(most, len(there))
    called = [channel.partition("@")[0].removeprefix("Local/") for name, channel in stream_of if name == "Newchannel"]
    assert sorted(called) == sorted(set(called))
    assert most == 2
    with report.open(newline="") as file:
        outcomes = dict(csv.reader(file))
    assert outcomes == {
        **{"number": "outcome", "busy": "busy", "congestion": "congestion", "noanswer": "no answer"},
        "nobody": "unknown",  # nothing says that the extension behind a Local channel is missing
        **{"5551": "answered", "5552": "answered", "5553": "answered"},
    }
    printed = "\n".join(dialler.printed)
    assert re.search(r"answered +\S 3", printed)
    assert re.search(r"busy +\S 1", printed)


async def test_the_dialler_survives_a_lost_link(mgr: Manager, proxy: FaultProxy, start: Start, tmp_path: Path) -> None:
    """A call that is over when the link stands again is found so; one that rings on is followed to its end; the rest follow."""
    (tmp_path / "numbers").write_text("wait@test\n5551@default\nring@test\n5552@default")
    report = tmp_path / "report.csv"
    arguments = ("--channel", "Local/{}/n", "--at-once", "2", "--run", "Wait(600)", "--report", str(report))
    arguments += ("--ring", "3")
    answered = mgr.wait_for(events.OriginateResponse, where=lambda event: event["Channel"].startswith("Local/wait"))
    rings = mgr.wait_for(events.Newchannel, where=lambda event: event["Channel"].startswith("Local/ring"))
    dialler = await start("auto_dialler.py", str(tmp_path / "numbers"), *arguments)
    await rings  # so it knows of the end of 5551, and of the answer, which came before
    proxy.refuse = True
    proxy.cut()
    await mgr.send(core.Hangup((await answered)["Channel"]))
    proxy.refuse = False
    assert await dialler.ends() == 0
    with report.open(newline="") as file:
        assert dict(csv.reader(file)) == {
            **{"number": "outcome", "wait@test": "answered", "ring@test": "no answer"},
            **{"5551@default": "answered", "5552@default": "answered"},
        }


async def test_the_dialler_can_be_stopped(mgr: Manager, start: Start, tmp_path: Path) -> None:
    """After Ctrl-C nobody else is called, and the report says who was not."""
    (tmp_path / "numbers").write_text("wait@test\n5551@default")
    report = tmp_path / "report.csv"
    placed = mgr.wait_for(events.OriginateResponse, timeout=PATIENCE)
    arguments = ("--channel", "Local/{}/n", "--at-once", "1", "--run", "Wait(600)", "--report", str(report))
    dialler = await start("auto_dialler.py", str(tmp_path / "numbers"), *arguments)
    await placed
    assert await dialler.ends(signal.SIGINT) == 1
    assert report.read_text().splitlines() == [
        *("number,outcome", "wait@test,stopped during the call", "5551@default,not called")
    ]
    assert any("not called" in line for line in dialler.printed)


async def test_the_recorder_writes_every_call(mgr: Manager, proxy: FaultProxy, start: Start, tmp_path: Path) -> None:
    """Each call has a row with its outcome, also those that began before the recorder or ended while it was cut off."""
    path = tmp_path / "calls.db"
    early = await call(mgr, "Local/wait@test/n", callerid="Early <100>")
    recorder = await start("call_recorder.py", str(path))
    await recorder.says("recording")
    with contextlib.closing(sqlite3.connect(path)) as db:
        await stored(db, "SELECT count(*) FROM calls WHERE ended IS NULL AND channel LIKE 'Local/wait@test%'", 1)
        await mgr.send(core.Hangup(early))
        await stored(db, f"SELECT outcome FROM calls WHERE channel = '{early}'", "ANSWER")

        for target, outcome in (("noanswer", "NOANSWER"), ("busy", "BUSY"), ("5551", "ANSWER")):
            channel = await call(mgr, "Local/wait@test/n", "Dial", f"Local/{target}@default/n,1")
            await stored(db, f"SELECT outcome, ended >= started FROM calls WHERE channel = '{channel}'", outcome, 1)

        late = await call(mgr, "Local/wait@test/n", callerid="Late <200>")
        await stored(db, f"SELECT answered IS NULL FROM calls WHERE channel = '{late}'", 0)
        proxy.refuse = True
        proxy.cut()
        await recorder.says("was lost", among=recorder.complained)
        await mgr.send(core.Hangup(late))
        after = await call(mgr, "Local/wait@test/n", callerid="After <300>")
        proxy.refuse = False
        await stored(db, f"SELECT outcome FROM calls WHERE channel = '{late}'", "UNKNOWN")
        await mgr.send(core.Hangup(after))
        await stored(db, f"SELECT outcome IS NULL, ended IS NULL FROM calls WHERE channel = '{after}'", 0, 0)
    assert await recorder.ends(signal.SIGTERM) == 0
    assert recorder.printed[-1] == "stopped"


async def test_the_menu_serves_callers(mgr: Manager, proxy: FaultProxy, start: Start, tmp_path: Path) -> None:
    """A caller leaves a message, hears the number, calls the operator and is put through; who presses nothing is hung up."""
    for context, exten, *steps in (
        ("ivr", "menu", ("AGI", "agi:async,menu"), ("Hangup", None)),
        ("sales", "s", ("NoOp", "here"), ("Wait", "60")),
    ):
        for number, (application, data) in enumerate(steps, 1):
            step = actions.DialplanExtensionAdd(
                context, exten, number, application, application_data=data, replace=True
            )
            await mgr.send(step)
    menu = await start(
        *("ivr_menu.py", "--context", "sales", "--messages", str(tmp_path), "--timeout", "0.3", "--prompt", "beep"),
        *("--operator", "Local/short@test/n"),
    )
    await menu.says("waiting for calls")

    async def press(channel: str, command: str, digit: str) -> None:
        await begins[command].get()
        await asyncio.sleep(0.1 if command == "GET DATA" else 0.7)  # behind the tone
        await mgr.send(actions.PlayDTMF(channel, digit, receive=True))

    begins: dict[str, asyncio.Queue[None]] = {"GET DATA": asyncio.Queue(), "RECORD FILE": asyncio.Queue()}

    @mgr.on(events.AGIExecStart)
    def begin(event: events.AGIExecStart) -> None:
        name = " ".join((event.command or "").split()[:2])
        if name in begins and event.channel == caller:
            begins[name].put_nowait(None)

    caller = ""
    arrives = mgr.wait_for(events.Newexten, where=lambda step: step.get("AppData") == "here", timeout=PATIENCE)
    caller = (await call(mgr, "Local/menu@ivr/n", callerid="Ada <100>")).replace(";1", ";2")
    for digit, said in (("2", "ended by digit"), ("3", "heard the number"), ("1", "pressed 1")):
        await press(caller, "GET DATA", digit)
        if digit == "2":
            await press(caller, "RECORD FILE", "#")
        await menu.says(said)
    await arrives

    gone = mgr.wait_for(events.Hangup, where=lambda event: event.channel == silent, timeout=PATIENCE)
    silent = (await call(mgr, "Local/menu@ivr/n")).replace(";1", ";2")
    await gone
    assert len([line for line in menu.printed if line == f"{silent}: pressed nothing"]) == 3
    proxy.cut()
    await menu.says("stands again", among=menu.complained)
    assert await menu.ends(signal.SIGTERM) == 0
    assert menu.printed[-1] == "letting the calls finish"


async def test_click_to_call_shows_progress(mgr: Manager, start: Start) -> None:
    """Each step of a call is told as it comes; one that is busy, one that is refused and a closed page are told or ended."""
    pytest.importorskip("uvicorn", reason="the dashboard's group is not installed")
    service = await start("click_to_call.py", "--phone", "Local/{}@test/n", "--context", "test", "--port", "0")
    port = int((await service.says("running on", among=service.complained)).partition("127.0.0.1:")[2].split()[0])

    async def told(phone: str, to: str, *, lines: int | None = None) -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps({"phone": phone, "to": to}).encode()
        head = (
            f"POST /calls HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        found: list[str] = []
        async with asyncio_timeout(PATIENCE):
            status = (await reader.readline()).decode().split()[1]
            while len(found) != lines and (line := (await reader.readline()).decode().strip()) != "0":
                if line.startswith('{"state"'):
                    step = json.loads(line)
                    found.append(": ".join(filter(None, (step["state"], step.get("why")))))
                elif status != "200" and not line:
                    found.append(status)
                    break
        writer.close()
        return found

    steps = await told("wait", "short")
    assert steps[-2:] == ["answered", "ended: answered, talked 0 s"]
    assert (await told("busy", "short"))[-1] == "ended: busy, talked 0 s"
    refused = await told("wait", "nobody")
    assert len(refused) == 1
    assert refused[0].startswith("not called: ")
    assert await told("wait&busy", "short") == ["422"]
    gone = mgr.wait_for(
        events.Hangup, where=lambda event: event.channel.startswith("Local/wait@test"), timeout=PATIENCE
    )
    assert (await told("wait", "echo", lines=1))[0] != "ended"
    await gone  # as the page was closed
    assert await service.ends(signal.SIGINT) in (0, -signal.SIGINT)


async def test_the_reminder_notes_who_confirms(mgr: Manager, start: Start, tmp_path: Path) -> None:
    """Who presses 1 has confirmed; a machine gets the message; who is busy, or presses nothing, is noted as such."""
    for number, (application, data) in enumerate((("Answer", ""), ("Playback", "&".join(["silence/10"] * 3))), 1):
        step = actions.DialplanExtensionAdd("test", "machine", number, application, application_data=data, replace=True)
        await mgr.send(step)
    (tmp_path / "numbers").write_text("wait\nbusy\necho\nmachine\n")
    report = tmp_path / "report.csv"
    pressing: list[asyncio.Task[object]] = []

    @mgr.on(events.AGIExecStart, where=lambda event: "Local/wait@" in event.channel and "GET DATA" in event.command)
    def confirm(event: events.AGIExecStart) -> None:
        async def press() -> None:
            await asyncio.sleep(0.1)  # behind the begin of the tone
            await mgr.send(actions.PlayDTMF(event["Channel"], "1", receive=True))

        pressing.append(asyncio.create_task(press()))

    reminder = await start(
        *("reminder.py", str(tmp_path / "numbers"), "--channel", "Local/{}@test/n", "--message", "beep"),
        *("--at-once", "4", "--timeout", "0.3", "--amd", "300", "1500", "800", "1000", "--report", str(report)),
    )
    assert await reminder.ends() == 0
    with report.open(newline="") as file:
        outcomes = dict(csv.reader(file))
    assert outcomes == {
        **{"number": "outcome", "wait": "confirmed", "busy": "not reached: busy"},
        **{"echo": "heard, and not confirmed", "machine": "left on a machine"},
    }


async def test_a_queue_calls_back(mgr: Manager, start: Start) -> None:
    """Who presses 1 is called when an agent is free, and gets into the queue; who presses nothing goes on."""
    steps = (("AGI", "agi:async,callback"), ("NoOp", "on into the queue"), ("Wait", "60"))
    for number, (application, data) in enumerate(steps, 1):
        await mgr.send(
            actions.DialplanExtensionAdd("callback", "s", number, application, application_data=data, replace=True)
        )
    service = await start(
        *("queue_callback.py", "support", "--channel", "Local/{}@default/n", "--prompt", "beep", "--timeout", "0.5")
    )
    await service.says("waiting for calls")
    joins = mgr.wait_for(events.QueueCallerJoin, timeout=PATIENCE)
    begins = mgr.wait_for(
        events.AGIExecStart, where=lambda event: "GET DATA" in (event.command or ""), timeout=PATIENCE
    )
    caller = (await call(mgr, "Local/s@callback/n", callerid="Ada <5551234>")).replace(";1", ";2")
    await begins
    await asyncio.sleep(0.1)  # behind the begin of the tone
    await mgr.send(actions.PlayDTMF(caller, "1", receive=True))
    await service.says("5551234: wants a call, as number 1")
    assert (await joins).queue == "support"
    await service.says("5551234: was called, and is in the queue")
    goes_on = mgr.wait_for(
        events.Newexten, where=lambda step: step.get("AppData") == "on into the queue", timeout=PATIENCE
    )
    await call(mgr, "Local/s@callback/n", callerid="Bob <5555>")
    await goes_on
    assert await service.ends(signal.SIGTERM) == 0


async def test_any_byte_may_be_dialled(mgr: Manager, start: Start, webhook: Webhook, tmp_path: Path) -> None:
    """A byte that is no UTF-8 is recorded and told as `\\xe9`, and the next call is recorded and told as any other."""
    path = tmp_path / "calls.db"
    recorder = await start("call_recorder.py", str(path))
    notifier = await start("missed_calls.py", "--phones", "Local/noanswer@default-*")
    watcher = await start("queue_watcher.py", "empty", "--longest", "0")
    await recorder.says("recording")
    await notifier.says("listening")
    await watcher.says("watching")
    with contextlib.closing(sqlite3.connect(path)) as db:
        for number, shown in (("12\udce9", r"12\xe9"), ("34", "34")):
            channel = await call(mgr, f"Local/{number}@default/n", channel_id=f"recorded-{number}")
            row = f"SELECT channel, number, outcome FROM calls WHERE uniqueid = 'recorded-{shown}'"
            await mgr.send(core.Hangup(channel), check=False)
            await stored(db, row, channel.replace(number, shown), shown, "ANSWER")
            waiting = await call(mgr, "Local/empty@queues/n", callerid=f"<{number}>")
            await watcher.says(f"empty: {shown} is waiting")
            await mgr.send(core.Hangup(waiting))
            await watcher.says(f"empty: {shown} gave up")
            await dialled(mgr, number, "Local/noanswer@default/n", impatient=True)
            await notifier.says(f"{shown} called")
    await webhook.has(6)
    assert sorted(webhook.texts) == sorted([*watcher.printed[1:], *notifier.printed[1:]])
    for program in (recorder, notifier, watcher):
        assert await program.ends(signal.SIGTERM) == 0


async def test_the_dialler_calls_any_byte(start: Start, tmp_path: Path) -> None:
    """A number with a byte that is no UTF-8 is called, and stands in the report as in the file."""
    (tmp_path / "numbers").write_bytes(b"55\xe9\n5551\n")
    report = tmp_path / "report.csv"
    dialler = await start(
        *("auto_dialler.py", str(tmp_path / "numbers"), "--channel", "Local/{}@default/n", "--report", str(report))
    )
    assert await dialler.ends() == 0
    assert report.read_bytes().splitlines() == [b"number,outcome", b"55\xe9,answered", b"5551,answered"]


@pytest.mark.parametrize(
    "name", ["queue_watcher.py", "missed_calls.py", "call_recorder.py", "auto_dialler.py", "ivr_menu.py", "reminder.py"]
)
async def test_a_refused_login_is_one_sentence(
    name: str, asterisk: RealAsterisk | FakeAsterisk, tmp_path: Path
) -> None:
    """An example that cannot log in says so, without a traceback and without the secret; one that lacks its URL says that."""
    (tmp_path / "numbers").write_text("1")
    argument = {"auto_dialler.py": "numbers", "reminder.py": "numbers", "call_recorder.py": "calls.db"}.get(name)

    async def started(url: str, code: int, complaint: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *(*python(), str(ROOT / "examples" / name), *([str(tmp_path / argument)] if argument else [])),
            env={**os.environ, "AIOAMI_URL": url, "WEBHOOK_URL": "http://127.0.0.1:9/hooks/t0ken"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await process.communicate()
        assert process.returncode == code
        assert complaint in told.decode()
        assert "Traceback" not in told.decode()
        assert "wr0ng" not in told.decode()

    await asyncio.gather(
        started(asterisk.url.replace("s3cret", "wr0ng"), 1, "refused"), started("", 2, "AIOAMI_URL is not set")
    )


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_are_short(path: Path) -> None:
    """Each is under a hundred and twenty lines, and says in its first lines how it is started."""
    text = path.read_text()
    assert len(text.splitlines()) < 120
    assert "AIOAMI_URL=ami://user:secret@pbx.example" in text.partition("import ")[0]
    assert f"python {path.name}" in text.partition("import ")[0]
