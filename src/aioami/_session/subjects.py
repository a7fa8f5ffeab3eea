"""The subjects of a message, for errors and logs: channels, queues, files ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from ..wire.redaction import HIDDEN, redact_value

__all__ = ["subjects"]

# The headers that name a thing, the most informative first. Headers with data for a thing (values,
# texts, secrets) are left out.
_NAMES: Final = (
    *("channel", "channel1", "channel2", "channelprefix", "queue", "interface", "member", "caller"),
    *("conference", "meetme", "usernum", "bridgeuniqueid", "bridgetechnology", "parkinglot"),
    *("endpoint", "peer", "registration", "agent", "device", "line", "mailbox", "folder", "id"),
    *("filename", "srcfilename", "dstfilename", "file", "recordfile", "category", "module"),
    *("family", "key", "cache", "object", "provider", "presentity", "rule", "variable"),
    *("dahdichannel", "span", "sessionnumber", "mixmonitorid", "commandid", "uri", "option"),
    *("jabber", "jid", "screenname", "to", "destination", "filter", "matchcriteria"),
    *("tomailbox", "tocontext", "tofolder", "stateinterface", "extrachannel", "userevent"),
    *("context", "exten", "extension", "priority", "extracontext", "extraexten", "extrapriority"),
    *("application", "cat-000000", "var-000000", "uniqueid", "linkedid"),
)
_RANKS: Final = {name: rank for rank, name in enumerate(_NAMES)}
_MAX_SHOWN: Final = 6
_MAX_LENGTH: Final = 80  # characters of one name


def subjects(
    headers: Iterable[tuple[str, str]],
    get: Callable[[str], str | None],
    *,
    beside: str = "",
    limit: int = _MAX_SHOWN,
) -> str:
    """The subjects of a message, such as `Channel 'PJSIP/alice-1', Queue 'support'`.

    Args:
        headers: the headers of the message.
        get: returns the value of any header of the message, by its name in lower case.
        beside: the text that will stand beside the result; names in it are left out.
        limit: the most subjects to show, the most informative first.

    Returns:
        The text, without secrets; empty if the message names nothing.
    """
    found: list[tuple[int, int, str]] = []
    for place, (header, value) in enumerate(headers):
        rank = _RANKS.get(header.lower())
        if rank is None or not value:
            continue
        if header.lower() == "variable":
            if "=" in value:  # a variable with its value
                continue
            value = value.partition("(")[0]  # a function without its arguments
        shown = redact_value(header, value, get)[:_MAX_LENGTH]
        if shown not in ("", HIDDEN) and not _says(beside, shown):
            found.append((rank, place, f"{header} {shown!r}"))
    chosen = sorted(found)[:limit]
    return ", ".join(text for _, _, text in sorted(chosen, key=lambda each: each[1]))


def _says(text: str, name: str) -> bool:
    """True if a text contains a name as a whole word."""
    return re.search(rf"(?<![\w/@-]){re.escape(name)}(?![\w/@-])", text) is not None
