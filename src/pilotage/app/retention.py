"""Deletes messages, words of users and logs that are older than `retention`; records stay for ever."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.adapters.stages.artifacts import ArtifactStore
from pilotage.adapters.stages.ports import Needed
from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.engine.records import pruning, ways

_GOOD = 10
"""Versions of each environment that it may go back to."""
_RECENT = 50


@dataclass(frozen=True, kw_only=True)
class Old:
    """messages, logs, reports, artifacts: how many are old enough to go · size: of the logs and artifacts, bytes."""

    messages: int
    logs: int
    size: int
    reports: int
    artifacts: int
    _found: pruning.Old
    _kept: pruning.Kept
    _now: float


def old(project: Project) -> Old:
    """What would go now. Raises ConfigError."""
    section, now = project.whole.configuration.retention, project.clock.now()
    kept = pruning.Kept(messages=section.messages, logs=section.logs, reports=section.reports)
    found = pruning.old(project.store.engine, project.directory, kept, now)
    built = ArtifactStore(project.directory / "artifacts").old(_needed(project), now - section.artifacts)
    return Old(
        messages=found.messages, logs=len(found.logs), size=found.size + sum(built.values()), reports=found.reports,
        artifacts=len(built), _found=found, _kept=kept, _now=now,
    )  # fmt: skip


def _needed(project: Project) -> Needed:
    """What environments serve or may go back to, and what is on its way."""
    store = project.store
    needed: dict[str, set[str]] = {}
    for service, environment in store.places():
        here = needed.setdefault(service, set())
        here.update(store.serving(service, environment)[:_GOOD])
        for one in store.history(service, environment, _RECENT):
            if not one.status.final:
                here.update(version for version in (one.version, one.old) if version)
    under_way = ways.open_ways(store.engine)
    for stored in under_way:
        needed.setdefault(stored.way.service, set()).add(stored.way.version)
    return Needed(
        versions={service: frozenset(versions) for service, versions in needed.items()},
        digests=frozenset(one.digest for stored in under_way for one in stored.state.artifacts),
    )


def remove(project: Project, actor: str, what: Old) -> None:
    """Remove what was found, and artifacts that are not needed by now. Raises OSError."""
    project.require(actor, Permission.PRUNE)
    pruning.prune(project.store.engine, what._found, what._kept, what._now)
    kept = project.whole.configuration.retention.artifacts
    ArtifactStore(project.directory / "artifacts").prune(_needed(project), what._now - kept)
