"""The spans of a rollout's trace, from its recorded events alone: the same ones, whoever asks and however often.

Names and attributes follow OpenTelemetry's conventions for CI/CD and deployments
(https://opentelemetry.io/docs/specs/semconv/cicd/). The rollout is a pipeline's run; steps, waits and the rollback are
its tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pilotage.model import events as ev
from pilotage.model.record import Recorded
from pilotage.model.span import Attributes, Happening, Outcome, Span
from pilotage.model.text import line
from pilotage.model.trace_context import own_trace, span_id

_LONGEST = 300
"""Characters of a text in a span."""
_MOST = 200
"""Happenings of one span; a rollout that holds for days has thousands of events."""

_ENDS = {
    ev.Completed: ("success", "succeeded", Outcome.OK), ev.RolledBack: ("failure", "failed", Outcome.ERROR),
    ev.Failed: ("error", "failed", Outcome.ERROR), ev.RolloutCancelled: ("cancellation", "failed", Outcome.UNSET),
}  # fmt: skip
"""By the last event: `cicd.pipeline.result`, `deployment.status`, and the span's status."""


@dataclass(frozen=True, kw_only=True)
class Traced:
    """The rollout that is traced."""

    id: str
    service: str
    environment: str
    version: str
    strategy: str


@dataclass(kw_only=True)
class _Open:
    """A span that has not ended."""

    kind: str
    name: str
    number: int
    at: float
    attributes: dict[str, str | bool | int | float]
    happenings: list[Happening] = field(default_factory=list)


def spans_of(rollout: Traced, recorded: Sequence[Recorded]) -> tuple[Span, ...]:
    """Spans that have ended, in the order of their ends; the rollout's own is the last."""
    return tuple(_Trace(rollout, recorded).spans())


def trace_of(rollout: str, recorded: Sequence[Recorded]) -> tuple[str, str]:
    """The ids of a rollout's trace, and of the caller's span, empty where there is none."""
    for one in recorded:
        if isinstance(what := one.what, ev.TraceContinued):
            return what.trace_id, what.span_id
    return own_trace(rollout), ""


