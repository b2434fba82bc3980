"""Histories for the table of ranges: one repository, written by one `git fast-import`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOUR, DAY = 3600, 86400
RELEASED = 1_717_405_200
"""Mon 2024-06-03 09:00 UTC, when every range begins."""


@dataclass(frozen=True)
class Raw:
    """What lies at a path: its mode and its content; of a submodule its commit."""

    mode: str
    content: bytes


def program(text: str) -> Raw:
    return Raw("100755", text.encode())


def link(target: str) -> Raw:
    return Raw("120000", target.encode())


def submodule(commit: str) -> Raw:
    return Raw("160000", commit.encode())


Files = Mapping[str, "str | bytes | Raw | None"]
"""Content by path, as Python writes paths that are no UTF-8; None removes a file."""

PEOPLE = {
    "ada": "Ada Lovelace <ada@example.org>",
    "bob": "Bob Kahn <bob@example.org>",
    "cy": "cy <cy@example.org>",
    "dee": "Dee Hock <dee@example.org>",
    "eve": "Eve New <eve@example.org>",
    "dependabot": "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
}


class Histories:
    """Collects commits and writes them at once."""

    def __init__(self) -> None:
        self._stream: list[bytes] = []
        self._marks = 0
        self.clock = RELEASED

    def commit(
        self, branch: str, message: str, files: Files, *, by: str = "ada", parents: Sequence[int] = (),
        at: int | None = None, landed: int | None = None, zone: str = "+0000",
    ) -> int:  # fmt: skip
        """Its mark. by: one of PEOPLE, or a name with an address · parents: marks, the branch's own commit where there
        are none · at, landed: when it was written and committed; an hour after the last commit where left out."""
        self.clock += HOUR
        self._marks += 1
        who, said = PEOPLE.get(by, by), message.encode()
        self._line(f"commit refs/heads/{branch}\nmark :{self._marks}")
        self._line(f"author {who} {at or self.clock} {zone}\ncommitter {who} {landed or at or self.clock} {zone}")
        self._stream.append(b"data %d\n%s\n" % (len(said), said))
        for kind, parent in zip(("from", *["merge"] * len(parents)), parents, strict=False):
            self._line(f"{kind} :{parent}")
        for path, content in files.items():
            self._file(path.encode(errors="surrogateescape"), content)
        return self._marks

    def _file(self, path: bytes, content: str | bytes | Raw | None) -> None:
        name = b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
        if content is None:
            self._stream.append(b"D " + name + b"\n")
            return
        raw = (
            content
            if isinstance(content, Raw)
            else Raw("100644", content.encode() if isinstance(content, str) else content)
        )
        if raw.mode == "160000":
            self._stream.append(b"M 160000 " + raw.content + b" " + name + b"\n")
            return
        self._stream.append(b"M " + raw.mode.encode() + b" inline " + name + b"\n")
        self._stream.append(b"data %d\n%s\n" % (len(raw.content), raw.content))

    def _line(self, text: str) -> None:
        self._stream.append(text.encode() + b"\n")

    def written(self, path: Path) -> Path:
        """A bare repository with all of it."""
        subprocess.run(["git", "init", "-q", "--bare", "--template=", "-b", "main", str(path)], check=True)
        stream = b"".join(self._stream)
        subprocess.run(
            ["git", "-C", str(path), "fast-import", "--quiet", "--force"], input=stream, check=True, capture_output=True
        )
        return path
