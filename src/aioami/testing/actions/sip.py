"""Actions of chan_sip, which Asterisk has until version 20."""

from __future__ import annotations

import re

from ..config import Category
from ..exchange import Exchange, Pairs
from .base import ID, Answer, Request, action, error, listed, success

_LAST = 20


def _peers(exchange: Exchange) -> list[Category]:
    categories = exchange.file("sip.conf").categories
    return [category for category in categories if category.name != "general"]


def _address(peer: Category) -> tuple[str, str]:
    host = peer.get("host")
    return ("-none-", "0") if host == "dynamic" else (host, peer.get("port", "5060"))


@action("SIPpeers", "system,reporting", "Lists the SIP peers", until=_LAST)
async def sip_peers(exchange: Exchange, request: Request) -> Answer:
    items: list[Pairs] = []
    for peer in _peers(exchange):
        address, port = _address(peer)
        items.append(
            [
                ("Event", "PeerEntry"),
                ID,
                ("Channeltype", "SIP"),
                ("ObjectName", peer.name),
                ("ChanObjectType", "peer"),
                ("IPaddress", address),
                ("IPport", port),
                ("Dynamic", "yes" if peer.get("host") == "dynamic" else "no"),
                ("AutoForcerport", "yes"),
                ("Forcerport", "no"),
                ("AutoComedia", "no"),
                ("Comedia", "no"),
                ("VideoSupport", "no"),
                ("TextSupport", "no"),
                ("ACL", "no"),
                ("Status", "Unmonitored"),
                ("RealtimeDevice", "no"),
                ("Description", peer.get("description")),
                ("Accountcode", peer.get("accountcode")),
            ]
        )
    return listed("Peer status list will follow", items, "PeerlistComplete")


@action("SIPshowpeer", "system,reporting", "Describes a SIP peer", until=_LAST)
async def sip_show_peer(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Peer")
    if not name:
        return error("Peer: <name> missing.")
    peer = next((each for each in _peers(exchange) if each.name == name), None)
    if peer is None:
        return error(f"Peer {name} not found.")
    dynamic = peer.get("host") == "dynamic"
    address, port = ("(null)", "0") if dynamic else _address(peer)
    direct = "N" if peer.get("directmedia", "yes") in ("no", "0", "false") else "Y"
    general = exchange.file("sip.conf")
    codecs = peer.get("allow") or general.get("general", "allow")
    return [
        ("Response", "Success"),
        ("Channeltype", "SIP"),
        ("ObjectName", peer.name),
        ("ChanObjectType", "peer"),
        ("SecretExist", "Y" if peer.get("secret") else "N"),
        ("RemoteSecretExist", "Y" if peer.get("remotesecret") else "N"),
        ("MD5SecretExist", "Y" if peer.get("md5secret") else "N"),
        ("Context", peer.get("context", "default")),
        ("Language", peer.get("language")),
        ("ToneZone", "<Not set>"),
        *([("Accountcode", peer.get("accountcode"))] if peer.get("accountcode") else []),
        ("AMAflags", "Unknown"),
        ("CID-CallingPres", "Presentation Allowed, Not Screened"),
        ("Callgroup", ""),
        ("Pickupgroup", ""),
        ("Named Callgroup", ""),
        ("Named Pickupgroup", ""),
        ("MOHSuggest", ""),
        ("VoiceMailbox", peer.get("mailbox")),
        ("TransferMode", "open"),
        ("LastMsgsSent", "-1" if peer.get("mailbox") else "0"),
        ("Maxforwards", "0"),
        ("Call-limit", peer.get("call-limit", "0")),
        ("Busy-level", peer.get("busylevel", "0")),
        ("MaxCallBR", "384 kbps"),
        ("Dynamic", "Y" if dynamic else "N"),
        ("Callerid", '"" <>'),
        ("RegExpire", "-1 seconds"),
        ("SIP-AuthInsecure", peer.get("insecure", "no")),
        ("SIP-Forcerport", "a"),
        ("SIP-Comedia", "N"),
        ("ACL", "N"),
        ("SIP-CanReinvite", direct),
        ("SIP-DirectMedia", direct),
        ("SIP-PromiscRedir", "N"),
        ("SIP-UserPhone", "N"),
        ("SIP-VideoSupport", "N"),
        ("SIP-TextSupport", "N"),
        ("SIP-T.38Support", "N"),
        ("SIP-T.38EC", "Unknown"),
        ("SIP-T.38MaxDtgrm", "4294967295"),
        ("SIP-Sess-Timers", "Accept"),
        ("SIP-Sess-Refresh", "uas"),
        ("SIP-Sess-Expires", "1800"),
        ("SIP-Sess-Min", "90"),
        ("SIP-RTP-Engine", "asterisk"),
        ("SIP-Encryption", "N"),
        ("SIP-RTCP-Mux", "N"),
        ("SIP-DTMFmode", peer.get("dtmfmode", "rfc2833")),
        ("ToHost", "" if dynamic else address),
        ("Address-IP", address),
        ("Address-Port", port),
        ("Default-addr-IP", "(null)"),
        ("Default-addr-port", "0"),
        ("Default-Username", peer.get("defaultuser")),
        ("Codecs", f"({codecs.replace(',', '|')})"),
        ("Status", "Unmonitored"),
        ("SIP-Useragent", ""),
        ("Reg-Contact", ""),
        ("QualifyFreq", "60000 ms"),
        ("Parkinglot", ""),
        ("SIP-Use-Reason-Header", "N"),
        ("Description", peer.get("description")),
    ]


@action("SIPshowregistry", "system,reporting", "Lists where this server registers", until=_LAST)
async def sip_show_registry(exchange: Exchange, request: Request) -> Answer:
    items: list[Pairs] = []
    categories = exchange.file("sip.conf").categories
    general = [part for part in categories if part.name == "general"]
    lines = [line for part in general for line in part.getall("register")]
    for line in lines:
        found = re.match(r"(?P<user>[^:@]+)(?::[^@]*)?@(?P<host>[^:/]+)(?::(?P<port>\d+))?", line)
        if found is not None:
            items.append(
                [
                    ("Event", "RegistryEntry"),
                    ID,
                    ("Host", found["host"]),
                    ("Port", found["port"] or "5060"),
                    ("Username", found["user"]),
                    ("Domain", found["host"]),
                    ("DomainPort", "5060"),
                    ("Refresh", "120"),
                    ("State", "Request Sent"),
                    ("RegistrationTime", "0"),
                ]
            )
    return listed("Registrations will follow", items, "RegistrationsComplete")


@action("SIPqualifypeer", "system,reporting", "Looks whether a SIP peer is there", until=_LAST)
async def sip_qualify_peer(exchange: Exchange, request: Request) -> Answer:
    name = request.get("Peer")
    if not name:
        return error("Peer: <name> missing.")
    if not any(peer.name == name for peer in _peers(exchange)):
        return error("Peer not found")
    exchange.clock.spawn(_qualified(exchange, name, request.action_id))
    return success("SIP peer found - will qualify")


async def _qualified(exchange: Exchange, name: str, action_id: str | None) -> None:
    await exchange.clock.sleep(0.01)
    own = [("ActionID", action_id)] if action_id else []
    exchange.emit("SIPQualifyPeerDone", [("Peer", name), *own])


@action("SIPnotify", "system", "Sends a NOTIFY to a SIP peer", until=_LAST)
async def sip_notify(exchange: Exchange, request: Request) -> Answer:
    if not request.get("Channel"):
        return error("SIPNotify requires a channel name")
    if not request.getall("Variable"):
        return error("SIPNotify requires at least one variable pair")
    return success("Notify Sent")
