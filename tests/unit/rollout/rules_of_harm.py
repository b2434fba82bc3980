"""What must be so after every look, whatever happened: harm takes the users back, and doubt alone undoes nothing."""

from __future__ import annotations

from pilotage.model.action import Apply, SetFlag
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.flag import OFF
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.plan import Plan, StepKind
from pilotage.model.rollout import CommandKind, Decision, HoldCause, Observed, RolloutState, Status
from pilotage.model.traffic import WHOLE, capacity
from pilotage.rollout.sight import healthy
from pilotage.rollout.strategies.rolling import restored
from pilotage.rollout.turn import FORWARD, UNDER_WAY
from pilotage.rollout.waves import kept

_NO_DATA = (HoldCause.INSUFFICIENT_DATA, HoldCause.SOURCE_ERROR)
_BACK = (Status.WITHDRAWN, Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED)


def check_harm(
    plan: Plan, before: RolloutState, seen: Observed, decision: Decision, asked: tuple[CommandKind, ...]
) -> None:
    _sure_harm_takes_the_users_back(plan, before, seen, decision, asked)
    _doubt_undoes_nothing(plan, before, decision)
    _nobody_waits_for_what_hangs(plan, seen, decision)


def _nobody_waits_for_what_hangs(plan: Plan, seen: Observed, decision: Decision) -> None:
    """While nothing of the new version is healthy and stable is, stable serves."""
    after = decision.state
    if plan.answers.deployment_strategy not in (DeploymentStrategy.CANARY, DeploymentStrategy.BLUE_GREEN):
        return
    known = seen.instances is not None and seen.split is not None and seen.split.weight(after.new)
    if known and after.status in FORWARD and not healthy(seen, after.new) and healthy(seen, after.old):
        split = next((a.split for a in decision.actions if isinstance(a, Apply)), None)
        assert split is not None
        assert split.weight(after.new) == 0, "users wait for a version of which nothing is healthy"


def _is_sure(verdict: Verdict, before: RolloutState, after: RolloutState) -> bool:
    if verdict.kind is not VerdictKind.FAIL or verdict.past or verdict.metric in after.accepted:
        return False
    return verdict.critical or verdict.excuse is None or before.tries > 0


def _sure_harm_takes_the_users_back(
    plan: Plan, before: RolloutState, seen: Observed, decision: Decision, asked: tuple[CommandKind, ...]
) -> None:
    after, strategy = decision.state, plan.answers.deployment_strategy
    anew = CommandKind.RETRY in asked
    if before.status not in UNDER_WAY or anew or not any(_is_sure(v, before, after) for v in seen.verdicts):
        return
    if strategy is DeploymentStrategy.BIG_BANG or (
        after.old is None and strategy is not DeploymentStrategy.FEATURE_TOGGLE
    ):
        return  # nobody else could serve
    if after.old is None and after.step == 0:
        return
    assert after.status in _BACK, f"sure harm left the users where they are: {after}"
    if strategy is DeploymentStrategy.FEATURE_TOGGLE and not after.status.final:
        assert SetFlag(OFF) in decision.actions, "the flag stays on"
    if strategy not in (DeploymentStrategy.CANARY, DeploymentStrategy.BLUE_GREEN):
        return
    split = next((a.split for a in decision.actions if isinstance(a, Apply)), None)
    now = seen.split.weight(after.new) if seen.split else 0
    if split is not None and split.weight(after.new):
        unable = WHOLE - capacity(healthy(seen, after.old), plan.instances)
        cohort = seen.split is not None and seen.split.cohort is not None
        most = max(kept(after), now if cohort else min(now, unable))
        assert split.weight(after.new) <= most, "the users stay although stable could carry them"


def _doubt_undoes_nothing(plan: Plan, before: RolloutState, decision: Decision) -> None:
    """Worse than the past, or nobody to ask after everything passed: a pause or an end, never a way back."""
    causes = [e.data.get("cause") for e in decision.events if e.type == "rollback-started"]
    if causes != ["timeout"] or before.hold is None:
        return
    step = plan.steps[before.step]
    whole = step.kind in (StepKind.BAKE, StepKind.KEEP) or (step.kind is StepKind.BATCH and restored(before))
    assert before.hold.cause is not HoldCause.REGRESSION, "undone for the past alone"
    assert not (whole and before.hold.cause in _NO_DATA), "undone for want of data although everything passed"
