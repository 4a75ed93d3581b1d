"""A short chaos run, the same faults each time; `make chaos` is the long one."""

from pathlib import Path

import pytest

from tests.chaos.run import Plan, run

SEED = 1
PROMISED = (
    "renderer killed",
    "commands in every state",
    "profile held by a living owner",
    "second server on another database",
    "server killed amid a logout",
    "server stopped twice at once",
    "stale locks",
)
"""Those that no other test shows with a real server."""


@pytest.mark.timeout(180)
async def test_after_each_fault_every_account_is_where_it_should_be(tmp_path: Path) -> None:
    """The run itself raises what is wrong; see `promises.py` for what it looks at."""
    plan = Plan(SEED, faults=len(PROMISED), accounts=2, kinds=PROMISED)

    result = await run(plan, tmp_path)

    assert {kind: len(times) for kind, times in result.recovered.items()} == dict.fromkeys(
        PROMISED, 1
    )
    assert result.commands >= 2
