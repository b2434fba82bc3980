"""Packages that are not installed, but stand on `sys.path` with their entry points as if they were."""

from __future__ import annotations

import sys
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


def write_package(folder: Path, name: str, source: str, entries: Mapping[str, str]) -> Path:
    """A package of one module with entry points: `group` → `kind = module:object`. Returns the folder for `sys.path`."""
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(source)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{entry}\n" for group, entry in entries.items()))
    return folder
