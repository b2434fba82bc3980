"""Release notes from a repository, with what was measured of that version here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.git import Git
from pilotage.model.rollout import Status
from pilotage.report.commits import Change
from pilotage.report.notes import Release
from pilotage.report.range import changes_of
from pilotage.report.versions import Scheme, next_version, ordered

if TYPE_CHECKING:
    from pilotage.engine.store import Store


@dataclass(frozen=True)
class Found:
    """changes of a range · before: the version that the range begins at, if it is one · day: of its last commit."""

    range: str
    changes: tuple[Change, ...]
    before: str
    day: date | None


def changes_between(git: Git, range_: str | None, paths: Sequence[str] = ()) -> Found:
    """range_: `A..B`, `A` for what came after A, None for what came after the newest version. Raises AdapterError."""
    first, last = _ends(git, range_)
    revisions = [f"{git.commit(first)}..{git.commit(last)}"] if first else [git.commit(last)]
    shown = f"{first}..{last}" if first else f"everything up to {last}"
    git.see_whole(revisions, shown)
    commits = git.told(revisions, paths)
    day = datetime.fromtimestamp(commits[0].at, UTC).date() if commits else None
    return Found(shown, changes_of(commits), first, day)


def _ends(git: Git, range_: str | None) -> tuple[str, str]:
    if range_ is None:
        git.commit("HEAD")
        tags = ordered(git.run("tag", "--merged", "HEAD").split())
        return (tags[-1] if tags else ""), "HEAD"
    first, dots, last = range_.partition("..")
    return first, (last.removeprefix(".") or "HEAD") if dots else "HEAD"


def following(found: Found, scheme: Scheme) -> str:
    """The version after the one that the range begins at. Raises BadVersion."""
    return next_version(found.before or "0.0.0", found.changes, scheme)


def release_of(found: Found, service: str, version: str, day: date | None, store: Store | None) -> Release:
    return Release(service, version, day, found.range, measured(store, service, version) if store else ())


def measured(store: Store, service: str, version: str) -> tuple[tuple[str, str], ...]:
    """What the last rollout of that version that completed said at its end: figures with the requests they are of."""
    for rollout in store.history(service, limit=200):
        if rollout.version == version and rollout.status is Status.COMPLETED and rollout.old:
            live = store.live_views([rollout.id])[rollout.id]
            where = f"in {rollout.environment}, against {rollout.old}"
            return tuple(
                (v.metric, f"{v.canary}, before {v.stable} ({v.samples:,} requests, {where})")
                for v in live.verdicts
                if v.canary not in ("", "–") and v.stable not in ("", "–") and v.samples
            )
    return ()


def service_here(folder: Path) -> str:
    """What a repository without a configuration is called: its folder's name."""
    return folder.resolve().name
