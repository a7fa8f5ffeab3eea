"""A server that costs next to nothing: what it sends is made beforehand, and it reads no more than it must.

    python -m benchmarks.server CORPUS EVENTS [ITEMS]

prints its port. The user `events` is sent the corpus 0.3 seconds after the login, and all are sent it when one sends a `UserEvent`.
The users `paced` and `paced10` are sent it too, 1,800 and 18,000 events a second, as one busy Asterisk does, and as ten do.
A `QueueStatus` is answered with a list of ITEMS, or with what the corpus has, everything else with one reply. What it could send at the most is what the client
`floor` receives, which does nothing with it.
"""

from __future__ import annotations

import heapq
import itertools
import re
import selectors
import socket
import sys
import time
from collections import deque

from .corpora import LAST, corpus, lists

PAUSE = 0.3  # seconds between the login and the corpus
TICK = 0.02  # seconds between the pieces of what is paced
PER_TICK = 36  # events
PIECE = 1 << 18  # bytes sent at once
ACTION = re.compile(rb"^Action: *(\S+)", re.IGNORECASE | re.MULTILINE)
ACTION_ID = re.compile(rb"^ActionID: *([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
USER = re.compile(rb"^Username: *(\S+)", re.IGNORECASE | re.MULTILINE)
LIST_END = b"Event: %bComplete\r\nActionID: %b\r\nEventList: Complete\r\nListItems: %d\r\n\r\n"
LISTS = ("BridgeList", "CoreShowChannels", "QueueStatus")


class Client:
    """One connection.

    Attributes:
        waiting: what is still to be sent.
        begun: how much of the first of that is sent.
    """

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.link = link
        self.received = b""
        self.waiting: deque[bytes] = deque([b"Asterisk Call Manager/11.0.0\r\n"])
        self.begun = 0

    def send(self) -> bool:
        """Send what the peer takes now; whether there is more."""
        while self.waiting:
            first = self.waiting[0]
            try:
                self.begun += self.link.send(memoryview(first)[self.begun : self.begun + PIECE])
            except BlockingIOError:
                return True
            if self.begun == len(first):
                self.waiting.popleft()
                self.begun = 0
        return False


class Server:
    """All connections, in one thread."""

    def __init__(
        self,
        listener: socket.socket,
        stream: list[bytes],
        paced: dict[bytes, list[bytes]],
        lists: dict[str, list[bytes]],
    ) -> None:
        self.stream = stream
        self.paced = paced
        self.lists = {
            name.lower().encode(): (name.encode(), b"".join(items), len(items))
            for name, items in {**{key: [] for key in LISTS}, **lists}.items()
        }
        self.clients: dict[Client, None] = {}
        self.numbers = itertools.count()
        self.due: list[tuple[float, int, Client, list[bytes]]] = []
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve until killed."""
        while True:
            wait = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in self.selector.select(wait):
                if key.data is None:
                    client = Client(key.fileobj.accept()[0])  # type: ignore[union-attr]
                    self.clients[client] = None
                    self.selector.register(client.link, selectors.EVENT_READ, client)
                    self.write(client)
                else:
                    self.attend(key.data)
            while self.due and self.due[0][0] <= time.monotonic():
                _, _, client, data = heapq.heappop(self.due)
                client.waiting.extend(data)
                self.write(client)

    def attend(self, client: Client) -> None:
        """Something came, or there is room for more."""
        try:
            data = client.link.recv(1 << 16)
            if not data:
                raise ConnectionResetError
        except BlockingIOError:
            data = b""
        except OSError:
            self.selector.unregister(client.link)
            del self.clients[client]
            client.link.close()
            return
        *requests, client.received = (client.received + data).split(b"\r\n\r\n")
        replies = b"".join([self.reply(client, request) for request in requests if request.strip()])
        if replies:
            client.waiting.append(replies)
        self.write(client)

    def write(self, client: Client) -> None:
        """Send, and remember whether there is more."""
        try:
            more = client.send()
        except OSError:
            return  # the next read tells
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if more else 0)
        if client.link.fileno() >= 0 and self.selector.get_key(client.link).events != wanted:
            self.selector.modify(client.link, wanted, client)

    def reply(self, client: Client, request: bytes) -> bytes:
        """What a request is answered with."""
        action, found = ACTION.search(request), ACTION_ID.search(request)
        name, action_id = action[1].lower() if action else b"", found[1] if found else b""
        head = b"Response: Success\r\n" + (b"ActionID: %b\r\n" % action_id if action_id else b"")
        if name == b"ping":
            return head + b"Ping: Pong\r\nTimestamp: 1795413782.000000\r\n\r\n"
        if name == b"challenge":
            return head + b"Challenge: 123456789\r\n\r\n"
        if name == b"login":
            user = USER.search(request)
            if user and user[1] == b"events":
                self.play(client, PAUSE, self.stream)
            for number, piece in enumerate(self.paced.get(user[1], ()) if user else ()):
                self.play(client, PAUSE + number * TICK, [piece])
            return head + b"Message: Authentication accepted\r\n\r\n"
        if name == b"userevent":
            for each in self.clients:
                self.play(each, 0.0, self.stream)
        if name in self.lists:
            action_name, listed, count = self.lists[name]
            start = head + b"EventList: start\r\nMessage: A list will follow\r\n\r\n"
            return start + listed.replace(b"%s", action_id) + LIST_END % (action_name, action_id, count)
        return head + b"Message: Done\r\n\r\n"

    def play(self, client: Client, wait: float, data: list[bytes]) -> None:
        """Send this after so many seconds."""
        heapq.heappush(self.due, (time.monotonic() + wait, next(self.numbers), client, data))


def pieces(events: list[bytes]) -> list[bytes]:
    """The stream in pieces that end where an event ends, so that replies can be sent between them."""
    found, piece, size = [], [], 0
    for event in [*events, LAST]:
        piece.append(event)
        size += len(event)
        if size >= PIECE:
            found.append(b"".join(piece))
            piece, size = [], 0
    return [*found, b"".join(piece)]


def ticks(events: list[bytes], number: int) -> list[bytes]:
    """The stream in pieces of so many events."""
    whole = [*events, LAST]
    return [b"".join(whole[start : start + number]) for start in range(0, len(whole), number)]


def main() -> None:
    """Serve until killed."""
    events = corpus(sys.argv[1], int(sys.argv[2]))
    stream = pieces(events)
    paced = {b"paced": ticks(events, PER_TICK), b"paced10": ticks(events, 10 * PER_TICK)}
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    listed = lists(sys.argv[1], count)
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(listener.getsockname()[1], flush=True)
        Server(listener, stream, paced, listed).serve()


if __name__ == "__main__":
    main()
