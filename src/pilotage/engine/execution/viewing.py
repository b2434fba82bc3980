"""What a look saw, for people: `status`, `watch` and the pages show it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pilotage.engine.execution.judging import Judging
from pilotage.judge.experiment import result_of
from pilotage.model.action import Apply
from pilotage.model.live import JudgeState, LiveView, SeenCheck, SeenExperiment, SeenFlag, SeenInstance, SeenVerdict
from pilotage.model.observation import Verdict
from pilotage.model.plan import Plan, StepKind
from pilotage.model.rollout import Decision, Observed
from pilotage.model.step_title import title_of


def view_of(
    plan: Plan, decision: Decision, seen: Observed, verdicts: Sequence[Verdict], judging: Judging,
    judge: JudgeState | None,
) -> LiveView:  # fmt: skip
    """verdicts: the judge's last ones; a rollback asks no judge, but people still want to know why · judge: as it is
    saved."""
    state, recent = decision.state, judging.recent
    step = plan.steps[state.step]
    exposed = sum(recent.values())
    wanted = next((a.split for a in decision.actions if isinstance(a, Apply)), seen.split)
    return LiveView(
        at=state.at,
        step=step.id,
        title=title_of(step, state.new, state.mode),
        watched=state.watched if step.kind in (StepKind.ANALYSE, StepKind.BAKE) else state.waited,
        duration=step.duration,
        wanted=wanted.weight(state.new) if wanted else None,
        routed=seen.split.weight(state.new) if seen.split else None,
        closed=bool(seen.split and seen.split.closed),
        flag=SeenFlag(groups=seen.flag.groups, share=seen.flag.share) if seen.flag else None,
        observed=round(1000 * recent.get(state.new, 0) / exposed) if exposed else None,
        requests=dict(judging.totals),
        verdicts=tuple(_seen_verdict(v) for v in verdicts),
        forecast=judging.forecast,
        health=judging.health(tuple(verdicts)),
        checks=tuple(SeenCheck(name=c.name, status=c.status.value, detail=c.detail) for c in seen.checks),
        instances=tuple(
            SeenInstance(id=i.id, version=i.version, health=i.health.value, port=i.port) for i in seen.instances or ()
        ),
        trouble=seen.trouble,
        experiment=_experiment(plan, judge) if judge is not None and judging.of_experiment else None,
    )


def _experiment(plan: Plan, judge: JudgeState) -> SeenExperiment | None:
    """None before there are two variants, and for sums of another version of Pilotage."""
    if judge.subject != "flag":
        return None
    try:
        return result_of(judge.sums, float(plan.number("analysis.max_ratio")))
    except (ValueError, LookupError, TypeError):
        return None


def _seen_verdict(verdict: Verdict) -> SeenVerdict:
    low, high = verdict.interval or (None, None)
    return SeenVerdict(
        metric=verdict.metric,
        kind=verdict.kind.value,
        sentence=verdict.sentence,
        canary=verdict.canary,
        stable=verdict.stable,
        samples=verdict.samples,
        detail=verdict.detail,
        past=verdict.past,
        ratio=verdict.ratio,
        unit=verdict.unit,
        interval=(_bounded(low), _bounded(high)) if verdict.interval else None,
    )


def _bounded(end: float | None) -> float | None:
    """JSON knows no infinity: None is an open end."""
    return end if end is not None and math.isfinite(end) else None
