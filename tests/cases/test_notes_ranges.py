"""Which commits release notes are of, and what the release is called (R23)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.history import History


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "shop")


@pytest.mark.parametrize(
    ("tag", "then"),
    [
        pytest.param("api/v1.2.0", "api/v1.2.1", id="ietf-tools/semver-action#27, Songmu/tagpr#268"),
        pytest.param("api-v1.2.0", "api-v1.2.1", id="simonepri/pidtree#35, open-cli-collective/atlassian-cli#62"),
        pytest.param("@acme/api@1.2.0", "@acme/api@1.2.1", id="conventional-changelog/conventional-changelog#1313"),
        pytest.param("packages/api/v1.2.0", "packages/api/v1.2.1", id="Go modules below the root"),
        pytest.param("api_1.2.0", "api_1.2.1", id="an underscore"),
    ],
)
def test_a_package_has_its_own_tags_versions_and_notes(history: History, tag: str, then: str) -> None:
    history.commit("feat: a", "packages/api/a.py", tag=tag)
    assert history.next_version() == tag, "with one prefix, no path is needed"
    history.commit("fix: export", "packages/api/b.py")
    history.commit("feat: w", "packages/web/w.js", tag="web/v3.0.0")
    history.commit("fix: api thing", "packages/api/a.py")
    assert history.next_version("--path", "packages/api") == then
    assert history.next_version(f"{tag}..", "--path", "packages/api") == then
    text = history.notes("--path", "packages/api")
    assert f"shop {then}" in text.replace("\\", "")
    assert "Export" in text, "orhun/git-cliff#48: a change made before the other package's tag"
    assert history.next_version("--tag-prefix", "web/v") == "web/v3.0.1"


def test_tags_of_several_packages_are_not_mixed(history: History) -> None:
    """One package's range never begins at another's tag: without a path or a prefix the command asks for one."""
    history.commit("feat: a", "api/a.py", tag="api-v1.2.0")
    history.commit("feat: w", "web/w.js", tag="web-v3.0.0")
    assert "shop web-v3.0.0" in history.notes(), "the commit carries one package's tag: it is that release"
    history.commit("fix: w", "web/w.js")
    refused = history.notes("--next-version", expect=2)
    assert "api-v" in refused
    assert "--tag-prefix" in refused


def test_tags_of_the_whole_beside_those_of_packages(history: History) -> None:
    history.commit("feat: a", "api/a.py", tag="v1.0.0")
    history.commit("feat: b", "api/a.py", tag="api-v7.0.0")
    history.commit("fix: c", "web/a.py")
    assert history.next_version() == "v1.1.0"
    assert history.next_version("--path", "web") == "v1.0.1"


NO_VERSIONS = """
    build-1234 release-2024.05.01 ci-20240501.3 backup/2023 sprint42 v2-beta hotfix-17 v7 2024
"""


@pytest.mark.parametrize("tag", NO_VERSIONS.split())
def test_tags_that_are_no_versions_are_passed_over(history: History, tag: str) -> None:
    """jreleaser/jreleaser#659, nebula-plugins/nebula-release-plugin#249."""
    history.commit("feat: a", tag="v1.4.0")
    history.commit("feat: b", tag=tag)
    history.commit("fix: c")
    assert history.next_version() == "v1.5.0"


@pytest.mark.parametrize(
    ("scheme", "candidate"), [("semver", "v1.1.0-rc.1"), ("semver", "v1.1.0-alpha.beta"), ("pep440", "v1.1.0rc1")]
)
def test_a_final_release_has_everything_since_the_last_final_one(history: History, scheme: str, candidate: str) -> None:
    """orhun/git-cliff#588, hiking90/ongeul#25, conventional-changelog/standard-version#818."""
    history.commit("feat: a", tag="v1.0.0")
    history.commit("feat: b", tag=candidate)
    assert f"shop {candidate}" in history.notes("--scheme", scheme)
    history.commit("fix: c")
    text = history.notes("--scheme", scheme)
    assert "shop v1.1.0" in text
    assert "\n- B " in text
    assert "\n- C " in text
    assert history.next_version("--scheme", scheme) == "v1.1.0"
    history.git("tag", "v1.1.0")
    assert "\n- B " in history.notes("--scheme", scheme), "the same once it is tagged"


