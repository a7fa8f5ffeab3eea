"""A relay's term as the leader for one server: the AMI session, and the messages to store."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from .._client.manager import Manager
from .._log import get_logger
from ..actions.base import Action, value_of
from ..errors import ConnectionLost, ManagerError
from ..events.base import Event
from ..events.link import Disconnected, Reconnected
from ..fields import TRUE
from ..states import ManagerState
from .format import Gap, Record, Status, escape
from .outbox import Outbox
from .secrets import bytes_without_secrets

if TYPE_CHECKING:
    from .relay import RelayOptions, ServerOptions

__all__ = ["Leadership", "manager_of"]

log = get_logger("aioami.bus.relay")

_STATUS_EVERY: Final = 60.0  # seconds
_STATUS_SHARE: Final = 8  # times that a status is written before the log drops the first one
_RIGHTS: Final = 1.0  # seconds for which the first status waits for the user's rights
_TRY_AGAIN: Final = 30.0  # seconds between a refused login and the next attempt
_MAX_TOKENS: Final = 10_000
_MARGIN: Final = 4096  # bytes of a message without its body, at most
_DEFAULT_PAYLOAD: Final = 1 << 20


def manager_of(server: ServerOptions, **options: Any) -> Manager:
    """Make a manager for a server, with options in addition to those of its URL."""
    if server.secret is not None:
        options["secret"] = server.secret
    if server.read_only:
        options["read_only"] = True
    return Manager.from_url(server.url, **options)


class Leadership:
    """The session with Asterisk and the outbox, from the claim until another relay leads.

    It outlives connections with the bus: while there is none, events wait in the outbox.

    Args:
        server: the server.
        options: the relay's options.
        relay: the relay's name.
        clock: returns the microseconds since 1970.
        epoch: the claim's sequence in the stream.
        created: the time at which the stream was made, as the bus writes it.
        takes_over: whether another relay may have led before.
        notify: called when the status has changed.
        since: microseconds since 1970, when the last event before the claim was stored; `None`
            where unknown.

    Attributes:
        outbox: the messages that are not confirmed.
        receipt: the bus's last confirmation of a stored message; empty before the first one.
        changed: set when the outbox may have a message to send.
        manager: the session.
        max_body: bytes that the body of an event may have.
        error: the reason why there is no session, as a sentence; empty while there is one.
        too_long: the number of events that were longer than the bus takes.
    """

    def __init__(
        self,
        server: ServerOptions,
        options: RelayOptions,
        relay: str,
        clock: Callable[[], int],
        *,
        epoch: int,
        created: str,
        takes_over: bool,
        since: int | None,
        notify: Callable[[], None],
    ) -> None:
        self._server = server
        self._relay = relay
        self._clock = clock
        self._notify = notify
        self.created = created
        self.receipt = b""
        self.outbox = Outbox(options.buffer, clock)
        self.outbox.begin(epoch)
        self.changed = asyncio.Event()
        self.max_body = _DEFAULT_PAYLOAD - _MARGIN
        self.error = ""
        self.too_long = 0
        self._owes_gap = takes_over
        self._since = since
        self._tokens: dict[str, str | None] = {}
        self._published: tuple[ManagerState, str] | None = None
        self._published_at = 0
        # The log must always have a status: clients that come later read the server's state there.
        self._status_every = int(min(_STATUS_EVERY, options.max_age / _STATUS_SHARE) * 1_000_000)
        self._status_bytes = options.max_bytes // _STATUS_SHARE
        self._status_due = self._status_bytes
        self._state_since = self._heard_at = clock()
        self._lost_since = since  # while there is no link: the time of the server's last sign
        self._side: Manager | None = None
        self._side_lock = asyncio.Lock()
        self._connecting: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._attempts = 0
        self._is_over = False
        self._is_known = False
        self.manager = manager_of(server, retry_connect=True)

    @property
    def stored(self) -> int:
        """The last sequence that the stream must have, unless it has lost stored messages."""
        return int(json.loads(self.receipt)["seq"]) if self.receipt else self.outbox.epoch

    @property
    def state(self) -> ManagerState:
        """The state of the session.

        It is `CONNECTING` until the rights were asked for, and between two attempts to log in.
        """
        state = self.manager.state
        is_early = state is ManagerState.READY and not self._is_known
        if is_early or (state is ManagerState.CLOSED and not self._is_over):
            return ManagerState.CONNECTING
        return state

    def start(self) -> None:
        """Log in, and stay logged in; it may be called again."""
        if self._connecting is None:
            self._connecting = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        while True:
            # The predicate takes each event in order as it is read; the stream itself keeps none.
            with self.manager.events(where=self._take, maxsize=1) as stream:
                try:
                    self._is_known = False
                    await self.manager.connect()
                    # So the first status has the rights, and its readers need not look again.
                    await asyncio.wait([self._ask()], timeout=_RIGHTS)
                    self._is_known = True
                    self.error = ""
                    self._lost_since = None
                    self._record_takeover()
                    self.publish_status()
                    # The stream ends when the link is lost for good.
                    async for _ in stream:
                        pass
                    return
                except (ManagerError, OSError) as error:
                    self.error = str(error)
            log.error("%s: %s; another attempt in %g s", self._server.name, self.error, _TRY_AGAIN)
            self.publish_status()
            await asyncio.sleep(_TRY_AGAIN)
            await self.manager.close()
            self._owes_gap = True
            if self._lost_since is None:
                self._lost_since = self._heard_at
            self._since = self._lost_since

    def _ask(self) -> asyncio.Task[None]:
        """Ask for the rights of the user, once for each link; remote managers show them."""
        if self._asking is not None:
            self._asking.cancel()
        self._asking = asyncio.ensure_future(self._learn_rights())
        return self._asking

    async def _learn_rights(self) -> None:
        try:
            known = await self.manager.view.ask()
        except ManagerError as error:
            log.info("%s: the rights of the user are not known: %s", self._server.name, error)
            return
        if (
            known is not None
            and self._published is not None
            and self._published[0] is ManagerState.READY
        ):
            now = self._clock()
            self._put_status(self._status(self.state, now), now)

    async def close(self) -> None:
        """Log off, and end the leadership."""
        self._is_over = True
        tasks = [each for each in (self._connecting, self._asking) if each is not None]
        self._connecting = self._asking = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for manager in (self.manager, self._side):
            if manager is not None:
                with contextlib.suppress(ManagerError, OSError):
                    await manager.close()

    # Events

    def _take(self, event: Event) -> bool:
        now = self._clock()
        if isinstance(event, (Disconnected, Reconnected)):
            self._link_changed(event, now)
            return False
        if self._owes_gap:
            self._record_takeover()
        self._heard_at = now
        name = event.name
        try:
            token = self._tokens[name]
        except KeyError:
            token = self._token(event)
        body = bytes_without_secrets(event)
        if token is None or len(body) > self.max_body:
            self._too_long(len(body), now)
        else:
            self.outbox.put(token, now, body)
            if self.outbox.taken >= self._status_due:
                self._put_status(self._status(self.state, now), now)
        self.changed.set()
        return False

    def _token(self, event: Event) -> str | None:
        if len(self._tokens) >= _MAX_TOKENS:
            self._tokens.clear()
        name = bytes(event).partition(b"\n")[0].partition(b":")[2].strip()
        try:
            token: str | None = escape(name, "event")
        except ValueError:
            token = None
        self._tokens[event.name] = token
        return token

    def _too_long(self, size: int, now: int) -> None:
        self.too_long += 1
        sentence = f"an event of {size} bytes is longer than the bus takes ({self.max_body})"
        log.error("%s: %s; it is told as lost", self._server.name, sentence)
        self.outbox.put_record(Gap("size", now, now, 1, sentence), now)

    def _link_changed(self, event: Disconnected | Reconnected, now: int) -> None:
        if isinstance(event, Disconnected):
            self.error = event.reason or "the link to Asterisk was lost"
            self._lost_since = self._heard_at
            status = self._status(ManagerState.RECONNECTING, now)
        else:
            self.error = ""
            self._attempts = event.attempts or 0
            self._ask()
            # A link may be dead for a while before the loss is noticed.
            since, self._lost_since = self._lost_since, None
            sentence = "the link to Asterisk was lost, and stands again"
            self.put_record(Gap("link", since, now, None, sentence), now)
            status = self._status(ManagerState.READY, now)
        self._put_status(status, now)

    def _record_takeover(self) -> None:
        """Store a `@gap` for events missing before this login, unless no relay led before."""
        if not self._owes_gap:
            return
        self._owes_gap = False
        now = self._clock()
        sentence = "another relay took the lead"
        self.put_record(Gap("takeover", self._since, now, None, sentence), now)

    # Records

    def put_record(self, record: Record, time: int | None = None) -> None:
        """Store a record after the events that came until now."""
        self.outbox.put_record(record, time)
        self.changed.set()

    def publish_status(self, *, again: bool = False) -> None:
        """Store a status, if it has changed, or if the last one is old.

        Args:
            again: `True` stores it in any case, as for a stream that was made again.
        """
        now = self._clock()
        state = self.state
        if (
            again
            or (state, self.error) != self._published
            or now - self._published_at >= self._status_every
        ):
            self._put_status(self._status(state, now), now)

    def _put_status(self, status: Status, now: int) -> None:
        self._published = (ManagerState(status.state), status.error)
        self._published_at = now
        self.put_record(status, now)
        self._status_due = self.outbox.taken + self._status_bytes
        self._notify()

    def _status(self, state: ManagerState, now: int) -> Status:
        if self._published is None or self._published[0] is not state:
            self._state_since = now
        view = self.manager.view
        rights = view.permissions
        names = ("read", "write", "event_filters")
        return Status(
            state=state.value,
            since=self._state_since,
            version=self.manager.version,
            error=self.error,
            relay=self._relay,
            mask=None if view.mask is None else tuple(sorted(view.mask)),
            filters=tuple(each.headers for each in view.filters or ()),
            permissions=None if rights is None else {each: getattr(rights, each) for each in names},
            read_only=self._server.read_only or self.manager.read_only,
            allow=self._server.allow,
            attempts=self._attempts,
            heard=self._lost_since,
        )

    # Actions

    async def manager_for(self, action: Action[Any]) -> Manager:
        """Return the session for an action; an action that blocks it gets a second session.

        Raises:
            ConnectionLost: the second session could not be opened.
        """
        asynchronous = value_of(action, "Async").lower() in TRUE
        if asynchronous or not action.answered_as.holds_session:
            return self.manager
        async with self._side_lock:
            if self._side is None:
                self._side = manager_of(self._server, event_mask=False, retry_connect=False)
            if self._side.state in (ManagerState.CLOSED, ManagerState.LOST):
                await self._side.close()
                try:
                    await self._side.connect()
                except ManagerError as error:
                    sentence = f"{action.name} was not sent: a second session was refused: {error}"
                    raise ConnectionLost(sentence) from error
        return self._side
