"""Looks up contents in a repository, one after the other, through one process of git."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NoReturn

from pilotage.adapters.git_failures import failure
from pilotage.adapters.git_portions import portions

MOST_BYTES = 16_000_000
"""Of a content that are read: whoever writes a commit can put gigabytes there. Callers say so of what is as long."""


class Contents:
    """Answers what each `REVISION:PATH` holds. The process starts with the first question. Raises AdapterError where
    the repository lacks what is asked for, as a partial clone does: an object that is not there is no absent file."""

    def __init__(self, path: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._path, self._command, self._environment = path, command, environment
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._stack = ExitStack()

    def of(self, names: Sequence[str]) -> list[bytes | None]:
        """None where there is nothing."""
        asked = [name for name in names if "\n" not in name]
        found: dict[str, bytes | None] = {}
        for part in portions(asked):
            found.update(zip(part, self._answers(part), strict=True))
        return [found.get(name) for name in names]

    def _answers(self, names: Sequence[str]) -> list[bytes | None]:
        if self._process is None:
            pipe, stack = subprocess.PIPE, self._stack
            self._errors = stack.enter_context(TemporaryFile())
            self._process = subprocess.Popen(
                self._command, stdin=pipe, stdout=pipe, stderr=self._errors, env=self._environment
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(b"".join(name.encode() + b"\n" for name in names))
            stdin.flush()
        except BrokenPipeError:
            self._fail()
        return [self._object(stdout) for _ in names]

    def _object(self, stream: IO[bytes]) -> bytes | None:
        line = stream.readline()
        if not line:
            self._fail()
        head = line.split()
        if len(head) < 3 or not head[-1].isdigit():
            return None
        size = int(head[-1])
        content = stream.read(min(size, MOST_BYTES))
        left = size - len(content) + 1
        while left > 0 and (more := stream.read(min(left, MOST_BYTES))):
            left -= len(more)
        return content if head[-2] == b"blob" else None

    def _fail(self) -> NoReturn:
        """Git has ended."""
        process, errors = self._process, self._errors
        assert process is not None
        assert errors is not None
        status = process.wait()
        errors.seek(0)
        raise failure(self._path, "cat-file", errors.read(2_000), status)

    def close(self) -> None:
        if self._process is not None:
            with self._process as process:
                if process.stdin is not None:
                    process.stdin.close()
        self._stack.close()
