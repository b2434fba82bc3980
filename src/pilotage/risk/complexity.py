"""Functions that a change made harder to follow: cyclomatic complexity before and after, by lizard."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pilotage.model.risk import Finding, RiskFactor, RiskLevel

HARD = 15
"""Decisions in a function beyond which it is hard to test: McCabe (IEEE TSE 1976) proposes 10, at times up to 15."""

_WORSE = 5
"""So much more than before is a finding."""

_ALIKE = 0.7
"""Share of the words of two bodies that they have in common where one is the other, renamed or moved, and edited."""

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, kw_only=True)
class _Function:
    """words: of its text, with how often each occurs."""

    name: str
    complexity: int
    words: Counter[str] = field(default_factory=Counter)


def findings_of(path: str, before: str, after: str, others: Mapping[str, str] | None = None) -> list[Finding]:
    """Functions of one file that crossed the line, or went far beyond it. others: what else the range changes, as it
    was, by path; a function that moved from there, or has another name, is not new."""
    hard = {name: one for name, one in _functions(path, after).items() if one.complexity > HARD}
    old = _functions(path, before) if hard else {}
    if hard.keys() - old.keys():
        known = [*old.values(), *(f for at, text in (others or {}).items() for f in _functions(at, text).values())]
    found = []
    for name, one in sorted(hard.items(), key=lambda item: -item[1].complexity):
        was = old.get(name) or _same(one, known)
        if one.complexity - (was.complexity if was else 0) < _WORSE:
            continue
        as_ = f" as `{_called(was.name, path)}`" if was and was.name != name else ""
        words = f"`{_called(name, path)}` has {one.complexity} decisions"
        words += f", before {was.complexity}{as_}" if was else ", and is new"
        level = RiskLevel.HIGH if one.complexity > 3 * HARD else RiskLevel.MEDIUM
        found.append(Finding(RiskFactor.COMPLEXITY, level, words, path, "split it, or test each of its branches"))
    return found


def _called(name: str, path: str) -> str:
    """lizard writes the methods of all languages as C++ does."""
    return name if path.endswith(_WITH_COLONS) else name.replace("::", ".")


_WITH_COLONS = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".m", ".mm", ".rs", ".php", ".rb", ".pl", ".pm")


def _same(one: _Function, known: list[_Function]) -> _Function | None:
    """The function whose text it has, wherever that was."""
    alike = [(_likeness(one.words, other.words), other) for other in known if other.complexity > 1]
    best = max(alike, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] >= _ALIKE else None


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """Words in common, of those of either (Jaccard, with multiplicity)."""
    several, others = one.total(), other.total()
    if min(several, others) < _ALIKE * max(several, others):
        return 0.0
    both = (one & other).total()
    return both / (several + others - both)


def _functions(path: str, text: str) -> dict[str, _Function]:
    """Each function by its name; of several with one name, the most complex."""
    import lizard

    if not text:
        return {}
    try:
        functions = lizard.analyze_file.analyze_source_code(path, text).function_list
    except (RecursionError, ValueError, IndexError, AttributeError):
        return {}
    lines, found = text.splitlines(), dict[str, _Function]()
    for function in functions:
        name, complexity = str(function.name), int(function.cyclomatic_complexity)
        if name not in found or found[name].complexity < complexity:
            body = "\n".join(lines[function.start_line - 1 : function.end_line])
            found[name] = _Function(name=name, complexity=complexity, words=Counter(_WORD.findall(body)))
    return found
