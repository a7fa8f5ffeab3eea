"""The doctor: each fault is provoked on a fake server, found, and told with what to change."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trustme

from aioami.cli.diagnosis import Finding, Level, examine
from aioami.cli.process import ExitCode
from aioami.testing import Account, EventFilter, FakeAsterisk


async def examined(url: str, **options: object) -> list[Finding]:
    options = {"seconds": 0.0, **options}
    return [finding async for finding in examine(url, **options)]  # type: ignore[arg-type]


async def the_fault(url: str, topic: str, **options: object) -> Finding:
    """The one thing that is wrong."""
    (wrong,) = [each for each in await examined(url, **options) if each.level is Level.WRONG]
    assert wrong.topic == topic
    return wrong


def levels(findings: list[Finding]) -> dict[str, str]:
    return {each.topic: each.level.value for each in findings}


async def test_all_is_well(fake: FakeAsterisk) -> None:
    """A server where all is well gets no complaint, and each step is told."""
    found = await examined(
        fake.url,
        probe=True,
        events=["Hangup"],
        actions=["Originate"],
        seconds=0.05,
    )
    assert {each.level for each in found} == {Level.OK}
    assert list(levels(found)) == [
        *(
            "name",
            "port",
            "greeting",
            "login",
            "time",
            "mask",
            "read",
            "write",
            "filters",
            "action",
            "event",
        ),
        *("probe", "events", "boot"),
    ]
    assert "s3cret" not in str(found)


async def test_no_such_name() -> None:
    """A name without an address."""
    wrong = await the_fault("ami://a:b@no-such-host.invalid", "name")
    assert "no-such-host.invalid stands for no address" in wrong.text
    assert wrong.code is ExitCode.NOT_REACHED


async def test_nobody_listens(closed_port: int) -> None:
    """A port on which nobody listens; with TLS the change is another one."""
    wrong = await the_fault(f"ami://a:b@127.0.0.1:{closed_port}", "port")
    assert "refused" in wrong.text
    assert wrong.change[:4] == (
        "[general]",
        "enabled = yes",
        f"port = {closed_port}",
        "bindaddr = 0.0.0.0",
    )
    wrong = await the_fault(f"amis://a:b@127.0.0.1:{closed_port}", "port")
    assert "tlsenable = yes" in wrong.change


async def test_no_answer_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where packets are dropped, a firewall is thought of."""

    async def dropped(*_: object, **__: object) -> None:
        raise asyncio.TimeoutError

    monkeypatch.setattr("aioami.cli.diagnosis.probe.NetworkProbe.connect", dropped)
    wrong = await the_fault("ami://a:b@127.0.0.1:5038", "port")
    assert "firewall" in wrong.text


async def test_a_full_server() -> None:
    """A server that closes at once has too many sessions that are not logged in."""
    async with FakeAsterisk(close_on_connect=True) as fake:
        wrong = await the_fault(fake.url, "greeting")
    assert any("authlimit" in line for line in wrong.change)


async def test_a_limit_of_sessions_that_are_not_logged_in() -> None:
    """The same with a limit that others have used up."""
    async with FakeAsterisk(auth_limit=1) as fake:
        _, writer = await asyncio.open_connection(fake.host, fake.port)
        await fake.wait_connected()
        wrong = await the_fault(fake.url, "greeting")
        writer.close()
    assert any("authlimit" in line for line in wrong.change)


@pytest.mark.parametrize(
    ("banner", "kind"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "an HTTP server"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "an SSH server"),
        (b"220 mail ready\r\n", "an SMTP or FTP server"),
        (b"\xff\xfd\x18\r\n", "a Telnet server"),
        (b"Welcome to the shop\r\n", "something else"),
    ],
)
async def test_something_else_listens(banner: bytes, kind: str) -> None:
    """A server that is no manager interface is named."""
    async with FakeAsterisk(banner=banner) as fake:
        wrong = await the_fault(fake.url, "greeting")
    assert f"it is no manager interface, but {kind}" in wrong.text
    assert wrong.code is ExitCode.NO_AMI


