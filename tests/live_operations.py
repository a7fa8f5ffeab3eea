"""Random operations on a real server, after which the live state must be what the server lists.

    python -m tests.live_operations [--version 16 22] [--seed N] [--operations 2000]

prints the seed of each run. A run that fails is repeated with ever fewer operations, and the shortest one that still fails is
printed. A part of it is a test: tests/real/test_live_operations.py.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.soak.load import Keeper

from aioami import Action, Backoff, Manager, ManagerError, actions, core
from aioami.enums import ChannelState, QueueMemberState
from aioami.live import DEFAULT_PARTS, Live, LiveChannel

__all__ = ["Operation", "Player", "listed", "play", "shown"]

EXTENSIONS: Final = (
    "wait",
    "wait",
    "wait",
    "short",
    "busy",
    "ring",
    "hold",
    "queue",
    "park",
    "conference",
    "dial",
    "vars",
)
APPLICATIONS: Final = (
    ("Wait", "60"), ("Wait", "60"), ("Wait", "1"), ("Queue", "empty"), ("Queue", "sales"), ("ConfBridge", "room1"),
    ("ConfBridge", "room2"), ("BridgeWait", ""), ("Park", "default"), ("Echo", ""), ("Dial", "Local/wait@test/n"),
)  # fmt: skip
PLACES: Final = (
    ("elsewhere", "target"), ("test", "wait"), ("test", "hold"), ("test", "conference"), ("test", "park"),
    ("queues", "sales"), ("queues", "empty"), ("test", "dial"), ("test", "short"),
)  # fmt: skip
MEMBERS: Final = ("Local/short@test/n", "Local/wait@test/n", "Local/ring@test/n", "PJSIP/agent1")
QUEUES: Final = ("empty", "sales")
PARTS: Final = (*DEFAULT_PARTS, "hints", "parking", "conferences", "mailboxes", "endpoints", "registrations")
CALLS: Final = 14  # channels, beyond which fewer calls are made
QUICK: Final = Backoff(first=0.1, maximum=0.5)
REST: Final = 8.0  # seconds of a server at rest, in which the two must become equal
PATIENCE: Final = 90.0  # seconds in which a server must come to rest


@dataclass(frozen=True)
class Operation:
    """What is done, and the numbers by which it chooses among what is there."""

    name: str
    chance: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}{self.chance}"


class Player:
    """Does operations on a server, half of them by the manager that the live state has.

    Args:
        own: the manager that the live state has.
        other: another one.
        live: the live state.
        keeper: kills the server and starts it again; `None` where others use it too.
    """

    def __init__(self, own: Manager, other: Manager, live: Live, keeper: Keeper | None = None) -> None:
        self.own, self.other, self.live, self.keeper = own, other, live, keeper
        self.done: list[str] = []

    # Choosing

    def channels(self) -> list[LiveChannel]:
        return sorted(self.live.channels.values(), key=lambda each: each.uniqueid)

    def channel(self, number: int, *, up: bool = True) -> str | None:
        names = [each.name for each in self.channels() if not up or each.state == 6]
        return names[number % len(names)] if names else None

    async def send(self, action: Action[Any], number: int = 0) -> None:
        manager = self.other if number % 2 else self.own
        self.done.append(repr(action))
        try:
            await manager.send(action, check=False, timeout=5)
        except ManagerError as error:
            self.done.append(str(error))

    # Operations

    async def do_call(self, a: int, b: int, c: int) -> None:
        if len(self.live.channels) > CALLS:
            return await self.do_hang_up(a, b, c)
        application, data = APPLICATIONS[b % len(APPLICATIONS)]
        channel = f"Local/{EXTENSIONS[a % len(EXTENSIONS)]}@test{'/n' if c % 3 else ''}"
        caller = f'"Caller {c % 7}" <{500 + c % 7}>' if c % 4 else None
        await self.send(core.Originate_Application(channel, application, (data,), callerid=caller, timeout=3000), c)

    async def do_dialplan(self, a: int, b: int, c: int) -> None:
        if len(self.live.channels) > CALLS:
            return await self.do_hang_up(a, b, c)
        context, exten = PLACES[b % len(PLACES)]
        channel = f"Local/{EXTENSIONS[a % len(EXTENSIONS)]}@test/n"
        await self.send(core.Originate_Context(channel, context, exten, 1, timeout=3000), c)

    async def do_hang_up(self, a: int, b: int, c: int) -> None:
        if channel := self.channel(a, up=False):
            await self.send(core.Hangup(channel), c)

    async def do_bridge(self, a: int, b: int, c: int) -> None:
        one, other = self.channel(a), self.channel(b)
        if one and other and one != other:
            await self.send(core.Bridge(one, other), c)

    async def do_park(self, a: int, b: int, c: int) -> None:
        one, other = self.channel(a), self.channel(b)
        if one and other and one != other:
            await self.send(core.Park(one, other), c)

    async def do_redirect(self, a: int, b: int, c: int) -> None:
        context, exten = PLACES[b % len(PLACES)]
        if channel := self.channel(a):
            await self.send(core.Redirect(channel, context, exten, 1), c)

    async def do_redirect_both(self, a: int, b: int, c: int) -> None:
        bridges = [each for each in self.live.bridges.values() if len(each.channels) == 2 and each.type == "basic"]
        if bridges:
            one, other = bridges[a % len(bridges)].channels
            names = [self.live.channels[each].name for each in (one, other) if each in self.live.channels]
            if len(names) == 2:
                headers = {"Channel": names[0], "Context": "elsewhere", "Exten": "target", "Priority": "1"}
                extra = {"ExtraChannel": names[1], "ExtraContext": "test", "ExtraExten": "wait", "ExtraPriority": "1"}
                await self.send(Action("Redirect", headers | extra), c)

    async def do_blind_transfer(self, a: int, b: int, c: int) -> None:
        names = [each.name for each in self.channels() if each.bridge is not None]
        if names:
            context, exten = PLACES[b % len(PLACES)]
            await self.send(
                Action("BlindTransfer", {"Channel": names[a % len(names)], "Context": context, "Exten": exten}), c
            )

    async def do_attended_transfer(self, a: int, b: int, c: int) -> None:
        names = [each.name for each in self.channels() if each.bridge is not None]
        if names:
            context, exten = PLACES[b % len(PLACES)]
            await self.send(Action("Atxfer", {"Channel": names[a % len(names)], "Context": context, "Exten": exten}), c)

    async def do_pickup(self, a: int, b: int, c: int) -> None:
        ringing = [each.name for each in self.channels() if each.state in (ChannelState.RINGING, ChannelState.RING)]
        if ringing:
            runs = core.Originate_Application(
                "Local/wait@test/n", "PickupChan", (ringing[a % len(ringing)],), timeout=3000
            )
            await self.send(runs, c)

    async def do_restart(self, a: int, b: int, c: int) -> None:
        if self.keeper is None or b % 2:
            return
        self.done.append("the server is killed, and started again" if a % 2 else "the server restarts")
        if a % 2:
            await self.keeper.do(self.keeper.server.kill)
        else:
            await self.keeper.do(self.keeper.server.terminate)
            await self.keeper.do(self.keeper.server.wait)
        await self.keeper.do(self.keeper.server.start)
        try:
            for manager in (self.own, self.other):
                await manager.wait_booted(60)
            await self.live.wait_synced(60)
        except ManagerError as error:
            self.done.append(str(error))

    async def do_kick(self, a: int, b: int, c: int) -> None:
        bridges = [each for each in self.live.bridges.values() if each.channels]
        if bridges:
            bridge = bridges[a % len(bridges)]
            channel = self.live.channels.get(bridge.channels[b % len(bridge.channels)])
            if channel is not None:
                await self.send(Action("BridgeKick", {"Channel": channel.name}), c)

    async def do_destroy(self, a: int, b: int, c: int) -> None:
        # A parking lot would be of no use any more.
        bridges = [key for key, each in self.live.bridges.items() if each.type != "parking"]
        if bridges and b % 3 == 0:
            await self.send(Action("BridgeDestroy", {"BridgeUniqueid": bridges[a % len(bridges)]}), c)

    async def do_name(self, a: int, b: int, c: int) -> None:
        if channel := self.channel(a):
            function = ("CALLERID(name)", "CALLERID(num)", "CONNECTEDLINE(name)", "CHANNEL(accountcode)")[b % 4]
            await self.send(core.Setvar(function, f"value{c % 5}", channel), c)

    async def do_member(self, a: int, b: int, c: int) -> None:
        member, queue = MEMBERS[a % len(MEMBERS)], QUEUES[b % 2]
        await self.send(core.QueueAdd(member, queue, f"Member {a % 4}", penalty=c % 3), c)

    async def do_no_member(self, a: int, b: int, c: int) -> None:
        await self.send(core.QueueRemove(MEMBERS[a % len(MEMBERS)], QUEUES[b % 2]), c)

    async def do_pause(self, a: int, b: int, c: int) -> None:
        queue = (*QUEUES, None)[b % 3]
        await self.send(core.QueuePause(MEMBERS[a % len(MEMBERS)], bool(c % 4 // 2), queue), c)

    async def do_penalty(self, a: int, b: int, c: int) -> None:
        await self.send(core.QueuePenalty(MEMBERS[a % len(MEMBERS)], c % 4, QUEUES[b % 2]), c)

    async def do_state(self, a: int, b: int, c: int) -> None:
        state = ("INUSE", "NOT_INUSE", "RINGING", "ONHOLD", "UNAVAILABLE")[a % 5]
        await self.send(core.Setvar("DEVICE_STATE(Custom:wait)", state), c)

    async def do_mute(self, a: int, b: int, c: int) -> None:
        rooms = list(self.live.conferences.values())
        if rooms:
            room = rooms[a % len(rooms)]
            channel = ("all", *(each.channel for each in room.participants))[b % (len(room.participants) + 1)]
            if c % 5 == 0 and channel != "all":
                await self.send(actions.ConfbridgeKick(room.name, channel), c)
            else:
                await self.send((actions.ConfbridgeMute, actions.ConfbridgeUnmute)[c % 2](room.name, channel), b)

    # The following have no event. So only the own manager sends them.

    async def do_reset(self, a: int, b: int, c: int) -> None:
        await self.send(actions.QueueReset((*QUEUES, None)[a % 3]))

    async def do_lock(self, a: int, b: int, c: int) -> None:
        rooms = list(self.live.conferences)
        if rooms:
            await self.send((actions.ConfbridgeLock, actions.ConfbridgeUnlock)[c % 3 > 0](rooms[a % len(rooms)]))

    async def do_hint(self, a: int, b: int, c: int) -> None:
        if a % 2:
            await self.send(actions.DialplanExtensionAdd("test", f"hint{b % 3}", "hint", "Custom:wait"))
        else:
            await self.send(actions.DialplanExtensionRemove("test", f"hint{b % 3}"))

    async def do_reload(self, a: int, b: int, c: int) -> None:
        commands = ("queue reload all", "queue reset stats", "module reload app_queue.so", "queue reload members")
        if a % 3:
            await self.send(core.Command(commands[b % len(commands)]))
        else:
            await self.send(core.QueueReload((*QUEUES, None)[b % 3]))

    async def do_priority(self, a: int, b: int, c: int) -> None:
        callers = [(queue.name, each.channel) for queue in self.live.queues.values() for each in queue.callers]
        if callers:
            queue, channel = callers[a % len(callers)]
            await self.send(actions.QueueChangePriorityCaller(queue, channel, b % 5, immediate=True))


WEIGHTS: Final = {
    "call": 12, "dialplan": 4, "hang_up": 7, "bridge": 7, "park": 3, "redirect": 6, "redirect_both": 2, "blind_transfer": 3,
    "attended_transfer": 2, "pickup": 2, "restart": 0.5,
    "kick": 2, "destroy": 1, "name": 3, "member": 4, "no_member": 3, "pause": 4, "penalty": 1, "state": 3, "mute": 4, "lock": 1, "hint": 2, "reset": 1, "reload": 1,
    "priority": 2,
}  # fmt: skip


def operations(seed: int, count: int) -> list[Operation]:
    """The operations of a seed."""
    chance = random.Random(seed)
    names = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
    return [Operation(name, tuple(chance.randrange(1000) for _ in range(3))) for name in names]


def shown(live: Live) -> dict[str, Any]:
    """What is shown, but for the times of this computer."""
    channels = {key: each.to_dict() for key, each in live.channels.items()}
    bridges = {key: each.to_dict() for key, each in live.bridges.items()}
    queues = {key: each.to_dict() for key, each in live.queues.items()}
    for channel in channels.values():
        del channel["since"]
    for bridge in bridges.values():
        bridge["channels"] = sorted(bridge["channels"])
    for queue in queues.values():
        queue["callers"] = [(each["uniqueid"], each["channel"], each["position"]) for each in queue["callers"]]
    hints = {key: (each.device, each.state) for key, each in live.hints.items()}
    lots = {key: [(each.space, each.uniqueid, each.channel) for each in lot.calls] for key, lot in live.parking.items()}
    rooms = {
        key: {
            "locked": room.locked,
            "participants": {each.uniqueid: (each.channel, each.muted, each.admin) for each in room.participants},
        }
        for key, room in live.conferences.items()
    }
    mailboxes = {key: (each.new, each.old) for key, each in live.mailboxes.items()}
    endpoints = {
        key: (each.state and each.state.name, [contact.uri for contact in each.contacts], sorted(each.channels))
        for key, each in live.endpoints.items()
    }
    return {
        "channels": channels, "bridges": bridges, "queues": queues, "hints": hints, "parking": lots, "conferences": rooms,
        "mailboxes": mailboxes, "endpoints": endpoints,
    }  # fmt: skip


def _text(value: str | None) -> str:
    return "" if value in (None, "<unknown>", "unknown") else str(value)


async def listed(mgr: Manager) -> dict[str, Any]:
    """The same as the server lists it, read without any code of the live state."""
    channels, members = {}, {}
    for item in (await mgr.send(core.CoreShowChannels())).events:
        bridge = item["BridgeId"] or None
        if bridge is not None:
            members.setdefault(bridge, []).append(item["Uniqueid"])
        channels[item["Uniqueid"]] = {
            "uniqueid": item["Uniqueid"],
            "name": item["Channel"],
            "state": ChannelState(int(item["ChannelState"])).name,
            "caller_id_num": _text(item["CallerIDNum"]),
            "caller_id_name": _text(item["CallerIDName"]),
            "connected_line_num": _text(item["ConnectedLineNum"]),
            "connected_line_name": _text(item["ConnectedLineName"]),
            "context": item["Context"],
            "exten": item["Exten"],
            "priority": item["Priority"],
            "application": item["Application"],
            "application_data": item["ApplicationData"],
            "bridge": bridge,
            "linkedid": item["Linkedid"],
            "account_code": item["AccountCode"],
        }
    bridges = {
        item["BridgeUniqueid"]: {
            "uniqueid": item["BridgeUniqueid"],
            "type": item["BridgeType"],
            "technology": item["BridgeTechnology"],
            "creator": _text(item["BridgeCreator"]),
            "name": _text(item["BridgeName"]),
            "channels": sorted(members.get(item["BridgeUniqueid"], [])),
        }
        for item in (await mgr.send(actions.BridgeList())).events
    }
    queues: dict[str, Any] = {}
    for item in (await mgr.send(actions.QueueStatus())).events:
        queue = queues.setdefault(item["Queue"], {"members": {}, "callers": []})
        if item.name == "QueueParams":
            counts = {"completed": int(item["Completed"]), "abandoned": int(item["Abandoned"])}
            queue |= {"name": item["Queue"], "strategy": item["Strategy"], **counts}
        elif item.name == "QueueMember":
            queue["members"][item["Location"]] = {
                "interface": item["Location"],
                "name": item["Name"],
                "status": QueueMemberState(int(item["Status"])).name,
                "paused": item["Paused"] == "1",
                "paused_reason": item["PausedReason"],
                "in_call": item["InCall"] == "1",
                "calls_taken": int(item["CallsTaken"]),
                "last_call": int(item["LastCall"]) or None,
                "penalty": int(item["Penalty"]),
                "membership": item["Membership"],
            }
        elif item.name == "QueueEntry":
            queue["callers"].append((item["Uniqueid"], item["Channel"], int(item["Position"])))
    return {"channels": channels, "bridges": bridges, "queues": queues, **await listed_further(mgr, channels)}


async def listed_further(mgr: Manager, channels: dict[str, Any]) -> dict[str, Any]:
    """The same of the parts that are not followed by default."""
    hints = {
        f"{item['Exten']}@{item['Context']}": (item["Hint"], int(item["Status"]))
        for item in (await mgr.send(actions.ExtensionStateList())).events
    }
    lots: dict[str, Any] = {item["Name"]: [] for item in (await mgr.send(actions.Parkinglots())).events}
    for item in (await mgr.send(actions.ParkedCalls())).events:
        lots[item["Parkinglot"]].append((item["ParkingSpace"], item["ParkeeUniqueid"], item["ParkeeChannel"]))
    rooms = {}
    for room in (await mgr.send(actions.ConfbridgeListRooms())).events:
        found = await mgr.send(actions.ConfbridgeList(room["Conference"]), check=False)
        people = {
            each["Uniqueid"]: (each["Channel"], each["Muted"] == "Yes", each["Admin"] == "Yes") for each in found.events
        }
        if people:
            rooms[room["Conference"]] = {"locked": room["Locked"] == "Yes", "participants": people}
    mailboxes = {
        f"{item['VoiceMailbox']}@{item['VMContext']}": (int(item["NewMessageCount"]), int(item["OldMessageCount"]))
        for item in (await mgr.send(actions.VoicemailUsersList())).events
    }
    endpoints = {}
    for item in (await mgr.send(actions.PJSIPShowEndpoints())).events:
        name = f"PJSIP/{item['ObjectName']}"
        uris = [each.partition("/")[2] for each in item["Contacts"].split(",") if each]
        own = sorted(key for key, each in channels.items() if each["name"].startswith(f"{name}-"))
        endpoints[name] = (item["DeviceState"].upper().replace(" ", "_"), uris, own)
    return {
        "hints": hints,
        "parking": {name: sorted(calls) for name, calls in lots.items()},
        "conferences": rooms,
        "mailboxes": mailboxes,
        "endpoints": endpoints,
    }


def differences(ours: dict[str, Any], theirs: dict[str, Any], path: str = "") -> list[str]:
    """What is not equal: the place, ours, and the server's."""
    found = []
    for key in ours.keys() | theirs.keys():
        one, other = ours.get(key, "-"), theirs.get(key, "-")
        if isinstance(one, dict) and isinstance(other, dict):
            found += differences(one, other, f"{path}/{key}")
        elif one != other:
            found.append(f"{path}/{key}: shown {one}, listed {other}")
    return sorted(found)


