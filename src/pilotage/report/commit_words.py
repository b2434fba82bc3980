"""What kind of change a commit is where only its words and its files say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum


class Kind(StrEnum):
    """What a change is, most interesting first."""

    SECURITY = "security"
    FEATURE = "feature"
    IMPROVEMENT = "improvement"
    FIX = "fix"
    DEPRECATION = "deprecation"
    REMOVAL = "removal"
    CHANGE = "change"
    DEPENDENCY = "dependency"
    DOCS = "docs"
    INTERNAL = "internal"


_SUBSYSTEM = re.compile(r"^(?P<scope>[\w./*{}, -]{1,40}?):\s+(?P<text>\S.*)$")


_ONLY_RELEASES = re.compile(
    r"^(?:(?:chore|build|ci|release)(?:\([^)]*\))?: )?(?:"
    r"(?:release|start|prepare|tag|cut|publish|bump to)\b.{0,20}?\bv?\d+\.\d+"
    r"|\[?release\]? ?v?\d|\[maven-release-plugin\]|\[gradle release plugin\]|\(cargo-release\)|publish$"
    r"|version packages|bump: version"
    r"|(?:bump|update|set|increment)(?: the| package| project| app)? version(?:$|:| to\b| from\b| v?\d)"
    r"|(?:prepare|start|begin|back to)(?: for| the)?(?: next)? (?:release|dev(?:elopment)?)"
    r"(?: (?:version|iteration|cycle))?(?: \S{0,20}\d\S{0,20})?$"
    r"|next (?:development|snapshot) (?:version|iteration|cycle)|post[- ]release"
    r"|[@\w/-]{1,60}[-@/]v?\d+\.\d+\.\d+$|(?:git )?v?\d+(?:\.\d+)+[.-]?(?:(?:rc|alpha|beta)\.?\d*)?(?: \(#\d+\))?$)",
    re.IGNORECASE,
)
"""Subjects of commits that do nothing but release."""


def only_releases(subject: str) -> bool:
    """Whether a commit only makes a release, by its subject: people, changesets, Maven, commitizen, release-please."""
    return bool(_ONLY_RELEASES.match(subject[:_LONGEST_RELEASE]))


_ADVISORY = re.compile(r"\bCVE-\d{4}-\d+|\bCVEs\b|\bGHSA-\w{4}-", re.IGNORECASE)


def is_security_update(text: str) -> bool:
    """Whether an update of a dependency fixes a vulnerability: renovate marks it, people name the advisory."""
    return text.rstrip().lower().endswith("[security]") or bool(_ADVISORY.search(text))


_LONGEST_RELEASE = 200
_TELLING: Sequence[tuple[Kind, float, re.Pattern[str]]] = [
    (kind, sure, re.compile(words, re.IGNORECASE))
    for kind, sure, words in (
        (Kind.INTERNAL, 0.85,
            r"\b(?:mypy|pyright|pylint|eslint|rubocop|ruff|pre-commit|golangci(?:-lint)?|dependabot|codecov)\b"),
        (Kind.INTERNAL, 0.85,
            r"^the \d+\w\w batch|\bbefore -?rc"),
        (Kind.DOCS, 0.85, r"\badd \S{1,60} as (?:an? )?(?:new )?(?:contributor|code ?owner|maintainer)\b"),
        (Kind.DOCS, 0.75, r"\[(?:ci[ -]skip|skip[ -]ci)\]|^(?:typo|doc)(?:s|fix(?:es)?)?\b"),
    )
]  # fmt: skip
"""Words that say more than the verb before them, or than the files."""


_VERBS: Sequence[tuple[Kind, float, re.Pattern[str]]] = [
    (kind, sure, re.compile(rf"(?:{words})\b", re.IGNORECASE))
    for kind, sure, words in (
        (Kind.DEPENDENCY, 0.9, r"bump|(?:updat(?:e|ing)|upgrad(?:e|ing)) (?:(?:\w+ )?dependenc(?:y|ies)"
                               r"|.+ (?:from|to) v?\d)"),
        (Kind.INTERNAL, 0.7, r"tests?|ci|lint|rubocop|refactor\w*|renam\w+|clean ?up|cosmetic|reformat|format"
                             r"|re-?indent"
                             r"|move|extract|inline|simplif\w+|deduplicate|typos? in (?:a )?(?:comment|test)s?"
                             r"|whitespace"
                             r"|start (?:the )?(?:next|development)|prepare (?:for )?(?:release|v?\d)|release|version"
                             r"|merge (?:branch|remote|tag)|apply|backport|sync|skip|stub|mock|assert"
                             r"|(?:add|adjust|update|fix|deactivate|disable|enable|remove|improve|split"
                             r"|port)\b.*\btests?\b(?! command| mode| client)"),
        (Kind.DOCS, 0.8, r"docs?|documentation|document|readme|changelog|typos?|(?:fix|correct) (?:a |the )?(?:typos?"
                         r"|spelling"
                         r"|grammar|links?|docs?|documentation|comments?|rdoc \w+)|clarify|rst|markdown|(?:update|fix"
                         r"|improve) .*docstrings?"),
        (Kind.SECURITY, 0.85, r".*\bcve-\d+|.*\bcves\b|.*\bsecurity\b|.*\bvulnerab"),
        (Kind.DEPRECATION, 0.85, r"deprecat\w+"),
        (Kind.FIX, 0.8, r"fix\w*|correct\w*|repair\w*|resolv\w+|prevent\w*|avoid\w*|handle\w*|don'?t|do not|stop"
                        r"|restore"
                        r"|ensure|make sure|guard|workaround|work around"),
        (Kind.IMPROVEMENT, 0.7,
            r"improv\w+|optimi[sz]\w+|speed\w*|reduc\w+|faster|cache|tweak|enhance\w*|tighten|relax"),
        (Kind.FEATURE, 0.7, r"add(?:s|ed|ing)?|implement\w*|introduc\w+|support\w*|allow\w*|enabl\w+|new|teach|provide"
                            r"|expose|accept|create|let"),
        (Kind.REMOVAL, 0.65, r"remov\w+|drop\w*|delet\w+|get rid"),
        (Kind.CHANGE, 0.55,
            r"chang\w+|use|switch\w*|replac\w+|make|set|update|upgrade|convert|default|require|return|pass"),
    )
]  # fmt: skip


_ANYWHERE: Sequence[tuple[Kind, float, re.Pattern[str]]] = [
    (kind, sure, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))
    for kind, sure, words in (
        (Kind.INTERNAL, 0.7, r"(?:the )?\d+(?:st|nd|rd|th) batch"
                             r"|-rc\d+|merge \S+ into \S+"
                             r"|^fixup!|refactor\w*|simplif\w+|start \d[\d.]* cycle|clean-?up|code ?style|test suite"
                             r"|flaky"),
        (Kind.DEPRECATION, 0.6, r"deprecat\w+"),
        (Kind.FIX, 0.65, r"(?:leak|hot|build)?fix|fixe[sd]|fixing|corrected|bugs?|regressions?|crash\w*|leaks?|races?"
                         r"|broken|incorrect\w*|wrong\w*|segfault|deadlock"
                         r"|panics?|misbehav\w+|failed to|workaround"),
        (Kind.IMPROVEMENT, 0.6, r"optimi[sz]\w+|performance|faster|efficien\w+|speed\w*|quicker"),
        (Kind.FEATURE, 0.6, r"learned|learns|taught|now (?:supports?|allows?|can|understands?|uses?)|ha(?:s"
                            r"|ve) been (?:added|introduced|implemented)"
                            r"|new (?:option|command|feature|flag|api|parameter|function|method)s?"),
        (Kind.REMOVAL, 0.6, r"ha(?:s|ve) been (?:removed|dropped)"),
    )
]  # fmt: skip
"""Weaker: words anywhere in the subject, if it starts with none of the verbs."""


_FILES: Sequence[tuple[Kind, re.Pattern[str]]] = (
    (Kind.DEPENDENCY, re.compile(r"(?:^|/)(?:[\w-]+\.lock|[\w-]*lock\.(?:json|ya?ml)|go\.sum|requirements[\w.-]*\.txt"
                                 r"|requirements/[\w.-]+)$")),
    (Kind.DOCS, re.compile(r"(?:^|/)(?:docs?|documentation|guides)/|\.(?:md|rst|adoc)$|(?:^|/)(?:README|NEWS"
                           r"|CHANGES)[\w.]*$", re.IGNORECASE)),
    (Kind.INTERNAL, re.compile(r"(?:^|/)(?:tests?|spec|__tests__|t|ci|\.github|\.gitlab|\.circleci)/|(?:^"
                               r"|/)\.[\w-]+\.ya?ml$"
                               r"|_test\.\w+$|(?:^|/)test_|\.(?:test|spec)\.\w+$")),
)  # fmt: skip


def by_words(subject: str, files: Sequence[str]) -> tuple[Kind, str, str, float, str]:
    scope, text = scoped(subject)
    if only_releases(subject):
        return Kind.INTERNAL, scope, text, 0.95, "it only releases"
    for kind, sure, pattern in _TELLING:
        if found := pattern.search(subject):
            return kind, scope, text, sure, f"the words {found[0]!r}"
    by_files = _by_files(files)
    for kind, sure, pattern in _VERBS:
        if pattern.match(text):
            if kind is Kind.DEPENDENCY and is_security_update(text):
                return Kind.SECURITY, scope, text, sure, "an update marked [security]"
            if by_files in (Kind.DOCS, Kind.INTERNAL) and kind not in (Kind.DEPENDENCY, Kind.SECURITY):
                return by_files, scope, text, 0.85, "its files"
            return kind, scope, text, sure, f"the words {text.split()[0]!r} …"
    if by_files is not None:
        return by_files, scope, text, 0.8, "its files"
    for kind, sure, pattern in _ANYWHERE:
        if found := pattern.search(subject):
            return kind, scope, text, sure, f"the words {found[0]!r}"
    if scope.lower() in ("doc", "docs", "documentation"):
        return Kind.DOCS, scope, text, 0.8, "its subsystem"
    if re.fullmatch(r"(?:t\d*|tests?|ci|build|makefile|travis|github|lint)", scope.lower()):
        return Kind.INTERNAL, scope, text, 0.8, "its subsystem"
    return Kind.CHANGE, scope, text, 0.3, "nothing that says it"


def scoped(subject: str) -> tuple[str, str]:
    """`subsystem: text`, as kernels and git itself have it."""
    found = _SUBSYSTEM.match(subject)
    if (
        found
        and not found["scope"].lower().startswith(("http", "note", "todo", "cve-"))
        and len(found["scope"].split()) <= 3
    ):
        return found["scope"], found["text"]
    return "", subject


def _by_files(files: Sequence[str]) -> Kind | None:
    """When all of them are of one kind."""
    for kind, pattern in _FILES:
        if files and all(pattern.search(path) for path in files):
            return kind
    return None
