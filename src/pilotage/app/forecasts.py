"""The forecasts of an environment's releases, each with what became of it: from its plans, its records, and git."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.later_repairs import Repairs, repairs_of
from pilotage.app.project import Project
from pilotage.app.reports import rollouts_of
from pilotage.app.repository import git_here
from pilotage.engine.records import outcomes, reports
from pilotage.engine.records.outcomes import KeptRisk, KeptStanding, Settled
from pilotage.engine.records.store import Store
from pilotage.model.answers import ReleaseType
from pilotage.model.events import StabilityLost
from pilotage.model.forecast import DAY, Fate, Followed, Forecast, Outcome
from pilotage.model.record import RolloutSummary
from pilotage.model.report import ReportKind, ReportState
from pilotage.model.status import Status
from pilotage.report.harm import tells_of_harm
from pilotage.report.outcomes import NEVER_SERVED, Course, Signal, has_served, is_ripe, outcome_of, signals_of
from pilotage.report.told import Forecasts

PAST = 2 * 365 * DAY
"""Releases that began longer ago are not looked at any more."""
_MOST = 500
"""Releases of an environment."""
NOT_YET = "the worker has not looked at git yet"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the records know: forecasts of releases, oldest first, and the signals of each, by rollout."""

    forecasts: tuple[Forecast, ...]
    unforecast: int
    courses: tuple[Course, ...]
    signals: Mapping[str, Sequence[Signal]]
    settled: Mapping[str, Settled]

    def _is_settled(self, one: Forecast) -> bool:
        kept = self.settled.get(one.rollout)
        return kept is not None and kept.outcome.fate is not Fate.UNKNOWN

    def without(self, rollouts: Collection[str]) -> Known:
        """As if nobody had settled these."""
        return replace(self, settled={one: kept for one, kept in self.settled.items() if one not in rollouts})

    def open_at(self, now: float) -> tuple[Forecast, ...]:
        """Those whose time is over, without anything that is known of them."""
        return tuple(
            one for one in self.forecasts
            if is_ripe(one, now) and not self._is_settled(one)
            and not any(signal.at <= one.until for signal in self.signals[one.rollout])
        )  # fmt: skip


def forecasts_of(project: Project, environment: str, until: float, *, reads_git: bool) -> Forecasts:
    """As of a moment. reads_git: look through git for what nobody has settled, which can take seconds."""
    known = known_of(project.store, project.loaded.configuration.service, environment, until)
    asked = known.open_at(until)
    if reads_git:
        found = looked(project, known, asked, until)
    else:
        kept = known.settled
        found = Repairs(
            missing={one.rollout: kept[one.rollout].outcome.why if one.rollout in kept else NOT_YET for one in asked}
        )
    return Forecasts(
        followed=tuple(_followed(one, known, found, until) for one in known.forecasts), unforecast=known.unforecast,
        zone=project.loaded.configuration.calendar.timezone,
    )  # fmt: skip


def looked(project: Project, known: Known, asked: Sequence[Forecast], now: float) -> Repairs:
    """What git says of these releases."""
    first = asked[0].began if asked else 0.0
    later = dict.fromkeys(one.version for one in known.courses if one.began > first)
    return repairs_of(_git(project), asked, later, now)


def _git(project: Project) -> Git | None:
    git = git_here(project)
    try:
        git.run("rev-parse", "--git-dir")
    except AdapterError:
        return None
    return git


def _followed(one: Forecast, known: Known, found: Repairs, now: float) -> Followed:
    return Followed(forecast=one, outcome=outcome(one, known, found, now), ripe=is_ripe(one, now))


def outcome(one: Forecast, known: Known, found: Repairs, now: float) -> Outcome:
    """What is known of a release: settled before, or by its signals."""
    kept = known.settled.get(one.rollout)
    if kept is not None and kept.outcome.fate is not Fate.UNKNOWN:
        return kept.outcome
    signals = [*known.signals[one.rollout]]
    if one.rollout in found.signals:
        signals.append(found.signals[one.rollout])
    missing = found.missing.get(one.rollout, "") if has_served(one, known.courses) else NEVER_SERVED
    return outcome_of(one, signals, now, missing)


