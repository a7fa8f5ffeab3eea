"""Events in the life of a channel."""

from __future__ import annotations

from ..enums import DialStatus, HangupCause, OriginateReason
from ..fields import (
    Boolean,
    ChannelVariables,
    Duration,
    Enumeration,
    Escaped,
    Identifier,
    Integer,
    Milliseconds,
    Nested,
    Seconds,
    Text,
)
from .base import KnownEvent
from .snapshots import (
    Channel,
    ChannelEvent,
    DestEvent,
    ListComplete,
    LocalOneEvent,
    LocalTwoEvent,
    SourceEvent,
    SpyeeEvent,
    SpyerEvent,
)

__all__ = [
    "ORIGINATE_RESULT_ANSWERED",
    "ORIGINATE_RESULT_BAD_NUMBER",
    "ORIGINATE_RESULT_BUSY",
    "ORIGINATE_RESULT_CONGESTION",
    "ORIGINATE_RESULT_INCOMPLETE",
    "ORIGINATE_RESULT_MAP",
    "ORIGINATE_RESULT_REJECT",
    "ORIGINATE_RESULT_RING_LOCAL",
    "ORIGINATE_RESULT_RING_REMOTE",
    "ChanSpyStart",
    "ChanSpyStop",
    "ChannelHungup",
    "ChannelTalkingStart",
    "ChannelTalkingStop",
    "ChannelUpdate",
    "ChannelsHungupListComplete",
    "CoreShowChannel",
    "CoreShowChannelMap",
    "CoreShowChannelMapComplete",
    "CoreShowChannelsComplete",
    "DTMFBegin",
    "DTMFEnd",
    "DialBegin",
    "DialEnd",
    "DialState",
    "Flash",
    "Hangup",
    "HangupHandlerPop",
    "HangupHandlerPush",
    "HangupHandlerRun",
    "HangupRequest",
    "Hold",
    "LocalBridge",
    "LocalOptimizationBegin",
    "LocalOptimizationEnd",
    "MusicOnHoldStart",
    "MusicOnHoldStop",
    "NewAccountCode",
    "NewCallerid",
    "NewConnectedLine",
    "Newchannel",
    "Newexten",
    "Newstate",
    "OriginateResponse",
    "Pickup",
    "Rename",
    "SoftHangupRequest",
    "Status",
    "StatusComplete",
    "Unhold",
    "VarSet",
    "Wink",
]

ORIGINATE_RESULT_BAD_NUMBER = 0
ORIGINATE_RESULT_REJECT = 1
ORIGINATE_RESULT_RING_LOCAL = 2
ORIGINATE_RESULT_RING_REMOTE = 3
ORIGINATE_RESULT_ANSWERED = 4
ORIGINATE_RESULT_BUSY = 5
ORIGINATE_RESULT_CONGESTION = 8
ORIGINATE_RESULT_INCOMPLETE = 30
ORIGINATE_RESULT_MAP = {
    ORIGINATE_RESULT_BAD_NUMBER: "BAD_NUMBER",
    ORIGINATE_RESULT_REJECT: "REJECTED",
    ORIGINATE_RESULT_RING_LOCAL: "RINGING",
    ORIGINATE_RESULT_RING_REMOTE: "RINGING",
    ORIGINATE_RESULT_ANSWERED: "ANSWERED",
    ORIGINATE_RESULT_BUSY: "BUSY",
    ORIGINATE_RESULT_CONGESTION: "CONGESTION",
    ORIGINATE_RESULT_INCOMPLETE: "INCOMPLETE",
}
"""Names of the control frames in an OriginateResponse's `Reason`; see also `OriginateReason`."""


class Newchannel(ChannelEvent):
    """A channel was made."""

    read_classes = ("call",)


class Newstate(ChannelEvent):
    """A channel is in another state."""

    read_classes = ("call",)


class Newexten(ChannelEvent):
    """A channel has come to another step of the dialplan."""

    read_classes = ("dialplan",)

    extension = Text("Extension")
    application = Text("Application")
    app_data = Text("AppData")
    application_data = app_data.alias()


class NewCallerid(ChannelEvent):
    """A channel has another caller id."""

    read_classes = ("call",)

    cid_calling_pres = Text("CID-CallingPres")


