"""R17: which releases later changes repaired or reverted, read from the oldest release on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilotage.adapters.git import Git
from pilotage.risk.followed import Released, repaired
from tests.unit.risk.repository import DAY, START, Repository

SHOP = "".join(f"def part_{n}():\n    return {n}\n\n\n" for n in range(30))


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    """1.0 has a shop; 2.0 changes a price in the middle of it and adds tax."""
    found = Repository(tmp_path)
    found.commit("feat: a shop", {"shop.py": SHOP})
    found.git("tag", "1.0")
    found.commit("feat: a price", {"shop.py": SHOP.replace("return 20\n", "return 2000\n")})
    found.commit("feat: tax", {"tax.py": "def tax():\n    return 19\n"})
    found.git("tag", "2.0")
    return found


def repair_of(shop: Repository, until: float = START + 1000 * DAY) -> str | None:
    """The subject of what repaired 2.0."""
    git = Git(shop.path)
    commits = frozenset(shop.git("rev-list", "1.0..2.0").split())
    release = Released(name="2.0", commits=commits, until=until)
    found = repaired(git.changes([f"{git.commit('1.0')}..HEAD"]), [release])
    return found["2.0"].subject if found else None


def priced(value: int) -> dict[str, str | None]:
    return {"shop.py": SHOP.replace("return 20\n", f"return {value}\n")}


def test_a_repair_of_its_lines_counts(shop: Repository) -> None:
    shop.commit("fix: the price", priced(200))
    assert repair_of(shop) == "fix: the price"


def test_a_repair_of_older_lines_in_the_same_file_does_not(shop: Repository) -> None:
    shop.commit(
        "fix: a part", {"shop.py": SHOP.replace("return 20\n", "return 2000\n").replace("return 5\n", "return 6\n")}
    )
    assert repair_of(shop) is None


def test_a_change_that_repairs_nothing_does_not(shop: Repository) -> None:
    shop.commit("feat: cheaper", priced(200))
    assert repair_of(shop) is None


def test_a_revert_counts_whatever_it_touches(shop: Repository) -> None:
    last = shop.git("rev-parse", "2.0")
    shop.commit(f'Revert "feat: tax"\n\nThis reverts commit {last}.', {"tax.py": None})
    assert repair_of(shop) == 'Revert "feat: tax"'


def test_what_comes_after_its_time_does_not(shop: Repository) -> None:
    shop.commit("fix: the price", priced(200))
    assert repair_of(shop, until=shop.clock - 1) is None


def test_a_release_that_repairs_itself_is_none(shop: Repository) -> None:
    shop.commit("fix: the price", priced(200))
    shop.git("tag", "-f", "2.0")
    assert repair_of(shop) is None


def test_a_merged_branch_belongs_to_the_release_that_it_came_with(tmp_path: Path) -> None:
    found = Repository(tmp_path)
    found.commit("feat: a shop", {"shop.py": SHOP})
    found.git("tag", "1.0")
    found.git("switch", "-q", "-c", "tax")
    found.commit("feat: tax", {"tax.py": "def tax():\n    return 19\n"})
    found.git("switch", "-q", "main")
    found.git("merge", "-q", "--no-ff", "-m", "Merge branch 'tax'", "tax")
    found.git("tag", "2.0")
    found.commit("fix: the tax", {"tax.py": "def tax():\n    return 0.19\n"})
    assert repair_of(found) == "fix: the tax"
