"""Later commits that name what they undo or repair: reverts, in the words of git and the code hosts, and `Fixes:`
trailers with a commit (R17, R24)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pilotage.model.commit import Commit
from pilotage.report.merges import plain_title, request_of
from pilotage.report.reverts import Revert, revert_of

_FIXES = re.compile(r"^Fixes: ([0-9a-f]{7,40})\b", re.IGNORECASE | re.MULTILINE)


def named_repairs(commits: Iterable[Commit], owners: Mapping[str, str]) -> Mapping[str, tuple[Commit, ...]]:
    """By release, the commits that name one of its own. commits: any order · owners: the release of each commit that
    came out with one, by full ids. What repairs a commit of its own release never reached anybody."""
    all_ = tuple(commits)
    subjects: dict[str, set[str]] = {}
    for one in all_:
        if one.id in owners:
            for title in (one.subject, plain_title(one.subject)):
                subjects.setdefault(title, set()).add(owners[one.id])
    found: dict[str, list[Commit]] = {}
    for one in all_:
        hit = {owners[known] for name in _ids(one) for known in owners if known.startswith(name)}
        hit |= _by_subject(one, subjects)
        for release in hit - {owners.get(one.id, "")}:
            found.setdefault(release, []).append(one)
    return {release: tuple(several) for release, several in found.items()}


def _revert(one: Commit) -> Revert | None:
    return revert_of(request_of(one).title, one.body)


def _ids(one: Commit) -> tuple[str, ...]:
    revert = _revert(one)
    fixed = tuple(match[1] for match in _FIXES.finditer(one.body))
    return (*(revert.ids if revert is not None and not revert.again else ()), *fixed)


def _by_subject(one: Commit, subjects: Mapping[str, set[str]]) -> set[str]:
    """Only where the revert names no id, and only if one release alone has a commit of that subject."""
    revert = _revert(one)
    if revert is None or revert.again or revert.ids:
        return set()
    hit = subjects.get(revert.subject) or subjects.get(plain_title(revert.subject)) or set()
    return hit if len(hit) == 1 else set()
