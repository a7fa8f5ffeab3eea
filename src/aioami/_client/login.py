"""The first actions on a new link: the login, the filters, and the event mask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from .._session.refusals import is_permission_denied, is_shutting_down, refusal
from ..actions.base import Action, ResponseT_co
from ..actions.system import Challenge, Events, Login
from ..errors import (
    ActionError,
    ConnectionLost,
    ManagerAuthError,
    ManagerTimeout,
    ProtocolError,
    UnknownAction,
)
from ..wire.redaction import redact_words
from .connection import Connection
from .options import Options

__all__ = ["log_in"]

# Every server refuses this filter; the reason shows whether the server knows filters with criteria.
_PROBE: Final = Action(
    "Filter",
    {"Operation": "Add", "MatchCriteria": "aioami(probe)", "Filter": "["},
)
_PLAIN: Final = (
    "without a challenge the secret itself would have to be sent, for everyone to see: use TLS, or "
    "make the manager with plaintext_login=True"
)
_NEW_FILTERS: Final = "Filter was formatted incorrectly"


async def log_in(
    connection: Connection,
    options: Options,
    filters: Sequence[Action[Any]],
    mask: Action[Any] | None,
) -> None:
    """Log in, add the server-side filters, and set the event mask.

    Args:
        filters: the filters, in their order: those of the options, then those that the user sent.
        mask: the last `Events` action that the user sent, which replaces `options.event_mask`;
            `None` without one.

    Raises:
        ManagerAuthError: the login was refused.
        ActionError: a filter was refused.
        ConnectionLost: the link ended, an answer did not come in time, or the server is shutting
            down.
    """
    try:
        # If filters or a mask follow, the login asks for no events, so that no unwanted ones come.
        quiet = bool(filters) or mask is not None
        await _authenticate(connection, options, quiet=quiet)
        if any(each.match_criteria is not None for each in options.event_filters):
            await _probe(connection, options)
        for each in filters:
            await _ask(connection, options, each)
        if quiet:
            await _ask(connection, options, mask or Events(options.event_mask))
    except ManagerTimeout as error:
        sentence = f"the server did not answer the login within {options.timeout:g} seconds"
        raise ConnectionLost(sentence) from error
    except ConnectionLost as error:
        reason = connection.reason or error
        raise reason from reason.__cause__
    except (ActionError, ManagerAuthError) as error:
        if error.response is not None and is_shutting_down(error.response):
            raise ConnectionLost(f"the login was not possible: {error.response.message}") from error
        raise


async def _authenticate(connection: Connection, options: Options, *, quiet: bool) -> None:
    user, secret = options.username or "", options.secret or ""
    events = False if quiet else options.event_mask
    question = Challenge()
    answer = await connection.send(question, timeout=options.timeout, counted=False)
    challenge = answer.get("Challenge")
    if answer.success and challenge:
        login = Login(user, secret, events=events, challenge=challenge)
    elif is_shutting_down(answer):
        raise refusal(answer, question)
    elif connection.is_encrypted or options.plaintext_login:
        login = Login(user, secret, events=events)
    elif answer.success:
        raise ProtocolError(f"the server answered Challenge without a challenge; {_PLAIN}")
    else:
        reason = redact_words(answer.message.strip(), filter(None, [secret])) or "no reason given"
        sentence = f"the login was refused: {reason}; {_PLAIN}"
        raise ManagerAuthError(sentence, response=answer)
    await _ask(connection, options, login)


async def _probe(connection: Connection, options: Options) -> None:
    """Refuse a server that does not know filters with criteria.

    Such a server would silently take the pattern alone as a filter of the old kind.
    """
    answer = await connection.send(_PROBE, timeout=options.timeout, counted=False)
    known = answer.message.startswith(_NEW_FILTERS) or is_permission_denied(answer)
    if answer.success or not known:
        versions = "Asterisk has them from 18.26, 20.11, 21.6 and 22.1"
        sentence = f"this server does not know filters with criteria ({versions})"
        raise UnknownAction(sentence, action=_PROBE, response=answer)


async def _ask(
    connection: Connection,
    options: Options,
    action: Action[ResponseT_co],
) -> ResponseT_co:
    """Send an action, and return its response; raise a refusal."""
    response = await connection.send(action, timeout=options.timeout, counted=False)
    if not response.success:
        raise refusal(response, action)
    return response
