"""The risk of every planned release: of the commits from the version that serves to the one that is to (R17).

It is part of the plan, so it depends on commits and on the planned day, never on the clock: the same release keeps its
hash, and its sign-offs. Whether *now* is a good time is said when it is deployed.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date

from pilotage.adapters.git import Git, repository_around
from pilotage.adapters.ports import AdapterError
from pilotage.app.plan import PlanRequest, plan_for
from pilotage.app.project import Project
from pilotage.app.repository import git_here
from pilotage.app.waves import with_waves
from pilotage.model.plan import Plan
from pilotage.model.risk import Assessment

BUDGET = 30.0
"""Seconds that a plan waits for its first assessment; it is then kept. A busy machine must not make another plan of the
same commits, so a person waits rather than signs without a risk."""

_MOST_CHANGES = 300
"""More are assessed on request alone: the number decides, so that the same plan is made on any machine."""


class Unassessed(AdapterError):
    """The message says why the risk of a release is unknown."""


def planned(project: Project, environment: str, wish: PlanRequest) -> Plan:
    """The plan for a wish, with the waves of its tenants and the risk of its change, or why that is unknown."""
    wish = with_waves(project, environment, wish)
    if wish.risk is not None or wish.going_back:
        return plan_for(project.loaded, environment, wish)
    try:
        known = replace(wish, risk=_assessed(project, environment, wish))
    except AdapterError as error:
        known = replace(wish, risk_unknown=str(error))
    return plan_for(project.loaded, environment, known)


def _assessed(project: Project, environment: str, wish: PlanRequest) -> Assessment:
    """Raises Unassessed, AdapterError."""
    before = _before(project, environment, wish.version)
    git = git_here(project) if repository_around(project.folder) else None
    if git is None:
        raise Unassessed(f"{project.folder.name} is not in a git repository")
    first = git.tag_of(before)
    if first is None:
        raise Unassessed(f"git has no tag for {before}, which serves")
    last = git.tag_of(wish.version) or "HEAD"
    _check_size(git, first, last)
    return within_budget(project, f"{first}..{last}", wish.release_date)


def _before(project: Project, environment: str, version: str) -> str:
    """The version that this one replaces, or replaced. Raises Unassessed."""
    service = project.service_name
    serving = project.records.serving(service, environment) if project.has_store else ()
    before = next((one for one in serving if one != version), "")
    if not before:
        raise Unassessed(f"no earlier version serves {environment}")
    return before


def _check_size(git: Git, first: str, last: str) -> None:
    """Raises Unassessed for a range that is empty or too large to be assessed at every plan."""
    mine = git.scope.paths.pathspecs
    count = int(git.run("rev-list", "--count", "--first-parent", f"{first}..{last}", "--", *mine))
    if not count:
        raise Unassessed(f"there is no commit between {first} and {last}")
    if count > _MOST_CHANGES:
        raise Unassessed(f"{first}..{last} has {count} changes: assess them with --with-risk {first}..{last}")


def within_budget(project: Project, revisions: str, day: date | None, seconds: float = BUDGET) -> Assessment:
    """Raises Unassessed if it takes longer; what is left of it then ends with this process."""
    found: list[Assessment | Exception] = []

    def assess() -> None:
        from pilotage.app.risk import assess_planned

        try:
            found.append(assess_planned(project, revisions, day))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=assess, daemon=True, name="risk")
    thread.start()
    thread.join(seconds)
    if not found:
        raise Unassessed(f"it takes more than {seconds:g} s: assess it with --with-risk {revisions}")
    if isinstance(found[0], Exception):
        raise found[0] if isinstance(found[0], AdapterError) else Unassessed(f"it failed: {found[0]!r}")
    return found[0]
