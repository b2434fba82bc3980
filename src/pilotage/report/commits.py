"""From a commit to what it changes for whom, and how sure that is.

In this order: Conventional Commits 1.0; trailers that say it (`Changelog:`, as GitLab has them); bracketed or
upper-case labels (`[BUGFIX] tsdb: …`); the title of a merged request, or the text of a merged topic; the verb a subject
begins with, after its `subsystem:`; the files alone. What nothing speaks of is a change with little confidence, and
counted as unsure rather than hidden.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pilotage.model.commit import LONGEST_SUBJECT, Commit
from pilotage.report.commit_words import Kind, by_words, scoped


@dataclass(frozen=True)
class Change:
    """One thing that changed. breaking: what breaks and what to do, None when nothing is said to · sure: 0…1 that
    `kind` is right · why: what it was read from · request: number of the merge or pull request · reverts: a commit's
    id, or its subject · covers: commits it speaks for."""

    id: str
    kind: Kind
    summary: str
    scope: str = ""
    breaking: str | None = None
    sure: float = 1.0
    why: str = ""
    request: str = ""
    issues: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    reverts: str = ""
    at: float = 0.0
    covers: tuple[str, ...] = field(default=(), compare=False)


SURE = 0.5
"""Below this a kind is a guess, and the notes say so."""

_FAIRLY_SURE, _LABELLED = 0.85, 0.95

_CONVENTIONAL = re.compile(r"^(?P<type>[A-Za-z][\w-]*)(?:\((?P<scope>[^()]*)\))?(?P<bang>!)?:\s+(?P<text>\S.*)$")
_TYPES: Mapping[str, Kind] = {
    "feat": Kind.FEATURE, "feature": Kind.FEATURE, "fix": Kind.FIX, "bugfix": Kind.FIX, "hotfix": Kind.FIX,
    "perf": Kind.IMPROVEMENT, "improvement": Kind.IMPROVEMENT, "enhancement": Kind.IMPROVEMENT,
    "security": Kind.SECURITY, "deprecate": Kind.DEPRECATION, "remove": Kind.REMOVAL, "docs": Kind.DOCS,
    "doc": Kind.DOCS, "deps": Kind.DEPENDENCY, "dep": Kind.DEPENDENCY, "build": Kind.INTERNAL, "ci": Kind.INTERNAL,
    "chore": Kind.INTERNAL, "test": Kind.INTERNAL, "tests": Kind.INTERNAL, "style": Kind.INTERNAL,
    "refactor": Kind.INTERNAL, "release": Kind.INTERNAL, "meta": Kind.INTERNAL, "wip": Kind.INTERNAL,
}  # fmt: skip
_LABELS: Mapping[str, Kind] = {
    **_TYPES, "bug": Kind.FIX, "new": Kind.FEATURE, "add": Kind.FEATURE, "added": Kind.FEATURE, "fixed": Kind.FIX,
    "changed": Kind.CHANGE, "change": Kind.CHANGE, "deprecated": Kind.DEPRECATION, "removed": Kind.REMOVAL,
    "performance": Kind.IMPROVEMENT, "documentation": Kind.DOCS, "other": Kind.CHANGE, "internal": Kind.INTERNAL,
    "dependencies": Kind.DEPENDENCY, "experiment": Kind.FEATURE,
}  # fmt: skip
_LABEL = re.compile(
    r"^(?:\[(?P<label>[A-Za-z][\w /-]{1,20})\]|(?P<upper>[A-Z]{3,}))(?P<bang>!)?[:\s]\s*(?P<text>\S.*)$"
)
_TRAILER = re.compile(r"^changelog:\s*(?P<word>\w+)", re.IGNORECASE | re.MULTILINE)
_BREAKS = re.compile(r"^BREAKING[ -]CHANGES?:\s*(?P<text>.+?)(?=\n\n|\n[\w-]+: |\Z)", re.MULTILINE | re.DOTALL)
_BREAKS_SAID = re.compile(r"\b(?:backwards?[- ]incompatible|incompatible change|breaking change)\b", re.IGNORECASE)


_REVERT = re.compile(r'^Revert "(?P<subject>.+)"$|^revert(?:\([^)]*\))?:\s+(?P<conventional>.+)$', re.IGNORECASE)
_REVERTED = re.compile(r"reverts commit ([0-9a-f]{7,40})")
_SQUASHED = re.compile(r"\((?:#|!)(\d+)\)$")
_PART = re.compile(rf"^\* (\S[^\n]{{0,{LONGEST_SUBJECT}}})", re.MULTILINE)
"""A commit of a squashed request, as GitHub and GitLab list them below its title."""

_GITHUB = re.compile(r"^Merge pull request #(\d+) from (\S+)")
_GITLAB = re.compile(r"^See merge request (?:\S+)?!(\d+)", re.MULTILINE)
_TOPIC = re.compile(r"^Merge (?:branch|tag) '?([\w./+-]+?)'?(?: of \S+)?(?: into .+)?$")
_ISSUE = re.compile(r"(?:(?<![\w/&.-])[\w.-]+/[\w.-]+#\d+|(?<![\w/&])(?:#\d+|GH-\d+|[A-Z][A-Z0-9]{1,9}-\d+))\b")
_NO_ISSUE = re.compile(
    r"^(?:UTF|SHA|ISO|CVE|RFC|HTTP|TLS|AES|MD|UCS|CP|PEP|BCP|ECMA|X|I|US|GPT|IPV?)-\d", re.IGNORECASE
)
_CO_AUTHOR = re.compile(r"^Co-authored-by:([^<\n]*)<", re.IGNORECASE | re.MULTILINE)
_TRAILERS = re.compile(
    r"^(?:[A-Z][\w-]+-by|Change-Id|Cc|Closes?|Fixes|Resolves|Refs?|See-also|Changelog|Link): ", re.MULTILINE
)


def classify(commit: Commit) -> Change:
    """What the commit changes. A merge speaks for what it brings when it says something of it (`covers` is then up to
    whoever knows the history)."""
    subject, body, request = commit.subject, commit.body, ""
    if len(commit.parents) > 1:
        subject, body, request = _of_merge(commit)
    if found := _SQUASHED.search(subject):
        subject, request = subject[: found.start()].rstrip(), found[1]
    reverts = _reverted(subject, body)
    kind, scope, text, sure, why = _read(subject, body, commit.files)
    if sure < _FAIRLY_SURE and (known := _kind_of_parts(body)):
        kind, sure, why = known, _FAIRLY_SURE, "the commits it was squashed from"
    if reverts:
        kind, sure, why = Kind.CHANGE, 1.0, "a revert"
    breaking = _breaking(commit.subject if len(commit.parents) < 2 else subject, text, body)
    issues = tuple(dict.fromkeys(i for i in _ISSUE.findall(f"{subject}\n{body}") if not _NO_ISSUE.match(i)))
    helpers = filter(None, map(str.strip, _CO_AUTHOR.findall(commit.message)))
    authors = tuple(dict.fromkeys([commit.name, *helpers]))
    return Change(
        commit.id, kind, _sentence(text), scope, breaking, sure, why, request,
        tuple(i for i in issues if i != f"#{request}"), authors, reverts, commit.at,
    )  # fmt: skip


def _kind_of_parts(body: str) -> Kind | None:
    """What the commits say that a request was squashed from, where those that say it agree; tests and docs that came
    with a change do not make it another one."""
    read = [_read(subject, "", ()) for subject in _PART.findall(body)]
    kinds = {kind for kind, _, _, sure, _ in read if sure >= _LABELLED}
    noticed = (kinds - {Kind.INTERNAL, Kind.DOCS}) or kinds
    return noticed.pop() if len(noticed) == 1 else None


def title_of(commit: Commit) -> str:
    """What it is called where it is reverted: the title of its request, without the number."""
    subject = _of_merge(commit)[0] if len(commit.parents) > 1 else commit.subject
    return _SQUASHED.sub("", subject).rstrip()


def speaks(merge: Commit) -> bool:
    """Whether a merge says what it brings: the title of a request, or a text about its topic."""
    if len(merge.parents) < 2:
        return False
    subject, _, _ = _of_merge(merge)
    return subject != merge.subject


def _of_merge(commit: Commit) -> tuple[str, str, str]:
    """Subject, body and request number of what is merged; the merge's own subject when it says nothing of it."""
    first, _, rest = commit.body.partition("\n")
    first = first[:LONGEST_SUBJECT]
    if found := _GITHUB.match(commit.subject):
        return (first.strip() or commit.subject), rest.strip(), found[1]
    if found := _GITLAB.search(commit.body):
        title = "" if first.startswith("See merge request") else first.strip()
        return title or commit.subject, rest.strip(), found[1]
    if _TOPIC.match(commit.subject) and first and not _TRAILERS.match(first) and not first.startswith(("*", "#")):
        paragraph = commit.body.partition("\n\n")[0]
        return " ".join(paragraph.split())[:LONGEST_SUBJECT], commit.body[len(paragraph) :].strip(), ""
    return commit.subject, commit.body, ""


