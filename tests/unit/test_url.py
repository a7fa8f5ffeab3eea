"""Servers as URLs: what the command line makes of one."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from aioami import Manager
from aioami.url import read_url

SECRET = "p@s:/?#%"


@pytest.mark.parametrize(
    ("url", "host", "port", "username", "shown"),
    [
        ("ami://admin@pbx.test", "pbx.test", None, "admin", "admin@pbx.test"),
        ("ami://john@corp@pbx.test:5040?timeout=3", "pbx.test", 5040, "john@corp", "john@corp@pbx.test:5040"),
        ("amis://a%40b@[::1]:5039", "::1", 5039, "a@b", "a%40b@[::1]:5039"),
        ("ami://admin:old@pbx.test/", "pbx.test", None, "admin", "admin@pbx.test"),
    ],
)
def test_a_secret_is_put_into_a_url(url: str, host: str, port: int | None, username: str, shown: str) -> None:
    """Server, user and options stay what they were, whatever the secret holds, and neither form shows it."""
    before, after = read_url(url), read_url(url).with_secret(SECRET)
    assert (after.host, after.port, after.username, after.secret) == (host, port, username, SECRET)
    assert (after.is_secure, after.options) == (before.is_secure, before.options)
    assert after.display_name == shown
    assert "p@s" not in repr(after)
    assert "p%40s" not in repr(after)
    assert read_url(after.text) == after


@pytest.mark.parametrize("sign", "/?#[]")
@pytest.mark.parametrize("rest", ["x", "1", ""])
def test_a_sign_in_a_secret_that_ends_it_is_told_to_be_encoded(sign: str, rest: str) -> None:
    """Whatever the reader makes of such a URL, the error says how to write it, and shows no part of the secret."""
    for url in (f"ami://admin:T0P{sign}{rest}@pbx.test", f"amis://admin:T0P{sign}{rest}@pbx.test:5039?timeout=3"):
        with pytest.raises(ValueError, match="percent-encoded: %2F for /") as caught:
            read_url(url)
        assert "T0P" not in str(caught.value)
        assert caught.value.__cause__ is None
    encoded = quote(f"T0P{sign}{rest}", safe="")
    assert read_url(f"ami://admin:{encoded}@pbx.test").secret == f"T0P{sign}{rest}"


@pytest.mark.parametrize("url", ["http://pbx.test", "ami://", "ami://pbx.test:99999", "ami://pbx.test/path"])
def test_other_faults_of_a_url_do_not_speak_of_secrets(url: str) -> None:
    """The hint stands where it can be the reason."""
    with pytest.raises(ValueError, match="^url: expected ami://") as caught:
        read_url(url)
    assert "percent" not in str(caught.value)


def test_without_tls_there_are_no_settings_of_tls() -> None:
    """`ami:` has none, `amis:` has the machine's."""
    assert read_url("ami://pbx.test").context() is None
    assert isinstance(read_url("amis://pbx.test").context(), ssl.SSLContext)


def test_a_file_of_certificates_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    """The error is of the kind that it was, and has the file's name."""
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.write_text("nothing")
    for make in (Manager.from_url, lambda url: read_url(url).context()):
        with pytest.raises(FileNotFoundError, match="cafile: No such file") as caught:
            make(f"amis://pbx.test?cafile={missing}")
        assert caught.value.filename == str(missing)
        with pytest.raises(ssl.SSLError, match=r"cafile: .*empty\.pem holds no certificates"):
            make(f"amis://pbx.test?cafile={empty}")


def test_an_option_that_does_not_exist_names_the_near_one() -> None:
    """In the URL, and among the arguments beside it."""
    with pytest.raises(ValueError, match=r"^url: 'timout' is no option of ami://; is timeout meant\?$"):
        read_url("ami://pbx.test?timout=3")
    with pytest.raises(ValueError, match=r"^url: 'nonsense' is no option of amis://$"):
        read_url("amis://pbx.test?nonsense=3")
    with pytest.raises(ValueError, match=r"^url: 'cafile' is no option of ami://; it goes with amis://$"):
        read_url("ami://pbx.test?cafile=x")
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'retryconnect'; is retry_connect meant\?$"):
        Manager.from_url("ami://pbx.test", retryconnect=True)


def test_a_manager_of_ones_own_may_take_anything() -> None:
    """Options that a subclass takes by `**options` are refused by the constructor, and not by the URL's reader."""

    class Own(Manager):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)

    assert Own.from_url("ami://a:b@pbx", timeout=3).read_only is False
    with pytest.raises(TypeError, match="nonsense"):
        Own.from_url("ami://a:b@pbx", nonsense=1)


def test_nothing_of_a_url_is_left_out_in_silence() -> None:
    """Control characters, which urllib would drop; an option that is there twice; digits that only Python takes for a number."""
    for sign in "\n\r\t\0\x1b\x7f":
        for url in (f"ami://admin:hush{sign}x@pbx.test", f"ami://pbx{sign}.test", f"ami://pbx.test{sign}"):
            with pytest.raises(ValueError, match="^url: it has a line break, a tab or another control") as caught:
                read_url(url)
            assert "hush" not in str(caught.value)
    with pytest.raises(ValueError, match="^url: event_mask is given twice$"):
        read_url("ami://pbx.test?event_mask=call&event_mask=off")
    assert len(read_url("ami://pbx.test?event_filter=a&event_filter=b").options["event_filters"]) == 2
    for number in ("1_0", "\u0663", "1\u0660"):
        with pytest.raises(ValueError, match="^url: max_frame_size is a number or 'none'"):
            read_url(f"ami://pbx.test?max_frame_size={quote(number)}")
