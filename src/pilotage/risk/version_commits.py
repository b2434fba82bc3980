"""Commits that only set a version: nobody reads them first, and nobody misses them."""

from __future__ import annotations

import re
from collections.abc import Collection

_MOST_LINES = 10
"""A commit of more lines does something beside, whatever its subject says."""

_LONGEST = 200
_VERSION = re.compile(r"\bv?\d+\.\d+")
_WORDS = re.compile(r"\b(releas(e|es|ed|ing)|versions?|bump)\b", re.IGNORECASE)
_BARE = re.compile(r"\W{0,3}v?\d+(\.\d+)+[\w.+-]{0,40}\W{0,3}")
_OF_ANOTHER = re.compile(r"\bfrom \S+ to \S+|\b(fix|hotfix|revert|mend)\w*\b", re.IGNORECASE)
"""A version of a package that is used here, or a repair."""


_FILE = re.compile(r"(^|/)_{0,2}version_{0,2}(\.\w+)?$", re.IGNORECASE)


def only_a_version(subject: str, lines: int, paths: Collection[str]) -> bool:
    """Whether a commit of so many lines to review sets the version of its own project: `Prepare 4.5 release`, or a
    change of `version.rb` alone. paths: of these lines."""
    if lines > _MOST_LINES:
        return False
    if paths and all(_FILE.search(path[-_LONGEST:]) for path in paths):
        return True
    subject = subject[:_LONGEST]
    is_told = _BARE.fullmatch(subject) or (_VERSION.search(subject) and _WORDS.search(subject))
    return bool(is_told) and not _OF_ANOTHER.search(subject)
