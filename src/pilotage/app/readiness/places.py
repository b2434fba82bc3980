"""Where `pilotage.yaml` configures each gate, for findings that point at lines."""

from __future__ import annotations

from pilotage.adapters.git import repository_around
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project
from pilotage.config.loading import Loaded
from pilotage.config.yaml_reader import Path
from pilotage.model.readiness import Readiness
from pilotage.render.readiness_findings import Places


def places_of(project: Project, found: Readiness) -> Places:
    """The line of each gate's own setting; where it has none, of the section in which it would be."""
    lines = {gate.item: _line(project.loaded, found.environment, gate.item) for gate in found.gates}
    return Places(path=_path(project), lines=lines)


def _line(loaded: Loaded, environment: str, item: str) -> int:
    if item.startswith("check-"):
        paths: tuple[Path, ...] = (("environments", environment, "checks", item), ("environments", environment))
    else:
        paths = (
            ("readiness", "evidence", item), ("readiness", "not_for_us", item), ("environments", environment, item),
            ("readiness", "evidence"), ("readiness",), ("environments", environment),
        )  # fmt: skip
    prefix: Path = ("services", loaded.service) if loaded.service else ()
    for path in paths:
        whole = (*prefix, *path) if path[0] == "environments" else path
        if (mark := loaded.document.keys.get(whole)) is not None:
            return mark.line
    return 1


def _path(project: Project) -> str:
    """From the root of the repository; the name alone where there is none."""
    try:
        git = repository_around(project.folder)
        prefix = git.run("rev-parse", "--show-prefix").strip() if git else ""
    except AdapterError:
        prefix = ""
    return f"{prefix}{project.config.name}"
