"""The servers on a bus, found by the heartbeats of their relays."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import async_timeout

from .._log import get_logger
from ..errors import (
    ConnectionLost,
    ManagerAuthError,
    ManagerError,
    PermissionDenied,
    ProtocolError,
    because,
    fresh,
)
from ..events.base import Event, name_server
from ..events.link import RelayChanged, ServerAppeared, ServerGone
from .connection import CUT_OFF, SILENT, end_tasks
from .engine import Engine
from .format import RELAYS, Heartbeat, heartbeat_subject, server_name
from .remote import RemoteManager

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from ..fleet import Fleet

__all__ = ["Discovery"]

log = get_logger("aioami.bus")

_LISTEN: Final = 0.7  # seconds in which every relay sends a heartbeat
_GONE: Final = 3.0  # seconds without a heartbeat, after which a relay counts as gone
_LOOK: Final = 0.5  # seconds between two checks for that
_RELAY_GONE: Final = "gone"


class _Relays:
    """The relays of one server."""

    def __init__(self) -> None:
        self.heard_at: dict[str, float] = {}
        self.leader = ""
        self.epoch = 0
        self.is_there = False


class Discovery:
    """Finds the servers on a bus, and adds them to a fleet. `Fleet("nats://…")` makes one itself.

    A server whose relays are all gone stays in the fleet. The fleet's streams get `ServerAppeared`,
    `ServerGone` and `RelayChanged`.

    Args:
        url: the bus.
        options: the options of each server's `RemoteManager`.

    Raises:
        ValueError, TypeError: as for `RemoteManager`.
    """

    def __init__(self, url: str, **options: Any) -> None:
        # This manager is never connected. It checks the options, and has their defaults.
        self._pattern = RemoteManager(url, "-", **options)
        self._url = url
        self._options = options
        self._relays: dict[str, _Relays] = {}
        self._heard_at = 0.0  # the time of the last heartbeat of any relay
        self._is_silent = False  # a node was left as silent, and no relay was heard since
        self._fleet: Fleet | None = None
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None

    async def start(self, fleet: Fleet, *, wait: bool) -> None:
        """Connect to the bus, and add its servers to a fleet: those present, and later ones.

        Args:
            fleet: the fleet.
            wait: `True` returns when the present servers were added, or raises. `False` returns at
                once, and the bus is tried until it is reached.

        Raises:
            ConnectionLost: the bus was not reached in time.
            ManagerAuthError: the bus refused the login.
            PermissionDenied: the bus does not let this user receive the heartbeats of all servers.
        """
        loop = asyncio.get_running_loop()
        self._fleet = fleet
        self._relays.clear()
        self._is_silent = False
        first = self._first = loop.create_future()
        self._task = loop.create_task(
            self._run(), name=f"aioami finds servers on {self._url_shown}"
        )
        if not wait:
            first.set_result(None)
            return
        try:
            async with async_timeout.timeout(self._pattern.options.timeout):
                await asyncio.shield(first)
        except asyncio.TimeoutError as error:
            await self.close()
            reason = self._pattern.reason
            sentence = f"the bus at {self._url_shown} was not reached in time"
            raise ConnectionLost(sentence) from (reason or error)
        except BaseException:
            await self.close()
            raise
        await asyncio.sleep(_LISTEN)

    async def close(self) -> None:
        """Stop the search for servers, and leave the bus, within seconds."""
        task, self._task = self._task, None
        if task is not None:
            await end_tasks([task])
        if self._first is not None and self._first.done() and not self._first.cancelled():
            self._first.exception()  # which must not count as never retrieved

    @property
    def _url_shown(self) -> str:
        return self._pattern.options.bus.display_name

    async def _run(self) -> None:
        assert self._first is not None
        options = self._pattern.options
        delays = options.backoff.delays()
        is_reported = not self._first.done()  # the caller of `start` gets the error
        left = ""
        while True:
            engine: Engine | None = None
            try:
                engine = await Engine.open(options.bus, "aioami fleet", left)
                left = engine.server
                await engine.subscribe(heartbeat_subject(), self._heard)
                if not await engine.has_read():  # so the bus knows the subscription
                    raise ConnectionLost("the bus gives no sign of life")
                self._check_rights(engine)
                delays = options.backoff.delays()
                if not self._first.done():
                    self._first.set_result(None)
                for relays in self._relays.values():  # while the bus was away, no heartbeat came
                    relays.heard_at = dict.fromkeys(relays.heard_at, time.monotonic())
                began = time.monotonic()
                while not engine.lost.done():
                    await asyncio.wait([engine.lost], timeout=_LOOK)
                    if await engine.is_there():
                        self._forget_silent_relays()
                    elif engine.reason is None:
                        engine.lose(ConnectionLost("the bus gives no sign of life"))
                    self._leave_silence(engine, began)
                reason = str(engine.lost.result())
                is_told = reason == SILENT and self._is_silent
                level = logging.DEBUG if is_told else logging.WARNING
                log.log(level, "%s; servers are looked for again", reason)
                self._is_silent = self._is_silent or reason == SILENT
            except (ManagerAuthError, PermissionDenied) as error:
                if not self._first.done():
                    self._first.set_exception(fresh(error))
                    return
                log.error("%s", error)
            except ManagerError as error:
                log.log(logging.DEBUG if is_reported else logging.WARNING, "%s; tried again", error)
                is_reported = True
            except Exception:
                log.exception("servers are looked for again")
            finally:
                if engine is not None:
                    await asyncio.wait([asyncio.ensure_future(engine.close())])
            await asyncio.sleep(next(delays))

    def _leave_silence(self, engine: Engine, began: float) -> None:
        """Give up a connection over which no relay is heard, if the bus has other nodes."""
        # A node that is cut off from the others still answers.
        silent = time.monotonic() - max(began, self._heard_at) > CUT_OFF
        if silent and len(self._pattern.options.bus.servers) > 1:
            engine.lose(ConnectionLost(SILENT))

    def _check_rights(self, engine: Engine) -> None:
        """Raise an error if the user may not receive the heartbeats of all servers."""
        refused = engine.refusal("subscription", heartbeat_subject())
        if refused is not None:
            instead = "name the servers: Fleet({'pbx1': 'nats://...'})"
            raise because(PermissionDenied(f"{refused}; {instead}"), refused)

    async def _heard(self, message: Msg) -> None:
        try:
            token = message.subject.removeprefix(f"{RELAYS}.")
            server, beat = server_name(token), Heartbeat.parse(message.data)
        except ProtocolError as error:
            log.debug("%s", error)
            return
        try:
            self._take(server, beat)
        except Exception:
            log.exception("a sign of life of the relay of %s could not be taken", server)

    def _take(self, server: str, beat: Heartbeat) -> None:
        relays = self._relays.setdefault(server, _Relays())
        if beat.role == _RELAY_GONE:
            relays.heard_at.pop(beat.relay, None)
            return
        self._heard_at = relays.heard_at[beat.relay] = time.monotonic()
        self._is_silent = False
        if not relays.is_there:
            relays.is_there = True
            assert self._fleet is not None
            if server not in self._fleet.servers:
                self._fleet.add(server, RemoteManager(self._url, server, **self._options))
            self._emit(server, ServerAppeared.by(beat.relay))
        # In a log that was made again, epochs begin low: so a leader that is gone does not count.
        leads = beat.epoch > relays.epoch or relays.leader not in relays.heard_at
        if beat.role == "leader" and leads:
            previous, relays.leader, relays.epoch = relays.leader, beat.relay, beat.epoch
            if previous and previous != beat.relay:
                self._emit(server, RelayChanged.to(beat.relay, previous, beat.epoch))

    def _forget_silent_relays(self) -> None:
        """Forget the relays whose heartbeats have stopped."""
        now = time.monotonic()
        for server, relays in self._relays.items():
            for relay, heard_at in list(relays.heard_at.items()):
                if now - heard_at > _GONE:
                    del relays.heard_at[relay]
            if relays.is_there and not relays.heard_at:
                relays.is_there = False
                self._emit(server, ServerGone.after(relays.leader))

    def _emit(self, server: str, event: Event) -> None:
        assert self._fleet is not None
        name_server(event, server)
        self._fleet.emit(event)
