"""Release notes (R23): what a commit says, what a range leaves, and drafts that keep what people did to them."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from click.testing import CliRunner
from hypothesis import given

from pilotage.cli.main import cli
from pilotage.model.commit import Commit
from pilotage.report.changelog import updated
from pilotage.report.commit_words import Kind
from pilotage.report.commits import Change, classify
from pilotage.report.curated import Line, merged, unmarked
from pilotage.report.notes import Audience, Item, Release, kept_sections, notes_of
from pilotage.report.range import changes_of
from pilotage.report.tags import versions_of
from pilotage.report.versions import BadVersion, Scheme, next_version

COUNT = iter(range(1, 10**6))


def commit(message: str, *parents: str, files: tuple[str, ...] = (), name: str = "Ada", id_: str = "") -> Commit:
    identity = id_ or f"{next(COUNT):040x}"
    return Commit(identity, parents or ("0" * 40,), name, f"{name.lower()}@x", 1.8e9, message, files)


# ── one commit ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "kind", "summary", "sure"),
    [
        ("feat(cart): add coupons", Kind.FEATURE, "Add coupons", 1.0),
        ("fix!: refuse empty baskets", Kind.FIX, "Refuse empty baskets", 1.0),
        ("perf: look prices up once", Kind.IMPROVEMENT, "Look prices up once", 1.0),
        ("chore(deps): bump urllib3 from 2.0 to 2.1", Kind.DEPENDENCY, "Bump urllib3 from 2.0 to 2.1", 1.0),
        ("[BUGFIX] tsdb: keep the head", Kind.FIX, "Keep the head", 0.95),
        ("FIX: crash at start", Kind.FIX, "Crash at start", 1.0),
        ("Speed up the parser\n\nChangelog: performance", Kind.IMPROVEMENT, "Speed up the parser", 1.0),
        ("Add coupons", Kind.FEATURE, "Add coupons", 0.7),
        ("Fixed the price of nothing", Kind.FIX, "Fixed the price of nothing", 0.8),
        ("Fix typo in the guide", Kind.DOCS, "Fix typo in the guide", 0.8),
        ("Bump foo from 1.2 to 1.3", Kind.DEPENDENCY, "Bump foo from 1.2 to 1.3", 0.9),
        ("Deprecate old_price", Kind.DEPRECATION, "Deprecate old_price", 0.85),
        ("Drop Python 3.8", Kind.REMOVAL, "Drop Python 3.8", 0.65),
        ("Close CVE-2026-1234 in the parser", Kind.SECURITY, "Close CVE-2026-1234 in the parser", 0.85),
        ("blame: honor the ignore file", Kind.CHANGE, "Honor the ignore file", 0.3),
        ("diff: learn --color-words", Kind.CHANGE, "Learn --color-words", 0.3),
        ('"git log" learned a new option', Kind.FEATURE, '"git log" learned a new option', 0.6),
        ("2.14.0-rc1", Kind.INTERNAL, "2.14.0-rc1", 0.95),
        ("something else entirely", Kind.CHANGE, "Something else entirely", 0.3),
    ],
)
def test_what_a_commit_is_and_how_sure_that_is(message: str, kind: Kind, summary: str, sure: float) -> None:
    found = classify(commit(message))
    assert (found.kind, found.summary, found.sure) == (kind, summary, sure)


def test_files_tell_docs_and_tests_from_features() -> None:
    assert classify(commit("Add a page", files=("docs/a.md",))).kind is Kind.DOCS
    assert classify(commit("Add coupons", files=("tests/test_cart.py",))).kind is Kind.INTERNAL
    assert classify(commit("Add coupons", files=("cart.py", "tests/test_cart.py"))).kind is Kind.FEATURE
    assert classify(commit("refresh", files=("uv.lock",))).kind is Kind.DEPENDENCY


@pytest.mark.parametrize(
    ("message", "breaking"),
    [
        ("feat!: new prices", "New prices"),
        ("feat!: new prices\n\nCall `price(net=True)` instead.", "Call `price(net=True)` instead."),
        ("feat: x\n\nBREAKING CHANGE: prices are\nnet now\n\nRefs: #3", "prices are net now"),
        ("feat: x\n\nBREAKING-CHANGE: gone\nReviewed-by: Bob <b@x>", "gone"),
        ("Change prices\n\nThis is a backwards incompatible change: net.", None),
        ("Change prices\n\nThis is not a breaking change.", None),
        ("feat: x", None),
    ],
)
def test_what_breaks_is_read_where_it_is_said(message: str, breaking: str | None) -> None:
    assert classify(commit(message)).breaking == breaking


def test_issues_requests_and_co_authors_are_kept_and_lookalikes_are_not() -> None:
    found = classify(commit(
        "fix: encode names (#12)\n\nCloses #7, team/shop#8 and SHOP-31. Not UTF-8, SHA-256, ISO-8601 or CVE-2026-1.\n\n"
        "Co-authored-by: Grace <g@x>"
    ))  # fmt: skip
    assert (found.request, found.issues, found.authors) == ("12", ("#7", "team/shop#8", "SHOP-31"), ("Ada", "Grace"))


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_message_is_too_strange(subject: str, body: str) -> None:
    found = classify(commit(f"{subject}\n\n{body}"))
    assert 0 < found.sure <= 1
    assert "\n" not in found.summary


# ── a range ────────────────────────────────────────────────────────────────────────────────────────────────


def summaries(*commits: Commit) -> list[str]:
    return [change.summary for change in changes_of(commits)]


def test_a_merge_with_a_title_speaks_for_its_commits_and_one_without_does_not() -> None:
    a, b = commit("wip"), commit("feat: half of it\n\nCo-authored-by: Eve <e@x>")
    merge = commit("Merge pull request #9 from x/y\n\nAdd coupons", "base", b.id, name="Bob")
    linked = Commit(b.id, (a.id,), b.name, b.email, b.at, b.message)
    (change,) = changes_of([merge, linked, a])
    assert (change.summary, change.request, change.kind) == ("Add coupons", "9", Kind.FEATURE)
    assert change.authors == ("Ada", "Eve")
    assert set(change.covers) == {a.id, b.id}
    plain = commit("Merge branch 'topic'", "base", b.id)
    assert summaries(plain, linked, a) == ["Half of it", "Wip"]


def test_gitlab_and_topic_merges_speak_too() -> None:
    part = commit("one")
    gitlab = commit("Merge branch 'x' into 'main'\n\nAdd coupons\n\nSee merge request team/shop!31", "base", part.id)
    assert (changes_of([gitlab, part])[0].summary, changes_of([gitlab, part])[0].request) == ("Add coupons", "!31")
    topic = commit("Merge branch 'ab/x'\n\n\"git log\" learned\na new option.\n\n* ab/x:\n  one", "base", part.id)
    assert summaries(topic, part) == ['"git log" learned a new option']


def test_a_revert_and_what_it_undid_are_no_news_and_a_revert_of_the_revert_is() -> None:
    first = commit("feat: add coupons (#1)")
    undo = commit(f'Revert "feat: add coupons (#1)" (#2)\n\nThis reverts commit {first.id}.')
    redo = commit(f'Revert "Revert "feat: add coupons (#1)"" (#3)\n\nThis reverts commit {undo.id}.')
    assert summaries(undo, first) == []
    assert summaries(redo, undo, first) == ["Add coupons"]
    again = commit(f"x\n\nThis reverts commit {redo.id}.")
    assert summaries(again, redo, undo, first) == ["X", "Add coupons"], "a body alone is no revert"
    by_subject = commit('Revert "feat: add coupons"')
    assert summaries(by_subject, first) == []


def test_a_revert_of_something_released_is_told() -> None:
    older = commit('Revert "Add coupons"\n\nThis reverts commit ' + "f" * 40 + ".")
    (change,) = changes_of([older])
    notes = notes_of([change], Release("shop", "2.0", None, "a..b"), Audience.USER)
    assert notes.sections[0][1][0].text == "Reverted: Add coupons"


def test_the_same_change_picked_twice_is_one() -> None:
    assert summaries(commit("fix: a"), commit("fix: a")) == ["A"]


# ── the notes ──────────────────────────────────────────────────────────────────────────────────────────────

RANGE = changes_of([
    commit("feat(cart)!: net prices (#4)\n\nBREAKING CHANGE: call price(net=True)"),
    commit("fix: rounding\n\nCloses #9", name="Bob"),
    commit("docs: a page"), commit("test: more"), commit("something"),
])  # fmt: skip


def test_each_audience_is_told_what_concerns_it() -> None:
    release = Release("shop", "2.0.0", date(2026, 11, 24), "v1..v2")
    by_audience = {a: notes_of(RANGE, release, a) for a in Audience}
    titles = {a: [title for title, _ in notes.sections] for a, notes in by_audience.items()}
    assert titles[Audience.DEVELOPER] == ["Features", "Changes", "Fixes", "Documentation"]
    assert titles[Audience.USER] == ["Features", "Changes", "Fixes"]
    assert titles[Audience.EXECUTIVE] == ["Features"]
    developer = by_audience[Audience.DEVELOPER]
    assert dict(developer.counts) == {"features": 1, "changes": 1, "fixes": 1, "documentation": 1, "internal": 1}
    assert (developer.unsure, developer.contributors) == (1, ("Ada", "Bob"))
    assert developer.breaking[0].cure == "call price(net=True)"
    assert by_audience[Audience.USER].contributors == ()


def test_c10_no_number_that_was_not_measured() -> None:
    notes = notes_of(RANGE, Release("shop", "2.0.0", None, "v1..v2"), Audience.USER)
    assert notes.measured == ()


@pytest.mark.parametrize(
    ("now", "messages", "scheme", "then"),
    [
        ("1.2.3", ["feat!: x"], Scheme.SEMVER, "2.0.0"),
        ("v1.2.3", ["feat: x", "fix: y"], Scheme.SEMVER, "v1.3.0"),
        ("1.2.3", ["fix: x"], Scheme.SEMVER, "1.2.4"),
        ("1.2.3", ["docs: x", "test: y"], Scheme.SEMVER, "1.2.3"),
        ("0.4.1", ["feat!: x"], Scheme.SEMVER, "0.5.0"),
        ("2.0.0-rc.1", ["fix: x"], Scheme.SEMVER, "2.0.0"),
        ("2.0.0-rc.1", ["feat!: x"], Scheme.SEMVER, "2.0.0"),
        ("2.0.1-rc.1", ["feat: x"], Scheme.SEMVER, "2.1.0"),
        ("1.2", ["feat: x"], Scheme.PEP440, "1.3.0"),
        ("1.2.3rc2", ["fix: x"], Scheme.PEP440, "1.2.3"),
        ("1.2.3.post1", ["fix: x"], Scheme.PEP440, "1.2.4"),
    ],
)
def test_the_next_version_follows_from_what_changed(now: str, messages: list[str], scheme: Scheme, then: str) -> None:
    assert next_version(now, changes_of([commit(m) for m in messages]), scheme) == then


@pytest.mark.parametrize(
    ("now", "scheme"), [("1.2", Scheme.SEMVER), ("latest", Scheme.PEP440), ("01.2.3", Scheme.SEMVER)]
)
def test_what_is_no_version_is_refused(now: str, scheme: Scheme) -> None:
    with pytest.raises(BadVersion, match="such as 2"):
        next_version(now, (), scheme)


def test_tags_are_ordered_as_versions_are() -> None:
    names = ["v1.10.0", "v1.9.0", "v1.10.0-rc.1", "v1.10.0-rc.1.1", "v1.10.0-alpha", "nightly", "shop-1.2.0"]
    assert [tag.name for tag in versions_of(names, Scheme.SEMVER)] == [
        "shop-1.2.0", "v1.9.0", "v1.10.0-alpha", "v1.10.0-rc.1", "v1.10.0-rc.1.1", "v1.10.0"
    ]  # fmt: skip


# ── drafts and changelogs ──────────────────────────────────────────────────────────────────────────────────

A, B, C = (Line(f"{c * 40}", f"text of {c}") for c in "abc")


def test_edits_moves_removals_and_own_lines_survive_and_the_rest_is_made_anew() -> None:
    draft = merged(None, "# Notes", [("Features", [A, B])])
    edited = draft.replace("text of a", "coupons, at last").replace(
        next(one for one in draft.splitlines() if "of b" in one), ""
    )
    edited = edited.replace("## Features", "## Features\n\n- my own line")
    after = merged(edited, "# ignored", [("Features", [Line(A.id, "text of a, again"), B]), ("Fixes", [C])])
    text = unmarked(after)
    assert "coupons, at last" in text
    assert "my own line" in text
    assert "text of b" not in text, "it was removed on purpose"
    assert "## Fixes\n\n- text of c" in text
    moved = merged(None, "# N", [("Features", [A]), ("Fixes", [C])])
    line = next(one for one in moved.splitlines() if "text of a" in one)
    moved = moved.replace(line + "\n", "").replace("## Fixes\n\n", f"## Fixes\n\n{line}\n")
    again = unmarked(merged(moved, "", [("Features", [Line(A.id, "newer a")]), ("Fixes", [C])]))
    assert again.index("## Fixes") < again.index("newer a"), "it stays where it was put, with its new text"
    assert again.count("newer a") == 1


def test_a_change_that_is_gone_from_the_range_goes_unless_somebody_wrote_to_it() -> None:
    draft = merged(None, "# N", [("Features", [A, B])])
    edited = draft.replace("text of a", "mine")
    assert "text of b" not in unmarked(merged(edited, "", [("Features", [])]))
    assert "mine" in unmarked(merged(edited, "", [("Features", [])]))


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdef"), unique=True))
def test_a_draft_that_nobody_touched_is_as_if_it_were_new(first: list[str], second: list[str]) -> None:
    def lines(names: list[str]) -> list[tuple[str, list[Line]]]:
        return [("Features", [Line(n * 40, f"text of {n}") for n in names])]

    again = unmarked(merged(merged(None, "# N", lines(first)), "# N", lines(second)))
    assert {n for n in "abcdef" if f"text of {n}" in again} == set(second)
    assert merged(again_draft := merged(None, "# N", lines(first)), "# N", lines(first)) == again_draft


OLD = """# Changelog

