"""Durations as prose writes them: `1 h 48 min`."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def spoken(seconds: float) -> str:
    """To the two units that matter, joined by spaces that do not break."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.0f}\N{NO-BREAK SPACE}ms"
    left, parts = round(seconds), list[str]()
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}\N{NO-BREAK SPACE}{unit}")
        if len(parts) == 2:
            break
    return "\N{NO-BREAK SPACE}".join(parts) or "0\N{NO-BREAK SPACE}s"
