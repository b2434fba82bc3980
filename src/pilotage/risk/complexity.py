"""Functions that a change made harder to follow: cyclomatic complexity before and after, by lizard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk.function_names import called, in_words, owners_of
from pilotage.risk.likeness import ALIKE, Text, likeness, words_of

HARD = 15
"""Decisions in a function beyond which it is hard to test: McCabe (IEEE TSE 1976) proposes 10, at times up to 15."""

_WORSE = 5
"""So much more than before is a finding."""


@dataclass(frozen=True, kw_only=True)
class _Function:
    """name: with its class · line: at which it begins · words: of its text, with how often each occurs."""

    name: str
    line: int
    complexity: int
    words: Counter[str] = field(default_factory=Counter)


class Before:
    """What a range changes, as it was before it. texts: by path. Each is parsed at most once, and only if a function
    may have moved away from it."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {path: Text(text) for path, text in texts.items()}
        self._parsed: dict[str, dict[str, _Function]] = {}

    def functions(self, path: str) -> dict[str, _Function]:
        if path not in self._parsed:
            self._parsed[path] = _functions(path, self._texts[path].content) if path in self._texts else {}
        return self._parsed[path]

    def like(self, one: _Function, path: str) -> Iterator[_Function]:
        """The functions of the file itself, and of those files from which it may have come."""
        yield from self.functions(path).values()
        for at, text in self._texts.items():
            if at != path and text.may_hold(one.words):
                yield from self.functions(at).values()


def findings_of(path: str, after: str, past: Before) -> list[Finding]:
    """Functions of one file that crossed the line, or went far beyond it. A function that moved there from another file
    that the range changes, or has another name, is not new."""
    hard = {name: one for name, one in _functions(path, after).items() if one.complexity > HARD}
    old = past.functions(path) if hard else {}
    found = []
    for name, one in sorted(hard.items(), key=lambda item: -item[1].complexity):
        was = old.get(name) or _same(one, past.like(one, path))
        if one.complexity - (was.complexity if was else 0) < _WORSE:
            continue
        as_ = f" as {in_words(was.name, was.line, path)}" if was and was.name != name else ""
        words = f"{in_words(name, one.line, path)} has {one.complexity} decisions"
        words += f", before {was.complexity}{as_}" if was else ", and is new"
        level = RiskLevel.HIGH if one.complexity > 3 * HARD else RiskLevel.MEDIUM
        found.append(Finding(RiskFactor.COMPLEXITY, level, words, path, "split it, or test each of its branches"))
    return found


def _same(one: _Function, known: Iterator[_Function]) -> _Function | None:
    """The function whose text it has, wherever that was."""
    alike = [(likeness(one.words, other.words), other) for other in known if other.complexity > 1]
    best = max(alike, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] >= ALIKE else None


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
    owners = owners_of(lines)
    for function in functions:
        line, complexity = int(function.start_line), int(function.cyclomatic_complexity)
        name = called(str(function.name), owners[line - 1] if 0 < line <= len(owners) else "")
        if name not in found or found[name].complexity < complexity:
            body = "\n".join(lines[line - 1 : function.end_line])
            found[name] = _Function(name=name, line=line, complexity=complexity, words=Counter(words_of(body)))
    return found
