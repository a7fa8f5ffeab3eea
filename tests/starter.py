"""A process that has imported the library and the command line, and forks for each program that a test wants to start.

    python tests/starter.py SOCKET    until its standard input ends

Python takes longer to import them than most of these programs run. `tests/started.py` is what a test starts:
it gives its arguments, its environment and its files to this process, passes signals on, and ends as the program does.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import marshal
import os
import runpy
import select
import signal
import socket
import sys
from typing import NamedTuple

_IMPORTED = (
    *("aioami.cli.app", "aioami.live", "aioami.testing", "aioami.bus"),
    *("nats", "prompt_toolkit", "rich.live", "rich.table", "typer._adapters"),
)


def main(path: str) -> None:
    """Fork for each program, and become it in the fork."""
    sys.path.pop(0)  # this file's own folder
    for name in _IMPORTED:
        with contextlib.suppress(ImportError):  # an extra that is not installed; the program will say so
            importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        gc.collect()
        gc.freeze()  # so that no collection copies its pages into each fork
        wanted = _serve(listener)
    if wanted is not None:
        _become(wanted)


class _Wanted(NamedTuple):
    """A program that somebody wants: all that makes it his."""

    link: socket.socket
    files: list[int]
    arguments: list[str]
    environment: dict[str, str]
    folder: str

    @classmethod
    def read(cls, link: socket.socket) -> _Wanted:
        size, files, _, _ = socket.recv_fds(link, 4, 3)
        body = b""
        while len(body) < int.from_bytes(size, "big"):
            body += link.recv(65536)
        return cls(link, list(files), *marshal.loads(body))


def _serve(listener: socket.socket) -> _Wanted | None:
    """Return what is wanted, in a fork for it; `None` at the end."""
    told, tells = socket.socketpair()
    tells.setblocking(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program in front
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(tells.fileno())
    links: dict[int, socket.socket] = {}
    while True:
        pids = {link.fileno(): pid for pid, link in links.items()}
        ready, _, _ = select.select([listener, told, 0, *pids], [], [])
        for each in ready:
            if each in pids:  # whoever started it was killed
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pids[each], signal.SIGKILL)
                links.pop(pids[each]).close()
        if told in ready:
            told.recv(4096)
            _report(links)
        if 0 in ready:
            return None
        if listener in ready:
            wanted = _Wanted.read(listener.accept()[0])
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for other in (listener, told, tells, *links.values()):
                    other.close()
                return wanted
            for file in wanted.files:
                os.close(file)
            links[pid] = wanted.link


def _report(links: dict[int, socket.socket]) -> None:
    """Say of each program that has ended how it did."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        link = links.pop(pid, None)
        if link is not None:
            with contextlib.suppress(OSError):
                link.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
            link.close()


def _become(wanted: _Wanted) -> None:
    """Be the program: with its files, its environment, its folder and its arguments."""
    for number, file in enumerate(wanted.files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(wanted.environment)
    os.chdir(wanted.folder)
    encoding = wanted.environment.get("PYTHONIOENCODING", sys.stdout.encoding)
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _output(1, encoding, "strict")  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _output(2, encoding, "backslashreplace")  # type: ignore[misc]
    wanted.link.sendall(os.getpid().to_bytes(4, "big"))
    wanted.link.close()
    name, *_ = sys.argv = wanted.arguments
    if name.endswith(".py"):
        sys.path.insert(0, os.path.dirname(name))
        runpy.run_path(name, run_name="__main__")
    else:
        sys.path.insert(0, wanted.folder)
        runpy.run_module(name, run_name="__main__", alter_sys=True)


def _output(number: int, encoding: str, errors: str) -> io.TextIOWrapper:
    raw = io.FileIO(number, "w", closefd=False)
    if os.environ.get("PYTHONUNBUFFERED"):
        return io.TextIOWrapper(raw, encoding, errors, newline="\n", write_through=True)  # type: ignore[arg-type]
    by_line = os.isatty(number) or number == 2
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, newline="\n", line_buffering=by_line)


if __name__ == "__main__":
    main(sys.argv[1])
