"""Connections with NATS: the adapter between the bus and the client library nats-py.

A lost connection is replaced by a new one. It is not reconnected, as nats-py would keep its old
buffers then.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import random
import re
import ssl as tls
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._check import check_characters
from .._log import get_logger
from ..errors import (
    ConnectionLost,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    because,
)
from .format import HEADER, Place

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

__all__ = [
    "BusConnection",
    "BusOptions",
    "StoreError",
    "Stored",
    "WrongLastSequence",
    "end_tasks",
    "need_client",
]

log = get_logger("aioami.bus")

PORT: Final = 4222
CUT_OFF: Final = 10.0  # seconds after which a node without relays and JetStream is left for another
SILENT: Final = "no relay is heard over this node of the bus"
_CLOSE: Final = 0.5  # seconds
_AGAIN: Final = 0.1  # seconds after which a task that has not ended is cancelled again
_DENIED: Final = re.compile(
    r"permissions violation for (publish|subscription) to \"([^\"]*)\"", re.I
)
_NOT_FOUND: Final = 404
_UNAVAILABLE: Final = 503
_WRONG_LAST_SEQUENCE: Final = 10071
_NO_MESSAGE: Final = 10037
_NO_STREAM: Final = 10059
_SEED: Final = r"(?m)^SU[A-Z2-7]{56}\s*$"
_CREDENTIALS: Final = (
    r"(?m)BEGIN NATS USER JWT.*\n\S+\s*\n[\s\S]*BEGIN USER NKEY SEED.*\n\s*SU[A-Z2-7]{56}\s*$"
)
_SIGNS: Final = (
    "in a user and a secret, signs that stand for themselves are percent-encoded: "
    "%3F for ?, %40 for @, %2C for a comma"
)
_OPTIONS: Final = ("cafile", "certfile", "keyfile", "credentials", "nkey", "timeout")


def need_client() -> None:
    """Check that nats-py is installed.

    Raises:
        ImportError: it is not installed; the message says how to install it.
    """
    try:
        import nats  # noqa: F401
    except ImportError as error:
        needed = f"{error}: the bus needs the extra: pip install 'aioami[nats]'"
        raise ImportError(needed, name=error.name, path=error.path) from error


class StoreError(ManagerError):
    """JetStream refused a request.

    Attributes:
        code: JetStream's code, as in HTTP: 404 if the stream or the message does not exist.
    """

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code

    @property
    def is_absence(self) -> bool:
        """True if the stream or the message does not exist."""
        return self.code == _NOT_FOUND

    @property
    def is_unavailable(self) -> bool:
        """True if JetStream or the stream has no leader, or JetStream is not there at all."""
        return self.code == _UNAVAILABLE


class WrongLastSequence(ManagerError):
    """A compare-and-swap was refused, as another message was stored before."""


@dataclass(frozen=True)
class BusOptions:
    """The address of the bus, the login and the settings of TLS. Its repr shows no secret.

    Attributes:
        servers: URLs of NATS servers, tried one after another.
        user, password, token: the login, if the bus asks for one of these.
        credentials: a file with a JWT and its key, as `nsc` makes them.
        nkey: a file with the seed of an nkey.
        cafile: a file with the certificates to trust, instead of the system's.
        certfile, keyfile: the client's own certificate and its key.
        is_secure: true for TLS.
        ssl: the settings of TLS, used instead of the files.
        timeout: seconds for each step and each request.
    """

    servers: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    credentials: str | None = None
    nkey: str | None = None
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    is_secure: bool = False
    ssl: tls.SSLContext | None = field(default=None, repr=False)
    timeout: float = 2.0

    @classmethod
    def from_url(cls, url: str, **options: Any) -> BusOptions:
        """Read `nats://user:password@host:4222,host2:4222?credentials=FILE`, or `tls://…`.

        Args:
            url: the bus. A text without a colon before the `@` is a token. Options follow as query
                parameters.
            options: attributes of the class, which win over the URL.

        Raises:
            ValueError: the URL cannot be read, or has an unknown option; the message never shows
                the secret.
        """
        check_characters("bus", url)
        shape = "bus: expected nats://host:port or tls://host:port, with commas between several"
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in ("nats", "tls"):
            raise ValueError(shape)
        address, _, query = rest.partition("?")
        login, _, hosts = address.rstrip("/").rpartition("@")
        found: dict[str, Any] = {}
        user, colon, password = login.partition(":")
        if colon:
            found["user"] = _unquoted(user)
            found["password"] = _unquoted(password)
        elif user:
            found["token"] = _unquoted(user)
        if "@" in login and "," in login:
            raise ValueError(f"{shape}; one user for all hosts stands before the first of them")
        servers = []
        for host in hosts.split(","):
            try:
                with_port = urllib.parse.urlsplit(f"//{host}")
                port = with_port.port or PORT
            except ValueError:
                # The host is not shown: if a secret has a `?`, a part of it was read as the host.
                raise ValueError(
                    f"{shape}; a host has no port that is a number; {_SIGNS}"
                ) from None
            if not with_port.hostname:
                raise ValueError(f"{shape}; a host is empty")
            name = with_port.hostname
            servers.append(f"nats://{f'[{name}]' if ':' in name else name}:{port}")
        found["servers"] = tuple(servers)
        found["is_secure"] = scheme == "tls"
        for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
            if name not in _OPTIONS:
                known = ", ".join(_OPTIONS)
                if "@" in query:  # these options may be a part of a secret
                    raise ValueError(f"{shape}; the only options are {known}; {_SIGNS}")
                raise ValueError(f"bus: there is no option {name!r:.40}; there are {known}")
            found[name] = value
        if "timeout" in found:
            try:
                found["timeout"] = float(found["timeout"])
            except ValueError:
                raise ValueError("bus: timeout is a number of seconds") from None
        found.update(options)
        if not 0 < found.get("timeout", 1.0) < math.inf:
            raise ValueError("bus: timeout is more than 0 seconds, and has an end")
        return cls(**found)

    @property
    def display_name(self) -> str:
        """The servers in a form for people, without secrets."""
        return ", ".join(each.partition("://")[2] for each in self.servers)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments for the client; the files are checked, and those for TLS read.

        Raises:
            ManagerAuthError: a file with a key cannot be read, or holds no key.
            OSError: a file for TLS cannot be read, or holds no certificate.
        """
        # With a file of another kind, the client would read for ever and block the event loop.
        if self.credentials is not None:
            _check_key("credentials", self.credentials, _CREDENTIALS, "a JWT and its key")
        if self.nkey is not None:
            _check_key("nkey", self.nkey, _SEED, "the seed of a user's nkey")
        arguments: dict[str, Any] = {}
        for ours, theirs in (
            ("user", "user"),
            ("password", "password"),
            ("token", "token"),
            ("credentials", "user_credentials"),
            ("nkey", "nkeys_seed"),
        ):
            if (value := getattr(self, ours)) is not None:
                arguments[theirs] = value
        if self.ssl is not None:
            arguments["tls"] = self.ssl
        elif self.is_secure or self.cafile or self.certfile:
            context = tls.create_default_context(cafile=self.cafile)
            if self.certfile is not None:
                context.load_cert_chain(self.certfile, self.keyfile)
            arguments["tls"] = context
        return arguments


