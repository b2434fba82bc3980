"""Commits that each of many versions brought: one question to git for where all versions are, and one for each step
that is new.

What lies between two commits never changes, so it is remembered as long as the process lives. Only a shallow clone may
later know more.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from pilotage.adapters.git_tags import names_of
from pilotage.adapters.ports import AdapterError

if TYPE_CHECKING:
    from pilotage.adapters.git import Git

Commits: TypeAlias = tuple[tuple[str, float], ...]
"""As `Git.commits_between` tells them."""

Step: TypeAlias = tuple[str, str]
"""A version and the one after it."""

_MOST = 30_000
"""Commits that are remembered; each takes some 150 bytes."""

_OBJECT = re.compile(r"[0-9a-f]{40,64}")

_Key: TypeAlias = tuple[str, str, str, tuple[str, ...]]
_known: OrderedDict[_Key, Commits] = OrderedDict()
_turn = threading.Lock()


def commits_of(git: Git, steps: Iterable[Step]) -> Mapping[Step, Commits]:
    """Steps of which git does not know both versions, or which it cannot tell, are left out."""
    wanted = list(dict.fromkeys(steps))
    try:
        where = _commits_named(git, [version for step in wanted for version in step])
        whole = not wanted or not git.boundary()
    except AdapterError:
        return {}
    found = dict[Step, Commits]()
    for old, new in wanted:
        first, last = where.get(old), where.get(new)
        if first is None or last is None:
            continue
        try:
            found[old, new] = _between(git, first, last, whole=whole)
        except AdapterError:
            continue
    return found


def _commits_named(git: Git, versions: Iterable[str]) -> Mapping[str, str]:
    """The commit of each version, as `Git.tag_of` finds it."""
    named = {one: [*filter(_is_one_line, names_of(one, git.scope.tag_prefix))] for one in versions}
    asked = [name for names in named.values() for name in names]
    given = "".join(f"{name}^{{commit}}\n" for name in asked)
    said = git.run("cat-file", "--batch-check=%(objectname)", given=given).split("\n") if asked else []
    known = {name: line for name, line in zip(asked, said, strict=False) if _OBJECT.fullmatch(line)}
    found = {one: next((known[name] for name in names if name in known), "") for one, names in named.items()}
    return {one: commit for one, commit in found.items() if commit}


def _is_one_line(name: str) -> bool:
    """Whether git takes it for one question, and for no option."""
    return not name.startswith("-") and not {"\n", "\0"} & {*name}


def _between(git: Git, first: str, last: str, *, whole: bool) -> Commits:
    key = (str(git.path), first, last, tuple(git.scope.paths.pathspecs))
    with _turn:
        known = _known.get(key)
    if known is None:
        known = git.commits_between(first, last)
        if whole:
            _remember(key, known)
    return known


def _remember(key: _Key, commits: Commits) -> None:
    with _turn:
        _known[key] = commits
        size = sum(1 + len(one) for one in _known.values())
        while size > _MOST:
            size -= 1 + len(_known.popitem(last=False)[1])
