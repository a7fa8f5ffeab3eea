"""The checks of `aioami relay --check`: all that a relay needs, with advice where it is missing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from .._client.manager import Manager
from ..errors import ManagerAuthError, ManagerError, PermissionDenied
from .config import RelayConfig
from .connection import BusConnection
from .format import (
    Epoch,
    Heartbeat,
    all_actions,
    all_events,
    heartbeat_subject,
    record_subject,
    stream_name,
)
from .relay import ServerOptions
from .seat import stream_configuration

__all__ = ["Finding", "check"]

_NO_ROOM: Final = 10047
_OTHER_STREAM: Final = 10060
_OLDEST: Final = (2, 9, 0)


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: the checked thing: `bus`, or a server's name.
        text: the result, in one sentence.
        is_right: whether a relay can work with that.
        advice: what to change; empty if no change is needed.
    """

    subject: str
    text: str
    is_right: bool = True
    advice: str = ""


async def check(config: RelayConfig) -> AsyncIterator[Finding]:
    """Check the bus and the login to each server, and yield the findings.

    It makes the streams that are missing, and leaves nothing else on the bus. To a server it only
    sends the login.

    Args:
        config: the relay's configuration.
    """
    try:
        connection = await BusConnection.open(config.bus, "aioami relay --check")
    except (ManagerError, OSError) as error:
        advice = "is it running, and are its address, TLS and credentials right?"
        yield Finding("bus", str(error), is_right=False, advice=advice)
    else:
        try:
            async for finding in _check_bus(connection, config):
                yield finding
        except ManagerError as error:
            yield Finding("bus", str(error), is_right=False, advice="try again")
        finally:
            await connection.close()
    for server in config.servers:
        yield await _check_server(server)


async def _check_bus(connection: BusConnection, config: RelayConfig) -> AsyncIterator[Finding]:
    version = connection.version
    numbers = tuple(int(each) for each in version.split("."))
    if numbers < _OLDEST:
        text = f"the server is {version}"
        yield Finding("bus", text, is_right=False, advice="a relay needs nats-server 2.9 or later")
    else:
        yield Finding("bus", f"nats-server {version} answers at {config.bus.display_name}")
    if config.options.replicas > 1 and numbers < (2, 10, 0):
        text = f"{config.options.replicas} replicas on {version}"
        advice = "clusters need nats-server 2.10 or later: claims are not safe before"
        yield Finding("bus", text, is_right=False, advice=advice)
    try:
        found = await connection.api("INFO")
    except ManagerError as error:
        advice = "enable JetStream in the server"
        if isinstance(error, PermissionDenied):
            advice = "allow to publish to $JS.API.INFO"
        elif any(
            kind == "subscription" and subject.startswith("_inbox.")
            for kind, subject in connection.refused
        ):
            advice = "allow a subscription to _INBOX.>: answers come there"
        yield Finding("bus", f"JetStream does not answer: {error}", is_right=False, advice=advice)
        return
    if "error" in found:
        why = found["error"].get("description", "")
        advice = "enable JetStream for this account"
        yield Finding("bus", f"JetStream refuses: {why}", is_right=False, advice=advice)
        return
    yield Finding("bus", "JetStream is enabled")
    for server in config.servers:
        async for finding in _check_stream(connection, config, server.name):
            yield finding


async def _check_stream(
    connection: BusConnection, config: RelayConfig, name: str
) -> AsyncIterator[Finding]:
    """Check all that a relay does on the bus for one server."""
    is_right = True
    async for finding in _check_log(connection, config, name):
        yield finding
        is_right = finding.is_right
    if not is_right:
        return
    yield await _check_writing(connection, name)
    async for finding in _check_subjects(connection, name):
        yield finding


