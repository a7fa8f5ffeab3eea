"""Advice of charge: showing the cost of a call on the telephone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..responses.base import Response
from .base import KnownAction
from .parameters import HeaderValue, header, one_of, text, whole_number

if TYPE_CHECKING:
    from dataclasses import KW_ONLY

__all__ = [
    "AOCMessage",
]

_MULTIPLIER = one_of(
    "OneThousandth", "OneHundredth", "OneTenth", "One", "Ten", "Hundred", "Thousand"
)
_BILLING = one_of(
    *(
        "Normal",
        "ReverseCharge",
        "CreditCard",
        "CallFwdUnconditional",
        "CallFwdBusy",
        "CallFwdNoReply",
    ),
    *("CallDeflection", "CallTransfer"),
)
_ITEM = one_of(
    *("NA", "SpecialArrangement", "BasicCommunication", "CallAttempt", "CallSetup", "UserUserInfo"),
    "SupplementaryService",
)
_COUNT = whole_number(minimum=0)
_RATE = one_of("NA", "Free", "FreeFromBeginning", "Duration", "Flat", "Volume", "SpecialCode")
_SCALE = one_of(
    "OneHundredthSecond", "OneTenthSecond", "Second", "TenSeconds", "Minute", "Hour", "Day"
)


def _numbers(field: str, value: Sequence[int]) -> HeaderValue:
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{field}: expected a list of whole numbers, not {type(value).__name__}")
    if len(value) > 32:
        raise ValueError(f"{field}: 32 at most, not {len(value)}")
    return [str(_COUNT(field, each)) for each in value]


def _currency(field: str, value: str) -> str:
    if len(text(field, value)) > 10:
        raise ValueError(f"{field}: 10 characters at most, not {len(value)}")
    return value


class AOCMessage(KnownAction[Response]):
    """Send an advice of charge to a channel. Needs a channel, or the beginning of one's name.

    Args:
        msg_type: `D`, the charge so far; `E`, the charge of an ended call; from Asterisk 18 also
            `S`, the rates.
        charge_type: how the charge is given; needed for `D` and `E`.
        channel: the channel's name.
        channel_prefix: the beginning of a channel's name; the first such channel is taken.
        unit_amount: for the charge type `Unit`: how many units, for each type of units; 32 at most.
        unit_type: their types, 1 to 16.
        currency_name: for `Currency`: its name, at most 10 characters.
        currency_amount: how much.
        currency_multiplier: the factor for the amount.
        total_type: whether this is the sum.
        aoc_billing_id: for the charge types `Currency` and `Unit`: how the call is billed.
        charging_association_id: for `E`: which call this belongs to, by its id.
        charging_association_number, charging_association_plan: or by its number, and its plan.
        charged_item, rate_type, time, time_scale, granularity: the rate, for `S`. From Asterisk 18.
        granularity_time_scale, charging_type, volume_unit, code: the rest of the rate.

    Asterisk 1.8 and later have it.
    """

    privilege = ("aoc",)

    msg_type: str = header("MsgType", one_of("D", "E", "S"))
    charge_type: str | None = header(
        "ChargeType", one_of("NA", "FREE", "Currency", "Unit"), default=None
    )
    _: KW_ONLY
    channel: str | bytes | None = header("Channel", default=None)
    channel_prefix: str | bytes | None = header("ChannelPrefix", default=None)
    unit_amount: Sequence[int] = header("UnitAmount({})", _numbers, default=())
    unit_type: Sequence[int] = header("UnitType({})", _numbers, default=())
    currency_name: str | None = header("CurrencyName", _currency, default=None)
    currency_amount: int | None = header("CurrencyAmount", whole_number(minimum=0), default=None)
    currency_multiplier: str | None = header("CurrencyMultiplier", _MULTIPLIER, default=None)
    total_type: str | None = header("TotalType", one_of("Total", "SubTotal"), default=None)
    aoc_billing_id: str | None = header("AOCBillingId", _BILLING, default=None)
    charging_association_id: int | None = header(
        "ChargingAssociationId", whole_number(), default=None
    )
    charging_association_number: str | bytes | None = header(
        "ChargingAssociationNumber", default=None
    )
    charging_association_plan: int | None = header(
        "ChargingAssociationPlan", whole_number(), default=None
    )
    charged_item: str | None = header("ChargedItem", _ITEM, default=None)
    rate_type: str | None = header("RateType", _RATE, default=None)
    time: int | None = header("Time", whole_number(minimum=0), default=None)
    time_scale: str | None = header("TimeScale", _SCALE, default=None)
    granularity: int | None = header("Granularity", whole_number(minimum=0), default=None)
    granularity_time_scale: str | None = header("GranularityTimeScale", _SCALE, default=None)
    charging_type: str | None = header(
        "ChargingType", one_of("ContinuousCharging", "StepFunction"), default=None
    )
    volume_unit: str | None = header(
        "VolumeUnit", one_of("Octet", "Segment", "Message"), default=None
    )
    code: int | None = header("Code", whole_number(), default=None)
