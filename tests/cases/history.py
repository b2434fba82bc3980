"""A small repository that a case builds, and what `pilotage notes` says of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from click.testing import CliRunner

from pilotage.cli.main import cli

BEGIN = 1_700_000_000


class History:
    """A repository with commits an hour apart."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self._at = folder, BEGIN
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, name: str = "Ada", email: str = "ada@x") -> str:
        when = f"{self._at} +0000"
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", name), ("EMAIL", email), ("DATE", when))}  # fmt: skip
        settings = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env={**os.environ, **who, **settings}, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, message: str, path: str = "", name: str = "Ada", email: str = "ada@x", tag: str = "") -> str:
        """Commit a change to `path`. Returns the commit's id."""
        self._at += 3600
        file = self.folder / (path or f"src/a{self._at}.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(self._at))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, name=name, email=email)
        if tag:
            self.git("tag", tag)
        return self.git("rev-parse", "HEAD")

    def merged(self, message: str, *commits: tuple[str, str]) -> None:
        """Commit (message, path) pairs on a branch and merge it, as a forge does."""
        self.git("checkout", "-q", "-b", "topic")
        for said, path in commits:
            self.commit(said, path)
        self.git("checkout", "-q", "main")
        self._at += 3600
        self.git("merge", "-q", "--no-ff", "-m", message, "topic")
        self.git("branch", "-q", "-D", "topic")

    def notes(self, *arguments: str, expect: int = 0) -> str:
        return self.run("notes", "--repository", str(self.folder), *arguments, expect=expect)

    def run(self, *arguments: str, expect: int = 0) -> str:
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == expect, (done.output, done.exception)
        return done.stdout if expect == 0 else done.output

    def next_version(self, *arguments: str) -> str:
        return self.notes("--next-version", *arguments).strip()
