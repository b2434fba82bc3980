"""From a commit to what it changes for whom, and how sure that is.

In this order: Conventional Commits 1.0; trailers that say it (`Changelog:`, as GitLab has them); bracketed or
upper-case labels (`[BUGFIX] tsdb: …`); the title of a merged request, or the text of a merged topic; the verb a subject
begins with, after its `subsystem:`; the files alone. What nothing speaks of is a change with little confidence, and
counted as unsure rather than hidden.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pilotage.model.commit import LONGEST_SUBJECT, Commit
from pilotage.report.breaking import TRAILERS, declared, drops_platform, mentioned, sentence
from pilotage.report.commit_words import Kind, by_words, scoped
from pilotage.report.headers import CONVENTIONAL, LABEL, LABELS, PART, TYPES


@dataclass(frozen=True)
class Change:
    """One thing that changed. breaking: what breaks and what to do, None when nothing is said to · sure: 0…1 that
    `kind` is right · why: what it was read from · request: number of the merge or pull request · reverts: a commit's
    id, or its subject · covers: commits it speaks for · may_break: its words speak of breaking, no footer declares it ·
    release_as: the version that a footer asks for."""

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
    may_break: bool = False
    release_as: str = ""


SURE = 0.5
"""Below this a kind is a guess, and the notes say so."""

_FAIRLY_SURE, _LABELLED = 0.85, 0.95

_TRAILER = re.compile(r"^changelog:\s*(?P<word>\w+)", re.IGNORECASE | re.MULTILINE)
_RELEASE_AS = re.compile(r"^Release-As: {0,9}(\S{1,250})$", re.IGNORECASE | re.MULTILINE)
_REVERT = re.compile(r'^Revert "(?P<subject>.+)"$|^revert(?:\([^)]*\))?:\s+(?P<conventional>.+)$', re.IGNORECASE)
_REVERTED = re.compile(r"reverts commit ([0-9a-f]{7,40})")
_SQUASHED = re.compile(r"\((?:#|!)(\d+)\)$")
_GITHUB = re.compile(r"^Merge pull request #(\d+) from (\S+)")
_GITLAB = re.compile(r"^See merge request (?:\S+)?!(\d+)", re.MULTILINE)
_TOPIC = re.compile(r"^Merge (?:branch|tag) '?([\w./+-]+?)'?(?: of \S+)?(?: into .+)?$")
_ISSUE = re.compile(r"(?:(?<![\w/&.-])[\w.-]+/[\w.-]+#\d+|(?<![\w/&])(?:#\d+|GH-\d+|[A-Z][A-Z0-9]{1,9}-\d+))\b")
_NO_ISSUE = re.compile(
    r"^(?:UTF|SHA|ISO|CVE|RFC|HTTP|TLS|AES|MD|UCS|CP|PEP|BCP|ECMA|X|I|US|GPT|IPV?)-\d", re.IGNORECASE
)
_CO_AUTHOR = re.compile(r"^Co-authored-by:([^<\n]*)<", re.IGNORECASE | re.MULTILINE)


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
    breaking = declared(subject, text, body) or (sentence(text) if drops_platform(subject, kind) else None)
    issues = tuple(dict.fromkeys(i for i in _ISSUE.findall(f"{subject}\n{body}") if not _NO_ISSUE.match(i)))
    helpers = filter(None, map(str.strip, _CO_AUTHOR.findall(commit.message)))
    authors = tuple(dict.fromkeys([commit.name, *helpers]))
    return Change(
        commit.id, kind, sentence(text), scope, breaking, sure, why, request,
        tuple(i for i in issues if i != f"#{request}"), authors, reverts, commit.at,
        may_break=breaking is None and mentioned(subject, body, kind), release_as=_asked(commit.message),
    )  # fmt: skip


def _kind_of_parts(body: str) -> Kind | None:
    """What the commits say that a request was squashed from, where those that say it agree; tests and docs that came
    with a change do not make it another one."""
    read = [_read(subject, "", ()) for subject in PART.findall(body)]
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
    if _TOPIC.match(commit.subject) and first and not TRAILERS.match(first) and not first.startswith(("*", "#")):
        paragraph = commit.body.partition("\n\n")[0]
        return " ".join(paragraph.split())[:LONGEST_SUBJECT], commit.body[len(paragraph) :].strip(), ""
    return commit.subject, commit.body, ""


def _read(subject: str, body: str, files: Sequence[str]) -> tuple[Kind, str, str, float, str]:
    """Kind, scope, text, confidence, and what they were read from."""
    if found := CONVENTIONAL.match(subject):
        known = TYPES.get(found["type"].lower())
        if known is not None:
            return _conventional(known, found)
    if found := _TRAILER.search(body):
        word = found["word"].lower()
        if word in LABELS:
            return LABELS[word], "", subject, 1.0, "a Changelog trailer"
    if found := LABEL.match(subject):
        label = (found["label"] or found["upper"]).lower().split()[0]
        if label in LABELS:
            scope, text = scoped(found["text"])
            return LABELS[label], scope, text, _LABELLED, "a label"
    return by_words(subject, files)


def _conventional(known: Kind, found: re.Match[str]) -> tuple[Kind, str, str, float, str]:
    scope = (found["scope"] or "").strip()
    if scope.lower() in ("deps", "deps-dev", "dependencies") or (known is Kind.INTERNAL and _bumps(found["text"])):
        known = Kind.DEPENDENCY
    return known, scope, found["text"], 1.0, "Conventional Commits"


def _bumps(text: str) -> bool:
    return bool(re.match(r"(?:bump|update|upgrade) .+ (?:from|to) v?\d", text, re.IGNORECASE))


def _asked(message: str) -> str:
    found = _RELEASE_AS.search(message)
    return found[1] if found else ""


def _reverted(subject: str, body: str) -> str:
    if not (found := _REVERT.match(subject)):
        return ""
    by_id = _REVERTED.search(body)
    return by_id[1] if by_id else (found["subject"] or found["conventional"])
