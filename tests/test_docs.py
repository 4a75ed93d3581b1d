"""What the operations page names exists, and what exists is named there."""

import argparse
import re
from pathlib import Path

import pytest

from api.settings import Settings, variable
from simulator.cli import add_arguments
from simulator.faults import KINDS
from store.status import Cause

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def test_the_operations_page_says_of_every_cause_what_the_log_says() -> None:
    table = OPERATIONS.partition("| cause |")[2].partition("\n\n")[0].replace("`", "")
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]
    assert rows == [[cause.value, cause.sentence, cause.advice] for cause in Cause]


def test_the_simulators_page_describes_every_fault_and_option() -> None:
    page = (ROOT / "docs" / "simulator.md").read_text()
    table = page.partition("| kind |")[2].partition("\n\n")[0]
    rows = {row.split("|")[1].strip(): row for row in table.splitlines()[2:]}
    assert set(rows) == {f"`{kind}`" for kind in KINDS}
    for kind, trait in KINDS.items():
        assert (
            set(re.findall(r"`(\w+)`", rows[f"`{kind}`"].split("|")[3]))
            == trait.needs | trait.takes
        )
    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    for action in parser._actions:
        assert f"`{action.option_strings[0]}`" in page


PAGES = ("README.md", "docs/operations.md", "docs/deployment.md", "docs/simulator.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_a_page_names_exists(page: str) -> None:
    named = set(re.findall(r"\bWA_[A-Z_]+\b", (ROOT / page).read_text()))
    assert named <= {variable(field) for field in Settings.model_fields}


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", *PAGES])
def test_every_file_that_a_page_links_to_exists(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
