"""The format of the bus: the conformance cases, and what refuses to be written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioami.bus import format as bus
from aioami.bus.format import Answer, Epoch, Failure, Gap, Heartbeat, Mark, Place, Request, Status
from aioami.bus.reader import Reader, Verdict
from aioami.errors import ProtocolError
from aioami.wire.text import Encoding

CASES: dict[str, Any] = json.loads((Path(__file__).parents[2] / "conformance" / "bus" / "format.json").read_text())


def listed(value: Any) -> Any:
    """The same with lists for tuples, and text for bytes, as JSON has it."""
    if isinstance(value, (list, tuple)):
        return [listed(each) for each in value]
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize(("name", "token"), CASES["names"])
def test_a_name_is_one_token_and_back(name: str, token: str) -> None:
    """Each name has one token, in which nothing is a sign of the bus's own."""
    assert (bus.escape(name), bus.unescape(token)) == (token, name)


@pytest.mark.parametrize("token", CASES["no_names"])
def test_a_token_that_nobody_writes_is_refused(token: str) -> None:
    """What is no token of a name is an error, and no other name."""
    with pytest.raises(ProtocolError, match="no name"):
        bus.unescape(token)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_token_and_back(data: bytes) -> None:
    """Whatever bytes a name has, it is one token of plain ASCII, and comes back."""
    token = bus.escape(data)
    assert token.isascii()
    assert not set(token) & set(".*> @")
    assert bus.unescape(token).encode("utf-8", "surrogateescape") == data


def test_the_subjects_are_as_documented() -> None:
    """Each kind of subject is written as the cases say, for a host name too."""
    case = CASES["subjects"]
    server = case["server"]
    assert bus.stream_name(server) == case["stream"]
    assert bus.all_events(server) == case["all_events"]
    assert bus.all_actions(server) == case["all_actions"]
    assert bus.heartbeat_subject(server) == case["heartbeat"]
    assert bus.event_subject(server, case["event"][0]) == case["event"][1]
    assert bus.action_subject(server, case["action"][0]) == case["action"][1]
    for kind in (Epoch, Gap, Mark, Status):
        assert bus.record_subject(server, kind) == case[kind.token[1:]]
    assert bus.split_subject(case["event"][1]) == (server, "Hangup")


@pytest.mark.parametrize("subject", ["ami.ev.pbx1", "ami.ev.pbx1.a.b", "other.ev.pbx1.a", "ami.no.pbx1.a"])
def test_another_subject_is_refused(subject: str) -> None:
    """A subject that is none of the format is an error."""
    with pytest.raises(ProtocolError, match="subject"):
        bus.split_subject(subject)


@pytest.mark.parametrize(("server", "reason"), [("", "empty"), ("x" * 201, "201 bytes"), ("." * 70, "210 bytes")])
def test_a_server_that_cannot_be_named_is_refused(server: str, reason: str) -> None:
    """A server's name that makes no token is a ValueError that names the field and the limit."""
    with pytest.raises(ValueError, match=f"server: .*{reason}"):
        bus.stream_name(server)


def test_a_server_may_have_a_name_that_was_received_in_another_encoding() -> None:
    """The characters of a name count, and not the bytes in which an event had it."""
    name = Encoding("latin-1").decode(b"Z\xfcrich")
    assert bus.server_name(bus.server_token(name)) == "Zürich"


@pytest.mark.parametrize("case", CASES["places"], ids=lambda case: case["header"] or "empty")
def test_a_place_is_read(case: dict[str, Any]) -> None:
    """A header of this version is read, whatever stands behind it; any other is an error."""
    if case.get("error"):
        with pytest.raises(ProtocolError):
            Place.parse(case["header"])
        return
    place = Place.parse(case["header"])
    assert list(place) == case["place"]
    assert Place.parse(place.encode()) == place


@pytest.mark.parametrize("case", CASES["records"], ids=lambda case: case["token"] + case["body"])
def test_a_record_is_read(case: dict[str, Any]) -> None:
    """A record is read and written; unknown names are ignored, missing ones are an error."""
    kind = bus.RECORDS[case["token"]]
    if case.get("error"):
        with pytest.raises(ProtocolError, match=case["token"]):
            kind.parse(case["body"].encode())
        return
    record = kind.parse(case["body"].encode())
    assert {name: listed(vars(record)[name]) for name in case["means"]} == case["means"]
    assert kind.parse(record.encode()) == record


