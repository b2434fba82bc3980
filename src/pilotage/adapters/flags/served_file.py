"""A file of flag definitions as it is served: read again when it changes, and the last good content while it cannot be
read. It is never written.

One broken flag must not keep a change of another from users, such as the kill switch: it is left out, and said.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.model.json import Json, JsonObject

if TYPE_CHECKING:
    from openfeature.contrib.tools.flagd.core import FlagdCore

MOST = 8 << 20
"""Bytes of a file of definitions."""
_EMPTY = b'{"flags": {}}'


@dataclass(frozen=True, kw_only=True)
class Definitions:
    """content: JSON, as flagd reads it · modified: of the file, Unix seconds · flags: by key, as they were written ·
    broken: why a flag is left out, by key."""

    content: bytes
    modified: float
    core: FlagdCore
    flags: Mapping[str, JsonObject]
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """Changes with the content."""
        return tag_of(self.content)


class Unservable(ValueError):
    """The content is not one of flag definitions."""


class ServedFile:
    """say: gets a sentence when the file becomes unreadable, and when it can be read again."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file, self._say = file, say
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] | None = None
        self._good: Definitions | None = None
        self._trouble = ""

    @property
    def file(self) -> Path:
        return self._file

    @property
    def trouble(self) -> str:
        """Why the file cannot be read now; empty where it can."""
        return self._trouble

    def current(self) -> Definitions | None:
        """What is served: of the file as it is, or the last that could be read. None: none could since the start."""
        with self._lock:
            try:
                self._read_again()
            except OSError as error:
                self._stamp = None
                self._stale(f"{self._file} cannot be read: {error.strerror}")
            except Unservable as error:
                self._stale(f"{self._file} {error}")
            return self._good

    def _read_again(self) -> None:
        """Raises OSError, Unservable."""
        try:
            stamp = _stamp(self._file.stat())
        except FileNotFoundError:
            # Before the first release there is none. Once there was one, a missing file is an unreadable one.
            if self._good is None or self._good.content == _EMPTY:
                self._good = self._good or definitions_of(_EMPTY, time.time())
                return
            raise
        if stamp == self._stamp:
            return
        with self._file.open("rb") as opened:
            content, self._stamp = opened.read(MOST + 1), _stamp(os.fstat(opened.fileno()))
        self._good = definitions_of(content, self._stamp[0] / 1e9)
        left_out = (f"{self._file}: flag {key} is left out: {why}" for key, why in self._good.broken.items())
        self._note("; ".join(left_out))

    def _stale(self, trouble: str) -> None:
        last = "The last definitions that could be read are served" if self._good else "Nothing is served"
        self._note(f"{trouble}. {last}")

    def _note(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._say(trouble or f"{self._file} can be read again")


def tag_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def definitions_of(content: bytes, modified: float) -> Definitions:
    """Raises Unservable."""
    if len(content) > MOST:
        raise Unservable(f"is larger than {MOST >> 20} MB")
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        found: Json = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise Unservable(f"is no JSON: {error}") from None
    flags = found.get("flags") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(flags, Mapping):
        raise Unservable("has no `flags`")
    broken = dict[str, str]()
    core = _core(found)
    if core is None:
        broken = {key: why for key in flags if (why := _wrong(found, flags[key], key))}
        flags = {key: flag for key, flag in flags.items() if key not in broken}
        found = {**found, "flags": flags}
        content = json.dumps(found).encode()
        core = _core(found)
    if core is None:
        raise Unservable("has `$evaluators` or `metadata` that no evaluator reads")
    whole = {key: flag for key, flag in flags.items() if isinstance(flag, Mapping)}
    return Definitions(content=content, modified=modified, core=core, flags=whole, broken=broken)


def _core(found: JsonObject) -> FlagdCore | None:
    """An evaluator of the definitions; None where it refuses them."""
    from openfeature.contrib.tools.flagd.core import FlagdCore

    core = FlagdCore()
    try:
        # Python reads NaN and 1e999, which are no JSON to anyone else.
        core.set_flags(json.dumps(found, allow_nan=False))
    except Exception:
        return None
    return core


def _wrong(found: JsonObject, flag: Json, key: str) -> str:
    """Why an evaluator refuses a flag; empty where it does not."""
    if not isinstance(flag, Mapping):
        return "it is no definition"
    return "" if _core({**found, "flags": {key: flag}}) else "its state, variants, values or metadata are wrong"


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