class NewConnectedLine(ChannelEvent):
    """A channel has another connected line."""

    read_classes = ("call",)


class NewAccountCode(ChannelEvent):
    """A channel has another account code."""

    read_classes = ("call",)

    old_account_code = Text("OldAccountCode")


class Rename(KnownEvent):
    """A channel has another name."""

    read_classes = ("call",)

    channel = Identifier("Channel")
    newname = Identifier("Newname")
    uniqueid = Identifier("Uniqueid")


class VarSet(ChannelEvent):
    """A variable was set. A global one has `none` for the channel.

    Asterisk writes quotes and backslashes in the value with a backslash before them, and control
    characters as in C; the attribute is without that.
    """

    read_classes = ("dialplan",)

    variable = Text("Variable")
    value = Escaped("Value")


class HangupRequest(ChannelEvent):
    """Somebody asked for a channel to be hung up."""

    read_classes = ("call",)

    cause = Enumeration("Cause", HangupCause)


class SoftHangupRequest(ChannelEvent):
    """A channel was asked to hang itself up."""

    read_classes = ("call",)

    cause = Enumeration("Cause", HangupCause)


class Hangup(ChannelEvent):
    """A channel is gone."""

    read_classes = ("call",)

    cause = Enumeration("Cause", HangupCause)
    cause_txt = Text("Cause-txt")
    tech_cause = Text("TechCause")


class HangupHandlerPush(ChannelEvent):
    """A hang-up handler was added to a channel."""

    read_classes = ("dialplan",)

    handler = Text("Handler")


class HangupHandlerPop(ChannelEvent):
    """A hang-up handler was taken from a channel."""

    read_classes = ("dialplan",)

    handler = Text("Handler")


class HangupHandlerRun(ChannelEvent):
    """A hang-up handler is about to run."""

    read_classes = ("dialplan",)

    handler = Text("Handler")


class ChannelHungup(KnownEvent):
    """An item of the list with which a `Hangup` by regular expression is answered."""

    channel = Identifier("Channel")


class ChannelsHungupListComplete(ListComplete):
    """The end of a list of `ChannelHungup`."""


class CoreShowChannel(ChannelEvent):
    """A channel, as `CoreShowChannels` lists it."""

    bridge_id = Text("BridgeId")
    bridge_uniqueid = bridge_id.alias()
    application = Text("Application")
    application_data = Text("ApplicationData")
    app_data = application_data.alias()
    duration = Duration("Duration")


class CoreShowChannelsComplete(ListComplete):
    """The end of a list of `CoreShowChannel`."""


class CoreShowChannelMap(KnownEvent):
    """A channel that is connected with the channel in the action. From Asterisk 18."""

    connected_channel = Text("ConnectedChannel")


class CoreShowChannelMapComplete(ListComplete):
    """The end of a list of `CoreShowChannelMap`."""


class Status(ChannelEvent):
    """A channel, as the action `Status` describes it."""

    type = Text("Type")
    dn_id = Text("DNID")
    effective_connected_line_num = Text("EffectiveConnectedLineNum")
    effective_connected_line_name = Text("EffectiveConnectedLineName")
    time_to_hangup = Seconds("TimeToHangup")
    bridge_id = Text("BridgeID")
    bridge_uniqueid = bridge_id.alias()
    application = Text("Application")
    data_ = Text("Data")
    app_data = data_.alias()
    application_data = data_.alias()
    nativeformats = Text("Nativeformats")
    readformat = Text("Readformat")
    readtrans = Text("Readtrans")
    writeformat = Text("Writeformat")
    writetrans = Text("Writetrans")
    callgroup = Text("Callgroup")
    pickupgroup = Text("Pickupgroup")
    variable = ChannelVariables("Variable")
    """The variables that the action asked for; one that is not set is the text `(null)`."""
    seconds = Seconds("Seconds")


class StatusComplete(ListComplete):
    """The end of a list of `Status`."""

    items_ = Integer("Items")


class DTMFBegin(ChannelEvent):
    """A keypad tone begins."""

    read_classes = ("dtmf",)

    digit = Text("Digit")
    direction = Text("Direction")


class DTMFEnd(ChannelEvent):
    """A keypad tone is over."""

    read_classes = ("dtmf",)

    digit = Text("Digit")
    duration_ms = Milliseconds("DurationMs")
    direction = Text("Direction")


