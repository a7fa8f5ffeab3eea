"""Draw the documentation's picture of `aioami top`: `python tools/top_picture.py docs/guide/images/top.svg`."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from unittest import mock

from aioami import Manager, core
from aioami.cli.screen.top import PARTS, Top
from aioami.live import Live
from aioami.testing import FakeAsterisk

FILES = {
    "extensions.conf": """
[house]
exten => _1XX,1,Dial(PJSIP/${EXTEN},30)
exten => support,1,Answer()
 same => n,Queue(support)
exten => orders,1,Answer()
 same => n,Queue(orders)
exten => meeting,1,Answer()
 same => n,Wait(600)
""",
    "pjsip.conf": "".join(
        f"[{name}]\ntype = endpoint\naors = {name}\n[{name}]\ntype = aor\ncontact = sip:{name}@192.0.2.{number}:5060\n"
        for number, name in enumerate(("ann", "bert", "cleo", "dora", "fred"), 21)
    ),
    "queues.conf": """
[support]
strategy = ringall
member => PJSIP/ann,0,Ann
member => PJSIP/bert,0,Bert
[orders]
strategy = rrmemory
member => PJSIP/cleo,0,Cleo
member => PJSIP/dora,0,Dora
""",
}


async def picture() -> str:
    """Make some calls, show them in `aioami top`, and return the picture."""
    passed = 0.0
    clock = time.time

    async def later(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        await asyncio.sleep(1.05)

    async with FakeAsterisk(virtual_time=True, files=FILES) as fake, Manager.from_url(fake.url) as mgr:
        with mock.patch("time.time", side_effect=lambda: clock() + passed):
            async with Live(mgr, parts=PARTS, clock=lambda: time.time()) as live:
                top = Top(mgr, live, "admin@pbx.example")
                async with top.run_test(size=(150, 38)) as pilot:
                    for name, number, to, agent, seconds in (
                        ("Ada", "5550101", "support", "PJSIP/ann", 95),
                        ("Grace", "5550144", "orders", "PJSIP/cleo", 80),
                        ("Alan", "5550162", "support", "PJSIP/bert", 41),
                        ("Edsger", "5550123", "meeting", "", 9),
                        ("Barbara", "5550177", "support", "", 33),
                        ("Donald", "5550190", "support", "", 12),
                    ):
                        call = fake.incoming("PJSIP/trunk", to=f"{to}@house", caller=f'"{name}" <{number}>')
                        await call.waits(1)
                        if agent:
                            await call.answered_by(agent)
                        await later(seconds)
                    await mgr.send(core.QueuePause("PJSIP/dora", True, "orders", reason="lunch"))
                    await later(4)
                    top.show()
                    await pilot.pause()
                    return top.export_screenshot(title="aioami top")


# The reader's own fonts are used, so that no font is loaded from the network.
drawn = re.sub(r"@font-face \{.*?\}\s*", "", asyncio.run(picture()), flags=re.DOTALL)
target = Path(sys.argv[1])
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n", encoding="utf-8")
