"""Patterns of paths in a repository: which files belong to a service.

A pattern is a path from the root of the repository: a file, or a folder with everything in it. `*` stands for any
characters within one name, `**` for any number of folders. Matching takes time linear in the path, whatever the
pattern, and `pathspecs` says the same to git.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

_LONGEST = 200
_MOST_STARS = 8
"""In a pattern: git itself takes exponential time for many."""

_ANY = "**"
_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "[]?"})
"""Signs that git gives a meaning that they do not have here: folders are called `[id]`. Its `?` is one byte."""


def normal_pattern(text: str) -> str:
    """The pattern without what changes nothing, such as a slash at its end. Raises ValueError where it is none."""
    pattern = text.removeprefix("./").strip("/")
    while pattern.endswith("/**"):  # what is in a folder belongs to it anyway
        pattern = pattern.removesuffix("/**")
    if not pattern or not text.isprintable() or text != text.strip():
        raise ValueError(f"{text!r} is not a path of the repository, such as services/web; ** is all of it")
    if len(pattern) > _LONGEST or pattern.count("*") > _MOST_STARS:
        raise ValueError(f"{pattern[:40]!r}… is too long for a pattern: at most {_LONGEST} characters and 8 stars")
    if pattern.startswith("!"):
        raise ValueError(f"{text!r}: there is no negation; name what belongs to it, or use ignored_paths")
    parts = pattern.split("/")
    if "\\" in pattern or not {"", ".", ".."}.isdisjoint(parts):
        raise ValueError(f"{text!r} is not a path from the root of the repository, such as services/web")
    if any(_ANY in part and part != _ANY for part in parts):
        raise ValueError(f"{text!r}: ** stands for whole folders, as in src/**/web")
    return pattern


@dataclass(frozen=True, kw_only=True)
class PathPatterns:
    """Normal patterns of which one must fit."""

    patterns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def match(self, path: str) -> bool:
        """Whether the path is one of these, or in a folder that is."""
        return any(matches(pattern, path) for pattern in self.patterns)

    @property
    def pathspecs(self) -> tuple[str, ...]:
        """For git, from any folder of the repository: each pattern, and what is in it."""
        return tuple(spec for pattern in self.patterns for spec in _pathspecs(pattern))

    @property
    def folders(self) -> tuple[str, ...]:
        """Those that are plain paths."""
        return tuple(pattern for pattern in self.patterns if not _is_glob(pattern))


def _pathspecs(pattern: str) -> Iterable[str]:
    if not _is_glob(pattern):
        return (f":(top,literal){pattern}",)
    written = pattern.translate(_SPECIAL)
    return (f":(top,glob){written}", f":(top,glob){written}/**")


def _is_glob(pattern: str) -> bool:
    return "*" in pattern


def matches(pattern: str, path: str) -> bool:
    """Whether a path is what a normal pattern names, or in it."""
    if not _is_glob(pattern):
        return path == pattern or path.startswith(f"{pattern}/")
    return path.startswith(_beginning(pattern)) and _parts_fit(_split(pattern), path.split("/"))


@lru_cache(maxsize=1024)
def _beginning(pattern: str) -> str:
    return pattern.partition("*")[0]


@lru_cache(maxsize=1024)
def _split(pattern: str) -> tuple[str, ...]:
    """With what is in it."""
    return (*pattern.split("/"), _ANY)


def _parts_fit(wanted: Sequence[str], given: Sequence[str]) -> bool:
    """Each `**` takes as few folders as will do: only the last one that was passed may have to take more."""
    at = here = 0
    star = back = -1
    while here < len(given):
        if at < len(wanted) and wanted[at] == _ANY:
            star, back, at = at, here, at + 1
        elif at < len(wanted) and _name_fits(wanted[at], given[here]):
            at, here = at + 1, here + 1
        elif star >= 0:
            back += 1
            at, here = star + 1, back
        else:
            return False
    return all(part == _ANY for part in wanted[at:])


def _name_fits(wanted: str, given: str) -> bool:
    """The same within one name, for `*`."""
    at = here = 0
    star = back = -1
    while here < len(given):
        if at < len(wanted) and wanted[at] == "*":
            star, back, at = at, here, at + 1
        elif at < len(wanted) and wanted[at] == given[here]:
            at, here = at + 1, here + 1
        elif star >= 0:
            back += 1
            at, here = star + 1, back
        else:
            return False
    return all(sign == "*" for sign in wanted[at:])


NO_PATHS = PathPatterns()


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The part of a repository that is one service's: its paths with what it is built from, and what its version tags
    begin with. Empty means all of it, and tags such as `1.2.0` or `v1.2.0`."""

    paths: PathPatterns = NO_PATHS
    tag_prefix: str = ""


WHOLE_REPOSITORY = Scope()
