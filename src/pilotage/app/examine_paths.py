"""Whether the paths of services name files that the repository has: a typing error hides changes."""

from __future__ import annotations

from collections.abc import Iterator

from pilotage.adapters.git import repository_around
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project
from pilotage.model.finding import Finding
from pilotage.model.path_pattern import matches


def examine_paths(project: Project) -> Iterator[Finding]:
    """One finding of all patterns of the file; none where there are no patterns."""
    whole = project.whole.configuration
    named = {f"services.{name}.": section for name, section in whole.services.items()} | {"": whole}
    patterns = [
        (f"{place}{kind}", pattern)
        for place, section in named.items() for kind in ("paths", "built_from") for pattern in getattr(section, kind)
    ]  # fmt: skip
    if not patterns:
        return
    try:
        git = repository_around(project.folder)
        if git is None:
            yield Finding("WARN", "paths", f"{project.folder.name} is not in a git repository, so paths are of no use")
            return
        paths = git.run("ls-tree", "-rz", "--full-tree", "--name-only", "HEAD").split("\0")
    except AdapterError as error:
        yield Finding("WARN", "paths", str(error))
        return
    empty = [f"{place}: {pattern}" for place, pattern in patterns if not any(matches(pattern, path) for path in paths)]
    if empty:
        yield Finding("WARN", "paths", f"{', '.join(empty)} names no file in git: correct it, or add the files")
    else:
        yield Finding("PASS", "paths", f"all {len(patterns)} patterns name files in git")
