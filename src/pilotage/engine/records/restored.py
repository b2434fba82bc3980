"""The mark of a restore under way: as long as it is there, nobody opens the store, which may be half of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pilotage.adapters.files import read_leniently, write_json
from pilotage.model.errors import Conflict
from pilotage.model.json import WrongJson, text_at

_MARK = "restore.json"


class RestoreCutOff(Conflict):
    """A restore of the store was interrupted. Run it again."""


def refuse_half_restored(directory: Path) -> None:
    """Raises RestoreCutOff."""
    if (found := half_restored(directory)) is not None:
        raise RestoreCutOff(
            f"a restore of {directory} was interrupted", cure=f"run `pilotage store restore {found}` again"
        )


def half_restored(directory: Path) -> str | None:
    """The backup whose restore was interrupted; None if there is none."""
    mark = directory / _MARK
    if not mark.exists():
        return None
    try:
        return text_at(read_leniently(mark), "backup")
    except WrongJson:
        return "FILE"


@contextmanager
def restoring(directory: Path, backup: Path) -> Iterator[None]:
    """Whoever opens the store within the block, or after it was cut off, is refused. A Conflict, which leaves the store
    as it was, takes the mark away with it; any other error and being killed do not."""
    mark = directory / _MARK
    cut_off = mark.exists()
    write_json(mark, {"backup": str(backup.resolve())})
    try:
        yield
    except Conflict:
        if not cut_off:
            mark.unlink()
        raise
    mark.unlink()
