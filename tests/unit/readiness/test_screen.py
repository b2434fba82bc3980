"""The readiness list on a screen: nothing of it is torn into columns of a few letters."""

from __future__ import annotations

import pytest

from pilotage.cli import ready as readying
from pilotage.model.readiness import Gate, GateStatus, Readiness

NEXT = "add under readiness.evidence: code_review_completion: {reviews: {}}"
FOUND = Readiness(
    service="shop", environment="production", version="2.0", plan="0" * 64, artifact="", asker=("ada",), at=0.0,
    gates=(
        Gate("code_review_completion", "", "", "", GateStatus.NOT_READY, (), "no evidence", NEXT),
        Gate("runbook", "", "", "", GateStatus.READY, (), "", ""),
    ),
)  # fmt: skip


@pytest.mark.parametrize("columns", ["80", "160"])
def test_an_item_and_what_to_do_next_stand_whole_on_a_screen(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    readying.show(FOUND)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("✗ not ready  code_review_completion") for line in lines)
    assert "✓ ready  runbook" in lines if columns == "80" else any("runbook" in line for line in lines)
    assert f"next: {NEXT}" in lines if columns == "80" else "status" in lines[0]
