"""How the versions of a service are named in its repository."""

from __future__ import annotations

import re

_COMMIT = re.compile(r"[0-9a-f]{7,40}")


def names_of(version: str, prefix: str) -> tuple[str, ...]:
    """How a version may be named, the likeliest first. With a prefix, a tag without it is another service's."""
    if not version:
        return ()
    if not prefix:
        return (f"refs/tags/{version}", f"refs/tags/v{version}", version)
    whole = version if version.startswith(prefix) else f"{prefix}{version}"
    return (f"refs/tags/{whole}", f"refs/heads/{version}", *([version] if _COMMIT.fullmatch(version) else []))
