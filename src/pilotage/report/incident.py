"""What became of a release that hurt (R21): when, how badly, why, what is left to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pilotage.model.aftermath import TASKS, Task
from pilotage.model.document import Bar, Document, Figure, KeyFigure, Section, Side
from pilotage.model.events import (
    Occurrence,
    RollbackStarted,
    RolledBack,
    StepStarted,
    TrafficWithdrawn,
    parse,
)
from pilotage.model.json import JsonObject
from pilotage.model.observation import VerdictKind
from pilotage.model.quantity import about
from pilotage.model.wording import called, within
from pilotage.report.harm import exposure, harm_began, well_again
from pilotage.report.statistics import wilson


@dataclass(frozen=True)
class Line:
    """One event, its time as the reader's clock has it. at: Unix seconds."""

    at: float
    clock: str
    type: str
    sentence: str
    data: JsonObject

    @property
    def what(self) -> Occurrence:
        return parse(self.type, self.data)


@dataclass(frozen=True)
class Counted:
    """Requests of a version while both were there, and how many of them failed."""

    version: str
    bad: int
    total: int


@dataclass(frozen=True)
class Incident:
    """A rollout that was undone or failed. counted: new version first · verdicts: metric, kind, sentence · preserved:
    the failed environment still runs · logs: where the new version's logs are."""

    id: str
    service: str
    environment: str
    version: str
    old: str
    status: str
    reason: str
    plan: str
    day: str
    lines: tuple[Line, ...]
    counted: tuple[Counted, ...]
    verdicts: tuple[tuple[str, str, str], ...]
    preserved: bool
    logs: tuple[str, ...] = ()


def incident_of(incident: Incident) -> Document:
    return Document(
        f"Incident: {incident.service} {incident.version} in {incident.environment}, {incident.day}",
        tuple(_lead(incident)),
        (_impact(incident), _timeline(incident), _verdicts(incident), _kept(incident), _next(incident)),
        tuple(_figures(incident)),
    )


def _figures(incident: Incident) -> Iterator[KeyFigure]:
    first, started, back = _moments(incident.lines)
    moments = [(line.at, line.what) for line in incident.lines]
    harm, end = harm_began(moments), incident.lines[-1].at
    exposed = about(exposure(moments, end)) if first is not None else "nobody"
    yield KeyFigure("Users exposed", exposed, f"to {incident.version}")
    harmed = "unknown" if harm is None else about(exposure(moments, end, since=harm))
    yield KeyFigure("Users harmed", harmed, "no harm is known" if harm is None else "from the first harm known")
    if first is None:
        yield KeyFigure("Way back", "not needed", "no user had it")
    elif started is not None and back is not None:
        yield KeyFigure("Way back", about(back - started), "from the decision until all traffic was back")
    else:
        yield KeyFigure("Way back", "not confirmed", "nobody read back that all traffic has returned")
    new = incident.counted[0] if incident.counted else None
    if new is not None and new.total:
        share = f"{new.bad / new.total:.2%}"
        yield KeyFigure("Failed requests", f"{new.bad:,} of {new.total:,}", f"to {new.version}: {share}")
    else:
        yield KeyFigure("Failed requests", "not counted", f"to {incident.version}")


_ENDS = {"rolled-back": "was rolled back", "rolling-back": "is rolling back", "withdrawn": "is withdrawn from traffic",
         "failed": "could not be rolled back"}  # fmt: skip


def _lead(incident: Incident) -> list[str]:
    ended = _ENDS.get(incident.status, f"is {incident.status}")
    found = [f"{incident.version} {ended}: {incident.reason}.".replace("..", ".")]
    if _ended_by_a_person(incident):
        found.append(_known_then(incident))
    elif (harm := _withdrawn(incident)) and harm.reason not in incident.reason:
        found.append(f"Before that, Pilotage had taken its users off it: {harm.reason}.".replace("..", "."))
    outcomes = [line.what.outcome for line in incident.lines if isinstance(line.what, RolledBack)]
    if outcomes and outcomes[-1]:
        found.append(f"At its end: {outcomes[-1]}.")
    if incident.status == "failed":
        found.append("The automatic rollback is not complete: manual intervention needed.")
    return found


def _ended_by_a_person(incident: Incident) -> bool:
    started = [line.what for line in incident.lines if isinstance(line.what, RollbackStarted)]
    return bool(started) and started[-1].cause == "command"


def _known_then(incident: Incident) -> str:
    """What the analysis knew when a person ended the rollout: the cause, which the person's reason may not name."""
    if harm := _withdrawn(incident):
        return f"Before that, Pilotage had taken its users off it: {harm.reason}.".replace("..", ".")
    if found := _suspects(incident):
        return (
            "The analysis knew until then: "
            + "; ".join(f"{called(m)}: {within(kind)}: {words}" for m, kind, words in found)
            + "."
        )
    return "The analysis knew of no harm until then."


def _suspects(incident: Incident) -> list[tuple[str, str, str]]:
    """Verdicts that fail; where users met harm that was not sure yet, those that did not pass."""
    failed = [verdict for verdict in incident.verdicts if verdict[1] == VerdictKind.FAIL]
    harmed = harm_began((line.at, line.what) for line in incident.lines) is not None
    return failed or [v for v in incident.verdicts if harmed and v[1] == VerdictKind.INCONCLUSIVE]


