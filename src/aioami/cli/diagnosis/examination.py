"""The doctor's checks, in order: each uses the probe, and makes findings of the results."""

from __future__ import annotations

import asyncio
import socket
import ssl as tls
from collections.abc import AsyncIterator, Iterable
from typing import Final

from aioami import ConnectionLost, Manager, ManagerError, ManagerTimeout, PermissionDenied
from aioami.url import PORT, TLS_PORT, read_url
from aioami.wire import product_of

from . import texts
from .findings import Finding, Level, wrong
from .inference import Rights
from .probe import NetworkProbe, SessionProbe
from .target import Target, target_of

__all__ = ["LOGIN_EVENT_TIMEOUT", "TEST_EVENT_TIMEOUT", "examine"]

LOGIN_EVENT_TIMEOUT: Final = 1.0  # seconds
TEST_EVENT_TIMEOUT: Final = 2.0
_LOGIN_EVENT: Final = "SuccessfulAuth"


async def examine(
    url: str,
    *,
    seconds: float = 2.0,
    events: Iterable[str] = (),
    actions: Iterable[str] = (),
    probe: bool = False,
) -> AsyncIterator[Finding]:
    """Check all that lies between this program and the events of a server.

    It ends with the first fault that makes further checks impossible.

    Args:
        url: the server, as `Manager.from_url` takes it.
        seconds: the time to listen for events.
        events: names of events that should come.
        actions: names of actions that should be allowed.
        probe: makes an event and checks that it comes. All who may read the class `user` get it.
    """
    try:
        parts = read_url(url)
        manager = Manager(**{**parts.arguments(), "reconnect": False, "keepalive": None})
        target = target_of(parts)
    except (ValueError, OSError) as error:
        yield wrong("url", str(error))
        return
    network = _Network(target)
    async for finding in network.examine():
        yield finding
        if finding.level is Level.WRONG:
            return
    if target.username is None:
        yield texts.unknown_user()
        return
    with manager.events(maxsize=None) as stream:
        try:
            try:
                await manager.connect()
            except (ManagerError, OSError) as error:
                yield texts.failed_login(target, network.local, error)
                return
            yield texts.logged_in(target, network.local)
            session = _Session(target, SessionProbe(manager, stream))
            async for finding in session.examine(seconds, events, actions, probe):
                yield finding
        except ManagerError as error:
            yield texts.lost_link(error)
        finally:
            await manager.close()


