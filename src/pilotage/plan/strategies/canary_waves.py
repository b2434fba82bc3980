"""A canary whose steps are waves of tenants (R33): for each wave approve, check the instances, send, watch.

The new version runs at full size before the first wave and stable until the end, because nobody knows which load a
tenant brings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pilotage.model.plan import Derived, Step, StepKind
from pilotage.model.traffic import WHOLE, percent
from pilotage.model.wave import WaveUndo
from pilotage.model.wording import counted
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
from pilotage.plan.strategies.canary import BACK, good_enough, mirror
from pilotage.plan.tenant_waves import Group, WantedWaves, groups_of


def wave_steps(n: Numbers, full: int, checks: frozenset[str], wanted: WantedWaves) -> Iterator[Step]:
    yield from schema_check(n, checks, "canary", "R13")
    yield from production_gate(n)
    for number, group in enumerate(groups_of(wanted), 1):
        undo = BACK if number == 1 or wanted.undo is WaveUndo.ALL else f"send {group.audience} back to stable"
        yield from _asked(n, group, full, number)
        yield _full_size(n, group, full, number)
        if number == 1:
            yield from function_checks(n, checks, "the canary", "canary", full, "stop the canary", "R13")
            yield from mirror(n, full)
        yield _sent(n, group, full, number, undo)
        yield _watched(n, group, full, undo)
    yield from ending(n, full, "stable", "canary", "R13")


def of_waves(undoing: Undoing, wanted: WantedWaves) -> Undoing:
    """What is particular to the way back where a wave that fails goes back alone."""
    if wanted.undo is WaveUndo.ALL:
        return undoing
    alone = "a later wave exceeds a limit, also a critical one: its users alone return to stable; an operator decides"
    return replace(
        undoing, first="the users of the wave return to stable at once",
        triggers=(*undoing.triggers, alone),
    )  # fmt: skip


def _asked(n: Numbers, group: Group, full: int, number: int) -> Iterator[Step]:
    own = any(wave.approval for wave in group.waves)
    usual = n.value("canary.require_approval") and not (number == 1 and n.value("approval.required"))
    if own or usual:
        yield gate_step(
            n,
            f"approve-{group.name}",
            f"approval of {group.title}",
            group.before,
            full if number > 1 else 0,
            "R33, C18",
        )


def _full_size(n: Numbers, group: Group, full: int, number: int) -> Step:
    several = counted(full, "instance")
    named = f"{several} of the new version"
    title = f"run {named}" if number == 1 else f"check that {named} {'is' if full == 1 else 'are'} healthy"
    return Step(
        f"scale-{group.name}", StepKind.SCALE, title, percent(group.before), full, 0,
        n.value("canary.health_check_timeout"), "stop the canary", needs=("the version can be started",),
        derived=(Derived("timeout", "canary.health_check_timeout"),), source="R13, R33",
    )  # fmt: skip


def _sent(n: Numbers, group: Group, full: int, number: int, undo: str) -> Step:
    needs = counted(full, "healthy canary instance")
    return Step(
        group.step, StepKind.SET_WEIGHT, f"send {group.title} to the canary", percent(group.weight), full, 0,
        n.value("canary.switch_timeout"), undo, needs=(needs, *good_enough(n, first=number == 1)),
        audience=_audience(group), activities=(f"phase_{number}",),
        derived=(Derived("weight_percent", "canary.weights"), Derived("timeout", "canary.switch_timeout")),
        source="R13, R33",
    )  # fmt: skip


def _watched(n: Numbers, group: Group, full: int, undo: str) -> Step:
    kind = StepKind.BAKE if group.rest else StepKind.ANALYSE
    seconds, path = group.seconds(n)
    step = watch_step(
        n, kind, path or "hold.timeout", group.name, group.weight, full, undo, WATCHED,
        "C22" if group.rest else "R13, R33", audience=_audience(group) or "all users", seconds=seconds,
    )  # fmt: skip
    derived = step.derived if path else (Derived("timeout", "hold.timeout"),)
    return replace(step, audience=_audience(group), derived=derived)


def _audience(group: Group) -> str:
    """Everyone is no group."""
    return "" if group.weight == WHOLE else group.audience
