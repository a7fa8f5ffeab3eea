"""Dialplan functions and CLI commands that only read.

Both lists name what certainly changes nothing; a read-only manager refuses the rest.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["command_may_change", "variables_may_change"]

# Functions whose reading has no effect, and that do not evaluate their arguments. Functions on
# texts are missing, because many of them evaluate their arguments: `FIELDQTY(SHELL(reboot),x)` runs
# the program. `DB` is missing because it sets a variable.
_FUNCTIONS: Final = frozenset(
    {
        *(
            "AGENT",
            "CALLERID",
            "CDR",
            "CHANNEL",
            "CHANNELS",
            "CONFBRIDGE_CHANNELS",
            "CONFBRIDGE_INFO",
            "CONNECTEDLINE",
        ),
        *("DB_KEYCOUNT", "DB_KEYS", "DEVICE_STATE", "ENV", "EXTENSION_STATE", "GLOBAL", "GROUP"),
        *(
            "GROUP_COUNT",
            "GROUP_LIST",
            "GROUP_MATCH_COUNT",
            "HINT",
            "IAXPEER",
            "IAXVAR",
            "MAILBOX_EXISTS",
            "MEETME_INFO",
        ),
        *(
            "PJSIP_AOR",
            "PJSIP_CONTACT",
            "PJSIP_DIAL_CONTACTS",
            "PJSIP_ENDPOINT",
            "PRESENCE_STATE",
            "QUEUE_EXISTS",
        ),
        *(
            "QUEUE_GET_CHANNEL",
            "QUEUE_MEMBER",
            "QUEUE_MEMBER_COUNT",
            "QUEUE_MEMBER_LIST",
            "QUEUE_MEMBER_PENALTY",
        ),
        *(
            "QUEUE_WAITING_COUNT",
            "REDIRECTING",
            "SHARED",
            "SIPCHANINFO",
            "SIPPEER",
            "SIP_HEADER",
            "STRFTIME",
            "SYSINFO",
        ),
        *("VERSION", "VMCOUNT", "VM_INFO", "VOICEMAIL_EXISTS"),
    }
)
_CALL: Final = re.compile(r"([^(),]*)\(")

# First words of commands whose second word is `show` or `list`.
_SUBJECTS: Final = frozenset(
    {
        *(
            "acl",
            "aeap",
            "agent",
            "agi",
            "ari",
            "bridge",
            "calendar",
            "cdr",
            "cel",
            "cli",
            "confbridge",
            "config",
            "core",
        ),
        *(
            "dahdi",
            "database",
            "devstate",
            "dialplan",
            "dundi",
            "fax",
            "features",
            "geoloc",
            "group",
            "h323",
            "hep",
        ),
        *(
            "http",
            "iax2",
            "indication",
            "keys",
            "local",
            "logger",
            "manager",
            "meetme",
            "mfcr2",
            "mgcp",
            "minivm",
        ),
        *(
            "module",
            "moh",
            "odbc",
            "opus",
            "parking",
            "phoneprov",
            "pjproject",
            "pjsip",
            "presencestate",
            "pri",
        ),
        *(
            "prometheus",
            "queue",
            "rtp",
            "sip",
            "skinny",
            "sla",
            "snmp",
            "sorcery",
            "ss7",
            "stasis",
            "stir_shaken",
        ),
        *("test", "udptl", "unistim", "voicemail", "xmpp"),
    }
)
_OTHERS: Final = (
    *(
        ("bridge", "technology", "show"),
        ("cc", "report", "status"),
        ("core", "waitfullybooted"),
        ("database", "get"),
    ),
    *(
        ("database", "showkey"),
        ("dialplan", "locks", "show"),
        ("dnsmgr", "status"),
        ("logger", "filter", "show"),
    ),
    *(
        ("media", "cache", "show"),
        ("sorcery", "memory", "cache", "show"),
        ("stasis", "statistics", "show"),
    ),
)
# Commands that show something, but also do something if they have a certain word.
_ACTS: Final = (
    ("core", "show", "translation", "recalc"),
    ("sip", "show", "peer", "load"),
    ("sip", "show", "user", "load"),
)


def variables_may_change(names: str) -> str:
    """Return a clause on the change that reading variables may make; empty if none.

    Args:
        names: one or several variables, as an action sends them: `CHANNEL(state)`, `GREETING`.
    """
    if "${" in names or "$[" in names:
        return "an expression may call any function"
    for call in _CALL.finditer(names):
        name = call[1].strip()
        if name not in _FUNCTIONS:
            return f"the function {name or '()'} is not known to have no effect when it is read"
    return ""


def command_may_change(command: str) -> str:
    """Return a clause on the change that a command may make; empty if none.

    Args:
        command: a command of Asterisk's command line.
    """
    words = tuple(command.lower().split())
    shows = len(words) > 1 and words[0] in _SUBJECTS and words[1] in ("show", "list")
    shows = shows or any(words[: len(each)] == each for each in _OTHERS)
    if shows and not any(words[:3] == each[:3] and each[3] in words[3:] for each in _ACTS):
        return ""
    return f"the command {' '.join(words[:2])!r} is not known to show something and do nothing else"
