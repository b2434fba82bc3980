"""Merges and reverts as each forge writes them (R23)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.history import History


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History(tmp_path / "shop")
    made.commit("feat: a", "api/a.py", tag="v1.0.0")
    return made


def lines(text: str) -> list[str]:
    return [line.removeprefix("- ").replace("\\", "") for line in text.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        pytest.param("Merged in feature/x (pull request #12)\n\nAdd dark mode\n\nApproved-by: Z", "Add dark mode (#12)",
                     id="conventional-changelog/standard-version#690: Bitbucket"),
        pytest.param("Merge pull request #12 in ACME/shop from feature/x to master\n\nAdd dark mode",
                     "Add dark mode (#12)", id="Bitbucket Server"),
        pytest.param("Merged PR 4711: Add light mode", "Add light mode (#4711)",
                     id="linear/linear-release#31: Azure"),
        pytest.param("Merge pull request 77 from feature/g into main\n\nAdd grid view", "Add grid view (#77)",
                     id="GitTools/GitVersion#1543: Azure"),
        pytest.param("Merge pull request #12 from x/f\n\nAdd export to CSV", "Add export to CSV (#12)", id="GitHub"),
        pytest.param("Add export to CSV (#12)", "Add export to CSV (#12)", id="GitHub, the title as message"),
        pytest.param("Merge branch 'x' into 'main'\n\nAdd export\n\nSee merge request team/shop!31", "Add export (!31)",
                     id="GitLab"),
        pytest.param("Merge pull request 'Add export' (#5) from x/f into main", "Add export (#5)", id="Gitea"),
        pytest.param('Merge "Add export to CSV" into main', "Add export to CSV (", id="Gerrit"),
        pytest.param("Merge PR #7: Add y", "Add y (#7)", id="coqbot"),
        pytest.param("Merge !31: Add y", "Add y (#31)", id="a merge request, by hand"),
        pytest.param("Auto merge of #812 - ada:export, r=eve\n\nAdd export to CSV\n\nfixes #3",
                     "Add export to CSV (#812", id="bors"),
    ],
)  # fmt: skip
def test_a_merge_speaks_for_its_commits(history: History, message: str, line: str) -> None:
    history.merged(message, ("wip 1", ""), ("wip 2", ""))
    (found,) = lines(history.notes())
    assert found.startswith(line.removesuffix(")"))


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("Merged PR 4711: Add light mode", "Add light mode (#4711)"),
        ("Merged in feature/x (pull request #12)\n\nAdd dark mode", "Add dark mode (#12)"),
        ("Merged PR 8: fix(cart): round up", "cart: Round up (#8)"),
    ],
    ids=["Azure", "Bitbucket", "a typed title"],
)
def test_a_squash_has_the_title_of_its_request(history: History, message: str, line: str) -> None:
    history.commit(message)
    assert lines(history.notes()) == [line]


def test_a_path_keeps_the_titles_of_merges(history: History) -> None:
    """orhun/git-cliff#34, akuity/kargo#5989: git leaves the merges out of a path's history."""
    history.merged("Merge pull request #12 from x/f\n\nAdd export to CSV", ("wip", "api/a.py"), ("more", "api/b.py"))
    history.merged("Merge pull request #13 from x/g\n\nAdd web grid", ("wip web", "web/y.js"))
    history.merged("Merge pull request #14 from x/g\n\nAdd prices", ("wip", "web/z.js"), ("feat: half", "api/c.py"))
    history.commit("fix: web", "web/y.js")
    assert lines(history.notes("--path", "api")) == ["Add prices (#14)", "Add export to CSV (#12)"]


def _reverted(history: History, title: str, *messages: str) -> list[str]:
    """Commit `title`, then each message, with {0}, {1} … for the ids before it."""
    ids = [history.commit(title)]
    for message in messages:
        ids.append(history.commit(message.format(*ids, short=ids[-1][:7])))
    return lines(history.notes())


