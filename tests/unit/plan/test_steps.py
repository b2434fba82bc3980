"""What each strategy does step by step, its numbers, and how it is rolled back (R12–R17, R21)."""

from __future__ import annotations

import pytest

from pilotage import Service
from pilotage.model.plan import Step, StepKind
from pilotage.plan.numbers import Override
from tests.plans import planned as plan

H, M = 3600, 60


def steps(strategy: str, instances: int = 4, tolerance: str = "medium") -> tuple[Step, ...]:
    return plan(Service(instances=instances), deployment_strategy=strategy, risk_tolerance=tolerance).steps


def test_r12_blue_green_step_by_step() -> None:
    found = [(step.kind, step.weight, step.activities) for step in steps("blue-green")]
    assert found == [
        (StepKind.CHECK, 0, ("resource_doubling",)),
        (StepKind.SCALE, 0, ("deploy_to_inactive_environment",)),
        (StepKind.CHECK, 0, ("validate_green_environment_health",)),
        (StepKind.CHECK, 0, ("synchronize_database_state",)),
        (StepKind.CHECK, 0, ("warm_up_application_caches",)),
        (StepKind.CHECK, 0, ("verify_monitoring_systems",)),
        (StepKind.CHECK, 0, ("run_smoke_tests_on_green",)),
        (StepKind.CHECK, 0, ("execute_health_checks",)),
        (StepKind.CHECK, 0, ("validate_application_functionality",)),
        (StepKind.SWITCH, 1000, ("switch_traffic_to_green",)),
        (StepKind.BAKE, 1000, ("monitor_application_metrics", "validate_user_experience")),
        (StepKind.KEEP, 1000, ("keep_blue_environment_ready",)),
        (StepKind.DRAIN, 1000, ()),
        (StepKind.RETIRE, 1000, ("schedule_blue_environment_cleanup",)),
    ]


@pytest.mark.parametrize(
    ("requirement", "strategy", "tolerance", "path", "value"),
    [
        ("R12", "blue-green", "medium", "rollback.timeout", 30),
        ("R12", "blue-green", "medium", "blue_green.bake_duration", 4 * H),
        ("R12", "blue-green", "low", "blue_green.bake_duration", 24 * H),
        ("R18", "blue-green", "low", "rollback_triggers.error_rate", 1),
        ("R12 C2", "blue-green", "medium", "rollback_triggers.error_rate", 1),
        ("R12 C2", "blue-green", "high", "rollback_triggers.error_rate", 1),
        ("R18", "blue-green", "zero-downtime", "rollback_triggers.error_rate", 0.1),
        ("R18", "blue-green", "low", "rollback_triggers.response_time_factor", 1.2),
        ("R18", "blue-green", "medium", "rollback_triggers.response_time_factor", 1.5),
        ("R12 C2", "blue-green", "high", "rollback_triggers.response_time_factor", 1.5),
        ("R13", "canary", "medium", "canary.weights", (5, 25, 50, 100)),
        ("R13", "canary", "low", "canary.phase_duration", 24 * H),
        ("R13", "canary", "medium", "canary.phase_duration", 4 * H),
        ("R13", "canary", "high", "canary.phase_duration", 1 * H),
        ("R13", "canary", "zero-downtime", "canary.phase_duration", 24 * H),
        ("C22", "canary", "low", "canary.bake_duration", 24 * H),
        ("C22", "canary", "medium", "canary.bake_duration", 4 * H),
        ("C22", "canary", "high", "canary.bake_duration", 1 * H),
        ("R13", "canary", "medium", "success_criteria.error_rate", 0.1),
        ("R13", "canary", "medium", "success_criteria.response_time_p95", 0.5),
        ("R13", "canary", "medium", "success_criteria.user_satisfaction", 95),
        ("R13", "canary", "medium", "rollback.timeout", 120),
        ("R14", "rolling", "low", "rolling.batch_size", "1"),
        ("R14", "rolling", "medium", "rolling.batch_size", "25%"),
        ("R14", "rolling", "high", "rolling.batch_size", "50%"),
        ("R14", "rolling", "zero-downtime", "rolling.batch_size", "1"),
        ("R14", "rolling", "low", "rolling.max_unavailable", "1"),
        ("R14", "rolling", "medium", "rolling.max_unavailable", "25%"),
        ("R14", "rolling", "high", "rolling.max_unavailable", "25%"),
        ("R14", "rolling", "zero-downtime", "rolling.max_unavailable", "0"),
        ("R14", "rolling", "low", "rolling.wait_time_between_batches", 5 * M),
        ("R14", "rolling", "medium", "rolling.wait_time_between_batches", 2 * M),
        ("R14", "rolling", "high", "rolling.wait_time_between_batches", 2 * M),
        ("R14", "rolling", "zero-downtime", "rolling.wait_time_between_batches", 5 * M),
        ("R14", "rolling", "medium", "rolling.health_check_timeout", 30),
        ("R16", "feature-toggle", "medium", "feature_toggle.segments", ("internal", "beta")),
        ("R16", "feature-toggle", "medium", "feature_toggle.percentages", (5, 25, 50, 100)),
        ("R16", "feature-toggle", "medium", "rollback.timeout", 30),
        ("R18", "canary", "low", "rollback_triggers.error_rate", 1),
        ("R18", "canary", "medium", "rollback_triggers.error_rate", 5),
        ("R18", "canary", "high", "rollback_triggers.error_rate", 10),
        ("R18", "canary", "zero-downtime", "rollback_triggers.error_rate", 0.1),
        ("R18", "canary", "low", "rollback_triggers.response_time_factor", 1.2),
        ("R18", "canary", "medium", "rollback_triggers.response_time_factor", 1.5),
        ("R18", "canary", "high", "rollback_triggers.response_time_factor", 2),
        ("R18", "canary", "zero-downtime", "rollback_triggers.response_time_factor", 1.05),
        ("R18", "canary", "low", "rollback_auto", True),
        ("R18", "canary", "medium", "rollback_auto", False),
        ("R18", "canary", "high", "rollback_auto", False),
        ("R18", "canary", "zero-downtime", "rollback_auto", True),
        ("C22", "canary", "medium", "canary.holdback", 0),
        ("R13", "canary", "medium", "canary.ramp", False),
        ("R13", "canary", "medium", "canary.detection_time", 0),
        ("the judge", "rolling", "low", "analysis.min_response_time_difference", 0.01),
        ("the judge", "rolling", "low", "analysis.min_response_time_share", 10),
        ("the judge", "blue-green", "high", "analysis.retry_once", True),
        ("R20", "canary", "medium", "alerts.success_rate", 99),
        ("R20", "canary", "medium", "alerts.canary_health_score", 90),
    ],
)
def test_numbers_are_those_of_the_requirement(
    requirement: str, strategy: str, tolerance: str, path: str, value: object
) -> None:
    setting = plan(deployment_strategy=strategy, risk_tolerance=tolerance).setting(path)
    assert setting.value == value
    assert requirement.split()[0] in setting.source


