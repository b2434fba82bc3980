"""What an adapter needs of a machine, wherever it is: to run programs there, and to read and place files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError
from pilotage.model.text import line

_SAID = 300
"""Characters of a program's output in a sentence."""


Sink = Callable[[bytes], object]
"""Takes what a command writes, piece by piece."""


class Unreachable(AdapterError):
    """The host cannot be reached, refuses the login, or does not answer in time. Nothing is known of what was asked of
    it: a command may have run."""

    code = "host-unreachable"


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended: its exit status, and what it wrote, each at most a megabyte. A command that a signal ended
    has the status 128 + signal."""

    status: int
    out: bytes = b""
    err: bytes = b""

    @property
    def said(self) -> str:
        """The end of what it wrote, in one line for a sentence; without control characters."""
        text = (self.err.strip() or self.out.strip()).decode(errors="replace")
        return line(" / ".join(row.strip() for row in text.splitlines()[-3:] if row.strip()), _SAID)


class Host(Protocol):
    """One machine. Every method may run in any thread, several at once."""

    @property
    def name(self) -> str:
        """As the configuration calls it; empty for this machine."""

    @property
    def address(self) -> str:
        """Where others reach what listens on it, such as `10.0.0.5`; `127.0.0.1` for this machine."""

    @property
    def folder(self) -> str:
        """The absolute path of Pilotage's own folder there, which may not exist yet: adapters write below it, and
        nowhere else but where the configuration says so."""

    def run(
        self,
        command: Sequence[str],
        *,
        input: bytes = b"",  # noqa: A002
        environment: Mapping[str, str] | None = None,
        cwd: str = "",
        within: float = 10.0,
        fence: Fence | None = None,
    ) -> Done:
        """Run an argument list to its end; no shell reads it.

        environment: variables next to what the host gives every program; they are in no argument list there ·
        cwd: the host's own default if empty · within: seconds, after which it is killed · fence: look at the host's
        own fence in the same step, and leave this one there.
        Effect: what the command does. A call that raised Unreachable may have done it, so commands are idempotent.
        Errors: Unreachable. AdapterError if it did not end in time. Fenced.
        A program that does not exist ends with status 127, one that may not be executed with 126.
        """

    def follow(
        self,
        command: Sequence[str],
        *,
        out: Sink,
        err: Sink,
        environment: Mapping[str, str] | None = None,
        cwd: str = "",
        within: float = 10.0,
        fence: Fence | None = None,
    ) -> int:
        """As `run`, for a person who waits: hands over what the command writes as it comes, and returns its exit
        status. If the caller is interrupted, or the connection ends, the command is killed."""

    def read(self, path: str, most: int = 1_000_000) -> bytes | None:
        """The content of a file; None if there is none. Errors: Unreachable; AdapterError if it cannot be read, or is
        larger than `most` bytes."""

    def write(self, path: str, content: bytes, *, mode: int = 0o600, fence: Fence | None = None) -> None:
        """Replace the file's content atomically: written beside, then renamed. Missing folders are made, for its user
        alone. A file that is there keeps its mode. Errors: Unreachable, AdapterError, Fenced."""

    def send(self, source: Path, path: str, *, within: float, fence: Fence | None = None) -> None:
        """Put a copy of a large file there, as `write` does; the copy that another try left unfinished is not in the
        way. Errors: Unreachable, AdapterError, Fenced."""


def said_of(host: str, error: AdapterError) -> str:
    """The error with the name of its host."""
    said = str(error)
    return said if not host or host in said else f"{host}: {said}"