def test_a_candidate_has_what_came_since_the_one_before_and_announces_its_release(history: History) -> None:
    history.commit("feat: a", tag="v1.0.0")
    history.commit("feat: b", tag="v2.0.0-rc.1")
    history.commit("fix: c", tag="v2.0.0-rc.2")
    text = history.notes()
    assert "shop v2.0.0-rc.2" in text
    assert "\n- B " not in text
    assert history.next_version() == "v2.0.0", "what a candidate announced is not taken back"


def test_a_commit_on_its_own_tag_has_that_tags_notes(history: History) -> None:
    """nteract/nteract#687, KevinEdry/nestjs-trpc#91: a pipeline that runs for the tag just pushed."""
    history.commit("feat: a", tag="v1.0.0")
    assert "shop v1.0.0" in history.notes(), "the first release, too"
    history.commit("feat: b", tag="v1.1.0")
    text = history.notes()
    assert "shop v1.1.0" in text
    assert "\n- B " in text
    assert "shop v1.1.0" in history.notes("v1.0.0..HEAD")
    assert history.next_version() == "v1.1.0"


def test_a_range_that_ends_at_a_tag_is_named_by_it(history: History, tmp_path: Path) -> None:
    """orhun/git-cliff#37: 13.0.1 was written, which does not exist."""
    history.commit("feat: a", tag="13.0.0")
    history.commit("fix: b", tag="14.0.0")
    history.commit("feat: c", tag="15.0a1")
    assert "shop 14.0.0" in history.notes("13.0.0..14.0.0")
    assert "shop 15.0a1" in history.notes("14.0.0..15.0a1"), "of another scheme, too"
    assert "shop 14.0.0" in history.notes("refs/tags/13.0.0..refs/tags/14.0.0"), "as a pipeline names them"
    history.git("branch", "release/13.1.0", "14.0.0~1")
    assert "shop 13.0.0" in history.notes("13.0.0..release/13.1.0"), "a branch is no version, the tag it stands at is"
    file = tmp_path / "C.md"
    history.notes("13.0.0..14.0.0", "--changelog", str(file))
    assert "## [14.0.0]" in file.read_text()


def test_a_candidate_that_becomes_the_release_is_the_release(history: History) -> None:
    history.commit("feat: a", tag="v1.0.0")
    history.commit("feat: b")
    history.commit("fix: c", tag="v1.1.0-rc.1")
    history.git("tag", "v1.1.0")
    text = history.notes()
    assert "shop v1.1.0," in text
    assert "\n- B " in text


@pytest.mark.parametrize("path", ["packages/api/", "./packages/api", "packages/api/src"])
def test_a_path_may_be_written_in_other_ways(history: History, path: str) -> None:
    history.commit("feat: a", "packages/api/src/a.py", tag="api-v1.2.0")
    history.commit("feat: w", "packages/web/w.js", tag="web-v3.0.0")
    history.commit("fix: api", "packages/api/src/a.py")
    assert history.next_version("--path", path) == "api-v1.2.1"


def test_a_tag_of_two_numbers_names_the_scheme_that_it_is_of(history: History) -> None:
    """Moving tags such as v1.2 of GitHub's actions stand beside v1.2.3 and are passed over."""
    history.commit("feat: a", tag="v1.2.3")
    history.git("tag", "v1.2")
    history.commit("fix: b")
    assert history.next_version() == "v1.2.4"
    history.git("tag", "v1.3")
    history.commit("fix: c")
    assert "versions of two numbers are of --scheme pep440" in history.notes("--next-version", expect=2)
    assert history.next_version("--scheme", "pep440") == "v1.3.1"
