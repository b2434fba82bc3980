"""What of a patch counts (R17): white space, names, generated code, clocks and people, on real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pilotage.adapters.git import Git
from pilotage.adapters.git_names import unquoted
from pilotage.adapters.git_people import person
from pilotage.adapters.git_space import is_indented_anew, same_lines
from pilotage.adapters.git_time import agreed
from pilotage.model.change import Change, Entry, FileKind, FilePatch
from pilotage.model.path_pattern import PathPatterns, Scope
from tests.unit.risk.repository import DAY, START, Repository

YEAR = 365.25 * DAY


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    it = Repository(tmp_path / "shop")
    it.commit("Begin", {"README.md": "# Shop\n"})
    return it


def newest(it: Repository) -> Change:
    (change,) = Git(it.path).changes(["HEAD~1..HEAD"])
    return change


def changed(it: Repository, path: str, before: str, after: str) -> FilePatch:
    it.commit("Before", {path: before})
    it.commit("After", {path: after})
    (file,) = newest(it).files
    return file


# ── programs without a suffix ──────────────────────────────────────────────────────────────────────────────


def test_a_program_without_a_suffix_is_source(shop: Repository) -> None:
    """By its first line, or by the permission to run."""
    shop.commit("Add", {"tools/ship": "#!/bin/sh\n# Ships.\nif true; then ship; fi\n", "tools/list": "a\nb\n"})
    ship, plain = sorted(newest(shop).files, key=lambda file: file.path, reverse=True)
    assert (ship.kind, ship.worth, ship.branches) == (FileKind.SOURCE, 1, 1)
    assert plain.kind is FileKind.OTHER
    (shop.path / "tools/ship").chmod(0o755)
    shop.commit("Run", {})
    shop.commit("Change", {"tools/ship": "#!/bin/sh\n# Ships.\nif true; then ship --now; fi\n"})
    (later,) = newest(shop).files
    assert (later.kind, later.worth) == (FileKind.SOURCE, 1)


# ── white space ────────────────────────────────────────────────────────────────────────────────────────────

JAVASCRIPT = "function a(b) {\n  if (b) {\n    return 1;\n  }\n  return 2;\n}\n"
PYTHON = "def a(b):\n  for c in b:\n    if c:\n      return 1\n  return 2\n"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        pytest.param("a.js", JAVASCRIPT, JAVASCRIPT.replace("  ", "\t"), id="ishepard/pydriller#61: indented anew"),
        pytest.param("a.js", JAVASCRIPT, JAVASCRIPT.replace("\n", "\r\n"), id="erikbern/git-of-theseus#74: line ends"),
        pytest.param("a.js", JAVASCRIPT, JAVASCRIPT.replace(";", ";  "), id="clowee/OpenSZZ#7: at the end of lines"),
        pytest.param("a.js", "a(b,c)\n", "a( b, c )\n", id="within a line"),
        pytest.param("a.js", JAVASCRIPT, JAVASCRIPT.rstrip("\n"), id="the end of the last line"),
        pytest.param("a.py", PYTHON, PYTHON.replace("  ", "    "), id="a whole file of Python, from two to four"),
        pytest.param("a.py", PYTHON.replace("  ", "\t"), PYTHON.replace("  ", "    "), id="Python, from tabs"),
        pytest.param("a.py", PYTHON, PYTHON.replace("\n", "  \r\n"), id="Python, at the end of lines"),
    ],
)  # fmt: skip
def test_white_space_alone_is_no_change(shop: Repository, path: str, before: str, after: str) -> None:
    file = changed(shop, path, before, after)
    assert (file.added, file.deleted, file.hunks, file.is_idle) == (0, 0, (), True)


@pytest.mark.parametrize(
    ("path", "before", "after", "added", "deleted"),
    [
        pytest.param("a.py", "for b in c:\n    d()\n    e()\n", "for b in c:\n    d()\ne()\n", 1, 1, id="unlooped"),
        pytest.param("a.py", "if a:\n    if b:\n        c()\n        d()\n",
                     "if a:\n    if b:\n        c()\n    d()\n", 1, 1, id="half its depth, but one line alone"),
        pytest.param("a.yaml", "a:\n  b:\n    c: 1\n", "a:\n  b:\n  c: 1\n", 1, 1, id="a key of YAML moved up"),
        pytest.param("a.js", 'a("b c")\n', 'a("bc")\n', 1, 1, id="words of a text"),
        pytest.param("a.js", "a();\nb();\n", "if (c) {\n  a();\n  b();\n}\n", 2, 0, id="a block that got a condition"),
        pytest.param("a.py", "a()\nb()\n", "if c:\n    a()\n    b()\n", 3, 2, id="in Python its depth counts, too"),
        pytest.param("a.js", "a();\nb();\n", "a();\n  c();\n", 1, 1, id="another line"),
    ],
)  # fmt: skip
def test_white_space_that_means_something_is_one(
    shop: Repository, path: str, before: str, after: str, added: int, deleted: int
) -> None:
    file = changed(shop, path, before, after)
    assert (file.added, file.deleted, file.is_idle) == (added, deleted, False)
    assert sum(hunk[1] for hunk in file.hunks) == deleted
    assert sum(hunk[3] for hunk in file.hunks) == added


def test_hunks_without_white_space_are_numbered_as_git_numbers_them(shop: Repository) -> None:
    lines = [f"line{n}();" for n in range(12)]
    after = ["  " + line for line in lines]
    after[3] = "  other();"
    del after[7]
    after.insert(10, "  more();")
    file = changed(shop, "a.js", "\n".join(lines) + "\n", "\n".join(after) + "\n")
    said = shop.git("diff", "-U0", "-w", "HEAD~1", "HEAD")
    wanted = [line.split(" @@")[0] for line in said.split("\n") if line.startswith("@@")]
    shown = [f"@@ -{_span(a, b)} +{_span(c, d)}" for a, b, c, d in file.hunks]
    assert shown == wanted


def _span(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


@pytest.mark.parametrize(
    ("path", "text", "is_idle"),
    [
        ("a.py", "# Why.\n", True),
        ("a.py", "\n\n", True),
        ("a.c", "/* Why. */\n * More.\n", True),
        ("a.c", "#define LIMIT 10\n", False),
        ("a.c", "*limit = 10;\n", False),
        ("a.rs", "#[derive(Debug)]\n", False),
        ("a.sql", "-- Why.\n", True),
        ("a.js", "--count;\n", False),
        ("a.ini", "; Why.\n", False),
    ],
)
def test_blank_lines_and_comments_are_no_change_of_source(
    shop: Repository, path: str, text: str, is_idle: bool
) -> None:
    file = changed(shop, path, "a = 1;\n", "a = 1;\n" + text)
    assert file.is_idle is is_idle
    gone = changed(shop, path, "a = 1;\n" + text, "a = 1;\n")
    assert gone.is_idle is is_idle


def test_signs_at_the_beginning_of_a_line_are_read_as_code(shop: Repository) -> None:
    """ishepard/pydriller#324: `++i;` and `--i;` look like the head of a patch."""
    file = changed(shop, "a.js", "a();\n--i;\n-- a/x\n", "a();\n++i;\n++ b/x\n")
    assert (file.added, file.deleted) == (2, 2)