@pytest.mark.parametrize(
    ("strategy", "instances", "tolerance", "batches", "surge"),
    [
        ("rolling", 8, "low", [1, 2, 3, 4, 5, 6, 7, 8], False),
        ("rolling", 8, "medium", [2, 4, 6, 8], False),
        ("rolling", 8, "high", [2, 4, 6, 8], False),  # C7: 50 % shrinks to the 25 % that may be unavailable
        ("rolling", 8, "zero-downtime", [1, 2, 3, 4, 5, 6, 7, 8], True),
        ("rolling", 10, "medium", [2, 4, 6, 8, 10], False),
        ("rolling", 3, "medium", [1, 2, 3], True),  # a quarter of three is none
        ("rolling", 1, "low", [1], True),
        ("rolling", 1, "high", [1], True),
        ("rolling", 2, "low", [1, 2], False),
    ],
)
def test_r14_c7_batches(strategy: str, instances: int, tolerance: str, batches: list[int], surge: bool) -> None:
    found = [step for step in steps(strategy, instances, tolerance) if step.kind is StepKind.BATCH]
    assert [step.instances for step in found] == batches
    assert all(("one extra" in step.title) == surge for step in found)
    least = instances if surge else instances - max(b - a for a, b in zip([0, *batches], batches, strict=False))
    assert all(f"{least} of {instances} instances stay healthy" in step.needs[0] for step in found)
    assert least >= 1


def test_r14_c7_a_batch_smaller_than_what_may_be_spared_stays_small() -> None:
    service = Service(instances=8, overrides={"rolling.max_unavailable": Override("50%", "here")})
    found = [s.instances for s in plan(service, deployment_strategy="rolling").steps if s.kind is StepKind.BATCH]
    assert found == [2, 4, 6, 8]
    one = Service(instances=8, overrides={"rolling.max_unavailable": Override(1, "here")})
    assert sum(s.kind is StepKind.BATCH for s in plan(one, deployment_strategy="rolling").steps) == 8


def test_r14_rolling_step_by_step() -> None:
    found = steps("rolling")
    assert [step.activities[0] for step in found if step.kind is StepKind.CHECK] == [
        "validate_deployment_package",
        "ensure_minimum_healthy_instances",
        "prepare_rollback_artifacts",
        "verify_all_instances_healthy",
        "validate_application_functionality",
    ]
    first, *_, last = (step for step in found if step.kind is StepKind.BATCH)
    assert first.activities == (
        "select_next_batch_of_instances",
        "drain_traffic_from_selected_instances",
        "deploy_new_version_to_batch",
        "run_health_checks_on_batch",
        "restore_traffic_to_healthy_instances",
        "wait_for_batch_stabilization",
        "repeat_until_all_instances_updated",
    )
    assert last.activities == first.activities[:-1]
    assert first.duration == 2 * M
    assert first.timeout == 10 + 30 + 2 * M
    assert found[-1].activities == ("monitor_overall_system_health",)