@pytest.mark.parametrize(
    ("kind", "case"),
    [(kind, case) for kind, name in ((Heartbeat, "heartbeats"), (Failure, "failures")) for case in CASES[name]],
    ids=lambda each: each["body"] if isinstance(each, dict) else each.__name__,
)
def test_what_is_beside_the_stream_is_read(kind: type[bus.Record], case: dict[str, Any]) -> None:
    """A sign of life and a failure are read and written; unknown names are ignored, missing ones are an error."""
    if case.get("error"):
        with pytest.raises(ProtocolError, match=kind.__name__):
            kind.parse(case["body"].encode())
        return
    record = kind.parse(case["body"].encode())
    assert {name: listed(vars(record)[name]) for name in case["means"]} == case["means"]
    assert kind.parse(record.encode()) == record


@pytest.mark.parametrize("case", CASES["requests"], ids=lambda case: f"{case['headers']} {case['body']!r}")
def test_a_request_is_read(case: dict[str, Any]) -> None:
    """A request is read and written; one whose body is for another action than its subject is refused."""
    if case.get("error"):
        with pytest.raises(ProtocolError):
            Request.parse(case["subject"], case["headers"], case["body"].encode())
        return
    request = Request.parse(case["subject"], case["headers"], case["body"].encode())
    assert {name: listed(vars(request)[name]) for name in case["means"]} == case["means"]
    headers, body = request.encode()
    assert Request.parse(case["subject"], headers, body) == request
    assert headers == case["headers"]


@pytest.mark.parametrize("case", CASES["answers"], ids=lambda case: str(case["headers"]))
def test_an_answer_is_read(case: dict[str, Any]) -> None:
    """An answer of a kind that is known is read and written; any other is an error."""
    if case.get("error"):
        with pytest.raises(ProtocolError):
            Answer.parse(case["headers"], b"x")
        return
    answer = Answer.parse(case["headers"], b"x")
    assert [answer.kind, answer.number, answer.time] == case["means"]
    assert answer.encode() == (case["headers"], b"x")


@pytest.mark.parametrize("case", CASES["logs"], ids=lambda case: case["name"])
def test_a_reader_takes_what_counts(case: dict[str, Any]) -> None:
    """From each log a reader gives out the events that count, once and in order, and tells what is missing."""
    reader = Reader(case.get("names"))
    if "position" in case:
        position = dict(case["position"])
        claim = position["epoch"], position.pop("claimed")
        reader = Reader(case.get("names"), claim=claim, **position)
        reader.resume(**case["stream"])
        assert reader.sequence + 1 == case["begins"]
    given, gaps = [], []
    for sequence, token, header, body in case["log"]:
        message = (sequence, token, Place.parse(header), body.encode())
        verdict = reader.take(*message)
        if verdict is Verdict.UNSURE:
            verdict = reader.take(*message, first=case["first"])
        gaps += [record for record in reader.records if isinstance(record, Gap)]
        reader.records.clear()
        assert verdict is not Verdict.UNSURE
        if verdict is Verdict.EVENT:
            given.append(sequence)
    found = [
        gap.reason if isinstance(wanted, str) else [gap.reason, gap.count]
        for gap, wanted in zip(gaps, case["gaps"], strict=False)
    ]
    assert (given, found, len(gaps), reader.void) == (case["given"], case["gaps"], len(case["gaps"]), case["void"])


def test_a_reader_of_a_stream_that_was_made_anew_goes_on() -> None:
    """Where the stream was emptied, a reader that had read all loses nothing, and another is told what it lost."""
    for n, told in ((4, []), (2, [("store", 2)])):
        reader = Reader(epoch=90, n=n, sequence=95)
        reader.restart()
        body = Epoch("a", continues=(90, 4)).encode()
        assert reader.take(1, "@epoch", Place(0, 0, 0, 5), body) is Verdict.RECORD
        assert [(gap.reason, gap.count) for gap in reader.records if isinstance(gap, Gap)] == told
        assert reader.take(2, "A", Place(1, 1, 1, 5), b"") is Verdict.EVENT


def test_a_reader_of_a_stream_without_its_beginning_tells_that() -> None:
    """Where the stream was emptied, and its first claim is gone too, something may be missing."""
    reader = Reader(epoch=90, n=4, sequence=95)
    reader.restart()
    assert reader.take(7, "A", Place(1, 6, 6, 5), b"") is Verdict.EVENT
    assert [record.reason for record in reader.records if isinstance(record, Gap)] == ["trimmed"]


CLAIMED = 5


def read(n: int, names: tuple[str, ...] | None = None) -> Reader:
    """A reader that has read epoch 90 up to a number, where nothing was stored besides."""
    reader = Reader(names)
    reader.take(90, "@epoch", Place(0, 0, 0, CLAIMED), Epoch("a").encode())
    for number in range(1, n + 1):
        assert reader.take(90 + number, "A", Place(90, number, number, 6), b"") is Verdict.EVENT
    reader.records.clear()
    return reader


