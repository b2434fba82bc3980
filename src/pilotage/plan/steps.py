"""The steps of the five strategies (R12–R16), each with its own undo; and how the whole is rolled back (R21).

All follow the order of the execution rules: write, read back, watch; at the end bake, drain, retire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pilotage.model import step_ids as ids
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.plan import Derived, Rollback, Setting, Step, StepKind
from pilotage.model.quantity import format_duration, format_share, portion_of
from pilotage.model.traffic import WHOLE, instances_for, share_of
from pilotage.plan.exposure import TOP, ramp_from
from pilotage.plan.values import show_value

_WATCHED = ("application_error_rate", "response_time_p95", "memory_utilization")
_TOGGLE_WATCHED = ("application_error_rate", "response_time_p95", "business_conversion_rate")


@dataclass(frozen=True)
class Numbers:
    """The plan's settings by path."""

    settings: Mapping[str, Setting]

    def value(self, path: str) -> int | float:
        value = self.settings[path].value
        assert isinstance(value, int | float)
        return value

    def text(self, path: str) -> str:
        return str(self.settings[path].value)

    def weights(self, path: str) -> tuple[int, ...]:
        value = self.settings[path].value
        assert isinstance(value, tuple)
        return value

    def shown(self, path: str) -> str:
        setting = self.settings[path]
        return show_value(setting.unit, setting.value)


def steps_of(strategy: DeploymentStrategy, numbers: Numbers, full: int) -> tuple[Step, ...]:
    """Every move of a rollout to `full` instances."""
    return tuple(_STEPS[strategy](numbers, full))


def _canary(n: Numbers, full: int) -> Iterator[Step]:
    """Up to the last weight that is watched: everyone, or all but `canary.holdback`, who follow after the bake."""
    weights, before = n.weights("canary.weights"), 0
    for number, weight in enumerate((*weights[:-1], WHOLE - held_back(n)), 1):
        yield from _raised(n, before, weight, full, number)
        yield _watched_at(n, weight, before, full, baking=number == len(weights))
        before = weight
    if before < WHOLE:
        yield from _raised(n, before, WHOLE, full, len(weights) + 1)
    drain, start = n.value("canary.drain_duration"), n.value("canary.start_deadline")
    yield _drain(drain, drain + start, full, "stable", "canary.drain_duration", "R13")
    yield _retire(start, full, "canary.start_deadline", "R13")


def held_back(n: Numbers) -> int:
    """Per mille of requests that stay on stable through the canary's bake."""
    return round(WHOLE * n.value("canary.holdback"))


def _raised(n: Numbers, before: int, weight: int, full: int, number: int) -> Iterator[Step]:
    """From one weight to the next: approval, instances, the weight itself. `number`: of the weight, from 1."""
    share, count, ramping = format_share(weight / WHOLE), instances_for(weight, full), _ramps(n, weight)
    several, enough = "s" if count > 1 else "", _good_enough(n, first=number == 1, ramp=_ramps(n, before))
    if n.value("canary.approval") and (number == 1 or not ramping):
        title = f"approval to send {share}, and to double it up to {format_share(TOP / WHOLE)}"
        title = title if ramping else f"approval to send {share}"
        yield _gate(n, f"approve-{share}", title, before, instances_for(before, full), "canary")
    yield Step(
        f"scale-{share}", StepKind.SCALE, f"{count} healthy canary instance{several}", before, count, 0,
        n.value("canary.start_deadline"), "retire the canary", needs=("a version that can be started",),
        derived=(Derived("deadline", "canary.start_deadline"),), source="R13",
    )  # fmt: skip
    if number == 1 and n.value("canary.mirror_share"):
        yield _mirror(n, count)
    path = "canary.weights" if weight in n.weights("canary.weights") else "canary.holdback"
    yield Step(
        f"weight-{share}", StepKind.SET_WEIGHT, f"{share} of requests to the canary, read back from the router",
        weight, count, 0, n.value("canary.switch_deadline"), _back(before),
        needs=(f"{count} canary instance{several} healthy", *enough),
        activities=(f"phase_{number}",),
        derived=(Derived("weight", path), Derived("deadline", "canary.switch_deadline")), source="R13",
    )  # fmt: skip