def torn(live: Live) -> list[str]:
    """What is not right of the calls: each channel is in one, and so are those that talk with each other, and both halves of a Local channel."""
    calls: dict[str, str] = {}
    found = []
    for key, call in live.calls().items():
        if key != call.linkedid or not call.channels or call.end is not None:
            found.append(f"calls/{key}: {call}")
        for channel in call.channels:
            if calls.setdefault(channel.uniqueid, key) != key:
                found.append(f"calls/{key}: {channel.uniqueid} is in two")
    found += [f"channels/{key}: in no call" for key in live.channels if key not in calls]
    found += [f"calls: {key} is over" for key in calls if key not in live.channels]
    together = [each.channels for each in live.bridges.values() if each.type == "basic"]
    names = {each.name: each.uniqueid for each in live.channels.values()}
    together += [
        (names[name], names[f"{name[:-1]}2"])
        for name in names
        if name.startswith("Local/") and name.endswith(";1") and f"{name[:-1]}2" in names
    ]
    found += [f"calls: {each} are torn apart" for each in together if len({calls.get(one) for one in each}) > 1]
    return found


def contradictions(theirs: dict[str, Any]) -> list[str]:
    """What the server's own lists say against each other, as those of a server do that is at work.

    A bridge that is destroyed leaves BridgeList at once. A channel in it that is busy, as with the question of a transfer to
    whom it goes (15 seconds), names it in CoreShowChannels until it has left, and what it was told meanwhile is done then.
    """
    return [
        f"channels/{key}: the server lists it in {each['bridge']}, and lists no such bridge"
        for key, each in theirs["channels"].items()
        if each["bridge"] is not None and each["bridge"] not in theirs["bridges"]
    ]


