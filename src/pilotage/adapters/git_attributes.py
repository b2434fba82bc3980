"""What the `.gitattributes` of a revision say of files: whether they are generated or vendored.

Git itself applies its patterns. `git check-attr` reads a revision only since git 2.40 (`--source`), so the files of the
revision are laid into an empty repository for a moment. There neither the work tree nor the attributes of this machine
or this clone (`core.attributesFile`, `info/attributes`) have a say: each clone gives the same answer.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, TYPE_CHECKING

from pilotage.adapters.git_portions import portions

if TYPE_CHECKING:
    from pilotage.adapters.git import Git

GENERATED, VENDORED = "linguist-generated", "linguist-vendored"

_MOST_FILES, _MOST_BYTES = 2_000, 1_000_000
_FILE = ".gitattributes"
_UNSET, _UNSPECIFIED = (b"unset", b"false"), b"unspecified"

Said = tuple[bool | None, bool | None]
"""Whether a file is generated, and whether it is vendored; None where nothing is said."""


class Attributes:
    """One process of git for any number of paths, started where the revision has such attributes at all."""

    def __init__(self, git: Git, revision: str) -> None:
        self._git, self._revision = git, revision
        self._known: dict[str, Said] = {}
        self._folder: TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Attributes:
        if self._named("linguist-"):
            self._begin(self._named("."))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._process is not None:
            with self._process as process:
                process.kill()
        if self._folder is not None:
            self._folder.cleanup()

    def of(self, paths: Sequence[str]) -> list[Said]:
        if self._process is None:
            return [(None, None)] * len(paths)
        for part in portions([path for path in dict.fromkeys(paths) if path not in self._known and "\0" not in path]):
            self._known.update(zip(part, self._asked(part, self._process), strict=True))
        return [self._known.get(path, (None, None)) for path in paths]

    def _named(self, text: str) -> list[str]:
        """Files of attributes in the revision that hold a text."""
        arguments = ["grep", "-l", "-z", "-e", text, self._revision, "--", f":(top,glob)**/{_FILE}"]
        found = self._git.run(*arguments, fine=(0, 1)).split("\0")
        names = (name.partition(":")[2] for name in found if name)
        return [name for name in names if _is_inside(name)][:_MOST_FILES]

    def _begin(self, names: Sequence[str]) -> None:
        self._folder = TemporaryDirectory(prefix="pilotage-attributes-")
        top = Path(self._folder.name)
        contents = self._git.contents([f"{self._revision}:{name}" for name in names])
        for name, content in zip(names, contents, strict=True):
            if content is not None and len(content) <= _MOST_BYTES:
                (top / name).parent.mkdir(parents=True, exist_ok=True)
                (top / name).write_bytes(content)
        alone = {
            **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_ATTR_NOSYSTEM": "1",
        }  # fmt: skip
        subprocess.run(["git", "init", "-q", "--template=", str(top)], env=alone, check=True, capture_output=True)
        self._process = subprocess.Popen(
            ["git", "-c", f"core.attributesFile={os.devnull}", "-C", str(top), "check-attr", "--stdin", "-z",
             GENERATED, VENDORED],
            env=alone, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _asked(self, paths: Sequence[str], process: subprocess.Popen[bytes]) -> list[Said]:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(b"".join(path.encode(errors="replace") + b"\0" for path in paths))
            process.stdin.flush()
        except OSError:
            return [(None, None)] * len(paths)
        fields = _fields(process.stdout, len(paths) * _EACH)
        return [(_truth(fields[at + 2]), _truth(fields[at + 5])) for at in range(0, len(fields), _EACH)]


def _is_inside(name: str) -> bool:
    """Whether a name of a tree leads to a place below it, and not into the repository's own folder."""
    parts = name.split("/")
    return not {"", ".", ".."} & set(parts) and ".git" not in {part.lower() for part in parts}


_EACH = 6
"""Fields of a path's answer: path, attribute and value, for each of both attributes in the order they were asked."""


def _fields(stream: IO[bytes], count: int) -> list[bytes]:
    """So many fields that end with NUL; empty ones where the process ended before."""
    found = bytearray()
    while found.count(b"\0") < count and (more := os.read(stream.fileno(), 65_536)):
        found += more
    fields = bytes(found).split(b"\0")[:count]
    return fields + [b""] * (count - len(fields))


def _truth(value: bytes) -> bool | None:
    """As linguist reads it: each value but `false` is one."""
    if value in (b"", _UNSPECIFIED):
        return None
    return value not in _UNSET
