"""What a repository's configuration, attributes and dates can do to those who read it: nothing (R17)."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from pilotage.adapters.git import Git
from pilotage.adapters.git_attributes import Attributes
from pilotage.adapters.git_time import moment, zone
from pilotage.adapters.ports import AdapterError
from pilotage.app import risk_contents
from pilotage.app.risk import Answer, Question, assess_range
from pilotage.cli.days import DayOrTime
from pilotage.model.calendar import Calendar
from pilotage.model.change import FileKind
from pilotage.risk import timing
from tests.unit.risk.repository import START, Repository

CODE = "".join(f"def f{n}(a):\n    if a:\n        return {n}\n" for n in range(60))


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    it = Repository(tmp_path / "shop")
    it.commit("Begin", {"README.md": "# Shop\n", "a.py": "a = 1\n"})
    it.git("tag", "start")
    return it


def answer(path: Path, revisions: str = "start..HEAD") -> Answer:
    return assess_range(Git(path), Question(revisions, None))


@pytest.mark.parametrize(
    "line", ["*.py -diff", "*.py binary", "* diff=odd", "*.py linguist-generated", "a.py export-ignore"]
)
def test_no_attribute_of_a_range_or_of_a_clone_hides_its_changes(shop: Repository, line: str) -> None:
    """`*.py -diff` made a thousand new lines «no source file changes»; a bare clone saw them all."""
    plain = Git(shop.path)
    shop.commit("Grow", {"a.py": CODE, ".gitattributes": f"{line}\n"})
    shop.git("config", "diff.odd.textconv", "true")
    shop.git("config", "diff.odd.binary", "true")
    (shop.path / ".git/info").mkdir(exist_ok=True)
    (shop.path / ".git/info/attributes").write_text(f"{line}\n")
    (change,) = plain.changes(["start..HEAD"])
    (file,) = (one for one in change.files if one.path == "a.py")
    assert (file.added, file.kind) == (180, FileKind.SOURCE)
    bare = shop.path.parent / "bare"
    subprocess.run(["git", "clone", "-q", "--bare", str(shop.path), str(bare)], check=True)
    assert answer(bare) == answer(shop.path)


def test_a_binary_file_is_binary_all_the_same(shop: Repository) -> None:
    (shop.path / "logo.png").write_bytes(bytes(range(256)) * 20)
    shop.commit("Draw", {})
    (change,) = Git(shop.path).changes(["start..HEAD"])
    assert [(file.path, file.added) for file in change.files] == [("logo.png", 0)]


def test_what_a_range_begins_to_call_generated_counts_in_it_and_it_says_so(shop: Repository) -> None:
    shop.commit("Grow", {"a.py": CODE, ".gitattributes": "*.py linguist-generated\n"})
    said = [f.sentence for f in answer(shop.path).assessment.findings]
    assert (
        "1 source file is called generated since this range: its 181 changed lines count as source all the same" in said
    )
    shop.git("tag", "later")
    shop.commit("Generate", {"a.py": "b = 2\n" * 300})
    (change,) = Git(shop.path).changes(["later..HEAD"])
    assert change.files[0].kind is FileKind.OTHER


def test_no_program_that_a_repository_names_is_run(shop: Repository, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {ran}\n')
    program.chmod(0o755)
    shop.commit("Grow", {"a.py": CODE, ".gitattributes": "*.py linguist-generated diff=odd filter=odd\n"})
    for name in (
        "core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "core.askPass", "diff.external",
        "gpg.program",         "diff.odd.textconv", "diff.odd.command", "credential.helper", "core.gitProxy",
        "core.alternateRefsCommand",
    ):  # fmt: skip
        shop.git("config", name, str(program))
    shop.git("config", "core.hooksPath", str(tmp_path))
    shop.git("config", "protocol.ext.allow", "always")
    shop.git("config", "log.showSignature", "true")
    for hook in ("post-index-change", "reference-transaction", "pre-auto-gc"):
        (tmp_path / hook).symlink_to(program)
    blob = shop.git("rev-parse", "start:a.py")
    answer(shop.path)
    git = Git(shop.path)
    git.kept_since("a.py")
    git.told(["HEAD"])
    git.touching(["HEAD"], ["a.py"])
    shop.git("config", "extensions.partialClone", "origin")
    shop.git("config", "remote.origin.promisor", "true")
    shop.git("config", "remote.origin.url", f"ext::{program}")
    (shop.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(AdapterError, match="git fetch --refetch"):
        answer(shop.path)
    assert not ran.exists(), ran.read_text()


def test_a_pattern_that_backtracks_takes_no_time(shop: Repository) -> None:
    """`git check-attr` took minutes for it."""
    name, said = "a" * 90 + ".py", "*a*a*a*a*a*a*a*a*a*b linguist-generated\n" + "*a" * 300 + "b linguist-generated\n"
    lines: list[str] = []
    for number, (path, text) in enumerate(((".gitattributes", said), (name, CODE))):
        lines += ["commit refs/heads/odd", f"committer Ada <ada@example.org> {START + number} +0000", "data 1", "a"]
        lines += [f"M 100644 inline {path}", f"data {len(text)}", text]
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=shop.path, input="\n".join([*lines, ""]), text=True, check=True
    )
    (change,) = Git(shop.path).changes(["odd~1..odd"])
    assert change.files[0].kind is FileKind.SOURCE


PATTERNS = (
    "*.py", "a.py", "/a.py", "src/*.py", "src/**", "**/gen/*", "src/**/gen.py", "*/a.py", "src/", "!a.py", "[ab].py",
    "[!a].py", "[[:alpha:]].py", "a?.py", "\"we ird.py\"", "*.pb.*", "s*c/*n/a.py", "**", "**/a.py", "a\\*.py",
    "src/**/**/deep.py", "*a*b*.py", "src/gen/**", "[]a].py", "[a-c].py", "**.py", "/src/**/a.py",
)  # fmt: skip
PATHS = (
    "a.py", "b.py", "d.py", "ab.py", "aab.py", "a*.py", "we ird.py", "src/a.py", "src/x.pb.go",
    "src/gen/a.py", "src/gen.py",    "src/x/y/gen.py", "src/deep.py", "src/x/deep.py", "lib/gen/a.py", "lib/gen/x/a.py",
    "gen/b.py", "srcs/a.py", "].py",
)  # fmt: skip


def test_patterns_mean_what_they_mean_to_git(shop: Repository) -> None:
    """Each pattern alone, and with those before it, asked of `git check-attr`."""
    rules = [f"{pattern} linguist-generated{('', '=false')[n % 2]}" for n, pattern in enumerate(PATTERNS)]
    texts = [*(f"{pattern} linguist-generated\n" for pattern in PATTERNS), "\n".join(rules), "\n".join(reversed(rules))]
    texts.append(
        "[attr]made linguist-generated -linguist-vendored\nsrc/** made\n*.go -made linguist-vendored\ngen/* !made\n"
    )
    texts.append("* linguist-vendored=yes\nsrc/** !linguist-vendored\nsrc/gen/* -linguist-vendored linguist-vendored\n")
    for number, text in enumerate(texts):
        (shop.path / ".gitattributes").write_text(text)
        asked = ["git", "check-attr", "-z", "linguist-generated", "linguist-vendored", "--", *PATHS]
        alone = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}
        said = subprocess.run(asked, cwd=shop.path, env=alone, capture_output=True, check=True).stdout.decode()
        values = [
            {"unspecified": None, "unset": False, "false": False}.get(one, True) for one in said.split("\0")[2::3]
        ]
        commit = shop.commit(f"Rules {number}", {".gitattributes": text})
        attributes = Attributes(Git(shop.path), "", commit)
        found = [one for pair in attributes.of(PATHS) for one in pair]
        attributes.close()
        assert dict(zip([(p, k) for p in PATHS for k in "gv"], found, strict=True)) == dict(
            zip([(p, k) for p in PATHS for k in "gv"], values, strict=True)
        ), text


@pytest.mark.parametrize(
    "date",
    ["99999999999999999999 +0000", "-5 +0000", "1700000000 +9999", "300000000000 +0000", "1700000000 -9999", "x y"],
)
def test_an_odd_date_of_a_commit_breaks_nothing(shop: Repository, date: str) -> None:
    head = shop.commit("feat: grow", {"a.py": CODE})
    body = shop.git("cat-file", "commit", head).splitlines()
    odd = [
        f"{line.split(' ')[0]} Ada <a@example.org> {date}" if line.startswith(("author", "committer")) else line
        for line in body
    ]
    done = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally"], cwd=shop.path, check=True,
        input="\n".join([*odd, ""]), capture_output=True, text=True,
    )  # fmt: skip
    shop.git("reset", "-q", "--hard", done.stdout.strip())
    shop.git("update-ref", "refs/tags/v1.0.0", "HEAD")
    shop.commit("Again", {"a.py": "b = 1\n"})
    assert answer(shop.path).assessment.changes == 2
    assert answer(shop.path, "v1.0.0..HEAD").assessment.changes == 1
    assert len(Git(shop.path).told(["HEAD"])) == 3
    assert Git(shop.path).commits_between("start", "HEAD")


def test_moments_and_zones_are_those_of_people() -> None:
    assert [moment(one) for one in ("5", "", "-5", "9" * 20, "7258032001")] == [5.0, 0.0, 0.0, 0.0, 0.0]
    assert [zone(f"2024-01-01 {one}") for one in ("+0530", "-0800", "+9999", "+2400", "+1a00")] == [
        19800,
        -28800,
        0,
        0,
        0,
    ]


def test_earlier_releases_that_cannot_be_read_are_left_out_with_a_note(shop: Repository) -> None:
    for number in range(1, 4):
        shop.commit(f"Work {number}", {"a.py": f"a = {number}\n" * number})
        shop.git("tag", f"v1.{number}.0")
    shop.commit("Grow", {"b.py": CODE})
    blob = shop.git("rev-parse", "v1.1.0:a.py")
    (shop.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    found = answer(shop.path, "v1.3.0..HEAD").assessment
    assert found.standing is None
    assert any(note.startswith("not compared with earlier releases, so") for note in found.notes)


def test_the_last_day_of_all_breaks_nothing() -> None:
    assert timing.findings_of(datetime(9999, 12, 31, 12, tzinfo=UTC), Calendar()) == []
    with pytest.raises(click.BadParameter, match="not in the years 1970 to 2199"):
        DayOrTime().convert("9999-12-31", None, None)


def test_r17_what_is_too_large_to_be_read_is_said(shop: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left out in silence."""
    monkeypatch.setattr(risk_contents, "_MOST_OF_LOCK", 1_000)
    rules = "".join(f"gen{n}.py linguist-generated\n" for n in range(2_001)) + "*" * 17 + "a linguist-vendored\n"
    large: dict[str, str | None] = {"deep/.gitattributes": "#" * 1_000_001, ".mailmap": "#" * 300_001}
    shop.commit("Attribute", {".gitattributes": rules, **large})
    shop.commit("Change", {"deep/a.py": CODE, "uv.lock": "x" * 1_001})
    answer_ = assess_range(Git(shop.path), Question("HEAD~1..HEAD", None)).assessment
    assert answer_.notes == (
        "not read: .gitattributes: 2 rules of too many or too long ones, so some files may not count as generated",
        "not read: .mailmap: more than 300 kB, so people may have several names",
        "not read: deep/.gitattributes: more than 1 MB, so what it calls generated is unknown",
    )
    assert [one.sentence for one in answer_.findings] == [
        "a lock file is too large to be read: what changes in it is unknown"
    ]
