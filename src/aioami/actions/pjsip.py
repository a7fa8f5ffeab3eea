"""PJSIP: its endpoints, registrations and subscriptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Union

from ..events.channels import ChannelHungup, ChannelsHungupListComplete
from ..events.pjsip import (
    AorDetail,
    AorList,
    AorListComplete,
    AuthDetail,
    AuthList,
    AuthListComplete,
    ContactList,
    ContactListComplete,
    ContactStatusDetail,
    ContactStatusDetailComplete,
    EndpointDetail,
    EndpointDetailComplete,
    EndpointList,
    EndpointListComplete,
    IdentifyDetail,
    InboundRegistrationDetail,
    InboundRegistrationDetailComplete,
    InboundSubscriptionDetail,
    InboundSubscriptionDetailComplete,
    OutboundRegistrationDetail,
    OutboundRegistrationDetailComplete,
    OutboundSubscriptionDetail,
    OutboundSubscriptionDetailComplete,
    PJSIPMaintenanceStatus,
    PJSIPMaintenanceStatusComplete,
    ResourceListDetail,
    ResourceListDetailComplete,
    TransportDetail,
)
from ..responses.base import ListReply, Response
from .base import KnownAction
from .parameters import header, one_of, optional, variables

__all__ = [
    "PJSIPHangup",
    "PJSIPNotify",
    "PJSIPQualify",
    "PJSIPRegister",
    "PJSIPSetMaintenance",
    "PJSIPShowAors",
    "PJSIPShowAuths",
    "PJSIPShowContacts",
    "PJSIPShowEndpoint",
    "PJSIPShowEndpoints",
    "PJSIPShowMaintenance",
    "PJSIPShowRegistrationInboundContactStatuses",
    "PJSIPShowRegistrationsInbound",
    "PJSIPShowRegistrationsOutbound",
    "PJSIPShowResourceLists",
    "PJSIPShowSubscriptionsInbound",
    "PJSIPShowSubscriptionsOutbound",
    "PJSIPUnregister",
]

_Detail = Union[
    EndpointDetail, AorDetail, AuthDetail, TransportDetail, IdentifyDetail, ContactStatusDetail
]


class PJSIPShowEndpoints(KnownAction[ListReply[EndpointList, EndpointListComplete]]):
    """List the endpoints, in short."""

    privilege = ("system",)
    reads_only = True
    empty_list_messages = ("No endpoints found",)


class PJSIPShowEndpoint(KnownAction[ListReply[_Detail, EndpointDetailComplete]]):
    """Describe an endpoint and all that belongs to it: first the endpoint itself, then its AORs,
    credentials, transport, identifying addresses and contacts. An unknown one is an error.

    Args:
        endpoint: its name.
    """

    privilege = ("system",)
    reads_only = True

    endpoint: str | bytes = header("Endpoint")


class PJSIPShowAors(KnownAction[ListReply[AorList, AorListComplete]]):
    """List the addresses of record. From Asterisk 16."""

    privilege = ("system",)
    reads_only = True
    empty_list_messages = ("No AORs found",)


class PJSIPShowAuths(KnownAction[ListReply[AuthList, AuthListComplete]]):
    """List the credentials, secrets included. From Asterisk 16."""

    privilege = ("system",)
    reads_only = True
    empty_list_messages = ("No Auths found",)


class PJSIPShowContacts(KnownAction[ListReply[ContactList, ContactListComplete]]):
    """List the contacts. From Asterisk 16."""

    privilege = ("system",)
    reads_only = True
    empty_list_messages = ("No Contacts found",)


class PJSIPShowRegistrationsInbound(
    KnownAction[ListReply[InboundRegistrationDetail, InboundRegistrationDetailComplete]]
):
    """List the addresses of record at which others may register."""

    privilege = ("system",)
    reads_only = True


class PJSIPShowRegistrationInboundContactStatuses(
    KnownAction[ListReply[ContactStatusDetail, ContactStatusDetailComplete]]
):
    """List the contacts of those who registered, and how they are reached. From Asterisk 13.14."""

    privilege = ("system",)
    reads_only = True


class PJSIPShowRegistrationsOutbound(
    KnownAction[
        ListReply[OutboundRegistrationDetail | AuthDetail, OutboundRegistrationDetailComplete]
    ]
):
    """List this server's outbound registrations, each followed by its credentials with secrets."""

    privilege = ("system", "reporting")
    reads_only = True