@pytest.mark.parametrize(
    ("title", "message"),
    [
        pytest.param("feat: x (#12)", 'Revert "feat: x (#12)" (#13)\n\nReverts org/repo#12',
                     id="googleapis/release-please#296: GitHub's button"),
        pytest.param("feat: x (#12)", 'Revert "feat: x" (#13)\n\nReverts #12', id="by number"),
        pytest.param("Merged PR 4711: Add x", 'Merged PR 4712: Revert "Add x"\n\nReverted commit `{0}`.',
                     id="Azure, by id"),
        pytest.param("Merged PR 4711: Add x", 'Revert "Merged PR 4711: Add x"', id="Azure, by title"),
        pytest.param("feat: x\n\nSee merge request team/shop!31",
                     'Revert "feat: x"\n\nThis reverts merge request !31', id="GitLab"),
        pytest.param("Add x\n\nChange-Id: I1", 'Revert "Add x"\n\nThis reverts commit {0}.\n\nReason for revert: slow',
                     id="Gerrit"),
        pytest.param("feat: x", "revert: feat: x\n\nRefs: {short}", id="Conventional Commits"),
        pytest.param("feat: x", "revert feat: x\n\nThis reverts commit {0}.", id="without a colon"),
        pytest.param("feat: x", 'Revert "feat: x" due to an outage\n\nThis reverts commit {0}.', id="with a reason"),
        pytest.param("feat: x", 'ABC-1 Revert "feat: x"\n\nThis reverts commit {0}.', id="after an issue's id"),
        pytest.param("feat: x", "Rollback of the new x\n\nThis reverts commit {0}.", id="rollback"),
        pytest.param("feat: x", "Back out x\n\nOriginal commit: {0}", id="Phabricator"),
        pytest.param("feat: x", "Revert {short}", id="an id alone"),
        pytest.param("feat: x", "revert: something\n\nThis reverts commit {short}", id="an abbreviated id"),
        pytest.param("feat: x", "revert(cart): x\n\nThis reverts commit {short}", id="with a scope"),
    ],
)  # fmt: skip
def test_a_revert_and_what_it_reverts_are_no_news(history: History, title: str, message: str) -> None:
    assert _reverted(history, title, message) == []
    assert history.next_version() == "v1.0.0"


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(('Revert "feat: b"\n\nThis reverts commit {0}.', 'Reapply "feat: b"\n\nThis reverts commit {1}.'),
                     id="nrwl/nx#20663, enormora/pr-log#516: git's Reapply"),
        pytest.param(('Revert "feat: b"', 'Reapply "feat: b"'), id="Reapply by title"),
        pytest.param(('Revert "feat: b"\n\nThis reverts commit {0}.', 'Revert^2 "feat: b"\n\nThis reverts commit {1}.'),
                     id="Gerrit's Revert^2"),
        pytest.param(('Revert "feat: b"', 'Revert "Revert "feat: b""'), id="a revert of a revert"),
        pytest.param(('Revert "feat: b"', 'Reapply "feat: b"', 'Revert "Reapply "feat: b""', 'Reapply "feat: b"'),
                     id="twice"),
    ],
)  # fmt: skip
def test_what_is_applied_again_is_news(history: History, messages: tuple[str, ...]) -> None:
    (line,) = _reverted(history, "feat: b", *messages)
    assert line.startswith("B (")
    assert history.next_version() == "v1.1.0"


def test_a_revert_of_a_release_is_told_by_its_title(history: History) -> None:
    """mathieudutour/github-tag-action#111."""
    released = history.git("rev-parse", "--short", "HEAD")
    history.commit(f"revert: new feature\n\nThis reverts commit {released}")
    history.commit('Revert "fix(cart): rounding (#3)" (#9)\n\nReverts org/shop#3')
    found = lines(history.notes())
    assert found[0].startswith("cart: Reverted: Rounding (#9")
    assert found[1].startswith("Reverted: New feature (")
    assert history.next_version() == "v1.0.1"


def test_what_was_reverted_in_a_release_and_comes_back_is_what_it_was(history: History) -> None:
    history.commit('Reapply "feat: b (#3)" (#9)')
    assert lines(history.notes()) == ["B (#9, #3)"]
    assert history.next_version() == "v1.1.0"


def test_a_revert_of_one_commit_does_not_hide_its_whole_request(history: History) -> None:
    history.merged("Merge pull request #12 from x/f\n\nAdd export", ("feat: csv", ""), ("feat: xls", ""))
    part = history.git("rev-parse", "HEAD^2")
    history.commit(f'Revert "feat: xls"\n\nThis reverts commit {part}.')
    assert [line.split(" (")[0] for line in lines(history.notes())] == ["Add export", "Reverted: Xls"]


@pytest.mark.parametrize(
    ("message", "then"),
    [
        pytest.param("Checkout work (#12)\n\n* feat: pay by card\n\n* fix: total was off by one", "v1.1.0",
                     id="googleapis/release-please#1257"),
        pytest.param("Checkout work (#12)\n\n* fix: a\n\n* docs: b\n\n* perf: c", "v1.0.1", id="no feature in it"),
        pytest.param("Checkout work (#12)\n\n- feat: pay by card\n- fix: total", "v1.1.0", id="a list with dashes"),
        pytest.param("fix: checkout (#12)\n\n* feat: pay by card\n\n* fix: total", "v1.0.1", id="the title says it"),
    ],
)  # fmt: skip
def test_a_squash_of_several_kinds_is_its_most_notable_one(history: History, message: str, then: str) -> None:
    history.commit(message)
    assert history.next_version() == then


@pytest.mark.parametrize(
    "message",
    [
        "fix: y\n\nThis reverts commit {0} in part.",
        "Undo the worst of it\n\nPartly reverts commit {0}.",
        "Revert the worst of x",
        "Back out of the dialog with Escape",
    ],
)
def test_a_revert_of_a_part_or_in_other_words_cancels_nothing(history: History, message: str) -> None:
    assert len(_reverted(history, "feat: x", message)) == 2


@pytest.mark.parametrize(
    "message", ["fixup! feat: x", "squash! feat: x\n\nmore words", "amend! feat: x\n\nfeat: x again"]
)
def test_a_part_of_another_commit_is_no_news(history: History, message: str) -> None:
    assert [line.split(" (")[0] for line in _reverted(history, "feat: x", message)] == ["X"]
    assert history.next_version() == "v1.1.0"
