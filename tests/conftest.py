"""Tells at the end how many controllers were killed."""

from __future__ import annotations

import pytest


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
