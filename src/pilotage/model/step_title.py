"""What a step of a running rollout is called."""

from __future__ import annotations

from pilotage.model.plan import Step, StepKind
from pilotage.model.quantity import format_share
from pilotage.model.status import Mode
from pilotage.model.traffic import WHOLE
from pilotage.model.wording import counted


def title_of(step: Step, version: str, mode: Mode) -> str:
    """The title in the plan where the rollout does what the plan says. A first deployment has no version to compare
    with, a return to an earlier version skips approvals and analysis, and an emergency shortens them."""
    match mode:
        case Mode.INITIAL:
            return _initial(step, version)
        case Mode.FAST_RETURN:
            return _returning(step, version)
        case Mode.EMERGENCY if step.kind is StepKind.GATE:
            return f"{step.title}: skipped in an emergency"
        case Mode.EMERGENCY if step.kind in (StepKind.ANALYSE, StepKind.BAKE, StepKind.KEEP):
            return f"{step.title}: shortened or skipped in an emergency"
        case _:
            return step.title


_NOT_FIRST = (
    StepKind.GATE, StepKind.ANALYSE, StepKind.BAKE, StepKind.KEEP, StepKind.DRAIN, StepKind.RETIRE,
)  # fmt: skip
"""What a first deployment leaves out: there is no earlier version."""


def happens(step: Step, mode: Mode) -> bool:
    """Whether this step does anything: a skipped step is passed in the same look, and not reported."""
    return step.kind not in (_NOT_FIRST if mode is Mode.INITIAL else _SKIPPED if mode is Mode.FAST_RETURN else ())


def _initial(step: Step, version: str) -> str:
    match step.kind:
        case StepKind.SCALE | StepKind.BATCH | StepKind.REPLACE:
            return _start(step, version)
        case StepKind.SET_WEIGHT | StepKind.SWITCH:
            return f"send all requests to {version}"
        case StepKind.GATE:
            return "no approval: there is no earlier version"
        case StepKind.ANALYSE | StepKind.BAKE:
            return "no analysis: there is no earlier version to compare with"
        case StepKind.KEEP | StepKind.DRAIN:
            return f"nothing to {step.kind}: there is no earlier version"
        case StepKind.RETIRE:
            return "nothing to stop: there is no earlier version"
        case _:
            return step.title.replace("every preview instance", "every instance").replace("the preview", version)


_SKIPPED = {
    StepKind.GATE: "no approval", StepKind.ANALYSE: "no analysis", StepKind.BAKE: "no analysis",
    StepKind.KEEP: "the old environment is not kept ready",
}  # fmt: skip
"""What a return to an earlier version leaves out."""


def _returning(step: Step, version: str) -> str:
    match step.kind:
        case StepKind.SCALE:
            return _start(step, version)
        case StepKind.SET_WEIGHT | StepKind.SWITCH:
            return f"send {format_share(step.weight / WHOLE)} of requests to {version}"
        case StepKind.BATCH:
            return step.title.partition(", watch")[0]
        case StepKind.DRAIN:
            return step.title.partition(", whose")[0]  # what is returned from is not kept ready
        case kind if kind in _SKIPPED:
            return f"{_SKIPPED[kind]}: {version} was in production before"
        case _:
            return step.title


def _start(step: Step, version: str) -> str:
    return f"start {counted(step.instances, 'instance')} of {version}"
