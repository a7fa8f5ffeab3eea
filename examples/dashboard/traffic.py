"""An invented office, to try the dashboard without an Asterisk: people call, wait, talk and hang up."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from aioami.testing import Call, FakeAsterisk

__all__ = ["keep_calling", "office"]

EXTENSIONS: Final = """
[globals]
[default]
; colleagues, by their first name; the queues, by theirs; and the world outside
exten => _[a-z].,1,Dial(PJSIP/${EXTEN},25)
 same => n,Hangup(19)
exten => support,1,Answer()
 same => n,Queue(support)
exten => sales,1,Answer()
 same => n,Queue(sales)
exten => team,1,ConfBridge(team)
exten => lot,1,Park()
exten => _X.,1,Dial(PJSIP/outside,25)
 same => n,Hangup(19)
"""
QUEUES: Final = """
[general]
[support]
strategy = leastrecent
timeout = 15
wrapuptime = 3
member => PJSIP/grace,0,Grace Hopper
member => PJSIP/alan,0,Alan Turing
member => PJSIP/hedy,1,Hedy Lamarr
[sales]
strategy = ringall
timeout = 15
member => PJSIP/emmy,0,Emmy Noether
member => PJSIP/niels,0,Niels Bohr
"""
VOICEMAIL: Final = """
[default]
100 => 1234,Grace Hopper
101 => 1234,Emmy Noether
"""
PJSIP: Final = """
[phone](!)
type = endpoint
aors = phone
[provider]
type = registration
server_uri = sip:provider.example
client_uri = sip:office@provider.example
"""
PEOPLE: Final = ("grace", "alan", "hedy", "emmy", "niels", "ada", "kurt", "lise", "outside")
CALLERS: Final = (
    *("Marie Curie", "Rosalind Franklin", "Srinivasa Ramanujan", "Chien-Shiung Wu", "Enrico Fermi", "Mary Somerville"),
    *("Katherine Johnson", "Carl Gauss", "Sofja Kowalewskaja", "Leonhard Euler", "Maria Mitchell", "Barbara Liskov"),
)


def office() -> FakeAsterisk:
    """Make the office's exchange, to be entered with `async with`."""
    phones = (
        f"[{person}]\ntype = endpoint\naors = {person}\n"
        f"[{person}]\ntype = aor\ncontact = sip:{person}@192.0.2.{10 + number}:5060\n"
        for number, person in enumerate(PEOPLE[:-1])
    )
    files = {
        "extensions.conf": EXTENSIONS,
        "queues.conf": QUEUES,
        "voicemail.conf": VOICEMAIL,
        "pjsip.conf": PJSIP + "".join(phones),
    }
    fake = FakeAsterisk(files=files)
    chance = random.Random()
    fake.phone("PJSIP/outside")
    for person in PEOPLE:
        fake.phone(f"PJSIP/{person}").set(
            answer_after=chance.uniform(2, 9), hang_up_after=chance.uniform(25, 90), refuses=""
        )
    return fake


async def keep_calling(fake: FakeAsterisk, *, pause: float = 5.0, first: int = 5) -> None:
    """Let people call, until cancelled.

    Args:
        fake: the exchange.
        pause: the average seconds between two calls.
        first: the number of calls at the beginning.
    """
    chance = random.Random()
    calls: set[asyncio.Task[None]] = set()
    while True:
        for _ in range(first):
            call = asyncio.create_task(_one_call(fake, chance))
            calls.add(call)
            call.add_done_callback(calls.discard)
        first = 1
        await asyncio.sleep(chance.expovariate(1 / pause))


async def _one_call(fake: FakeAsterisk, chance: random.Random) -> None:
    for person in PEOPLE:  # each gets new times, so that no two calls are alike
        fake.phone(f"PJSIP/{person}").set(answer_after=chance.uniform(2, 9), hang_up_after=chance.uniform(20, 90))
    where = chance.choice(("support", "support", "support", "sales", "sales", "ada", "kurt", "lise", "team", "lot"))
    number = f"+49 30 {chance.randrange(10_000, 99_999)}".replace(" ", "")
    call: Call = fake.incoming("PJSIP/trunk", to=f"{where}@default", caller=f'"{chance.choice(CALLERS)}" <{number}>')
    await asyncio.sleep(chance.uniform(15, 150))
    if call.state != "gone":
        await call.hang_up()