def _unquoted(text: str) -> str:
    try:
        return urllib.parse.unquote(text, errors="strict")
    except UnicodeDecodeError:  # not chained: it has the secret
        pass
    raise ValueError("bus: the user and the secret are text, percent-encoded in UTF-8")


def _check_key(option: str, file: str, shape: str, what: str) -> None:
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        sentence = f"{option}: {file} cannot be read: {error.strerror}"
        raise because(ManagerAuthError(sentence), error) from error
    if not re.search(shape.encode(), data):
        raise ManagerAuthError(f"{option}: {file} does not hold {what}")


@dataclass(frozen=True)
class Stored:
    """A message that a stream has stored.

    Attributes:
        sequence: its sequence in the stream.
        token: the last token of its subject.
        place: its header `Ami`; `None` if that is missing or cannot be read.
        body: its body.
    """

    sequence: int
    token: str
    place: Place | None
    body: bytes


class BusConnection:
    """One connection with the bus, which is used until it is lost.

    Attributes:
        server: the URL of the server that it is connected with.
        lost: done when the connection is over; its result is the reason.
        denied: called when the bus refuses a permission, with the kind (`publish` or
            `subscription`) and the subject in lower case. It returns `True` if a caller gets an
            error for that.
    """

    def __init__(self, options: BusOptions, server: str) -> None:
        self.options = options
        self.server = server
        self.lost: asyncio.Future[ManagerError] = asyncio.get_running_loop().create_future()
        self.denied: Callable[[str, str], bool] | None = None
        self.refused: dict[tuple[str, str], PermissionDenied] = {}
        self._requests: dict[asyncio.Future[None], str] = {}  # done when refused, by subject
        self._client: Client | None = None

    @classmethod
    async def open(cls, options: BusOptions, name: str, left: str = "") -> BusConnection:
        """Connect with one of the servers.

        Args:
            options: the bus.
            name: the name of the connection in the bus's own reports.
            left: the server of an earlier connection, to be tried after all others.

        Raises:
            ConnectionLost: no server was reached, or none accepted the login.
            ManagerAuthError: a file with a key cannot be read, or holds no key.
            ManagerError: the extra `nats` is not installed.
        """
        try:
            from nats.aio.client import Client
        except ImportError as error:
            needed = "the bus needs the extra: pip install 'aioami[nats]'"
            raise ManagerError(needed) from error
        # The client itself would try no other server after one that accepts and says nothing.
        in_random_order = random.sample(options.servers, len(options.servers))
        *others, last = sorted(in_random_order, key=lambda server: server == left)
        for server in others:
            with contextlib.suppress(ConnectionLost):
                return await cls._open(Client(), options, server, name)
        return await cls._open(Client(), options, last, name)

    @classmethod
    async def _open(
        cls, client: Client, options: BusOptions, server: str, name: str
    ) -> BusConnection:
        connection = cls(options, server)
        connection._client = client
        seconds = options.timeout
        connecting = asyncio.ensure_future(
            client.connect(
                **options.arguments(),
                servers=[server],
                name=name,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=max(1, round(seconds)),
                error_cb=connection._failed,
                closed_cb=connection._closed,
                skip_subject_validation=True,
            )
        )
        connecting.add_done_callback(_look_at_error)
        try:
            done, _ = await asyncio.wait({connecting}, timeout=seconds)
            if not done:
                raise ConnectionLost(
                    f"the bus at {options.display_name} did not answer within {seconds:g} seconds"
                )
            connecting.result()
        except (ManagerError, asyncio.CancelledError):
            # Before the client is closed, or it would go on connecting, and never end its pings.
            try:
                await end_tasks([connecting])
            finally:
                await connection.close()
            raise
        except Exception as error:
            await connection.close()
            why = str(error) or type(error).__name__
            sentence = f"the bus at {options.display_name} could not be reached: {why}"
            raise because(ConnectionLost(sentence), error) from error
        return connection

    @property
    def client(self) -> Client:
        """The client of nats-py."""
        assert self._client is not None
        return self._client

    @property
    def version(self) -> str:
        """The version of the server."""
        found = self.client.connected_server_version
        return f"{found.major}.{found.minor}.{found.patch}"

    @property
    def max_payload(self) -> int:
        """The maximum number of bytes in a message with its headers."""
        return self.client.max_payload

    async def _failed(self, error: Exception) -> None:
        found = _DENIED.search(str(error))
        if found is None:
            log.debug("the bus reports: %s", error)
            return
        kind, subject = found[1].lower(), found[2].lower()
        sentence = f"the bus refuses {_KINDS[kind]} {subject}: the permission is missing"
        is_new = (kind, subject) not in self.refused
        self.refused[kind, subject] = PermissionDenied(sentence)
        is_reported = self.denied is not None and self.denied(kind, subject)
        for waiting, asked in self._requests.items():
            if (kind, subject) == ("publish", asked) and not waiting.done():
                waiting.set_result(None)
                is_reported = True
        if is_new:
            log.log(logging.DEBUG if is_reported else logging.ERROR, "%s", sentence)

    async def _closed(self) -> None:
        error = self.client.last_error
        why = f": {error}" if error is not None else ""
        self.lose(because(ConnectionLost(f"the connection with the bus was lost{why}"), error))

    def lose(self, reason: ManagerError) -> None:
        """Mark the connection as over; only the first reason counts."""
        if not self.lost.done():
            self.lost.set_result(reason)

    def check(self) -> None:
        """Raise the reason for the loss, if the connection is over."""
        if self.lost.done():
            raise self.lost.result()

    def permission_error(self, kind: str, subject: str) -> PermissionDenied | None:
        """Return the bus's refusal of a permission to `publish` or for a `subscription`, if any."""
        return self.refused.get((kind, subject.lower()))

    async def close(self) -> None:
        """Close the connection, within half a second even if the bus is silent."""
        self.lose(ConnectionLost("the connection with the bus was closed"))
        client, self._client = self._client, self._client
        if client is None or client.is_closed:
            return
        # As a separate task, because the client's `close` swallows a cancellation.
        closing = asyncio.ensure_future(client.close())
        closing.add_done_callback(_look_at_error)
        done, _ = await asyncio.wait({closing}, timeout=_CLOSE)
        if done:
            with contextlib.suppress(Exception):
                closing.result()
        else:
            closing.cancel()

    async def subscribe(
        self, subject: str, callback: Callable[[Msg], Awaitable[None]], queue: str = ""
    ) -> Subscription:
        """Call a coroutine function with each message of a subject.

        Returns:
            The subscription, for `unsubscribe`.

        Raises:
            ConnectionLost: the connection is over.
        """
        self.check()
        try:
            return await self.client.subscribe(subject, queue=queue, cb=callback)
        except Exception as error:
            raise self._over(error) from error

    async def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription, unless the connection is over."""
        if not self.lost.done():
            with contextlib.suppress(Exception):  # the connection is lost at this moment
                await subscription.unsubscribe()

    async def publish(
        self, subject: str, body: bytes, headers: dict[str, str] | None = None, reply: str = ""
    ) -> None:
        """Send a message by core NATS, which does not confirm it.

        Raises:
            ConnectionLost: the connection is over.
        """
        try:
            await self.client.publish(subject, body, reply=reply, headers=headers)
        except Exception as error:
            raise self._over(error) from error

    async def request(
        self, subject: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Msg:
        """Send a request, and return the answer.

        Raises:
            ConnectionLost: the connection is over, or nobody listens to the subject.
            ManagerTimeout: there was no answer in time.
            PermissionDenied: the bus refuses to pass the request on.
        """
        from nats import errors

        self.check()
        # The bus reports a refusal separately; the request itself would only time out.
        refusal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests[refusal] = subject.lower()
        asking = asyncio.ensure_future(
            self.client.request(subject, body, timeout=self.options.timeout, headers=headers)
        )
        asking.add_done_callback(_look_at_error)
        try:
            either: set[asyncio.Future[Any]] = {asking, refusal, self.lost}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                self.check()
            if refusal.done() and not asking.done():
                raise PermissionDenied(str(self.refused["publish", subject.lower()]))
            return asking.result()
        except ManagerError:
            raise
        except errors.NoRespondersError as error:
            sentence = f"nobody listens on the bus to {subject}"
            raise because(ConnectionLost(sentence), error) from error
        except (errors.TimeoutError, asyncio.TimeoutError) as error:
            self.check()
            sentence = f"the bus did not answer {subject} within {self.options.timeout:g} seconds"
            raise ManagerTimeout(sentence) from error
        except Exception as error:
            raise self._over(error) from error
        finally:
            asking.cancel()
            del self._requests[refusal]

    def _over(self, error: Exception) -> ManagerError:
        if isinstance(error, ManagerError):
            return error
        if self.lost.done():
            return self.lost.result()
        why = str(error) or type(error).__name__
        return because(ConnectionLost(f"the bus cannot be used: {why}"), error)

    # JetStream

    async def api(self, subject: str, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request to JetStream, and return its answer, which has `error` if it refuses.

        Raises:
            ConnectionLost, ManagerTimeout, PermissionDenied: as for `request`.
        """
        body = b"" if request is None else json.dumps(request).encode()
        answer = await self.request(f"$JS.API.{subject}", body)
        found: dict[str, Any] = json.loads(answer.data)
        return found

    async def stream_info(self, stream: str) -> dict[str, Any] | None:
        """Return the configuration and the state of a stream; `None` if it does not exist.

        Raises:
            StoreError: JetStream refuses, or the stream has no leader now.
            ConnectionLost, ManagerTimeout, PermissionDenied: as for `request`.
        """
        found = await self.api(f"STREAM.INFO.{stream}")
        if (error := found.get("error")) is not None:
            if error.get("err_code") == _NO_STREAM:
                return None
            raise refused_by_jetstream(error)
        # A node of a cluster that is cut off from the others goes on describing the stream (2.15).
        if "leader" not in found.get("cluster", {"leader": ""}):
            raise StoreError(f"the stream {stream} has no leader", code=_UNAVAILABLE)
        return found

    async def message(self, stream: str, **which: Any) -> Stored | None:
        """Return a message of a stream, by `seq` or `last_by_subj`; `None` if it does not exist.

        Raises:
            StoreError: JetStream refuses.
            ConnectionLost, ManagerTimeout, PermissionDenied: as for `request`.
        """
        # nats-server 2.9 crashes if it is asked for a message of a stream that it is just making.
        # A stream without messages is therefore never asked.
        info = await self.stream_info(stream)
        if info is None or not info["state"]["messages"]:
            return None
        found = await self.api(f"STREAM.MSG.GET.{stream}", which)
        if (error := found.get("error")) is not None:
            if error.get("err_code") in (_NO_MESSAGE, _NO_STREAM):
                return None
            raise refused_by_jetstream(error)
        return _stored(found["message"])

    async def store(self, subject: str, body: bytes, headers: dict[str, str]) -> int:
        """Publish a message into a stream, and return its sequence there.

        Raises:
            WrongLastSequence: another message was stored first, so the compare-and-swap failed.
            ManagerError: JetStream refuses, or an error of `request`.
        """
        answer: dict[str, Any] = json.loads((await self.request(subject, body, headers)).data)
        if (error := answer.get("error")) is not None:
            if error.get("err_code") == _WRONG_LAST_SEQUENCE:
                raise WrongLastSequence("another message was stored before")
            raise refused_by_jetstream(error)
        return int(answer["seq"])