@pytest.mark.parametrize("names", [None, ("A",)])
@pytest.mark.parametrize(
    ("first", "last", "claims", "begins"),
    [
        (1, 96, [(90, CLAIMED)], 96),  # it has not lost anything
        (1, 93, [(90, CLAIMED)], 93),  # its end, and nobody has claimed it yet
        (91, 93, [], 93),  # the claim is too old to be in it
        (91, 500, [(94, 9)], 93),  # and the relay has claimed it anew
        (1, 94, [(90, CLAIMED), (94, 9)], 93),  # its end; the relay has claimed it anew
        (1, 500, [(90, CLAIMED), (94, 9)], 93),  # and has gone on for longer
        (1, 500, [(90, CLAIMED), (300, 9)], 96),  # the next claim is to be read in its place
    ],
)
def test_a_stream_that_lost_its_end_is_read_on_where_it_has(
    names: tuple[str, ...] | None, first: int, last: int, claims: list[tuple[int, int]], begins: int
) -> None:
    """A reader goes back to where another claim may come, and gives nothing of what it had already, also if it is shown that again."""
    reader = read(6, names)
    reader.resume(first, last, claims)
    assert (reader.epoch, reader.n, reader.sequence) == (90, 6, begins)
    for sequence in range(begins + 1, 97):
        n = sequence - 90
        assert reader.take(sequence, "A", Place(90, n, n, 6), b"") is Verdict.VOID
    assert reader.take(97, "A", Place(90, 7, 7, 6), b"") is Verdict.EVENT
    assert not reader.records


@pytest.mark.parametrize(
    ("last", "claims", "begins"),
    [
        (80, [], 80),
        (80, [(30, 1)], 80),
        (200, [], 200),
        (200, [(85, 9)], 200),
        (91, [(90, 9)], 89),  # the next one has its place
        (200, [(90, 9)], 89),
        (200, [(90, 9), (120, 12)], 89),
        (200, [(92, 9)], 91),  # the stream has grown again beyond the lost claim
        (200, [(120, 9)], 119),
    ],
)
def test_a_stream_that_lost_the_present_claim(last: int, claims: list[tuple[int, int]], begins: int) -> None:
    """An epoch of a lower, the same or a later sequence counts then, and what it continues is compared."""
    for continues, told in (((90, 6), []), ((90, 8), [("store", 2)]), (None, [("store", None)])):
        reader = read(6)
        reader.resume(1, last, claims)
        assert reader.sequence == begins
        body = Epoch("b", continues=continues).encode()
        assert reader.take(begins + 1, "@epoch", Place(0, 0, 0, 9), body) is Verdict.RECORD
        assert [(gap.reason, gap.count) for gap in reader.records if isinstance(gap, Gap)] == told
        assert reader.take(begins + 2, "A", Place(begins + 1, 1, 1, 9), b"") is Verdict.EVENT


def test_a_reader_that_joined_knows_the_claim_by_its_time() -> None:
    """One that has not read the claim itself was told when that was, and sees by it that another one has its sequence."""
    for reader in (Reader(epoch=90, sequence=96, claim=(90, CLAIMED)), Reader(claim=(90, CLAIMED))):
        assert reader.take(97, "A", Place(90, 7, 7, 6), b"") is Verdict.EVENT
        assert reader.claimed == CLAIMED
        reader.resume(1, 97, [(90, CLAIMED)])
        assert (reader.epoch, reader.sequence) == (90, 97)
        reader.resume(1, 98, [(90, 9)])
        assert (reader.epoch, reader.sequence, reader.claimed) == (None, 89, None)


def test_a_reader_that_knows_no_claim_learns_it() -> None:
    """Without a time of the claim, the one in the stream is taken for that of the epoch."""
    reader = Reader(epoch=90, sequence=96)
    reader.resume(1, 96, [(90, CLAIMED)])
    assert (reader.epoch, reader.sequence, reader.claimed) == (90, 96, CLAIMED)


def test_a_reader_without_an_epoch_goes_back_too() -> None:
    """Where no relay had led, a stream that lost its end is read from there."""
    reader = Reader(sequence=95)
    reader.resume(1, 93, [(94, 9)])
    assert (reader.epoch, reader.sequence) == (None, 93)


def test_a_reader_that_begins_again_within_an_epoch_knows_its_claim() -> None:
    """A second loss is seen too where the claim of a lower epoch was lost in the first."""
    reader = read(6)
    reader.resume(1, 87, [(85, 7)])
    assert reader.take(88, "A", Place(85, 3, 3, 8), b"") is Verdict.EVENT
    reader.resume(1, 200, [(85, 9)])
    assert (reader.epoch, reader.sequence) == (None, 84)


