"""Titles with decoration before the type, platforms at the end, and commits that only release (R23)."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.model.commit import Commit
from pilotage.render.markdown import literal
from pilotage.report.commit_words import Kind
from pilotage.report.commits import classify
from tests.cases.history import History


def commit(message: str, *files: str) -> Commit:
    return Commit("1" * 40, ("0" * 40,), "Ada", "ada@x", 1.8e9, message, files)


@pytest.mark.parametrize(
    ("message", "kind", "summary", "breaks"),
    [
        (":sparkles: add dark mode", Kind.FEATURE, "Add dark mode", False),
        ("✨ feat(ui): add light mode", Kind.FEATURE, "Add light mode", False),
        ("✨ Light mode", Kind.FEATURE, "Light mode", False),
        (":bug: fix crash on start", Kind.FIX, "Fix crash on start", False),
        ("🐛 repair login", Kind.FIX, "Repair login", False),
        (":boom: drop python 3.8", Kind.REMOVAL, "Drop python 3.8", True),
        ("💥 Net prices", Kind.CHANGE, "Net prices", True),
        (":lock: escape names", Kind.SECURITY, "Escape names", False),
        ("⚡️ Look prices up once", Kind.IMPROVEMENT, "Look prices up once", False),
        ("🚑️(cart) Round up", Kind.FIX, "Round up", False),
        ("feat: ✨ add dark mode", Kind.FEATURE, "Add dark mode", False),
        ("♻️ Split the parser", Kind.INTERNAL, "Split the parser", False),
        (":unknown: add dark mode", Kind.FEATURE, "Add dark mode", False),
    ],
)
def test_gitmoji_are_read_and_are_no_text(message: str, kind: Kind, summary: str, breaks: bool) -> None:
    """googleapis/release-please#2385, unjs/changelogen#146, python-semantic-release#238."""
    found = classify(commit(message))
    assert (found.kind, found.summary, found.breaking is not None) == (kind, summary, breaks)


@pytest.mark.parametrize(
    ("message", "kind", "summary", "issue"),
    [
        ("ABC-123: fix login", Kind.FIX, "Fix login", "ABC-123"),
        ("ABC-124 feat: faster search", Kind.FEATURE, "Faster search", "ABC-124"),
        ("[ABC-125] Fix crash on start", Kind.FIX, "Fix crash on start", "ABC-125"),
        ("[ABC-125][ABC-9] Fix crash", Kind.FIX, "Fix crash", "ABC-125"),
        ("feat: ABC-126 add export", Kind.FEATURE, "Add export", "ABC-126"),
        ("feat: [ABC-126] add export", Kind.FEATURE, "Add export", "ABC-126"),
        ("feat(ABC-127): dark mode", Kind.FEATURE, "Dark mode", "ABC-127"),
        ("AB#128 Add button", Kind.FEATURE, "Add button", "AB#128"),
        ("#129 - Add button", Kind.FEATURE, "Add button", "#129"),
        ("feat(cart) ABC-7: dark mode", Kind.FEATURE, "Dark mode", "ABC-7"),
        ("feat:x", Kind.FEATURE, "X", ""),
        ("[skip ci] fix login", Kind.FIX, "Fix login", ""),
        ("feat: dark mode [skip ci]", Kind.FEATURE, "Dark mode", ""),
        ("http://x is down", Kind.CHANGE, "http://x is down", ""),
        ("UTF-8 names are kept", Kind.CHANGE, "UTF-8 names are kept", ""),
        ("CVE-2026-1: escape names", Kind.SECURITY, "", ""),
    ],
)
def test_ids_of_issues_are_no_text(message: str, kind: Kind, summary: str, issue: str) -> None:
    """versionize/versionize#155."""
    found = classify(commit(message))
    assert found.kind is kind
    assert not summary or found.summary == summary
    assert not issue or issue in found.issues
    assert not issue or found.scope in ("", "cart")


