"""The conformance cases that say what comes of the action that was sent before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import Promise

from aioami import Action, ActionError, Response
from aioami._session.dispatch import Dispatcher
from aioami._session.session import Session
from aioami.wire import Framer

FOLDER = Path(__file__).parents[2] / "conformance"


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            if "asks" in case:
                yield pytest.param(case, id=case["name"])


@pytest.mark.parametrize("case", list(cases()))
@pytest.mark.parametrize("streamed", [False, True], ids=["held", "streamed"])
def test_the_answer_to_an_action(case: dict[str, Any], streamed: bool) -> None:
    """The action gets the items, their end, or the refusal that the case says, and nothing goes to streams."""
    session = Session(Dispatcher(), clock=lambda: 0.0)
    promise, fence, streamed_items = Promise(), Promise(), []

    def take(response: Response, item: Any) -> None:
        streamed_items.extend([] if item is None else [item.name])

    on_item = take if streamed else None
    for action_id, name, waits in (("1", case["asks"], promise), ("fence", "Ping", fence)):
        pending = session.submit(Action(name), waits, action_id=action_id, on_item=on_item if name != "Ping" else None)
        pending.written = True
    framer = Framer(banner=case.get("banner", False))
    session.receive(framer.feed(case["bytes"].encode("latin-1")))
    wanted = case["answer"]
    if wanted.get("refused"):
        assert isinstance(promise.error, ActionError)
        assert "marks no lists" in str(promise.error)
        return
    assert promise.result is not None
    assert (streamed_items or [event.name for event in promise.result.events]) == wanted["items"]
    end = promise.result.events.completion
    assert (end and end.name) == wanted["completion"]


def test_a_missing_list_that_nobody_waits_for_is_over() -> None:
    """An action whose caller is gone at that moment is over when the answer behind it shows that no list comes."""
    session = Session(Dispatcher(), clock=lambda: 0.0)
    promise = Promise()
    first = session.submit(Action("QueueStatus"), promise, action_id="1")
    behind = session.submit(Action("Ping"), Promise(), action_id="2")
    first.written = behind.written = True
    session.receive(["Response: Success\r\nActionID: 1\r"])
    promise.set_exception(ConnectionError("given up, as a future that is cancelled"))
    session.receive(["Response: Success\r\nActionID: 2\r\nPing: Pong\r"])
    assert isinstance(promise.error, ConnectionError)
    assert len(session) == 0
