"""One connection to NATS: made fresh each time, used once, and dead with one recorded reason.

All that is known of `nats-py` stands here. It keeps buffers of its own over a reconnect, so it is
never allowed to make one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import ssl as tls
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import async_timeout

from .._log import get_logger
from ..errors import (
    ConnectionLost,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    because,
)

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from typing_extensions import Self

__all__ = ["BusOptions", "Conversation", "Engine", "StoreError", "open_bus"]

log = get_logger("aioami.bus")

_PING: Final = 2.0  # seconds between signs of life that the bus is asked for
_FAREWELL: Final = 1.0  # seconds that the closing may take
_API: Final = "$JS.API"
_REFUSAL: Final = r'permissions violation for (publish|subscription) to "([^"]*)"'
_NOT_FOUND: Final = 404
_AUTHORIZATION: Final = ("authorization", "authentication", "user jwt", "nkey")


class StoreError(ManagerError):
    """JetStream refused a request, or is not there.

    Attributes:
        code: as of HTTP: 404 for a stream or a message that does not exist.
    """

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_absence(self) -> bool:
        """True if what was asked for does not exist."""
        return self.code == _NOT_FOUND


@dataclass(frozen=True)
class BusOptions:
    """The bus: where it is, and how to log in there. Its repr shows no secret.

    Attributes:
        servers: URLs of its nodes.
        timeout: seconds for one attempt to connect, and for one answer of the bus itself; `None`
            is no limit of the caller's.
        ssl: the TLS settings; `None` for those that the URLs ask for.
        credentials: a file with a user's JWT and key, as `nsc` makes them.
        nkey_seed: a file with the seed of a user's key.
        name: the name of this program, which the bus shows to those who watch it.
    """

    servers: tuple[str, ...] = field(repr=False)
    timeout: float | None = 5.0
    ssl: tls.SSLContext | None = None
    credentials: str | None = None
    nkey_seed: str | None = field(default=None, repr=False)
    name: str = "aioami"

    def __post_init__(self) -> None:
        if not self.servers:
            raise ValueError("url: expected nats://host:port")
        for each in self.servers:
            if not each.startswith(("nats://", "tls://")):
                raise ValueError("url: each node of a bus is nats://host:port or tls://host:port")

    @classmethod
    def of(cls, url: str, **options: Any) -> Self:
        """The options of a URL: `nats://user:password@host:port`, or several with commas between.

        Raises:
            ValueError: the URL cannot be read.
            TypeError: it is no text.
        """
        if not isinstance(url, str):
            raise TypeError(f"url: expected text, not {type(url).__name__}")
        servers = tuple(each.strip() for each in url.split(",") if each.strip())
        return cls(servers=servers, **options)

    @property
    def address(self) -> str:
        """The nodes as shown to people, without user and password."""
        return ",".join(each.partition("://")[2].rpartition("@")[2] for each in self.servers)


class Conversation(Protocol):
    """Gets what comes back for one request."""

    @property
    def subject(self) -> str:
        """The subject of the request."""

    def take(self, message: Msg) -> None:
        """Take a message that came for it."""

    def refuse(self, error: PermissionDenied) -> None:
        """Note that the bus did not let the request through."""

    def lose(self, reason: ConnectionLost) -> None:
        """Note that the connection is over."""


class _Call:
    """A request to JetStream itself."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

    def take(self, message: Msg) -> None:
        if not self.answer.done():
            self.answer.set_result(message)

    def refuse(self, error: PermissionDenied) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    def lose(self, reason: ConnectionLost) -> None:
        if not self.answer.done():
            self.answer.set_exception(reason)


