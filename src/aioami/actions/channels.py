"""Actions on channels: placing calls, looking at them, steering them, ending them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..events.base import Event
from ..events.channels import OriginateResponse
from ..responses.base import Response
from ..responses.channels import GetvarReply, OriginateReply
from .base import Action, milliseconds, variable, yes_no
from .base import seconds as _seconds

__all__ = [
    "AbsoluteTimeout",
    "CoreShowChannels",
    "Getvar",
    "Hangup",
    "LocalOptimizeAway",
    "MuteAudio",
    "Originate_Application",
    "Originate_Context",
    "PlayDTMF",
    "Redirect",
    "SendText",
    "SetCDRUserField",
    "Setvar",
    "Status",
]

_PATIENCE = 600.0  # seconds, of an Originate without a timeout of its own
_MAX_CHANNEL_ID = 149


class AbsoluteTimeout(Action[Response]):
    """Hang a channel up when its time is over.

    Args:
        channel: the channel's name.
        seconds: from now, fractions allowed; 0 takes an earlier limit away.
    """

    privilege = ("system", "call")

    def __init__(self, channel: str, seconds: float = 0) -> None:
        # Asterisk refuses 0 itself, but takes what is less than a microsecond for it.
        self._declare({"Channel": channel, "Timeout": _seconds("seconds", seconds) if seconds else "0.0000001"})


class CoreShowChannels(Action[Response]):
    """List all channels: `CoreShowChannel` events, ended by `CoreShowChannelsComplete`."""

    privilege = ("system", "reporting")

    def __init__(self) -> None:
        self._declare({})


class Getvar(Action[GetvarReply]):
    """Read a variable or a dialplan function; the reply has it under `Value`.

    A variable that is not set is a success with an empty value. Functions that run programs need the class system.

    Args:
        variable: its name, or a function call as `CHANNEL(language)`.
        channel: whose variable; `None` is a global one.
    """

    privilege = ("call", "reporting")
    response_type = GetvarReply

    def __init__(self, variable: str, channel: str | None = None) -> None:
        self._declare({"Variable": variable, "Channel": channel})


class Hangup(Action[Response]):
    """Hang a channel up. A `Hangup` event follows, which has the channel's name and no ActionID.

    Args:
        channel: its name; or, from Asterisk 12, a regular expression between slashes (`/^PJSIP/alice-/`), which is
            answered with a list of `ChannelHungup` events.
        cause: the hang-up cause to give, as a number of Q.850; Asterisk's choice if it is left out.
    """

    privilege = ("system", "call")

    def __init__(self, channel: str, *, cause: int | None = None) -> None:
        self._declare({"Channel": channel, "Cause": cause})


class LocalOptimizeAway(Action[Response]):
    """Let a Local channel that is part of a bridge take itself out of the call.

    Args:
        channel: one half of a Local channel.
    """

    privilege = ("system", "call")

    def __init__(self, channel: str) -> None:
        self._declare({"Channel": channel})


class MuteAudio(Action[Response]):
    """Silence a channel, or let it be heard again.

    Args:
        channel: the channel's name.
        input: whether what comes from the channel is meant.
        output: whether what goes to the channel is meant.
        muted: `True` silences, `False` lets be heard.

    Raises:
        ValueError: neither direction is given.
        TypeError: a direction is not `True` or `False`.
    """

    privilege = ("system",)

    def __init__(self, channel: str, input: bool = False, output: bool = False, muted: bool = False) -> None:
        for name, value in (("input", input), ("output", output)):
            if not isinstance(value, bool):
                raise TypeError(f"{name}: expected True or False, not {type(value).__name__}")
        if not (input or output):
            raise ValueError("input, output: at least one of the two directions must be True")
        direction = "all" if input and output else "in" if input else "out"
        self._declare({"Channel": channel, "Direction": direction, "State": yes_no("muted", muted, ("on", "off"))})


class _Originate(Action[OriginateReply], abstract=True):
    """What both ways to place a call share."""

    privilege = ("originate",)
    response_type = OriginateReply
    outcome_events = ("OriginateResponse",)
    holds_session = True  # unless it is asynchronous

    def _originate(
        self,
        target: Mapping[str, str | int | None],
        channel: str,
        timeout: int | None,
        callerid: str | None,
        variables: Mapping[str, str | int],
        account: str | None,
        async_: bool,
        early_media: bool | None,
        codecs: str | Sequence[str] | None,
        channel_id: str | None,
        other_channel_id: str | None,
    ) -> None:
        for name, value in (("channel_id", channel_id), ("other_channel_id", other_channel_id)):
            if value is not None and len(value.encode("utf-8", "surrogateescape")) > _MAX_CHANNEL_ID:
                raise ValueError(f"{name}: at most {_MAX_CHANNEL_ID} bytes")
        if not isinstance(async_, bool):
            raise TypeError("async_: expected True or False")
        if not channel:
            raise ValueError("channel: it is empty")
        patience = milliseconds("timeout", timeout) or None
        self._declare(
            {
                "Channel": channel,
                "Async": yes_no("async_", async_, ("true", "false")),
                "Timeout": patience,
                "CallerID": callerid or None,
                "Variable": [variable(name, value) for name, value in variables.items()],
                "Account": account or None,
                "EarlyMedia": yes_no("early_media", early_media, ("true", "false")),
                "Codecs": codecs if codecs is None or isinstance(codecs, str) else ",".join(codecs),
                "ChannelId": channel_id,
                "OtherChannelId": other_channel_id,
                **target,
            },
            timeout=_PATIENCE if patience is None else patience / 1000 + 2,
        )

    def conclusion(self, action_id: str, event: Event) -> Event | str | None:
        return event if event.action_id == action_id else None

    def conclusion_of_response(self, response: Response) -> Event | None:
        """A synchronous Originate is answered when the call is; no event follows."""
        headers = dict(self.headers)
        if headers["Async"] == "true":
            return None
        target = [(name, headers[name]) for name in ("Application", "Data", "Context", "Exten") if name in headers]
        told = [
            ("Event", "OriginateResponse"),
            ("ActionID", response.action_id or ""),
            ("Response", "Success" if response.success else "Failure"),
            ("Channel", headers["Channel"]),
            *target,
            *([("Reason", "4")] if response.success else []),
        ]
        return OriginateResponse("\r\n".join(f"{name}: {value}" for name, value in told))


class Originate_Application(_Originate, wire_name="Originate"):
    """Place a call, and run a dialplan application once it is answered.

    The reply says that the call was accepted; its `outcome()` says what became of it.

    Args:
        channel: whom to call, as `PJSIP/alice` or `Local/100@default`.
        application: the application's name.
        data: its arguments: a sequence, joined by commas; or one text, sent as it is. A comma inside an argument must
            be escaped by the caller.
        timeout: milliseconds for which it may ring; Asterisk's own 30000 if left out or 0. The action's answer is
            waited for 2 seconds longer, or for ten minutes if left out or 0.
        callerid: as `"Alice" <100>`.
        variables: channel variables, set in the reverse order. Every character of a value arrives as it is.
        account: the account code for billing.
        async_: leave it `True`: a synchronous call holds up everything else on this connection until it is answered.
        early_media: whether the call may go on before it is answered.
        codecs: those to offer, by name.
        channel_id: the unique id to give to the channel, at most 149 bytes.
        other_channel_id: the same for the second half of a Local channel.

    Raises:
        ValueError: a variable's name, an id or a time cannot be right.
        TypeError: `data` is bytes.

    Asterisk refuses applications that run programs to users without the class system (`PermissionDenied`).
    """

    def __init__(
        self,
        channel: str,
        application: str,
        data: Sequence[str | int] | str = (),
        timeout: int | None = None,
        callerid: str | None = None,
        variables: Mapping[str, str | int] = {},
        account: str | None = None,
        async_: bool = True,
        *,
        early_media: bool | None = None,
        codecs: str | Sequence[str] | None = None,
        channel_id: str | None = None,
        other_channel_id: str | None = None,
    ) -> None:
        if isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError("data: expected text or a sequence of texts, not bytes")
        arguments = data if isinstance(data, str) else ",".join(str(item) for item in data)
        self._originate(
            {"Application": application, "Data": arguments or None},
            channel,
            timeout,
            callerid,
            variables,
            account,
            async_,
            early_media,
            codecs,
            channel_id,
            other_channel_id,
        )


class Originate_Context(_Originate, wire_name="Originate"):
    """Place a call, and send it into the dialplan once it is answered.

    The reply says that the call was accepted; its `outcome()` says what became of it. Asterisk ends the call at once
    if the place in the dialplan does not exist.

    Args:
        channel: whom to call, as `PJSIP/alice` or `Local/100@default`.
        context: the dialplan's context.
        extension: the extension in it.
        priority: its number, or its label.
        timeout, callerid, variables, account, async_, early_media, codecs, channel_id, other_channel_id:
            see `Originate_Application`.
        pre_dial_go_sub: a place `context,extension,priority` to run on the channel before it is dialled; Asterisk
            heeds it in synchronous calls alone.

    Raises:
        ValueError: a variable's name, an id or a time cannot be right.
    """

    def __init__(
        self,
        channel: str,
        context: str,
        extension: str | int,
        priority: str | int,
        timeout: int | None = None,
        callerid: str | None = None,
        variables: Mapping[str, str | int] = {},
        account: str | None = None,
        async_: bool = True,
        *,
        early_media: bool | None = None,
        codecs: str | Sequence[str] | None = None,
        channel_id: str | None = None,
        other_channel_id: str | None = None,
        pre_dial_go_sub: str | None = None,
    ) -> None:
        self._originate(
            {
                "Context": context,
                "Exten": extension,
                "Priority": priority,
                "PreDialGoSub": pre_dial_go_sub,
            },
            channel,
            timeout,
            callerid,
            variables,
            account,
            async_,
            early_media,
            codecs,
            channel_id,
            other_channel_id,
        )


class PlayDTMF(Action[Response]):
    """Play a keypad tone on a channel.

    Args:
        channel: the channel's name.
        digit: one of 0-9, A-D, * and #.
        duration: milliseconds; from Asterisk 13.
        receive: whether the channel is to take it for pressed there, instead of playing it; from Asterisk 13.
    """

    privilege = ("call",)

    def __init__(
        self, channel: str, digit: str | int, *, duration: int | None = None, receive: bool | None = None
    ) -> None:
        self._declare(
            {
                "Channel": channel,
                "Digit": str(digit),
                "Duration": milliseconds("duration", duration),
                "Receive": yes_no("receive", receive, ("true", "false")),
            }
        )


class Redirect(Action[Response]):
    """Send a channel to another place in the dialplan. Asterisk does not check that the place exists.

    Args:
        channel: the channel's name.
        context, extension, priority: the place; the priority may be a label.
        extra_channel: a second channel, to be redirected with the first one (the other side of its call).
        extra_context, extra_exten, extra_priority: where the second one goes; to the same place if left out.
    """

    privilege = ("call",)

    def __init__(
        self,
        channel: str,
        context: str,
        extension: str | int,
        priority: str | int,
        *,
        extra_channel: str | None = None,
        extra_context: str | None = None,
        extra_exten: str | int | None = None,
        extra_priority: str | int | None = None,
    ) -> None:
        self._declare(
            {
                "Channel": channel,
                "Context": context,
                "Exten": extension,
                "Priority": priority,
                "ExtraChannel": extra_channel,
                "ExtraContext": extra_context,
                "ExtraExten": extra_exten,
                "ExtraPriority": extra_priority,
            }
        )


class SendText(Action[Response]):
    """Send text along a channel whose technology can carry it.

    Args:
        channel: the channel's name.
        message: the text, without line breaks.
        content_type: its MIME type, `text/plain` if left out; from Asterisk 16.
    """

    privilege = ("call",)

    def __init__(self, channel: str, message: str, *, content_type: str | None = None) -> None:
        self._declare({"Channel": channel, "Message": message, "Content-Type": content_type})


class SetCDRUserField(Action[Response]):
    """Write the user field of a channel's call detail record.

    Asterisk 1.6 was the last to have it; `Setvar("CDR(userfield)", value, channel)` does it since.

    Args:
        channel: the channel's name.
        user_field: the text.
    """

    privilege = ("call",)
    until = 1

    def __init__(self, channel: str, user_field: str) -> None:
        self._declare({"Channel": channel, "UserField": user_field})


class Setvar(Action[Response]):
    """Set a variable, or write a dialplan function. A `VarSet` event follows.

    Args:
        variable: its name, or a function call as `CDR(userfield)`.
        value: the value, which is not parsed.
        channel: whose variable; `None` is a global one.
    """

    privilege = ("call",)

    def __init__(self, variable: str, value: str | int, channel: str | None = None) -> None:
        self._declare({"Channel": channel or None, "Variable": variable, "Value": value})


class Status(Action[Response]):
    """Describe one channel, or all: `Status` events, ended by `StatusComplete`. An unknown channel is an error.

    Args:
        channel: its name; an empty one, or `None`, is all channels.
        variables: names of channel variables to tell too, at most 100; they come as repeated `Variable` headers.
        all_variables: whether all the channel's variables are told; from Asterisk 14.
    """

    privilege = ("system", "call", "reporting")

    def __init__(
        self, channel: str | None, *, variables: Sequence[str] | str | None = None, all_variables: bool | None = None
    ) -> None:
        self._declare(
            {
                "Channel": channel or None,
                "Variables": variables if variables is None or isinstance(variables, str) else ",".join(variables),
                "AllVariables": yes_no("all_variables", all_variables, ("true", "false")),
            }
        )
