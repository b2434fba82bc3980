"""R33: a checkout is exactly the commit, whatever the repository, its settings and its user are like."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.checkout import check_out, remove_tree
from tests.contract.test_stages import commit, git

pytestmark = pytest.mark.real


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source"


def test_nothing_of_the_repository_and_its_user_acts(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hooks, filters, replaced objects, sparse files, settings of the user: none of them is of the commit."""
    first = commit(source, {"a.txt": "one\r\ntwo\n", ".gitattributes": "*.txt filter=evil\n", "run.sh": "true\n"})
    (source / "run.sh").chmod(0o755)
    wanted = commit(source, {"dir/b.txt": "b\n"})
    later = commit(source, {"a.txt": "later\n"})
    git(source, "tag", "-a", "-m", "x", "v1.0", first)
    hook = source / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook-ran\n")
    hook.chmod(0o755)
    git(source, "config", "filter.evil.smudge", f"touch {tmp_path}/filter-ran; cat")
    git(source, "replace", wanted, later)
    git(source, "config", "core.sparseCheckout", "true")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(
        f'[core]\n hooksPath = {hook.parent}\n autocrlf = true\n[filter "evil"]\n smudge = touch {tmp_path}/user-ran\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.autocrlf=true'")
    target = tmp_path / "out"
    assert check_out(source, wanted, target) == target
    assert (target / "a.txt").read_bytes() == b"one\r\ntwo\n"
    assert (target / "dir" / "b.txt").read_text() == "b\n"
    assert os.access(target / "run.sh", os.X_OK)
    assert sorted(path.name for path in tmp_path.glob("*-ran")) == []
    monkeypatch.undo()
    assert git(target, "rev-parse", "HEAD") == wanted
    assert git(target, "status", "--porcelain") == ""
    assert git(target, "describe") == f"v1.0-1-g{wanted[:7]}"
    assert git(target, "remote") == ""


def test_a_project_deeper_in_its_repository_starts_there(source: Path, tmp_path: Path) -> None:
    wanted = commit(source, {"services/shop/README": "shop\n", "lib/x": "x\n"})
    assert check_out(source / "services" / "shop", wanted, tmp_path / "out") == tmp_path / "out" / "services" / "shop"
    assert (tmp_path / "out" / "lib" / "x").exists()


@pytest.mark.parametrize("kind", ["worktree", "shallow", "shared", "sha256"])
def test_other_kinds_of_repositories(source: Path, tmp_path: Path, kind: str) -> None:
    if kind == "sha256":
        source.mkdir()
        subprocess.run(["git", "init", "-q", "--object-format=sha256", str(source)], check=True)
    commit(source, {"a": "one\n"})
    wanted = commit(source, {"a": "two\n"})
    other = tmp_path / "other"
    match kind:
        case "worktree":
            git(source, "worktree", "add", "-q", "--detach", str(other), wanted)
        case "shallow":
            git(tmp_path, "clone", "-q", "--depth=1", f"file://{source}", str(other))
        case "shared":
            git(tmp_path, "clone", "-q", "--shared", str(source), str(other))
        case _:
            other = source
    assert (check_out(other, wanted, tmp_path / "out") / "a").read_text() == "two\n"
    assert len(wanted) == (64 if kind == "sha256" else 40)


def test_submodules_come_from_what_is_fetched(source: Path, tmp_path: Path) -> None:
    inner, middle = tmp_path / "inner", tmp_path / "middle"
    commit(inner, {"deep": "deep\n"})
    commit(middle, {"m": "m\n"})
    git(middle, "submodule", "--quiet", "add", str(inner), "vendored/inner")
    commit(middle, {"m": "m2\n"})
    commit(source, {"a": "a\n"})
    git(source, "submodule", "--quiet", "add", str(middle), "middle")
    git(source, "submodule", "--quiet", "update", "--init", "--recursive")
    wanted = commit(source, {"a": "b\n"})
    commit(middle, {"m": "later\n"})
    out = check_out(source, wanted, tmp_path / "out")
    assert (out / "middle" / "m").read_text() == "m2\n"
    assert (out / "middle" / "vendored" / "inner" / "deep").read_text() == "deep\n"
    shutil.rmtree(source / ".git" / "modules")
    git(source, "config", "--remove-section", "submodule.middle")
    shutil.rmtree(source / "middle")
    with pytest.raises(AdapterError, match="has the submodule middle, which is not fetched: run `git submodule update"):
        check_out(source, wanted, tmp_path / "again")


def test_files_of_lfs_come_from_what_is_fetched(source: Path, tmp_path: Path) -> None:
    content = b"large" * 1000
    oid = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    wanted = commit(
        source,
        {"big.bin": pointer, "plain.txt": pointer, ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"},
    )
    with pytest.raises(AdapterError, match=r"Git LFS has not fetched big\.bin: run `git lfs fetch --all`"):
        check_out(source, wanted, tmp_path / "without")
    kept = source / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    kept.parent.mkdir(parents=True)
    kept.write_bytes(content)
    out = check_out(source, wanted, tmp_path / "out")
    assert (out / "big.bin").read_bytes() == content
    assert (out / "plain.txt").read_text() == pointer
    assert git(out, "status", "--porcelain") == ""
    kept.write_bytes(b"LARGE" * 1000)
    with pytest.raises(AdapterError, match=r"Git LFS has a damaged big\.bin"):
        check_out(source, wanted, tmp_path / "damaged")


def test_what_cannot_be_checked_out_is_said(source: Path, tmp_path: Path) -> None:
    commit(source, {"a": "a\n"})
    for name, why in (("HEAD", "is not the full id"), ("--help", "is not the full id"), ("0" * 40, "is not in")):
        with pytest.raises(AdapterError, match=why):
            check_out(source, name, tmp_path / "out")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(AdapterError, match="not a git repository"):
        check_out(tmp_path / "nothing", "0" * 40, tmp_path / "out")


def test_hostile_names_are_files_like_others(source: Path, tmp_path: Path) -> None:
    names = ["-rf", "a\nb", "ü", "quote'\"", " lead", "x" * 200, "$(touch x)"]
    wanted = commit(source, {name: name for name in names})
    out = check_out(source, wanted, tmp_path / "out")
    assert sorted(path.name for path in out.iterdir() if path.name != ".git") == sorted(names)


def test_a_read_only_tree_goes_and_a_link_takes_nothing_along(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep" / "file").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "stays").write_text("x")
    (tree / "link").symlink_to(tmp_path / "other")
    (tree / "deep").chmod(0o555)
    tree.chmod(0o555)
    remove_tree(tree)
    remove_tree(tree)
    assert not tree.exists()
    (tmp_path / "as-link").symlink_to(tmp_path / "other")
    remove_tree(tmp_path / "as-link")
    assert (tmp_path / "other" / "stays").exists()
