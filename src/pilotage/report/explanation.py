"""Why a rollout is where it is, what failed, and what to do next, from what was recorded (rule 13). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.awaited import Awaited
from pilotage.model.event_names import data_today
from pilotage.model.events import (
    AnalysisIncomplete,
    Failed,
    HoldStarted,
    InstanceExited,
    InstanceReplaced,
    InterventionRequired,
    Paused,
    Promoted,
    RegressionAccepted,
    RetryStarted,
    RollbackStarted,
    RolledBack,
    TrafficDiverted,
    TrafficRestored,
    TrafficWithdrawn,
)
from pilotage.model.json import list_at, optional
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.record import Recorded, Rollout
from pilotage.model.rollout import Mode, Status
from pilotage.model.step_title import title_of
from pilotage.model.timestamp import local_deadline
from pilotage.model.traffic import WHOLE
from pilotage.model.wave import names_within
from pilotage.model.wording import called, within
from pilotage.report.remedies import Remedy, SourceChange, remedies
from pilotage.report.standing import Standing, standing
from pilotage.report.verdicts import meaningful

_TURNING = (
    RollbackStarted | TrafficRestored | HoldStarted | TrafficDiverted | TrafficWithdrawn | InstanceReplaced
    | RetryStarted | AnalysisIncomplete | RegressionAccepted | Paused | InterventionRequired | InstanceExited | Promoted
    | Failed | RolledBack
)  # fmt: skip
"""Events that made the rollout go another way."""


_SILENT = 30.0
"""Seconds without a look after which a rollout in progress is reported as unobserved."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """answer: its state, and why · failing: routes, statuses and log lines · logs: where the logs of the new version
    are · measured: the last verdicts · led: what changed its course, one line per event · following: what to do
    next · remedies: what to do about each metric that fails."""

    answer: str
    failing: tuple[str, ...]
    logs: tuple[str, ...]
    measured: tuple[str, ...]
    led: tuple[str, ...]
    following: str
    standing: Standing
    remedies: tuple[Remedy, ...] = ()

    @property
    def why(self) -> list[str]:
        """Without the numbers and the story."""
        return [line for line in (self.answer, *self._failing(), self.following) if line]

    @property
    def lines(self) -> list[str]:
        """As a terminal shows it."""
        found = [self.answer, *self._failing()]
        found += (
            ["", "What to do:", *(f"  {line}" for one in self.remedies for line in one.lines)] if self.remedies else []
        )
        for title, lines in (("Last measurements:", self.measured), ("What led here:", self.led)):
            found += ["", title, *(f"  {line}" for line in lines)] if lines else []
        return [*found, *(["", self.following] if self.following else [])]

    def _failing(self) -> list[str]:
        found = ["", "What failed:", *(f"  {line}" for line in self.failing)] if self.failing else []
        logs = [f"  the whole log: {path}" for path in self.logs]
        return [*found, *logs] if found else (["", "Logs:", *logs] if logs else [])


def explain(
    rollout: Rollout, events: Sequence[Recorded], clock: Callable[[float], str], *, now: float = 0.0,
    logs: Sequence[str] = (), due: Awaited | None = None, source: SourceChange | None = None,
    deadline: Callable[[float, float], str] = local_deadline,
) -> Explanation:  # fmt: skip
    """clock: a moment in Unix seconds, as the reader's clock has it · now: Unix seconds; 0 where only the record counts
    · logs: where the new version's logs are · due: the decision that it waits for · source: what git knows of it ·
    deadline: a moment to come, and the present one, as the reader's clock has them."""
    state, live, turning = rollout.state, rollout.live, [e for e in events if isinstance(e.what, _TURNING)]
    measured = [f"{called(v.metric)}: {within(v.kind)}: {v.sentence}" for v in meaningful(rollout)]
    if live.trouble and not state.status.final:
        measured.append(live.trouble)
    answer = _answer(rollout, (due, deadline(due.until, state.at)) if due else None, _outcome(turning))
    if not state.status.final and state.status is not Status.QUEUED and live.at and now - live.at > _SILENT:
        answer += f" Nobody has looked at it since {clock(live.at)}: run `pilotage watch`, which starts a worker."
    failing = _failing(rollout, turning)
    return Explanation(
        answer=answer, failing=failing, logs=tuple(logs) if failing or state.status in _WENT_WRONG else (),
        measured=tuple(measured), led=tuple(_led(rollout, event, clock) for event in turning),
        following=_next(rollout, due), standing=standing(rollout, events, clock, due),
        remedies=remedies(rollout, turning, meaningful(rollout), logs, source),
    )  # fmt: skip


_WENT_WRONG = (Status.ROLLING_BACK, Status.ROLLED_BACK, Status.FAILED, Status.WITHDRAWN)


