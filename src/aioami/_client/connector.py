"""Reaching a server: names, addresses, TLS, and the greeting."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl as tls
from collections.abc import Callable
from typing import Any, Final

import async_timeout

from ..errors import ConnectionLost, because
from .options import Options

__all__ = ["ParsingReader", "greeting", "reach", "read_less"]

_SHARE: Final = 1 << 16  # bytes

# OpenSSL's words for an answer that is no TLS.
_PLAIN_ANSWERS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"}
)


class ParsingReader(asyncio.StreamReader):
    """A reader that passes bytes on as they arrive, instead of keeping them for a `read()`.

    Asterisk cuts off a client that does not read for 100 ms, so a slow consumer must not delay the
    reading.

    Args:
        received: takes the bytes.
        ended: is called when no more bytes will come, with the error that ended the connection, or
            `None`.
    """

    def __init__(
        self,
        received: Callable[[bytes], None],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._received = received
        self._ended = ended

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        try:
            self._received(data)
        except BaseException as error:
            # An error of the library, or Ctrl-C: the bytes are lost, and so is the link.
            self._ended(error)
            if not isinstance(error, Exception):
                raise

    def feed_eof(self) -> None:
        super().feed_eof()
        self._ended(None)

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._ended(exc)


class _Protocol(asyncio.StreamReaderProtocol):
    """Reports a loss only to the reader, so that no future keeps an unretrieved exception."""

    def __init__(self, reader: ParsingReader) -> None:
        super().__init__(reader, loop=asyncio.get_running_loop())
        self._failed = reader.set_exception

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._failed(exc)
        super().connection_lost(None)


async def reach(options: Options, reader: ParsingReader) -> asyncio.StreamWriter:
    """Connect to the first address of the host that answers, with TLS if the options ask for it.

    Raises:
        ConnectionLost: no address answered; the timeout holds for each address.
    """
    loop = asyncio.get_running_loop()
    failure: ConnectionLost | None = None
    for family, address in await _resolve(options.host, options.port, options.timeout):
        protocol = _Protocol(reader)
        try:
            async with async_timeout.timeout(options.timeout):
                transport, _ = await loop.create_connection(
                    lambda protocol=protocol: protocol,
                    address,
                    options.port,
                    family=family,
                    ssl=options.ssl,
                    server_hostname=_certified_name(options),
                )
        except asyncio.TimeoutError as error:
            sentence = f"{options.address} did not answer within {options.timeout:g} seconds"
            failure = because(ConnectionLost(sentence), error)
        except tls.SSLError as error:
            plain = error.reason in _PLAIN_ANSWERS
            why = f"what answers there does not speak TLS ({error.reason})" if plain else str(error)
            sentence = f"{options.address} could not be reached securely: {why}"
            failure = because(ConnectionLost(sentence), error)
        except OSError as error:
            sentence = f"{options.address} could not be reached: {error}"
            failure = because(ConnectionLost(sentence), error)
        else:
            return asyncio.StreamWriter(transport, protocol, reader, loop)
    raise failure or ConnectionLost(f"the name {options.host} stands for no address")


def read_less(transport: asyncio.BaseTransport) -> None:
    """Limit the bytes of one read, so that other connections of the loop have their turn."""
    # By default asyncio reads 256 KiB at once, which is quickest for a single server. In a fleet,
    # two servers that flood would delay all others for milliseconds, and the data of ten would
    # exceed the processor's cache.
    if hasattr(transport, "max_size"):
        transport.max_size = _SHARE


async def greeting(greeted: asyncio.Future[None], timeout: float | None) -> None:
    """Wait for the server's first line.

    Raises:
        ConnectionLost: the line did not come in time, or the link ended first.
        ProtocolError: the line is no greeting of AMI.
    """
    try:
        async with async_timeout.timeout(timeout):
            await asyncio.shield(greeted)
    except asyncio.TimeoutError as error:
        sentence = f"the server did not greet within {timeout:g} seconds: it hangs, or it waits for"
        raise ConnectionLost(f"{sentence} the client, as those of TLS and HTTP do") from error


async def _resolve(host: str, port: int, timeout: float | None) -> list[tuple[int, str]]:
    """Return the addresses of a host name, each with its family."""
    # A numeric address needs no look-up, and so no thread.
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(family, host)
            return [(family, host)]
    loop = asyncio.get_running_loop()
    try:
        async with async_timeout.timeout(timeout):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except asyncio.TimeoutError as error:
        sentence = f"the name {host} was not resolved within {timeout:g} seconds"
        raise ConnectionLost(sentence) from error
    except (OSError, UnicodeError) as error:
        raise ConnectionLost(f"the name {host} could not be resolved: {error}") from error
    return list(dict.fromkeys((family, _numeric(address)) for family, _, _, _, address in found))


def _numeric(address: tuple[Any, ...]) -> str:
    """An address as text; a link-local one with its interface."""
    scope = address[3] if len(address) == 4 else 0
    return f"{address[0]}%{scope}" if scope else str(address[0])


def _certified_name(options: Options) -> str | None:
    """The name that the server's certificate must have."""
    return None if options.ssl is None else options.server_hostname or options.host
