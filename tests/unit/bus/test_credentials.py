"""Users of a bus that are let in by keys: nkeys, and JWT files as `nsc` makes them."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import nkeys
import pytest
from tests.helpers import until

from aioami import ManagerAuthError, PermissionDenied, connect, core
from aioami.bus.checking import check
from aioami.bus.config import read_config
from aioami.bus.relay import Relay, RelayOptions
from aioami.testing import FakeAsterisk
from aioami.testing.nats import NatsServer

UNLIMITED = {"subs": -1, "data": -1, "payload": -1}
READER = {
    "pub": ["$JS.API.STREAM.INFO.AMI_pbx1", "$JS.API.STREAM.MSG.GET.AMI_pbx1", "$JS.FC.>", "ami.act.pbx1.Ping"],
    "sub": ["ami.relay.>", "_INBOX.>"],
}


class Key:
    """A pair of keys of a kind."""

    def __init__(self, kind: int) -> None:
        self.seed = nkeys.encode_seed(os.urandom(32), kind)
        pair = nkeys.from_seed(bytearray(self.seed))
        self.public = pair.public_key.decode()
        self._sign = pair.sign

    def claim(self, subject: str, kind: str, **claims: Any) -> str:
        """A JWT about a subject, which is signed with this key."""
        now = int(time.time())
        body = {"jti": os.urandom(8).hex(), "iat": now, "iss": self.public, "sub": subject, "name": kind}
        if "exp" in claims:
            body["exp"] = claims.pop("exp")
        body["nats"] = {"type": kind, "version": 2, **claims}
        text = ".".join(map(_encoded, ({"typ": "JWT", "alg": "ed25519-nkey"}, body)))
        return f"{text}.{_base64(self._sign(text.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _encoded(value: Any) -> str:
    return _base64(json.dumps(value).encode())


class Operator:
    """An operator with one account, whose users have JWT files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key, self._account, system = (
            Key(nkeys.PREFIX_BYTE_OPERATOR),
            Key(nkeys.PREFIX_BYTE_ACCOUNT),
            Key(nkeys.PREFIX_BYTE_ACCOUNT),
        )
        limits = {
            **UNLIMITED,
            **{"imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1},
            **{"mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1},
        }
        accounts = {
            self._account.public: self._key.claim(self._account.public, "account", limits=limits),
            system.public: self._key.claim(system.public, "account", limits={**UNLIMITED, "conn": -1, "leaf": -1}),
        }
        self.settings = {
            "operator": self._key.claim(self._key.public, "operator", system_account=system.public),
            "system_account": system.public,
            "resolver": "MEMORY",
            "resolver_preload": accounts,
        }

    def user(self, name: str, permissions: dict[str, list[str]] | None = None, **claims: Any) -> Path:
        """Write the file of a user, who may do all, or what is allowed."""
        key = Key(nkeys.PREFIX_BYTE_USER)
        allowed = {kind: {"allow": subjects} for kind, subjects in (permissions or {}).items()}
        jwt = self._account.claim(key.public, "user", **{"pub": {}, "sub": {}, **allowed}, **UNLIMITED, **claims)
        file = self._folder / f"{name}.creds"
        file.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{key.seed.decode()}\n------END USER NKEY SEED------\n"
        )
        return file


def configuration(folder: Path, server: NatsServer, fake: FakeAsterisk, how: str) -> Any:
    """The configuration of a relay that is let in by a key."""
    file = folder / "relay.toml"
    file.write_text(f'[bus]\nurl = "{server.url}"\n{how}\n[servers.pbx1]\nurl = "{fake.url}"\n')
    return read_config(file, environment={"AIOAMI_SECRET_PBX1": "s3cret"})


async def test_jwt_files_let_a_relay_and_its_readers_in(fake: FakeAsterisk, nats_program: Path, tmp_path: Path) -> None:
    """With an operator's JWTs a relay works, and a user may what the own JWT says; one that is over is refused."""
    operator = Operator(tmp_path)
    operator.user("relay")
    reader = operator.user("reader", READER)
    over = operator.user("over", exp=int(time.time()) - 60)
    with NatsServer(nats_program, settings=operator.settings) as server:
        found = configuration(tmp_path, server, fake, 'credentials = "relay.creds"')
        assert [each for each in [each async for each in check(found)] if not each.is_right] == []
        async with Relay(found.servers, found.bus, RelayOptions(silence=0.3)) as relay:
            await until(lambda: relay.is_ready and relay.status()["pbx1"].role == "leader")
            async with connect(server.url, server="pbx1", credentials=reader) as remote:
                await remote.wait_ready(20)
                assert (await remote.send(core.Ping())).success
                with pytest.raises(PermissionDenied):
                    await remote.send(core.Hangup("PJSIP/1"))
            fake.expect_nothing("Hangup")
            for options in ({"credentials": over}, {}):
                with pytest.raises(ManagerAuthError, match="refused the login"):
                    await connect(server.url, server="pbx1", **options)


async def test_the_seed_of_an_nkey_lets_in(fake: FakeAsterisk, nats_program: Path, tmp_path: Path) -> None:
    """A file with a seed is enough where the bus knows the public key; another seed is refused."""
    keys = {name: Key(nkeys.PREFIX_BYTE_USER) for name in ("relay", "reader", "stranger")}
    for name, key in keys.items():
        (tmp_path / f"{name}.nk").write_bytes(key.seed)
    users = [{"nkey": keys["relay"].public}]
    reader = {"publish": READER["pub"], "subscribe": READER["sub"]}
    users.append({"nkey": keys["reader"].public, "permissions": reader})  # type: ignore[dict-item]
    with NatsServer(nats_program, settings={"authorization": {"users": users}}) as server:
        found = configuration(tmp_path, server, fake, 'nkey = "relay.nk"')
        assert [each for each in [each async for each in check(found)] if not each.is_right] == []
        async with Relay(found.servers, found.bus, RelayOptions(silence=0.3)) as relay:
            await until(lambda: relay.is_ready and relay.status()["pbx1"].role == "leader")
            async with connect(f"{server.url}?nkey={tmp_path}/reader.nk", server="pbx1") as remote:
                await remote.wait_ready(20)
                assert (await remote.send(core.Ping())).success
                with pytest.raises(PermissionDenied):
                    await remote.send(core.Hangup("PJSIP/1"))
            with pytest.raises(ManagerAuthError, match="refused the login"):
                await connect(server.url, server="pbx1", nkey=tmp_path / "stranger.nk")


async def test_a_file_that_is_no_key_is_named(nats_server: NatsServer, tmp_path: Path) -> None:
    """A file that is not there, or holds no key, is an error that names it, and shows nothing of it."""
    (tmp_path / "odd").write_text("SECRETSEED")
    for name in ("odd", "missing"):
        for option in ("credentials", "nkey"):
            with pytest.raises(ManagerAuthError, match=name) as told:
                await connect(nats_server.url, server="pbx1", timeout=3, **{option: tmp_path / name})  # type: ignore[arg-type]
            assert "SECRETSEED" not in str(told.value)
