"""Groups of headers that many events share: channels and bridges as they were at that moment."""

from __future__ import annotations

from ..fields import ChannelVariables, Integer, Text
from .base import KnownEvent

__all__ = [
    "BridgeEvent",
    "ChannelEvent",
    "DestEvent",
    "ListComplete",
    "LocalOneEvent",
    "LocalTwoEvent",
    "OrigTransfererEvent",
    "ParkeeEvent",
    "ParkerEvent",
    "RetrieverEvent",
    "SecondTransfererEvent",
    "SourceEvent",
    "SpyeeEvent",
    "SpyerEvent",
    "TransferTargetEvent",
    "TransfereeEvent",
    "TransfererEvent",
]


class ChannelEvent(KnownEvent, abstract=True):
    """An event about a channel."""

    __slots__ = ()

    channel = Text("Channel")
    channel_state = Integer("ChannelState")
    channel_state_desc = Text("ChannelStateDesc")
    caller_id_num = Text("CallerIDNum")
    caller_id_name = Text("CallerIDName")
    connected_line_num = Text("ConnectedLineNum")
    connected_line_name = Text("ConnectedLineName")
    language = Text("Language")
    account_code = Text("AccountCode")
    context = Text("Context")
    exten = Text("Exten")
    priority = Text("Priority")
    uniqueid = Text("Uniqueid")
    linkedid = Text("Linkedid")
    tenantid = Text("Tenantid")

    chan_variable = ChannelVariables("ChanVariable")


class DestEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that is called."""

    __slots__ = ()

    dest_channel = Text("DestChannel")
    dest_channel_state = Integer("DestChannelState")
    dest_channel_state_desc = Text("DestChannelStateDesc")
    dest_caller_id_num = Text("DestCallerIDNum")
    dest_caller_id_name = Text("DestCallerIDName")
    dest_connected_line_num = Text("DestConnectedLineNum")
    dest_connected_line_name = Text("DestConnectedLineName")
    dest_language = Text("DestLanguage")
    dest_account_code = Text("DestAccountCode")
    dest_context = Text("DestContext")
    dest_exten = Text("DestExten")
    dest_priority = Text("DestPriority")
    dest_uniqueid = Text("DestUniqueid")
    dest_linkedid = Text("DestLinkedid")
    dest_tenantid = Text("DestTenantid")

    dest_chan_variable = ChannelVariables("DestChanVariable")


class SourceEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that is left out or comes from elsewhere."""

    __slots__ = ()

    source_channel = Text("SourceChannel")
    source_channel_state = Integer("SourceChannelState")
    source_channel_state_desc = Text("SourceChannelStateDesc")
    source_caller_id_num = Text("SourceCallerIDNum")
    source_caller_id_name = Text("SourceCallerIDName")
    source_connected_line_num = Text("SourceConnectedLineNum")
    source_connected_line_name = Text("SourceConnectedLineName")
    source_language = Text("SourceLanguage")
    source_account_code = Text("SourceAccountCode")
    source_context = Text("SourceContext")
    source_exten = Text("SourceExten")
    source_priority = Text("SourcePriority")
    source_uniqueid = Text("SourceUniqueid")
    source_linkedid = Text("SourceLinkedid")
    source_tenantid = Text("SourceTenantid")

    source_chan_variable = ChannelVariables("SourceChanVariable")


class LocalOneEvent(KnownEvent, abstract=True):
    """An event that tells of the first half of a Local channel."""

    __slots__ = ()

    local_one_channel = Text("LocalOneChannel")
    local_one_channel_state = Integer("LocalOneChannelState")
    local_one_channel_state_desc = Text("LocalOneChannelStateDesc")
    local_one_caller_id_num = Text("LocalOneCallerIDNum")
    local_one_caller_id_name = Text("LocalOneCallerIDName")
    local_one_connected_line_num = Text("LocalOneConnectedLineNum")
    local_one_connected_line_name = Text("LocalOneConnectedLineName")
    local_one_language = Text("LocalOneLanguage")
    local_one_account_code = Text("LocalOneAccountCode")
    local_one_context = Text("LocalOneContext")
    local_one_exten = Text("LocalOneExten")
    local_one_priority = Text("LocalOnePriority")
    local_one_uniqueid = Text("LocalOneUniqueid")
    local_one_linkedid = Text("LocalOneLinkedid")
    local_one_tenantid = Text("LocalOneTenantid")

    local_one_chan_variable = ChannelVariables("LocalOneChanVariable")