_KINDS: Final = {"publish": "to publish to", "subscription": "to subscribe to"}


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when all of them have ended.

    A task is cancelled again until it ends. The client of NATS uses `asyncio.wait_for`, which may
    swallow a cancellation in Python 3.11 and older.
    """
    left = {each for each in tasks if not each.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)


def _look_at_error(task: asyncio.Future[Any]) -> None:
    """Look at the error of a task that nobody may await any more, or asyncio logs it."""
    if not task.cancelled():
        task.exception()


def refused_by_jetstream(error: Mapping[str, Any]) -> StoreError:
    """Return the exception for the `error` of an answer of JetStream."""
    what = error.get("description", "unknown")
    sentence = f"JetStream refuses: {what} ({error.get('err_code', 0)})"
    return StoreError(sentence, code=int(error.get("code", 500)))


def _stored(message: Mapping[str, Any]) -> Stored:
    import base64

    headers = base64.b64decode(message.get("hdrs", "")).decode("utf-8", "replace")
    place = None
    for line in headers.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == HEADER.lower():
            with contextlib.suppress(ManagerError):
                place = Place.parse(value)
    token = message["subject"].rpartition(".")[2]
    body = base64.b64decode(message.get("data", ""))
    return Stored(int(message["seq"]), token, place, body)
