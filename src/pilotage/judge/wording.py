"""Puts a verdict into the words of the rollout's strategy: only a canary is called one.

Internally, the judge compares a canary with stable for every strategy. Here, at the boundary, both get the names that
readers of the sentence use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.observation import Verdict

Words = tuple[tuple[re.Pattern[str], str], ...]

_APART = r"(?<![\w/.-]){}(?![\w/.-]*/|\w|-)"
"""The word by itself, and not as a part of a path, a version or an instance."""


def _words(pairs: Mapping[str, str]) -> Words:
    return tuple((re.compile(_APART.format(word)), said) for word, said in pairs.items())


_CANARY: Words = ()
_NEW = _words({"the canary's": "the new version's", "the canary": "the new version", "canary": "new version"})
_FLAG = _words(
    {
        "on the canary": "with the flag on", "on stable": "with it off", "that of stable": "that with the flag off",
        "the canary's": "the flag's", "the canary": "the flag", "canary": "flag on", "stable": "flag off",
    }
)  # fmt: skip


def words_of(strategy: DeploymentStrategy, *, first: bool, flag: bool) -> Words:
    """first: there is no earlier version · flag: users with the flag on are compared with those without."""
    if flag:
        return _FLAG
    return _CANARY if strategy is DeploymentStrategy.CANARY and not first else _NEW


def worded(verdict: Verdict, words: Words) -> Verdict:
    sentence = verdict.sentence
    for pattern, said in words:
        sentence = pattern.sub(said, sentence)
    return verdict if sentence == verdict.sentence else replace(verdict, sentence=sentence)
