"""What makes a major version: what is declared, not what is talked about (R23)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.history import History

MENTIONED = """ci: cut releases from events (#7)

* the classifier now also looks at footers such as BREAKING CHANGE: or BREAKING-CHANGE: of every type
* tidy up"""
EXPLAINED = """docs: how we release

The job raises the major number if some commit has a breaking change in a
footer; hence the words `BREAKING CHANGE` stay out of running text."""
WRAPPED = """fix: read footers

The parser knew no footers such as
BREAKING CHANGE: x in the last paragraph."""


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History(tmp_path / "shop")
    made.commit("feat: a", tag="v1.4.0")
    return made


@pytest.mark.parametrize(
    ("message", "then"),
    [
        pytest.param(MENTIONED, "v1.4.0", id="intent-hq/intent#2988"),
        pytest.param(EXPLAINED, "v1.4.0", id="blpsoares/agentistics#255"),
        pytest.param(WRAPPED, "v1.4.1", id="a wrapped sentence that begins a line with the words"),
        pytest.param("fix: x\n\nThis was a breaking change of 1.3.", "v1.4.1", id="a breaking change that is mended"),
        pytest.param("fix: x\n\n- no BREAKING CHANGE: here", "v1.4.1", id="in a list"),
        pytest.param("fix: x\n\nbreaking change: y", "v1.4.1", id="the footer's words are upper case"),
        pytest.param("ci: x\n\nBREAKING CHANGE: y", "v2.0.0", id="a footer of any type"),
        pytest.param("fix: x\n\nText.\nBREAKING-CHANGE: y", "v2.0.0", id="a footer without a blank line"),
        pytest.param("fix: x\n\nRefs: #1\nBREAKING CHANGE: y", "v2.0.0", id="a footer after a footer"),
        pytest.param("Work (#3)\n\n* feat: a\n\nBREAKING CHANGE: y\n\n* fix: b", "v2.0.0", id="within a squash"),
        pytest.param("Work (#3)\n\n* feat!: a\n\n* fix: b", "v2.0.0", id="! of a squash's part"),
        pytest.param("feat: a (#3)\n\n* refactor!: b", "v1.5.0", id="googleapis/release-please v17.5.0: a typed title"),
        pytest.param("fix: x\r\n\r\nText\r\n\r\nBREAKING CHANGE: y\r\n", "v2.0.0", id="line ends of Windows"),
        pytest.param("feat!(api): x", "v2.0.0", id="! before the scope"),
        pytest.param("fix: x\n\nBREAKING CHANGE: none", "v1.4.1", id="a template's footer: none"),
        pytest.param("fix: x\n\nBREAKING CHANGE: N/A\n", "v1.4.1", id="a template's footer: N/A"),
        pytest.param("fix: x\n\nBREAKING CHANGE:\n\nCall it y.", "v2.0.0", id="a footer above its paragraph"),
        pytest.param("fix: x\n\nBREAKING CHANGE:\nCall it y.", "v2.0.0", id="a footer above its line"),
        pytest.param("fix: x\n\nBREAKING CHANGE:\n\nRefs: #1", "v1.4.1", id="an empty footer"),
        pytest.param("Work (#3)\n\nBREAKING CHANGE:\n\n* fix: b", "v1.4.1", id="an empty footer within a squash"),
        pytest.param("Net prices\n\n+semver: major", "v2.0.0", id="GitVersion's words"),
        pytest.param("feat:x", "v1.5.0", id="no space behind the colon"),
        pytest.param("fix(api)!:x", "v2.0.0", id="no space behind ! and the colon"),
        pytest.param("feat(api)! : x", "v2.0.0", id="a space before the colon"),
        pytest.param("Vendor Pint, support Python 3.13, drop 3.8", "v2.0.0", id="simonw/datasette: a platform dropped"),
        pytest.param("chore: drop support for Node.js 16", "v2.0.0", id="dropped by a chore"),
        pytest.param("Remove Python 2.7 support", "v2.0.0", id="support removed"),
        pytest.param("ci: drop Python 3.8 from the matrix", "v1.4.0", id="dropped where it was tested only"),
        pytest.param("fix: drop 3 stale columns of Python 3 users", "v1.4.1", id="something else is dropped"),
    ],
)
def test_only_what_is_declared_breaks(history: History, message: str, then: str) -> None:
    history.commit(message)
    assert history.next_version() == then


def test_words_about_breaking_are_a_hint_to_developers(history: History) -> None:
    history.commit("Change prices (#8)\n\nThis is a backwards incompatible change: net.")
    text = history.notes()
    assert "Migration guide" not in text
    assert "may break" in text
    assert "8" in text
    assert "may break" not in history.notes("--audience", "user")


@pytest.mark.parametrize("title", ["BREAKING: net prices", "[breaking] Net prices", "feat: [BREAKING] net prices"])
def test_a_label_about_breaking_is_a_hint_to_developers(history: History, title: str) -> None:
    history.commit(title)
    assert "may break" in history.notes()


def test_a_list_of_commits_is_no_migration_guide(history: History) -> None:
    """orhun/git-cliff v2.3.0."""
    history.commit("feat(gitlab)!: add GitLab support (#598)\n\n* feat(gitlab): first\n\n* chore: more")
    assert "- Add GitLab support\n" in history.notes()


@pytest.mark.parametrize(
    ("footer", "then"),
    [("Release-As: 3.0.0", "v3.0.0"), ("release-as: v1.9.0", "v1.9.0"), ("Release-As: soon", "v1.5.0")],
    ids=["intent-hq/intent#2988", "with a v, in lower case", "no version: passed over"],
)
def test_a_version_that_is_asked_for_is_taken(history: History, footer: str, then: str) -> None:
    history.commit("feat: b")
    history.commit(f"chore: release\n\n{footer}")
    assert history.next_version() == then
