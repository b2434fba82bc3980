"""Checks everything that a release's readiness depends on, in parallel, and returns the state of each gate (R5–R7)."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, overload

from pilotage.adapters.evidence import ProjectFiles
from pilotage.adapters.ports import AdapterError
from pilotage.app.database import database_gates
from pilotage.app.phase_facts import phase_gates
from pilotage.app.project import Project
from pilotage.app.readiness import alert_delivery, database, first_release
from pilotage.app.readiness.documents import BEHIND_WORDS
from pilotage.app.readiness.files import BY_REPORT, Reports
from pilotage.app.readiness.next_steps import next_step
from pilotage.app.readiness.records import OURS
from pilotage.app.readiness.remote import BY_ASKING, CheckContext
from pilotage.app.readiness.states import BY_STATE
from pilotage.app.rollout_checks import check_gates
from pilotage.config.loading import Loaded
from pilotage.config.readiness import ReadinessSection
from pilotage.engine.records.followups import actions_of
from pilotage.engine.records.readings import keep
from pilotage.engine.records.signatures import signatures_of
from pilotage.engine.records.store import Store
from pilotage.model.answers import TeamSize
from pilotage.model.clock import day_of
from pilotage.model.plan import Plan
from pilotage.model.readiness import BadEvidence, Evidence, Gate, Readiness, Signature, UnknownItem
from pilotage.model.schedule import Requirement, Role
from pilotage.readiness.gates import BY_EVIDENCE, BY_OURSELVES, FOLLOW_UP, ReleaseContext, gate

if TYPE_CHECKING:
    from pilotage.adapters.git import Git

Told = Callable[[Gate, int, int], None]
"""Called with each decided gate, the number of decided gates, and the total."""


def assess_readiness(
    project: Project, actor: str, plan: Plan, told: Told | None = None, *, keeps: bool = True
) -> Readiness:
    """All gates of `plan`, in its order. Raises UnknownItem. A check that fails with an error is not ready. keeps:
    record the figures that were counted; whoever only looks keeps none."""
    loaded, store, now = project.loaded, project.store, project.store.clock.now()
    section = section_of(loaded)
    check_items(loaded, plan)
    case = _case(loaded, plan, store, section, now)
    artifact, flaw = _artifact(loaded)
    given = signatures_of(store.engine, plan.service, plan.environment, plan.version)
    names = project.people.identify(actor).names
    where = ReleaseContext(plan.hash, artifact, now, frozenset(names), is_small(plan))
    found: dict[str, Gate] = {}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1) * 2) as pool:
        asked = {pool.submit(_proofs, case, item, section): item for item in plan.readiness}
        for done in as_completed(asked):
            item = asked[done]
            proofs = (*done.result(), *((flaw,) if flaw and item.id not in BY_OURSELVES else ()))
            found[item.id] = gate(item, proofs, given, next_step(case, item), where)
            if told:
                told(found[item.id], len(found), len(asked))
    mine = tuple(found[item.id] for item in plan.readiness)
    if keeps:
        keep(store.engine, (plan.service, plan.environment), plan.version, _counted(mine), now)
    return Readiness(
        plan.service, plan.environment, plan.version, plan.hash, artifact, names, now,
        (
            *mine,
            *check_gates(loaded, plan, given, where),
            *database_gates(loaded, plan, _serving(store, plan), tuple(given), where),
            *_actions(store, plan, given, where, loaded.configuration.calendar.timezone),
            *phase_gates(loaded, store, plan, found, tuple(given), where),
        ),
        given,
    )  # fmt: skip


def _serving(store: Store, plan: Plan) -> str:
    """The version that serves the environment; empty if none does."""
    return next(iter(store.serving(plan.service, plan.environment)), "")


def _counted(gates: Sequence[Gate]) -> dict[str, float]:
    """Open findings by item, where they are counted."""
    counts = {gate.item: [proof.open for proof in gate.proofs if proof.open is not None] for gate in gates}
    return {item: float(sum(found)) for item, found in counts.items() if found}


def gates_of(loaded: Loaded, store: Store, plan: Plan, items: Collection[str]) -> tuple[Gate, ...]:
    """Some gates of `plan`, in its order, for nobody in particular: what they have shown, and not who may release."""
    section, now = section_of(loaded), store.clock.now()
    case = _case(loaded, plan, store, section, now)
    artifact, flaw = _artifact(loaded)
    given = signatures_of(store.engine, plan.service, plan.environment, plan.version)
    where = ReleaseContext(plan.hash, artifact, now, frozenset(), is_small(plan))
    found = []
    for item in plan.readiness:
        if item.id in items:
            proofs = (*_proofs(case, item, section), *((flaw,) if flaw and item.id not in BY_OURSELVES else ()))
            found.append(gate(item, proofs, given, "", where))
    return tuple(found)


def _actions(
    store: Store, plan: Plan, given: Sequence[Signature], where: ReleaseContext, zone: str
) -> tuple[Gate, ...]:
    """Overdue follow-ups of retrospectives block the next release (R26); until then they are only shown. They are not
    part of the plan, so closing one voids no sign-off."""
    today = day_of(where.now, zone).isoformat()
    found = []
    for action in actions_of(store.engine, plan.service, open_only=True):
        late = action.overdue(today)
        words = (
            f"{action.description}: overdue since {action.due}, owned by {action.owner}"
            if late
            else f"due {action.due}"
        )
        item = Requirement(
            f"{FOLLOW_UP}{action.id}", "retrospective", action.description, Role.RELEASE_MANAGER,
            "the follow-up's outcome", action.criterion, blocking=True, phase="", due=None, source="R26",
        )  # fmt: skip
        proof = Evidence("followup", not late, words)
        found.append(gate(item, (proof,), given, f"pilotage followup done {action.id} --outcome …", where))
    return tuple(found)


def check_items(loaded: Loaded, plan: Plan) -> None:
    """Raises UnknownItem for a name in `readiness` that is no item or no environment."""
    section = loaded.configuration.readiness
    if section is None:
        return
    known = BY_EVIDENCE | BY_OURSELVES | {item.id for item in plan.readiness}
    named = [("evidence", name) for name in section.evidence] + [("waivers", name) for name in section.waivers.never]
    for key, name in named:
        if name not in known and name not in _every_item():
            place = loaded.place("readiness", key, name)
            raise UnknownItem(
                f"{place}: no readiness item is called {name!r}; this plan has {', '.join(sorted(known))}"
            )
    there = loaded.configuration.environments
    for name in (*section.environments, *((section.staging,) if section.staging else ())):
        if name not in there:
            place = loaded.place("readiness")
            raise UnknownItem(f"{place}: no environment is called {name!r}; there are {', '.join(there)}")


def _every_item() -> frozenset[str]:
    """The items of any answers, so that a configuration stays valid when an answer changes."""
    from pilotage.plan.readiness import every_item

    return every_item()


def section_of(loaded: Loaded) -> ReadinessSection:
    """`readiness` of the configuration, or what holds where it says nothing."""
    return loaded.configuration.readiness or ReadinessSection.model_validate({})


def enforced(loaded: Loaded, environment: str) -> bool:
    """Whether deploy refuses what is not ready there: where `readiness` says so, and else everywhere but in staging."""
    section = loaded.configuration.readiness
    if section is None or not section.enforce:
        return False
    return environment in section.environments if section.environments else environment != section.staging


def _case(loaded: Loaded, plan: Plan, store: Store, section: ReadinessSection, now: float) -> CheckContext:
    folder = loaded.folder
    evidence = ProjectFiles(folder, section.max_age, now, committed(folder), _repository(folder))
    return CheckContext(loaded, plan, store, section, evidence, now)


def _repository(folder: Path) -> Git | None:
    from pilotage.adapters.git import repository_around

    return repository_around(folder)


def committed(folder: Path) -> float:
    """When the current commit was made, Unix seconds; 0 if there is none. Raises AdapterError if git fails."""
    git = _repository(folder)
    if git is None or not git.run("log", "-1", "--all", "--format=%ct").strip():
        return 0.0
    return float(git.run("log", "-1", "--format=%ct", "HEAD"))


def artifact_digest(loaded: Loaded) -> str:
    """SHA-256 of the artifact that `readiness.artifact` names; empty where none is named. Raises BadEvidence."""
    section = loaded.configuration.readiness
    if section is None or section.artifact is None:
        return ""
    return ProjectFiles(loaded.folder, inf, 0.0).digest(section.artifact).sha256


def _artifact(loaded: Loaded) -> tuple[str, Evidence | None]:
    """The artifact's digest, and what keeps it from having one."""
    try:
        return artifact_digest(loaded), None
    except BadEvidence as error:
        return "", Evidence("artifact", False, str(error))


