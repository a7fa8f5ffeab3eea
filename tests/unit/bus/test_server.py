"""The nats-server of the tests: it tells when it has ended by itself."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from aioami.testing.nats import NatsServer, ServerEnded, StartError


@pytest.mark.parametrize("end", [NatsServer.check, NatsServer.kill, NatsServer.terminate, NatsServer.stop])
def test_a_server_that_crashed_is_told(end: Callable[[NatsServer], None], nats_program: Path) -> None:
    """Whoever looks, or ends it, hears with what status it ended, and the end of its log; its files are removed."""
    server = NatsServer(nats_program)
    server.start()
    assert server._process is not None
    os.kill(server._process.pid, signal.SIGQUIT)
    server._process.wait(10)
    assert not server.is_running
    with pytest.raises(ServerEnded, match=r"(?s)by itself, with status 2:.*Server is ready.*SIGQUIT"):
        end(server)
    if end is NatsServer.check:
        with pytest.raises(ServerEnded):
            server.stop()
    server.stop()
    assert not server.directory.exists()


def test_a_test_hears_of_a_crash_beside_its_own_failure(nats_program: Path) -> None:
    """Leaving the `with` tells of the crash, and what failed for it is its context."""
    with pytest.raises(ServerEnded, match="with signal 9") as told, NatsServer(nats_program) as server:
        assert server._process is not None
        os.kill(server._process.pid, signal.SIGKILL)
        server._process.wait(10)
        raise OSError("the connection was lost")
    assert isinstance(told.value.__context__, OSError)


def test_a_server_that_was_ended_has_not_crashed(nats_program: Path) -> None:
    """One that was killed, ended or suspended by its owner goes on, and ends, without a word."""
    with NatsServer(nats_program) as server:
        server.kill()
        server.check()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((server.host, server.port))  # nobody else gets its port meanwhile
        server.start()
        server.terminate()
        server.check()
        server.start()
        server.suspend()
        server.check()
        assert server.is_running
    assert not server.is_running


def test_a_server_that_cannot_start_says_why(nats_program: Path) -> None:
    """A wrong configuration is a StartError with what the server says of it."""
    with pytest.raises(StartError, match="nats.conf"), NatsServer(nats_program, settings={"max_payload": "x"}):
        pass
