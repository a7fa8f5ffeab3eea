"""Replies of chan_skinny.

They have no `Response` header on the wire, and are missing for an unknown device or line.
"""

from __future__ import annotations

from ..fields import Boolean, Integer, Text, Texts
from .base import Response

__all__ = ["SKINNYdeviceReply", "SKINNYlineReply"]


class _ObjectReply(Response):
    channeltype = Text("Channeltype")
    channel_type = channeltype.alias()
    object_name = Text("ObjectName")
    channel_object_type = Text("ChannelObjectType")
    codecs = Text("Codecs")
    codec_order = Text("CodecOrder")

    @property
    def success(self) -> bool:
        return super().success and self.object_name is not None


class SKINNYdeviceReply(_ObjectReply):
    """A device."""

    id = Text("Id")
    version = Text("version")
    ipaddress = Text("Ipaddress")
    ip_address = ipaddress.alias()
    port = Integer("Port")
    device_type = Text("DeviceType")
    devicestatus = Text("Devicestatus")
    number_of_lines = Integer("NumberOfLines")
    line = Texts("Line")
    number_of_addons = Integer("NumberOfAddons")
    addon = Texts("Addon")
    number_of_speeddials = Integer("NumberOfSpeeddials")
    speeddial = Texts("Speeddial")
    service_urls = Integer("ServiceURLs")


class SKINNYlineReply(_ObjectReply):
    """A line."""

    device = Text("Device")
    line_label = Text("LineLabel")
    extension = Text("Extension")
    context = Text("Context")
    call_group = Text("CallGroup")
    pickup_group = Text("PickupGroup")
    named_call_group = Text("NamedCallGroup")
    named_pickup_group = Text("NamedPickupGroup")
    language = Text("Language")
    accountcode = Text("Accountcode")
    account_code = accountcode.alias()
    ama_flags = Text("AMAflags")
    callerid = Text("Callerid")
    caller_id = callerid.alias()
    hide_caller_id = Boolean("HideCallerId")
    c_fwd_all = Text("CFwdAll")
    c_fwd_busy = Text("CFwdBusy")
    c_fwd_no_answer = Text("CFwdNoAnswer")
    voicemail_box = Text("VoicemailBox")
    voicemail_number = Text("VoicemailNumber")
    mwi_blink = Integer("MWIblink")
    reg_extension = Text("RegExtension")
    regcontext = Text("Regcontext")
    moh_interpret = Text("MoHInterpret")
    moh_suggest = Text("MoHSuggest")
    last_dialed_nr = Text("LastDialedNr")
    last_caller_id = Text("LastCallerID")
    transfer = Boolean("Transfer")
    callwaiting = Boolean("Callwaiting")
    _3_way_calling = Boolean("3WayCalling")
    can_forward = Boolean("CanForward")
    do_not_disturb = Boolean("DoNotDisturb")
    nat = Boolean("NAT")
    immediate = Boolean("immediate")
    group = Integer("Group")
    parkinglot = Text("Parkinglot")