def _impact(incident: Incident) -> Section:
    first, started, back = _moments(incident.lines)
    moments = [(line.at, line.what) for line in incident.lines]
    harm, end = harm_began(moments), incident.lines[-1].at
    rows = []
    if first is not None:
        rows.append(("time with users exposed", about(exposure(moments, end))))
    if harm is not None:
        rows.append(("time with users harmed, from the first harm known", about(exposure(moments, end, since=harm))))
    if started is not None and back is not None:
        rows.append(("from the decision until all traffic was back", about(back - started)))
    bars = []
    for one, side in zip(incident.counted, Side, strict=False):
        low, high = wilson(one.bad, one.total)
        share = one.bad / one.total if one.total else 0.0
        text = f"{one.bad:,} of {one.total:,} ({share:.2%})"
        rows.append((f"failed requests to {one.version}", text))
        bars.append(
            Bar(one.version, share, text, low, high, side) if one.total else Bar(one.version, 0.0, "no requests")
        )
    figure = Figure("Share of failed requests, with 95 % intervals", tuple(bars)) if bars else None
    words = () if rows else ("No users were exposed.",)
    return Section("impact", "Impact", words, ("measure", "value") if rows else (), tuple(rows), figure=figure)


def _moments(lines: Sequence[Line]) -> tuple[float | None, float | None, float | None]:
    """When users first could meet it, when the decision fell to take it from them, when that was read back."""
    first = next((line.at for line in lines if _reaches_users(line)), None)
    back = well_again((line.at, line.what) for line in lines)
    decided = [line.at for line in lines if isinstance(line.what, TrafficWithdrawn | RollbackStarted)]
    started = next((at for at in reversed(decided) if back is None or at <= back), None)
    return first, started, back


def _reaches_users(line: Line) -> bool:
    return isinstance(line.what, StepStarted) and line.what.weight_percent > 0


def _timeline(incident: Incident) -> Section:
    rows = tuple((line.clock, called(line.type), line.sentence) for line in incident.lines)
    return Section("timeline", "Timeline", (), ("time", "event", "description"), rows)


def _verdicts(incident: Incident) -> Section:
    if not incident.verdicts:
        return Section("verdicts", "Analysis results", ("Nothing was analysed.",))
    headers = ("metric", "verdict", "reason")
    rows = tuple((called(metric), kind, sentence) for metric, kind, sentence in incident.verdicts)
    return Section("verdicts", "Analysis results", (), headers, rows)


def _kept(incident: Incident) -> Section:
    found = [f"plan `{incident.plan}`", f"events of the rollout: `pilotage events {incident.id} --verify`"]
    if incident.preserved:
        found.append(
            f"the failed environment with {incident.version} is still running; delete it with `pilotage cleanup`"
        )
    elif incident.status == "rolled-back":
        found.append(f"the instances of {incident.version} have stopped")
    else:
        found.append(f"instances of {incident.version} may still run: `pilotage status` shows them")
    found += [f"log of an instance: {path}" for path in incident.logs]
    return Section("kept", "Evidence", (), bullets=tuple(found))


def _next(incident: Incident) -> Section:
    """Immediate, short-term, long-term (R21)."""
    rows = [("immediate", f"notify everyone who was informed of {incident.version}")]
    rows += [(task.term, task.what) for task in tasks_of(incident)]
    rows.append(("short-term", "hold a blameless review within 5 working days"))
    rows = [(when, _with_command(what, incident.version)) for when, what in rows]
    if incident.preserved:
        rows.insert(1, ("immediate", "look at the failed environment, which still runs"))
    if incident.status == "failed":
        rows.insert(0, ("immediate", "correct the traffic by hand; `pilotage explain` says what is left"))
    words = "Pilotage makes follow-ups of these tasks: `pilotage followup list`."
    ordered = sorted(rows, key=lambda row: _TERMS.index(row[0]))
    return Section("next", "Next steps", (words,), ("when", "what"), tuple(ordered))


_TERMS = ("immediate", "short-term", "long-term")


def tasks_of(incident: Incident) -> tuple[Task, ...]:
    """What is left to do, with the failure by its name."""
    failure = f"the {within(metric)} failure" if (metric := _metric(incident)) else "the failure"
    return tuple(replace(task, what=task.what.format(failure=failure)) for task in TASKS)


_DONE_BY = {
    "notify everyone": ": the notice goes out by itself; `pilotage announce list {version}` shows where",
    "blameless review": ": `pilotage retro` prepares it",
}
"""By words of a next step: the command that helps."""


def _with_command(what: str, version: str) -> str:
    found = next((command for words, command in _DONE_BY.items() if words in what and "`" not in what), "")
    return f"{what}{found.format(version=version)}"


def _withdrawn(incident: Incident) -> TrafficWithdrawn | None:
    return next((line.what for line in incident.lines if isinstance(line.what, TrafficWithdrawn)), None)


def _metric(incident: Incident) -> str:
    """What failed, according to the event that returned users, or to a verdict; empty if only a person knows."""
    if harm := _withdrawn(incident):
        return harm.cause
    return next((metric for metric, _, _ in _suspects(incident)), "")
