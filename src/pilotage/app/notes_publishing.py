"""Publishes release notes when a rollout has completed, and adds a day later what was learned since (R22, R23)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pilotage.adapters.code_host import CodeRepository
from pilotage.adapters.code_release import MARK, publish_release
from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import resolve
from pilotage.app.notes import NotesRequest, notes_for
from pilotage.app.output import write_file
from pilotage.app.project import Project
from pilotage.app.repository import git_here
from pilotage.app.standing import standing
from pilotage.config.notes import PublishSection
from pilotage.engine.records import publications, reports
from pilotage.engine.records.store import Store
from pilotage.model.document import Document, Section
from pilotage.model.errors import PilotageError
from pilotage.model.publication import NotesPlace, NotesPublication, PublicationState, Stage
from pilotage.model.record import RolloutSummary
from pilotage.model.report import BEST, ReportKind, ReportState
from pilotage.model.wording import counted
from pilotage.render.document import to_html, to_markdown
from pilotage.render.notes import document_of
from pilotage.report.curated import unmarked

_log = logging.getLogger(__name__)
_RECENT = 86400.0
"""Seconds for which a completed rollout is looked at, and an attempt is repeated."""
_FIRST_WAIT, _LONGEST_WAIT = 30.0, 3600.0
"""Seconds between two attempts: the first, doubled each time, and the most."""


def publish_notes(directory: Path, store: Store) -> None:
    """What the worker does every few seconds: publish what is due in any service of its folder."""
    whole = standing(directory)
    if whole is None:
        return
    for name in whole.configuration.services or [whole.configuration.service]:
        loaded = whole.of(name) if whole.configuration.services else whole
        notes = loaded.configuration.notes
        if notes is None or notes.publish is None:
            continue
        # With one store for several machines, only the one that deploys there publishes.
        home = store.home(directory, loaded.configuration.service, notes.publish.environment)
        if home is None or home.is_here:
            publish_due(Project.of(loaded, store), notes.publish, store.clock.now())


def publish_due(project: Project, section: PublishSection, now: float) -> None:
    """Plan what has completed of late, and publish what is due of one service. now: Unix seconds."""
    store, service = project.store, project.loaded.configuration.service
    place = (store.engine, service, section.environment)
    here = (*publications.completed_since(*place, now - _RECENT), *publications.kept_ready(*place, now))
    for rollout, version, reached in here:
        publications.plan(store.engine, _wanted(section, service, rollout, version, reached))
    for one in publications.due(store.engine, service, now):
        publications.settle(store.engine, _tried(project, section, one, now))


def _wanted(
    section: PublishSection, service: str, rollout: str, version: str, reached: float
) -> Iterator[NotesPublication]:
    """reached: when all users had the version and its last watch had ended, Unix seconds."""
    places = (
        (NotesPlace.FOLDER, section.folder),
        (NotesPlace.PAGE, section.page),
        (NotesPlace.RELEASE, section.release),
    )
    for place, configured in places:
        for stage, due in ((Stage.FIRST, reached), (Stage.AMENDED, reached + section.amend_after)):
            if configured:
                yield NotesPublication(
                    rollout=rollout, service=service, environment=section.environment, version=version, place=place,
                    stage=stage, due=due,
                )  # fmt: skip


def _tried(project: Project, section: PublishSection, one: NotesPublication, now: float) -> NotesPublication:
    """What an attempt came to; after a day of failures it is given up."""
    attempts = one.attempts + 1
    try:
        address = _published(project, section, one)
    except (AdapterError, PilotageError, OSError, KeyError, UnicodeDecodeError) as error:
        _log.warning("cannot publish the notes of %s (%s): %s", one.version, one.place, error)
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(one.attempts, 20))
        first = project.store.look_up(one.rollout).finished_at or now
        delay = section.amend_after if one.stage is Stage.AMENDED else 0.0
        over = now - first - delay > _RECENT
        state = PublicationState.DEAD if over else PublicationState.WAITING
        return replace(one, state=state, due=now + wait, attempts=attempts, error=str(error)[:500], at=now)
    return replace(one, state=PublicationState.DONE, attempts=attempts, address=address, error="", at=now)


def _published(project: Project, section: PublishSection, one: NotesPublication) -> str:
    """Publish; returns where. Raises AdapterError, PilotageError, OSError."""
    document, text = _written(project, section, one)
    match one.place:
        case NotesPlace.FOLDER:
            path = _inside(project, section.folder or "") / f"{one.version}.md"
            _write_ours(path, f"{text.rstrip()}\n\n{MARK}\n")
            return str(path)
        case NotesPlace.PAGE:
            folder = _inside(project, section.page or "")
            _write_ours(folder / f"{one.version}.html", f"{to_html(document).rstrip()}\n{MARK}\n")
            _write_ours(folder / "index.html", f"{to_html(_list(project, folder)).rstrip()}\n{MARK}\n")
            return str(folder / f"{one.version}.html")
        case NotesPlace.RELEASE:
            assert section.release is not None
            token = resolve(section.release.token).reveal()
            place = CodeRepository(
                kind=section.release.code_host, repository=section.release.repository, url=section.release.url,
                token=token,
            )  # fmt: skip
            tag = _tag(git_here(project), one.version)
            return publish_release(place, tag, f"{one.service} {one.version}", text)


def _written(project: Project, section: PublishSection, one: NotesPublication) -> tuple[Document, str]:
    """The notes as a document and as Markdown; an edited draft goes before what is made."""
    rollout = project.store.look_up(one.rollout)
    since = _since(project, rollout) if one.stage is Stage.AMENDED else ()
    draft = project.folder / section.draft.replace("{version}", one.version) if section.draft else None
    if draft is not None and draft.is_file():
        _inside(project, str(draft.relative_to(project.folder)))
        text = unmarked(draft.read_text(encoding="utf-8")) + to_markdown(Document("", (), since)).lstrip("# \n")
        parts = tuple(text.strip().split("\n\n"))
        return Document(f"{one.service} {one.version}", (), (Section("notes", "Notes", parts),)), text
    git, ended = git_here(project), rollout.finished_at or rollout.created_at
    before = _tag(git, rollout.old) if rollout.old else ""
    request = NotesRequest(
        range=f"{before}..{_tag(git, one.version)}", version=one.version, audience=section.audience,
        day=datetime.fromtimestamp(ended, UTC).date(),
    )  # fmt: skip
    made = document_of(notes_for(project, request).notes)
    document = replace(made, sections=(*made.sections, *since))
    return document, to_markdown(document)


def _tag(git: Git, version: str) -> str:
    found = git.tag_of(version)
    if found is None:
        raise AdapterError(f"git has no tag of {version}: push or fetch it")
    return found.removeprefix("refs/tags/")


def _since(project: Project, rollout: RolloutSummary) -> tuple[Section, ...]:
    """What the public may know of the time since: which version serves, confirmed problems, ratings."""
    store, place = project.store, (rollout.service, rollout.environment)
    serving = store.serving(*place)
    started, now = rollout.started_at or rollout.created_at, store.clock.now()
    said = [
        f"{rollout.version} is what users get." if serving[:1] == (rollout.version,) else _replaced(rollout, serving)
    ]
    harm = reports.listed(store.engine, place[0], [ReportKind.HARM], place[1], rollout.version, started, now)
    confirmed = sum(one.state is ReportState.CONFIRMED for one in harm)
    if confirmed:
        said.append(f"We have confirmed {counted(confirmed, 'reported problem')}.")
    rated = reports.rated(store.engine, place, rollout.version, started, now)
    if rated.count:
        said.append(f"Users rate it {rated.mean:.1f} of {BEST} ({counted(rated.count, 'rating')}).")
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    return (Section("since", f"Since the release, as of {day}", tuple(said)),)


def _replaced(rollout: RolloutSummary, serving: tuple[str, ...]) -> str:
    newer = serving[0] if serving else "another version"
    if rollout.old and serving[:1] == (rollout.old,):
        return f"{rollout.version} was withdrawn; users have {newer} again."
    return f"{newer} has replaced {rollout.version}."


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────────


class LeadsElsewhere(AdapterError):
    """A folder of the notes is a link to a place outside the project."""


def _inside(project: Project, name: str) -> Path:
    found = (project.folder / name).resolve()
    if not found.is_relative_to(project.folder):
        raise LeadsElsewhere(f"notes.publish: {name} leads to {found}, outside {project.folder}")
    return found


def _write_ours(path: Path, text: str) -> None:
    """A file that a person wrote stays as it is. Raises AdapterError, OSError."""
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise AdapterError(f"{path} was not written by Pilotage: it is left as it is")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, text)


def _list(project: Project, folder: Path) -> Document:
    """The versions whose pages are there, newest first."""
    pages = sorted(
        (one for one in folder.glob("*.html") if one.name != "index.html"), key=lambda one: -one.stat().st_mtime
    )
    rows = tuple((one.stem, datetime.fromtimestamp(one.stat().st_mtime, UTC).date().isoformat()) for one in pages)
    section = Section(
        "versions", "Versions", (), ("version", "updated"), rows, links=tuple(one.name for one in pages)
    )  # fmt: skip
    return Document(f"{project.loaded.configuration.service}: release notes", (), (section,))


def published_notes(project: Project) -> tuple[NotesPublication, ...]:
    """All publications of the service, newest first."""
    return publications.published(project.store.engine, project.loaded.configuration.service)