class Hold(ChannelEvent):
    """A channel was put on hold."""

    read_classes = ("call",)

    music_class = Text("MusicClass")


class Unhold(ChannelEvent):
    """A channel was taken from hold."""

    read_classes = ("call",)


class Flash(ChannelEvent):
    """A channel was sent a hook flash. From Asterisk 16."""

    read_classes = ("call",)


class Wink(ChannelEvent):
    """A channel was sent a wink. From Asterisk 16."""

    read_classes = ("call",)


class MusicOnHoldStart(ChannelEvent):
    """A channel begins to hear music on hold."""

    read_classes = ("call",)

    class_ = Text("Class")


class MusicOnHoldStop(ChannelEvent):
    """A channel no longer hears music on hold."""

    read_classes = ("call",)


class ChannelTalkingStart(ChannelEvent):
    """Somebody begins to talk on a channel."""

    read_classes = ("call",)


class ChannelTalkingStop(ChannelEvent):
    """Somebody has stopped talking on a channel."""

    read_classes = ("call",)

    duration = Milliseconds("Duration")


class ChanSpyStart(SpyerEvent, SpyeeEvent):
    """Somebody begins to listen in."""

    read_classes = ("call",)


class ChanSpyStop(SpyerEvent, SpyeeEvent):
    """Somebody has stopped listening in."""

    read_classes = ("call",)


class Pickup(ChannelEvent):
    """A ringing call was answered from another telephone."""

    read_classes = ("call",)

    target = Nested(Channel, "Target")
    """The channel that rang."""


class LocalBridge(LocalOneEvent, LocalTwoEvent):
    """The two halves of a Local channel were joined."""

    read_classes = ("call",)

    context = Text("Context")
    exten = Text("Exten")
    local_optimization = Boolean("LocalOptimization")


class LocalOptimizationBegin(LocalOneEvent, LocalTwoEvent, SourceEvent):
    """A Local channel begins to take itself out of a call."""

    read_classes = ("call",)

    dest_uniqueid = Text("DestUniqueId")
    id = Integer("Id")


class LocalOptimizationEnd(LocalOneEvent, LocalTwoEvent):
    """A Local channel has taken itself out of a call, or failed to."""

    read_classes = ("call",)

    success_ = Boolean("Success")
    id = Integer("Id")


class DialBegin(ChannelEvent, DestEvent):
    """A channel begins to call another one."""

    read_classes = ("call",)

    dial_string = Text("DialString")


class DialState(ChannelEvent, DestEvent):
    """A call to another channel has made progress. From Asterisk 16."""

    read_classes = ("call",)

    dial_status = Enumeration("DialStatus", DialStatus)
    forward = Text("Forward")


class DialEnd(ChannelEvent, DestEvent):
    """A call to another channel was answered, or has ended."""

    read_classes = ("call",)

    dial_status = Enumeration("DialStatus", DialStatus)
    forward = Text("Forward")


class OriginateResponse(KnownEvent):
    """The result of an asynchronous `Originate`.

    Every client with the read class call gets it, with the ActionID of the action that placed the
    call.
    """

    read_classes = ("call",)

    response = Text("Response")
    channel = Identifier("Channel")
    context = Text("Context")
    exten = Text("Exten")
    application = Text("Application")
    data_ = Text("Data")
    app_data = data_.alias()
    application_data = data_.alias()
    reason = Enumeration("Reason", OriginateReason)
    uniqueid = Identifier("Uniqueid")
    caller_id_num = Text("CallerIDNum")
    caller_id_name = Text("CallerIDName")

    chan_variable = ChannelVariables("ChanVariable")

    @property
    def success(self) -> bool:
        """True if the call was answered."""
        return self.response == "Success"

    @property
    def result(self) -> str | None:
        """The name of the reason, such as `ANSWERED`, `BUSY` or `NO_ANSWER`. `FAILED` may be a
        refusal, an unknown number or an unknown channel, which Asterisk does not distinguish.
        """
        return None if self.reason is None else self.reason.name


class ChannelUpdate(KnownEvent):
    """A channel driver has new information about a channel. Until Asterisk 11."""

    channel = Identifier("Channel")
    channeltype = Text("Channeltype")
    channel_type = channeltype.alias()
    uniqueid = Identifier("Uniqueid")