def test_lines_are_paired_in_order_and_once() -> None:
    def paired(old: str, new: str) -> list[tuple[int, int]]:
        return same_lines([f"{c}\n".encode() for c in old], [f" {c}\n".encode() for c in new])

    assert paired("abc", "abc") == [(0, 0), (1, 1), (2, 2)]
    assert paired("abc", "xabcy") == [(0, 1), (1, 2), (2, 3)]
    assert paired("ab", "ba") in ([(0, 1)], [(1, 0)])
    assert paired("", "a") == []
    assert paired("}}a}", "}}}a}") == [(1, 2), (2, 3), (3, 4)] or len(paired("}}a}", "}}}a}")) >= 3
    assert len(same_lines([b"a\n"] * 50_000, [b" a\n"] * 50_001)) == 50_000


def test_one_factor_is_a_new_indentation_and_one_distance_is_a_move() -> None:
    assert is_indented_anew([(2, 4), (4, 8), (2, 4)])
    assert is_indented_anew([(1, 4), (2, 8)])
    assert not is_indented_anew([(8, 4)])
    assert not is_indented_anew([(8, 4), (12, 8)])
    assert not is_indented_anew([(0, 4), (4, 8)])
    assert not is_indented_anew([])


# ── names and entries ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b"a b.py", "a b.py"),
        (rb'"a\"b\\c.py"', 'a"b\\c.py'),
        (rb'"a\nb\tc.py"', "a\nb\tc.py"),
        (rb'"\303\274.py"', "ü.py"),
        (b'"', '"'),
        (b"caf\xe9.py", "caf\ufffd.py"),
    ],
)
def test_a_name_in_quotes_is_read_as_the_name_it_is(written: bytes, name: str) -> None:
    assert unquoted(written) == name


