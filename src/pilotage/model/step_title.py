"""What a step of a running rollout is called."""

from __future__ import annotations

from pilotage.model.plan import Step, StepKind
from pilotage.model.status import Mode


def title_of(step: Step, version: str, mode: Mode) -> str:
    """The title in the plan; of a first deployment, whatever the strategy, that everyone gets the version at once."""
    if mode is not Mode.INITIAL:
        return step.title
    instances = f"{step.instances} instance{'s' * (step.instances != 1)}"
    match step.kind:
        case StepKind.SCALE | StepKind.BATCH | StepKind.REPLACE:
            return f"start {instances} of {version}"
        case StepKind.SET_WEIGHT | StepKind.SWITCH:
            return f"send all requests to {version}"
        case StepKind.ANALYSE | StepKind.BAKE:
            return "no analysis: there is no earlier version to compare with"
        case StepKind.KEEP | StepKind.DRAIN | StepKind.RETIRE:
            return f"{step.kind}: there is no earlier version"
        case _:
            return step.title
