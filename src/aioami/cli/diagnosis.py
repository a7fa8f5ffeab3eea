"""What `aioami doctor` looks at, step by step, and what it makes of it."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import re
import socket
import ssl as tls
import time
from collections import Counter
from collections.abc import AsyncIterator, Container, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from aioami import (
    ActionError,
    ConnectionLost,
    Event,
    EventStream,
    Manager,
    ManagerAuthError,
    ManagerError,
    ManagerTimeout,
    PermissionDenied,
    ProtocolError,
    UnknownAction,
    core,
    events,
)
from aioami.permissions import Demand, read_classes

from .common import ExitCode

__all__ = ["Finding", "Level", "examine"]

_PORT: Final = 5038
_TLS_PORT: Final = 5039
_TIMEOUT: Final = 5.0
_BANNER: Final = b"Asterisk Call Manager/"
_CLOCK: Final = 5.0  # seconds by which two clocks may differ
_SLOW: Final = 0.5  # seconds
_CLASSES: Final = (
    *("system", "call", "log", "verbose", "command", "agent", "user", "config", "dtmf", "reporting", "cdr", "dialplan"),
    *("originate", "agi", "cc", "aoc", "test", "security", "message"),
)
_OTHERS: Final = (
    (b"HTTP/", "a web server"),
    (b"SSH-", "an SSH server"),
    (b"220 ", "a mail or file server"),
    (b"+OK", "a mail server"),
    (b"* OK", "a mail server"),
    (b"\x15\x03", "a server that wants TLS"),
)


class Level(enum.Enum):
    """How bad a finding is."""

    OK = "ok"
    HINT = "hint"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: how bad it is.
        topic: what was looked at, in one word.
        text: what was found, in words.
        change: what to change, line by line.
        code: the exit code for it, if it is wrong.
    """

    level: Level
    topic: str
    text: str
    change: tuple[str, ...] = ()
    code: ExitCode = ExitCode.FAILED

    def to_dict(self) -> dict[str, object]:
        """It as a dictionary, ready for JSON."""
        return {"level": self.level.value, "topic": self.topic, "text": self.text, "change": list(self.change)}


def _ok(topic: str, text: str) -> Finding:
    return Finding(Level.OK, topic, text)


def _hint(topic: str, text: str, *change: str) -> Finding:
    return Finding(Level.HINT, topic, text, change)


def _wrong(topic: str, text: str, *change: str, code: ExitCode = ExitCode.FAILED) -> Finding:
    return Finding(Level.WRONG, topic, text, change, code)


@dataclass
class _Target:
    """The server that is looked at."""

    url: str
    host: str
    port: int
    secure: bool
    context: tls.SSLContext | None
    server_hostname: str | None
    username: str | None
    timeout: float
    mask: str
    local: str = ""
    """The address from which the server sees this machine."""
    version: str = ""

    @property
    def user(self) -> str:
        return self.username or "user"

    @classmethod
    def of(cls, url: str) -> _Target:
        """What a URL means, which `Manager.from_url` has read before."""
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        secure = parts.scheme == "amis"
        given = options.get("timeout", "")
        return cls(
            url=url,
            host=parts.hostname or "",
            port=parts.port or (_TLS_PORT if secure else _PORT),
            secure=secure,
            context=tls.create_default_context(cafile=options.get("cafile")) if secure else None,
            server_hostname=options.get("server_hostname"),
            username=None if parts.username is None else unquote(parts.username),
            timeout=_TIMEOUT if given.lower() in ("", "none") else float(given),
            mask=options.get("event_mask", "on"),
        )


@dataclass
class _Rights:
    """What the user may do, as far as it is known.

    Attributes:
        read: the classes of events; `None` if they are not known.
        write: the classes of actions; `None` if they are not known.
        source: how it is known.
        commands: the actions that the user may send, by their names in lower case.
        settings: what manager.conf says in `[general]`.
        own: what it says of the user.
    """

    read: frozenset[str] | None = None
    write: frozenset[str] | None = None
    source: str = ""
    commands: dict[str, str] | None = None
    settings: list[tuple[str, str]] = field(default_factory=list)
    own: list[tuple[str, str]] = field(default_factory=list)
    configured: bool = False


