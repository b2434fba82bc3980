"""The authors of a range: each person once, however their name is spelled, without bots."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pilotage.model.commit import Commit

CO_AUTHOR = re.compile(r"^Co-authored-by:([^<\n]*)<([^>\n]*)>", re.IGNORECASE | re.MULTILINE)
_BOT = re.compile(
    r"\[bot\]|^(?:dependabot|renovate|greenkeeper|github-actions|github actions|copilot|semantic-release-bot|snyk-bot"
    r"|pre-commit-ci|allcontributors|web-flow|gitlab-bot|project bot|jenkins|travis)\b|[\w-]-bot$",
    re.IGNORECASE,
)
_OF_NOBODY = ("", "noreply@github.com")
"""Shared addresses."""


def names_of(commits: Sequence[Commit]) -> Mapping[str, str]:
    """Each name as written → the name to show: the commonest of those with the same address; empty for a bot."""
    pairs = [pair for commit in commits for pair in _pairs(commit)]
    group: dict[str, str] = {}
    for name, email in pairs:
        keys = [f"name {name.casefold()}", *([f"mail {email}"] if email not in _OF_NOBODY else [])]
        roots = {_root(group, key) for key in keys}
        first = min(roots)
        group.update(dict.fromkeys(roots, first))
    counts = Counter(name for name, _ in pairs)
    best: dict[str, str] = {}
    for name in sorted(counts, key=lambda name: (counts[name], len(name.split()), name[:1].isupper(), name)):
        best[_root(group, f"name {name.casefold()}")] = name
    bots = {name for name, email in pairs if _BOT.search(name) or "[bot]@" in email}
    return {name: "" if name in bots else best[_root(group, f"name {name.casefold()}")] for name in counts}


def shown(authors: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for author in authors if (name := names.get(author, author))))


def _pairs(commit: Commit) -> Iterable[tuple[str, str]]:
    yield commit.name, commit.email
    for name, email in CO_AUTHOR.findall(commit.message):
        if name.strip():
            yield name.strip(), email.strip().lower()


def _root(group: dict[str, str], key: str) -> str:
    while (above := group.setdefault(key, key)) != key:
        key = above
    return key
