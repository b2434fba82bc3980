"""Replaces a file only if it still has the content that was read, even if others save it by rename without a lock.

Linux can exchange two files in one step, so the replaced content is available afterwards and can be restored. Elsewhere
the file is compared just before the rename, which leaves a gap of an instant.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def exchanged(mine: Path, path: Path, before: bytes) -> bool:
    """Put `mine` in the place of `path` if that holds `before`; False, with both as they were, if it does not."""
    ours = mine.read_bytes()
    if _read(path) != before:
        return False
    if not _swap(mine, path):
        mine.replace(path)
        return True
    if _read(mine) == before:
        return True
    # Someone saved it between the comparison and the exchange: theirs goes back, unless they saved it yet again.
    _swap(mine, path)
    if _read(mine) != ours:
        _swap(mine, path)
    return False


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _swap(one: Path, other: Path) -> bool:
    """Whether the system exchanged the two."""
    rename = _renameat2()
    if rename is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    return bool(rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


@cache
def _renameat2() -> Callable[..., int] | None:
    import ctypes

    found = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if found is not None:
        found.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return found
