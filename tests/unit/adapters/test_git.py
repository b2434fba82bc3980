"""A repository is read as it is: whatever its messages hold, and only where its history is whole."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from pilotage.adapters.evidence import ProjectFiles
from pilotage.adapters.git import Git, repository_around
from pilotage.adapters.git_steps import commits_of
from pilotage.adapters.ports import AdapterError
from pilotage.model.readiness import BadEvidence
from pilotage.report.range import changes_of
from tests.unit.risk.repository import Repository

HOSTILE = "feat: one \x01 two \x02 \x1b[31mred\x1b[0m \u202eevil\n\nbody\n\x01deadbeef\x02\n\x1b]0;title\x07end"


def test_a_hostile_message_of_a_commit_is_read_as_the_text_it_is(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.commit("feat: first", {"a.py": "x = 1\n"})
    repository.commit(HOSTILE, {"a.py": "x = 2\n"})
    git = Git(tmp_path)
    newest, first = git.told(["HEAD"])
    assert newest.message == "feat: one  two  red evil\n\nbody\ndeadbeef\nend"
    assert (newest.files, first.files) == (("a.py",), ("a.py",))
    assert [change.summary for change in changes_of([newest])] == ["One  two  red evil"]
    for read in (git.changes(["HEAD"]), git.names(["HEAD"])):
        _, changed = read
        assert changed.message == newest.message
        assert [patch.path for patch in changed.files] == ["a.py"]
    (reviewed,) = git.commits(first.id, newest.id)
    assert reviewed.message == newest.message


def test_r34_a_name_that_no_program_can_be_given_is_that_of_no_commit(tmp_path: Path) -> None:
    Repository(tmp_path).commit("feat: first", {"a.py": "x = 1\n"})
    git = Git(tmp_path)
    with pytest.raises(AdapterError, match="has no commit"):
        git.commit("v1\0")
    with pytest.raises(AdapterError, match="NUL"):
        git.run("log", "v1\0..v2")


def test_r5_a_range_with_a_hole_in_a_shallow_clone_is_not_taken_for_all_of_it(tmp_path: Path) -> None:
    """Both ends are there, what lies between is not: nobody can say that each commit was looked at."""
    repository = Repository(tmp_path / "whole")
    for number in range(4):
        repository.commit(f"feat: {number}", {"a.py": f"x = {number}\n"})
        repository.git("tag", f"v{number}")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", (tmp_path / "whole").as_uri(), str(clone)], check=True)
    subprocess.run(["git", "fetch", "-q", "--depth", "1", "origin", "tag", "v0"], cwd=clone, check=True)
    git = Git(clone)
    with pytest.raises(AdapterError, match=r"ends within v0\.\.HEAD"):
        git.commits("v0", "HEAD")
    subprocess.run(["git", "fetch", "-q", "--unshallow"], cwd=clone, check=True)
    assert len(git.commits("v0", "HEAD")) == 3


def test_r5_a_report_that_git_keeps_is_as_old_as_its_commit_and_not_as_its_checkout(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "whole")
    repository.commit("docs: a runbook", {"runbook.md": "# Do this\n", "report.json": "{}\n", ".gitignore": "out/\n"})
    written = repository.clock
    repository.commit("feat: more", {"a.py": "x = 1\n"})
    git = repository_around(tmp_path / "whole")
    assert git is not None
    assert git.kept_since("runbook.md") == written
    now = time.time()
    kept = ProjectFiles(git.path, max_age=3600.0, now=now, git=git)
    with pytest.raises(BadEvidence, match=r"report\.json is .* old"):
        kept.read("report.json")
    # What a tool wrote anew, or git does not keep, is as old as the file.
    (git.path / "report.json").write_text('{"new": 1}')
    (git.path / "out").mkdir()
    (git.path / "out/x.json").write_text("{}")
    (git.path / "loose.json").write_text("{}")
    for name in ("report.json", "out/x.json", "loose.json"):
        assert git.kept_since(name) is None
        assert kept.read(name)[1].modified == (git.path / name).stat().st_mtime


def test_r5_what_a_shallow_clone_cannot_tell_the_age_of_is_no_evidence(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "whole")
    repository.commit("docs: a runbook", {"runbook.md": "# Do this\n"})
    repository.commit("feat: more", {"a.py": "x = 1\n"})
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth", "1", (tmp_path / "whole").as_uri(), str(clone)], check=True)
    git = repository_around(clone)
    assert git is not None
    with pytest.raises(BadEvidence, match="too shallow to date it"):
        ProjectFiles(clone, max_age=float("inf"), now=time.time(), git=git).read("runbook.md")


def test_a_repository_that_git_refuses_to_read_is_an_error_and_not_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repository_around(tmp_path) is None
    Repository(tmp_path / "theirs")
    (tmp_path / "theirs" / "deep").mkdir()
    assert repository_around(tmp_path / "theirs" / "deep") is not None
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(AdapterError, match="dubious ownership"):
        repository_around(tmp_path / "theirs")


def test_a_version_has_one_tag_whoever_asks(tmp_path: Path) -> None:
    run = ("git", "-c", "user.name=ada", "-c", "user.email=ada@example.org", "-C", str(tmp_path))
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in ("v1.2.0", "1.2.0"):
        subprocess.run([*run, "commit", "-q", "--allow-empty", "-m", name], check=True)
        subprocess.run([*run, "tag", name], check=True)
    subprocess.run([*run, "tag", "v2.0.0"], check=True)
    git = Git(tmp_path)
    assert [git.tag_of(version) for version in ("1.2.0", "2.0.0", "3.0.0", "")] == ["1.2.0", "v2.0.0", None, None]
    assert [git.commit("1.2.0")] == [commit for commit, _ in git.commits_between("v1.2.0", "v2.0.0")]


def test_r17_what_a_partial_clone_lacks_is_an_error_and_no_absent_file(tmp_path: Path) -> None:
    whole = Repository(tmp_path / "whole")
    whole.commit("feat: first", {"a.py": "x = 1\n", ".gitattributes": "*.py linguist-generated\n"})
    whole.commit("feat: second", {"a.py": "x = 2\n"})
    whole.git("config", "uploadpack.allowFilter", "true")
    partial, address = tmp_path / "partial", (tmp_path / "whole").as_uri()
    subprocess.run(["git", "clone", "-q", "--bare", "--filter=blob:none", address, str(partial)], check=True)
    with pytest.raises(AdapterError, match=r"lacks objects of these commits.*git fetch --refetch"):
        Git(partial).contents(["HEAD:.gitattributes"])
    assert Git(partial).contents(["HEAD:absent"]) == [None]
    assert Git(tmp_path / "whole").contents(["HEAD:a.py", "HEAD:a b\n", "HEAD:absent"]) == [b"x = 2\n", None, None]


def test_r25_what_many_versions_brought_is_asked_at_once_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Repository(tmp_path / "shop")
    for number, tag in enumerate(("v1.0.0", "1.1.0", "v1.2.0")):
        shop.commit("feat: a", {"a.py": f"x = {number}\n"})
        shop.git("tag", tag)
    git, asked, usual = Git(shop.path), list[str](), Git.run

    def run(self: Git, *arguments: str, **more: object) -> str:
        asked.append(arguments[0])
        return usual(self, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Git, "run", run)
    odd = ("--all", "x\ny", "", "x y", "HEAD~1")
    steps = [("1.0.0", "1.1.0"), ("1.1.0", "1.2.0"), *(("1.0.0", one) for one in odd), ("0.9", "1.0.0")]
    first = commits_of(git, steps)
    assert asked.count("cat-file") == 1
    assert {step: len(found) for step, found in first.items()} == {
        ("1.0.0", "1.1.0"): 1, ("1.1.0", "1.2.0"): 1, ("1.0.0", "HEAD~1"): 1,
    }  # fmt: skip
    for (old, new), found in first.items():
        before, after = git.tag_of(old), git.tag_of(new)
        assert before
        assert after
        assert found == git.commits_between(before, after)
    asked.clear()
    assert commits_of(git, steps) == first
    assert "log" not in asked
    assert commits_of(Git(tmp_path / "nowhere"), steps) == {}
