"""The file that names the servers of a fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

from aioami import Fleet
from aioami.fleet import read_servers
from aioami.testing import FakeFleet


async def test_the_servers_of_a_file_make_a_fleet(tmp_path: Path) -> None:
    """The servers are in the order of the file, with a secret from the URL or from a file beside it, and connect."""
    async with FakeFleet(["pbx2", "pbx1"]) as fakes:
        without = fakes.urls["pbx1"].replace(":s3cret", "")
        assert without != fakes.urls["pbx1"]
        file = tmp_path / "fleet.toml"
        file.write_text(
            f"[servers.pbx2]\nurl = '{fakes.urls['pbx2']}'\n[servers.pbx1]\nurl = '{without}'\nsecret_file = 'one'\n"
        )
        (tmp_path / "one").write_text("s3cret\n")
        for path in (file, str(file)):
            servers = read_servers(path)
            assert list(servers) == ["pbx2", "pbx1"]
        async with Fleet(servers) as fleet:
            assert fleet.servers == ("pbx2", "pbx1")


def test_a_secret_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that the file names holds the secret; without one, AIOAMI_SECRET does."""
    monkeypatch.setenv("PBX1_SECRET", "one")
    monkeypatch.setenv("AIOAMI_SECRET", "all")
    file = tmp_path / "fleet.toml"
    file.write_text("[servers.a]\nurl='ami://u@h'\nsecret_env='PBX1_SECRET'\n[servers.b]\nurl='ami://u@h'\n")
    servers = read_servers(file)
    assert "u:one@h" in servers["a"]
    assert "u:all@h" in servers["b"]


def test_what_is_wrong_is_a_plain_error(tmp_path: Path) -> None:
    """A file that is not there is an OSError; one that is wrong a ValueError that names file and place, without a secret."""
    with pytest.raises(FileNotFoundError):
        read_servers(tmp_path / "none.toml")
    file = tmp_path / "fleet.toml"
    file.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="is no TOML"):
        read_servers(file)
    file.write_text("[servers.a]\nurl='http://u:geheim@h'")
    with pytest.raises(ValueError, match=r"fleet\.toml: servers\.a\.url: expected ami://") as told:
        read_servers(file)
    assert "geheim" not in str(told.value)
