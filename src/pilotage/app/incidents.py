"""Incidents: the document about a release that was rolled back or failed, and the evidence as one signed bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pilotage.adapters.bundle import pack
from pilotage.adapters.files import write_durably
from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.periods import Report
from pilotage.app.project import Project, Unclear
from pilotage.app.reports import incident_from
from pilotage.app.repository import git_anyway
from pilotage.engine.placement.location import made, place_of
from pilotage.engine.records.store import Store
from pilotage.model.document import Document
from pilotage.model.json import Json, JsonObject
from pilotage.model.output.reports import IncidentOutput
from pilotage.model.record import Rollout
from pilotage.model.rollout import Status
from pilotage.render.document import to_markdown
from pilotage.render.report_outputs import document_output
from pilotage.report.incident import Incident, incident_of

UNDONE = (Status.ROLLED_BACK, Status.FAILED, Status.ROLLING_BACK, Status.WITHDRAWN)
"""Statuses of rollouts that may have harmed users."""

INCIDENT, PLAN, EVENTS = "incident.json", "plan.json", "events.jsonl"
_LOG = 2 * 2**20
"""Bytes of a log that a bundle has: its end."""

_DIFFERENCE = 4 * 2**20
"""Characters of the difference between the two versions."""

_OPEN = "(left out)"
_REFERENCE = "secret://"


def incident_report(project: Project, environment: str | None, rollout: str | None) -> Report:
    """Of a rollout, or of the newest that was rolled back or failed. Raises Unclear."""
    document = incident_of(incident_here(project, find_undone(project, environment, rollout)))
    return Report(document=document, output=IncidentOutput(incident=document_output(document)))


def incident_here(project: Project, rollout: Rollout) -> Incident:
    """What the store knows of it, by the clocks of the project's calendar."""
    return incident_from(project.store, rollout, project.loaded.configuration.calendar.timezone)


def find_undone(project: Project, environment: str | None, rollout: str | None) -> Rollout:
    """The rollout meant, or the newest that was rolled back or failed. Raises Unclear."""
    if rollout is not None:
        return project.rollout(environment, rollout)
    name = project.environment(environment)
    for one in project.store.history(project.loaded.configuration.service, name, limit=200):
        if one.status in UNDONE:
            return project.store.get(one.id)
    raise Unclear(f"no rollback in {name}, so there is no incident to report")


# ── written down ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written about an incident. link: of the document, where it can be read; empty if unknown."""

    document: Path
    bundle: Path
    link: str


def files_of(project: Project, rollout: Rollout) -> Written:
    """Where the document and the bundle of a rollout are, or will be."""
    section = project.loaded.configuration.incidents
    folder = project.folder / section.folder if section.folder else made(project.directory) / "incidents"
    began = datetime.fromtimestamp(rollout.started_at or rollout.created_at, UTC)
    name = f"{began:%Y-%m-%d}-{rollout.id}"
    link = f"{section.url.rstrip('/')}/{name}.md" if section.url else ""
    return Written(document=folder / f"{name}.md", bundle=folder / f"{name}.zip", link=link)


def write_down(project: Project, rollout: Rollout) -> Written:
    """Write document and bundle, each once: people add to a document what only they know."""
    written = files_of(project, rollout)
    if not written.document.exists():
        text = to_markdown(incident_of(incident_here(project, rollout)))
        written.document.parent.mkdir(parents=True, exist_ok=True)
        write_durably(written.document, text.encode(), shared=True)
    if not written.bundle.exists():
        bundle(project, rollout, written.bundle)
    return written


def bundle(project: Project, rollout: Rollout, path: Path) -> str:
    """Write all evidence of an incident into one archive, signed with the key of the records; returns its SHA-256.
    Raises BadBundle."""
    document = incident_of(incident_here(project, rollout))
    contents = dict(_contents(project, rollout, document))
    path.parent.mkdir(parents=True, exist_ok=True)
    return pack(path, contents, project.signer())


def _contents(project: Project, rollout: Rollout, document: Document) -> Iterator[tuple[str, bytes]]:
    yield INCIDENT, _json({
        "format": 1, "rollout": rollout.id, "service": rollout.service, "environment": rollout.environment,
        "version": rollout.version, "stable_version": rollout.old, "status": rollout.state.status.value,
        "reason": rollout.state.reason, "plan": rollout.plan_hash, "head": rollout.head, "events": rollout.events,
    })  # fmt: skip
    yield "incident.md", to_markdown(document).encode()
    yield PLAN, rollout.plan.to_json().encode()
    yield EVENTS, _events(project.store, rollout)
    yield "verdicts.json", _json(msgspec.to_builtins(rollout.live.verdicts))
    yield "sums.json", _json(msgspec.to_builtins(rollout.judge))
    yield "configuration.json", _json(without_secrets(rollout.snapshot.environment))
    yield "difference.txt", _difference(git_anyway(project, rollout.service), rollout).encode()
    for log in _logs(project.directory, rollout):
        yield f"logs/{log.name}", _end_of(log)


def _events(store: Store, rollout: Rollout) -> bytes:
    """As they are chained: one a line, with the hash of each and of the one before."""
    return b"".join(
        json.dumps(vars(event), ensure_ascii=False, sort_keys=True).encode() + b"\n"
        for event in store.events(rollout.id)
    )


def _logs(directory: Path, rollout: Rollout) -> tuple[Path, ...]:
    """Of all instances of both versions."""
    folder = place_of(directory, rollout.service, rollout.environment) / "fleet" / "logs"
    versions = [version for version in (rollout.version, rollout.old) if version]
    return tuple(path for path in sorted(folder.glob("*.log")) if any(path.name.startswith(f"{v}-") for v in versions))


def _end_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG))
            return file.read(_LOG)
    except OSError as error:
        return f"cannot be read: {error.strerror}\n".encode()


def _difference(git: Git, rollout: Rollout) -> str:
    """What is in the version and not in the one before, as git has it."""
    mine = git.scope.paths.pathspecs
    try:
        old, new = git.tag_of(rollout.old or ""), git.tag_of(rollout.version)
        if not old or not new:
            missing = rollout.version if old else rollout.old or "a version before"
            return f"git has no tag of {missing}\n"
        commits = git.run("log", "--oneline", "--no-decorate", f"{old}..{new}", "--", *mine)
        return f"{commits}\n{git.run('diff', '--stat', '--patch', '--no-ext-diff', old, new, '--', *mine)}"[
            :_DIFFERENCE
        ]
    except AdapterError as error:
        return f"{error}\n"


def without_secrets(value: Json) -> Json:
    """A configuration without the values of environment variables and headers: they may be secret, references to
    secrets are not."""
    if isinstance(value, Mapping):
        return {name: _hidden(one) if name in _HIDING else without_secrets(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(one) for one in value]
    return value


_HIDING = frozenset({"env", "headers", "environment"})


def _hidden(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _hidden(one) for name, one in value.items()}
    return value if isinstance(value, str) and value.startswith(_REFERENCE) else _OPEN


def _json(data: Json | JsonObject) -> bytes:
    return json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True).encode()
