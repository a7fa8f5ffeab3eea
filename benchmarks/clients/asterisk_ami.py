"""asterisk-ami, whose thread calls listeners."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from asterisk.ami import AMIClient, SimpleAction

from ..meter import Meter, memory, percentiles


def client(port: int, user: str, **listeners: Any) -> Any:
    ami = AMIClient("127.0.0.1", port, encoding_errors="surrogateescape")
    if listeners:
        ami.add_listener(**listeners)
    ami.login(user, "secret").response  # noqa: B018 - it is waited for by being read
    return ami


def follow(port: int, look: Callable[[Any], bool], number: int = 1) -> dict[str, Any]:
    done, count = threading.Event(), 0

    def on_event(source: Any, event: Any) -> None:
        nonlocal count
        count += 1
        if look(event):
            done.set()

    ami = client(port, "events", on_event=on_event)
    for _ in range(number - 1):
        ami.add_listener(on_event=lambda source, event: on_event(source, event))
    meter = Meter()
    done.wait()
    told = meter.stop(count)
    ami.disconnect()
    return told


def fields(port: int) -> dict[str, Any]:
    def look(event: Any) -> bool:
        _name, channel, _id = event.name, event.keys.get("Channel"), event.keys.get("Uniqueid")
        return bool(channel == "TheEnd")

    return follow(port, look)


def headers(port: int) -> dict[str, Any]:
    def look(event: Any) -> bool:
        for _name, _value in event.keys.items():
            pass
        return bool(event.keys.get("Channel") == "TheEnd")

    return follow(port, look)


def one_name(port: int) -> dict[str, Any]:
    return follow(port, lambda event: event.name == "Hangup" and event.keys["Channel"] == "TheEnd")


def predicate(port: int) -> dict[str, Any]:
    return follow(
        port,
        lambda event: (
            event.keys.get("Channel", "").startswith(("PJSIP/peer7-", "TheEnd")) and event.keys["Channel"] == "TheEnd"
        ),
    )


def subscribers(port: int, number: int, _total: int) -> dict[str, Any]:
    return follow(port, lambda event: event.name == "Hangup" and event.keys["Channel"] == "TheEnd", number)


def pings(port: int, number: int) -> dict[str, Any]:
    ami = client(port, "quiet")
    times = []
    meter = Meter()
    for _ in range(number):
        began = time.perf_counter()
        ami.send_action(SimpleAction("Ping")).response  # noqa: B018
        times.append(time.perf_counter() - began)
    return meter.stop(number, **percentiles(times))


def at_once(port: int, number: int) -> dict[str, Any]:
    ami = client(port, "quiet")
    meter = Meter()
    asked = [ami.send_action(SimpleAction("Ping")) for _ in range(number)]
    return meter.stop(sum(each.response is not None and each.response.keys["Ping"] == "Pong" for each in asked))


def connections(port: int, number: int) -> dict[str, Any]:
    client(port, "quiet").disconnect()
    before = memory()
    clients = [client(port, "quiet") for _ in range(number)]
    return {"count": len(clients), "each": (memory() - before) / number}


def logins(port: int, number: int) -> dict[str, Any]:
    meter = Meter()
    threads = [threading.Thread(target=client, args=(port, "quiet")) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return meter.stop(number)
