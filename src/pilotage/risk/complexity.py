"""Functions that a change made harder to follow: cyclomatic complexity before and after, by lizard."""

from __future__ import annotations

from pilotage.model.risk import Finding, RiskFactor, RiskLevel

HARD = 15
"""Decisions in a function beyond which it is hard to test: McCabe (IEEE TSE 1976) proposes 10, at times up to 15."""

_WORSE = 5
"""So much more than before is a finding."""


def findings_of(path: str, before: str, after: str) -> list[Finding]:
    """Functions of one file that crossed the line, or went far beyond it."""
    hard = {name: complexity for name, complexity in _functions(path, after).items() if complexity > HARD}
    old = _functions(path, before) if hard else {}
    found = []
    for name, complexity in sorted(hard.items(), key=lambda item: -item[1]):
        was = old.get(name, 0)
        if complexity - was < _WORSE:
            continue
        words = f"`{name}` has {complexity} decisions" + (f", before {was}" if was else ", and is new")
        level = RiskLevel.HIGH if complexity > 3 * HARD else RiskLevel.MEDIUM
        found.append(Finding(RiskFactor.COMPLEXITY, level, words, path, "split it, or test each of its branches"))
    return found


def _functions(path: str, text: str) -> dict[str, int]:
    """Each function's cyclomatic complexity; of several with one name, the highest."""
    import lizard

    if not text:
        return {}
    try:
        functions = lizard.analyze_file.analyze_source_code(path, text).function_list
    except (RecursionError, ValueError, IndexError, AttributeError):
        return {}
    found: dict[str, int] = {}
    for function in functions:
        name = str(function.name)
        found[name] = max(found.get(name, 0), int(function.cyclomatic_complexity))
    return found
