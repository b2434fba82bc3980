"""Packages that are not installed, but stand on `sys.path` with their entry points as if they were."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pilotage.adapters import registry


@contextmanager
def on_path(*folders: Path) -> Iterator[None]:
    """As if the packages in these folders were installed."""
    before = list(sys.path)
    sys.path[:0] = [str(folder) for folder in folders]
    registry.forget_added()
    try:
        yield
    finally:
        sys.path[:] = before
        registry.forget_added()


def as_installed(project: Path, folder: Path) -> tuple[Path, ...]:
    """The folders for `sys.path` that make a project look installed. folder: for the metadata that an installer would
    write from its pyproject.toml."""
    told = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    info = folder / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n")
    lines = [
        f"[{group}]\n{name} = {where}\n"
        for group, every in told["entry-points"].items()
        for name, where in every.items()
    ]
    (info / "entry_points.txt").write_text("".join(lines))
    return project / "src", folder


def write_package(folder: Path, name: str, source: str, entries: Mapping[str, str]) -> Path:
    """A package of one module with entry points, `group` → `kind = module:object`; the folder for `sys.path`."""
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{entry}\n" for group, entry in entries.items()))
    return folder
