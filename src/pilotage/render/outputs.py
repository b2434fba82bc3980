"""Rollouts, events and observations as the JSON that commands print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pilotage.model.event_names import data_today
from pilotage.model.output.rollouts import (
    CheckOutput,
    EventOutput,
    ExplanationOutput,
    FlagReach,
    InstanceOutput,
    RemedyOutput,
    RolloutOutput,
    TickOutput,
    VerdictOutput,
    WeightPercent,
)
from pilotage.model.timestamp import timestamp
from pilotage.model.traffic import percent

if TYPE_CHECKING:
    from pilotage.model.live import LiveView, SeenVerdict
    from pilotage.model.record import Recorded, RolloutSummary
    from pilotage.report.explanation import Explanation


def event_output(event: Recorded, service: str | None = None) -> EventOutput:
    """An event under today's names, whichever version stored it."""
    return EventOutput(
        rollout=event.rollout,
        number=event.number,
        timestamp=timestamp(event.at),
        type=event.type_today,
        sentence=event.sentence,
        data={name: value for name, value in data_today(event.type, event.data).items() if name != "sealed"},
        previous_hash=event.before,
        hash=event.hash,
        service=service,
    )


def explanation_output(rollout: str, explanation: Explanation) -> ExplanationOutput:
    """Why a rollout is where it is, as text, and what to do about each metric. rollout: its id."""
    found = (
        RemedyOutput(metric=one.metric, changed=one.changed, where_to_look=one.look, commands=one.type)
        for one in explanation.remedies
    )
    return ExplanationOutput(rollout=rollout, explanation=tuple(explanation.lines), remedies=tuple(found))


def rollout_outputs(rollouts: Sequence[RolloutSummary], seen: Mapping[str, LiveView]) -> tuple[RolloutOutput, ...]:
    """Rollouts, each with its last observation by its id."""
    return tuple(_rollout(rollout, seen[rollout.id]) for rollout in rollouts)


def _rollout(rollout: RolloutSummary, live: LiveView) -> RolloutOutput:
    return RolloutOutput(
        id=rollout.id,
        service=rollout.service,
        environment=rollout.environment,
        version=rollout.version,
        stable_version=rollout.old,
        status=rollout.status.value,
        reason=rollout.reason,
        mode=rollout.mode.value,
        strategy=rollout.strategy,
        step=rollout.step,
        weight_percent=_weights(live),
        verdicts=_verdicts(live.verdicts),
        actor=rollout.actor,
        group_id=rollout.group_id,
        sequence=rollout.sequence,
        created_at=timestamp(rollout.created_at),
        started_at=timestamp(rollout.started_at),
        finished_at=timestamp(rollout.finished_at),
        plan_hash=rollout.plan_hash,
    )


def tick_output(status: str, live: LiveView) -> TickOutput:
    """What one pass over a rollout observed."""
    flag = live.flag
    return TickOutput(
        timestamp=timestamp(live.at),
        status=status,
        step=live.step,
        title=live.title,
        analysed_seconds=live.watched,
        duration_seconds=live.duration,
        weight_percent=_weights(live),
        maintenance=live.closed,
        flag=FlagReach(groups=flag.groups, weight_percent=percent(flag.share)) if flag else None,
        requests=live.requests,
        verdicts=_verdicts(live.verdicts),
        forecast=live.forecast,
        health_score=live.health,
        checks=tuple(CheckOutput(name=c.name, status=c.status, detail=c.detail) for c in live.checks),
        instances=tuple(
            InstanceOutput(id=i.id, version=i.version, health=i.health, port=i.port) for i in live.instances
        ),
        error=live.trouble,
    )


def _weights(live: LiveView) -> WeightPercent:
    desired, actual, observed = (
        None if weight is None else percent(weight) for weight in (live.wanted, live.routed, live.observed)
    )
    return WeightPercent(desired=desired, actual=actual, observed=observed)


def _verdicts(verdicts: Iterable[SeenVerdict]) -> tuple[VerdictOutput, ...]:
    return tuple(
        VerdictOutput(
            metric=v.metric,
            verdict=v.kind,
            reason=v.sentence,
            canary=v.canary,
            stable=v.stable,
            samples=v.samples,
            details=v.detail,
            compared_with_past=v.past,
            ratio=v.ratio,
            confidence_interval=v.interval,
            unit=v.unit,
        )
        for v in verdicts
    )