def _read(subject: str, body: str, files: Sequence[str]) -> tuple[Kind, str, str, float, str]:
    """Kind, scope, text, confidence, and what they were read from."""
    if found := _CONVENTIONAL.match(subject):
        known = _TYPES.get(found["type"].lower())
        if known is not None:
            return _conventional(known, found)
    if found := _TRAILER.search(body):
        word = found["word"].lower()
        if word in _LABELS:
            return _LABELS[word], "", subject, 1.0, "a Changelog trailer"
    if found := _LABEL.match(subject):
        label = (found["label"] or found["upper"]).lower().split()[0]
        if label in _LABELS:
            scope, text = scoped(found["text"])
            return _LABELS[label], scope, text, _LABELLED, "a label"
    return by_words(subject, files)


def _conventional(known: Kind, found: re.Match[str]) -> tuple[Kind, str, str, float, str]:
    scope = (found["scope"] or "").strip()
    if scope.lower() in ("deps", "deps-dev", "dependencies") or (known is Kind.INTERNAL and _bumps(found["text"])):
        known = Kind.DEPENDENCY
    return known, scope, found["text"], 1.0, "Conventional Commits"


def _bumps(text: str) -> bool:
    return bool(re.match(r"(?:bump|update|upgrade) .+ (?:from|to) v?\d", text, re.IGNORECASE))