class PJSIPShowSubscriptionsInbound(
    KnownAction[ListReply[InboundSubscriptionDetail, InboundSubscriptionDetailComplete]]
):
    """List the subscriptions of others."""

    privilege = ("system",)
    reads_only = True


class PJSIPShowSubscriptionsOutbound(
    KnownAction[ListReply[OutboundSubscriptionDetail, OutboundSubscriptionDetailComplete]]
):
    """List this server's subscriptions at others."""

    privilege = ("system",)
    reads_only = True


class PJSIPShowResourceLists(
    KnownAction[ListReply[ResourceListDetail, ResourceListDetailComplete]]
):
    """List the resource lists, which others can subscribe to."""

    privilege = ("system",)
    reads_only = True
    empty_list_messages = ("No resource lists found",)


class PJSIPShowMaintenance(
    KnownAction[ListReply[PJSIPMaintenanceStatus, PJSIPMaintenanceStatusComplete]]
):
    """List the endpoints that are in maintenance. From Asterisk 20.20, 22.10 and 23.4.

    Args:
        endpoint: only this one; left out, all.
    """

    privilege = ("system", "reporting")
    reads_only = True

    endpoint: str | bytes | None = header("Endpoint", default=None)


class PJSIPSetMaintenance(KnownAction[Response]):
    """Put an endpoint into maintenance, in which it gets no new calls, or back into service. A
    `PJSIPMaintenanceStatus` event follows. From Asterisk 20.20, 22.10 and 23.4.

    Args:
        endpoint: its name.
        state: `on` or `off`.
    """

    privilege = ("system",)

    endpoint: str | bytes = header("Endpoint")
    state: str = header("State", one_of("on", "off"))


class PJSIPQualify(KnownAction[Response]):
    """Send OPTIONS to all contacts of an endpoint. `ContactStatus` events have the results.

    Args:
        endpoint: its name.
    """

    privilege = ("system", "reporting")
    holds_session = True

    endpoint: str | bytes = header("Endpoint")


class PJSIPRegister(KnownAction[Response]):
    """Register at another server at once. A `Registry` event follows. From Asterisk 13.2.

    Args:
        registration: the registration's name in pjsip.conf; from Asterisk 13.22 also `*all`.
    """

    privilege = ("system", "reporting")

    registration: str | bytes = header("Registration")


class PJSIPUnregister(KnownAction[Response]):
    """Withdraw a registration at another server. A `Registry` event follows.

    Args:
        registration: the registration's name in pjsip.conf; from Asterisk 13.22 also `*all`.
    """

    privilege = ("system", "reporting")

    registration: str | bytes = header("Registration")


class PJSIPNotify(KnownAction[Response]):
    """Send a SIP NOTIFY to an endpoint, to a URI, or in a channel's dialog: give one of the three.

    Args:
        endpoint: the endpoint's name.
        uri: a SIP URI.
        channel: a PJSIP channel's name; from Asterisk 16.
        variable: the NOTIFY's headers, in this order; `Content` is a line of its body. A sequence
            of pairs may repeat one.
        option: the name of a section in pjsip_notify.conf to send instead; from Asterisk 18.

    Raises:
        ValueError: none or several of `endpoint`, `uri` and `channel` are given.
    """

    privilege = ("system",)

    def __init__(
        self,
        endpoint: str | bytes | None = None,
        *,
        uri: str | bytes | None = None,
        channel: str | bytes | None = None,
        variable: Mapping[str, str | bytes | int] | Sequence[tuple[str, str | bytes | int]] = (),
        option: str | bytes | None = None,
    ) -> None:
        if [endpoint, uri, channel].count(None) != 2:
            raise ValueError("endpoint, uri, channel: exactly one of them is needed")
        self._declare(
            {
                "Endpoint": optional("endpoint", endpoint),
                "URI": optional("uri", uri),
                "channel": optional("channel", channel),
                "Option": optional("option", option),
                "Variable": variables("variable", variable),
            }
        )


class PJSIPHangup(KnownAction[ListReply[ChannelHungup, ChannelsHungupListComplete]]):
    """Hang a PJSIP channel up with a SIP response. From Asterisk 18.21, 20.6 and 21.1.

    Args:
        channel: its name; or a regular expression between slashes, which is answered with a list.
        cause: the SIP response, as its number or its name: `486`, `BUSY_HERE`.
    """

    privilege = ("system", "call")
    list_optional = True

    channel: str | bytes = header("Channel")
    cause: str | bytes | int = header("Cause")
