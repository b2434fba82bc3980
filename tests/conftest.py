"""What tests of several folders begin with, and what is told at the end: how many controllers were killed, and what the
live trials came to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import datasette
from tests.live import table


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`<version>/bin/datasette` for both versions of Datasette."""
    place = tmp_path_factory.mktemp("environments")
    datasette.install(place)
    return place


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran = [
        dict(report.user_properties)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if getattr(report, "user_properties", None)
    ]
    kills = [int(str(properties["kills"])) for properties in ran if "kills" in properties]
    if kills:
        terminalreporter.write_line(f"chaos: {sum(kills)} controllers killed in {len(kills)} rollouts")
    if rows := [properties["live"] for properties in ran if "live" in properties]:
        for line in table.lines(rows):
            terminalreporter.write_line(line)
