"""Advice of charge: the cost of a call. The headers are paths, as on the wire: `Charge/Type`."""

from __future__ import annotations

from ..fields import Integer, Number, Numbered, Text, View
from .snapshots import ChannelEvent

__all__ = [
    "AOC_D",
    "AOC_E",
    "AOC_S",
    "ChargeEvent",
    "Rate",
    "Units",
]


class Rate(View):
    """One of the rates of `AOC_S`."""

    __slots__ = ()

    chargeable = Text("Chargeable")
    rate_type = Text("RateType")
    rate_currency_name = Text("Rate/Currency/Name")
    duration_currency_name = Text("Duration/Currency/Name")
    duration_currency_cost = Integer("Duration/Currency/Cost")
    duration_currency_multiplier = Text("Duration/Currency/Multiplier")
    duration_charging_type = Text("Duration/ChargingType")
    duration_time_length = Integer("Duration/Time/Length")
    duration_time_scale = Text("Duration/Time/Scale")
    duration_granularity_length = Integer("Duration/Granularity/Length")
    duration_granularity_scale = Text("Duration/Granularity/Scale")
    flat_currency_name = Text("Flat/Currency/Name")
    flat_currency_cost = Integer("Flat/Currency/Cost")
    flat_currency_multiplier = Text("Flat/Currency/Multiplier")
    volume_unit = Text("Volume/Unit")
    volume_currency_name = Text("Volume/Currency/Name")
    volume_currency_cost = Integer("Volume/Currency/Cost")
    volume_currency_multiplier = Text("Volume/Currency/Multiplier")
    special_code = Integer("SpecialCode")


class Units(View):
    """A number of units of one type."""

    __slots__ = ()

    number_of = Number("NumberOf")
    type_of = Integer("TypeOf")


class ChargeEvent(ChannelEvent, abstract=True):
    """An event with a sum, or a number of units."""

    read_classes = ("aoc",)

    charge_type = Text("Charge/Type")
    """NotAvailable, Free, Currency or Units."""
    charge_billing_id = Text("Charge/BillingID")
    charge_total_type = Text("Charge/TotalType")
    """SubTotal or Total."""
    charge_currency_name = Text("Charge/Currency/Name")
    charge_currency_cost = Integer("Charge/Currency/Cost")
    charge_currency_multiplier = Text("Charge/Currency/Multiplier")
    """The factor of the cost, from `1/1000` to `1000`."""
    charge_units = Numbered(Units, "Charge/Units({})/")


class AOC_S(ChannelEvent, wire_name="AOC-S"):
    """The rates of a call, when it begins."""

    read_classes = ("aoc",)

    rates = Numbered(Rate, "Rates({})/")


class AOC_D(ChargeEvent, wire_name="AOC-D"):
    """The charge of a call so far, while it lasts."""


class AOC_E(ChargeEvent, wire_name="AOC-E"):
    """The charge of a call, when it is over."""

    charging_association_number = Text("ChargingAssociation/Number")
    charging_association_plan = Integer("ChargingAssociation/Plan")
    charging_association_id = Integer("ChargingAssociation/ID")
