"""From the records of rollouts to what reports are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pilotage.adapters.git import Git
from pilotage.adapters.git_steps import Commits, Step, commits_of
from pilotage.app.instance_logs import logs_of
from pilotage.engine.records.events_of_many import events_of_many
from pilotage.engine.records.store import Store
from pilotage.model.answers import ReleaseType
from pilotage.model.errors import Invalid
from pilotage.model.events import (
    HoldStarted,
    InterventionRequired,
    Occurrence,
    ReadinessChecked,
    RollbackStarted,
    StepStarted,
)
from pilotage.model.live import LiveView
from pilotage.model.record import Recorded, Rollout, RolloutSummary
from pilotage.model.rollout import Mode, Status
from pilotage.report.dora import Deployment, Dora, End, dora_of
from pilotage.report.harm import DECIDING, harm_began, well_again
from pilotage.report.incident import Counted, Incident, Line
from pilotage.report.told import Compared, Told

_MOST = 2_000
"""Rollouts of an environment that are read for a report: the newest."""

_ENDS = {Status.COMPLETED: End.COMPLETED, Status.ROLLED_BACK: End.ROLLED_BACK, Status.FAILED: End.FAILED}


def period_of(since: date, until: date, zone: str) -> tuple[float, float]:
    """From the first instant of a day to the first after another, by the zone's clocks; Unix seconds."""
    here = ZoneInfo(zone)
    after = until + timedelta(days=1)
    begin, end = (datetime(day.year, day.month, day.day, tzinfo=here) for day in (since, after))
    return begin.timestamp(), end.timestamp()


def rollouts_of(store: Store, service: str, environment: str) -> tuple[RolloutSummary, ...]:
    """All that started, oldest first; what was withdrawn before did not."""
    known = store.history(service, environment, limit=_MOST)
    return tuple(rollout for rollout in reversed(known) if rollout.sequence is not None)


def deployments_of(
    store: Store, rollouts: Sequence[RolloutSummary], git: Git | None, since: float = 0.0
) -> tuple[Deployment, ...]:  # fmt: skip
    """rollouts: oldest first · git: the repository, which knows what each brought · since: of what began before, in
    Unix seconds, nobody asks what it brought: each question to git is a process."""
    brought = _brought(rollouts, git, since) if git is not None else {}
    served: set[str] = set()
    found = []
    identities = [rollout.id for rollout in rollouts]
    seen, told = store.live_views(identities), events_of_many(store.engine, identities, DECIDING)
    for rollout in rollouts:
        events = told.get(rollout.id, ())
        exposed = reached_users(rollout, events, seen[rollout.id])
        found.append(_deployment(rollout, events, rollout.version in served, exposed, brought.get(rollout.id)))
        if rollout.status is Status.COMPLETED:
            served.add(rollout.version)
    return tuple(found)


def _brought(rollouts: Sequence[RolloutSummary], git: Git, since: float) -> Mapping[str, Commits]:
    """By the id of each rollout of a version that had not served before."""
    steps, served = dict[str, Step](), set[str]()
    for rollout in rollouts:
        if rollout.old and rollout.version not in served and _began(rollout) >= since:
            steps[rollout.id] = (rollout.old, rollout.version)
        if rollout.status is Status.COMPLETED:
            served.add(rollout.version)
    known = commits_of(git, steps.values())
    return {identity: known[step] for identity, step in steps.items() if step in known}


def reached_users(rollout: RolloutSummary, events: Sequence[Recorded], seen: LiveView) -> bool:
    """Whether the version reached users. If it got weight and was rolled back before its first request, it reached
    nobody. If no requests were counted, its weight decides."""
    if rollout.old is None:
        return True
    unused = rollout.old in seen.requests and not seen.requests.get(rollout.version)
    if unused and rollout.status is not Status.COMPLETED:
        return False
    return rollout.reached > 0 or any(_exposes(event) for event in events)


def _deployment(
    rollout: RolloutSummary, events: Sequence[Recorded], returns: bool, exposed: bool, commits: Commits | None
) -> Deployment:
    hotfix = rollout.kind == ReleaseType.HOTFIX or rollout.mode is Mode.EMERGENCY
    began = _began(rollout)
    ended = began + rollout.took if rollout.took is not None else None
    return Deployment(
        rollout.id, rollout.version, rollout.old or "", began, ended,
        _ENDS.get(rollout.status, End.OPEN), exposed, returns, hotfix, _trouble(events), _well(events),
        commits,
    )  # fmt: skip


def _began(rollout: Rollout | RolloutSummary) -> float:
    return rollout.started_at or rollout.created_at


def _trouble(events: Sequence[Recorded]) -> float | None:
    """When users first met harm, as far as is known; else the decision to go back."""
    if (harm := harm_began(_moments(events))) is not None:
        return harm
    return next((e.at for e in events if isinstance(e.what, RollbackStarted | InterventionRequired)), None)


def _exposes(event: Recorded) -> bool:
    return isinstance(event.what, StepStarted) and event.what.weight_percent > 0


def _well(events: Sequence[Recorded]) -> float | None:
    return well_again(_moments(events))


def _moments(events: Sequence[Recorded]) -> Iterator[tuple[float, Occurrence]]:
    return ((event.at, event.what) for event in events)


class BadPattern(Invalid):
    """A pattern of tags matches no version."""