async def examine(
    url: str, *, seconds: float = 2.0, expected: Iterable[str] = (), needed: Iterable[str] = (), probe: bool = False
) -> AsyncIterator[Finding]:
    """Look at everything between this program and the events of a server, until something is wrong with which the rest cannot be.

    Args:
        url: the server, as `Manager.from_url` takes it.
        seconds: how long to listen for events.
        expected: names of events that should come.
        needed: names of actions that should be allowed.
        probe: whether to make an event, to see whether it comes; everybody who may read the class `user` gets it.
    """
    try:
        manager = Manager.from_url(url, reconnect=False, keepalive=None)
        target = _Target.of(url)
    except (ValueError, OSError) as error:
        yield _wrong("url", str(error))
        return
    async for finding in _reach(target):
        yield finding
        if finding.level is Level.WRONG:
            return
    if target.username is None:
        yield _hint("login", "the URL names no user, so the login and what follows it were not looked at")
        return
    with manager.events(maxsize=None) as stream:
        try:
            try:
                await manager.connect()
            except (ManagerError, OSError) as error:
                yield _refused(target, error)
                return
            yield _ok("login", f"{target.username} is logged in, from {target.local}")
            async for finding in _look(manager, stream, target, seconds, tuple(expected), tuple(needed), probe):
                yield finding
        except ManagerError as error:
            yield _wrong("link", f"the link did not last: {error}", code=ExitCode.NOT_REACHED)
        finally:
            await manager.close()


# Name, port, TLS, greeting


async def _reach(target: _Target) -> AsyncIterator[Finding]:
    loop = asyncio.get_running_loop()
    try:
        async with _limit(target.timeout):
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, asyncio.TimeoutError) as error:
        why = "no answer from the name servers in time" if isinstance(error, asyncio.TimeoutError) else error
        text = f"the name {target.host} stands for no address: {why}"
        yield _wrong(
            "name", text, "in the URL: a name that is in DNS or /etc/hosts, or an address", code=ExitCode.NOT_REACHED
        )
        return
    addresses = {str(each[4][0]): each for each in found}
    if list(addresses) == [target.host]:
        yield _ok("name", f"{target.host} is an address")
    else:
        yield _ok("name", f"{target.host} is {', '.join(addresses)}")
    problems: dict[str, Exception] = {}
    for address, (family, _, _, _, place) in addresses.items():
        try:
            link = await _connect(target, family, place)
        except (OSError, asyncio.TimeoutError) as error:
            problems[address] = error
            continue
        target.local = str(link.getsockname()[0])
        for other, problem in problems.items():
            yield _hint("port", f"{other}, another address of {target.host}, does not answer: {_reason(problem)}")
        yield _ok("port", f"{_shown(address, target.port)} takes connections")
        async for finding in _spoken(target, address, link):
            yield finding
        return
    yield await _unreachable(target, problems)


async def _unreachable(target: _Target, problems: dict[str, Exception]) -> Finding:
    what = "; ".join(f"{_shown(address, target.port)}: {_reason(error)}" for address, error in problems.items())
    change = ["[general]", "enabled = yes"]
    if target.secure:
        change += [
            "tlsenable = yes",
            f"tlsbindaddr = 0.0.0.0:{target.port}",
            "tlscertfile = /etc/asterisk/keys/asterisk.pem",
        ]
    else:
        change += [f"port = {target.port}", "bindaddr = 0.0.0.0"]
    text = f"nobody can be reached there ({what})"
    if any(isinstance(error, asyncio.TimeoutError) for error in problems.values()):
        text += "; where there is no answer at all, a firewall drops what is sent, or the machine is off"
    else:
        text += "; no manager interface listens there, or only on 127.0.0.1 of its machine"
    for port in (_PORT, _TLS_PORT):
        if port != target.port and await _listens(target, next(iter(problems)), port):
            text += f"; but something listens on port {port}"
    return _wrong("port", text, *change, "; then restart the manager: module reload manager", code=ExitCode.NOT_REACHED)


