"""Placing a call."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Union

from .._check import check_flag, check_takes_one, check_text, check_type
from .._log import get_logger
from .._warning import warn
from ..actions.base import Action
from ..actions.parameters import joined, text
from ..actions.parameters import variables as variable_headers
from ..errors import ActionError, ConnectionLost, ManagerError, ManagerTimeout
from ..wire.redaction import redact_value
from ..wire.text import UTF8, shown
from .call import Call, hold
from .hub import Hub
from .machine import CallMachine
from .watch import Watch

if TYPE_CHECKING:
    from .._client.like import ManagerLike
    from ..agi import Session

__all__ = ["Application", "Destination", "PlacedCall"]

_FAREWELL: Final = 5.0  # seconds to wait for the end of a call after hanging it up
_LONGEST: Final = 86_400.0  # seconds that a call may ring

log = get_logger("aioami.calls")


@dataclass(frozen=True, init=False)
class Application:
    """An application of the dialplan, to which a call can go once it is answered::

        mgr.call("PJSIP/alice", to=Application("Queue", "support"))

    Applications that run programs, as `System` or `AGI`, need the write class `system` too.

    Args:
        name: the application's name. If it does not exist, placing the call succeeds all the same,
            and Asterisk hangs the call up when it is answered.
        arguments: its arguments, which are joined by commas. Escape a comma inside an argument.

    Attributes:
        name: the application's name.
        arguments: its arguments.
    """

    name: str
    arguments: tuple[Union[str, bytes, int], ...]

    def __init__(self, name: str, *arguments: Union[str, bytes, int]) -> None:
        check_text("name", name)
        if not name:
            raise ValueError("name: an application has one")
        for argument in arguments:
            check_type("arguments", argument, (str, bytes, int), "texts and whole numbers")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "arguments", arguments)


Destination = Union[str, bytes, Application, Callable[["Session"], Awaitable[object]]]
"""The place to which a call goes once it is answered. It is an extension as `"100@internal"`, an
`Application`, or an AGI program.
"""


class PlacedCall:
    """A call that is about to be placed: `await` or `async with` places it; see `Manager.call`.

    It is placed once: a second await raises `RuntimeError`. If the object is dropped without being
    placed, a warning is logged under `aioami.calls`.
    """

    _is_tried = True  # for `__del__`, if the arguments were refused

    def __init__(
        self,
        manager: ManagerLike,
        channel: str | bytes,
        *,
        to: Destination,
        timeout: float,
        caller_id: str | bytes | None,
        variables: Mapping[str, str | bytes | int] | None,
        account: str | bytes | None,
        codecs: str | Iterable[str] | None,
        early_media: bool,
    ) -> None:
        check_type("channel", channel, (str, bytes), "text")
        check_type("timeout", timeout, (int, float), "a number of seconds")
        if not 0 < timeout <= _LONGEST:
            raise ValueError(f"timeout: over 0 and at most {_LONGEST:.0f} seconds, not {timeout}")
        if timeout >= 1000:
            text_of = f"timeout: it is {timeout:g} seconds; {timeout:g} milliseconds are"
            warn(f"{text_of} {timeout / 1000:g}", UserWarning)
        check_flag("early_media", early_media)
        start = channel[:6] if isinstance(channel, str) else UTF8.decode(channel[:6])
        self._manager = manager
        self._uniqueid = _fresh()
        # The action Bridge takes any channel whose Uniqueid begins with the given text. So neither
        # id may begin with the other.
        self._other = _fresh() if start.lower() == "local/" else ""
        self._timeout = float(timeout)
        self._early_media = early_media
        self._program = None if isinstance(to, (str, bytes, Application)) else to
        if self._program is not None and not callable(to):
            raise TypeError(
                "to: expected 'exten@context', an Application or a program, "
                f"not {type(to).__name__}"
            )
        if self._program is not None:
            check_takes_one("to", to, "the session")
        self._action: Action[Any] = Action(
            "Originate",
            {
                "Channel": _filled("channel", channel),
                "Async": "true",
                "Timeout": max(1, round(timeout * 1000)),
                "CallerID": None if caller_id is None else text("caller_id", caller_id),
                "Variable": variable_headers("variables", variables or {}),
                "Account": None if account is None else text("account", account),
                "EarlyMedia": "true" if early_media else None,
                "Codecs": None if codecs is None else joined("codecs", codecs),
                "ChannelId": self._uniqueid,
                "OtherChannelId": self._other or None,
                **_target(to),
            },
        )
        # A login may be in it, as in SIP/user:secret@host.
        self._phone = redact_value("Channel", shown(text("channel", channel)), lambda _: None)[:80]
        self._is_used = False
        self._is_tried = False
        self._held: tuple[Call, Watch] | None = None

    def __await__(self) -> Generator[Any, None, Call]:
        return self._place().__await__()

    async def __aenter__(self) -> Call:
        try:
            return await self._place()
        except BaseException:
            # It is unknown if the call was placed, so the phone may ring all the same.
            if self._held is not None:
                self._hang_up(*self._held)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._held is not None
        call, watch = self._held
        if watch.is_kept or call.end is not None:
            return
        self._hang_up(call, watch)
        with contextlib.suppress(ManagerTimeout):
            await call.ended(_FAREWELL)

    def _hang_up(self, call: Call, watch: Watch) -> None:
        """Hang the call up in a separate task, which survives this task and a lost link."""
        if watch.machine.end is None:
            Hub.of(self._manager).start(_hang_up(self._manager, call))

    async def _place(self) -> Call:
        if self._is_used:
            raise RuntimeError(
                f"the call to {self._phone} was placed already; mgr.call() places another one"
            )
        self._is_tried = True
        self._check_sight()
        machine = CallMachine(self._uniqueid, other=self._other, early_media=self._early_media)
        call, watch = self._held = hold(
            self._manager,
            machine,
            ring=self._timeout,
            ticket=self._uniqueid,
            phone=self._phone,
        )
        self._is_used = True
        if self._program is not None:
            from .program import CallProgram

            CallProgram(self._manager, watch, self._program)
        try:
            await self._manager.send(self._action, action_id=self._uniqueid)
        except ManagerTimeout:
            raise
        except ConnectionLost as error:
            # The call may have been placed. This is known once the link is established again.
            if error.sent:
                await watch.wait(lambda: machine.channel is not None, None, "")
            if machine.channel is None:
                self._forget(watch)
                raise
        except Exception:
            self._forget(watch)
            raise
        return call

    def _forget(self, watch: Watch) -> None:
        """Drop the call: it was not placed."""
        self._held = None
        watch.lose()

    def _check_sight(self) -> None:
        """Refuse a call whose events the event mask keeps away."""
        mask = self._manager.view.mask
        if mask is None or not mask.isdisjoint({"all", "call"}):
            return
        asked = f"asks for {', '.join(sorted(mask))} alone" if mask else "asks for no events"
        raise ActionError(
            f"the call to {self._phone} was not placed, as nothing would be heard of it: "
            f"its events are of the class call, and the event mask {asked}",
            action=self._action,
        )

    if not TYPE_CHECKING:  # type checkers shall refuse these names

        def __getattr__(self, name: str) -> object:
            if name in Call.__dict__ and not name.startswith("_"):
                raise AttributeError(
                    f"{name} is of the call, and none is placed yet: "
                    "write `call = await mgr.call(...)`, or `async with mgr.call(...) as call`"
                )
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __del__(self) -> None:
        if not self._is_tried:
            log.warning(
                "the call to %s was never placed: write `call = await mgr.call(...)`, "
                "or `async with mgr.call(...) as call`",
                self._phone,
            )

    def __repr__(self) -> str:
        state = "placed" if self._is_used else "not placed: await it, or use `async with`"
        return f"<PlacedCall {self._uniqueid} to {self._phone} {state}>"


async def _hang_up(manager: ManagerLike, call: Call) -> None:
    """Hang up a call; if the link is lost, do so over the next one."""
    while call.end is None:
        try:
            await call.hang_up()
            return
        except (ConnectionLost, ManagerTimeout):
            try:
                await manager.wait_ready()
            except ManagerError:
                return  # it is lost
        except ManagerError as error:
            log.error("%r goes on, as it cannot be hung up: %s", call, error)
            return


def _target(to: Destination) -> dict[str, str | bytes | None]:
    """Return the headers of an Originate for a destination."""
    if isinstance(to, Application):
        arguments = ",".join(text("arguments", each) for each in to.arguments)
        return {"Application": to.name, "Data": arguments or None}
    if not isinstance(to, (str, bytes)):
        return {"Application": "AGI", "Data": "agi:async"}
    exten, _, context = text("to", to).rpartition("@")
    if not exten or not context:
        raise ValueError(
            "to: an extension with its context, as '100@internal', or an application, as "
            f"Application('Playback', 'hello-world'), not {to!r:.60}"
        )
    return {"Context": context, "Exten": exten, "Priority": "1"}


def _fresh() -> str:
    """Return a Uniqueid that no other channel has."""
    return f"aioami-{secrets.token_hex(10)}"


def _filled(field: str, value: str | bytes) -> str:
    given = text(field, value)
    if not given:
        raise ValueError(f"{field}: it is empty")
    return given
