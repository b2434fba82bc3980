"""A changelog keeps the shape it has (R23): levels, line ends, v or no v, links, what people wrote."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from pilotage.report.changelog import updated
from pilotage.report.changelog_headings import OtherShape
from pilotage.report.notes import Item
from tests.cases.history import History

DAY = date(2026, 11, 24)
NEW = [("Added", (Item("a" * 40, "coupons"),)), ("Fixed", (Item("b" * 40, "rounding"),))]

PATCH_ON_TOP = """## [1.1.1](https://x/compare/v1.1.0...v1.1.1) (2024-02-01)


### Bug Fixes

* c

# [1.1.0](https://x/compare/v1.0.0...v1.1.0) (2024-01-01)


### Features

* a
"""
MINOR_ON_TOP = """# [1.1.0](https://x/compare/v1.0.1...v1.1.0) (2024-01-01)


### Features

* a

## [1.0.1](https://x/compare/v1.0.0...v1.0.1) (2023-01-01)


### Bug Fixes

* z
"""
MIXED = """# Changelog

All notable changes to this project will be documented in this file.

### [1.0.1](https://x/compare/v1.0.0...v1.0.1) (2023-01-01)

### Bug Fixes

* z

## 1.0.0 (2023-01-01)
"""
KEPT = """# Changelog

## [Unreleased]

## [1.2.0] - 2024-02-01

### Added

- hand written

## [1.1.1] - 2024-01-01

[Unreleased]: https://x/compare/v1.2.0...HEAD
[1.2.0]: https://x/compare/v1.1.1...v1.2.0
[1.1.1]: https://x/releases/tag/v1.1.1
"""


def headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"#{1,3} \[?v?\d", line)]


def test_a_new_section_stands_on_top_whatever_the_level() -> None:
    """conventional-changelog/conventional-changelog#214, #867, conventional-changelog/standard-version#430."""
    for text, heading in (
        (PATCH_ON_TOP, "# [1.2.0](https://x/compare/v1.1.1...v1.2.0) (2026-11-24)"),
        (MINOR_ON_TOP, "# [1.2.0](https://x/compare/v1.1.0...v1.2.0) (2026-11-24)"),
        (MIXED, "## [1.2.0](https://x/compare/v1.0.1...v1.2.0) (2026-11-24)"),
    ):
        made = updated(text, "v1.2.0", DAY, NEW)
        assert headings(made) == [heading, *headings(text)], "a minor version at the level of minor versions"
        assert made.endswith(text[text.index(headings(text)[0]) :]), "nothing else is touched"
        assert "### Features\n\n* coupons" in made, "under the titles and behind the bullets that the file uses"
        assert updated(made, "v1.2.0", DAY, NEW) == made
        edited = made.replace("* coupons", "* coupons, at last")
        assert updated(edited, "v1.2.0", DAY, NEW) == edited
    assert updated(MIXED, "1.2.0", DAY, NEW).startswith(MIXED[:60])


def test_a_title_alone_at_the_top_is_no_version() -> None:
    made = updated("# Changelog of 2 programs\n\nWords.\n\n# 1.0.0\n\n- a\n", "1.1.0", DAY, NEW)
    assert made.index("Words.") < made.index("1.1.0") < made.index("# 1.0.0")
    assert "\n# 1.1.0\n" in made, "in the form of its neighbours: one #, no brackets, no date"


@pytest.mark.parametrize("version", ["v1.2.0", "1.2.0"])
def test_one_version_has_one_section(version: str) -> None:
    made = updated(KEPT, version, DAY, NEW)
    assert len(re.findall(r"^## \[v?1\.2\.0\]", made, re.MULTILINE)) == 1
    assert "## [1.2.0] - 2026-11-24" in made
    assert "hand written" in made
    assert "coupons" in made
    again = updated(made, version, DAY, NEW)
    assert again == made
    with_v = KEPT.replace("[1.", "[v1.")
    assert len(re.findall(r"^## \[v1\.2\.0\]", updated(with_v, "1.2.0", DAY, NEW), re.MULTILINE)) == 1