class _Trace:
    def __init__(self, rollout: Traced, recorded: Sequence[Recorded]) -> None:
        self._rollout, self._recorded = rollout, recorded
        self._trace, self._caller = trace_of(rollout.id, recorded)
        first = recorded[0] if recorded else None
        self._root = _Open(
            kind="rollout", name=f"RUN deploy {rollout.service} to {rollout.environment}",
            number=first.number if first else 0, at=first.at if first else 0.0,
            attributes={
                "cicd.pipeline.name": f"{rollout.service}/{rollout.environment}",
                "cicd.pipeline.run.id": rollout.id, "cicd.pipeline.action.name": "RUN",
                "deployment.id": rollout.id, "deployment.name": f"{rollout.service} {rollout.version}",
                "deployment.environment.name": rollout.environment,
                "pilotage.service": rollout.service, "pilotage.version": rollout.version,
                "pilotage.strategy": rollout.strategy,
            },
        )  # fmt: skip
        self._open: dict[str, _Open] = {}

    def spans(self) -> Iterator[Span]:
        for one in self._recorded:
            what = one.what
            if type(what) in _ENDS:
                yield from self._end(one, what)
                return
            yield from self._next(one, what)

    def _next(self, one: Recorded, what: ev.Occurrence) -> Iterator[Span]:
        match what:
            case ev.RolloutQueued():
                self._begin(one, "queue", "wait in the queue", {})
            case ev.RolloutStarted():
                yield from self._close(one, "queue")
                self._root.attributes["pilotage.actor"] = what.actor
                self._begin(one, "step", "first step", {"cicd.pipeline.task.type": "deploy"})
            case ev.StepStarted():
                yield from self._step(one, what)
            case ev.HoldStarted():
                yield from self._close(one, "hold")
                why = {"pilotage.hold.cause": what.cause.value, "pilotage.hold.reason": line(what.reason, _LONGEST)}
                self._begin(one, "hold", f"hold: {what.cause.value}", why)
            case ev.HoldEnded():
                yield from self._close(one, "hold")
            case ev.Paused():
                yield from self._close(one, "pause")
                self._begin(one, "pause", "paused", {"pilotage.actor": what.actor} if what.actor else {})
            case ev.Resumed() | ev.Promoted():
                yield from self._close(one, "pause")
                self._note(one)
            case ev.RollbackStarted():
                for kind in ("hold", "pause", "step"):
                    yield from self._close(one, kind, Outcome.ERROR if kind == "step" else Outcome.UNSET, what.reason)
                self._begin(one, "rollback", "roll back", {"pilotage.rollback.cause": what.cause})
            case _:
                self._note(one)

    def _step(self, one: Recorded, what: ev.StepStarted) -> Iterator[Span]:
        if (before := self._open.get("step")) is not None and before.name == "first step":
            before.name = before.attributes["cicd.pipeline.task.name"] = what.finished_step
        for kind in ("hold", "pause"):
            yield from self._close(one, kind)
        yield from self._close(one, "step", Outcome.OK)
        kind = "test" if what.kind in ("check", "analyse") else "deploy"
        about: Attributes = {"pilotage.weight_percent": what.weight_percent, "cicd.pipeline.task.type": kind}
        self._begin(one, "step", what.step, {**about, "pilotage.step.title": line(what.title, _LONGEST)})

    def _begin(self, one: Recorded, kind: str, name: str, attributes: Attributes) -> None:
        own = {"cicd.pipeline.task.name": name, "cicd.pipeline.task.run.id": f"{self._rollout.id}/{one.number}"}
        self._open[kind] = _Open(kind=kind, name=name, number=one.number, at=one.at, attributes={**own, **attributes})

    def _close(self, one: Recorded, kind: str, outcome: Outcome = Outcome.UNSET, reason: str = "") -> Iterator[Span]:
        if (found := self._open.pop(kind, None)) is not None:
            result = {Outcome.ERROR: "failure", Outcome.OK: "success"}.get(outcome, "")
            if result:
                found.attributes["cicd.pipeline.task.run.result"] = result
            yield self._span(found, one, outcome, reason)

    def _end(self, one: Recorded, what: ev.Occurrence) -> Iterator[Span]:
        result, status, outcome = _ENDS[type(what)]
        for kind in ("queue", "hold", "pause", "step"):
            yield from self._close(one, kind, outcome if kind == "step" else Outcome.UNSET)
        yield from self._close(one, "rollback", Outcome.ERROR if isinstance(what, ev.Failed) else Outcome.OK)
        self._root.attributes |= {"cicd.pipeline.result": result, "deployment.status": status}
        self._note(one)
        reason = what.reason if isinstance(what, ev.RolledBack | ev.Failed) else ""
        yield self._span(self._root, one, outcome, reason)

    def _note(self, one: Recorded) -> None:
        """Something within the rollback, the step, or the rollout."""
        within = self._open.get("rollback") or self._open.get("step") or self._root
        if len(within.happenings) < _MOST:
            said: Attributes = {
                "pilotage.event.sentence": line(one.sentence, _LONGEST),
                "pilotage.event.number": one.number,
            }
            within.happenings.append(Happening(at=one.at, name=one.type_today, attributes=said))

    def _span(self, found: _Open, end: Recorded, outcome: Outcome, reason: str) -> Span:
        root = found is self._root
        within = self._open.get("rollback") or self._open.get("step") if found.kind in ("hold", "pause") else None
        parent = self._caller if root else self._id(within or self._root)
        return Span(
            trace=self._trace, id=self._id(found), parent=parent, name=found.name, start=found.at,
            end=max(found.at, end.at), ended_by=end.number, outcome=outcome, attributes=found.attributes,
            reason=line(reason, _LONGEST) if outcome is Outcome.ERROR else "", entry=root,
            happenings=tuple(found.happenings),
        )  # fmt: skip

    def _id(self, found: _Open) -> str:
        return span_id(self._rollout.id, found.number, found.kind)
