"""Release notes from a repository, with what was measured of that version here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.notes_around import ApiSpan, around
from pilotage.app.output import write_file
from pilotage.app.periods import Report
from pilotage.app.project import Project
from pilotage.app.repository import git_here, refuse_other_parts
from pilotage.app.told_changes import told_between
from pilotage.app.version_tags import declared_at, names_at, on_a_release_branch
from pilotage.model.rollout import Status
from pilotage.render.notes import document_of, draft_of, lines_table, notes_output
from pilotage.report.around import Around
from pilotage.report.changelog import updated
from pilotage.report.commits import Change
from pilotage.report.curated import Span, unmarked
from pilotage.report.notes import Audience, Notes, Release, kept_sections, notes_of
from pilotage.report.tags import of_one_package, version_named, versions_of
from pilotage.report.versions import BadVersion, Part, Scheme, Tag, asked_version, next_version

if TYPE_CHECKING:
    from pilotage.engine.records.store import Store


@dataclass(frozen=True)
class Found:
    """changes of a range · before: the version that the range starts at, if it is one · day: of its last commit · at:
    the version that it ends at, empty where it ends at none · announced: a pre-release within it, the newest one ·
    span: the range by its commits, as a changelog remembers it · part: the one that change sets ask for."""

    range: str
    changes: tuple[Change, ...]
    before: str
    day: date | None
    at: str = ""
    announced: str = ""
    span: Span | None = None
    part: Part | None = None
    last: str = "HEAD"


@dataclass(frozen=True)
class Ends:
    """Where a range starts (empty: with the first commit) and ends; the rest as in `Found`."""

    first: str
    last: str
    at: str = ""
    announced: str = ""


def changes_between(git: Git, ends: Ends, paths: Sequence[str] = ()) -> Found:
    """Raises AdapterError."""
    first, last = ends.first, ends.last
    shown = f"{first}..{last}" if first else f"everything up to {last}"
    told = told_between(git, first, last, paths)
    commits, touching = told.commits, told.touching
    newest = next((commit.at for commit in commits if touching is None or commit.id in touching), None)
    day = datetime.fromtimestamp(newest, UTC).date() if newest is not None else None
    span = _span(git, first and git.commit(first), git.commit(last))
    part = declared_at(git, git.commit(last), paths or git.scope.paths.folders)
    return Found(shown, told.changes, first, day, ends.at, ends.announced, span, part, last)


def _span(git: Git, first: str, last: str) -> Span:
    def commits(named: str) -> frozenset[str]:
        begin, _, end = named.partition("..")
        try:
            found = git.run("rev-list", *([named] if begin else [end]), "--").split()
        except AdapterError:
            return frozenset()  # rebased away, or of another repository
        return frozenset(identity[:12] for identity in found)

    return Span(f"{first[:12]}..{last[:12]}", commits)


def ends_of(git: Git, request: NotesRequest) -> Ends:
    """`A..B` as given; `A` means everything after A. Without a range: a tagged commit's own version, otherwise
    everything after the last one. A final release contains what its pre-releases contained. Raises BadVersion,
    AdapterError."""
    git.commit("HEAD")
    if request.range is not None:
        return named_ends(git, request.range)
    tags, here = _versions_before(git, request)
    if here is not None and not (request.only_number and not here.final):
        earlier = [tag for tag in tags if tag.order < here.order and (tag.final or not here.final)]
        return Ends(earlier[-1].name if earlier else "", here.name, here.name)
    finals = [tag for tag in tags if tag.final] or tags[-1:]
    first = finals[-1].name if finals else ""
    announced = tags[-1].name if tags and tags[-1].name != first else ""
    return Ends(first, "HEAD", announced=announced)


def named_ends(git: Git, range_: str) -> Ends:
    """The ends of `A..B`, or of `A` for what came after A. Raises AdapterError."""
    first, dots, last = range_.partition("..")
    last = (last.removeprefix(".") or "HEAD") if dots else "HEAD"
    first, last = first.removeprefix("refs/tags/"), last.removeprefix("refs/tags/")  # as pipelines name them
    return Ends(first, last, _version_at(git, first, last))


def _versions_before(git: Git, request: NotesRequest) -> tuple[Sequence[Tag], Tag | None]:
    """The versions up to HEAD, oldest first, and the one that HEAD itself is."""
    scheme = Scheme(request.scheme)
    paths, prefix = request.paths or git.scope.paths.folders, request.tag_prefix
    if prefix is None and not request.paths:
        prefix = git.scope.tag_prefix or None

    def tagged_as(*options: str) -> list[str]:
        return [name for name in git.run("tag", *options, "HEAD").split() if name.startswith(prefix or "")]

    here = tagged_as("--points-at")
    found = versions_of(tagged_as("--merged"), scheme)
    tags = of_one_package(found, paths, prefix, here, names_at(git, paths))
    if tagged := next((tag for tag in reversed(tags) if tag.name in here), None):
        return tags, tagged
    prefixes = {tag.prefix for tag in tags} or ({"", "v"} if prefix is None else {prefix})
    others = versions_of(tagged_as("--no-merged"), scheme)
    return [*tags, *on_a_release_branch(git, tags, [tag for tag in others if tag.prefix in prefixes])], None


def _version_at(git: Git, first: str, last: str) -> str:
    """The version that the end of a range is: by its own name, or of the same prefix as the range's beginning."""
    if version_named(last) and git.run("tag", "--list", last).strip() == last:
        return last
    before = version_named(first)
    prefix = before.prefix if before else "v"
    found = [tag for name in git.run("tag", "--points-at", git.commit(last)).split() if (tag := version_named(name))]
    return next((tag.name for tag in reversed(found) if tag.prefix == prefix), "")


