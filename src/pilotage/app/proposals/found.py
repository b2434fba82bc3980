"""One instance's start as `pilotage.yaml` writes it, and where it was read."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RELEASES = "releases/{version}"
"""Where versions are, by the convention of Capistrano and its successors, unless the folder has another."""

LONGEST_FILE = 200_000
LONGEST_LINE = 400
"""Characters of a file, and of a line of it, in which something is looked for."""
_SHELL = re.compile(r"[|&;<>`]|\$\(|^\w+=")
_PORT = re.compile(r"\$\{?PORT\b(?::-?[^}]*)?\}?|%PORT%")
_NUMBER = re.compile(r"^(?P<before>(?:.*[:=])?)(?P<port>[1-9]\d{1,4})$")
_PORT_FLAGS = ("--port", "-p", "--bind", "-b", "--listen", "-l", "--addr", "--address", "-addr", "-port", "-listen")
_ADDS: Mapping[str, tuple[str, ...]] = {
    "gunicorn": ("--bind", "127.0.0.1:{port}"),
    "hypercorn": ("--bind", "127.0.0.1:{port}"),
    "uvicorn": ("--port", "{port}"),
    "granian": ("--port", "{port}"),
    "daphne": ("--port", "{port}"),
    "datasette": ("--port", "{port}"),
    "waitress-serve": ("--port={port}",),
    "streamlit": ("--server.port", "{port}"),
    "json-server": ("--port", "{port}"),
    "puma": ("--port", "{port}"),
    "next": ("--port", "{port}"),
}
"""The variable with a server's port, if its command does not name one."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """command: arguments with `{version}` and `{port}` · cwd, env: as of the fleet · port: where users reach it today,
    None if unknown · source, health_source: the files that say how it starts, and what its health check is; empty if
    there is none."""

    command: tuple[str, ...] = ()
    cwd: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    health: str = "/"
    port: int | None = None
    source: str = ""
    health_source: str = ""


def completed(words: Sequence[str], *, place: str = RELEASES, source: str = "") -> Proposal:
    """The proposal for a typed command: its port becomes `{port}`, as an argument or as the variable PORT; without
    `{version}` it runs in the folder of its version. place: that folder."""
    command = tuple("127.0.0.1" if word == "0.0.0.0" else word for word in _with_port(list(words)))
    env = {} if any("{port}" in word for word in command) else {"PORT": "{port}"}
    cwd = "" if any("{version}" in word for word in command) else place
    return Proposal(command=command, cwd=cwd, env=env, source=source)


def from_shell(line: str, *, place: str = RELEASES, source: str = "") -> Proposal | None:
    """The same for a shell line; None if it is not a plain command."""
    line = line[:LONGEST_LINE]
    if _SHELL.search(line):
        return Proposal(command=("sh", "-c", line), cwd=place, env={"PORT": "{port}"}, source=source)
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    return completed(words, place=place, source=source) if words else None


def _with_port(words: list[str]) -> list[str]:
    named = [_PORT.sub("{port}", word) for word in words]
    if named != words or any("{port}" in word for word in words):
        return [_at_home(word) for word in named]
    for index, word in enumerate(words):
        flag, _, _ = word.partition("=")
        after = index and words[index - 1] in _PORT_FLAGS
        if (after or (flag in _PORT_FLAGS and "=" in word)) and (found := _NUMBER.match(word)):
            return [*words[:index], _at_home(f"{found['before']}{{port}}"), *words[index + 1 :]]
    program = next((Path(word).name for word in words if Path(word).name in _ADDS), "")
    if program:
        return [*words, *_ADDS[program]]
    return _of_frameworks(words)


def _of_frameworks(words: list[str]) -> list[str]:
    """Servers that are named by a word after the program."""
    if "runserver" in words:
        kept = [word for word in words if not re.fullmatch(r"(?:[\d.]+:)?\d+", word)]
        return [*kept, *(["--noreload"] if "--noreload" not in kept else []), "127.0.0.1:{port}"]
    if "http.server" in words:
        return [*(word for word in words if not word.isdigit()), "{port}"]
    if words[:1] == ["flask"] or "flask" in words[:3]:
        return [*words, *([] if "run" in words else ["run"]), "--port", "{port}"]
    if Path(words[0]).name == "rails":
        return [*words, "--port", "{port}"]
    if words[:2] == ["php", "artisan"]:
        return [*words, "--port={port}"]
    return words


def _at_home(word: str) -> str:
    """Instances are reached on this machine alone."""
    return word.replace("0.0.0.0:{port}", "127.0.0.1:{port}").replace("[::]:{port}", "127.0.0.1:{port}")


def text_of(folder: Path, *names: str) -> tuple[str, str]:
    """The first of these files that is there, with its name; both empty where none is."""
    for name in names:
        try:
            with (folder / name).open(encoding="utf-8", errors="replace") as file:
                return file.read(LONGEST_FILE), name
        except OSError:
            continue
    return "", ""


def line_with(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first line in which the pattern is found."""
    found = (pattern.search(line[:LONGEST_LINE]) for line in text.splitlines())
    return next((one for one in found if one), None)


def is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
