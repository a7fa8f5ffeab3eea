"""The findings in words. Each function reports one result of the probes, or one conclusion."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from aioami import (
    ActionError,
    Event,
    ManagerAuthError,
    PermissionDenied,
    ProtocolError,
    Response,
    UnknownAction,
    events,
)
from aioami.events import misnamed
from aioami.permissions import Demand, read_classes
from aioami.url import PORT, TLS_PORT
from aioami.wire import other_server

from ..completion import close_name
from ..process import ExitCode
from .findings import Finding, hint, ok, wrong
from .inference import EventMask, Rights, described, in_order
from .probe import Greeting, RoundTrip
from .target import Target

_CLOCK_DIFFERENCE: Final = 5.0  # seconds
_SLOW: Final = 0.5  # seconds
_OWN_CERTIFICATE: Final = "[general] tlscertfile = ..."
_IN_PLAIN_TEXT: Final = (
    "in the URL: amis:// for TLS; or, on a network that nobody listens on, ?plaintext_login=yes"
)
_OTHER_PORT: Final = ("[general]", "enabled = yes", f"port = {PORT}  ; and this port in the URL")
_TLS_SERVER: Final = "a TLS server"
_CERTIFICATE: Final = "tlscertfile = /etc/asterisk/keys/asterisk.pem"
# Numbers of OpenSSL (X509_V_ERR_...).
_WRONG_NAME: Final = (62, 64)  # the certificate is for another host name or address
_WRONG_DATE: Final = (9, 10)  # the certificate is not valid yet, or has expired


# Name and port


def name_without_address(host: str, error: Exception) -> Finding:
    """Report that the host has no address."""
    why: object = error
    if isinstance(error, asyncio.TimeoutError):
        why = "no answer from the name servers in time"
    return wrong(
        "name",
        f"the name {host} stands for no address: {why}",
        "in the URL: a name that is in DNS or /etc/hosts, or an address",
        code=ExitCode.NOT_REACHED,
    )


def name(host: str, addresses: Iterable[str]) -> Finding:
    """Report the addresses of the host."""
    found = list(addresses)
    is_address = found == [host]
    return ok("name", f"{host} is {'an address' if is_address else ', '.join(found)}")


def unreachable(
    target: Target,
    problems: Mapping[str, Exception],
    listening: Iterable[int],
) -> Finding:
    """Report that no address of the server can be connected to.

    Args:
        target: the server.
        problems: the error of each address.
        listening: the other ports of AMI on which a server listens.
    """
    if target.context is not None:
        change = ["tlsenable = yes", f"tlsbindaddr = 0.0.0.0:{target.port}", _CERTIFICATE]
    else:
        change = [f"port = {target.port}", "bindaddr = 0.0.0.0"]
    tried = [f"{_endpoint(each, target.port)}: {_reason(problems[each])}" for each in problems]
    text = f"nobody can be reached there ({'; '.join(tried)})"
    if any(isinstance(error, asyncio.TimeoutError) for error in problems.values()):
        firewall = "a firewall drops what is sent, or the machine is off"
        text += f"; where there is no answer at all, {firewall}"
    else:
        text += "; no manager interface listens there, or only on 127.0.0.1 of its machine"
    found = list(listening)
    text += "".join(f"; but something listens on port {port}" for port in found)
    return wrong(
        "port",
        text,
        "[general]",
        "enabled = yes",
        *change,
        "; then restart the manager: module reload manager",
        *(f"; or {line}" for line in _usual_port(target)),
        code=ExitCode.NOT_REACHED,
    )


def _usual_port(target: Target) -> list[str]:
    """Return a line that names the usual port, if the URL has another one."""
    usual = TLS_PORT if target.context is not None else PORT
    if target.port == usual:
        return []
    scheme = "amis" if target.context is not None else "ami"
    return [f"in the URL: {scheme}://{_endpoint(target.host, usual)}, the usual port"]


def dead_address(target: Target, address: str, error: Exception) -> Finding:
    """Report that one of several addresses cannot be reached."""
    text = f"{address}, another address of {target.host}, does not answer: {_reason(error)}"
    return hint("port", text)


def reached(target: Target, address: str) -> Finding:
    """Report that the port takes connections."""
    return ok("port", f"{_endpoint(address, target.port)} takes connections")


# TLS and greeting


def tls_version(version: str) -> Finding:
    """Report that TLS works."""
    return ok("tls", f"{version}, and the certificate is trusted")


def untrusted_certificate(target: Target, error: tls.SSLCertVerificationError) -> Finding:
    """Report that the certificate is not accepted."""
    if error.verify_code in _WRONG_NAME:
        change = [
            "in the URL: ?server_hostname=... with a name that is in the certificate",
            f"; or a certificate for {target.host} in manager.conf: {_OWN_CERTIFICATE}",
        ]
    elif error.verify_code in _WRONG_DATE:
        change = ["[general]", "tlscertfile = ...  ; a certificate that is valid today"]
    else:
        change = [
            "in the URL: ?cafile=... with the certificate, or that of the authority that signed it",
            f"; or a certificate of an authority that this machine trusts: {_OWN_CERTIFICATE}",
        ]
    text = f"the server's certificate is not trusted: {error.verify_message}"
    return wrong("tls", text, *change, code=ExitCode.NOT_REACHED)


def plain_server(target: Target) -> Finding:
    """Report that the URL asks for TLS, and the port speaks without TLS."""
    return wrong(
        "tls",
        f"port {target.port} speaks without TLS",
        f"in the URL: ami://{_endpoint(target.host, target.port)}",
        "; or in manager.conf, for TLS:",
        "[general]",
        "tlsenable = yes",
        f"tlsbindaddr = 0.0.0.0:{TLS_PORT}",
        _CERTIFICATE,
        code=ExitCode.NO_AMI,
    )


def failed_handshake(error: Exception, plain: Greeting) -> Finding:
    """Report that the TLS handshake failed.

    Args:
        error: the error.
        plain: the port's first bytes without TLS.
    """
    if plain.data and (kind := other_server(plain.data)) and kind != _TLS_SERVER:
        text = "TLS cannot be agreed upon: the port speaks without"
        text += f", and it is {kind}: {plain.line[:60]}"
        return wrong("tls", text, *_OTHER_PORT, code=ExitCode.NO_AMI)
    return wrong(
        "tls",
        f"TLS cannot be agreed upon: {_reason(error)}",
        "[general]",
        "tlsenable = yes",
        f"{_CERTIFICATE}  ; certificate and key, readable by Asterisk's user",
        "tlscipher =  ; nothing: the system's own choice",
        code=ExitCode.NOT_REACHED,
    )


def tls_server(target: Target) -> Finding:
    """Report that the URL asks for no TLS, and the port needs it."""
    return wrong(
        "greeting",
        f"port {target.port} is for TLS, and the URL is without",
        f"in the URL: amis://{_endpoint(target.host, target.port)}",
        code=ExitCode.NO_AMI,
    )


def greeting(target: Target, greeting: Greeting) -> Finding:
    """Report the greeting, or its absence."""
    if server := described(greeting.line):
        return ok("greeting", server)
    if greeting.timed_out:
        return wrong(
            "greeting",
            f"there was no greeting within {target.timeout:g} s: "
            "the server hangs, or it is something else than a manager interface",
            *_usual_port(target),
            code=ExitCode.TIMEOUT,
        )
    if not greeting.data:
        text = "the connection is closed at once, without a greeting"
        return wrong(
            "greeting",
            f"{text}: too many connections that are not logged in",
            "[general]",
            "authlimit = 50  ; sessions that are not logged in, of everybody together",
            "authtimeout = 30  ; seconds until such a session is closed",
            "; and see who holds them: manager show connected",
            code=ExitCode.NOT_REACHED,
        )
    kind, line = other_server(greeting.data) or "something else", greeting.line[:60]
    change = [*_OTHER_PORT]
    if kind == "an HTTP server":
        change.append(
            "; webenabled and http.conf's port 8088 are AMI over HTTP, which is another thing",
        )
    text = f"it is no manager interface, but {kind}"
    text += f", which does not greet, and answers: {line}" if greeting.answers else f": {line}"
    return wrong("greeting", text, *change, code=ExitCode.NO_AMI)


def _endpoint(address: str, port: int) -> str:
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


def unknown_user() -> Finding:
    """Report that the URL names no user."""
    text = "the URL names no user, so the login and what follows it were not looked at"
    return hint("login", text)


def logged_in(target: Target, local: str) -> Finding:
    """Report that the login succeeded."""
    return ok("login", f"{target.username} is logged in, from {local}")


def failed_login(target: Target, local: str, error: Exception) -> Finding:
    """Report that the login failed.

    Args:
        target: the server.
        local: the address of this machine, as the server sees it.
        error: the error of `Manager.connect`.
    """
    said = ""
    if isinstance(error, (ManagerAuthError, ActionError)) and error.response is not None:
        said = error.response.message
    if isinstance(error, ManagerAuthError):
        return _refused_login(target, local, said, error)
    if isinstance(error, UnknownAction):
        return wrong(
            "filters",
            f"the event_filter of the URL is not possible: {error}",
            "in the URL: event_filter=... with a regular expression",
            code=ExitCode.UNKNOWN_ACTION,
        )
    if isinstance(error, PermissionDenied):
        text = "the event_filter of the URL needs the write class system"
        return wrong(
            "filters",
            f"{text}, which the user does not have",
            f"[{target.user}]",
            "eventfilter = ...  ; here, instead of in the program",
            code=ExitCode.PERMISSION_DENIED,
        )
    if isinstance(error, ActionError):
        text = f"the event_filter of the URL is refused: {said or error}"
        return wrong("filters", text, code=ExitCode.REFUSED)
    if isinstance(error, ProtocolError):
        change = [_IN_PLAIN_TEXT] if "without a challenge" in str(error) else []
        text = f"what the server says cannot be AMI: {error}"
        return wrong("login", text, *change, code=ExitCode.NO_AMI)
    restarts = "shutting down" in str(error)
    return wrong(
        "login",
        f"the link ended before the login was answered: {error}",
        *(["; it may be restarting: try again"] if restarts else []),
        code=ExitCode.NOT_REACHED,
    )


def _refused_login(target: Target, local: str, said: str, error: ManagerAuthError) -> Finding:
    if said == "Login Already In Use":
        return wrong(
            "login",
            f"{target.user} is logged in already, and may be only once",
            f"[{target.user}]",
            "allowmultiplelogin = yes",
            code=ExitCode.LOGIN_REFUSED,
        )
    if said != "Authentication failed":
        text = "the server gives no challenge, and without TLS the secret itself is not sent"
        return wrong(
            "login",
            f"{text}: {said or error}",
            _IN_PLAIN_TEXT,
            code=ExitCode.LOGIN_REFUSED,
        )
    mask = "128" if ":" in local else "255.255.255.255"
    return wrong(
        "login",
        f"the login as {target.user} is refused, and Asterisk does not say why: "
        "there is no such user, the secret is another one (or the user has none), "
        f"or {local or 'this address'} is not permitted",
        f"[{target.user}]",
        "secret = ...  ; the one that this program uses",
        *([f"permit = {local}/{mask}"] if local else []),
        "; then: manager reload. Asterisk's log tells which it was:",
        ";   tried to authenticate with nonexistent user: the name of the section",
        ";   failed to pass IP ACL: deny, permit or acl, of the user or in [general]",
        ";   failed to authenticate, and nothing else: the secret",
        code=ExitCode.LOGIN_REFUSED,
    )


def lost_link(error: Exception) -> Finding:
    """Report that the link was lost during the checks."""
    return wrong("link", f"the link did not last: {error}", code=ExitCode.NOT_REACHED)


# What works on a link that is logged in


def round_trip(measured: RoundTrip) -> Iterator[Finding]:
    """Report the duration of a Ping, and the server's clock."""
    text = f"an answer takes {measured.seconds * 1000:.1f} ms"
    if measured.seconds > _SLOW:
        yield hint("time", f"{text}, which is long: the server or the network is busy")
    else:
        yield ok("time", text)
    if measured.clock is not None and abs(measured.clock) > _CLOCK_DIFFERENCE:
        direction = "ahead of" if measured.clock > 0 else "behind"
        difference = f"{abs(measured.clock):.0f} s {direction}"
        yield hint("time", f"the server's clock is {difference} this machine's")


