"""What the README says is generated from the code, and current."""

from pathlib import Path

from actors.account.lifecycle import diagram

README = Path(__file__).parent.parent / "README.md"


def test_the_state_diagram_is_the_lifecycles_table() -> None:
    text = README.read_text()
    drawn = text.partition("```mermaid\n")[2].partition("\n```")[0]
    assert drawn == diagram()
