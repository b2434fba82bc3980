"""Release notes from a repository, with what was measured of that version here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.git import Git
from pilotage.app.output import write_file
from pilotage.app.periods import Report
from pilotage.app.project import Project
from pilotage.model.rollout import Status
from pilotage.render.notes import data_of, document_of, draft_of
from pilotage.report.changelog import updated
from pilotage.report.commits import Change
from pilotage.report.curated import unmarked
from pilotage.report.notes import Audience, Notes, Release, kept_sections, notes_of
from pilotage.report.range import changes_of
from pilotage.report.versions import BadVersion, Scheme, next_version, ordered

if TYPE_CHECKING:
    from pilotage.engine.records.store import Store


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


# ── for a project ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class NotesRequest:
    """range: as of `changes_between` · scheme: semver or pep440 · version: that is released; None for the next one ·
    audience: developer, user or executive · day: of the release; None for that of its last commit · repository: another
    one than the project's · needs_version: a word stands for a version that cannot be worked out."""

    range: str | None = None
    paths: Sequence[str] = ()
    scheme: str = "semver"
    version: str | None = None
    audience: str = "developer"
    day: date | None = None
    repository: Path | None = None
    needs_version: bool = True


@dataclass(frozen=True, kw_only=True)
class NotesFound:
    """Notes, and what they were made of."""

    notes: Notes
    changes: Sequence[Change]
    version: str
    day: date | None


def next_version_of(project: Project, request: NotesRequest) -> str:
    """The version that the changes of a range ask for. Raises BadVersion, AdapterError."""
    return following(_changes(project, request), Scheme(request.scheme))


def notes_for(project: Project, request: NotesRequest) -> NotesFound:
    """Raises BadVersion, AdapterError."""
    found = _changes(project, request)
    version, day = request.version or _version(found, request), request.day or found.day
    store = project.store if project.has_store and request.repository is None else None
    release = release_of(found, _service(project, request.repository), version, day, store)
    notes = notes_of(found.changes, release, Audience(request.audience))
    return NotesFound(notes=notes, changes=found.changes, version=version, day=day)


def report_of(found: NotesFound) -> Report:
    """The notes as a document and as data."""
    return Report(document=document_of(found.notes), data=data_of(found.notes))


def update_changelog(path: Path, found: NotesFound, *, unreleased: bool) -> str:
    """Bring a CHANGELOG.md up to date in place. Returns the title of the section that was written. Raises OSError."""
    before = path.read_text(encoding="utf-8") if path.exists() else None
    version, day = ("Unreleased", None) if unreleased else (found.version, found.day)
    write_file(path, updated(before, version, day, kept_sections(found.changes)))
    return version


def renew_draft(path: Path, found: NotesFound) -> str:
    """Write or renew a draft; people's edits in it stay. Returns it as readers get it. Raises OSError."""
    before = path.read_text(encoding="utf-8") if path.exists() else None
    draft = draft_of(found.notes, before)
    write_file(path, draft)
    return unmarked(draft)


def _changes(project: Project, request: NotesRequest) -> Found:
    return changes_between(Git(request.repository or project.folder), request.range, request.paths)


def _version(found: Found, request: NotesRequest) -> str:
    try:
        return following(found, Scheme(request.scheme))
    except BadVersion:
        if request.needs_version and found.before:
            return "unreleased"
        raise


def _service(project: Project, repository: Path | None) -> str:
    if repository is None and project.config.exists():
        return project.whole.configuration.service
    return service_here(repository or project.folder)