def empty_mask(mask: EventMask) -> Finding:
    """Report that the URL asks for no events."""
    text = f"the URL asks for no events: event_mask={mask.text}"
    return wrong("mask", text, "in the URL: event_mask=on, or none")


def mask(target: Target, reply: Response) -> Finding:
    """Report the event mask, from the response to the action Events."""
    if not reply.success and reply.message:
        return wrong("mask", f"the event mask {target.mask.text} is refused: {reply.message}")
    if reply.get("Events") is None:
        return hint(
            "mask",
            "the server does not answer the action Events, which programs may wait for",
            "[general]",
            "brokeneventsaction = no",
        )
    if target.mask.is_all:
        return ok("mask", f"all events are asked for that {target.user} may read")
    return ok("mask", f"events are asked for of {target.mask.text}")


def rights(target: Target, rights: Rights, seen: Iterable[Event]) -> Iterator[Finding]:
    """Report the read and write classes of the user."""
    yield _read_rights(target, rights, seen)
    if rights.write is not None:
        yield _write_rights(target, rights, rights.write)
    if rights.has_short_write_timeout:
        text = "the server ends the link if a write is held up for 100 ms"
        yield hint(
            "write",
            f"{text}, as when this machine is suspended",
            f"[{target.user}]",
            "writetimeout = 5000",
        )