def test_the_line_ends_of_the_file_are_kept(tmp_path: Path) -> None:
    """vercel-labs/opensrc#51."""
    history = History(tmp_path / "shop")
    history.commit("feat: a", tag="v1.2.0")
    history.commit("feat: b")
    file = tmp_path / "CHANGELOG.md"
    file.write_bytes(b"\xef\xbb\xbf" + KEPT.replace("\n", "\r\n").encode())
    history.notes("--changelog", str(file))
    text = file.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf# Changelog\r\n"), "the mark at its beginning, too"
    assert text.count(b"\r\n") == text.count(b"\n")
    assert b"## [1.3.0]" in text
    again = file.read_bytes()
    history.notes("--changelog", str(file))
    assert file.read_bytes() == again


def test_what_stood_under_unreleased_is_taken_over() -> None:
    text = KEPT.replace("## [Unreleased]\n", "## [Unreleased]\n\n### Added\n\n- by hand\n\n### Security\n\n- a hole\n")
    made = updated(text, "v1.3.0", DAY, NEW)
    unreleased, released = made.index("## [Unreleased]"), made.index("## [1.3.0]")
    assert made[unreleased:released].strip() == "## [Unreleased]"
    section = made[released : made.index("## [1.2.0]")]
    assert section.index("### Added") < section.index("- by hand") < section.index("- coupons") < section.index("Fixed")
    assert "### Security\n\n- a hole" in section
    assert updated(made, "v1.3.0", DAY, NEW) == made


def test_what_was_generated_under_unreleased_is_not_told_twice() -> None:
    before = updated(KEPT, "Unreleased", None, NEW)
    edited = before.replace("- coupons", "- coupons, at last")
    made = updated(edited, "v1.3.0", DAY, NEW)
    assert made.count("coupons") == 1
    assert "coupons, at last" in made, "an edit is kept"
    assert made.count("rounding") == 1


def test_links_at_the_end_are_continued() -> None:
    made = updated(KEPT, "v1.3.0", DAY, NEW)
    assert made.endswith(
        "[Unreleased]: https://x/compare/v1.3.0...HEAD\n[1.3.0]: https://x/compare/v1.2.0...v1.3.0\n"
        "[1.2.0]: https://x/compare/v1.1.1...v1.2.0\n[1.1.1]: https://x/releases/tag/v1.1.1\n"
    )
    assert updated(made, "v1.3.0", DAY, NEW) == made


def test_a_package_is_not_named_in_its_own_changelog() -> None:
    made = updated("# Changelog\n\n## 1.0.0\n\n- a\n", "api-v1.1.0", DAY, NEW)
    assert headings(made) == ["## 1.1.0", "## 1.0.0"]


def test_dates_are_written_as_the_file_writes_them() -> None:
    assert "[1.2.0](https://x/compare/v1.1.1...v1.2.0) (2026-11-24)\n" in updated(PATCH_ON_TOP, "v1.2.0", DAY, NEW)
    assert "\n## 1.1.0 — 2026-11-24\n" in updated("# C\n\n## 1.0.0 — 2024-01-01\n\n- a\n", "1.1.0", DAY, NEW)


@pytest.mark.parametrize(
    ("text", "heading"),
    [
        ("C\n=\n\n1.1.0 (2024-01-01)\n------------------\n\n- a\n", "1.2.0 (2026-11-24)\n------------------\n"),
        ("# C\n\n## Version 1.1.0\n\n- a\n", "## Version 1.2.0\n"),
        ("# C\n\n## [1.1.0] - 2024-01-02 [YANKED]\n\n- a\n", "## [1.2.0] - 2026-11-24\n"),
        ('# C\n\n## 1.1.0 "Otter" - 2024-01-02\n\n- a\n', "## 1.2.0 - 2026-11-24\n"),
        ("# C\n\n## 1.1.0 / 2024-01-02\n\n- a\n", "## 1.2.0 / 2026-11-24\n"),
    ],
    ids=["underlined", "a word before it", "yanked", "a name of its own", "a slash"],
)  # fmt: skip
def test_a_new_section_has_the_form_of_its_neighbours_and_not_their_fate(text: str, heading: str) -> None:
    made = updated(text, "v1.2.0", DAY, NEW)
    at = made.index("coupons")
    assert f"\n{heading}" in made[:at]
    assert made.index(heading) < at < made.index("- a\n")
    assert made.endswith(text[text.index("1.1.0") :])
    assert updated(made, "v1.2.0", DAY, NEW) == made


