"""What git tells of releases: whether a later commit reverts or repairs them, and how far git was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.model.forecast import Forecast
from pilotage.report.named_repairs import named_repairs
from pilotage.report.outcomes import Signal
from pilotage.risk.followed import Released, repaired

_MOST_CHANGES = 3_000
"""Along first parents, since the oldest release that is looked at: some seconds."""


@dataclass(frozen=True, kw_only=True)
class Repairs:
    """signals: by rollout · missing: by rollout, why git cannot tell."""

    signals: Mapping[str, Signal] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def repairs_of(git: Git | None, forecasts: Sequence[Forecast], later: Iterable[str], now: float) -> Repairs:
    """forecasts: oldest first · later: versions that were deployed, whose tags may lie on branches of their own."""
    if not forecasts:
        return Repairs()
    if git is None:
        return Repairs(missing={one.rollout: "there is no git repository" for one in forecasts})
    try:
        return _looked(git, forecasts, tuple(later), now)
    except AdapterError as error:
        return Repairs(missing={one.rollout: f"git cannot tell: {error}" for one in forecasts})


def _looked(git: Git, forecasts: Sequence[Forecast], later: Sequence[str], now: float) -> Repairs:
    seen, missing, released = _seen_until(git, now), dict[str, str](), dict[str, Released]()
    for one in forecasts:
        if not (commits := _commits(git, one.revisions)):
            missing[one.rollout] = "git does not have its commits any more"
        elif not released and _count(git, f"{one.revisions.partition('..')[0]}..HEAD") > _MOST_CHANGES:
            missing[one.rollout] = f"more than {_MOST_CHANGES:,} changes have followed"
        else:
            released[one.rollout] = Released(name=one.rollout, commits=commits, until=one.until)
    first = next((one.revisions.partition("..")[0] for one in forecasts if one.rollout in released), "")
    signals: dict[str, Signal] = {}
    for tip in _tips(git, later) if first else ():
        for name, signal in _signals(git, f"{first}..{tip}", tuple(released.values())):
            signals[name] = min(signals.get(name, signal), signal, key=lambda found: found.at)
    stale = {
        one.rollout: "git was not fetched since its time was over"
        for one in forecasts if one.rollout in released and seen < one.until
    }  # fmt: skip
    return Repairs(signals=signals, missing=stale | missing)


def _signals(git: Git, range_: str, releases: Sequence[Released]) -> Iterator[tuple[str, Signal]]:
    """What alters the lines of a release to repair something, and what names its commits."""
    git.see_whole([range_], range_)
    for name, change in repaired(git.changes([range_]), releases).items():
        yield name, Signal(at=change.landed, why=f"{change.commit[:10]} repairs it: {change.subject[:80]}")
    owners = {commit: one.name for one in releases for commit in one.commits}
    for name, commits in named_repairs(git.told([range_]), owners).items():
        for one in commits:
            yield name, Signal(at=one.at, why=f"{one.id[:10]} names it: {one.subject[:80]}")


def _count(git: Git, range_: str) -> int:
    return int(git.run("rev-list", "--count", "--first-parent", range_))


def _commits(git: Git, revisions: str) -> frozenset[str]:
    try:
        return frozenset(git.run("rev-list", revisions, "--").split())
    except AdapterError:
        return frozenset()


def _tips(git: Git, later: Sequence[str]) -> Iterator[str]:
    """HEAD, and the tags of versions that are not in its history."""
    yield "HEAD"
    known = {tag: git.commit(tag) for version in later if (tag := git.tag_of(version))}
    beside = set(git.run("rev-list", "--no-walk", *known.values(), "^HEAD").split()) if known else set[str]()
    yield from (tag for tag, commit in known.items() if commit in beside)


def _seen_until(git: Git, now: float) -> float:
    """Until when git knows what happened, Unix seconds: without a remote to fetch from, until now."""
    if not git.run("remote").strip():
        return float("inf")
    # A clock that was ahead proves nothing.
    newest = max(
        (at for at in map(float, git.run("log", "--all", "-50", "--format=%ct").split()) if at <= now), default=0.0
    )
    fetched = git.path / git.run("rev-parse", "--git-path", "FETCH_HEAD").strip()
    return max(newest, fetched.stat().st_mtime if fetched.exists() else 0.0)