@pytest.mark.parametrize(
    ("greeting", "words"),
    [
        (b"PBX Call Manager/11.0.0", "PBX Call Manager 11.0.0, a relative of Asterisk's"),
        (b"Asterisk Call Manager Proxy/1.30", "Proxy 1.30, a proxy, which does not say what is"),
        (b"Asterisk Call Manager/1.3", "AMI 1.3, before Asterisk 12"),
    ],
)
async def test_a_relative_is_accepted_as_what_it_is(greeting: bytes, words: str) -> None:
    """The greeting of a relative or a proxy is no fault, and no release of Asterisk is guessed from it."""
    async with FakeAsterisk(banner=greeting + b"\r\n") as fake:
        found = await examined(fake.url)
    assert levels(found)["greeting"] == levels(found)["login"] == "ok"
    assert any(each.topic == "greeting" and words in each.text for each in found)


@asynccontextmanager
async def peer(answer: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """A server that speaks second; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1000):
                writer.write(answer(data))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_server_that_speaks_second_is_named_by_its_answer() -> None:
    """A server that does not greet is asked something, and named by what it answers, with TLS in the URL and without."""
    async with peer(lambda data: b"" if data[:1] == b"\x16" else b"-ERR unknown command 'Action:'\r\n") as port:
        wrong = await the_fault(f"ami://a:b@127.0.0.1:{port}?timeout=0.3", "greeting")
    assert "a Redis server, which does not greet, and answers: -ERR" in wrong.text
    assert wrong.code is ExitCode.NO_AMI
    async with peer(lambda data: b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        wrong = await the_fault(f"amis://a:b@127.0.0.1:{port}?timeout=0.3", "tls")
    assert "it is an HTTP server: HTTP/1.1 400" in wrong.text
    assert wrong.code is ExitCode.NO_AMI


async def test_silence() -> None:
    """A server that sends no greeting is a fault."""
    async with FakeAsterisk(slow_banner=60) as fake:
        wrong = await the_fault(f"{fake.url}?timeout=0.2", "greeting")
    assert "no greeting within 0.2 s" in wrong.text


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def server_side(authority: trustme.CA, name: str = "127.0.0.1") -> tls.SSLContext:
    context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_that_is_well(authority: trustme.CA, tmp_path: Path) -> None:
    """A certificate that is trusted is told with the version of TLS."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with FakeAsterisk(ssl=server_side(authority)) as fake:
        found = await examined(f"{fake.url}?cafile={tmp_path / 'ca.pem'}")
    assert levels(found)["tls"] == "ok"
    assert Level.WRONG not in {each.level for each in found}


async def test_a_certificate_that_is_not_trusted(authority: trustme.CA) -> None:
    """An unknown authority: the certificate can be given."""
    async with FakeAsterisk(ssl=server_side(authority)) as fake:
        wrong = await the_fault(fake.url, "tls")
    assert "not trusted" in wrong.text
    assert "?cafile=" in wrong.change[0]


async def test_a_certificate_for_another_name(authority: trustme.CA, tmp_path: Path) -> None:
    """Another name: the name can be given."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with FakeAsterisk(ssl=server_side(authority, "pbx.example")) as fake:
        wrong = await the_fault(f"{fake.url}?cafile={tmp_path / 'ca.pem'}", "tls")
        assert "?server_hostname=" in wrong.change[0]
        found = await examined(
            f"{fake.url}?cafile={tmp_path / 'ca.pem'}&server_hostname=pbx.example",
        )
    assert levels(found)["login"] == "ok"


async def test_tls_where_there_is_none_and_the_reverse(
    fake: FakeAsterisk,
    authority: trustme.CA,
) -> None:
    """A URL with TLS for a port without, and one without for a port with TLS, are told."""
    wrong = await the_fault(f"amis://admin:s3cret@127.0.0.1:{fake.port}?timeout=1", "tls")
    assert "speaks without TLS" in wrong.text
    assert wrong.change[0] == f"in the URL: ami://127.0.0.1:{fake.port}"
    async with FakeAsterisk(ssl=server_side(authority)) as secure:
        wrong = await the_fault(
            f"ami://admin:s3cret@127.0.0.1:{secure.port}?timeout=0.3",
            "greeting",
        )
    assert wrong.change[0] == f"in the URL: amis://127.0.0.1:{secure.port}"


async def test_tls_with_something_else() -> None:
    """A port that takes connections and fails at TLS is a fault."""
    async with FakeAsterisk(banner=b"SSH-2.0\r\n") as fake:
        wrong = await the_fault(f"amis://a:b@127.0.0.1:{fake.port}?timeout=1", "tls")
    assert "TLS cannot be agreed upon" in wrong.text


async def test_a_missing_file_of_certificates() -> None:
    """A file that is not there is told before anything else."""
    wrong = await the_fault("amis://a:b@127.0.0.1?cafile=/no/such/file", "url")
    assert "No such file" in wrong.text
    assert (await the_fault("http://x", "url")).text.startswith("url: expected")


@pytest.mark.parametrize("user", ["admin", "nobody", "denied"])
async def test_a_login_that_is_refused(fake: FakeAsterisk, user: str) -> None:
    """A wrong secret, no such user, an address that is not permitted: Asterisk does not say which,
    the doctor says all.
    """
    secret = "wrong" if user == "admin" else "s3cret"
    wrong = await the_fault(f"ami://{user}:{secret}@127.0.0.1:{fake.port}", "login")
    assert wrong.code is ExitCode.LOGIN_REFUSED
    assert wrong.change[:3] == (
        f"[{user}]",
        "secret = ...  ; the one that this program uses",
        "permit = 127.0.0.1/255.255.255.255",
    )
    assert secret not in wrong.text.replace("secret", "")
    assert len(fake.sent("Login")) == 1


async def test_a_login_that_may_be_only_once(fake: FakeAsterisk) -> None:
    """A user who is logged in already."""
    from aioami import Manager

    url = f"ami://single:s3cret@127.0.0.1:{fake.port}"
    async with Manager.from_url(url):
        wrong = await the_fault(url, "login")
    assert wrong.change == ("[single]", "allowmultiplelogin = yes")


async def test_no_challenge(fake: FakeAsterisk) -> None:
    """A server that gives no challenge."""
    fake.reply_to("Challenge", {"Response": "Error", "Message": "Must specify AuthType"})
    wrong = await the_fault(fake.url, "login")
    assert "gives no challenge" in wrong.text
    assert "?plaintext_login=yes" in wrong.change[0]
    fake.reply_to("Challenge", {"Response": "Success"})
    wrong = await the_fault(fake.url, "login")
    assert "without a challenge" in wrong.text
    assert "?plaintext_login=yes" in wrong.change[0]
    assert not [each for each in await examined(f"{fake.url}?plaintext_login=yes") if each.level is Level.WRONG]


async def test_a_server_that_ends(fake: FakeAsterisk) -> None:
    """A server that is shutting down, and one that is gone in the middle of the login."""
    fake.reply_to("Login", {"Response": "Error", "Message": "Asterisk is shutting down"}, times=1)
    wrong = await the_fault(fake.url, "login")
    assert "shutting down" in wrong.text
    assert wrong.change
    fake.reply_to("Login", None, times=1)
    wrong = await the_fault(f"{fake.url}?timeout=0.2", "login")
    assert "before the login was answered" in wrong.text
    fake.before("Ping", lambda connection: connection.drop())
    assert "did not last" in (await the_fault(fake.url, "link")).text


async def test_no_user(fake: FakeAsterisk) -> None:
    """A URL without a user is looked at as far as that goes."""
    found = await examined(f"ami://127.0.0.1:{fake.port}")
    assert levels(found) == {"name": "ok", "port": "ok", "greeting": "ok", "login": "hint"}


async def test_a_user_who_may_read_nothing(fake: FakeAsterisk) -> None:
    """No class to read: no event ever comes."""
    wrong = await the_fault(f"ami://silent:s3cret@127.0.0.1:{fake.port}", "read")
    assert wrong.change[:2] == ("[silent]", "read = call,agent,user")


async def test_rights_that_only_the_list_of_actions_tells(fake: FakeAsterisk) -> None:
    """Without the right to ask, the write classes are those that the list of allowed actions
    proves.
    """
    url = f"ami://callonly:s3cret@127.0.0.1:{fake.port}"
    findings = await examined(url, actions=["DBPut"], events=["QueueMemberPause"])
    found = {each.topic: each for each in findings}
    assert found["read"].level is Level.HINT
    assert "actions of call,originate (ListCommands" in found["write"].text
    assert found["action"].change == ("[callonly]", "; write: add system to what is there")
    assert found["event"].level is Level.HINT
    assert found["boot"].level is Level.HINT


async def test_rights_of_which_manager_conf_tells() -> None:
    """A user with the class config is told by the file itself."""
    users = "[general]\nenabled = yes\n[web]\nsecret = x\nread = call\nwrite = config,reporting\n"
    async with FakeAsterisk(files={"manager.conf": users}) as fake:
        found = {each.topic: each for each in await examined(fake.url, events=["Hangup"])}
    assert found["read"].text == "events of call (manager.conf)"
    assert found["filters"].text == "manager.conf holds no events back"
    assert found["event"].level is Level.OK
    assert "x" not in found["write"].text.split()


async def test_a_user_who_may_do_nothing(fake: FakeAsterisk) -> None:
    """Without a write class, what needs none is left."""
    url = f"ami://readonly:s3cret@127.0.0.1:{fake.port}"
    found = {each.topic: each for each in await examined(url)}
    assert found["write"].level is Level.HINT
    assert "only what needs no write class" in found["write"].text
    assert "came proves system,security" in found["read"].text


@pytest.mark.parametrize(
    ("name", "level", "words"),
    [
        ("Hangup", Level.OK, "may come"),
        ("QueueMemberPause", Level.WRONG, "needs the read class agent"),
        ("QueueParams", Level.HINT, "in the response to QueueStatus alone"),
        ("Hangop", Level.HINT, "is Hangup meant?"),
        ("Bridge", Level.HINT, "BridgeEnter and BridgeLeave took its place"),
        ("Newchannel,Hangup", Level.HINT, "'Newchannel', 'Hangup'"),
        ("Qqqqq", Level.HINT, "makes no event Qqqqq; it comes only if a module of others sends it"),
    ],
)
async def test_an_event_that_should_come(name: str, level: Level, words: str) -> None:
    """Each reason for which an event does not come."""
    async with FakeAsterisk(users={"web": Account("x", "call,command", "command")}) as fake:
        found = [each for each in await examined(fake.url, events=[name]) if each.topic == "event"]
    assert (found[0].level, words in found[0].text) == (level, True)
    if name == "QueueMemberPause":
        assert found[0].change == ("[web]", "read = call,command,agent")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ping", ""),
        ("MeetmeMute", "no action MeetmeMute"),
        ("Originat", "is Originate meant?"),
        ("DBPut", "class system"),
    ],
)
async def test_an_action_that_should_be_allowed(name: str, words: str) -> None:
    """An action that the user may not send, and one that does not exist, are two things."""
    async with FakeAsterisk(users={"web": Account("x", "call", "command,originate,call")}) as fake:
        findings = await examined(fake.url, actions=[name])
    found = [each for each in findings if each.topic == "action"]
    assert words in found[0].text
    assert (found[0].level is Level.OK) == (name == "Ping")


async def test_a_url_that_asks_for_no_events(fake: FakeAsterisk) -> None:
    """A mask that lets nothing through, and one that lets too little through."""
    wrong = await the_fault(f"{fake.url}?event_mask=off", "mask")
    assert wrong.change[0].startswith("in the URL: event_mask=on")
    wrong = await the_fault(f"{fake.url}?event_mask=agent,user", "event", events=["Hangup"])
    assert "asks for events of agent,user only" in wrong.text


async def test_a_server_that_does_not_answer_the_mask() -> None:
    """brokeneventsaction is found."""
    async with FakeAsterisk(broken_events_action=True) as fake:
        found = {each.topic: each for each in await examined(fake.url)}
    assert found["mask"].change == ("[general]", "brokeneventsaction = no")


FILTERED = """
[general]
disabledevents = Newexten,VarSet
[web]
secret = x
read = all
write = all
eventfilter = Event: Hang
eventfilter = !Cause: 16
eventfilter(name(Newchannel)) =
"""


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("Hangup", Level.OK),
        ("Newchannel", Level.OK),
        ("DialBegin", Level.WRONG),
        ("Newexten", Level.WRONG),
    ],
)
async def test_filters_in_manager_conf(name: str, level: Level) -> None:
    """Filters and disabled events are shown, and whether an event gets through them."""
    async with FakeAsterisk(files={"manager.conf": FILTERED}) as fake:
        found = await examined(fake.url, events=[name])
    held = [each for each in found if each.topic == "filters"]
    assert [each.level for each in held] == [Level.HINT, Level.HINT]
    assert "eventfilter = Event: Hang" in held[0].text
    assert "disabledevents = Newexten,VarSet" in held[1].text
    (event,) = [each for each in found if each.topic == "event"]
    assert event.level is level
    if name == "DialBegin":
        assert event.change == ("[web]", "eventfilter = ^Event: DialBegin[[:space:]]")
    if name == "Newexten":
        assert event.change == ("[general]", "disabledevents = VarSet")


async def test_filters_that_are_only_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file may not be read, a missing event of the login tells that something holds
    events back.
    """
    monkeypatch.setattr("aioami.cli.diagnosis.examination.LOGIN_EVENT_TIMEOUT", 0.1)
    monkeypatch.setattr("aioami.cli.diagnosis.examination.TEST_EVENT_TIMEOUT", 0.1)
    held = Account("x", "all", "command,user", event_filters=(EventFilter.parse("Event: Hangup"),))
    async with FakeAsterisk(users={"web": held}) as fake:
        found = {each.topic: each for each in await examined(fake.url, probe=True)}
    assert found["filters"].level is Level.HINT
    assert "something holds events back" in found["filters"].text
    assert found["probe"].level is Level.WRONG


async def test_filters_of_the_url(fake: FakeAsterisk) -> None:
    """A filter that the user may not add, one that the server refuses, and one that it does not
    know.
    """
    here = f"127.0.0.1:{fake.port}"
    wrong = await the_fault(f"ami://callonly:s3cret@{here}?event_filter=Hangup", "filters")
    assert wrong.code is ExitCode.PERMISSION_DENIED
    wrong = await the_fault(f"{fake.url}?event_filter=Event%3A+%5B", "filters")
    assert "is refused" in wrong.text
    async with FakeAsterisk(version="16") as old:
        wrong = await the_fault(f"{old.url}?event_filter=name(Hangup)", "filters")
    assert wrong.code is ExitCode.UNKNOWN_ACTION
    assert "filters" not in levels(await examined(f"{fake.url}?event_filter=Hangup"))


async def test_a_probe_that_may_not_be_made(fake: FakeAsterisk) -> None:
    """A user who may not make an event is told what the test needs."""
    url = f"ami://callonly:s3cret@127.0.0.1:{fake.port}"
    found = {each.topic: each for each in await examined(url, probe=True)}
    assert found["probe"].level is Level.HINT


async def test_events_are_counted(fake: FakeAsterisk) -> None:
    """Events that come while the doctor listens are counted by class."""

    async def ring() -> None:
        await fake.expect("ListCommands")
        await asyncio.sleep(0.1)  # it listens for half a second, and does not say when it begins
        for _ in range(3):
            await fake.send_event("Hangup", privilege="call,all")

    ringing = asyncio.create_task(ring())
    found = {each.topic: each for each in await examined(fake.url, seconds=0.5)}
    await ringing
    assert found["events"].text == "3 came in 0.5 s: call 3"


async def test_a_server_that_boots() -> None:
    """A server that is not booted yet, seen by one who may ask, by one who only hears, and by one
    who cannot know.
    """
    users = {
        "asks": Account("x", "all", "all"),
        "hears": Account("x", "system", "config"),
        "neither": Account("x", "call", "call"),
    }
    async with FakeAsterisk(boot=False, users=users) as fake:
        fake.reply_to(
            "GetConfig",
            {
                "Response": "Success",
                "Category-000000": "hears",
                "Line-000000-000000": "read=system",
            },
        )
        for user, level in (("asks", Level.WRONG), ("hears", Level.WRONG), ("neither", Level.HINT)):
            url = f"ami://{user}:x@127.0.0.1:{fake.port}?timeout=0.3"
            found = {each.topic: each for each in await examined(url)}
            assert found["boot"].level is level, user
    async with FakeAsterisk(users={"asks": Account("x", "call", "command")}) as fake:
        assert levels(await examined(fake.url))["boot"] == "ok"


async def test_clock_and_round_trip(fake: FakeAsterisk) -> None:
    """A clock that goes wrong is told."""
    fake.reply_to("Ping", {"Response": "Success", "Ping": "Pong", "Timestamp": "1000.0"})
    found = [each.text for each in await examined(fake.url) if each.topic == "time"]
    assert "behind this machine's" in found[1]


async def test_a_short_write_timeout() -> None:
    """The usual write timeout is short, and that is said where the file may be read."""
    async with FakeAsterisk(
        files={"manager.conf": "[general]\n[web]\nsecret = x\nread = all\nwrite = all\n"},
    ) as fake:
        found = [each for each in await examined(fake.url) if each.level is Level.HINT]
    assert [each.change for each in found] == [("[web]", "writetimeout = 5000")]


@pytest.mark.parametrize("version", ["13", "16", "22"])
async def test_each_version(version: str) -> None:
    """The version of Asterisk is told from the greeting; all is well with each."""
    async with FakeAsterisk(version=version) as fake:
        found = await examined(fake.url)
    (greeting,) = [each.text for each in found if each.topic == "greeting"]
    assert greeting.endswith(f"which is Asterisk {version}")
    assert Level.WRONG not in {each.level for each in found}


async def test_no_line_takes_a_right_away() -> None:
    """Where the classes of a user are not all known, a line says what to add, and sets nothing when it is pasted."""
    users = {"web": Account("x", "call", "call")}
    async with FakeAsterisk(users=users) as fake:
        found = await examined(fake.url, events=["QueueMemberPause"], actions=["DBPut"], probe=True)
    changes = [line for each in found for line in each.change]
    assert "; read: add agent to what is there" in changes
    assert "; write: add system to what is there" in changes
    assert not [line for line in changes if line.startswith(("read =", "write ="))]


@pytest.mark.parametrize(("scheme", "usual"), [("ami", 5038), ("amis", 5039)])
async def test_a_wrong_port_is_told_the_usual_one(scheme: str, usual: int) -> None:
    """Where nobody listens on another port than the usual one, that is named besides what manager.conf may say."""
    found = await examined(f"{scheme}://u:s@127.0.0.1:1")
    port = next(each for each in found if each.topic == "port" and each.level is Level.WRONG)
    assert port.change[-1] == f"; or in the URL: {scheme}://127.0.0.1:{usual}, the usual port"
    found = await examined(f"{scheme}://u:s@127.0.0.1:{usual}")
    assert not [line for each in found for line in each.change if "the usual port" in line]
