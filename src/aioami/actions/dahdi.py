"""Telephony cards: their channels and spans (chan_dahdi)."""

from __future__ import annotations

from ..events import dahdi as events
from ..events.dahdi import DAHDIShowChannelsComplete, DAHDIShowStatusComplete, PRIShowSpansComplete
from ..responses.base import ListReply, Response
from .base import KnownAction
from .parameters import header, one_of, whole_number

__all__ = [
    "DAHDIDNDoff",
    "DAHDIDNDon",
    "DAHDIDialOffhook",
    "DAHDIHangup",
    "DAHDIRestart",
    "DAHDIShowChannels",
    "DAHDIShowStatus",
    "DAHDITransfer",
    "PRIDebugFileSet",
    "PRIDebugFileUnset",
    "PRIDebugSet",
    "PRIShowSpans",
]


class _DAHDIChannel(KnownAction[Response], abstract=True):
    """An action on a card's channel."""

    dahdi_channel: str | bytes | int = header("DAHDIChannel")


class DAHDIShowChannels(
    KnownAction[ListReply[events.DAHDIShowChannels, DAHDIShowChannelsComplete]]
):
    """List the channels of the cards.

    Args:
        dahdi_channel: only this one, by its number; left out, all.
    """

    reads_only = True

    dahdi_channel: str | bytes | int | None = header("DAHDIChannel", default=None)


class DAHDIShowStatus(KnownAction[ListReply[events.DAHDIShowStatus, DAHDIShowStatusComplete]]):
    """List the spans and their line errors. From Asterisk 18.23, 20.8 and 21.3."""

    reads_only = True
    empty_list_messages = ("No DAHDI detected",)


class DAHDIDialOffhook(_DAHDIChannel):
    """Dial a number on a channel whose telephone is off the hook.

    Args:
        dahdi_channel: the channel's number.
        number: the number to dial.
    """

    number: str | bytes | int = header("Number")


class DAHDIHangup(_DAHDIChannel):
    """Hang a card's channel up.

    Args:
        dahdi_channel: the channel's number.
    """


class DAHDITransfer(_DAHDIChannel):
    """Act as if the telephone of a channel had asked for a transfer.

    Args:
        dahdi_channel: the channel's number.
    """


class DAHDIDNDon(_DAHDIChannel):
    """Switch do-not-disturb on for a channel.

    Args:
        dahdi_channel: the channel's number.
    """


class DAHDIDNDoff(_DAHDIChannel):
    """Switch do-not-disturb off for a channel.

    Args:
        dahdi_channel: the channel's number.
    """


class DAHDIRestart(KnownAction[Response]):
    """Restart all channels of the cards, which ends their calls.

    A failure also ends the connection.
    """

    holds_session = True


class PRIShowSpans(KnownAction[ListReply[events.PRIShowSpans, PRIShowSpansComplete]]):
    """List the ISDN spans.

    Args:
        span: only this one; left out, all.
    """

    reads_only = True

    span: int | None = header("Span", whole_number(minimum=1), default=None)


class PRIDebugSet(KnownAction[Response]):
    """Set the level of debug messages for an ISDN span.

    For an unknown span Asterisk may answer twice.

    Args:
        span: its number.
        level: `off`, `on`, `hex` or `intense`.
    """

    reply_count = 2
    fenced = True

    span: int = header("Span", whole_number(minimum=1))
    level: str = header("Level", one_of("off", "on", "hex", "intense"))


class PRIDebugFileSet(KnownAction[Response]):
    """Write the log of ISDN signalling into a file.

    Args:
        file: its path.
    """

    privilege = ("system",)

    file: str | bytes = header("File")


class PRIDebugFileUnset(KnownAction[Response]):
    """Stop writing the log of ISDN signalling into a file."""
