"""Making a manager from a URL, for a direct link as well as for a bus."""

from __future__ import annotations

from collections.abc import Generator
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from .._client.manager import Manager

if TYPE_CHECKING:
    from typing import TypeGuard

    from .._client.like import ManagerLike
    from ..bus import RemoteManager

__all__ = ["Connecting", "bus", "connect", "is_bus", "manager_of"]

_BUS: Final = "nats"

ManagerT_co = TypeVar("ManagerT_co", bound="ManagerLike", covariant=True)


class Connecting(Generic[ManagerT_co]):
    """A manager that connects when this object is awaited or entered; `connect` returns it.

    `async with` also closes the manager. After `await`, close it yourself.
    """

    def __init__(self, manager: ManagerT_co) -> None:
        self._manager = manager

    def __await__(self) -> Generator[Any, None, ManagerT_co]:
        return self._connect().__await__()

    async def _connect(self) -> ManagerT_co:
        await self._manager.connect()
        return self._manager

    async def __aenter__(self) -> ManagerT_co:
        return await self._connect()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._manager.close()

    def __repr__(self) -> str:
        return f"<Connecting {self._manager!r}>"


@overload
def connect(url: str, *, server: str, **options: Any) -> Connecting[RemoteManager]: ...
@overload
def connect(url: str, *, server: None = None, **options: Any) -> Connecting[Manager]: ...
def connect(url: str, *, server: str | None = None, **options: Any) -> Connecting[Any]:
    """Return an object that connects to a server when it is awaited or entered::

        async with connect("ami://user:secret@10.0.0.1") as mgr: ...
        mgr = await connect("nats://bus.example", server="pbx1")  # close it yourself

    Args:
        url: the server, as `Manager.from_url` takes it: `ami://`, or `amis://` for TLS. Or
            `nats://`, a bus on which relays publish their servers; this needs the extra
            `aioami[nats]`.
        server: the name of the server on the bus; required with a bus, and only allowed there.
        options: further options of `Manager.from_url`, or of the remote manager.

    Returns:
        An object that is awaitable, and an async context manager. Both connect, raise what the
        manager's `connect()` raises, and return the manager. Cancelling gives the attempt up.

    Raises:
        ValueError: the URL or an option cannot be right, or `server` is missing, or not allowed.
            The message never shows the secret.
        TypeError: an argument is of a wrong type, or there is no such option.
        ImportError: it is the URL of a bus, and the extra for it is not installed.
        OSError: a file that the URL names cannot be read.
    """
    if is_bus(url):
        if not server:
            raise ValueError("server: the name of the server on the bus, as server='pbx1'")
        return Connecting(bus().RemoteManager(url, server, **options))
    if server is not None:
        raise ValueError("server: it goes with nats://, as other URLs are of one server")
    return Connecting(Manager.from_url(url, **options))


def manager_of(name: str, url: str, **options: Any) -> ManagerLike:
    """Return the manager of a server of a fleet; on a bus `name` is the server's name there.

    Raises:
        ValueError, TypeError, OSError: as for `Manager.from_url`, or the remote manager.
        ImportError: it is the URL of a bus, and the extra for it is not installed.
    """
    if is_bus(url):
        manager: ManagerLike = bus().RemoteManager(url, name, **options)
        return manager
    return Manager.from_url(url, **options)


def is_bus(url: object) -> TypeGuard[str]:
    """True for the URL of a bus, `nats://` or `tls://`."""
    return isinstance(url, str) and url.lower().startswith((f"{_BUS}://", "tls://"))


def bus() -> Any:
    """Import and return the module for a bus; it needs nats-py, and few programs need it.

    Raises:
        ImportError: the extra is not installed.
    """
    try:
        return import_module("aioami.bus")
    except ModuleNotFoundError as error:
        sentence = f"{error}: {_BUS}:// comes with pip install 'aioami[nats]'"
        raise ImportError(sentence, name=error.name, path=error.path) from error