def _gone(rollout: Rollout) -> str:
    """How users were taken off the version."""
    if kept := rollout.state.kept:
        waves, step = rollout.plan.waves, rollout.plan.steps[rollout.state.step]
        gone, stay = names_within(waves, kept, step.weight), names_within(waves, 0, kept)
        return f"is withdrawn from {' and '.join(gone)}, and {' and '.join(stay)} kept it"
    toggled = rollout.plan.answers.deployment_strategy is DeploymentStrategy.FEATURE_TOGGLE and rollout.state.step
    return "has its flag turned off for everyone" if toggled else "is withdrawn from traffic"


def _outcome(turning: Sequence[Recorded]) -> str:
    """What was confirmed at the end of the rollback."""
    found = [event.what.outcome for event in turning if isinstance(event.what, RolledBack)]
    return f" At its end: {_ended(found[-1])}" if found else ""


def _answer(rollout: Rollout, due: tuple[Awaited, str] | None, outcome: str) -> str:
    state, step = rollout.state, rollout.plan.steps[rollout.state.step]
    waits = f" It waits for a decision until {due[1]}; without one, {due[0].then}." if due else ""
    why, share = _ended(state.reason), step.audience or format_share(step.weight / WHOLE)
    match state.status:
        case Status.QUEUED:
            return f"{rollout.version} is queued for {rollout.environment}."
        case Status.PROGRESSING:
            title = title_of(step, state.new, state.mode)
            left = max(0.0, step.duration - state.watched)
            to_go = f", {format_duration(round(left))} to go" if step.duration and state.mode is Mode.FULL else ""
            return f"{rollout.version} is at step {state.step + 1} of {len(rollout.plan.steps)}: {title}{to_go}."
        case Status.HOLDING:
            return f"{rollout.version} is holding at {share}: {why}{waits}"
        case Status.PAUSED:
            return f"{rollout.version} is paused at {share}: {why}{waits}"
        case Status.WITHDRAWN if state.excuse:
            return f"{rollout.version} {_gone(rollout)}: {why} It may be transient: Pilotage retries once."
        case Status.WITHDRAWN:
            return f"{rollout.version} {_gone(rollout)}: {why}{waits}"
        case Status.ROLLING_BACK:
            return f"{rollout.version} is rolling back: {why}"
        case Status.ROLLED_BACK:
            return f"{rollout.version} was rolled back: {why}{outcome}"
        case Status.CANCELLED:
            return f"{rollout.version} never started: {why}"
        case Status.FAILED:
            return f"Manual intervention needed: {why}"
        case Status.COMPLETED:
            how = f" It {why}" if state.reason else ""
            return f"{rollout.version} completed its rollout to {rollout.environment} and got all requests.{how}"


def _next(rollout: Rollout, due: Awaited | None) -> str:
    """The commands that help from here."""
    if due:
        return "Next: " + ", ".join(f"`pilotage {name}` {_DOES[name]}" for name in due.commands) + "."
    match rollout.state.status:
        case Status.PROGRESSING | Status.HOLDING | Status.WITHDRAWN:
            return "Next: `pilotage watch` follows it, `pilotage abort` rolls it back."
        case Status.ROLLING_BACK:
            return "Next: `pilotage watch` follows the rollback."
        case Status.ROLLED_BACK:
            return f"Next: `pilotage incident {rollout.id}` writes the incident report."
        case Status.FAILED:
            return "Next: `pilotage status` shows what serves, `pilotage docs` has the page on emergencies."
        case _:
            return ""


_DOES = {
    "promote": "restores its traffic and continues", "retry": "restores its traffic and judges fresh evidence",
    "abort": "rolls it back", "resume": "continues", "approve": "continues", "reject": "rolls it back",
}  # fmt: skip


def _failing(rollout: Rollout, turning: Sequence[Recorded]) -> tuple[str, ...]:
    """Routes, statuses and log lines: of the last event that has them, otherwise of the last verdicts."""
    for event in reversed(turning):
        found = optional(list_at, data_today(event.type, event.data), "details")
        if found:
            return tuple(map(str, found))
        if isinstance(event.what, InstanceExited) and event.what.log_tail:
            return (f"{event.what.instance} exited: {event.what.log_tail}",)
    lines = (line for verdict in meaningful(rollout) if verdict.kind != "pass" for line in verdict.detail)
    return tuple(dict.fromkeys(lines))


def _ended(sentence: str) -> str:
    """With a full stop, unless it already ends a sentence."""
    return sentence if not sentence or sentence.endswith(("?", "!", ".")) else f"{sentence}."


def _led(rollout: Rollout, event: Recorded, clock: Callable[[float], str]) -> str:
    """An event as a line, without what the answer already says."""
    sentence, reason = event.sentence, rollout.state.reason
    if len(reason) > _LONG:
        sentence = sentence.replace(reason, "as above")
    return f"{clock(event.at)}  {called(event.type_today)}: {sentence}"


_LONG = 40
"""Characters from which a reason is not repeated."""
