"""How a rollout went, as the Markdown of a job summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pilotage.model.events import StepStarted
from pilotage.model.quantity import format_duration
from pilotage.model.record import Recorded, RolloutSummary
from pilotage.model.status import Status
from pilotage.render.lines import local_clock
from pilotage.render.markdown import coded, literal
from pilotage.render.request_comment import harmless

_SIGN = {
    Status.COMPLETED: "✅", Status.ROLLED_BACK: "↩️", Status.CANCELLED: "↩️", Status.FAILED: "❌",
}  # fmt: skip
_MOST_EVENTS = 150


def rollout_summary(rollout: RolloutSummary, why: Sequence[str], events: Sequence[Recorded]) -> str:
    """why: its state in sentences, and what to do next · events: all that are recorded, in order."""
    title = f"{rollout.service} {rollout.version} → {rollout.environment}: {rollout.status}"
    lines = [f"### {_SIGN.get(rollout.status, '⏳')} {literal(title)}", ""]
    lines += [line for sentence in why if sentence.strip() for line in (coded(sentence.strip()), "")]
    lines += [*_steps(events), *_story(events)]
    took = f" in {format_duration(round(rollout.took))}" if rollout.took is not None else ""
    return harmless("\n".join([*lines, f"<sub>Rollout `{rollout.id}`{took}, plan `{rollout.plan_hash[:12]}`.</sub>"]))


def refused_summary(title: str, sentence: str) -> str:
    """title: what was asked for · sentence: why it was not started."""
    return harmless(f"### ❌ {literal(title)}: not started\n\n{coded(sentence)}\n")


def _steps(events: Sequence[Recorded]) -> Iterator[str]:
    began = [(one.at, one.what) for one in events if isinstance(one.what, StepStarted)]
    if not began:
        return
    ends = [*(at for at, _ in began[1:]), events[-1].at]
    yield from ("| Step | New version | Took |", "|---|--:|--:|")
    for (at, step), end in zip(began, ends, strict=True):
        yield f"| {literal(step.title)} | {step.weight_percent:g} % | {format_duration(max(0, round(end - at)))} |"
    yield ""


def _story(events: Sequence[Recorded]) -> Iterator[str]:
    yield from ("<details><summary>Events</summary>", "", "| Time | Event | What happened |", "|---|---|---|")
    for one in events[-_MOST_EVENTS:]:
        yield f"| {local_clock(one.at)} | `{one.type_today}` | {literal(one.sentence)} |"
    yield ""
    if len(events) > _MOST_EVENTS:
        yield from (
            f"{len(events) - _MOST_EVENTS} earlier events are left out: `pilotage events {events[0].rollout}`.",
            "",
        )
    yield from ("</details>", "")
