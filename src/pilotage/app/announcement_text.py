"""What an announcement may say of plan, changes, rollout and signatures; what is not known is empty."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.evidence import ProjectFiles
from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.announcement_facts import (
    BRIEFINGS,
    api_sentences,
    artifact_of,
    deliverables,
    mitigations,
    success_of,
    support_of,
    touching_the_api,
)
from pilotage.app.announcement_truth import newest
from pilotage.app.intake_links import links
from pilotage.app.notes import Ends, changes_between, measured, named_ends
from pilotage.app.repository import git_of
from pilotage.config.loading import Loaded
from pilotage.engine.records.moments import moment_of
from pilotage.engine.records.signatures import signatures_of
from pilotage.engine.records.store import Store
from pilotage.model.announcement import Announced
from pilotage.model.medium import Attachment, Medium
from pilotage.model.message import Message
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status
from pilotage.model.schedule import After
from pilotage.plan.communication import words_for
from pilotage.readiness import evidence
from pilotage.render.announcement import BadTemplate, announcement
from pilotage.render.announcement_document import document_of
from pilotage.render.document import to_html
from pilotage.report.commit_words import Kind
from pilotage.report.commits import Change
from pilotage.report.notes import Audience, Release, notes_of

if TYPE_CHECKING:
    from jinja2 import BaseLoader

_HIGHLIGHTS = 5
NOTHING: Mapping[str, object] = {}
_METRICS = "success_metrics"


def text_of(announced: Announced, facts: Mapping[str, object], folder: Path | None, language: str) -> str:
    """The edited text, otherwise the template's. Raises BadTemplate."""
    if announced.text is not None:
        return announced.text
    return announcement(announced.item, facts, [own_templates(folder)] if folder else (), language)


def text_now(
    store: Store, loaded: Loaded, plan: Plan, announced: Announced, more: Mapping[str, object] = NOTHING
) -> str:
    """The same with the facts known now. more: facts that take precedence. Raises BadTemplate."""
    configuration = loaded.configuration
    folder = loaded.folder / configuration.templates if configuration.templates else None
    facts = {**facts_of(store, loaded, plan, item=announced.item), **more}
    return text_of(announced, facts, folder, configuration.language)


def own_templates(folder: Path) -> BaseLoader:
    """The templates of a project, read as its evidence is: nothing leads out of their folder, no `..` and no link."""
    from jinja2 import FunctionLoader

    inside = ProjectFiles(folder, float("inf"), 0.0)

    def read(name: str) -> str | None:
        if not os.path.lexists(folder / name):
            return None
        try:
            return evidence.text_of(inside.read(name)[0], name)
        except BadEvidence as error:
            raise BadTemplate(str(error)) from None

    return FunctionLoader(read)


def facts_of(
    store: Store, loaded: Loaded, plan: Plan, range_: str | None = None, item: str = ""
) -> dict[str, object]:  # fmt: skip
    """What a template may say: of the plan, of the changes, of the rollout, and of who signed. item: the announcement;
    only briefings are told of the artifact and of what lowers the risk: that takes a while."""
    rollout = newest(store, plan)
    return {
        **words_for(plan),
        "plan": plan.hash[:12],
        "before": (rollout.old if rollout else None) or "",
        "reason": rollout.reason if rollout and rollout.status is Status.ROLLED_BACK else "",
        "outcome": _outcome(rollout, _complete_since(store, plan)),
        "measured": _measured(store, plan),
        "adopted": _adopted(store, loaded, rollout) if item == _METRICS else [],
        "signed": _signed(store, plan),
        "artifact": artifact_of(loaded, store, rollout.id if rollout else "") if item in BRIEFINGS else "",
        "support": support_of(loaded),
        "risk": f"{plan.risk.level.value}: {plan.risk.lead}" if plan.risk else "",
        "success": success_of(plan),
        "webinar": loaded.configuration.meetings.webinar_link or "",
        "mitigations": mitigations(loaded, store, plan) if item in BRIEFINGS else [],
        **links(loaded, plan.version),
        **_of_range(store, loaded, plan, range_),
    }