def _proofs(case: CheckContext, item: Requirement, section: ReadinessSection) -> tuple[Evidence, ...]:
    if not item.blocking:
        return ()
    if exempt := first_release.exemption(case, item):
        return (exempt,)
    wanted = section.evidence.get(item.id)
    checks: list[tuple[str, Callable[[], Evidence | None]]] = []
    if wanted is not None:
        own = case.aged(wanted.max_age) if wanted.max_age else case
        reports = Reports(own.folder, own.plan.answers.risk_tolerance)
        kinds = [kind for kind in wanted.model_fields_set if getattr(wanted, kind)]
        checks += [(k, partial(BY_REPORT[k], reports, item, wanted)) for k in BY_REPORT if k in kinds]
        asking = {**BY_ASKING, **BEHIND_WORDS}
        checks += [(k, partial(asking[k], own, item, wanted)) for k in asking if k in kinds]
    if item.id in BY_STATE:
        checks.append((item.id, partial(BY_STATE[item.id], case, item)))
    if item.id in OURS:
        checks.append((item.id, partial(OURS[item.id], case, item)))
    if item.id == database.ITEM and database.makes_backups(case):
        checks.append(("backup", partial(database.backup, case, item)))
    if item.id == alert_delivery.ITEM:
        mine = alert_delivery.checks(case)
        checks = [*((kind, check) for kind, check in checks if kind not in mine), *mine.items()]
    made = (safely(kind, check) for kind, check in checks)
    return tuple(proof for proof in made if proof is not None)


