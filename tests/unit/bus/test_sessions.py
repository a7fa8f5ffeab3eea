"""A part of `tests/bus_sessions.py`: AsyncAGI and held calls over the bus."""

from __future__ import annotations

from tests.bus_sessions import (  # noqa: F401 - the tests themselves, and their fixtures
    bus,
    mgr,
    nothing_is_left,
    test_a_hangup,
    test_a_program_steers_a_call,
    test_failures,
    test_hang_up_in_each_state,
    test_timeouts_of_waiting,
)
