"""Places of pages: a server that takes HTTP PUT, a folder, a bare git repository. Each shows what a reader finds."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..receivers import Answer, Receiver, bad

BEARER = "token-of-the-pages"


class Pages(Receiver):
    """A server that keeps what is PUT under its path, for a token (RFC 9110, 9.3.4)."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if headers[":method"] != "PUT" or headers.get("Authorization") != f"Bearer {BEARER}":
            return 401, {}, b"no"
        if headers.get("Content-Type") != "text/markdown; charset=utf-8":
            return bad("not Markdown")
        known = path in self.files
        self.files[path] = body
        return (204 if known else 201), {}, b""

    def told(self) -> list[str]:
        return [key for page in self.files.values() for key in keys_of(page.decode())]

    def shown(self) -> str:
        return "\n".join(page.decode() for page in self.files.values())


class Folder(Receiver):
    """Files below a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def told(self) -> list[str]:
        return keys_of(self.shown())

    def shown(self) -> str:
        return "\n".join(one.read_text() for one in sorted(self.folder.rglob("*.*")) if one.is_file())


class Repository(Receiver):
    """A bare repository, read by another clone."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        git("init", "-q", "--bare", "-b", "main", str(folder))

    def told(self) -> list[str]:
        return keys_of(self.shown())

    def shown(self) -> str:
        if not git("branch", "--list", "main", folder=self.folder):
            return ""
        names = git("ls-tree", "-r", "--name-only", "main", folder=self.folder).splitlines()
        return "\n".join(git("show", f"main:{name}", folder=self.folder) for name in names)

    def refuse_next(self, permanent: bool) -> None:
        """A hook that turns one push away."""
        assert not permanent
        hook = self.folder / "hooks" / "pre-receive"
        hook.write_text('#!/bin/sh\nrm "$0"\nexit 1\n')
        hook.chmod(0o755)


def git(*arguments: Any, folder: Path | None = None) -> str:
    place = ["-C", str(folder)] if folder else []
    return subprocess.run(["git", *place, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def keys_of(text: str) -> list[str]:
    """The messages that pages and feeds name."""
    return [one or other for one, other in re.findall(r'<!-- (\S+) -->|"id": "([^"]+)"', text)]
