"""The rules for secrets in messages: reprs, logs and recordings hide them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from .headers import partition_line
from .text import shown

__all__ = [
    "HIDDEN",
    "hide_header",
    "is_harmless",
    "is_sensitive",
    "redact",
    "redact_echo",
    "redact_repeated",
    "redact_value",
    "redact_words",
    "secrets_of",
    "show_header",
]

HIDDEN: Final = "***"
"""The text that replaces a secret."""

# The expressions are texts that are compiled at their first use: compiling them here would take a
# tenth of the library's import.

# The end of a name of a secret: of a header, a variable, a setting, a key. The length of its rest
# is bounded, here and below, so that the time is linear in the length of the text.
_NAME: Final = (
    r"(?:(?:secret|pass(?:word|wd|phrase)?|pwd|pin|token|api[_-]?key|credential)s?(?:[_-]?key)?"
    r"|md5_?cred|authorization)(?:[_\d]\w{0,40})?"
)
_SECRET_NAME: Final = rf"(?i){_NAME}(?!\w)"

# Secret headers with inconspicuous names, by message; the empty name stands for all messages.
_HEADERS: Final[dict[str, set[str]]] = {
    "": set(),
    "login": {"key"},
    "authdetail": {"passworddigest"},
    "authlist": {"passworddigest"},
    # With the challenge, which this event has too, the secret can be found by guessing offline.
    "invalidpassword": {"receivedhash"},
    "challengeresponsefailed": {"response", "expectedresponse"},
}
_HARMLESS: Final = frozenset({"usingpassword"})  # a truth value

# Each message with a secret contains one of these, in any letter case. The first are parts of the
# names above and below; then come signs of URLs, of JSON, and of lines of voicemail.conf.
_SIGNS: Final = [
    *("secret", "pass", "pwd", "pin", "token", "key", "cred", "register", "auth"),
    *("challengeresponsefailed", "://", '"', "line-", "value-", "match-"),
]

# Lines known to have none of these: most lines of a busy server come again and again.
_PLAIN_LINES: Final[set[str]] = set()
_MAX_PLAIN_LINES: Final = 10_000
_MAX_PLAIN_LINE: Final = 200  # characters; longer ones seldom come again, and take memory

# name=value as the whole text; from the beginning of a quotation to its end; or anywhere in a text,
# up to a comma or the end of the quotation. The name may be a function with its arguments, or have
# the name of a section before it.
_WHOLE_SETTING: Final = r"(\s*([\w./~-]+(?:\([^()=]*\))?)\s*=>?\s*)(.*)"
_EQUALS: Final = rf"{_NAME}(?:(?!\w)[^()=\"]{{0,80}}\))?\s*=>?\s*"
_QUOTED_SETTING: Final = rf'(?i)("[^"\\=,]{{0,80}}?{_EQUALS})(?!")(?:\\.|[^"\\])*'
_SETTING: Final = rf'(?i)({_EQUALS})(?:"(?:\\.|[^"\\])*"?|(?:\\.|[^,"\\])*)'
_JSON: Final = rf'(?i)((?:{_NAME}|"\d+)"\s*:\s*)(?:"(?:\\.|[^"\\])*"?|[^\s,"\[\]{{}}]+)'
_JSON_MEMBER: Final = r'(?i)("(?:conf|agent)"\s*:\s*"[^",]*,)(?:\\.|[^"\\])*'
_JSON_LOGIN: Final = r'(?i)("(?:register|auth)"\s*:\s*"[^":]*:)[^"]*(?=@)'
_URL: Final = r"(://[^:@/\s]*:)[^@/\s]*(?=@)"
# A dialled channel of chan_sip or chan_iax2 may contain a login: SIP/user:secret@host.
_DIALLED: Final = r"(?i)(\b(?:SIP|IAX2)/[^\s:@/&,]*:)[^\s@/&,]*(?=@)"
_LOGIN_AT: Final = r"([^:]*:).*(?=@)"
_COLUMN: Final = r"([^:=,]*:\s*).*"
_WORD: Final = r'\s+(?:"(?:\\.|[^"\\])*"|\S+)'
_COMMAND: Final = (
    rf"(?i)(\s*(?:set\s+variable|database\s+put{_WORD}"
    rf"|dialplan\s+set\s+(?:global|chanvar{_WORD})){_WORD}\s+).*"
)
_BEHIND: Final = rf"\1{HIDDEN}"
_SHORT: Final = 4  # characters; a shorter secret may be a part of an ordinary word


def hide_header(header: str, *, message: str | None = None) -> None:
    """Hide a header's values in reprs, logs and recordings, from now on, in the whole program.

    Args:
        header: the header's name, in any letter case.
        message: the action or event with the header, in any letter case; left out, all messages.

    Raises:
        ValueError: an argument is no name: it is empty, or has outer blanks, a colon, CR, LF or
            NUL.
        TypeError: an argument is no text.
    """
    given = {"header": header} if message is None else {"header": header, "message": message}
    for field, name in given.items():
        if not isinstance(name, str):
            raise TypeError(f"{field}: expected text, not {type(name).__name__}")
        if not name or name != name.strip() or any(character in name for character in ":\r\n\0"):
            raise ValueError(
                f"{field}: {name!r} is no name: it is empty, or has outer blanks, a colon, CR, LF "
                "or NUL"
            )
    _HEADERS.setdefault((message or "").lower(), set()).add(header.lower())
    _SIGNS.append(header.lower())
    _PLAIN_LINES.clear()


def is_sensitive(message_name: str, header: str) -> bool:
    """True if the value of a header is secret as a whole.

    Args:
        message_name: the action's or the event's name; empty for a response.
        header: the header's name.
    """
    return _is_secret(header.strip().lower(), message_name)


def is_harmless(text: str) -> bool:
    """True if a message certainly has no secret: `redact` would return it unchanged.

    It is much faster than `redact`. False does not mean that there is a secret.

    Args:
        text: the message.
    """
    lines = text.split("\n")
    if _PLAIN_LINES.issuperset(lines):
        return True
    for line in lines:
        if line not in _PLAIN_LINES:
            lower = line.lower()
            for sign in _SIGNS:
                if sign in lower:
                    return False
            if "@" in line and re.search(_DIALLED, line) is not None:
                return False
            if len(line) > _MAX_PLAIN_LINE:
                continue
            if len(_PLAIN_LINES) >= _MAX_PLAIN_LINES:
                _PLAIN_LINES.clear()
            _PLAIN_LINES.add(line)
    return True


def redact(text: str, shown: Callable[[str], str] = str) -> str:
    """Return a message or an action with its secrets replaced.

    Args:
        text: the message, with or without its blank line; all other text is unchanged.
        shown: returns a name as messages show it, if the text has another form of it.
    """
    lines = text.split("\n")
    own: dict[str, str] = {}
    for line in lines:
        header, colon, value = partition_line(line)
        if colon:
            own.setdefault(shown(header).strip().lower(), shown(value).strip())
    for number, line in enumerate(lines):
        end = "\r" if line.endswith("\r") else ""
        header, colon, value = partition_line(line.removesuffix("\r"))
        if not colon:  # output of a command, before Asterisk 14
            header, value = "", header
        blank = " " if value.startswith(" ") else ""
        value = redact_value(shown(header), value.removeprefix(" "), own.get)
        lines[number] = f"{header}{colon}{blank}{value}{end}"
    return "\n".join(lines)


def redact_value(header: str, value: str, get: Callable[[str], str | None]) -> str:
    """Return the value of one header with its secrets replaced.

    Args:
        header: the header's name.
        value: its value.
        get: returns the value of any header of the message, by its name in lower case.
    """
    header = header.strip().lower()
    if _is_secret(header, get("action"), get("event")):
        return HIDDEN
    # Another header may name the thing to which this value belongs.
    if header == "value":
        return _of_setting(get("variable"), value)
    if header == "val":
        return _of_setting(f"{get('family')}/{get('key')}", value)
    if header.startswith(("value-", "match-")):
        return _of_setting(get(f"var-{header[6:]}"), value, in_file=True)
    if setting := re.fullmatch(_WHOLE_SETTING, value):
        return setting[1] + _of_setting(setting[2], setting[3], in_file=header.startswith("line-"))
    if (
        header == "output" and (found := re.fullmatch(_COLUMN, value)) and _names_secret(found[1])
    ) or ((found := re.fullmatch(_COMMAND, value)) and _names_secret(found[1])):
        return found[1] + HIDDEN
    return _of_text(value)


def redact_echo(text: str, action: str, headers: Iterable[tuple[str, str]]) -> str:
    """Return a server's words about an action with the action's secrets replaced.

    A server may repeat parts of an action in a sentence, where no name marks them as secret.

    Args:
        text: the server's words.
        action: the action's name.
        headers: the action's headers.
    """
    headers = list(headers)
    own = {"action": action, **{name.lower(): value for name, value in reversed(headers)}}
    secrets = {each for header, value in headers for each in _secrets_in(header, value, own.get)}
    return redact_words(text, secrets)


def secrets_of(text: str, shown: Callable[[str], str] = str) -> set[str]:
    """The secrets in an action, as they stand in its text; `redact` replaces the same ones.

    Args:
        text, shown: as for `redact`.
    """
    lines = [partition_line(line.removesuffix("\r")) for line in text.split("\n")]
    own: dict[str, str] = {}
    for header, _, value in lines:
        own.setdefault(shown(header).strip().lower(), shown(value).strip())
    return {
        secret
        for header, _, value in lines
        for secret in _secrets_in(shown(header), value.removeprefix(" "), own.get)
    }


def redact_words(text: str, secrets: Iterable[str]) -> str:
    """Return a text with secret words replaced, wherever they stand.

    Args:
        text: the text.
        secrets: the words; a short one is replaced only where it is a whole word.
    """
    for secret in sorted(secrets, key=len, reverse=True):  # one may be a part of another
        if len(secret) >= _SHORT:
            text = text.replace(secret, HIDDEN)
        else:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    return text


def redact_repeated(text: str, secrets: Iterable[str]) -> str:
    """Return a response with the secrets replaced that a server repeats in it.

    The headers that identify it as the answer to its action are unchanged.

    Args:
        text: the response.
        secrets: the words, as for `redact_words`.
    """
    secrets = tuple(secrets)
    if not secrets:
        return text
    lines = text.split("\n")
    for number, line in enumerate(lines):
        header, colon, value = partition_line(line)
        if not colon:
            lines[number] = redact_words(line, secrets)
        elif header.strip().lower() not in ("response", "actionid"):
            lines[number] = f"{header}:{redact_words(value, secrets)}"
    return "\n".join(lines)


def _secrets_in(header: str, value: str, get: Callable[[str], str | None]) -> Iterator[str]:
    """Yield the parts of a header's value that `redact_value` replaces."""
    # Quotes may stand around a replacement, though not around the replaced text.
    first, *others = (each.strip('"') for each in redact_value(header, value, get).split(HIDDEN))
    rest = value[len(first) :]
    for behind in others:
        secret, _, rest = rest.partition(behind or "\n")  # no value contains a line feed
        if secret := secret.strip('" '):
            yield secret


