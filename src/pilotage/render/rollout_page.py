"""The page of one rollout, as a file: where it is and why, each verdict with its picture, and all that happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pilotage.model.document import KeyFigure
from pilotage.model.live import LiveView, SeenVerdict
from pilotage.model.plan import Plan
from pilotage.model.quantity import about, format_share
from pilotage.model.record import Rollout
from pilotage.model.traffic import WHOLE
from pilotage.render.html import page
from pilotage.render.judge_chart import verdicts_chart
from pilotage.render.lines import local_moment
from pilotage.render.pills import STATUS, Pill, verdict_pill
from pilotage.render.plan_page import spaced


@dataclass(frozen=True, kw_only=True)
class Split:
    """Per mille of users on the new version: as the router says, and as wanted; None where nobody knows."""

    new: str
    old: str
    routed: int | None
    wanted: int | None

    @property
    def words(self) -> str:
        wanted = f", {format_share(self.wanted / WHOLE)} wanted" if self.wanted is not None else ""
        if self.routed is None:
            return f"Not observed: the router has not said who gets which version{wanted}."
        return f"of users are on {self.new}{wanted}, as the router says"


@dataclass(frozen=True, kw_only=True)
class RolloutHead:
    """split: None of a rollout that is over, and where there is nothing to split."""

    title: str
    pill: Pill
    kind: str
    figures: tuple[KeyFigure, ...] = ()
    split: Split | None = None


def head_of(rollout: Rollout) -> RolloutHead:
    before = f"{rollout.old} → " if rollout.old else ""
    live = rollout.live
    split = Split(new=rollout.version, old=rollout.old or "", routed=live.routed, wanted=live.wanted)
    return RolloutHead(
        title=f"{rollout.service} {before}{rollout.version}",
        pill=STATUS[rollout.status],
        kind=f"{rollout.environment} · {rollout.plan.answers.deployment_strategy} · rollout {rollout.id}",
        figures=tuple(_figures(rollout)),
        split=split if live.at and rollout.old and not rollout.status.final else None,
    )


def _figures(rollout: Rollout) -> Iterator[KeyFigure]:
    began = rollout.started_at
    started = local_moment(began)[:16] if began else "not yet"
    yield KeyFigure("Started", started, f"by {rollout.actor}")
    if rollout.took is not None:
        yield KeyFigure("Took", spaced(about(rollout.took)), f"at least {spaced(about(rollout.plan.watched))} planned")
    steps = len(rollout.plan.steps)
    yield KeyFigure("Step", f"{rollout.state.step + 1} of {steps}", _step(rollout))
    yield KeyFigure("Most users on it", format_share(rollout.state.reached / WHOLE), "at any time")
    if rollout.took is None:
        yield KeyFigure("Last look", *_last_look(rollout.live))


def _step(rollout: Rollout) -> str:
    return rollout.live.title or rollout.plan.steps[rollout.state.step].title


def _last_look(live: LiveView) -> tuple[str, str]:
    return (
        (local_moment(live.at)[11:19], local_moment(live.at)[:10]) if live.at else ("none", "nothing was observed yet")
    )


def rollout_to_html(
    head: RolloutHead,
    plan: Plan,
    sentences: Sequence[str],
    verdicts: Sequence[SeenVerdict],
    events: Sequence[Sequence[str]],
) -> str:
    """sentences: why it is where it is · verdicts: as the last look recorded them · events: time, type and sentence of
    each, in order."""
    tolerated = plan.number("analysis.max_ratio")
    chart = Markup(verdicts_chart(verdicts, tolerated, "Analysis results"))
    narrow = Markup(verdicts_chart(verdicts, tolerated, "Analysis results", narrow=True))
    judged = [(verdict, verdict_pill(verdict.kind)) for verdict in verdicts]
    return page("rollout.html.j2", title=head.title, head=head, plan=plan, sentences=sentences, verdicts=judged,
                 events=events, chart=chart, narrow=narrow)  # fmt: skip