async def compare(live: Live, mgr: Manager) -> list[str]:
    """Wait until what is shown is what is listed; return what is still different after a while.

    The while begins anew whenever the server is at work: when two of its lists in a row differ, or contradict each other.
    """
    began = at_rest = time.monotonic()
    before: dict[str, Any] | None = None
    while True:
        ours = shown(live)
        theirs = await listed(mgr)
        # While something happens, lists of several moments do not fit each other.
        found = differences(ours, theirs) or torn(live)
        if not found and live.synced:
            return []
        now = time.monotonic()
        against = contradictions(theirs)
        moved = against or differences(before or {}, theirs)
        if moved:
            at_rest = now
        before = theirs
        if now > at_rest + REST:
            return found or ["not synced"]
        if now > began + PATIENCE:
            return [f"the server did not come to rest within {PATIENCE:g} s:", *moved, "different:", *found]
        await asyncio.sleep(0.1)


async def clear(mgr: Manager) -> None:
    """End all calls, and remove the members."""
    await mgr.send(core.Hangup("/^.*/"), check=False)
    for member in MEMBERS:
        for queue in QUEUES:
            await mgr.send(core.QueueRemove(member, queue), check=False)
    for number in range(3):
        await mgr.send(actions.DialplanExtensionRemove("test", f"hint{number}"), check=False)
    await mgr.send(core.Setvar("DEVICE_STATE(Custom:wait)", "NOT_INUSE"))