@pytest.mark.parametrize(
    "subject",
    ["Require PostgreSQL 14.2", "Works with Kubernetes 1.31", "Python 3.13", "Compatible with Django 5.1"],
)
def test_a_number_at_the_end_makes_nothing_internal(subject: str) -> None:
    assert classify(commit(subject)).kind is Kind.CHANGE


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Bump lodash from 4.17.20 to 4.17.21", Kind.DEPENDENCY),
        ("build(deps): bump axios from 0.21.0 to 1.6.0", Kind.DEPENDENCY),
        ("chore(deps-dev): bump jest from 29.0.0 to 30.0.0", Kind.DEPENDENCY),
        ("fix(deps): update dependency express to v5", Kind.DEPENDENCY),
        ("Bump the npm group across 1 directory with 3 updates", Kind.DEPENDENCY),
        ("chore(deps): update dependency next to v14.1.1 [security]", Kind.SECURITY),
        ("Update dependency requests to v2.32.0 [SECURITY]", Kind.SECURITY),
        ("fix(deps): patch the handlebars package for CVE-2021-23369", Kind.SECURITY),
    ],
)
def test_updates_of_dependencies_are_that_and_those_for_security_are_told(subject: str, kind: Kind) -> None:
    """googleapis/release-please#296: titles of dependabot and renovate."""
    assert classify(commit(subject)).kind is kind


@pytest.mark.parametrize(
    "subject",
    [
        "Version Packages (#12)", "v1.2.3", "1.2.4", "chore(release): 1.2.5 [skip ci]",
        "Release 1.2.6", "Release v1.2.6 (#4)",
        "[maven-release-plugin] prepare release app-1.2",
        "[maven-release-plugin] prepare for next development iteration",
        "[maven-release-plugin] rollback the release of app-1.2",
        "Bump version: 1.2.5 → 1.2.6", "bump: version 1.2.6 → 1.2.7",
        "Bump version to 1.3.0.dev0", "Prepare for 1.4.0", "Prepare next development version", "Back to development",
        "chore(main): release 1.3.0", "Publish", "Update version to 1.2.3", "[release] v1.2.3", "Set version 1.2.3",
        "v2.0.0-rc.1", "api-v1.2.3", "@acme/api@1.2.3", "release: 1.2.3", "Post-release version bump",
    ],
)  # fmt: skip
def test_commits_that_only_release_are_internal(subject: str) -> None:
    """changesets, lerna, Maven, commitizen, release-please, and people."""
    assert classify(commit(subject, "package.json")).kind is Kind.INTERNAL


@pytest.mark.parametrize(
    "subject", ["Update version negotiation of TLS", "Release memory of old pages", "Publish prices to partners"]
)
def test_words_of_releases_in_other_sentences_are_none(subject: str) -> None:
    assert "it only releases" not in classify(commit(subject, "a.c")).why


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Close #2832 and [square] brackets", "Close #2832 and [square] brackets"),
        ("Require httpx>=0.20 of api_v1_2", "Require httpx>=0.20 of api_v1_2"),
        ("# no heading", r"\# no heading"),
        ("> no quote", r"\> no quote"),
        ("[x] no task", r"\[x\] no task"),
        ("a [link](javascript:x)", r"a \[link\](javascript:x)"),
        ("a [link][x]", r"a \[link\]\[x\]"),
        ("[x]: https://x", r"\[x\]: https://x"),
        ("<b>, *b* and _b_, a|b, \\", r"\<b>, \*b\* and \_b\_, a\|b, \\"),
        ("__init__ and snake_", r"\_\_init\_\_ and snake\_"),
    ],
)
def test_only_what_markdown_would_read_is_escaped(text: str, written: str) -> None:
    """Notes of simonw/datasette had a backslash before every number of an issue."""
    assert literal(text) == written


def test_bots_are_no_contributors_and_one_person_is_one(tmp_path: Path) -> None:
    history = History(tmp_path / "shop")
    history.commit("feat: a", tag="v1.0.0")
    history.commit("Bump x from 1.0 to 2.0", name="dependabot[bot]", email="1+dependabot[bot]@users.noreply.github.com")
    history.commit("fix: a", name="renovate", email="bot@renovateapp.com")
    history.commit("fix: b", name="Ann Lee", email="ann@x")
    history.commit("fix: c", name="ann", email="ann@x")
    history.commit("fix: c2", name="Ann Lee", email="ann@home")
    history.commit("fix: d\n\nCo-authored-by: github-actions[bot] <y@github.com>\nCo-authored-by: ANN <ann@x>\n"
                   "Co-authored-by: Copilot <x@github.com>\nCo-authored-by: Bob <bob@x>")  # fmt: skip
    text = history.notes().replace("\\", "")
    assert text.rstrip().endswith("Contributors\n\nAnn Lee, Ada, Bob")


def test_of_two_spellings_the_one_with_a_capital_is_shown(tmp_path: Path) -> None:
    history = History(tmp_path / "shop")
    history.commit("feat: a", tag="v1.0.0")
    history.commit("fix: b", name="Ann", email="ann@x")
    history.commit("fix: c", name="ann", email="ann@x")
    assert history.notes().endswith("Contributors\n\nAnn\n")
