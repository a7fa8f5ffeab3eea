"""Events of media: the reports that both ends of an RTP stream send each other."""

from __future__ import annotations

from ..fields import Integer, Number, Numbered, Text, View
from .snapshots import ChannelEvent

__all__ = [
    "RTCPEvent",
    "RTCPReceived",
    "RTCPSent",
    "Report",
]


class Report(View):
    """A report of one end on its reception of one source."""

    __slots__ = ()

    source_ssrc = Text("SourceSSRC")
    fraction_lost = Integer("FractionLost")
    """Of 256."""
    cumulative_lost = Integer("CumulativeLost")
    highest_sequence = Integer("HighestSequence")
    sequence_number_cycles = Integer("SequenceNumberCycles")
    ia_jitter = Integer("IAJitter")
    lsr = Integer("LSR")
    dlsr = Number("DLSR")


class RTCPEvent(ChannelEvent, abstract=True):
    """An event about one RTCP packet."""

    read_classes = ("reporting",)

    ssrc = Text("SSRC")
    pt = Text("PT")
    """`200(SR)`, a sender's report, or `201(RR)`, a receiver's."""
    report_count = Integer("ReportCount")
    sent_ntp = Text("SentNTP")
    sent_rtp = Integer("SentRTP")
    sent_packets = Integer("SentPackets")
    sent_octets = Integer("SentOctets")
    reports = Numbered(Report, "Report{}")
    """The `ReportCount` reports in it."""


class RTCPReceived(RTCPEvent):
    """An RTCP packet came in."""

    from_ = Text("From")
    rtt = Number("RTT")
    """Seconds."""
    mes = Number("MES")
    """The media experience score from 0 to 100, which is of the sound. Asterisk 16 has none."""


class RTCPSent(RTCPEvent):
    """An RTCP packet went out."""

    to = Text("To")
