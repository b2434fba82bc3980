"""A page in a git repository: one commit on the newest state of a branch, pushed, without a work tree.

Nothing of the repository is checked out, so none of its filters and hooks run. A push that another one overtook is
refused by the remote, and the next try begins with the new state.
"""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from pilotage.adapters.outgoing import Undelivered, checked
from pilotage.model.message import Message
from pilotage.model.text import line

_WHOLE = 20.0
"""Seconds for one command of git."""
_SAFE = (
    "core.hooksPath=/dev/null", "http.followRedirects=false", "protocol.ext.allow=never", "commit.gpgsign=false",
    "gc.auto=0",
)  # fmt: skip
_ABSENT = "couldn't find remote ref"
_HOPELESS = ("authentication failed", "permission denied", "not found", "does not exist", "does not appear to be")


@dataclass(frozen=True, kw_only=True)
class Remote:
    """author: mail address of the commit's author · token: password of an https address, empty for none · private:
    whether its host may be in a private network."""

    address: str
    branch: str
    author: str
    token: str = field(default="", repr=False)
    private: bool = False


def push_page(remote: Remote, path: str, page: bytes, message: Message) -> str:
    """Commit the page and push it. Returns the commit that has it, an earlier one if nothing changed. Raises
    Undelivered."""
    _check_host(remote)
    with TemporaryDirectory(prefix="pilotage-page-") as folder:
        git = _Git(Path(folder), remote)
        git.run("init", "-q", "--bare")
        before = git.newest()
        blob = git.run("hash-object", "-w", "--stdin", given=page)
        if before:
            if blob in git.run("ls-tree", before, "--", path).split():
                return before
            git.run("read-tree", before)
        git.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        parents = ("-p", before) if before else ()
        said = f"{line(message.title, 200)}\n\n{line(message.key, 300)}\n".encode()
        commit = git.run("commit-tree", git.run("write-tree"), *parents, given=said, at=message.at)
        git.run("push", "-q", "--", remote.address, f"{commit}:refs/heads/{remote.branch}")
        return commit


class _Git:
    """A repository of its own for one commit."""

    def __init__(self, folder: Path, remote: Remote) -> None:
        self._folder, self._remote = folder, remote

    def newest(self) -> str:
        """The remote's branch, fetched; empty where it does not exist yet."""
        try:
            self.run("fetch", "-q", "--depth=1", "--no-tags", "--", self._remote.address, self._remote.branch)
        except Undelivered as error:
            if _ABSENT in str(error):
                return ""
            raise
        return self.run("rev-parse", "FETCH_HEAD")

    def run(self, *arguments: str, given: bytes | None = None, at: float | None = None) -> str:
        """What git prints. at: Unix seconds of a commit. Raises Undelivered, without the address."""
        settings = [part for one in _SAFE for part in ("-c", one)]
        try:
            done = subprocess.run(
                ["git", *settings, *arguments], cwd=self._folder, env=self._environment(at), input=given or b"",
                capture_output=True, check=False, timeout=_WHOLE,
            )  # fmt: skip
        except FileNotFoundError:
            raise Undelivered("git is not on PATH: install it") from None
        except subprocess.TimeoutExpired:
            raise Undelivered(f"git {arguments[0]} took longer than {_WHOLE:g} s") from None
        if done.returncode:
            raise self._failed(arguments[0], done.stderr.decode(errors="replace"))
        return done.stdout.decode(errors="replace").strip()

    def _failed(self, command: str, words: str) -> Undelivered:
        said = next((one for one in words.splitlines() if one.startswith(("fatal:", "error:", " !"))), words)
        shown = line(said.replace(self._remote.address, "the repository"), 200)
        permanent = any(one in words.lower() for one in _HOPELESS)
        return Undelivered(f"git {command}: {shown}", permanent=permanent)

    def _environment(self, at: float | None) -> Mapping[str, str]:
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "Pilotage"), ("EMAIL", self._remote.author))
        }
        when = datetime.fromtimestamp(at or 0.0, UTC).isoformat(timespec="seconds")
        found = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            **who, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
            "GIT_DIR": str(self._folder), "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=10",
        }  # fmt: skip
        if self._remote.token and self._remote.address.startswith("https://"):
            # In the environment, because other users of this machine see arguments.
            basic = base64.b64encode(f"pilotage:{self._remote.token}".encode()).decode()
            found |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "http.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
            }
        return found


def _check_host(remote: Remote) -> None:
    """A host of the network is held to the rule for all addresses. Raises Undelivered."""
    address = remote.address
    if address.startswith(("/", "file://")):
        return
    parts = urlsplit(address if "://" in address else f"ssh://{address.replace(':', '/', 1)}")
    if parts.scheme not in ("https", "ssh") or not parts.hostname:
        raise Undelivered("its repository is neither a path nor an address of https or ssh", permanent=True)
    checked(parts.hostname, parts.port or (443 if parts.scheme == "https" else 22), private=remote.private)
