"""Actions on channels: placing, showing, controlling and ending calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..enums import HangupCause
from ..events import channels as events
from ..events.base import Event
from ..events.channels import (
    ChannelHungup,
    ChannelsHungupListComplete,
    CoreShowChannel,
    CoreShowChannelMapComplete,
    CoreShowChannelsComplete,
    OriginateResponse,
    StatusComplete,
)
from ..fields import TRUE
from ..responses.base import ListReply, Response
from ..responses.channels import GetvarReply, OriginateReply
from ..wire.encoding import encode_header
from ..wire.text import UTF8, encoding_of
from .base import KnownAction
from .parameters import (
    HeaderValue,
    code_of,
    header,
    joined,
    milliseconds,
    one_of,
    optional,
    repeated,
    text,
    text_or_none,
    true_false,
    truth,
    warn_of_seconds,
)
from .parameters import seconds as _seconds
from .parameters import variables as _variables
from .reading import variables_may_change

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "AbsoluteTimeout",
    "ControlPlayback",
    "CoreShowChannelMap",
    "CoreShowChannels",
    "Getvar",
    "Hangup",
    "LocalOptimizeAway",
    "MuteAudio",
    "Originate_Application",
    "Originate_Context",
    "PlayDTMF",
    "PlayMF",
    "Redirect",
    "SendFlash",
    "SendText",
    "SetCDRUserField",
    "Setvar",
    "Status",
]

_DEFAULT_TIMEOUT = 600.0  # seconds, for an Originate without a timeout
_MAX_CHANNEL_ID = 149


def _until(field: str, value: float) -> str:
    sent = _seconds(field, value)
    # Asterisk refuses the text 0, but reads less than a microsecond as 0.
    return sent if float(sent) else "0.0000001"


def _channel_or_all(field: str, value: str | None) -> str | None:
    return None if value is None else text_or_none(field, value)


def _reading(wanted: str, headers: Iterable[tuple[str, str]]) -> str:
    """Return a clause on the change that reading the variables in headers may make."""
    return next(
        filter(
            None, (variables_may_change(names) for name, names in headers if name.lower() == wanted)
        ),
        "",
    )


def _answered_within(milliseconds: int) -> float:
    """The seconds after which an Originate with this timeout is over."""
    return milliseconds / 1000 + 2 if milliseconds else _DEFAULT_TIMEOUT


class AbsoluteTimeout(KnownAction[Response]):
    """Have Asterisk hang a channel up after some seconds.

    Args:
        channel: the channel's name.
        seconds: from now, fractions allowed; 0 removes an earlier limit.
    """

    privilege = ("system", "call")

    channel: str | bytes = header("Channel")
    seconds: float = header("Timeout", _until, default=0)


class CoreShowChannels(KnownAction[ListReply[CoreShowChannel, CoreShowChannelsComplete]]):
    """List all channels."""

    privilege = ("system", "reporting")
    reads_only = True


class CoreShowChannelMap(
    KnownAction[ListReply[events.CoreShowChannelMap, CoreShowChannelMapComplete]]
):
    """List the channels that a channel is connected with. From Asterisk 18.19 and 20.4.

    An unknown channel is an error.

    Args:
        channel: the channel's name.
    """

    privilege = ("system", "reporting")
    reads_only = True

    channel: str | bytes = header("Channel")


class Getvar(KnownAction[GetvarReply]):
    """Read a variable or a dialplan function; the reply has it under `Value`.

    A variable that is not set is a success with an empty value. Functions that run programs need
    the class system.

    Args:
        variable: the variable's name, or a function call such as `CHANNEL(language)`.
        channel: the channel with the variable; `None` reads a global variable.
    """

    privilege = ("call", "reporting")
    reads_only = True

    variable: str | bytes = header("Variable")
    channel: str | bytes | None = header("Channel", default=None)

    @classmethod
    def may_change(cls, headers: Iterable[tuple[str, str]]) -> str:
        return _reading("variable", headers) or super().may_change(())


class Hangup(KnownAction[ListReply[ChannelHungup, ChannelsHungupListComplete]]):
    """Hang a channel up. A `Hangup` event follows, which has the channel's name and no ActionID.

    Args:
        channel: its name; or, from Asterisk 12, a regular expression between slashes
            (`/^PJSIP/alice-/`), which is answered with a list of `ChannelHungup` events.
        cause: the hang-up cause, as a member of `HangupCause`, its name, or its number; left out,
            Asterisk chooses one.
    """

    privilege = ("system", "call")
    list_optional = True

    channel: str | bytes = header("Channel")
    _: KW_ONLY
    cause: HangupCause | int | str | None = header("Cause", code_of(HangupCause), default=None)


class LocalOptimizeAway(KnownAction[Response]):
    """Let a Local channel that is part of a bridge take itself out of the call.

    Args:
        channel: one half of a Local channel.
    """

    privilege = ("system", "call")

    channel: str | bytes = header("Channel")


class MuteAudio(KnownAction[Response]):
    """Silence a channel, or let it be heard again.

    Args:
        channel: the channel's name.
        input: `True` for the sound from the channel.
        output: `True` for the sound to the channel.
        muted: `True` mutes, `False` unmutes.

    Raises:
        ValueError: neither direction is given.
        TypeError: a direction is not `True` or `False`.
    """

    privilege = ("system",)

    def __init__(
        self, channel: str | bytes, input: bool = False, output: bool = False, muted: bool = False
    ) -> None:
        for name, value in (("input", input), ("output", output)):
            if not isinstance(value, bool):
                raise TypeError(f"{name}: expected True or False, not {type(value).__name__}")
        if not (input or output):
            raise ValueError("input, output: at least one of the two directions must be True")
        direction = "all" if input and output else "in" if input else "out"
        self._declare(
            {
                "Channel": text("channel", channel),
                "Direction": direction,
                "State": truth("on", "off")("muted", muted),
            }
        )


class _Originate(KnownAction[OriginateReply], abstract=True):
    """The common part of both ways to place a call."""

    privilege = ("originate",)
    outcome_events = ("OriginateResponse",)
    holds_session = True  # unless it is asynchronous

    def _originate(
        self,
        target: Mapping[str, HeaderValue],
        channel: str | bytes,
        timeout: int | None,
        callerid: str | bytes | None,
        variables: Mapping[str, str | bytes | int],
        account: str | bytes | None,
        async_: bool,
        early_media: bool | None,
        codecs: str | Sequence[str] | None,
        channel_id: str | bytes | None,
        other_channel_id: str | bytes | None,
    ) -> None:
        for name, value in (("channel_id", channel_id), ("other_channel_id", other_channel_id)):
            if value is not None and len(UTF8.encode(name, text(name, value))) > _MAX_CHANNEL_ID:
                raise ValueError(f"{name}: at most {_MAX_CHANNEL_ID} bytes")
        if not text("channel", channel):
            raise ValueError("channel: it is empty")
        wire_timeout = 0 if timeout is None else int(str(milliseconds("timeout", timeout)))
        warn_of_seconds("timeout", wire_timeout, stacklevel=3)
        self._declare(
            {
                "Channel": channel,
                "Async": true_false("async_", async_),
                "Timeout": wire_timeout or None,
                "CallerID": optional("callerid", callerid, text_or_none),
                "Variable": _variables("variables", variables),
                "Account": optional("account", account, text_or_none),
                "EarlyMedia": optional("early_media", early_media, true_false),
                "Codecs": optional("codecs", codecs, joined),
                "ChannelId": channel_id,
                "OtherChannelId": other_channel_id,
                **target,
            },
            timeout=_answered_within(wire_timeout),
        )

    @classmethod
    def outcome_limit(cls, headers: Iterable[tuple[str, str]]) -> float | None:
        own = {name.lower(): value for name, value in headers}
        given = own.get("timeout", "")
        return _answered_within(int(given) if given.isdecimal() and len(given) < 12 else 0)

    def conclusion(self, action_id: str, event: Event) -> Event | str | None:
        return event if event.action_id == action_id else None

    def conclusion_of_response(self, response: Response) -> Event | None:
        """The answer itself, if the Originate is synchronous: no event follows then."""
        own = {name.lower(): value for name, value in self._pairs}
        if own.get("async", "").strip().lower() in TRUE:
            return None
        target = [
            (name, own[name.lower()])
            for name in ("Application", "Data", "Context", "Exten")
            if name.lower() in own
        ]
        sent = [
            ("Event", "OriginateResponse"),
            ("ActionID", response.action_id or ""),
            ("Response", "Success" if response.success else "Failure"),
            ("Channel", own.get("channel", "")),
            *target,
            *([("Reason", "4")] if response.success else []),
        ]
        encoding = encoding_of(response.text)
        lines = (encode_header(name, value, encoding) for name, value in sent)
        return OriginateResponse(encoding.decode(b"\r\n".join(lines)))


class Originate_Application(_Originate, wire_name="Originate"):
    """Place a call, and run a dialplan application once it is answered.

    The reply only means that the call was accepted; its `outcome()` brings the result.

    Args:
        channel: the channel to call, such as `PJSIP/alice` or `Local/100@default`.
        application: the application's name.
        data: its arguments: a sequence, joined by commas; or one text, sent unchanged. Escape a
            comma inside an argument yourself.
        timeout: milliseconds for which it may ring; left out or 0, Asterisk's own 30000. Less than
            1000 gives a warning, because seconds are probably meant. The manager waits 2 seconds
            longer for the answer, or ten minutes if it is left out or 0.
        callerid: the caller id, such as `"Alice" <100>`.
        variables: channel variables, set in the reverse order. Every character of a value arrives
            as it is.
        account: the account code for billing.
        async_: leave it `True`: a synchronous call delays everything else on this connection until
            it is answered.
        early_media: whether the call may go on before it is answered.
        codecs: the codecs to offer, by name.
        channel_id: the Uniqueid for the channel, at most 149 bytes.
        other_channel_id: the same for the second half of a Local channel.

    Raises:
        ValueError: a variable's name, an id or a time cannot be right.
    Asterisk refuses applications that run programs to users without the class system
    (`PermissionDenied`).
    """

    def __init__(
        self,
        channel: str | bytes,
        application: str | bytes,
        data: Sequence[str | bytes | int] | str | bytes = (),
        timeout: int | None = None,
        callerid: str | bytes | None = None,
        variables: Mapping[str, str | bytes | int] = {},
        account: str | bytes | None = None,
        async_: bool = True,
        *,
        early_media: bool | None = None,
        codecs: str | Sequence[str] | None = None,
        channel_id: str | bytes | None = None,
        other_channel_id: str | bytes | None = None,
    ) -> None:
        arguments = ",".join(repeated("data", data))
        self._originate(
            {"Application": text("application", application), "Data": arguments or None},
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

    The reply only means that the call was accepted; its `outcome()` brings the result. Asterisk
    ends the call at once if the place in the dialplan does not exist.

    Args:
        channel: the channel to call, such as `PJSIP/alice` or `Local/100@default`.
        context: the dialplan's context.
        extension: the extension in it.
        priority: its number, or its label.
        timeout, callerid, variables, account, async_: see `Originate_Application`.
        early_media, codecs, channel_id, other_channel_id: likewise.
        pre_dial_go_sub: a place `context,extension,priority` to run on the channel before it is
            dialled; Asterisk uses it only in synchronous calls.

    Raises:
        ValueError: a variable's name, an id or a time cannot be right.
    """

    def __init__(
        self,
        channel: str | bytes,
        context: str | bytes,
        extension: str | bytes | int,
        priority: str | bytes | int,
        timeout: int | None = None,
        callerid: str | bytes | None = None,
        variables: Mapping[str, str | bytes | int] = {},
        account: str | bytes | None = None,
        async_: bool = True,
        *,
        early_media: bool | None = None,
        codecs: str | Sequence[str] | None = None,
        channel_id: str | bytes | None = None,
        other_channel_id: str | bytes | None = None,
        pre_dial_go_sub: str | bytes | None = None,
    ) -> None:
        self._originate(
            {
                "Context": text("context", context),
                "Exten": text("extension", extension),
                "Priority": text("priority", priority),
                "PreDialGoSub": optional("pre_dial_go_sub", pre_dial_go_sub),
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


class PlayDTMF(KnownAction[Response]):
    """Play a keypad tone on a channel.

    Args:
        channel: the channel's name.
        digit: one of 0-9, A-D, * and #.
        duration: milliseconds; from Asterisk 13.
        receive: `True` treats it as a key pressed on the channel, instead of playing it; from
            Asterisk 13.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")
    digit: str | int = header("Digit", one_of(*"0123456789ABCD*#"))
    _: KW_ONLY
    duration: int | None = header("Duration", milliseconds, default=None)
    receive: bool | None = header("Receive", true_false, default=None)


class PlayMF(KnownAction[Response]):
    """Play a tone of multi-frequency signalling on a channel. From Asterisk 16.21 and 18.7.

    Args:
        channel: the channel's name.
        digit: one of 0-9, `*`, `#`, and A, B, C for special tones.
        duration: milliseconds.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")
    digit: str | int = header("Digit", one_of(*"0123456789ABC*#"))
    _: KW_ONLY
    duration: int | None = header("Duration", milliseconds, default=None)


class SendFlash(KnownAction[Response]):
    """Send a hook flash on a channel. From Asterisk 18.18 and 20.3.

    Args:
        channel: the channel's name.
        receive: `True` treats it as a hook flash made on the channel, instead of sending it.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")
    _: KW_ONLY
    receive: bool | None = header("Receive", true_false, default=None)


class ControlPlayback(KnownAction[Response]):
    """Control the playback on a channel. From Asterisk 12.

    Args:
        channel: the channel's name.
        control: `stop`, `forward`, `reverse`, `pause` or `restart`.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")
    control: str = header("Control", one_of("stop", "forward", "reverse", "pause", "restart"))


class Redirect(KnownAction[Response]):
    """Send a channel to another place in the dialplan.

    Asterisk does not check that the place exists.

    Args:
        channel: the channel's name.
        context, extension, priority: the place; the priority may be a label.
        extra_channel: a second channel to redirect (the other side of the call).
        extra_context, extra_exten, extra_priority: its place; the same one if left out.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")
    context: str | bytes = header("Context")
    extension: str | bytes | int = header("Exten")
    priority: str | bytes | int = header("Priority")
    _: KW_ONLY
    extra_channel: str | bytes | None = header("ExtraChannel", default=None)
    extra_context: str | bytes | None = header("ExtraContext", default=None)
    extra_exten: str | bytes | int | None = header("ExtraExten", default=None)
    extra_priority: str | bytes | int | None = header("ExtraPriority", default=None)


class SendText(KnownAction[Response]):
    """Send text along a channel whose technology can carry it.

    Args:
        channel: the channel's name.
        message: the text, without line breaks.
        content_type: its MIME type, `text/plain` if left out.
    """

    privilege = ("call",)

    channel: str | bytes = header("Channel")
    message: str | bytes = header("Message")
    _: KW_ONLY
    content_type: str | bytes | None = header("Content-Type", default=None)


class SetCDRUserField(KnownAction[Response]):
    """Write the user field of a channel's call detail record.

    Asterisk 1.6 was the last to have it; `Setvar("CDR(userfield)", value, channel)` does it since.

    Args:
        channel: the channel's name.
        user_field: the text.
    """

    privilege = ("call",)
    until = 1

    channel: str | bytes = header("Channel")
    user_field: str | bytes = header("UserField")


class Setvar(KnownAction[Response]):
    """Set a variable, or write a dialplan function. A `VarSet` event follows.

    Args:
        variable: the variable's name, or a function call such as `CDR(userfield)`.
        value: the value, which is not parsed.
        channel: the channel with the variable; `None` sets a global variable.
    """

    privilege = ("call",)

    variable: str | bytes = header("Variable")
    value: str | bytes | int = header("Value")
    channel: str | bytes | None = header("Channel", text_or_none, default=None)


class Status(KnownAction[ListReply[events.Status, StatusComplete]]):
    """Describe one channel, or all. An unknown channel is an error.

    Args:
        channel: its name; an empty one, or `None`, is all channels.
        variables: names of channel variables to add, at most 100; they come as repeated `Variable`
            headers.
        all_variables: `True` adds all the channel's variables; from Asterisk 14.
    """

    privilege = ("system", "call", "reporting")
    reads_only = True

    channel: str | bytes | None = header("Channel", _channel_or_all)
    _: KW_ONLY
    variables: Sequence[str] | str | None = header("Variables", joined, default=None)
    all_variables: bool | None = header("AllVariables", true_false, default=None)

    @classmethod
    def may_change(cls, headers: Iterable[tuple[str, str]]) -> str:
        return _reading("variables", headers) or super().may_change(())
