"""The dashboard's service without a browser: who may do what, what is pushed, and what is told when something is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import async_timeout
import httpx2
import pytest
from examples.dashboard.__main__ import main
from examples.dashboard.board import Board
from examples.dashboard.settings import ONE, Settings
from examples.dashboard.users import Sessions, TooManyAttempts, Users, hash_password
from tests.web.conftest import PASSWORD, USER, served

from aioami import Manager, core
from aioami.testing import Account, FakeAsterisk, FakeConnection, FakeFleet

ROOT = Path(__file__).parents[2]
CALL = {"phone": "ada", "number": "100"}


@pytest.fixture
async def address(fake_asterisk: FakeAsterisk, users: Users) -> AsyncIterator[str]:
    """Where the dashboard is, on a fake server."""
    async with served(Settings(servers={ONE: fake_asterisk.url}, users=users, dial="PJSIP/{}")) as found:
        yield found


@pytest.fixture
async def stranger(address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who is not logged in."""
    async with httpx2.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


@pytest.fixture
async def client(stranger: httpx2.AsyncClient, fake_asterisk: FakeAsterisk) -> httpx2.AsyncClient:
    """Somebody who is, and whose requests have the page's token."""
    fake_asterisk.phone("PJSIP/ada")
    answer = await stranger.post("/login", json={"user": USER, "password": PASSWORD})
    assert answer.status_code == 204
    stranger.headers["x-csrf-token"] = (await stranger.get("/api/session")).json()["csrf"]
    return stranger


@contextlib.asynccontextmanager
async def logged_in(address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who is logged in there, and whose requests have the page's token."""
    async with httpx2.AsyncClient(base_url=address, trust_env=False) as client:
        await client.post("/login", json={"user": USER, "password": PASSWORD})
        client.headers["x-csrf-token"] = (await client.get("/api/session")).json()["csrf"]
        yield client


@contextlib.asynccontextmanager
async def served_fleet(fakes: FakeFleet, users: Users) -> AsyncIterator[httpx2.AsyncClient]:
    """A dashboard on these servers, and somebody who is logged in."""
    urls = {name: f"{url}?timeout=2" for name, url in fakes.urls.items()}
    async with (
        served(Settings(servers=urls, users=users, dial="PJSIP/{}")) as address,
        logged_in(address) as client,
    ):
        yield client


async def raw(client: httpx2.AsyncClient) -> AsyncIterator[tuple[str, Any]]:
    """What is pushed, as a browser reads it."""
    async with client.stream("GET", "/api/stream", timeout=20) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        kind = ""
        async for line in stream.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)


async def pushed(client: httpx2.AsyncClient) -> AsyncIterator[tuple[str, Any]]:
    """What is pushed by a dashboard of one server: its parts stand beside the rest."""
    async with contextlib.aclosing(raw(client)) as messages:  # type: ignore[type-var]
        async for kind, told in messages:
            yield kind, told | told.get("servers", {}).get(ONE, {})