def _read_rights(target: Target, rights: Rights, seen: Iterable[Event]) -> Finding:
    if rights.read is None:
        proven = {label for event in seen for label in event.privileges}
        known = f"; what came proves {in_order(proven)}" if proven else ""
        return hint(
            "read",
            f"which events {target.user} may read cannot be learned "
            f"without the write class command, config or system{known}",
            f"at Asterisk's own prompt: manager show user {target.user}",
        )
    if rights.read:
        return ok("read", f"events of {in_order(rights.read)} ({rights.source})")
    return wrong(
        "read",
        f"{target.user} may read no events at all, as {rights.source} says: none will ever come",
        f"[{target.user}]",
        "read = call,agent,user",
        "; then: manager reload, and log in again",
    )


def _write_rights(target: Target, rights: Rights, write: frozenset[str]) -> Finding:
    count = "" if rights.actions is None else f"; {len(rights.actions)} actions"
    if write:
        return ok("write", f"actions of {in_order(write)} ({rights.source}{count})")
    return hint(
        "write",
        f"{target.user} may send only what needs no write class ({rights.source}{count})",
        f"[{target.user}]",
        "write = originate,call,reporting  ; as is needed",
    )


def filters(target: Target, rights: Rights) -> Iterator[Finding]:
    """Report the lines of manager.conf that hold events back."""
    if rights.event_filters:
        lines = [f"{name} = {value}" for name, value in rights.event_filters]
        yield hint(
            "filters",
            f"manager.conf lets {target.user} have only some events: {'; '.join(lines)}",
            f"[{target.user}]",
            *(f"; {line}" for line in lines),
            "; without these lines all come",
        )
    if rights.disabled_events:
        disabled = ",".join(rights.disabled_events)
        text = f"some events are sent to nobody: disabledevents = {disabled}"
        yield hint("filters", text, "[general]", "disabledevents =  ; nothing")


