"""A clean checkout of exactly one commit: a repository of its own that shares the objects of the project's.

No setting of the user, of the machine or of the source repository acts in it, and no hook of theirs: what is built
depends on the commit alone. Submodules and files of Git LFS come from what the project has fetched.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pilotage.adapters.ports import AdapterError

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DEEPEST = 8
"""Submodules in submodules."""
_POINTER = 1024
"""Bytes that a pointer of Git LFS has at most (git-lfs, docs/spec.md)."""
_LFS = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d{1,18})\n"
)
_ALONE = (
    "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.excludesFile=/dev/null", "core.autocrlf=false",
    "core.fsmonitor=false", "protocol.allow=never", "advice.detachedHead=false", "core.quotepath=off",
    "safe.directory=*", "gc.auto=0",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """Of a commit's tree. size: bytes of a file; None for a submodule."""

    mode: str
    object: str
    size: int | None
    path: bytes


def check_out(repository: Path, commit: str, target: Path) -> Path:
    """Make the checkout in `target`, which must not exist yet. repository: the project's folder, which may lie deeper
    in its repository; the same folder in the checkout is returned. Raises AdapterError with what to do."""
    if not _COMMIT.fullmatch(commit):
        raise AdapterError(f"{commit!r} is not the full id of a commit")
    prefix = _git(repository, "rev-parse", "--show-prefix").strip()
    _made(repository, commit, target, depth=0)
    there = target / prefix
    if not there.is_dir():
        raise AdapterError(f"the commit {commit[:12]} has no folder {prefix}")
    return there


def remove_tree(place: Path) -> None:
    """Remove a folder with all that is in it, also what is read-only, such as the module cache of Go. What cannot be
    removed stays."""
    if place.is_symlink() or not place.is_dir():
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)
        return
    shutil.rmtree(place, ignore_errors=True)
    if place.exists():
        for folder, _, _ in os.walk(place):
            with contextlib.suppress(OSError):
                Path(folder).chmod(stat.S_IRWXU)
        shutil.rmtree(place, ignore_errors=True)


def _made(source: Path, commit: str, target: Path, *, depth: int) -> None:
    """Empty repository, borrowed objects, all tags, the files."""
    objects, shared = _place(source, "objects"), _place(source, "")
    kind = _git(source, "rev-parse", "--show-object-format").strip()
    if _status(source, "cat-file", "-e", f"{commit}^{{commit}}"):
        raise AdapterError(f"the commit {commit[:12]} is not in {source}: fetch it")
    target.parent.mkdir(parents=True, exist_ok=True)
    _git(target.parent, "init", "--quiet", "--template=", f"--object-format={kind}", "--", str(target))
    info = target / ".git" / "objects" / "info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "alternates").write_bytes(os.fsencode(objects) + b"\n")
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(shared / "shallow", target / ".git" / "shallow")
    tags = _git(source, "for-each-ref", "--format=create %(refname) %(objectname)", "refs/tags")
    _git(target, "update-ref", "--stdin", given=tags.encode(errors="surrogateescape"))
    _git(target, "checkout", "--quiet", "--force", "--detach", commit)
    entries = list(_entries(target, commit))
    _large_files(shared, target, entries)
    for entry in entries:
        if entry.size is None:
            _submodule(source, shared, target, entry, depth=depth)


def _submodule(source: Path, shared: Path, target: Path, entry: _Entry, *, depth: int) -> None:
    path = os.fsdecode(entry.path)
    if depth == _DEEPEST:
        raise AdapterError(f"the submodule {path} is nested too deeply")
    for place in (shared / "modules" / name for name in _names_of(target, path)):
        if place.is_dir():
            break
    else:
        place = Path(_git(source, "rev-parse", "--show-toplevel", fails=True).rstrip("\n") or str(source)) / path
    if not (place / "HEAD").exists() and not (place / ".git").exists():
        raise AdapterError(
            f"the commit has the submodule {path}, which is not fetched: run `git submodule update --init --recursive`"
        )
    into = target / path
    if into.is_symlink() or not into.resolve().is_relative_to(target.resolve()):
        raise AdapterError(f"the submodule {path} leads out of the checkout")
    with contextlib.suppress(OSError):
        into.rmdir()
    _made(place, entry.object, into, depth=depth + 1)


