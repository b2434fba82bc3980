"""Canary (R13): for each weight approve, start, shift and watch; at the end drain and retire."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.model.plan import Derived, Step, StepKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.traffic import WHOLE, instances_for, percent
from pilotage.plan.exposure import TOP, ramp_from
from pilotage.plan.rollback import Undoing
from pilotage.plan.steps import (
    WATCHED,
    Numbers,
    ending,
    function_checks,
    gate_step,
    production_gate,
    schema_check,
    watch_step,
)

BACK = "send all requests to stable"


def steps(n: Numbers, full: int, checks: frozenset[str] = frozenset()) -> Iterator[Step]:
    """Up to the last weight that is watched: everyone, or all but `canary.holdback`, who follow after the bake."""
    yield from schema_check(n, checks, "canary", "R13")
    yield from production_gate(n)
    weights, before = n.weights("canary.weights"), 0
    for number, weight in enumerate((*weights[:-1], WHOLE - held_back(n)), 1):
        yield from _raised(n, before, weight, full, number, checks)
        yield _watched_at(n, weight, full, baking=number == len(weights))
        before = weight
    if before < WHOLE:
        yield from _raised(n, before, WHOLE, full, len(weights) + 1)
    yield from ending(n, full, "stable", "canary", "R13")


def held_back(n: Numbers) -> int:
    """Per mille of requests that stay on stable through the canary's bake."""
    return round(WHOLE * n.value("canary.holdback"))


def _raised(
    n: Numbers, before: int, weight: int, full: int, number: int, checks: frozenset[str] = frozenset()
) -> Iterator[Step]:
    """From one weight to the next: approval, instances, the weight itself. `number`: of the weight, from 1."""
    share, count, ramping = format_share(weight / WHOLE), instances_for(weight, full), _ramps(n, weight)
    several, enough = "s" if count > 1 else "", good_enough(n, first=number == 1, ramp=_ramps(n, before))
    asked = number == 1 and n.value("approval.required")
    if n.value("canary.require_approval") and not asked and (number == 1 or not ramping):
        title = f"approval to send {share} and to double it up to {format_share(TOP / WHOLE)}"
        title = title if ramping else f"approval to send {share}"
        yield gate_step(n, f"approve-{share}", title, before, instances_for(before, full))
    yield Step(
        f"scale-{share}", StepKind.SCALE, f"run {count} instance{several} of the new version",
        percent(before), count, 0, n.value("canary.health_check_timeout"), "stop the canary",
        needs=("the version can be started",),
        derived=(Derived("timeout", "canary.health_check_timeout"),), source="R13",
    )  # fmt: skip
    if number == 1:
        yield from function_checks(n, checks, "the canary", "canary", count, "stop the canary", "R13")
        yield from mirror(n, count)
    path = "canary.weights" if weight in n.weights("canary.weights") else "canary.holdback"
    yield Step(
        f"weight-{share}", StepKind.SET_WEIGHT, f"send {share} of requests to the canary",
        percent(weight), count, 0, n.value("canary.switch_timeout"), BACK,
        needs=(f"{count} healthy canary instance{several}", *enough),
        activities=(f"phase_{number}",),
        derived=(Derived("weight_percent", path), Derived("timeout", "canary.switch_timeout")), source="R13",
    )  # fmt: skip


def good_enough(n: Numbers, *, first: bool, ramp: bool = False) -> tuple[str, ...]:
    """What it takes to go to the next weight. ramp: from a short step of a ramp, which is too short for more."""
    if first:
        return ()
    if ramp:
        return ("evidence of harm below 20 to 1",)
    error, p95 = n.shown("success_criteria.error_rate"), n.shown("success_criteria.response_time_p95")
    return (f"errors below {error} and p95 below {p95}, or not worse than stable",)


def _watched_at(n: Numbers, weight: int, full: int, *, baking: bool) -> Step:
    kind, path, seconds = StepKind.ANALYSE, "canary.phase_duration", n.value("canary.phase_duration")
    if baking:
        kind, path, seconds = StepKind.BAKE, "canary.bake_duration", n.value("canary.bake_duration")
    elif n.value("canary.ramp"):
        ramp = ramp_from(n.weights("canary.weights")[0], seconds, n.value("rollout.interval"))
        path, seconds = ("canary.ramp", ramp.every) if _ramps(n, weight) else (path, ramp.hold)
    return watch_step(
        n, kind, path, format_share(weight / WHOLE), weight, instances_for(weight, full), BACK, WATCHED,
        "C22" if baking else "R13", seconds=seconds,
    )  # fmt: skip


def _ramps(n: Numbers, weight: int) -> bool:
    """Whether the weight is one of a ramp's short steps."""
    return bool(n.value("canary.ramp")) and 0 < weight < TOP


def mirror(n: Numbers, count: int) -> Iterator[Step]:
    """Copies of real requests before any user has the new version; its responses are discarded."""
    if not n.value("canary.mirror_weight"):
        return
    share, seconds = n.shown("canary.mirror_weight"), n.value("canary.mirror_duration")
    yield Step(
        "mirror", StepKind.ANALYSE, f"mirror {share} of requests to the canary for {format_duration(seconds)}",
        0, count, seconds, seconds + n.value("hold.timeout"), "stop mirroring", judged=WATCHED,
        mirror_percent=percent(round(WHOLE * n.value("canary.mirror_weight"))),
        derived=(Derived("mirror_percent", "canary.mirror_weight"), Derived("duration", "canary.mirror_duration")),
        source="R13",
    )  # fmt: skip


def undoing(n: Numbers, _full: int) -> Undoing:
    return Undoing(
        steps=(
            BACK,
            f"let the canary finish its open requests ({n.shown('canary.drain_duration')})",
            "stop the canary",
        ),
        source="R13",
        new="the canary",
        to_the_end=held_back(n) > 0,
    )
