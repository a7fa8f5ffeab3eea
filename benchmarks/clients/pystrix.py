"""pystrix, whose threads call callbacks."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from pystrix import agi, ami

from ..callers import call_fastagi
from ..meter import Meter, percentiles


def manager(port: int, user: str) -> Any:
    mgr = ami.Manager()
    mgr.connect("127.0.0.1", port)
    mgr.send_action(ami.core.Login(user, "secret"))
    return mgr


def follow(port: int, name: str, look: Callable[[Any], bool], number: int = 1) -> dict[str, Any]:
    done, count = threading.Event(), 0

    def on_event(event: Any, mgr: Any) -> None:
        nonlocal count
        count += 1
        if look(event):
            done.set()

    mgr = ami.Manager()
    for _ in range(number):
        mgr.register_callback(name, lambda event, mgr: on_event(event, mgr))
    mgr.connect("127.0.0.1", port)
    mgr.send_action(ami.core.Login("events", "secret"))
    meter = Meter()
    done.wait()
    return meter.stop(count)


def fields(port: int) -> dict[str, Any]:
    def look(event: Any) -> bool:
        _name, channel, _id = event.name, event.get("Channel"), event.get("Uniqueid")
        return bool(channel == "TheEnd")

    return follow(port, "", look)


def headers(port: int) -> dict[str, Any]:
    def look(event: Any) -> bool:
        for _name, _value in event.items():
            pass
        return bool(event.get("Channel") == "TheEnd")

    return follow(port, "", look)


def one_name(port: int) -> dict[str, Any]:
    return follow(port, "Hangup", lambda event: event["Channel"] == "TheEnd")


def predicate(port: int) -> dict[str, Any]:
    return follow(
        port,
        "",
        lambda event: event.get("Channel", "").startswith(("PJSIP/peer7-", "TheEnd")) and event["Channel"] == "TheEnd",
    )


def subscribers(port: int, number: int, _total: int) -> dict[str, Any]:
    return follow(port, "", lambda event: event.name == "Hangup" and event["Channel"] == "TheEnd", number)


def pings(port: int, number: int) -> dict[str, Any]:
    mgr = manager(port, "quiet")
    times = []
    meter = Meter()
    for _ in range(min(number, 100)):  # each waits for its poll of 50 ms
        began = time.perf_counter()
        mgr.send_action(ami.core.Ping())
        times.append(time.perf_counter() - began)
    return meter.stop(len(times), **percentiles(times))


def at_once(port: int, number: int) -> dict[str, Any]:
    mgr = manager(port, "quiet")
    right = []

    def some() -> None:
        right.extend(mgr.send_action(ami.core.Ping()).success for _ in range(number // 100))

    meter = Meter()
    threads = [threading.Thread(target=some) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return meter.stop(sum(map(bool, right)))


# AGI


def served(port: int, sessions: int, program: Any) -> None:
    """Have a program called so often, and wait for the ends."""
    server = agi.FastAGIServer(interface="127.0.0.1", port=0, daemon_threads=True)
    server.register_script_handler(re.compile("menu"), program)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    call_fastagi(port, server.server_address[1], sessions)


def fastagi(port: int, sessions: int) -> dict[str, Any]:
    def steer(session: Any, *_: Any) -> None:
        for _ in range(20):
            session.execute(agi.core.Noop())
        session.execute(agi.core.StreamFile("beep", "#"))
        with contextlib.suppress(agi.AGIHangup):
            session.execute(agi.core.Hangup())

    meter = Meter()
    served(port, sessions, steer)
    return meter.stop(sessions)


def fastagi_commands(port: int, count: int) -> dict[str, Any]:
    times: list[float] = []

    def program(session: Any, *_: Any) -> None:
        for _ in range(count):
            began = time.perf_counter()
            session.execute(agi.core.Noop())
            times.append(time.perf_counter() - began)

    meter = Meter()
    served(port, 1, program)
    return meter.stop(count, **percentiles(times))
