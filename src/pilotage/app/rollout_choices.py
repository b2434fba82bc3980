"""What a person may do with a rollout in its present state, each with what will happen.

Only what the engine would carry out is offered (`rollout/commands.py`), so that no page has a dead button.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from pilotage.app.approvers import in_vain
from pilotage.app.commands import permission_for
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.model.plan import Plan, Step, StepKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.record import Rollout
from pilotage.model.rollout import CommandKind, HoldCause, Mode, RolloutState, Status
from pilotage.model.traffic import WHOLE
from pilotage.rollout.watching import JUDGED


class Deed(StrEnum):
    """The words are part of addresses."""

    APPROVE = "approve"
    REJECT = "reject"
    RESUME = "resume"
    PROMOTE = "promote"
    RETRY = "retry"
    PAUSE = "pause"
    ABORT = "abort"
    ROLL_BACK = "roll-back"
    """Of a finished rollout: an earlier version is rolled out again."""
    WITHDRAW = "withdraw"
    """Of one that waits its turn."""

    @property
    def command(self) -> CommandKind | None:
        """None for what is no command to a rollout under way."""
        return None if self in (Deed.ROLL_BACK, Deed.WITHDRAW) else CommandKind(self.value)

    @property
    def permission(self) -> Permission:
        if self.command is not None:
            return permission_for(self.command)
        return Permission.ROLL_BACK if self is Deed.ROLL_BACK else Permission.COMMAND


@dataclass(frozen=True, kw_only=True)
class Choice:
    """label: its effect in a few words · short: the same for a narrow screen · effects: what will happen, a sentence
    each · danger: takes something back · asked: answers what the rollout waits for · may_skip: all analysis that is
    left can be left out, too."""

    deed: Deed
    label: str
    short: str
    effects: tuple[str, ...]
    danger: bool = False
    asked: bool = False
    may_skip: bool = False


def choices(rollout: Rollout, *, newest: bool) -> tuple[Choice, ...]:
    """The answer that the rollout waits for comes first, the way back last. newest: whether it started last in its
    environment; of an older one nothing is left to do."""
    status = rollout.state.status
    if status is Status.QUEUED:
        return (_withdraw(rollout),)
    if status.final:
        return tuple(_afterwards(rollout)) if newest else ()
    if status is Status.ROLLING_BACK:
        return ()
    return tuple(_under_way(rollout))


def _under_way(rollout: Rollout) -> Iterator[Choice]:
    state, plan = rollout.state, rollout.plan
    step, cause = plan.steps[state.step], state.hold.cause if state.hold else None
    match state.status:
        case Status.WITHDRAWN:
            yield from _of_withdrawn(rollout)
        case Status.PAUSED:
            asked = cause is not None
            yield _resume(rollout, step, asked=True)
            yield from _promotion(rollout, step, asked=asked)
        case Status.HOLDING if cause is HoldCause.APPROVAL or (step.kind is StepKind.GATE and state.mode is Mode.FULL):
            yield from _approval(rollout)
            yield _pause(plan, step)
        case Status.HOLDING if cause in (HoldCause.ALERT, HoldCause.COMPLAINTS):
            yield _resume(rollout, step, asked=True)
            yield _pause(plan, step)
        case _:
            yield from _promotion(rollout, step, asked=cause is HoldCause.DEGRADED)
            yield _pause(plan, step)
    yield _abort(rollout)


def _approval(rollout: Rollout) -> Iterator[Choice]:
    given, wanted = len(rollout.state.approvals), int(rollout.plan.number("approval.count"))
    following = _following(rollout.plan, rollout.state)
    then = f"Then: {following.title}." if following else "Then the rollout continues."
    counted = f"Your approval is recorded: {min(given + 1, wanted)} of {wanted}."
    yield Choice(
        deed=Deed.APPROVE, label=f"Approve {rollout.version} for {rollout.environment}", short="Approve", asked=True,
        effects=(counted, then if given + 1 >= wanted else f"{wanted - given - 1} more needed."),
    )  # fmt: skip
    yield Choice(
        deed=Deed.REJECT, label=f"Reject {rollout.version}", short="Reject", asked=True, danger=True,
        effects=("The rollout ends here.", *_way_back(rollout)),
    )  # fmt: skip


def _of_withdrawn(rollout: Rollout) -> Iterator[Choice]:
    share = _share(rollout.plan.steps[rollout.state.step])
    yield Choice(
        deed=Deed.RETRY, label=f"Try {rollout.version} again", short="Try again", asked=True,
        effects=(
            f"{share} of traffic goes to {rollout.version} again.",
            "Earlier evidence no longer counts: the analysis starts from zero.",
        ),
    )  # fmt: skip
    yield Choice(
        deed=Deed.PROMOTE, label=f"Accept the harm and continue with {rollout.version}", short="Accept and continue",
        asked=True, may_skip=True,
        effects=(
            f"{share} of traffic goes to {rollout.version} again.",
            f"What failed counts as accepted: {', '.join(rollout.state.harmed) or rollout.state.reason}.",
        ),
    )  # fmt: skip


def _resume(rollout: Rollout, step: Step, *, asked: bool) -> Choice:
    why = rollout.state.hold.sentence if rollout.state.hold else rollout.state.reason
    accepted = (f"What it waited for counts as accepted: {why}.",) if rollout.state.hold else ()
    return Choice(
        deed=Deed.RESUME, label=f"Continue at {_share(step)}", short="Continue", asked=asked,
        effects=(f"The rollout continues with this step: {step.title}.", *accepted),
    )  # fmt: skip


def _promotion(rollout: Rollout, step: Step, *, asked: bool) -> Iterator[Choice]:
    if step.kind not in JUDGED or rollout.state.mode in (Mode.INITIAL, Mode.FAST_RETURN):
        return
    following = _following(rollout.plan, rollout.state)
    more = following is not None and following.weight > step.weight
    label = f"Go to {_share(following)} now" if more and following else "Go to the next step now"
    yield Choice(
        deed=Deed.PROMOTE, label=label, short=label.removeprefix("Go to ").capitalize(), asked=asked, may_skip=True,
        effects=(
            "The rest of this step's analysis is skipped; what looks bad now counts as accepted.",
            f"Next: {following.title}." if following else "It is the last step.",
        ),
    )  # fmt: skip


def _pause(plan: Plan, step: Step) -> Choice:
    limit = format_duration(plan.number("pause.timeout"))
    return Choice(
        deed=Deed.PAUSE, label="Pause", short="Pause",
        effects=(
            f"Traffic stays at {_share(step)}. Limits stay active: harm still returns users to stable.",
            f"Without an answer within {limit}, the rollout rolls back.",
        ),
    )  # fmt: skip


def _abort(rollout: Rollout) -> Choice:
    if rollout.old is None:
        return Choice(
            deed=Deed.ABORT, label=f"Stop the first deployment of {rollout.version}", short="Stop it", danger=True,
            effects=("There is no earlier version: afterwards nothing serves.", *_way_back(rollout)),
        )  # fmt: skip
    if not rollout.state.reached:
        stays = f"No user has met {rollout.version}: everybody stays on {rollout.old}."
        return Choice(
            deed=Deed.ABORT, label=f"Stop {rollout.version} before it has users", short="Stop it", danger=True,
            effects=(stays, *_way_back(rollout)),
        )  # fmt: skip
    label = f"Return all traffic to {rollout.old}"
    return Choice(
        deed=Deed.ABORT, label=label, short=f"Back to {rollout.old}", danger=True, effects=_way_back(rollout)
    )  # fmt: skip


def _way_back(rollout: Rollout) -> tuple[str, ...]:
    within = format_duration(rollout.plan.rollback.timeout)
    moves = tuple(f"{move[:1].upper()}{move[1:].rstrip('.')}." for move in rollout.plan.rollback.steps)
    return (*moves, f"This takes at most {within}; after that, Pilotage pages an operator.")


def _afterwards(rollout: Rollout) -> Iterator[Choice]:
    if rollout.state.status is Status.COMPLETED and rollout.old is not None:
        yield Choice(
            deed=Deed.ROLL_BACK, label=f"Roll back to {rollout.old}", short=f"Back to {rollout.old}", danger=True,
            effects=(
                f"A rollout of {rollout.old} starts in {rollout.environment}.",
                "Soon after the release it returns traffic without analysis; later it is released like any version.",
            ),
        )  # fmt: skip


def _withdraw(rollout: Rollout) -> Choice:
    return Choice(
        deed=Deed.WITHDRAW, label=f"Take {rollout.version} out of the queue", short="Take it out", danger=True,
        effects=(f"{rollout.version} does not start. No user has met it.",),
    )  # fmt: skip


def _following(plan: Plan, state: RolloutState) -> Step | None:
    """The next step that people notice."""
    notable = (step for step in plan.steps[state.step + 1 :] if step.kind is not StepKind.SCALE)
    return next(notable, None)


def _share(step: Step) -> str:
    return step.audience or format_share(step.weight / WHOLE)


def why_not(project: Project, rollout: Rollout, choice: Choice) -> str:
    """Why this person's answer would not count although their role would do; empty where it would (C18)."""
    return in_vain(project, rollout, project.actor) if choice.deed is Deed.APPROVE else ""
