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
from pilotage.app.notes import Ends, changes_between, measured, named_ends
from pilotage.config.loading import Loaded
from pilotage.engine.records.signatures import signatures_of
from pilotage.engine.records.store import Store
from pilotage.model.announcement import Announced
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status
from pilotage.plan.communication import words_for
from pilotage.readiness import evidence
from pilotage.render.announcement import BadTemplate, announcement
from pilotage.report.commit_words import Kind
from pilotage.report.commits import Change
from pilotage.report.notes import Audience, Release, notes_of

if TYPE_CHECKING:
    from jinja2 import BaseLoader

_HIGHLIGHTS = 5


def text_of(announced: Announced, facts: Mapping[str, object], folder: Path | None, language: str) -> str:
    """The edited text, otherwise the template's. Raises BadTemplate."""
    if announced.text is not None:
        return announced.text
    return announcement(announced.item, facts, [own_templates(folder)] if folder else (), language)


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


def facts_of(store: Store, loaded: Loaded, plan: Plan, range_: str | None = None) -> dict[str, object]:
    """What a template may say: of the plan, of the changes, of the rollout, and of who signed."""
    changes = _changes(store, loaded, plan, range_)
    rollout = _rollout(store, plan)
    return {
        **words_for(plan),
        "plan": plan.hash[:12],
        "before": (rollout.old if rollout else None) or "",
        "reason": rollout.reason if rollout and rollout.status is Status.ROLLED_BACK else "",
        "outcome": _outcome(rollout),
        "measured": _measured(store, plan),
        "signed": _signed(store, plan),
        "artifact": "",
        **_of_changes(changes),
    }


def _changes(store: Store, loaded: Loaded, plan: Plan, range_: str | None) -> Sequence[Change]:
    """From what serves to this version, as far as git knows both; none where it does not."""
    git = Git(loaded.folder)
    try:
        if range_ is not None:
            return changes_between(git, named_ends(git, range_)).changes
        rollout = _rollout(store, plan)
        serving = store.serving(plan.service, plan.environment)
        first = git.tag_of((rollout.old or "") if rollout else serving[0] if serving else "")
        last = git.tag_of(plan.version) or "HEAD"
        return changes_between(git, Ends(first, last)).changes if first else ()
    except AdapterError:
        if range_ is not None:
            raise
        return ()


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
    }


def _rollout(store: Store, plan: Plan) -> RolloutSummary | None:
    """The newest of this version there."""
    known = store.history(plan.service, plan.environment, limit=100)
    return next((rollout for rollout in known if rollout.version == plan.version), None)


def _outcome(rollout: RolloutSummary | None) -> str:
    if rollout is None or not rollout.status.final:
        return ""
    took = format_duration(round(rollout.took or 0))
    match rollout.status:
        case Status.COMPLETED:
            return f"It reached all users after {took}, without a rollback."
        case Status.ROLLED_BACK:
            return f"It was rolled back after {took}: {rollout.reason}."
        case Status.CANCELLED:
            return f"It was not released: {rollout.reason}."
        case _:
            return f"It failed after {took}: {rollout.reason}."


def _measured(store: Store, plan: Plan) -> list[tuple[str, str]]:
    return list(measured(store, plan.service, plan.version))


def _signed(store: Store, plan: Plan) -> list[str]:
    return [
        f"{one.item}: {one.by} ({one.role}) on {time.strftime('%Y-%m-%d', time.gmtime(one.at))}"
        for one in signatures_of(store.engine, plan.service, plan.environment, plan.version)
        if one.plan == plan.hash
    ]