def following(found: Found, scheme: Scheme, prefix: str = "") -> str:
    """The version that a `Release-As` footer requests, otherwise the one after the start of the range. prefix: of the
    tag of a first version. Raises BadVersion."""
    if wanted := asked_version(found.before or found.announced, found.changes, scheme):
        return wanted
    first = f"{found.day:%Y.%-m}" if scheme is Scheme.CALVER and found.day else "0.0.0"
    return next_version(
        found.before or f"{prefix}{first}", found.changes, scheme, found.announced, found.day, found.part
    )


def release_of(
    found: Found, service: str, version: str, day: date | None, store: Store | None, beside: Around
) -> Release:
    return Release(service, version, day, found.range, measured(store, service, version) if store else (), beside)


def measured(store: Store, service: str, version: str) -> tuple[tuple[str, str], ...]:
    """The final figures of the last completed rollout of that version, with their numbers of requests."""
    named = version_named(version)
    names = {version, version[len(named.prefix) :] if named else version}  # a tag has a prefix, a rollout mostly none
    for rollout in store.history(service, limit=200):
        if rollout.version in names and rollout.status is Status.COMPLETED and rollout.old:
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
    """range: `A..B`, or `A` for everything after A · scheme: semver, pep440 or calver · version: of the release; None
    for the next one · audience: developer, user or executive · day: of the release; None for that of its last commit ·
    repository: another one than the project's · needs_version: use a word for a version that cannot be determined ·
    tag_prefix: of the tags that are its versions; None for the one that fits the paths · only_number: only the next
    version is wanted."""

    range: str | None = None
    paths: Sequence[str] = ()
    scheme: str = "semver"
    version: str | None = None
    audience: str = "developer"
    day: date | None = None
    repository: Path | None = None
    needs_version: bool = True
    tag_prefix: str | None = None
    only_number: bool = False


@dataclass(frozen=True, kw_only=True)
class NotesFound:
    """Notes, and what they were made of."""

    notes: Notes
    changes: Sequence[Change]
    version: str
    day: date | None
    span: Span | None = None


def next_version_of(project: Project, request: NotesRequest) -> str:
    """The next version for the changes of a range. Raises BadVersion, AdapterError."""
    found = _changes(project, replace(request, only_number=True))
    if found.at and request.range is None:
        return found.at
    return following(found, Scheme(request.scheme), _prefix(project, request))


def _prefix(project: Project, request: NotesRequest) -> str:
    """Of the first version's tag, which follows no other."""
    return request.tag_prefix or ("" if request.paths else _git(project, request).scope.tag_prefix)


def notes_for(project: Project, request: NotesRequest) -> NotesFound:
    """Raises BadVersion, AdapterError."""
    found = _changes(project, request)
    version = request.version or _version(found, request, _prefix(project, request))
    day = request.day or found.day
    store = project.store if project.has_store and request.repository is None else None
    git = _git(project, request)
    span = ApiSpan(first=found.before, last=found.last, paths=tuple(request.paths))
    beside = around(project, git, span, version, ours=request.repository is None)
    release = release_of(found, _service(project, request.repository), version, day, store, beside)
    notes = notes_of(found.changes, release, Audience(request.audience))
    return NotesFound(notes=notes, changes=found.changes, version=version, day=day, span=found.span)


def report_of(found: NotesFound) -> Report:
    """The notes as a document, and for programs."""
    return Report(document=document_of(found.notes), output=notes_output(found.notes))


def lines_here(found: NotesFound) -> tuple[str, ...]:
    """Each part of complete release notes as a line: whether these have it, or why not."""
    return lines_table(found.notes)


def update_changelog(path: Path, found: NotesFound, *, unreleased: bool) -> str:
    """Bring a CHANGELOG.md up to date in place. Returns the title of the section that was written. Raises OSError."""
    before = path.read_bytes().decode() if path.exists() else None  # its line ends as they are
    version, day = ("Unreleased", None) if unreleased else (found.version, found.day)
    write_file(path, updated(before, version, day, kept_sections(found.changes), found.span))
    return version


def renew_draft(path: Path, found: NotesFound) -> str:
    """Write or update a draft; people's edits stay. Returns it as readers get it. Raises OSError."""
    before = path.read_text(encoding="utf-8") if path.exists() else None
    draft = draft_of(found.notes, before)
    write_file(path, draft)
    return unmarked(draft)


def _changes(project: Project, request: NotesRequest) -> Found:
    git = _git(project, request)
    found = changes_between(git, ends_of(git, request), request.paths)
    return replace(found, day=request.day) if request.day else found


def _git(project: Project, request: NotesRequest) -> Git:
    if request.paths or request.tag_prefix is not None:
        refuse_other_parts(project)
    return Git(request.repository) if request.repository else git_here(project)


def _version(found: Found, request: NotesRequest, prefix: str) -> str:
    if found.at:
        return found.at
    try:
        return following(found, Scheme(request.scheme), prefix)
    except BadVersion:
        if request.needs_version and found.before:
            return "unreleased"
        raise


def _service(project: Project, repository: Path | None) -> str:
    if repository is None and project.config.exists():
        together = project.service is None and project.names.several
        return (project.whole if together else project.loaded).configuration.service
    return service_here(repository or project.folder)
