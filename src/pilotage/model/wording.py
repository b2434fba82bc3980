"""Names of metrics, checks, items and events as people read them: `cpu_utilization` is `CPU utilization`."""

from __future__ import annotations

import re

_SHORT = {
    word.lower(): word for word in ("CPU", "API", "UI", "URL", "HTTP", "SQL", "SSH", "TLS", "DNS", "SLO", "SLA", "ID")
}
_BETWEEN = re.compile(r"[_\s-]+")


def called(name: str) -> str:
    """As a heading or a cell begins with it."""
    words = within(name)
    return f"{words[:1].upper()}{words[1:]}"


def within(name: str) -> str:
    """Within a sentence."""
    return " ".join(_SHORT.get(word.lower(), word) for word in _BETWEEN.split(name.strip()))
