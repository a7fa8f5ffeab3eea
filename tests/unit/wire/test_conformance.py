"""The conformance cases, in every way of cutting the bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aioami import EventList, Response
from aioami.wire import Framer, Message

FOLDER = Path(__file__).parents[2] / "conformance"
LONG = 4096
HUGE = 100_000


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            yield pytest.param(case, id=f"{path.stem}-{case['name']}")


def expanded(text: Any) -> str:
    """A string, or a list of strings and repetitions."""
    if isinstance(text, str):
        return text
    return "".join(part if isinstance(part, str) else part["repeat"] * part["times"] for part in text)


def expected_of(message: dict[str, Any]) -> dict[str, Any]:
    headers: list[list[str]] = []
    for header in message["headers"]:
        if isinstance(header, dict):
            headers += [header["repeat"]] * header["times"]
        else:
            headers.append([header[0], expanded(header[1])])
    found = {"kind": message["kind"], "headers": headers, "unparsed": message.get("unparsed", [])}
    return found | ({"output": message["output"]} if "output" in message else {})


def latin(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def found_in(text: str, expected: dict[str, Any]) -> dict[str, Any]:
    message = Message(text)
    found: dict[str, Any] = {
        "kind": message.kind,
        "headers": [[latin(name), latin(value)] for name, value in message.headers],
        "unparsed": [latin(line) for line in message.unparsed],
    }
    return found | ({"output": [latin(line) for line in message.output]} if "output" in expected else {})


def ways(data: bytes) -> Iterator[Iterable[bytes]]:
    """Whole, byte by byte (or in small pieces, if there are very many), and cut in two at every position, or at many."""
    yield [data]
    piece = 1 if len(data) <= HUGE else 1021
    yield (data[n : n + piece] for n in range(0, len(data), piece))
    step = 1 if len(data) <= LONG else len(data) // (1000 if len(data) <= HUGE else 10)
    for position in range(0, len(data), max(1, step)):
        yield (data[:position], data[position:])


@pytest.mark.parametrize("case", list(cases()))
def test_conformance(case: dict[str, Any]) -> None:
    """The bytes hold exactly the expected messages, however they are cut."""
    data = expanded(case["bytes"]).encode("latin-1")
    expected = [expected_of(message) for message in case["messages"]]
    wanted: list[str] | None = None
    for chunks in ways(data):
        framer = Framer(case.get("limit", 64 << 20), banner=case.get("banner", False), errors="surrogateescape")
        texts = [text for chunk in chunks for text in framer.feed(chunk)]
        assert (framer.error is not None) is case.get("error", False)
        assert framer.banner == case.get("greeting")
        if "rest" in case:
            assert framer.buffered == len(case["rest"])
        if wanted is None:
            assert [found_in(*pair) for pair in zip(texts, expected, strict=True)] == expected
            wanted = texts
        else:
            assert texts == wanted
    for name, value in case.get("lookups", []):
        assert Message((wanted or [""])[0])[name] == value


def test_names_are_unique_and_every_case_says_what_it_shows() -> None:
    """A case can be named, and read by a person."""
    all_cases = [parameter.values[0] for parameter in cases()]
    names = [case["name"] for case in all_cases]
    assert len(names) == len(set(names)) > 80
    assert all(case["shows"].endswith(".") and case["checklist"] for case in all_cases)


def test_data_is_the_output_of_either_form() -> None:
    """`Response.data` gives the lines of a command, whichever form the server speaks."""
    for text in (
        "Response: Success\r\nOutput: a\r\nOutput:  b\r\nOutput: ",
        "Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\na\n b\n\n--END COMMAND--",
    ):
        response = Response(text)
        assert response.success
        assert response.data == ["a", " b", ""]
        assert response.events == EventList()
