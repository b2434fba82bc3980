"""What is measured of a change, from the change itself and the year before it.

The measures are those of just-in-time defect prediction (Kamei et al., "A Large-Scale Empirical Study of Just-in-Time
Quality Assurance", IEEE TSE 2013: size, diffusion, purpose, history, experience) with some that make them cheaper to
read or sharper: decisions added, repairs of the same files in the past year, what the change's tests are to its code,
and how many repairs the files needed lately. History reaches back one year, so that a range of a large
repository can be read in seconds.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from pilotage.model.change import Change, FileKind, FilePatch
from pilotage.model.file_kind import repairs

YEAR = 365.25 * 86400
_MONTH = YEAR / 12

FEATURES = (
    "lines_added", "lines_deleted", "decisions_added", "hunks", "files", "new_files", "folders", "entropy", "length",
    "share_changed", "tests_added", "untested", "infrastructure", "migration", "dependencies", "configuration",
    "authors", "changes", "repairs", "idle", "experience", "experience_here", "ownership", "newcomer", "is_repair",
    "night", "weekend", "recent_repairs",
)  # fmt: skip
"""In this order everywhere; counts are natural logarithms of one more."""


@dataclass(frozen=True)
class Touched:
    """What is remembered of a change: when, by whom, which files, and whether it was a repair."""

    at: float
    author: str
    paths: tuple[str, ...]
    repair: bool


@dataclass(slots=True)
class _Lately:
    """Repairs, of which a month takes away all but 1/e."""

    at: float = 0.0
    repairs: float = 0.0

    def add(self, touched: Touched) -> None:
        self.repairs = self.then(touched.at) + touched.repair
        self.at = max(self.at, touched.at)

    def then(self, at: float) -> float:
        return self.repairs * math.exp(-max(0.0, at - self.at) / _MONTH)


@dataclass(slots=True)
class _Past:
    changes: int = 0
    repairs: int = 0
    last: float = -math.inf
    authors: dict[str, int] = field(default_factory=dict)
    lately: _Lately = field(default_factory=_Lately)


class History:
    """The year before a change, kept up as changes go by in the order in which they landed."""

    def __init__(self) -> None:
        self._files: dict[str, _Past] = defaultdict(_Past)
        self._authors: Counter[str] = Counter()
        self._folders: Counter[tuple[str, str]] = Counter()
        self._year: deque[tuple[Touched, tuple[_Past, ...]]] = deque()

    def add(self, touched: Touched) -> None:
        self._forget(touched.at - YEAR)
        # By then another file may have the name.
        files = tuple(self._files[path] for path in touched.paths)
        self._year.append((touched, files))
        self._count(touched, files, 1)
        for past in files:
            past.last = max(past.last, touched.at)
            if touched.repair or past.lately.repairs:  # of none there is nothing to keep up
                past.lately.add(touched)

    def _forget(self, before: float) -> None:
        while self._year and self._year[0][0].at < before:
            self._count(*self._year.popleft(), -1)

    def _count(self, touched: Touched, files: Iterable[_Past], sign: int) -> None:
        self._authors[touched.author] += sign
        for folder in {_folder(path) for path in touched.paths}:
            self._folders[touched.author, folder] += sign
        for past in files:
            past.changes += sign
            past.repairs += sign * touched.repair
            past.authors[touched.author] = past.authors.get(touched.author, 0) + sign

    def rename(self, before: str, after: str) -> None:
        """A file's past goes with it to its new name."""
        if before in self._files:
            self._files[after] = self._files[before]

    def follow(self, change: Change) -> None:
        """A change has landed: its renames, and itself."""
        for file in change.files:
            if file.before and file.before != file.path:
                self.rename(file.before, file.path)
        self.add(remembered(change))

    def of(self, path: str) -> _Past:
        return self._files.get(path) or _Past()

    @property
    def people(self) -> int:
        """How many people changed anything in the year."""
        return sum(count > 0 for count in self._authors.values())

    def experience(self, author: str) -> int:
        return self._authors[author]

    def experience_in(self, author: str, folders: Iterable[str]) -> float:
        known = [self._folders[author, folder] for folder in folders]
        return sum(known) / len(known) if known else 0.0


