"""A connection with the bus for remote managers: one request may get many answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from .._log import get_logger
from ..errors import ConnectionLost, ManagerAuthError, ManagerError, PermissionDenied, because
from .connection import BusConnection, BusOptions, Stored, refused_by_jetstream

if TYPE_CHECKING:
    from nats.aio.msg import Msg

__all__ = ["Conversation", "Engine", "is_nobody"]

log = get_logger("aioami.bus")

_HEADERS: Final = 1024  # bytes that subject, reply and headers of a request may have
_REFUSED_LOGINS: Final = ("authorization", "authentication", "user jwt", "nkey")


class Conversation(Protocol):
    """The receiver of all messages that answer one request."""

    @property
    def subject(self) -> str:
        """The subject of the request."""

    def take(self, message: Msg) -> None:
        """Take a message that answers the request."""

    def refuse(self, error: PermissionDenied) -> None:
        """End with the error: the bus refused to pass the request on."""

    def lose(self, reason: ManagerError) -> None:
        """End with the reason for which the connection is over."""


class Engine:
    """A connection with the bus, which is used until it is lost.

    Args:
        connection: the connection.

    Attributes:
        reason: why the connection is over; `None` until then.
        lost: done when the connection is over.
    """

    def __init__(self, connection: BusConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._conversations: dict[str, Conversation] = {}
        self._inbox = connection.client.new_inbox()
        self.lost = connection.lost
        self.reason: ManagerError | None = None
        connection.denied = self._denied
        connection.lost.add_done_callback(self._over)

    @classmethod
    async def open(cls, options: BusOptions, name: str, left: str = "") -> Engine:
        """Connect with one of the nodes of the bus; see `BusConnection.open`.

        Raises:
            ConnectionLost: no node was reached.
            ManagerAuthError: the login was refused.
        """
        try:
            connection = await BusConnection.open(options, name, left)
        except ConnectionLost as error:
            if any(word in str(error).lower() for word in _REFUSED_LOGINS):
                sentence = f"the bus at {options.display_name} refused the login"
                raise because(ManagerAuthError(sentence), error) from error
            raise
        engine = cls(connection)
        try:
            await engine.subscribe(f"{engine._inbox}.*", engine._replied)
        except BaseException:
            await engine.close()
            raise
        return engine

    def _over(self, lost: asyncio.Future[ManagerError]) -> None:
        self.reason = lost.result()
        conversations = list(self._conversations.values())
        self._conversations.clear()
        for conversation in conversations:
            conversation.lose(self.reason)

    @property
    def server(self) -> str:
        """The URL of the node that it is connected with."""
        return self._connection.server

    def lose(self, reason: ConnectionLost) -> None:
        """Give the connection up, for a reason."""
        self._connection.lose(reason)

    async def close(self) -> None:
        """Close the connection, within a second even if the bus is silent."""
        await self._connection.close()

    # Speaking

    async def publish(
        self,
        subject: str,
        body: bytes = b"",
        *,
        reply: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a message.

        Raises:
            ConnectionLost: the connection is over; the message was not sent.
            ValueError: the message is longer than the bus takes.
        """
        limit = self._connection.max_payload
        if len(body) + _HEADERS > limit:
            sentence = f"{len(body)} bytes, and the bus takes at most {limit} with all headers"
            raise ValueError(f"{subject}: {sentence}")
        if self.reason is not None:
            raise ConnectionLost(f"nothing was sent: {self.reason}") from self.reason
        own = None if headers is None else dict(headers)
        await self._connection.publish(subject, body, own, reply)

    async def ask(
        self, conversation: Conversation, body: bytes, headers: Mapping[str, str] | None = None
    ) -> str:
        """Send a request, and give every answer to a conversation.

        Returns:
            The token of the conversation, for `forget()`.

        Raises:
            ConnectionLost: the connection is over; the request was not sent.
            ValueError: the request is longer than the bus takes.
        """
        token = str(next(self._numbers))
        self._conversations[token] = conversation
        reply = f"{self._inbox}.{token}"
        try:
            await self.publish(conversation.subject, body, reply=reply, headers=headers)
        except BaseException:
            self.forget(token)
            raise
        return token

    def forget(self, token: str) -> None:
        """Discard further answers for a conversation."""
        self._conversations.pop(token, None)

    async def api(self, name: str, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request to JetStream, and return its answer.

        Raises:
            StoreError: JetStream refused.
            PermissionDenied: the user may not send this request.
            ManagerTimeout: JetStream did not answer in time.
            ConnectionLost: the connection is over, or there is no JetStream.
        """
        found = await self._connection.api(name, request)
        refused = found.get("error")
        if refused is not None:
            raise refused_by_jetstream(refused)
        return found

    async def message(self, stream: str, **which: Any) -> Stored | None:
        """Return a message of a stream; see `BusConnection.message`."""
        return await self._connection.message(stream, **which)

    async def is_there(self) -> bool:
        """Return `True` if the bus answers a ping within the timeout of its options."""
        try:
            seconds: Any = self._connection.options.timeout  # the client says that it be whole
            await self._connection.client.flush(timeout=seconds)
        except Exception as error:
            log.debug("the bus gives no sign of life: %r", error)
            return False
        return True

    async def has_read(self) -> bool:
        """Return `True` when the bus has read all that was sent; `False` if it does not answer."""
        # The client sends a PING before messages that it has not sent yet. When the first PING is
        # answered, they have been sent, and the second PING comes after them.
        return await self.is_there() and await self.is_there()

    def inbox(self) -> str:
        """Return a new subject that no other client uses."""
        return self._connection.client.new_inbox()

    async def subscribe(
        self, subject: str, receive: Callable[[Msg], Awaitable[None]]
    ) -> Callable[[], Awaitable[None]]:
        """Call a function with each message of a subject, in order; return a function to end it.

        Raises:
            ConnectionLost: the connection is over.
        """
        subscription = await self._connection.subscribe(subject, receive)
        return lambda: self._connection.unsubscribe(subscription)

    # Hearing

    async def _replied(self, message: Msg) -> None:
        conversation = self._conversations.get(message.subject.rpartition(".")[2])
        if conversation is not None:
            try:
                conversation.take(message)
            except Exception as error:
                log.exception("a message from the bus could not be taken")
                reason = ConnectionLost(f"the answer could not be read: {error!r}", sent=True)
                conversation.lose(because(reason, error))

    def refusal(self, kind: str, subject: str) -> PermissionDenied | None:
        """Return the bus's refusal of a permission to `publish` or for a `subscription`, if any."""
        return self._connection.permission_error(kind, subject)

    def _denied(self, kind: str, subject: str) -> bool:
        refused = [
            each
            for each in self._conversations.values()
            if kind == "publish" and each.subject.lower() == subject
        ]
        for conversation in refused:
            sentence = f"the bus does not let this user publish {conversation.subject}"
            conversation.refuse(PermissionDenied(sentence))
        return bool(refused)


def is_nobody(message: Msg) -> bool:
    """True if the message is NATS's own report that nobody listens to the request's subject."""
    return not message.data and (message.headers or {}).get("Status") == "503"