def no_filters() -> Finding:
    """Report that manager.conf, which the user may read, has no filters."""
    return ok("filters", "manager.conf holds no events back")


def login_event(target: Target, name: str, came: bool) -> Finding:
    """Report whether the login's own event came, which a filter may hold back."""
    if came:
        return ok("filters", "nothing holds events back")
    return hint(
        "filters",
        f"the event {name} of this login did not come, though {target.user} may read "
        "the class security: something holds events back",
        f"[{target.user}]",
        "; eventfilter = ...",
        "[general]",
        "; disabledevents = ...",
    )


def action(target: Target, rights: Rights, name: str) -> Finding:
    """Report on an action that should be allowed."""
    demand = Demand.of(name)
    if rights.actions is None:
        text = f"whether {name} is allowed cannot be learned: ListCommands is refused"
        return hint("action", text)
    if demand.action.lower() in rights.actions:
        return ok("action", f"{demand.action} is allowed")
    write = rights.write or frozenset()
    if demand.any_of and not write & set(demand.any_of):
        needed = " or ".join(demand.any_of)
        return wrong(
            "action",
            f"{demand.action} needs the write class {needed}, which {target.user} does not have",
            f"[{target.user}]",
            _added("write", demand.any_of[-1:], None if rights.is_partial else write),
            code=ExitCode.PERMISSION_DENIED,
        )
    close = close_name(name, rights.actions.values())
    meant = f"; is {close} meant?" if close and close.lower() != name.lower() else ""
    why = "its module is not loaded, or it is of another version"
    text = f"this server has no action {demand.action}: {why}{meant}"
    return wrong("action", text, code=ExitCode.UNKNOWN_ACTION)


