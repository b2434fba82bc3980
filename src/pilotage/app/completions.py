"""What a shell may complete: names that this project has. Reads, never writes, and starts nothing that takes long."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pilotage.adapters.git import repository_around
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project

Candidate = tuple[str, str]
"""What is completed, and a word about it."""

_MOST = 50
_VERSION = re.compile(r"v?\d[\w.+-]*")


def services(project: Project) -> Iterator[Candidate]:
    yield from ((name, "") for name in project.names.environments)


def environments(project: Project) -> Iterator[Candidate]:
    known = project.names.environments
    places = known.get(project.service, ()) if project.service else [name for each in known.values() for name in each]
    yield from dict.fromkeys((name, "") for name in places)


def rollouts(project: Project, environment: str | None = None) -> Iterator[Candidate]:
    """Newest first."""
    if project.has_store:
        for one in project.records.history(project.service_name, environment, _MOST):
            yield one.id, f"{one.version} in {one.environment}, {one.status}"


def versions(project: Project, environment: str | None = None) -> Iterator[Candidate]:
    """Those that lie where the fleet's command looks for them, those that were deployed, and tags of the repository."""
    seen = dict[str, str]()
    for name in _installed(project):
        seen.setdefault(name, "installed")
    if project.has_store:
        for one in project.records.history(project.service_name, environment, _MOST):
            seen.setdefault(one.version, f"{one.status} in {one.environment}")
    for tag in _tags(project.folder):
        seen.setdefault(tag.removeprefix("v") if tag.removeprefix("v") in seen else tag, "tag")
    yield from seen.items()


def items() -> Iterator[Candidate]:
    """Readiness items."""
    from pilotage.plan.readiness import every_item

    yield from ((name, "") for name in sorted(every_item()))


def announcements(project: Project) -> Iterator[Candidate]:
    """Messages of the plan of any environment."""
    from pilotage.app.plan import PlanRequest, plan_for

    loaded = project.loaded
    for environment in list(loaded.configuration.environments)[:1]:
        for message in plan_for(loaded, environment, PlanRequest("0")).communication:
            yield message.id, message.audience


def roles() -> Iterator[Candidate]:
    from pilotage.model.schedule import Role, hyphened

    yield from ((hyphened(role), "") for role in Role)


def channels(project: Project) -> Iterator[Candidate]:
    yield from ((channel.called, channel.kind) for channel in project.whole.configuration.notify)


def freezes(project: Project, environment: str | None = None) -> Iterator[Candidate]:
    from pilotage.app.freezes import listed

    yield from ((one.name, place) for one, place in listed(project, environment))


def followups(project: Project) -> Iterator[Candidate]:
    from pilotage.app.followups import actions_here

    yield from ((str(one.id), one.description) for one in actions_here(project, open_only=True))


def conflicts() -> Iterator[Candidate]:
    from pilotage.plan.conflicts import NAMES

    yield from ((name, "") for name in NAMES)


def settings(project: Project) -> Iterator[Candidate]:
    """Paths of the plan's settings."""
    from pilotage.app.plan import PlanRequest, plan_for

    loaded = project.loaded
    for environment in list(loaded.configuration.environments)[:1]:
        for setting in plan_for(loaded, environment, PlanRequest("0")).settings:
            yield setting.path, setting.why


def answers() -> Iterator[Candidate]:
    """`question=answer`."""
    from pilotage.model.questions import QUESTIONS

    yield from ((f"{name}={answer}", "") for name, kind, _, _ in QUESTIONS for answer in kind)


def sections() -> Iterator[Candidate]:
    from pilotage.render.sections import IDS

    yield from ((name, "") for name in (*IDS, "all"))


def topics(incomplete: str = "") -> Iterator[Candidate]:
    """Paths of pilotage.yaml, one step further than what is typed."""
    from pilotage.app.reference import section

    parent = incomplete.rpartition(".")[0]
    for found in section(parent):
        for setting in found.settings:
            yield f"{parent}.{setting.name}".lstrip("."), setting.kind
    if not parent:
        yield from (("errors", "every error"), ("settings", "every setting of a plan"))


def _installed(project: Project) -> Iterator[str]:
    """Versions whose folder is there: what `{version}` stands for in the fleet's command or folder."""
    for section in project.loaded.configuration.environments.values():
        written = [getattr(section.fleet, "cwd", ""), *getattr(section.fleet, "command", [])[:1]]
        for text in written:
            before, mark, after = text.partition("{version}")
            if not mark or (before and not before.endswith("/")):
                continue
            place = project.folder / before
            within = after.lstrip("/")
            for one in sorted(place.iterdir() if place.is_dir() else (), reverse=True):
                if _VERSION.fullmatch(one.name) and (not within or (one / within).exists()):
                    yield one.name


def _tags(folder: Path) -> list[str]:
    try:
        repository = repository_around(folder)
        said = repository.run("tag", "--sort=-creatordate") if repository else ""
    except AdapterError:
        return []
    return [tag for tag in said.split() if _VERSION.fullmatch(tag)][:_MOST]
