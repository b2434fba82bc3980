"""What our notes of ten public histories said otherwise than their projects (R23)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cases.history import History


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = History(tmp_path / "shop")
    made.commit("feat: a", "packages/server/a.py", tag="v1.0.0")
    return made


def written(history: History, path: str, text: str, message: str = "chore: write it") -> None:
    place = history.folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    history.commit(message)


def test_a_merge_of_gitlab_is_read_where_it_links_its_request_by_address(history: History) -> None:
    """gitlab-org/gitlab-runner: `#12` would be an issue, and the title stood there as that of a topic."""
    address = "https://gitlab.com/gitlab-org/gitlab-runner/-/merge_requests/5886"
    history.merged(
        f"Merge branch 'x' into 'main'\n\nAdd export\n\nSee merge request {address}\n\nMerged-by: Ada", ("wip", "b")
    )
    assert "- Add export (!5886)" in history.notes()
    history.commit("Revert \"Merge branch 'x' into 'main'\"\n\nThis reverts merge request !5886")
    assert "export" not in history.notes()


def test_a_package_is_tagged_by_the_name_in_its_manifest(history: History) -> None:
    """open-feature/js-sdk: packages/server is @openfeature/server-sdk, tagged server-sdk-v1.21.0."""
    written(history, "packages/server/package.json", json.dumps({"name": "@acme/server-sdk"}))
    history.git("tag", "server-sdk-v1.20.2")
    history.commit("feat: b", "packages/server/b.py")
    assert history.next_version("--path", "packages/server") == "server-sdk-v1.21.0"
    assert history.next_version() == "v1.1.0"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Cargo.toml", '[package]\nname = "shop_cart"\n'),
        ("pyproject.toml", '[project]\nname = "shop_cart"\n'),
        ("pyproject.toml", '[tool.poetry]\nname = "shop_cart"\n'),
        ("composer.json", '{"name": "acme/shop_cart"}'),
    ],
)
def test_a_member_of_a_workspace_is_a_package(history: History, file: str, text: str) -> None:
    """clap-rs/clap and other workspaces of Cargo: `clap_complete-v4.6.8` beside `v4.6.5`."""
    written(history, f"crates/cart/{file}", text)
    history.git("tag", "shop_cart-v0.3.0")
    history.commit("fix: b", "crates/cart/src/b.rs")
    assert history.next_version("--path", "crates/cart") == "shop_cart-v0.3.1"


@pytest.mark.parametrize("text", ["{", "[]", '{"name": 7}', "\x00"])
def test_a_manifest_that_cannot_be_read_names_nothing(history: History, text: str) -> None:
    written(history, "packages/server/package.json", text, "fix: b")
    assert history.next_version("--path", "packages/server") == "v1.0.1"


def test_a_version_that_was_tagged_on_a_release_branch_comes_before_the_next_one(history: History) -> None:
    """gitlab-org/gitlab-runner tags v19.1.0 on 19-1-stable; the last version that main itself has is v18.3.0."""
    history.commit("feat: b")
    history.git("checkout", "-q", "-b", "1-1-stable")
    history.commit("chore: release", tag="v1.1.0")
    history.commit("fix: c", tag="v1.1.1")
    history.git("checkout", "-q", "main")
    history.commit("feat: d")
    assert history.next_version() == "v1.2.0"
    assert "- D (" in history.notes()
    assert "- B (" not in history.notes()


def test_on_a_branch_that_keeps_an_old_version_alive_its_own_version_counts(history: History) -> None:
    history.git("checkout", "-q", "-b", "1.x")
    history.commit("fix: old")
    history.git("checkout", "-q", "main")
    history.commit("feat!: new", tag="v2.0.0")
    history.git("checkout", "-q", "1.x")
    assert history.next_version() == "v1.0.1"


CHANGE_SET = "---\n'@acme/server': {}\n---\n\nSomething new.\n"


@pytest.mark.parametrize(("part", "version"), [("patch", "0.40.1"), ("minor", "0.41.0"), ("major", "1.0.0")])
def test_change_sets_decide_the_next_version(history: History, part: str, version: str) -> None:
    """withastro/starlight: "Astro 7 support" says no kind, and its change set asks for a minor version."""
    written(history, "packages/server/package.json", json.dumps({"name": "@acme/server"}))
    history.git("tag", "@acme/server@0.40.0")
    written(history, "packages/server/b.ts", "x", "Astro 7 support (#3951)")
    written(history, ".changeset/README.md", "---\n'@acme/server': major\n---\n")
    written(history, ".changeset/fancy-swans.md", CHANGE_SET.format(part).replace("'", '"'))
    written(history, ".changeset/hot-eggs.md", CHANGE_SET.format("patch").replace("\n", "\r\n"))
    written(history, ".changeset/other.md", "---\n'@acme/other': major\n---\n")
    assert history.next_version("--path", "packages/server") == f"@acme/server@{version}"


@pytest.mark.parametrize(
    ("before", "day", "version"),
    [
        ("26.1.0", "2026-03-06", "26.3.0"),
        ("26.3.0", "2026-03-20", "26.3.1"),
        ("25.12.3", "2026-01-02", "26.1.0"),
        ("v2026.03", "2026-04-01", "v2026.04"),
        ("2026.3", "2026-03-20", "2026.3.1"),
        ("26.04.1", "2026-10-01", "26.10.0"),
        ("26.9.0", "2026-03-01", "26.9.1"),
    ],
)
def test_calendar_versions_follow_the_day_of_the_release(history: History, before: str, day: str, version: str) -> None:
    """psf/black: 26.3.0 is the first version of March 2026, whatever changed."""
    history.commit("feat: b", tag=before)
    history.commit("fix: c")
    assert history.next_version("--scheme", "calver", "--date", day) == version


def test_a_version_that_is_no_date_is_refused(history: History) -> None:
    history.commit("fix: b")
    assert "'v1.0.0' is not a calendar version" in history.notes("--next-version", "--scheme", "calver", expect=2)


@pytest.mark.parametrize(
    ("message", "section"),
    [
        pytest.param("build: Updating fast-uri to 3.1.2", "Dependencies", id="wikimedia/oojs-ui"),
        pytest.param("build: Updating npm dependencies", "Dependencies", id="wikimedia/oojs-ui, several"),
        pytest.param("Updating tmp to 0.2.7", "Dependencies", id="without a type"),
        pytest.param("👥 Add rudym as a contributor (#151)", "Documentation", id="frinyvonnick/gitmoji-changelog"),
        pytest.param("chore: Update MSRV to 1.85", "Changes", id="clap-rs/clap"),
        pytest.param("chore: update version to 1.2.3", "", id="not a release"),
        pytest.param("chore: update copyright to 2026", "", id="not a year"),
    ],
)
def test_what_a_project_files_elsewhere(history: History, message: str, section: str) -> None:
    history.commit(message)
    found = history.notes()
    assert (f"## {section}" in found) if section else ("## C" not in found.replace("## Contributors", ""))


def test_a_platform_that_is_required_from_now_on_is_breaking(history: History) -> None:
    """wikimedia/oojs-ui: "Indicate that we now require PHP 8.3+" made 0.54.0 of 0.53.2."""
    history.commit("composer: Indicate that we now require PHP 8.3+")
    assert history.next_version() == "v2.0.0"


def test_a_class_of_characters_is_no_issue(history: History) -> None:
    """angular/angular-cli: "[a-zA-Z0-9_-]" gave the issue Z0-9."""
    history.commit("fix: allow [a-zA-Z0-9_-] in names", "b", tag="")
    assert "Z0-9)" not in history.notes()


def test_what_came_out_with_a_version_of_another_branch_is_no_news_again(history: History) -> None:
    """angular/angular-cli picks fixes to 22.0.x: the notes of v22.1.0 told 56 fixes that v22.0.9 had told before."""
    fixed = history.commit("fix: crash on start", "src/x.py")
    history.commit("feat: faster")
    history.git("checkout", "-q", "-b", "1.0.x", "v1.0.0")
    history.git("cherry-pick", "-x", fixed)
    history.git("tag", "v1.0.1")
    history.git("checkout", "-q", "main")
    notes = history.notes("v1.0.1..main")
    assert "- Faster (" in notes
    assert "Crash on start" not in notes
    assert "- Crash on start (" in history.notes("v1.0.0..main")
    assert "Crash" not in history.notes("v1.0.1..main", "--path", "src")


def test_a_footer_of_angular_deprecates(history: History) -> None:
    """angular/angular-cli: `refactor(core): deprecate x`, with `DEPRECATED:` in its body."""
    history.commit("refactor(core): deprecate x\n\nDEPRECATED: `x` is deprecated. Use `y`.")
    assert "## Deprecated\n\n- core: Deprecate x" in history.notes()
    assert history.next_version() == "v1.1.0"


@pytest.mark.parametrize(
    "subject",
    ["Bump golang.org/x/net to v0.56.0 to resolve CVEs", "Migrate Docker SDK to moby v29 to fix docker/* CVEs"],
)
def test_vulnerabilities_without_a_number_are_security(history: History, subject: str) -> None:
    """gitlab-org/gitlab-runner files them under Security fixes."""
    history.commit(subject)
    assert "## Security\n\n- " in history.notes()


def test_a_merge_that_calls_itself_internal_does_not_hide_its_fixes(history: History) -> None:
    """clap-rs/clap#4885: "refactor(help): …" brought a fix and an improvement, and the published notes tell both."""
    title = "Merge pull request #4885 from x\n\nrefactor(help): Clean up long values"
    history.merged(
        title, ("fix(help): Calculate the length", "a"), ("perf(help): Save a line", "b"), ("refactor: c", "c")
    )
    found = history.notes()
    assert "## Performance\n\n- help: Save a line (" in found
    assert "## Fixes\n\n- help: Calculate the length (" in found
    assert "2 changes" not in found.partition("## ")[0]
    assert history.next_version() == "v1.0.1"


