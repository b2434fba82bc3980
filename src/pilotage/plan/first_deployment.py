"""The plan of a first deployment: no version serves users yet, so there is nothing to compare with, to replace or to
return to.

Only these steps are in the plan, as a rollout without an earlier version takes them: nobody approves, nothing is
watched or drained, and all users get the version at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.plan import Rollback, Step, StepKind
from pilotage.model.status import Mode
from pilotage.model.step_ids import PREPARE
from pilotage.model.step_title import happens, title_of
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted
from pilotage.plan.rollback import Undoing
from pilotage.plan.steps import Numbers

NO_WAY_BACK = "the rollout fails: there is no earlier version"

_BEGINS: Mapping[DeploymentStrategy, StepKind] = {
    DeploymentStrategy.CANARY: StepKind.SCALE,
    DeploymentStrategy.ROLLING: StepKind.BATCH,
    DeploymentStrategy.BIG_BANG: StepKind.REPLACE,
}
"""What all that is before the last step of this kind is for: users of an earlier version."""

_OF_REPLACING = (
    "select_next_batch_of_instances", "drain_traffic_from_selected_instances", "wait_for_batch_stabilization",
    "repeat_until_all_instances_updated",
)  # fmt: skip
"""Activities that need an earlier version."""


def steps_of_first(strategy: DeploymentStrategy, steps: tuple[Step, ...], version: str, full: int) -> tuple[Step, ...]:
    """Of the steps that replace a version, those of a first deployment. full: instances that carry all traffic."""
    kind = _BEGINS.get(strategy)
    begins = max(i for i, step in enumerate(steps) if step.kind is kind) if kind else 0
    left = [step for i, step in enumerate(steps) if i >= begins or step.id == PREPARE]
    last_ramp = next((step for step in reversed(left) if step.kind is StepKind.FLAG_RAMP), None)
    everyone = last_ramp is not None and last_ramp.weight == WHOLE
    return tuple(
        _alone(step, version, full)
        for step in left
        if happens(step, Mode.INITIAL)
        and not (step.kind is StepKind.SET_WEIGHT and step.weight < WHOLE)
        and not (everyone and step.kind is StepKind.FLAG_RAMP and step is not last_ramp)
    )


def _alone(step: Step, version: str, full: int) -> Step:
    """The step where nothing runs beside it: it watches nothing, and cannot be undone unless by a flag."""
    starts = step.kind in (StepKind.SCALE, StepKind.BATCH, StepKind.REPLACE)
    step = replace(step, instances=full if starts else step.instances)
    undo = step.undo if step.kind is StepKind.FLAG_RAMP or step.id == PREPARE else NO_WAY_BACK
    return replace(
        step, title=title_of(step, version, Mode.INITIAL), duration=0, timeout=step.timeout - step.duration, undo=undo,
        weight_percent=0 if step.kind is StepKind.SCALE else step.weight_percent,
        needs=tuple(_needs(step, full)), judged=(), mirror_percent=0,
        activities=tuple(name for name in step.activities if name not in _OF_REPLACING),
        derived=tuple(one for one in step.derived if one.field != "duration"),
    )  # fmt: skip


def _needs(step: Step, full: int) -> Iterator[str]:
    match step.kind:
        case StepKind.SET_WEIGHT:
            yield counted(full, "healthy instance")
        case StepKind.SWITCH:
            yield "every check passed"
        case StepKind.SCALE:
            yield "the version can be started"
        case StepKind.MAINTENANCE:
            yield from step.needs
        case _:
            return


def rollback_of_first(strategy: DeploymentStrategy, undoing: Undoing, n: Numbers) -> Rollback:
    """What ends a first deployment. Only a flag can take the release back from users."""
    toggles = strategy is DeploymentStrategy.FEATURE_TOGGLE
    return Rollback(
        steps=undoing.steps if toggles else (),
        triggers=(
            "an instance exits: at once",
            "a check fails: at once",
            "a step does not end within its timeout",
            f"error rate above {n.shown('rollback_triggers.error_rate')}: at once",
        ),
        timeout=n.value("rollback.timeout"),
        next_steps=("at once: find the cause in the rollout's log, and deploy again",),
        source=undoing.source,
    )


def notes_of_first(environment: str, strategy: DeploymentStrategy) -> Iterator[str]:
    yield (
        f"first deployment: by the records here no version serves {environment} yet, so Pilotage compares with "
        f"nothing, asks nobody, and sends all users at once; {strategy} begins with the next version"
    )