def show_header(header: str, value: str, get: Callable[[str], str | None]) -> str:
    """A header as a repr shows it; the arguments are those of `redact_value`."""
    return f"{shown(header)}={redact_value(header, value, get)!r}"


def _is_secret(header: str, *messages: str | None) -> bool:
    if any(
        header in _HEADERS.get(message.lower(), ()) for message in ("", *filter(None, messages))
    ):
        return True
    return header not in _HARMLESS and _names_secret(header)


def _names_secret(name: str) -> bool:
    return re.search(_SECRET_NAME, name) is not None


def _of_setting(name: str | None, value: str, *, in_file: bool = False) -> str:
    if name is None:
        return _of_text(value)
    # The lines of voicemail.conf are `<mailbox> => <password>,<name>,...`; those of meetme.conf and
    # agents.conf are `conf => <number>,<PIN>,<PIN>` and `agent => <number>,<password>,<name>`.
    if _names_secret(name) or (in_file and name.isdecimal()):
        return HIDDEN
    if in_file and name.lower() in ("conf", "agent") and "," in value:
        return f"{value.partition(',')[0]},{HIDDEN}"
    if name.lower() in ("register", "auth") and (login := re.match(_LOGIN_AT, value)):
        return f"{login[1]}{HIDDEN}{value[login.end() :]}"
    return _of_text(value)


def _of_text(text: str) -> str:
    if "=" in text:
        text = re.sub(_SETTING, _BEHIND, re.sub(_QUOTED_SETTING, _BEHIND, text))
    if ":" in text:
        text = re.sub(_JSON_LOGIN, _BEHIND, re.sub(_URL, _BEHIND, text))
        if "@" in text:
            text = re.sub(_DIALLED, _BEHIND, text)
        text = re.sub(_JSON, rf'\1"{HIDDEN}"', re.sub(_JSON_MEMBER, _BEHIND, text))
    return text
