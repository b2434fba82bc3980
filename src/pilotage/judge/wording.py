"""Puts a verdict into the words of the rollout's strategy: only a canary is called one.

Internally, the judge compares a canary with stable for every strategy. Here, at the boundary, both get the names that
readers of the sentence use.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.observation import Verdict

Words = tuple[tuple[re.Pattern[str], str], ...]

# Each word by itself, and not as a part of a path, a version or an instance.
_THE_CANARYS = re.compile(r"(?<![\w/.-])the canary's(?![\w/-])")
_ON_THE_CANARY = re.compile(r"(?<![\w/.-])on the canary(?![\w/'-])")
_THE_CANARY = re.compile(r"(?<![\w/.-])the canary(?![\w/-])")
_CANARY = re.compile(r"(?<![\w/.-])canary(?![\w/-])")
_ON_STABLE = re.compile(r"(?<![\w/.-])on stable(?![\w/-])")
_THAT_OF_STABLE = re.compile(r"(?<![\w/.-])that of stable(?![\w/-])")
_STABLE = re.compile(r"(?<![\w/.-])stable(?![\w/-])")

_OF_A_CANARY: Words = ()
_NEW: Words = ((_THE_CANARYS, "the new version's"), (_THE_CANARY, "the new version"), (_CANARY, "new version"))
_FLAG: Words = (
    (_ON_THE_CANARY, "with the flag on"), (_ON_STABLE, "with it off"), (_THAT_OF_STABLE, "that with the flag off"),
    (_THE_CANARYS, "the flag's"), (_THE_CANARY, "the flag"), (_CANARY, "flag on"), (_STABLE, "flag off"),
)  # fmt: skip


def words_of(strategy: DeploymentStrategy, *, first: bool, flag: bool) -> Words:
    """first: there is no earlier version · flag: users with the flag on are compared with those without."""
    if flag:
        return _FLAG
    return _OF_A_CANARY if strategy is DeploymentStrategy.CANARY and not first else _NEW


def worded(verdict: Verdict, words: Words) -> Verdict:
    sentence = verdict.sentence
    for pattern, said in words:
        sentence = pattern.sub(said, sentence)
    return verdict if sentence == verdict.sentence else replace(verdict, sentence=sentence)
