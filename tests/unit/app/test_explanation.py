"""`explain` says where a rollout is, why, and what a person can do about it (rule 13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pilotage.app.deploy import start
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.config.loading import load
from pilotage.engine.records.store import Store
from pilotage.judge import refusals
from pilotage.model.live import LiveView, SeenVerdict
from pilotage.model.observation import VerdictKind
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Mode, Status
from pilotage.render.fitted import wrapped
from pilotage.render.lines import local_clock
from pilotage.render.live_view import rollout_view
from pilotage.report.explanation import explain
from pilotage.report.remedies import SourceChange
from pilotage.rollout import canaries
from pilotage.rollout.deadlines import awaited
from tests.unit.config.test_config import GOOD


@pytest.fixture
def rollout(tmp_path: Path) -> Rollout:
    (tmp_path / "pilotage.yaml").write_text(GOOD)
    loaded, store = load(tmp_path / "pilotage.yaml"), Store(tmp_path / "state")
    request = DeployRequest(plan=plan_for(loaded, "production", PlanRequest("v1")))
    found = start(Project.of(loaded, store), "ada", request, None, Mode.INITIAL).rollout
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
    assert "cpu  stable 1.98% of a core, new 3.46% of a core" in shown[80], "as weights are written: 25%"


def test_a_long_reason_goes_on_below_its_beginning(rollout: Rollout) -> None:
    console = Console(width=80, file=StringIO(), record=True)
    console.print(rollout_view(stands(rollout, mode=Mode.FULL, reason="waits at 5 % for them " * 5), ()))
    lines = [line for line in console.export_text().splitlines() if "waits" in line]
    assert len(lines) == 2
    assert all(line.startswith("│   ") for line in lines)
    assert lines[0].startswith("│   waits at 5% for them")


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


SOURCE = SourceChange(range="v0..v1", commits=3, files=("README.md", "db/migrations/0004.sql", "shop/cache.py"))
FAILS = VerdictKind.FAIL


def failing(rollout: Rollout, *verdicts: SeenVerdict, **state: object) -> Rollout:
    found = stands(rollout, **{"status": Status.WITHDRAWN, "mode": Mode.FULL, "reason": "x", **state})
    return replace(found, old="v0", live=LiveView(verdicts=verdicts))


@pytest.mark.parametrize(
    ("metric", "file", "command"),
    [
        ("error rate", "db/migrations/0004.sql", "grep"), ("slow requests", "shop/cache.py", "grep"),
        ("memory", "shop/cache.py", "grep"), ("cpu", "", "grep"), ("database_connection_pool", "0004.sql", "grep"),
        ("external_service_latency", "", "grep"), ("user_session_health", "", "grep"),
        ("business_conversion_rate", "", "grep"), ("user_satisfaction", "", "pilotage report v1"),
        ("complaints", "", "pilotage harm list"), ("probe checkout", "0004.sql", "grep"), ("apdex", "", "grep"),
    ],
)  # fmt: skip
def test_r19_each_failing_metric_says_what_changed_what_to_look_at_and_what_to_type(
    rollout: Rollout, metric: str, file: str, command: str
) -> None:
    verdict = SeenVerdict(metric=metric, kind=FAILS, sentence="s", canary="5 %", stable="1 %", ratio=5.0)
    found = explain(failing(rollout, verdict), (), local_clock, logs=("log 1.txt",), source=SOURCE)
    (one,) = found.remedies
    assert one.metric == metric
    assert one.changed[0] == "1 % on v0, 5 % on v1 (5×)"
    assert file in one.changed[1]
    assert one.look
    assert command in " ".join(one.type)
    assert "git log --oneline v0..v1" in one.type
    assert "pilotage abort -e production" in one.type
    assert "What to do:" in found.lines


@pytest.mark.parametrize("metric", [refusals.METRIC, canaries.METRIC])
def test_r19_a_metric_of_its_own_judgement_sends_nobody_to_a_query(rollout: Rollout, metric: str) -> None:
    verdict = SeenVerdict(metric=metric, kind=FAILS, sentence="s")
    (one,) = explain(failing(rollout, verdict), (), local_clock, source=SOURCE).remedies
    assert not [words for words in one.look if "its query" in words]


def test_r19_what_passes_needs_nothing_and_the_metric_that_decided_comes_first(rollout: Rollout) -> None:
    kinds = {"memory": FAILS, "error rate": FAILS, "cpu": VerdictKind.PASS}
    seen = [SeenVerdict(metric=metric, kind=kind, sentence="s") for metric, kind in kinds.items()]
    data = {"cause": "error rate", "step": "a", "reason": "r"}
    event = Recorded(rollout.id, 1, 1.0, "rollback-started", "s", data, "", "")
    found = explain(failing(rollout, *seen, status=Status.ROLLED_BACK), [event], local_clock).remedies
    assert [one.metric for one in found] == ["error rate", "memory"]
    assert f"pilotage incident {rollout.id}" in found[0].type


def test_r19_a_source_that_is_silent_and_too_few_users_have_their_own_words(rollout: Rollout) -> None:
    kinds = {"error rate": VerdictKind.SOURCE_ERROR, "slow requests": VerdictKind.INSUFFICIENT_DATA}
    seen = [SeenVerdict(metric=metric, kind=kind, sentence="s") for metric, kind in kinds.items()]
    found = explain(failing(rollout, *seen, status=Status.HOLDING), (), local_clock).remedies
    assert found[0].type == ("pilotage doctor",)
    assert "synthetic" in found[1].look[0]


def test_r19_the_two_sides_of_a_flag_are_not_called_two_versions(rollout: Rollout) -> None:
    verdict = SeenVerdict(
        metric="error rate", kind=FAILS, sentence="flag on 5 %, flag off 1 %", canary="5 %", stable="1 %"
    )
    found = failing(rollout, verdict)
    (one,) = explain(found, (), local_clock).remedies
    assert one.changed == ("1 % with the flag off, 5 % with it on",)
    assert "flag off 1%, flag on 5%" in drawn(found, 80)


def test_r19_advice_is_folded_to_the_terminal_and_commands_are_not(rollout: Rollout) -> None:
    verdict = SeenVerdict(metric="error rate", kind=FAILS, sentence="s", canary="5 %", stable="1 %")
    lines = explain(failing(rollout, verdict), (), local_clock, logs=("a/long/log",)).lines
    folded = [part for line in lines for part in wrapped(line, 80)]
    assert [line for line in folded if len(line) > 80] == []
    assert "    type: grep -inE 'error|exception|timeout' a/long/log | tail" in folded
    assert any(line.lstrip().startswith("• look at: ") for line in folded)