def test_a_merge_that_is_a_feature_speaks_for_its_fixes(history: History) -> None:
    history.merged("Merge pull request #2 from x\n\nfeat: Add export", ("fix: typo in it", "a"), ("feat: export", "b"))
    found = history.notes()
    assert "- Add export (#2" in found
    assert "Typo" not in found


@pytest.mark.parametrize(
    "message",
    [
        'Revert "feat: b" and "feat: c"\n\nThis reverts commit {0}.\nThis reverts commit {1}.',
        'Revert "the export"\n\nThis reverts commits {0} and {1}.',
        "revert: let us never again speak of the export\n\nRefs: {0}, {1}",
        'Revert "the export"\n\nReverts commits `{0}`,\n`{1}`',
    ],
)
def test_a_revert_can_name_several_commits(history: History, message: str) -> None:
    """Conventional Commits 1.0 shows `Refs: 676104e, a215868`; only the first of them was taken away."""
    ids = [history.commit("feat: b"), history.commit("feat: c")]
    revert = history.commit(message.format(*(identity[:12] for identity in ids)))
    notes = history.notes()
    assert ("- B (" in notes, "- C (" in notes, "everted" in notes) == (False, False, False)
    history.commit(f'Reapply "the export"\n\nThis reverts commit {revert}.')
    notes = history.notes()
    assert ("- B (" in notes, "- C (" in notes) == (True, True)


def test_of_several_commits_that_a_revert_names_those_of_older_versions_are_told(history: History) -> None:
    old = history.git("rev-parse", "HEAD")
    new = history.commit("feat: c")
    history.commit(f'Revert "two things"\n\nThis reverts commits {new} and {old}.')
    notes = history.notes()
    assert "- C (" not in notes
    assert "- Reverted: Two things (" in notes
