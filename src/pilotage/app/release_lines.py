"""Which branches of a clone hold a release, and until when the clone knows the one that the release came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pilotage.adapters.git import Git

_FORM = "--format=%(refname) %(objectname) %(symref)"
_REMOTE = "refs/remotes/"
_USUAL = ("main", "master", "trunk")
_LOOKED_AT = 50
"""Newest commits of a line, because the clock of some may be ahead."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """own: tips of the branch that the release came from · others: of further branches that hold it, newest first ·
    seen: Unix seconds of the newest commit on its own branch, 0 where there is none · remote: the clone has one, so
    that only what was fetched counts."""

    own: tuple[str, ...]
    others: tuple[str, ...]
    seen: float
    remote: bool

    def lacks(self, until: float) -> str:
        """Why it does not tell what happened until then; empty where it does."""
        if not self.own:
            return "no fetched branch has it" if self.remote else "no branch has it"
        if self.seen >= until:
            return ""
        return f"git knows no {'fetched ' * self.remote}commit of its branch since its time was over"


def line_of(git: Git, commit: str, now: float) -> Line:
    """Where a release lies. A clone says nothing of the time after the newest commit that it has: it may be one that
    nobody updates, and what somebody committed here is not what the others did. Raises AdapterError."""
    text = git.run("for-each-ref", f"--contains={commit}", "--sort=-committerdate", _FORM, "refs/heads", _REMOTE)
    found = [(name, tip, target) for name, tip, target in (line.split(" ", 2) for line in text.splitlines())]
    remote = bool(git.run("remote").strip())
    known = [(name, tip) for name, tip, target in found if name.startswith(_REMOTE) is remote and not target]
    defaults = {target for _, _, target in found if target}
    own = (
        [tip for name, tip in known if name in defaults]
        or [tip for name, tip in known if name.rpartition("/")[2] in _USUAL]
        or [tip for _, tip in known]
    )
    others = [tip for _, tip, target in found if tip not in own and not target]
    return Line(
        own=tuple(dict.fromkeys(own)), others=tuple(dict.fromkeys(others)), seen=_seen(git, own, now), remote=remote
    )


def _seen(git: Git, tips: Sequence[str], now: float) -> float:
    if not tips:
        return 0.0
    times = map(float, git.run("log", f"-{_LOOKED_AT}", "--format=%ct", *tips, "--").split())
    # A clock that was ahead proves nothing.
    return max((at for at in times if at <= now), default=0.0)