@pytest.mark.parametrize("title", ["Next", "HEAD (unreleased)", "Upcoming", "[unreleased]"])
def test_what_waits_is_unreleased_under_any_name(title: str) -> None:
    made = updated(f"# C\n\n## {title}\n\n- by hand\n\n## 1.1.0\n\n- a\n", "v1.2.0", DAY, NEW)
    assert made.index(f"## {title}") < made.index("## 1.2.0") < made.index("- by hand") < made.index("## 1.1.0")
    assert "## Next steps" in updated("# C\n\n## Next steps\n\n- x\n\n## 1.1.0\n", "v1.2.0", DAY, NEW)


def test_a_version_that_waits_under_its_own_name_gets_its_date() -> None:
    """zest.releaser's form."""
    made = updated("# C\n\n## 1.2.0 (unreleased)\n\n- by hand\n\n## 1.1.0 (2024-01-02)\n\n- a\n", "1.2.0", DAY, NEW)
    assert "## 1.2.0 (2026-11-24)\n" in made
    assert "unreleased" not in made


@pytest.mark.parametrize(
    "text",
    [
        "# C\n\n**1.1.0** (2024-01-02)\n\n- a\n", "# C\n\n* 1.1.0 (2024-01-02)\n  * a\n", "= C\n\n== 1.1.0\n\n* a\n",
        "C\n=\n\n1.1.0 (2024-01-02)\n~~~~~~~~~~~~~~~~~~\n\n* a\n",
    ],
    ids=["bold", "a list", "AsciiDoc", "reStructuredText"],
)  # fmt: skip
def test_a_changelog_of_another_shape_is_left_alone(text: str) -> None:
    """A section at its end, below the oldest version, helps nobody."""
    with pytest.raises(OtherShape, match="names a version and is no heading of Markdown"):
        updated(text, "v1.2.0", DAY, NEW)
    assert "1.2.0" in updated("# C\n\n1.0 and later are listed here.\n", "v1.2.0", DAY, NEW)


def test_code_is_no_heading() -> None:
    text = "# C\n\n```\n## 9.9.9\n```\n\n## 1.0.0\n\n- a\n"
    made = updated(text, "1.1.0", DAY, NEW)
    assert made.index("```\n\n## 1.1.0") < made.index("## 1.0.0")


def test_the_file_remembers_what_was_offered_in_one_line(tmp_path: Path) -> None:
    """A list of every commit of a year is nothing for people; the range that they lie in is one line."""
    history = History(tmp_path / "shop")
    history.commit("feat: a", tag="v1.2.0")
    for word in ("coupons", "search", "a typo"):
        history.commit(f"feat: {word}")
    file = tmp_path / "CHANGELOG.md"
    history.notes("--changelog", str(file), "--unreleased")
    text = file.read_text()
    assert re.search(r"<!-- offered: [0-9a-f]{12}\.\.[0-9a-f]{12} -->", text)
    file.write_text("\n".join(line for line in text.splitlines() if "typo" not in line) + "\n")
    history.commit("feat: carts")
    history.notes("--changelog", str(file), "--unreleased")
    again = file.read_text().lower()
    assert "typo" not in again, "it was removed on purpose"
    assert again.count("coupons") == again.count("carts") == 1
    assert again.count("..") == 1, "the new range holds the one before"
    history.notes("--changelog", str(file))
    released = file.read_text().lower()
    assert "typo" not in released
    assert released.count("carts") == released.count("..") == 1
    other = History(tmp_path / "other")
    other.commit("feat: of another repository")
    other.notes("--changelog", str(file), "--version", "1.3.0", "--unreleased")
    assert "of another repository" in file.read_text().lower(), "an unknown range hides nothing"


def test_a_list_of_an_earlier_version_still_counts(tmp_path: Path) -> None:
    history = History(tmp_path / "shop")
    history.commit("feat: a", tag="v1.2.0")
    history.commit("feat: coupons")
    history.commit("feat: search")
    file = tmp_path / "CHANGELOG.md"
    seen = history.git("log", "-1", "--format=%H", "--grep=coupons")[:12]
    file.write_text(f"# Changelog\n\n## [Unreleased]\n\n- by hand\n\n<!-- offered: {seen} -->\n")
    history.notes("--changelog", str(file), "--unreleased")
    text = file.read_text().lower()
    assert "coupons" not in text
    assert "- search" in text
    assert seen not in text, "the range holds it"
