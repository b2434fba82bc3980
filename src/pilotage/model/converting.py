"""Documents as dataclasses, by msgspec, safely from several threads.

msgspec works out what it needs to know of a class at its first use, keeps it on the class before it is complete, and
runs Python code meanwhile. Another thread that uses the class at that moment crashes the process. So the first use of
each kind has its turn alone.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TypeVar, overload

_T = TypeVar("_T")
_KNOWN: set[object] = set()
_FIRST_USE = threading.Lock()


@overload
def convert(document: object, kind: type[_T]) -> _T: ...
@overload
def convert(document: object, kind: object) -> object: ...
def convert(document: object, kind: object) -> object:
    """`document` as `kind`, a dataclass or a typed collection. Raises msgspec.ValidationError."""
    import msgspec

    learn(kind)
    return msgspec.convert(document, kind)


def learn(kind: object) -> None:
    """Have msgspec know a kind, before it is used where threads are."""
    import msgspec

    if kind in _KNOWN:
        return
    with _FIRST_USE:
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.convert(None, kind)
        _KNOWN.add(kind)
