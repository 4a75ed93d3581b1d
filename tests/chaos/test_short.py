"""A short chaos run with a seed of its own each time; `make chaos` is the long one."""

import random
from pathlib import Path

import pytest

from tests.chaos.run import ALL_FAULTS, Plan, run

SLOW = {"database locked"}


@pytest.mark.timeout(240)
async def test_random_faults_leave_every_account_where_it_should_be(tmp_path: Path) -> None:
    plan = Plan(
        seed=random.randrange(10**6),
        faults=12,
        accounts=3,
        kinds=sorted(ALL_FAULTS.keys() - SLOW),
        seconds=50,
    )
    result = await run(plan, tmp_path)
    assert result.recovered
