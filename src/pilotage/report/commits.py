"""From a commit to its kind of change, and how certain that is.

Sources, in this order: Conventional Commits 1.0; trailers (`Changelog:`, as GitLab has them); bracketed or upper-case
labels (`[BUGFIX] tsdb: …`); the title of a merged request, or the text of a merged topic; the verb at the start of a
subject, after its `subsystem:`; the files. Anything else is a change with little confidence, counted as a guess rather
than hidden.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pilotage.model.commit import Commit
from pilotage.report.breaking import declared, drops_platform, mentioned, sentence
from pilotage.report.commit_words import Kind, by_words, is_security_update, only_releases, scoped
from pilotage.report.decoration import NO_ISSUE, Plain, is_issue, undecorated
from pilotage.report.headers import CONVENTIONAL, LABEL, LABELS, PART, TYPES
from pilotage.report.improvements import aspect_of
from pilotage.report.merges import plain_title, reference, request_of
from pilotage.report.people import CO_AUTHOR
from pilotage.report.reverts import Revert, revert_of


@dataclass(frozen=True)
class Change:
    """One change. breaking: what breaks and what to do, None if nothing is declared · sure: 0…1 that `kind` is right ·
    why: its source · request: number of the merge or pull request · reverts: what it reverts, or restores · covers:
    commits that it stands for · may_break: its words suggest breaking, no footer declares it · release_as: the version
    that a footer requests."""

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
    reverts: Revert | None = None
    at: float = 0.0
    covers: tuple[str, ...] = field(default=(), compare=False)
    may_break: bool = False
    release_as: str = ""
    aspect: str = ""
    value: str = ""
    details: str = ""
    impact: str = ""
    until: str = ""


SURE = 0.5
"""Below this a kind is a guess, and the notes say so."""

_FAIRLY_SURE, LABELLED = 0.85, 0.95

_PART_OF = re.compile(r"(?:fixup|squash|amend)! ")
"""What git writes for commits that `rebase --autosquash` would have folded into another one."""
_TRAILER = re.compile(r"^changelog:\s*(?P<word>\w+)", re.IGNORECASE | re.MULTILINE)
_DEPRECATED = re.compile(r"^DEPRECATED: \S", re.MULTILINE)
"""Angular's footer, beside `BREAKING CHANGE:`; the type of such a commit is often refactor."""
_RELEASE_AS = re.compile(r"^Release-As: {0,9}(\S{1,250})$", re.IGNORECASE | re.MULTILINE)
_ISSUE = re.compile(
    r"(?:(?<![\w/&.-])[\w.-]+/[\w.-]+#\d+|(?<![\w/&])(?:#\d+|GH-\d+|AB#\d+|(?<!-)[A-Z][A-Z0-9]{1,9}-\d+))\b"
)
_SAID = re.compile(
    r"^(?P<name>Value|Implementation|Impact|Works-until): {0,9}(?P<text>\S.{0,500}(?:\n[ \t]{1,9}\S.{0,500}){0,5})",
    re.IGNORECASE | re.MULTILINE,
)
"""What a commit says for the notes: what a change is worth, whom it concerns, and when the old way stops working."""


def _trailers(message: str) -> dict[str, str]:
    """What `Value:`, `Implementation:`, `Impact:` and `Works-until:` say, by their names in small letters."""
    return {found["name"].lower(): sentence(" ".join(found["text"].split())) for found in _SAID.finditer(message)}