def proofs_of(project: Project, plan: Plan, items: Sequence[Requirement]) -> Mapping[str, tuple[Evidence, ...]]:
    """What is found now about some items of a plan, by their names."""
    section = section_of(project.loaded)
    case = _case(project.loaded, plan, project.store, section, project.clock.now())
    return {item.id: _proofs(case, item, section) for item in items}


@overload
def safely(kind: str, check: Callable[[], Evidence]) -> Evidence: ...
@overload
def safely(kind: str, check: Callable[[], Evidence | None]) -> Evidence | None: ...
def safely(kind: str, check: Callable[[], Evidence | None]) -> Evidence | None:
    """A check that cannot be made has shown nothing."""
    try:
        return check()
    except (BadEvidence, AdapterError) as error:
        return Evidence(kind, False, str(error))
    except Exception as error:
        return Evidence(kind, False, f"the check failed: {type(error).__name__}: {error}")


def is_small(plan: Plan) -> bool:
    """Whether author and approver may be one, with a review afterwards (C18)."""
    return plan.answers.team_size is TeamSize.SMALL


def in_words(readiness: Readiness) -> str:
    """One line of refusal: what is missing, by name."""
    missing: Sequence[Gate] = readiness.missing
    shown = "; ".join(f"{g.item}: {g.reason}" for g in missing[:4])
    more = f"; and {len(missing) - 4} more" if len(missing) > 4 else ""
    return f"{shown}{more}"
