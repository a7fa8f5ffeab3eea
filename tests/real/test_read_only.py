"""A manager that only reads, on real servers: what it sends leaves them as they are."""

from __future__ import annotations

import re
from typing import Any

import pytest

from aioami import Action, Manager, PermissionDenied, UnknownAction, core
from aioami.actions.base import action_class
from aioami.actions.reading import command_may_change
from aioami.testing.real import RealAsterisk

from .conftest import Place
from .test_catalogue import REFUSED, SENT

# A word of a command that says what it does besides showing something.
DEEDS = re.compile(
    r"\b(add|cancel|change|clear|create|del|delete|destroy|disable|dump|enable|exec|execute|export|init|kick|load|move|"
    r"mute|originate|pause|populate|priority|prune|purge|put|query|redirect|refresh|register|reload|remove|request|reset|"
    r"restart|rotate|save|send|service|set|start|stop|store|submit|suspend|unload|unregister|unsuspend|update)\b"
)


def make(name: str, channel: str) -> Action[Any]:
    """An action, as the catalogue's own test sends it."""
    return SENT[name](channel) if SENT[name].__code__.co_argcount else SENT[name]()


async def test_all_that_reads_is_sent_and_all_else_refused(mgr: Manager, asterisk: RealAsterisk, place: Place) -> None:
    """Every reading action gets its answer over a manager with `read_only`, and no event says that anything was changed."""
    channel = await place()
    reading = [name for name in SENT if action_class(name).reads_only and name not in ("Logoff", "WaitEvent")]
    assert len(reading) > 60
    async with Manager.from_url(asterisk.url, read_only=True) as looking:
        await mgr.send(core.Ping())
        with mgr.events("VarSet", "*Reload*", "Hangup", "Newchannel", "*Added", "*Removed", "Rename") as changes:
            for name in reading:
                try:
                    response = await looking.send(make(name, channel), check=False)
                except UnknownAction:
                    continue
                refused = next((text for pattern, text in REFUSED.items() if re.fullmatch(pattern, name)), None)
                unknown = response.message.startswith("Invalid/unknown command")
                assert response.success or unknown or (refused and re.fullmatch(refused, response.message.strip()))
            for name in SENT.keys() - reading - {"Logoff", "WaitEvent"}:
                with pytest.raises(PermissionDenied, match="read-only"):
                    await looking.send(make(name, channel))
            await mgr.send(core.Ping())
            assert changes.pending == 0
        await looking.send(core.Logoff())


async def test_no_command_that_does_something_passes_for_one_that_shows(asterisk: RealAsterisk) -> None:
    """Of all commands that a server has, those that are let through have no word in them for doing something."""
    commands = [line.partition(" -- ")[0].strip() for line in asterisk.cli("core show help").splitlines()]
    passing = [command for command in commands if command and not command_may_change(command)]
    assert len(passing) > 100
    doing = {command for command in passing if DEEDS.search(command.partition("[")[0])}
    assert doing <= {"stir_shaken show store"}  # a store of certificates
