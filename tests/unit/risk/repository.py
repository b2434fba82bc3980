"""A real git repository, written commit by commit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

START = 1_700_000_000
"""Tue 2023-11-14 22:13 UTC."""
DAY = 86400


class Repository:
    def __init__(self, path: Path) -> None:
        self.path, self.clock = path, START
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, author: str = "ada@example.org") -> str:
        stamp = f"{self.clock} +0000"
        environment = {
            **os.environ, "GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": author, "GIT_COMMITTER_NAME": author,
            "GIT_COMMITTER_EMAIL": author, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp,
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }  # fmt: skip
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str, files: dict[str, str | None], author: str = "ada@example.org") -> str:
        """Write files (None removes one) and commit them, a day after the commit before. Its id."""
        self.clock += DAY
        for name, text in files.items():
            place = self.path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                place.unlink()
            else:
                place.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, author=author)
        return self.git("rev-parse", "HEAD")

    def commit_many(self, commits: Sequence[tuple[str, str, str]], author: str = "ada@example.org") -> None:
        """Each a message, a path and its text, a day apart, by one process: hundreds of commits take no time."""
        lines: list[str] = []
        for number, (message, name, text) in enumerate(commits):
            self.clock += DAY
            who = f"{author} <{author}> {self.clock} +0000"
            lines += ["commit refs/heads/main", f"author {who}", f"committer {who}", _data(message)]
            lines += [] if number else [f"from {self.git('rev-parse', 'HEAD')}"]
            lines += [f"M 100644 inline {name}", _data(text)]
        subprocess.run(
            ["git", "fast-import", "--quiet"], cwd=self.path, input="\n".join([*lines, ""]), text=True, check=True
        )
        self.git("reset", "-q", "--hard")


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"