class LocalTwoEvent(KnownEvent, abstract=True):
    """An event that tells of the second half of a Local channel."""

    __slots__ = ()

    local_two_channel = Text("LocalTwoChannel")
    local_two_channel_state = Integer("LocalTwoChannelState")
    local_two_channel_state_desc = Text("LocalTwoChannelStateDesc")
    local_two_caller_id_num = Text("LocalTwoCallerIDNum")
    local_two_caller_id_name = Text("LocalTwoCallerIDName")
    local_two_connected_line_num = Text("LocalTwoConnectedLineNum")
    local_two_connected_line_name = Text("LocalTwoConnectedLineName")
    local_two_language = Text("LocalTwoLanguage")
    local_two_account_code = Text("LocalTwoAccountCode")
    local_two_context = Text("LocalTwoContext")
    local_two_exten = Text("LocalTwoExten")
    local_two_priority = Text("LocalTwoPriority")
    local_two_uniqueid = Text("LocalTwoUniqueid")
    local_two_linkedid = Text("LocalTwoLinkedid")
    local_two_tenantid = Text("LocalTwoTenantid")

    local_two_chan_variable = ChannelVariables("LocalTwoChanVariable")


class TransfererEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that transfers."""

    __slots__ = ()

    transferer_channel = Text("TransfererChannel")
    transferer_channel_state = Integer("TransfererChannelState")
    transferer_channel_state_desc = Text("TransfererChannelStateDesc")
    transferer_caller_id_num = Text("TransfererCallerIDNum")
    transferer_caller_id_name = Text("TransfererCallerIDName")
    transferer_connected_line_num = Text("TransfererConnectedLineNum")
    transferer_connected_line_name = Text("TransfererConnectedLineName")
    transferer_language = Text("TransfererLanguage")
    transferer_account_code = Text("TransfererAccountCode")
    transferer_context = Text("TransfererContext")
    transferer_exten = Text("TransfererExten")
    transferer_priority = Text("TransfererPriority")
    transferer_uniqueid = Text("TransfererUniqueid")
    transferer_linkedid = Text("TransfererLinkedid")
    transferer_tenantid = Text("TransfererTenantid")

    transferer_chan_variable = ChannelVariables("TransfererChanVariable")


class TransfereeEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that is transferred."""

    __slots__ = ()

    transferee_channel = Text("TransfereeChannel")
    transferee_channel_state = Integer("TransfereeChannelState")
    transferee_channel_state_desc = Text("TransfereeChannelStateDesc")
    transferee_caller_id_num = Text("TransfereeCallerIDNum")
    transferee_caller_id_name = Text("TransfereeCallerIDName")
    transferee_connected_line_num = Text("TransfereeConnectedLineNum")
    transferee_connected_line_name = Text("TransfereeConnectedLineName")
    transferee_language = Text("TransfereeLanguage")
    transferee_account_code = Text("TransfereeAccountCode")
    transferee_context = Text("TransfereeContext")
    transferee_exten = Text("TransfereeExten")
    transferee_priority = Text("TransfereePriority")
    transferee_uniqueid = Text("TransfereeUniqueid")
    transferee_linkedid = Text("TransfereeLinkedid")
    transferee_tenantid = Text("TransfereeTenantid")

    transferee_chan_variable = ChannelVariables("TransfereeChanVariable")


class OrigTransfererEvent(KnownEvent, abstract=True):
    """An event that tells of the transferer's first channel."""

    __slots__ = ()

    orig_transferer_channel = Text("OrigTransfererChannel")
    orig_transferer_channel_state = Integer("OrigTransfererChannelState")
    orig_transferer_channel_state_desc = Text("OrigTransfererChannelStateDesc")
    orig_transferer_caller_id_num = Text("OrigTransfererCallerIDNum")
    orig_transferer_caller_id_name = Text("OrigTransfererCallerIDName")
    orig_transferer_connected_line_num = Text("OrigTransfererConnectedLineNum")
    orig_transferer_connected_line_name = Text("OrigTransfererConnectedLineName")
    orig_transferer_language = Text("OrigTransfererLanguage")
    orig_transferer_account_code = Text("OrigTransfererAccountCode")
    orig_transferer_context = Text("OrigTransfererContext")
    orig_transferer_exten = Text("OrigTransfererExten")
    orig_transferer_priority = Text("OrigTransfererPriority")
    orig_transferer_uniqueid = Text("OrigTransfererUniqueid")
    orig_transferer_linkedid = Text("OrigTransfererLinkedid")
    orig_transferer_tenantid = Text("OrigTransfererTenantid")

    orig_transferer_chan_variable = ChannelVariables("OrigTransfererChanVariable")