async def _listens(target: _Target, address: str, port: int) -> bool:
    try:
        async with _limit(min(1.0, target.timeout)):
            _, writer = await asyncio.open_connection(address, port)
    except (OSError, asyncio.TimeoutError):
        return False
    await _close(writer)
    return True


async def _spoken(target: _Target, address: str, link: socket.socket) -> AsyncIterator[Finding]:
    """TLS, if it is wanted, and the greeting."""
    try:
        reader, writer = await _open(target, link)
    except tls.SSLCertVerificationError as error:
        yield _distrusted(target, error)
        return
    except (OSError, asyncio.TimeoutError) as error:
        plain = await _first_bytes(target, address, None)
        if plain.startswith(_BANNER):
            text = f"port {target.port} speaks without TLS"
            yield _wrong(
                "tls",
                text,
                f"in the URL: ami://{_shown(target.host, target.port)}",
                "; or in manager.conf, for TLS:",
                "[general]",
                "tlsenable = yes",
                f"tlsbindaddr = 0.0.0.0:{_TLS_PORT}",
                "tlscertfile = /etc/asterisk/keys/asterisk.pem",
                code=ExitCode.NO_AMI,
            )
        else:
            text = f"TLS cannot be agreed upon: {_reason(error)}"
            yield _wrong(
                "tls",
                text,
                "[general]",
                "tlsenable = yes",
                "tlscertfile = /etc/asterisk/keys/asterisk.pem  ; certificate and key, readable by Asterisk's user",
                "tlscipher =  ; nothing: the system's own choice",
                code=ExitCode.NOT_REACHED,
            )
        return
    try:
        if target.context is not None:
            version = writer.get_extra_info("ssl_object").version()
            yield _ok("tls", f"{version}, and the certificate is trusted")
        yield await _greeted(target, reader, address)
    finally:
        await _close(writer)


def _distrusted(target: _Target, error: tls.SSLCertVerificationError) -> Finding:
    text = f"the server's certificate is not trusted: {error.verify_message}"
    if error.verify_code in (62, 64):
        return _wrong(
            "tls",
            text,
            "in the URL: ?server_hostname=... with a name that is in the certificate",
            f"; or a certificate for {target.host} in manager.conf: [general] tlscertfile = ...",
            code=ExitCode.NOT_REACHED,
        )
    if error.verify_code in (9, 10):
        return _wrong(
            "tls",
            text,
            "[general]",
            "tlscertfile = ...  ; a certificate that is valid today",
            code=ExitCode.NOT_REACHED,
        )
    return _wrong(
        "tls",
        text,
        "in the URL: ?cafile=... with the certificate, or that of the authority that signed it",
        "; or a certificate of an authority that this machine trusts: [general] tlscertfile = ...",
        code=ExitCode.NOT_REACHED,
    )


async def _greeted(target: _Target, reader: asyncio.StreamReader, address: str) -> Finding:
    """What whoever listens there says first."""
    said = b""
    silent = False
    try:
        async with _limit(target.timeout):
            while b"\n" not in said and len(said) < 512:
                data = await reader.read(512)
                if not data:
                    break
                said += data
    except (asyncio.TimeoutError, OSError):
        silent = not said
    if said.startswith(_BANNER):
        target.version = said.split(b"\n", 1)[0].partition(b"/")[2].strip().decode("ascii", "replace")
        return _ok("greeting", f"AMI {target.version}{_asterisk(target.version)}")
    if not said and not silent:
        return _wrong(
            "greeting",
            "the connection is closed at once, without a greeting: too many connections that are not logged in",
            "[general]",
            "authlimit = 50  ; sessions that are not logged in, of everybody together",
            "authtimeout = 30  ; seconds until such a session is closed",
            "; and see who holds them: manager show connected",
            code=ExitCode.NOT_REACHED,
        )
    if not said and not target.secure and await _speaks_tls(target, address):
        return _wrong(
            "greeting",
            f"port {target.port} is for TLS, and the URL is without",
            f"in the URL: amis://{_shown(target.host, target.port)}",
            code=ExitCode.NO_AMI,
        )
    if not said:
        text = f"there was no greeting within {target.timeout:g} s: the server hangs, or it is something else than a manager interface"
        return _wrong("greeting", text, code=ExitCode.TIMEOUT)
    kind = next((name for sign, name in _OTHERS if said.startswith(sign)), "something else")
    first = said.split(b"\n", 1)[0][:60].decode("ascii", "backslashreplace").strip()
    change = ["[general]", "enabled = yes", f"port = {_PORT}  ; and this port in the URL"]
    if kind == "a web server":
        change.append("; webenabled and http.conf's port 8088 are AMI over HTTP, which is another thing")
    return _wrong("greeting", f"it is no manager interface, but {kind}: {first}", *change, code=ExitCode.NO_AMI)