Words of our own.

## [Unreleased]

- soon

## [1.0.0] - 2026-01-01

### Added

- everything

[Unreleased]: https://x/compare/v1.0.0...HEAD
[1.0.0]: https://x/releases/v1.0.0
"""
SECTIONS: list[tuple[str, tuple[Item, ...]]] = [("Added", (Item("a" * 40, "coupons", "cart", "4"),))]


def test_a_changelog_is_updated_in_place() -> None:
    made = updated(OLD, "1.1.0", date(2026, 11, 24), SECTIONS)
    assert made.index("## [Unreleased]") < made.index("## [1.1.0] - 2026-11-24") < made.index("## [1.0.0]")
    assert "- **cart:** coupons (#4) <!--" in made
    assert made.startswith("# Changelog\n\nWords of our own.")
    assert made.rstrip().endswith("[1.0.0]: https://x/releases/v1.0.0")
    edited = made.replace("coupons (#4)", "coupons, for everybody")
    again = updated(edited, "1.1.0", date(2026, 11, 25), SECTIONS)
    assert "coupons, for everybody" in again
    assert again.count("## [1.1.0] - 2026-11-25") == 1
    assert updated(again, "1.1.0", date(2026, 11, 25), SECTIONS) == again


def test_a_new_changelog_says_its_format() -> None:
    made = updated(None, "1.0.0", None, SECTIONS)
    assert made.startswith("# Changelog\n\nThe format is [Keep a Changelog]")
    assert "## [1.0.0]\n\n### Added" in made


def test_breaking_changes_come_first_and_what_nobody_notices_is_left_out() -> None:
    (added, changed, fixed) = kept_sections(RANGE)
    assert [name for name, _ in (added, changed, fixed)] == ["Added", "Changed", "Fixed"]
    assert added[1][0].text == "**Breaking:** Net prices: call price(net=True)"
    assert [item.text for item in changed[1]] == ["Something"]


# ── the command ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@x", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    for number, message in enumerate(("feat: first", "feat(cart): add coupons", "fix: rounding <b>\x1b[31m")):
        (tmp_path / f"{number}.py").write_text("x")
        git("add", "-A")
        git("commit", "-q", "-m", message)
        if number == 0:
            git("tag", "v1.0.0")
    return tmp_path


def run(*arguments: Any, expect: int = 0) -> str:
    done = CliRunner().invoke(cli, [str(a) for a in arguments])
    assert done.exit_code == expect, (done.output, done.exception)
    return done.stdout


def test_the_command_knows_the_last_version_and_the_next(repository: Path) -> None:
    assert run("notes", "--repository", repository, "--next-version").strip() == "v1.1.0"
    text = run("notes", "--repository", repository, "--format", "markdown")
    assert "2 changes: 1 feature, 1 fix." in text
    assert "cart: Add coupons" in text
    assert "first" not in text
    page = run("notes", "--repository", repository, "--format", "html")
    assert "<b>" not in page.partition("</style>")[2].replace("<b></b>", "")
    assert (
        run("notes", "v1.0.0..HEAD", "--repository", repository, "--path", "2.py", "--next-version").strip() == "v1.0.1"
    )


def test_the_command_writes_drafts_and_changelogs_that_keep_edits(repository: Path) -> None:
    draft, log = repository / "notes" / "1.1.0.md", repository / "CHANGELOG.md"
    for _ in range(2):
        run("notes", "--repository", repository, "--draft", draft, "--changelog", log)
        draft.write_text(draft.read_text().replace("Add coupons", "Coupons, at last"))
    assert "Coupons, at last" in draft.read_text()
    assert "## [v1.1.0]" in log.read_text()
    public = repository / "public.md"
    run("notes", "--repository", repository, "--draft", draft, "-o", public)
    assert "\n- cart: Coupons, at last (" in public.read_text()
    assert "\x1b" not in public.read_text()
    assert "<!--" in draft.read_text()
    assert "<!--" not in public.read_text()


def test_what_is_asked_beside_a_draft_or_a_changelog_is_done_or_refused(repository: Path) -> None:
    draft, log, page = repository / "draft.md", repository / "CHANGELOG.md", repository / "page.html"
    refused = CliRunner().invoke(
        cli,
        ["notes", "--repository", str(repository), "--draft", str(draft), "--changelog", str(log), "--format", "html"],
    )
    assert (refused.exit_code, draft.exists(), log.exists()) == (2, False, False)
    run("notes", "--repository", repository, "--changelog", log, "--format", "html", "-o", page)
    assert log.exists()
    assert "Add coupons" in page.read_text()


def test_a_shallow_clone_is_refused_where_the_range_is_not_whole_in_it(repository: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for depth in (1, 2):
        subprocess.run(
            ["git", "clone", "-q", "--depth", str(depth), repository.as_uri(), str(clone / str(depth))], check=True
        )
    said = CliRunner().invoke(cli, ["notes", "--repository", str(clone / "1")])
    assert said.exit_code == 9
    assert "ends within everything up to HEAD: fetch the history with `git fetch --unshallow`" in said.stderr
    whole = run("notes", "HEAD~1..HEAD", "--version", "1.1.0", "--repository", clone / "2", "--format", "markdown")
    assert "1 change: 1 fix." in whole


def test_what_is_read_does_not_hang_on_how_somebody_likes_their_git(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@x"]
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "feat: Grüße"], cwd=repository, check=True)
    told = run("notes", "--repository", repository, "--format", "json")
    assert "Grüße" in json.dumps(json.loads(told), ensure_ascii=False)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    for setting in ("color.ui=always", "log.showRoot=false", "i18n.logOutputEncoding=ISO-8859-1", "log.decorate=full",
                    "format.pretty=oneline", "diff.external=/bin/false", "log.showSignature=true"):  # fmt: skip
        name, _, value = setting.partition("=")
        monkeypatch.setenv("GIT_CONFIG_KEY_0", name)
        monkeypatch.setenv("GIT_CONFIG_VALUE_0", value)
        assert run("notes", "--repository", repository, "--format", "json") == told, setting


def test_the_command_says_what_is_wrong(repository: Path) -> None:
    for arguments, words in (
        (("v9..HEAD", "--repository", str(repository)), "has no commit 'v9'"),
        (("--repository", str(repository / "nowhere")), "cannot change to"),
    ):
        said = CliRunner().invoke(cli, ["notes", *arguments])
        assert (said.exit_code, words in said.stderr) == (9, True)


def test_unsure_is_said() -> None:
    change = Change("1" * 40, Kind.CHANGE, "Something", sure=0.3)
    notes = notes_of([change], Release("shop", "2", None, "r"), Audience.DEVELOPER)
    from pilotage.render.notes import document_of

    document = document_of(notes)
    assert "The kind of 1 of them is a guess" in " ".join(document.lead)
    assert document.sections[0].bullets == ("Something (111111111, ?)",)


@pytest.mark.parametrize(
    ("message", "kind", "breaking"),
    [
        ("Coupons (#7)\n\n* feat: add coupons\n\n* test: cover coupons\n\n* wip", Kind.FEATURE, None),
        ("Coupons (#7)\n\n* feat: add coupons\n\n* fix: rounding", Kind.FEATURE, None),  # the more notable one
        ("Coupons (#7)\n\n* docs: say it\n\n* docs: better", Kind.DOCS, None),
        ("fix: coupons (#7)\n\n* feat: add coupons", Kind.FIX, None),  # the title says it
        ("Coupons (#7)\n\n* address review\n* more", Kind.CHANGE, None),
        ("Coupons (#7)\n\n* feat(api)!: prices are net\n\n* fix: rounding", Kind.FEATURE, "Prices are net"),
    ],
)
def test_r23_a_squashed_request_is_what_the_commits_say_that_it_was_squashed_from(
    message: str, kind: Kind, breaking: str | None
) -> None:
    change = classify(Commit("1" * 40, ("0" * 40,), "Ada", "ada@x", 0.0, message, ("src/a.py",)))
    assert (change.kind, change.breaking) == (kind, breaking)
    assert change.summary == "Coupons"
