"""The picture of the servers for all browsers: made once for all of them, and pushed as it changes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Final

from aioami import (
    ConnectionLost,
    Disconnected,
    Event,
    Fleet,
    ManagerError,
    ManagerTimeout,
    Reconnected,
    core,
)
from aioami.fleet import FleetLive, ServerHealth
from aioami.live import (
    DEFAULT_PARTS,
    Live,
    LiveCall,
    LiveChannel,
    LiveConference,
    LiveEndpoint,
    LiveMailbox,
    LiveParkingLot,
    LiveParty,
    LiveQueue,
    LiveRegistration,
)

__all__ = ["PARTS", "Board", "Message"]

PARTS: Final = (*DEFAULT_PARTS, "parking", "conferences", "mailboxes", "endpoints", "registrations")
"""The parts of the live state that are followed."""

Message = tuple[str, str]
"""A pushed message: its kind (`state`, `patch`, `feed`), and JSON."""

log = logging.getLogger("dashboard")

_PACE: Final = 0.1  # seconds between two pushes of changes
_FEED_PACE: Final = 0.25  # ... and of events
_LINKS_PACE: Final = 1.0  # ... and between two looks at the links, for changes without an event
_FEED: Final = 40  # events in one push; if there are more, the newest ones
_BEHIND: Final = 100  # messages that may wait for a browser, before it gets the whole state again
_PLACED: Final = 20  # calls whose outcome is kept
_ENDED: Final = 30  # ended calls that are shown, of those that the live state keeps

# Events that come many times for every call, and say little. Variables may also hold private data.
_QUIET: Final = frozenset({"VarSet", "RTCPSent", "RTCPReceived", "ChallengeSent", "SuccessfulAuth", "RequestBadFormat"})


class Board:
    """Follows the live state and the events, for any number of browsers.

    Args:
        fleet: the servers, each with its one connection.
        lives: their live state.
    """

    def __init__(self, fleet: Fleet, lives: FleetLive) -> None:
        self._fleet = fleet
        self._lives = lives
        self._browsers: dict[asyncio.Queue[Message | None], None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._dirty: dict[tuple[str, str, str], None] = {}  # server, kind, key
        self._changed = asyncio.Event()
        self._recent: deque[dict[str, Any]] = deque(maxlen=_FEED)
        self._placed: dict[int, dict[str, Any]] = {}
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Board:
        self._spawn(self._follow())
        self._spawn(self._push())
        self._spawn(self._listen())
        self._spawn(self._watch_links())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Yield the messages for one browser: the whole state, and then the changes."""
        queue: asyncio.Queue[Message | None] = asyncio.Queue(_BEHIND)
        queue.put_nowait(("state", _json(self.state())))
        self._browsers[queue] = None
        try:
            while (message := await queue.get()) is not None:
                yield message
        finally:
            del self._browsers[queue]

    def dismiss(self) -> None:
        """End the streams of all browsers."""
        for queue in self._browsers:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)

    def state(self) -> dict[str, Any]:
        """Return the whole picture."""
        return {
            "now": time.time(),
            "servers": {server: self._server(server, health) for server, health in self._health().items()},
            "placed": self._placed,
            "feed": list(self._recent),
        }

    async def place(self, server: str, user: str, phone: str, number: str, action: core.Originate_Context) -> None:
        """Place a call on a server, and show its progress in all browsers.

        Raises:
            ManagerError: the call was not accepted.
        """
        reply = await self._fleet[server].send(action)
        placed = {
            "on": server,
            "by": user,
            "from": phone,
            "to": number,
            "at": time.time(),
            "outcome": "calling",
        }
        key = next(self._numbers)
        self._placed[key] = placed
        while len(self._placed) > _PLACED:
            del self._placed[next(iter(self._placed))]
        self._touch(server, "placed", str(key))

        async def await_outcome() -> None:
            try:
                outcome = await reply.outcome()
                placed["outcome"] = (outcome.result or "failed").lower()
            except ConnectionLost:
                placed["outcome"] = "unknown: the link was lost"
            except ManagerTimeout:
                placed["outcome"] = "unknown: no answer came"
            except ManagerError as error:
                placed["outcome"] = f"unknown: {error}"
            self._touch(server, "placed", str(key))

        self._spawn(await_outcome())

    # Following the servers

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a task of the dashboard failed", exc_info=task.exception())

    def _touch(self, server: str, kind: str, key: str = "") -> None:
        self._dirty[server, kind, key] = None
        self._changed.set()

    async def _follow(self) -> None:
        async for change in self._lives.changes():
            self._touch(change.server, change.kind, change.key)

    async def _watch_links(self) -> None:
        """Push changed links: the reason of a failed attempt to connect comes with no event."""
        told: dict[str, dict[str, Any]] = {}
        while True:
            await asyncio.sleep(_LINKS_PACE)
            links = {server: self._link(server, health) for server, health in self._health().items()}
            for server, link in links.items():
                if told.get(server) != link:
                    self._touch(server, "link")
            told = links

    async def _push(self) -> None:
        """Push changes: at once after a pause, and never more often than `_PACE`."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            dirty, self._dirty = self._dirty, {}
            if any(kind != "bridge" for _, kind, _ in dirty):  # each channel names its bridge
                self._send("patch", self._patch(dirty))
            await asyncio.sleep(_PACE)

    def _patch(self, dirty: dict[tuple[str, str, str], None]) -> dict[str, Any]:
        """Return the changes: of a server all (`whole`), or some things; `None` for a thing that is gone."""
        patch: dict[str, Any] = {"now": time.time(), "servers": {}}
        healths = self._health() if any(kind in ("link", "everything") for _, kind, _ in dirty) else {}
        for server, kind, key in dirty:
            if kind == "placed":
                patch.setdefault("placed", {})[key] = self._placed.get(int(key))
                continue
            if server not in self._fleet or server not in self._lives:
                patch["servers"][server] = None
                continue
            told = patch["servers"].setdefault(server, {})
            live = self._lives[server]
            if told.get("whole"):
                continue
            if (server, "everything", "") in dirty:
                told.update(self._server(server, healths[server]), whole=True)
            elif kind in _SHOWN:
                part, things, show = _SHOWN[kind]
                thing = things(live).get(key)
                told.setdefault(part, {})[key] = None if thing is None else show(thing)
                if kind == "call" and thing is None:
                    told["ended"] = _ended_of(live)
            elif kind == "link":
                told["link"] = self._link(server, healths[server])
        return patch

    async def _listen(self) -> None:
        waiting: deque[dict[str, Any]] = deque(maxlen=_FEED)
        count = 0
        told = asyncio.get_running_loop().time()
        numbers = itertools.count(1)

        async def tell() -> None:
            nonlocal count, told
            loop = asyncio.get_running_loop()
            while True:
                await asyncio.sleep(_FEED_PACE)
                if count:
                    self._send("feed", {"events": list(waiting), "count": count, "seconds": loop.time() - told})
                told, count = loop.time(), 0
                waiting.clear()

        self._spawn(tell())
        loud = self._fleet.events(where=lambda event: event.name not in _QUIET)
        with loud as stream, contextlib.suppress(ManagerError):  # if all are lost for good, their links show it
            async for event in stream:
                if isinstance(event, (Disconnected, Reconnected)):
                    self._touch(event.server, "link")
                count += 1
                shown = _event(next(numbers), event)
                waiting.append(shown)
                self._recent.append(shown)
                if count % 500 == 0:
                    await asyncio.sleep(0)

    def _send(self, kind: str, told: dict[str, Any]) -> None:
        if not self._browsers:
            return
        message = kind, _json(told)
        for queue in self._browsers:
            if queue.full():  # the browser is too slow: it gets the present state, and not all changes
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(("state", _json(self.state())))
            else:
                queue.put_nowait(message)

    # The shown data of things

    def _health(self) -> dict[str, ServerHealth]:
        """Return the servers that are shown, each with its health."""
        return {server: health for server, health in self._fleet.health().items() if server in self._lives}

    def _server(self, server: str, health: ServerHealth) -> dict[str, Any]:
        live = self._lives[server]
        return {
            "link": self._link(server, health),
            **{
                part: {key: show(each) for key, each in things(live).items()} if _follows(live, part) else {}
                for part, things, show in _SHOWN.values()
            },
            "ended": _ended_of(live) if _follows(live, "calls") else [],
        }

    def _link(self, server: str, health: ServerHealth) -> dict[str, Any]:
        live = self._lives[server]
        return {
            "state": health.state.value,
            "since": health.since,
            "synced": live.synced,
            "why": str(health.error or ""),
            "version": health.version,
            "unavailable": dict(live.unavailable),
        }


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told)


def _channel(channel: LiveChannel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "state": "" if channel.state is None else channel.state.name.lower(),
        "number": channel.caller_id_num,
        "label": channel.caller_id_name,
        "with": channel.connected_line_name or channel.connected_line_num,
        "exten": channel.exten,
        "context": channel.context,
        "application": channel.application,
        "data": channel.application_data,
        "bridge": channel.bridge,
        "call": channel.linkedid or channel.uniqueid,
        "since": channel.since,
    }


def _queue(queue: LiveQueue) -> dict[str, Any]:
    return {
        "strategy": queue.strategy,
        "completed": queue.completed,
        "abandoned": queue.abandoned,
        "members": [
            {
                "interface": member.interface,
                "name": member.name,
                "status": "" if member.status is None else member.status.name.lower(),
                "paused": member.paused,
                "reason": member.paused_reason,
                "in_call": member.in_call,
                "taken": member.calls_taken,
            }
            for member in queue.members.values()
        ],
        "callers": [
            {
                "id": caller.uniqueid,
                "channel": caller.channel,
                "number": caller.caller_id_num,
                "label": caller.caller_id_name,
                "since": caller.since,
            }
            for caller in queue.callers
        ],
    }


def _party(party: LiveParty | None) -> dict[str, str] | None:
    return None if party is None else {"text": str(party), "id": party.uniqueid}


def _call(call: LiveCall) -> dict[str, Any]:
    return {
        "state": call.state.value,
        "queue": call.queue,
        "caller": _party(call.caller),
        "callee": _party(call.callee),
        "answered_by": _party(call.answered_by),
        "since": call.since,
        "channels": [each.uniqueid for each in call.channels],
    }


def _ended_of(live: Live) -> list[dict[str, Any]]:
    """Return the ended calls, the last one first."""
    return [_ended(each) for each in reversed(live.ended[-_ENDED:])]


def _ended(call: LiveCall) -> dict[str, Any]:
    end = call.end
    assert end is not None
    return {
        "id": f"{call.linkedid} {call.since}",
        "caller": str(call.caller),
        "callee": str(call.callee),
        "queue": call.queue,
        "since": call.since,
        "reason": end.reason.value,
        "seen": end.cause is not None,
        "talked": end.talked,
    }


def _endpoint(endpoint: LiveEndpoint) -> dict[str, Any]:
    return {
        "state": "" if endpoint.state is None else endpoint.state.name.lower(),
        "contacts": [
            {
                "at": each.uri.partition("@")[2].partition(";")[0] or each.uri,
                "reachable": each.reachable,
                "milliseconds": None if each.round_trip is None else round(each.round_trip * 1000),
            }
            for each in endpoint.contacts
        ],
        "calls": len(endpoint.channels),
    }


def _lot(lot: LiveParkingLot) -> list[dict[str, Any]]:
    return [
        {"space": each.space, "id": each.uniqueid, "channel": each.channel, "since": each.since} for each in lot.calls
    ]


def _conference(conference: LiveConference) -> dict[str, Any]:
    people = [
        {
            "id": each.uniqueid,
            "channel": each.channel,
            "muted": each.muted,
            "talking": each.talking,
            "admin": each.admin,
        }
        for each in conference.participants
    ]
    return {"locked": conference.locked, "people": people}


def _mailbox(mailbox: LiveMailbox) -> dict[str, int]:
    return {"new": mailbox.new, "old": mailbox.old}


def _registration(registration: LiveRegistration) -> dict[str, str]:
    return {"server": registration.server, "state": registration.state}


_SHOWN: Final[dict[str, tuple[str, Callable[[Live], Mapping[str, Any]], Callable[[Any], Any]]]] = {
    "channel": ("channels", lambda live: live.channels, _channel),
    "call": ("calls", lambda live: live.calls(), _call),
    "queue": ("queues", lambda live: live.queues, _queue),
    "endpoint": ("endpoints", lambda live: live.endpoints, _endpoint),
    "parking": ("parking", lambda live: live.parking, _lot),
    "conference": ("conferences", lambda live: live.conferences, _conference),
    "mailbox": ("mailboxes", lambda live: live.mailboxes, _mailbox),
    "registration": ("registrations", lambda live: live.registrations, _registration),
}
"""For each kind of change: its name in a message, and functions for the things and their shown data."""


def _follows(live: Live, part: str) -> bool:
    """Return `True` if a live state has a part; calls are made of the part `channels`."""
    return ("channels" if part == "calls" else part) in live.parts


def _event(number: int, event: Event) -> dict[str, Any]:
    headers = [(name, value) for name, value in event.headers if name not in ("Event", "Privilege")]
    return {"number": number, "on": event.server, "at": time.time(), "name": event.name, "headers": headers}
