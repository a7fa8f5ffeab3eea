"""The web service: pages, the login, the stream of changes, and the actions of the buttons."""

from __future__ import annotations

import contextlib
import hmac
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aioami import ActionError, ConnectionLost, Fleet, ManagerError, ManagerTimeout, core
from aioami.fleet import FleetLive
from aioami.live import Live, LiveChannel

from .board import PARTS, Board
from .settings import Settings
from .users import Session, Sessions, TooManyAttempts

__all__ = ["create_app", "create_server"]

STATIC: Final = Path(__file__).with_name("static")
COOKIE: Final = "dashboard_session"
RING_TIME: Final = 30_000  # milliseconds for which the caller's own phone rings
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

# A dialled text goes into the dialplan: so it has no @, no /, and no other sign that the dialplan would interpret. A
# telephone may be named as the page shows it.
Number = Annotated[str, Field(pattern=r"^[0-9A-Za-z*#+_.-]{1,40}$")]
Phone = Annotated[str, Field(pattern=r"^((PJSIP|SIP|IAX2|DAHDI)/)?[0-9A-Za-z*#+_.-]{1,40}$")]
FIELDS: Final = {
    "phone": "Your phone: a number or a name as ada, or a telephone as PJSIP/ada",
    "number": "Number: at most 40 letters, digits, and * # + _ . -",
    "user": "Name: at most 100 characters",
    "password": "Password: at most 2,000 characters",
}


class Credentials(BaseModel):
    """The fields of the login form."""

    user: Annotated[str, Field(max_length=100)]
    password: Annotated[str, Field(max_length=2000)]


class Call(BaseModel):
    """The fields of the form for a call."""

    phone: Phone
    number: Number


class Target(BaseModel):
    """The destination of a transfer."""

    number: Number


def create_app(settings: Settings) -> FastAPI:
    """Make the service, for any ASGI server. It must run in one process, as its sessions are in memory."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        fleet = Fleet(settings.servers, wait="none")  # the page is there before Asterisk is
        async with fleet, FleetLive(fleet, parts=PARTS, wait=False) as lives, Board(fleet, lives) as board:
            app.state.fleet, app.state.lives, app.state.board = fleet, lives, board
            yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings, app.state.sessions = settings, Sessions()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts))

    app.add_middleware(WithHeaders)
    app.add_exception_handler(ManagerError, tell)
    app.add_exception_handler(RequestValidationError, refuse)
    _add_pages(app, settings)
    _add_actions(app, settings)
    app.mount("/static", StaticFiles(directory=STATIC))
    return app


class WithHeaders:
    """Adds headers to each response that restrict what a browser does with it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, sent)


class Server(uvicorn.Server):
    """A uvicorn server that ends the streams of all browsers when it stops: they would never end by themselves."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"The dashboard is at {self.address}/", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app: Any = self.config.app
        app.state.board.dismiss()
        await super().shutdown(sockets)

    @property
    def address(self) -> str:
        """The URL at which it listens."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"


def create_server(settings: Settings, port: int) -> Server:
    """Make a server for the service on 127.0.0.1, behind a proxy with TLS for other machines. Port 0 is any free one."""
    return Server(
        uvicorn.Config(
            create_app(settings),
            host="127.0.0.1",
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=2,
            server_header=False,
        )
    )


async def tell(request: Request, error: Exception) -> JSONResponse:
    """Answer with the message of an error between here and Asterisk."""
    status = 504 if isinstance(error, ManagerTimeout) else 503 if isinstance(error, ConnectionLost) else 502
    if isinstance(error, ActionError):
        status = 409
    return JSONResponse({"detail": str(error)}, status)


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """Answer with a message for each wrong field, without the values, which may be no text that can be sent back."""
    assert isinstance(error, RequestValidationError)
    detail = [{"loc": each["loc"], "msg": FIELDS.get(str(each["loc"][-1]), each["msg"])} for each in error.errors()]
    return JSONResponse({"detail": detail}, 422)


# The user of a request


def session_of(request: Request) -> Session:
    """Return the session of a request."""
    session: Session | None = request.app.state.sessions.find(request.cookies.get(COOKIE))
    if session is None:
        raise HTTPException(401, "you are not logged in")
    return session


