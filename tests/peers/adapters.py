"""The clients, each used through its public interface, and the process in which one of them plays one case.

    python -m tests.peers.adapters CLIENT < JOB

writes what was handed over, a line of JSON for each of the job's ports.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from .cases import LAST, Delivered, Observed

HOST, USER, SECRET = "127.0.0.1", "admin", "secret"
MARGIN = 0.15  # seconds in which what was read before the last event is handed over
ANSWERS = 0.8  # ... and the answers to actions, which some clients look for only now and then

MORE_HEADERS = {
    "AGI": {"Channel": "PJSIP/1-00000001", "Command": "NOOP"},
    "Command": {"Command": "core show uptime"},
    "Originate": {"Async": "true"},
}


class NotApplicable(Exception):
    """The client's interface has no notion of this."""


class Watch:
    """Collects what a client hands over, in whatever thread, and knows when to stop waiting.

    Attributes:
        waiting: actions whose answer the client still owes.
        ended: whether the client said that its connection is gone.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.job = job
        self.delivered: list[Delivered] = []
        self.troubles: list[str] = []
        self.waiting = 0
        self.ended = False
        self._deadline: float = time.monotonic() + job["patience"]
        self._since: float | None = None
        self._seen = 0

    def add(self, headers: Iterable[tuple[str, Any]], lines: Iterable[str] = ()) -> None:
        self.delivered.append(Delivered(list(headers), list(lines)))

    def tell(self, trouble: BaseException | str) -> None:
        self.troubles.append(trouble if isinstance(trouble, str) else type(trouble).__name__)

    def over(self) -> bool:
        """Whether nothing more needs to be waited for."""
        now = time.monotonic()
        if self._since is None:
            if self._last_words():
                self._since = now
            return now > self._deadline
        patience = ANSWERS if self.waiting else 3 * MARGIN if self.job["closes"] or self.ended else MARGIN
        return now > self._since + patience or now > self._deadline

    def _last_words(self) -> bool:
        """Whether the end of the case was seen, in whatever form."""
        fresh, self._seen = self.delivered[self._seen :], len(self.delivered)
        return (
            self.ended
            or (self.job["refused"] and bool(self.troubles))
            or (self.job["closes"] and self._seen >= self.job["count"])
            or any(LAST in str(message) for message in fresh)
        )

    async def wait(self) -> None:
        while not self.over():
            await asyncio.sleep(0.01)

    def wait_in_thread(self) -> None:
        while not self.over():
            time.sleep(0.01)

    async def wait_for_answers(self, asking: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Let the client ask, and wait for what comes of it."""
        tasks = [asyncio.ensure_future(each) for each in asking]
        self.waiting = len(tasks)
        for task in tasks:
            task.add_done_callback(self._answered)
        await self.wait()
        for task in tasks:
            task.cancel()

    def _answered(self, task: asyncio.Future[None]) -> None:
        self.waiting -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            self.tell(error)


def headers_of(action: Mapping[str, Any]) -> dict[str, str]:
    """An action for a client that takes a mapping and sends UTF-8."""
    try:
        action["id"].encode()
    except UnicodeEncodeError:
        raise NotApplicable("its ActionID cannot be sent") from None
    return {"Action": action["name"], "ActionID": action["id"], **MORE_HEADERS.get(action["name"], {})}


