"""R17: a range is compared with the releases before it, by version tags alone, and the comparison survives anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.adapters.git import Git
from pilotage.app.earlier_releases import spans_before
from pilotage.app.measured_releases import FILE
from pilotage.app.risk import Question, assess_range
from pilotage.model.risk import Assessment
from tests.unit.risk.repository import DAY, Repository

CODE = "def total(items):\n    return sum(items)\n"


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    """Six releases, each a little larger than the one before."""
    it = Repository(tmp_path / "shop")
    it.commit("Begin", {"src/a.py": CODE})
    it.git("tag", "v1.0.0")
    for n in range(1, 7):
        it.commit(f"Add {n}", {f"src/part{n}.py": CODE * 4 * n})
        it.git("tag", f"v1.{n}.0")
    return it


def ask(it: Repository, revisions: str, **changes: object) -> Assessment:
    question = replace(Question(revisions, None), **changes)  # type: ignore[arg-type]
    return assess_range(Git(it.path), question).assessment


def test_r17_a_range_stands_among_the_releases_before_it(shop: Repository) -> None:
    shop.commit("Add much", {f"src/much{n}.py": CODE * 80 for n in range(4)})
    large = ask(shop, "v1.6.0..HEAD").standing
    assert large is not None
    assert large.sentence == "riskier than all of the last 6 releases"
    shop.git("tag", "v2.0.0")
    shop.commit("Say it shorter", {"src/part6.py": CODE})
    small = ask(shop, "v2.0.0..HEAD").standing
    assert small is not None
    assert (small.releases, small.riskier_than) == (7, 0)


def test_only_tags_that_are_earlier_versions_of_the_same_thing_count(shop: Repository) -> None:
    git = Git(shop.path)
    before = list(spans_before(git, git.commit("v1.6.0")))
    for name in ("nightly-2026.1.1", "v1.6.1-rc.1", "other-v3.0.0", "sprint42"):
        shop.git("tag", name, "HEAD~1")
    assert list(spans_before(git, git.commit("v1.6.0"))) == before
    shop.commit("More", {"src/a.py": CODE * 2})
    shop.git("tag", "v1.7.0")
    assert list(spans_before(git, git.commit("v1.6.0"))) == before, "a later release changes nothing"
    assert [span.changes for span in before] == [1] * 6


def test_releases_of_more_than_two_years_ago_do_not_count(shop: Repository) -> None:
    shop.clock += 800 * DAY
    shop.commit("Wake up", {"src/a.py": CODE * 2})
    shop.git("tag", "v2.0.0")
    shop.commit("Go on", {"src/a.py": CODE * 3})
    found = ask(shop, "v2.0.0..HEAD").standing
    assert found is not None
    assert found.sentence.endswith("riskier than the last release")


def test_without_earlier_releases_nothing_is_said(shop: Repository) -> None:
    for tag in shop.git("tag").split():
        shop.git("tag", "-d", tag)
    shop.commit("Go on", {"src/a.py": CODE * 3})
    found = ask(shop, "HEAD~1..HEAD")
    assert found.standing is None
    assert "releases" not in found.lead


@pytest.mark.parametrize(
    "kept", ["", "{", "[]", '{"format": 1, "releases": 3}', '{"format": 9, "releases": {}}', "\x00" * 40, "[" * 9000]
)
def test_what_was_measured_is_kept_and_a_corrupt_file_is_measured_again(
    shop: Repository, tmp_path: Path, kept: str
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    shop.commit("Add more", {"src/more.py": CODE * 20})
    first = ask(shop, "v1.6.0..HEAD", folder=folder)
    whole = (folder / FILE).read_text()
    (folder / FILE).write_text(kept)
    assert ask(shop, "v1.6.0..HEAD", folder=folder) == first
    assert (folder / FILE).read_text() == whole
    (folder / FILE).write_text(whole.replace('"score":0.', '"score":7.'))
    assert ask(shop, "v1.6.0..HEAD", folder=folder) == first, "a probability of seven is none"


def test_r17_releases_on_a_branch_that_was_merged_later_count(shop: Repository) -> None:
    shop.git("checkout", "-q", "-b", "support", "v1.3.0")
    for n in range(1, 3):
        shop.commit(f"Mend {n}", {f"src/mend{n}.py": CODE * n})
        shop.git("tag", f"v1.6.{n}")
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--no-ff", "support", "-m", "Merge the repairs")
    shop.git("tag", "v1.7.0")
    shop.commit("Go on", {"src/a.py": CODE * 3})
    found = ask(shop, "v1.7.0..HEAD").standing
    assert found is not None
    assert (found.releases, found.unmeasured) == (9, 0)


def test_r17_where_every_release_has_a_branch_the_answer_says_that_nothing_is_compared(shop: Repository) -> None:
    shop.git("checkout", "-q", "-b", "next", "v1.0.0")
    shop.git("tag", "-d", "v1.0.0")
    shop.commit("Another line", {"src/b.py": CODE})
    shop.git("tag", "v2.0.0")
    shop.commit("Go on", {"src/a.py": CODE * 3})
    found = ask(shop, "v2.0.0..HEAD")
    assert found.standing is None
    said = "not compared with earlier releases: those of the two years before are not in the history of this one"
    assert found.notes == (said,)


def test_a_merge_of_a_whole_branch_counts_as_its_changes(shop: Repository) -> None:
    shop.git("checkout", "-q", "-b", "develop")
    for n in range(3):
        shop.git("checkout", "-q", "-b", f"topic{n}", "develop")
        shop.commit(f"Topic {n}", {f"src/topic{n}.py": CODE * 9})
        shop.git("checkout", "-q", "develop")
        shop.git("merge", "-q", "--no-ff", "-m", f"Merge topic {n}", f"topic{n}")
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--no-ff", "-m", "Merge develop", "develop")
    found = ask(shop, "v1.6.0..HEAD")
    assert found.changes == 3
    assert found.notes == (
        f"{shop.git('rev-parse', 'HEAD')[:10]} (Merge develop) counts as the 3 changes that it merges",
    )