class Engine:
    """A connection to the bus.

    Args:
        options: where the bus is.
        lost: is called once when the connection is over, with the reason; not for `close()`.

    Attributes:
        reason: why it is over; `None` while it is not.
    """

    def __init__(self, options: BusOptions, lost: Callable[[ConnectionLost], None]) -> None:
        from nats.aio.client import Client

        self._options = options
        self._report = lost
        self._client: Client = Client()
        self._numbers = itertools.count(1)
        self._conversations: dict[str, Conversation] = {}
        self._inbox = ""
        self._closing: asyncio.Task[None] | None = None
        self.reason: ConnectionLost | None = None

    async def start(self, server: str) -> None:
        """Reach one of the nodes.

        Raises:
            ConnectionLost: it was not reached in time.
            ManagerAuthError: it refused the login.
        """
        from nats.errors import Error as NatsError

        client, options = self._client, self._options
        settings: dict[str, Any] = {}
        if options.ssl is not None:
            settings["tls"] = options.ssl
        if options.credentials is not None:
            settings["user_credentials"] = options.credentials
        if options.nkey_seed is not None:
            settings["nkeys_seed"] = options.nkey_seed
        try:
            async with async_timeout.timeout(options.timeout):
                await client.connect(
                    servers=[server],
                    name=options.name,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=options.timeout or 60,  # type: ignore[arg-type]
                    ping_interval=_PING,  # type: ignore[arg-type]
                    max_outstanding_pings=2,
                    pending_size=1 << 26,
                    error_cb=self._error,
                    closed_cb=self._closed,
                    **settings,
                )
                self._inbox = client.new_inbox()
                await client.subscribe(
                    f"{self._inbox}.*",
                    cb=self._replied,
                    pending_msgs_limit=0,
                    pending_bytes_limit=0,
                )
        except (OSError, NatsError, asyncio.TimeoutError, ValueError) as error:
            await self.close()
            raise self._unreached(error) from error
        except BaseException:
            await self.close()
            raise

    def _unreached(self, error: Exception) -> ManagerError:
        why = " ".join((str(error) or type(error).__name__).split())
        told = str(self._client.last_error or "")
        if any(word in f"{why} {told}".lower() for word in _AUTHORIZATION):
            return ManagerAuthError(f"the bus at {self._options.address} refused the login")
        return ConnectionLost(f"the bus at {self._options.address} was not reached: {why}")

    @property
    def version(self) -> str:
        """The version of the node that was reached."""
        return str(self._client.connected_server_version)

    @property
    def max_payload(self) -> int:
        """The bytes that a message may have."""
        return self._client.max_payload

    # Speaking

    async def publish(
        self,
        subject: str,
        body: bytes = b"",
        *,
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a message.

        Raises:
            ConnectionLost: the connection is over; the message has not left.
            ValueError: it is longer than the bus takes.
        """
        from nats.errors import Error as NatsError
        from nats.errors import MaxPayloadError

        if self.reason is not None:
            raise ConnectionLost(f"nothing was sent: {self.reason}") from self.reason
        try:
            await self._client.publish(
                subject, body, reply=reply, headers=None if headers is None else dict(headers)
            )
        except MaxPayloadError as error:
            limit = self.max_payload
            raise ValueError(
                f"{subject}: {len(body)} bytes, and the bus takes at most {limit} in a message"
            ) from error
        except NatsError as error:
            raise ConnectionLost(f"nothing was sent: {error}") from error

    async def ask(
        self, conversation: Conversation, body: bytes, headers: Mapping[str, str] | None = None
    ) -> str:
        """Send a request, and have all that comes back given to a conversation.

        Returns:
            The token with which `forget()` ends that.

        Raises:
            ConnectionLost: the connection is over; the request has not left.
            ValueError: it is longer than the bus takes.
        """
        token = str(next(self._numbers))
        self._conversations[token] = conversation
        try:
            await self.publish(
                conversation.subject, body, reply=f"{self._inbox}.{token}", headers=headers
            )
        except BaseException:
            self.forget(token)
            raise
        return token

    def forget(self, token: str) -> None:
        """Give a conversation nothing more."""
        self._conversations.pop(token, None)

    async def api(self, name: str, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Ask JetStream something, and return its answer.

        Raises:
            StoreError: it refused, or is not there.
            PermissionDenied: the user may not ask that.
            ManagerTimeout: it did not answer in time.
            ConnectionLost: the connection is over.
        """
        call = _Call(f"{_API}.{name}")
        token = await self.ask(call, b"" if request is None else json.dumps(request).encode())
        try:
            async with async_timeout.timeout(self._options.timeout or 60):
                message = await call.answer
        except asyncio.TimeoutError as error:
            raise ManagerTimeout(f"the bus did not answer {name}") from error
        finally:
            self.forget(token)
        if is_nobody(message):
            raise StoreError("the bus has no JetStream, or it is not ready", code=503)
        found: dict[str, Any] = json.loads(message.data)
        refused = found.get("error")
        if refused is not None:
            sentence = f"the bus refused {name}: {refused.get('description', refused)}"
            raise StoreError(sentence, code=int(refused.get("code", 500)))
        return found

    def inbox(self) -> str:
        """A subject that nobody else has."""
        return self._client.new_inbox()

    async def subscribe(
        self, subject: str, receive: Callable[[Msg], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """Have each message of a subject given to a function, in order; return what ends that.

        Raises:
            ConnectionLost: the connection is over.
        """
        from nats.errors import Error as NatsError

        try:
            # Never dropped here: what comes of a log is limited by its flow control.
            subscription = await self._client.subscribe(
                subject, cb=receive, pending_msgs_limit=0, pending_bytes_limit=0
            )
        except NatsError as error:
            raise ConnectionLost(f"the bus was lost: {error}") from error

        async def end() -> None:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

        return end

    # Hearing

    async def _replied(self, message: Msg) -> None:
        conversation = self._conversations.get(message.subject.rpartition(".")[2])
        if conversation is not None:
            try:
                conversation.take(message)
            except Exception:
                log.exception("a message from the bus could not be taken")

    async def _error(self, error: Exception) -> None:
        found = re.search(_REFUSAL, str(error), re.IGNORECASE)
        if found is None:
            log.debug("the bus: %s", error)
            return
        kind, subject = found[1].lower(), found[2]
        sentence = f"the bus does not let this user {'publish' if kind == 'publish' else 'read'}"
        log.warning("%s %s", sentence, subject)
        # The client tells the subject in lower case.
        for conversation in list(self._conversations.values()):
            if conversation.subject.lower() == subject.lower():
                conversation.refuse(PermissionDenied(f"{sentence} {conversation.subject}"))

    async def _closed(self) -> None:
        error = self._client.last_error
        why = f": {error}" if error is not None else ""
        self.end(
            because(ConnectionLost(f"the bus at {self._options.address} was lost{why}"), error)
        )

    def end(self, reason: ConnectionLost) -> None:
        """Note that the connection is over; the first reason stays."""
        if self.reason is not None:
            return
        self.reason = reason
        conversations = list(self._conversations.values())
        self._conversations.clear()
        for conversation in conversations:
            conversation.lose(reason)
        self._report(reason)
        self._begin_to_close()

    def _begin_to_close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())

    async def _close(self) -> None:
        # What fails here fails behind the end of it all.
        with contextlib.suppress(Exception):
            await self._client.close()

    async def close(self) -> None:
        """Close the connection, within a second or so, whatever the bus does."""
        if self.reason is None:
            self._report = _ignore
            self.end(ConnectionLost("the connection to the bus was closed"))
        assert self._closing is not None
        _, left = await asyncio.wait([self._closing], timeout=_FAREWELL)
        for task in left:
            task.cancel()


def _ignore(reason: ConnectionLost) -> None:
    """Do nothing."""


def is_nobody(message: Msg) -> bool:
    """True if NATS itself says that nobody listens where a request went."""
    return not message.data and (message.headers or {}).get("Status") == "503"


async def open_bus(options: BusOptions, lost: Callable[[ConnectionLost], None]) -> Engine:
    """Connect to one of the nodes of a bus, whichever is there first in their order.

    Raises:
        ConnectionLost: none was reached.
        ManagerAuthError: the login was refused.
    """
    from random import sample

    reason: ManagerError = ConnectionLost("the bus has no nodes")
    for server in sample(options.servers, len(options.servers)):
        engine = Engine(options, lost)
        try:
            await engine.start(server)
        except ManagerError as error:
            reason = error
        else:
            return engine
    raise reason
