"""What release notes say beside their changes: from the repository, the configuration, the tracker and the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pilotage.adapters.git import Git
from pilotage.adapters.openapi import documents_of
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project
from pilotage.config.loading import Loaded
from pilotage.config.notes import MilestoneSection, NotesSection
from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.quantity import format_share
from pilotage.model.record import RolloutSummary
from pilotage.model.report import BEST
from pilotage.model.rollout import Status
from pilotage.report.around import Around
from pilotage.report.openapi import ApiChange, changes_between_documents
from pilotage.report.statistics import wilson
from pilotage.report.tags import version_named

_DAYS = 90
_SATISFACTION = "user_satisfaction"
_LOST = (Status.ROLLED_BACK, Status.FAILED)


@dataclass(frozen=True, kw_only=True)
class ApiSpan:
    """first, last: the ends of a range; first empty for all commits · paths: of one package of several, or none."""

    first: str
    last: str
    paths: tuple[str, ...] = ()


def around(project: Project, git: Git, span: ApiSpan, version: str, *, ours: bool) -> Around:
    """ours: the repository is that of the project."""
    loaded = project.whole if ours and project.config.exists() else None
    section = loaded.configuration.notes if loaded else None
    section = section or NotesSection.model_validate({})
    reasons: dict[str, str] = {}
    api, documents = _api(git, span, section.openapi, reasons)
    upcoming, next_release = _next(section, reasons)
    support = section.support
    labelled = (
        ("documentation", support.documentation), ("portal", support.portal), ("training", support.training),
        ("contact", support.contact),
    )  # fmt: skip
    store = project.store if ours and project.has_store else None
    rates = _rates(store, project, version, reasons) if store and loaded else ()
    return Around(
        api=api, documents=documents, support=tuple((label, where) for label, where in labelled if where),
        upcoming=upcoming, next_release=next_release, roadmap=section.next.roadmap or "",
        feedback=section.next.feedback or "", developer_steps=tuple(section.update_steps.developers),
        user_steps=tuple(section.update_steps.users), staging=_has_staging(loaded), rates=rates, why_not=reasons,
    )  # fmt: skip


def _has_staging(loaded: Loaded | None) -> bool:
    readiness = loaded.configuration.readiness if loaded else None
    return bool(readiness and readiness.staging)


# ── the API ────────────────────────────────────────────────────────────────────────────────────────────────


def _api(
    git: Git, span: ApiSpan, named: Sequence[str], reasons: dict[str, str]
) -> tuple[tuple[ApiChange, ...], tuple[str, ...]]:
    """What breaks, and the documents that were compared."""
    if not span.first:
        reasons["api"] = "there is no earlier version to compare the API with"
        return (), ()
    changes: list[ApiChange] = []
    compared: list[str] = []
    for document in documents_of(git, git.commit(span.first), git.commit(span.last), named, span.paths):
        if document.unreadable:
            reasons["api"] = f"{document.path} is not compared: {document.unreadable}"
        elif document.old is not None:
            compared.append(document.path)
            changes += changes_between_documents(document.old, document.new)
        else:
            reasons["api"] = f"{document.path} is new, so there is nothing to compare it with"
    return tuple(changes), tuple(compared)


# ── what comes next ────────────────────────────────────────────────────────────────────────────────────────


def _next(section: NotesSection, reasons: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """Upcoming features, and the next release in words: as configured, else by the tracker's milestone."""
    following = section.next
    upcoming = tuple(following.upcoming)
    told = " on ".join(part for part in (following.version, following.day) if part)
    if section.milestone is None or (upcoming and told):
        return upcoming, told
    try:
        return _by_milestone(section.milestone, upcoming, told, reasons)
    except AdapterError as error:
        reasons["milestone"] = str(error)
        return upcoming, told


def _by_milestone(
    section: MilestoneSection, upcoming: tuple[str, ...], told: str, reasons: dict[str, str]
) -> tuple[tuple[str, ...], str]:
    """Raises AdapterError."""
    from pilotage.adapters.milestones import next_milestone
    from pilotage.adapters.secrets import resolve

    token = resolve(section.token).reveal() if section.token else ""
    found = next_milestone(section.code_host, section.repository, section.url, token)
    if found is None:
        reasons["milestone"] = f"{section.repository} has no open milestone"
        return upcoming, told
    if not found.summary and not upcoming:
        reasons["milestone"] = f"the milestone {found.title} has no description"
    summary = (found.summary,) if found.summary else ()
    day = f" on {found.day.isoformat()}" if found.day else ""
    return upcoming or summary, told or f"{found.title}{day}"


# ── how releases went ──────────────────────────────────────────────────────────────────────────────────────


def _rates(store: Store, project: Project, version: str, reasons: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Of the environment to which this version went last: how many releases reached all users; how satisfied they
    were."""
    named = version_named(version)
    names = (version, version[len(named.prefix) :] if named else version)  # a tag has a prefix, a rollout mostly none
    services = [project.service] if project.service else project.names.environments
    rollouts = [one for name in services for one in store.history(name, limit=200) if one.version in names]
    if not rollouts:
        reasons["deployment success rate"] = f"{version} was not deployed here"
        reasons["user satisfaction"] = f"{version} was not deployed here"
        return ()
    return (*_success(store, rollouts[0]), *_satisfaction(store, rollouts, reasons))


def _success(store: Store, newest: RolloutSummary) -> Iterator[tuple[str, str]]:
    """Of all releases to that environment that ended in the last 90 days and that users had."""
    known = store.history(newest.service, newest.environment, limit=2_000)
    since = (newest.finished_at or store.clock.now()) - _DAYS * 86400
    ended = [
        one for one in known
        if one.finished_at is not None and one.finished_at >= since
        and (one.status is Status.COMPLETED or (one.status in _LOST and one.reached > 0))
    ]  # fmt: skip
    if not ended:
        return
    good = sum(one.status is Status.COMPLETED for one in ended)
    low, high = wilson(good, len(ended))
    yield (
        "deployment success rate",
        f"{format_share(good / len(ended))} ({good} of {len(ended)} releases to {newest.environment} in {_DAYS} days, "
        f"95 % interval {format_share(low)} to {format_share(high)})",
    )


def _satisfaction(
    store: Store, rollouts: Sequence[RolloutSummary], reasons: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """As users rate this version; else as the signal `user_satisfaction` had it while the version was watched."""
    newest = rollouts[0]
    rated = reports.rated(store.engine, (newest.service, newest.environment), newest.version, 0.0)
    if rated.count:
        plural = "s" if rated.count != 1 else ""
        yield (
            "user satisfaction",
            f"{rated.mean:.1f} of {BEST} ({rated.count:,} rating{plural} in {newest.environment})",
        )
        return
    for rollout in rollouts:
        live = store.live_views([rollout.id])[rollout.id]
        for verdict in live.verdicts:
            if _SATISFACTION in verdict.metric.replace(" ", "_") and verdict.canary not in ("", "–"):
                before = f", before {verdict.stable}" if verdict.stable not in ("", "–") else ""
                yield "user satisfaction", f"{verdict.canary}{before} (in {rollout.environment})"
                return
    reasons["user satisfaction"] = (
        f"no signal {_SATISFACTION} is configured under analysis.signals, and nobody rated it"
    )