def classify(commit: Commit) -> Change:
    """The change of a commit. A merge that describes its content stands for it (`covers` is then set by the caller, who
    knows the history)."""
    request = request_of(commit)
    subject, body = request.title, _SAID.sub("", request.body).strip()
    reverts = revert_of(subject, body) or revert_of(undecorated(subject).text, body)
    plain = undecorated(plain_title(reverts.subject) if reverts else subject)
    kind, scope, text, sure, why = _read(plain, body, commit.files)
    if sure < _FAIRLY_SURE and (known := _kind_of_parts(body)):
        kind, sure, why = known, _FAIRLY_SURE, "the commits it was squashed from"
    if _DEPRECATED.search(body):
        kind, sure, why = Kind.DEPRECATION, 1.0, "a DEPRECATED footer"
    if reverts and not reverts.again:
        kind, sure, why = Kind.CHANGE, 1.0, "a revert"
    breaking = declared(subject if reverts else plain.text, text, body)
    if breaking is None and not (reverts and not reverts.again) and (plain.breaks or drops_platform(plain.text, kind)):
        breaking = sentence(text)
    issues = tuple(dict.fromkeys(i for i in _ISSUE.findall(f"{subject}\n{body}") if not NO_ISSUE.match(i)))
    said = _trailers(commit.message)
    helpers = [name.strip() for name, _ in CO_AUTHOR.findall(commit.message) if name.strip()]
    authors = tuple(dict.fromkeys([commit.name, *helpers]))
    return Change(
        commit.id, kind, sentence(text), scope, breaking, sure, why, request.number,
        tuple(i for i in issues if i != reference(request.number)), authors, reverts, commit.at,
        may_break=breaking is None and mentioned(subject, body, kind), release_as=_asked(commit.message),
        aspect=aspect_of(subject, text, scope) if kind is Kind.IMPROVEMENT else "", value=said.get("value", ""),
        details=said.get("implementation", ""),
        impact=said.get("impact", ""), until=said.get("works-until", ""),
    )  # fmt: skip


def _kind_of_parts(body: str) -> Kind | None:
    """What the commits say that a request was squashed from: the most notable kind of those that say one."""
    read = [_read(undecorated(subject), "", ()) for subject in PART.findall(body)]
    return most_notable([kind for kind, _, _, sure, _ in read if sure >= LABELLED])


def most_notable(kinds: Sequence[Kind]) -> Kind | None:
    """Tests and docs that came with a change do not make it another one, a fix that came with a feature neither."""
    order = list(Kind)
    return min(kinds, key=order.index, default=None)


def _read(plain: Plain, body: str, files: Sequence[str]) -> tuple[Kind, str, str, float, str]:
    """Kind, scope, text, confidence, and what they were read from."""
    subject = plain.text
    if _PART_OF.match(subject):
        return Kind.INTERNAL, "", subject, 1.0, "it belongs to another commit"
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
            return LABELS[label], scope, text, LABELLED, "a label"
    kind, scope, text, sure, why = by_words(subject, files)
    if plain.kind is not None:
        kind, sure, why = plain.kind, LABELLED, "its gitmoji"
    return kind, plain.scope or scope, text, sure, why


def _conventional(known: Kind, found: re.Match[str]) -> tuple[Kind, str, str, float, str]:
    scope, text = (found["scope"] or "").strip(), undecorated(found["text"]).text
    if known is Kind.INTERNAL and _NEEDS_NEWER.search(text):
        known = Kind.CHANGE
    elif scope.lower() in ("deps", "deps-dev", "dependencies") or (known is Kind.INTERNAL and _bumps(found["text"])):
        known = Kind.SECURITY if is_security_update(text) else Kind.DEPENDENCY
    return known, "" if is_issue(scope) else scope, text, 1.0, "Conventional Commits"


_BUMPS = re.compile(
    r"(?:bump|updat(?:e|ing)|upgrad(?:e|ing)) "
    r"(?:.+ from v?\d|\S{1,200} to v?\d+\.\d|(?:\w{1,30} )?dependenc(?:y|ies)\b)",
    re.IGNORECASE,
)
_NEEDS_NEWER = re.compile(r"\bMSRV\b|\bminimum supported (?:rust|go|python|node) version\b", re.IGNORECASE)
"""Whoever builds with an older compiler notices, whatever type the commit has."""


def _bumps(text: str) -> bool:
    return bool(_BUMPS.match(text)) and not only_releases(text)


def _asked(message: str) -> str:
    found = _RELEASE_AS.search(message)
    return found[1] if found else ""
