"""Looks up contents in a repository, one after the other, through one process of git."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NoReturn

from pilotage.adapters.git_alone import PATIENCE
from pilotage.adapters.git_failures import failure
from pilotage.adapters.git_portions import portions

MOST_BYTES = 16_000_000
"""Of a content that are read: whoever writes a commit can put gigabytes there. Callers say so of what is as long."""


class Contents:
    """Answers what each `REVISION:PATH` holds. The process starts with the first question. Raises AdapterError where
    the repository lacks what is asked for, as a partial clone does: an object that is not there is no absent file."""

    def __init__(self, path: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """command: of git, to which `--batch` is added."""
        self._path, self._command, self._environment = path, command, environment
        self._process: subprocess.Popen[bytes] | None = None

    def of(self, names: Sequence[str]) -> list[bytes | None]:
        """None where there is nothing."""
        asked = [name for name in names if "\n" not in name]
        found: dict[str, bytes | None] = {}
        for part in portions(asked):
            found.update(zip(part, self._answers(part), strict=True))
        return [found.get(name) for name in names]

    def _answers(self, names: Sequence[str]) -> list[bytes | None]:
        if self._process is None:
            pipe, command = subprocess.PIPE, [*self._command, "--batch"]
            self._process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=self._environment
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with suppress(BrokenPipeError):  # then there is no answer, either
            stdin.write(b"".join(name.encode() + b"\n" for name in names))
            stdin.flush()
        return [self._object(name, stdout) for name in names]

    def _object(self, name: str, stream: IO[bytes]) -> bytes | None:
        head = stream.readline().split()
        if not head:
            self._fail(name)
        if len(head) < 3 or not head[-1].isdigit():
            return None
        size = int(head[-1])
        content = stream.read(min(size, MOST_BYTES))
        left = size - len(content) + 1
        while left > 0 and (more := stream.read(min(left, MOST_BYTES))):
            left -= len(more)
        return content if head[-2] == b"blob" else None

    def _fail(self, name: str) -> NoReturn:
        """Git has ended at this question: it says why when it is asked for that alone."""
        done = subprocess.run(
            [*self._command, "-p", name], capture_output=True, check=False, env=self._environment, timeout=PATIENCE
        )
        raise failure(self._path, "cat-file", done.stderr, done.returncode)

    def close(self) -> None:
        if self._process is not None:
            with self._process as process:
                if process.stdin is not None:
                    with suppress(BrokenPipeError):
                        process.stdin.close()