def _of_range(store: Store, loaded: Loaded, plan: Plan, range_: str | None) -> dict[str, object]:
    """Facts of the changes from what serves to this version, as far as git knows both."""
    git = git_of(loaded)
    try:
        ends = named_ends(git, range_) if range_ is not None else _ends(git, store, plan)
        if not ends.first:
            return _of_changes(())
        changes = changes_between(git, ends).changes
        touching = touching_the_api(git, ends.first, ends.last)
    except AdapterError:
        if range_ is not None:
            raise
        return _of_changes(())
    api = api_sentences(git, loaded, ends.first, ends.last)
    return _of_changes(changes) | {"deliverables": deliverables(changes, api, touching)}


def _ends(git: Git, store: Store, plan: Plan) -> Ends:
    rollout = newest(store, plan)
    serving = store.serving(plan.service, plan.environment)
    first = git.tag_of((rollout.old or "") if rollout else serving[0] if serving else "")
    return Ends(first or "", git.tag_of(plan.version) or "HEAD")


def _of_changes(changes: Sequence[Change]) -> dict[str, object]:
    notes = notes_of(changes, Release("", "", None, ""), Audience.USER)
    interesting = [c for c in changes if c.kind in (Kind.FEATURE, Kind.IMPROVEMENT, Kind.SECURITY)]
    interesting = interesting or [c for c in changes if c.kind is Kind.FIX]
    return {
        "known": bool(changes),
        "highlights": [c.summary.replace("`", "") for c in interesting][:_HIGHLIGHTS],
        "breaking": [f"{b.text}: {b.cure}" if b.cure else b.text for b in notes.breaking],
        "sections": [(title, [item.text for item in items]) for title, items in notes.sections],
        "security": [c.summary for c in changes if c.kind is Kind.SECURITY],
        "dependencies": sum(c.kind is Kind.DEPENDENCY for c in changes),
        "deliverables": deliverables(changes, (), frozenset()),
        "values": list(dict.fromkeys(c.value for c in changes if c.value)),
        "affected": list(dict.fromkeys(c.impact for c in changes if c.impact)),
    }


def _complete_since(store: Store, plan: Plan) -> float | None:
    with store.engine.connect() as connection:
        return moment_of(connection, plan, After.COMPLETED)


def attachments_of(message: Message) -> tuple[Attachment, ...]:
    """A document has a file of its own: a page that needs nothing beside it."""
    if message.kind != Medium.DOCUMENT:
        return ()
    name = f"{message.service}-{message.version}-{message.key.rpartition('/')[2].replace('_', '-')}.html"
    return (Attachment(name=name, type="text/html", content=to_html(document_of(message.title, message.text))),)


def _outcome(rollout: RolloutSummary | None, complete: float | None) -> str:
    """complete: since when all users have it for good, Unix seconds."""
    if rollout is None:
        return ""
    if complete is not None:
        took = format_duration(round(complete - (rollout.started_at or rollout.created_at)))
        return f"It reached all users after {took}, without a rollback."
    if not rollout.status.final:
        return ""
    took = format_duration(round(rollout.took or 0))
    match rollout.status:
        case Status.ROLLED_BACK:
            return f"It was rolled back after {took}: {rollout.reason}."
        case Status.CANCELLED:
            return f"It was not released: {rollout.reason}."
        case _:
            return f"It failed after {took}: {rollout.reason}."


def _measured(store: Store, plan: Plan) -> list[tuple[str, str]]:
    return list(measured(store, plan.service, plan.version))


def _adopted(store: Store, loaded: Loaded, rollout: RolloutSummary | None) -> list[tuple[str, str]]:
    """Who uses the new features since the release reached everyone."""
    if rollout is None or rollout.status is not Status.COMPLETED or not loaded.configuration.report.adoption:
        return []
    from pilotage.app.adoption import adoption_words

    return adoption_words(loaded, rollout.finished_at or rollout.created_at, store.clock.now())


def _signed(store: Store, plan: Plan) -> list[str]:
    return [
        f"{one.item}: {one.by} ({one.role}) on {time.strftime('%Y-%m-%d', time.gmtime(one.at))}"
        for one in signatures_of(store.engine, plan.service, plan.environment, plan.version)
        if one.plan == plan.hash
    ]
