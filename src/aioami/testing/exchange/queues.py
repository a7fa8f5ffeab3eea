"""Queues: callers, members and statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..clock import Signal
from ..config import Category
from .calls import Dialled, first_answer, request, talk
from .channels import Bridge, Channel, Gone, Pairs, Party, Redirected

if TYPE_CHECKING:
    from . import Exchange

__all__ = ["Caller", "Member", "Queue", "queues_of"]

_YES: Final = ("yes", "true", "y", "t", "1", "on")
_NOT_THERE: Final = (4, 5)  # invalid, unavailable


@dataclass
class Member:
    """A member of a queue.

    Attributes:
        interface: the dial string.
        state_interface: the device whose state counts.
        membership: `static` or `dynamic`.
        calls: number of calls taken.
        last_call, last_pause, login_time: seconds since 1970; 0 is never.
    """

    interface: str
    name: str
    state_interface: str
    membership: str
    penalty: int = 0
    paused: bool = False
    reason: str = ""
    calls: int = 0
    last_call: int = 0
    last_pause: int = 0
    login_time: int = 0
    in_call: int = 0
    ring_in_use: bool = True
    status: int = 0


@dataclass
class Caller:
    """A caller in a queue.

    Attributes:
        since: the clock's seconds at the start.
        position: position at the start.
        until: the clock's seconds of the timeout, or `None`.
    """

    channel: Channel
    since: float
    position: int
    until: float | None


@dataclass
class Queue:
    """A queue.

    Attributes:
        members: in the order in which they were added.
        callers: in the order in which they are served.
        completed, abandoned: number of calls.
    """

    exchange: Exchange
    name: str
    strategy: str = "ringall"
    timeout: float = 15.0
    retry: float = 5.0
    wrapup: int = 0
    maximum: int = 0
    weight: int = 0
    service_level: int = 0
    join_empty: bool = True
    members: list[Member] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    completed: int = 0
    abandoned: int = 0
    in_service_level: int = 0
    abandoned_in_service_level: int = 0
    hold_time: int = 0
    talk_time: int = 0
    last_rung: int = -1

    def __post_init__(self) -> None:
        self.changed = Signal(self.exchange.clock)
        self._able = False

    # Members

    def member(self, interface: str) -> Member | None:
        """Return the member with an interface."""
        return next(
            (each for each in self.members if each.interface.lower() == interface.lower()),
            None,
        )

    def add(self, member: Member) -> None:
        """Add a member, and emit QueueMemberAdded."""
        member.status = self.exchange.states.number(member.state_interface)
        member.login_time = int(self.exchange.wall_time)
        self.members.append(member)
        self.emit("QueueMemberAdded", self.member_headers(member))
        self._pause_state(member)
        self._availability()

    def remove(self, member: Member) -> None:
        """Remove a member, and emit QueueMemberRemoved."""
        self.emit("QueueMemberRemoved", self.member_headers(member))
        self.members.remove(member)
        if member.paused:
            self.exchange.states.set(f"Queue:{self.name}_pause_{member.interface}", "NOT_INUSE")
        self._availability()

    def reset(self) -> None:
        """Forget all counts of calls, those of the members too."""
        self.completed = self.abandoned = 0
        self.in_service_level = self.abandoned_in_service_level = 0
        self.hold_time = self.talk_time = 0
        for member in self.members:
            member.calls = member.last_call = 0

    def pause(self, member: Member, paused: bool, reason: str) -> None:
        """Pause or unpause a member."""
        # The event of a newer Asterisk has the reason for the return; no list has it.
        member.paused = paused
        member.reason = reason if paused or self.exchange.major >= 18 else ""
        if paused:
            member.last_pause = int(self.exchange.wall_time)
        self._pause_state(member)
        more = [("Reason", reason)] if reason and self.exchange.major < 18 else []
        self.emit("QueueMemberPause", [*self.member_headers(member), *more])
        member.reason = reason if paused else ""
        self._availability()

    def penalize(self, member: Member, penalty: int) -> None:
        """Set a member's penalty."""
        member.penalty = penalty
        self.emit("QueueMemberPenalty", self.member_headers(member))

    def device_changed(self, device: str) -> None:
        """Emit QueueMemberStatus for the members whose device has changed."""
        for member in self.members:
            if member.state_interface.partition("/n")[0] != device:
                continue
            status = self.exchange.states.number(member.state_interface)
            if status != member.status:
                member.status = status
                self.emit("QueueMemberStatus", self.member_headers(member))
                self._availability()

    def member_headers(self, member: Member) -> Pairs:
        """Return the headers of events about a member."""
        return [
            ("Queue", self.name),
            ("MemberName", member.name),
            ("Interface", member.interface),
            *self._figures(member),
            ("Ringinuse", str(int(member.ring_in_use))),
            *self._newer(("Wrapuptime", str(self.wrapup))),
        ]

    def _newer(self, *headers: tuple[str, str]) -> Pairs:
        """Return headers that Asterisk 13 does not have."""
        return list(headers) if self.exchange.major > 13 else []

    def member_item(self, member: Member) -> Pairs:
        """Return the headers of a member in a list."""
        head = [("Queue", self.name), ("Name", member.name), ("Location", member.interface)]
        return [*head, *self._figures(member), *self._newer(("Wrapuptime", str(self.wrapup)))]

    def _figures(self, member: Member) -> Pairs:
        return [
            ("StateInterface", member.state_interface),
            ("Membership", member.membership),
            ("Penalty", str(member.penalty)),
            ("CallsTaken", str(member.calls)),
            ("LastCall", str(member.last_call)),
            *self._newer(
                ("LastPause", str(member.last_pause)),
                ("LoginTime", str(member.login_time)),
            ),
            ("InCall", str(int(member.in_call > 0))),
            ("Status", str(member.status)),
            ("Paused", str(int(member.paused))),
            ("PausedReason", member.reason),
        ]

    def available(self, member: Member) -> bool:
        """Return true if a member could take a call now."""
        return not member.paused and member.status in (0, 1) and not self._wraps_up(member)

    # Its figures

    def params(self) -> Pairs:
        """Return the headers of QueueParams."""
        done = self.completed
        perf = 100.0 * self.in_service_level / done if done else 0.0
        either = done + self.abandoned
        in_time = self.in_service_level + self.abandoned_in_service_level
        perf2 = 100.0 * in_time / either if either else 0.0
        return [
            ("Queue", self.name),
            ("Max", str(self.maximum)),
            ("Strategy", self.strategy),
            ("Calls", str(len(self.callers))),
            ("Holdtime", str(self.hold_time)),
            ("TalkTime", str(self.talk_time)),
            ("Completed", str(self.completed)),
            ("Abandoned", str(self.abandoned)),
            ("ServiceLevel", str(self.service_level)),
            ("ServicelevelPerf", f"{perf:.1f}"),
            *self._newer(("ServicelevelPerf2", f"{perf2:.1f}")),
            ("Weight", str(self.weight)),
        ]

    def entry(self, caller: Caller) -> Pairs:
        """Return the headers of a `QueueEntry`, the event about a waiting caller in a list."""
        channel = caller.channel
        return [
            ("Queue", self.name),
            ("Position", str(self.callers.index(caller) + 1)),
            ("Channel", channel.name),
            ("Uniqueid", channel.uniqueid),
            ("CallerIDNum", channel.caller.number or "unknown"),
            ("CallerIDName", channel.caller.name or "unknown"),
            ("ConnectedLineNum", channel.connected.number or "unknown"),
            ("ConnectedLineName", channel.connected.name or "unknown"),
            ("Wait", str(int(self.exchange.clock.now - caller.since))),
            ("Priority", "0"),
        ]

    def summary(self) -> Pairs:
        """Return the headers of QueueSummary."""
        now = self.exchange.clock.now
        longest = max((int(now - caller.since) for caller in self.callers), default=0)
        return [
            ("Queue", self.name),
            ("LoggedIn", str(sum(each.status not in _NOT_THERE for each in self.members))),
            ("Available", str(sum(map(self.available, self.members)))),
            ("Callers", str(len(self.callers))),
            ("HoldTime", str(self.hold_time)),
            ("TalkTime", str(self.talk_time)),
            ("LongestHoldTime", str(longest)),
        ]

    # Calls

    async def serve(self, channel: Channel, seconds: float | None) -> bool:
        """Queue a channel until it has talked to a member, or its timeout.

        Args:
            channel: the caller.
            seconds: timeout in seconds; `None` is none.

        Returns:
            True if the dialplan goes on.

        Raises:
            Gone: it hung up.
            Redirected: it was redirected.
        """
        self._clear_times(channel)
        full = self.maximum and len(self.callers) >= self.maximum
        if full or not (self.join_empty or self.members):
            status = "FULL" if self.maximum and len(self.callers) >= self.maximum else "JOINEMPTY"
            channel.set_variable("QUEUESTATUS", status)
            return True
        now = self.exchange.clock.now
        caller = Caller(
            channel,
            now,
            len(self.callers) + 1,
            None if seconds is None else now + seconds,
        )
        self.callers.append(caller)
        place = [
            ("Queue", self.name),
            ("Position", str(caller.position)),
            ("Count", str(len(self.callers))),
        ]
        channel.emit("QueueCallerJoin", place, classes="agent")
        if len(self.callers) == 1:
            self.exchange.states.set(f"Queue:{self.name}", "RINGING")
        channel.emit("MusicOnHoldStart", [("Class", "default")])
        try:
            return await self._wait(caller)
        except (Gone, Redirected):
            if caller in self.callers:
                self._loses(caller)
            raise

    def _loses(self, caller: Caller) -> None:
        channel, destination = caller.channel, caller.channel.destination
        if channel.slips_away:
            if not isinstance(destination, tuple):
                channel.emit("MusicOnHoldStop")
            self._counts_abandoned(caller)
            self.callers.remove(caller)
            self._fewer()
            return
        channel.emit("MusicOnHoldStop")
        self._waited(caller)
        self._times(caller, None)
        # The caller is at the new place before the queue gives up the call.
        if channel.moving.is_set and isinstance(destination, tuple):
            channel.goes_to(destination)
        self._abandons(caller)
        self._leaves(caller)

    async def _wait(self, caller: Caller) -> bool:
        clock, channel = self.exchange.clock, caller.channel
        while caller.until is None or clock.now < caller.until:
            pause = None
            if self._turn(caller):
                members = self._ring_whom()
                if members and (done := await self._ring(caller, members)) is not None:
                    return done
                pause = self.retry
            left = None if caller.until is None else caller.until - clock.now
            shortest = min((each for each in (pause, left) if each is not None), default=None)
            if shortest is not None and shortest <= 0:
                continue
            self.changed.clear()
            await channel.pause(shortest, *(() if pause is not None else (self.changed,)))
        channel.emit("MusicOnHoldStop")
        self._leaves(caller)
        channel.set_variable("QUEUESTATUS", "TIMEOUT")
        return True

    def _turn(self, caller: Caller) -> bool:
        free = sum(map(self._can_ring, self.members))
        return self.callers.index(caller) < max(1, free)

    def _can_ring(self, member: Member) -> bool:
        free = self._could_ring(member) and not member.in_call
        return free and not member.paused and not self._wraps_up(member)

    @staticmethod
    def _could_ring(member: Member) -> bool:
        return member.status in (0, 1) or (member.ring_in_use and member.status in (2, 6, 7))

    def _wraps_up(self, member: Member) -> bool:
        if not (self.wrapup and member.last_call):
            return False
        return int(self.exchange.wall_time) - member.last_call < self.wrapup

    def _ring_whom(self) -> list[Member]:
        able = [member for member in self.members if self._can_ring(member)]
        if not able:
            return []
        lowest = min(member.penalty for member in able)
        tier = [member for member in able if member.penalty == lowest]
        if self.strategy == "ringall":
            return tier
        if self.strategy in ("random", "wrandom"):
            return [self.exchange.random.choice(tier)]
        order: dict[str, Callable[[Member], int]] = {
            "leastrecent": lambda member: member.last_call,
            "fewestcalls": lambda member: member.calls,
        }
        if self.strategy in order:
            return [min(tier, key=order[self.strategy])]
        # linear, rrmemory and rrordered go on after the member that they rang last.
        places = {self.members.index(member): member for member in tier}
        following = [place for place in sorted(places) if place > self.last_rung] or sorted(places)
        self.last_rung = following[0]
        return [places[following[0]]]

    async def _ring(self, caller: Caller, members: list[Member]) -> bool | None:
        """Ring members, and return the result of `serve`, or `None` without an answer."""
        exchange, channel = self.exchange, caller.channel
        started = exchange.clock.now
        legs: list[tuple[Dialled, Member]] = []
        for member in members:
            dialled = self._call(caller, member)
            if dialled is not None:
                legs.append((dialled, member))
        if not legs:
            return None
        seconds = self.timeout
        if caller.until is not None:
            seconds = min(seconds, caller.until - exchange.clock.now)
        won, _ = await first_answer(
            channel,
            [dialled for dialled, _ in legs],
            seconds,
            shown=True,
            unanswered=lambda dialled: self._unanswered(caller, dialled, legs, started),
        )
        if won is None:
            if caller.until is not None and exchange.clock.now >= caller.until:
                self._abandons(caller)
                self._waited(caller)
                self._times(caller, None)
            return None
        member = next(member for dialled, member in legs if dialled is won)
        exchange.emit(
            "DialEnd",
            [*channel.snapshot(), *won.channel.snapshot("Dest"), ("DialStatus", "ANSWER")],
        )
        return await self._connect(caller, member, won.channel, started)

    def _call(self, caller: Caller, member: Member) -> Dialled | None:
        channel = caller.channel
        technology, _, target = member.interface.partition("/")
        dialled = request(self.exchange, technology, target, eldest=channel.eldest)
        if dialled is None:
            return None
        out = dialled.channel
        if channel.account:
            out.set_account(channel.account)
        # A telephone without a number gets the one on the caller's display, else the queue's.
        shown = channel.connected
        out.caller = Party(**vars(shown)) if shown else Party(channel.exten)
        out.executes("AppQueue", "(Outgoing Line)")
        out.set_caller(out.caller)
        out.connected = Party(**vars(channel.caller))
        if channel.inherited:
            self._emit_connected(out)
            out.inherit(channel)
            out.exten = channel.exten
            out.executes("AppQueue", "(Outgoing Line)")
        else:  # both changes are in one event, the extension first
            out.exten = channel.exten
            out.executes("AppQueue", "(Outgoing Line)")
            self._emit_connected(out)
        out.set_variable("DIALEDPEERNUMBER", target)
        if not dialled.call():
            out.hang_up()
            return None
        self._about("AgentCalled", caller, member, out, [])
        return dialled

    @staticmethod
    def _emit_connected(out: Channel) -> None:
        if out.connected:
            out.emit("NewConnectedLine")

    def _unanswered(
        self,
        caller: Caller,
        dialled: Dialled,
        legs: list[tuple[Dialled, Member]],
        started: float,
    ) -> None:
        member = next(member for each, member in legs if each is dialled)
        rung = str(round((self.exchange.clock.now - started) * 1000))
        self._about("AgentRingNoAnswer", caller, member, dialled.channel, [("RingTime", rung)])
        both = [*caller.channel.snapshot(), *dialled.channel.snapshot("Dest")]
        self.exchange.emit("DialEnd", [*both, ("DialStatus", "NOANSWER")])

    async def _connect(self, caller: Caller, member: Member, out: Channel, started: float) -> bool:
        exchange, channel = self.exchange, caller.channel
        held = int(exchange.clock.now - caller.since)
        channel.emit("MusicOnHoldStop")
        self._leaves(caller)
        self._waited(caller)
        self.hold_time = (self.hold_time * 3 + held) >> 2 if self.completed else held
        ring = str(round(exchange.clock.now - started))
        self._about(
            "AgentConnect",
            caller,
            member,
            out,
            [("HoldTime", str(held)), ("RingTime", ring)],
        )
        member.in_call += 1
        bridge = Bridge(exchange)
        answered = exchange.clock.now

        def parted() -> None:
            talked = int(exchange.clock.now - answered)
            by_caller = channel.requested
            member.in_call -= 1
            self.changed.set()
            member.calls += 1
            member.last_call = int(self.exchange.wall_time)
            self.completed += 1
            self.talk_time = (self.talk_time * 3 + talked) >> 2 if self.completed > 1 else talked
            if held <= self.service_level:
                self.in_service_level += 1
            if not by_caller and not out.requested:  # Asterisk emits no event for that
                return
            reason = "caller" if by_caller else "agent"
            figures = [("HoldTime", str(held)), ("TalkTime", str(talked)), ("Reason", reason)]
            shown = out if by_caller or exchange.major < 18 else None
            self._about("AgentComplete", caller, member, shown, figures)

        bridge.parted = parted
        try:
            await talk(bridge, out, channel)
        finally:
            self._times(caller, answered)
        return False

    def _about(
        self,
        name: str,
        caller: Caller,
        member: Member,
        out: Channel | None,
        more: Pairs,
    ) -> None:
        who = caller.channel.snapshot() + (out.snapshot("Dest") if out is not None else [])
        place = [("Queue", self.name), ("Interface", member.interface), ("MemberName", member.name)]
        self.emit(name, [*who, *place, *more])

    def _counts_abandoned(self, caller: Caller) -> None:
        self.abandoned += 1
        if int(self.exchange.clock.now - caller.since) <= self.service_level:
            self.abandoned_in_service_level += 1

    def _abandons(self, caller: Caller) -> None:
        self._counts_abandoned(caller)
        caller.channel.set_variable("ABANDONED", "TRUE")
        position = str(self.callers.index(caller) + 1)
        held = str(int(self.exchange.clock.now - caller.since))
        place = [
            ("Queue", self.name),
            ("Position", position),
            ("OriginalPosition", str(caller.position)),
        ]
        caller.channel.emit("QueueCallerAbandon", [*place, ("HoldTime", held)], classes="agent")

    def _leaves(self, caller: Caller) -> None:
        position = str(self.callers.index(caller) + 1)
        self.callers.remove(caller)
        place = [("Queue", self.name), ("Position", position), ("Count", str(len(self.callers)))]
        caller.channel.emit("QueueCallerLeave", place, classes="agent")
        caller.channel.set_variable("QUEUEPOSITION", position)
        self._fewer()

    def _fewer(self) -> None:
        if not self.callers:
            self.exchange.states.set(f"Queue:{self.name}", "NOT_INUSE")
        self.changed.set()

    # Since 18 the channel has variables with the times.

    def _clear_times(self, channel: Channel) -> None:
        if self.exchange.major >= 18:
            for name in ("ANSWEREDTIME", "DIALEDTIME", "QUEUEWAIT"):
                channel.set_variable(name, "")
                channel.set_variable(f"{name}_MS", "")

    def _waited(self, caller: Caller) -> None:
        if self.exchange.major >= 18:
            waited = int(self.exchange.clock.now - caller.since)
            caller.channel.set_variable("QUEUEWAIT", str(waited))
            caller.channel.set_variable("QUEUEWAIT_MS", str(waited * 1000))

    def _times(self, caller: Caller, answered: float | None) -> None:
        if self.exchange.major < 18:
            return
        now = self.exchange.clock.now
        talked, dialled = (0.0 if answered is None else now - answered), now - caller.since
        figures = [("DIALEDTIME", dialled), ("ANSWEREDTIME", talked)]
        for name, seconds in figures if answered is None else reversed(figures):
            caller.channel.set_variable(name, str(int(seconds)))
            caller.channel.set_variable(f"{name}_MS", str(round(seconds * 1000)))

    # Events and states

    def emit(self, name: str, headers: Pairs) -> None:
        """Emit an event of the class agent."""
        self.exchange.emit(name, headers, classes="agent")

    def _pause_state(self, member: Member) -> None:
        state = "INUSE" if member.paused else "NOT_INUSE"
        self.exchange.states.set(f"Queue:{self.name}_pause_{member.interface}", state)

    def _availability(self) -> None:
        able = any(self._could_ring(member) and not member.paused for member in self.members)
        if able != self._able:
            self._able = able
            self.exchange.states.set(f"Queue:{self.name}_avail", "NOT_INUSE" if able else "INUSE")
        self.changed.set()


def queues_of(exchange: Exchange) -> dict[str, Queue]:
    """Return the queues of queues.conf, by name."""
    return {
        category.name: _queue(exchange, category)
        for category in exchange.file("queues.conf").categories
        if category.name != "general" and not category.template
    }


def _queue(exchange: Exchange, category: Category) -> Queue:
    queue = Queue(
        exchange,
        category.name,
        category.get("strategy", "ringall"),
        float(category.get("timeout", "15")) or 86400.0,  # 0 is no limit
        max(0.1, float(category.get("retry", "5"))),
        int(category.get("wrapuptime", "0")),
        int(category.get("maxlen", "0")),
        int(category.get("weight", "0")),
        int(category.get("servicelevel", "0")),
        category.get("joinempty", "yes") in _YES,
    )
    for value in category.getall("member"):
        parts = [part.strip() for part in value.split(",")] + [""] * 4
        interface, penalty, name, state = parts[:4]
        member = Member(
            interface,
            name or interface,
            state or interface,
            "static",
            int(penalty or 0),
        )
        member.ring_in_use = category.get("ringinuse", "yes") in _YES
        member.status = exchange.states.number(member.state_interface)
        member.login_time = int(exchange.epoch)
        queue.members.append(member)
        queue._able = True
    return queue
