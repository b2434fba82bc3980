"""Names of metrics, checks, items and events as people read them: `cpu_utilization` is `CPU utilization`."""

from __future__ import annotations

import re
from collections.abc import Sequence

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


def counted(count: int, noun: str, several: str = "") -> str:
    """`1 service`, `3 services`. several: the plural, where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"


def one_of(words: Sequence[str]) -> str:
    """`deployer, approver or admin`."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def some_of(count: int, whole: int, noun: str, of: str = "") -> str:
    """With its verb: `0 of 1 instance is`, `3 of 12 instances of 2.4.0 are`."""
    return f"{count} of {counted(whole, noun)}{f' of {of}' if of else ''} {'is' if whole == 1 else 'are'}"