def flat(items: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Headers as pairs, whatever stands for those that repeat."""
    pairs: list[tuple[str, Any]] = []
    for name, value in items:
        if isinstance(value, Mapping):
            pairs += [(name, f"{key}={text}") for key, text in value.items()]
        elif isinstance(value, (list, tuple)):
            pairs += [(name, text) for text in value]
        else:
            pairs.append((name, value))
    return pairs


async def play_aioami(port: int, watch: Watch) -> None:
    from aioami import Action, ActionError, Manager
    from aioami.wire import Message

    def take(message: Message) -> None:
        watch.add(message.headers, (*message.unparsed, *message.output))

    async def follow() -> None:
        try:
            async for event in stream:
                take(event)
        except Exception as error:
            watch.tell(error)
        watch.ended = True

    async def ask(asked: Mapping[str, Any]) -> None:
        action = Action(asked["name"], MORE_HEADERS.get(asked["name"]))
        if asked["list"]:
            await ask_for_list(action, asked["id"])
            return
        response = await mgr.send(action, action_id=asked["id"], check=False)
        end = response.events.completion
        for message in (response, *response.events, *([end] if end is not None and end not in response.events else [])):
            take(message)

    async def ask_for_list(action: Action[Any], action_id: str) -> None:
        # This call chooses the ActionID itself. The server repeats it, and it is changed back for the comparison.
        items = mgr.stream(action)
        found: list[Message] = []
        try:
            async for item in items:
                found.append(item)
        except ActionError as error:
            found += [error.response] if error.response is not None else []
        for message in (items.response, *found, items.completion):
            if message is not None:
                own = message.get("ActionID")
                watch.add([(name, action_id if value == own else value) for name, value in message.headers])

    options: dict[str, Any] = {"max_frame_size": watch.job["limit"]} if watch.job["limit"] else {}
    mgr = Manager(HOST, port, USER, SECRET, reconnect=False, errors="surrogateescape", **options)
    stream = mgr.events(maxsize=None)
    following = asyncio.ensure_future(follow())
    async with mgr:
        await watch.wait_for_answers(ask(action) for action in watch.job["actions"])
    await following


async def play_panoramisk(port: int, watch: Watch) -> None:
    panoramisk: Any = importlib.import_module("panoramisk")

    def take(message: Any) -> None:
        watch.add(flat((name, value) for name, value in message.items() if name != "content"), message.iter_lines())

    def gone(manager: Any, error: Any) -> None:
        watch.tell("connection lost" if error is None else error)
        watch.ended = True

    async def ask(headers: dict[str, str], listed: bool) -> None:
        answer = await manager.send_action(headers, as_list=listed)
        for message in answer if isinstance(answer, list) else [answer]:
            take(message)

    asking = [(headers_of(action), action["list"]) for action in watch.job["actions"]]
    ready = asyncio.Event()
    manager = panoramisk.Manager(
        host=HOST,
        port=port,
        username=USER,
        secret=SECRET,
        ping_delay=60,
        on_login=lambda manager: ready.set(),
        on_disconnect=gone,
    )
    manager.register_event("*", lambda manager, event: take(event))
    await manager.connect()
    while not ready.is_set() and not watch.over():
        await asyncio.sleep(0.01)
    if ready.is_set():
        await watch.wait_for_answers(ask(headers, listed) for headers, listed in asking)
    manager.close()


async def play_basicami(port: int, watch: Watch) -> None:
    basicami: Any = importlib.import_module("basicami")

    async def follow() -> None:
        while True:
            for event in await ami.get_events(timeout=0.05):
                watch.add(event.items())

    async def ask(headers: dict[str, str]) -> None:
        answer = await ami.send_action(headers, timeout=watch.job["patience"])
        watch.add(answer.items())

    asking = [headers_of(action) for action in watch.job["actions"]]
    ami = await basicami.BasicAMI.connect(HOST, port, USER, SECRET)
    following = asyncio.ensure_future(follow())
    await watch.wait_for_answers(ask(headers) for headers in asking)
    following.cancel()
    await ami.close()


def play_pystrix(port: int, watch: Watch) -> None:
    ami: Any = importlib.import_module("pystrix.ami")
    # Its name begins with an underscore, but the manual tells users to derive their own actions from it.
    new_request = importlib.import_module("pystrix.ami.ami")._Request

    def take(message: Any) -> None:
        watch.add(message.items(), message.data)

    def ask(headers: Mapping[str, str]) -> None:
        request = new_request(headers["Action"])
        request.update(headers)
        if headers["Action"] == "Originate":
            request.timeout *= 1000  # for this action it is in milliseconds
        answer = manager.send_action(request)
        if answer is not None:
            take(answer.response)
        watch.waiting -= 1

    # A second reply with the same ActionID is handed over once it is that old, and another reply comes.
    manager = ami.Manager(orphaned_response_timeout=ANSWERS / 4)
    manager.register_callback("", lambda event, manager: take(event))
    manager.register_callback(None, lambda response, manager: take(response))
    asking = [headers_of(action) for action in watch.job["actions"]]
    manager.connect(HOST, port)
    if manager.send_action(ami.core.Login(USER, SECRET)) is None:
        watch.tell("the login has no answer")
        return
    watch.waiting = len(asking)
    for headers in asking:
        threading.Thread(target=ask, args=(headers,), daemon=True).start()
    watch.wait_in_thread()
    if watch.job["repeats"]:
        time.sleep(ANSWERS / 2)
        manager.send_action(new_request("Ping"))
        time.sleep(MARGIN)


def play_asterisk_ami(port: int, watch: Watch) -> None:
    asterisk: Any = importlib.import_module("asterisk.ami")

    replies: list[Any] = []

    def take_event(source: Any, event: Any) -> None:
        watch.add([("Event", event.name), *flat(event.keys.items())])

    def take_reply(source: Any, response: Any) -> None:
        replies.append(response)
        if len(replies) > 1:
            repeated = ((name, value.split("\n")) for name, value in response.keys.items())
            watch.add([("Response", response.status), *flat(repeated)], response.follows)

    def gone(source: Any, error: BaseException | None = None) -> None:
        watch.tell("connection lost" if error is None else error)
        watch.ended = True

    client = asterisk.AMIClient(HOST, port, encoding_errors="surrogateescape", buffer_size=1 << 16)
    client.add_listener(
        on_event=take_event,
        on_response=take_reply,
        on_unknown=lambda source, pack: watch.add([], pack.splitlines()),
        on_disconnect=gone,
    )
    asking = [headers_of(action) for action in watch.job["actions"]]
    if client.login(USER, SECRET).response is None:
        watch.tell("the login has no answer")
        return
    for headers in asking:
        client.send_action(asterisk.SimpleAction(headers.pop("Action"), **headers))
    watch.wait_in_thread()


Player = Callable[[int, Watch], Any]

PLAYERS: dict[str, Player] = {
    "aioami": play_aioami,
    "panoramisk": play_panoramisk,
    "pystrix": play_pystrix,
    "basicami": play_basicami,
    "asterisk-ami": play_asterisk_ami,
}


class Errors(logging.Handler):
    """What a client writes to the log instead of raising it."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.ERROR)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._watch.tell(error if error is not None else record.getMessage())


def play(player: Player, port: int, job: Mapping[str, Any]) -> Observed:
    """Play one connection of a case."""
    watch = Watch(job)

    async def run() -> None:
        playing = player(port, watch)
        await asyncio.wait_for(playing, job["patience"] + 2)

    errors = Errors(watch)
    logging.getLogger().addHandler(errors)
    threading.excepthook = lambda args: watch.tell(args.exc_type.__name__)
    try:
        if inspect.iscoroutinefunction(player):
            asyncio.run(run())
        else:
            player(port, watch)
    except NotApplicable as reason:
        return Observed([], [], str(reason))
    except Exception as error:
        watch.tell(error)
    finally:
        logging.getLogger().removeHandler(errors)
    return Observed(list(watch.delivered), list(watch.troubles))


def main() -> None:
    warnings.simplefilter("ignore")
    job = json.load(sys.stdin)
    for port in job["ports"]:
        print(json.dumps(asdict(play(PLAYERS[sys.argv[1]], port, job))), flush=True)
    os._exit(0)  # some clients leave threads behind that never end


if __name__ == "__main__":
    main()
