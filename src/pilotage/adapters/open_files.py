"""How many files a router may have open: two for each connection of a user."""

from __future__ import annotations

import contextlib
import resource


def most_open_files() -> int:
    """As many as the system lets a process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if most == resource.RLIM_INFINITY else most


def allow_open_files(pid: int | None) -> None:
    """Let a process have as many as the system lets it; by default it gets far fewer."""
    if pid is not None and hasattr(resource, "prlimit"):
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (most_open_files(), most_open_files()))
