"""The page of integrations says of every kind of adapter what it was proven against (R28, R30, R31, R32)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pilotage.adapters.registry import TABLE
from pilotage.model.capabilities import Port

PAGE = Path(__file__).parents[3] / "docs" / "integrations.md"
HEADINGS = {
    Port.ROUTER: "Routers",
    Port.FLEET: "Fleets",
    Port.METRICS: "Metrics",
    Port.QUERIES: "Queries",
    Port.FLAGS: "Flags",
    Port.NOTIFY: "Notifications and announcements",
}


def rows(heading: str) -> list[list[str]]:
    """The table's rows under a heading: system, what it does here, extra, proven against, not proven."""
    part = PAGE.read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line.strip("|").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line] for line in lines[1:]]


@pytest.mark.parametrize("port", list(TABLE), ids=str)
def test_every_kind_of_a_port_has_its_row(port: Port) -> None:
    named = [kind for row in rows(HEADINGS[port]) for kind in re.findall(r"`([a-z-]+)`", row[0])]
    assert set(named) >= set(TABLE[port])


@pytest.mark.parametrize("heading", [*HEADINGS.values(), "Stages of a way", "Everything else"])
def test_every_row_says_what_a_system_was_proven_against(heading: str) -> None:
    for row in rows(heading):
        assert len(row) == 5, row
        assert all(row), row
        assert row[3] != "–", row
