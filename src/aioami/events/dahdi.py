"""Events of telephony cards: channels, spans and their alarms."""

from __future__ import annotations

from ..fields import Boolean, Identifier, Integer, Text
from .base import KnownEvent
from .snapshots import ChannelEvent, ListComplete

__all__ = [
    "MCID",
    "Alarm",
    "AlarmClear",
    "DAHDIChannel",
    "DAHDIShowChannels",
    "DAHDIShowChannelsComplete",
    "DAHDIShowStatus",
    "DAHDIShowStatusComplete",
    "DNDState",
    "PRIShowSpans",
    "PRIShowSpansComplete",
    "SpanAlarm",
    "SpanAlarmClear",
]


class DAHDIChannel(ChannelEvent):
    """A channel has come to be carried by a card."""

    read_classes = ("call",)

    dahdi_group = Text("DAHDIGroup")
    dahdi_span = Integer("DAHDISpan")
    span = dahdi_span.alias()
    dahdi_channel = Text("DAHDIChannel")


class Alarm(KnownEvent):
    """A card's channel has an alarm."""

    read_classes = ("system",)

    dahdi_channel = Text("DAHDIChannel")
    alarm = Text("Alarm")


class AlarmClear(KnownEvent):
    """The alarm of a card's channel is over."""

    read_classes = ("system",)

    dahdi_channel = Text("DAHDIChannel")


class SpanAlarm(KnownEvent):
    """A span has an alarm."""

    read_classes = ("system",)

    span = Integer("Span")
    alarm = Text("Alarm")


class SpanAlarmClear(KnownEvent):
    """The alarm of a span is over."""

    read_classes = ("system",)

    span = Integer("Span")


class DNDState(KnownEvent):
    """Do-not-disturb was switched on a card's channel."""

    read_classes = ("system",)

    dahdi_channel = Text("DAHDIChannel")
    status = Boolean("Status")


class DAHDIShowChannels(KnownEvent):
    """A card's channel, as the action `DAHDIShowChannels` lists it."""

    dahdi_channel = Integer("DAHDIChannel")
    channel = Identifier("Channel")
    uniqueid = Identifier("Uniqueid")
    account_code = Text("AccountCode")
    signalling = Text("Signalling")
    signalling_code = Integer("SignallingCode")
    context = Text("Context")
    dnd = Boolean("DND")
    alarm = Text("Alarm")
    description = Text("Description")


class DAHDIShowChannelsComplete(ListComplete):
    """The end of a list of `DAHDIShowChannels`."""

    items_ = Integer("Items")


class DAHDIShowStatus(KnownEvent):
    """A span and its line errors, as the action `DAHDIShowStatus` lists it. From Asterisk 18."""

    span = Integer("Span")
    dahdi_span = span.alias()
    description = Text("Description")
    alarms = Text("Alarms")
    irq = Integer("IRQ")
    bpviol = Integer("bpviol")
    crc = Integer("CRC")
    framing = Text("Framing")
    coding = Text("Coding")
    options = Text("Options")
    lbo = Text("LBO")


class DAHDIShowStatusComplete(ListComplete):
    """The end of a list of `DAHDIShowStatus`."""

    items_ = Integer("Items")


class PRIShowSpans(KnownEvent):
    """An ISDN span, as the action `PRIShowSpans` lists it."""

    span = Integer("Span")
    d_channel = Integer("DChannel")
    order = Text("Order")
    active = Boolean("Active")
    alarm = Boolean("Alarm")
    up = Boolean("Up")


class PRIShowSpansComplete(ListComplete):
    """The end of a list of `PRIShowSpans`."""

    items_ = Integer("Items")


class MCID(ChannelEvent):
    """Somebody asked the ISDN network to note who called (malicious call identification)."""

    read_classes = ("call",)

    m_caller_id_num_valid = Boolean("MCallerIDNumValid")
    m_caller_id_num = Text("MCallerIDNum")
    m_caller_id_ton = Integer("MCallerIDton")
    m_caller_id_num_plan = Integer("MCallerIDNumPlan")
    m_caller_id_num_pres = Text("MCallerIDNumPres")
    m_caller_id_name_valid = Boolean("MCallerIDNameValid")
    m_caller_id_name = Text("MCallerIDName")
    m_caller_id_name_char_set = Text("MCallerIDNameCharSet")
    m_caller_id_name_pres = Text("MCallerIDNamePres")
    m_caller_id_subaddr = Text("MCallerIDSubaddr")
    m_caller_id_subaddr_type = Integer("MCallerIDSubaddrType")
    m_caller_id_subaddr_odd = Boolean("MCallerIDSubaddrOdd")
    m_caller_id_pres = Text("MCallerIDPres")
    m_connected_id_num_valid = Boolean("MConnectedIDNumValid")
    m_connected_id_num = Text("MConnectedIDNum")
    m_connected_id_ton = Integer("MConnectedIDton")
    m_connected_id_num_plan = Integer("MConnectedIDNumPlan")
    m_connected_id_num_pres = Text("MConnectedIDNumPres")
    m_connected_id_name_valid = Boolean("MConnectedIDNameValid")
    m_connected_id_name = Text("MConnectedIDName")
    m_connected_id_name_char_set = Text("MConnectedIDNameCharSet")
    m_connected_id_name_pres = Text("MConnectedIDNamePres")
    m_connected_id_subaddr = Text("MConnectedIDSubaddr")
    m_connected_id_subaddr_type = Integer("MConnectedIDSubaddrType")
    m_connected_id_subaddr_odd = Boolean("MConnectedIDSubaddrOdd")
    m_connected_id_pres = Text("MConnectedIDPres")