async def servers_of(client: httpx2.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    """What the page knows of the servers after each push."""
    servers: dict[str, Any] = {}
    async with contextlib.aclosing(raw(client)) as messages:  # type: ignore[type-var]
        async for kind, told in messages:
            if kind == "state":
                servers = told["servers"]
            for server, changes in told.get("servers", {}).items() if kind == "patch" else ():
                if changes.get("whole"):
                    servers[server] = changes
                    continue
                for part, new in changes.items():
                    if part in ("link", "ended"):
                        servers[server][part] = new
                        continue
                    merged = {**servers[server][part], **new}
                    servers[server][part] = {key: each for key, each in merged.items() if each is not None}
            yield servers


async def synced(client: httpx2.AsyncClient) -> None:
    """Wait until the picture is up to date."""
    async with contextlib.aclosing(pushed(client)) as messages:  # type: ignore[type-var]
        async for _, told in messages:
            if told.get("link", {}).get("synced"):
                return


async def test_nothing_without_a_login(stranger: httpx2.AsyncClient) -> None:
    """A stranger gets the form, and no data, no stream and no action."""
    assert (await stranger.get("/")).headers["location"] == "/login"
    assert (await stranger.get("/login")).status_code == 200
    for path in ("/api/session", "/api/stream"):
        assert (await stranger.get(path)).status_code == 401
    for path in ("/api/calls", "/api/calls/1/hangup", "/api/channels/1/hangup", "/api/channels/1/transfer", "/logout"):
        assert (await stranger.post(path, json=CALL)).status_code == 401
    for path in ("/docs", "/openapi.json", "/static/../app.py", "/static/%2e%2e/users.py"):
        assert (await stranger.get(path)).status_code == 404


async def test_a_session_ends(client: httpx2.AsyncClient) -> None:
    """A cookie is for http alone and for our own site; after the log-out it is worth nothing, also to an open stream."""
    token = client.cookies["dashboard_session"]
    answer = await client.post("/login", json={"user": USER, "password": PASSWORD})
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    assert client.cookies["dashboard_session"] != token
    client.headers["x-csrf-token"] = (await client.get("/api/session")).json()["csrf"]
    newer = client.cookies["dashboard_session"]
    assert (await client.post("/logout")).status_code == 204
    for old in (token, newer):
        assert (await client.get("/api/session", headers={"cookie": f"dashboard_session={old}"})).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"x-csrf-token": ""},
        {"x-csrf-token": "wrong"},
        {"x-csrf-token": "caf\u00e9".encode("latin-1")},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_what_another_site_sends(
    client: httpx2.AsyncClient, fake_asterisk: FakeAsterisk, headers: dict[str, Any]
) -> None:
    """Without the page's token, or from another origin, nothing is done."""
    answer = await client.post("/api/calls", json=CALL, headers=headers)
    assert answer.status_code == 403
    fake_asterisk.expect_nothing("Originate")


