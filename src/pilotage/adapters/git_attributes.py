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

    def of(self, path: str) -> Said:
        if self._process is None or "\0" in path:
            return None, None
        if path not in self._known:
            self._known[path] = self._asked(path, self._process)
        return self._known[path]

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

    def _asked(self, path: str, process: subprocess.Popen[bytes]) -> Said:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(path.encode(errors="replace") + b"\0")
            process.stdin.flush()
        except OSError:
            return None, None
        values = dict(_answer(process.stdout) for _ in (GENERATED, VENDORED))
        return _truth(values.get(GENERATED.encode(), b"")), _truth(values.get(VENDORED.encode(), b""))


def _is_inside(name: str) -> bool:
    """Whether a name of a tree leads to a place below it, and not into the repository's own folder."""
    parts = name.split("/")
    return not {"", ".", ".."} & set(parts) and ".git" not in {part.lower() for part in parts}


def _answer(stream: IO[bytes]) -> tuple[bytes, bytes]:
    """An attribute and its value: `PATH NUL ATTRIBUTE NUL VALUE NUL`."""
    _field(stream)
    return _field(stream), _field(stream)


def _field(stream: IO[bytes]) -> bytes:
    found = bytearray()
    while (byte := stream.read(1)) not in (b"\0", b""):
        found += byte
    return bytes(found)


def _truth(value: bytes) -> bool | None:
    """As linguist reads it: each value but `false` is one."""
    if value in (b"", _UNSPECIFIED):
        return None
    return value not in _UNSET