def test_the_past_of_a_file_with_an_awkward_name_is_found(shop: Repository) -> None:
    names = ['quo"te.py', "new\nline.py", "tab\there.py", "a b.py", "ümläut.py"]
    shop.commit("Begin them", dict.fromkeys(names, "a = 1\n"))
    shop.commit("Change them", dict.fromkeys(names, "a = 2\n"))
    git = Git(shop.path)
    assert {file.path for file in newest(shop).files} == set(names)
    for past in list(git.names(["HEAD"]))[1:]:
        assert {file.path for file in past.files} == set(names)


def test_links_submodules_and_the_permission_to_run_are_no_lines_of_source(shop: Repository) -> None:
    shop.commit("Begin", {"run.sh": "exit\n", "a.py": "a = 1\n"})
    (shop.path / "link.py").symlink_to("a.py")
    (shop.path / "run.sh").chmod(0o755)
    shop.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    shop.git("add", "link.py", "run.sh")
    shop.git("commit", "-q", "-m", "All of it")
    files = {file.path: file for file in newest(shop).files}
    assert (files["link.py"].entry, files["link.py"].kind) == (Entry.LINK, FileKind.OTHER)
    assert (files["vendor/lib"].entry, files["vendor/lib"].kind) == (Entry.SUBMODULE, FileKind.DEPENDENCIES)
    assert (files["run.sh"].runnable, files["run.sh"].added) == (True, 0)


# ── generated code ─────────────────────────────────────────────────────────────────────────────────────────

HEADER = "// Code generated by stringer. DO NOT EDIT.\n\npackage a\n\n"


def kinds(it: Repository, revisions: str = "HEAD") -> list[FileKind]:
    """Of a.go or where it went, change by change."""
    return [file.kind for change in Git(it.path).changes([revisions]) for file in change.files if "a.go" in file.path]


def test_a_header_is_remembered_until_it_goes(shop: Repository) -> None:
    shop.commit("Generate", {"a.go": HEADER + "var a = 1\n"})
    shop.commit("Generate anew", {"a.go": HEADER + "var a = 2\n"})
    shop.commit("Move", {"a.go": None, "b/a.go": HEADER + "var a = 2\n"})
    shop.commit("Generate again", {"b/a.go": HEADER + "var a = 3\n"})
    shop.commit("Take it over", {"b/a.go": "package a\n\nvar a = 3\n"})
    shop.commit("Write", {"b/a.go": "package a\n\nvar a = 4\n"})
    other, source = FileKind.OTHER, FileKind.SOURCE
    assert kinds(shop) == [other, other, other, other, source, source]
    assert kinds(shop, "HEAD~3..HEAD") == [other, source, source], "what came before the range is looked up"


def test_attributes_of_the_newest_revision_count_with_gits_own_patterns(shop: Repository) -> None:
    """kubernetes/test-infra#9003, noqcks/pull-request-size#169: `linguist-generated` with and without a value."""
    names = ["gen/a.py", "gen/own.py", "lib/zlib.py", "src/a.pb.go", "src/b.py", "sub/c.py", "sub/deep/d.py"]
    shop.commit("Begin", dict.fromkeys(names, "a = 1\n"))
    rules = (
        "gen/** linguist-generated\ngen/own.py -linguist-generated\nlib/* linguist-vendored=true\n"
        "*.pb.go linguist-generated=false\n"
    )
    shop.commit("Say so", {".gitattributes": rules, "sub/.gitattributes": "c.py linguist-generated=true\n"})
    (shop.path / ".gitattributes").write_text("src/** linguist-generated\n")  # of the work tree: not meant
    found = {file.path: file.kind for change in Git(shop.path).changes(["HEAD"]) for file in change.files}
    other, source = FileKind.OTHER, FileKind.SOURCE
    assert [found[name] for name in names] == [other, source, other, source, source, other, source]
    bare = shop.path.parent / "bare"
    subprocess.run(["git", "clone", "-q", "--bare", str(shop.path), str(bare)], check=True)
    assert {f.path: f.kind for change in Git(bare).changes(["HEAD"]) for f in change.files} == found


# ── clocks and people ──────────────────────────────────────────────────────────────────────────────────────

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1, 9_000_000, 3], [1, 1, 3]),
        ([1, 2, 9_000_000], [1, 2, 2]),
        ([5, 6, 0, 7, 8], [5, 6, 6, 7, 8]),
        ([500, 5, 6, 7], [5, 5, 6, 7]),
        ([5, 800_000, 6, 7], [5, 5, 6, 7]),
        ([9_000_000, 9_000_001], [9_000_000, 9_000_001]),
        ([], []),
    ],
)
def test_one_clock_that_is_wrong_changes_nothing(times: list[float], found: list[float]) -> None:
    assert agreed(times, NOW) == found