def _watched_at(n: Numbers, weight: int, before: int, full: int, *, baking: bool) -> Step:
    kind, path, seconds = StepKind.ANALYSE, "canary.phase_duration", n.value("canary.phase_duration")
    if baking:
        kind, path, seconds = StepKind.BAKE, "canary.bake_duration", n.value("canary.bake_duration")
    elif n.value("canary.ramp"):
        ramp = ramp_from(n.weights("canary.weights")[0], seconds, n.value("rollout.tick"))
        path, seconds = ("canary.ramp", ramp.every) if _ramps(n, weight) else (path, ramp.hold)
    return _watch(
        n, kind, path, format_share(weight / WHOLE), weight, instances_for(weight, full), _back(before), _WATCHED,
        "C22" if baking else "R13", seconds=seconds,
    )  # fmt: skip


def _ramps(n: Numbers, weight: int) -> bool:
    """Whether the weight is one of a ramp's short steps."""
    return bool(n.value("canary.ramp")) and 0 < weight < TOP


def _back(before: int) -> str:
    return f"all requests to stable ({format_share(before / WHOLE)} before)"


def _mirror(n: Numbers, count: int) -> Step:
    """Copies of real requests before any user has the new version; what it answers is thrown away."""
    share, seconds = n.shown("canary.mirror_share"), n.value("canary.mirror_duration")
    return Step(
        "mirror", StepKind.ANALYSE, f"{share} of requests are copied to the canary for {format_duration(seconds)}",
        0, count, seconds, seconds + n.value("hold.duration"), "stop copying", judged=_WATCHED,
        mirror=round(WHOLE * n.value("canary.mirror_share")),
        derived=(Derived("mirror", "canary.mirror_share"), Derived("duration", "canary.mirror_duration")), source="R13",
    )  # fmt: skip


def _blue_green(n: Numbers, full: int) -> Iterator[Step]:
    retire = "retire the preview"
    yield Step(
        "deploy-preview", StepKind.SCALE, f"{full} instance{'s' if full > 1 else ''} in the inactive environment",
        0, full, 0, n.value("blue_green.start_deadline"), retire, needs=("the inactive environment is free",),
        activities=("deploy_to_inactive_environment",),
        derived=(Derived("deadline", "blue_green.start_deadline"),), source="R12",
    )  # fmt: skip
    for identity, title, activity in (
        (ids.CHECK_HEALTH, "the preview is healthy", "validate_green_environment_health"),
        ("check-data", "the preview sees the same data, its schema fits both versions", "synchronize_database_state"),
        ("check-caches", "the preview's caches are warm", "warm_up_application_caches"),
        (ids.CHECK_MONITORING, "the preview is seen by monitoring", "verify_monitoring_systems"),
        ("check-smoke", "smoke tests on the preview", "run_smoke_tests_on_green"),
        (
            ids.CHECK_HEALTH_CHECKS,
            "every instance of the preview passes its health check",
            "execute_health_checks",
        ),
        ("check-functions", "critical functions work on the preview", "validate_application_functionality"),
    ):
        yield _check(n, identity, title, activity, "blue_green", 0, full, retire, "R12")
    if n.value("blue_green.approval"):
        yield _gate(n, "approve-switch", "approval of the cut-over", 0, full, "blue_green")
    back = "all requests back to the old environment, which stays ready"
    yield Step(
        "switch", StepKind.SWITCH, "all requests to the preview at once, read back from the router", WHOLE, full, 0,
        n.value("blue_green.switch_deadline"), back, needs=("every check of the preview passed",),
        activities=("switch_traffic_to_green",),
        derived=(Derived("deadline", "blue_green.switch_deadline"),), source="R12",
    )  # fmt: skip
    yield _watch(
        n, StepKind.BAKE, "blue_green.watch_duration", "100%", WHOLE, full, back, _WATCHED, "R12",
        activities=("monitor_application_metrics", "validate_user_experience"),
    )  # fmt: skip
    keep = n.value("blue_green.keep_duration")
    yield Step(
        "keep", StepKind.KEEP, f"the old environment stays ready for {format_duration(keep)}", WHOLE, full, keep,
        keep + n.value("hold.duration"), back, activities=("keep_blue_environment_ready",),
        derived=(Derived("duration", "blue_green.keep_duration"),), source="R12",
    )  # fmt: skip
    drain, start = n.value("blue_green.drain_duration"), n.value("blue_green.start_deadline")
    yield _drain(drain, drain + start, full, "the old environment", "blue_green.drain_duration", "R12")
    yield _retire(start, full, "blue_green.start_deadline", "R12", ("schedule_blue_environment_cleanup",))