def test_r14_walking_back_may_take_as_long_as_its_batches() -> None:
    few = plan(Service(instances=4), deployment_strategy="rolling")
    many = plan(Service(instances=400), deployment_strategy="rolling", risk_tolerance="low")
    assert few.rollback.timeout == 30 * M
    assert many.rollback.timeout == 400 * (10 + 30)


def test_r15_big_bang_step_by_step() -> None:
    found = [(step.id, step.kind, step.weight, step.downtime) for step in steps("big-bang")]
    assert found == [
        ("check-window", StepKind.CHECK, 0, False),
        ("check-backup", StepKind.CHECK, 0, False),
        ("check-way-back", StepKind.CHECK, 0, False),
        ("close", StepKind.MAINTENANCE, 0, True),
        ("replace", StepKind.REPLACE, 0, True),
        ("verify", StepKind.CHECK, 0, True),
        ("open", StepKind.MAINTENANCE, 1000, False),
        ("bake-100%", StepKind.BAKE, 1000, False),
    ]
    assert "restore the backup" in " ".join(plan(deployment_strategy="big-bang").rollback.steps)


def test_r16_feature_toggle_step_by_step() -> None:
    found = [(step.kind, step.weight, step.audience, step.activities) for step in steps("feature-toggle")]
    ramp, watch = StepKind.FLAG_RAMP, StepKind.ANALYSE
    assert found == [
        (StepKind.SCALE, 0, "", ("feature-toggle_deployment",)),
        (StepKind.CHECK, 0, "", ("kill_switches",)),
        (ramp, 0, "internal users", ("internal_testing",)),
        (watch, 0, "internal users", ()),
        (ramp, 0, "beta users", ("beta_testing",)),
        (watch, 0, "beta users", ()),
        (ramp, 50, "", ("gradual_rollout",)),
        (watch, 50, "", ()),
        (ramp, 250, "", ("gradual_rollout",)),
        (watch, 250, "", ()),
        (ramp, 500, "", ("gradual_rollout",)),
        (watch, 500, "", ()),
        (ramp, 1000, "", ("full_release",)),
        (StepKind.BAKE, 1000, "", ()),
    ]


@pytest.mark.parametrize(
    ("strategy", "moves", "first"),
    [
        ("blue-green", 5, "switch all requests back to the old environment"),
        ("canary", 3, "send all requests to stable"),
        ("rolling", 3, "start no further batch"),
        ("big-bang", 4, "show every user the maintenance page"),
        ("feature-toggle", 2, "turn the flag off for everyone"),
    ],
)
def test_r12_r16_c15_each_strategy_is_undone_in_its_own_way_traffic_first(
    strategy: str, moves: int, first: str
) -> None:
    rollback = plan(deployment_strategy=strategy).rollback
    assert len(rollback.steps) == moves
    assert rollback.steps[0].startswith(first)
    assert not any("told" in move for move in rollback.steps[:1])


@pytest.mark.parametrize(
    ("tolerance", "words"),
    [
        ("low", "all traffic returns to stable at once, and the release rolls back"),
        ("medium", "all traffic returns to stable at once; an operator decides within 15m, or it rolls back"),
        ("high", "all traffic returns to stable at once; an operator decides within 30m, or it rolls back"),
        ("zero-downtime", "all traffic returns to stable at once, and the release rolls back"),
    ],
)
def test_c1_harm_takes_users_back_at_once_and_rollback_auto_says_what_follows(tolerance: str, words: str) -> None:
    of_flag = words.replace("all traffic returns to stable", "the flag goes off for everyone")
    for strategy, expected in (("canary", words), ("feature-toggle", of_flag)):
        triggers = plan(deployment_strategy=strategy, risk_tolerance=tolerance).rollback.triggers
        assert triggers[0].endswith(": at once")
        assert all(trigger.partition(": ")[2].startswith(expected) for trigger in triggers[2:4])


def test_c1_where_nobody_can_return_the_next_batch_does_not_begin() -> None:
    careful, usual = (
        plan(deployment_strategy="rolling", risk_tolerance=t).rollback.triggers for t in ("low", "medium")
    )
    assert "no further batch starts, and the updated instances roll back" in careful[2]
    assert "no further batch starts; an operator decides within 15m, or it rolls back" in usual[2]


@pytest.mark.parametrize("strategy", ["canary", "blue-green", "rolling", "big-bang", "feature-toggle"])
def test_what_has_only_the_past_to_be_compared_with_is_never_undone_by_itself(strategy: str) -> None:
    triggers = plan(deployment_strategy=strategy).rollback.triggers
    past = [trigger for trigger in triggers if "in the past" in trigger]
    assert past
    assert all("an operator decides; no automatic rollback" in trigger for trigger in past)
    assert triggers[-1].endswith("a pause or completion without analysis, never a rollback")


def test_r21_what_follows_a_rollback() -> None:
    then = plan().rollback.next_steps
    times = [line.split(":")[0] for line in then]
    assert list(dict.fromkeys(times)) == [
        "at once", "within 5 working days", "immediate, within 1 working day", "short-term, within 3 working days",
        "short-term, within 5 working days", "long-term, within 10 working days", "before the next release",
    ]  # fmt: skip
