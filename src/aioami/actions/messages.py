"""Text messages outside of calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..responses.base import Response
from .base import KnownAction
from .parameters import base64, header
from .parameters import variables as _variables

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "JabberSend",
    "MessageSend",
]


class MessageSend(KnownAction[Response]):
    """Send a text message. Success means that it was handed over, not that it arrived.

    Args:
        to: the receiver, as `pjsip:alice` or `xmpp:...`. With a destination, the To header.
        body: the text, without line breaks.
        destination: where to, if that is not `to`; from Asterisk 16.
        from_: whom it is from, as the technology wants it.
        base64_body: the body in Base64, for one with line breaks: as bytes, or encoded already.
        variables: variables for the technology; the headers, for SIP.
    """

    privilege = ("message",)

    to: str | bytes | None = header("To", default=None)
    body: str | bytes | None = header("Body", default=None)
    _: KW_ONLY
    destination: str | bytes | None = header("Destination", default=None)
    from_: str | bytes | None = header("From", default=None)
    base64_body: bytes | str | None = header("Base64Body", base64, default=None)
    variables: Mapping[str, str | bytes | int] | None = header("Variable", _variables, default=None)


class JabberSend(KnownAction[Response]):
    """Send a message over XMPP.

    Asterisk answers twice, first that it will try; the second answer counts.

    Args:
        jabber: the account of this server.
        jid: the receiver. It is sent as `ScreenName`, which Asterisk reads, whatever it documents.
        message: the text.
    """

    privilege = ("system",)
    reply_count = 2
    fenced = True
    holds_session = True

    jabber: str | bytes = header("Jabber")
    jid: str | bytes = header("ScreenName")
    message: str | bytes = header("Message")
