"""`explain` says where a rollout is, why, and what a person can do about it (rule 13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pilotage.app.deploy import deploy
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.config.loading import load
from pilotage.engine.records.store import Store
from pilotage.model.live import LiveView, SeenVerdict
from pilotage.model.record import Rollout
from pilotage.model.rollout import Mode, Status
from pilotage.render.lines import local_clock
from pilotage.render.live_view import rollout_view
from pilotage.report.explanation import explain
from pilotage.rollout.deadlines import awaited
from tests.unit.config.test_config import GOOD


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    loaded, store = load(tmp_path / "pilotage.yaml"), Store(tmp_path / "state")
    request = DeployRequest(plan=plan_for(loaded, "production", PlanRequest("v1")))
    found = deploy(Project.of(loaded, store), "ada", request).rollout
    assert found is not None
    return found


def said(rollout: Rollout) -> str:
    return "\n".join(explain(rollout, (), local_clock, due=awaited(rollout.plan, rollout.state)).lines)


def stands(rollout: Rollout, **state: object) -> Rollout:
    return replace(rollout, state=replace(rollout.state, **state))  # type: ignore[arg-type]


def test_a_withdrawn_rollout_names_the_commands_that_work(rollout: Rollout) -> None:
    answer = said(stands(rollout, status=Status.WITHDRAWN, reason="error rate: 19 % against 0 %"))
    assert "is withdrawn from traffic: error rate: 19 % against 0 %" in answer
    for command in ("promote", "retry", "abort"):
        assert f"`pilotage {command}`" in answer


def test_bad_luck_is_named_as_such(rollout: Rollout) -> None:
    answer = said(stands(rollout, status=Status.WITHDRAWN, reason="x", excuse="warm-up"))
    assert "Pilotage retries once" in answer


@pytest.mark.parametrize(
    "how", ["completed without analysis: error rate: 1 of 100", "completed although it is worse than the past"]
)
def test_a_completed_rollout_says_what_nobody_watched(rollout: Rollout, how: str) -> None:
    answer = said(stands(rollout, status=Status.COMPLETED, reason=how))
    assert f"It {how}." in answer


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_its_sentence_and_its_colour(rollout: Rollout, status: Status) -> None:
    if status is not Status.QUEUED:
        assert said(stands(rollout, status=status, reason="why"))
    assert rollout_view(stands(rollout, status=status, reason="why"), ())


def test_the_view_of_an_80_column_terminal_breaks_no_scale_and_names_the_trouble(rollout: Rollout) -> None:
    verdict = SeenVerdict(
        metric="cpu", kind="pass", sentence="as much as stable", canary="3.46 % of a core", stable="1.98 % of a core",
        interval=(None, None),
    )  # fmt: skip
    seen = replace(rollout.live, verdicts=(verdict,), trouble="cannot start 'shop': No such file or directory")
    shown = {}
    for width in (80, 120):
        console = Console(width=width, file=StringIO(), record=True)
        console.print(rollout_view(replace(stands(rollout, mode=Mode.FULL), live=seen), ()))
        shown[width] = [line.strip("│ ") for line in console.export_text().splitlines()]
        assert any("1/64×" in line and line.endswith("256×") for line in shown[width])
        assert sum("│ tolerated ratio" in line for line in shown[width]) == 1, "one legend for all scales"
        assert "trouble  cannot start 'shop': No such file or directory" in shown[width]
    assert "cpu  stable 1.98 % of a core, new 3.46 % of a core" in shown[80]


def test_a_first_deployment_shows_no_comparison_that_was_never_made(rollout: Rollout) -> None:
    missing = SeenVerdict(metric="error rate", kind="insufficient-data", sentence="0 of the 50 requests")
    live = replace(rollout.live, verdicts=(missing,))
    done = replace(stands(rollout, status=Status.COMPLETED, mode=Mode.INITIAL), live=live)
    assert "0 of the 50" not in said(done)
    assert "0 of the 50" not in drawn(done, 80)


@pytest.mark.parametrize(
    ("status", "name"), [(Status.WITHDRAWN, "hold.decision_timeout"), (Status.PAUSED, "pause.timeout")]
)
def test_what_waits_for_a_decision_says_until_when(rollout: Rollout, status: Status, name: str) -> None:
    """A pause lasts a day by default: a bare time of the clock would name this minute."""
    waiting = stands(rollout, status=status, reason="errors", at=1_000_000.0)
    until = datetime.fromtimestamp(1_000_000.0 + rollout.plan.number(name), UTC).astimezone()
    shown = f"{until:%Y-%m-%d %H:%M}" if status is Status.PAUSED else f"{until:%H:%M}"
    assert f"until {shown}" in said(waiting)
    assert f"waiting for a decision until {shown}:" in drawn(waiting, 120)


def test_explain_names_what_failed_where_the_log_is_and_the_next_command(rollout: Rollout) -> None:
    failing = SeenVerdict(metric="error rate", kind="fail", sentence="19 %", detail=("GET /a: 500 (9 times)",))
    back = replace(stands(rollout, status=Status.ROLLED_BACK, reason="19 %"), live=LiveView(verdicts=(failing,)))
    lines = explain(back, (), local_clock, logs=("logs/v1-1.log",)).lines
    assert lines[1:5] == ["", "What failed:", "  GET /a: 500 (9 times)", "  the whole log: logs/v1-1.log"]
    assert lines[-1] == f"Next: `pilotage incident {rollout.id}` writes the incident report."


def test_a_rollout_that_nobody_looks_at_says_since_when(rollout: Rollout) -> None:
    under_way = replace(stands(rollout, status=Status.PROGRESSING), live=LiveView(at=1_000_000.0))
    assert f"since {local_clock(1_000_000.0)}" in explain(under_way, (), local_clock, now=1_000_600.0).answer
    assert "Nobody" not in explain(under_way, (), local_clock, now=1_000_001.0).answer


def drawn(rollout: Rollout, width: int) -> str:
    screen = Console(file=StringIO(), width=width)
    screen.print(rollout_view(rollout, ()))
    return str(screen.file.getvalue())  # type: ignore[attr-defined]