def dora_from_tags(folder: Path, since: float, until: float, pattern: str = "*", paths: Sequence[str] = ()) -> Dora:
    """DORA metrics from tags alone: each version's tag is a deployment, a patch version an unplanned one. Tags do not
    show failures. paths: only commits that touch these count. Tags with different prefixes are different packages, and
    each follows the previous tag of its own package."""
    from pilotage.report.tags import version_named

    git = Git(folder)
    text = git.run("for-each-ref", "--format=%(refname:short) %(creatordate:unix)", f"refs/tags/{pattern}")
    named = [line.rsplit(" ", 1) for line in text.splitlines() if " " in line]
    if not pattern.strip():
        raise BadPattern("the pattern of tags is empty: use '*' for all tags", where="--from-tags")
    dated = [(float(when), tag) for name, when in named if when and (tag := version_named(name)) and tag.final]
    if not dated:
        raise BadPattern(f"no tag of a final version matches {pattern!r}", where="--from-tags")
    if paths and not git.run("log", "--all", "-1", "--format=%H", "--", *paths).strip():
        raise BadPattern(f"no commit touches {', '.join(paths)}", where="--path")
    found, before = [], dict[str, str]()
    for when, tag in sorted(dated, key=lambda one: (one[0], one[1].name)):
        old = before.get(tag.package, "")
        commits = git.commits_between(old, tag.name, paths) if old and since <= when < until else None
        hotfix = tag.release[2] > 0
        found.append(Deployment(tag.name, tag.name, old, when, when, End.COMPLETED, hotfix=hotfix, commits=commits))
        before[tag.package] = tag.name
    plain = [Deployment(**{**vars(d), "hotfix": False}) for d in found]
    figures = {f.id: f for f in dora_of(plain, since, until).figures}
    rework = dora_of(found, since, until).figure("deployment-rework-rate")
    silent = (("all", "tags do not tell"),)
    unknown = [
        replace(figures[name], value=None, low=None, high=None, n=0, counted=(), excluded=silent)
        for name in ("change-fail-rate", "failed-deployment-recovery-time")
    ]
    kept = (figures["deployment-frequency"], figures["change-lead-time"], *unknown, rework)
    return Dora(since, until, kept, tuple(d for d in found if since <= d.began < until))


# ── as they are told ───────────────────────────────────────────────────────────────────────────────────────


def told_of(store: Store, rollouts: Sequence[RolloutSummary], zone: str) -> tuple[Told, ...]:
    seen = store.live_views([rollout.id for rollout in rollouts])
    events = events_of_many(store.engine, list(seen))
    return tuple(_told(one, seen[one.id], events.get(one.id, ()), zone) for one in rollouts)


def _told(rollout: RolloutSummary, live: LiveView, events: Sequence[Recorded], zone: str) -> Told:
    checked = next((e.what for e in events if e.type_today == ReadinessChecked.type), None)
    waivers: Mapping[str, str] = checked.waivers if isinstance(checked, ReadinessChecked) else {}
    spared: Mapping[str, str] = checked.not_required if isinstance(checked, ReadinessChecked) else {}
    return Told(
        rollout.id, rollout.version, clock(_began(rollout), zone), rollout.status.value, rollout.took,
        rollout.reason if rollout.status is not Status.COMPLETED else "", _compared(rollout, live),
        tuple(e.sentence for e in events if e.type_today == HoldStarted.type),
        tuple(f"{item} ({why})" for item, why in waivers.items()),
        rollout.reason if rollout.mode is Mode.EMERGENCY else "",
        tuple((clock(e.at, zone), e.type_today, e.sentence) for e in events),
        tuple(f"{item} ({why})" for item, why in spared.items()),
    )  # fmt: skip


def clock(at: float, zone: str) -> str:
    return f"{datetime.fromtimestamp(at, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def _compared(rollout: RolloutSummary, live: LiveView) -> tuple[Compared, ...]:
    found = []
    for verdict in live.verdicts:
        if not rollout.old or verdict.canary in ("", "–") or verdict.stable in ("", "–"):
            continue
        low, high = verdict.interval or (None, None)
        found.append(
            Compared(
                verdict.metric, verdict.stable, verdict.canary, verdict.ratio, low, high, verdict.samples,
            )
        )  # fmt: skip
    return tuple(found)


def incident_from(store: Store, rollout: Rollout, zone: str) -> Incident:
    """Of a rollout that was rolled back or failed, from its events and what its judge knew."""
    lines = tuple(
        Line(
            e.at,
            clock(e.at, zone) + datetime.fromtimestamp(e.at, UTC).strftime(":%S"),
            e.type_today,
            e.sentence,
            e.data,
        )
        for e in store.events(rollout.id)
    )
    verdicts = rollout.live.verdicts
    return Incident(
        rollout.id, rollout.service, rollout.environment, rollout.version, rollout.old or "",
        rollout.state.status.value, rollout.state.reason, rollout.plan_hash[:12], clock(_began(rollout), zone),
        lines, _counted(rollout), tuple((v.metric, v.kind, v.sentence) for v in verdicts),
        rollout.state.preserved,
        logs_of(store.directory, rollout.service, rollout.environment, rollout.version),
    )  # fmt: skip


def _counted(rollout: Rollout) -> tuple[Counted, ...]:
    """Users' requests and errors as the judge counted them; nothing where it never had anything to compare."""
    sums = rollout.judge.ever if rollout.judge else {}
    if not sums:
        return ()
    found = [Counted(rollout.version, sums["canary_bad"], sums["canary_total"])]
    if rollout.old:
        found.append(Counted(rollout.old, sums["stable_bad"], sums["stable_total"]))
    return tuple(found)
