"""Small SIP telephones over UDP for tests: signalling alone, no sound and no password.

They call, ring, answer, are busy, hold, transfer (blind, and after a word), and hang up. A server of `aioami.testing.real` gets
an endpoint for each of them with `Phones.start()`.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final

import async_timeout

from aioami import Manager, actions, core
from aioami.testing.real import RealAsterisk

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Leg", "Phone", "Phones"]

_HOST: Final = "127.0.0.1"
_ALLOW: Final = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER, UPDATE\r\nSupported: replaces\r\n"
_numbers = itertools.count(1)


def _token() -> str:
    return f"aioami{next(_numbers)}"


def _tag(value: str) -> str:
    found = re.search(r";tag=([^;>\s]+)", value)
    return found[1] if found else ""


def _uri(value: str) -> str:
    found = re.search(r"<([^>]+)>", value)
    return found[1] if found else value.partition(";")[0]


class _Message:
    """A SIP message as it came."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        self.first, *lines = head.split("\r\n")
        self.headers = [
            (name.strip().lower(), value.strip()) for name, _, value in (each.partition(":") for each in lines)
        ]
        words = self.first.split(" ", 2)
        self.code = int(words[1]) if words[0] == "SIP/2.0" else None
        self.method = self.get("cseq").split(" ")[-1] if self.code is not None else words[0]

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def getall(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


class Leg:
    """One call of a telephone."""

    def __init__(self, phone: Phone, call_id: str, local: str, remote: str, target: str) -> None:
        self.phone, self.call_id, self.local, self.remote, self.target = phone, call_id, local, remote, target
        self.sequence = 1
        self.branch = ""
        self.mode = self.offered = "sendrecv"
        self.offer: int | None = None  # the number of the INVITE that offers a mode, until it is answered
        self.invite: _Message | None = None
        self.rings = asyncio.Event()
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()

    def answer(self) -> None:
        """Answer a call that came in."""
        assert self.invite is not None
        self.phone.reply(self.invite, "200 OK", self, self.phone.sdp())
        self.answered.set()

    def hang_up(self) -> None:
        """End it: also a call of one's own that nobody has answered yet."""
        if self.answered.is_set():
            self.phone.request(self, "BYE")
        elif self.invite is None:
            self.phone.request(self, "CANCEL", branch=self.branch, sequence=self.sequence)
        else:
            self.phone.reply(self.invite, "486 Busy Here", self)
        self.ended.set()

    def hold(self, held: bool = True) -> None:
        """Put the other on hold, or take it from hold."""
        self.mode = "sendonly" if held else "sendrecv"
        if self.offer is None:
            self._offer()

    def _offer(self) -> None:
        if self.phone.is_closed:
            return
        self.offered = self.mode
        self.branch = self.phone.request(self, "INVITE", body=self.phone.sdp(self.mode))
        self.offer = self.sequence

    def settle(self, code: int) -> None:
        """Take the answer to an offer. While a server has an offer of its own, or one before, it refuses another one."""
        if code in (491, 500):
            self.offer = 0  # until it is made again
            asyncio.get_running_loop().call_later(0.1, self._offer)
        elif self.offered != self.mode:
            self._offer()
        else:
            self.offer = None

    def transfer(self, exten: str) -> None:
        """Transfer the other to an extension, without a word."""
        self._refer(f"<sip:{exten}@{_HOST}:{self.phone.server}>")

    def transfer_to(self, other: Leg) -> None:
        """Transfer the other to the one of another call of this telephone."""
        replaces = f"{other.call_id}%3Bto-tag%3D{_tag(other.remote)}%3Bfrom-tag%3D{_tag(other.local)}"
        self._refer(f"<{other.target}?Replaces={replaces}>")

    def _refer(self, to: str) -> None:
        self.phone.request(self, "REFER", f"Refer-To: {to}\r\nReferred-By: {_uri(self.local)}\r\n")

    async def until(self, event: asyncio.Event) -> None:
        async with async_timeout.timeout(10):
            await event.wait()


class Phone(asyncio.DatagramProtocol):
    """A telephone.

    Args:
        name: the name of its endpoint.
        server: the SIP port of the server.

    Attributes:
        does: what it does when it is called: `answer`, `ring` or `busy`.
    """

    def __init__(self, name: str, server: int) -> None:
        self.name, self.server = name, server
        self.does = "answer"
        self.port = 0
        self.legs: dict[str, Leg] = {}
        self.incoming: asyncio.Queue[Leg] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Be reachable."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(_HOST, 0))
        self.port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        """Be there no more."""
        assert self._transport is not None
        self._transport.close()

    @property
    def is_closed(self) -> bool:
        """True if it is there no more."""
        return self._transport is None or self._transport.is_closing()

    def call(self, exten: str) -> Leg:
        """Call an extension."""
        local = f"<sip:{self.name}@{_HOST}:{self.port}>;tag={_token()}"
        target = f"sip:{exten}@{_HOST}:{self.server}"
        leg = Leg(self, f"{_token()}-{self.port}", local, f"<{target}>", target)
        self.legs[leg.call_id] = leg
        leg.branch = self.request(leg, "INVITE", body=self.sdp(), sequence=leg.sequence)
        return leg

    async def next_call(self) -> Leg:
        """Return the next call that comes in."""
        async with async_timeout.timeout(10):
            return await self.incoming.get()

    def sdp(self, mode: str = "sendrecv") -> str:
        return (
            f"v=0\r\no=- 1 {next(_numbers)} IN IP4 {_HOST}\r\ns=-\r\nc=IN IP4 {_HOST}\r\nt=0 0\r\n"
            f"m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na={mode}\r\n"
        )

    def request(
        self, leg: Leg, method: str, extra: str = "", *, body: str = "", branch: str = "", sequence: int | None = None
    ) -> str:
        """Send a request, and return its branch."""
        if sequence is None:
            leg.sequence += 1
            sequence = leg.sequence
        branch = branch or f"z9hG4bK{_token()}"
        self._send(
            f"{method} {leg.target} SIP/2.0\r\nVia: SIP/2.0/UDP {_HOST}:{self.port};branch={branch};rport\r\nMax-Forwards: 70\r\n"
            f"From: {leg.local}\r\nTo: {leg.remote}\r\nCall-ID: {leg.call_id}\r\nCSeq: {sequence} {method}\r\n"
            f"Contact: <sip:{self.name}@{_HOST}:{self.port}>\r\n{_ALLOW}{extra}",
            body,
        )
        return branch

    def reply(self, message: _Message, status: str, leg: Leg | None = None, body: str = "") -> None:
        """Answer a request."""
        to = message.get("to")
        if leg is not None and not _tag(to):
            to = leg.local
        vias = "".join(f"Via: {each}\r\n" for each in message.getall("via"))
        self._send(
            f"SIP/2.0 {status}\r\n{vias}From: {message.get('from')}\r\nTo: {to}\r\nCall-ID: {message.get('call-id')}\r\n"
            f"CSeq: {message.get('cseq')}\r\nContact: <sip:{self.name}@{_HOST}:{self.port}>\r\n{_ALLOW}",
            body,
        )

    def _send(self, head: str, body: str) -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        assert self._transport is not None
        self._transport.sendto(f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode(), (_HOST, self.server))

    def datagram_received(self, data: bytes, addr: object) -> None:
        message = _Message(data)
        leg = self.legs.get(message.get("call-id"))
        if message.code is not None:
            if leg is not None and message.method == "INVITE":
                self._replied(leg, message, message.code)
        elif message.method == "INVITE" and leg is None:
            self._invited(message)
        elif message.method == "INVITE":
            if _tag(message.get("to")):
                self.reply(message, "200 OK", leg, self.sdp())
        elif message.method != "ACK":
            self.reply(message, "200 OK", leg, self.sdp() if message.method == "UPDATE" and message.body else "")
            if leg is not None and message.method == "CANCEL" and leg.invite is not None and not leg.answered.is_set():
                self.reply(leg.invite, "487 Request Terminated", leg)
            if leg is not None and message.method in ("BYE", "CANCEL"):
                leg.ended.set()

    def _replied(self, leg: Leg, message: _Message, code: int) -> None:
        if code < 180:
            return
        if code < 300:
            if _tag(message.get("to")) and leg.invite is None:
                leg.remote = message.get("to")
            leg.target = _uri(message.get("contact")) or leg.target
            leg.rings.set()
        if code >= 200:
            number = int(message.get("cseq").split()[0])
            branch = "" if code < 300 else leg.branch
            self.request(leg, "ACK", branch=branch, sequence=number)
            if number == leg.offer:
                leg.settle(code)
                return
            (leg.answered if code < 300 else leg.ended).set()

    def _invited(self, message: _Message) -> None:
        local = f"{message.get('to')};tag={_token()}"
        leg = Leg(self, message.get("call-id"), local, message.get("from"), _uri(message.get("contact")))
        leg.invite = message
        self.legs[leg.call_id] = leg
        if self.does == "busy":
            self.reply(message, "486 Busy Here", leg)
            leg.ended.set()
            return
        self.reply(message, "180 Ringing", leg)
        leg.rings.set()
        if self.does == "answer":
            leg.answer()
        self.incoming.put_nowait(leg)


class Phones:
    """Telephones with an endpoint each on a real server, which call by the context `phones`.

    There `NAME` rings a telephone, `both` rings the first two, `sales-queue` is a queue whose member is the second telephone,
    `room` is a conference, `lot` a parking lot whose places can be called, and `*8` takes a call that rings.
    """

    def __init__(self, server: RealAsterisk, manager: Manager, names: Iterable[str] = ("ada", "bob", "eve")) -> None:
        self._server, self._manager = server, manager
        port = int((server.directory / "etc/pjsip.conf").read_text().partition(f"bind = {_HOST}:")[2].split()[0])
        self.phones = {name: Phone(name, port) for name in names}

    def __getitem__(self, name: str) -> Phone:
        return self.phones[name]

    async def __aenter__(self) -> Self:
        lines = []
        for name, phone in self.phones.items():
            await phone.open()
            lines.append(
                f"[{name}]\ntype = endpoint\ncontext = phones\ndisallow = all\nallow = ulaw\naors = {name}\ncall_group = 1\n"
                f'pickup_group = 1\ncallerid = "{name.capitalize()}" <{name}>\ndirect_media = no\nrefer_blind_progress = no\n'
                f"[{name}]\ntype = aor\ncontact = sip:{name}@{_HOST}:{phone.port}\n"
            )
        path = self._server.directory / "etc/pjsip.conf"
        self._before = path.read_text()
        path.write_text(self._before + "".join(lines))
        await self._manager.send(core.Command("module reload res_pjsip.so"))
        one, two = list(self.phones)[:2]
        plan = [
            *((name, "1", "Dial", f"PJSIP/{name},20") for name in self.phones),
            ("both", "1", "Dial", f"PJSIP/{one}&PJSIP/{two},20"),
            ("far", "1", "Dial", f"Local/{two}@phones/n,20"),
            ("sales-queue", "1", "Queue", "empty"),
            ("room", "1", "ConfBridge", "room9"),
            ("lot", "1", "Park", ""),
            ("fetch", "1", "ParkedCall", "default"),
            ("*8", "1", "Pickup", ""),
            ("menu", "1", "Answer", ""),
            ("menu", "2", "Wait", "60"),
        ]
        for exten, priority, application, data in plan:
            await self._manager.send(
                actions.DialplanExtensionAdd(
                    "phones", exten, priority, application, application_data=data or None, replace=True
                )
            )
        await self._manager.send(core.QueueAdd(f"PJSIP/{two}", "empty"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._manager.send(core.Hangup("/^PJSIP/"), check=False)
        await self._manager.send(core.QueueRemove(f"PJSIP/{list(self.phones)[1]}", "empty"), check=False)
        (self._server.directory / "etc/pjsip.conf").write_text(self._before)
        await self._manager.send(core.Command("module reload res_pjsip.so"))
        await self._manager.send(core.Command("dialplan remove context phones"))
        for phone in self.phones.values():
            phone.close()