class SecondTransfererEvent(KnownEvent, abstract=True):
    """An event that tells of the transferer's second channel."""

    __slots__ = ()

    second_transferer_channel = Text("SecondTransfererChannel")
    second_transferer_channel_state = Integer("SecondTransfererChannelState")
    second_transferer_channel_state_desc = Text("SecondTransfererChannelStateDesc")
    second_transferer_caller_id_num = Text("SecondTransfererCallerIDNum")
    second_transferer_caller_id_name = Text("SecondTransfererCallerIDName")
    second_transferer_connected_line_num = Text("SecondTransfererConnectedLineNum")
    second_transferer_connected_line_name = Text("SecondTransfererConnectedLineName")
    second_transferer_language = Text("SecondTransfererLanguage")
    second_transferer_account_code = Text("SecondTransfererAccountCode")
    second_transferer_context = Text("SecondTransfererContext")
    second_transferer_exten = Text("SecondTransfererExten")
    second_transferer_priority = Text("SecondTransfererPriority")
    second_transferer_uniqueid = Text("SecondTransfererUniqueid")
    second_transferer_linkedid = Text("SecondTransfererLinkedid")
    second_transferer_tenantid = Text("SecondTransfererTenantid")

    second_transferer_chan_variable = ChannelVariables("SecondTransfererChanVariable")


class TransferTargetEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that the call is transferred to."""

    __slots__ = ()

    transfer_target_channel = Text("TransferTargetChannel")
    transfer_target_channel_state = Integer("TransferTargetChannelState")
    transfer_target_channel_state_desc = Text("TransferTargetChannelStateDesc")
    transfer_target_caller_id_num = Text("TransferTargetCallerIDNum")
    transfer_target_caller_id_name = Text("TransferTargetCallerIDName")
    transfer_target_connected_line_num = Text("TransferTargetConnectedLineNum")
    transfer_target_connected_line_name = Text("TransferTargetConnectedLineName")
    transfer_target_language = Text("TransferTargetLanguage")
    transfer_target_account_code = Text("TransferTargetAccountCode")
    transfer_target_context = Text("TransferTargetContext")
    transfer_target_exten = Text("TransferTargetExten")
    transfer_target_priority = Text("TransferTargetPriority")
    transfer_target_uniqueid = Text("TransferTargetUniqueid")
    transfer_target_linkedid = Text("TransferTargetLinkedid")
    transfer_target_tenantid = Text("TransferTargetTenantid")

    transfer_target_chan_variable = ChannelVariables("TransferTargetChanVariable")


class ParkeeEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that is parked."""

    __slots__ = ()

    parkee_channel = Text("ParkeeChannel")
    parkee_channel_state = Integer("ParkeeChannelState")
    parkee_channel_state_desc = Text("ParkeeChannelStateDesc")
    parkee_caller_id_num = Text("ParkeeCallerIDNum")
    parkee_caller_id_name = Text("ParkeeCallerIDName")
    parkee_connected_line_num = Text("ParkeeConnectedLineNum")
    parkee_connected_line_name = Text("ParkeeConnectedLineName")
    parkee_language = Text("ParkeeLanguage")
    parkee_account_code = Text("ParkeeAccountCode")
    parkee_context = Text("ParkeeContext")
    parkee_exten = Text("ParkeeExten")
    parkee_priority = Text("ParkeePriority")
    parkee_uniqueid = Text("ParkeeUniqueid")
    parkee_linkedid = Text("ParkeeLinkedid")
    parkee_tenantid = Text("ParkeeTenantid")

    parkee_chan_variable = ChannelVariables("ParkeeChanVariable")


class ParkerEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that parks."""

    __slots__ = ()

    parker_channel = Text("ParkerChannel")
    parker_channel_state = Integer("ParkerChannelState")
    parker_channel_state_desc = Text("ParkerChannelStateDesc")
    parker_caller_id_num = Text("ParkerCallerIDNum")
    parker_caller_id_name = Text("ParkerCallerIDName")
    parker_connected_line_num = Text("ParkerConnectedLineNum")
    parker_connected_line_name = Text("ParkerConnectedLineName")
    parker_language = Text("ParkerLanguage")
    parker_account_code = Text("ParkerAccountCode")
    parker_context = Text("ParkerContext")
    parker_exten = Text("ParkerExten")
    parker_priority = Text("ParkerPriority")
    parker_uniqueid = Text("ParkerUniqueid")
    parker_linkedid = Text("ParkerLinkedid")
    parker_tenantid = Text("ParkerTenantid")

    parker_chan_variable = ChannelVariables("ParkerChanVariable")


class RetrieverEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that fetches the call back."""

    __slots__ = ()

    retriever_channel = Text("RetrieverChannel")
    retriever_channel_state = Integer("RetrieverChannelState")
    retriever_channel_state_desc = Text("RetrieverChannelStateDesc")
    retriever_caller_id_num = Text("RetrieverCallerIDNum")
    retriever_caller_id_name = Text("RetrieverCallerIDName")
    retriever_connected_line_num = Text("RetrieverConnectedLineNum")
    retriever_connected_line_name = Text("RetrieverConnectedLineName")
    retriever_language = Text("RetrieverLanguage")
    retriever_account_code = Text("RetrieverAccountCode")
    retriever_context = Text("RetrieverContext")
    retriever_exten = Text("RetrieverExten")
    retriever_priority = Text("RetrieverPriority")
    retriever_uniqueid = Text("RetrieverUniqueid")
    retriever_linkedid = Text("RetrieverLinkedid")
    retriever_tenantid = Text("RetrieverTenantid")

    retriever_chan_variable = ChannelVariables("RetrieverChanVariable")


class SpyerEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that listens."""

    __slots__ = ()

    spyer_channel = Text("SpyerChannel")
    spyer_channel_state = Integer("SpyerChannelState")
    spyer_channel_state_desc = Text("SpyerChannelStateDesc")
    spyer_caller_id_num = Text("SpyerCallerIDNum")
    spyer_caller_id_name = Text("SpyerCallerIDName")
    spyer_connected_line_num = Text("SpyerConnectedLineNum")
    spyer_connected_line_name = Text("SpyerConnectedLineName")
    spyer_language = Text("SpyerLanguage")
    spyer_account_code = Text("SpyerAccountCode")
    spyer_context = Text("SpyerContext")
    spyer_exten = Text("SpyerExten")
    spyer_priority = Text("SpyerPriority")
    spyer_uniqueid = Text("SpyerUniqueid")
    spyer_linkedid = Text("SpyerLinkedid")
    spyer_tenantid = Text("SpyerTenantid")

    spyer_chan_variable = ChannelVariables("SpyerChanVariable")


class SpyeeEvent(KnownEvent, abstract=True):
    """An event that tells of the channel that is listened to."""

    __slots__ = ()

    spyee_channel = Text("SpyeeChannel")
    spyee_channel_state = Integer("SpyeeChannelState")
    spyee_channel_state_desc = Text("SpyeeChannelStateDesc")
    spyee_caller_id_num = Text("SpyeeCallerIDNum")
    spyee_caller_id_name = Text("SpyeeCallerIDName")
    spyee_connected_line_num = Text("SpyeeConnectedLineNum")
    spyee_connected_line_name = Text("SpyeeConnectedLineName")
    spyee_language = Text("SpyeeLanguage")
    spyee_account_code = Text("SpyeeAccountCode")
    spyee_context = Text("SpyeeContext")
    spyee_exten = Text("SpyeeExten")
    spyee_priority = Text("SpyeePriority")
    spyee_uniqueid = Text("SpyeeUniqueid")
    spyee_linkedid = Text("SpyeeLinkedid")
    spyee_tenantid = Text("SpyeeTenantid")

    spyee_chan_variable = ChannelVariables("SpyeeChanVariable")


class BridgeEvent(KnownEvent, abstract=True):
    """An event about a bridge."""

    __slots__ = ()

    bridge_uniqueid = Text("BridgeUniqueid")
    bridge_type = Text("BridgeType")
    bridge_technology = Text("BridgeTechnology")
    bridge_creator = Text("BridgeCreator")
    bridge_name = Text("BridgeName")
    bridge_num_channels = Integer("BridgeNumChannels")
    bridge_video_source_mode = Text("BridgeVideoSourceMode")
    bridge_video_source = Text("BridgeVideoSource")


class ListComplete(KnownEvent, abstract=True):
    """The event that ends a list."""

    __slots__ = ()

    event_list = Text("EventList")
    list_items = Integer("ListItems")
