"""Sections about how a program is started: as which user, within which limits, and where its log is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pilotage.config.fields import Section, Size

_UNLIMITED = "unlimited"


def _count(given: object) -> object:
    return -1 if given == _UNLIMITED else given


def _path(text: str) -> str:
    if not text or "\0" in text or "\n" in text:
        raise ValueError("not the path of a file")
    return text


def _arguments(command: Sequence[str]) -> Sequence[str]:
    if any("\0" in part for part in command):
        raise ValueError("it contains a NUL character")
    return command


Count = Annotated[int, Field(ge=-1, le=2**31 - 1), BeforeValidator(_count, json_schema_input_type=int | str)]
"""A number of things, or `unlimited`."""
Bytes = Annotated[Size | Literal[-1], BeforeValidator(_count, json_schema_input_type=int | str)]
FilePath = Annotated[str, AfterValidator(_path)]
Arguments = Annotated[list[str], Field(min_length=1), AfterValidator(_arguments)]
"""A program and its arguments. No shell reads them."""
StopSignal = Literal["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH"]


class LimitsSection(Section):
    """What one instance may use, as `setrlimit` has it."""

    open_files: Count | None = Field(None, description="Open files and sockets, or unlimited.")
    memory: Bytes | None = Field(
        None,
        description="Address space, such as 2GiB, or unlimited. Go, Java and Node reserve much more than they use.",
    )
    processes: Count | None = Field(
        None, description="Processes and threads of the user, or unlimited. Linux does not apply it to root."
    )
    core: Bytes | None = Field(None, description="Size of a core dump: 0 for none, or unlimited.")

    @property
    def given(self) -> dict[str, int]:
        """The limits that are set, in the units of `setrlimit`; -1 for none."""
        return {name: value for name, value in self if value is not None}


class LogSection(Section):
    """Where the logs of instances are, and how large they become."""

    folder: FilePath | None = Field(
        None,
        description="Folder of the logs, from this file's folder. Default: in `.pilotage/`. Pilotage writes to "
        "SERVICE-ENVIRONMENT/VERSION-NUMBER.log below it.",
    )
    max_size: Size = Field(16 << 20, ge=4096, description="Size at which a log is rotated.")
    keep: int = Field(1, ge=0, le=100, description="Rotated logs of each instance to keep.")
