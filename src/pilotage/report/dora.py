"""DORA's five figures from the rollouts of one environment, each with the rollouts it counts and those it leaves out.

Definitions are those of https://dora.dev/guides/dora-metrics/ (2025): deployment frequency, change lead time, change
fail rate, failed deployment recovery time, deployment rework rate. Here:

- A *deployment* is the first rollout of a version that reached users. A return to an earlier version is part of a
  recovery. A rollout that reached nobody is not a deployment, and one that is in progress is not counted yet.
- It *failed* if it was rolled back or needed manual intervention, if the next deployment is a hotfix, or if an operator
  rolled it back before the next one.
- *Recovery* lasts from the first event that reports trouble (otherwise the end of the rollout) until users had a good
  version again: the rollback is confirmed, or what replaced it has completed.
- *Lead time* is from a commit to the completion of the first deployment that contained it.
- *Rework* is unplanned deployments: hotfixes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pilotage.report.statistics import median_interval, poisson, wilson

FORMULA = 1
"""Version of the definitions above; raised when a figure would be another one."""

_DAY = 86400.0


Excluded = tuple[tuple[str, str], ...]
"""Id and reason of each rollout that a metric leaves out."""


class End(StrEnum):
    COMPLETED = "completed"
    ROLLED_BACK = "rolled-back"
    FAILED = "failed"
    OPEN = "open"


@dataclass(frozen=True)
class Deployment:
    """One rollout. began, ended, trouble, well: Unix seconds; trouble: when users were first harmed, None without ·
    well: when users had a good version again · exposed: whether it reached users · returns: whether it goes to a
    version that had served already · hotfix: planned as one · commits: id and time of each change in it, None if git
    does not know."""

    id: str
    version: str
    old: str
    began: float
    ended: float | None
    end: End
    exposed: bool = True
    returns: bool = False
    hotfix: bool = False
    trouble: float | None = None
    well: float | None = None
    commits: tuple[tuple[str, float], ...] | None = None


@dataclass(frozen=True)
class Figure:
    """value: None where there is nothing to count · low, high: a 95 % interval · n: how many it is of · counted: ids
    that it counts · excluded: id and reason of each that it leaves out · unit: of value."""

    id: str
    title: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    counted: tuple[str, ...]
    excluded: Excluded = ()


@dataclass(frozen=True)
class Dora:
    """since, until: Unix seconds · deployments: all of the period, oldest first."""

    since: float
    until: float
    figures: tuple[Figure, ...]
    deployments: tuple[Deployment, ...]
    failed: frozenset[str] = field(default_factory=frozenset)

    def figure(self, identity: str) -> Figure:
        return next(figure for figure in self.figures if figure.id == identity)


def dora_of(rollouts: Sequence[Deployment], since: float, until: float) -> Dora:
    """rollouts: of one environment, oldest first, including those before and after the period, which show the fate of
    those within. A rollout belongs to the period in which it started."""
    within = tuple(r for r in rollouts if since <= r.began < until)
    excluded = {r.id: why for r in within if (why := _why_not(r))}
    deployments = [r for r in within if r.id not in excluded]
    failures = _failures([r for r in rollouts if _is_known(r)])
    left_out = tuple(excluded.items())
    mine = {d.id: failures[d.id] for d in deployments if d.id in failures}
    figures = (
        _frequency(deployments, left_out, since, until),
        _lead_time(deployments, left_out),
        _fail_rate(deployments, mine, left_out),
        _recovery(deployments, mine, left_out),
        _rework(deployments, left_out),
    )
    return Dora(since, until, figures, within, frozenset(mine))


def _is_known(rollout: Deployment) -> bool:
    return rollout.end is not End.OPEN and rollout.exposed


def _why_not(rollout: Deployment) -> str:
    if rollout.end is End.OPEN:
        return "in progress"
    if rollout.returns:
        return "a return to an earlier version"
    if not rollout.exposed:
        return "no users reached it"
    return ""


def _failures(known: Sequence[Deployment]) -> dict[str, float | None]:
    """Deployments that failed, each with the seconds until users were healthy again; None where they are not yet."""
    found: dict[str, float | None] = {}
    for index, one in enumerate(known):
        if one.returns:
            continue
        following = known[index + 1] if index + 1 < len(known) else None
        if one.end is not End.COMPLETED:
            began = one.trouble if one.trouble is not None else one.ended or one.began
            cure = one.well if one.end is End.ROLLED_BACK else _next_good(known[index + 1 :])
            found[one.id] = None if cure is None else max(0.0, cure - began)
        elif following is not None and (following.hotfix or _takes_back(following, one)):
            began = one.trouble if one.trouble is not None else following.began
            cure = _next_good(known[index + 1 :])
            found[one.id] = None if cure is None else max(0.0, cure - began)
    return found


def _takes_back(following: Deployment, one: Deployment) -> bool:
    return following.returns and following.old == one.version and following.version != one.version


def _next_good(later: Sequence[Deployment]) -> float | None:
    """When a good version was there for everyone next."""
    return next((r.ended for r in later if r.end is End.COMPLETED), None)


def _frequency(deployments: Sequence[Deployment], left_out: Excluded, since: float, until: float) -> Figure:
    days = max((until - since) / _DAY, 1e-9)
    low, high = poisson(len(deployments))
    return Figure(
        "deployment-frequency", "Deployment frequency", "per week", len(deployments) / days * 7, low / days * 7,
        high / days * 7, len(deployments), tuple(d.id for d in deployments), left_out,
    )  # fmt: skip


def _lead_time(deployments: Sequence[Deployment], left_out: Excluded) -> Figure:
    times, counted, more, seen = list[float](), list[str](), list[tuple[str, str]](), set[str]()
    for one in deployments:
        if one.end is not End.COMPLETED or one.ended is None:
            more.append((one.id, "it was rolled back"))
        elif one.commits is None:
            more.append((one.id, "its commits are unknown"))
        else:
            new = [(identity, at) for identity, at in one.commits if identity not in seen]
            seen.update(identity for identity, _ in new)
            times += [max(0.0, one.ended - at) for _, at in new]
            counted.append(one.id)
    return _of_times("change-lead-time", "Change lead time", times, counted, (*left_out, *more))


def _fail_rate(deployments: Sequence[Deployment], failures: Mapping[str, float | None], left_out: Excluded) -> Figure:
    n, hits = len(deployments), len(failures)
    low, high = wilson(hits, n)
    return Figure(
        "change-fail-rate", "Change fail rate", "share", hits / n if n else None, low if n else None,
        high if n else None, n, tuple(failures), left_out,
    )  # fmt: skip


def _recovery(deployments: Sequence[Deployment], failures: Mapping[str, float | None], left_out: Excluded) -> Figure:
    over = {identity: seconds for identity, seconds in failures.items() if seconds is not None}
    open_ = tuple((identity, "not recovered yet") for identity, seconds in failures.items() if seconds is None)
    well = tuple((d.id, "did not fail") for d in deployments if d.id not in failures)
    return _of_times(
        "failed-deployment-recovery-time", "Failed deployment recovery time", list(over.values()), list(over),
        (*left_out, *open_, *well),
    )  # fmt: skip


def _rework(deployments: Sequence[Deployment], left_out: Excluded) -> Figure:
    n, hits = len(deployments), [d.id for d in deployments if d.hotfix]
    low, high = wilson(len(hits), n)
    return Figure(
        "deployment-rework-rate", "Deployment rework rate", "share", len(hits) / n if n else None, low if n else None,
        high if n else None, n, tuple(hits), left_out,
    )  # fmt: skip


def _of_times(identity: str, title: str, times: list[float], counted: list[str], left_out: Excluded) -> Figure:
    if not times:
        return Figure(identity, title, "seconds", None, None, None, 0, (), left_out)
    middle, interval = median_interval(times)
    low, high = interval or (None, None)
    return Figure(identity, title, "seconds", middle, low, high, len(times), tuple(counted), left_out)