def _added(setting: str, labels: Iterable[str], given: frozenset[str] | None = None) -> str:
    """Return a line for manager.conf that adds classes, and can be pasted without removing any.

    Args:
        setting: `read` or `write`.
        labels: the classes to add.
        given: the classes that the user has; `None` if they are not all known.
    """
    if given is None:
        return f"; {setting}: add {in_order(labels)} to what is there"
    return f"{setting} = {in_order({*given, *labels})}"


def event(target: Target, rights: Rights, name: str, version: str = "") -> Finding:
    """Report on an event that should come.

    Args:
        target, rights, name: the server, the user's rights, the event's name.
        version: the server's AMI version.
    """
    if error := misnamed(name, version=version):
        return hint("event", error)
    cls = type(events.parse(f"Event: {name}"))
    name = cls.wire_name or name
    classes = read_classes(name)
    if not classes:
        text = f"Asterisk makes no event {name}; it comes only if a module of others sends it"
        return hint("event", text)
    needed = in_order(classes)
    if rights.read is not None and not set(classes) <= rights.read:
        return wrong(
            "event",
            f"{name} needs the read class {needed}, which {target.user} does not have",
            f"[{target.user}]",
            _added("read", classes, rights.read),
            code=ExitCode.PERMISSION_DENIED,
        )
    if not target.mask.includes(*classes):
        text = f"{name} is of {needed}, and the URL asks for events of {target.mask.text} only"
        return wrong("event", text, "in the URL: event_mask=on")
    disabled = rights.disabled_events
    others = [each for each in disabled if each.lower() != name.lower()]
    if others != disabled:
        change = f"disabledevents = {','.join(others)}".rstrip()
        return wrong("event", f"{name} is sent to nobody", "[general]", change)
    if not rights.pass_filters(name, classes):
        return wrong(
            "event",
            f"{name} is let through by no eventfilter of {target.user}",
            f"[{target.user}]",
            f"eventfilter = ^Event: {name}[[:space:]]",
        )
    if rights.read is None:
        text = f"{name} comes if {target.user} has the read class {needed}"
        return hint("event", text, f"[{target.user}]", _added("read", classes))
    return ok("event", f"{name} may come")


def refused_test_event(target: Target, reply: Response) -> Finding:
    """Report that the user may not make an event."""
    text = f"no event could be made for a test: {reply.message}"
    return hint("probe", text, f"[{target.user}]", f"{_added('write', ('user',))}, for this test")


def made_event(target: Target, came: bool) -> Finding:
    """Report whether the event came that was made for a test."""
    if came:
        return ok("probe", "an event that was made for a test came")
    why = "the class user is not readable, or a filter holds it back"
    return wrong(
        "probe",
        f"an event that was made for a test did not come: {why}",
        f"[{target.user}]",
        _added("read", ("user",)),
        "; eventfilter = ...",
    )


def received(came: list[Event], seconds: float) -> Finding:
    """Report the events that came while the doctor listened."""
    if not came:
        text = f"none came in {seconds:g} s; that is as it should be if nothing happened"
        return ok("events", text)
    labels = Counter(label for event in came for label in event.privileges or ("no class",))
    counts = ", ".join(f"{label} {count}" for label, count in labels.most_common())
    return ok("events", f"{len(came)} came in {seconds:g} s: {counts}")


def booted() -> Finding:
    """Report that the server is fully booted."""
    return ok("boot", "Asterisk is fully booted")


def booting() -> Finding:
    """Report that the server is not fully booted."""
    effect = "many actions fail or show nothing before it is fully booted"
    text = f"Asterisk is still loading its modules: {effect}"
    return wrong("boot", text, "; wait for it: await mgr.wait_booted()")


def unknown_boot(error: Exception) -> Finding:
    """Report that the server could not be asked if it is fully booted."""
    return hint("boot", f"whether Asterisk is fully booted cannot be learned: {error}")


def unreadable_boot(target: Target) -> Finding:
    """Report that the user may neither ask if the server is booted, nor get the event for it."""
    return hint(
        "boot",
        "whether Asterisk is fully booted cannot be learned: "
        "that needs the read class system, or the write class command",
        f"[{target.user}]",
        _added("read", ("system",)),
    )
