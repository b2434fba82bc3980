"""Compares the OpenAPI comparison with oasdiff, on the pairs of documents that oasdiff tests itself with.

    git clone https://github.com/oasdiff/oasdiff && go install github.com/oasdiff/oasdiff@v1.37.0
    python benchmarks/openapi_cases.py oasdiff/data/checker ~/go/bin/oasdiff

Each pair is taken in both directions. Counted are operations: whether each of the two finds something that breaks.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml

from pilotage.report.openapi import changes_between_documents
from pilotage.report.openapi_kinds import Certainty

ERROR = 3
Operation = tuple[str, str]


def pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    for revision in sorted(folder.glob("*_revision*.yaml")):
        for name in (revision.name.replace("_revision", "_base"), re.sub("_revision.*", "_base.yaml", revision.name)):
            if (base := folder / name).exists():
                yield base, revision
                yield revision, base
                break


def by_oasdiff(program: str, old: Path, new: Path) -> set[Operation]:
    said = subprocess.run([program, "changelog", str(old), str(new), "-f", "json"], capture_output=True, check=True)
    found = json.loads(said.stdout or b"null") or []
    return {(one["operation"], _path(one["path"])) for one in found if one["level"] == ERROR and "operation" in one}


def by_us(old: Path, new: Path) -> dict[Operation, Certainty]:
    """The most certain finding of each operation."""
    changes = changes_between_documents(*(yaml.safe_load(path.read_text()) for path in (old, new)))
    found: dict[Operation, Certainty] = {}
    for one in changes:
        key = one.method, _path(one.path)
        found[key] = min(found.get(key, Certainty.MAY_BREAK), one.certainty)
    return found


def _path(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def main(folder: Path, program: str) -> None:
    counted: Counter[str] = Counter()
    for old, new in pairs(folder):
        theirs, ours = by_oasdiff(program, old, new), by_us(old, new)
        for operation in theirs | ours.keys():
            us = ours.get(operation)
            word = f"{'error' if operation in theirs else 'none'}, {us or 'none'}"
            counted[word] += 1
            if word in ("error, none", "none, breaks"):
                print(f"{word}: {old.name} -> {new.name} {' '.join(operation)}")
    for word, count in sorted(counted.items()):
        print(f"{count:5} oasdiff, Pilotage: {word}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
