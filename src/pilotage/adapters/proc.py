"""What a process on this machine runs, read from /proc: its program, its system libraries, packages and variables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pilotage.adapters.ports import AdapterError

_PROC = Path("/proc")
_SYSTEM = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/usr/local/lib/")
_LIBRARY = re.compile(r"(lib[^/]{1,80}?)\.so(?:\.[\d.]+)?$")
_PACKAGE = re.compile(r"([A-Za-z0-9][\w.]*)-([^-/]+)\.dist-info$")
_PLACES = re.compile(r"^(.*/site-packages)/")


@dataclass(frozen=True, kw_only=True)
class Running:
    """program: name and digest · libraries: digest of each library of the system, by its name · packages: version of
    each Python package that it can import, by name · variables: names of its environment, never their values."""

    program: tuple[str, str]
    libraries: Mapping[str, str]
    packages: Mapping[str, str]
    variables: frozenset[str]


def what_runs(pid: int) -> Running:
    """Raises AdapterError for a process that is gone, of another user, or of a system without /proc."""
    place = _PROC / str(pid)
    try:
        mapped = _mapped(place)
        program = str((place / "exe").readlink()).removesuffix(" (deleted)")
        return Running(
            program=(Path(program).name, _digest_of(place / "exe")),
            libraries={m[1]: _digest_of(Path(path)) for path in mapped if (m := _system_library(path))},
            packages=_packages(place, mapped),
            variables=frozenset(_words(place / "environ", "=")),
        )
    except OSError as error:
        raise AdapterError(f"process {pid} cannot be read: {error.strerror}") from None


def _mapped(place: Path) -> tuple[str, ...]:
    """Files that the process has loaded."""
    lines = (place / "maps").read_text(errors="replace").splitlines()
    paths = (line.split(None, 5)[5] for line in lines if line.count("/"))
    return tuple(dict.fromkeys(path for path in paths if path.startswith("/") and not path.endswith("(deleted)")))


def _system_library(path: str) -> re.Match[str] | None:
    return _LIBRARY.search(path) if path.startswith(_SYSTEM) and "-packages/" not in path else None


def _packages(place: Path, mapped: tuple[str, ...]) -> Mapping[str, str]:
    """Of the folders from which it has loaded something, and of the virtual environment whose program it is."""
    folders = {Path(m[1]) for path in mapped if (m := _PLACES.match(path))}
    if (called := next(iter(_words(place / "cmdline", "\0")), "")).startswith("/"):
        folders |= set(Path(called).parent.parent.glob("lib/python3*/site-packages"))
    names = (entry.name for folder in folders if folder.is_dir() for entry in folder.iterdir())
    return {m[1].lower().replace("_", "-"): m[2] for name in names if (m := _PACKAGE.match(name))}


def _words(path: Path, end: str) -> list[str]:
    """The part before `end` of each entry of a file of /proc."""
    entries = path.read_bytes().decode(errors="replace").split("\0")
    return [entry.partition(end)[0] for entry in entries if entry]


def _digest_of(path: Path) -> str:
    found = path.stat()
    return _digest(str(path.resolve()), found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=512)
def _digest(path: str, _modified: int, _size: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
