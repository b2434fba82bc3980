"""Durations and shares as people write them: `4h`, `1h30m`, `500ms`, `0.1%`."""

from __future__ import annotations

import math
import re
from functools import lru_cache

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:([0-9]+(?:\.[0-9]+)?)(ms|d|h|m|s))+")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|d|h|m|s)")
_LONGEST = 100
"""Characters of a duration or a share."""
_SPACED = re.compile(r"(?<=[0-9])[ \N{NO-BREAK SPACE}]%")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")
_PLAIN = re.compile(r"(?:0|1|0?\.[0-9]+|[01]\.[0-9]*)")


def parse_duration(text: object) -> int | float:
    """Seconds (whole ones as int) of `1h30m`, `250ms` …; a bare number is seconds. Raises ValueError for anything
    else that a file may hold."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text)
    elif isinstance(text, str) and len(text) <= _LONGEST and _DURATION.fullmatch(text.strip()):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    else:
        raise ValueError(f"{text!r} is not a duration such as 30s, 4h or 1h30m")
    if not 0 <= seconds < 10 * 365 * 86400:
        raise ValueError(f"{text!r} is not a duration between 0 and 10 years")
    return int(seconds) if seconds.is_integer() else seconds


@lru_cache(maxsize=1024)
def format_duration(seconds: float) -> str:
    """The shortest exact form: 90 → `1m30s`, 0.25 → `250ms`."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return "0s"
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def about(seconds: float) -> str:
    """A measured time to the two units that matter: 4521 → `1h15m`, 12.34 → `12.3s`, 0.04 → `40ms`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + "s"
    size = 60 if seconds < 86400 else 3600
    return format_duration(round(seconds) if seconds < 3600 else round(seconds / size) * size)


_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip


def parse_size(text: object) -> int:
    """Bytes of `64MiB`, `1.5 GB` …; a bare number is bytes. Raises ValueError for anything else that a file may
    hold."""
    if isinstance(text, int) and not isinstance(text, bool):
        found: float = text
    elif isinstance(text, str) and len(text) <= _LONGEST and (match := _SIZE.fullmatch(text.strip())):
        found = float(match[1]) * _BYTES[match[2]]
    else:
        raise ValueError(f"{text!r} is not a size such as 64MiB or 1GB")
    if not 0 <= found < 2**60:
        raise ValueError(f"{text!r} is not a size between 0 and 1 EiB")
    return round(found)


def format_size(size: float) -> str:
    """1500000 → `1.5 MB`."""
    for unit in ("TB", "GB", "MB", "kB"):
        if size >= _BYTES[unit]:
            return f"{size / _BYTES[unit]:.3g} {unit}"
    return f"{size:.0f} B"


def _is_plain(text: str) -> bool:
    return len(text) <= _LONGEST and _PLAIN.fullmatch(text.strip()) is not None


def parse_share(text: object) -> int | float:
    """A share in 0…1, the ends as int, from `5%`, `0.1 %` or a plain number in 0…1, also written as text. Raises
    ValueError for anything else that a file may hold."""
    if isinstance(text, str) and len(text) <= _LONGEST and (percent := _PERCENT.fullmatch(text.strip())):
        share = float(percent[1]) / 100
    elif (isinstance(text, int | float) and not isinstance(text, bool)) or (isinstance(text, str) and _is_plain(text)):
        share = float(text)
    else:
        raise ValueError(f"{text!r} is not a share such as 5% or 0.05")
    if isinstance(text, int | float) and 1 < share <= 100:
        raise ValueError(f"{text!r} is more than the whole: write {text:g}%")
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is not between 0% and 100%")
    return int(share) if share.is_integer() else share


def format_share(share: float) -> str:
    """0.001 → `0.1%`. At most four significant digits."""
    return f"{share * 100:.4g}%"


def spoken_share(share: float) -> str:
    """As prose writes it, on one line: 0.001 → `0.1 %`."""
    return f"{format_share(share)[:-1]}\N{NO-BREAK SPACE}%"


def close_shares(sentence: str) -> str:
    """As terminals show it, where `5 %` stands beside weights such as `5%`."""
    return _SPACED.sub("%", sentence) if "%" in sentence else sentence


def percent_of(share: float) -> int | float:
    """0.001 → 0.1, as JSON speaks: without what binary fractions add, whole numbers without a fraction."""
    found = round(share * 100, 10)
    return int(found) if found == int(found) else found


def share_of_percent(percent: float) -> int | float:
    """The way back: 0.1 → 0.001, the number that a person would write."""
    share = round(percent / 100, 12)
    return int(share) if share in (0, 1) else share


def portion_of(portion: str, instances: int) -> int:
    """How many of `instances` a portion means; a share is rounded down."""
    return math.floor(parse_share(portion) * instances + 1e-9) if portion.endswith("%") else int(portion)
