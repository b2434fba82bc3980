"""The first line of a commit that names its kind: Conventional Commits 1.0, and labels as projects have them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pilotage.model.commit import LONGEST_SUBJECT
from pilotage.report.commit_words import Kind

CONVENTIONAL = re.compile(
    r"^(?P<type>[A-Za-z][\w-]*)(?P<early>!)?(?: ?\((?P<scope>[^()]*)\))?(?P<bang>!)? ?:\s+(?P<text>\S.*)$"
)
"""`type(scope)!: text`, with `!` and spaces wherever people put them."""


TYPES: Mapping[str, Kind] = {
    "feat": Kind.FEATURE, "feature": Kind.FEATURE, "fix": Kind.FIX, "bugfix": Kind.FIX, "hotfix": Kind.FIX,
    "perf": Kind.IMPROVEMENT, "improvement": Kind.IMPROVEMENT, "enhancement": Kind.IMPROVEMENT,
    "security": Kind.SECURITY, "deprecate": Kind.DEPRECATION, "remove": Kind.REMOVAL, "docs": Kind.DOCS,
    "doc": Kind.DOCS, "deps": Kind.DEPENDENCY, "dep": Kind.DEPENDENCY, "build": Kind.INTERNAL, "ci": Kind.INTERNAL,
    "chore": Kind.INTERNAL, "test": Kind.INTERNAL, "tests": Kind.INTERNAL, "style": Kind.INTERNAL,
    "refactor": Kind.INTERNAL, "release": Kind.INTERNAL, "meta": Kind.INTERNAL, "wip": Kind.INTERNAL,
}  # fmt: skip
LABELS: Mapping[str, Kind] = {
    **TYPES, "bug": Kind.FIX, "new": Kind.FEATURE, "add": Kind.FEATURE, "added": Kind.FEATURE, "fixed": Kind.FIX,
    "changed": Kind.CHANGE, "change": Kind.CHANGE, "deprecated": Kind.DEPRECATION, "removed": Kind.REMOVAL,
    "performance": Kind.IMPROVEMENT, "documentation": Kind.DOCS, "other": Kind.CHANGE, "internal": Kind.INTERNAL,
    "dependencies": Kind.DEPENDENCY, "experiment": Kind.FEATURE,
}  # fmt: skip
LABEL = re.compile(r"^(?:\[(?P<label>[A-Za-z][\w /-]{1,20})\]|(?P<upper>[A-Z]{3,}))(?P<bang>!)?[:\s]\s*(?P<text>\S.*)$")
PART = re.compile(rf"^[*-] (\S[^\n]{{0,{LONGEST_SUBJECT}}})", re.MULTILINE)
"""A commit of a squashed request, as GitHub and GitLab list them below its title."""


def has_bang(subject: str) -> bool:
    """`feat!: …`, `feat(api)!: …`, `feat!(api): …` and `[BUGFIX]! …`."""
    if found := CONVENTIONAL.match(subject):
        return bool(found["bang"] or found["early"])
    labelled = LABEL.match(subject)
    return bool(labelled and labelled["bang"])
