"""The words of the changed lines, learned per repository forward in time: an experiment, not shipped.

Naive Bayes over the hashed words that a change adds to or deletes from source. A change is scored with what was known
when it landed: changes that were ripe by then, and no others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np

from pilotage.adapters import git_patch
from pilotage.adapters.git import Git
from pilotage.model.change import Change

SIZE = 1 << 18
_MOST = 400
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{1,40}")


class Reading(Git):
    """Keeps the hashed words of each change that it reads."""

    words: dict[str, np.ndarray]

    def changes(self, revisions: Sequence[str], *options: str) -> Iterator[Change]:
        self.words = {}
        seen: set[int] = set()
        usual = git_patch.Patch.line

        def line(patch: git_patch.Patch, raw: bytes) -> None:
            if patch._code and len(seen) < _MOST and raw[:1] in b"+-":
                seen.update(crc32(word) % SIZE for word in _WORD.findall(raw[:400]))
            usual(patch, raw)

        git_patch.Patch.line = line  # type: ignore[method-assign]
        try:
            for change in super().changes(revisions, *options):
                self.words[change.commit] = np.array(sorted(seen)[:_MOST], dtype=np.int32)
                seen.clear()
                yield change
        finally:
            git_patch.Patch.line = usual  # type: ignore[method-assign]


def scores(words: Sequence[np.ndarray], at: np.ndarray, harmful: np.ndarray, days: int) -> np.ndarray:
    """The mean log-ratio of a change's words, harmful to harmless; 0 where nothing was known yet."""
    bad, good, found = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32), np.zeros(len(words))
    known = 0
    for n, mine in enumerate(words):
        while known < n and at[known] <= at[n] - days * 86400:
            (bad if harmful[known] else good)[words[known]] += 1
            known += 1
        if known >= 200 and len(mine):
            rate = (harmful[:known].sum() + 1) / (known + 2)
            odds = (bad[mine] + 5 * rate) / (good[mine] + 5 * (1 - rate)) * (1 - rate) / rate
            found[n] = float(np.log(odds).mean())
    return found
