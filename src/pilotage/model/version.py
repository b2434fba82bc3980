"""Names of versions. They become arguments of commands, names of files and values of headers."""

from __future__ import annotations

import re

from pilotage.model.errors import Invalid

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}")
_MOVING = ("latest", "newest", "current", "head")


class BadVersionName(Invalid):
    """This is not the name of a version. The message says what is."""


def check_version(name: str) -> None:
    """Raises BadVersionName for what is no name of one version."""
    if name.lower() in _MOVING:
        raise BadVersionName(f"{name!r} means another version from day to day: name the version itself, such as 2.4.0")
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= 60 else f"{name[:60]}…"
        raise BadVersionName(
            f"{shown!r} is no version: use letters, digits and . _ + ~ - (at most 128, beginning with a letter or a "
            "digit), such as 2.4.0, v2.4.0-rc.1 or 3f2a91c"
        )