async def test_a_login_from_another_site(stranger: httpx2.AsyncClient) -> None:
    """Another site cannot log its visitors in here, and the service answers to its own names only."""
    given = {"user": USER, "password": PASSWORD}
    assert (await stranger.post("/login", json=given, headers={"sec-fetch-site": "cross-site"})).status_code == 403
    assert (await stranger.post("/login", data=given)).status_code == 422
    assert (await stranger.get("/login", headers={"host": "evil.example"})).status_code == 400
    policy = (await stranger.get("/login")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_the_state_and_its_changes(client: httpx2.AsyncClient, fake_asterisk: FakeAsterisk) -> None:
    """A browser is given all there is, and then what changes: channels, queues, the feed, and the outcome of a call."""
    await synced(client)
    async with async_timeout.timeout(20), contextlib.aclosing(pushed(client)) as messages:  # type: ignore[type-var]
        kind, state = await anext(messages)
        assert (kind, state["link"]["state"], state["link"]["synced"]) == ("state", "ready", True)
        assert set(state["queues"]) == {"support", "sales", "empty"}
        assert (await client.post("/api/calls", json=CALL)).status_code == 202
        seen: dict[str, Any] = {"channels": {}, "placed": {}}
        names: set[str] = set()
        while "OriginateResponse" not in names or seen["placed"].get("1", {}).get("outcome") != "answered":
            kind, told = await anext(messages)
            names |= {event["name"] for event in told.get("events", ())}
            for part, found in seen.items():
                found.update(told.get(part, {}))
        (channel,) = {each["name"] for each in seen["channels"].values() if each}
        assert channel.startswith("PJSIP/ada-")
        assert (seen["placed"]["1"]["by"], seen["placed"]["1"]["to"]) == (USER, "100")
    (sent,) = fake_asterisk.sent("Originate")
    assert (sent.get("Channel"), sent.get("Exten"), sent.get("Context")) == ("PJSIP/ada", "100", "default")


async def test_the_rights_of_the_readme(users: Users) -> None:
    """The rights that the README has for manager.conf are enough for all that the page shows and does."""
    stanza = (ROOT / "examples/dashboard/README.md").read_text().partition("[dashboard]")[2]
    rights = dict(re.findall(r"^ +(read|write) = (\S+)$", stanza, re.MULTILINE))
    async with (
        FakeAsterisk(users={"dashboard": Account("s", **rights)}, answer_seconds=0.01, talk_seconds=None) as fake,
        served(Settings(servers={ONE: fake.url}, users=users, dial="PJSIP/{}")) as address,
        httpx2.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        fake.phone("PJSIP/ada")
        await client.post("/login", json={"user": USER, "password": PASSWORD})
        client.headers["x-csrf-token"] = (await client.get("/api/session")).json()["csrf"]
        await synced(client)
        assert (await client.post("/api/calls", json=CALL)).status_code == 202
        async with async_timeout.timeout(20), contextlib.aclosing(pushed(client)) as messages:  # type: ignore[type-var]
            _, state = await anext(messages)
            assert set(state["link"]["unavailable"]) == {"endpoints"}  # which the page says, in their place
            channels = state["channels"]
            while not channels:
                channels = (await anext(messages))[1].get("channels", {})
        (channel,) = channels
        assert (await client.post(f"/api/channels/{channel}/transfer", json={"number": "100"})).status_code == 200
        assert (await client.post(f"/api/channels/{channel}/hangup")).status_code == 200


@pytest.mark.parametrize("number", ["", "1@internal", "1/n", "1\r\nAction: Logoff", "x" * 41, "${SHELL(id)}", 7])
async def test_what_cannot_be_dialled(client: httpx2.AsyncClient, fake_asterisk: FakeAsterisk, number: object) -> None:
    """Nothing reaches the dialplan that could be taken for more than a number."""
    assert (await client.post("/api/calls", json={"phone": "ada", "number": number})).status_code == 422
    assert (await client.post("/api/calls", json={"phone": number, "number": "1"})).status_code == 422
    fake_asterisk.expect_nothing("Originate")


async def test_a_phone_as_it_is_shown(client: httpx2.AsyncClient, fake_asterisk: FakeAsterisk) -> None:
    """A telephone may be named as the page shows it; another technology, as Local, is no telephone."""
    await synced(client)
    assert (await client.post("/api/calls", json={"phone": "PJSIP/ada", "number": "100"})).status_code == 202
    assert (await fake_asterisk.expect("Originate")).get("Channel") == "PJSIP/ada"
    for phone in ("Local/100", "PJSIP/ada/sip:1", "PJSIP/", "PJSIP/a&PJSIP/b"):
        assert (await client.post("/api/calls", json={"phone": phone, "number": "1"})).status_code == 422


async def test_all_parts_are_pushed(client: httpx2.AsyncClient, fake_asterisk: FakeAsterisk) -> None:
    """The page gets phones, parked calls, conferences, messages and trunks; a call with who talks with whom, and its end."""
    await synced(client)
    async with async_timeout.timeout(20), contextlib.aclosing(pushed(client)) as messages:  # type: ignore[type-var]
        _, state = await anext(messages)
        for part in ("calls", "endpoints", "parking", "conferences", "mailboxes", "registrations"):
            assert isinstance(state[part], dict), part
        assert state["ended"] == []
        call = fake_asterisk.incoming("PJSIP/trunk", to="hold@test", caller="Ada <555>")
        calls: dict[str, Any] = {}
        while not calls or next(iter(calls.values()))["state"] != "waiting":
            calls |= (await anext(messages))[1].get("calls", {})
        (shown,) = calls.values()
        assert (shown["caller"]["text"], shown["queue"], shown["channels"]) == ("Ada <555>", "empty", [call.uniqueid])
        await call.hang_up()
        ended: list[dict[str, Any]] = []
        while not ended:
            ended = (await anext(messages))[1].get("ended", [])
        assert (ended[0]["caller"], ended[0]["reason"]) == ("Ada <555>", "no answer")


async def test_any_byte_may_be_dialled(client: httpx2.AsyncClient, fake_asterisk: FakeAsterisk) -> None:
    """A byte that is no UTF-8 is shown as `\\xe9` in all that is pushed and told; its call is transferred and ended."""
    await synced(client)
    odd = core.Originate_Application(
        "PJSIP/12\udce9", "Wait", ("600",), callerid="caf\udce9 <12\udce9>", channel_id="\udce9"
    )
    fake_asterisk.phone("PJSIP/12\udce9")
    async with Manager.from_url(fake_asterisk.url) as mgr:
        await mgr.send(odd)
    async with async_timeout.timeout(20), contextlib.aclosing(pushed(client)) as messages:  # type: ignore[type-var]
        channels: dict[str, Any] = {}
        names: list[str] = []
        while not channels or "Newchannel" not in names:
            _, told = await anext(messages)
            channels |= told.get("channels", {})
            names += [event["name"] for event in (*told.get("feed", ()), *told.get("events", ()))]
    (channel,) = channels.values()
    assert list(channels) == [channel["call"]] == [r"\xe9"]
    assert (channel["number"], channel["label"]) == (r"12\xe9", r"caf\xe9")
    assert channel["name"].startswith(r"PJSIP/12\xe9-")
    assert (await client.post(r"/api/channels/%5Cxe9/transfer", json={"number": "100"})).status_code == 200
    fake_asterisk.reply_to("Hangup", [("Response", "Error"), ("Message", "caf\udce9")], times=1)
    answer = await client.post(r"/api/channels/%5Cxe9/hangup")
    assert (answer.status_code, r"caf\xe9" in answer.json()["detail"]) == (409, True)
    assert (await client.post(r"/api/calls/%5Cxe9/hangup")).status_code == 200
    assert [request.getbytes("Channel") for request in fake_asterisk.sent("Hangup")] == [b"\xe9"] * 2
    assert (await client.post("/api/calls", json=CALL)).status_code == 202
    for half in (rb"\udce9", rb"\ud800"):
        content = b'{"phone": "%s", "number": "100"}' % half
        answer = await client.post("/api/calls", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "phone"])
        assert answer.json()["detail"][0]["msg"].startswith("Your phone: ")


async def test_what_goes_wrong_is_told(client: httpx2.AsyncClient, fake_asterisk: FakeAsterisk) -> None:
    """A channel that is gone, a refusal and a lost link are three different answers, each with a sentence."""
    await synced(client)
    for path in ("/api/channels/1/hangup", "/api/channels/1/transfer", "/api/calls/1/hangup"):
        answer = await client.post(path, json={"number": "1"})
        assert (answer.status_code, "not there any more" in answer.json()["detail"]) == (404, True)
    fake_asterisk.reply_to("Originate", [("Response", "Error"), ("Message", "Permission denied")], times=1)
    answer = await client.post("/api/calls", json=CALL)
    assert (answer.status_code, "Permission denied" in answer.json()["detail"]) == (409, True)
    fake_asterisk.before("Originate", FakeConnection.drop)
    answer = await client.post("/api/calls", json=CALL)
    assert (answer.status_code, "closed the connection" in answer.json()["detail"]) == (503, True)


async def test_a_link_that_comes_later(users: Users, fake_asterisk: FakeAsterisk) -> None:
    """The page is there before Asterisk is, says so, and is right when it comes."""
    await fake_asterisk.stop()
    async with (
        served(Settings(servers={ONE: fake_asterisk.url}, users=users)) as address,
        httpx2.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        await client.post("/login", json={"user": USER, "password": PASSWORD})
        async with async_timeout.timeout(20), contextlib.aclosing(pushed(client)) as messages:  # type: ignore[type-var]
            _, state = await anext(messages)
            assert (state["link"]["state"], state["link"]["synced"]) == ("connecting", False)
            await fake_asterisk.start()
            while not state.get("link", {}).get("synced"):
                _, state = await anext(messages)


async def test_a_refused_login(users: Users, fake_asterisk: FakeAsterisk) -> None:
    """A wrong secret of the service is told on the page, without the secret."""
    url = fake_asterisk.url.replace("s3cret", "wr0ng")
    async with (
        served(Settings(servers={ONE: url}, users=users)) as address,
        httpx2.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        await client.post("/login", json={"user": USER, "password": PASSWORD})
        async with async_timeout.timeout(20), contextlib.aclosing(pushed(client)) as messages:  # type: ignore[type-var]
            why = ""
            while not why:
                _, told = await anext(messages)
                why = told.get("link", {}).get("why", "")
    assert "refused" in why
    assert "wr0ng" not in why


async def test_a_fleet(users: Users) -> None:
    """Things that have the same name on two servers are told apart, and each action goes to the server that it names."""
    async with (
        FakeFleet(["pbx1", "pbx2"], answer_seconds=0.01, talk_seconds=None) as fakes,
        served_fleet(fakes, users) as client,
    ):
        for fake in fakes.values():
            fake.phone("PJSIP/ada")
        async with async_timeout.timeout(20), contextlib.aclosing(servers_of(client)) as states:  # type: ignore[type-var]
            async for servers in states:
                if list(servers) == ["pbx1", "pbx2"] and all(each["link"]["synced"] for each in servers.values()):
                    break
            assert servers["pbx1"]["queues"].keys() == servers["pbx2"]["queues"].keys() != set()
            for path in ("/api/calls", "/api/calls/1/hangup", "/api/channels/1/hangup"):
                answer = await client.post(path, json=CALL)
                assert (answer.status_code, answer.json()["detail"]) == (422, "server: say which of pbx1, pbx2")
                assert (await client.post(path, json=CALL, params={"server": "pbx3"})).status_code == 404
            pbx2 = {"server": "pbx2"}
            assert (await client.post("/api/calls", json=CALL, params=pbx2)).status_code == 202
            async for servers in states:
                if servers["pbx2"]["channels"] and servers["pbx2"]["calls"]:
                    break
            assert servers["pbx1"]["channels"] == servers["pbx1"]["calls"] == {}
            (channel,), (call,) = servers["pbx2"]["channels"], servers["pbx2"]["calls"]
            for path in (f"/api/channels/{channel}/hangup", f"/api/calls/{call}/hangup"):
                assert (await client.post(path, params={"server": "pbx1"})).status_code == 404
            path = f"/api/channels/{channel}/transfer"
            assert (await client.post(path, json={"number": "100"}, params=pbx2)).status_code == 200
            assert (await client.post(f"/api/calls/{call}/hangup", params=pbx2)).status_code == 200
            async for servers in states:
                if not servers["pbx2"]["channels"] and servers["pbx2"]["ended"]:
                    break
            assert servers["pbx1"]["ended"] == []
        for action in ("Originate", "Redirect", "Hangup"):
            fakes["pbx1"].expect_nothing(action)
            assert len(fakes["pbx2"].sent(action)) == 1
        async with contextlib.aclosing(raw(client)) as messages:  # type: ignore[type-var]
            _, state = await anext(messages)
        assert [placed["on"] for placed in state["placed"].values()] == ["pbx2"]
        assert {event["on"] for event in state["feed"] if event["name"] == "Newchannel"} == {"pbx2"}


async def test_a_server_of_a_fleet_that_is_away(users: Users) -> None:
    """One that is away is told with the reason and since when, as it was; the others go on, and it comes back by itself."""
    async with (
        FakeFleet(["pbx1", "pbx2"]) as fakes,
        served_fleet(fakes, users) as client,
        async_timeout.timeout(30),
        contextlib.aclosing(servers_of(client)) as states,  # type: ignore[type-var]
    ):
        async for servers in states:
            if all(each["link"]["synced"] and each["queues"] for each in servers.values()):
                break
        before = time.time()
        await fakes["pbx2"].stop()
        async for servers in states:
            link = servers["pbx2"]["link"]
            if not link["synced"] and link["why"]:
                break
        assert before - 1 <= link["since"] <= time.time()
        assert link["state"] == "reconnecting"
        assert servers["pbx2"]["queues"].keys() == servers["pbx1"]["queues"].keys()
        answer = await client.post("/api/calls", json=CALL, params={"server": "pbx2"}, timeout=30)
        assert answer.status_code in (503, 504)
        fakes["pbx1"].incoming("PJSIP/trunk", to="hold@test")
        async for servers in states:
            if servers["pbx1"]["channels"]:
                break
        assert servers["pbx1"]["link"]["synced"]
        await fakes["pbx2"].start()
        async for servers in states:
            if servers["pbx2"]["link"]["synced"]:
                break
        assert servers["pbx2"]["link"]["why"] == ""


async def test_the_servers_of_a_bus(users: Users, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`AIOAMI_URL=nats://` shows all servers of a bus: those that are there, those that come, and what is on them."""
    pytest.importorskip("nats")
    from aioami.bus.relay import Relay, ServerOptions
    from aioami.testing.nats import NatsServer, install

    (tmp_path / "users").write_text(f"{USER}:{hash_password(PASSWORD)}\n")
    with NatsServer(install()) as bus:
        settings = Settings.from_environment({"AIOAMI_URL": bus.url, "DASHBOARD_USERS": str(tmp_path / "users")})
        async with contextlib.AsyncExitStack() as stack:
            fakes = await stack.enter_async_context(FakeFleet(["pbx1", "pbx2"]))

            async def relay(name: str) -> None:
                await stack.enter_async_context(Relay([ServerOptions(name, fakes.urls[name])], bus.url))

            await relay("pbx1")
            address = await stack.enter_async_context(served(settings))
            client = await stack.enter_async_context(logged_in(address))
            await stack.enter_async_context(async_timeout.timeout(60))
            states = await stack.enter_async_context(contextlib.aclosing(servers_of(client)))  # type: ignore[type-var]
            async for servers in states:
                if "pbx1" in servers and servers["pbx1"]["link"]["synced"] and servers["pbx1"]["queues"]:
                    break
            await relay("pbx2")
            async for servers in states:
                if "pbx2" in servers and servers["pbx2"]["link"]["synced"] and servers["pbx2"]["queues"]:
                    break
            fakes["pbx2"].phone("PJSIP/ada")
            answer = await client.post("/api/calls", json={**CALL, "phone": "PJSIP/ada"}, params={"server": "pbx2"})
            assert answer.status_code == 202
            async for servers in states:
                if servers["pbx2"]["channels"]:
                    break
            assert not servers["pbx1"]["channels"]


async def test_a_server_that_refuses_the_login(users: Users) -> None:
    """A wrong secret for one server is told as lost for good, without the secret, and hurts no other."""
    async with FakeFleet(["pbx1", "pbx2"]) as fakes:
        urls = {**fakes.urls, "pbx2": fakes.urls["pbx2"].replace("s3cret", "wr0ng")}
        async with served(Settings(servers=urls, users=users)) as address, logged_in(address) as client:
            async with async_timeout.timeout(20), contextlib.aclosing(servers_of(client)) as states:  # type: ignore[type-var]
                async for servers in states:
                    if servers["pbx2"]["link"]["state"] == "lost" and servers["pbx1"]["link"]["synced"]:
                        break
            why = servers["pbx2"]["link"]["why"]
            assert "refused" in why
            assert "wr0ng" not in why


async def test_a_browser_that_is_too_slow() -> None:
    """Who does not read gets the state of now, not all that was; others lose nothing."""

    class Still(Board):
        def state(self) -> dict[str, Any]:
            return {"all": True}

    board = Still(None, None)  # type: ignore[arg-type]
    slow, quick = board.messages(), board.messages()
    assert (await anext(slow))[0] == (await anext(quick))[0] == "state"
    for number in range(250):
        board._send("patch", {"number": number})
        assert json.loads((await anext(quick))[1]) == {"number": number}
    kind, data = await anext(slow)
    assert (kind, json.loads(data)) == ("state", {"all": True})
    assert json.loads((await anext(slow))[1]) == {"number": 201}
    await slow.aclose()
    await quick.aclose()


async def test_passwords(tmp_path: Path, kept: str) -> None:
    """A password is kept as a salted hash; the wrong one is wrong for those who exist and those who do not."""
    assert PASSWORD not in kept
    assert kept != hash_password(PASSWORD)
    file = tmp_path / "users"
    file.write_text(f"# those who may\n\n{USER}:{kept}\n")
    users = Users.read(file)
    assert await users.check(USER, PASSWORD, "here")
    for name, password in ((USER, "wrong"), ("nobody", PASSWORD), (USER, "x" * 2000), (USER, "\udcff")):
        assert not await users.check(name, password, "here")
    assert not await users.check(USER, "wrong", "here")
    assert not await users.check(USER, "wrong", "here")
    with pytest.raises(TooManyAttempts):
        await users.check(USER, PASSWORD, "here")
    assert await users.check(USER, PASSWORD, "elsewhere")
    with pytest.raises(ValueError, match="8 to 1024"):
        hash_password("short")
    for text, complaint in (("ada:plain", "line 1"), ("", "no user"), (":scrypt$1$1$1$a$b", "line 1")):
        file.write_text(text)
        with pytest.raises(ValueError, match=complaint):
            Users.read(file)


def test_sessions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest session ends when there are too many, and each ends when nobody used it for long."""
    monkeypatch.setattr("examples.dashboard.users._MAX_SESSIONS", 2)
    sessions = Sessions()
    tokens = [sessions.begin("ada") for _ in range(3)]
    found = [sessions.find(token) for token in tokens]
    assert [session is not None for session in found] == [False, True, True]
    assert found[1] is not None
    found[1].used -= 13 * 3600
    assert sessions.find(tokens[1]) is None
    assert sessions.find(None) is None


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "AIOAMI_URL"),
        ({"AIOAMI_URL": "ami://a:s3cret@h"}, "DASHBOARD_USERS"),
        ({"AIOAMI_URL": "ami://a:s3cret@h", "DASHBOARD_USERS": "x", "DASHBOARD_SECURE": "maybe"}, "DASHBOARD_SECURE"),
        ({"AIOAMI_URL": "ami://a:s3cret@h", "DASHBOARD_USERS": "{file}", "DASHBOARD_DIAL": "PJSIP"}, "DASHBOARD_DIAL"),
    ],
)
def test_settings_that_cannot_be(environment: dict[str, str], complaint: str, tmp_path: Path, kept: str) -> None:
    """What is missing or wrong is named, and the secret is never shown."""
    (tmp_path / "users").write_text(f"{USER}:{kept}\n")
    given = {name: value.replace("{file}", str(tmp_path / "users")) for name, value in environment.items()}
    with pytest.raises(ValueError, match=complaint) as told:
        Settings.from_environment(given)
    assert "s3cret" not in str(told.value)
    given = {"AIOAMI_URL": "ami://a:s3cret@h", "DASHBOARD_USERS": str(tmp_path / "users"), "DASHBOARD_HOSTS": "a,b"}
    settings = Settings.from_environment(given)
    assert settings.hosts == ("a", "b")
    assert "s3cret" not in repr(settings)


def test_a_fleet_from_the_environment(tmp_path: Path, kept: str) -> None:
    """AIOAMI_FLEET names a file of servers; with AIOAMI_URL beside it, or an error in it, nothing begins."""
    (tmp_path / "users").write_text(f"{USER}:{kept}\n")
    file = tmp_path / "fleet.toml"
    file.write_text(
        "[servers.pbx1]\nurl = 'ami://a:s3cret@h'\n[servers.pbx2]\nurl = 'ami://a@i'\nsecret_file = 'two'\n"
    )
    (tmp_path / "two").write_text("s4cret\n")
    given = {"AIOAMI_FLEET": str(file), "DASHBOARD_USERS": str(tmp_path / "users")}
    settings = Settings.from_environment(given)
    assert list(settings.servers) == ["pbx1", "pbx2"]
    assert "s4cret" in settings.servers["pbx2"]
    assert "cret" not in repr(settings)
    with pytest.raises(ValueError, match="choose one"):
        Settings.from_environment({**given, "AIOAMI_URL": "ami://a:s3cret@h"})
    file.write_text("[servers.pbx1]\nsecret_file = 'two'\n")
    with pytest.raises(ValueError, match=r"servers\.pbx1\.url is missing"):
        Settings.from_environment(given)


def test_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A user's line is written, a wrong command line and wrong settings are told, each by its exit code."""
    monkeypatch.setattr("getpass.getpass", lambda prompt: PASSWORD)
    assert main(["password", "eve"]) == 0
    assert capsys.readouterr().out.startswith("eve:scrypt$")
    monkeypatch.setattr("getpass.getpass", lambda prompt: "short")
    assert main(["password", "eve"]) == 1
    assert main(["serve"]) == 2
    monkeypatch.setenv("AIOAMI_URL", "ami://a:b@h")
    monkeypatch.setenv("DASHBOARD_USERS", str(tmp_path / "none"))
    assert main([]) == 1
    assert "cannot start" in capsys.readouterr().err


async def test_an_office_that_does_not_exist() -> None:
    """Without AIOAMI_URL an invented office is served, and its password, which is new each time, lets one in."""
    settings = {"DASHBOARD_PORT": "0", "PYTHONUNBUFFERED": "1"}
    environment = {
        name: value for name, value in os.environ.items() if name not in ("AIOAMI_URL", "AIOAMI_FLEET")
    } | settings
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "examples.dashboard", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        said = ""
        async with async_timeout.timeout(30):
            while "http://" not in said:
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
        found = re.search(r"password: (\S+)", said), re.search(r"http://\S+", said)
        assert found[0] is not None
        assert found[1] is not None
        async with httpx2.AsyncClient(base_url=found[1][0], trust_env=False) as client:
            answer = await client.post("/login", json={"user": "demo", "password": found[0][1]})
            assert answer.status_code == 204
            async with async_timeout.timeout(20), contextlib.aclosing(pushed(client)) as messages:  # type: ignore[type-var]
                names: set[str] = set()
                async for _, told in messages:
                    names |= set(told.get("channels", {}))
                    if names:
                        break
    finally:
        process.send_signal(signal.SIGINT)
        async with async_timeout.timeout(20):
            assert await process.wait() == 0
