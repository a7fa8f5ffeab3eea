"""The tests of AGI sessions on real servers, on the fake one: it ends sessions, and says so, as they do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.real.conftest import mgr  # noqa: F401
from tests.real.test_agi_asyncagi import *  # noqa: F403
from tests.real.test_agi_cancelling import *  # noqa: F403 - the tests themselves
from tests.real.test_agi_commands import *  # noqa: F403
from tests.real.test_agi_ends import *  # noqa: F403
from tests.real.test_agi_losing import *  # noqa: F403

from aioami.testing import FakeAsterisk

# What the fake server does otherwise: the rows of `test_agi_facts` that are left out there; telephones that nobody
# declared, which it rings; applications that wait inside a function, Record and SayNumber, which it does not have; the
# Uniqueid of what stands in for a channel that was taken out of a routine.
del test_each_command_does_what_was_seen  # noqa: F821
del test_dialling  # noqa: F821
del test_applications_that_do_not_tell_of_a_hangup  # noqa: F821
del test_whoever_is_taken_out_of_a_routine_is_taken_away  # noqa: F821
del test_with_a_manager_a_hangup_ends_what_asterisk_does_not_end  # noqa: F821


@pytest.fixture(params=["16", "22"])
async def asterisk(request: pytest.FixtureRequest) -> AsyncIterator[FakeAsterisk]:
    """The fake server, in real time, without the files that the tests miss."""
    async with FakeAsterisk(version=request.param) as fake:
        fake.missing_files |= {"nosuchfile", "/nosuchdir"}
        yield fake