def test_what_a_reader_of_one_name_knows_of_a_claim_outlives_its_place() -> None:
    """What was read before a claim that goes on further back is not given again, by a reader that begins behind the claim either."""
    reader = read(6, ("A",))
    body = Epoch("a", continues=(90, 4)).encode()
    assert reader.take(97, "@epoch", Place(0, 0, 0, 9), body) is Verdict.RECORD
    reader = Reader(["A"], epoch=reader.epoch, n=reader.n, sequence=reader.sequence)
    assert reader.take(98, "A", Place(97, 2, 2, 6), b"") is Verdict.VOID
    assert reader.take(99, "A", Place(97, 3, 3, 9), b"") is Verdict.EVENT


def test_a_hole_is_told_for_each_name() -> None:
    """Where one name goes on behind a hole, another one still tells how many of it were discarded, and is read on."""
    reader = Reader(["A", "B"])
    reader.take(90, "@epoch", Place(0, 0, 0, CLAIMED), Epoch("a").encode())
    assert reader.take(91, "A", Place(90, 1, 1, 6), b"") is Verdict.EVENT
    assert reader.take(92, "B", Place(90, 2, 1, 6), b"") is Verdict.EVENT
    assert reader.take(201, "A", Place(90, 111, 2, 8), b"") is Verdict.EVENT
    assert reader.take(202, "B", Place(90, 112, 5, 8), b"") is Verdict.UNSURE
    assert reader.take(202, "B", Place(90, 112, 5, 8), b"", first=200) is Verdict.EVENT
    assert [(gap.reason, gap.count) for gap in reader.records if isinstance(gap, Gap)] == [("trimmed", 3)]


def test_a_hole_is_told_for_the_names_that_did_not_come_yet() -> None:
    """Where one name of several goes on behind a hole as if nothing were missing, another may have been thrown away."""
    reader = Reader(["A", "B"], epoch=90, n=5, sequence=95, time=6)
    assert reader.take(96, "A", Place(90, 6, 3, 6), b"") is Verdict.EVENT
    reader.resume(200, 300, [])
    assert reader.take(201, "A", Place(90, 111, 4, 8), b"") is Verdict.UNSURE
    assert reader.take(201, "A", Place(90, 111, 4, 8), b"", first=200) is Verdict.EVENT
    assert [(gap.reason, gap.count) for gap in reader.records if isinstance(gap, Gap)] == [("trimmed", None)]


def test_what_is_passed_over_is_no_hole() -> None:
    """A message that no relay wrote moves a reader on, but not over a hole before it."""
    reader = read(1)
    reader.pass_over(92)
    assert reader.take(93, "A", Place(90, 3, 3, 6), b"") is Verdict.VOID
    reader.pass_over(200)
    assert reader.take(201, "A", Place(90, 9, 9, 6), b"") is Verdict.EVENT
    assert [record.count for record in reader.records if isinstance(record, Gap)] == [7]


def test_what_is_nested_without_an_end_is_no_record() -> None:
    """However deep the JSON of a record is nested, it is an error of the protocol."""
    with pytest.raises(ProtocolError, match="no JSON"):
        Epoch.parse(b"[" * 100_000)


@pytest.mark.parametrize("number", ["9" * 19, "-" + "9" * 400, "9" * 5000])
def test_a_number_of_more_than_64_bits_is_an_error(number: str) -> None:
    """In each place of a header or a record: a length of time that it gives might be none that Python can tell."""
    with pytest.raises(ProtocolError):
        Place.parse(f"1 1 1 1 {number}")
    with pytest.raises(ProtocolError):
        Answer.parse({bus.HEADER: f"1 answer 1 {number}"}, b"")
    with pytest.raises(ProtocolError):
        Request.parse("ami.act.pbx1.Ping", {bus.HEADER: f"1 1 {number}"}, b"Action: Ping")
    for since, until in ((number, "1"), ("1", number), ("null", number)):
        with pytest.raises(ProtocolError):
            Gap.parse(f'{{"reason": "link", "since": {since}, "until": {until}}}'.encode())
    with pytest.raises(ProtocolError):
        Heartbeat.parse(f'{{"relay": "r", "role": "leader", "time": {number}}}'.encode())


def test_a_long_answer_is_divided_by_bytes() -> None:
    """The parts of an answer are all of it, in order; the last one says that it is the last."""
    assert list(bus.parts(b"", 4)) == [("answer", 1, b"")]
    assert list(bus.parts(b"abcd", 4)) == [("answer", 1, b"abcd")]
    assert list(bus.parts(b"abcdefghi", 4)) == [("part", 1, b"abcd"), ("part", 2, b"efgh"), ("answer", 3, b"i")]


def test_no_secret_is_shown() -> None:
    """The repr of a request or an answer has none of its values."""
    request = Request("Login", ((b"Secret", b"s3cret"),), 1, None)
    assert "s3cret" not in repr(request) + repr(Answer("answer", 1, 1, b"s3cret"))