async def _check_log(
    connection: BusConnection, config: RelayConfig, name: str
) -> AsyncIterator[Finding]:
    """Check the stream of a server, and make it if it is not there."""
    stream = stream_name(name)
    wanted = stream_configuration(name, config.options)
    try:
        info = await connection.stream_info(stream)
        if info is None:
            made: dict[str, Any] = await connection.api(f"STREAM.CREATE.{stream}", wanted)
            if "error" in made:
                why = made["error"].get("description", "")
                advice = "allow its name, its size and its replicas, or make it by hand"
                if made["error"].get("err_code") == _NO_ROOM:
                    advice = "lower `[stream] max_bytes`, or raise the bus's `max_file_store`"
                text = f"the stream {stream} cannot be made: {why}"
                yield Finding(name, text, is_right=False, advice=advice)
                return
            yield Finding(name, f"the stream {stream} was made")
        else:
            yield Finding(name, f"the stream {stream} is there")
        # JetStream answers an empty request with an error, and changes nothing.
        for needed in ("CREATE", "UPDATE", "MSG.GET"):
            await connection.api(f"STREAM.{needed}.{stream}")
    except PermissionDenied as error:
        advice = (
            f"allow to publish to $JS.API.STREAM.*.{stream} and $JS.API.STREAM.MSG.GET.{stream}"
        )
        yield Finding(name, str(error), is_right=False, advice=advice)


async def _check_writing(connection: BusConnection, name: str) -> Finding:
    """Check that events may be stored, and store none."""
    # JetStream refuses to store a message for another stream: that answer proves the permission.
    stream, subject = stream_name(name), record_subject(name, Epoch)
    try:
        answer = await connection.request(subject, b"", {"Nats-Expected-Stream": "-"})
    except PermissionDenied as error:
        advice = f"allow to publish to {subject.rpartition('.')[0]}.>"
        return Finding(name, str(error), is_right=False, advice=advice)
    except ManagerError as error:
        advice = f"the subjects of the stream {stream} are to be {all_events(name)}"
        return Finding(name, f"no event is stored: {error}", is_right=False, advice=advice)
    refused_with = json.loads(answer.data).get("error", {})
    if refused_with.get("err_code") == _OTHER_STREAM:
        return Finding(name, "events may be written")
    why = refused_with.get("description", "it was stored")
    advice = f"look at the stream {stream}: `nats stream info` says more"
    return Finding(name, f"no event is stored: {why}", is_right=False, advice=advice)


async def _check_subjects(connection: BusConnection, name: str) -> AsyncIterator[Finding]:
    """Check the subjects to which a relay subscribes and publishes besides."""
    stream = stream_name(name)

    async def heard(_: object) -> None:
        pass

    for subject, needed in (
        (all_actions(name), "a queue subscription of group `relay`"),
        (heartbeat_subject(name), "a subscription"),
        (record_subject(name, Epoch), "a subscription"),
    ):
        subscription = await connection.subscribe(subject, heard)
        await connection.stream_info(stream)  # its answer arrives after a refusal would
        await connection.unsubscribe(subscription)
        refused = connection.permission_error("subscription", subject)
        if refused is None:
            yield Finding(name, f"{subject} may be subscribed to")
        else:
            advice = f"allow {needed} to {subject}"
            yield Finding(name, str(refused), is_right=False, advice=advice)
    # These two change nothing: the farewell of an unknown relay, and an answer without a request.
    farewell = Heartbeat("aioami relay --check", "gone").encode()
    for subject, body, allowed, what in (
        (heartbeat_subject(name), farewell, heartbeat_subject(name), "signs of life"),
        (connection.client.new_inbox(), b"", "_INBOX.>", "answers"),
    ):
        await connection.publish(subject, body)
        await connection.stream_info(stream)
        refused = connection.permission_error("publish", subject)
        if refused is None:
            yield Finding(name, f"{what} may be published")
        else:
            advice = f"allow to publish to {allowed}"
            yield Finding(name, str(refused), is_right=False, advice=advice)


async def _check_server(server: ServerOptions) -> Finding:
    options: dict[str, Any] = {"event_mask": False, "reconnect": False, "retry_connect": False}
    if server.secret is not None:
        options["secret"] = server.secret
    manager = Manager.from_url(server.url, **options)
    try:
        async with manager:
            return Finding(server.name, f"the login works (AMI {manager.version})")
    except ManagerAuthError as error:
        advice = "look at the user in manager.conf, its secret and its `permit`"
        return Finding(server.name, str(error), is_right=False, advice=advice)
    except (ManagerError, OSError) as error:
        advice = f"`aioami doctor` says more about the way to {server.name}"
        return Finding(server.name, str(error), is_right=False, advice=advice)
