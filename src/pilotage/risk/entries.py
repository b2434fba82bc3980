"""What a patch of text does not show: submodules that move, and programs that lose the permission to run."""

from __future__ import annotations

from collections.abc import Iterable

from pilotage.model.change import Entry, FileKind, FilePatch
from pilotage.model.risk import Finding, RiskFactor, RiskLevel

_READ = "read what it brings: `git log` in the submodule, from its old commit to its new one"
_RUN = "set it again with `git update-index --chmod=+x`, or start it with its interpreter"


def findings_of(files: Iterable[FilePatch]) -> list[Finding]:
    """One finding for each submodule and each such program."""
    found = dict[str, Finding]()
    for file in files:
        if file.entry is Entry.SUBMODULE and not file.gone:
            words = f"the submodule {file.path} {'is at another commit' if file.before else 'is new'}"
            found[file.path] = Finding(RiskFactor.DEPENDENCIES, RiskLevel.MEDIUM, words, file.path, _READ)
        elif file.runnable is False and file.kind is not FileKind.DOCUMENTATION:
            words = f"{file.path} may no longer be run as a program"
            found[file.path] = Finding(RiskFactor.INFRASTRUCTURE, RiskLevel.MEDIUM, words, file.path, _RUN)
        elif file.runnable:
            found.pop(file.path, None)
    return list(found.values())