def _asterisk(version: str) -> str:
    """Which Asterisk speaks a version of AMI."""
    major, _, rest = version.partition(".")
    if not major.isdecimal():
        return ""
    if int(major) >= 3:
        return f", which is Asterisk {int(major) + 11}"
    return (
        f", which is Asterisk {13 if rest >= '6' or len(rest.partition('.')[0]) > 1 else 12}"
        if major == "2"
        else ", before Asterisk 12"
    )


async def _connect(target: _Target, family: int, place: Any) -> socket.socket:
    """A connection to one address."""
    link = socket.socket(family, socket.SOCK_STREAM)
    link.setblocking(False)
    try:
        async with _limit(target.timeout):
            await asyncio.get_running_loop().sock_connect(link, place)
    except BaseException:
        link.close()
        raise
    return link


async def _open(target: _Target, link: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """What is spoken over a connection, by TLS if it is wanted."""
    name = (target.server_hostname or target.host) if target.context is not None else None
    async with _limit(target.timeout):
        return await asyncio.open_connection(sock=link, ssl=target.context, server_hostname=name)


async def _first_bytes(target: _Target, address: str, context: tls.SSLContext | None) -> bytes:
    """What another connection says first."""
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        async with _limit(min(2.0, target.timeout)):
            reader, writer = await asyncio.open_connection(address, target.port, ssl=context)
            try:
                return await reader.read(100)
            finally:
                await _close(writer)
    return b""


async def _speaks_tls(target: _Target, address: str) -> bool:
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = tls.CERT_NONE
    return (await _first_bytes(target, address, context)).startswith(_BANNER)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        async with _limit(1.0):
            await writer.wait_closed()


class _limit:
    """Gives up after so many seconds."""

    def __init__(self, seconds: float) -> None:
        import async_timeout

        self._timeout = async_timeout.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        await self._timeout.__aexit__(*error)


def _shown(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError) and not str(error):
        return "no answer"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, tls.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return str(error) or type(error).__name__


# Login


def _refused(target: _Target, error: Exception) -> Finding:
    said = error.response.message if isinstance(error, (ManagerAuthError, ActionError)) and error.response else ""
    if isinstance(error, ManagerAuthError) and said == "Login Already In Use":
        text = f"{target.user} is logged in already, and may be only once"
        return _wrong("login", text, f"[{target.user}]", "allowmultiplelogin = yes", code=ExitCode.LOGIN_REFUSED)
    if isinstance(error, ManagerAuthError) and said == "Authentication failed":
        return _wrong(
            "login",
            f"the login as {target.user} is refused, and Asterisk does not say why: there is no such user, the secret is another one "
            f"(or the user has none), or {target.local or 'this address'} is not permitted",
            f"[{target.user}]",
            "secret = ...  ; the one that this program uses",
            *(
                [f"permit = {target.local}/{'128' if ':' in target.local else '255.255.255.255'}"]
                if target.local
                else []
            ),
            "; then: manager reload. Asterisk's log tells which it was:",
            ";   tried to authenticate with nonexistent user: the name of the section",
            ";   failed to pass IP ACL: deny, permit or acl, of the user or in [general]",
            ";   failed to authenticate, and nothing else: the secret",
            code=ExitCode.LOGIN_REFUSED,
        )
    if isinstance(error, ManagerAuthError):
        return _wrong(
            "login",
            f"the server gives no challenge, and without TLS the secret itself is not sent: {said or error}",
            "in the URL: amis:// for TLS; or, on a network that nobody listens on, ?plaintext_login=yes",
            code=ExitCode.LOGIN_REFUSED,
        )
    if isinstance(error, UnknownAction):
        text = f"the event_filter of the URL is not possible: {error}"
        return _wrong(
            "filters", text, "in the URL: event_filter=... with a regular expression", code=ExitCode.UNKNOWN_ACTION
        )
    if isinstance(error, PermissionDenied):
        return _wrong(
            "filters",
            "the event_filter of the URL needs the write class system, which the user does not have",
            f"[{target.user}]",
            "eventfilter = ...  ; here, instead of in the program",
            code=ExitCode.PERMISSION_DENIED,
        )
    if isinstance(error, ActionError):
        return _wrong("filters", f"the event_filter of the URL is refused: {said or error}", code=ExitCode.REFUSED)
    if isinstance(error, ProtocolError):
        return _wrong("login", f"what the server says cannot be AMI: {error}", code=ExitCode.NO_AMI)
    change = ["; it may be restarting: try again"] if "shutting down" in str(error) else []
    return _wrong("login", f"the link ended before the login was answered: {error}", *change, code=ExitCode.NOT_REACHED)


# What works when logged in


async def _look(
    manager: Manager,
    stream: EventStream[Event],
    target: _Target,
    seconds: float,
    expected: tuple[str, ...],
    needed: tuple[str, ...],
    probe: bool,
) -> AsyncIterator[Finding]:
    seen: list[Event] = []
    for finding in await _round_trip(manager):
        yield finding
    rights = await _learn(manager, target)
    await _hear(stream, seen, 0)
    masked = target.mask.lower() in ("off", "no", "none", "")
    async for finding in _mask(manager, target, masked):
        yield finding
    for finding in _rights(target, rights, seen):
        yield finding
    for finding in await _filters(stream, seen, target, rights, masked):
        yield finding
    for name in needed:
        yield _action(target, rights, name)
    for name in expected:
        yield _event(target, rights, name, masked)
    if probe and not masked:
        yield await _probe(manager, stream, seen, target)
    if seconds and not masked:
        before = len(seen)
        await _hear(stream, seen, seconds)
        yield _heard(seen[before:], seconds)
    yield await _boot(manager, target, rights, seen)


async def _round_trip(manager: Manager) -> list[Finding]:
    began = time.time()
    pongs = [await manager.send(core.Ping()) for _ in range(3)]
    best = min(pong.RTT for pong in pongs)
    text = f"an answer takes {best * 1000:.1f} ms"
    found = [
        _hint("time", f"{text}, which is long: the server or the network is busy")
        if best > _SLOW
        else _ok("time", text)
    ]
    with contextlib.suppress(ValueError):
        differs = float(pongs[0].get("Timestamp", "")) - began
        if abs(differs) > _CLOCK:
            which = "ahead of" if differs > 0 else "behind"
            found.append(_hint("time", f"the server's clock is {abs(differs):.0f} s {which} this machine's"))
    return found


async def _hear(stream: EventStream[Event], seen: list[Event], seconds: float, until: str = "") -> bool:
    """Take the events that are there and those that come, and return whether the one that was waited for did."""
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        if not stream.pending and left <= 0:
            return False
        try:
            async with _limit(max(left, 0.01)):
                event = await anext(stream)
        except (asyncio.TimeoutError, StopAsyncIteration):
            return False
        seen.append(event)
        if until and event.name == until:
            return True


async def _learn(manager: Manager, target: _Target) -> _Rights:
    """Learn what the user may do: from the server if it may be asked, else from what it lets see."""
    rights = _Rights()
    listed = await manager.send(core.ListCommands(), check=False)
    if listed.success:
        names = [line.partition(":")[0].strip() for line in listed.data]
        rights.commands = {name.lower(): name for name in names}
    shown = await manager.send(core.Command(f"manager show user {target.username}"), check=False)
    found = dict(re.findall(r"^\s*(read|write) perm:\s*(\S*)", "\n".join(shown.data), re.MULTILINE))
    if shown.success and "read" in found and "write" in found:
        rights.source = "manager show user"
        rights.read, rights.write = _labels(found["read"]), _labels(found["write"])
    config = await manager.send(core.GetConfig("manager.conf"), check=False)
    if config.success:
        _read_config(config.headers, target, rights)
    if rights.write is None and rights.commands is not None:
        rights.write = _inferred(rights.commands)
        rights.source = "ListCommands"
    return rights


def _labels(text: str) -> frozenset[str]:
    names = {name.strip() for name in text.split(",")}
    return frozenset(_CLASSES) if "all" in names else frozenset(names & set(_CLASSES))


def _read_config(headers: Iterable[tuple[str, str]], target: _Target, rights: _Rights) -> None:
    category = ""
    rights.configured = True
    for name, value in headers:
        if name.startswith("Category-"):
            category = value
        elif name.startswith("Line-"):
            key, _, setting = value.partition("=")
            if category.lower() == "general":
                rights.settings.append((key.strip(), setting.strip()))
            elif category.lower() == target.user.lower() and key.strip() != "secret":
                rights.own.append((key.strip(), setting.strip()))
    own = dict(rights.own)
    if rights.read is None and ("read" in own or "write" in own):
        rights.source = "manager.conf"
        rights.read, rights.write = _labels(own.get("read", "")), _labels(own.get("write", ""))


def _inferred(commands: Container[str]) -> frozenset[str]:
    """The write classes that the list of allowed actions proves: it has only what the user may send."""
    alone = {
        "command": "command",
        "originate": "originate",
        "setvar": "call",
        "userevent": "user",
        "updateconfig": "config",
    }
    alone |= {"moduleload": "system", "queueadd": "agent", "agi": "agi", "messagesend": "message", "aocmessage": "aoc"}
    found = {label for action, label in alone.items() if action in commands}
    if "corestatus" in commands and "system" not in found:
        found.add("reporting")
    return frozenset(found)


async def _mask(manager: Manager, target: _Target, masked: bool) -> AsyncIterator[Finding]:
    if masked:
        yield _wrong(
            "mask", f"the URL asks for no events: event_mask={target.mask}", "in the URL: event_mask=on, or none"
        )
        return
    asked: bool | str = True if target.mask.lower() in ("on", "yes", "all") else target.mask
    reply = await manager.send(core.Events(asked), check=False)
    if not reply.success and reply.message:
        yield _wrong("mask", f"the event mask {target.mask} is refused: {reply.message}")
    elif reply.get("Events") is None:
        yield _hint(
            "mask",
            "the server does not answer the action Events, which programs may wait for",
            "[general]",
            "brokeneventsaction = no",
        )
    else:
        yield _ok(
            "mask",
            f"all events are asked for that {target.user} may read"
            if asked is True
            else f"events are asked for of {asked}",
        )


def _rights(target: _Target, rights: _Rights, seen: list[Event]) -> Iterable[Finding]:
    proven = {label for event in seen for label in event.privileges}
    if rights.read is not None:
        if not rights.read:
            text = f"{target.user} may read no events at all, as {rights.source} says: none will ever come"
            yield _wrong(
                "read", text, f"[{target.user}]", "read = call,agent,user", "; then: manager reload, and log in again"
            )
        else:
            yield _ok("read", f"events of {_list(rights.read)} ({rights.source})")
    else:
        known = f"; what came proves {_list(proven)}" if proven else ""
        text = f"which events {target.user} may read cannot be learned without the write class command, config or system{known}"
        yield _hint("read", text, f"at Asterisk's own prompt: manager show user {target.user}")
    if rights.write is not None:
        count = "" if rights.commands is None else f"; {len(rights.commands)} actions"
        if rights.write:
            yield _ok("write", f"actions of {_list(rights.write)} ({rights.source}{count})")
        else:
            text = f"{target.user} may send only what needs no write class ({rights.source}{count})"
            yield _hint("write", text, f"[{target.user}]", "write = originate,call,reporting  ; as is needed")
    before = dict(rights.own).get("writetimeout", "100")
    if rights.own and before.isdecimal() and int(before) <= 100:
        text = "the server ends the link if a write is held up for 100 ms, as when this machine is suspended"
        yield _hint("write", text, f"[{target.user}]", "writetimeout = 5000")


async def _filters(
    stream: EventStream[Event], seen: list[Event], target: _Target, rights: _Rights, masked: bool
) -> list[Finding]:
    """What holds events back though the user may read them."""
    found = []
    lines = [f"{name} = {value}" for name, value in rights.own if name.startswith("eventfilter")]
    if lines:
        text = f"manager.conf lets {target.user} have only some events: {'; '.join(lines)}"
        found.append(
            _hint(
                "filters", text, f"[{target.user}]", *(f"; {line}" for line in lines), "; without these lines all come"
            )
        )
    disabled = _disabled(rights)
    if disabled:
        text = f"some events are sent to nobody: disabledevents = {','.join(disabled)}"
        found.append(_hint("filters", text, "[general]", "disabledevents =  ; nothing"))
    if found or masked or "event_filter" in target.url:
        return found
    # A login makes an event that everybody gets who may; if it does not come, something holds it back.
    told = "SuccessfulAuth"
    asked = target.mask.lower() in ("on", "yes", "all") or "security" in target.mask.split(",")
    if rights.read is not None and "security" in rights.read and asked:
        if not any(event.name == told for event in seen) and not await _hear(stream, seen, 1.0, told):
            text = f"the event {told} of this login did not come, though {target.user} may read the class security: something holds events back"
            found.append(
                _hint("filters", text, f"[{target.user}]", "; eventfilter = ...", "[general]", "; disabledevents = ...")
            )
        else:
            found.append(_ok("filters", "nothing holds events back"))
    elif rights.configured:
        found.append(_ok("filters", "manager.conf holds no events back"))
    return found


def _disabled(rights: _Rights) -> list[str]:
    return [
        name.strip()
        for key, value in rights.settings
        if key == "disabledevents"
        for name in value.split(",")
        if name.strip()
    ]


def _action(target: _Target, rights: _Rights, name: str) -> Finding:
    demand = Demand.of(name)
    if rights.commands is None:
        return _hint("action", f"whether {name} is allowed cannot be learned: ListCommands is refused")
    if demand.action.lower() in rights.commands:
        return _ok("action", f"{demand.action} is allowed")
    write = rights.write or frozenset()
    if demand.any_of and not write & set(demand.any_of):
        text = f"{demand.action} needs the write class {' or '.join(demand.any_of)}, which {target.user} does not have"
        change = f"write = {_list({*write, demand.any_of[-1]})}"
        return _wrong("action", text, f"[{target.user}]", change, code=ExitCode.PERMISSION_DENIED)
    close = get_close_matches(name.lower(), rights.commands, n=1)
    meant = f"; is {rights.commands[close[0]]} meant?" if close and close[0] != name.lower() else ""
    text = f"this server has no action {demand.action}: its module is not loaded, or it is of another version{meant}"
    return _wrong("action", text, code=ExitCode.UNKNOWN_ACTION)


def _event(target: _Target, rights: _Rights, name: str, masked: bool) -> Finding:
    kind = events.parse(f"Event: {name}")
    name = type(kind).wire_name or name
    classes = read_classes(name)
    if not classes:
        if type(kind) is Event:
            names = {each.lower(): each for each in dir(events)}
            close = get_close_matches(name.lower(), names, n=1)
            meant = f"; is {names[close[0]]} meant?" if close else ""
            return _hint("event", f"Asterisk makes no event {name}{meant}")
        text = f"{name} is an item of a list: it comes to the action that asks for it, and to no stream"
        return _hint("event", text)
    missing = set(classes) - rights.read if rights.read is not None else set()
    if missing:
        text = f"{name} needs the read class {_list(classes)}, which {target.user} does not have"
        change = f"read = {_list({*(rights.read or ()), *classes})}"
        return _wrong("event", text, f"[{target.user}]", change, code=ExitCode.PERMISSION_DENIED)
    mask = target.mask.lower()
    if masked or (mask not in ("on", "yes", "all") and not set(classes) <= set(mask.split(","))):
        return _wrong(
            "event",
            f"{name} is of {_list(classes)}, and the URL asks for events of {target.mask} only",
            "in the URL: event_mask=on",
        )
    if name.lower() in map(str.lower, _disabled(rights)):
        kept = ",".join(each for each in _disabled(rights) if each.lower() != name.lower())
        return _wrong("event", f"{name} is sent to nobody", "[general]", f"disabledevents = {kept}".rstrip())
    filters = [(key, value) for key, value in rights.own if key.startswith("eventfilter")]
    if filters and not _passes(filters, name, classes):
        line = f"eventfilter = ^Event: {name}[[:space:]]"
        return _wrong("event", f"{name} is let through by no eventfilter of {target.user}", f"[{target.user}]", line)
    if rights.read is None:
        return _hint(
            "event",
            f"{name} comes if {target.user} has the read class {_list(classes)}",
            f"[{target.user}]",
            f"read = {_list(classes)}",
        )
    return _ok("event", f"{name} may come")


def _passes(filters: list[tuple[str, str]], name: str, classes: Iterable[str]) -> bool:
    """Whether filters of manager.conf let an event through, as far as its first lines tell."""
    head = f"Event: {name}\r\nPrivilege: {','.join(classes)},all\r\n"
    including = []
    for key, value in filters:
        criteria = dict(re.findall(r"(\w+)\(([^()]*)\)", key.partition("(")[2]))
        pattern, excluding = value.removeprefix("!"), value.startswith("!") or criteria.get("action") == "exclude"
        if criteria:
            hit = criteria.get("name", name) == name and ("header" in criteria or not pattern)
            hit = hit and not (excluding and "header" in criteria)
        else:
            try:
                hit = re.search(pattern.replace("[[:space:]]", r"\s"), head) is not None
            except re.error:
                hit = True
        if excluding and hit:
            return False
        if not excluding:
            including.append(hit)
    return not including or any(including)


async def _probe(manager: Manager, stream: EventStream[Event], seen: list[Event], target: _Target) -> Finding:
    reply = await manager.send(core.UserEvent(UserEvent="AioamiDoctor"), check=False)
    if not reply.success:
        text = f"no event could be made for a test: {reply.message}"
        return _hint("probe", text, f"[{target.user}]", "write = user  ; for this test")
    if await _hear(stream, seen, 2.0, "UserEvent"):
        return _ok("probe", "an event that was made for a test came")
    text = "an event that was made for a test did not come: the class user is not readable, or a filter holds it back"
    return _wrong("probe", text, f"[{target.user}]", "read = user  ; and what else is needed", "; eventfilter = ...")


def _heard(came: list[Event], seconds: float) -> Finding:
    if not came:
        return _ok("events", f"none came in {seconds:g} s; that is as it should be if nothing happened")
    labels = Counter(label for event in came for label in event.privileges or ("no class",))
    told = ", ".join(f"{label} {count}" for label, count in labels.most_common())
    return _ok("events", f"{len(came)} came in {seconds:g} s: {told}")


async def _boot(manager: Manager, target: _Target, rights: _Rights, seen: list[Event]) -> Finding:
    booting = "Asterisk is still loading its modules: many actions fail or show nothing before it is fully booted"
    if any(event.name == "FullyBooted" for event in seen):
        return _ok("boot", "Asterisk is fully booted")
    if rights.write is not None and "command" in rights.write:
        try:
            await manager.wait_booted(target.timeout)
        except ManagerTimeout:
            return _wrong("boot", booting, "; wait for it: await mgr.wait_booted()")
        except (PermissionDenied, ConnectionLost) as error:
            return _hint("boot", f"whether Asterisk is fully booted cannot be learned: {error}")
        return _ok("boot", "Asterisk is fully booted")
    on = target.mask.lower() in ("on", "yes", "all") or "system" in target.mask.split(",")
    if rights.read is not None and "system" in rights.read and on and "event_filter" not in target.url:
        return _wrong("boot", booting, "; wait for it: await mgr.wait_booted()")
    text = "whether Asterisk is fully booted cannot be learned: that needs the read class system, or the write class command"
    return _hint("boot", text, f"[{target.user}]", "read = ...,system")


def _list(labels: Iterable[str]) -> str:
    """Classes in Asterisk's own order; all of them have a shorter name."""
    given = set(labels)
    return "all" if given >= set(_CLASSES) else ",".join(label for label in _CLASSES if label in given)