@dataclass(frozen=True)
class Batches:
    """How a rolling rollout walks: `size` instances at a time, `surge` of them beside the old ones (C7)."""

    size: int
    surge: bool
    count: int


def batches_of(n: Numbers, full: int) -> Batches:
    """The batch shrinks to what the fleet can spare; a fleet that can spare none takes one more instance (C7)."""
    wanted = max(1, portion_of(n.text("rolling.batch"), full))
    spare = min(portion_of(n.text("rolling.max_unavailable"), full), full - 1)
    size = min(wanted, spare, full) if spare > 0 else 1
    return Batches(size, spare <= 0, -(-full // size))


def _rolling(n: Numbers, full: int) -> Iterator[Step]:
    batches = batches_of(n, full)
    nothing = "nothing to undo"
    yield _check(
        n, "check-package", "the package is complete and its signature right", "validate_deployment_package",
        "rolling", 0, 0, nothing, "R14",
    )  # fmt: skip
    healthy = f"{full if batches.surge else full - batches.size} of {full} instances stay healthy throughout"
    yield _check(n, ids.CHECK_MINIMUM, healthy, "ensure_minimum_healthy_instances", "rolling", 0, 0, nothing, "R14")
    prepared = "the old version's artifacts are at hand"
    yield _check(n, ids.CHECK_WAY_BACK, prepared, "prepare_rollback_artifacts", "rolling", 0, 0, nothing, "R14")
    drain, health, wait = (n.value(f"rolling.{name}") for name in ("drain_duration", "health_timeout", "wait"))
    for number in range(1, batches.count + 1):
        new = min(full, number * batches.size)
        last = batches.count == number
        verb = "start beside the old, check, take over" if batches.surge else "drain, replace, check, restore"
        yield Step(
            f"batch-{number}", StepKind.BATCH,
            f"batch {number} of {batches.count}: {verb}, stabilise {format_duration(wait)}",
            share_of(new, full - new), new, wait, drain + health + wait,
            "walk this batch back to the old version, then the ones before it",
            needs=(healthy, *(() if number == 1 else (f"batch {number - 1} is healthy and stable",))),
            judged=_WATCHED,
            beside=batches.surge,
            activities=(
                "select_next_batch_of_instances", "drain_traffic_from_selected_instances",
                "deploy_new_version_to_batch", "run_health_checks_on_batch", "restore_traffic_to_healthy_instances",
                "wait_for_batch_stabilization", *(() if last else ("repeat_until_all_instances_updated",)),
            ),
            derived=(Derived("instances", "rolling.batch"), Derived("duration", "rolling.wait"),
                     Derived("deadline", "rolling.health_timeout")),
            source="R14",
        )  # fmt: skip
    back = "walk every batch back to the old version"
    for identity, title, activity in (
        (ids.CHECK_INSTANCES, f"all {full} instances are new and healthy", "verify_all_instances_healthy"),
        ("check-functions", "critical functions work", "validate_application_functionality"),
    ):
        yield _check(n, identity, title, activity, "rolling", WHOLE, full, back, "R14")
    yield _watch(
        n, StepKind.BAKE, "rolling.bake_duration", "100%", WHOLE, full, back, _WATCHED, "R14",
        activities=("monitor_overall_system_health",),
    )  # fmt: skip


def _big_bang(n: Numbers, full: int) -> Iterator[Step]:
    nothing, restore = "nothing to undo", "restore the backup and the old version, then open"
    for identity, title, activity in (
        (ids.CHECK_WINDOW, "inside the agreed maintenance window", "maintenance_window_scheduled"),
        (ids.CHECK_BACKUP, "a backup taken now restores elsewhere, and its time is measured", "backup_procedures"),
        (ids.CHECK_WAY_BACK, "the old version's artifacts are at hand", "prepare_rollback_artifacts"),
    ):
        yield _check(n, identity, title, activity, "big_bang", 0, 0, nothing, "R15")
    closing = ("every check passed",)
    yield Step(
        ids.CLOSE, StepKind.MAINTENANCE, "every user sees the maintenance page", 0, 0, 0,
        n.value("big_bang.check_deadline"), "open again with the old version", needs=closing, downtime=True,
        activities=("maintenance_page_on",), derived=(Derived("deadline", "big_bang.check_deadline"),), source="R15",
    )  # fmt: skip
    yield Step(
        ids.REPLACE, StepKind.REPLACE, f"all {full} instances are replaced at once", 0, full, 0,
        n.value("big_bang.replace_deadline"), restore, needs=("no user request reaches the service",), downtime=True,
        activities=("big-bang_deployment",), derived=(Derived("deadline", "big_bang.replace_deadline"),), source="R15",
    )  # fmt: skip
    title, activity = "every instance is healthy, critical functions work", "validate_application_functionality"
    yield _check(n, ids.VERIFY, title, activity, "big_bang", 0, full, restore, "R15", downtime=True)
    lossy = "close again, restore, open; what users wrote since is lost unless it is migrated back"
    yield Step(
        ids.OPEN, StepKind.MAINTENANCE, "the maintenance page goes, everyone has the new version", WHOLE, full, 0,
        n.value("big_bang.check_deadline"), lossy, needs=("verified behind the page",),
        activities=("maintenance_page_off",), derived=(Derived("deadline", "big_bang.check_deadline"),), source="R15",
    )  # fmt: skip
    yield _watch(n, StepKind.BAKE, "big_bang.bake_duration", "100%", WHOLE, full, lossy, _WATCHED, "C22")


def _feature_toggle(n: Numbers, full: int) -> Iterator[Step]:
    off, deadline = "the flag off for everyone", n.value("toggle.flag_deadline")
    yield Step(
        ids.DEPLOY_DARK, StepKind.SCALE, "the code runs everywhere, its flag off", 0, full, 0,
        n.value("toggle.start_deadline"), "the version before", needs=("the flag exists and is off",),
        judged=_WATCHED, activities=("feature-toggle_deployment",),
        derived=(Derived("deadline", "toggle.start_deadline"),), source="R16",
    )  # fmt: skip
    yield _check_kill(deadline, full)
    for audience, activity in (("internal users", "internal_testing"), ("beta users", "beta_testing")):
        name = audience.split()[0]
        yield Step(
            f"flag-{name}", StepKind.FLAG_RAMP, f"the flag on for {audience}, read back from the flag service",
            0, full, 0, deadline, off, audience=audience, activities=(activity,),
            derived=(Derived("deadline", "toggle.flag_deadline"),), source="R16",
        )  # fmt: skip
        yield _watch(
            n, StepKind.ANALYSE, "toggle.stage_duration", name, 0, full, off, _TOGGLE_WATCHED, "R16", audience=audience
        )
    for weight in n.weights("toggle.percentages"):
        share, everyone = format_share(weight / WHOLE), weight == WHOLE
        yield Step(
            f"flag-{share}", StepKind.FLAG_RAMP, f"the flag on for {share} of users, read back from the flag service",
            weight, full, 0, deadline, off, needs=("flag-on is not worse than flag-off",),
            activities=("full_release" if everyone else "gradual_rollout",),
            derived=(Derived("weight", "toggle.percentages"), Derived("deadline", "toggle.flag_deadline")),
            source="R16",
        )  # fmt: skip
        kind, path = _watch_kind(everyone), "toggle.bake_duration" if everyone else "toggle.stage_duration"
        yield _watch(n, kind, path, share, weight, full, off, _TOGGLE_WATCHED, "C22" if everyone else "R16")


def _check_kill(deadline: int | float, full: int) -> Step:
    return Step(
        ids.CHECK_KILL_SWITCH, StepKind.CHECK, "the kill switch turns the flag off, tried with a test user", 0, full,
        0, deadline, "nothing to undo", activities=("kill_switches",),
        derived=(Derived("deadline", "toggle.flag_deadline"),), source="R16",
    )  # fmt: skip


_STEPS: Mapping[DeploymentStrategy, Callable[[Numbers, int], Iterator[Step]]] = {
    DeploymentStrategy.BLUE_GREEN: _blue_green,
    DeploymentStrategy.CANARY: _canary,
    DeploymentStrategy.ROLLING: _rolling,
    DeploymentStrategy.BIG_BANG: _big_bang,
    DeploymentStrategy.FEATURE_TOGGLE: _feature_toggle,
}


def _watch_kind(everyone: bool) -> StepKind:
    return StepKind.BAKE if everyone else StepKind.ANALYSE


def _good_enough(n: Numbers, *, first: bool, ramp: bool = False) -> tuple[str, ...]:
    """What it takes to go to the next weight. ramp: from a short step of a ramp, which is too short for more."""
    if first:
        return ()
    if ramp:
        return ("no sign of harm: evidence below 20 to 1",)
    error, p95 = n.shown("advance.error_rate"), n.shown("advance.p95")
    return (f"errors below {error} and p95 below {p95}, or not worse than stable", "no critical alert")


def _gate(n: Numbers, identity: str, title: str, weight: int, instances: int, family: str) -> Step:
    path = f"{family}.approval_deadline"
    return Step(
        identity, StepKind.GATE, title, weight, instances, 0, n.value(path), "nothing to undo",
        needs=("an approver who is not the author",), activities=("business_stakeholder_approval",),
        derived=(Derived("deadline", path),), source="R13, C18",
    )  # fmt: skip


def _check(
    n: Numbers, identity: str, title: str, activity: str, family: str, weight: int, instances: int, undo: str,
    source: str, *, downtime: bool = False,
) -> Step:  # fmt: skip
    path = f"{family}.check_deadline"
    return Step(
        identity, StepKind.CHECK, title, weight, instances, 0, n.value(path), undo, activities=(activity,),
        downtime=downtime, derived=(Derived("deadline", path),), source=source,
    )  # fmt: skip


def _watch(
    n: Numbers, kind: StepKind, path: str, name: str, weight: int, instances: int, undo: str,
    judged: tuple[str, ...], source: str, *, audience: str = "", activities: tuple[str, ...] = (),
    seconds: int | float | None = None,
) -> Step:  # fmt: skip
    """seconds: how long, where it is worked out from the setting at `path` and is not its value."""
    seconds = n.value(path) if seconds is None else seconds
    return Step(
        f"{kind}-{name}", kind, f"watch {audience or name} for {format_duration(seconds)}", weight, instances, seconds,
        seconds + n.value("hold.duration"), undo, judged=judged, audience=audience, activities=activities,
        derived=(Derived("duration", path), Derived("deadline", "hold.duration")), source=source,
    )  # fmt: skip


def _drain(duration: int | float, deadline: int | float, full: int, old: str, path: str, source: str) -> Step:
    title = f"{old} gets no new requests and finishes its old ones"
    return Step(
        "drain", StepKind.DRAIN, title, WHOLE, full, duration, deadline, "all requests to stable",
        derived=(Derived("duration", path),), source=source,
    )  # fmt: skip


def _retire(deadline: int | float, full: int, path: str, source: str, activities: tuple[str, ...] = ()) -> Step:
    undo = "start the old version again, then all requests to it"
    return Step(
        "retire", StepKind.RETIRE, "the old version stops", WHOLE, full, 0, deadline, undo, activities=activities,
        derived=(Derived("deadline", path),), source=source,
    )  # fmt: skip


def rollback_of(strategy: DeploymentStrategy, n: Numbers, full: int) -> Rollback:
    """How this strategy is undone, what starts it, and what is done after it (R12–R16, R18, R21)."""
    moves, source = _MOVES[strategy]
    deadline = n.value("rollback.deadline")
    if strategy is DeploymentStrategy.ROLLING:
        batches = batches_of(n, full)
        deadline = max(
            deadline, batches.count * (n.value("rolling.drain_duration") + n.value("rolling.health_timeout"))
        )
    shown = [move.replace("{drain}", n.shown("canary.drain_duration")) if "{drain}" in move else move for move in moves]
    return Rollback(tuple(shown), tuple(_triggers(strategy, n)), deadline, _AFTER, source)


_MOVES: Mapping[DeploymentStrategy, tuple[tuple[str, ...], str]] = {
    DeploymentStrategy.BLUE_GREEN: (
        (
            "all requests back to the old environment, read back from the router",
            "the old environment is validated",
            "people are told",
            "the failed environment stays as it is, for study",
            "a hotfix is prepared",
        ),
        "R12",
    ),
    DeploymentStrategy.CANARY: (
        (
            "all requests to stable, read back from the router",
            "the canary finishes its old requests ({drain})",
            "the canary stops",
        ),
        "R13",
    ),
    DeploymentStrategy.ROLLING: (
        (
            "no further batch begins",
            "the updated instances walk back, batch by batch: drain, old version, health check, traffic",
            "all instances are verified old and healthy",
        ),
        "R14",
    ),
    DeploymentStrategy.BIG_BANG: (
        (
            "the maintenance page is on",
            "the backup is restored and the old version started",
            "the restored state is verified",
            "the service opens",
        ),
        "R15",
    ),
    DeploymentStrategy.FEATURE_TOGGLE: (
        ("the flag is off for everyone, read back from the flag service", "the code stays, dark"),
        "R16",
    ),
}

_AFTER = (
    "at once: an incident is raised and everyone told of the release is told of its end",
    "at once: the state that serves is validated; a failed validation escalates and says what is left (C15)",
    "within 24 hours: the incident is documented with its duration and the numbers that led to it",
    "within 5 working days: a blameless review",
    "before the next release: the review's actions are in its plan",
)


_ALONE = (DeploymentStrategy.BLUE_GREEN, DeploymentStrategy.BIG_BANG)
"""Strategies in which no stable version serves users beside the new one: what is left to compare with is the past."""

_ASKED = "a person is asked, nothing is undone by itself"


def _triggers(strategy: DeploymentStrategy, n: Numbers) -> Iterator[str]:
    old = "flag-off" if strategy is DeploymentStrategy.FEATURE_TOGGLE else "stable"
    new = {DeploymentStrategy.CANARY: "the canary", DeploymentStrategy.BLUE_GREEN: "the new environment"}
    harm, past = _on_harm(strategy, n), " in the past" if strategy in _ALONE else ""
    yield f"error rate above {n.shown('limits.error_rate')}, {old}'s not as high: at once (R18, C1)"
    yield f"an instance of {new.get(strategy, 'the new version')} dies: at once"
    yield f"errors more than {n.shown('judge.tolerated_ratio')} {old}'s{past}: {harm} (R18, C1)"
    yield f"95th percentile above {n.shown('limits.latency_factor')} {old}'s{past}: {harm} (R18, C1)"
    yield f"memory above {n.shown('limits.memory_factor')} a {old} instance's{past}: {harm} (R19, C1)"
    if strategy is DeploymentStrategy.BLUE_GREEN:
        yield "a critical function fails: at once (R12)"
        yield "users report harm and a person confirms it: at once (R12)"
    if strategy not in _ALONE and not (strategy is DeploymentStrategy.CANARY and held_back(n)):
        yield f"at full exposure, worse than {old} in the past, with nothing beside to compare with: {_ASKED}"
    yield from _without_answer(strategy, n)


def _on_harm(strategy: DeploymentStrategy, n: Numbers) -> str:
    """What harm that is sure and below the critical limit brings: users first, in every tolerance (C1)."""
    auto, answer = n.value("limits.rollback_auto"), n.shown("hold.answer_deadline")
    if strategy in _ALONE:
        return _ASKED
    if strategy is DeploymentStrategy.ROLLING:
        first, then = "no further batch begins", "the updated instances walk back at once"
    else:
        first, then = "users return at once", "and it is rolled back"
    return f"{first}, {then}" if auto else f"{first}, then a person decides within {answer}, or it is rolled back"


def _without_answer(strategy: DeploymentStrategy, n: Numbers) -> Iterator[str]:
    full = "a pause, or completed unwatched, never a rollback"
    waited = f"no data or no clear answer for {n.shown('hold.duration')}"
    if strategy in _ALONE:
        yield f"{waited}: {full} (rule 5)"
    else:
        yield f"{waited}: {n.shown('hold.then')}; at full exposure: {full} (rule 5)"