def _names_of(target: Path, path: str) -> Iterator[str]:
    """Names that `.gitmodules` of the commit gives to a path; those that lead elsewhere are left out, as git does."""
    if not (target / ".gitmodules").is_file() or (target / ".gitmodules").is_symlink():
        return
    said = _git(target, "config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$", fails=True)
    for line in said.split("\0"):
        key, _, value = line.partition("\n")
        name = key.removeprefix("submodule.").removesuffix(".path")
        if value == path and name and ".." not in name.split("/") and not name.startswith("/"):
            yield name


def _large_files(shared: Path, target: Path, entries: list[_Entry]) -> None:
    """Put what Git LFS keeps elsewhere in the place of its pointers. Raises AdapterError where it was not fetched."""
    if not any(entry.path.rsplit(b"/", 1)[-1] == b".gitattributes" for entry in entries):
        return
    small = [entry for entry in entries if entry.size is not None and 0 < entry.size <= _POINTER]
    asked = b"".join(entry.path + b"\0" for entry in small if entry.mode.startswith("100"))
    answer = os.fsencode(_git(target, "check-attr", "-z", "--stdin", "filter", given=asked)).split(b"\0")
    kept = [path for path, value in zip(answer[::3], answer[2::3], strict=False) if value == b"lfs"]
    for path in kept:
        file = target / os.fsdecode(path)
        found = _LFS.match(file.read_bytes()) if not file.is_symlink() else None
        if found:
            _filled_in(shared, file, os.fsdecode(path), found[1].decode(), int(found[2]))
            _git(target, "update-index", "--assume-unchanged", "--", os.fsdecode(path))


def _filled_in(shared: Path, file: Path, shown: str, oid: str, size: int) -> None:
    there = shared / "lfs" / "objects" / oid[:2] / oid[2:4] / oid
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        with there.open("rb") as source:
            if os.fstat(source.fileno()).st_size != size or hashlib.file_digest(source, "sha256").hexdigest() != oid:
                raise AdapterError(f"Git LFS has a damaged {shown}: run `git lfs fsck` and `git lfs fetch --all`")
            source.seek(0)
            with file.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        file.chmod(mode)
    except FileNotFoundError:
        raise AdapterError(f"Git LFS has not fetched {shown}: run `git lfs fetch --all`") from None
    except OSError as error:
        raise AdapterError(f"{shown} of Git LFS cannot be copied: {error.strerror}") from error


def _entries(target: Path, commit: str) -> Iterator[_Entry]:
    for line in os.fsencode(_git(target, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)).split(b"\0"):
        if line:
            head, _, path = line.partition(b"\t")
            mode, _, named, size = head.split()
            yield _Entry(
                mode=mode.decode(), object=named.decode(), size=None if mode == b"160000" else int(size), path=path
            )


def _place(source: Path, name: str) -> Path:
    """What is in the repository, such as its objects, wherever it keeps them; the repository itself without a name."""
    if not name:
        found = _git(source, "rev-parse", "--path-format=absolute", "--git-common-dir").rstrip("\n")
    else:
        found = _git(source, "rev-parse", "--path-format=absolute", "--git-path", name).rstrip("\n")
    return Path(found)


def _git(folder: Path, *arguments: str, given: bytes = b"", fails: bool = False) -> str:
    """Standard output. fails: whether an exit status other than 0 is an answer, too. Raises AdapterError."""
    done = _run(folder, arguments, given)
    if done.returncode and not fails:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise AdapterError(f"git {arguments[0]}: {words[-1][:300] if words else f'exit {done.returncode}'}")
    return os.fsdecode(done.stdout)


def _status(folder: Path, *arguments: str) -> int:
    return _run(folder, arguments, b"").returncode


def _run(folder: Path, arguments: tuple[str, ...], given: bytes) -> subprocess.CompletedProcess[bytes]:
    settings = [part for setting in _ALONE for part in ("-c", setting)]
    try:
        return subprocess.run(
            ["git", *settings, "-C", str(folder), *arguments],
            input=given, capture_output=True, check=False, env=_environment(),
        )  # fmt: skip
    except FileNotFoundError:
        raise AdapterError("git is not on PATH: install it") from None


def _environment() -> Mapping[str, str]:
    """Nobody's settings, no terminal, no network."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "PILOTAGE_PROCESS") if name in os.environ}
    return {
        **kept, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_NO_LAZY_FETCH": "1",
        "GIT_ATTR_NOSYSTEM": "1",
    }  # fmt: skip
