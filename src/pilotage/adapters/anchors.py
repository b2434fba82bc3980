"""Places outside the store that keep signed heads: a file, or git notes. Readers drop what was appended twice.

An anchor proves something only against those who cannot change it: put the file on another disk or machine, push the
notes to a server that refuses rewritten history.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Protocol

from pilotage.adapters.ports import AdapterError
from pilotage.model.json import JsonObject, optional, text_at

NOTES = "refs/notes/pilotage"
_LONGEST = 64 * 1024
_SECONDS = 20.0
"""For a run of git, which may push."""


class Anchor(Protocol):
    """Keeps lines. `name` is what reports call it. Both calls raise AdapterError; `append` returns when the line is
    durable, and the line may be there twice after a crash."""

    name: str

    def append(self, line: str) -> None: ...

    def lines(self) -> list[str]: ...


def open_anchor(section: JsonObject, project: Path) -> Anchor | None:
    """The anchor of a section of `audit.anchors`; None for a webhook, which the outbox serves and which cannot be
    read."""
    match section["kind"]:
        case "file":
            return FileAnchor(Path(text_at(section, "path")))
        case "git-note":
            return GitNotes(project, optional(text_at, section, "remote"))
        case _:
            return None


class FileAnchor:
    """A file to which lines are only ever added."""

    def __init__(self, path: Path, mode: int = 0o640) -> None:
        """mode: of a file that is not there yet."""
        self.path, self.name, self._mode = path, f"file {path}", mode

    def append(self, line: str) -> None:
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, self._mode)
            with os.fdopen(descriptor, "ab") as file:
                # A line that was cut off by a crash is ended first.
                file.write(f"\n{line}\n".encode() if _is_cut(self.path) else f"{line}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise AdapterError(f"{self.path}: cannot write it: {error.strerror}") from None

    def lines(self) -> list[str]:
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
                return [line.strip()[:_LONGEST] for line in file if line.strip()]
        except OSError as error:
            raise AdapterError(f"{self.path}: cannot read it: {error.strerror}") from None


def _is_cut(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


_UNARMED = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never")


class GitNotes:
    """Notes under refs/notes/pilotage at the commit that was checked out when the head was signed."""

    def __init__(self, project: Path, remote: str | None) -> None:
        self.project, self.remote, self.name = project, remote, "git notes"

    def append(self, line: str) -> None:
        self._git("notes", f"--ref={NOTES}", "append", "-m", line, "HEAD")
        if self.remote:
            self._git("push", "--quiet", self.remote, f"{NOTES}:{NOTES}")

    def lines(self) -> list[str]:
        if not self._git("for-each-ref", "--format=%(refname)", NOTES).strip():
            return []
        listed = self._git("notes", f"--ref={NOTES}", "list").split()
        blobs = [self._git("cat-file", "blob", blob) for blob in listed[::2]]
        return [line.strip()[:_LONGEST] for blob in blobs for line in blob.splitlines() if line.strip()]

    def _git(self, *arguments: str) -> str:
        """Runs git without asking anyone anything, and not for long. Raises AdapterError."""
        who = ("-c", "user.name=pilotage", "-c", "user.email=pilotage@localhost", *_UNARMED)
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10"}
        try:
            done = subprocess.run(
                ["git", "-C", str(self.project), *who, *arguments], capture_output=True, check=False,
                stdin=subprocess.DEVNULL, env={**quiet, **os.environ}, timeout=_SECONDS,
            )  # fmt: skip
        except FileNotFoundError:
            raise AdapterError("git is not on PATH: install it") from None
        except subprocess.TimeoutExpired:
            raise AdapterError(f"git {arguments[0]} took more than {_SECONDS:g} s") from None
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().splitlines()
            raise AdapterError(f"git {arguments[0]}: {words[0] if words else f'exit {done.returncode}'}")
        return done.stdout.decode(errors="replace")