def _breaking(header: str, text: str, body: str) -> str | None:
    if found := _BREAKS.search(body):
        return " ".join(found["text"].split())
    conventional = _CONVENTIONAL.match(header) or _LABEL.match(header)
    if conventional and conventional["bang"]:
        first = body.partition("\n\n")[0]
        return " ".join(first.split()) if first and not _TRAILERS.match(first) else _sentence(text)
    for subject in _PART.findall(body):
        if (part := _CONVENTIONAL.match(subject)) and part["bang"] and part["type"].lower() in _TYPES:
            return _sentence(part["text"])
    if _BREAKS_SAID.search(body) and not re.search(
        r"\b(?:not|no|non|without)\b[^.\n]{0,20}breaking", body, re.IGNORECASE
    ):
        said = next(p for p in body.split("\n\n") if _BREAKS_SAID.search(p))
        return " ".join(said.split())
    return None


def _reverted(subject: str, body: str) -> str:
    if not (found := _REVERT.match(subject)):
        return ""
    by_id = _REVERTED.search(body)
    return by_id[1] if by_id else (found["subject"] or found["conventional"])


def _sentence(text: str) -> str:
    """Begins with a capital, ends without a full stop."""
    text = text.strip().rstrip(".") if not text.rstrip().endswith("...") else text.strip()
    first = text.partition(" ")[0]
    return text if not text or not first.islower() or not first.isalpha() else text[0].upper() + text[1:]
