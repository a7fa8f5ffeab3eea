"""A TCP proxy between any client and any server, with the faults of bad networks."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from types import TracebackType
from typing import TYPE_CHECKING, Final

from .._check import check_characters, check_text, check_type
from .._listening import close_server
from .ports import Port

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Direction", "FaultProxy"]

_CHUNK: Final = 1 << 16  # bytes that are read at once
_WAITING: Final = 64  # chunks that may wait in a direction before the sender must wait


class Direction:
    """Faults for the bytes that go one way.

    Changes take effect at once, also for open connections.

    Attributes:
        delay: seconds that each byte is delayed.
        split: bytes of each write, to break up messages; `None` leaves writes as they are.
        bytes_per_second: limit of the rate; `None` for no limit.
        corrupt: probability that a byte is changed, from 0.0 to 1.0.
        passed: number of bytes that have passed, of all connections.
    """

    def __init__(self, seed: int) -> None:
        self.delay = 0.0
        self.split: int | None = None
        self.bytes_per_second: float | None = None
        self.corrupt = 0.0
        self.passed = 0
        self._random = random.Random(seed)
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut_at: int | None = None

    def stall(self) -> None:
        """Hold back all bytes from now on; connections stay open, and senders block in the end."""
        self._flowing.clear()

    def resume(self) -> None:
        """End `stall`, and pass on the bytes that it holds back."""
        self._flowing.set()

    def cut_after(self, count: int) -> None:
        """Cut a connection after so many more bytes, in the midst of a message if need be.

        The connection that carries the last of these bytes is cut, once.

        Args:
            count: number of bytes, of all connections.

        Raises:
            ValueError: `count` is less than 0.
        """
        if count < 0:
            raise ValueError(f"count: bytes, 0 or more, not {count}")
        self._cut_at = self.passed + count

    def _corrupted(self, byte: int) -> int:
        flips = self._random.random() < self.corrupt
        return byte ^ (1 << self._random.randrange(8)) if flips else byte

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> bool:
        """Pass on data, and return true if the connection goes on."""
        if self.corrupt:
            data = bytes(map(self._corrupted, data))
        position = 0
        while position < len(data):
            await self._flowing.wait()
            size = len(data) - position
            if self.split is not None:
                size = min(size, max(1, self.split))
            if self.bytes_per_second is not None:
                size = min(size, max(1, int(self.bytes_per_second / 100)))
            if self._cut_at is not None:
                size = min(size, self._cut_at - self.passed)
            self.passed += size  # before the write, so that no other connection passes `_cut_at`
            reached = self._cut_at is not None and self.passed >= self._cut_at
            if reached:
                self._cut_at = None
            writer.write(data[position : position + size])
            await writer.drain()
            position += size
            if reached:
                return False
            if self.bytes_per_second is not None:
                await asyncio.sleep(size / self.bytes_per_second)
            elif self.split is not None:
                await asyncio.sleep(0)  # so that each piece is a separate packet
        return True


class FaultProxy:
    """A TCP proxy on a free port of 127.0.0.1, for as long as an `async with` lasts.

    It does not parse AMI or TLS. Without a fault bytes pass as they are.

    Example::

        async with FaultProxy("127.0.0.1", 5038) as proxy:
            async with Manager(port=proxy.port, username="admin", secret="s3cret") as mgr:
                proxy.to_client.delay = 0.2
                proxy.to_client.cut_after(1000)

    Args:
        host: the server's address.
        port: the server's port.
        seed: seed of the random bytes of `corrupt`.

    Attributes:
        host: the address that it listens on.
        port: the port that it listens on; 0 before the first start.
        to_client: faults for the bytes to the client.
        to_server: faults for the bytes to the server.
        refuse: if true, new connections are closed at once.
    """

    def __init__(self, host: str, port: int, *, seed: int = 0) -> None:
        check_text("host", host)
        check_characters("host", host)
        check_type("port", port, (int,), "a whole number")
        check_type("seed", seed, (int,), "a whole number")
        self.server_host, self.server_port = host, port
        self.host, self.port = "127.0.0.1", 0
        self.to_client, self.to_server = Direction(seed), Direction(seed + 1)
        self.refuse = False
        self._port: Port | None = None
        self._server: asyncio.Server | None = None
        self._listening = False
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """The number of connections that it passes on."""
        return len(self._connections)

    async def start(self) -> None:
        """Listen; after `stop` on the same port, which no other program can take meanwhile.

        Raises:
            RuntimeError: the proxy listens already.
            OSError: the system has no free port.
        """
        if self._server is not None:
            raise RuntimeError(f"{self!r} listens already")
        if self._port is None:
            self._port = Port(self.host)
        self._listening = True
        self._server = await asyncio.start_server(
            self._connected, self.host, self._port.number, **self._port.options
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut all connections, and stop listening: new ones are refused until `start`."""
        self._listening = False
        if self._server is not None:
            await close_server(self._server)
            self._server = None
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        return f"<FaultProxy {self.host}:{self.port} to {self.server_host}:{self.server_port}>"

    def cut(self, *, reset: bool = False) -> None:
        """End all connections, at both ends.

        Args:
            reset: if true, with a TCP reset, as a machine that has restarted.
        """
        for connection in list(self._connections):
            connection.cut(reset=reset)

    def stall(self) -> None:
        """Hold back all bytes in both directions, like a dead network; connections stay open."""
        self.to_client.stall()
        self.to_server.stall()

    def resume(self) -> None:
        """End `stall`, and pass on the bytes that it holds back."""
        self.to_client.resume()
        self.to_server.resume()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        # A connection that was on its way when the proxy stopped may still arrive.
        if self.refuse or not self._listening:
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(
                self.server_host,
                self.server_port,
            )
        except (OSError, asyncio.CancelledError):
            # A CancelledError raised here would be logged by the stream's own callback as an error.
            writer.close()
            return
        connection = _Connection(writer, far_writer)
        self._connections.add(connection)
        pumps = connection.pumps = asyncio.gather(
            self._pump(reader, far_writer, self.to_server, connection),
            self._pump(far_reader, writer, self.to_client, connection),
        )
        with contextlib.suppress(asyncio.CancelledError):
            await pumps
        self._connections.discard(connection)
        connection.cut(reset=False)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: Direction,
        connection: _Connection,
    ) -> None:
        """Pass on bytes one way until their end."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_WAITING)

        async def read() -> None:
            data = b" "
            while data:
                try:
                    data = await reader.read(_CHUNK)
                except ConnectionError:
                    await direction._flowing.wait()  # a dead network passes on no reset either
                    connection.cut(reset=True)
                    return
                await waiting.put((loop.time(), data))

        reading = asyncio.ensure_future(read())
        try:
            while True:
                came, data = await waiting.get()
                left = came + direction.delay - loop.time()
                if left > 0:
                    await asyncio.sleep(left)
                if not data:
                    await direction._flowing.wait()
                    with contextlib.suppress(OSError):
                        writer.write_eof()
                    return
                if not await direction._pass(data, writer):
                    connection.cut(reset=False)
                    return
        except (ConnectionError, RuntimeError):
            await direction._flowing.wait()
            connection.cut(reset=False)  # the other end is gone
        finally:
            reading.cancel()


class _Connection:
    """The two sockets of one client."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self._writers = writers
        self.pumps: asyncio.Future[tuple[None, None]] | None = None

    def cut(self, *, reset: bool) -> None:
        if self.pumps is not None and not self.pumps.done():
            self.pumps.cancel()
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            if reset and sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if reset:
                writer.transport.abort()
            else:
                writer.close()
