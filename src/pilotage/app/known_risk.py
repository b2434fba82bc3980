"""The risk of every planned release: of the commits from the version that serves to the one that is to (R17).

It is part of the plan, so it depends on commits and on the planned day, never on the clock: the same release keeps its
hash, and its sign-offs. Whether *now* is a good time is said when it is deployed.
"""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import date

from pilotage.adapters.git import Git, repository_around
from pilotage.adapters.ports import AdapterError
from pilotage.app.first_deployment import is_first
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

_VERSION = re.compile(r"\d\.\d")


class Unassessed(AdapterError):
    """The message says why the risk of a release is unknown."""


def planned(project: Project, environment: str, wish: PlanRequest) -> Plan:
    """The plan for a wish, with the waves of its tenants, the risk of its change or why that is unknown, and whether it
    is the first deployment."""
    wish = with_waves(project, environment, wish)
    if wish.going_back:
        return plan_for(project.loaded, environment, wish)
    wish = replace(wish, first=not wish.as_update and is_first(project, environment, wish.version))
    if wish.risk is not None:
        wish = replace(wish, risk=held_against_tags(project, environment, wish))
        return plan_for(project.loaded, environment, wish)
    try:
        known = replace(wish, risk=_assessed(project, environment, wish))
    except AdapterError as error:
        known = replace(wish, risk_unknown=str(error))
    return plan_for(project.loaded, environment, known)


def held_against_tags(project: Project, environment: str, wish: PlanRequest) -> Assessment | None:
    """The assessment that a wish brings. If tags tell that it is of other commits, it may only add caution."""
    given = wish.risk
    if given is None or not (doubt := _doubt(project, environment, wish.version, given)):
        return given
    doubted = replace(given, doubt=doubt)
    try:
        own = _assessed(project, environment, wish)
    except AdapterError:
        return doubted
    if _rank(given) > _rank(own):
        return doubted
    said = f"The commits that were asked for have {given.level} risk ({given.lead}), and are not used: {doubt}."
    return replace(own, notes=(said, *own.notes))


def _rank(risk: Assessment) -> tuple[int, float]:
    return risk.level.rank, risk.probability_percent


def _doubt(project: Project, environment: str, version: str, given: Assessment) -> str:
    """Why these are not the commits of the release; empty where no tag tells so."""
    git = git_here(project) if repository_around(project.folder) else None
    if git is None:
        return ""
    first, _, last = given.revisions.partition("..")
    try:
        before = _before(project, environment, version)
    except Unassessed:
        before = ""
    return "; ".join(filter(None, (_wrong_begin(git, first, before), _wrong_end(git, last, version))))


def _wrong_begin(git: Git, first: str, before: str) -> str:
    tag = git.tag_of(before) if before else None
    if tag is None or git.commit(tag) == first:
        return ""
    return f"they begin at {_called(git, first)}, not at {before}, which serves"


def _wrong_end(git: Git, last: str, version: str) -> str:
    """Without a tag of the version, that of another one tells."""
    tag = git.tag_of(version)
    ended = _version_at(git, last)
    if git.commit(tag) == last if tag is not None else not ended or version in ended:
        return ""
    return f"they end at {_called(git, last)}, not at {version}"


def _version_at(git: Git, commit: str) -> str:
    """The tag of a version at a commit; empty where there is none."""
    tags = git.run("tag", "--points-at", commit, f"{git.scope.tag_prefix}*").split()
    return next((tag for tag in tags if _VERSION.search(tag)), "")


def _called(git: Git, commit: str) -> str:
    return _version_at(git, commit) or commit[:10]


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