def same_origin(request: Request) -> None:
    """Refuse requests that another site's page makes a browser send."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin") or (origin and urlsplit(origin).netloc != request.headers.get("host")):
        raise HTTPException(403, "this came from another site")


def own_page(
    request: Request,
    session: Annotated[Session, Depends(session_of)],
    _: Annotated[None, Depends(same_origin)],
) -> Session:
    """Return the session, if the request also has the token that only our own page knows."""
    token = request.headers.get("x-csrf-token", "")
    if not hmac.compare_digest(token.encode(), session.csrf.encode()):
        raise HTTPException(403, "this did not come from the dashboard's page")
    return session


def server_of(request: Request, server: str | None = None) -> str:
    """Return the server of a request, from `?server=NAME`; with one server, no name is needed."""
    names = request.app.state.fleet.servers
    if server is None:
        if len(names) != 1:
            raise HTTPException(422, f"server: say which of {', '.join(names)}")
        server = names[0]
    if server not in names:
        raise HTTPException(404, "this server is not there any more")
    return server


Known = Annotated[Session, Depends(session_of)]
Own = Annotated[Session, Depends(own_page)]
Chosen = Annotated[str, Depends(server_of)]


def _add_pages(app: FastAPI, settings: Settings) -> None:
    sessions: Sessions = app.state.sessions

    @app.get("/", response_model=None)
    async def page(request: Request) -> Response:
        if sessions.find(request.cookies.get(COOKIE)) is None:
            return RedirectResponse("/login", 303)
        return FileResponse(STATIC / "index.html")

    @app.get("/login", response_model=None)
    async def login_page() -> Response:
        return FileResponse(STATIC / "login.html")

    @app.post("/login", response_model=None, dependencies=[Depends(same_origin)])
    async def log_in(given: Credentials, request: Request) -> Response:
        try:
            address = request.client.host if request.client is not None else ""
            right = await settings.users.check(given.user, given.password, address)
        except TooManyAttempts:
            raise HTTPException(429, "too many attempts; wait a minute") from None
        if not right:
            raise HTTPException(401, "the name or the password is wrong")
        sessions.end(request.cookies.get(COOKIE))
        response = Response(status_code=204)
        response.set_cookie(
            COOKIE, sessions.begin(given.user), httponly=True, samesite="lax", secure=settings.secure, path="/"
        )
        return response

    @app.post("/logout", response_model=None)
    async def log_out(request: Request, session: Own) -> Response:
        sessions.end(request.cookies.get(COOKIE))
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path="/")
        return response

    @app.get("/api/session")
    async def session(session: Known) -> dict[str, str]:
        return {"user": session.user, "csrf": session.csrf}

    @app.get("/api/stream", response_class=EventSourceResponse)
    async def stream(request: Request, session: Known) -> AsyncIterator[ServerSentEvent]:
        board: Board = request.app.state.board
        async with contextlib.aclosing(board.messages()) as messages:
            async for kind, data in messages:
                if not session.open:
                    return
                yield ServerSentEvent(event=kind, raw_data=data)


def _add_actions(app: FastAPI, settings: Settings) -> None:
    def live_of(request: Request, server: str) -> Live:
        live: Live = request.app.state.lives[server]
        return live

    def channel_of(request: Request, server: str, uniqueid: str) -> LiveChannel:
        channel = live_of(request, server).channels.get(uniqueid)
        if channel is None:
            raise HTTPException(404, "this channel is not there any more")
        return channel

    @app.post("/api/calls", status_code=202)
    async def place(call: Call, request: Request, session: Own, server: Chosen) -> dict[str, Any]:
        board: Board = request.app.state.board
        action = core.Originate_Context(
            call.phone if "/" in call.phone else settings.dial.format(call.phone),
            settings.context,
            call.number,
            1,
            timeout=RING_TIME,
            callerid=f"<{call.phone.rpartition('/')[2]}>",
        )
        await board.place(server, session.user, call.phone, call.number, action)
        return {}

    @app.post("/api/calls/{linkedid}/hangup")
    async def hang_up_call(linkedid: str, request: Request, session: Own, server: Chosen) -> dict[str, Any]:
        calls = live_of(request, server).calls()
        if linkedid not in calls:
            raise HTTPException(404, "this call is not there any more")
        for channel in calls[linkedid].channels:
            await request.app.state.fleet[server].send(core.Hangup(channel.uniqueid, cause=16), check=False)
        return {}

    @app.post("/api/channels/{uniqueid}/hangup")
    async def hang_up(uniqueid: str, request: Request, session: Own, server: Chosen) -> dict[str, Any]:
        channel = channel_of(request, server, uniqueid)
        await request.app.state.fleet[server].send(core.Hangup(channel.uniqueid, cause=16))
        return {}

    @app.post("/api/channels/{uniqueid}/transfer")
    async def transfer(uniqueid: str, target: Target, request: Request, session: Own, server: Chosen) -> dict[str, Any]:
        channel = channel_of(request, server, uniqueid)
        redirect = core.Redirect(channel.uniqueid, settings.context, target.number, 1)
        await request.app.state.fleet[server].send(redirect)
        return {}
