"""Replies of chan_sip."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, ValuesView
from typing import Any, Final

from ..events.sip import SIPQualifyPeerDone
from ..fields import attribute_name, values_of, whole_number
from .base import OutcomeReply, Response

__all__ = ["SIPqualifyReply", "SIPshowpeerReply"]

_YES_OR_NO: Final = frozenset(
    (
        "acl",
        "dynamic",
        "md5secretexist",
        "remotesecretexist",
        "secretexist",
        "sip-canreinvite",
        "sip-directmedia",
        "sip-promiscredir",
        "sip-userphone",
        "sip-videosupport",
        "sip-textsupport",
    )
)
_NUMBERS: Final = frozenset(("address-port", "default-addr-port", "maxcallbr", "regexpire"))


class SIPqualifyReply(OutcomeReply[SIPQualifyPeerDone]):
    """The OPTIONS was sent; `outcome()` is the event with the end of the check."""


class SIPshowpeerReply(Response):
    """A SIP peer. The mapping gives bools and numbers for some headers; `headers` has the raw text.

    Bools: `ACL`, `Dynamic`, `SecretExist`, `MD5SecretExist`, `SIP-AuthInsecure`, `SIP-CanReinvite`
    (which servers since 1.8 also call `SIP-DirectMedia`), `SIP-PromiscRedir`, `SIP-UserPhone`,
    `SIP-VideoSupport`. Numbers: `Address-Port`, `Default-addr-port`, `MaxCallBR` in kbit/s and
    `RegExpire` in seconds. A text that does not convert gives `None`.
    """

    def __getitem__(self, name: str) -> Any:
        text = self.find(name)
        if text is None and name.lower() == "sip-canreinvite":
            text = self.find("SIP-DirectMedia")
        if text is None:
            raise KeyError(name)
        return _typed(name, text)

    def get(self, key: str, /, default: Any = None) -> Any:
        """Return the typed value of a header, ignoring case; `default` if there is none."""
        try:
            return self[key]
        except KeyError:
            return default

    def to_dict(
        self, *, attributes: bool = False, typed: bool = False, numbers: bool = False
    ) -> dict[str, Any]:
        """See `Event.to_dict`; typed values are those of the mapping."""
        found = super().to_dict(attributes=attributes)
        if values_of(typed, numbers) == "text":
            return found
        names = {
            attribute_name(name) if attributes else name: name for name, _ in reversed(self.headers)
        }
        return {
            key: _typed(names[key], text) if isinstance(text, str) and key in names else text
            for key, text in found.items()
        }

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name, self) is not self

    def values(self) -> ValuesView[Any]:
        """The typed value of every header, in order."""
        return _TypedValues(self)

    def items(self) -> ItemsView[str, Any]:
        """Every header with its typed value, in order."""
        return _TypedItems(self)


class _TypedValues(ValuesView[Any]):
    _mapping: SIPshowpeerReply

    def __iter__(self) -> Iterator[Any]:
        return (_typed(name, text) for name, text in self._mapping.headers)


class _TypedItems(ItemsView[str, Any]):
    _mapping: SIPshowpeerReply

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return ((name, _typed(name, text)) for name, text in self._mapping.headers)


def _typed(name: str, text: str) -> str | bool | int | None:
    """A header's text as a value of its header's type; `None` if it does not convert."""
    key = name.lower()
    if key in _YES_OR_NO:
        return {"y": True, "yes": True, "n": False, "no": False}.get(text.strip().lower())
    if (
        key == "sip-authinsecure"
    ):  # "no", or the exceptions from authentication: "port", "invite", "port,invite"
        return text.strip().lower() not in ("no", "")
    if key in _NUMBERS:
        number = text.split(" ")[0]
        value = whole_number(number.removeprefix("-"))
        return -value if value is not None and number.startswith("-") else value
    return text
