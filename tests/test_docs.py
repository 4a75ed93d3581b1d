"""What the operations page names exists, and what exists is named there."""

import re
from pathlib import Path

import pytest

from api.settings import Settings, variable
from store.status import Cause

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def test_the_operations_page_says_what_to_do_about_every_cause() -> None:
    table = OPERATIONS.partition("| cause |")[2].partition("\n\n")[0]
    named = {
        word for row in table.splitlines() for word in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert named == {cause.value for cause in Cause}


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md", "docs/deployment.md"])
def test_every_setting_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"\bWA_[A-Z_]+\b", (ROOT / page).read_text()))
    assert named <= {variable(field) for field in Settings.model_fields}


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "docs/operations.md", "docs/deployment.md"]
)
def test_every_file_that_a_page_links_to_exists(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