async def play(
    url: str,
    todo: Sequence[Operation],
    *,
    seconds: float | None = None,
    every: int = 10,
    record: str | None = None,
    keeper: Keeper | None = None,
) -> list[str]:
    """Do operations, and compare after every few; return what went wrong, with what was done before."""
    until = None if seconds is None else time.monotonic() + seconds
    async with (
        Manager.from_url(url, record=record, reconnect=QUICK) as own,
        Manager.from_url(url, reconnect=QUICK) as other,
    ):
        await clear(other)
        async with Live(own, parts=PARTS) as live:
            player = Player(own, other, live, keeper)
            count = 0
            try:
                for count, operation in enumerate(todo, 1):
                    do: Callable[..., Awaitable[None]] = getattr(player, f"do_{operation.name}")
                    await do(*operation.chance)
                    if operation.chance[0] % 3 == 0:
                        await asyncio.sleep(operation.chance[1] / 5000)
                    if count % every == 0 and (found := await compare(live, other)):
                        return [*player.done[-30:], f"after {count} operations:", *found]
                    if until is not None and time.monotonic() > until:
                        break
                found = await compare(live, other)
                return [*player.done[-30:], f"after {count} operations:", *found] if found else []
            finally:
                await clear(other)


async def shrink(url: str, todo: Sequence[Operation], keeper: Keeper | None) -> list[Operation]:
    """Return fewer operations that still fail."""
    found = list(todo)
    size = len(found) // 2
    while size:
        for begin in range(0, len(found), size):
            fewer = found[:begin] + found[begin + size :]
            if fewer and await play(url, fewer, every=len(fewer), keeper=keeper):
                found = fewer
                break
        else:
            size //= 2
    return found