# ── from the records ───────────────────────────────────────────────────────────────────────────────────────


def known_of(store: Store, service: str, environment: str, now: float) -> Known:
    """Of the newest releases that have begun by `now`."""
    started = [one for one in rollouts_of(store, service, environment) if now - PAST <= _began(one) <= now]
    courses, lost = _courses(store, started)
    releases = _releases(started, courses)[-_MOST:]
    risks = outcomes.risks(store.engine, [one.plan_hash for one, _ in releases])
    forecasts = tuple(_forecast(one, at, risks[one.plan_hash]) for one, at in releases if one.plan_hash in risks)
    reported = _reported(store, service, environment, min((one.began for one in forecasts), default=now))
    signals = {
        one.rollout: (*signals_of(one.version, courses), *(s for name, s in (*lost, *reported) if name == one.version))
        for one in forecasts
    }
    return Known(
        forecasts=forecasts, unforecast=len(releases) - len(forecasts), courses=courses, signals=signals,
        settled=outcomes.settled(store.engine, [one.rollout for one in forecasts]),
    )  # fmt: skip


def _began(one: RolloutSummary) -> float:
    return one.started_at or one.created_at


def _releases(started: Sequence[RolloutSummary], courses: Sequence[Course]) -> list[tuple[RolloutSummary, float]]:
    """The rollout of each version that decides about it, and when its time began, in that order."""
    several: dict[str, list[tuple[RolloutSummary, Course]]] = {}
    for one, course in zip(started, courses, strict=True):
        if not course.returns and one.old is not None:
            several.setdefault(one.version, []).append((one, course))
    found = []
    for mine in several.values():
        one, course = next((pair for pair in mine if pair[1].decides), mine[0])
        found.append((one, course.since))
    return sorted(found, key=lambda pair: pair[1])


def _forecast(one: RolloutSummary, began: float, risk: KeptRisk) -> Forecast:
    return Forecast(
        rollout=one.id, version=one.version, began=began, probability=risk.probability_percent / 100,
        level=risk.level, days=risk.horizon_days, changes=risk.changes, revisions=risk.revisions, model=risk.model,
        riskier_than=_share(risk.standing),
    )  # fmt: skip


def _share(standing: KeptStanding | None) -> float | None:
    return 100 * standing.riskier_than / standing.releases if standing and standing.releases else None


def _courses(store: Store, started: Sequence[RolloutSummary]) -> tuple[tuple[Course, ...], list[tuple[str, Signal]]]:
    """The rollouts, and the incidents of versions that served after a rollback, each with the version."""
    served: set[str] = set()
    found, lost = list[Course](), list[tuple[str, Signal]]()
    for one in started:
        undone = one.status in (Status.ROLLED_BACK, Status.FAILED)
        events = store.events(one.id) if undone else ()
        for event in events:
            if isinstance(event.what, StabilityLost):
                lost.append((event.what.version, Signal(at=event.at, why=f"incident: {event.what.reason}")))
        found.append(
            Course(
                version=one.version, old=one.old or "", began=_began(one), ended=one.finished_at, status=one.status,
                reason=one.reason, returns=one.version in served, hotfix=one.kind == ReleaseType.HOTFIX,
                harmed=any(tells_of_harm(event.what) for event in events),
            )
        )  # fmt: skip
        if one.status is Status.COMPLETED:
            served.add(one.version)
    return tuple(found), lost


def _reported(store: Store, service: str, environment: str, since: float) -> list[tuple[str, Signal]]:
    """Problems of users that an operator confirmed, each with the version."""
    harm = reports.listed(store.engine, service, [ReportKind.HARM], environment, since=since)
    return [
        (one.version, Signal(at=one.at, why=f"report {one.id} of a problem is confirmed"))
        for one in harm
        if one.version and one.state is ReportState.CONFIRMED
    ]
