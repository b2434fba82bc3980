"""What a patch of text does not show: submodules that move, and programs that lose the permission to run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pilotage.model.change import Entry, FileKind, FilePatch
from pilotage.model.risk import Finding, RiskFactor, RiskLevel

_READ = "read what it brings: `git log` in the submodule, from its old commit to its new one"
_READ_ALL = "read what they bring: `git log` in each of them, from its old commit to its new one"
_SINGLE = 3
"""So many submodules are listed one by one."""
_RUN = "set it again with `git update-index --chmod=+x`, or start it with its interpreter"


def findings_of(files: Iterable[FilePatch]) -> list[Finding]:
    """One finding for each submodule, for more than three of them one in all, and one for each such program."""
    moved, found = dict[str, Finding](), dict[str, Finding]()
    for file in files:
        if file.entry is Entry.SUBMODULE and not file.gone:
            words = f"the submodule {file.path} {'is at another commit' if file.before else 'is new'}"
            moved[file.path] = Finding(RiskFactor.DEPENDENCIES, RiskLevel.MEDIUM, words, file.path, _READ)
        elif file.runnable is False and file.kind is not FileKind.DOCUMENTATION:
            words = f"{file.path} may no longer be run as a program"
            found[file.path] = Finding(RiskFactor.INFRASTRUCTURE, RiskLevel.MEDIUM, words, file.path, _RUN)
        elif file.runnable:
            found.pop(file.path, None)
    return [*_together(moved), *found.values()]


def _together(moved: dict[str, Finding]) -> list[Finding]:
    if len(moved) <= _SINGLE:
        return list(moved.values())
    names, rest = list(moved), len(moved) - _SINGLE
    words = f"{len(names)} submodules are new or at another commit: {', '.join(names[:_SINGLE])} and {rest} more"
    return [replace(moved[names[0]], sentence=words, mitigation=_READ_ALL)]