def remembered(change: Change) -> Touched:
    return Touched(change.landed, change.author, tuple(f.path for f in change.files), repairs(change.message))


def features_of(change: Change, history: History, lengths: Mapping[str, int]) -> tuple[float, ...]:
    """The measures of a change, in the order of FEATURES. lengths: lines of each touched source file before it."""
    code = [f for f in change.files if f.kind is FileKind.SOURCE and not f.is_idle]
    added, deleted = sum(f.worth for f in code), sum(f.lost for f in code)
    length = sum(lengths.get(f.before, 0) for f in code if f.before)
    tests = sum(f.added for f in change.files if f.kind is FileKind.TEST)
    values = {
        "lines_added": _log(added),
        "lines_deleted": _log(deleted),
        "decisions_added": _log(sum(f.branches for f in code)),
        "hunks": _log(sum(len(f.hunks) for f in code)),
        "files": _log(len(code)),
        "new_files": _log(sum(not f.before for f in code)),
        "folders": _log(len({_folder(f.path) for f in code})),
        "entropy": _entropy([f.worth + f.lost for f in code]),
        "length": _log(length / len(code)) if code else 0.0,
        "share_changed": min(1.0, (added + deleted) / length) if length else float(added > 0),
        "tests_added": _log(tests),
        "untested": float(added > 10 and not tests),
        **_other_kinds(change.files),
        **_past_of([f.before or f.path for f in code], change, history),
        "is_repair": float(repairs(change.message)),
        **_when(change),
    }
    return tuple(values[name] for name in FEATURES)


def _other_kinds(files: Iterable[FilePatch]) -> dict[str, float]:
    lines: Counter[FileKind] = Counter()
    for file in files:
        lines[file.kind] += file.added + file.deleted
    kinds = (FileKind.INFRASTRUCTURE, FileKind.MIGRATION, FileKind.DEPENDENCIES, FileKind.CONFIGURATION)
    return {kind.value: _log(lines[kind]) for kind in kinds}


def _past_of(paths: list[str], change: Change, history: History) -> dict[str, float]:
    past = [history.of(path) for path in paths]
    count = max(len(past), 1)
    known = [p for p in past if p.changes > 0]
    authors = {author for p in known for author, times in p.authors.items() if times > 0}
    changes = sum(p.changes for p in known)
    own = sum(p.authors.get(change.author, 0) for p in known)
    idle = [min(YEAR, max(0.0, change.landed - p.last)) if p.changes > 0 else YEAR for p in past]
    experience = history.experience(change.author)
    return {
        "authors": _log(len(authors)),
        "changes": _log(changes / count),
        "repairs": _log(sum(p.repairs for p in known) / count),
        "idle": sum(idle) / count / _MONTH / 12 if past else 0.0,
        "experience": _log(experience),
        "experience_here": _log(history.experience_in(change.author, {_folder(p) for p in paths})),
        "ownership": own / changes if changes else 0.0,
        "newcomer": float(experience == 0),
        "recent_repairs": _log(sum(p.lately.then(change.landed) for p in past) / count),
    }


def _when(change: Change) -> dict[str, float]:
    local = datetime.fromtimestamp(change.at, timezone(timedelta(seconds=change.offset)) if change.offset else UTC)
    return {"night": float(local.hour >= 22 or local.hour < 6), "weekend": float(local.weekday() >= 5)}


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _entropy(parts: list[int]) -> float:
    """How evenly a change is spread over its files, 0…1 (Hassan, ICSE 2009)."""
    total = sum(parts)
    if len(parts) < 2 or not total:
        return 0.0
    shares = [part / total for part in parts if part]
    return -sum(share * math.log(share) for share in shares) / math.log(len(parts))


def _log(count: float) -> float:
    return math.log1p(count)
