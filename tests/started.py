"""Stands for a program that `tests/starter.py` runs: python -I -S tests/started.py SOCKET MODULE-OR-FILE [ARGUMENT ...].

It imports next to nothing: it is to be quick.
"""

from __future__ import annotations

import _signal
import _socket
import marshal
import os
import sys

_PASSED_ON = (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP, _signal.SIGUSR1, _signal.SIGUSR2)


def main(path: str, arguments: list[str]) -> int:
    """Have it started, pass signals on, and return its exit code."""
    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    link.connect(path)
    body = marshal.dumps((arguments, dict(os.environ), os.getcwd()))
    files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    link.sendmsg([len(body).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
    link.sendall(body)
    pid = int.from_bytes(link.recv(4), "big")
    for number in _PASSED_ON:
        _signal.signal(number, lambda number, _: os.kill(pid, number))
    return int.from_bytes(link.recv(4), "big", signed=True)


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2:])
    if code < 0:  # by a signal
        _signal.signal(-code, _signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