async def main() -> int:
    """Play, and say what went wrong."""
    from aioami.testing.real import RealAsterisk, install

    parser = argparse.ArgumentParser(prog="python -m tests.live_operations", description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--version", nargs="+", default=["16", "22"], help="versions of Asterisk")
    parser.add_argument("--url", help="a server that runs, instead")
    parser.add_argument("--seed", type=int, help="the seed; a new one if left out")
    parser.add_argument("--operations", type=int, default=2000, help="how many")
    parser.add_argument("--every", type=int, default=10, help="operations between two comparisons")
    parser.add_argument("--record", help="a file for all that the manager of the live state sends and gets")
    parser.add_argument("--no-shrink", action="store_true", help="print the failure as it is")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 30)
    failed = 0
    for version in ["-"] if options.url else options.version:
        print(f"version {version}, seed {seed}, {options.operations} operations", flush=True)
        with contextlib.ExitStack() as stack:
            keeper = None
            if not options.url:
                keeper = stack.enter_context(Keeper(RealAsterisk(install(version))))
            url = options.url or keeper.server.url  # type: ignore[union-attr]
            todo = operations(seed, options.operations)
            began = time.monotonic()
            found = await play(url, todo, every=options.every, record=options.record, keeper=keeper)
            print("\n".join(found) or f"right after all of them, in {time.monotonic() - began:.0f} s", flush=True)
            if found:
                failed += 1
                if not options.no_shrink:
                    last = next(int(line.split()[1]) for line in found if line.startswith("after "))
                    for each in await shrink(url, todo[max(0, last - 40) : last], keeper):
                        print(f"  {each}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
