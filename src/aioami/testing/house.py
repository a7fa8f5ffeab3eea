"""The configuration that all test servers share: users, phones, queues, a dialplan.

Its files are in `asterisk_conf`. The private real servers and the fake server use it, so that a
test can run on either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from .config import ConfigFile

__all__ = ["SECRET", "USERNAME", "config_files", "configuration"]

USERNAME: Final = "admin"
SECRET: Final = "s3cret"

_TEMPLATES: Final = "asterisk_conf"
_PLACE: Final = re.compile(r"@\{([a-z_]+)\}")  # Asterisk's own variables are ${...}
# Files without which modules do not load, or complain.
_EMPTY: Final = (
    *("udptl", "acl", "ccss", "stasis", "codecs", "followme", "minivm", "extconfig", "sorcery"),
    "pjproject",
    *("pjsip_wizard", "geolocation", "stir_shaken", "aeap", "websocket_client", "chan_websocket"),
    *("amd", "cel_custom"),
    *("cdr_custom", "res_fax", "statsd", "dnsmgr", "cli_aliases", "res_http_media_cache", "ari"),
    *("dsp", "meetme"),
    "xmpp",
)


def configuration(values: Mapping[str, str]) -> dict[str, bytes]:
    """Return the files of Asterisk's configuration folder, by name.

    Args:
        values: values for `@{name}` in the templates: ports and folders.

    Raises:
        KeyError: a value is missing.
        FileNotFoundError: the package is installed without its templates.
    """
    found = {f"{name}.conf": b"" for name in _EMPTY}
    beside = Path(__file__).with_name(_TEMPLATES)
    folder = beside if beside.is_dir() else files(__package__) / _TEMPLATES  # in an archive
    names = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    templates = sorted(name for name in names if name.endswith(".conf"))
    if not templates:
        raise FileNotFoundError(
            f"the configuration of the test servers is missing: {__package__} came without its "
            f"folder {_TEMPLATES}"
        )
    for name in templates:
        text = (folder / name).read_text(encoding="utf-8")
        found[name] = _PLACE.sub(lambda place: values[place[1]], text).encode()
    # A file that is not UTF-8, as real servers have.
    found["latin1.conf"] = b"[latin]\nname = caf\xe9\nutf = caf\xc3\xa9\n"
    return found


def config_files(given: Mapping[str, str]) -> dict[str, ConfigFile]:
    """Return the configuration of the fake server, which needs no ports or folders, by file name.

    Args:
        given: files by name, as text, which replace shared ones.

    Raises:
        ConfigError: a category is made from a template that does not exist.
    """
    ports = ("ami", "tls", "sip", "pjsip", "iax", "skinny", "dead")
    values = {f"{name}_port": str(5038 + number) for number, name in enumerate(ports)}
    values["dir"] = "/var/lib/asterisk"
    values["modules"] = "/usr/lib/asterisk/modules"
    values["data"] = "/usr/share/asterisk"
    found = configuration(values).items()
    texts = {name: content.decode("utf-8", "surrogateescape") for name, content in found}
    return {name: ConfigFile(text) for name, text in {**texts, **given}.items()}
