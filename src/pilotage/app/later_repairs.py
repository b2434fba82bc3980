"""What git tells of releases: whether a later commit reverts or repairs them, and how far git was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.release_lines import Line, line_of
from pilotage.model.forecast import Forecast
from pilotage.report.merged_repairs import merges_of_repairs
from pilotage.report.named_repairs import named_repairs
from pilotage.report.outcomes import Signal
from pilotage.risk.followed import Released, repaired

_MOST_CHANGES, _MOST_TOGETHER = 3_000, 6_000
"""Along first parents, since the oldest release that is looked at: of its own branch, and of all that are read. Some
seconds."""
_MOST_TIPS = 20
"""Branches and tags that are read; those that a release came from come first, then the newest."""


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
    missing, released, lines = dict[str, str](), dict[str, Released](), list[Line]()
    for one in forecasts:
        if not (commits := _commits(git, one.revisions)):
            missing[one.rollout] = "git does not have its commits any more"
            continue
        first, _, last = one.revisions.partition("..")
        line = line_of(git, last, now)
        if not released and any(_count(git, f"{first}..{tip}") > _MOST_CHANGES for tip in line.own):
            missing[one.rollout] = f"more than {_MOST_CHANGES:,} changes have followed"
            continue
        released[one.rollout] = Released(name=one.rollout, commits=commits, until=one.until)
        lines.append(line)
        if lacks := line.lacks(one.until):
            missing[one.rollout] = lacks
    first = next((one.revisions.partition("..")[0] for one in forecasts if one.rollout in released), "")
    signals: dict[str, Signal] = {}
    for tip in _read(git, first, _tips(git, lines, later)) if first else ():
        for name, signal in _signals(git, first, tip, tuple(released.values())):
            signals[name] = min(signals.get(name, signal), signal, key=lambda found: found.at)
    return Repairs(signals=signals, missing=missing)


def _signals(git: Git, first: str, tip: str, releases: Sequence[Released]) -> Iterator[tuple[str, Signal]]:
    """What alters the lines of a release to repair something, and what names its commits."""
    range_ = f"{first}..{tip}"
    git.see_whole([range_], range_)
    told = git.told([range_])
    for name, change in repaired(git.changes([range_]), releases, merges_of_repairs(told, tip)).items():
        yield name, Signal(at=change.landed, why=f"{change.commit[:10]} repairs it: {change.subject[:80]}")
    owners = {commit: one.name for one in releases for commit in one.commits}
    for name, commits in named_repairs(told, owners).items():
        for one in commits:
            yield name, Signal(at=one.at, why=f"{one.id[:10]} names it: {one.subject[:80]}")


def _count(git: Git, range_: str) -> int:
    return int(git.run("rev-list", "--count", "--first-parent", range_))


def _commits(git: Git, revisions: str) -> frozenset[str]:
    try:
        return frozenset(git.run("rev-list", revisions, "--").split())
    except AdapterError:
        return frozenset()


def _tips(git: Git, lines: Sequence[Line], later: Sequence[str]) -> list[str]:
    """Commits: where the releases came from, what is checked out, the later versions, and every other branch that holds
    a release. The clone of a machine that deploys is often at a tag, and its own branches are old."""
    own = [tip for line in lines for tip in line.own]
    tags = [git.commit(tag) for version in later if (tag := git.tag_of(version))]
    others = [tip for line in lines for tip in line.others]
    return list(dict.fromkeys((*own, git.commit("HEAD"), *tags, *others)))


def _read(git: Git, first: str, tips: Sequence[str]) -> Iterator[str]:
    """Those that have something of their own, as far as there is time to read them."""
    read, left = list[str](), _MOST_TOGETHER
    for tip in tips:
        if read and not git.run("rev-list", "-1", tip, *(f"^{one}" for one in read)).strip():
            continue
        left -= _count(git, f"{first}..{tip}")
        if read and (left < 0 or len(read) == _MOST_TIPS):
            return
        read.append(tip)
        yield tip