class _Network:
    """Checks of the name, the port, TLS and the greeting.

    Attributes:
        local: the address from which the server sees this machine.
    """

    def __init__(self, target: Target) -> None:
        self.local = ""
        self._target = target
        self._probe = NetworkProbe(target)

    async def examine(self) -> AsyncIterator[Finding]:
        try:
            addresses = await self._probe.resolve()
        except (OSError, UnicodeError, asyncio.TimeoutError) as error:
            yield texts.name_without_address(self._target.host, error)
            return
        yield texts.name(self._target.host, addresses)
        problems: dict[str, Exception] = {}
        for address, (family, place) in addresses.items():
            try:
                link = await self._probe.connect(family, place)
            except (OSError, asyncio.TimeoutError) as error:
                problems[address] = error
                continue
            self.local = str(link.getsockname()[0])
            for other, problem in problems.items():
                yield texts.dead_address(self._target, other, problem)
            yield texts.reached(self._target, address)
            async for finding in self._link(address, link):
                yield finding
            return
        address = next(iter(problems))
        others = [port for port in (PORT, TLS_PORT) if port != self._target.port]
        listening = [port for port in others if await self._probe.listens(address, port)]
        yield texts.unreachable(self._target, problems, listening)

    async def _link(self, address: str, link: socket.socket) -> AsyncIterator[Finding]:
        """Check TLS, if the URL asks for it, and the greeting."""
        try:
            reader, writer = await self._probe.open(link)
        except tls.SSLCertVerificationError as error:
            yield texts.untrusted_certificate(self._target, error)
            return
        except (OSError, asyncio.TimeoutError) as error:
            greeting = await self._probe.greeting_without_tls(address)
            if product_of(greeting.line) is not None:
                yield texts.plain_server(self._target)
            else:
                yield texts.failed_handshake(error, greeting)
            return
        try:
            if self._target.context is not None:
                yield texts.tls_version(writer.get_extra_info("ssl_object").version())
            yield await self._greeting(address, reader, writer)
        finally:
            await self._probe.close(writer)

    async def _greeting(
        self, address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Finding:
        greeting = await self._probe.greeting(reader)
        # A server that wants TLS waits for the client to speak first.
        may_want_tls = greeting.timed_out and self._target.context is None
        if may_want_tls and await self._probe.greets_with_tls(address):
            return texts.tls_server(self._target)
        if greeting.timed_out:
            greeting = await self._probe.answer(reader, writer) or greeting
        return texts.greeting(self._target, greeting)


class _Session:
    """Checks of a link that is logged in."""

    def __init__(self, target: Target, probe: SessionProbe) -> None:
        self._target = target
        self._probe = probe

    async def examine(
        self, seconds: float, events: Iterable[str], actions: Iterable[str], probe: bool
    ) -> AsyncIterator[Finding]:
        target = self._target
        for finding in texts.round_trip(await self._probe.round_trip()):
            yield finding
        rights = await self._probe.rights(target.user)
        await self._probe.listen(0)
        yield await self._mask()
        for finding in texts.rights(target, rights, self._probe.events):
            yield finding
        for finding in await self._filters(rights):
            yield finding
        for name in actions:
            yield texts.action(target, rights, name)
        for name in events:
            yield texts.event(target, rights, name, self._probe.version)
        if probe and not target.mask.is_none:
            yield await self._test_event()
        if seconds and not target.mask.is_none:
            before = len(self._probe.events)
            await self._probe.listen(seconds)
            yield texts.received(self._probe.events[before:], seconds)
        yield await self._boot(rights)

    async def _mask(self) -> Finding:
        mask = self._target.mask
        if mask.is_none:
            return texts.empty_mask(mask)
        reply = await self._probe.set_mask(True if mask.is_all else mask.text)
        return texts.mask(self._target, reply)

    async def _filters(self, rights: Rights) -> list[Finding]:
        """Check for filters that hold back events that the user may read."""
        found = list(texts.filters(self._target, rights))
        if found or self._target.mask.is_none or self._target.has_filters:
            return found
        if rights.may_read("security") and self._target.mask.includes("security"):
            # Each login makes an event of this class.
            came = self._probe.has_seen(_LOGIN_EVENT)
            came = came or await self._probe.listen(LOGIN_EVENT_TIMEOUT, until=_LOGIN_EVENT)
            return [texts.login_event(self._target, _LOGIN_EVENT, came)]
        return [texts.no_filters()] if rights.has_config else []

    async def _test_event(self) -> Finding:
        reply = await self._probe.make_event()
        if not reply.success:
            return texts.refused_test_event(self._target, reply)
        came = await self._probe.listen(TEST_EVENT_TIMEOUT, until="UserEvent")
        return texts.made_event(self._target, came)

    async def _boot(self, rights: Rights) -> Finding:
        if self._probe.has_seen("FullyBooted"):
            return texts.booted()
        if rights.may_write("command"):
            try:
                await self._probe.wait_booted(self._target.timeout)
            except ManagerTimeout:
                return texts.booting()
            except (PermissionDenied, ConnectionLost) as error:
                return texts.unknown_boot(error)
            return texts.booted()
        # Asterisk sends FullyBooted right after the login, if it is booted.
        hears = rights.may_read("system") and self._target.mask.includes("system")
        if hears and not self._target.has_filters:
            return texts.booting()
        return texts.unreadable_boot(self._target)
