"""A server that costs next to nothing: what it sends is made beforehand, and it reads no more than it must.

    python -m benchmarks.server CORPUS EVENTS [ITEMS]

prints its port. The user `events` is sent the corpus 0.3 seconds after the login, all others when they send a `UserEvent`. A
`QueueStatus` is answered with a list of ITEMS, everything else with one reply.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time

from .corpora import LAST, corpus, items

PIECE = 1 << 18  # bytes sent at once
ACTION = re.compile(rb"^Action: *(\S+)", re.IGNORECASE | re.MULTILINE)
ACTION_ID = re.compile(rb"^ActionID: *([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
USER = re.compile(rb"^Username: *(\S+)", re.IGNORECASE | re.MULTILINE)


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


class Client(threading.Thread):
    """One connection."""

    def __init__(self, connection: socket.socket, stream: list[bytes], listed: list[bytes]) -> None:
        super().__init__(daemon=True)
        self.connection = connection
        self.stream = stream
        self.listed = listed
        self.lock = threading.Lock()

    def run(self) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.connection.sendall(b"Asterisk Call Manager/11.0.0\r\n")
            self.serve()
        except OSError:
            pass
        finally:
            self.connection.close()

    def serve(self) -> None:
        buffer = b""
        while data := self.connection.recv(1 << 16):
            *requests, buffer = (buffer + data).split(b"\r\n\r\n")
            replies = b"".join([self.reply(request) for request in requests if request.strip()])
            with self.lock:
                self.connection.sendall(replies)

    def reply(self, request: bytes) -> bytes:
        action = ACTION.search(request)
        found = ACTION_ID.search(request)
        name = action[1].lower() if action else b""
        action_id = found[1] if found else b""
        head = b"Response: Success\r\n" + (b"ActionID: %b\r\n" % action_id if action_id else b"")
        if name == b"ping":
            return head + b"Ping: Pong\r\nTimestamp: 1795413782.000000\r\n\r\n"
        if name == b"challenge":
            return head + b"Challenge: 123456789\r\n\r\n"
        if name == b"login":
            user = USER.search(request)
            if user and user[1] == b"events":
                threading.Thread(target=self.play, daemon=True).start()
            return head + b"Message: Authentication accepted\r\n\r\n"
        if name == b"userevent":
            threading.Thread(target=self.play, args=(0.0,), daemon=True).start()
        if name == b"queuestatus":
            body = b"".join(self.listed).replace(b"%s", action_id)
            start = head + b"EventList: start\r\nMessage: Queue status will follow\r\n\r\n"
            end = b"Event: QueueStatusComplete\r\nActionID: %b\r\nEventList: Complete\r\nListItems: %d\r\n\r\n"
            return start + body + end % (action_id, len(self.listed))
        return head + b"Message: Done\r\n\r\n"

    def play(self, wait: float = 0.3) -> None:
        time.sleep(wait)
        try:
            for piece in self.stream:
                with self.lock:
                    self.connection.sendall(piece)
        except OSError:
            pass


def main() -> None:
    """Serve until killed."""
    threading.stack_size(1 << 18)
    stream = pieces(corpus(sys.argv[1], int(sys.argv[2])))
    listed = items(int(sys.argv[3])) if len(sys.argv) > 3 else []
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            Client(server.accept()[0], stream, listed).start()


if __name__ == "__main__":
    main()
