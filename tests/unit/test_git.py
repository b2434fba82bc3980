"""A repository is read as it is: whatever its messages hold, and only where its history is whole."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.report.range import changes_of

from .risk.repository import Repository

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