def dated(it: Repository, name: str, written: int, committed: int) -> None:
    (it.path / name).write_text(f"a = {committed}\n")
    it.git("add", "-A")
    environment = {
        **os.environ, "GIT_AUTHOR_DATE": f"{written} +0000", "GIT_COMMITTER_DATE": f"{committed} +0000",
        **{f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }  # fmt: skip
    subprocess.run(["git", "commit", "-q", "-m", name], cwd=it.path, env=environment, check=True)


def test_a_clock_in_2037_and_one_in_1970_do_not_empty_the_year(shop: Repository) -> None:
    """ishepard/pydriller#255: `git log --since` ends at the first commit that seems older."""
    for number in range(4):
        shop.commit(f"Change {number}", {"a.py": f"a = {number}\n"})
    dated(shop, "ahead.py", 2_127_000_000, 2_127_000_000)
    shop.commit("Change 5", {"a.py": "a = 5\n"})
    dated(shop, "behind.py", 100_000_000, 100_000_000)
    shop.commit("Change 6", {"a.py": "a = 6\n"})
    git = Git(shop.path)
    year = list(git.year_before("HEAD", YEAR))
    assert len(year) == 9
    assert [change.landed for change in year] == sorted(change.landed for change in year)
    assert min(change.landed for change in year) > START
    assert max(change.landed for change in year) < START + 30 * DAY
    (ahead,) = git.changes(["HEAD~4..HEAD~3"])
    assert ahead.at == 2_127_000_000
    assert ahead.landed == START + 5 * DAY


def test_the_year_before_a_part_of_a_repository_is_no_longer_than_that_of_all(shop: Repository) -> None:
    """Where few commits touch a service, as many commits as the year has would reach back much further."""
    shop.commit("Long ago", {"web/a.py": "a = 1\n"})
    shop.clock += 500 * DAY
    for number in range(3):
        shop.commit(f"Elsewhere {number}", {"b.py": f"b = {number}\n"})
    shop.commit("Lately", {"web/a.py": "a = 2\n"})
    git = Git(shop.path, Scope(paths=PathPatterns(patterns=("web/**",))))
    assert [change.subject for change in git.year_before("HEAD", YEAR)] == ["Lately"]
    assert [change.subject for change in Git(shop.path).year_before("HEAD", 2.5 * DAY)] == [
        "Elsewhere 1", "Elsewhere 2", "Lately"
    ]  # fmt: skip


def test_a_rebase_of_years_old_work_lands_when_it_is_committed(shop: Repository) -> None:
    dated(shop, "old.py", START - 5 * 366 * DAY, START + 2 * DAY)
    change = newest(shop)
    assert (change.at, change.landed) == (START - 5 * 366 * DAY, START + 2 * DAY)


def test_a_person_is_one_by_the_mail_map(shop: Repository) -> None:
    """git-quick-stats/git-quick-stats#49: `%ae` does not know the mail map."""
    shop.commit("One", {"a.py": "a = 1\n"}, author="Ada@Old.example.org")
    known = "Ada Lovelace <ada@example.org>\nAda Lovelace <ada@example.org> <ada@old.example.org>\n"
    shop.commit("Two", {"a.py": "a = 2\n", ".mailmap": known})
    git = Git(shop.path)
    for changes in (git.changes(["HEAD"]), git.names(["HEAD"])):
        assert {change.author for change in changes} == {"Ada Lovelace"}


@pytest.mark.parametrize(
    ("name", "address", "who"),
    [
        ("Ada  Lovelace", "Ada@example.org", "Ada Lovelace"),
        ("Ada Lovelace", "1+ada@users.noreply.github.com", "Ada Lovelace"),
        ("ada", "Ada@example.org", "ada@example.org"),
        ("Your Name", "you@example.org", "you@example.org"),
        ("dependabot[bot]", "1+dependabot[bot]@users.noreply.github.com", "1+dependabot[bot]@users.noreply.github.com"),
        ("Renovate Bot", "bot@renovateapp.com", "bot@renovateapp.com"),
    ],
)
def test_a_person_is_a_full_name_or_an_address(name: str, address: str, who: str) -> None:
    """A second address makes no second person, and what templates call everybody is nobody's name."""
    assert person(name, address) == who
